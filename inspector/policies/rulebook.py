"""A policy compiled to integers: feature table, exposure steps, write masks, hooks, lists, words of the command line.

A book is made of a policy's rules as they are asked for: most questions are about few registers. `Rulebook.check`
compiles all of it, which is the check of a policy: a register or field that does not exist, a mask that is no number or
a special without engine function ends in one PolicyError that names the rule. What ships is checked by the tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, TypeVar, get_args, overload

import msgspec

from inspector.errors import nearest
from inspector.policies import model
from inspector.policies.model import Policy, Rule
from inspector.policies.register_rules import (
    RegisterRules,
    compiled,
    place_of,
    refuse,
    register_of,
    said_by,
    spelled,
)
from inspector.policies.spans import FieldRule, check
from inspector.registers.bits import ones
from inspector.registers.naming import name_of

_UNCONDITIONAL = (model.Know, model.Has, model.Special, model.Reported, model.Boot, model.Overridable)
"""Rules that hold for a kernel as a whole."""
_NAMING_FIELDS = (model.Know, model.Boot, model.Overridable)
"""Rules on which it depends whether the words of the command line name fields that there are."""

_R = TypeVar("_R", bound=model.RuleBase)


class Override(msgspec.Struct, frozen=True):
    """A field that a word of the host's command line sets."""

    reg_id: int
    field: str
    msb: int
    lsb: int
    value: int | None
    """None where it is not known which value results"""
    rule: Rule
    typed: int = 0
    """the number before it was cut to the field: what the filters of idreg-override.c look at"""

    @property
    def name(self) -> str:
        """`ID_AA64PFR1_EL1.BT`."""
        return f"{name_of(self.reg_id)}.{self.field}"


class Word(msgspec.Struct, frozen=True):
    """What a word of the host's command line does."""

    overrides: tuple[Override, ...]
    off: frozenset[str]
    """the mitigations that it switches off"""
    mode: model.KvmMode | None
    """of KVM"""
    rule: model.Boot


class Rulebook:
    """What the engine looks up while it answers; one for each policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._made: dict[int, RegisterRules] = {}

    @cached_property
    def _kinds(self) -> dict[type[model.RuleBase], list[Any]]:
        """The rules of each kind, in their order."""
        found: dict[type[model.RuleBase], list[Any]] = {}
        for rule in self.policy.rules:
            found.setdefault(type(rule), []).append(rule)
        return found

    def _of_kind(self, kind: type[_R]) -> list[_R]:
        return self._kinds.get(kind, [])

    @cached_property
    def registers(self) -> Mapping[int, Sequence[Rule]]:
        """Every register that some rule names -> those rules, in their order."""
        found = defaultdict[int, list[Rule]](list)
        for rule in self.policy.rules:
            for reg_id in said_by(rule):
                found[reg_id].append(rule)
        return dict(found)

    def of(self, reg_id: int) -> RegisterRules:
        """What the rules say of one register."""
        made = self._made.get(reg_id)
        if made is None:
            made = self._made[reg_id] = compiled(reg_id, tuple(self.registers.get(reg_id, ())), self.policy.name)
        return made

    @cached_property
    def lists(self) -> list[model.List]:
        """What KVM_GET_REG_LIST lists."""
        return self._of_kind(model.List)

    @cached_property
    def defaults(self) -> list[model.Default]:
        """Reset values of what is listed."""
        return self._of_kind(model.Default)

    @cached_property
    def specials(self) -> dict[str, model.Special]:
        """Engine function -> the rule that names its variant."""
        return {rule.function: rule for rule in self._of_kind(model.Special)}

    @cached_property
    def behaviours(self) -> dict[str, model.Has]:
        """Behaviour -> the rule by which the kernel has it."""
        return {rule.behaviour: rule for rule in self._of_kind(model.Has)}

    @cached_property
    def words(self) -> dict[str, Word]:
        """The words of the command line that the kernel understands, `-` written as `_`."""
        return {
            rule.option.replace("-", "_"): Word(
                tuple(self._override(rule, spec) for spec in rule.fields), frozenset(rule.off), rule.mode, rule
            )
            for rule in self._of_kind(model.Boot)
        }

    @property
    def whole_overrides(self) -> bool:
        """Whether the number of a word of `overridable` may have several digits."""
        rule = self.numbers_rule
        return rule is not None and rule.numbers == "whole"

    @property
    def numbers_rule(self) -> model.Overridable | None:
        """The last rule that says what numbers the words of `overridable` take; None without one."""
        return next((rule for rule in reversed(self._of_kind(model.Overridable)) if rule.numbers), None)

    @cached_property
    def overridable(self) -> dict[str, Override]:
        """`id_aa64pfr1.bt` -> the field that `id_aa64pfr1.bt=N` on the command line sets."""
        found = {}
        for rule in self._of_kind(model.Overridable):
            for spec in rule.fields:
                one = self._override(rule, f"{spec}=?")
                found[f"{spec.partition('.')[0].removesuffix('_EL1')}.{one.field}".lower()] = one
        return found

    @overload
    def variant(self, function: Literal["id-registers"]) -> model.IdRegisters: ...
    @overload
    def variant(self, function: Literal["cache-registers"]) -> model.CacheRegisters: ...
    @overload
    def variant(self, function: Literal["ctr"]) -> model.Ctr: ...
    @overload
    def variant(self, function: Literal["implementation-ids"]) -> model.ImplementationIds: ...
    @overload
    def variant(self, function: Literal["speculation-fields"]) -> model.SpeculationFields: ...
    @overload
    def variant(self, function: Literal["pmu-version"]) -> model.PmuVersion: ...
    @overload
    def variant(self, function: Literal["mitigation-levels"]) -> model.MitigationLevels: ...
    @overload
    def variant(self, function: Literal["gic-fields"]) -> model.GicFields: ...
    @overload
    def variant(self, function: Literal["pmcr"]) -> model.Pmcr: ...
    @overload
    def variant(self, function: Literal["guest-caches"]) -> model.GuestCaches: ...
    @overload
    def variant(self, function: Literal["pmu-pairs"]) -> model.PmuPairs: ...
    @overload
    def variant(self, function: Literal["pmu-reset"]) -> model.PmuReset: ...
    @overload
    def variant(self, function: str) -> str: ...
    def variant(self, function: str) -> str:
        """Which variant of an engine function this kernel has."""
        special = self.specials.get(function)
        return special.variant if special else model.SPECIALS[function].variants[0]

    def has(self, behaviour: model.Behaviour) -> bool:
        """Whether this kernel has or does something."""
        return behaviour in self.behaviours

    def special_rule(self, function: str) -> Rule | None:
        """The rule behind an engine function, or the newest behaviour of that family, where the policy names one."""
        return self.specials.get(function) or self._newest(function)

    def state(self, function: str) -> str:
        """The variant of an engine function, or the newest behaviour of that family; `none` without one."""
        if function in model.SPECIALS:
            return self.variant(function)
        newest = self._newest(function)
        return newest.behaviour if newest else "none"

    def _newest(self, family: str) -> model.Has | None:
        named = [rule for name, rule in self.behaviours.items() if name == family or name.startswith(f"{family}-")]
        return named[-1] if named else None

    def fields(self, reg_id: int) -> tuple[FieldRule, ...]:
        """The feature-table fields of a register, most significant first; empty for a register without entry."""
        return self.of(reg_id).fields

    def check(self, sound: Iterable[Rule] = ()) -> None:
        """Raises PolicyError for a rule that means nothing.

        `sound`: the rules of a policy that was checked; what has not changed since is not looked at again.
        """
        before = {id(rule): rule for rule in sound}
        new = [rule for rule in self.policy.rules if before.pop(id(rule), None) is None]
        for rule in new:
            self._check_conditions(rule)
            self._check_names(rule)
        # Compiling the rest is its check; what is left in `before` is gone.
        changed = (*new, *before.values())
        for reg_id in dict.fromkeys(reg_id for rule in changed for reg_id in said_by(rule)):
            self.of(reg_id)
        if any(isinstance(rule, _NAMING_FIELDS) for rule in changed):
            _ = self.words, self.overridable

    def _check_conditions(self, rule: Rule) -> None:
        """Refuse a condition that would be read and then never looked at."""
        given, where = (*rule.when, *rule.unless), self.policy.name
        if given and isinstance(rule, _UNCONDITIONAL):
            what = f"a rule of kind {model.kind_of(rule)} takes no condition"
            refuse(rule, what, where, f"leave out {', '.join(given)}")
        late = [word for word in given if word in model.FIELD_CONDITIONS]
        if late and not isinstance(rule, model.List):
            allowed = [word for word in get_args(model.Condition) if word not in model.FIELD_CONDITIONS]
            what = f"the condition {late[0]} is a field of the VM's own, on which only a rule of kind list can depend,"
            what += f" not one of kind {model.kind_of(rule)}"
            refuse(rule, what, where, f"one of: {', '.join(allowed)}")

    def _check_names(self, rule: Rule) -> None:
        """Refuse what names no register, no behaviour and no engine function."""
        for spec in spelled(rule):
            register_of(rule, spec, self.policy.name)
        match rule:
            case model.List() | model.Default():
                check(rule.registers, rule.release, rule.name)
            case model.Has():
                self._known(rule, "behaviour", rule.behaviour, model.BEHAVIOURS)
            case model.Special():
                self._known(rule, "function", rule.function, model.SPECIALS)
                variants = model.SPECIALS[rule.function].variants
                if rule.variant not in variants:
                    what = f"unknown variant {rule.variant!r} of {rule.function}"
                    refuse(rule, what, self.policy.name, f"one of: {', '.join(variants)}")

    def _known(self, rule: Rule, what: str, word: str, among: Iterable[str]) -> None:
        if word not in among:
            close = nearest(word, among, 3, 0.4)
            hint = f"close: {', '.join(close)}" if close else f"one of: {', '.join(among)}"
            refuse(rule, f"unknown {what} {word!r}", self.policy.name, hint)

    def _override(self, rule: Rule, spec: str) -> Override:
        where = self.policy.name
        place, _, number = spec.partition("=")
        reg_id = register_of(rule, place, where)
        field, msb, lsb = place_of(rule, place, self.of(reg_id).table, where)
        if number != "?" and not (number.isdecimal() and len(number) <= 20 and int(number) <= ones(msb - lsb + 1)):
            refuse(rule, f"{spec!r} sets no value", where, f"write {place}=0, or =? where it is not known")
        return Override(reg_id, field, msb, lsb, None if number == "?" else int(number), rule)


_BOOKS: dict[int, tuple[Policy, Rulebook]] = {}


def rulebook(policy: Policy) -> Rulebook:
    """The book of `policy`, one for each tuple of rules."""
    held = _BOOKS.get(id(policy.rules))
    if held is None or held[0].rules is not policy.rules:
        if len(_BOOKS) > 128:
            _BOOKS.clear()
        held = _BOOKS[id(policy.rules)] = (policy, Rulebook(policy))
    return held[1]
