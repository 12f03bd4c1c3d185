"""Write `inspector/registers/feature_table.py`, every feature by name, from the definitions and from features.toml.

The place of a feature is where a definition's text names it: FEAT_LSE at value 2 of ID_AA64ISAR0_EL1.ATOMIC stands for
2 and more. AArch32's registers count for features that no AArch64 register shows. features.toml has the rest: places
that are not that simple, aliases, and what each version of the architecture made mandatory.

Run after a change of either: python -m tests.make_features. A test proves that the file is up to date.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from inspector.registers import feature_table, layouts
from inspector.registers.bits import as_signed
from inspector.registers.features import Feature, Level, Levels, Term, Way
from inspector.registers.hwcaps import HWCAPS
from inspector.registers.schema import RegisterSchema, Span
from inspector.shipped import own_text

LONGEST = 120
"""Characters of a line."""
HEAD = '''"""Every feature of the architecture, as registers/features.py takes it.

Made from the definitions and features.toml by `python -m tests.make_features`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

# fmt: off
Ways: TypeAlias = Sequence[Sequence[tuple[str, str, int, int, int, str]]]
"""Any of them, all terms of it: register, field, msb, lsb, a mask of the raw values that count, the same in words."""
Row: TypeAlias = tuple[str, str, str, Ways, Ways, tuple[str, ...], tuple[str, ...], bool, bool]
"""As features.Feature."""
Levels: TypeAlias = tuple[
    Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]], Mapping[str, tuple[tuple[str, ...], ...]], Sequence[str],
    str, int, tuple[str, ...], tuple[str, ...], str,
]
"""As features.Levels."""
'''
_NAME = re.compile(r"\bFEAT_\w+")
_AGREE = " == "
_TERM = re.compile(r"^(\w+)\.(\w+)(>?=)(\d+)$")


@cache
def _facts() -> Mapping[str, Any]:
    return tomllib.loads(own_text("registers", "features.toml"))


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


def all_features() -> tuple[Feature, ...]:
    """Every feature, by name without regard to case."""
    named = _named_in_definitions()
    names = sorted({*named, *_facts()["where"]["features"]}, key=str.casefold)
    flags, others = _flags(named), _others()
    return tuple(
        _feature(name, named.get(name, []))._replace(flags=flags.get(name, ()), others=others.get(name, ()))
        for name in names
    )


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


def text() -> str:
    """The file: a feature a line."""
    found = levels()
    versions = (tuple(map(tuple, found.levels)), found.when, sorted(found.disputed), *found[3:])
    parts = [HEAD, "FEATURES: Sequence[Row] = (\n", *(_line(_row(one)) for one in all_features()), ")\n"]
    parts += ["LEVELS: Levels = (\n", *map(_line, versions), ")\n"]
    for name, table in (("WORDS", _facts()["words"]), ("ASSEMBLER", _facts()["assembler"]["names"])):
        lines = (f"    {word!r}: {tuple(names)},\n" for word, names in table.items())
        parts += [f"{name}: Mapping[str, tuple[str, ...]] = {{\n", *lines, "}\n"]
    return "".join(parts)


def _row(one: Feature) -> tuple[object, ...]:
    """A feature as plain values."""
    return (*one[:3], _plain(one.ways), _plain(one.needs), *one[5:])


def _plain(ways: Sequence[Way]) -> tuple[object, ...]:
    return tuple(tuple((*term[:4], sum(1 << raw for raw in term.raws), term.text) for term in way) for way in ways)


def _line(value: object) -> str:
    line = f"    {value!r},"
    return line + ("  # noqa: E501\n" if len(line) > LONGEST else "\n")


if __name__ == "__main__":
    Path(feature_table.__file__).write_text(text(), encoding="utf-8")
