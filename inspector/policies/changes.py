"""What changed between two kernels, register by register and field by field."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from inspector.numbers import is_decimal
from inspector.policies import model
from inspector.policies.model import Policy, Rule
from inspector.policies.rulebook import Rulebook, Word, rulebook
from inspector.policies.spans import FieldRule
from inspector.registers.ids import CTR_EL0, ID_SPACE, NAMES
from inspector.registers.naming import name_of


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two policies."""

    register: str
    """the register's name, or the subject of a behaviour that is not one register's"""
    field: str = ""
    what: str
    """`shown`, `programs` (what those of the host see, where guests see the same as before), `writable`, `refused`,
    `tolerated`, `list`, `default`, `behaviour` or `option` (of the host's command line)"""
    before: str
    after: str
    rule: str = ""
    reason: str = ""
    reference: str = ""
    release: str = ""
    """the policy file that brought the deciding rule"""

    def concerns(self, register: str) -> bool:
        """True where it is about a register, by its name: an option by the fields that it sets."""
        return register in self.register or (self.what == "option" and register in f"{self.before} {self.after}")


def alike(found: Iterable[Change]) -> list[list[Change]]:
    """Changes that say the same of several fields (or subjects), together."""
    same: dict[tuple[str, str, str, str], list[Change]] = {}
    for change in found:
        same.setdefault((change.what, change.before, change.after, change.rule), []).append(change)
    return list(same.values())


def changes(before: Policy, after: Policy) -> list[Change]:
    """Everything that differs from `before` to `after`, by register in id order, behaviours last."""
    old, new = rulebook(before), rulebook(after)
    found: list[Change] = []
    for reg_id in sorted({*ID_SPACE, *NAMES, *old.registers, *new.registers}):
        found += _register_changes(reg_id, old, new)
    found += _list_changes(old, new)
    found += _behaviour_changes(old, new)
    found += _option_changes(old, new)
    sizes = before.page_size, after.page_size
    if sizes[0] and sizes[1] and sizes[0] != sizes[1]:
        found.append(_change("pages", "", "behaviour", f"{sizes[0] >> 10} KiB", f"{sizes[1] >> 10} KiB", None))
    return found


def _change(
    register: str, field: str, what: str, before: str, after: str, rule: Rule | None, gone: bool = False
) -> Change:
    """`gone`: the deciding rule is the older kernel's, and the newer one dropped it."""
    reason = rule.reason if rule else ""
    return Change(
        register=register, field=field, what=what, before=before, after=after, rule=rule.name if rule else "",
        reason=f"No longer: {reason}" if gone and reason else reason, reference=rule.reference if rule else "",
        release=rule.release if rule else "",
    )  # fmt: skip


Part = tuple[str, Rule | None]
"""One clause of a description, and the rule that it comes from."""


def _with_conditions(text: str, rule: Rule) -> str:
    conditions = model.conditions_of(rule)
    return f"{text} {conditions}" if conditions else text


def _release(rule: Rule) -> tuple[int, ...]:
    """A rule's release as a sortable number; overlays and users' files come last."""
    parts = rule.release.split(".")
    return tuple(int(part) for part in parts) if all(is_decimal(part) and len(part) < 9 for part in parts) else (999,)


_UNKNOWN = "zero: not in the feature table"


def _shown(book: Rulebook, reg_id: int, field: str) -> list[Part]:
    """What a field shows, as clauses."""
    for raz in book.of(reg_id).raz:
        if not raz.when and not raz.unless:
            return [("reads as zero", raz)]
    known: FieldRule | None = book.of(reg_id).table.get(field)
    if known is None:
        return [(_UNKNOWN, None)]
    parts: list[Part] = [("the host's", known.rule)]
    parts += [(_with_conditions("register zero", raz), raz) for raz in book.of(reg_id).raz]
    for step in book.of(reg_id).steps:
        if step.mask & known.mask:
            text = {
                "hide": "zero", "cap": f"at most {step.value}", "force": f"always {step.value}",
                "floor": f"at least {step.value}",
            }[step.kind]  # fmt: skip
            if step.rule.when or step.rule.unless:
                parts.append((_with_conditions(text, step.rule), step.rule))
            else:
                parts[0] = (text, step.rule)
    if parts[0][0] == "zero" and all(text.startswith(("zero ", "register zero ")) for text, _ in parts[1:]):
        return parts[:1]  # what is zero for every vCPU is zero for some as well
    return parts


def _always_zero(parts: list[Part]) -> bool:
    return len(parts) == 1 and parts[0][0] in ("zero", _UNKNOWN, "reads as zero")


_DIRECTIONS = {"lower": "may be lowered", "higher": "may be raised", "higher-or-zero": "may be raised, or be 0"}


def _writable(book: Rulebook, reg_id: int, field: str, older: Rulebook) -> list[Part]:
    """Whether userspace may change a field, and the rule that began it: the mask that covers it or, where that is
    later and `older` lacks the field or compares it otherwise, the entry in the feature table."""
    known = book.of(reg_id).table.get(field)
    stored = book.variant("id-registers") == "stored" or reg_id == CTR_EL0
    entries = [entry for entry in book.of(reg_id).writable if not entry[1].when]
    last = entries[-1][1] if entries else None
    if known is None or not stored or not entries or known.mask & ~entries[-1][0]:
        return [("only as shown", last)]
    if any(not raz.when and not raz.unless for raz in book.of(reg_id).raz):
        return [("only as shown", last)]
    first = len(entries) - 1
    while first and not known.mask & ~entries[first - 1][0]:
        first -= 1
    rule = entries[first][1]
    other = older.of(reg_id).table.get(field)
    was_writable = other is not None and any(not other.mask & ~mask for mask, _ in older.of(reg_id).writable)
    if other is None or (was_writable and other.direction() != known.direction()):
        rule = max(rule, known.rule, key=_release)
    text = _DIRECTIONS.get(known.safe) or f"may be {known.exact}"
    return [(f"{text} (as a signed number)" if known.signed else text, rule)]


def _compared(left: list[Part], right: list[Part]) -> tuple[str, str, Rule | None] | None:
    """(before, after, rule of the first new clause) of two descriptions; None when they read the same."""
    old, new = [text for text, _ in left], [text for text, _ in right]
    if sorted(old) == sorted(new):  # clauses with conditions hold in any order
        return None
    fresh = [part for part in right if part[0] not in old and part[1]] + [part for part in left if part[0] not in new]
    rules = [rule for _, rule in fresh if rule]
    return "; ".join(old), "; ".join(new), max(rules, key=_release) if rules else None


def _register_changes(reg_id: int, old: Rulebook, new: Rulebook) -> Iterator[Change]:
    name = name_of(reg_id)
    fields = {f.name: f for book in (old, new) for f in book.fields(reg_id)}
    whole = _whole_register(reg_id, old, new)
    if whole is not None:
        yield _change(name, "", "shown", *whole)
    for field in sorted(fields.values(), key=lambda f: -f.lsb):
        sides = _shown(old, reg_id, field.name), _shown(new, reg_id, field.name)
        shown = None if all(map(_always_zero, sides)) else _compared(*sides)
        if shown is not None and whole is None:
            yield _change(name, field.name, "shown", *shown)
        before, after = (_programs(book, reg_id, field.name) for book in (old, new))
        if shown is None and before != after:
            yield _change(name, field.name, "programs", before, after, field.rule)
        writable = _compared(_writable(old, reg_id, field.name, new), _writable(new, reg_id, field.name, old))
        if writable is not None:
            yield _change(name, field.name, "writable", *writable)
    yield from _hook_changes(reg_id, name, old, new)
    reported = [book.of(reg_id).reported for book in (old, new)]
    if (reported[0] is None) != (reported[1] is None):
        rule = next(rule for _, rule in filter(None, reported))
        texts = ["not reported" if one is None else "reported as writable" for one in reported]
        yield _change(name, "", "writable", texts[0], texts[1], rule)


def _programs(book: Rulebook, reg_id: int, field: str) -> str:
    """What programs of the host see of a field."""
    known = book.of(reg_id).table.get(field)
    if known is None:
        return "0"
    if known.build:
        return f"the host's where the kernel is built with {known.build.upper()}, else {known.hidden_as}"
    return "the host's" if known.visible else str(known.hidden_as)


_TAKEN = {"zero": "takes only zero", "ignore": "takes and drops anything"}


def _whole_register(reg_id: int, old: Rulebook, new: Rulebook) -> tuple[str, str, Rule | None] | None:
    """(before, after, rule) when a register as a whole goes from zero to shown or back, or gets another condition."""
    texts, taken = [], []
    for book in (old, new):
        every = book.of(reg_id).raz
        # Where it always reads as zero, further conditions say nothing.
        rules = [r for r in every if not r.when and not r.unless][:1] or every
        texts.append("; ".join(_with_conditions("reads as zero", r) for r in rules) or "shown")
        taken.append("; ".join(_TAKEN[r.writes] for r in rules))
    if texts[0] == texts[1]:
        if taken[0] == taken[1]:
            return None
        texts = [f"{text}, {each}" for text, each in zip(texts, taken, strict=True)]
    causes: list[Rule] = [*new.of(reg_id).raz, *(f.rule for f in new.fields(reg_id)), *old.of(reg_id).raz]
    return texts[0], texts[1], causes[0] if causes else None


def _hook_changes(reg_id: int, name: str, old: Rulebook, new: Rulebook) -> Iterator[Change]:
    """Tolerance, replacement, refusal."""

    def words(book: Rulebook) -> dict[tuple[str, str], tuple[str, Rule]]:
        return _joined(((h.name, h.kind), _hook_words(h.rule), h.rule) for h in book.of(reg_id).hooks)

    left, right = words(old), words(new)
    for key in sorted(left.keys() | right.keys()):
        before, after = left.get(key), right.get(key)
        if (before and before[0]) != (after and after[0]):
            what = "refused" if key[1] == "refuse" else "tolerated"
            rule = after[1] if after else before[1] if before else None
            plain = "no such rule"
            texts = before[0] if before else plain, after[0] if after else plain
            yield _change(name, key[0], what, *texts, rule, gone=after is None)


def _hook_words(rule: Rule) -> str:
    match rule:
        case model.Tolerate():
            text = "the host's old value is accepted and ignored"
        case model.Keep():
            text = "the host's value is kept once written"
        case model.Replace(written=written, taken=taken):
            text = f"{written} is taken as {taken}"
        case model.Refuse(below=below, values=values):
            text = f"values below {below} are refused" if below else f"{', '.join(map(str, values))} refused"
            if rule.only_limit_or is not None:
                text = " or ".join(["only what KVM offers", *map(str, rule.only_limit_or)])
        case _:
            text = ""
    return _with_conditions(text, rule)


def _list_changes(old: Rulebook, new: Rulebook) -> Iterator[Change]:
    """Register list membership."""

    def members(book: Rulebook) -> dict[str, tuple[str, Rule]]:
        return _joined(
            (spec.partition("=")[0], _with_conditions("listed", rule), rule)
            for rule in book.lists
            for spec in rule.registers
        )

    def values(book: Rulebook) -> dict[str, tuple[str, Rule]]:
        return _joined(
            (spec.partition("=")[0], _with_conditions(rule.value, rule), rule)
            for rule in book.defaults
            if rule.value in ("poison", "varies") or int(rule.value, 16)
            for spec in rule.registers
        )

    for what, table, absent in (("list", members, "not listed"), ("default", values, "0x0")):
        for one in _unlike(table(old), table(new), absent):
            yield _change(one.key, "", what, one.before, one.after, one.rule, gone=one.gone)


_Key = TypeVar("_Key", bound=Hashable)


def _joined(told: Iterable[tuple[_Key, str, Rule]]) -> dict[_Key, tuple[str, Rule]]:
    """What several rules say of one thing, in one text, and the last of them."""
    found: dict[_Key, tuple[str, Rule]] = {}
    for key, text, rule in told:
        found[key] = (f"{found[key][0]}; {text}" if key in found else text, rule)
    return found


class _Unlike(NamedTuple):
    """One thing of which two kernels say something else."""

    key: str
    before: str
    after: str
    rule: Rule
    """of the newer, where it has one"""
    gone: bool


def _unlike(
    left: Mapping[str, tuple[str, Rule]], right: Mapping[str, tuple[str, Rule]], absent: str
) -> Iterator[_Unlike]:
    """What two tables of texts and their rules say otherwise, in the order of the keys; `absent`: of what one lacks."""
    for key in sorted(left.keys() | right.keys()):
        before = left[key][0] if key in left else absent
        after, rule = right[key] if key in right else (absent, left[key][1])
        if before != after:
            yield _Unlike(key, before, after, rule, gone=key not in right)


ASIDE = ("programs", "option")
"""Changes that no VM meets where the host's command line does not name them: no release is uncertain by them alone."""
COMMAND_LINE = "command line"
"""Under which subject the words of the host's command line are told."""
_NO_OPTION = "no such option"


def _option_changes(old: Rulebook, new: Rulebook) -> Iterator[Change]:
    """Words of the host's command line that one kernel takes otherwise, as far as guests see it."""
    for one in _unlike(_options(old), _options(new), _NO_OPTION):
        both = _NO_OPTION not in (one.before, one.after)
        rule = new.numbers_rule or old.numbers_rule if both and "=N" in one.key else one.rule
        yield _change(COMMAND_LINE, one.key, "option", one.before, one.after, rule, gone=one.gone)


def _options(book: Rulebook) -> dict[str, tuple[str, Rule]]:
    """Word -> what it does, and the rule that says so."""
    number = "a number, cut to the field" if book.whole_overrides else "a hexadecimal digit"
    own = {f"{word}=N": (f"{one.name} is N, {number}", one.rule) for word, one in book.overridable.items()}
    return own | {word.rule.option: (_done(word), word.rule) for word in book.words.values()}


def _done(word: Word) -> str:
    told = [
        f"{one.name} {'becomes what is not known' if one.value is None else f'is {one.value}'}"
        for one in word.overrides
    ]
    told += [f"mitigations are off: {', '.join(sorted(word.off))}"] * bool(word.off)
    told += [f"KVM's mode is {word.mode}"] * bool(word.mode)
    return ", ".join(told) or "nothing that guests see"


_REGISTERS = {
    "ID registers": ("ID_*", "MVFR*", "S3_0_C0_*"), "memory tagging": ("ID_AA64PFR1_EL1", "CLIDR_EL1"),
    "PMU registers": ("PMSELR*", "PMEV*", "PMCC*", "PMCNTEN*", "PMINTEN*", "PMOVS*", "PMSWINC*", "PMUSERENR*", "PMX*"),
    "PMCNTEN, PMINTEN, PMOVS": ("PMCNTEN*", "PMINTEN*", "PMOVS*"),
    "hypercall bitmaps": ("*_BMAP*",), "EL2": ("*_EL2",),
}  # fmt: skip
"""Subjects that name a kind of registers -> patterns of their names."""
_NAME = re.compile(r"[A-Z][A-Z0-9n_.-]{3,}")
_RANGE = re.compile(r"(?<![0-9])[0-9]+(?:\.\.|-)[0-9]+|(?<=\w)n(?=_)")


def registers_of(subject: str) -> tuple[str, ...]:
    """Patterns of the names of the registers that a change is about: `PMEVCNTR*_EL0` of `PMEVCNTR0-23_EL0`."""
    named = _REGISTERS.get(subject)
    if named is not None:
        return named
    return tuple(_RANGE.sub("*", word) for word in re.split(r"[,\s]+", subject) if _NAME.fullmatch(word))


_FIELDS: Mapping[str, str] = {"first-run-dependencies": "S1PIE, S1POE", "ssbs-erratum": "SSBS"}
"""Behaviours that are about single fields of their registers"""


def _behaviour_changes(old: Rulebook, new: Rulebook) -> Iterator[Change]:
    """What a kernel has and the other has not, and engine functions whose variant differs."""
    for behaviour, subject in model.BEHAVIOURS.items():
        if old.has(behaviour) != new.has(behaviour):
            rule = new.behaviours.get(behaviour) or old.behaviours[behaviour]
            texts = [rule.reason if book.has(behaviour) else "not so" for book in (old, new)]
            field = _FIELDS.get(behaviour, "")
            yield _change(subject, field, "behaviour", texts[0], texts[1], rule, gone=not new.has(behaviour))
    for function, about in model.SPECIALS.items():
        left, right = old.special_rule(function), new.special_rule(function)
        if old.variant(function) != new.variant(function):
            before = left.reason if left else old.variant(function)
            after = right.reason if right else new.variant(function)
            yield _change(about.subject, about.fields, "behaviour", before, after, right)
