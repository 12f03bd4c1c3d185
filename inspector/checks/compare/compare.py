"""Compare two or many register dumps: integers first, and only what differs is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from inspector.checks.compare.fleet import collect_paths
from inspector.checks.compare.sets import Collection, RegisterSet, Scope, Subject, collect
from inspector.checks.compare.values import RegisterValues, Standing, register_values, standing_of
from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump, View

FEW = 8
"""Up to so many dumps every register counts; beyond, guests differ everywhere and only features are worth a column."""
MAX_COLUMNS = 64
"""Columns that are decoded; the rest is counted. Sets of many dumps come first."""
Outcome = Literal["equal", "differs", "uncertain"]
"""uncertain: nothing that is known differs, and not everything is known."""


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
    """for each column; False too for one that is no list of KVM's"""

    def lacking(self, columns: Sequence[Column]) -> tuple[str, ...]:
        """Names of the columns whose list lacks them."""
        pairs = zip(columns, self.present, strict=True)
        return tuple(c.name for c, there in pairs if not there and c.registers.listing)

    def sentence(self, columns: Sequence[Column]) -> str:
        """`only in B: TCR2_EL1, PIR_EL1: listed only when ..., since 6.13`; `74 missing in A: PMUv3` for long lists."""
        having = ", ".join(c.name for c, there in zip(columns, self.present, strict=True) if there)
        lacking = ", ".join(self.lacking(columns))
        ids = self.group.ids
        if len(ids) <= 6:
            return f"only in {having}: {', '.join(by_id(i).name for i in ids)}: {self.group.sentence}"
        return f"{len(ids)} missing in {lacking}: {self.group.feature}: {self.group.sentence}"


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
    unknown: tuple[RegisterValues, ...]
    """registers in which nothing that is known differs, and of which a column knows only some bits"""
    not_compared: tuple[int, ...]
    """registers of which some columns know nothing"""
    equal: int
    """registers that all columns have with one value, every bit known"""
    outcome: Outcome
    state_differing: int
    """registers of the guest's own state that differ, in scope `features`, where they are not listed"""
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """True when everything that is compared is known to be equal."""
        return self.outcome == "equal"

    @property
    def exit_code(self) -> int:
        """0 when everything compared is equal, 1 when something differs or may differ."""
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
    standing = standing_of(every_set)
    lists = _list_differences(shown)
    return Comparison(
        scope="all" if collection.wide else "features",
        columns=tuple(shown),
        hidden_columns=len(order) - len(shown),
        dumps=collection.dumps,
        subjects=len(collection.entries),
        distinct_states=len({e.digest for e in collection.entries}),
        lists=lists,
        registers=register_values(standing.differing, [c.registers for c in shown]),
        unknown=register_values(standing.unknown, [c.registers for c in shown]),
        not_compared=standing.not_compared,
        equal=standing.equal + sum(not differs for _, differs in collection.state.values()),
        outcome=_outcome(every_set, standing),
        state_differing=sum(differs for _, differs in collection.state.values()),
        notes=tuple(dict.fromkeys((*collection.notes, *_no_lists(every_set)))),
    )


def _outcome(sets: Sequence[RegisterSet], standing: Standing) -> Outcome:
    lists = {found.ids for found in sets if found.listing}
    if len(lists) > 1 or standing.differing:
        return "differs"
    return "uncertain" if standing.unknown or standing.not_compared else "equal"


def _no_lists(sets: Sequence[RegisterSet]) -> tuple[str, ...]:
    """A note where a column is no register list of KVM's."""
    if len(sets) < 2 or all(found.listing for found in sets):
        return ()
    return ("a host's registers and a template are not a register list: lists are not compared with them",)


def column_name(number: int) -> str:
    """`A` to `Z`, then `AA`."""
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _list_differences(columns: Sequence[Column]) -> tuple[ListDifference, ...]:
    """Ids that not every column lists, grouped by who lists them and then by the feature that brings them."""
    none: frozenset[int] = frozenset()
    listed = [frozenset(c.registers.ids) if c.registers.listing else none for c in columns]
    lists = [ids for ids, column in zip(listed, columns, strict=True) if column.registers.listing]
    patterns: dict[tuple[bool, ...], list[int]] = {}
    common = frozenset.intersection(*lists) if lists else none
    for reg_id in sorted(none.union(*lists) - common):
        patterns.setdefault(tuple(reg_id in ids for ids in listed), []).append(reg_id)
    found = [
        ListDifference(group=group, present=present)
        for present, ids in patterns.items()
        for group in group_by_feature(ids)
    ]
    return tuple(sorted(found, key=lambda d: -len(d.group.ids)))
