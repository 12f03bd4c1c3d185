"""`predict` and `verify` as a shell sees them, with recordings that nobody would record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.running import assert_one_line_error, run
from tests.sources.material import QUESTIONS


def _write(folder: Path, *extra: dict[str, object]) -> str:
    path = folder / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (*QUESTIONS[:-1], *extra)))
    return str(path)


@pytest.mark.parametrize(
    "line",
    [
        {"type": "run", "errno": "x"},
        {"type": "run", "errno": [1]},
        {"type": "el0", "regs": [1]},
        {"type": "el0", "regs": {"x": "y"}},
        {"type": "el0", "regs": {"0x603000000013c020": 5}},
        {"type": "writable_masks", "errno": 0, "masks": "x"},
        {"type": "writable_masks", "errno": 0, "masks": {"0x1": 1}},
        {"type": "set", "phase": "field", "id": [], "value": "0x0"},
        {"type": "vcpu", "features": "many"},
    ],
)
def test_a_line_that_makes_no_sense_is_one_line(tmp_path: Path, line: dict[str, object]) -> None:
    path = _write(tmp_path, line)
    answers = [run(command, path) for command in ("predict", "verify")]
    assert all(done.code in (0, 1, 2) for done in answers)
    assert any(done.code == 2 for done in answers)
    assert all(done.err.count("\n") == 1 for done in answers if done.code == 2)


def test_a_run_without_an_answer_runs(tmp_path: Path) -> None:
    asked: dict[str, object] = {"type": "set", "phase": "ran", "id": "0x603000000013c023", "value": "0x1"}
    done = run("predict", _write(tmp_path, {"type": "run"}, asked))
    assert json.loads(done.out.splitlines()[-1])["errno"] == 16


def test_blank_lines_are_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "blank.jsonl"
    path.write_text("\n\n")
    assert run("verify", str(path)).code == 2


def test_the_recording_is_never_its_own_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(_write(tmp_path))
    before = path.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for output in (str(path), "./recording.jsonl", "link.jsonl"):
        assert run("predict", str(path), "-o", output).code == 2
    assert path.read_bytes() == before


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(_write(tmp_path)).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        done = run("predict", "-")
    assert done.code == 0
    assert '"init_errno":0' in done.out


def test_operands_may_stand_behind_options(tmp_path: Path) -> None:
    path = _write(tmp_path)
    assert run("expose", path, "--kernel", "6.12", "CTR_EL0").code == 0
    assert "unrecognized" in run("expose", path, "--kernel", "6.12", "--bogus").err


@pytest.mark.parametrize("given", [("--host", "NONSENSE"), ("--host", "vgic=v9"), ("--kernel", "no-such-kernel")])
def test_what_is_asked_wrongly_is_refused_before_the_first_line(tmp_path: Path, given: tuple[str, str]) -> None:
    assert_one_line_error(run("predict", _write(tmp_path), *given))
