"""PSTATE: the modes that a vCPU may be put in, and what AArch32 makes of the other core registers.

set_core_reg(), arch/arm64/kvm/guest.c: alike from v5.10 to v7.3. Measured by writing core registers on real kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from errno import EINVAL

from inspector.kvm.cases import ACCEPTED, Case, refused
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.gates.gate import Gate, Part, Write
from inspector.kvm.state import VcpuState
from inspector.policies.setup import Feature
from inspector.registers.bits import ones
from inspector.registers.encoding import CLASS_CORE, make_id
from inspector.registers.ids import PSTATE

_AARCH32 = 1 << 4
_USR, _SYS = 0x10, 0x1F
_OF_32_BIT_EL1 = frozenset((0x11, 0x12, 0x13, 0x17, 0x1B, _SYS))
"""FIQ, IRQ, SVC, ABT, UND, SYS; monitor and hypervisor mode no vCPU has"""
_OF_64_BIT_EL1, _OF_EL2 = frozenset((0, 4, 5)), frozenset((8, 9))
_GENERAL = tuple(make_id(CLASS_CORE, 2 * number) for number in range(31))
_PC = make_id(CLASS_CORE, 0x40)
_FROM_USER = 15
"""X0 to X14 are R0 to R14 of user and system mode; any other AArch32 mode banks some, kept in the rest."""
_BANKED = {
    0x11: tuple(range(24, 31)), 0x12: (16, 17), 0x13: (18, 19), 0x17: (20, 21), 0x1B: (22, 23),
}  # fmt: skip
"""AArch32 mode -> where its own last registers up to R14 are kept (Arm ARM, D1.19): FIQ has seven, the others two."""


def is_narrow(vcpu: VcpuState) -> bool:
    """True while PSTATE says AArch32: after each write of a core register the general ones lose their upper half."""
    return bool(vcpu.value(PSTATE) & _AARCH32)


def narrow(vcpu: VcpuState) -> None:
    """What the write of a core register does to the others of a vCPU in AArch32."""
    mode = vcpu.value(PSTATE) & 0x1F
    if mode in (_USR, _SYS):
        numbers: tuple[int, ...] = tuple(range(_FROM_USER))
    elif vcpu.vm.exposure.book.has("aarch32-narrows-all"):
        numbers = tuple(range(len(_GENERAL)))
    else:
        banked = _BANKED.get(mode, (13, 14))
        numbers = (*range(15 - len(banked)), *banked)
    for reg_id in (*(_GENERAL[number] for number in numbers), _PC):
        if reg_id in vcpu.own:
            vcpu.own[reg_id] &= ones(32)


class Pstate(Gate):
    """The mode decides alone; every other bit is stored."""

    __slots__ = ()
    function = ""

    def _problem(self, mode: int) -> str:
        """Why the vCPU cannot be in a mode; empty where it can."""
        setup, host = self.exposure.setup, self.exposure.host
        narrow_el1 = setup.has(Feature.EL1_32BIT)
        if mode == _USR:
            return "" if host.has_aarch32 else "the host has no AArch32"
        if mode in _OF_32_BIT_EL1:
            return "" if narrow_el1 else "EL1 of this vCPU is 64-bit, and the mode is one of AArch32's EL1"
        if mode in _OF_EL2 and not setup.has(Feature.EL2):
            return "the vCPU has no EL2"
        if mode not in _OF_64_BIT_EL1 | _OF_EL2:
            return "no vCPU has such a mode"
        return "EL1 of this vCPU is AArch32, and the mode is one of AArch64" if narrow_el1 else ""

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The mode, with the bit that says AArch32."""
        problem = self._problem(value & 0x1F)
        return (Part("mode", 4, 0, 0x1F, True, "a mode that the vCPU has").unless(not problem, problem),)

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """User mode of AArch32, on a host of which it is not known whether it has that."""
        if value & 0x1F != _USR or self.exposure.host.aarch32_known:
            return ()
        source, no = "the host's ID_AA64PFR0_EL1.EL0", refused(EINVAL)
        there = Case(when=f"{source} is 2", outcome=ACCEPTED.text, settle="--host aarch32=on")
        missing = Case(when=f"{source} is 1", outcome=no.text, errno=no.errno, settle="--host aarch32=off")
        return (Doubt("mode", source, (there, missing)),)

    def store(self, vcpu: VcpuState, value: int) -> None:
        """On the vCPU; in AArch32 with what that makes of the general registers."""
        vcpu.own[self.reg_id] = value
        if value & _AARCH32:
            narrow(vcpu)

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """None: in another mode the guest would run something else."""
        return iter(())

    def nearest(self, vcpu: VcpuState, value: int) -> int | None:
        """None, for the same reason."""
        return None

    def refusal(self, value: int) -> str:
        """The mode that the vCPU lacks."""
        return f"mode 0x{value & 0x1F:x}: {self._problem(value & 0x1F)}"

    def acceptance(self, write: Write) -> str:
        """Kept, and what comes with AArch32."""
        if write.value & _AARCH32:
            return "accepted and stored; in AArch32 PC and the general registers of the mode keep their lower 32 bits"
        return "accepted and stored"
