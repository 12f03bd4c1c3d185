"""Every layout: no gaps, round trips, spans equal to construct and to plain shifts, agreement with the field facts."""

from __future__ import annotations

import json
import random
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.registers import catalog, definitions, layouts, reading, reserved
from inspector.registers.definitions.special import SHARED_SCHEMAS
from inspector.registers.encoding import sysreg_id
from inspector.registers.schema import RegisterSchema
from tests import make_reserved
from tests.material import read_text

SCHEMAS = layouts.all_schemas()
ANY_SCHEMA = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)


@ANY_SCHEMA
def test_spans_cover_every_bit_once(schema: RegisterSchema) -> None:
    assert schema.spans[0].msb == schema.width - 1
    assert schema.spans[-1].lsb == 0
    for upper, lower in pairwise(schema.spans):
        assert lower.msb == upper.lsb - 1, (upper.name, lower.name)
    assert sum(span.mask for span in schema.spans) == (1 << schema.width) - 1


@ANY_SCHEMA
def test_span_names_are_unique_whatever_the_case(schema: RegisterSchema) -> None:
    names = [span.name.casefold() for span in schema.spans]
    assert len(names) == len(set(names))


@ANY_SCHEMA
def test_reserved_ranges_are_called_by_their_bits(schema: RegisterSchema) -> None:
    for span in schema.spans:
        if span.reserved:
            assert span.name == f"{span.kind.upper()}_{span.msb}_{span.lsb}"
        else:
            assert span.title, span.name


@ANY_SCHEMA
def test_every_value_has_a_meaning_that_fits_a_table(schema: RegisterSchema) -> None:
    for span in schema.fields:
        for raw, text in span.values.items():
            assert 0 <= raw < 1 << span.width
            assert text.strip() == text != ""
            field = reading.read_field(span, raw)
            assert len(field.short) <= reading.SHORT
            assert "…" not in field.short, f"{span.name} = {raw}: {text}"
            assert not field.flagged


@ANY_SCHEMA
@given(data=st.data())
def test_spans_agree_with_construct_and_with_shifts(schema: RegisterSchema, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, (1 << schema.width) - 1))
    decoded = schema.decode(value)
    assert set(decoded) == {span.name for span in schema.spans}
    rebuilt = 0
    for span in schema.spans:
        shifted = (value >> span.lsb) % (1 << span.msb - span.lsb + 1)
        assert span.extract(value) == shifted
        assert span.number(value) == decoded[span.name]
        rebuilt |= shifted << span.lsb
        assert span.insert(value, decoded[span.name]) == value
    assert rebuilt == value
    assert schema.encode(decoded) == value


def test_signed_fields_are_negative_like_the_kernels() -> None:
    schema = catalog.find("ID_AA64PFR0_EL1").register.schema
    assert schema is not None
    value = 0xF << 20
    assert schema.decode(value)["AdvSIMD"] == -1
    span = schema.span("advsimd")
    assert span is not None
    assert (span.extract(value), span.number(value)) == (0xF, -1)
    assert span.insert(0, -1) == value


def test_non_zero_reserved_bits_survive() -> None:
    schema = catalog.find("ID_AA64ZFR0_EL1").register.schema
    assert schema is not None
    assert schema.encode(schema.decode((1 << 64) - 1)) == (1 << 64) - 1


def test_index_of_schemas_is_what_the_modules_hold() -> None:
    known = set(layouts.schema_modules())
    held = {
        name: module
        for path in sorted(Path(definitions.__path__[0]).glob("*.py"))
        for module in [path.stem]
        for name in getattr(import_module(f"inspector.registers.definitions.{module}"), "SCHEMAS", {})
    }
    assert held == layouts.schema_modules()
    registers = {register.name for register in catalog.all_registers()}
    assert set(SHARED_SCHEMAS.values()) <= known
    assert set(SHARED_SCHEMAS) <= registers
    unattached = known - registers - set(SHARED_SCHEMAS.values())
    assert unattached == {"CCSIDR_EL1 CCIDX", "CCSIDR word", "CCSIDR word CCIDX", "PSTATE AArch32"}


def test_reserved_bits_are_those_of_the_layouts() -> None:
    assert Path(reserved.__file__).read_text(encoding="utf-8") == make_reserved.text(), (
        "python -m tests.make_reserved writes it anew"
    )
    for register in catalog.all_registers():
        spans = register.schema.spans if register.schema is not None else ()
        assert register.reserved == sum(one.mask for one in spans if one.kind == "res0"), register.name


def test_schemas_are_as_wide_as_their_registers() -> None:
    for register in catalog.all_registers():
        if register.schema is not None:
            assert register.schema.width == register.size * 8, register.name


FACTS: dict[str, dict[str, Any]] = {
    row["name"]: row for row in map(json.loads, read_text("fields.jsonl.xz").splitlines())
}
"""by register: `encoding`, and `fields` as name, msb, lsb, kind and the values that have a meaning"""


@pytest.mark.parametrize("name", sorted(FACTS))
def test_agrees_with_the_field_facts(name: str) -> None:
    register = catalog.find(name).register
    assert register.id == sysreg_id(*FACTS[name]["encoding"])
    schema = register.schema
    assert schema is not None
    ours = [
        ("RES0" if s.kind == "res0" else "RES1" if s.kind == "res1" else s.name, s.msb, s.lsb, s.kind)
        for s in schema.spans
    ]
    assert ours == [tuple(field[:4]) for field in FACTS[name]["fields"]]
    for field, _, _, _, *values in FACTS[name]["fields"]:
        span = schema.span(field)
        assert not values or (span is not None and set(values) <= set(span.values)), field


def test_readings_agree_with_the_field_facts_on_random_values() -> None:
    numbers = random.Random(7)
    for name, facts in FACTS.items():
        register = catalog.find(name).register
        schema = register.schema
        assert schema is not None
        for _ in range(20):
            value = numbers.getrandbits(64)
            fields = {(f.msb, f.lsb): f for f in reading.read_fields(schema, value, include_reserved=True)}
            for field, msb, lsb, *_ in facts["fields"]:
                assert fields[msb, lsb].value == value >> lsb & (1 << msb - lsb + 1) - 1
                if "RES" not in field:
                    assert fields[msb, lsb].name == field
