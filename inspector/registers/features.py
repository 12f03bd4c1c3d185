"""Architecture features by name: which fields show FEAT_SVE2, what else people call it, what it is about.

The place of a feature is where a definition's text names it: FEAT_LSE at value 2 of ID_AA64ISAR0_EL1.ATOMIC stands for
2 and more. AArch32's registers count for features that no AArch64 register shows. features.toml has the rest: places
that are not that simple, aliases, and what each version of the architecture made mandatory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from inspector.registers import layouts
from inspector.registers.bits import as_signed, mask_of
from inspector.registers.definitions.special import FEATURE_PREFIX
from inspector.registers.hwcaps import HWCAPS
from inspector.registers.ids import id_of
from inspector.shipped import own_text

if TYPE_CHECKING:
    # At run time this would load construct.
    from inspector.registers.schema import RegisterSchema, Span

_NAME = re.compile(r"\bFEAT_\w+")
_AGREE = " == "
_TERM = re.compile(r"^(\w+)\.(\w+)(>?=)(\d+)$")


class Term(NamedTuple):
    """A field that shows a feature with some of its values."""

    register: str
    field: str
    msb: int
    lsb: int
    raws: frozenset[int]
    """raw values with which the feature is there"""
    text: str
    """`ID_AA64ISAR0_EL1.ATOMIC >= 2`"""

    @property
    def place(self) -> str:
        """`ID_AA64ISAR0_EL1.ATOMIC`."""
        return f"{self.register}.{self.field}"

    @property
    def reg_id(self) -> int:
        """The register's id."""
        return id_of(self.register)

    @property
    def mask(self) -> int:
        """The field's bits in place."""
        return mask_of(self.msb, self.lsb)


Way = tuple[Term, ...]
"""Terms that hold together."""
Possible = Callable[[int, int, int], Sequence[int] | None]
"""(register id, msb, lsb) -> raw values that a field may have; None where nothing is known of it."""


class Feature(NamedTuple):
    """One feature of the architecture."""

    name: str
    """`FEAT_SVE2`"""
    title: str
    """what it is about, in a few words"""
    words: str
    """what the architecture says at the value that shows it; may repeat the title"""
    ways: tuple[Way, ...]
    """any of them shows it; empty where no ID register does"""
    needs: tuple[Way, ...] = ()
    """any of them must hold too, where there are any: the CPU has what the register describes"""
    flags: tuple[str, ...] = ()
    """HWCAP flags with which Linux says that it is there"""
    others: tuple[str, ...] = ()
    """names of assemblers and people"""
    agree: bool = False
    """every field of the only way shows it by itself; where they differ, nothing is decided"""
    shows_only: bool = False
    """the fields may show it and never say that it is absent"""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every other name, HWCAP flags first."""
        return tuple(dict.fromkeys((*self.flags, *self.others)))

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every field behind it, each once: as the first way has it."""
        found: dict[str, Term] = {}
        for way in self.ways:
            for term in way:
                found.setdefault(term.place, term)
        return tuple(found.values())

    @property
    def short(self) -> str:
        """The name without FEAT_."""
        return self.name.removeprefix(FEATURE_PREFIX)

    @property
    def text(self) -> str:
        """Title and words in one line."""
        return self.title if not self.words or self.words == self.title else f"{self.title}: {self.words}"

    @property
    def condition(self) -> str:
        """Where it is read off: `ID_AA64PFR0_EL1.FP >= 1 and ...`; empty where no ID register shows it."""
        return " or ".join(" and ".join(term.text for term in way) for way in self.ways)

    def present(self, possible: Possible) -> bool | None:
        """Whether the fields show it; None where that depends on what is not known."""
        if not self.ways:
            return None
        judge = _judged(possible)
        shown = _agreed(map(judge, self.ways[0])) if self.agree else _any(_all(map(judge, way)) for way in self.ways)
        if self.shows_only and not shown:
            return None
        needed = _any(_all(map(judge, way)) for way in self.needs) if self.needs else True
        return _all((shown, needed))


def _judged(possible: Possible) -> Callable[[Term], bool | None]:
    def judge(term: Term) -> bool | None:
        values = possible(term.reg_id, term.msb, term.lsb)
        if values is None:
            return None
        held = {value in term.raws for value in values}
        return held.pop() if len(held) == 1 else None

    return judge


def _all(answers: Iterable[bool | None]) -> bool | None:
    held = tuple(answers)
    return False if False in held else None if None in held else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    held = tuple(answers)
    return True if True in held else None if None in held else False


def _agreed(answers: Iterable[bool | None]) -> bool | None:
    held = {answer for answer in answers if answer is not None}
    return held.pop() if len(held) == 1 else None


class Level(NamedTuple):
    """What a version of the architecture made mandatory, as far as ID registers show it."""

    version: str
    """`8.4`"""
    programs: tuple[str, ...]
    """names of features that programs see"""
    system: tuple[str, ...]
    """names of features that only kernels, debuggers and hypervisors see"""


class Levels(NamedTuple):
    """The versions of the architecture, oldest first."""

    levels: tuple[Level, ...]
    when: Mapping[str, tuple[tuple[str, ...], ...]]
    """feature -> the features with which it is mandatory: all of any group"""
    disputed: frozenset[str]
    """features of which sources differ on whether a version of Armv8 asks for them"""
    nine: str
    """the feature that exists from Armv9.0 on"""
    offset: int
    """Armv9.N has what Armv8.(N+offset) has"""
    forbids: tuple[str, ...]
    """features that no CPU of Armv9 has"""
    requires: tuple[str, ...]
    """features that each CPU of Armv9 with floating point has"""
    source: str


@cache
def _facts() -> Mapping[str, Any]:
    import tomllib

    return tomllib.loads(own_text("registers", "features.toml"))


@cache
def levels() -> Levels:
    """The versions of the architecture and their mandatory features."""
    facts = _facts()["levels"]
    found = (Level(one["version"], tuple(one["programs"]), tuple(one["system"])) for one in facts["level"])
    when = {name: _groups(text) for name, text in facts["when"].items()}
    disputed = frozenset(facts["disputed"])
    nine = facts["nine"]
    return Levels(
        tuple(found), when, disputed, nine["shown_by"], nine["offset"], tuple(nine["forbids"]), tuple(nine["requires"]),
        facts["source"],
    )  # fmt: skip


def _groups(text: str) -> tuple[tuple[str, ...], ...]:
    """`A & B | C` as ((A, B), (C,))."""
    return tuple(tuple(name.strip() for name in group.split("&")) for group in text.split("|"))


@cache
def all_features() -> tuple[Feature, ...]:
    """Every feature, by name without regard to case."""
    named = _named_in_definitions()
    names = sorted({*named, *_facts()["where"]["features"]}, key=str.casefold)
    flags, others = _flags(named), _others()
    return tuple(
        _feature(name, named.get(name, []))._replace(flags=flags.get(name, ()), others=others.get(name, ()))
        for name in names
    )


@cache
def _by_name() -> dict[str, Feature]:
    return {feature.name.casefold(): feature for feature in all_features()}


def feature(name: str) -> Feature:
    """The feature of this name. Raises KeyError for a name that is none."""
    return _by_name()[name.casefold()]


class _Named(NamedTuple):
    schema: RegisterSchema
    span: Span
    raw: int
    text: str


def _named_in_definitions() -> dict[str, list[_Named]]:
    """Name of a feature -> where definitions name it, AArch64 identification first."""
    found: dict[str, list[_Named]] = {}
    for schema in layouts.all_schemas():
        for span in schema.fields:
            for raw, text in span.values.items():
                for name in _NAME.findall(text):
                    found.setdefault(name, []).append(_Named(schema, span, raw, text))
    return {name: sorted(places, key=lambda one: _rank(one.schema.name)) for name, places in found.items()}


def _rank(register: str) -> int:
    """AArch64's ID registers, those of AArch32, all others."""
    return 0 if register.startswith("ID_AA64") else 1 if register.startswith(("ID_", "MVFR")) else 2


def _feature(name: str, places: Sequence[_Named]) -> Feature:
    facts = _facts()
    given = facts["where"]["features"].get(name)
    ways = _ways(given) if given else _ways_of(places)
    registers = {term.register for way in ways for term in way}
    required = facts["requires"].get(registers.pop()) if len(registers) == 1 else None
    title, words = _words(name, ways, places)
    return Feature(
        name, title, words, ways, _ways(required) if required else (),
        agree=bool(given) and _AGREE in given, shows_only=name in facts["shows"]["only"],
    )  # fmt: skip


def _words(name: str, ways: tuple[Way, ...], places: Sequence[_Named]) -> tuple[str, str]:
    """(title, words): those of the first field that shows the feature, unless the table has a title for it."""
    facts = _facts()
    terms = [term for way in ways for term in way]
    own = [one for one in places if any((one.schema.name, one.span.name) == term[:2] for term in terms)] or places
    span = own[0].span if own else _span(terms[0].register, terms[0].field)
    text = own[0].text if own and name not in facts["where"]["features"] else ""
    words = re.sub(r"\s?\(FEAT_\w+\)", "", text).strip()
    return facts["titles"].get(name, span.title), words


def _ways_of(places: Sequence[_Named]) -> tuple[Way, ...]:
    """A way for each field of the best kind of register that names the feature, from its least value on."""
    best = [one for one in places if _rank(one.schema.name) == _rank(places[0].schema.name) < 2]
    least: dict[tuple[str, str], _Named] = {}
    for one in best:
        key = one.schema.name, one.span.name
        if key not in least or one.span.number(one.span.insert(0, one.raw)) < _number(least[key].span, least[key].raw):
            least[key] = one
    return tuple((_term(one.schema.name, one.span, ">=", one.raw),) for one in least.values())


def _number(span: Span, raw: int) -> int:
    return as_signed(raw, span.width) if span.kind == "signed" else raw


def _span(register: str, field: str) -> Span:
    schema = layouts.schema_named(register)
    span = schema.span(field) if schema else None
    if span is None:
        raise ValueError(f"features.toml names {register}.{field}, which is no field")
    return span


def _term(register: str, span: Span, sign: str, raw: int) -> Term:
    every = range(1 << span.width)
    below = frozenset(_facts()["below"].get(f"{register}.{span.name}", ()))
    raws = {raw} if sign == "=" else {one for one in every if _number(span, one) >= _number(span, raw)} - below
    text = f"{register}.{span.name} {sign} {raw}"
    return Term(register, span.name, span.msb, span.lsb, frozenset(raws), text)


def _ways(expression: str) -> tuple[Way, ...]:
    """An expression of features.toml. Raises ValueError for one that cannot be read."""
    return tuple(
        tuple(_parsed(one.strip()) for one in way.replace(_AGREE, "&").split("&")) for way in expression.split("|")
    )


def _parsed(text: str) -> Term:
    found = _TERM.match(text)
    if found is None:
        raise ValueError(f"features.toml: {text!r} is not REGISTER.FIELD>=N")
    return _term(found[1], _span(found[1], found[2]), found[3], int(found[4]))


def _flags(named: Mapping[str, Sequence[_Named]]) -> dict[str, tuple[str, ...]]:
    """Feature -> HWCAP flags that say it is there: those of the value at which a definition names it."""
    places: dict[tuple[str, str, int], list[str]] = {}
    for name, ones in named.items():
        for one in ones:
            places.setdefault((one.schema.name, one.span.name.casefold(), one.raw), []).append(name)
    found: dict[str, dict[str, None]] = {}
    given = _facts()["hwcaps"]["names"]
    for flag in HWCAPS:
        for name in given.get(flag.name) or places.get((flag.register, flag.field.casefold(), flag.least), ()):
            found.setdefault(name, {})[flag.name] = None
    return {name: tuple(flags) for name, flags in found.items()}


def _others() -> dict[str, tuple[str, ...]]:
    """Feature -> names that assemblers and people have for it."""
    found: dict[str, dict[str, None]] = {}
    for table in (_facts()["assembler"]["names"], _facts()["words"]):
        for alias, names in table.items():
            for name in names:
                found.setdefault(name, {})[alias] = None
    return {name: tuple(others) for name, others in found.items()}


def named(text: str) -> tuple[Feature, ...]:
    """The features that a text names: FEAT_LSE, lse, asimddp, +sve2-aes; empty for a text that names none.

    A name of the architecture stands for its feature alone; other names may stand for several.
    """
    wanted = text.strip().casefold()
    exact = _by_name().get(wanted) or _by_name().get(f"{FEATURE_PREFIX}{wanted}".casefold())
    if exact is not None and not wanted.startswith("+"):
        return (exact,)
    return _by_alias().get(wanted.removeprefix("+"), ())


@cache
def _by_alias() -> dict[str, tuple[Feature, ...]]:
    found: dict[str, tuple[Feature, ...]] = {}
    for one in all_features():
        for alias in one.aliases:
            key = alias.casefold()
            found[key] = (*found.get(key, ()), one)
    # The order of the table: the feature that an alias means first comes first.
    for table in (_facts()["words"], _facts()["assembler"]["names"]):
        for alias, names in table.items():
            if alias in found:
                found[alias] = tuple(sorted(found[alias], key=lambda one: _place_in(names, one.name)))
    return found


def _place_in(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def registers_called(text: str) -> tuple[str, ...]:
    """Names of the registers that a word of people stands for: `L2` for CCSIDR[2] and CCSIDR[3]."""
    names = _facts()["words"].get(text.strip().casefold(), ())
    return tuple(name for name in names if not name.startswith(FEATURE_PREFIX))


def holds_words(text: str, wanted: str) -> bool:
    """Whether a sentence holds what was typed: a part of it, for up to three letters a word of it."""
    text, wanted = text.casefold(), wanted.casefold()
    if wanted not in text or len(wanted) > 3:
        return wanted in text
    return bool(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text))


def search(text: str) -> list[Feature]:
    """Features that a text means: named by it first, then by a part of a name, then by words of title and meaning."""
    wanted = text.strip().casefold()
    if not wanted:
        return list(all_features())
    first = named(wanted)
    bare = wanted.removeprefix("+").removeprefix(FEATURE_PREFIX.casefold())
    ranked = [(rank, one.feature) for one in _folded() if (rank := _match(one, bare)) is not None]
    return list(dict.fromkeys((*first, *(one for _, one in sorted(ranked, key=lambda pair: pair[0])))))


class _Folded(NamedTuple):
    """What is looked through of a feature, without case."""

    feature: Feature
    name: str
    aliases: tuple[str, ...]
    text: str
    all: str
    """the three in one text: most features hold nothing of what is searched"""


@cache
def _folded() -> tuple[_Folded, ...]:
    found = []
    for one in all_features():
        name, text = one.short.casefold(), one.text.casefold()
        found.append(_Folded(one, name, one.aliases, text, "\n".join((name, *one.aliases, text))))
    return tuple(found)


def _match(one: _Folded, wanted: str) -> int | None:
    """0: the name begins with it, 1: holds it, 2: another name begins with it, 3: title or meaning; None: nothing."""
    if wanted not in one.all:
        return None
    if wanted and one.name.startswith(wanted):
        return 0
    if len(wanted) > 2 and wanted in one.name:
        return 1
    if len(wanted) > 2 and any(alias.startswith(wanted) for alias in one.aliases):
        return 2
    return 3 if holds_words(one.text, wanted) else None
