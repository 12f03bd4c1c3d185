"""crosvm: VcpuAArch64::restore() of hypervisor/src/aarch64.rs, get_features_bitmap() of hypervisor/src/kvm/aarch64.rs
and vcpu_features() of aarch64/src/lib.rs, read in main of Aug 2026."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.vmms.base import (
    MEMORY_TAGGING,
    NESTED,
    PMU,
    POINTER_AUTH,
    Failure,
    Made,
    Offers,
    Saved,
    Vmm,
    os_error,
)
from inspector.checks.vmms.messages import Message
from inspector.policies.setup import Feature, VcpuFeature, VcpuSetup, feature_of
from inspector.registers.crosvm_keys import key_of
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    SIZE_U128,
    SysReg,
    hex_id,
    split_id,
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
    template="Failed to restore {part}: {err}",
    patterns=("Failed to restore {part}(?:{any}{err})?",),
    meaning="crosvm stopped at this part of the vCPU's state.",
)
_GET = Message(
    key="crosvm-get",
    vmm="crosvm",
    kind="unreadable",
    patterns=(
        (
            "Failed to get (?:[XV]\\d{1,2}|(?-i:SP|PC)(?-i:(?![a-z]))|PState|cache info|hyprevisor specific data)"
            "(?:{any}{err})?"
        ),
        "Failed to read system registers(?:{any}{err})?",
    ),
    meaning=(
        "crosvm could not read this part of the vCPU for the snapshot; it reads V0..V31, which KVM refuses with EINVAL"
        " on a vCPU with SVE."
    ),
)
_INIT = Message(
    key="crosvm-init",
    vmm="crosvm",
    kind="create_failed",
    template="failed to initialize VCPU: {err}",
    patterns=("failed to initialize VCPU{any}{err}",),
    meaning="KVM refused to create a vCPU with the features that crosvm asks for.",
)
MESSAGES = (_SYSTEM, _OTHER, _PART, _GET, _INIT)


class Crosvm(Vmm, frozen=True, kw_only=True):
    """crosvm under KVM."""

    family: str = "crosvm"
    formats: tuple[str, ...] = ("crosvm",)
    own_rule: bool = True
    option_advice: str = "give the destination's VM the features of the saved one"
    saved_state: str = "the snapshot directory's vcpu files"

    def made(self, saved: Saved, offers: Offers) -> Made:
        """PSCI, PMU and pointer authentication where the host has them; EL2 and memory tags by option (072558a6e and
        ff5bb258a, July 2026); SVE by option, and a VM with it cannot be saved."""
        setup = VcpuSetup(features=int(Feature.PSCI), gic=saved.setup.gic)
        asked = [word for word in self.options if saved.setup.includes(feature_of(word))]
        for word in asked:
            setup = setup.toggled(word)
        unsure: list[VcpuFeature] = []
        for feature in map(feature_of, (PMU, POINTER_AUTH)):
            offered = offers(feature)
            if offered is None:
                unsure.append(feature)
            if offered or (offered is None and saved.setup.includes(feature)):
                setup = setup.toggled(feature.word)
        why = (
            "crosvm creates every vCPU so: PSCI, PMU and pointer authentication where the host has them; SVE by option "
            "(--cpus sve=[auto=BOOL]), taken as off here, because crosvm cannot save a vCPU with SVE"
        )
        if asked:
            named = " and ".join(f"{feature_of(word).title} ({self.options[word].format('on')})" for word in asked)
            why += f"; {named} by option, as the saved vCPU has it"
        return Made(setup=setup, why=why, unsure=tuple(unsure), required=bool(asked))

    def keeps(self, reg_id: int) -> bool:
        """Neither SVE nor the firmware bitmap registers are saved."""
        return split_id(reg_id).cls not in (CLASS_SVE, CLASS_BITMAP)

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """SP, PC, PSTATE, X0..X30, V0..V31, system registers by crosvm's keys, caches, firmware registers.

        The other core registers (SP_EL1, ELR_EL1, SPSR, FPSR, FPCR) stand in that map.
        """
        parts, key = split_id(reg_id), key_of(reg_id)
        if key >= 0:
            return 3, key
        if parts.cls == CLASS_CORE:
            return 2 if parts.size == SIZE_U128 else int(parts.number < _SP), parts.number
        return {CLASS_DEMUX: 4, CLASS_FIRMWARE: 5}.get(parts.cls, 6), parts.number

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The register at which it stopped."""
        first = fatal[0]
        why, key = os_error(first.errno), key_of(first.id)
        if key < 0:
            part = _part(first.id)
            return ((_PART.printed(part=part, err=why) if part else _OTHER.printed(id=hex_id(first.id), err=why)),)
        reg = SysReg.from_index(key)
        name = f"Op0: {reg.op0}, Op1: {reg.op1}, CRn: {reg.crn}, CRm: {reg.crm}, Op2: {reg.op2}"
        return (_SYSTEM.printed(crosvm=f"AArch64SysRegId {{ {name} }}", err=why),)

    def printed_creation(self, number: int, errno: int, lacking: Sequence[str]) -> tuple[str, ...]:
        """VcpuAArch64::init() fails."""
        return (_INIT.printed(err=os_error(errno)),)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Nothing edits a saved register."""
        return ("no option of this VMM changes a single saved register; the kernel or the host has to match",)


def _part(reg_id: int) -> str:
    """How restore() calls what it writes outside the map of system registers; empty for anything else."""
    parts = split_id(reg_id)
    if parts.cls == CLASS_DEMUX:
        return "cache info"
    if parts.cls == CLASS_FIRMWARE:
        return "hypervisor specific data"
    if parts.cls != CLASS_CORE:
        return ""
    if parts.size == SIZE_U128:
        return f"V{(parts.number - _V0) // 4}"
    if parts.number < _SP:
        return f"X{parts.number // 2}"
    return {_SP: "SP register", _SP + 2: "PC register", _SP + 4: "PState register"}.get(parts.number, "")


_SP, _V0 = 62, 84
"""offsets of sp and of the vector registers in struct kvm_regs, in 32-bit words"""

_OPTIONS = {NESTED: "--nested", MEMORY_TAGGING: "--cpus mte=[auto=true]"}
VMMS = (Crosvm(name="crosvm", title="crosvm", messages=MESSAGES, options=_OPTIONS),)
