"""A policy compiled to integers: feature table, exposure steps, write masks, hooks, lists.

Compiling is also the check of a policy: a register or field that does not exist, a mask that is no number or a special
without engine function ends in one PolicyError that names the rule.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from operator import ne
from typing import Any, Literal, NamedTuple, NoReturn, get_args, overload

from inspector.errors import PolicyError, nearest
from inspector.policies import model
from inspector.policies.model import Policy, Rule
from inspector.policies.spans import FieldRule, check, parse_fields, parse_place
from inspector.registers.bits import ALL, mask_of, ones
from inspector.registers.ids import (
    AARCH32_IDS,
    ID_AA64DFR0_EL1,
    ID_AA64MMFR0_EL1,
    ID_AA64PFR0_EL1,
    ID_DFR0_EL1,
    IDS,
    NAMES,
    id_of,
)
from inspector.registers.naming import name_of

_UNCONDITIONAL = (model.Know, model.Has, model.Special, model.Reported, model.Boot, model.Overridable)
"""Rules that hold for a kernel as a whole."""
_OF_KERNEL = (model.List, model.Default, model.Special, model.Has)
"""Rules that are looked up by what they are about, not by register."""
_WORDS = (model.Boot, model.Overridable)
"""Rules about the host's command line, whose tables are by word."""

StepKind = Literal["hide", "cap", "force", "floor", "special"]


class Step(NamedTuple):
    """One change between the sanitised host value and what the VM is offered."""

    kind: StepKind
    name: str
    """field name, or the special's function"""
    mask: int
    lsb: int
    value: int
    rule: Rule


class Hook(NamedTuple):
    """One thing done to a written value before the general check."""

    kind: Literal["tolerate", "keep", "replace", "refuse"]
    name: str
    mask: int
    lsb: int
    rule: Rule


class Override(NamedTuple):
    """A field that a word of the host's command line sets."""

    reg_id: int
    field: str
    msb: int
    lsb: int
    value: int | None
    """None where it is not known which value results"""
    rule: Rule

    @property
    def name(self) -> str:
        """`ID_AA64PFR1_EL1.BT`."""
        return f"{name_of(self.reg_id)}.{self.field}"


class Rulebook:
    """What the engine looks up while it answers; built once per policy.

    `base`: the book of another policy, most of whose rules are the same objects. What it has of registers that no
    differing rule names is taken over: kernels differ in few rules, and compiling is what asking many of them costs.
    """

    def __init__(self, policy: Policy, base: Rulebook | None = None) -> None:
        self.policy = policy
        self.table: dict[int, dict[str, FieldRule]] = {}
        self._sorted: dict[int, tuple[FieldRule, ...]] = {}
        self._taken: dict[int, int] = {}
        """register -> bits of all fields that were ever in `table`"""
        self.steps: dict[int, list[Step]] = {}
        self.raz: dict[int, list[model.Raz]] = {}
        self.writable: dict[int, list[tuple[int, Rule]]] = {}
        self.reported: dict[int, tuple[int, Rule]] = {}
        self.hooks: dict[int, list[Hook]] = {}
        self.known_mask: dict[int, int] = {}
        """register -> bits of the fields in `table`"""
        self.boot: dict[str, tuple[Override, ...]] = {}
        self.boot_states: dict[str, frozenset[str]] = {}
        self.boot_modes: dict[str, model.KvmMode] = {}
        self.overridable: dict[str, Override] = {}
        changed = None if base is None else _changed(base.policy.rules, policy.rules)
        self._wanted = None if changed is None else _named_by(changed)
        """the registers that are compiled here; None for all"""
        kinds = None if changed is None else set(map(type, changed))
        self.lists, self.defaults, self.specials, self.behaviours = self._of_kernel(policy, base, kinds)
        if base is not None and self._wanted is not None:
            self._take_over(base, self._wanted)
        rules = policy.rules if changed is None else self._to_add(changed, base)
        for rule in rules:
            if isinstance(rule, model.Know):
                self._add_fields(rule)
        for rule in rules:
            self._check_conditions(rule)
            self._add(rule)
        touched = self.table if self._wanted is None else self._wanted & self.table.keys()
        self.known_mask |= {i: sum(field.mask for field in self.table[i].values()) for i in touched}

    @staticmethod
    def _of_kernel(
        policy: Policy, base: Rulebook | None, changed: set[type[Rule]] | None
    ) -> tuple[list[model.List], list[model.Default], dict[str, model.Special], dict[str, model.Has]]:
        """Lists, defaults, engine functions and behaviours; those of `base` where no rule of that kind has changed."""
        if base is not None and changed is not None and changed.isdisjoint(_OF_KERNEL):
            return base.lists, base.defaults, base.specials, base.behaviours
        rules = [rule for rule in policy.rules if isinstance(rule, _OF_KERNEL)]
        return (
            [rule for rule in rules if isinstance(rule, model.List)],
            [rule for rule in rules if isinstance(rule, model.Default)],
            {rule.function: rule for rule in rules if isinstance(rule, model.Special)},
            {rule.behaviour: rule for rule in rules if isinstance(rule, model.Has)},
        )

    def _to_add(self, changed: Iterable[Rule], base: Rulebook | None) -> list[Rule]:
        """The rules that are new or name a wanted register, and all about the words of the command line among those."""
        new, wanted = set(map(id, changed)), self._wanted or frozenset()
        rules = self.policy.rules
        # Looked up here, not by _names() alone: a call for each rule of each kernel takes as long as compiling them.
        looked = zip(rules, map(_NAMES.get, map(id, rules)), strict=True)
        named = [held[1] if held is not None and held[0] is rule else _names(rule) for rule, held in looked]
        found = [rule for rule, ids in zip(rules, named, strict=True) if id(rule) in new or not wanted.isdisjoint(ids)]
        kept = set(map(id, found))
        if base is None or any(isinstance(rule, _WORDS) for rule in changed):
            return [rule for rule in rules if id(rule) in kept or isinstance(rule, _WORDS)]
        self.boot, self.boot_states = dict(base.boot), dict(base.boot_states)
        self.boot_modes, self.overridable = dict(base.boot_modes), dict(base.overridable)
        words = set(map(_word, found)) - {""}
        return [rule for rule in rules if id(rule) in kept or _word(rule) in words] if words else found

    def _take_over(self, base: Rulebook, but: frozenset[int]) -> None:
        """What `base` has of every register apart from these."""
        mine: tuple[dict[int, Any], ...] = self._by_register()
        for own, others in zip(mine, base._by_register(), strict=True):
            own.update(others)
            for reg_id in but:
                own.pop(reg_id, None)

    def _by_register(self) -> tuple[dict[int, Any], ...]:
        return (
            self.table, self._taken, self.steps, self.raz, self.writable, self.reported, self.hooks, self.known_mask,
        )  # fmt: skip

    def _wants(self, reg_id: int) -> bool:
        return self._wanted is None or reg_id in self._wanted

    def _of_wanted(self, specs: tuple[str, ...]) -> Sequence[str]:
        """Those of `REGISTER` or `REGISTER.FIELD` that are compiled here; with them what names no register."""
        wanted = self._wanted
        if wanted is None:
            return specs
        return [spec for spec in specs if (reg_id := _id_of(spec)) is None or reg_id in wanted]

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
        found = self._sorted.get(reg_id)
        if found is None:
            found = self._sorted[reg_id] = tuple(sorted(self.table.get(reg_id, {}).values(), key=lambda f: -f.lsb))
        return found

    def said_of(self, reg_id: int) -> Hashable:
        """Everything that rules say of a register, engine functions that make its value among them, to be compared."""
        kinds = self.steps, self.raz, self.writable, self.hooks
        return (*(tuple(kind.get(reg_id, ())) for kind in kinds), self.fields(reg_id), self.reported.get(reg_id))

    def _fail(self, rule: Rule, what: str, hint: str = "") -> NoReturn:
        raise PolicyError(f"rule {rule.name!r}: {what}", rule.release or self.policy.name, hint)

    def _check_conditions(self, rule: Rule) -> None:
        """Refuse a condition that would be read and then never looked at."""
        given = (*rule.when, *rule.unless)
        if given and isinstance(rule, _UNCONDITIONAL):
            self._fail(
                rule, f"a rule of kind {model.kind_of(rule)} takes no condition", f"leave out {', '.join(given)}"
            )
        late = [word for word in given if word in model.FIELD_CONDITIONS]
        if late and not isinstance(rule, model.List):
            allowed = [word for word in get_args(model.Condition) if word not in model.FIELD_CONDITIONS]
            self._fail(
                rule,
                f"the condition {late[0]} is a field of the VM's own, on which only a rule of kind list can depend,"
                f" not one of kind {model.kind_of(rule)}",
                f"one of: {', '.join(allowed)}",
            )

    def _register(self, rule: Rule, name: str) -> int:
        known = IDS.get(name)
        if known is not None:
            return known
        try:
            return id_of(name)
        except KeyError:
            close = nearest(name.upper(), IDS, 3, 0.5)
            self._fail(
                rule, f"unknown register {name!r}", f"close: {', '.join(close)}" if close else "e.g. ID_AA64PFR0_EL1"
            )

    def _bits(self, rule: Rule, spec: str) -> tuple[int, int]:
        """(register id, mask) of `REGISTER` as a whole, `REGISTER.FIELD` or `REGISTER.NAME[msb:lsb]`."""
        if "." in spec:
            reg_id, _, msb, lsb = self._place(rule, spec)
            return reg_id, mask_of(msb, lsb)
        reg_id = self._register(rule, spec)
        return reg_id, ones(32) if reg_id in AARCH32_IDS else ALL

    def _add_masks(self, rule: model.Writable | model.Reported) -> None:
        """Work out the masks that hold once this rule is laid over those before it."""
        changed: dict[int, int] = {}
        for spec in self._of_wanted(rule.fields):
            reg_id, mask = self._bits(rule, spec)
            changed[reg_id] = changed.get(reg_id, self._mask_so_far(rule, reg_id)) | mask
        for spec in self._of_wanted(rule.fixed):
            reg_id, mask = self._bits(rule, spec)
            changed[reg_id] = changed.get(reg_id, self._mask_so_far(rule, reg_id)) & ~mask
        for reg_id, mask in changed.items():
            if isinstance(rule, model.Reported):
                self.reported[reg_id] = (mask, rule)
            else:
                self.writable.setdefault(reg_id, []).append((mask, rule))

    def _mask_so_far(self, rule: model.Writable | model.Reported, reg_id: int) -> int:
        """The mask that a further rule starts from: that of the last rule without conditions."""
        if isinstance(rule, model.Reported):
            return self.reported[reg_id][0] if reg_id in self.reported else 0
        masks = [mask for mask, before in self.writable.get(reg_id, ()) if not before.when and not before.unless]
        return masks[-1] if masks else 0

    def _place(self, rule: Rule, spec: str) -> tuple[int, str, int, int]:
        """(register id, field name, msb, lsb) of `REGISTER.FIELD` or `REGISTER.FIELD[msb:lsb]`."""
        register, field, place = _taken_apart(spec)
        reg_id = self._register(rule, register)
        if place:
            return reg_id, *place
        known = self.table.get(reg_id, {})
        if entry := known.get(field):
            return reg_id, field, entry.msb, entry.lsb
        hint = f"known: {', '.join(known)}" if known else "write its place, e.g. ID_AA64PFR1_EL1.NMI[39:36]"
        return self._fail(rule, f"unknown field {spec!r}", hint)

    def _add_fields(self, rule: model.Know) -> None:
        reg_id = self._register(rule, rule.register)
        entries = self.table.setdefault(reg_id, {})
        taken = self._taken.get(reg_id, 0)
        for spec, field in zip(rule.fields, parse_fields(rule), strict=True):
            if field is None:
                self._fail(rule, f"cannot read {spec!r}", "write e.g. FP[19:16] lower signed")
            mask = field.mask
            if taken & mask:
                before = [f.name for f in entries.values() if f.mask & mask and f.name != field.name]
                if before:
                    what = f"{spec!r} overlaps {', '.join(before)}"
                    self._fail(rule, what, "one of the same name replaces an older one")
            taken |= mask
            entries[field.name] = field
        self._taken[reg_id] = taken

    def _add(self, rule: Rule) -> None:
        match rule:
            case model.Hide() | model.Cap() | model.Force() | model.Floor():
                self._add_step(rule)
            case model.Raz(registers=registers):
                for name in self._of_wanted(registers):
                    self.raz.setdefault(self._register(rule, name), []).append(rule)
            case model.Writable() | model.Reported():
                self._add_masks(rule)
            case model.Tolerate() | model.Keep() | model.Replace() | model.Refuse():
                self._add_hooks(rule, rule.fields)
            case model.List() | model.Default():
                self._add_listed(rule)
            case model.Know():
                pass  # taken before all others: see __init__
            case _:
                self._add_unconditional(rule)

    def _add_unconditional(self, rule: model.Boot | model.Overridable | model.Has | model.Special) -> None:
        match rule:
            case model.Boot() | model.Overridable():
                self._add_boot(rule)
            case model.Has():
                self._add_behaviour(rule)
            case model.Special():
                self._add_special(rule)

    def _add_listed(self, rule: model.List | model.Default) -> None:
        check(rule.registers, rule.release, rule.name)

    def _add_step(self, rule: model.Hide | model.Cap | model.Force | model.Floor) -> None:
        kind, value = _shape_of(rule)
        for spec in self._of_wanted(rule.fields):
            reg_id, name, msb, lsb = self._place(rule, spec)
            mask = mask_of(msb, lsb)
            if value << lsb & ~mask or value < 0:
                self._fail(rule, f"{value} does not fit {spec}", f"0 to {mask >> lsb}")
            self.steps.setdefault(reg_id, []).append(Step(kind, name, mask, lsb, value, rule))

    def _add_hooks(
        self, rule: model.Tolerate | model.Keep | model.Replace | model.Refuse, specs: tuple[str, ...]
    ) -> None:
        for spec in self._of_wanted(specs):
            reg_id, name, msb, lsb = self._place(rule, spec)
            mask = mask_of(msb, lsb)
            kind = model.kind_of(rule)
            hooks = self.hooks.setdefault(reg_id, [])
            match kind:
                case "tolerate" | "keep" | "replace" | "refuse":
                    hooks.append(Hook(kind, name, mask, lsb, rule))
            if kind == "keep":
                self.steps.setdefault(reg_id, []).append(Step("hide", name, mask, lsb, 0, rule))

    def _add_boot(self, rule: model.Boot | model.Overridable) -> None:
        if isinstance(rule, model.Boot):
            word = _word(rule)
            self.boot[word] = tuple(self._override(rule, spec) for spec in rule.fields)
            self.boot_states[word] = frozenset(rule.off)
            if rule.mode:
                self.boot_modes[word] = rule.mode
            return
        for spec in rule.fields:
            one = self._override(rule, f"{spec}=?")
            self.overridable[f"{spec.partition('.')[0].removesuffix('_EL1')}.{one.field}".lower()] = one

    def _override(self, rule: Rule, spec: str) -> Override:
        place, _, number = spec.partition("=")
        reg_id, field, msb, lsb = self._place(rule, place)
        if number != "?" and not (number.isdecimal() and len(number) <= 20 and int(number) <= ones(msb - lsb + 1)):
            self._fail(rule, f"{spec!r} sets no value", f"write {place}=0, or =? where it is not known")
        return Override(reg_id, field, msb, lsb, None if number == "?" else int(number), rule)

    def _add_behaviour(self, rule: model.Has) -> None:
        if rule.behaviour not in model.BEHAVIOURS:
            close = nearest(rule.behaviour, model.BEHAVIOURS, 3, 0.4)
            hint = f"close: {', '.join(close)}" if close else f"one of: {', '.join(model.BEHAVIOURS)}"
            self._fail(rule, f"unknown behaviour {rule.behaviour!r}", hint)
        if rule.behaviour == "nested-granules" and self._wants(ID_AA64MMFR0_EL1):
            self.steps.setdefault(ID_AA64MMFR0_EL1, []).append(Step("special", rule.behaviour, 0, 0, 0, rule))

    def _add_special(self, rule: model.Special) -> None:
        known = model.SPECIALS.get(rule.function)
        if known is None:
            close = nearest(rule.function, model.SPECIALS, 3, 0.4)
            hint = f"close: {', '.join(close)}" if close else f"one of: {', '.join(model.SPECIALS)}"
            self._fail(rule, f"unknown function {rule.function!r}", hint)
        if rule.variant not in known.variants:
            hint = f"one of: {', '.join(known.variants)}"
            self._fail(rule, f"unknown variant {rule.variant!r} of {rule.function}", hint)
        for reg_id in filter(self._wants, SPECIAL_REGISTERS.get(rule.function, ())):
            steps = self.steps.setdefault(reg_id, [])
            steps[:] = [step for step in steps if step.name != rule.function or step.kind != "special"]
            steps.append(Step("special", rule.function, 0, 0, 0, rule))


@lru_cache(maxsize=4096)
def _taken_apart(spec: str) -> tuple[str, str, tuple[str, int, int] | None]:
    """Register, field and, where it is written, the field's place: policies repeat each other's rules."""
    register, _, field = spec.partition(".")
    return register, field, parse_place(field)


def _shape_of(rule: model.Hide | model.Cap | model.Force | model.Floor) -> tuple[StepKind, int]:
    """What a rule does to a field, and the number that it does it with."""
    match rule:
        case model.Hide():
            return "hide", 0
        case model.Cap(limit=limit):
            return "cap", limit
        case model.Force(value=value):
            return "force", value
        case model.Floor(least=least):
            return "floor", least


SPECIAL_REGISTERS: dict[str, tuple[int, ...]] = {
    "speculation-fields": (ID_AA64PFR0_EL1,),
    "gic-fields": (ID_AA64PFR0_EL1,),
    "pmu-version": (ID_AA64DFR0_EL1, ID_DFR0_EL1),
}
"""The registers whose exposed value an engine function has a say in."""


def _names(rule: Rule) -> frozenset[int]:
    """The registers of which a rule says something, as far as their names mean any."""
    held = _NAMES.get(id(rule))
    if held is None or held[0] is not rule:
        if len(_NAMES) > _MOST_NAMES:
            _NAMES.clear()
        held = _NAMES[id(rule)] = rule, frozenset(i for i in map(_id_of, _spelled(rule)) if i is not None)
    return held[1]


_NAMES: dict[int, tuple[Rule, frozenset[int]]] = {}
_MOST_NAMES = 4096


def _spelled(rule: Rule) -> Iterable[str]:
    """What a rule says of single registers, each beginning with the register's name."""
    match rule:
        case model.Know():
            return (rule.register,)
        case model.Raz():
            return rule.registers
        case model.Special():
            return [NAMES[i] for i in SPECIAL_REGISTERS.get(rule.function, ())]
        case model.Has():
            return ("ID_AA64MMFR0_EL1",) if rule.behaviour == "nested-granules" else ()
        case model.List() | model.Default():
            return ()
        case model.Writable() | model.Reported():
            return (*rule.fields, *rule.fixed)
        case _:
            return rule.fields


@lru_cache(maxsize=4096)
def _id_of(spec: str) -> int | None:
    """The register of `REGISTER` or `REGISTER.FIELD`; None where there is none of that name."""
    name = spec.partition(".")[0]
    try:
        return IDS[name] if name in IDS else id_of(name)
    except KeyError:
        return None


def _word(rule: Rule) -> str:
    """The word of the command line that a rule is about, `?` for every word that names a field; else empty."""
    if isinstance(rule, model.Boot):
        return rule.option.replace("-", "_")
    return "?" if isinstance(rule, model.Overridable) else ""


def _changed(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> list[Rule] | None:
    """The rules that only one of two policies has; None where what they share stands in another order."""
    # By identity, in sets and dicts alone: a Python step for each rule of each kernel took longer than compiling.
    old, new = {id(rule): rule for rule in before}, {id(rule): rule for rule in after}
    shared = old.keys() & new.keys()
    if any(map(ne, filter(shared.__contains__, old), filter(shared.__contains__, new))):
        return None
    return [each[one] for each in (old, new) for one in each if one not in shared]


def _named_by(rules: Iterable[Rule]) -> frozenset[int]:
    return frozenset().union(*map(_names, rules))


_BOOKS: dict[int, tuple[Policy, Rulebook]] = {}


def rulebook(policy: Policy) -> Rulebook:
    """The compiled form of `policy`, built once for each policy object."""
    held = _BOOKS.get(id(policy.rules))
    if held is None or held[0].rules is not policy.rules:
        if len(_BOOKS) > 128:
            _BOOKS.clear()
        held = _BOOKS[id(policy.rules)] = (policy, _compiled(policy))
    return held[1]


def _compiled(policy: Policy) -> Rulebook:
    """The book of a policy, made from the one that was made last where that succeeds."""
    last = next(reversed(_BOOKS.values()), None)
    if last is not None:
        try:
            return Rulebook(policy, last[1])
        except PolicyError:
            pass  # the whole policy says which of its rules is the first that is wrong
    return Rulebook(policy)
