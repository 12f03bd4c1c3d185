"""What a text means that names no register: a feature of the architecture by any of its names, a word of people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from inspector.errors import RegisterError
from inspector.registers import features
from inspector.registers.ids import id_of
from inspector.registers.naming import by_id
from inspector.registers.spelling import Found


def fields_of_feature(text: str) -> tuple[Found, ...]:
    """The fields that show a feature of the architecture. Raises RegisterError for a name that is none, and for a
    feature that no ID register shows."""
    found = features.named(text)
    if not found:
        names = {one.name.casefold(): one.name for one in features.all_features()}
        close = difflib.get_close_matches(text.casefold(), names, n=5, cutoff=0.6)
        hint = f"did you mean {', '.join(names[key] for key in close)}?" if close else "for example FEAT_SVE2"
        raise RegisterError(f"no feature is called {text[:80]}", hint=hint)
    places = _places(found)
    if not places:
        raise RegisterError(f"no ID register shows {found[0].name}", hint=found[0].text)
    return places


def meant(text: str) -> tuple[Found, ...]:
    """What another name stands for: an HWCAP flag, an assembler's name, a word of people; empty for none."""
    registers = (by_id(id_of(name)) for name in features.registers_called(text))
    return (*_places(features.named(text)), *(Found(register, None) for register in registers))


def _places(found: Iterable[features.Feature]) -> tuple[Found, ...]:
    terms = {term.place: term for feature in found for term in feature.terms}
    registers = {place: by_id(term.reg_id) for place, term in terms.items()}
    return tuple(
        Found(registers[place], schema.span(term.field))
        for place, term in terms.items()
        if (schema := registers[place].schema) is not None
    )
