"""What the rules of a kernel say of one register, compiled to integers: fields, exposure steps, write masks, hooks.

Kernels differ in few rules, so most of them say the same of most registers: it is compiled once for the rules that name
a register, whichever policies have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal, NoReturn

import msgspec

from inspector.errors import PolicyError, nearest
from inspector.policies import model
from inspector.policies.model import Rule
from inspector.policies.spans import FieldRule, parse_fields, parse_place
from inspector.registers.bits import ALL, mask_of, ones
from inspector.registers.ids import (
    AARCH32_IDS,
    ID_AA64DFR0_EL1,
    ID_AA64PFR0_EL1,
    ID_DFR0_EL1,
    IDS,
    NAMES,
    id_of,
)

StepKind = Literal["hide", "cap", "force", "floor", "special"]


class Step(msgspec.Struct, frozen=True):
    """One change between the sanitised host value and what the VM is offered."""

    kind: StepKind
    name: str
    """field name, or the special's function"""
    mask: int
    lsb: int
    value: int
    rule: Rule


class Hook(msgspec.Struct, frozen=True):
    """One thing done to a written value before the general check."""

    kind: Literal["tolerate", "keep", "replace", "refuse"]
    name: str
    mask: int
    lsb: int
    rule: Rule


class RegisterRules(msgspec.Struct, frozen=True, eq=False):
    """Everything that the rules of a kernel say of one register; one object for all kernels whose rules agree in it."""

    table: Mapping[str, FieldRule]
    """the fields of the feature table, by name"""
    fields: tuple[FieldRule, ...]
    """the same, most significant first"""
    known_mask: int
    """their bits"""
    steps: tuple[Step, ...]
    """in the order in which they are taken"""
    raz: tuple[model.Raz, ...]
    writable: tuple[tuple[int, Rule], ...]
    """what userspace may change, as each rule leaves it; the last that applies counts"""
    reported: tuple[int, Rule] | None
    """what KVM_ARM_GET_REG_WRITABLE_MASKS reports besides"""
    hooks: tuple[Hook, ...]
    alone: bool
    """True when what is offered of the register follows from this and from the host, from no other rule"""


class Said(msgspec.Struct, frozen=True):
    """What one rule says of one register, as it is written: `REGISTER` or `REGISTER.FIELD`."""

    fields: tuple[str, ...]
    fixed: tuple[str, ...] = ()


SPECIAL_REGISTERS: dict[str, tuple[int, ...]] = {
    "speculation-fields": (ID_AA64PFR0_EL1,),
    "gic-fields": (ID_AA64PFR0_EL1,),
    "pmu-version": (ID_AA64DFR0_EL1, ID_DFR0_EL1),
}
"""The registers whose exposed value an engine function has a say in."""


def compiled(reg_id: int, rules: tuple[Rule, ...], where: str) -> RegisterRules:
    """What `rules`, all that name a register in a policy, say of it; PolicyError, about `where`, for what is wrong."""
    key = reg_id, *map(id, rules)
    held = _COMPILED.get(key)
    if held is None:
        if len(_COMPILED) > _MOST:
            _COMPILED.clear()
        held = _COMPILED[key] = rules, _Register(reg_id, where).told(rules)
    return held[1]


_COMPILED: dict[tuple[int, ...], tuple[tuple[Rule, ...], RegisterRules]] = {}
"""register and identities of rules -> those rules, kept so that their identities stay theirs, and what they say"""
_MOST = 4096


def said_by(rule: Rule) -> Mapping[int, Said]:
    """What a rule says of each register, as far as the names that it gives mean any."""
    try:
        return _SAID[id(rule)][1]
    except KeyError:
        return _saying(rule)


def _saying(rule: Rule) -> Mapping[int, Said]:
    if len(_SAID) > _MOST:
        _SAID.clear()
    fixed = _by_register(rule.fixed) if isinstance(rule, model.Writable | model.Reported) else {}
    fields = _by_register(_spelled(rule))
    said = {reg_id: Said(fields.get(reg_id, ()), fixed.get(reg_id, ())) for reg_id in {**fields, **fixed}}
    _SAID[id(rule)] = rule, said
    return said


_SAID: dict[int, tuple[Rule, Mapping[int, Said]]] = {}
"""identity of a rule -> that rule, kept so that its identity stays its own, and what it says"""


def spelled(rule: Rule) -> Iterable[str]:
    """What a rule says of single registers, each beginning with the register's name."""
    return (*_spelled(rule), *rule.fixed) if isinstance(rule, model.Writable | model.Reported) else _spelled(rule)


def _spelled(rule: Rule) -> Iterable[str]:
    match rule:
        case model.Know():
            return (rule.register,)
        case model.Raz():
            return rule.registers
        case model.Special():
            return [NAMES[i] for i in SPECIAL_REGISTERS.get(rule.function, ())]
        case model.Has():
            return ("ID_AA64MMFR0_EL1",) if rule.behaviour == "nested-granules" else ()
        case model.List() | model.Default() | model.Boot() | model.Overridable():
            return ()
        case _:
            return rule.fields


def _by_register(specs: Iterable[str]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for spec in specs:
        reg_id = _id_of(spec)
        if reg_id is not None:
            found[reg_id] = (*found.get(reg_id, ()), spec)
    return found


@lru_cache(maxsize=4096)
def _id_of(spec: str) -> int | None:
    """The register of `REGISTER` or `REGISTER.FIELD`; None where there is none of that name."""
    name = spec.partition(".")[0]
    try:
        return IDS[name] if name in IDS else id_of(name)
    except KeyError:
        return None


def register_of(rule: Rule, spec: str, where: str) -> int:
    """The register of `REGISTER` or `REGISTER.FIELD`; PolicyError where there is none of that name."""
    reg_id = _id_of(spec)
    if reg_id is None:
        name = spec.partition(".")[0]
        close = nearest(name.upper(), IDS, 3, 0.5)
        hint = f"close: {', '.join(close)}" if close else "e.g. ID_AA64PFR0_EL1"
        refuse(rule, f"unknown register {name!r}", where, hint)
    return reg_id


def place_of(rule: Rule, spec: str, table: Mapping[str, FieldRule], where: str) -> tuple[str, int, int]:
    """(field name, msb, lsb) of `REGISTER.FIELD`, which is in the register's table, or `REGISTER.FIELD[msb:lsb]`."""
    field, place = _taken_apart(spec)
    if place:
        return place
    if entry := table.get(field):
        return field, entry.msb, entry.lsb
    hint = f"known: {', '.join(table)}" if table else "write its place, e.g. ID_AA64PFR1_EL1.NMI[39:36]"
    return refuse(rule, f"unknown field {spec!r}", where, hint)


@lru_cache(maxsize=4096)
def _taken_apart(spec: str) -> tuple[str, tuple[str, int, int] | None]:
    """Field and, where it is written, the field's place."""
    field = spec.partition(".")[2]
    return field, parse_place(field)


def refuse(rule: Rule, what: str, where: str, hint: str = "") -> NoReturn:
    """PolicyError about a rule; `where`: the policy, for a rule that no file brought."""
    raise PolicyError(f"rule {rule.name!r}: {what}", rule.release or where, hint)


class _Register:
    """One register while its rules are compiled."""

    def __init__(self, reg_id: int, where: str) -> None:
        self.reg_id, self.where = reg_id, where
        self.table: dict[str, FieldRule] = {}
        self.taken = 0
        """bits of all fields that were ever in `table`"""
        self.steps: list[Step] = []
        self.raz: list[model.Raz] = []
        self.writable: list[tuple[int, Rule]] = []
        self.reported: tuple[int, Rule] | None = None
        self.hooks: list[Hook] = []

    def told(self, rules: Iterable[Rule]) -> RegisterRules:
        """What the rules say together: the fields that the kernel knows before all others, which name them."""
        others = []
        for rule in rules:
            if isinstance(rule, model.Know):
                self._know(rule)
            else:
                others.append(rule)
        for rule in others:
            self._add(rule, said_by(rule)[self.reg_id])
        return RegisterRules(
            self.table, tuple(sorted(self.table.values(), key=lambda f: -f.lsb)),
            sum(field.mask for field in self.table.values()), tuple(self.steps), tuple(self.raz), tuple(self.writable),
            self.reported, tuple(self.hooks), all(step.kind != "special" for step in self.steps),
        )  # fmt: skip

    def _know(self, rule: model.Know) -> None:
        for spec, field in zip(rule.fields, parse_fields(rule), strict=True):
            if field is None:
                refuse(rule, f"cannot read {spec!r}", self.where, "write e.g. FP[19:16] lower signed")
            if self.taken & field.mask:
                before = [f.name for f in self.table.values() if f.mask & field.mask and f.name != field.name]
                if before:
                    what = f"{spec!r} overlaps {', '.join(before)}"
                    refuse(rule, what, self.where, "one of the same name replaces an older one")
            self.taken |= field.mask
            self.table[field.name] = field

    def _add(self, rule: Rule, said: Said) -> None:
        match rule:
            case model.Hide() | model.Cap() | model.Force() | model.Floor():
                self._add_steps(rule, said.fields)
            case model.Raz():
                self.raz.append(rule)
            case model.Writable() | model.Reported():
                self._add_mask(rule, said)
            case model.Tolerate() | model.Keep() | model.Replace() | model.Refuse():
                self._add_hooks(rule, said.fields)
            case model.Has():
                self.steps.append(Step("special", rule.behaviour, 0, 0, 0, rule))
            case model.Special():
                self.steps = [step for step in self.steps if step.name != rule.function or step.kind != "special"]
                self.steps.append(Step("special", rule.function, 0, 0, 0, rule))

    def _add_steps(self, rule: model.Hide | model.Cap | model.Force | model.Floor, specs: Iterable[str]) -> None:
        kind, value = _shape_of(rule)
        for spec in specs:
            name, msb, lsb = place_of(rule, spec, self.table, self.where)
            mask = mask_of(msb, lsb)
            if value << lsb & ~mask or value < 0:
                refuse(rule, f"{value} does not fit {spec}", self.where, f"0 to {mask >> lsb}")
            self.steps.append(Step(kind, name, mask, lsb, value, rule))

    def _add_mask(self, rule: model.Writable | model.Reported, said: Said) -> None:
        """Work out the mask that holds once this rule is laid over those before it."""
        mask = self._mask_so_far(rule)
        for spec in said.fields:
            mask |= self._bits(rule, spec)
        for spec in said.fixed:
            mask &= ~self._bits(rule, spec)
        if isinstance(rule, model.Reported):
            self.reported = mask, rule
        else:
            self.writable.append((mask, rule))

    def _mask_so_far(self, rule: model.Writable | model.Reported) -> int:
        """The mask that a further rule starts from: that of the last rule without conditions."""
        if isinstance(rule, model.Reported):
            return self.reported[0] if self.reported else 0
        masks = [mask for mask, before in self.writable if not before.when and not before.unless]
        return masks[-1] if masks else 0

    def _bits(self, rule: Rule, spec: str) -> int:
        """The bits of `REGISTER` as a whole, `REGISTER.FIELD` or `REGISTER.NAME[msb:lsb]`."""
        if "." in spec:
            _, msb, lsb = place_of(rule, spec, self.table, self.where)
            return mask_of(msb, lsb)
        return ones(32) if self.reg_id in AARCH32_IDS else ALL

    def _add_hooks(
        self, rule: model.Tolerate | model.Keep | model.Replace | model.Refuse, specs: Iterable[str]
    ) -> None:
        for spec in specs:
            name, msb, lsb = place_of(rule, spec, self.table, self.where)
            mask = mask_of(msb, lsb)
            kind = model.kind_of(rule)
            match kind:
                case "tolerate" | "keep" | "replace" | "refuse":
                    self.hooks.append(Hook(kind, name, mask, lsb, rule))
            if kind == "keep":
                self.steps.append(Step("hide", name, mask, lsb, 0, rule))


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
