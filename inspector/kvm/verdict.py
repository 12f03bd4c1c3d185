"""The answer to one KVM_SET_ONE_REG, and why."""

from __future__ import annotations

import errno as _errno
from typing import Literal

import msgspec

from inspector.kvm.cases import Case

Outcome = Literal["accepted", "refused", "ignored", "uncertain"]


class JudgedField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a written value, as the handler judged it."""

    name: str
    msb: int
    lsb: int
    now: int
    """value of the field before the write"""
    now_known: int = -1
    """which of its bits are known"""
    written: int
    limit: int
    """the most (or, for a field whose safe direction is up, the least) that the kernel offers"""
    limit_known: int = -1
    """which of its bits are known"""
    writable: bool
    safe: str
    """safe-value rule: `lower`, `higher`, `higher-or-zero`, `exact N`, or `equal` for a field that is not writable"""
    accepted: bool
    reason: str
    """one short clause, e.g. `above the limit`; empty for an unchanged field"""
    fate: Literal["kept", "ignored", "replaced", "refused", "uncertain"] = "kept"
    """what becomes of it: stored, accepted and dropped, accepted and taken as another value, refused, or not known"""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What KVM answers to one write."""

    id: int
    value: int
    """the value written"""
    value_known: int = -1
    """which of its bits are known; the others are written back as the register holds them"""
    errno: int
    """0, or a positive errno; what is assumed where the answer is uncertain"""
    before: int | None = None
    """KVM_GET_ONE_REG before the write; None when the register cannot be read"""
    before_known: int = -1
    """which bits of `before` are known"""
    after: int | None = None
    """KVM_GET_ONE_REG right after the write; None when the register cannot be read or its value is not predictable"""
    after_known: int = -1
    """which bits of `after` are known"""
    fields: tuple[JudgedField, ...] = ()
    rule: str = ""
    """name of the policy rule that decided"""
    reference: str = ""
    """kernel file and function, commit and release behind the rule"""
    reason: str = ""
    """one sentence"""
    would_pass: int | None = None
    """for a refused write: the nearest value that would be accepted, where there is one"""
    by_nature: bool = False
    """the register changes whatever is written, on every machine: a counter, a status bit"""
    certain: bool = True
    """False when the answer depends on something that is not known"""
    uncertain: tuple[str, ...] = ()
    """fields whose fate is not known"""
    depends_on: tuple[str, ...] = ()
    """what the answer depends on: `the host's ID_AA64MMFR2_EL1.NV`"""
    cases: tuple[Case, ...] = ()
    """what each case would answer"""

    @property
    def errno_name(self) -> str:
        """`EINVAL`, or `0` for an accepted write."""
        return _errno.errorcode.get(self.errno, str(self.errno)) if self.errno else "0"

    @property
    def changed(self) -> tuple[JudgedField, ...]:
        """The judged fields that the write changes, or that are refused; most significant first."""
        return tuple(field for field in self.fields if field.now != field.written or not field.accepted)

    @property
    def outcome(self) -> Outcome:
        """`accepted`, `refused`, `ignored` when errno is 0 and the value read back is not the one written, and
        `uncertain` when the answer depends on what is not known."""
        if not self.certain:
            return "uncertain"
        if self.errno:
            return "refused"
        return "ignored" if self.after is not None and self.after != self.value else "accepted"
