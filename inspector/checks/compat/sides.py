"""One kernel of a matrix: the fresh vCPU that the VMM creates under it, as what is saved and as what is restored on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from inspector.checks.machine.destination import Destination, modelled
from inspector.checks.restore.result import LOADS, Finding, VcpuResult
from inspector.checks.restore.summary import restore, verdict_of
from inspector.checks.vmms.base import Vmm
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_CORE, make_id
from inspector.registers.ids import SVE_VLS
from inspector.sources.dump import Vcpu


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh vCPU under one kernel."""

    target: Destination
    values: Mapping[int, int]
    """what is saved of it"""

    @classmethod
    def of(cls, target: Destination) -> Side:
        """The side that a modelled destination makes."""
        return cls(target=target, values={i: v for i, v in target.values.items() if i != SVE_VLS})

    def unknown(self, reg_id: int) -> int:
        """Bits of a register that nobody knows."""
        return ~self.target.known.get(reg_id, ALL) & ALL

    def hiding(self, ids: Collection[int]) -> Side:
        """The side of a VMM that neither saves nor expects these registers."""
        listed = frozenset(i for i in self.target.listed if i not in ids)
        values = {i: v for i, v in self.values.items() if i not in ids}
        return Side(target=msgspec.structs.replace(self.target, listed=listed), values=values)

    def setting(self, changes: Mapping[int, int]) -> Side | None:
        """The side of a VMM that writes these values into a fresh vCPU; None where the kernel refuses one."""
        vcpu = self.target.build(1).vcpu(0)
        if any(vcpu.set_one_reg(reg_id, value) for reg_id, value in changes.items()):
            return None
        kept = {reg_id: vcpu.get_one_reg(reg_id)[1] for reg_id in changes}
        if any(kept[reg_id] != value for reg_id, value in changes.items()):
            return None
        return Side(target=self.target, values=dict(self.values) | dict(changes))

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
        return all(verdict_of(self.rule, [self.restored(a, b)]) == LOADS for a, b in ways)


def restored(source: Side, destination: Side, rule: Vmm) -> VcpuResult:
    """A vCPU of `source` restored on `destination`.

    A register of which both kernels show the same is left out: KVM accepts a fresh vCPU's own value. That holds where
    some bits are not known as well: the host is the same, so the values are.
    """
    there = destination.target
    alike = {
        i for i, value in source.values.items()
        if value == there.values.get(i) and source.unknown(i) == destination.unknown(i)
    }  # fmt: skip
    values = {i: v for i, v in source.values.items() if i not in alike}
    listed = frozenset(i for i in there.listed if i not in alike)
    vcpu = Vcpu(index=0, values=values, setup=source.target.setup)
    narrowed = msgspec.structs.replace(there, listed=listed | _ANCHOR)
    (result,) = restore([vcpu], narrowed, rule)
    return msgspec.structs.replace(
        result, source_count=result.source_count + len(alike), destination_count=result.destination_count + len(alike)
    )


_ANCHOR = frozenset({make_id(CLASS_CORE, 0)})
"""X0: a list that is not empty even where both kernels show the same of everything"""
