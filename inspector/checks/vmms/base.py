"""What every VMM has to say of itself: which registers it keeps, how it writes them, what it prints, what helps.

A VMM is one module of this package with a tuple `VMMS`, one entry for each range of versions that restores alike.
`table` finds it; nothing else has to know.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from inspector.checks.vmms.messages import Message
from inspector.policies.setup import VcpuFeature, VcpuSetup, feature_of
from inspector.registers.bits import Partial

PMU, SVE, POINTER_AUTH, MEMORY_TAGGING, NESTED = "pmu", "sve", "ptrauth", "mte", "el2"
OPTIONAL = tuple(map(feature_of, (PMU, SVE, POINTER_AUTH, MEMORY_TAGGING, NESTED)))
"""The vCPU features for which a VMM may have an option; `Vmm.options` is keyed by their words."""


Offers: TypeAlias = Callable[[VcpuFeature], bool | None]
"""Does the destination's KVM offer a vCPU feature? None where nobody knows."""


class Saved(msgspec.Struct, frozen=True):
    """How the saved vCPU was created, as far as its file or its registers say."""

    setup: VcpuSetup
    stated: bool = False
    """the file holds the features as such; False where the register list shows them"""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The vCPU that a VMM creates for a restore."""

    setup: VcpuSetup
    why: str
    """which rule gave the features, in words"""
    unsure: tuple[VcpuFeature, ...] = ()
    """features that the VMM takes where the host has them, and of which the host's part is not known"""
    required: bool = False
    """True: a feature that the host lacks fails the restore; False: the VMM asks KVM first and does without"""


class Failure(Protocol):
    """What a VMM's message needs of a register that stops a restore."""

    @property
    def vcpu(self) -> int:
        """Number of the vCPU in the saved state."""

    @property
    def id(self) -> int:
        """KVM register id."""

    @property
    def kind(self) -> str:
        """`refused`, or `only_in_source` for a register that the destination does not list."""

    @property
    def value(self) -> int | None:
        """The saved value."""

    @property
    def destination(self) -> int | None:
        """The destination's own value."""

    @property
    def part(self) -> Partial:
        """What is known of `destination` where that is None."""

    @property
    def errno(self) -> int:
        """What KVM_SET_ONE_REG answered."""


class Vmm(msgspec.Struct, frozen=True, kw_only=True):
    """The restore rule of one VMM, and its words."""

    name: str
    title: str
    family: str
    since: tuple[int, ...] = ()
    """first version that restores in this way"""
    known: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    """first version for which the rule was measured or read, and the first behind them; empty: it has no versions"""
    evidence: str = ""
    """what it rests on, in words: which versions were measured or read"""
    version: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    """the version that was asked for, and the first behind it; None: no version was named but the entry itself"""
    basis: str = ""
    """one sentence where another version was asked for than those for which the rule stands: what the answer is"""
    rivals: tuple[str, ...] = ()
    """names of the entries of which each may be the rule of the version asked for; the first one answers"""
    unread: bool = False
    """True: the version asked for is older or newer than any that was measured or read"""
    standard: bool = True
    """False for a version that only its own name chooses (`firecracker-1.12`): menus leave it out"""
    formats: tuple[str, ...] = ()
    """parts of the names of source formats and tools that belong to it"""
    own_rule: bool = False
    """it makes its vCPUs by a rule of its own, whatever vCPU a dump of the destination shows; False: by its options"""
    never: tuple[str, ...] = ()
    """features that such a VMM asks for in no case"""
    compares_lists: bool = False
    """ids are compared before a value is written"""
    compares_lengths: bool = False
    """and before that the lengths of the lists"""
    tolerances: Mapping[int, int | None] = {}
    """ids that may be in the source only and are dropped -> the value that they must have for it; None: any"""
    emulated_tolerances: Mapping[int, int | None] = {}
    """the same for vCPUs that the VMM emulates itself"""
    last_id_decides: bool = False
    """of the ids that only the source has, the last one decides alone whether the load goes on"""
    writable_ids: bool = False
    """it enables KVM_CAP_ARM_WRITABLE_IMP_ID_REGS where the kernel has it"""
    finalises_first: bool = False
    """it calls KVM_ARM_VCPU_FINALIZE before it writes a register, so that the vector lengths come too late"""
    stops_at_refusal: bool = True
    """False: every register is written, and a refusal fails the load at the end"""
    names_register: bool = True
    """what it prints names the register that KVM refused"""
    messages: tuple[Message, ...] = ()
    options: Mapping[str, str] = {}
    """feature -> option that turns it on or off, `{}` standing for the word"""
    option_advice: str = ""
    """what decides about features that have no option of their own"""
    counter: str = ""
    """one sentence: what becomes of the guest's virtual counter after the registers were written; "" where the VMM does
    nothing more with it"""
    saved_state: str = "the saved state"
    """what to bring of the source, in words"""

    def made(self, saved: Saved, offers: Offers) -> Made:
        """The vCPU that this VMM creates on the destination to restore `saved` into."""
        why = "as the saved vCPU: the same options have to be given on both sides"
        return Made(setup=saved.setup, why=why, required=True)

    def cannot_read(self, tool: str) -> str:
        """Why this program does not read the file at all, whatever registers it holds; empty where it does, or where
        that is not known. `tool`: what wrote the file, as its reader says it."""
        return ""

    def tolerates(self, reg_id: int, value: int | None) -> bool:
        """True when the VMM drops a saved register that the destination does not list."""
        return _tolerated(self.tolerances, reg_id, value)

    def tolerates_emulated(self, reg_id: int, value: int | None) -> bool:
        """The same for a vCPU that the VMM emulates itself."""
        return _tolerated(self.emulated_tolerances, reg_id, value)

    def keeps(self, reg_id: int) -> bool:
        """True when the saved state of this VMM holds the register."""
        return True

    def kept(self, ids: frozenset[int]) -> frozenset[int]:
        """Those of `ids` that it holds; kernels that list the same are asked about one after the other."""
        key = type(self), ids
        held = _KEPT.get(key)
        if held is None:
            if len(_KEPT) > _MOST_KEPT:
                _KEPT.clear()
            held = _KEPT[key] = frozenset(filter(self.keeps, ids))
        return held

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Sort key of the order in which the VMM writes; registers of equal rank keep the order of the saved state."""
        return ()

    def order(self, values: Mapping[int, int]) -> tuple[int, ...]:
        """The ids of `values` that the VMM writes, in its order."""
        return tuple(sorted((i for i in values if self.keeps(i)), key=self.rank))

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The lines for these failures (at least one); `number` is the VMM's own number of the failing vCPU."""
        raise NotImplementedError

    def printed_creation(self, number: int, errno: int, lacking: Sequence[str]) -> tuple[str, ...]:
        """The lines when KVM_ARM_VCPU_INIT refuses the features; empty where no such message is known."""
        return ()

    def printed_lengths(self, number: int, source: int, destination: int) -> tuple[str, ...]:
        """The lines when the source lists too many registers; empty where nothing compares lists."""
        return ()

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """What this VMM's user can do about refused registers."""
        return ()

    def unlisted_steps(self, ids: Sequence[int], harmless: Sequence[int], why_harmless: str) -> tuple[str, ...]:
        """What can be done about registers that the destination does not list; some of them are safe to drop."""
        return ()

    def unnamed_steps(self) -> tuple[str, ...]:
        """How to learn which register was refused."""
        return ()

    def unreadable_steps(self) -> tuple[str, ...]:
        """What helps where a register could not be read while a VM was saved."""
        return ()

    def option(self, feature: str, word: str) -> str:
        """The option that turns a feature `on` or `off`, or what decides about it."""
        known = self.options.get(feature)
        return known.format(word) if known else self.option_advice

    def option_lines(self, feature: str, word: str) -> tuple[str, ...]:
        """`option`, and further ways to say the same."""
        return (self.option(feature, word),)

    def message(self, key: str) -> Message:
        """The message with this key."""
        return next(m for m in self.messages if m.key == key)


_KEPT: dict[tuple[type[Vmm], frozenset[int]], frozenset[int]] = {}
_MOST_KEPT = 64


def _tolerated(tolerances: Mapping[int, int | None], reg_id: int, value: int | None) -> bool:
    wanted = tolerances.get(reg_id, -1)
    return wanted is None or (wanted >= 0 and wanted == value)


def os_error(number: int) -> str:
    """An errno as Rust's std::io::Error shows it: `Invalid argument (os error 22)`."""
    return f"{os.strerror(number or errno.EINVAL)} (os error {number or errno.EINVAL})"
