"""KVM_SET_ONE_REG: a VM and its vCPUs, as far as feature IDs, caches and firmware registers go.

`Vcpu.decide` answers with an errno and changes the state, in integers only. `Vcpu.set` does the same and explains
itself. A refused write changes nothing. State is kept where KVM keeps it: on the VM (ID registers, CTR_EL0,
implementation ids, PSCI version, bitmaps, the number of PMU counters) or on the vCPU (MPIDR, CSSELR, CLIDR, CCSIDR,
OSLSR, PMCR_EL0).
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import EINVAL, ENOENT, ENOEXEC

from inspector.kvm.creation import creation_errno, run_errno
from inspector.kvm.exposure import MPIDR, Exposure, expose
from inspector.kvm.firmware import workaround_levels
from inspector.kvm.firstrun import prepare_first_run, settle_first_run
from inspector.kvm.fresh import FreshExposure
from inspector.kvm.gates import Gate, gates
from inspector.kvm.host import HostState
from inspector.kvm.verdict import Verdict
from inspector.policies.model import Policy
from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import ARCH_ARM64, CLASS_CORE, class_of
from inspector.registers.ids import ID_AA64PFR1_EL1, PMCR_EL0, VMPIDR_EL2, WORKAROUND_2


class Vm:
    """One VM of a kernel on a host, with `vcpus` vCPUs created alike.

    The vCPUs are initialised unless `initialised` is False; `init_errno` is what KVM_ARM_VCPU_INIT (or enabling a
    capability before it) answered.
    """

    def __init__(
        self,
        host: HostState,
        policy: Policy,
        setup: VcpuSetup,
        vcpus: int = 1,
        *,
        exposure: Exposure | None = None,
        initialised: bool = True,
    ) -> None:
        self.exposure = exposure if exposure is not None else expose(host, policy, setup)
        self.policy, self.setup = policy, setup
        self.init_errno = creation_errno(self.exposure, vcpus)
        self.gates: dict[int, Gate] = gates(self.exposure)
        self.stored: dict[int, int] = dict(self.exposure.vm_values)
        self.counters = self.exposure.pmcr_counters
        self.ran = False
        alive = initialised and not self.init_errno
        self.vcpus = tuple(Vcpu(self, index, alive) for index in range(vcpus))

    @classmethod
    def from_fresh(
        cls,
        values: Mapping[int, int],
        policy: Policy,
        setup: VcpuSetup,
        vcpus: int = 1,
        *,
        host: HostState | None = None,
    ) -> Vm:
        """A VM of which only the registers of a fresh vCPU of the same configuration are known.

        `values`: register id -> KVM_GET_ONE_REG right after creation; the limit of every later write. `host`, where
        known, adds what a fresh vCPU does not show: the old values that some kernels tolerate, and the guest's view.
        """
        exposure = FreshExposure(values, policy, setup, host)
        return cls(exposure.host, policy, setup, vcpus, exposure=exposure)

    def vcpu(self, index: int) -> Vcpu:
        """vCPU number `index`."""
        return self.vcpus[index]

    def run(self, index: int) -> int:
        """KVM_RUN on a vCPU: the errno; state changes as the first run makes them."""
        vcpu = self.vcpus[index]
        if not vcpu.initialised:
            return ENOEXEC
        if not self.ran:
            prepare_first_run(self)
        error = run_errno(self.exposure)
        if error:
            return error
        settle_first_run(self, vcpu)
        self.ran = True
        vcpu.ran = True
        return 0

    def mark_ran(self, errno: int) -> None:
        """Take a recorded KVM_RUN for granted: its errno is an event, the state follows from it."""
        prepare_first_run(self)
        if errno == 0:
            settle_first_run(self, self.vcpus[0])
            self.ran = True
            self.vcpus[0].ran = True

    def writable_masks(self) -> tuple[int, dict[int, int]]:
        """KVM_ARM_GET_REG_WRITABLE_MASKS: (errno, register id -> mask); EINVAL from kernels without it."""
        return writable_masks(self.exposure)


class Vcpu:
    """One vCPU's own registers."""

    __slots__ = ("index", "initialised", "own", "ran", "vm")

    def __init__(self, vm: Vm, index: int, initialised: bool) -> None:
        self.vm, self.index, self.initialised, self.ran = vm, index, initialised, False
        self.own: dict[int, int] = dict(vm.exposure.vcpu_values)
        if MPIDR in self.own and index:
            self.own[MPIDR] = vm.exposure.mpidr(index)

    def value(self, reg_id: int) -> int:
        """The register's value; 0 for one that does not exist (ask `get` for the errno)."""
        vm = self.vm
        value = vm.stored.get(reg_id)
        if value is not None:
            return value
        value = self.own.get(reg_id)
        if value is not None:
            if reg_id == PMCR_EL0 and vm.exposure.counts_in_pmcr:
                return value | vm.counters << 11
            if reg_id == VMPIDR_EL2 and self.ran:
                return value & ~(0xFFFFFF << 40 | 0x7F << 24) | 1 << 31
            return value
        if reg_id == WORKAROUND_2:
            return workaround_levels(vm.exposure, vm.stored.get(ID_AA64PFR1_EL1, 0) >> 4 & 0xF)[reg_id]
        return vm.exposure.other_values.get(reg_id, 0)

    def get(self, reg_id: int) -> tuple[int, int | None]:
        """KVM_GET_ONE_REG: (errno, value); the value is None with an errno, and for one that cannot be derived."""
        error = self._absent(reg_id)
        if error:
            return error, None
        exposure = self.vm.exposure
        if reg_id in exposure.running or (reg_id in exposure.underivable and reg_id not in self.own):
            return 0, None
        return 0, self.value(reg_id)

    def decide(self, reg_id: int, value: int) -> int:
        """KVM_SET_ONE_REG: the errno; an accepted value is stored."""
        if not self.initialised:
            return ENOEXEC
        gate = self.vm.gates.get(reg_id)
        if gate is not None:
            return gate.decide(self, value)
        error = self._absent(reg_id)
        if error == 0:
            self.own[reg_id] = value
        return error

    def would_accept(self, reg_id: int, value: int) -> int:
        """The errno of a write, without making it."""
        vm = self.vm
        held = dict(vm.stored), dict(self.own), vm.counters
        error = self.decide(reg_id, value)
        vm.stored, self.own, vm.counters = held
        return error

    def set(self, reg_id: int, value: int, size_ok: bool = True) -> Verdict:
        """KVM_SET_ONE_REG, explained. `size_ok` False: the id states a size that the register does not have."""
        from inspector.kvm.words.explaining import explain_write

        return explain_write(self, reg_id, value, size_ok)

    def _absent(self, reg_id: int) -> int:
        """The errno with which KVM refuses to know this id; 0 for a register that exists."""
        if not self.initialised:
            return ENOEXEC
        if reg_id in self.vm.exposure.listed_set:
            return 0
        if reg_id >> 56 != ARCH_ARM64 or reg_id >> 32 & 0xFFFFF:
            return EINVAL
        if class_of(reg_id) == CLASS_CORE and reg_id & 0xFFFF < 0xD6:
            return EINVAL
        return ENOENT


def writable_masks(exposure: Exposure) -> tuple[int, dict[int, int]]:
    """What KVM_ARM_GET_REG_WRITABLE_MASKS answers: the raw masks, AArch32 rows only where the host has AArch32."""
    book = exposure.book
    if book.variant("writable-masks") == "absent":
        return EINVAL, {}
    masks = {
        reg_id: entry[-1]
        for reg_id, entries in book.writable.items()
        if (entry := [m for m, r in entries if not r.when])
    }
    masks |= {reg_id: mask for reg_id, (mask, _) in book.reported.items()}
    return 0, {
        reg_id: masks[reg_id] for reg_id in sorted(masks) if masks[reg_id] and not exposure.ignores_writes(reg_id)
    }
