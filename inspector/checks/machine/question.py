"""What is asked: what a user gives of a machine, and which policy of a kernel answers for it.

Nothing is answered here: a screen says which kernel a dump was made under without loading what answers for it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.checks.machine.source_kernel import asked_kernel, describe_policy
from inspector.errors import one_line
from inspector.policies.model import Policy
from inspector.policies.release import Choice, as_named, choose
from inspector.policies.release_string import taken_apart
from inspector.policies.setup import Gic, VcpuSetup, parse_features
from inspector.sources.dump import Dump, Vcpu


class Given(msgspec.Struct, frozen=True):
    """What a user gives of a machine or of a destination; by default nothing, so that all is as dumps tell it.

    Raises PolicyError for a vCPU feature that is none.
    """

    kernel: str | Policy | Choice | None = None
    """what `--kernel` takes, or what was chosen already"""
    vmm: str = ""
    """whose rules: what `--vmm` takes; empty: as the source's format suggests"""
    features: str | VcpuSetup | None = None
    """of the vCPU: what `--features` takes, or a whole setup"""
    gic: Gic | None = None
    host: str = ""
    """what registers do not show of the host, as `--host` takes it"""
    assume: Literal["core"] | None = None
    """"core": unknown bits of the host are taken from what its core is known to have"""

    def __post_init__(self) -> None:
        if isinstance(self.features, str):
            parse_features(self.features)

    @property
    def choice(self) -> Choice | None:
        """The kernel's policy and how sure that is. Raises PolicyError where no policy has that name."""
        if isinstance(self.kernel, Policy):
            return as_named(self.kernel)
        return choose(self.kernel) if isinstance(self.kernel, str) else self.kernel

    @property
    def names_setup(self) -> bool:
        """Whether anything is given of how the vCPU is created."""
        return self.features is not None or self.gic is not None

    def setup(self, own: VcpuSetup) -> VcpuSetup | None:
        """How the vCPU is created, what is not given as in `own`; None where nothing is given."""
        if not self.names_setup:
            return None
        if isinstance(self.features, str):
            return parse_features(self.features, gic=self.gic or own.gic)
        setup = self.features or own
        return msgspec.structs.replace(setup, gic=self.gic or setup.gic)


NOTHING_GIVEN = Given()


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


def ask(
    text: str, setup: VcpuSetup | None = None, dump: Dump | None = None, *, host: str = ""
) -> KernelQuestion:  # fmt: skip
    """The question that a text names. Raises PolicyError in one line for a text or a TOML file that is no policy.

    `dump`: where the text is the release that it names, its version string says more. `host`: as `--host` takes it.
    """
    given = dump.provenance if dump is not None else None
    version = given.kernel_version.raw if given and given.kernel and text.strip().startswith(given.kernel.raw) else ""
    choice = choose(text, version)
    return msgspec.structs.replace(chosen_question(choice, *taken_apart(text), setup), host=host)


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


def chosen_question(
    choice: Choice, base: str, patches: tuple[str, ...], setup: VcpuSetup | None = None
) -> KernelQuestion:
    """The question that a choice of the policy comes to; `base`, `patches`: how it was named."""
    return KernelQuestion(
        base=base,
        patches=patches,
        policy=choice.policy,
        candidates=choice.candidates,
        setup=setup,
        explanation=choice.text,
    )
