"""A VM and its vCPUs: KVM_ARM_VCPU_INIT, KVM_GET_REG_LIST, KVM_GET_ONE_REG, KVM_SET_ONE_REG and KVM_RUN.

Integers only: an errno answers, a refused write changes nothing. words/explaining.py makes a write and explains it.
"""

from __future__ import annotations

from errno import EINTR, EINVAL, ENOENT, ENOEXEC
from functools import cached_property

from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.firstrun import first_run, prepare_first_run, settle_first_run
from inspector.kvm.gates import gates
from inspector.kvm.gates.gate import Gate
from inspector.kvm.gates.pstate import is_narrow, narrow
from inspector.kvm.host import HostState
from inspector.kvm.listing import VM_FIELDS, VmField
from inspector.kvm.state import VcpuState, VmState
from inspector.policies.model import Policy
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.encoding import ARCH_ARM64, CLASS_CORE, class_of
from inspector.registers.ids import ID_SPACE

_ID_REGISTERS = frozenset(ID_SPACE)


class Vm(VmState):
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
        super().__init__(exposure if exposure is not None else expose(host, policy, setup))
        self.policy, self.setup = policy, setup
        self.init_errno = vcpu_init(self.exposure, vcpus)
        self.gates = gates(self.exposure)
        alive = initialised and not self.init_errno
        self.vcpus = tuple(Vcpu(self, index, alive) for index in range(vcpus))

    @cached_property
    def plain(self) -> frozenset[int]:
        """Registers that keep whatever is written, for sure: those without a gate that do not change by themselves."""
        exposure = self.exposure
        return exposure.listed_set.difference(exposure.doubtful, exposure.running, exposure.by_fields, self.gates)

    def worded_like(self, other: Vm) -> frozenset[int]:
        """Registers of which a value that both VMs keep for sure, before the first run, is kept with the same words."""
        mine, theirs = self.gates, other.gates
        return (self.plain & other.plain).union(i for i in mine if i in theirs and mine[i].alike(theirs[i]))

    def vcpu(self, index: int) -> Vcpu:
        """vCPU number `index`."""
        return self.vcpus[index]

    def run(self, index: int) -> int:
        """KVM_RUN on a vCPU: the errno; state changes as the first run makes them."""
        vcpu = self.vcpus[index]
        return first_run(self, vcpu) if vcpu.initialised else ENOEXEC

    def mark_ran(self, errno: int) -> None:
        """Take a recorded KVM_RUN for granted: its errno is an event, the state follows from it."""
        prepare_first_run(self)
        if errno == EINVAL and self.exposure.setup.has(Feature.EL1_32BIT) and not self.exposure.host.has_aarch32:
            self.vcpus[0].initialised = False  # the mode that the vCPU is in takes its initialisation back
        if errno in (0, EINTR):  # a vCPU that is powered off blocks only after the VM counts as run
            settle_first_run(self, self.vcpus[0])
            self.ran = True
            self.vcpus[0].ran = True

    def writable_masks(self) -> tuple[int, dict[int, int]]:
        """KVM_ARM_GET_REG_WRITABLE_MASKS: (errno, register id -> mask); EINVAL from kernels without it."""
        return writable_masks(self.exposure)


class Vcpu(VcpuState):
    """One vCPU, as userspace talks to it."""

    __slots__ = ("gates", "initialised")
    vm: Vm

    def __init__(self, vm: Vm, index: int, initialised: bool) -> None:
        super().__init__(vm, index)
        self.gates, self.initialised = vm.gates, initialised

    def gate(self, reg_id: int) -> Gate | None:
        """What judges writes of a register; None for plain storage, and for what does not exist."""
        return self.gates.find(reg_id) if self.initialised else None

    def judges(self, reg_id: int) -> bool:
        """Whether `gate` has one; it is not made."""
        return self.initialised and reg_id in self.gates

    def get_reg_list(self) -> tuple[int, ...]:
        """KVM_GET_REG_LIST, in the kernel's order; empty before KVM_ARM_VCPU_INIT."""
        if not self.initialised:
            return ()
        return tuple(reg_id for reg_id in self.vm.exposure.listed if not self.taken_away(reg_id))

    def taken_away(self, reg_id: int) -> str:
        """The condition on the VM's own ID registers that keeps a listed register away; empty where there is none."""
        needs = self.vm.exposure.by_fields.get(reg_id, ())
        missing = [sorted(word for word in words if not self._has(VM_FIELDS[word])) for words in needs]
        return missing[0][0] if missing and all(missing) else ""

    def _has(self, field: VmField) -> bool:
        return field.holds(self.vm.stored[field.reg_id])

    def get_one_reg(self, reg_id: int) -> tuple[int, int | None]:
        """KVM_GET_ONE_REG: (errno, value); the value is None with an errno, and for one that cannot be derived."""
        error = self._absent(reg_id)
        if error:
            return error, None
        exposure = self.vm.exposure
        if reg_id in exposure.running or (reg_id in exposure.underivable and reg_id not in self.own):
            return 0, None
        return 0, self.value(reg_id)

    def would_accept(self, reg_id: int, value: int) -> int:
        """The errno with which KVM_SET_ONE_REG would answer; nothing is written."""
        gate = self.gate(reg_id)
        return gate.decide(self, value) if gate is not None else self._absent(reg_id)

    def keeps(self, reg_id: int, value: int) -> bool:
        """Write `value` where it is accepted and read back as it is, for sure: such a write needs no verdict.

        Else nothing is written, and False.
        """
        if not self.initialised:
            return False
        if reg_id in self.vm.plain:
            if value >> 32 and class_of(reg_id) == CLASS_CORE and is_narrow(self):
                return False
            self.own[reg_id] = value
        else:
            if reg_id not in self.gates or reg_id in self.vm.exposure.doubtful or not self._sure(reg_id, value):
                return False
        self.opens(reg_id)[reg_id] = 0
        return True

    def _sure(self, reg_id: int, value: int) -> bool:
        """Store a value that is accepted for sure and read back as it is; else store nothing, and False.

        Of an ID register that depends on nothing else it is asked once for all kernels that say the same of it.
        """
        vm, exposure = self.vm, self.vm.exposure
        said = exposure.book.of(reg_id)
        if reg_id not in _ID_REGISTERS or vm.ran or not said.alone:
            return self._tried(reg_id, value)
        kept = exposure.alike.kept
        how = type(exposure), exposure.book.variant("id-registers")
        key = said, how, exposure.limits[reg_id], vm.stored[reg_id], value
        if key not in kept:
            kept[key] = self._tried(reg_id, value)
        elif kept[key]:
            vm.stored[reg_id] = value
        return kept[key]

    def _tried(self, reg_id: int, value: int) -> bool:
        gate = self.gates[reg_id]
        return not gate.doubts(self, value) and not gate.decide(self, value) and self._stays(gate, value)

    def _stays(self, gate: Gate, value: int) -> bool:
        """Store an accepted value where it is read back as it is; else store nothing, and False."""
        reg_id, stored = gate.reg_id, self.vm.stored
        if gate.alone and reg_id in stored:
            before = stored[reg_id]
            gate.store(self, value)
            if self.get_one_reg(reg_id) == (0, value):
                return True
            stored[reg_id] = before
            return False
        with self.undone():
            gate.store(self, value)
            if self.get_one_reg(reg_id) != (0, value):
                return False
        gate.store(self, value)
        return True

    def set_one_reg(self, reg_id: int, value: int) -> int:
        """KVM_SET_ONE_REG: the errno; an accepted value is stored."""
        gate = self.gates.find(reg_id) if self.initialised else None
        if gate is not None:
            error = gate.decide(self, value)
            if not error:
                open_ = gate.unsettled(self, value)
                gate.store(self, value)
                self.opens(reg_id)[reg_id] = open_
            return error
        error = self._absent(reg_id)
        if not error:
            self.own[reg_id] = value
            self.open_bits[reg_id] = 0
            if class_of(reg_id) == CLASS_CORE and is_narrow(self):
                narrow(self)
        return error

    def _absent(self, reg_id: int) -> int:
        """The errno with which KVM refuses to know this id; 0 for a register that exists."""
        if not self.initialised:
            return ENOEXEC
        there = reg_id in self.vm.exposure.listed_set and not self.taken_away(reg_id)
        return 0 if there else unlisted_errno(reg_id)


def unlisted_errno(reg_id: int) -> int:
    """What KVM_SET_ONE_REG answers for an id that the vCPU does not list: kvm_arm_set_reg(), arch/arm64/kvm/guest.c.

    EINVAL for what is no arm64 register, and for a place in struct kvm_regs that cannot be accessed so: V0..V31 of a
    vCPU with SVE (core_reg_size_from_offset(), validate_core_offset()).
    """
    if reg_id >> 56 != ARCH_ARM64 or reg_id >> 32 & 0xFFFFF:
        return EINVAL
    if class_of(reg_id) == CLASS_CORE and reg_id & 0xFFFF < 0xD6:
        return EINVAL
    return ENOENT


def writable_masks(exposure: Exposure) -> tuple[int, dict[int, int]]:
    """What KVM_ARM_GET_REG_WRITABLE_MASKS answers: the raw masks, AArch32 rows only where the host has AArch32."""
    book = exposure.book
    if not book.has("writable-masks"):
        return EINVAL, {}
    masks = {
        reg_id: entry[-1]
        for reg_id in book.registers
        if (entry := [m for m, r in book.of(reg_id).writable if not r.when])
    }
    masks |= {reg_id: told[0] for reg_id in book.registers if (told := book.of(reg_id).reported)}
    return 0, {
        reg_id: masks[reg_id] for reg_id in sorted(masks) if masks[reg_id] and not exposure.ignores_writes(reg_id)
    }
