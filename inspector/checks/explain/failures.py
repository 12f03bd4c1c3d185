"""Failures that are no register's: what QEMU, libvirt and the kernel print when something else stops a VM.

The rows stand in `failure_rows/*.toml`, in the order in which they are looked for. Of a row,

* `line` is what is printed, a regular expression in which white space does not matter (it is searched in text without
  any) and `{name:kind}` is what the text names: a kind of _KINDS, or an expression of its own. Either is one word,
  without a blank in it, but for `words`, `quoted` and expressions with a blank; what is named last ends with its line;
* `anchor` is one of the parts, divided by `|`, that a text must have for the row to be looked for at all; without it
  that is what `line` begins with, up to the first sign of an expression;
* `says` and `do` are the headline and what to do; `{name}` is what the text named, `= KEY` a step of `steps.toml`;
* `step`, `program` and `weight` are the Insight's: qemu and decisive where they are not given;
* `program = "kernel"` is a kernel's line: the rest of the text says whether the host's or a guest's, where it does;
  `says_host`, `do_host`, `says_guest` and `do_guest` are what to say then;
* `common` lines are any program's: they count where something else in the text shows a virtual machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice

import msgspec

from inspector.checks.explain.clues import ERROR_WORDS
from inspector.checks.explain.evidence import DECISIVE, GENERIC, REMARK, TELLING, Insight, Step
from inspector.checks.explain.kernel_texts import kernel_of_log
from inspector.checks.explain.text import Pasted
from inspector.readable import readable
from inspector.shipped import own_text

_FILES = ("load", "start", "vmms", "libvirt", "host")
_KERNEL = "kernel"
_MOST = 8
"""Places of one row that are looked at: all say the same."""
_WEIGHTS = {"decisive": DECISIVE, "telling": TELLING, "generic": GENERIC, "remark": REMARK}
_KINDS = {
    "name": r"(?P<{}>[\w:.,/@+-]{{1,120}}?)",
    "device": r"(?P<{}>[\w:./@-]{{1,80}}?)",
    "quoted": r"(?P<{}>[^']{{1,80}})",
    "hex": r"(?P<{}>[0-9a-f]{{1,20}})",
    "number": r"(?P<{}>\d{{1,10}})",
    "words": r"(?P<{}>" + "|".join(word.replace(" ", "") for word in ERROR_WORDS) + r"|[A-Za-z/]{{3,40}})",
}
_ERRNOS = frozenset(word.replace(" ", "").lower() for word in ERROR_WORDS)
"""What is one of these goes on in the next line where a mail program broke it."""
_SPOKEN = ("quoted", "words")
_NUMBERS = ("hex", "number")
_NAMED = re.compile(r"\{([a-z]+):((?:[^{}]|\{[^{}]{0,9}\})*)\}")
_SIGN = re.compile(r"[\\\[\](){}?*+.|]")
_SPACE = re.compile(r"\s+")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family of lines, as its file has it."""

    step: Step
    line: str
    says: str
    do: tuple[str, ...] = ()
    anchor: str = ""
    program: str = "qemu"
    weight: str = "decisive"
    common: bool = False
    says_host: str = ""
    do_host: tuple[str, ...] = ()
    says_guest: str = ""
    do_guest: tuple[str, ...] = ()

    def told_by(self, program: str) -> Row:
        """A kernel's row as the kernel of `program` means it: `host`, `guest`, or another word where that is open."""
        says = {"host": self.says_host, "guest": self.says_guest}.get(program) or self.says
        do = {"host": self.do_host, "guest": self.do_guest}.get(program) or self.do
        return msgspec.structs.replace(self, program=program, says=says, do=do)

    @property
    def pattern(self) -> str:
        """The expression that is searched."""
        return _NAMED.sub(_group, _SPACE.sub("", self.line))

    @property
    def kinds(self) -> dict[str, str]:
        """What each group is: a kind of _KINDS, `word` or `words`."""
        return {
            name: kind if kind in _KINDS else "words" if " " in kind else "word"
            for name, kind in _NAMED.findall(self.line)
        }

    @property
    def anchors(self) -> tuple[str, ...]:
        """Parts of which the text has one, small and without white space."""
        return tuple(_SPACE.sub("", self.anchor or _SIGN.split(self.line, 1)[0]).lower().split("|"))


def _group(found: re.Match[str]) -> str:
    name, kind = found.groups()
    return _KINDS.get(kind, "(?P<{}>" + kind.replace("{", "{{").replace("}", "}}") + ")").format(name)


@cache
def rows() -> dict[str, Row]:
    """Every row by its key."""
    import tomllib  # takes 5 ms to load

    shared = {f"= {key}": step for key, step in tomllib.loads(_text("steps")).items()}
    found = {key: row for name in _FILES for key, row in tomllib.loads(_text(name)).items()}
    for row in found.values():
        for name in ("do", "do_host", "do_guest"):
            row[name] = [shared.get(step, step) for step in row.get(name, ())]
    return msgspec.convert(found, readable(dict[str, Row]))


@cache
def _looked_for() -> tuple[tuple[str, Row, tuple[str, ...]], ...]:
    return tuple((key, row, row.anchors) for key, row in rows().items())


def _text(name: str) -> str:
    return own_text("checks", "explain", "failure_rows", f"{name}.toml")


@cache
def compiled(row: Row) -> re.Pattern[str]:
    """The row's expression, for text without white space."""
    return re.compile(row.pattern, re.IGNORECASE)


def find_failures(pasted: Pasted) -> Iterator[Insight]:
    """Every row of the tables that the text holds, at each place."""
    folded = pasted.squeezed.lower()
    of_a_vm: bool | None = None
    kernel = ""
    for key, row, anchors in _looked_for():
        if any(part in folded for part in anchors):
            if row.common:
                of_a_vm = _speaks_of_a_vm(pasted) if of_a_vm is None else of_a_vm
                if not of_a_vm:
                    continue
            if row.program == _KERNEL:
                kernel = kernel or kernel_of_log(pasted)
                row = row.told_by(kernel)
            for found in islice(compiled(row).finditer(pasted.squeezed), _MOST):
                cut = row.line[-1].isdigit() and pasted.splits_number(found.end())
                named = None if cut else _named(row, found, pasted)
                if named is not None:
                    yield _insight(key, row, found, named, pasted)


_OF_A_VM = re.compile(
    r"qemu|kvm|libvirt|virsh|virt-|\bvirt\b|migrat|vcpu|\bVMI?s?\b|virtual machine|hypervisor|firecracker|crosvm"
    r"|proxmox|\bQMP\b|loadvm|savevm|incoming|nova\.|postcopy|snapshot state"
    r"|(?:Requested operation is not valid|internal error|operation (?:failed|aborted)|unsupported configuration):",
    re.IGNORECASE,
)
"""Words about virtual machines, and what libvirt begins its errors with"""


def _speaks_of_a_vm(pasted: Pasted) -> bool:
    return any(_OF_A_VM.search(line) for line in pasted.lines)


def _named(row: Row, found: re.Match[str], pasted: Pasted) -> dict[str, str] | None:
    """What the text names, by group; None where words stand in the place of one word."""
    named = {}
    for name, kind in row.kinds.items():
        start, end = found.span(name)
        if end == found.end() and found[name].lower() not in _ERRNOS:
            end = pasted.end_of_number(start, end) if kind in _NUMBERS else pasted.end_of_line(start, end)
        if kind not in _SPOKEN and pasted.is_split(start, end):
            return None
        named[name] = pasted.excerpt(start, end) if start >= 0 else ""
    return named


def _insight(key: str, row: Row, found: re.Match[str], named: Mapping[str, str], pasted: Pasted) -> Insight:
    return Insight(
        key=key,
        program=row.program,
        step=row.step,
        weight=_WEIGHTS[row.weight],
        headline=row.says.format(**named),
        do=tuple(step.format(**named) for step in row.do),
        text=pasted.excerpt(found.start(), found.end()),
        at=found.start(),
    )
