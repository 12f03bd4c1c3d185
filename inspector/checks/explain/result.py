"""What `explain` answers: result types only."""

from __future__ import annotations

import errno as _errno
from typing import NamedTuple

import msgspec

from inspector.checks.feature_groups import FeatureGroup
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.messages import Kind
from inspector.errors import EXIT_NO, EXIT_YES

_NAMES = {
    "Invalid argument": _errno.EINVAL,
    "Operation not permitted": _errno.EPERM,
    "No such file or directory": _errno.ENOENT,
    "Device or resource busy": _errno.EBUSY,
    "Exec format error": _errno.ENOEXEC,
    "Bad address": _errno.EFAULT,
}


DESTINATION = "the destination's KVM"
"""Who refuses what a restore writes."""


class Hiding(NamedTuple):
    """From when on KVM hides a field."""

    since: str
    """mainline release, `6.13`"""
    points: tuple[str, ...] = ()
    """stable points of older series from which on they hide it too"""

    @property
    def newer(self) -> str:
        """The kernels that hide it: `6.13 or newer (stable: 6.6.67, 6.12.6 or newer)`."""
        return f"{self.since} or newer" + (f" (stable: {', '.join(self.points)} or newer)" if self.points else "")

    @property
    def older(self) -> str:
        """The others: `older than 6.13 (stable: than 6.6.67, 6.12.6)`."""
        return f"older than {self.since}" + (f" (stable: than {', '.join(self.points)})" if self.points else "")


class ExplainedField(msgspec.Struct, frozen=True, kw_only=True):
    """One field in which the two values differ."""

    name: str
    msb: int
    lsb: int
    wanted: int
    actual: int
    meaning_wanted: str
    meaning_actual: str
    why: str = ""
    """what the kernels do with this field, one or two sentences"""
    hidden: Hiding | None = None
    """from when on KVM hides the field without condition, where one side shows it as hidden"""
    cause: bool = True
    """False when the destination's kernel accepts and ignores the difference"""
    lowered: str = ""
    """`since Linux 6.18 (and stable 6.12.60)`: from when KVM lets the field be lowered, where only that is needed"""
    since: str = ""
    """mainline release that explains the difference: `6.3`"""
    rule: str = ""
    reference: str = ""


class ExplainedRegister(msgspec.Struct, frozen=True, kw_only=True):
    """One register that the text names."""

    id: int
    name: str
    title: str
    kind: Kind
    wanted: int | None = None
    """the value that was to be written; the boot CPU's for a variation"""
    actual: int | None = None
    """the destination's own value; the other CPU's for a variation"""
    error: str = ""
    fields: tuple[ExplainedField, ...] = ()
    why: str = ""
    since: str = ""
    rule: str = ""
    reference: str = ""
    cpus: tuple[int, ...] = ()
    simulated: bool = False
    """not named in the text, but found by restoring the given source on the given destination"""
    from_dump: tuple[str, ...] = ()
    """which values (`wanted`, `actual`) came from the dumps that were given, not from the text"""
    withheld: bool = False
    """True where values are left out, as secrets of the guest"""

    @property
    def blames_no_value(self) -> bool:
        """The text tells of the destination the very value that was refused: KVM takes what it shows, in every
        recording and for every register."""
        told = not self.simulated and not self.from_dump
        return told and self.wanted is not None and self.wanted == self.actual

    @property
    def errno_name(self) -> str:
        """`EINVAL` for a text such as `Invalid argument`."""
        number = _NAMES.get(self.error)
        return _errno.errorcode[number] if number else self.error


class SeenMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the text, with how often it stands there."""

    text: str
    vmm: str
    versions: str
    meaning: str
    kind: Kind
    fatal: bool
    count: int = 1


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a pasted text."""

    recognised: bool
    headline: str
    """one sentence: what failed"""
    vmm: str = ""
    """program that wrote the deciding message"""
    refused_by: str = DESTINATION
    """who refused the writes, as far as the text shows it: `KVM`, or empty where it shows no KVM either"""
    version: str = ""
    """its version, as the text states it or as the message's form implies"""
    messages: tuple[SeenMessage, ...] = ()
    registers: tuple[ExplainedRegister, ...] = ()
    """refused ones first, in the text's order"""
    groups: tuple[FeatureGroup, ...] = ()
    """registers that only the source lists, by what brings them"""
    missing: tuple[FeatureGroup, ...] = ()
    """registers that only the destination lists"""
    counts: tuple[int, int] | None = None
    conclusions: tuple[str, ...] = ()
    """what follows from the text, most certain first"""
    next_steps: tuple[str, ...] = ()
    """what to do, best first"""
    bring: tuple[str, ...] = ()
    """what would let us say more"""
    simulation: MigrationReport | None = None
    """the restore of the given source on the given destination"""

    @property
    def fails(self) -> bool:
        """True when the text reports a failure; False for values, remarks and names alone."""
        return (
            any(m.fatal for m in self.messages)
            or bool(self.counts or self.groups)
            or any(r.kind in ("refused", "only_in_source", "unreadable") for r in self.registers)
        )

    @property
    def exit_code(self) -> int:
        """0 when the text was understood, 1 when it holds nothing to explain."""
        return EXIT_YES if self.recognised else EXIT_NO
