"""Recordings whose answers are missing: a description of a host, and questions."""

from __future__ import annotations

import json
from pathlib import Path

from inspector import sources
from tests.commands.running import run
from tests.sources.material import CTR, QUESTIONS


def _write(folder: Path) -> str:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in QUESTIONS))
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
