"""Compare two or many register dumps: integers first, and only what differs is decoded."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.checks.compare.fields import FieldValues, field_differences
from inspector.checks.compare.fleet import collect_paths
from inspector.checks.compare.sets import Collection, RegisterSet, Scope, Subject, collect, is_feature_register
from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError
from inspector.registers.catalog import by_id, sort_key
from inspector.sources.dump import Dump, View

FEW = 8
"""Up to so many dumps every register counts; beyond, guests differ everywhere and only features are worth a column."""
MAX_COLUMNS = 64
"""Columns that are decoded; the rest is counted. Sets of many dumps come first."""
_ALL_BITS = (1 << 2048) - 1


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects that are equal in all compared registers."""

    name: str
    """`A`, `B` ... `AA`"""
    subjects: tuple[Subject, ...]
    registers: RegisterSet

    @property
    def title(self) -> str:
        """The label of its first subject, and how many others there are."""
        more = f" and {len(self.subjects) - 1} more" if len(self.subjects) > 1 else ""
        return f"{self.subjects[0].label}{more}"


class ListDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Registers that some columns list and others do not, brought by one feature."""

    group: FeatureGroup
    present: tuple[bool, ...]
    """for each column"""

    def sentence(self, columns: Sequence[Column]) -> str:
        """`only in B: TCR2_EL1, PIR_EL1: listed only when ..., since 6.13`; `74 missing in A: PMUv3` for long lists."""
        having = ", ".join(c.name for c, there in zip(columns, self.present, strict=True) if there)
        lacking = ", ".join(c.name for c, there in zip(columns, self.present, strict=True) if not there)
        ids = self.group.ids
        if len(ids) <= 6:
            return f"only in {having}: {', '.join(by_id(i).name for i in ids)}: {self.group.sentence}"
        return f"{len(ids)} missing in {lacking}: {self.group.feature}: {self.group.sentence}"


class RegisterValues(msgspec.Struct, frozen=True, kw_only=True):
    """One register whose value differs between columns."""

    id: int
    name: str
    values: tuple[int | None, ...]
    """for each (shown) column"""
    fields: tuple[FieldValues, ...]
    feature: bool
    """True when host and kernel decide it, False for the guest's own state"""
    distinct: int
    """different values over all columns, hidden ones as well"""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What two or many dumps have in common and where they differ."""

    scope: Scope
    columns: tuple[Column, ...]
    """largest first for more than FEW dumps, else in the order given"""
    hidden_columns: int
    """further groups that are counted in `distinct` and decoded nowhere"""
    dumps: int
    subjects: int
    distinct_states: int
    """different contents, every register counted"""
    lists: tuple[ListDifference, ...]
    registers: tuple[RegisterValues, ...]
    """in the catalogue's order"""
    equal: int
    """registers that all columns have with one value"""
    state_differing: int
    """registers of the guest's own state that differ, in scope `features`, where they are not listed"""
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """True when nothing that is compared differs."""
        return len(self.columns) + self.hidden_columns == 1

    @property
    def exit_code(self) -> int:
        """0 when everything compared is equal, 1 when something differs."""
        return EXIT_YES if self.same else EXIT_NO

    @property
    def feature_registers(self) -> tuple[RegisterValues, ...]:
        """The differing registers that host and kernel decide."""
        return tuple(r for r in self.registers if r.feature)

    @property
    def state_registers(self) -> tuple[RegisterValues, ...]:
        """The differing registers of the guest's own state."""
        return tuple(r for r in self.registers if not r.feature)


def compare(dumps: Sequence[Dump], scope: Scope = "auto") -> Comparison:
    """Compare the vCPUs of `dumps` with each other; of a single dump, its vCPUs.

    Raises InspectorError when a dump has no registers, or nothing is given.
    """
    wide = _is_wide(scope, len(dumps))
    return compare_collected(collect(dumps, wide, alone=len(dumps) == 1))


def compare_paths(
    paths: Sequence[str], scope: Scope = "auto", jobs: int = 0, declared: View | None = None
) -> Comparison:
    """The same for files (whatever `sources.load` takes), without holding more than the distinct sets in memory."""
    return compare_collected(collect_paths(paths, _is_wide(scope, len(paths)), jobs, declared))


def _is_wide(scope: Scope, count: int) -> bool:
    return scope == "all" or (scope == "auto" and count <= FEW)


def compare_collected(collection: Collection) -> Comparison:
    """The comparison of what was collected."""
    if not collection.entries:
        raise InspectorError("nothing to compare", "", "name at least two dumps, or one with several vCPUs")
    by_set: dict[int, list[Subject]] = {}
    for entry in collection.entries:
        by_set.setdefault(entry.set_index, []).append(entry.subject)
    order = list(by_set)
    if collection.dumps > FEW:
        order.sort(key=lambda s: -len(by_set[s]))
    shown = [
        Column(name=column_name(n), subjects=tuple(by_set[s]), registers=collection.sets[s])
        for n, s in enumerate(order[:MAX_COLUMNS])
    ]
    every_set = [collection.sets[s] for s in order]
    distinct, equal = _distinct_values(every_set)
    return Comparison(
        scope="all" if collection.wide else "features",
        columns=tuple(shown),
        hidden_columns=len(order) - len(shown),
        dumps=collection.dumps,
        subjects=len(collection.entries),
        distinct_states=len({e.digest for e in collection.entries}),
        lists=_list_differences(shown),
        registers=_register_differences(shown, distinct),
        equal=equal + sum(not differs for _, differs in collection.state.values()),
        state_differing=sum(differs for _, differs in collection.state.values()),
        notes=tuple(dict.fromkeys(collection.notes)),
    )


def column_name(number: int) -> str:
    """`A` to `Z`, then `AA`."""
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _distinct_values(sets: Sequence[RegisterSet]) -> tuple[dict[int, int], int]:
    """For each register that differs between sets: how many values it has; and how many registers all agree in."""
    seen: dict[int, set[int]] = {}
    present: dict[int, int] = {}
    partly: set[int] = set()
    for found in sets:
        partly.update(i for i, _ in found.masks)
        for reg_id, value in zip(found.ids, found.values, strict=True):
            if value is None:
                continue
            present[reg_id] = present.get(reg_id, 0) + 1
            seen.setdefault(reg_id, set()).add(value)
    differing = {i: len(values) for i, values in seen.items() if len(values) > 1 or i in partly}
    equal = sum(1 for i, values in seen.items() if len(values) == 1 and present[i] == len(sets) and i not in partly)
    return differing, equal


def _list_differences(columns: Sequence[Column]) -> tuple[ListDifference, ...]:
    """Ids that not every column lists, grouped by who lists them and then by the feature that brings them."""
    listed = [frozenset(c.registers.ids) for c in columns]
    patterns: dict[tuple[bool, ...], list[int]] = {}
    common = frozenset.intersection(*listed) if listed else frozenset()
    for reg_id in sorted(frozenset.union(*listed) - common if listed else ()):
        patterns.setdefault(tuple(reg_id in ids for ids in listed), []).append(reg_id)
    found = [
        ListDifference(group=group, present=present)
        for present, ids in patterns.items()
        for group in group_by_feature(ids)
    ]
    return tuple(sorted(found, key=lambda d: -len(d.group.ids)))


def _register_differences(columns: Sequence[Column], distinct: dict[int, int]) -> tuple[RegisterValues, ...]:
    maps = [c.registers.mapping() for c in columns]
    masks = [dict(c.registers.masks) for c in columns]
    found = []
    for register in sorted((by_id(i) for i in distinct), key=sort_key):
        values = tuple(m.get(register.id) for m in maps)
        known = tuple(m.get(register.id, _ALL_BITS) for m in masks)
        if not _differ(values, known) and distinct[register.id] < 2:
            continue
        if not _differ(values, known) and any(register.id in m for m in masks):
            continue
        found.append(
            RegisterValues(
                id=register.id,
                name=register.name,
                values=values,
                fields=field_differences(register.id, values, known, maps),
                feature=is_feature_register(register.id),
                distinct=distinct[register.id],
            )
        )
    return tuple(found)


def _differ(values: Sequence[int | None], known: Sequence[int]) -> bool:
    """True when two columns contradict each other in bits that both know."""
    pairs = [(v, k) for v, k in zip(values, known, strict=True) if v is not None]
    return (
        any((v ^ w) & k & m for at, (v, k) in enumerate(pairs) for w, m in pairs[at + 1 :]) if len(pairs) > 1 else False
    )
