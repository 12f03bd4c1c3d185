"""What a review finds: result types only."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.checks.restore.result import Verdict

Severity = Literal["breaks", "uncertain", "guest", "notice", "harmless"]
"""breaks: a saved VM is refused that was accepted; uncertain: what happens depends on what is not known; guest: a
feature disappears for new guests; notice: something else changed that guests or userspace can see; harmless: the rest.
"""
Kind = Literal["refused", "vanish", "restore", "lost", "read", "caches", "appear", "back", "writable", "unlike"]
"""refused: values of a saved VM that are not taken; vanish, appear: registers of the list; restore: a VMM's restore
fails for another reason; lost, read, caches: what new guests read; back: the way back; writable: which bits can be
written; unlike: the real kernel answered otherwise than the model."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A field that a fresh guest reads differently."""

    id: int
    register: str
    field: str
    """empty for a register without fields"""
    msb: int
    lsb: int
    before: int
    after: int
    cases: tuple[str, ...] = ()
    """what it depends on; empty where it is certain"""

    @property
    def name(self) -> str:
        """`REGISTER.FIELD`."""
        return f"{self.register}.{self.field}" if self.field else self.register


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a fresh vCPU of the one side has and that the other side does not take."""

    id: int
    register: str
    value: int
    errno: int
    fields: tuple[str, ...] = ()
    reason: str = ""
    real: bool = False
    """a real kernel answered"""
    predicted: bool = True
    """the model refuses it as well"""
    cases: tuple[str, ...] = ()
    """what it depends on, one clause each; empty where it is certain"""

    @property
    def name(self) -> str:
        """`ID_MMFR4_EL1 (CCIDX)`."""
        return f"{self.register} ({', '.join(self.fields)})" if self.fields else self.register


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A register that only one side lists."""

    register: str
    cases: tuple[str, ...] = ()
    """what it depends on; empty where it is certain"""


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """One VMM's restore by the model, forwards (saved before, loaded after) and back."""

    vmm: str
    forwards: Verdict
    forwards_says: str
    back: Verdict
    back_says: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A VM saved under a recorded release: does it load on each side?"""

    release: str
    on_before: Verdict
    on_after: Verdict
    says: str = ""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the change does, as a maintainer would be told."""

    severity: Severity
    kind: Kind
    text: str
    """one sentence without a full stop"""
    features: tuple[str, ...] = ()
    """features of the host that it takes: `FEAT_CCIDX`"""
    details: tuple[str, ...] = ()
    """fields and values, one each"""
    cases: tuple[str, ...] = ()
    """what each case would give, for an effect that is uncertain"""
    releases: str = ""
    """recorded releases whose VMs loaded before the change and do not after it"""
    selftest: str = ""
    """which of the kernel's selftests notices it, or that none does"""
    remedy: str = ""
    cpus: tuple[str, ...] = ()


class HostReview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one host."""

    cpu: str
    before: str
    after: str
    appear: tuple[Listed, ...]
    vanish: tuple[Listed, ...]
    shown: tuple[Shown, ...]
    writable: tuple[Shown, ...]
    """fields whose writable bits differ; `before` and `after` are the masks' bits"""
    masks: tuple[bool | None, bool | None]
    """whether KVM_ARM_GET_REG_WRITABLE_MASKS answers, before and after; None where that is not known"""
    forwards: tuple[Refused, ...]
    back: tuple[Refused, ...]
    unlike: tuple[str, ...] = ()
    """what a real kernel answered otherwise than the model, one clause each"""
    restores: tuple[Restore, ...]
    releases: tuple[Release, ...]
    qemu: tuple[str, ...] = ()
    """entries of a QEMU machine type's compatibility properties that help, tried on the model"""
    qemu_says: str = ""
    """what they do, or why none helps"""
    effects: tuple[Effect, ...] = ()
    notes: tuple[str, ...] = ()


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for all hosts."""

    before: str
    after: str
    features: str
    hosts: tuple[HostReview, ...]
    effects: tuple[Effect, ...]
    """each once, with the CPU models that it was found on, the worst first"""
    doubts: tuple[str, ...] = ()
    """why the whole answer is uncertain: a kernel that no policy is for"""
    notes: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether a restore that worked does not any more."""
        return any(effect.severity == "breaks" for effect in self.effects)

    @property
    def uncertain(self) -> bool:
        """Whether it is not known if a restore breaks."""
        hangs = any(e.severity == "uncertain" and e.kind in ("refused", "vanish", "restore") for e in self.effects)
        return hangs or bool(self.doubts)
