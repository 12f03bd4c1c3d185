"""ArmCpuInfo (a UEFI program) and tables like its own: rows of a register, a field's bits and its value.

`ID_AA64ISAR0 | AES | 7:4 | 0010 | FEAT_AES and FEAT_PMULL implemented.` gives four bits of one register; whole values
(`ID_AA64PFR0_EL1 = 0x...`) may stand beside the table. Columns are parted by `|` or blanks; values are binary of the
field's width, or hex with 0x.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.errors import RegisterError, SourceError
from inspector.registers.bits import mask_of
from inspector.registers.catalog import find
from inspector.sources.dump import Dump, Provenance
from inspector.sources.formats.plain_text import gather, text_of
from inspector.sources.gathered import Gathered, make_dump
from inspector.sources.opening import Content
from inspector.sources.pasted_lines import bare, is_padded_hex
from inspector.untrusted import Untrusted

NAME: Final = "arm-cpu-info"
_BITS = re.compile(r"\[?([0-9]{1,2}):([0-9]{1,2})\]?")
_VALUE = re.compile(r"(?:0b)?([01]{1,16})|0x([0-9a-fA-F]{1,8})")
_INFERRED = (
    "taken for a host's raw values, as UEFI programs read the registers themselves; in a VM they are the guest's: "
    "--as guest"
)


def sniff(content: Content) -> bool:
    """A row of such a table is among the first lines."""
    if b"\0" in content.head or b":" not in content.head:
        return False
    lines = content.head.decode("utf-8", "replace").splitlines()[:1000]
    return any(_row(bare(line)) is not None for line in lines if len(line) < 400)


def load(content: Content) -> Dump:
    """The fields of the table and the whole values. Raises SourceError for a text that is too long."""
    gathered = Gathered(content.name, content.budget)
    others: list[str] = []
    for count, line in enumerate(text_of(content).splitlines(), 1):
        row = _row(bare(line)) if len(line) < 400 else None
        others.append("" if row else line)
        if row:
            reg_id, value, mask = row
            problem = gathered.add(None, reg_id, value, f"{content.name}, line {count}", mask)
            if problem:
                gathered.leave_out(count, line, problem)
    header = gather(gathered, others, any(is_padded_hex(line) for line in others if line))
    _agree(gathered)
    view = content.declared or header
    provenance = Provenance(
        source=content.name, format=NAME, compression=content.compression, tool=Untrusted("ArmCpuInfo")
    )
    return make_dump(gathered, view or "host", provenance, () if view else (_INFERRED,))


def _row(line: str) -> tuple[int, int, int] | None:
    """The register, the field's value and mask in place; None for a line that is no row."""
    cells = [cell.strip() for cell in (line.split("|") if "|" in line else line.split())]
    cells = [cell for cell in cells if cell]
    for place, cell in enumerate(cells[1:4], 1):
        bits = _BITS.fullmatch(cell)
        value = _VALUE.fullmatch(cells[place + 1]) if bits and place + 1 < len(cells) else None
        if bits and value:
            msb, lsb = int(bits[1]), int(bits[2])
            if value[1] and value[2] is None and not cells[place + 1].startswith("0b") and len(value[1]) <= msb - lsb:
                # digits of the field's width: fewer are a line that was cut off
                return None
            number = int(value[1], 2) if value[1] else int(value[2], 16)
            reg_id = _register(cells[0]) if lsb <= msb < 64 else None
            fits = reg_id is not None and number >> (msb - lsb + 1) == 0
            return (reg_id, number << lsb, mask_of(msb, lsb)) if reg_id is not None and fits else None
    return None


def _register(text: str) -> int | None:
    """The AArch64 register that a table names, in full or as `MMFR0`."""
    for name in (text, f"ID_AA64{text}_EL1", f"{text}_EL1"):
        try:
            found = find(name)
        except RegisterError:
            continue
        if found.field is None:
            return found.register.id
    return None


def _agree(gathered: Gathered) -> None:
    """Raises SourceError where a row of the table contradicts the whole value of its register."""
    for reg_id, part in gathered.parts.get(None, {}).items():
        for values in gathered.sections.values():
            if reg_id in values and (values[reg_id] ^ part.value) & part.mask:
                raise SourceError("a table row contradicts a register's value", gathered.where, "is it of one machine?")
