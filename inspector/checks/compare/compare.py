"""Compare two or many register dumps: integers first, and only what differs is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import Literal, NamedTuple

import msgspec

from inspector.checks.compare.sets import RegisterSet, Scope, Subject
from inspector.checks.compare.values import Block, RegisterValues, Standing, masks_of, register_values, standing_of
from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.checks.fleet.packing import packer, shape_of, words_of
from inspector.checks.fleet.part import NAMED, Group, Part, Unread, in_order, nothing_read
from inspector.checks.fleet.summarise import add_compared
from inspector.checks.fleet.tally import Tally
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump

FEW = 8
"""Up to so many dumps every register counts; beyond, guests differ everywhere and only features are worth a column."""
MAX_COLUMNS = 64
"""Columns that are decoded; the rest is counted. Sets of many dumps come first."""
Outcome = Literal["equal", "differs", "uncertain"]
"""uncertain: nothing that is known differs, and not everything is known, or not every source could be read."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects that are equal in all compared registers."""

    name: str
    """`A`, `B` ... `AA`"""
    count: int
    subjects: tuple[Subject, ...]
    """the first of them, in the order given"""
    kernels: tuple[str, ...]
    """the kernel releases of all of them, sorted"""
    registers: RegisterSet

    @property
    def title(self) -> str:
        """The label of its first subject, and how many others there are."""
        more = f" and {self.count - 1} more" if self.count > 1 else ""
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
    distinct_exact: bool = True
    """False where there are so many that `distinct_states` is an estimate"""
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
    unread: Unread = Unread()
    """sources that were to be compared too"""

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
    tally = Tally(question_of(scope, len(dumps)))
    for position, dump in enumerate(dumps):
        add_compared(tally, dump, position, alone=len(dumps) == 1)
    return comparison_of(tally.part())


def question_of(scope: Scope, count: int) -> Literal["compare", "compare-all"]:
    """What is asked of `count` dumps."""
    return "compare-all" if scope == "all" or (scope == "auto" and count <= FEW) else "compare"


class _Alike(NamedTuple):
    """Groups of a part that are equal in all compared registers: their kernels may differ."""

    groups: list[Group]

    @property
    def subjects(self) -> int:
        return sum(group.count for group in self.groups)


def comparison_of(part: Part) -> Comparison:
    """The comparison of the dumps that `part` was made of. Raises InspectorError for one of fewer than two."""
    if not part.groups:
        raise nothing_read(part) or InspectorError(
            "nothing to compare", "", "name at least two dumps, or one with several vCPUs"
        )
    by_set: dict[tuple[str, bytes, tuple[tuple[int, str], ...], bytes], _Alike] = {}
    for group in in_order(part):
        by_set.setdefault((group.kind, group.shape, group.masks, group.values), _Alike([])).groups.append(group)
    order = list(by_set.values())
    if part.dumps > FEW:
        order.sort(key=lambda one: -one.subjects)
    shown = [_column(n, one, part) for n, one in enumerate(order[:MAX_COLUMNS])]
    blocks = _blocks(order, part)
    standing = standing_of(blocks)
    lists = _list_differences(shown)
    state = sum(not value for value in part.state.values())
    return Comparison(
        scope="all" if part.question == "compare-all" else "features",
        columns=tuple(shown),
        hidden_columns=len(order) - len(shown),
        dumps=part.dumps,
        subjects=part.subjects,
        distinct_states=part.distinct,
        distinct_exact=not part.contents_cut,
        lists=lists,
        registers=register_values(standing.differing, [c.registers for c in shown]),
        unknown=register_values(standing.unknown, [c.registers for c in shown]),
        not_compared=standing.not_compared,
        equal=standing.equal + len(part.state) - state,
        outcome=_outcome(blocks, standing, part.unread),
        state_differing=state,
        notes=tuple(dict.fromkeys((*_notes(part), *_no_lists(blocks, len(order))))),
        unread=part.unread,
    )


def _notes(part: Part) -> Iterator[str]:
    yield from (text for _, text in part.notes)
    if part.notes_cut:
        yield f"more than {len(part.notes)} dumps have such notes; the first are told"
    if part.secrets_out:
        yield "the parts leave out general, vector and debug registers, pointers and keys of the guests"


def _column(number: int, alike: _Alike, part: Part) -> Column:
    one = alike.groups[0]
    ids, kept = shape_of(part.pieces[one.shape])
    values = packer(kept).unpack(one.values)
    members = nsmallest(NAMED, ((member, kernel_of(group, part)) for group in alike.groups for member in group.members))
    return Column(
        name=column_name(number),
        count=alike.subjects,
        subjects=tuple(
            Subject(label=m.label, source=m.source, vcpu=m.vcpu, kind=one.kind, kernel=kernel, host=one_line(m.host))
            for m, kernel in members
        ),
        kernels=tuple(sorted({kernel_of(group, part) for group in alike.groups} - {""})),
        registers=RegisterSet(
            ids=ids,
            values=tuple(values.get(reg_id) for reg_id in ids),
            masks=tuple((reg_id, int(mask, 16)) for reg_id, mask in one.masks),
            kind=one.kind,
        ),
    )


def kernel_of(group: Group, part: Part) -> str:
    """The kernel release under which the dumps of a group were made."""
    return one_line(part.pieces[group.about].decode())


def _blocks(order: Sequence[_Alike], part: Part) -> list[Block]:
    """The distinct sets, those of one list together."""
    packed: dict[tuple[str, bytes, tuple[tuple[int, str], ...]], list[bytes]] = {}
    for alike in order:
        one = alike.groups[0]
        packed.setdefault((one.kind, one.shape, one.masks), []).append(one.values)
    blocks = []
    for (kind, shape, masks), values in packed.items():
        ids, kept = shape_of(part.pieces[shape])
        known = masks_of((reg_id, int(mask, 16)) for reg_id, mask in masks)
        blocks.append(Block(ids, packer(kept), known, kind, len(values), words_of(values)))
    return blocks


def _outcome(blocks: Sequence[Block], standing: Standing, unread: Unread) -> Outcome:
    lists = {block.ids for block in blocks if block.listing}
    if len(lists) > 1 or standing.differing:
        return "differs"
    return "uncertain" if standing.unknown or standing.not_compared or unread else "equal"


def _no_lists(blocks: Sequence[Block], sets: int) -> tuple[str, ...]:
    """A note where a column is no register list of KVM's."""
    if sets < 2 or all(block.listing for block in blocks):
        return ()
    return (
        "a host's registers, some of a vCPU's and a template are no register list: lists are not compared with them",
    )


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
