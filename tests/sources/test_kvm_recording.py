"""Recordings whose answers are missing: a description of a host, and questions."""

from __future__ import annotations

import json
from pathlib import Path

from inspector import sources
from inspector.registers.encoding import hex_id
from tests.commands.running import run

CTR, CLIDR, DFR0 = 0x603000000013D801, 0x603000000013C801, 0x603000000013C028
LINES: list[dict[str, object]] = [
    {"type": "recording", "version": 1, "cpu": "made up", "kernel": "6.12.107"},
    {"type": "host", "regs": {hex_id(CTR): "0x86668006", hex_id(CLIDR): "0x80000023"}, "ccsidr": {"0": "0x7007e01c"}},
    {"type": "kernel", "release": "6.12.107", "version": "#1"},
    {"type": "vcpu", "config": "minimal", "features": 4},
    {"type": "get", "id": hex_id(DFR0)},
    {"type": "guest", "id": hex_id(DFR0)},
    {"type": "set", "phase": "field", "id": hex_id(DFR0), "value": "0x0"},
    {"type": "odd", "id": "0x603000000013c007"},
    {"type": "writable_masks"},
    {"type": "run"},
]


def _write(folder: Path) -> str:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return str(path)


def test_questions_are_no_values(tmp_path: Path) -> None:
    dump = sources.load(_write(tmp_path))
    assert dump.host is not None
    assert dump.host.values[CTR] == 0x86668006
    assert [vcpu.kind for vcpu in dump.vcpus] == ["host"]
    assert dump.vcpus[0].values == dump.host.values


def test_such_a_recording_is_a_host_to_ask_about(tmp_path: Path) -> None:
    done = run("expose", _write(tmp_path), "--kernel", "6.12", "CTR_EL0", "--json")
    assert done.code == 0
    assert done.json["registers"][0]["exposed"] == "0x0000000096668006"
