"""How the values of registers stand to each other over many columns, bit for bit where only some bits are known."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import NamedTuple

import msgspec

from inspector.checks.compare.fields import FieldValues, field_differences
from inspector.checks.compare.sets import RegisterSet, is_feature_register, is_listing
from inspector.checks.fleet.packing import Packer
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


class Block(NamedTuple):
    """Sets of registers that differ in nothing but their values."""

    ids: tuple[int, ...]
    """all that are listed"""
    packer: Packer
    """of those that have a value"""
    masks: Mapping[int, int]
    """register id -> mask of its known bits, of those that are known only in part"""
    kind: str
    sets: int
    words: array[int]
    """the packed values of `sets` sets, behind each other"""

    @property
    def listing(self) -> bool:
        """As `RegisterSet.listing`."""
        return is_listing(self.kind)


class _Tally:
    """One register over the sets: which bits are seen as 1 and as 0, and what is known of it."""

    __slots__ = ("clear_bits", "partly", "seen", "set_bits", "values")

    def __init__(self) -> None:
        self.set_bits = self.clear_bits = self.seen = 0
        self.partly = False
        self.values: set[tuple[int, int]] = set()

    def add(self, block: Block, place: int, known: int) -> None:
        """Take the values of a block of which `known` bits are known; what a template leaves open is so on purpose."""
        found = block.packer.column(place, block.words)
        self.seen += block.sets
        self.set_bits |= reduce(or_, found) & known
        self.clear_bits |= ~reduce(and_, found) & known
        self.partly = self.partly or (known != -1 and block.kind != "template")
        self.values.update((value & known, known) for value in found)

    @property
    def differs(self) -> bool:
        return bool(self.set_bits & self.clear_bits)


def standing_of(blocks: Sequence[Block]) -> Standing:
    """How every register stands. One that KVM's list lacks is missing there; one that another source lacks is only not
    known there."""
    found, silent = _places(blocks)
    total = sum(block.sets for block in blocks)
    differing, unknown, equal = {}, {}, 0
    for reg_id, places in found.items():
        one = _Tally()
        for block, place, mask in places:
            one.add(block, place, mask)
        if one.differs:
            differing[reg_id] = len(one.values)
        elif reg_id not in silent and one.partly:
            unknown[reg_id] = len(one.values)
        elif reg_id not in silent:
            equal += one.seen == total
    silent -= differing.keys()
    ordered = sorted((by_id(i) for i in silent), key=sort_key)
    return Standing(
        differing=differing, unknown=unknown, not_compared=tuple(register.id for register in ordered), equal=equal
    )


def _places(blocks: Sequence[Block]) -> tuple[Mapping[int, Sequence[tuple[Block, int, int]]], set[int]]:
    """(register -> where something is known of it: block, place in its packer, known bits; those that are not known
    everywhere)."""
    # Through the lists once: kinds of list and of known bits are many where sources are unlike, and so are registers.
    found: defaultdict[int, list[tuple[Block, int, int]]] = defaultdict(list)
    silent = {i for block in blocks if block.kind == "host" for i, mask in block.masks.items() if not mask}
    lacking: set[int] = set()
    unlisted, seen_there = 0, Counter[int]()
    for block in blocks:
        known = {i: block.masks.get(i, -1) for i in block.packer.ids}
        for place, (reg_id, mask) in enumerate(known.items()):
            if mask:
                found[reg_id].append((block, place, mask))
        there = [reg_id for reg_id, mask in known.items() if mask]
        if block.listing:
            lacking |= set(block.ids).difference(there)
        elif block.kind != "template":
            unlisted += 1
            seen_there.update(there)
    silent |= {i for i in found if i in lacking or seen_there[i] < unlisted}
    return found, silent


def known_masks(found: RegisterSet) -> dict[int, int]:
    """Register id -> mask of its known bits, of those that are known only in part."""
    return masks_of(found.masks)


def masks_of(given: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The same of (id, mask) pairs; a mask of all bits of the register is -1."""
    masks = {}
    for reg_id, mask in given:
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
