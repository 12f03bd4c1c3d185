"""A register's value in words, as every view shows it, and the way back from text to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from inspector.errors import RegisterError
from inspector.numbers import parse_number
from inspector.registers import encoding as enc
from inspector.registers import layouts, meanings
from inspector.registers.naming import Register, by_id

if TYPE_CHECKING:
    from inspector.registers.schema import RegisterSchema, Span

POISON_NOTE = "poison 0x1de7ec7edbadc0de: KVM never initialised this register, the value says nothing"
SHORT = 40
"""The longest `FieldReading.short`, in characters."""
_CACHED_BITS = 8
"""Fields up to this width are remembered once read."""
_RESERVED = frozenset({"res0", "res1"})


class FieldReading(NamedTuple):
    """One field of one value."""

    name: str
    msb: int
    lsb: int
    value: int
    """The field's raw bits, never negative."""
    meaning: str
    """The whole sentence, with the architecture's FEAT_ name where there is one."""
    short: str
    """At most `SHORT` characters, for tables."""
    kind: str
    """As `schema.Span.kind`."""
    flagged: bool
    """Something is odd: reserved bits that are not as they must be, or a value without a meaning."""
    feature: str
    """`FEAT_CCIDX`, or "" where the value stands for no feature name."""
    title: str
    """What the field is about."""


class Reading(NamedTuple):
    """One value of one register."""

    register: Register
    value: int
    fields: tuple[FieldReading, ...]
    """Most significant first; empty for a register without fields, and for poison."""
    note: str
    """Poison, why this layout applies, that an encoding is unallocated ...; empty as a rule."""
    schema: RegisterSchema | None
    """The layout that was used."""


def read(
    reg_id: int, value: int, values: Mapping[int, int] | None = None, *, include_reserved: bool = False
) -> Reading:
    """Decode `value` of register `reg_id`.

    `values` is the rest of the vCPU (id to value): a CCSIDR's layout depends on it. Reserved ranges are left out unless
    they are not as the architecture has them (then they are flagged) or `include_reserved` is set. Never fails.
    """
    register = by_id(reg_id)
    if value == enc.POISON:
        return Reading(register, value, (), POISON_NOTE, layouts.schema_of(reg_id, register.name))
    schema, reason = layouts.choose(reg_id, register.name, value, values)
    fields = read_fields(schema, value, include_reserved) if schema else ()
    notes = [note for note in (register.note, reason) if note]
    excess = value >> register.size * 8
    if excess and not (schema and value >> schema.width == 0):
        notes.append(f"the value is wider than the register's {register.size} bytes")
    return Reading(register, value, fields, "; ".join(notes), schema)


def both_layouts(reg_id: int, value: int) -> tuple[Reading, ...]:
    """Every reading that `value` can have, the likelier first: two for a CCSIDR, one for any other register."""
    first = read(reg_id, value)
    other = layouts.other_ccsidr_layout(reg_id, value, first.schema)
    if other is None:
        return (first,)
    name = "64-bit layout (FEAT_CCIDX)" if "CCIDX" in other.name else "32-bit layout"
    return first, Reading(first.register, value, read_fields(other, value), f"read in the {name}", other)


def read_fields(schema: RegisterSchema, value: int, include_reserved: bool = False) -> tuple[FieldReading, ...]:
    """The fields of `value` in one given layout."""
    known = _cache_of(schema)
    result = []
    for span in schema.spans:
        raw = value >> span.lsb & (1 << span.msb - span.lsb + 1) - 1
        key = (span.lsb, raw)
        field = known.get(key)
        if field is None:
            field = read_field(span, raw, value)
            if span.msb - span.lsb < _CACHED_BITS and span.form not in meanings.CONTEXT_FORMS:
                known[key] = field
        if field.flagged or include_reserved or field.kind not in _RESERVED:
            result.append(field)
    return tuple(result)


def read_field(span: Span, raw: int, value: int | None = None) -> FieldReading:
    """One field whose bits are `raw`, in a register that holds `value` (which MIDR_EL1.PartNum needs)."""
    value = span.insert(0, raw) if value is None else value
    text, flagged = meanings.meaning_of(span, raw, value)
    meaning = f"{span.title}: {text}" if span.form == "flag" or text == meanings.ABSENT else text
    features = re.findall(r"\bFEAT_\w+", text)
    return FieldReading(
        name=span.name,
        msb=span.msb,
        lsb=span.lsb,
        value=raw,
        meaning=meaning,
        short=_short(text),
        kind=span.kind,
        flagged=flagged,
        feature=features[0] if features else "",
        title=span.title,
    )


def _short(meaning: str) -> str:
    """The meaning up to its first semicolon, without the feature name, cut to `SHORT`."""
    text = re.sub(r"\s?\(FEAT_[^()]*+\)", "", meaning).split(";", 1)[0].strip()
    if len(text) <= SHORT:
        return text
    cut = text[: SHORT - 1].rstrip(" ,:")
    return f"{cut}…"


def parse_value(register: Register, text: str) -> int:
    """A value for `register`: 0x hex, 0b binary, decimal, `_` between digits; RegisterError if not one, or too wide."""
    digits = text.strip()
    try:
        value = parse_number(digits)
    except ValueError:
        hint = "write 0x1f, 0b1_1111 or 31"
        raise RegisterError(f"{digits[:80] or 'nothing'} is not a number", register.name, hint) from None
    if value < 0 or value >> register.size * 8:
        raise RegisterError(f"{digits[:80]} does not fit", register.name, f"the register has {register.size * 8} bits")
    return value


def parse_assignments(register: Register, current: int, text: str, schema: RegisterSchema | None = None) -> int:
    """`current` with fields replaced as in `CCIDX=1 NV=0`, blanks or commas between; RegisterError on an unknown field.

    A signed field takes -1 or 0xf. `schema` is the layout to use where the register has more than one.
    """
    layout = schema or layouts.choose(register.id, register.name, current).schema
    pairs = [pair for pair in re.split(r"[\s,]+", text.strip()) if pair]
    if layout is None:
        raise RegisterError(f"{register.name} has no fields", hint="write the whole value")
    if not pairs:
        raise RegisterError("nothing to assign", register.name, "write FIELD=value")
    value = current
    for pair in pairs:
        name, equals, number = pair.partition("=")
        span = layout.span(name)
        if span is None or not equals:
            names = ", ".join(each.name for each in layout.fields)
            raise RegisterError(
                f"{pair[:80]} assigns no field", register.name, f"write FIELD=value with one of {names}"
            )
        value = span.insert(value, parse_field(register, span, number))
    return value


def parse_field(register: Register, span: Span, text: str) -> int:
    """A value for one field, spelled as for `parse_value`, negative only if the field is signed; else RegisterError."""
    where = f"{register.name}.{span.name}"
    text = text.strip()
    try:
        number = parse_number(text)
    except ValueError:
        raise RegisterError(f"{text[:80] or 'nothing'} is not a number", where, "write 0x2, 0b10 or 2") from None
    low = -(1 << span.width - 1) if span.kind == "signed" else 0
    if not low <= number < 1 << span.width:
        raise RegisterError(f"{text[:80]} does not fit", where, f"the field has {span.width} bits")
    return number


@cache
def _cache_of(schema: RegisterSchema) -> dict[tuple[int, int], FieldReading]:
    """Readings made before, by lowest bit and raw number: ID fields have few values, and making one costs 5 us."""
    return {}
