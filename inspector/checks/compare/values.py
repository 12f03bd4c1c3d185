"""How the values of registers stand to each other over many columns, bit for bit where only some bits are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from inspector.checks.compare.fields import FieldValues, field_differences
from inspector.checks.compare.sets import RegisterSet, is_feature_register
from inspector.registers.catalog import by_id, sort_key


class RegisterValues(msgspec.Struct, frozen=True, kw_only=True):
    """One register over the columns."""

    id: int
    name: str
    values: tuple[int | None, ...]
    """for each (shown) column; a bit that is not known is 0; None where nothing is known"""
    known: tuple[int, ...]
    """for each column: which bits of it are known; -1 for all"""
    fields: tuple[FieldValues, ...]
    feature: bool
    """True when host and kernel decide it, False for the guest's own state"""
    distinct: int
    """different values over all columns, hidden ones as well"""
    withheld: bool = False
    """True where `values` are left out, as secrets of a guest"""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Every register of some sets, by what is known of it."""

    differing: Mapping[int, int]
    """register id -> how many values it has: a bit is 1 in one set and 0 in another"""
    unknown: Mapping[int, int]
    """the same of those in which no known bit differs, and some bits are not known"""
    not_compared: tuple[int, ...]
    """registers of which some sets know nothing, and no others differ"""
    equal: int
    """how many all sets have with one value, every bit known"""


class _Tally:
    """One register over the sets: which bits are seen as 1 and as 0, and what is known of it."""

    __slots__ = ("clear_bits", "partly", "seen", "set_bits", "values")

    def __init__(self) -> None:
        self.set_bits = self.clear_bits = self.seen = 0
        self.partly = False
        self.values: set[tuple[int, int]] = set()

    def add(self, value: int, known: int, *, as_asked: bool) -> None:
        """Take a value. `as_asked`: the bits that are not known are left open on purpose, as a template does."""
        self.seen += 1
        self.set_bits |= value & known
        self.clear_bits |= ~value & known
        self.partly = self.partly or (known != -1 and not as_asked)
        self.values.add((value & known, known))

    @property
    def differs(self) -> bool:
        return bool(self.set_bits & self.clear_bits)


def standing_of(sets: Sequence[RegisterSet]) -> Standing:
    """How every register stands. One that KVM's list lacks is missing there; one that another source lacks is only not
    known there."""
    tallies: dict[int, _Tally] = {}
    silent: set[int] = set()
    for found in sets:
        masks = known_masks(found)
        for reg_id, value in zip(found.ids, found.values, strict=True):
            known = masks.get(reg_id, -1)
            if value is not None and known:
                tallies.setdefault(reg_id, _Tally()).add(value, known, as_asked=found.kind == "template")
            elif not known and found.kind == "host":
                silent.add(reg_id)
    for found in sets:
        if found.kind != "template":
            mapping = found.mapping()
            asked = set(found.ids) if found.listing else tallies.keys()
            silent |= tallies.keys() & asked - mapping.keys()
    differing = {i: len(one.values) for i, one in tallies.items() if one.differs}
    silent -= differing.keys()
    alike = {i: one for i, one in tallies.items() if i not in differing and i not in silent}
    unknown = {i: len(one.values) for i, one in alike.items() if one.partly}
    equal = sum(not one.partly and one.seen == len(sets) for one in alike.values())
    ordered = sorted((by_id(i) for i in silent), key=sort_key)
    return Standing(
        differing=differing, unknown=unknown, not_compared=tuple(register.id for register in ordered), equal=equal
    )


def known_masks(found: RegisterSet) -> dict[int, int]:
    """Register id -> mask of its known bits, of those that are known only in part."""
    masks = {}
    for reg_id, mask in found.masks:
        bits = (1 << by_id(reg_id).size * 8) - 1
        masks[reg_id] = -1 if mask & bits == bits else mask & bits
    return masks


def register_values(wanted: Mapping[int, int], sets: Sequence[RegisterSet]) -> tuple[RegisterValues, ...]:
    """The values of the registers `wanted` (-> how many they have over all sets), field by field, in the catalogue's
    order."""
    maps = [found.mapping() for found in sets]
    masks = [known_masks(found) for found in sets]
    whole = [{i: v for i, v in m.items() if k.get(i, -1) == -1} for m, k in zip(maps, masks, strict=True)]
    answer = []
    for register in sorted((by_id(i) for i in wanted), key=sort_key):
        known = tuple(0 if register.id not in m else k.get(register.id, -1) for m, k in zip(maps, masks, strict=True))
        values = tuple(m.get(register.id) if k else None for m, k in zip(maps, known, strict=True))
        answer.append(
            RegisterValues(
                id=register.id,
                name=register.name,
                values=values,
                known=known,
                fields=field_differences(register.id, values, known, whole),
                feature=is_feature_register(register.id),
                distinct=wanted[register.id],
            )
        )
    return tuple(answer)
