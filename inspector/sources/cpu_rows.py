"""Labels and values of lscpu and /proc/cpuinfo, as text or as lscpu's JSON, in any language.

lscpu translates its labels (`Modellname`, `Markierungen`) but never its values: where the English labels are missing, a
row is recognised by what its value is: an architecture, a core's name, a revision `r0p3`, a line of Linux's flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from inspector.registers.hwcaps import BY_NAME
from inspector.sources.flags import implementer_of_core
from inspector.sources.pasted_lines import bare

Rows = list[tuple[str, str]]
ARM = frozenset(("aarch64", "arm64", "aarch64_be", "armv8l", "8", "aarch64el"))
"""Names of the architecture; 8 is what /proc/cpuinfo prints."""
_OTHERS = re.compile(r"x86_64|i[3-6]86|s390x?|ppc64(?:le)?|riscv[0-9]{2,3}|loongarch64|mips64(?:el)?|armv[67]l?")
_KEYS = ("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Architecture", "Features",
         "Flags", "Stepping", "Model name", "Vendor ID", "Model", "processor", "CPU(s)")  # fmt: skip
_FOLDED = {key.casefold(): key for key in _KEYS}
_ENGLISH = frozenset(("Flags", "Features", "Model name", "CPU implementer", "CPU part"))
"""Labels without which a text is not lscpu's in English, nor /proc/cpuinfo, which is never translated."""
STEPPING = re.compile(r"r([0-9]{1,2})p([0-9]{1,2})")
_FEWEST_FLAGS = 4
_LONGEST_LABEL = 80


class _Entry(msgspec.Struct):
    field: str
    data: str | None = None
    children: list[_Entry] = []


class Lscpu(msgspec.Struct):
    """`lscpu -J`: fields, and those below them."""

    lscpu: list[_Entry]


def rows_of_text(text: str) -> Rows:
    """Labels and values in their order; an indented line without a label goes on with the flags before it."""
    rows: Rows = []
    for raw in text.splitlines():
        line = bare(raw).replace("\uff1a", ":", 1)
        label, colon, value = line.partition(":")
        if colon and len(label) <= _LONGEST_LABEL:
            rows.append((label.strip(), value.strip()))
        elif not colon and rows and raw[:1].isspace() and rows[-1][1].split()[:1] in (["fp"], ["half"], ["swp"]):
            rows[-1] = rows[-1][0], f"{rows[-1][1]} {line}"
    return named(rows)


def rows_of_json(document: Lscpu) -> Rows:
    """The same of `lscpu -J`, each field before those below it."""
    return named(list(_flat(document.lscpu)))


def _flat(entries: Sequence[_Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        yield entry.field.strip().rstrip(":\uff1a").strip(), (entry.data or "").strip()
        yield from _flat(entry.children)


def named(rows: Rows) -> Rows:
    """The rows that describe a CPU, under their English labels."""
    english = [(_FOLDED.get(label.casefold(), ""), value) for label, value in rows]
    if any(label in _ENGLISH for label, _ in english):
        return [(label, value) for label, value in english if label]
    found: Rows = []
    for label, value in english:
        name = label or _label_of(value)
        if name == "Model name" and any(row == (name, value) for row in found) and found[-1][0] != "Stepping":
            # the firmware's name of the same core
            continue
        if name:
            found.append((name, value))
    return found


def _label_of(value: str) -> str:
    """The English label of a value that only one row of lscpu can have; "" for any other."""
    if value in ARM - {"8"} or _OTHERS.fullmatch(value):
        return "Architecture"
    if STEPPING.fullmatch(value):
        return "Stepping"
    words = value.split()
    if len(words) >= _FEWEST_FLAGS and all(word in BY_NAME for word in words):
        return "Flags"
    return "Model name" if len(value) <= _LONGEST_LABEL and implementer_of_core(value) is not None else ""


def translated(text: str) -> bool:
    """Whether a text can be lscpu's in another language: its values, never its labels, say so."""
    if "hwcap" in text.casefold() or "_EL" in text:
        return False
    rows = rows_of_text(text)
    found = {label for label, _ in rows}
    foreign = any(label == "Architecture" and value not in ARM for label, value in rows)
    if foreign:
        return "CPU(s)" in found
    return "Flags" in found or {"Model name", "Stepping"} <= found
