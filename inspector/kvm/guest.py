"""What a guest reads with MRS at EL1, where it differs from what KVM reports to userspace.

Up to v6.2 the cache registers and CTR_EL0 are not trapped: the guest sees the hardware's, 64-bit CCSIDR_EL1 included.
Since v6.3 HCR_EL2.TID2 (later the finer TID4) sends them to KVM (arch/arm64/kvm/sys_regs.c, access_clidr(),
access_ccsidr()).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from inspector.kvm.caches import CCSIDR_COUNT
from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import Exposure
from inspector.kvm.firstrun import first_run
from inspector.kvm.host import HostState, may_leave_trap_out
from inspector.kvm.state import VcpuState, VmState
from inspector.policies.model import PROTECTED, GuestCaches
from inspector.registers.bits import ALL
from inspector.registers.encoding import ccsidr_id, is_demux
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CTR_EL0,
    DCZID_EL0,
    ID_AA64MMFR2_EL1,
    ID_SPACE,
    MIDR_EL1,
    MPIDR_EL1,
    REVIDR_EL1,
)

SELECTORS = range(7)
"""The CSSELR_EL1 values that the recordings' guest tries."""


def guest_ids() -> tuple[int, ...]:
    """The 70 registers that the recordings' guest reads, in its order."""
    return (
        MIDR_EL1, MPIDR_EL1, REVIDR_EL1, *ID_SPACE, CLIDR_EL1, AIDR_EL1, CTR_EL0, DCZID_EL0,
        *(ccsidr_id(k) for k in SELECTORS),
    )  # fmt: skip


def guest_ctr(host: HostState, variant: GuestCaches, vm_ctr: int, host_ctr: int) -> int:
    """CTR_EL0 in the guest. With FEAT_EVT KVM stops trapping it while the VM's value equals the host's."""
    if variant == "hardware":
        return host.value(CTR_EL0)
    evt = host.value(ID_AA64MMFR2_EL1) >> 56 & 0xF
    if variant == "trapped-unless-evt" and evt and vm_ctr == host_ctr:
        return host.value(CTR_EL0)
    return vm_ctr


def trap_in_doubt(exposure: Exposure) -> int:
    """The bits of CTR_EL0 of which it is not known whether a guest reads the hardware's or what KVM keeps.

    That is where it is not known whether the CPU has FEAT_EVT. And under `kvm-arm.mode=protected` the hypervisor part
    decides on the trap of every VM, protected or not, by a rule of its own (arch/arm64/kvm/hyp/nvhe/pkvm.c,
    pkvm_vcpu_reset_hcr()): with FEAT_EVT some releases leave the trap out for each VM, some where the VM's value is the
    hardware's own, TminLine included (7.0.7, recorded: never).
    """
    host = exposure.host
    if not may_leave_trap_out(host, exposure.book.variant("guest-caches")):
        return 0
    if host.kvm_mode not in PROTECTED and 0 not in host.could_be(ID_AA64MMFR2_EL1, 0xF << 56):
        return 0
    return host.value(CTR_EL0) ^ exposure.limit(CTR_EL0)


def guest_known(exposure: Exposure, reg_id: int) -> int:
    """Which bits of what the guest reads are known: the hardware's, where KVM does not trap the register."""
    host, variant = exposure.host, exposure.book.variant("guest-caches")
    untrapped = variant == "hardware"
    if reg_id == CTR_EL0:
        direct = untrapped or may_leave_trap_out(host, variant)
        own = exposure.known.get(reg_id, 0)
        hardware = 0 if host.sanitised else host.known.get(CTR_EL0, 0)
        kept = hardware if untrapped else own & hardware if direct else own
        return kept & ~trap_in_doubt(exposure)
    if reg_id == DCZID_EL0 or (reg_id in (REVIDR_EL1, AIDR_EL1) and not exposure.setup.writable_imp_id):
        return host.known.get(reg_id, 0)
    if untrapped and reg_id == CLIDR_EL1:
        return host.known.get(CLIDR_EL1, 0)
    if untrapped and is_demux(reg_id):
        narrow = host.could_be(ID_AA64MMFR2_EL1, 0xF << 20) == (0,)
        return ALL if host.ccsidr_known and (narrow or not host.sanitised) else 0
    return exposure.known.get(reg_id, 0)


def guest_view(exposure: Exposure, state: Mapping[int, int]) -> dict[int, int]:
    """What the guest reads when userspace reads `state` (register id -> KVM_GET_ONE_REG) after the first run."""
    host, variant = exposure.host, exposure.book.variant("guest-caches")
    view = {reg_id: state.get(reg_id, 0) for reg_id in (MIDR_EL1, MPIDR_EL1, *ID_SPACE)}
    writable = exposure.setup.writable_imp_id
    view[REVIDR_EL1] = state.get(REVIDR_EL1, 0) if writable else host.value(REVIDR_EL1)
    view[AIDR_EL1] = state.get(AIDR_EL1, 0) if writable else host.value(AIDR_EL1)
    view[CTR_EL0] = guest_ctr(host, variant, state.get(CTR_EL0, 0), exposure.limit(CTR_EL0))
    view[DCZID_EL0] = host.value(DCZID_EL0)
    if variant == "hardware":
        view[CLIDR_EL1] = host.value(CLIDR_EL1)
        view |= {ccsidr_id(k): host.ccsidr.get(k, 0) for k in SELECTORS}
    else:
        view[CLIDR_EL1] = state.get(CLIDR_EL1, 0)
        view |= {ccsidr_id(k): state.get(ccsidr_id(k), 0) for k in SELECTORS if k < CCSIDR_COUNT}
    return {reg_id: view[reg_id] for reg_id in guest_ids()}


@lru_cache(maxsize=16)
def fresh_guest(exposure: Exposure) -> Mapping[int, int]:
    """What MRS returns inside a fresh guest: nothing was written, the vCPU ran once."""
    vm = VmState(exposure)
    vcpu = VcpuState(vm, 0)
    if not vcpu_init(exposure):
        first_run(vm, vcpu)
    return guest_view(exposure, {reg_id: vcpu.value(reg_id) for reg_id in exposure.feature_values()})
