"""What the kernel policies say of one field or register over all releases: since when hidden, forced, known, writable.

Everything is read from the compiled policies, so a kernel that is added there is known here too. Only the first
release of a series (x.y.0) counts for "since"; stable points that got a change earlier are named apart.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from inspector.policies.loader import load_policy, point_names
from inspector.policies.model import Refuse, Rule, conditions_of
from inspector.policies.points import policy_names
from inspector.policies.rulebook import Rulebook, rulebook
from inspector.policies.series import numbers_of, series_of
from inspector.policies.spans import FieldRule
from inspector.registers.bits import mask_of
from inspector.registers.encoding import CLASS_BITMAP, CLASS_DEMUX, CLASS_FIRMWARE, split_id
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64PFR0_EL1,
    ID_DFR0_EL1,
    ID_PFR1_EL1,
    MIDR_EL1,
    PMCR_EL0,
    REVIDR_EL1,
)


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is so from a release on."""

    what: str
    """`hidden`, `capped`, `forced`, `raz`, `known`, `writable`, `tolerated`, or an engine function's name"""
    since: str
    """mainline release, `6.3`; the oldest modelled one means "or earlier" """
    until: str = ""
    """first mainline release in which it is not so any more; empty when it still holds"""
    backports: tuple[str, ...] = ()
    """stable points that have it although their series started without: `6.12.74`"""
    ends: tuple[str, ...] = ()
    """stable points that have it no more although their series started with it: `6.12.7`"""
    rule: str = ""
    reason: str = ""
    reference: str = ""
    value: int = 0
    """the forced value or the cap"""
    conditions: str = ""
    """when it holds, as `conditions_of` words it: `without SVE`; empty for always"""

    @property
    def from_start(self) -> bool:
        """True when the oldest modelled kernel already has it."""
        return self.since == oldest_release()

    @property
    def since_words(self) -> str:
        """`since Linux 6.3`, `since Linux 5.10 or earlier`, with the stable points that have it too."""
        words = f"since Linux {self.since}" + (" or earlier" if self.from_start else "")
        if self.until:
            words += f" until {self.until}"
        if self.ends:
            words += f" (in stable series until {', '.join(self.ends)})"
        return words + (f" (and stable {', '.join(self.backports)})" if self.backports else "")


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a register that some release began to show otherwise."""

    name: str
    msb: int
    lsb: int
    change: FieldChange


class FieldHistory(msgspec.Struct, frozen=True, kw_only=True):
    """All changes of one field, oldest first."""

    changes: tuple[FieldChange, ...]
    refused: tuple[int, ...] = ()
    """values that the newest kernel refuses whatever the host has"""
    newest: FieldRule | None = None
    """the field in the newest kernel's table: in which direction it may be changed"""

    def takes(self, wanted: int, offered: int) -> bool:
        """Whether the newest kernel, which offers `offered`, takes `wanted` of a field that is writable."""
        rule = self.newest
        return rule is not None and wanted not in self.refused and bool(rule.allowed(offered) >> wanted & 1)

    def current(self, *whats: str) -> FieldChange | None:
        """The newest change of these kinds that still holds."""
        return next((c for c in reversed(self.changes) if c.what in whats and not c.until), None)

    def ever(self, *whats: str) -> FieldChange | None:
        """The newest change of these kinds, whether or not it still holds."""
        return next((c for c in reversed(self.changes) if c.what in whats), None)


def oldest_release() -> str:
    """`5.10`."""
    return series_of(policy_names()[0])


def newest_release() -> str:
    """`7.3`."""
    return series_of(policy_names()[-1])


_FUNCTION_FIELDS = {
    "pmu-version": ((ID_AA64DFR0_EL1, 8), (ID_DFR0_EL1, 24)),
    "speculation-fields": ((ID_AA64PFR0_EL1, 56), (ID_AA64PFR0_EL1, 60)),
    "gic-fields": ((ID_AA64PFR0_EL1, 24), (ID_PFR1_EL1, 28)),
}
"""Fields (register, low bit) that an engine function decides."""


@lru_cache(maxsize=1)
def _books() -> tuple[tuple[str, Rulebook], ...]:
    return tuple((name, rulebook(load_policy(name))) for name in point_names())


@lru_cache(maxsize=2048)
def field_history(reg_id: int, msb: int, lsb: int) -> FieldHistory:
    """What happened to the bits `msb`:`lsb` of an ID register (or CTR_EL0) over all modelled kernels."""
    mask = mask_of(msb, lsb)
    states = {name: _field_states(book, reg_id, mask, lsb) for name, book in _books()}
    book = _books()[-1][1]
    newest = next((f for f in book.fields(reg_id) if f.mask == mask), None)
    return FieldHistory(changes=_changes(states), refused=_refused(book, reg_id, mask), newest=newest)


def _refused(book: Rulebook, reg_id: int, mask: int) -> tuple[int, ...]:
    """`FieldHistory.refused` of one field."""
    rules = [hook.rule for hook in book.of(reg_id).hooks if hook.kind == "refuse" and hook.mask == mask]
    plain = [rule for rule in rules if isinstance(rule, Refuse) and not conditions_of(rule)]
    return tuple(value for rule in plain for value in (*rule.values, *range(rule.below)))


@lru_cache(maxsize=256)
def register_history(reg_id: int) -> FieldHistory:
    """Changes of a register that an engine function handles as a whole (caches, MIDR, CTR, PMCR, firmware)."""
    function = _function_of(reg_id)
    if not function:
        return FieldHistory(changes=())
    states: dict[str, dict[str, FieldChange]] = {}
    for name, book in _books():
        rule = book.special_rule(function)
        variant = book.state(function)
        change = (
            _change(f"{function}: {variant}", rule) if rule else FieldChange(what=f"{function}: {variant}", since="")
        )
        states[name] = {change.what: change}
    return FieldHistory(changes=_changes(states))


@lru_cache(maxsize=256)
def suspects(reg_id: int) -> tuple[Suspect, ...]:
    """Fields of an ID register that KVM hides, caps or forces without condition since a later release than the oldest.

    When a write of the register is refused between two kernels on one and the same CPU, it is one of these, or a field
    that only the newer kernel knows.
    """
    fields = {(f.msb, f.lsb): f.name for _, book in _books() for f in book.fields(reg_id)}
    found = []
    for (msb, lsb), name in sorted(fields.items(), reverse=True):
        for change in field_history(reg_id, msb, lsb).changes:
            shapes = change.what in ("hidden", "capped", "forced") or change.what.startswith("pmu-version")
            appears = change.what == "known" and not change.from_start
            if (shapes or appears) and not change.from_start and not change.conditions:
                found.append(Suspect(name=name, msb=msb, lsb=lsb, change=change))
    return tuple(found)


def _function_of(reg_id: int) -> str:
    parts = split_id(reg_id)
    if parts.cls == CLASS_DEMUX or reg_id == CLIDR_EL1:
        return "cache-registers"
    if parts.cls == CLASS_FIRMWARE:
        return "mitigation-levels" if parts.number else "psci"
    if parts.cls == CLASS_BITMAP:
        return "hypercall-bitmaps"
    named = {
        MIDR_EL1: "implementation-ids",
        REVIDR_EL1: "implementation-ids",
        AIDR_EL1: "implementation-ids",
        CTR_EL0: "ctr",
        PMCR_EL0: "pmcr",
    }
    return named.get(reg_id, "")


_STEP_WORDS = {"hide": "hidden", "cap": "capped", "force": "forced", "floor": "raised"}


def _field_states(book: Rulebook, reg_id: int, mask: int, lsb: int) -> dict[str, FieldChange]:
    """What holds for the field under one kernel: kind -> change without its releases."""
    states: dict[str, FieldChange] = {}
    known = next((f for f in book.fields(reg_id) if f.mask & mask), None)
    if known is not None:
        states["known"] = _change("known", known.rule)
    states |= _step_states(book, reg_id, mask, lsb)
    if always := [raz for raz in book.of(reg_id).raz if not raz.when]:
        states["raz"] = _change("raz", always[-1])
    masks = [entry for entry in book.of(reg_id).writable if not entry[1].when]
    if known is not None and masks and masks[-1][0] & mask == mask:
        states["writable"] = _change("writable", masks[-1][1])
    for hook in book.of(reg_id).hooks:
        if hook.kind in ("tolerate", "keep") and hook.mask & mask:
            states["tolerated"] = _change("tolerated", hook.rule)
    return states


def _step_states(book: Rulebook, reg_id: int, mask: int, lsb: int) -> dict[str, FieldChange]:
    """What is done to the field's limit; what a nested hypervisor loses besides says nothing of other vCPUs."""
    states: dict[str, FieldChange] = {}
    for step in book.of(reg_id).steps:
        if "el2" in step.rule.when:
            continue
        if step.kind != "special" and step.mask & mask:
            states[_STEP_WORDS[step.kind]] = _change(_STEP_WORDS[step.kind], step.rule, step.value)
        elif step.kind == "special" and (reg_id, lsb) in _FUNCTION_FIELDS.get(step.name, ()):
            states[step.name] = _change(f"{step.name}: {book.variant(step.name)}", step.rule)
    return states


def _change(what: str, rule: Rule, value: int = 0) -> FieldChange:
    return FieldChange(
        what=what, since="", rule=rule.name, reason=rule.reason, reference=rule.reference, value=value,
        conditions=conditions_of(rule),
    )  # fmt: skip


def _changes(states: dict[str, dict[str, FieldChange]]) -> tuple[FieldChange, ...]:
    """Runs of equal states over the mainline releases, with the stable points that differ from their own release."""
    mainline = [name for name in states if name.endswith(".0")]
    finished: list[FieldChange] = []
    running: dict[str, FieldChange] = {}
    for name in mainline:
        held = {state.what: state for state in states[name].values()}
        for what in [w for w in running if w not in held]:
            finished.append(msgspec.structs.replace(running.pop(what), until=series_of(name)))
        for what, state in held.items():
            if what not in running:
                running[what] = msgspec.structs.replace(state, since=series_of(name))
    found = [*finished, *running.values()]
    found.sort(key=lambda c: (numbers_of(c.since), c.what))
    return tuple(
        msgspec.structs.replace(c, backports=_backports(c, states), ends=_backports(c, states, ending=True))
        for c in found
    )


def _backports(
    change: FieldChange, states: dict[str, dict[str, FieldChange]], ending: bool = False
) -> tuple[str, ...]:  # fmt: skip
    """First stable point of each older series that has the change although its x.y.0 lacks it; `ending`: of each series
    in which the change holds, the first point that lacks it although its x.y.0 has it."""
    found: dict[str, str] = {}
    for name, held in states.items():
        series = series_of(name)
        older = numbers_of(series) < numbers_of(change.since)
        if name.endswith(".0") or older is ending or series in found:
            continue
        base = states.get(f"{series}.0", {})
        here, there = (any(s.what == change.what for s in one.values()) for one in (held, base))
        if here is not ending and there is ending:
            found[series] = name
    return tuple(found.values())
