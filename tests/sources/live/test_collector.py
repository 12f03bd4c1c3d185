"""The collector as a module and alone, ssh and debugfs with stand-ins, and answers that are no dumps."""

from __future__ import annotations

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.registers.catalog import by_id
from inspector.sources.live import collector, open_live, questions, recorder
from inspector.sources.live.answers import dump_of, run
from inspector.sources.live.debugfs import RunningVms
from inspector.sources.live.programs import collector_program, recorder_program
from inspector.sources.live.recorder import open_output
from inspector.sources.live.scratch import write_to_scratch
from inspector.sources.live.source import LiveOptions
from tests.programs import program

ARM64 = platform.machine() in ("aarch64", "arm64")
PROGRAMS = {"collector": collector_program(), "recorder": recorder_program()}
HERE = Path(collector.__file__).parent


def old_interpreters() -> list[str]:
    """Interpreters from 3.6 to 3.10 that are there and start."""
    found = [shutil.which(f"python3.{minor}") or "" for minor in range(6, 11)]
    found += [str(path) for path in Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python")]
    found += [str(path) for path in Path.home().glob(".pyenv/versions/3.10.*/bin/python")]
    return sorted(
        {p for p in found if p and not subprocess.run([p, "-c", ""], capture_output=True, check=False).returncode}
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_syntax_of_python_3_6(name: str) -> None:
    tree = ast.parse(PROGRAMS[name], feature_version=(3, 6))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.NamedExpr | ast.Match)]
    positional = [node for node in ast.walk(tree) if isinstance(node, ast.arguments) and node.posonlyargs]
    assert not positional


@pytest.mark.parametrize("name", PROGRAMS)
def test_calls_of_python_3_6(name: str, tmp_path: Path) -> None:
    pytest.importorskip("vermin", reason="vermin is not installed: it tells the oldest Python for each call")
    path = tmp_path / f"{name}.py"
    path.write_text(PROGRAMS[name], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import vermin; vermin.main()", "-t=3.6-", "--no-tips", "--violations", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_only_the_standard_library(name: str) -> None:
    names = set()
    for node in ast.walk(ast.parse(PROGRAMS[name])):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("python", [sys.executable, *old_interpreters()])
def test_runs_alone_from_standard_input(python: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-"], input=PROGRAMS["collector"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    dump = json.loads(done.stdout)
    assert (dump["format"], dump["version"]) == ("vcpu-inspector-dump", 1)
    assert dump["provenance"]["kernel"] == platform.release()
    assert dump["notes"] or ARM64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("python", [sys.executable, *old_interpreters()])
@pytest.mark.skipif(ARM64, reason="this host might really record")
def test_the_recorder_says_why_it_cannot_record(python: str) -> None:
    done = subprocess.run([python, "-"], input=PROGRAMS["recorder"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "arm64" in done.stderr


def test_unknown_configurations_are_told() -> None:
    assert (
        tuple(config.name for config in questions.configurations(dict.fromkeys(collector.CAPABILITIES, 1)))
        == questions.CONFIG_NAMES
    )
    assert questions.chosen_configs("qemu, el2") == ["qemu", "el2"]
    with pytest.raises(ValueError, match="warp"):
        questions.chosen_configs("qemu,warp")
    done = subprocess.run(
        [sys.executable, "-", "--configs", "warp"], input=PROGRAMS["recorder"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "warp" in done.stderr


def test_unknown_features_are_told() -> None:
    done = subprocess.run(
        [sys.executable, "-", "--features", "psci,warp"], input=PROGRAMS["collector"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "warp" in done.stderr
    with pytest.raises(SourceError, match="warp"):
        open_live("live:", LiveOptions(features="psci,warp")).read()


def test_names_agree_with_the_catalog() -> None:
    for place, name in enumerate(collector.ID_NAMES):
        reg_id = collector.sysreg(3, 0, 0, 1 + place // 8, place % 8)
        if name != "-":
            assert by_id(reg_id).name == name
            assert collector.id_of_name(f"SYS_{name}") == reg_id
            assert collector.id_of_name(name) == reg_id
    assert collector.id_of_name("S3_0_C0_C4_3") == collector.id_of_name("S3_0_0_4_3") == 0x603000000013C023
    assert collector.id_of_name("CTR_EL0") == 0x603000000013D801
    assert collector.id_of_name("nonsense") is collector.id_of_name("-") is None


def test_this_host_as_a_source() -> None:
    dump = open_live("live", LiveOptions(timeout=60)).read()
    assert (dump.provenance.source, dump.provenance.format) == ("live:", "live")
    assert dump.provenance.kernel == platform.release()
    if not ARM64:
        assert "arm64" in dump.notes[0]


@pytest.mark.skipif(ARM64, reason="this host might have KVM")
def test_nothing_to_write_to_here() -> None:
    with pytest.raises(SourceError, match="arm64"):
        write_to_scratch("live:", [(0x603000000013C03A, 0)], LiveOptions(timeout=60))
    with pytest.raises(SourceError, match="no scratch vCPU"):
        write_to_scratch("debugfs:", [(0x603000000013C03A, 0)])


IDREGS = """\
    SYS_ID_AA64PFR0_EL1:\t1101000021111112
          S3_0_0_4_3:\t0000000000000000
         SYS_CTR_EL0:\t00000000b444c004
"""


def test_running_vms_of_debugfs(tmp_path: Path) -> None:
    for name, text in (("2001-11", IDREGS), ("310-9", ""), ("412-7", "garbage\nID_AA64PFR0_EL1: zz\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "idregs").write_text(text, encoding="utf-8")
    (tmp_path / "77-3").mkdir()
    (tmp_path / "halt_exits").touch()
    dump = RunningVms("debugfs:", LiveOptions(), str(tmp_path)).read()
    assert [vcpu.name for vcpu in dump.vcpus] == ["2001-11", "310-9", "412-7"]
    assert dump.vcpus[0].values == {
        0x603000000013C020: 0x1101000021111112, 0x603000000013C023: 0, 0x603000000013D801: 0xB444C004,
    }  # fmt: skip
    assert not dump.one_vm
    assert any("VM 412-7: ID_AA64PFR0_EL1 is not a number" in note for note in dump.notes)
    assert any("77-3" in note for note in dump.notes) and any("310-9" in note for note in dump.notes)
    one = RunningVms("debugfs:2001-11", LiveOptions(), str(tmp_path)).read()
    assert [vcpu.name for vcpu in one.vcpus] == ["2001-11"] and one.one_vm
    with pytest.raises(SourceError, match="2001-11, 310-9"):
        RunningVms("debugfs:1-1", LiveOptions(), str(tmp_path)).read()
    with pytest.raises(SourceError, match="no such file"):
        RunningVms("debugfs:", LiveOptions(), str(tmp_path / "none")).read()


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    program(folder, "ssh", text)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_ssh_feeds_the_collector_to_the_far_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, tmp_path, f'for last; do :; done\nset -- $last\nshift\nexec {sys.executable} "$@"')
    dump = open_live("ssh://far", LiveOptions(timeout=60)).read()
    assert dump.provenance.source == "ssh://far"
    assert dump.provenance.kernel == platform.release()


FAILURES = {
    "echo 'Permission denied (publickey).' >&2; exit 255": "ssh: Permission denied",
    "echo 'ssh: Could not resolve hostname far' >&2; exit 255": r"^ssh://far: ssh: Could not resolve hostname far$",
    "exit 255": "without a word",
    "echo 'sh: python3: not found' >&2; exit 127": "has no python3",
    "echo boom >&2; exit 1": "failed there: boom",
    "echo Welcome": "something else than a dump: 'Welcome'",
    "true": "no answer",
    'echo \'{"format": "other"}\'': "not a dump of this program",
    'echo \'{"format": "vcpu-inspector-dump", "version": 9, "vcpus": []}\'': "version 9",
    'echo \'{"format": "vcpu-inspector-dump", "version": 1}\'': "vcpus",
    "printf '\\033[2J'": "something else",
    "sleep 3600": "no answer within 2 s",
    "sleep 3600 & exec sleep 3600": "no answer within 2 s",
    "yes x": "more than 16 MiB",
}


@pytest.mark.parametrize("script", FAILURES)
def test_far_sides_that_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    on_path(monkeypatch, tmp_path, script)
    with pytest.raises(SourceError, match=FAILURES[script]) as error:
        open_live("ssh://far", LiveOptions(timeout=2 if "within 2 s" in FAILURES[script] else 120)).read()
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


def test_no_ssh_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="ssh cannot be run"):
        open_live("ssh://far").read()


def test_a_process_that_is_given_up_is_gone(tmp_path: Path) -> None:
    mark, seconds = tmp_path / "pid", 0.5
    while not (mark.exists() and mark.read_text()):  # on a busy machine the shell may not have begun by then
        seconds *= 2
        with pytest.raises(SourceError, match="no answer"):
            run(["sh", "-c", f"echo $$ > '{mark}'; sleep 3600"], "", seconds, "x")
    assert not Path(f"/proc/{mark.read_text().strip()}").exists()


def test_an_answer_of_the_collector_is_a_dump() -> None:
    text = json.dumps(
        {
            "format": "vcpu-inspector-dump", "version": 1, "provenance": {"source": "live:", "kernel": "6.1"},
            "one_vm": True, "notes": [],
            "cpus": [{"index": 0, "registers": {"0x603000000013c000": "0x1"}, "caches": []}],
            "vcpus": [{"index": 0, "name": "qemu", "kind": "vcpu", "features": 4, "gic": "none", "mte": False,
                       "writable_imp_id": False, "registers": {"0x603000000013c03a": "0x5"}, "errors": {}, "guest": {},
                       "writable_masks": None, "writes": []}],
        }
    )  # fmt: skip
    dump = dump_of(text.encode(), "ssh://x")
    assert dump.vcpus[0].values == {0x603000000013C03A: 5}
    assert dump.vcpus[0].writable_masks is None
    assert dump.cpus[0].values == {0x603000000013C000: 1}


def test_machine_code() -> None:
    """mrs x1, ID_AA64PFR0_EL1; str x1, [x0], #8; ret - as GNU as assembles them."""
    assert collector.machine_code([0x603000000013C020]).hex() == "010438d5018400f8c0035fd6"
    words = "0100a2d2 000438d5 200000f9 600080d2 00001ad5 df3f03d5 000039d5 200000f9 00000014"
    assert questions.guest_program([0x603000000013C020, 0x6020000000110003]).hex(" ", 4) == words


def test_features_of_qemu_follow_the_host() -> None:
    caps = dict.fromkeys(collector.CAPABILITIES, 0)
    assert collector.qemu_features(caps) == 4
    assert collector.qemu_features({**caps, "pmu_v3": 1, "sve": 1, "ptrauth_address": 1, "ptrauth_generic": 1}) == 124
    assert collector.qemu_features({**caps, "ptrauth_address": 1}) == 4
    assert collector.parse_features("psci,mte,el2-e2h0,imp-id", caps) == (388, True, True)


def test_a_choice_of_ours_falls_back_and_a_choice_of_the_user_does_not() -> None:
    caps = {**dict.fromkeys(collector.CAPABILITIES, 0), "pmu_v3": 1, "sve": 1}
    tries = collector.plans(collector.Options(), caps)
    assert tries[0] == (28, True, False, False) and tries[-1] == (4, False, False, False)
    assert len(set(tries)) == len(tries)
    assert collector.plans(collector.Options(features="psci,sve", gic="none"), caps) == [(20, False, False, False)]


def test_a_greeting_before_the_answer_is_passed_over() -> None:
    """A shell's start-up file on the other host may print, also where nobody is logged in."""
    text = json.dumps(collector.collect()).encode()
    assert dump_of(b"Welcome!\n  {motd}\n" + text, "ssh://h").provenance.machine == os.uname().machine


def test_what_a_process_leaves_behind_does_not_hold_the_answer_up(tmp_path: Path) -> None:
    """ssh's ControlPersist may keep a process in the background that still holds standard error."""
    path = program(tmp_path, "ssh", "sleep 3600 & echo answer; exit 3")
    done = run([str(path)], "", 120, "ssh://h")
    assert (done.code, done.out) == (3, b"answer\n")


@pytest.mark.parametrize("closed", [">&-", ">/dev/full", "| true"])
def test_an_output_that_cannot_be_written_is_at_most_one_line(closed: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"exec {sys.executable} - {closed}" if "|" not in closed else f"{sys.executable} - {closed}"],
        input=PROGRAMS["collector"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_an_unreadable_cache_file_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cpu0/cache/index0"
    folder.mkdir(parents=True)
    (folder / "level").write_text("1\n", encoding="utf-8")
    (folder / "size").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr(collector, "CACHES", f"{tmp_path}/cpu%d/cache")
    monkeypatch.setattr(collector, "IDENTIFICATION", f"{tmp_path}/cpu%d/regs")
    assert collector.one_cpu(0) == {"index": 0, "registers": {}, "caches": [{"level": "1"}]}


def test_a_running_vm_that_may_not_be_read_says_why(tmp_path: Path) -> None:
    for name in ("12-3", "15-1"):
        (tmp_path / name).mkdir()
    (tmp_path / "12-3/idregs").write_text("SYS_ID_AA64PFR0_EL1: 1\n", encoding="utf-8")
    (tmp_path / "15-1/idregs").mkdir()
    with pytest.raises(SourceError, match="no ID registers: is a directory"):
        RunningVms("debugfs:15-1", LiveOptions(), str(tmp_path)).read()
    assert RunningVms("debugfs:12-3", LiveOptions(), str(tmp_path)).read().notes == ()


def test_only_words_that_matter_to_kvm_are_told_of_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "root=/dev/vda token=s3cret arm64.nobti kvm-arm.mode=protected mitigations=off rd.luks.key=abc\n"
    monkeypatch.setattr(collector, "read_text", lambda path: line)
    assert collector.command_line(False) == "arm64.nobti kvm-arm.mode=protected mitigations=off"
    assert collector.command_line(True) == line


@pytest.mark.parametrize("identify", [False, True])
def test_the_host_is_named_only_when_asked(identify: bool, tmp_path: Path) -> None:
    more = ["--identify"] * identify
    done = subprocess.run(
        [sys.executable, "-I", "-", *more], input=PROGRAMS["collector"], capture_output=True, text=True, check=True
    )
    about = json.loads(done.stdout)["provenance"]
    assert about["host"] == (platform.node() if identify else "")


def test_one_cpu_of_each_kind_is_visited_and_at_most_sixteen() -> None:
    def cpu(index: int, midr: str) -> dict[str, object]:
        return {"index": index, "registers": {"0x603000000013c000": midr} if midr else {}}

    little, big = [cpu(n, "0x1") for n in range(4)], [cpu(n, "0x2") for n in range(4, 8)]
    assert collector.visited([*little, *big], list(range(8)), "") == [0, 4]
    assert collector.visited([*little, *big], [2, 3, 6], "") == [2, 6]
    assert collector.visited([*little, *big], list(range(8)), "1-2,7,99") == [1, 2, 7]
    assert collector.visited([cpu(n, "") for n in range(200)], list(range(200)), "") == list(range(16))


@pytest.mark.parametrize("text", ["x", "3-1", "-1", "0-999999", "1,,2"])
def test_odd_lists_of_cpus(text: str) -> None:
    with pytest.raises(ValueError):
        collector.cpu_list(text)
    with pytest.raises(SourceError, match="list of CPUs"):
        open_live("live:", LiveOptions(cpus=text if text != "3-1" else "3-"))


def test_the_recorder_that_runs_alone_replaces_no_file(tmp_path: Path) -> None:
    taken, link = tmp_path / "taken", tmp_path / "link"
    taken.write_text("somebody's")
    link.symlink_to(taken)
    for force in (False, True):
        with pytest.raises(OSError):
            open_output(str(link), force)
    with pytest.raises(FileExistsError):
        open_output(str(taken), False)
    assert taken.read_text() == "somebody's"


def test_a_recording_tells_no_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some boards print theirs among the CPUs."""
    cpuinfo = "CPU part\t: 0xd08\n\nHardware\t: BCM2835\nSerial\t\t: 10000000abcdef01\nModel\t\t: Raspberry Pi 4\n"
    monkeypatch.setattr(recorder, "quiet_text", lambda path: cpuinfo)
    monkeypatch.setattr(recorder, "mrs_per_cpu", lambda cpus: ({}, "no EL0 view"))
    monkeypatch.setattr(recorder, "capabilities", lambda kvm: {})
    for identify in (False, True):
        lines: list[str] = []
        recorder.Recorder(-1, lines.append, identify=identify).head("cpu", "machine")
        told = "\n".join(lines)
        assert ("abcdef01" in told) == identify and "Raspberry" in told and "0xd08" in told
