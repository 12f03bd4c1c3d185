"""Search in the registers of a view: every spelling of a register or field, and parts of names and titles."""

from __future__ import annotations

from typing import NamedTuple

from inspector.app.shell.view import View
from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.catalog import Register


class Matches(NamedTuple):
    """What a search text found."""

    ids: tuple[int, ...] = ()
    """matching registers of the view, best first"""
    field: str = ""
    """the field that the text names"""
    problem: str = ""
    """why there is nothing, in one sentence"""


def find_in(view: View, text: str) -> Matches:
    """Registers of the view that a search text means."""
    text = text.strip()
    if not text:
        return Matches()
    listed = {register.id: register for register in view.registers}
    exact: list[int] = []
    field, problem = "", ""
    try:
        found = catalog.find(text)
    except RegisterError as error:
        problem = str(error)
    else:
        field = found.field.name if found.field else ""
        if found.register.id in listed:
            exact = [found.register.id]
        else:
            problem = f"{found.register.name} is not in this {'vCPU' if view.vcpu else 'list'}"
    ranked = sorted(
        (rank, place, register.id)
        for place, register in enumerate(listed.values())
        if (rank := _rank(register, text.casefold())) is not None and register.id not in exact
    )
    ids = (*exact, *(reg_id for _, _, reg_id in ranked))
    if ids and not field and not exact:
        field = _field_like(listed[ids[0]], text.casefold())
    return Matches(ids, field, "" if ids else problem or "nothing matches")


def _rank(register: Register, text: str) -> int | None:
    """How well a register matches: 0 the start of its name, 1 inside it, 2 a field, 3 its title; None not at all."""
    name = register.name.casefold()
    if name.startswith(text):
        return 0
    if text in name or text in register.encoding_text.casefold():
        return 1
    if _field_like(register, text):
        return 2
    return 3 if len(text) > 2 and text in register.title.casefold() else None


def _field_like(register: Register, text: str) -> str:
    """The first field whose name starts with the text."""
    if register.schema is None or len(text) < 2:
        return ""
    return next((s.name for s in register.schema.fields if s.name.casefold().startswith(text)), "")
