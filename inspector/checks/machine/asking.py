"""A question to a kernel: which policy, which vCPU features; and the model's answer for the machine behind a dump.

Shared by the command line (`--kernel`, `--features`) and the screens' chooser. A Question is what the user chose, an
Answer is that choice applied to one dump.
"""

from __future__ import annotations

import errno as _errno
from typing import TYPE_CHECKING

import msgspec

from inspector.checks.machine.known_host import KnownHost, known_host
from inspector.checks.machine.source_kernel import describe_policy, guess_kernel, kernel_of
from inspector.errors import InspectorError, one_line
from inspector.policies.model import Policy
from inspector.policies.setup import VcpuSetup, parse_features

if TYPE_CHECKING:
    from inspector.kvm.exposure import Exposure
    from inspector.kvm.vm import Vm
    from inspector.sources.dump import Dump, Vcpu

FEATURE_WORDS = ("psci", "pmu", "sve", "ptrauth", "el1_32bit", "mte", "el2", "el2-e2h0", "imp-id")
"""What a vCPU may be created with, in the words of `--features`."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel policy to ask, and how the vCPU is created."""

    base: str
    """what was named without patches: a policy, a release string, the path of a TOML file"""
    patches: tuple[str, ...] = ()
    policy: Policy
    """the policy of `base` with `patches` over it"""
    setup: VcpuSetup | None = None
    """None: as the dump's own vCPU was created"""
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


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A question put to the machine behind one dump."""

    question: Question
    known: KnownHost
    setup: VcpuSetup
    exposure: Exposure

    @property
    def notes(self) -> tuple[str, ...]:
        """How the policy was chosen and what is not known of the host."""
        return tuple(text for text in (self.question.explanation, *self.known.notes) if text)

    def vm(self) -> Vm:
        """A new VM of one fresh vCPU."""
        from inspector.kvm.vm import Vm

        return Vm(self.known.host, self.question.policy, self.setup, exposure=self.exposure)


def ask(text: str, setup: VcpuSetup | None = None, version: str = "") -> Question:
    """The question that a text names. Raises PolicyError in one line for a text or a TOML file that is no policy."""
    from inspector.policies.release import choose, taken_apart

    choice = choose(text, version)
    base, patches = taken_apart(text)
    return Question(
        base=base,
        patches=tuple(patches),
        policy=choice.policy,
        setup=setup,
        explanation=choice.text,
    )


def own_question(dump: Dump, vcpu: Vcpu | None = None) -> Question:
    """The kernel that a dump was made under: the one that it names, else the one whose register list is nearest.

    Raises InspectorError when the dump has neither a kernel nor a vCPU.
    """
    policy, explanation, doubts = kernel_of(dump)
    if policy is None:
        known = known_host(dump, vcpu)
        saved = vcpu or next((v for v in dump.vcpus if v.kind == "vcpu" and v.values), None)
        if saved is None:
            hint = "choose a kernel policy first"
            raise InspectorError("does not say its kernel", dump.provenance.source, hint)
        policy = guess_kernel(saved.values, known.setup)
        explanation = f"the dump names no kernel; its register list is nearest to that of {describe_policy(policy)}"
    return Question(
        base=policy.name,
        patches=policy.patches,
        policy=policy,
        explanation=" ".join([explanation, *doubts]).strip(),
    )


def answer(question: Question, dump: Dump, vcpu: Vcpu | None = None) -> Answer:
    """Put a question to the machine behind `dump`.

    Raises InspectorError when the dump says nothing of a machine, or when KVM would not create such a vCPU there.
    """
    from inspector.kvm.exposure import expose

    known = known_host(dump, vcpu)
    setup = question.setup or known.setup
    exposure = expose(known.host, question.policy, setup)
    refused = creation_problem(exposure)
    if refused:
        raise InspectorError(refused, question.title)
    return Answer(question=question, known=known, setup=setup, exposure=exposure)


def creation_problem(exposure: Exposure) -> str:
    """Why KVM refuses to create the vCPU of `exposure`: the errno, and which features are to blame; empty when it does
    not."""
    from inspector.kvm.creation import creation_errno
    from inspector.kvm.exposure import expose

    error = creation_errno(exposure)
    if not error:
        return ""
    setup = exposure.setup
    blamed = [
        word
        for word in FEATURE_WORDS
        if has_word(setup, word) and not creation_errno(expose(exposure.host, exposure.policy, toggled(setup, word)))
    ]
    name = _errno.errorcode.get(error, str(error))
    told = f", because of {' or '.join(blamed)}" if blamed else f" with {setup.describe()}"
    return f"would not create such a vCPU on this host: {name} ({error}){told}"


def has_word(setup: VcpuSetup, word: str) -> bool:
    """True when the vCPU is created with a feature of FEATURE_WORDS."""
    return word in setup.describe().split(",")


def toggled(setup: VcpuSetup, word: str) -> VcpuSetup:
    """The setup with one feature of FEATURE_WORDS turned on or off; el2-e2h0 needs el2 and goes with it."""
    words = set(setup.describe().split(","))
    if word not in words:
        words.add(word)
    else:
        words -= {word, "el2-e2h0"} if word == "el2" else {word}
    return parse_features(",".join(words), gic=setup.gic)


def with_gic(setup: VcpuSetup, present: bool) -> VcpuSetup:
    """The setup with or without an in-kernel GICv3."""
    return msgspec.structs.replace(setup, gic="v3" if present else "none")
