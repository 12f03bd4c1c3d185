"""What a gate's answer depends on, where something of the host is not known: each possible state is tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from inspector.kvm.cases import ACCEPTED, Case, Outcome, ranges, refused
from inspector.kvm.exposure import Exposure
from inspector.registers.bits import ALL, extract, mask_of
from inspector.registers.ids import ID_AA64MMFR0_EL1
from inspector.registers.naming import name_of

PATTERNS = tuple(nibble * 0x1111_1111_1111_1111 for nibble in range(16))
"""Every value of every four-bit field, all fields at once: they are judged independently of each other."""


class JudgedPart(Protocol):
    """The part of a gate's judgement that is compared between cases (gate.py, Part)."""

    @property
    def name(self) -> str: ...
    @property
    def msb(self) -> int: ...
    @property
    def lsb(self) -> int: ...
    @property
    def outcome(self) -> Outcome: ...


class Doubt(msgspec.Struct, frozen=True):
    """One part of a value whose fate is not known."""

    part: str
    depends_on: str
    cases: tuple[Case, ...]


def equal_or_refused(part: str, source: str, written: str, errno: int) -> Doubt:
    """The doubt about a part that takes only a value of the host which is not known; `written` is that part's."""
    cases = (
        Case(when=f"{source} is {written}", outcome=ACCEPTED.text),
        Case(when=f"{source} is anything else", outcome=refused(errno).text, errno=errno),
    )
    return Doubt(part, source, cases)


def doubt_of(part: str, source: str, outcomes: Mapping[int, Outcome], settle: Mapping[int, str] | str) -> Doubt | None:
    """The doubt about one part by the values of what it depends on; None where every value has the same outcome."""
    if len(set(outcomes.values())) < 2:
        return None
    cases = []
    for outcome in dict.fromkeys(outcomes.values()):
        values = [value for value, told in outcomes.items() if told == outcome]
        how = settle if isinstance(settle, str) else settle.get(values[0], "")
        cases.append(Case(when=f"{source} is {ranges(values)}", outcome=outcome.text, errno=outcome.errno, settle=how))
    return Doubt(part, source, tuple(cases))


def supposed(exposure: Exposure, reg_id: int) -> Iterator[Exposure]:
    """The exposure with every pattern for what is not known of a register."""
    for bits in PATTERNS:
        yield exposure.supposing(reg_id, bits)


def unknown_bits(exposure: Exposure, reg_id: int) -> int:
    """Bits of a register of which the host's value or the limit is not known."""
    return ~(exposure.limits[reg_id].known & exposure.sanitised[reg_id].known) & ALL


def field_source(exposure: Exposure, reg_id: int, name: str, msb: int, lsb: int) -> tuple[str, dict[int, str] | str]:
    """What a field's fate depends on, in words, and what settles it."""
    field = f"{name_of(reg_id)}.{name}"
    if (name, lsb) == ("CSV2", 56):
        words = {0: "--host spectre-v2=vulnerable", 1: "--host spectre-v2=unaffected"}
        return f"what KVM offers of {field} by the host's Spectre v2 state", words
    if (name, lsb) == ("CSV3", 60):
        words = {0: "--host meltdown=affected", 1: "--host meltdown=unaffected"}
        return f"what KVM offers of {field} by the host's Meltdown state", words
    if reg_id == ID_AA64MMFR0_EL1 and 32 <= lsb < 44 and not exposure.host.pages_known:
        return f"what KVM offers of {field} by the pages of the host's kernel", "--host page-size=4k|16k|64k"
    if exposure.host.knows(reg_id, mask_of(msb, lsb)):
        return f"what KVM offers of {field}", ""
    return f"the host's {field}", f"--host {field}=VALUE" if "[" not in name else ""


def field_values(exposure: Exposure, reg_id: int, msb: int, lsb: int) -> tuple[int, ...] | None:
    """The values that a field of the host may have; None where the field is known and only the limit is not."""
    mask = mask_of(msb, lsb)
    if exposure.host.knows(reg_id, mask) or msb - lsb > 7:
        return None
    return exposure.host.could_be(reg_id, mask)


def fields_in_doubt(
    exposure: Exposure, reg_id: int, tried: Iterable[tuple[Exposure, Iterable[JudgedPart]]]
) -> tuple[Doubt, ...]:
    """The parts whose outcome differs between the exposures that were tried."""
    unknown = unknown_bits(exposure, reg_id)
    places: dict[str, tuple[int, int]] = {}
    outcomes: dict[str, dict[int, Outcome]] = {}
    trials = [(state, {part.name: part for part in parts}) for state, parts in tried]
    for _, parts in trials:
        places |= {part.name: (part.msb, part.lsb) for part in parts.values()}
    for name, (msb, lsb) in places.items():
        if not unknown & mask_of(msb, lsb):
            continue
        possible = field_values(exposure, reg_id, msb, lsb)
        for state, parts in trials:
            held = state.limit(reg_id) if possible is None else state.host.value(reg_id)
            value = extract(held, msb, lsb)
            if possible is None or value in possible:
                outcomes.setdefault(name, {})[value] = parts[name].outcome if name in parts else ACCEPTED
    doubts = (doubt_of(n, *_ordered(field_source(exposure, reg_id, n, *places[n]), o)) for n, o in outcomes.items())
    return tuple(doubt for doubt in doubts if doubt is not None)


def _ordered(
    source: tuple[str, dict[int, str] | str], outcomes: dict[int, Outcome]
) -> tuple[str, dict[int, Outcome], dict[int, str] | str]:
    return source[0], dict(sorted(outcomes.items())), source[1]
