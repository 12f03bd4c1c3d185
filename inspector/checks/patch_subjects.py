"""Who sees what of a patch: for each field that it touches, the host, a new VM, and a VM that was saved before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from inspector.checks.patch_effect import Effect, guest_changes
from inspector.checks.restore.result import Finding
from inspector.registers import catalog
from inspector.registers.bits import ALL, ones
from inspector.registers.encoding import is_demux
from inspector.registers.reading import read


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What one kernel makes of a field; a value is None where it is not known, or where there is none."""

    userspace: int | None
    """KVM_GET_ONE_REG of a new VM's vCPU"""
    guest: int | None
    """what a new VM's guest reads"""
    write: Finding | None
    """the answer to the saved VM's value; None where its VMM does not write it"""
    restored: int | None
    """what the restored VM's guest reads, should it run"""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A field, or a register without fields, that is not the same before and after."""

    id: int
    field: str
    """empty for a whole register"""
    msb: int
    lsb: int
    host: int | None
    saved: int | None
    """the saved VM's value; None where it was not saved"""
    before: Sight
    after: Sight

    @property
    def name(self) -> str:
        """`ID_AA64MMFR2_EL1.CCIDX`."""
        return catalog.by_id(self.id).name + (f".{self.field}" if self.field else "")


class _Sides(NamedTuple):
    """Both kernels, and what each answers to the writes of the saved VM, by register id."""

    before: Effect
    after: Effect
    writes_before: Mapping[int, Finding]
    writes_after: Mapping[int, Finding]


@lru_cache(maxsize=16)
def subjects(before: Effect, after: Effect) -> tuple[Subject, ...]:
    """What differs for anybody, in the catalogue's order; kept for the series that the screens draw again and again."""
    sides = _Sides(before, after, *({one.id: one for one in side.writes} for side in (before, after)))
    ids = {one.id for one in guest_changes(before, after)} | _fresh_changes(before, after)
    pairs = ((one, sides.writes_after.get(i, one)) for i, one in sides.writes_before.items())
    ids |= {one.id for one, other in pairs if one is not other and _answer(one) != _answer(other)}
    ordered = sorted(ids, key=lambda reg_id: catalog.sort_key(catalog.by_id(reg_id)))
    return tuple(one for reg_id in ordered for one in _of_register(reg_id, sides))


def named_fields(after: Effect) -> tuple[tuple[str, int | None], ...]:
    """(`REGISTER.FIELD`, the host's value of it) of what the patch's rules name."""
    found: dict[str, int | None] = {}
    for rule in after.rules:
        for spec in getattr(rule, "fields", ()):
            name = spec.partition("=")[0]  # a word of the command line gives a field a value
            register, _, field = name.partition(".")
            one = catalog.find(name) if field else None
            if one is not None and one.field is not None:
                place = one.register.id, one.field.msb, one.field.lsb
                found[f"{register}.{field}"] = _part(after.host, after.host_known, *place, absent=0)
    return tuple(found.items())


def _answer(one: Finding) -> tuple[int, int | None]:
    return one.errno, one.after


def _fresh_changes(before: Effect, after: Effect) -> set[int]:
    """Registers that userspace, or the guest of a new VM, reads otherwise."""
    old, new = before.fresh, after.fresh
    return _differing(before.shown, before.shown_known, after.shown, after.shown_known) | _differing(
        old.values, old.known, new.values, new.known
    )


def _differing(
    values: Mapping[int, int], known: Mapping[int, int], others: Mapping[int, int], known_there: Mapping[int, int]
) -> set[int]:
    """Registers that have other known bits, or that only one side has."""
    unlike = {reg_id for reg_id, _ in values.items() ^ others.items()}
    unlike |= {reg_id for reg_id, _ in known.items() ^ known_there.items()}
    return {reg_id for reg_id in unlike if _word(values, known, reg_id) != _word(others, known_there, reg_id)}


def _word(values: Mapping[int, int], known: Mapping[int, int], reg_id: int) -> tuple[int, int] | None:
    mask = known.get(reg_id, ALL)
    return (values[reg_id] & mask, mask & ALL) if reg_id in values else None


def _of_register(reg_id: int, sides: _Sides) -> Iterator[Subject]:
    """The fields of a register that differ; the register itself where it has none, or where none of them does."""
    width = catalog.by_id(reg_id).size * 8
    places = [(one.name, one.msb, one.lsb) for one in read(reg_id, 0).fields] if not is_demux(reg_id) else []
    made = [_subject(reg_id, *place, sides) for place in places]
    writes = (sides.writes_before, sides.writes_after)
    blamed = {one.name for side in writes if reg_id in side for one in side[reg_id].fields if not one.accepted}
    found = [one for one in made if _differs(one, one.field in blamed)]
    yield from found or [_subject(reg_id, "", width - 1, 0, sides)]


def _differs(one: Subject, blamed: bool) -> bool:
    pairs = ((one.before.userspace, one.after.userspace), (one.before.guest, one.after.guest),
             (one.before.restored, one.after.restored))  # fmt: skip
    return blamed or any(a != b for a, b in pairs)


def _subject(reg_id: int, name: str, msb: int, lsb: int, sides: _Sides) -> Subject:
    before, after = sides.before, sides.after
    finding, finding_after = sides.writes_before.get(reg_id), sides.writes_after.get(reg_id)
    written = finding or finding_after
    saved = None if written is None else written.value
    return Subject(
        id=reg_id, field=name, msb=msb, lsb=lsb,
        host=_part(before.host, before.host_known, reg_id, msb, lsb, absent=0),
        saved=None if saved is None else saved >> lsb & ones(msb - lsb + 1),
        before=_sight(before, reg_id, msb, lsb, finding),
        after=_sight(after, reg_id, msb, lsb, finding_after),
    )  # fmt: skip


def _sight(effect: Effect, reg_id: int, msb: int, lsb: int, write: Finding | None) -> Sight:
    return Sight(
        userspace=_part(effect.shown, effect.shown_known, reg_id, msb, lsb),
        guest=_part(effect.fresh.values, effect.fresh.known, reg_id, msb, lsb),
        write=write,
        restored=_part(effect.guest.values, effect.guest.known, reg_id, msb, lsb),
    )


def _part(
    values: Mapping[int, int], known: Mapping[int, int], reg_id: int, msb: int, lsb: int, absent: int = ALL
) -> int | None:  # fmt: skip
    """Bits of a register; None when one of them is not known."""
    mask = ones(msb - lsb + 1)
    if reg_id not in values or known.get(reg_id, absent) >> lsb & mask != mask:
        return None
    return values[reg_id] >> lsb & mask
