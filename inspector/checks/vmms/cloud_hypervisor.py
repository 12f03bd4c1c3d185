"""Cloud Hypervisor: hypervisor/src/kvm/mod.rs, set_state() for aarch64, and src/cpu.rs, HypervisorCpuError."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.vmms.base import Failure, Vmm, os_error
from inspector.checks.vmms.messages import Message
from inspector.registers.encoding import CLASS_CORE, CLASS_SVE, split_id
from inspector.registers.ids import SVE_VLS

_SET_MEANING = "Cloud Hypervisor stopped at the first register that KVM refused, and does not say which one."


def _set(variant: str, display: str) -> Message:
    """The Debug form of an error variant, and its Display form with the cause behind it."""
    return Message(
        key=f"cloud-hypervisor-{variant}",
        vmm="cloud-hypervisor",
        kind="put_failed",
        template=f"{variant}({{err}})",
        patterns=(f"{variant}\\({{any}}{{err}}\\)?", f"{display}{{any}}{{err}}"),
        meaning=_SET_MEANING,
    )


_SET_CORE = _set("SetAarchCoreRegister", "Failed to set aarch64 core register")
_SET_EXTENDED = _set("SetExtendedRegister", "Failed to set extended register")
_SET_SYS = _set("SetSysRegister", "Failed to set system register")
MESSAGES = (
    Message(
        key="cloud-hypervisor-get",
        vmm="cloud-hypervisor",
        kind="unreadable",
        patterns=(
            "Get(?:AarchCoreRegister|SysRegister|ExtendedRegister)\\({any}{err}\\)?",
            "Failed to get (?:aarch64 core|system|extended) register{any}{err}",
        ),
        meaning="Reading a register for the snapshot failed; Cloud Hypervisor does not say which one.",
    ),
    _SET_CORE,
    _SET_EXTENDED,
    _SET_SYS,
)


class CloudHypervisor(Vmm, frozen=True, kw_only=True):
    """Cloud Hypervisor."""

    family: str = "cloud-hypervisor"
    formats: tuple[str, ...] = ("cloud-hypervisor",)
    names_register: bool = False
    option_advice: str = "the features follow from what the destination's KVM offers"
    saved_state: str = "state.json of the snapshot"

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Vector lengths, then core, then SVE registers; system registers follow in the order of the list."""
        if reg_id == SVE_VLS:
            return (0,)
        return ({CLASS_CORE: 1, CLASS_SVE: 2}.get(split_id(reg_id).cls, 3),)

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The class of the register at which it stopped."""
        first = fatal[0]
        message = {CLASS_CORE: _SET_CORE, CLASS_SVE: _SET_EXTENDED}.get(split_id(first.id).cls, _SET_SYS)
        return (message.printed(err=os_error(first.errno)),)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Nothing edits a saved register."""
        return ("no option of this VMM changes a single saved register; the kernel or the host has to match",)


VMMS = (CloudHypervisor(name="cloud-hypervisor", title="Cloud Hypervisor", messages=MESSAGES),)
