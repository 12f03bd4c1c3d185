"""What every gate is: the judge of KVM_SET_ONE_REG for one register that does more than store a value.

One file of this folder is one gate: its decision, the parts of a value that it judges, values that it would take
instead, and its words. A gate judges once: `decide` and the words rest on the same `parts` (or, for ID registers, on
the same bitmaps). Nothing here changes state but `store`, which is called for accepted values only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from errno import EBUSY, EINVAL
from typing import Literal

import msgspec

from inspector.kvm.cases import ACCEPTED, Outcome, refused
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.doubts import Doubt
from inspector.kvm.limits import LIMITED
from inspector.kvm.state import VcpuState
from inspector.policies.model import Rule
from inspector.registers.bits import ones
from inspector.registers.naming import name_of

Fate = Literal["kept", "ignored", "replaced", "refused"]
"""What becomes of a part of a written value: stored, accepted and dropped, accepted and taken as another, refused."""


class Part(msgspec.Struct, frozen=True):
    """One part of a value, as a gate judges it; `reason` is one clause where it is not simply kept."""

    name: str
    msb: int
    lsb: int
    limit: int
    """the most (or, where the safe direction is up, the least) that KVM offers"""
    writable: bool
    safe: str
    """the values that are taken: `lower`, `higher`, `equal`, `any` ..."""
    fate: Fate = "kept"
    reason: str = ""
    errno: int = EINVAL
    """the answer where the part is refused"""

    @property
    def accepted(self) -> bool:
        """False when this part makes KVM refuse the value."""
        return self.fate != "refused"

    @property
    def outcome(self) -> Outcome:
        """What becomes of it, in short."""
        if self.fate == "refused":
            return refused(self.errno)
        return ACCEPTED if self.fate == "kept" else Outcome(self.reason)

    def unless(self, good: bool, reason: str, errno: int = EINVAL) -> Part:
        """This part, refused for `reason` where `good` is False."""
        if good:
            return self
        return Part(self.name, self.msb, self.lsb, self.limit, self.writable, self.safe, "refused", reason, errno)


class Write(msgspec.Struct, frozen=True):
    """One write and its outcome, for the words."""

    value: int
    errno: int
    after: int | None
    """what is read back; None where that is not known"""
    parts: tuple[Part, ...]


class Gate(ABC):
    """Judges writes of one register."""

    __slots__ = ("exposure", "reg_id")
    by_nature = False
    """True when the register changes whatever it is given, on every machine: a counter, a status bit"""
    alone = False
    """True when a write changes nothing but the register's own value, on the VM"""

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        self.exposure, self.reg_id = exposure, reg_id

    @property
    @abstractmethod
    def function(self) -> str:
        """The engine function whose rule says what the register shows and takes; empty where another rule does."""

    @abstractmethod
    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The parts of `value` that are looked at, each with its fate; most significant first."""

    @abstractmethod
    def store(self, vcpu: VcpuState, value: int) -> None:
        """Take over an accepted value."""

    def unsettled(self, vcpu: VcpuState, value: int) -> int:
        """Bits that are not known of what is read once `value` is stored: they change by themselves, or follow from
        what is not known of the host."""
        return 0

    @abstractmethod
    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """Values close to `value` that may be accepted, nearest first."""

    @abstractmethod
    def refusal(self, value: int) -> str:
        """Why `value` is refused, as a clause."""

    @abstractmethod
    def acceptance(self, write: Write) -> str:
        """What becomes of an accepted value, as a clause; of one that is kept as `alike` says."""

    def decide(self, vcpu: VcpuState, value: int) -> int:
        """The errno of KVM_SET_ONE_REG."""
        for part in self.parts(vcpu, value):
            if part.fate == "refused":
                return part.errno
        return 0

    def takes(self, value: int) -> bool | None:
        """Whether a VM that has not run yet takes the value, whatever it holds; None where that depends on more."""
        return None

    def rule(self) -> Rule | None:
        """The policy rule behind the answers, where the policy names one."""
        return self.exposure.book.special_rule(self.function) if self.function else None

    def nearest(self, vcpu: VcpuState, value: int) -> int | None:
        """A value close to `value` that is accepted now; every candidate is tried before it is given."""
        for candidate in self.candidates(vcpu, value):
            if not self.decide(vcpu, candidate):
                return candidate
        for held in (vcpu.value(self.reg_id), self.exposure.values.get(self.reg_id, 0)):
            if not self.decide(vcpu, held):
                return held
        return None

    def why(self, write: Write) -> tuple[Rule | None, str]:
        """The rule that decided, and one sentence."""
        rule, name = self.rule(), name_of(self.reg_id)
        if write.errno == EBUSY:
            return rule, f"{name} cannot change once the VM has run."
        if write.errno:
            return rule, f"{name} is refused: {self.refusal(write.value)}."
        return rule, f"{name}: {self.acceptance(write)}."

    def doubts(self, vcpu: VcpuState, value: int) -> tuple[Doubt, ...]:
        """The parts whose fate depends on something of the host that is not known, and what each case answers."""
        return ()

    def alike(self, other: Gate) -> bool:
        """True when a value that both gates keep for sure is kept with the same words.

        These rest on the gate and its rule, the rules about the register with what they make of this host, and the
        value; whether it is kept may rest on more.
        """
        mine, theirs, reg_id = self.exposure, other.exposure, self.reg_id
        return (
            type(self) is type(other) and type(mine) is type(theirs)
            and mine.host is theirs.host and mine.setup == theirs.setup
            and mine.book.of(reg_id) is theirs.book.of(reg_id) and self.rule() is other.rule()
            and (reg_id not in LIMITED or mine.limits[reg_id] == theirs.limits[reg_id])
        )  # fmt: skip


class OpenGate(Gate):
    """A register that takes every value."""

    __slots__ = ()

    def decide(self, vcpu: VcpuState, value: int) -> int:
        """Never an errno."""
        return 0

    def parts(self, vcpu: VcpuState, value: int) -> tuple[Part, ...]:
        """The whole value."""
        return (Part("value", width_of(self.reg_id) - 1, 0, ones(width_of(self.reg_id)), True, "any"),)

    def candidates(self, vcpu: VcpuState, value: int) -> Iterator[int]:
        """None is needed."""
        return iter(())

    def refusal(self, value: int) -> str:
        """No value is refused."""
        return "no value is refused"


def width_of(reg_id: int) -> int:
    """Bits of the register by its id (KVM_REG_SIZE_U32 or U64; wider ones are no gate's)."""
    return 32 if reg_id >> 52 & 0xF == 2 else 64
