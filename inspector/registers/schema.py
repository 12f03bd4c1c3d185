"""A register's layout: one construct BitStruct, and the bit spans that follow from it.

The parts of a schema define both: the BitStruct is built of them when a register is decoded or encoded as a whole, the
spans serve the hot paths, where a shift and a mask cost a tenth of a construct parse and the time to load
construct would show. A test proves for every layout that both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from inspector.registers.bits import as_signed, extract, insert, mask_of

if TYPE_CHECKING:
    # At run time this would load construct.
    from construct import BitStruct, Construct

RESERVED_KINDS = frozenset({"res0", "res1"})


class Span(NamedTuple):
    """One field or reserved range of a register."""

    name: str
    msb: int
    lsb: int
    kind: str
    """"unsigned", "signed" (features that grow with the value), "enum", "field" (numbers), "res0", "res1", "unkn"."""
    title: str
    """What the field is about; empty for reserved ranges."""
    values: Mapping[int, str]
    """Meaning by raw bits (0xf, not -1, for a signed field); empty for numbers."""
    form: str
    """For numbers: the name of the rule in `meanings.FORMS` that turns the value into words."""

    @property
    def width(self) -> int:
        """The number of bits."""
        return self.msb - self.lsb + 1

    @property
    def mask(self) -> int:
        """The field's bits in place."""
        return mask_of(self.msb, self.lsb)

    @property
    def reserved(self) -> bool:
        """Whether the architecture gives these bits no meaning (RES0, RES1)."""
        return self.kind in RESERVED_KINDS

    def extract(self, value: int) -> int:
        """The field's raw bits, never negative."""
        return extract(value, self.msb, self.lsb)

    def number(self, value: int) -> int:
        """The field as construct decodes it: like `extract`, but negative for signed fields with the top bit set."""
        raw = self.extract(value)
        return as_signed(raw, self.width) if self.kind == "signed" else raw

    def insert(self, value: int, field: int) -> int:
        """`value` with the field replaced; `field` is raw bits or, for a signed field, a negative number."""
        return insert(value, self.msb, self.lsb, field)


class Part(NamedTuple):
    """One bit field; `"NAME" / part` gives it its name, as construct writes it."""

    width: int
    kind: str
    """as `Span.kind`"""
    title: str
    values: Mapping[int, str]
    form: str
    name: str = ""

    def __rtruediv__(self, name: str) -> Part:
        return Part(self.width, self.kind, self.title, self.values, self.form, name)

    def construct(self) -> Construct[int, int]:
        """The same field for construct's BitStruct."""
        from construct import BitsInteger, Renamed

        return Renamed(BitsInteger(self.width, signed=self.kind == "signed"), newname=self.name)


class RegisterSchema:
    """A layout of one register: fields from the most significant bit down, as spans and as a construct BitStruct."""

    def __init__(self, name: str, *parts: Part) -> None:
        self.name = name
        self._parts = parts

    # A module defines up to twenty layouts, of which most commands and screens need one.
    @cached_property
    def width(self) -> int:
        """The number of bits."""
        return sum([part.width for part in self._parts])

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """Every field and reserved range, from the most significant bit down."""
        spans = []
        msb = self.width - 1
        for part in self._parts:
            lsb = msb - part.width + 1
            spans.append(Span(part.name, msb, lsb, part.kind, part.title, part.values, part.form))
            msb = lsb - 1
        return tuple(spans)

    @cached_property
    def _by_name(self) -> dict[str, Span]:
        return {span.name.casefold(): span for span in self.spans}

    @cached_property
    def struct(self) -> BitStruct:
        """The layout for construct."""
        from construct import BitStruct

        return BitStruct(*[part.construct() for part in self._parts])

    def span(self, name: str) -> Span | None:
        """The field called `name`, whatever its case."""
        return self._by_name.get(name.casefold())

    @property
    def fields(self) -> tuple[Span, ...]:
        """The spans that are not reserved."""
        return tuple(span for span in self.spans if not span.reserved)

    def decode(self, value: int) -> dict[str, int]:
        """Every span's number by construct itself (signed fields may be negative); `value` has `width` bits."""
        parsed = self.struct.parse(value.to_bytes(self.width // 8, "big"))
        return {span.name: int(parsed[span.name]) for span in self.spans}

    def encode(self, fields: Mapping[str, int]) -> int:
        """The value whose `decode` is `fields`; raises construct.ConstructError for a number that does not fit."""
        return int.from_bytes(self.struct.build(dict(fields)), "big")

    def __repr__(self) -> str:
        return f"RegisterSchema({self.name!r}, {self.width} bits, {len(self.fields)} fields)"
