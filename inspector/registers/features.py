"""Architecture features by name: which fields show FEAT_SVE2, what else people call it, what it is about.

feature_table.py is made of the definitions and of features.toml (`python -m tests.make_features`): looking every
definition through for the names took a third of what showing a summary takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from inspector.registers import feature_table as table
from inspector.registers.bits import mask_of
from inspector.registers.definitions.special import FEATURE_PREFIX
from inspector.registers.ids import id_of


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
def levels() -> Levels:
    """The versions of the architecture and their mandatory features."""
    found, when, disputed, nine, offset, forbids, requires, source = table.LEVELS
    versions = tuple(Level(*one) for one in found)
    return Levels(versions, when, frozenset(disputed), nine, offset, forbids, requires, source)


@cache
def all_features() -> tuple[Feature, ...]:
    """Every feature, by name without regard to case."""
    return tuple(
        Feature(name, title, words, _ways(ways), _ways(needs), flags, others, agree, shows_only)
        for name, title, words, ways, needs, flags, others, agree, shows_only in table.FEATURES
    )


def _ways(rows: table.Ways) -> tuple[Way, ...]:
    return tuple(
        tuple(Term(register, field, msb, lsb, _raws(mask), text) for register, field, msb, lsb, mask, text in way)
        for way in rows
    )


@cache
def _raws(mask: int) -> frozenset[int]:
    """The values whose bits are set."""
    return frozenset(raw for raw in range(mask.bit_length()) if mask >> raw & 1)


@cache
def _by_name() -> dict[str, Feature]:
    return {feature.name.casefold(): feature for feature in all_features()}


def feature(name: str) -> Feature:
    """The feature of this name. Raises KeyError for a name that is none."""
    return _by_name()[name.casefold()]


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
    for names_of in (table.WORDS, table.ASSEMBLER):
        for alias, names in names_of.items():
            if alias in found:
                found[alias] = tuple(sorted(found[alias], key=lambda one: _place_in(names, one.name)))
    return found


def _place_in(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def registers_called(text: str) -> tuple[str, ...]:
    """Names of the registers that a word of people stands for: `L2` for CCSIDR[2] and CCSIDR[3]."""
    names = table.WORDS.get(text.strip().casefold(), ())
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
