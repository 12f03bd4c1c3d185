"""What a process at EL0 of the host reads with MRS, and what that shows of the host: emulate_mrs() and
arm64_ftr_reg_user_value() (cpufeature.c)."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.kvm.boot_options import booted
from inspector.kvm.cpus import SPECULATIVE_SSBS, core_name
from inspector.kvm.host import HostState, sanitise
from inspector.policies.model import Policy
from inspector.policies.rulebook import rulebook
from inspector.policies.spans import FieldRule
from inspector.registers.bits import ALL
from inspector.registers.ids import ID_AA64ISAR1_EL1, ID_AA64PFR1_EL1, ID_SPACE, MIDR_EL1, MPIDR_EL1, REVIDR_EL1

SSBS, BF16 = 0xF << 4, 0xF << 44


def el0_values(host: HostState, policy: Policy) -> dict[int, int]:
    """Register id -> value for MIDR_EL1, MPIDR_EL1, REVIDR_EL1 and the AArch64 part of the ID space.

    Visible fields hold the sanitised value, hidden ones their safe value; a register without feature-table entry is
    zero. Fields of SME are visible where the kernel was built with it: as the host says, else as the recorded kernels;
    those of GCS as the recorded kernels.
    """
    book = rulebook(policy)
    host = booted(host, policy)
    view: dict[int, int] = {}
    for reg_id in ID_SPACE:
        if reg_id >> 3 & 0xF < 4:
            continue
        said, value = book.of(reg_id), 0
        sanitised = sanitise(host, reg_id, said.known_mask).value
        for field in said.fields:
            shown = field.visible if field.build != "sme" or host.sme is None else host.sme
            value |= sanitised & field.mask if shown else field.hidden_as << field.lsb
        view[reg_id] = value
    core = core_name(host.value(MIDR_EL1))
    if book.has("ssbs-erratum") and core in SPECULATIVE_SSBS:
        view[ID_AA64PFR1_EL1] &= ~SSBS
    if core == "cortex-a510":
        view[ID_AA64ISAR1_EL1] &= ~BF16
    return view | {MIDR_EL1: host.value(MIDR_EL1), MPIDR_EL1: 0x80000000, REVIDR_EL1: 0}


def _told(field: FieldRule, value: int) -> bool:
    """True where what EL0 reads of a field is the host's: a zero may come of a kernel that was built without it."""
    return field.visible if field.build is None else bool(value & field.mask)


def from_el0(values: Mapping[int, int], policy: Policy) -> HostState:
    """The host as a process without rights sees it: visible fields are known, hidden ones are not."""
    book = rulebook(policy)
    known = {
        reg_id: sum(field.mask for field in book.fields(reg_id) if _told(field, values[reg_id]))
        for reg_id in ID_SPACE
        if reg_id in values
    }
    known |= {reg_id: ALL for reg_id in (MIDR_EL1, REVIDR_EL1) if reg_id in values}
    if book.has("ssbs-erratum") and ID_AA64PFR1_EL1 in known:
        known[ID_AA64PFR1_EL1] &= ~(0xF << 4)
    shown = {reg_id: value & known[reg_id] for reg_id, value in values.items() if known.get(reg_id)}
    return HostState(
        values=shown, known={i: mask for i, mask in known.items() if i in shown}, ccsidr_known=False, sanitised=True,
        vgic_known=False,
    )  # fmt: skip
