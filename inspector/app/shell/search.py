"""Search in the registers of a view: every spelling of a register or field, and parts of names and titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from inspector.app.shell.view import View
from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.catalog import Register
from inspector.registers.reading import read


class Matches(NamedTuple):
    """What a search text found."""

    ids: tuple[int, ...] = ()
    """matching registers of the view, best first"""
    field: str = ""
    """the field that the text names"""
    problem: str = ""
    """why there is nothing, in one sentence"""


class Searched(NamedTuple):
    """What is looked through of one register, without case."""

    register: Register
    name: str
    encoding: str
    title: str
    fields: str
    """names of fields, each behind a line's end"""


def find_in(view: View, text: str) -> Matches:
    """Registers of the view that a search text means: a name, a feature, words of titles and of what values mean."""
    text = text.strip()
    if not text:
        return Matches()
    listed = _listed(view)
    exact, problem = _named(listed, text, "vCPU" if view.vcpu else "list")
    wanted, by_feature = text.casefold(), _feature_fields(text)
    ranked = sorted(
        (rank, place, one.register.id)
        for place, one in enumerate(listed.values())
        if one.register.id not in exact and (rank := _rank(view, one, wanted, by_feature)) is not None
    )
    ids = (*exact, *(reg_id for _, _, reg_id in ranked))
    if not ids:
        return Matches(problem=str(problem) or "nothing matches")
    first = listed[ids[0]]
    return Matches(ids, exact[ids[0]] if exact else _best_field(view, first, wanted, by_feature))


def prepare(view: View) -> None:
    """Put together what is looked through, which takes longer than a key may."""
    from inspector.registers import features

    features.search("prepare")
    for one in _listed(view).values():
        _said(view, one.register)


@lru_cache(maxsize=1)
def _listed(view: View) -> Mapping[int, Searched]:
    """The registers of a view, while it is searched letter by letter."""
    return {register.id: _searched(register) for register in view.registers}


def _searched(register: Register) -> Searched:
    fields = register.schema.fields if register.schema is not None else ()
    return Searched(
        register,
        register.name.casefold(),
        register.encoding_text.casefold(),
        register.title.casefold(),
        "".join(f"\n{one.name.casefold()}" for one in fields),
    )


def _named(listed: Mapping[int, Searched], text: str, where: str) -> tuple[dict[int, str], RegisterError | str]:
    """(register id -> field of what the text names, why there is nothing). The words of an error are found when they
    are asked for: near misses take longer than all the rest."""
    exact: dict[int, str] = {}
    problem: RegisterError | str = ""
    try:
        for found in catalog.look_up(text):
            if found.register.id in listed:
                exact.setdefault(found.register.id, found.field.name if found.field else "")
            else:
                problem = f"{found.register.name} is not in this {where}"
    except RegisterError as error:
        problem = error
    return exact, problem


def _feature_fields(text: str) -> dict[str, str]:
    """Register -> the first field that shows a feature which the text means."""
    from inspector.registers import features  # a screen opens without them

    found: dict[str, str] = {}
    for one in features.search(text):
        for term in one.terms:
            found.setdefault(term.register, term.field)
    return found


def _rank(view: View, one: Searched, text: str, by_feature: Mapping[str, str]) -> int | None:
    """How well a register matches: 0 the start of its name, 1 inside it, 2 a field, 3 its title, 4 a feature, 5 words
    of a field's title or of what its value means; None not at all."""
    if one.name.startswith(text):
        return 0
    if text in one.name or text in one.encoding:
        return 1
    if len(text) > 1 and f"\n{text}" in one.fields:
        return 2
    if len(text) > 2 and text in one.title:
        return 3
    if one.register.name in by_feature:
        return 4
    return 5 if _worded_field(view, one, text) else None


def _best_field(view: View, one: Searched, text: str, by_feature: Mapping[str, str]) -> str:
    return _field_like(one, text) or by_feature.get(one.register.name, "") or _worded_field(view, one, text)


def _field_like(one: Searched, text: str) -> str:
    """The first field whose name starts with the text."""
    if len(text) < 2 or one.register.schema is None:
        return ""
    return next((s.name for s in one.register.schema.fields if s.name.casefold().startswith(text)), "")


def _worded_field(view: View, one: Searched, text: str) -> str:
    """The first field whose title holds the text, else the first whose value means something with it."""
    if len(text) < 3:
        return ""
    said = _said(view, one.register)
    if text not in said.all:
        return ""
    from inspector.registers import features

    return next((name for name, words in said.each if features.holds_words(words, text)), "")


class Said(NamedTuple):
    """What the layout says of a register, without case."""

    all: str
    """in one text: most registers hold nothing of what is searched"""
    each: Sequence[tuple[str, str]]
    """fields with their titles, then with what their values mean"""


@lru_cache(maxsize=1)
def _said_before(view: View) -> dict[int, Said]:
    """What was put together of a view, while it is searched letter by letter."""
    return {}


def _said(view: View, register: Register) -> Said:
    held = _said_before(view)
    if register.id not in held:
        schema, value, each = register.schema, view.value(register.id), list[tuple[str, str]]()
        if schema is not None:
            each = [(one.name, one.title.casefold()) for one in schema.fields]
            if value is not None:
                each += [(one.name, one.meaning.casefold()) for one in read(register.id, value, view.values).fields]
        held[register.id] = Said("\n".join(words for _, words in each), each)
    return held[register.id]
