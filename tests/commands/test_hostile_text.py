"""A hostile string in every text of every format, through every command and form: nothing of it acts on a terminal."""

from __future__ import annotations

import json
import lzma
import re
import shutil
from pathlib import Path

import pytest

from inspector.errors import InspectorError
from inspector.reports.writes import LogAbout
from inspector.reports.writes import commands as commands_again
from inspector.sources import load
from tests.commands.running import Done, run, run_all
from tests.fresh import ROOT
from tests.hostile_text import EVIL, hidden_in, poison
from tests.sources.examples import ALL, EXAMPLES

SHIPPED = "builtin:neoverse-n2-linux-6.12"
NAMED = ROOT / "snapshots" / "neoverse-n2-linux-6.12.json"
RECORDING = ROOT / "tests" / "material" / "answers" / "linux-5.10-cortex-a72.jsonl.xz"
FORMS: tuple[tuple[str, ...], ...] = ((), ("--json",), ("--markdown",))


def commands(path: str, folder: Path) -> list[tuple[list[str], int]]:
    """Every command that takes a source or a text, and how many of FORMS it has.

    What a source does not say is given, so that the answer is reached, and not only a refusal.
    """
    given = ["--kernel", "6.12"]
    return [
        (["show", path], 3),
        (["show", path, "X0", "CTR_EL0"], 3),
        (["summary", path], 3),
        (["features", path, "FEAT_SVE", "FEAT_LSE"], 2),
        (["caches", path], 3),
        (["compare", path, SHIPPED, "--all"], 3),
        (["compare", path], 3),
        (["compare", "--baseline", path, SHIPPED, *given], 3),
        (["migrate", path, SHIPPED, "--all", "--why"], 3),
        (["migrate", SHIPPED, path, "--all", "--why", *given], 3),
        (["migrate", path, SHIPPED, path, "--all", *given], 3),
        (["explain", path, "--source", path, "--destination", path], 3),
        (["fix", path, SHIPPED, "-o", str(folder / "fixed")], 3),
        (["expose", path, *given, "--gic", "none", "--why", "--all"], 2),
        (["write", path, "CTR_EL0=0x1", *given, "--gic", "none", "--why"], 2),
        (["matrix", path, "--kernels", "6.12"], 3),
        (["review", path, path], 3),
        (["learn", path, "-o", "-"], 1),
        (["convert", path, "-o", "-"], 1),
        (["verify", path], 3),
        (["verify", "--summary", path, *given], 3),
        (["predict", path, *given], 1),
    ]


def assert_harmless(done: Done, told: object) -> None:
    """No character of either output acts or hides, and no fault of ours."""
    assert not hidden_in(done.out), (told, hidden_in(done.out)[:3])
    assert not hidden_in(done.err), (told, hidden_in(done.err)[:3])
    if "--markdown" in map(str, told if isinstance(told, list | tuple) else ()):
        outside = "".join(done.out.split("```")[::2])
        assert not re.search(r"(?<!\\)(<img|\]\(http)", outside), (told, outside[:2000])
    assert "internal error" not in done.err and done.code in (0, 1, 2), (told, done.err[:500])


def accepts(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        load(str(path))
    except InspectorError:
        return False
    return True


@pytest.mark.parametrize("name", ALL)
def test_every_text_of_every_format(name: str, tmp_path: Path) -> None:
    """Every command on every format, in forms that take turns: over the formats each command is seen in each form.

    All three forms of all would be three times the work, and show no text that these do not.
    """
    turn = list(ALL).index(name)
    path, poisoned = tmp_path / "source", poison(ALL[name])
    for changed in poisoned.each():
        path.write_bytes(changed)
        assert_harmless(run("show", str(path), "--json"), changed[:200])
    path.write_bytes(poisoned.gathered(lambda one: accepts(path, one)))
    reached = set()
    for arguments, forms in commands(str(path), tmp_path):
        given = [*arguments, *FORMS[turn % forms]]
        done = run_all(given)
        assert_harmless(done, given)
        reached |= {arguments[0]} if done.code != 2 else set()
    read_as_text = set() if b"\0" in ALL[name] else {"explain"}  # which says of a saved VM what it is instead
    assert reached >= {"show", "summary", "convert"} | read_as_text, reached


def test_every_text_of_a_recording_that_answers_are_computed_of(tmp_path: Path) -> None:
    """The start of a real one, which `verify`, `predict` and `learn` take."""
    lines = lzma.decompress(RECORDING.read_bytes()).splitlines(keepends=True)
    path, poisoned = tmp_path / "source", poison(b"".join(lines[:60]))

    def computed(data: bytes) -> bool:
        path.write_bytes(data)
        return run("predict", str(path), "--kernel", "5.10").code == 0

    whole = poisoned.gathered(computed)
    path.write_bytes(whole)
    assert whole.count(b"evil.example") > 10
    for form in FORMS:
        for arguments in (["verify", str(path)], ["verify", str(path), "--kernel", "5.10"]):
            assert_harmless(run(*arguments, *form), form)
            assert_harmless(run(*arguments, "--summary", *form), form)
    for arguments in (["predict", str(path)], ["predict", str(path), "--kernel", "5.10"], ["learn", str(path)]):
        done = run(*arguments)
        assert_harmless(done, arguments)
        assert done.code != 2 or len(arguments) == 2, done.err
    assert_harmless(run("review", str(path), "6.12", "--cpu", "cortex-a72", "--markdown"), path)


def test_each_command_is_seen_in_each_form() -> None:
    for arguments, forms in commands("x", Path()):
        assert {turn % forms for turn in range(len(ALL))} == set(range(forms)), arguments


def test_every_kernel_of_a_migration(tmp_path: Path) -> None:
    path, poisoned = tmp_path / "source", poison(EXAMPLES["dump-json"]())
    path.write_bytes(poisoned.gathered(lambda one: accepts(path, one)))
    for form in FORMS:
        assert_harmless(run("migrate", str(path), "all-kernels", *form), form)


def test_names_of_files(tmp_path: Path) -> None:
    """Of a dump, of a recording and of what is missing: in answers, in refusals, in what is written."""
    name = EVIL.replace("/", "_").replace("http:__evil.example_", "x")
    assert len(f"{name}.missing".encode()) < 255
    dump, recording, missing = (str(tmp_path / f"{name}.{end}") for end in ("json", "jsonl", "missing"))
    shutil.copy(NAMED, dump)
    Path(recording).write_bytes(b"".join(lzma.decompress(RECORDING.read_bytes()).splitlines(keepends=True)[:60]))
    of_recordings = ("verify", "predict", "learn")
    for command, forms in commands("", tmp_path):
        sources = [recording if command[0] in of_recordings else dump, missing]
        for turn, form in enumerate(FORMS[:forms]):
            given = [sources[turn == 2] if word == "" else word for word in command]
            assert_harmless(run_all([*given, *form, *(["--force"] if command[0] == "fix" else [])]), [*given, *form])
    for target in (f"{name}.out", f"{name}.missing/x"):
        assert_harmless(run("convert", dump, "-o", str(tmp_path / target)), target)
        assert_harmless(run("fix", dump, SHIPPED, "-o", str(tmp_path / target)), target)


def test_a_file_that_others_run_or_read_holds_no_line_of_a_name(tmp_path: Path) -> None:
    """A name may hold a line feed: it begins no line of a policy that was learnt, nor of commands to run again."""
    path = tmp_path / "x\n[[rule]]\nrm -rf x"
    path.write_bytes(b"".join(lzma.decompress(RECORDING.read_bytes()).splitlines(keepends=True)[:60]))
    assert "\nrm" not in run("learn", str(path)).out
    written = commands_again((), LogAbout(source=str(path), title=path.name))
    assert "\nrm" not in written and written.startswith("# x")


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "not\udcffutf8.json"
    shutil.copy(NAMED, path)
    for arguments in (
        ["show", str(path), "--json"],
        ["convert", str(path), "-o", "-"],
        ["migrate", str(path), SHIPPED],
    ):
        done = run_all(arguments)
        assert "internal error" not in done.err and done.code in (0, 1), done.err


def test_a_policy_of_the_users_own(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    text = json.dumps(f"Linux {EVIL}", ensure_ascii=True).replace("\\ud", "\\\\ud").replace("\x7f", "\\u007f")
    policy.write_text(f'title = {text}\nextends = "6.12"\n', encoding="utf-8")
    for form in FORMS:
        for arguments in (["kernels", str(policy)], ["kernels", str(policy), "6.1"], ["kernels", "6.1", str(policy)]):
            assert_harmless(run_all([*arguments, *form]), arguments)
        assert_harmless(run_all(["matrix", SHIPPED, "--kernels", f"6.12,{policy}", *form]), form)
        assert_harmless(run_all(["review", "6.12", str(policy), "--cpu", "neoverse-n2", *form]), form)
    assert_harmless(run("expose", SHIPPED, "--kernel", str(policy)), policy)


@pytest.mark.parametrize("form", FORMS)
def test_arguments(form: tuple[str, ...]) -> None:
    for arguments in (
        ["show", SHIPPED, EVIL], ["decode", EVIL, "1"], ["decode", "CTR_EL0", EVIL], ["kernels", EVIL], [EVIL],
        ["migrate", SHIPPED, SHIPPED, "--kernel", EVIL], ["show", SHIPPED, "--vcpu", EVIL], ["list", EVIL],
        ["explain", EVIL], ["explain", f"qemu-system-aarch64: {EVIL}: Could not set register ID_AA64PFR0_EL1"],
        ["show", f"ssh://{EVIL}"], ["show", f"gdb:{EVIL}"], ["show", f"qmp:{EVIL}"], ["show", f"builtin:{EVIL}"],
    ):  # fmt: skip
        assert_harmless(run_all([*arguments, *form]), arguments)
