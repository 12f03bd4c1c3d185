"""One kernel of a matrix: the fresh vCPU that the VMM creates under it, as what is saved and as what is restored on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from errno import EINVAL, ENOENT
from functools import cached_property

import msgspec

from inspector.checks.machine.destination import Destination, modelled
from inspector.checks.restore.creation import ending, first_run_step
from inspector.checks.restore.result import LOADS, Finding, RestoreStep, VcpuResult, Verdict
from inspector.checks.restore.summary import restore
from inspector.checks.vmms.base import Vmm
from inspector.kvm.cases import ACCEPTED, Case, refused
from inspector.kvm.exposure import Exposure
from inspector.kvm.firmware import possible_levels, workaround_levels
from inspector.kvm.gates import gates
from inspector.kvm.gates.doubts import supposed
from inspector.kvm.gates.gate import OpenGate
from inspector.kvm.limits import LIMITED
from inspector.kvm.mitigations import decided
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL, mask_of
from inspector.registers.encoding import CLASS_CORE, is_demux, make_id
from inspector.registers.ids import CLIDR_EL1, SVE_VLS
from inspector.registers.naming import name_of
from inspector.sources.dump import Vcpu


class Side(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A fresh vCPU under one kernel."""

    target: Destination
    values: Mapping[int, int]
    """what is saved of it"""
    written: frozenset[int] = frozenset()
    """what the VMM wrote of it: known, whatever the kernel shows"""

    @classmethod
    def of(cls, target: Destination) -> Side:
        """The side that a modelled destination makes."""
        return cls(target=target, values={i: v for i, v in target.values.items() if i != SVE_VLS})

    def unknown(self, reg_id: int) -> int:
        """Bits of a register that nobody knows."""
        return 0 if reg_id in self.written else ~self.target.known.get(reg_id, ALL) & ALL

    @cached_property
    def exposure(self) -> Exposure:
        """What the kernel shows of the host."""
        return self.target.build(1).exposure

    def hiding(self, ids: Collection[int]) -> Side:
        """The side of a VMM that neither saves nor expects these registers."""
        listed, doubtful = self.target.listed.difference(ids), self.target.doubtful.difference(ids)
        values = {i: v for i, v in self.values.items() if i not in ids}
        target = msgspec.structs.replace(self.target, listed=listed, doubtful=doubtful)
        return Side(target=target, values=values, written=self.written)

    def setting(self, changes: Mapping[int, int]) -> Side | None:
        """The side of a VMM that writes these values into a fresh vCPU; None where the kernel refuses one."""
        vcpu = self.target.build(1).vcpu(0)
        if any(vcpu.set_one_reg(reg_id, value) for reg_id, value in changes.items()):
            return None
        kept = {reg_id: vcpu.get_one_reg(reg_id)[1] for reg_id in changes}
        if any(kept[reg_id] != value for reg_id, value in changes.items()):
            return None
        return Side(target=self.target, values=dict(self.values) | dict(changes), written=self.written.union(changes))

    def created(self, setup: VcpuSetup) -> Side | None:
        """The side with other vCPU features; None where the host is not known."""
        host = self.target.host
        return None if host is None else Side.of(modelled(host, self.target.policy, setup, self.target.label))


class Trials:
    """Restores under one VMM's rule, each asked once."""

    def __init__(self, rule: Vmm) -> None:
        self.rule = rule
        self._known: dict[tuple[int, int], tuple[Side, Side, VcpuResult]] = {}

    def restored(self, source: Side, destination: Side) -> VcpuResult:
        """A vCPU of `source` restored on `destination`."""
        key = id(source), id(destination)
        if key not in self._known:
            self._known[key] = source, destination, restored(source, destination, self.rule)
        return self._known[key][2]

    def fatal(self, source: Side, destination: Side) -> list[Finding]:
        """What makes it fail."""
        return [f for f in self.restored(source, destination).findings if f.fatal]

    def loads(self, one: Side, other: Side, *, both: bool = True) -> bool:
        """True when it loads, in both directions unless one is enough."""
        ways = ((one, other), (other, one)) if both else ((one, other),)
        return all(self.verdict(a, b) == LOADS for a, b in ways)

    def verdict(self, source: Side, destination: Side) -> Verdict:
        """How the restore ends, the first run included."""
        results = [self.restored(source, destination)]
        return ending([_saved(source)], destination.target, self.rule, results)

    def run(self, source: Side, destination: Side) -> RestoreStep | None:
        """The first run where it fails, or may."""
        return first_run_step([_saved(source)], destination.target)


def restored(source: Side, destination: Side, rule: Vmm) -> VcpuResult:
    """A vCPU of `source` restored on `destination`.

    A register of which both kernels show the same is left out: KVM accepts a fresh vCPU's own value. That holds where
    some bits are not known as well, as long as both kernels make the same of every host that it may be.
    """
    there = destination.target
    alike = frozenset(i for i in source.values if _alike(source, destination, i))
    vcpu = _saved(source)
    vcpu = msgspec.structs.replace(vcpu, values={i: v for i, v in vcpu.values.items() if i not in alike})
    narrowed = msgspec.structs.replace(there, listed=there.listed - alike | _ANCHOR, doubtful=there.doubtful - alike)
    (result,) = restore([vcpu], narrowed, rule)
    open_ = frozenset(filter(rule.keeps, _perhaps_saved(source, destination)))
    findings = tuple(_as_far_as_known(one, source, destination, open_) for one in result.findings)
    findings += tuple(
        _perhaps(i, len(findings)) for i in sorted(open_.difference(source.values)) if _may_fail(i, destination, rule)
    )
    least, most = result.destination_counts
    least, most = least - len(open_.difference(source.values)), most + len(open_.intersection(source.values))
    return msgspec.structs.replace(
        result, findings=findings, source_count=result.source_count + len(alike),
        destination_count=result.destination_count + len(alike), fewest=least + len(alike), most=most + len(alike),
    )  # fmt: skip


def _saved(source: Side) -> Vcpu:
    return Vcpu(index=0, values=source.values, setup=source.target.setup)


def _alike(source: Side, destination: Side, reg_id: int) -> bool:
    """True when both kernels list a register and show the same of it, whatever the unknown bits of the host are."""
    if source.values[reg_id] != destination.target.values.get(reg_id):
        return False
    unknown = source.unknown(reg_id)
    if unknown != destination.unknown(reg_id) or not _listed_alike(source, destination, reg_id):
        return False
    one, other = source.exposure, destination.exposure
    if not unknown or (one.policy.does == other.policy.does and one.setup == other.setup):
        return True
    if reg_id not in LIMITED:
        return _shown_by(one, reg_id) == _shown_by(other, reg_id)
    return all(a.limit(reg_id) == b.limit(reg_id) for a, b in _every_host(one, other, reg_id))


def _shown_by(kernel: Exposure, reg_id: int) -> tuple[object, ...]:
    """How a kernel shows a register that is no ID register: caches, mitigation levels, the PMU."""
    book = kernel.book
    if reg_id == CLIDR_EL1 or is_demux(reg_id):
        return (book.variant("cache-registers"),)
    if reg_id not in workaround_levels(kernel):
        return book.variant("pmcr"), book.variant("pmu-reset")
    levels = possible_levels(kernel, reg_id)
    return (levels,) if decided(kernel.host, reg_id) else (levels, book.variant("mitigation-levels"))


def _every_host(one: Exposure, other: Exposure, reg_id: int) -> Iterator[tuple[Exposure, Exposure]]:
    """What two kernels show with every pattern for what is not known of a register, and with and without each open
    condition."""
    yield from zip(supposed(one, reg_id), supposed(other, reg_id), strict=True)
    for word in one.open_conditions | other.open_conditions:
        for a, b in ({word}, ()), ((), {word}):
            pair = [side.assuming(side.conditions.union(a).difference(b)) for side in (one, other)]
            yield from zip(supposed(pair[0], reg_id), supposed(pair[1], reg_id), strict=True)


def _listed_alike(source: Side, destination: Side, reg_id: int) -> bool:
    """True when both kernels list a register for sure, or under the same condition."""
    if reg_id not in source.target.doubtful and reg_id not in destination.target.doubtful:
        return True
    return source.exposure.doubtful.get(reg_id) == destination.exposure.doubtful.get(reg_id)


def _perhaps_saved(source: Side, destination: Side) -> frozenset[int]:
    """Registers of which it is not known whether they are saved, and that the destination lists otherwise."""
    return frozenset(i for i in source.target.doubtful if not _listed_alike(source, destination, i))


def _may_fail(reg_id: int, destination: Side, rule: Vmm) -> bool:
    """True when a register that may be saved may fail the restore: it is missing there, or not every value is taken."""
    if reg_id not in destination.target.listed or reg_id in destination.target.doubtful:
        return not rule.tolerates(reg_id, None)
    gate = gates(destination.exposure).find(reg_id)
    return gate is not None and not isinstance(gate, OpenGate)


def _perhaps(reg_id: int, order: int) -> Finding:
    """About a register that the source lists under a condition of which it is not known whether it holds."""
    bare = Finding(vcpu=0, id=reg_id, kind="uncertain", order=order, value=None, destination=None)
    return _open(bare, f"whether the source kernel lists {name_of(reg_id)}", ENOENT)


def _as_far_as_known(one: Finding, source: Side, destination: Side, open_: Collection[int]) -> Finding:
    """The finding, uncertain where it rests on what is not known of the saved vCPU: whether it has the register, or
    bits of its value."""
    if one.id in open_ and one.fatal:
        return _open(one, f"whether the source kernel lists {name_of(one.id)}", one.errno)
    unknown = source.unknown(one.id)
    if not unknown or not one.certain or one.kind not in ("accepted", "changed", "refused"):
        return one
    gate = gates(destination.exposure).find(one.id)
    known = (field for field in one.fields if not unknown & mask_of(field.msb, field.lsb))
    if gate is None or isinstance(gate, OpenGate) or any(field.certain and not field.accepted for field in known):
        return one
    return _open(one, f"what the source kernel shows of the host's {name_of(one.id)}", EINVAL)


def _open(one: Finding, source: str, errno: int) -> Finding:
    cases = (
        Case(when=f"{source} agrees with the destination's", outcome=ACCEPTED.text),
        Case(when="it does not", outcome=refused(errno).text, errno=errno),
    )
    return msgspec.structs.replace(
        one, kind="uncertain", certain=False, fatal=False, errno=0, after=None, would_pass=None, depends_on=(source,),
        cases=cases, reason=f"the answer depends on {source}, which is not known.",
    )  # fmt: skip


_ANCHOR = frozenset({make_id(CLASS_CORE, 0)})
"""X0: a list that is not empty even where both kernels show the same of everything"""
