"""crosvm: hypervisor/src/aarch64.rs, VcpuAArch64::restore()."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.vmms.base import Failure, Vmm, os_error
from inspector.checks.vmms.messages import Message
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    CLASS_SYSREG,
    hex_id,
    split_id,
    sysreg_of,
)

_SYSTEM = Message(
    key="crosvm-restore",
    vmm="crosvm",
    kind="refused",
    template="Failed to restore system register {crosvm}: {err}",
    patterns=("Failed to (?:restore|set) (?:system)?register{any}{crosvm}(?::{err})?",),
    meaning="crosvm stopped at this system register.",
)
_OTHER = Message(
    key="crosvm-restore-id",
    vmm="crosvm",
    kind="refused",
    template="Failed to restore register {id}: {err}",
    meaning="crosvm stopped at this register.",
)
_PART = Message(
    key="crosvm-restore-part",
    vmm="crosvm",
    kind="put_failed",
    patterns=(
        (
            "Failed to restore (?:X\\d{1,2}|V\\d{1,2}|SP register|PC register|PState register|cache info"
            "|hypervisor specific data){any}{err}"
        ),
    ),
    meaning="crosvm stopped at this part of the vCPU's state.",
)
MESSAGES = (_SYSTEM, _OTHER, _PART)


class Crosvm(Vmm, frozen=True, kw_only=True):
    """crosvm under KVM."""

    family: str = "crosvm"
    formats: tuple[str, ...] = ("crosvm",)
    option_advice: str = "give the destination's VM the features of the saved one"
    saved_state: str = "the snapshot directory's vcpu files"

    def keeps(self, reg_id: int) -> bool:
        """Neither SVE nor the firmware bitmap registers are saved."""
        return split_id(reg_id).cls not in (CLASS_SVE, CLASS_BITMAP)

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Core, then the map of system registers by encoding, the cache map, the firmware map."""
        parts = split_id(reg_id)
        return {CLASS_CORE: 0, CLASS_SYSREG: 1, CLASS_DEMUX: 2, CLASS_FIRMWARE: 3}.get(parts.cls, 4), parts.number

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The register at which it stopped."""
        first = fatal[0]
        why, reg = os_error(first.errno), sysreg_of(first.id)
        if reg is None:
            return (_OTHER.printed(id=hex_id(first.id), err=why),)
        name = f"Op0: {reg.op0}, Op1: {reg.op1}, CRn: {reg.crn}, CRm: {reg.crm}, Op2: {reg.op2}"
        return (_SYSTEM.printed(crosvm=f"AArch64SysRegId {{ {name} }}", err=why),)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Nothing edits a saved register."""
        return ("no option of this VMM changes a single saved register; the kernel or the host has to match",)


VMMS = (Crosvm(name="crosvm", title="crosvm", messages=MESSAGES),)
