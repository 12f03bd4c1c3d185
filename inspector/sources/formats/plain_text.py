"""Plain text: a register and its value per line, in any spelling, and KVM's debugfs file `idregs`.

`0x603000000013c020 0x1101000021111112`, `ID_AA64PFR0_EL1=0x...`, `NAME: value`, `NAME value`; numbers are `0x` hex,
`0b` binary or decimal; `#`, `//` and `;` begin a comment. `vcpu 1:` begins the next vCPU. A file of registers alone,
without values, is a list. In `idregs` (since Linux 6.9) every value is 16 hex digits without `0x`; a file with one
value of that width that begins with 0 or holds a letter has its other values of that width in hex too.
"""

from __future__ import annotations

import re
import string

import msgspec

from inspector.errors import RegisterError, SourceError
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.sources.inferred import infer_setup
from inspector.sources.jsontext import check_id, check_value, number
from inspector.sources.opening import Content

NAME = "plain-text"
_COMMENT = re.compile(r"#|//|;")
_WORD = string.ascii_letters + string.digits + "_"
_QUOTES = "\"'` \t"
_PADDED = re.compile(r"[0-9a-fA-F]{16}")
_HEX_PAIR = re.compile(r"(0x[0-9a-fA-F]{1,16})[ \t=:,]+(0x[0-9a-fA-F]{1,512})")
_IDREGS = re.compile(r"\s*([A-Za-z]\w+):\s+([0-9a-f]{16})\s*")
_HEADING = re.compile(r"\[?vcpu ?(\d{1,4})\]?:?", re.IGNORECASE)
_NUMERIC_NAME = re.compile(r"[Ss](\d)_(\d)_(\d{1,2})_(\d{1,2})_(\d)")
_ID = re.compile(r"0x[0-9a-fA-F]{1,16}|\d{17,20}")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = bytes(b for b in range(32) if b < 9 or b > 13)
_LONGEST = 4 << 20
_VALID = "each line is a register and its value, e.g. ID_AA64PFR0_EL1=0x1101000021111112"


class _Section(msgspec.Struct):
    index: int
    values: dict[int, int] = {}
    bare: dict[int, int] = {}
    """ids without a value -> line"""


def sniff(content: Content) -> bool:
    """Text, not bytes; the last format to be asked."""
    sample = content.head[:4096]
    if content.head[:2] in _UTF16:
        return True
    return b"\0" not in content.head and (len(sample) - len(sample.translate(None, _CONTROLS))) * 20 < len(sample)


def load(content: Content) -> Dump:
    """The dump. Raises SourceError, naming the line, for whatever is no register or no value."""
    where = content.name
    if content.head.lstrip()[:1] in (b"{", b"["):
        raise SourceError(
            "is JSON of a kind that is not known",
            where,
            "known: Firecracker, analyze-migration, Cloud Hypervisor, crosvm, own dumps, recordings",
        )
    if len(content.whole()) > _LONGEST:
        raise SourceError(f"is longer than {_LONGEST >> 20} MiB, too long for lines of registers", where, _VALID)
    try:
        text = content.whole().decode("utf-16" if content.head[:2] in _UTF16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"is neither a known format nor UTF-8 text ({error.reason})", where, _VALID) from None
    numbered = enumerate(text.splitlines(), 1)
    lines = [(count, line) for count, raw in numbered if (line := _COMMENT.split(raw, maxsplit=1)[0].strip())]
    idregs = bool(lines) and all(_IDREGS.fullmatch(line) for _, line in lines)
    sections = _sections(lines, idregs or any(_is_padded_hex(line) for _, line in lines), where)
    if not any(section.values or section.bare for section in sections):
        raise SourceError("holds no register", where, _VALID)
    provenance = Provenance(
        source=where,
        format=NAME,
        compression=content.compression,
        tool="KVM debugfs idregs" if idregs else "",
    )
    notes = ("idregs holds the VM's feature ID registers only: no MPIDR_EL1, no CCSIDR, no state",) if idregs else ()
    return Dump(provenance=provenance, vcpus=tuple(_vcpu(section, where) for section in sections), notes=notes)


def _is_padded_hex(line: str) -> bool:
    """Does the line end in 16 hex digits that cannot be a decimal number as people write it?"""
    value = line[-16:]
    return (
        _PADDED.fullmatch(value) is not None
        and (value[0] == "0" or not value.isdigit())
        and (pair := _pair(line)) is not None
        and pair[1] == value
    )


def _pair(line: str) -> tuple[str, str] | None:
    """A register's spelling and the text of its value, quotes left out; None where the line is no pair.

    No regular expression: on a long line of blanks one would try every way of sharing them out.
    """
    head = line.rstrip("," + _QUOTES)
    name = head.rstrip(_WORD)
    value = head[len(name) :]
    if not value or not (value[0].isdigit() or _PADDED.fullmatch(value)):
        return None
    bare = name.rstrip(_QUOTES)
    if bare[-1:] in ("=", ":", ","):
        bare = bare[:-1].rstrip(_QUOTES)
    elif not name[-1:].isspace():
        return None
    bare = bare.lstrip(_QUOTES)
    return (bare, value) if bare else None


def _sections(lines: list[tuple[int, str]], hexes: bool, where: str) -> list[_Section]:
    sections: list[_Section] = []
    known: dict[str, int] = {}
    for count, line in lines:
        at = f"{where}, line {count}"
        if line[0] in "vV[" and (heading := _HEADING.fullmatch(line)):
            index = int(heading[1])
            if any(section.index == index for section in sections):
                raise SourceError(f"vCPU {index} begins a second time", at)
            sections.append(_Section(index=index))
            continue
        if not sections:
            sections.append(_Section(index=0))
        reg_id, value = _read(line, hexes, known, at)
        if value is None:
            sections[-1].bare[reg_id] = count
        elif sections[-1].values.setdefault(reg_id, value) != value:
            raise SourceError(f"{line[:60]}: the register already has the value {sections[-1].values[reg_id]:#x}", at)
    return sections


def _read(line: str, hexes: bool, known: dict[str, int], at: str) -> tuple[int, int | None]:
    """The id and the value of a line; None for a register alone. `hexes`: 16 digits without a prefix are hex."""
    match = _HEX_PAIR.fullmatch(line)
    pair = (match[1], match[2]) if match else _pair(line)
    problem = ""
    if pair:
        name, digits = pair
        try:
            if (reg_id := known.get(name, -1)) < 0:
                reg_id = known[name] = _register(name, at)
            value = int(digits, 16) if hexes and _PADDED.fullmatch(digits) else number(digits)
            check_value(reg_id, value, at)
            return reg_id, value
        except ValueError:
            problem = f"{digits[:40]} is no number: 0x before hex digits, or decimal"
        except RegisterError as error:
            problem = f"{error.what} ({error.hint})" if error.hint else error.what
    try:
        return _register(line, at), None
    except RegisterError as error:
        raise SourceError(problem or error.what, at, _VALID) from None


def _register(text: str, at: str) -> int:
    """The id that a spelling stands for. Raises RegisterError."""
    if _ID.fullmatch(text):
        reg_id = number(text)
        check_id(reg_id, at)
        return reg_id
    from inspector.registers.catalog import find
    from inspector.registers.encoding import sysreg_id

    if (numeric := _NUMERIC_NAME.fullmatch(text)) and all(int(n) < 16 for n in numeric.groups()):
        return sysreg_id(*(int(n) for n in numeric.groups()))
    found = find(text)
    if found.field is not None:
        raise RegisterError(f"{text[:60]} is a field, not a register")
    return found.register.id


def _vcpu(section: _Section, where: str) -> Vcpu:
    if not section.values:
        constraints = {reg_id: Constraint(0, 0) for reg_id in section.bare}
        return Vcpu(index=section.index, kind="list", values={}, constraints=constraints)
    for line in section.bare.values():
        raise SourceError("a register without a value", f"{where}, line {line}", _VALID)
    return Vcpu(index=section.index, values=section.values, setup=infer_setup(section.values, gic="v3"))
