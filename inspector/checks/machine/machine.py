"""The machine behind a dump under one kernel: the one door to "which host, kernel and features" for all who ask.

A KernelQuestion is what was chosen (`--kernel`, `--features`, `--host`, the screens' chooser); a Machine is that choice
applied to one dump.
"""

from __future__ import annotations

import errno as _errno
from typing import Literal

import msgspec

from inspector.checks.machine.assumed import assumptions, granting
from inspector.checks.machine.known_host import known_host, with_given
from inspector.checks.machine.source_kernel import asked_kernel, describe_policy, first_vcpu
from inspector.errors import CreationError, one_line
from inspector.kvm.boot_options import effects
from inspector.kvm.cases import candidates_of, left_out
from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.host import HostState
from inspector.kvm.vm import Vm
from inspector.policies.model import Policy
from inspector.policies.release import Choice, choose, taken_apart
from inspector.policies.setup import FEATURES, Gic, VcpuSetup, parse_features, possible_setup
from inspector.registers.encoding import CLASS_CORE, class_of
from inspector.sources.dump import Dump, Vcpu


class KernelQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel policy to ask, how the vCPU is created, and what is given of the host."""

    base: str
    """what was named without patches: a policy, a release string, the path of a TOML file"""
    patches: tuple[str, ...] = ()
    policy: Policy
    """the policy of `base` with `patches` over it"""
    candidates: tuple[Policy, ...] = ()
    """every policy that it may be, where a release string leaves several"""
    setup: VcpuSetup | None = None
    """None: as the dump's own vCPU was created"""
    host: str = ""
    """what registers do not show of the host, as `--host` takes it; empty: inferred"""
    explanation: str = ""
    """how the policy was chosen, where that needed a choice"""

    @property
    def text(self) -> str:
        """What would have to be typed to get the same policy."""
        return "+".join([self.base, *self.patches])

    @property
    def title(self) -> str:
        """`Linux 6.2+mask-ccidx`; a policy of the user's own keeps its name."""
        return one_line(describe_policy(self.policy))


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A host under a kernel, and how a vCPU is created there."""

    question: KernelQuestion
    host: HostState
    setup: VcpuSetup
    exposure: Exposure
    """what the kernel shows a fresh vCPU of it"""
    label: str
    """what the host is known from, for headlines"""
    others: tuple[Exposure, ...] = ()
    """what it shows under each other policy that the kernel may have"""
    notes: tuple[str, ...] = ()
    """how the policy was chosen, what is not known of the host, and what was inferred"""
    saved: Vcpu | None = None
    """the vCPU of the dump, where it has one"""
    as_saved: bool = False
    """no kernel was named: it is the dump's own, under which the saved values were read"""

    @property
    def policy(self) -> Policy:
        """The kernel's policy."""
        return self.question.policy

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """What the kernel shows under each policy that it may have, the chosen one's first."""
        return (self.exposure, *self.others)

    @property
    def listed(self) -> tuple[int, ...]:
        """Registers that the kernel lists under one of those policies at least, then those that it may list."""
        certain = (reg_id for exposure in self.exposures for reg_id in exposure.listed)
        return tuple(
            dict.fromkeys((*certain, *(reg_id for exposure in self.exposures for reg_id in exposure.doubtful)))
        )

    def lists(self, reg_id: int) -> bool | None:
        """Whether KVM lists a register of such a vCPU; None where that depends on what is not known."""
        if self.policy.stands_for and class_of(reg_id) != CLASS_CORE:
            return None
        told = {None if reg_id in one.doubtful else reg_id in one.listed_set for one in self.exposures}
        return told.pop() if len(told) == 1 else None

    def vm(self) -> Vm:
        """A new VM of one fresh vCPU."""
        return Vm(self.host, self.question.policy, self.setup, exposure=self.exposure)

    def vms(self, vcpus: int = 1) -> tuple[Vm, ...]:
        """A new VM of fresh vCPUs, and one under each other policy that the kernel may have."""
        return tuple(Vm(self.host, one.policy, self.setup, vcpus, exposure=one) for one in self.exposures)


def machine(
    dump: Dump,
    kernel: str | Policy | Choice | KernelQuestion | None = None,
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    vcpu: Vcpu | None = None,
    assume: Literal["core"] | None = None,
) -> Machine:
    """The machine behind `dump` under `kernel`.

    `kernel`: what `--kernel` takes, a policy, or a question; by default the kernel that the dump names, else the one
    whose register list is nearest to that of its vCPU. `features`: what `--features` takes; by default, and for `gic`,
    as the dump's own vCPU was created. `host`: what `--host` takes. `vcpu`: the vCPU that shows features and host (by
    default the first). `assume`: "core" takes unknown bits of the host from what its core is known to have, and the
    notes say from which source.

    Raises PolicyError for a kernel, a feature or an input of the host that is not known; InspectorError when the dump
    says nothing of a machine, or when KVM would not create such a vCPU there.
    """
    asked = _question(dump, kernel, vcpu)
    known = known_host(dump, vcpu)
    setup = asked_setup(features, gic, asked.setup or known.setup) or asked.setup or known.setup
    inputs = host or asked.host
    asked = msgspec.structs.replace(asked, host=inputs)
    state, assumed = with_given(known.host, inputs, assume)
    if known.proven or features is not None or gic is not None or asked.setup is not None:
        state = granting(state, setup)
    exposure = expose(state, asked.policy, setup)
    if setup is known.setup and first_vcpu(dump) is None and vcpu_init(exposure):
        setup = possible_setup(setup, exposure.host.capability)
        exposure = expose(state, asked.policy, setup)
    refuse_creation(exposure, asked.title)
    notes = [asked.explanation] * bool(asked.explanation) + [n for n in known.notes if n not in asked.explanation]
    if spared := left_out(asked.policy, asked.candidates):
        notes.append(spared)
    notes += [f"command line, {one.word}: {one.text}" for one in effects(state, exposure.book)]
    others = tuple(expose(state, one, setup) for one in candidates_of(asked.policy, asked.candidates)[1:])
    return Machine(
        question=asked, host=state, setup=setup, exposure=exposure, label=known.label, others=others,
        notes=(*notes, *assumptions(state, setup), *assumed), saved=vcpu or first_vcpu(dump), as_saved=kernel is None,
    )  # fmt: skip


def _question(dump: Dump, kernel: str | Policy | Choice | KernelQuestion | None, vcpu: Vcpu | None) -> KernelQuestion:
    if kernel is None:
        return own_question(dump, vcpu)
    if isinstance(kernel, Policy):
        return KernelQuestion(base=kernel.name, patches=kernel.patches, policy=kernel)
    if isinstance(kernel, Choice):
        return _chosen(kernel, kernel.policy.name, kernel.policy.patches)
    return ask(kernel, dump=dump) if isinstance(kernel, str) else kernel


def _chosen(choice: Choice, base: str, patches: tuple[str, ...], setup: VcpuSetup | None = None) -> KernelQuestion:
    return KernelQuestion(
        base=base,
        patches=patches,
        policy=choice.policy,
        candidates=choice.candidates,
        setup=setup,
        explanation=choice.text,
    )


def asked_setup(features: str | VcpuSetup | None, gic: Gic | None, own: VcpuSetup) -> VcpuSetup | None:
    """The setup that `--features` and `--gic` ask for, what they leave open as in `own`; None when neither is given.

    Raises PolicyError for an unknown word.
    """
    if isinstance(features, VcpuSetup):
        return features if gic is None else msgspec.structs.replace(features, gic=gic)
    if features is None:
        return None if gic is None else msgspec.structs.replace(own, gic=gic)
    return parse_features(features, gic=gic or own.gic)


def ask(
    text: str, setup: VcpuSetup | None = None, dump: Dump | None = None, *, host: str = ""
) -> KernelQuestion:  # fmt: skip
    """The question that a text names. Raises PolicyError in one line for a text or a TOML file that is no policy.

    `dump`: where the text is the release that it names, its version string says more. `host`: as `--host` takes it.
    """
    given = dump.provenance if dump is not None else None
    version = given.kernel_version.raw if given and given.kernel and text.strip().startswith(given.kernel.raw) else ""
    choice = choose(text, version)
    return msgspec.structs.replace(_chosen(choice, *taken_apart(text), setup), host=host)


def own_question(dump: Dump, vcpu: Vcpu | None = None) -> KernelQuestion:
    """The kernel that a dump was made under: the one that it names, else the one whose register list is nearest.

    Raises InspectorError when the dump has neither a kernel nor a vCPU.
    """
    own = asked_kernel(dump, vcpu)
    assert own.policy is not None
    return KernelQuestion(
        base=own.policy.name,
        patches=own.policy.patches,
        policy=own.policy,
        candidates=own.candidates,
        explanation=" ".join([own.note, *own.doubts]).strip(),
    )


def creation_problem(exposure: Exposure, error: int) -> str:
    """Why KVM answers `error` to the creation of the vCPU of `exposure`, and which features are to blame."""
    setup = exposure.setup
    if exposure.host.kvm_mode == "none":
        return "has no /dev/kvm: kvm-arm.mode=none on the command line switches KVM off"
    if error == _errno.ENODEV:
        return "has no vGICv3 to give a VM on this host: ENODEV (19)"
    blamed = [
        feature.word
        for feature in FEATURES
        if setup.includes(feature) and not vcpu_init(expose(exposure.host, exposure.policy, setup.without(feature)))
    ]
    name = _errno.errorcode.get(error, str(error))
    words = " or ".join(blamed) or " and ".join(lacking_features(exposure))
    blame = f", because of {words}" if words else f" with {setup.describe()}"
    return f"would not create such a vCPU on this host: {name} ({error}){blame}"


def refuse_creation(exposure: Exposure, where: str) -> None:
    """Raises CreationError when KVM would not create the vCPU of `exposure`."""
    if error := vcpu_init(exposure):
        hint = "choose other features (--features LIST)" if exposure.host.kvm_mode != "none" else ""
        if error == _errno.ENODEV:
            hint = "choose --gic none, or --host vgic=v3"
        raise CreationError(creation_problem(exposure, error), one_line(where), hint)


def lacking_features(exposure: Exposure) -> tuple[str, ...]:
    """Words of the features that this host under this kernel cannot give a vCPU, each asked for alone."""
    return tuple(
        feature.word
        for feature in FEATURES
        if exposure.setup.includes(feature)
        and vcpu_init(
            expose(exposure.host, exposure.policy, parse_features(f"psci,{feature.word}", gic=exposure.setup.gic))
        )
    )
