"""What a text means that names no register: a feature of the architecture by any of its names, a word of people; and
the search in names, titles and meanings."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable

from inspector.errors import RegisterError
from inspector.registers import encoding as enc
from inspector.registers import features
from inspector.registers.ids import id_of
from inspector.registers.naming import Register, all_registers, by_id
from inspector.registers.spelling import LONGEST, Found, fields_named, look_up


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


def search(text: str) -> list[Register]:
    """Registers whose name, title, encoding or id contains `text`, names that start with it first; "" finds all.

    Names of features, and words of the titles and meanings of fields, find their registers too.
    """
    wanted = text.strip().casefold()[:LONGEST]
    if not wanted:
        return list(all_registers())
    first: list[Register] = []
    with contextlib.suppress(RegisterError):
        found = look_up(wanted)
        first += [one.register for one in found if one.field is None or "." in wanted or len(found) > 1]
    ranked: list[tuple[int, Register]] = []
    with_field = {name for field, hits in fields_named().items() if field.startswith(wanted) for name, _ in hits}
    with_feature = {term.register for one in features.search(wanted) for term in one.terms}
    for register in all_registers():
        rank = _rank(register, wanted, with_field)
        if rank is None and (register.name in with_feature or _worded(register, wanted)):
            rank = 4
        if rank is not None:
            ranked.append((rank, register))
    ranked.sort(key=lambda pair: pair[0])
    return list(dict.fromkeys(first + [register for _, register in ranked]))


def _worded(register: Register, wanted: str) -> bool:
    """Whether a title or a meaning of the register's fields holds the words."""
    schema = register.schema
    return schema is not None and any(
        features.holds_words(text, wanted) for span in schema.fields for text in (span.title, *span.values.values())
    )


def _rank(register: Register, wanted: str, with_field: set[str]) -> int | None:
    """0: the name starts with the text, 1: holds it, 2: such a field, 3: title, encoding or id holds it; else None."""
    name = register.name.casefold()
    if name.startswith(wanted):
        return 0
    if wanted in name:
        return 1
    if register.name in with_field:
        return 2
    if wanted in register.title.casefold() or wanted in register.encoding_text.casefold():
        return 3
    return 3 if wanted in enc.hex_id(register.id) and len(wanted) > 3 else None
