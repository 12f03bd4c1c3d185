"""One kernel of a matrix: the fresh vCPU that the VMM creates under it, as what is saved and as what is restored on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from inspector.checks.machine.destination import Destination, modelled
from inspector.checks.restore.result import VcpuResult
from inspector.checks.restore.summary import restore
from inspector.checks.vmms.base import Vmm
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL
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


def restored(source: Side, destination: Side, rule: Vmm) -> VcpuResult:
    """A vCPU of `source` restored on `destination`.

    A register of which some bits are not known is left out where both kernels show the same of it: the host is the
    same, so the values are.
    """
    there = destination.target
    alike = {
        i for i in source.values
        if source.unknown(i) and source.unknown(i) == destination.unknown(i)
        and source.values[i] == there.values.get(i)
    }  # fmt: skip
    values = {i: v for i, v in source.values.items() if i not in alike}
    listed = frozenset(i for i in there.listed if i not in alike)
    vcpu = Vcpu(index=0, values=values, setup=source.target.setup)
    (result,) = restore([vcpu], msgspec.structs.replace(there, listed=listed), rule)
    return result
