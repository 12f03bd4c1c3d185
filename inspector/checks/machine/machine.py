"""The machine behind a dump under one kernel: the one door to "which host, kernel and features" for all who ask.

What was chosen is Given (`--kernel`, `--features`, `--host`) or a KernelQuestion (the screens' chooser), both of
question.py; a Machine is that choice applied to one dump.
"""

from __future__ import annotations

import errno as _errno
from typing import TYPE_CHECKING

import msgspec

from inspector.checks.machine.assumed import assumptions, granting
from inspector.checks.machine.known_host import known_host, with_given
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import NOTHING_GIVEN, Given, KernelQuestion, ask, chosen_question, own_question
from inspector.errors import CreationError, one_line
from inspector.kvm.boot_options import effects
from inspector.kvm.cases import candidates_of, left_out
from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.host import HostState
from inspector.policies.model import Policy
from inspector.policies.release import Choice, as_named
from inspector.policies.setup import FEATURES, VcpuSetup, parse_features, possible_setup
from inspector.registers.encoding import CLASS_CORE, class_of
from inspector.sources.dump import Dump, Vcpu

if TYPE_CHECKING:
    # What a kernel shows is asked without what judges writes.
    from inspector.kvm.exposure import RegisterExposure
    from inspector.kvm.vm import Vm


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

    def shown(self, *registers: str) -> tuple[RegisterExposure, ...]:
        """What the kernel shows a fresh vCPU of the named registers (default: of all that it lists), field by field.

        Where the kernel may have one of several policies, bits that differ between them are not known.
        """
        from inspector.kvm.words.kernel_exposures import explain_under_each
        from inspector.registers import catalog

        wanted = [catalog.find(name).register.id for name in registers] or self.listed
        return tuple(explain_under_each(self.exposures, reg_id) for reg_id in wanted)

    def vm(self) -> Vm:
        """A new VM of one fresh vCPU."""
        from inspector.kvm.vm import Vm

        return Vm(self.host, self.question.policy, self.setup, exposure=self.exposure)

    def vms(self, vcpus: int = 1) -> tuple[Vm, ...]:
        """A new VM of fresh vCPUs, and one under each other policy that the kernel may have."""
        from inspector.kvm.vm import Vm

        return tuple(Vm(self.host, one.policy, self.setup, vcpus, exposure=one) for one in self.exposures)


def machine(
    dump: Dump,
    asked: Given | KernelQuestion | None = None,
    vcpu: Vcpu | None = None,
) -> Machine:
    """The machine behind `dump` under a kernel.

    `asked`: what is given of it. By default its kernel is the one that the dump names, else the one whose register list
    is nearest to that of its vCPU, and a vCPU is created as the dump's own was. `vcpu`: the vCPU that shows features
    and host (by default the first).

    Raises PolicyError for a kernel, a feature or an input of the host that is not known; InspectorError when the dump
    says nothing of a machine, or when KVM would not create such a vCPU there.
    """
    if isinstance(asked, KernelQuestion):
        question, given, as_saved = asked, Given(features=asked.setup, host=asked.host), False
    else:
        given = asked or NOTHING_GIVEN
        question, as_saved = _question(dump, given, vcpu), given.kernel is None
    known = known_host(dump, vcpu)
    setup = given.setup(known.setup) or known.setup
    state, assumed = with_given(known.host, given)
    if known.proven or given.names_setup:
        state = granting(state, setup)
    exposure = expose(state, question.policy, setup)
    if setup is known.setup and first_vcpu(dump) is None and vcpu_init(exposure):
        setup = possible_setup(setup, exposure.host.capability)
        exposure = expose(state, question.policy, setup)
    refuse_creation(exposure, question.title)
    told = question.explanation
    notes = [told] * bool(told) + [note for note in known.notes if note not in told]
    if spared := left_out(question.policy, question.candidates):
        notes.append(spared)
    notes += [f"command line, {one.word}: {one.text}" for one in effects(state, exposure.book)]
    others = tuple(expose(state, one, setup) for one in candidates_of(question.policy, question.candidates)[1:])
    return Machine(
        question=question, host=state, setup=setup, exposure=exposure, label=known.label, others=others,
        notes=(*notes, *assumptions(state, setup), *assumed), saved=vcpu or first_vcpu(dump), as_saved=as_saved,
    )  # fmt: skip


def _question(dump: Dump, given: Given, vcpu: Vcpu | None) -> KernelQuestion:
    if given.kernel is None:
        question = own_question(dump, vcpu)
    elif isinstance(given.kernel, str):
        question = ask(given.kernel, dump=dump)
    else:
        choice = given.kernel if isinstance(given.kernel, Choice) else as_named(given.kernel)
        question = chosen_question(choice, choice.policy.name, choice.policy.patches)
    return msgspec.structs.replace(question, host=given.host)


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
