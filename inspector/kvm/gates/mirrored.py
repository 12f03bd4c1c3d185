"""ID_AA64DFR0_EL1.PMUVer and ID_DFR0_EL1.PerfMon as two faces of one VM-wide PMU version (v6.2 to v6.4)."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.id_register import IdGate, Judged
from inspector.kvm.state import VcpuState
from inspector.policies.setup import Feature
from inspector.policies.spans import FieldRule
from inspector.registers.bits import insert
from inspector.registers.ids import ID_AA64DFR0_EL1, ID_DFR0_EL1

_IMPDEF = 15


class Mirrored(IdGate):
    """set_id_aa64dfr0_el1() and set_id_dfr0_el1()."""

    __slots__ = ("lsb",)
    alone = False

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        aarch32 = reg_id == ID_DFR0_EL1
        self.lsb = 24 if aarch32 else 8
        most = self.limit >> self.lsb & 0xF
        allowed = 0
        for version in range(16):
            good = version == _IMPDEF or version <= most
            good &= (version not in (0, _IMPDEF)) == exposure.setup.has(Feature.PMU)
            # PerfMon 1 and 2 are PMUv1 and v2, which no AArch64 vCPU has.
            good &= not (aarch32 and version in (1, 2))
            allowed |= good << version
        self.judge((Judged(self.lsb, 0xF, allowed),))

    def store(self, vcpu: VcpuState, value: int) -> None:
        """Both registers follow."""
        stored, field = vcpu.vm.stored, value >> self.lsb & 0xF
        version = 1 if self.reg_id == ID_DFR0_EL1 and field == 3 else field
        stored[ID_AA64DFR0_EL1] = insert(stored[ID_AA64DFR0_EL1], 11, 8, version)
        if not self.exposure.raz(ID_DFR0_EL1):
            stored[ID_DFR0_EL1] = insert(stored[ID_DFR0_EL1], 27, 24, 3 if version == 1 else version)

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """The version as written, all else as KVM offers it."""
        yield insert(self.limit, self.lsb + 3, self.lsb, value >> self.lsb & 0xF)

    def beyond(self, field: FieldRule, written: int) -> str:
        """The PMU version alone is judged."""
        return "no PMU version that this vCPU can have"
