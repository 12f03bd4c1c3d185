"""The guest's agent, run here with a collector that answers, fails, dies or hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

COLLECTOR = """
import os, sys, time

class Options:
    def __init__(self, features, gic):
        self.kind = features, gic

class ScratchVm:
    made = 0
    def __init__(self, *plan):
        ScratchVm.made += 1
        self.values = {1: ScratchVm.made}
    def get(self, number):
        return (0, self.values[number]) if number in self.values else (2, 0)
    def set(self, number, value):
        self.values[number] = value
        return 0
    def close(self):
        self.values = {}

def open_kvm(path):
    return os.open(os.devnull, os.O_RDONLY)

def capabilities(kvm):
    return {}

def plans(options, caps):
    return [(0, True, False, False)]

def debugfs_vms(notes):
    return [1] * ScratchVm.made

def main(argv):
    if "die" in argv:
        os.kill(os.getpid(), 11)
    if "hang" in argv:
        time.sleep(600)
    if "bad" in argv:
        sys.stderr.write("collector: error: bad\\n")
        sys.exit(2)
    with os.fdopen(os.dup(1), "w") as out:
        said = "%d VMs run" % len(debugfs_vms([])) if "running" in argv else "dump %d" % os.getpid()
        out.write("x" * 300000 if "much" in argv else said)
    return 0
"""


def answers(folder: Path, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """What an agent answers to these requests, one after another."""
    (folder / "collector.py").write_text(COLLECTOR, encoding="utf-8")
    program = (
        "import json, sys; from inspector.lab import agent; agent.COLLECTOR, agent.OUT = sys.argv[1:3]; "
        "one = agent.Agent(); print(json.dumps([one.answer(request) for request in json.loads(sys.argv[3])]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "collector.py"), str(folder / "out"), json.dumps(requests)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return list(json.loads(done.stdout))


def collect(folder: Path, *words: str, timeout: float = 100) -> dict[str, Any]:
    """A request to the collector."""
    return {"what": "run", "argv": [str(folder / "collector.py"), *words], "timeout": timeout}


def test_one_process_answers_all_that_is_asked_of_kvm(tmp_path: Path) -> None:
    first, second, much, bad = answers(
        tmp_path, *(collect(tmp_path, *words) for words in ((), (), ("much",), ("bad",)))
    )
    assert first["code"] == 0 and first["out"].startswith("dump ") and first == second
    assert much["out"] == "x" * 300000
    assert bad["code"] == 2 and "error: bad" in bad["err"] and bad["out"] == ""


def test_a_collector_that_dies_or_hangs_is_told_and_the_next_request_is_answered(tmp_path: Path) -> None:
    dead, one, late, two = answers(
        tmp_path, collect(tmp_path, "die"), collect(tmp_path), collect(tmp_path, "hang", timeout=0.1), collect(tmp_path)
    )
    assert "ended: exit code -11" in dead["error"]
    assert "did not end within 0.1 s" in late["error"]
    assert one["out"].startswith("dump ") and two["out"].startswith("dump ") and one != two


def test_each_write_meets_a_fresh_machine_that_was_made_before(tmp_path: Path) -> None:
    write = {"what": "write", "features": "qemu", "gic": "v3", "writes": [[1, 7], [9, 1]]}
    rehearsed, first, second, other = answers(
        tmp_path, {"what": "rehearse"}, write, write, {**write, "features": "psci", "writes": [[1, 5]]}
    )
    assert rehearsed == {"code": 0}
    assert first == {"answers": [[0, 1, 7], [0, None, 1]]}
    assert second["answers"][0] == [0, 2, 7]
    assert other == {"answers": [[0, 4, 5]]}  # the third was ready, and of another kind


def test_the_spare_machine_is_none_of_those_that_run(tmp_path: Path) -> None:
    _, dump = answers(tmp_path, {"what": "rehearse"}, collect(tmp_path, "running"))
    assert dump["out"] == "0 VMs run"


def test_what_is_no_request_is_an_error(tmp_path: Path) -> None:
    assert answers(tmp_path, {"what": "dance"}) == [{"error": "no such request: dance"}]
