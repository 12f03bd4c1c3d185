"""The greatest set of features that every host can give a vCPU, and what stands in the way of it.

Each host is asked itself: a write that its kernel would refuse is not proposed. Which direction is "less" comes from
the kernel's own feature table (arch/arm64/kernel/cpufeature.c): most fields may be lowered, some raised, a few have
one safe value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Literal, NamedTuple

import msgspec

from inspector.checks.baseline.folded import add_host
from inspector.checks.baseline.hosts import BaselineHost, Columns, Hosts
from inspector.checks.baseline.polling import Question, settle
from inspector.checks.compare.sets import is_feature_register
from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.checks.fleet.part import NAMED, Group, Part, Unread, in_order, nothing_read, skipped
from inspector.checks.fleet.summarise import Asked, advised
from inspector.checks.fleet.tally import Tally
from inspector.checks.history import field_history
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError
from inspector.policies.eras import era_of
from inspector.policies.loader import load_policy
from inspector.policies.model import Policy
from inspector.policies.points import policy_names
from inspector.policies.rulebook import rulebook
from inspector.policies.series import numbers_of
from inspector.policies.setup import VcpuSetup
from inspector.policies.spans import FieldRule, signed_value
from inspector.progress import Progress
from inspector.registers.bits import Partial, ones
from inspector.registers.catalog import by_id, sort_key
from inspector.registers.encoding import CLASS_BITMAP, CLASS_FIRMWARE, CLASS_SVE, split_id
from inspector.registers.ids import AIDR_EL1, CTR_EL0, ID_SPACE, MIDR_EL1, MPIDR_EL1, REVIDR_EL1
from inspector.registers.reading import read
from inspector.sources.dump import Dump

_FIELDED = frozenset((*ID_SPACE, CTR_EL0))
_IDENTITY = frozenset((MIDR_EL1, REVIDR_EL1, AIDR_EL1))


class LevelledField(msgspec.Struct, frozen=True, kw_only=True):
    """A field in which the hosts differ, and the value that all of them accept."""

    id: int
    register: str
    name: str
    msb: int
    lsb: int
    values: tuple[int, ...]
    """each host's own"""
    common: int
    meaning: str
    """of the common value"""
    safe: str
    """`lower`, `higher`, `higher-or-zero` or `exact N`, with `signed` where the field is compared so"""
    writable_since: str
    """mainline release from which userspace may change the field"""


class LevelledRegister(msgspec.Struct, frozen=True, kw_only=True):
    """A register without feature fields (caches, firmware) in which the hosts differ, and a value all accept."""

    id: int
    register: str
    values: tuple[int, ...]
    common: int


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """What cannot be made equal."""

    id: int
    register: str
    field: str
    """empty for the register as a whole"""
    values: tuple[int, ...]
    """each host's own value of the field or register"""
    reason: str
    since: str = ""
    """mainline release that would change the answer, where there is one"""
    certain: bool = True
    """False where a value that all accept may exist: it depends on what is not known of a host or of its kernel"""


class UnknownField(msgspec.Struct, frozen=True, kw_only=True):
    """A field, or a register, that is not known of every host: whether it can be levelled is uncertain."""

    id: int
    register: str
    name: str
    """empty for the register as a whole"""
    msb: int
    lsb: int
    parts: tuple[Partial, ...]
    """what is known of each host's own, moved down to bit 0"""


class MissingSet(msgspec.Struct, frozen=True, kw_only=True):
    """Registers that only some hosts list, of those whose list is known."""

    group: FeatureGroup
    hosts: tuple[int, ...]
    """indexes of the hosts that list them"""


class KernelCase(msgspec.Struct, frozen=True, kw_only=True):
    """What the baseline would be if the hosts ran one of these kernels, where they may run several."""

    kernels: tuple[str, ...]
    outcome: Literal["level", "differs", "uncertain"]
    told: tuple[str, ...]
    """what is not the same in all cases, as it is in this one: `ID_AA64PFR0_EL1.CSV2 0x1`"""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The greatest common feature set of some hosts."""

    hosts: tuple[str, ...]
    """of more than NAMED hosts the largest groups of alike ones"""
    kernels: tuple[str, ...]
    """parallel to `hosts`"""
    counts: tuple[int, ...] = ()
    """parallel to `hosts`: how many each row stands for"""
    named: tuple[bool, ...] = ()
    """parallel to `hosts`: False where its kernel may have other policies too"""
    host_count: int
    """all of them, also those without a row"""
    one_kernel: str = ""
    """the policy that all of them run, where it is one"""
    fields: tuple[LevelledField, ...]
    registers: tuple[LevelledRegister, ...]
    obstacles: tuple[Obstacle, ...]
    lists: tuple[MissingSet, ...]
    unknown: tuple[UnknownField, ...] = ()
    values: Mapping[int, int]
    """every feature register that all hosts can show alike, with the common value; a bit that is not known is 0"""
    known: Mapping[int, int] = {}
    """known bits of those values that are known only in part"""
    changes: Mapping[int, tuple[int, int]]
    """register id -> (mask, bits): what has to be written so that all hosts agree"""
    setup: VcpuSetup | None = None
    """vCPU features, where all hosts' vCPUs were created alike"""
    notes: tuple[str, ...] = ()
    cases: tuple[KernelCase, ...] = ()
    """where the kernel may be one of several that do not agree: each answer, this one's first"""
    unread: Unread = Unread()
    """sources that were to be levelled too"""

    @property
    def level(self) -> bool:
        """True when nothing stands in the way: with `changes` written, a vCPU looks the same on every host."""
        return self.outcome == "level"

    @property
    def outcome(self) -> Literal["level", "differs", "uncertain"]:
        """uncertain: nothing that is known stands in the way, and not everything is known, or not every source could
        be read; or the kernel decides."""
        if self.cases:
            return "differs" if all(case.outcome == "differs" for case in self.cases) else "uncertain"
        if self.lists or any(one.certain for one in self.obstacles):
            return "differs"
        return "uncertain" if self.unknown or self.obstacles or self.unread else "level"

    @property
    def exit_code(self) -> int:
        """0 when all hosts can be levelled, 1 when something cannot or may not."""
        return EXIT_YES if self.level else EXIT_NO

    @property
    def needs_kernel(self) -> str:
        """The oldest mainline release on which every needed field is writable; empty when nothing is needed."""
        releases = [f.writable_since for f in self.fields if f.writable_since]
        return max(releases, key=numbers_of, default="")


def baseline(dumps: Iterable[Dump], kernel: Policy | None = None) -> Baseline:
    """The greatest common feature set of the hosts that `dumps` show.

    Each dump: a fresh vCPU, or a host's raw registers together with `kernel`; a fleet is best given as a generator, so
    that only one dump is in memory. `kernel` asks what would be if all hosts ran that kernel. Raises InspectorError
    for a dump without registers or with an unknown kernel.
    """
    return baseline_of(part_of_hosts(dumps), kernel)


def part_of_hosts(dumps: Iterable[Dump]) -> Part:
    """The part of a fleet that a few dumps are."""
    tally = Tally("baseline")
    for position, dump in enumerate(dumps):
        add_host(tally, dump, position)
    return tally.part()


def baseline_of(
    part: Part, kernel: Policy | None = None, said: Progress | None = None, asked: Asked | None = None
) -> Baseline:
    """The same of the part of any number of dumps: equal hosts are asked once.

    Raises InspectorError when a host's kernel is not known, unless `asked` says that such are skipped.
    """
    known = Hosts(part, kernel)
    groups, hosts = [], []
    for place, group in enumerate(in_order(part)):
        try:
            hosts.append(known.of(group))
        except InspectorError as error:
            if asked is None or not asked.skip:
                raise advised(error, asked.advice if asked else "") from None
            part = _without(part, group, error)
            continue
        groups.append(group)
        if said is not None and place % 50 == 0:
            said.at(place)
    if not hosts:
        raise nothing_read(part) or InspectorError("nothing to level", "", "name the dumps of two or more hosts")
    return level_hosts(hosts, _shown_hosts(groups, hosts), part, said)


def _without(part: Part, group: Group, error: InspectorError) -> Part:
    """The part without the hosts of a group, which are skipped."""
    lost = Unread(group.count, tuple(skipped(one.position, one.source, error) for one in group.members))
    left = part.subjects - group.count
    return msgspec.structs.replace(part, dumps=left, subjects=left, unread=part.unread.and_of(lost))


class _Shown(NamedTuple):
    """A host that has a row of its own, or alike ones that share one."""

    label: str
    host: BaselineHost
    alike: int = 1


def _shown_hosts(groups: Sequence[Group], hosts: Sequence[BaselineHost]) -> list[_Shown]:
    """A row for each host where there are few, else for each group, the largest first."""
    pairs = list(zip(groups, hosts, strict=True))
    if sum(group.count for group in groups) <= NAMED:
        rows = sorted((member, place) for place, group in enumerate(groups) for member in group.members)
        return [_Shown(member.label, hosts[place]) for member, place in rows]
    pairs.sort(key=lambda pair: -pair[0].count)
    return [
        _Shown(host.label + (f" and {group.count - 1} more" if group.count > 1 else ""), host, group.count)
        for group, host in pairs[:NAMED]
    ]


def level_hosts(
    distinct: Sequence[BaselineHost], shown: Sequence[_Shown], part: Part, said: Progress | None = None
) -> Baseline:
    """The same for hosts that are already known; `shown`: whose own values are told."""
    listed = frozenset.intersection(*{h.listed for h in distinct})
    common = {i for i in listed if is_feature_register(i)} - {MPIDR_EL1}
    work = _Levelling([one.host for one in shown], distinct, said)
    work.level(sorted(common, key=lambda i: sort_key(by_id(i))))
    setups = {h.setup for h in distinct}
    kernels = {h.policy.name for h in distinct}
    return Baseline(
        hosts=tuple(one.label for one in shown),
        kernels=tuple(one.host.policy.name for one in shown),
        named=tuple(one.host.certain for one in shown),
        counts=tuple(one.alike for one in shown),
        host_count=part.subjects,
        one_kernel=kernels.pop() if len(kernels) == 1 else "",
        fields=tuple(work.fields),
        registers=tuple(work.registers),
        obstacles=tuple(work.obstacles),
        lists=_lists([one.host for one in shown], distinct),
        unknown=tuple(work.unknown),
        values=work.values,
        known=work.known,
        changes=work.changes,
        setup=setups.pop() if len(setups) == 1 else None,
        notes=tuple(dict.fromkeys(note for h in distinct for note in h.notes)),
        unread=part.unread,
    )


def _lists(hosts: Sequence[BaselineHost], distinct: Sequence[BaselineHost]) -> tuple[MissingSet, ...]:
    lists = {h.listed for h in distinct if not h.like.any_kernel}
    everything, common = frozenset[int]().union(*lists), frozenset[int]().union(*lists).intersection(*lists)
    patterns: dict[tuple[int, ...], list[int]] = {}
    for reg_id in sorted(everything - common):
        having = tuple(n for n, h in enumerate(hosts) if reg_id in h.listed and not h.like.any_kernel)
        patterns.setdefault(having, []).append(reg_id)
    return tuple(
        MissingSet(group=group, hosts=having) for having, ids in patterns.items() for group in group_by_feature(ids)
    )


class _FieldPlan(NamedTuple):
    """A field in which the hosts differ, or may; `question` is None where it is not known of all of them."""

    name: str
    field: FieldRule
    question: Question | None


class _Plan(NamedTuple):
    """How a register is levelled: by its fields, or as a whole."""

    reg_id: int
    fields: tuple[_FieldPlan, ...] = ()
    whole: Question | None = None
    """for a register without feature fields"""

    @property
    def questions(self) -> list[Question]:
        """What the hosts are asked."""
        return [one for one in (*(plan.question for plan in self.fields), self.whole) if one is not None]

    @property
    def levelled(self) -> tuple[int, int]:
        """(mask, bits) of the fields of which all hosts accept one value."""
        mask = bits = 0
        for one in self.fields:
            if one.question is not None and one.question.answer is not None:
                mask, bits = mask | one.field.mask, bits | one.question.answer
        return mask, bits

    def together(self) -> Question | None:
        """Whether the hosts accept all fields together; None where they were asked so already."""
        mask, bits = self.levelled
        several = sum(one.question is not None and one.question.answer is not None for one in self.fields) > 1
        return Question(self.reg_id, (bits,), mask) if several else None


class _Levelling:
    """Register after register, what all hosts agree on."""

    def __init__(
        self, hosts: Sequence[BaselineHost], distinct: Sequence[BaselineHost], said: Progress | None = None
    ) -> None:
        self.hosts, self.distinct, self._said = hosts, distinct, said or Progress.silent()
        self._columns = Columns(distinct)
        self._kernels = {h.policy.name: h for h in distinct}
        self._asked_first = sorted(distinct, key=lambda host: host.policy.version)
        self.fields: list[LevelledField] = []
        self.registers: list[LevelledRegister] = []
        self.obstacles: list[Obstacle] = []
        self.unknown: list[UnknownField] = []
        self.values: dict[int, int] = {}
        self.known: dict[int, int] = {}
        self.changes: dict[int, tuple[int, int]] = {}

    def level(self, reg_ids: Iterable[int]) -> None:
        """Find the common values of some registers."""
        plans = [plan for plan in map(self._plan, reg_ids) if plan is not None]
        settle([question for plan in plans for question in plan.questions], self._asked_first, self._said)
        together = [plan.together() for plan in plans]
        settle([question for question in together if question is not None], self._asked_first, self._said)
        for plan, question in zip(plans, together, strict=True):
            if plan.whole is not None:
                self._level_whole(plan.reg_id, plan.whole.answer, plan.whole.doubted)
            else:
                self._level_fields(plan, question)

    def _plan(self, reg_id: int) -> _Plan | None:
        """What has to be asked; None where nothing has."""
        parts = self._columns.of(reg_id)
        known, width = self._known(reg_id), by_id(reg_id).size * 8
        if len(parts) == 1 and not ~known & ones(width):
            (part,) = parts
            self.values[reg_id] = part.value
        elif ~known & ones(width) and (reg_id not in _FIELDED or not any(part.known for part in parts)):
            self._unknown(reg_id, "", width - 1, 0)
        elif reg_id in _FIELDED:
            return _Plan(reg_id, tuple(self._field_plans(reg_id)))
        else:
            return _Plan(reg_id, whole=Question(reg_id, _whole_candidates(reg_id, [part.value for part in parts])))
        return None

    def _field_plans(self, reg_id: int) -> Iterator[_FieldPlan]:
        parts, known = self._columns.of(reg_id), self._known(reg_id)
        names = {(f.msb, f.lsb): f for f in read(reg_id, 0, include_reserved=True).fields}
        for field in self._field_table(reg_id):
            named = names.get((field.msb, field.lsb))
            name = named.name if named else field.name
            if field.mask & ~known:
                yield _FieldPlan(name, field, None)
                continue
            own = sorted({field.extract(part.value) for part in parts})
            if len(own) > 1:
                values = _candidates(field, safe_value(field, own))
                yield _FieldPlan(name, field, Question(reg_id, [one << field.lsb for one in values], field.mask))

    def _known(self, reg_id: int) -> int:
        """The bits of a register that are known of every host."""
        return reduce(and_, (part.known for part in self._columns.of(reg_id)), -1)

    def _unknown(self, reg_id: int, name: str, msb: int, lsb: int) -> None:
        self.unknown.append(
            UnknownField(
                id=reg_id, register=by_id(reg_id).name, name=name, msb=msb, lsb=lsb,
                parts=tuple(h.part(reg_id).part(msb, lsb) for h in self.hosts),
            )
        )  # fmt: skip

    def _own(self, reg_id: int, mask: int = -1, lsb: int = 0) -> tuple[int, ...]:
        return tuple((h.part(reg_id).value & mask) >> lsb for h in self.hosts)

    def _level_fields(self, plan: _Plan, together: Question | None) -> None:
        """Tell what the hosts answered to the fields of a register, and to all of them together."""
        reg_id, stuck = plan.reg_id, 0
        mask, bits = plan.levelled
        refused = together is not None and together.answer is None
        for name, field, question in plan.fields:
            if question is None:
                self._unknown(reg_id, name, field.msb, field.lsb)
            elif question.answer is None:
                stuck |= field.mask
                self._stuck(reg_id, name, field, question.doubted)
            elif not refused:
                self.fields.append(self._levelled(reg_id, name, field, question.answer >> field.lsb))
        self._other_bits(reg_id, mask | stuck)
        if refused:
            assert together is not None and together.refusing is not None
            reason = f"each field alone is accepted, all of them together are not on {together.refusing.label}"
            self._obstacle(reg_id, "", self._own(reg_id), reason, doubted=together.doubted)
            return
        if mask:
            self.changes[reg_id] = (mask, bits)
        if not stuck and not self._differing(reg_id, mask):
            self._keep(reg_id, self.distinct[0].part(reg_id).value & ~mask | bits)

    def _keep(self, reg_id: int, value: int) -> None:
        """Take the common value of a register, as far as it is known of every host."""
        known = self._known(reg_id) & ones(by_id(reg_id).size * 8)
        if not known:
            return
        self.values[reg_id] = value & known
        if known != ones(by_id(reg_id).size * 8):
            self.known[reg_id] = known

    def _differing(self, reg_id: int, judged: int) -> int:
        """Bits outside `judged` in which the hosts differ, as far as they are known."""
        different, known = 0, self._known(reg_id)
        first = self.distinct[0].part(reg_id).value
        for part in self._columns.of(reg_id):
            different |= first ^ part.value
        return different & known & ~judged

    def _other_bits(self, reg_id: int, judged: int) -> None:
        bits = self._differing(reg_id, judged)
        if bits:
            reason = f"bits {bits:#x} differ, and they belong to no field that these kernels know"
            self._obstacle(reg_id, "", self._own(reg_id), reason)

    def _levelled(self, reg_id: int, name: str, field: FieldRule, common: int) -> LevelledField:
        meaning = next(
            (f.meaning for f in read(reg_id, common << field.lsb, include_reserved=True).fields if f.lsb == field.lsb),
            "",
        )
        writable = field_history(reg_id, field.msb, field.lsb).current("writable")
        return LevelledField(
            id=reg_id,
            register=by_id(reg_id).name,
            name=name,
            msb=field.msb,
            lsb=field.lsb,
            values=self._own(reg_id, field.mask, field.lsb),
            common=common,
            meaning=meaning,
            safe=field.direction(),
            writable_since=writable.since if writable else "",
        )

    def _field_table(self, reg_id: int) -> list[FieldRule]:
        """The fields that any of the hosts' kernels or the newest one knows, most significant first."""
        table: dict[tuple[int, int], FieldRule] = {}
        for fields in (*(h.fields(reg_id) for h in self._kernels.values()), newest_fields(reg_id)):
            table.update({(f.msb, f.lsb): f for f in fields})
        return sorted(table.values(), key=lambda f: -f.lsb)

    def _stuck(self, reg_id: int, name: str, field: FieldRule, doubted: bool) -> None:
        history = field_history(reg_id, field.msb, field.lsb)
        writable = history.current("writable")
        hidden = history.current("hidden", "forced", "capped")
        if hidden is not None and not hidden.conditions:
            verb = "hides it" if hidden.what == "hidden" else "limits it"
            reason = f"KVM {verb} {hidden.since_words}: with such a kernel on every host the difference is gone"
            since = hidden.since
        elif hidden is not None and hidden.conditions:
            reason = "it follows the vCPU's own features: create the vCPUs alike on all hosts"
            since = ""
        elif writable is None and (once := history.ever("writable")) is not None:
            reason, since = f"writable {once.since_words}, and a host here runs another kernel", once.since
        elif writable is None:
            reason, since = "writable in no modelled kernel", ""
        else:
            reason, since = (
                (f"writable {writable.since_words}; a host here runs an older kernel or cannot take less"),
                writable.since,
            )
        self._obstacle(reg_id, name, self._own(reg_id, field.mask, field.lsb), reason, since, doubted)

    def _level_whole(self, reg_id: int, common: int | None, doubted: bool) -> None:
        own = self._own(reg_id)
        if common is not None:
            self.registers.append(LevelledRegister(id=reg_id, register=by_id(reg_id).name, values=own, common=common))
            self.values[reg_id] = common
            self.changes[reg_id] = ((1 << by_id(reg_id).size * 8) - 1, common)
            return
        if reg_id in _IDENTITY:
            since = era_of("implementation-ids", "writable").since
            reason = (
                f"it names the physical CPU: not writable before {since}, from then on only with"
                " KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"
            )
            self._obstacle(reg_id, "", own, reason, since, doubted)
            return
        parts = split_id(reg_id)
        if parts.cls == CLASS_FIRMWARE and parts.number:
            reason = (
                "a workaround state is the host's own and is never stored: a guest has to be started on the"
                " weakest host"
            )
        elif parts.cls == CLASS_FIRMWARE or parts.cls == CLASS_BITMAP:
            reason = "no value is accepted by every host"
        else:
            era = era_of("cache-registers", "fabricated")
            reason = f"up to Linux {era.before} it must equal the host's own; from {era.since} the VMM may change it"
            self._obstacle(reg_id, "", own, reason, era.since, doubted)
            return
        self._obstacle(reg_id, "", own, reason, doubted=doubted)

    def _obstacle(
        self, reg_id: int, field: str, values: tuple[int, ...], reason: str, since: str = "", doubted: bool = False
    ) -> None:
        self.obstacles.append(
            Obstacle(
                id=reg_id, register=by_id(reg_id).name, field=field, values=values, reason=reason, since=since,
                certain=not doubted,
            )
        )  # fmt: skip


def newest_fields(reg_id: int) -> tuple[FieldRule, ...]:
    """The feature-table fields of a register in the newest modelled kernel."""
    return rulebook(load_policy(policy_names()[-1])).fields(reg_id)


def safe_value(field: FieldRule, values: Sequence[int]) -> int:
    """What arm64_ftr_safe_value() makes of the values of several CPUs."""
    if len(set(values)) == 1:
        return values[0]

    def order(value: int) -> int:
        return signed_value(value, field.width) if field.signed else value

    if field.safe == "lower":
        return min(values, key=order)
    if field.safe == "higher":
        return max(values, key=order)
    if field.safe == "higher-or-zero":
        return 0 if 0 in values else max(values)
    return field.exact


def _candidates(field: FieldRule, ideal: int) -> list[int]:
    """The ideal value, then the next safer ones in order."""
    top = 1 << field.width
    if field.safe == "lower":
        if field.signed and ideal >= top >> 1:
            return list(range(ideal, (top >> 1) - 1, -1))
        less = list(range(ideal, -1, -1))
        return [*less, *range(top - 1, (top >> 1) - 1, -1)] if field.signed else less
    if field.safe in ("higher", "higher-or-zero"):
        return [*range(ideal, top), *([0] if field.safe == "higher-or-zero" else [])]
    return [ideal]


def _whole_candidates(reg_id: int, own: Sequence[int]) -> list[int]:
    """Values worth trying for a register without feature fields, best first."""
    distinct = sorted(set(own), reverse=True)
    parts = split_id(reg_id)
    if parts.cls in (CLASS_BITMAP, CLASS_SVE):
        # Sets of hypercalls and of vector lengths: what all have.
        common = distinct[0]
        for value in distinct:
            common &= value
        return [common]
    return distinct
