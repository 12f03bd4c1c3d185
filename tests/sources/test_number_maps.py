"""Objects of registers: the short way of files that spell what was met before says what the long way says."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.budget import Budget
from inspector.errors import SourceError
from inspector.registers.encoding import hex_id, make_id, sysreg_id
from inspector.sources import jsontext
from inspector.sources.jsontext import number_map, register_map

PFR0 = sysreg_id(3, 0, 0, 4, 0)
IDS = (hex_id(PFR0), str(PFR0), hex_id(make_id(0x10, 4, 4)), "0x6030", hex_id(PFR0).upper().replace("X", "x"))
values = st.one_of(
    st.integers(-2, 2**65).map(hex),
    st.integers(0, 2**65).map(str),
    st.integers(0, 2**65),
    st.integers(0, 2**130).map(bin),
    st.text("0123456789abxo_- +٣", max_size=6),
    st.sampled_from([None, True, 1.5, "", "0x", "012", "0o7", [], "1" * 5000, hex(2**3000)]),
)
objects = st.dictionaries(st.one_of(st.sampled_from(IDS), st.text("0x63c_", max_size=5)), values, max_size=4)


def answers(given_objects: list[bytes]) -> list[object]:
    """What each way in says of each object: its numbers, or the error."""
    told: list[object] = []
    for data in given_objects:
        for way in (number_map, register_map):
            try:
                told.append(list(way(msgspec.Raw(data), "here", Budget("here")).items()))
            except SourceError as error:
                told.append(str(error))
    return told


@given(st.lists(objects, min_size=1, max_size=3))
def test_keys_that_were_met_before_change_no_answer(documents: list[dict[str, object]]) -> None:
    texts = [json.dumps(document).encode() for document in documents]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jsontext, "_KEYS", {})
        first = answers(texts)
        again = answers(texts)
        patched.setattr(jsontext, "_usual_numbers", lambda data: None)
        assert first == again == answers(texts)


def test_the_short_way_is_taken() -> None:
    """Else the property above would compare the long way with itself."""
    data = json.dumps({hex_id(PFR0): "0x11"}).encode()
    answers([data])
    assert jsontext._usual_numbers(data) == {PFR0: 0x11}


def test_a_key_twice_is_told() -> None:
    data = f'{{"{hex_id(PFR0)}": "1", "{PFR0}": "1"}}'.encode()
    for _ in range(2):
        with pytest.raises(SourceError, match="twice"):
            register_map(msgspec.Raw(data), "here", Budget("here"))
