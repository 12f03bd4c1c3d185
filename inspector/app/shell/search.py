"""Search in the registers of a view: every spelling of a register or field, and parts of names and titles."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from inspector.app.shell.view import View
from inspector.errors import RegisterError
from inspector.registers import catalog, features
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


def find_in(view: View, text: str) -> Matches:
    """Registers of the view that a search text means: a name, a feature, words of titles and of what values mean."""
    text = text.strip()
    if not text:
        return Matches()
    listed = {register.id: register for register in view.registers}
    exact, problem = _named(listed, text, "vCPU" if view.vcpu else "list")
    wanted, by_feature = text.casefold(), _feature_fields(text)
    ranked = sorted(
        (rank, place, register.id)
        for place, register in enumerate(listed.values())
        if register.id not in exact and (rank := _rank(view, register, wanted, by_feature)) is not None
    )
    ids = (*exact, *(reg_id for _, _, reg_id in ranked))
    if not ids:
        return Matches(problem=problem or "nothing matches")
    first = listed[ids[0]]
    return Matches(ids, exact[first.id] if exact else _best_field(view, first, wanted, by_feature))


def _named(listed: Mapping[int, Register], text: str, where: str) -> tuple[dict[int, str], str]:
    """(register id -> field of what the text names, why there is nothing)."""
    exact: dict[int, str] = {}
    problem = ""
    try:
        for found in catalog.look_up(text):
            if found.register.id in listed:
                exact.setdefault(found.register.id, found.field.name if found.field else "")
            else:
                problem = f"{found.register.name} is not in this {where}"
    except RegisterError as error:
        problem = str(error)
    return exact, problem


def _feature_fields(text: str) -> dict[str, str]:
    """Register -> the first field that shows a feature which the text means."""
    found: dict[str, str] = {}
    for one in features.search(text):
        for term in one.terms:
            found.setdefault(term.register, term.field)
    return found


def _rank(view: View, register: Register, text: str, by_feature: Mapping[str, str]) -> int | None:
    """How well a register matches: 0 the start of its name, 1 inside it, 2 a field, 3 its title, 4 a feature, 5 words
    of a field's title or of what its value means; None not at all."""
    name = register.name.casefold()
    if name.startswith(text):
        return 0
    if text in name or text in register.encoding_text.casefold():
        return 1
    if _field_like(register, text):
        return 2
    if len(text) > 2 and text in register.title.casefold():
        return 3
    if register.name in by_feature:
        return 4
    return 5 if _worded_field(view, register, text) else None


def _best_field(view: View, register: Register, text: str, by_feature: Mapping[str, str]) -> str:
    return _field_like(register, text) or by_feature.get(register.name, "") or _worded_field(view, register, text)


def _field_like(register: Register, text: str) -> str:
    """The first field whose name starts with the text."""
    if register.schema is None or len(text) < 2:
        return ""
    return next((s.name for s in register.schema.fields if s.name.casefold().startswith(text)), "")


def _worded_field(view: View, register: Register, text: str) -> str:
    """The first field whose title holds the text, else the first whose value means something with it."""
    if register.schema is None or len(text) < 3 or text not in _said(view, register):
        return ""
    titled = next((s.name for s in register.schema.fields if features.holds_words(s.title, text)), "")
    value = view.value(register.id)
    if titled or value is None:
        return titled
    read_as = read(register.id, value, view.values).fields
    return next((one.name for one in read_as if features.holds_words(one.meaning, text)), "")


@lru_cache(maxsize=1)
def _said_before(view: View) -> dict[int, str]:
    """What was put together of a view, while it is searched letter by letter."""
    return {}


def _said(view: View, register: Register) -> str:
    """All that `_worded_field` looks through, in one text: most registers hold nothing of what is searched."""
    held = _said_before(view)
    if register.id not in held:
        value, schema = view.value(register.id), register.schema
        titles = [one.title for one in schema.fields] if schema is not None else []
        meanings = [one.meaning for one in read(register.id, value, view.values).fields] if value is not None else []
        held[register.id] = "\n".join((*titles, *meanings)).casefold()
    return held[register.id]
