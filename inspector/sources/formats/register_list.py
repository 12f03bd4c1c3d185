"""Output of the kernel selftest get-reg-list: ids without values, as the macros of its source.

`ARM64_SYS_REG(3, 0, 0, 4, 0),` for a system register, and products of KVM_REG_* macros for the others. Several
configurations (`vregs: Number registers: 268`) become several lists.
"""

from __future__ import annotations

import re

from inspector.errors import SourceError
from inspector.registers.scanning import scan
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.sources.opening import Content

NAME = "get-reg-list"
_TITLE = re.compile(r"(?<![\w+-])([\w+-]{1,80}): Number (?:blessed )?registers:")
_LINE = re.compile(r"^[ \t]*(?:KVM_REG_ARM64 \||ARM64_SYS_REG\()", re.MULTILINE)
_VALUE = re.compile(r"^[ \t]*ARM64_SYS_REG\([\d, \t]{9,60}\)[ \t]*[=:,]?[ \t]*\d", re.MULTILINE)
"""The macro and a value behind it: lines of values, which plain text reads."""


def sniff(content: Content) -> bool:
    """A text with a line of either form, and no values."""
    text = content.head.decode("utf-8", "replace")
    return "\0" not in text and _LINE.search(text) is not None and _VALUE.search(text) is None


def load(content: Content) -> Dump:
    """One list per configuration. Raises SourceError for a macro that is not known."""
    where = content.name
    lists: dict[str, list[int]] = {}
    name = ""
    for count, line in enumerate(content.whole().decode("utf-8", "replace").splitlines(), 1):
        if title := _TITLE.search(line):
            name = title[1]
            continue
        reg_id = _id(line)
        if reg_id is not None:
            lists.setdefault(name, []).append(reg_id)
        elif "KVM_REG_" in line or "ARM64_SYS_REG" in line:
            raise SourceError(f"line {count} names no register that is known: {line.strip()[:60]}", where)
    vcpus = tuple(
        Vcpu(index=i, name=name, kind="list", values={}, constraints={reg_id: Constraint(0, 0) for reg_id in ids})
        for i, (name, ids) in enumerate(lists.items())
    )
    return Dump(
        provenance=Provenance(source=where, format=NAME, compression=content.compression, tool="selftest get-reg-list"),
        vcpus=vcpus,
        one_vm=False,
        notes=("a list of ids without values",),
    )


def _id(line: str) -> int | None:
    """The id that a line stands for; None when it is none."""
    return next((found.id for found in scan(line) if found.form in ("macro", "name")), None)
