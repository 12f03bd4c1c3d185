"""JSON of other tools: what is plain is taken, of two values none is chosen, and what is refused is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import InspectorError, SourceError
from inspector.registers.catalog import find
from inspector.sources import load
from inspector.sources.dump import Dump, View
from inspector.sources.edits import edited

PFR0, MMFR2 = 0x1101000010110012, 0x1221011112101011


def _opened(folder: Path, text: str, view: View | None = None) -> Dump:
    path = folder / "file"
    path.write_text(text)
    return load(str(path), view)


def _values(dump: Dump) -> list[dict[str, int]]:
    names = {find(name).register.id: name for name in ("ID_AA64PFR0_EL1", "ID_AA64MMFR2_EL1")}
    return [{names[i]: v for i, v in vcpu.values.items()} for vcpu in dump.vcpus]


BOTH = {"ID_AA64PFR0_EL1": PFR0, "ID_AA64MMFR2_EL1": MMFR2}


@pytest.mark.parametrize(
    "document",
    [
        {name: hex(value) for name, value in BOTH.items()},
        BOTH,
        {"regs": {name: hex(value) for name, value in BOTH.items()}, "hostname": "pi5", "uptime": 5},
        [{"name": name, "value": hex(value)} for name, value in BOTH.items()],
        {"registers": [{"reg": name, "val": value, "size": 8} for name, value in BOTH.items()]},
        [{"id": "0x603000000013c020", "data": hex(PFR0)}, {"id": 0x603000000013C03A, "data": MMFR2}],
        [
            {"op0": 3, "op1": 0, "crn": 0, "crm": crm, "op2": op2, "value": v}
            for crm, op2, v in ((4, 0, PFR0), (7, 2, MMFR2))
        ],
        [[name, hex(value)] for name, value in BOTH.items()],
        {name: {"value": hex(value), "fields": {"EL0": 2}} for name, value in BOTH.items()},
        {"a": [{"b": {"SYS_ID_AA64PFR0_EL1": f"{PFR0:#018x}", "0x603000000013c03a": hex(MMFR2)}}]},
    ],
)
def test_registers_by_name_id_or_encoding_are_found_at_any_depth(tmp_path: Path, document: Any) -> None:
    assert _values(_opened(tmp_path, json.dumps(document))) == [BOTH]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"vcpus": [{"id": 0, "regs": BOTH}, {"id": 1, "regs": BOTH}]}),
        json.dumps({"vcpu0": BOTH, "vcpu1": BOTH}),
        json.dumps([BOTH, BOTH]),
        json.dumps({"vcpus": {"0": BOTH, "1": {"regs": BOTH}}}),
        json.dumps({"cpus": [[{"name": n, "value": v} for n, v in BOTH.items()]] * 2}).replace("[[", '[{"r":[', 1)
        .replace("], [", ']}, {"r":[', 1).replace("]]", "]}]", 1),
        "\n".join(json.dumps({"cpu": c, "reg": n, "value": v}) for c in (0, 1) for n, v in BOTH.items()),
    ],
)  # fmt: skip
def test_vcpus_are_kept_apart_though_their_values_are_equal(tmp_path: Path, text: str) -> None:
    dump = _opened(tmp_path, text)
    assert [vcpu.index for vcpu in dump.vcpus] == [0, 1]
    assert _values(dump) == [BOTH, BOTH]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"ID_AA64PFR0_EL1": {"host": "0x1", "guest": "0x2"}}', "several values (guest and host)"),
        ('[{"name": "MIDR_EL1", "value": "0x1", "expected": "0x2"}]', "several values (value and expected)"),
        ('{"host": {"MIDR_EL1": "0x1"}, "guest": {"ID_AA64PFR0_EL1": "0x2"}}', "several sides (host and guest)"),
        ('{"MIDR_EL1": "0x1", "MIDR_EL1": "0x2"}', "occurs twice in one object"),
        ('[{"name": "MIDR_EL1", "value": 1}, {"name": "MIDR_EL1", "value": 2}]', "already has the value"),
        ('{"MIDR_EL1": 1.5}', "JSON of a kind that is not known"),
        ('{"MIDR_EL1": "41091083"}', "JSON of a kind that is not known"),
        ('{"name": "MIDR_EL1"}', "JSON of a kind that is not known"),
    ],
)
def test_of_two_values_none_is_taken(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        _opened(tmp_path, text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_side_that_the_outermost_object_states_is_the_view(tmp_path: Path) -> None:
    assert _opened(tmp_path, json.dumps({"host": BOTH})).vcpus[0].kind == "host"
    assert _opened(tmp_path, json.dumps({"regs": BOTH})).vcpus[0].kind == "vcpu"


def test_a_value_that_is_left_out_is_named(tmp_path: Path) -> None:
    dump = _opened(tmp_path, '{"ID_AA64PFR0_EL1": "0x1", "MIDR_EL1": "many"}')
    assert "MIDR_EL1" in " ".join(dump.notes)


def test_a_copy_of_it_is_refused_in_words() -> None:
    with pytest.raises(InspectorError, match="JSON of another tool, in which values are not replaced"):
        edited("plain-text", b'{"MIDR_EL1": "0x1"}', {}, "here")


@pytest.mark.parametrize(
    "line",
    [
        "ID_AA64PFR0_EL1 0x1101000010110012 (was 0x1101000011110012)",
        "ID_AA64PFR0_EL1 (was 0x1101000011110012): 0x1101000010110012",
        "ID_AA64PFR0_EL1 expected 0x1101000011110012 got 0x1101000010110012",
        "ID_AA64PFR0_EL1: 0x1101000010110012 (expected 0x1101000011110012)",
        "ID_AA64PFR0_EL1;0x1101000011110012;0x1101000010110012",
    ],
)
def test_of_two_values_in_a_line_none_is_taken(tmp_path: Path, line: str) -> None:
    with pytest.raises(SourceError, match="two values behind one register"):
        _opened(tmp_path, f"{line}\n")


@pytest.mark.parametrize(
    "text",
    [
        "register;value\nID_AA64PFR0_EL1;0x1101000010110012\nID_AA64MMFR2_EL1;0x1221011112101011\n",
        '"ID_AA64PFR0_EL1";"0x1101000010110012";\n"ID_AA64MMFR2_EL1" ; "0x1221011112101011"\n',
        "ID_AA64PFR0_EL1 0x1101000010110012 ; was 5\nID_AA64MMFR2_EL1 = 0x1221011112101011 (was 0x1221011112101011)\n",
    ],
)
def test_a_semicolon_divides_columns_and_else_begins_a_comment(tmp_path: Path, text: str) -> None:
    assert _values(_opened(tmp_path, text)) == [BOTH]


@pytest.mark.parametrize("head", ["", "vcpus:\n"])
@pytest.mark.parametrize("first", ["- ID_AA64PFR0_EL1", "- regs:\n    ID_AA64PFR0_EL1"])
def test_items_of_a_list_without_numbers_are_vcpus(tmp_path: Path, head: str, first: str) -> None:
    item = f"{first}: {PFR0:#x}\n    ID_AA64MMFR2_EL1: {MMFR2:#x}\n"
    dump = _opened(tmp_path, head + item * 3)
    assert _values(dump) == [BOTH] * 3
    assert any("3 items without numbers" in note for note in dump.notes)


def test_items_of_one_register_each_are_one_vcpu(tmp_path: Path) -> None:
    assert _values(_opened(tmp_path, "".join(f"- {name}: {value:#x}\n" for name, value in BOTH.items()))) == [BOTH]


def test_core_registers_beside_others_are_read_and_the_rest_is_named(tmp_path: Path) -> None:
    dump = _opened(tmp_path, '{"MIDR_EL1": "0x1", "x30": "0x5", "pc": 7, "frobs": "0x9", "cpu": 0}')
    assert sorted(dump.vcpus[0].values.values()) == [1, 5, 7]
    assert "frobs" in " ".join(dump.notes) and "1 line" in " ".join(dump.notes)
    with pytest.raises(SourceError):
        _opened(tmp_path, '{"x30": "0x5", "pc": 7}')
