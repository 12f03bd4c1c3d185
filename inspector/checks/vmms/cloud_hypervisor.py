"""Cloud Hypervisor: vmm/src/cpu.rs (Vcpu::init, CpuManager::create_vcpu) and hypervisor/src/kvm/mod.rs (set_state) for
aarch64, and the words of hypervisor/src/cpu.rs (HypervisorCpuError), read in v19.0 to v53.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.checks.vmms.base import PMU, POINTER_AUTH, SVE, Failure, Made, Offers, Saved, Vmm, os_error
from inspector.checks.vmms.messages import Message
from inspector.policies.setup import Feature, VcpuFeature, VcpuSetup, feature_of
from inspector.registers.encoding import CLASS_CORE, CLASS_SVE, SIZE_U32, SIZE_U128, split_id
from inspector.registers.ids import SVE_VLS

_SET_MEANING = "Cloud Hypervisor stopped at the first register that KVM refused, and does not say which one."


def _set(variant: str, display: str, versions: str = "all") -> Message:
    """The Debug form of an error variant, and its Display form with the cause behind it."""
    return Message(
        key=f"cloud-hypervisor-{variant}",
        vmm="cloud-hypervisor",
        versions=versions,
        kind="put_failed",
        template=f"{variant}({{err}})",
        patterns=(f"{variant}\\({{any}}{{err}}\\)?", f"{display}{{any}}{{err}}"),
        meaning=_SET_MEANING,
    )


_SET_OLD_CORE = _set("SetCoreRegister", "Failed to set core register", "up to 41")
_SET_CORE = _set("SetAarchCoreRegister", "Failed to set aarch64 core register", "42 and newer")
_SET_EXTENDED = _set("SetExtendedRegister", "Failed to set extended register", "53 and newer")
_SET_SYS = _set("SetSysRegister", "Failed to set system register")
_SET_LENGTHS = Message(
    key="cloud-hypervisor-VcpuSetPreFinalizeRegs",
    vmm="cloud-hypervisor",
    versions="53 and newer",
    kind="put_failed",
    template="VcpuSetPreFinalizeRegs(SetExtendedRegister({err}))",
    patterns=("VcpuSetPreFinalizeRegs\\({any}{err}\\)*", "Error setting pre-finalize registers{any}{err}"),
    meaning="KVM refused the SVE vector lengths, which Cloud Hypervisor sets before it finalises the vCPU.",
)
_INIT = Message(
    key="cloud-hypervisor-init",
    vmm="cloud-hypervisor",
    kind="create_failed",
    template="VcpuArmInit(VcpuInit({err}))",
    patterns=("VcpuArmInit\\({any}{err}\\)*", "(?:Error initialising vCPU|Failed to init vcpu){any}{err}"),
    meaning="KVM refused to create a vCPU with the features that Cloud Hypervisor asks for.",
)
MESSAGES = (
    Message(
        key="cloud-hypervisor-get",
        vmm="cloud-hypervisor",
        kind="unreadable",
        patterns=(
            "Get(?:AarchCoreRegister|CoreRegister|SysRegister|ExtendedRegister)\\({any}{err}\\)?",
            "Failed to get (?:aarch64 core|core|system|extended) register{any}{err}",
        ),
        meaning="Reading a register for the snapshot failed; Cloud Hypervisor does not say which one.",
    ),
    _SET_LENGTHS,
    _SET_OLD_CORE,
    _SET_CORE,
    _SET_EXTENDED,
    _SET_SYS,
    _INIT,
)


_COUNTER_ADVANCED = (
    "before the vCPUs run, Cloud Hypervisor 53 and newer sets CNTVCT_EL0 to its saved value and the ticks since the VM "
    "was paused, by the clocks of both hosts, so that the guest's clock is right; it does so where the snapshot holds "
    "the guest's clock (saved by 53 or newer; else the guest is behind by the time in between), and does not resume "
    "the VM on a host whose counter has another frequency (CNTFRQ_EL0)"
)
"""restore_clock() of hypervisor/src/kvm/mod.rs, commit 25271c9d0, first in v53.0"""
_COUNTER_KEPT = (
    "CNTVCT_EL0 goes on from its saved value: the guest's clock is behind by the time between pause and resume "
    "(Cloud Hypervisor 53 and newer makes up for it)"
)


class CloudHypervisor(Vmm, frozen=True, kw_only=True):
    """Cloud Hypervisor under KVM: what it asks for follows from the host, and nothing of it is saved."""

    family: str = "cloud-hypervisor"
    formats: tuple[str, ...] = ("cloud-hypervisor",)
    names_register: bool = False
    own_rule: bool = True
    never: tuple[str, ...] = (POINTER_AUTH,)
    counter: str = _COUNTER_KEPT
    option_advice: str = "the features follow from what the destination's KVM offers"
    saved_state: str = "state.json of the snapshot"
    takes: tuple[str, ...] = (PMU, SVE)
    """features that it asks for where the host has them"""
    demands: tuple[str, ...] = ()
    """features that it asks for on every host"""
    saves_sve: bool = True
    """SVE registers are saved, and the floating-point registers then are not (53 and newer)"""

    def made(self, saved: Saved, offers: Offers) -> Made:
        """PSCI, and of PMU and SVE what the version takes and the host has; never pointer authentication."""
        setup = VcpuSetup(features=int(Feature.PSCI), gic=saved.setup.gic)
        unsure: list[VcpuFeature] = []
        for feature in map(feature_of, (*self.demands, *self.takes)):
            offered = True if feature.word in self.demands else offers(feature)
            if offered is None:
                unsure.append(feature)
            if offered or (offered is None and saved.setup.includes(feature)):
                setup = setup.toggled(feature.word)
        taken = " and ".join(feature_of(word).title for word in self.takes)
        named = " and ".join(feature_of(word).title for word in self.demands)
        parts = ["PSCI", *([named] if named else []), *([f"{taken} where the host has them"] if taken else [])]
        why = f"{self.title} creates every vCPU so: {', '.join(parts)}, never pointer authentication"
        return Made(setup=setup, why=why, unsure=tuple(unsure), required=bool(self.demands))

    def unreadable_steps(self) -> tuple[str, ...]:
        """Vector registers are the known case."""
        return (
            "where the vCPU has SVE: save with Cloud Hypervisor 53 or newer, which reads SVE registers, not V0 to V31",
        )

    def order(self, values: Mapping[int, int]) -> tuple[int, ...]:
        """Without its vector registers where SVE state is there, since these then hold nothing (53 and newer)."""
        sve = self.saves_sve and any(split_id(i).cls == CLASS_SVE for i in values)
        return super().order({i: v for i, v in values.items() if not (sve and _is_fpsimd(i))})

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Vector lengths, core, SVE registers, V0..V31 with FPSR and FPCR; system registers in the order of the list.

        Before version 53 the floating-point registers belong to the core ones.
        """
        if reg_id == SVE_VLS:
            return (0,)
        if self.saves_sve and _is_fpsimd(reg_id):
            return (3,)
        return ({CLASS_CORE: 1, CLASS_SVE: 2}.get(split_id(reg_id).cls, 4),)

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The stage at which it stopped."""
        first = fatal[0]
        core = _SET_CORE if self.since >= (42,) else _SET_OLD_CORE
        message = {CLASS_CORE: core, CLASS_SVE: _SET_EXTENDED}.get(split_id(first.id).cls, _SET_SYS)
        if first.id == SVE_VLS:
            message = _SET_LENGTHS
        return (message.printed(err=os_error(first.errno)),)

    def printed_creation(self, number: int, errno: int, lacking: Sequence[str]) -> tuple[str, ...]:
        """Vcpu::init() fails."""
        return (_INIT.printed(err=os_error(errno)),)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Nothing edits a saved register."""
        return ("no option of this VMM changes a single saved register; the kernel or the host has to match",)


def _is_fpsimd(reg_id: int) -> bool:
    """V0..V31, FPSR and FPCR of struct kvm_regs."""
    parts = split_id(reg_id)
    return parts.cls == CLASS_CORE and parts.size in (SIZE_U128, SIZE_U32)


VMMS = (
    CloudHypervisor(
        name="cloud-hypervisor", title="Cloud Hypervisor", since=(53,), known=((53,), (54,)),
        evidence="read in v53.0", messages=MESSAGES, counter=_COUNTER_ADVANCED,
    ),
    CloudHypervisor(
        name="cloud-hypervisor-42", title="Cloud Hypervisor 42 to 52", since=(42,), known=((42,), (53,)),
        messages=MESSAGES, standard=False,
        saves_sve=False,
    ),
    CloudHypervisor(
        name="cloud-hypervisor-32", title="Cloud Hypervisor 32 to 41", since=(32,), known=((32,), (42,)),
        messages=MESSAGES, standard=False,
        saves_sve=False, takes=(PMU,),
    ),
    CloudHypervisor(
        name="cloud-hypervisor-22", title="Cloud Hypervisor 22 to 31", since=(22,), known=((22,), (32,)),
        messages=MESSAGES, standard=False,
        saves_sve=False, takes=(), demands=(PMU,),
    ),
    CloudHypervisor(
        name="cloud-hypervisor-19", title="Cloud Hypervisor 19 to 21", since=(19,), known=((19,), (22,)),
        messages=MESSAGES, standard=False,
        saves_sve=False, takes=(),
    ),
)  # fmt: skip
