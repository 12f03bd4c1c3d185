"""Output of the kernel selftest get-reg-list: ids without values, as the macros of its source.

`ARM64_SYS_REG(3, 0, 0, 4, 0),` for a system register, and products of KVM_REG_* macros for the others. Several
configurations (`vregs: Number registers: 268`) become several lists. A run that compares prints two blocks instead:
what the kernel lists beyond the blessed list ("new"), and what it lacks of it ("missing"); each becomes a list.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.budget import RECORDS, STEPS, VCPUS
from inspector.errors import SourceError
from inspector.registers.scanning import scan
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.sources.formats.plain_text import text_of
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted

NAME: Final = "get-reg-list"
_TITLES = (": Number registers:", ": Number blessed registers:")
_NAME_LETTERS = frozenset("+-_")
_LONGEST_NAME = 80
_LINE = re.compile(r"^[ \t]{0,80}(?:KVM_REG_ARM64 \||ARM64_SYS_REG\()", re.MULTILINE)
_BLOCK = re.compile(r"There are [0-9]{1,6} (new|missing) registers?\.")
_BLOCKS = {
    "new": "registers that this kernel lists and the test's blessed list does not have",
    "missing": "registers of the test's blessed list that this kernel does not list",
}
_VALUE = re.compile(
    r"^[ \t]{0,80}ARM64_SYS_REG\([0-9, \t]{9,60}\)[ \t]{0,80}+(?:[=:,][ \t]{0,80}+)?[0-9]", re.MULTILINE
)
"""The macro and a value behind it: lines of values, which plain text reads."""


def sniff(content: Content) -> bool:
    """A text with a line of either form, and no values."""
    text = content.head.decode("utf-8", "replace")
    return "\0" not in text and _LINE.search(text) is not None and _VALUE.search(text) is None


def load(content: Content) -> Dump:
    """One list per configuration. Raises SourceError for a macro that is not known."""
    where = content.name
    lists: dict[str, list[int]] = {}
    blocks: dict[str, str] = {}
    name, block = "", ""
    for count, line in enumerate(text_of(content).splitlines(), 1):
        content.budget.spend(STEPS, 20 + len(line))
        if title := _title(line):
            name, block = title, ""
            continue
        if kind := _BLOCK.search(line):
            block = kind[1]
            continue
        reg_id = _id(line)
        if reg_id is not None:
            content.budget.spend(RECORDS)
            label = f"{name} {block}".strip()
            if label not in lists:
                content.budget.spend(VCPUS)
            lists.setdefault(label, []).append(reg_id)
            blocks |= {label: block} if block else {}
        elif "KVM_REG_" in line or "ARM64_SYS_REG" in line:
            raise SourceError(f"line {count} names no register that is known: {line.strip()[:60]}", where)
    vcpus = tuple(
        Vcpu(
            index=i,
            name=Untrusted(name),
            kind="list",
            values={},
            constraints={reg_id: Constraint(0, 0) for reg_id in ids},
        )
        for i, (name, ids) in enumerate(lists.items())
    )
    return Dump(
        provenance=Provenance(
            source=where, format=NAME, compression=content.compression, tool=Untrusted("selftest get-reg-list")
        ),
        vcpus=vcpus,
        one_vm=False,
        notes=("a list of ids without values", *(f"{label}: {_BLOCKS[kind]}" for label, kind in blocks.items())),
    )


def _title(line: str) -> str:
    """The configuration that a list is of, as its heading says; "" for any other line."""
    before = next((start for words in _TITLES for start, found, _ in [line.partition(words)] if found), "")
    at = len(before)
    while at and len(before) - at < _LONGEST_NAME and (before[at - 1].isalnum() or before[at - 1] in _NAME_LETTERS):
        at -= 1
    return before[at:]


def _id(line: str) -> int | None:
    """The id that a line stands for; None when it is none."""
    return next((found.id for found in scan(line) if found.form in ("macro", "name")), None)
