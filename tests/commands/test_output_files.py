"""Files that commands write: whole or not there, nobody else's replaced, and as private as what they were made of."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.running import Done, assert_one_line_error, run
from tests.fresh import ROOT
from tests.sources.examples import EXAMPLES
from tests.sources.generators import crosvm, registers

SHIPPED = "builtin:neoverse-n2-linux-6.12"
RECORDING = ROOT / "tests" / "material" / "recordings" / "linux-5.10-cortex-a72.jsonl.xz"
BRIEF = ROOT / "tests" / "material" / "answers" / "linux-5.10-cortex-a72.jsonl.xz"
"""A part of it: what is learned is another test's matter."""
WRITERS = ("convert", "predict", "baseline")


def arguments(command: str, folder: Path, target: str) -> list[str]:
    """A command that writes `target`."""
    if command == "predict":
        return ["predict", str(RECORDING), "-o", target]
    if command == "baseline":
        return ["compare", "--baseline", SHIPPED, SHIPPED, "--dump", target]
    if command == "firecracker":
        return ["compare", "--baseline", SHIPPED, SHIPPED, "--firecracker", target]
    if command == "partial":
        return ["compare", SHIPPED, SHIPPED, "--partial", target]
    return ["convert", SHIPPED, "-o", target]


@pytest.mark.parametrize("command", WRITERS)
def test_nothing_is_replaced_unless_asked(command: str, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.write_text("somebody's")
    done = run(*arguments(command, tmp_path, str(target)))
    assert_one_line_error(done)
    assert "exists already" in done.err and "--force" in done.err
    assert target.read_text() == "somebody's"
    assert run(*arguments(command, tmp_path, str(target)), "--force").code in (0, 1)
    assert target.read_text() != "somebody's" and [one.name for one in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("dangling", [False, True])
def test_no_symbolic_link_is_followed(command: str, force: list[str], dangling: bool, tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    if not dangling:
        victim.write_text("somebody's")
    link.symlink_to(victim)
    done = run(*arguments(command, tmp_path, str(link)), *force)
    assert_one_line_error(done)
    assert "symbolic link" in done.err and link.is_symlink()
    assert not victim.exists() if dangling else victim.read_text() == "somebody's"


@pytest.mark.parametrize("command", WRITERS)
def test_a_dash_is_standard_output(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert '"' in run(*arguments(command, tmp_path, "-")).out
    assert not Path("-").exists()


def test_fix_writes_to_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "snapshots" / "max-linux-6.12.json", "vm.json")
    to_file = run("fix", "vm.json", SHIPPED, "-o", "fixed.json")
    to_output = run("fix", "vm.json", SHIPPED, "-o", "-")
    assert to_output.out == Path("fixed.json").read_text(encoding="utf-8") and not Path("-").exists()
    assert to_output.code == to_file.code and "written to standard output" in to_output.err


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o644])
@pytest.mark.parametrize("force", [False, True])
def test_convert_keeps_the_mode_of_its_source(mode: int, force: bool, tmp_path: Path) -> None:
    source, target = tmp_path / "vm", tmp_path / "out.json"
    source.write_bytes(EXAMPLES["qemu-stream"]())
    source.chmod(mode)
    if force:
        target.write_text("old")
    assert run("convert", str(source), "-o", str(target), *(["--force"] if force else [])).code == 0
    assert stat.S_IMODE(target.stat().st_mode) == mode


MADE_OF_MANY = (
    ["compare", "a", "b", "--partial", "out"],
    ["compare", "--files-from", "list", "--table", "out.csv", "--all", "--secrets"],
    ["compare", "--baseline", "a", "b", "--dump", "out", "--firecracker", "out2"],
    ["learn", "a", "b", "-o", "out"],
)


@pytest.mark.parametrize("arguments", MADE_OF_MANY, ids=lambda given: " ".join(given[:1] + given[-2:]))
@pytest.mark.parametrize(
    ("one", "other", "wanted"), [(0o600, 0o644, 0o600), (0o644, 0o640, 0o640), (0o755, 0o644, 0o644)]
)
def test_a_file_made_of_many_is_as_private_as_each(
    arguments: list[str], one: int, other: int, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, mode in (("a", one), ("b", other)):
        shutil.copy(ROOT / "snapshots" / "max-linux-6.12.json" if arguments[0] == "compare" else BRIEF, name)
        Path(name).chmod(mode)
    Path("list").write_text("a\nb\n")
    assert run(*arguments).code in (0, 1)
    made = [path for path in tmp_path.iterdir() if path.name.startswith("out")]
    assert made and {stat.S_IMODE(path.stat().st_mode) for path in made} == {wanted}


def test_what_is_made_of_a_private_folder_is_private(tmp_path: Path) -> None:
    crosvm.folder(tmp_path / "vm", {0: registers.vcpu(1)}, binary=True)
    (tmp_path / "vm").chmod(0o700)
    assert run("convert", str(tmp_path / "vm"), "-o", str(tmp_path / "out")).code == 0
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600


def test_a_list_of_files_on_standard_input_is_read_once(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in "ab"]
    for name in names:
        shutil.copy(ROOT / "snapshots" / "max-linux-6.12.json", name)
    words = [sys.executable, "-m", "inspector", "compare", "--files-from", "-", "--table", str(tmp_path / "out.csv")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, input="\n".join(names), check=False)
    assert done.returncode == 0 and "Equal" in done.stdout and "2 rows" in done.stderr, done.stderr


@pytest.mark.parametrize("command", WRITERS)
def test_a_full_disk_leaves_nothing(command: str, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    given = arguments(command, tmp_path, str(tmp_path / "out"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        done = run(*given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_one_line_error(done)
    assert "File too large" in done.err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [*WRITERS, "firecracker", "partial", "table", "fix"])
def test_a_full_disk_is_told_in_one_line(command: str, tmp_path: Path) -> None:
    """`fix` copies into a file that it names at the end, a table comes of another library: both refuse devices."""
    if command == "table":
        given = ["compare", SHIPPED, SHIPPED, "--table", str(tmp_path / "out.csv")]
    elif command == "fix":
        given = ["fix", "builtin:neoverse-n2-linux-6.1", SHIPPED, "-o", str(tmp_path / "out")]
    else:
        given = arguments(command, tmp_path, "/dev/full")
    if command not in ("table", "fix"):
        done = run(*given)
        assert_one_line_error(done)
        assert "No space left" in done.err
        return
    done = limited("", *given)
    assert_one_line_error(done)
    assert "File too large" in done.err and not list(tmp_path.iterdir())


def limited(redirect: str, *given: str, unbuffered: str = "") -> Done:
    """The program as a process that may write files of 4096 bytes."""
    script = f'ulimit -f 8; exec "$@" {redirect}'
    words = ["sh", "-c", script, "sh", sys.executable, "-m", "inspector", *given]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["", "PYTHONUNBUFFERED"])
@pytest.mark.parametrize(
    "given",
    [
        ("convert", SHIPPED, "-o", "-"),
        ("predict", str(RECORDING), "-o", "-"),
        ("show", SHIPPED, "--json"),
    ],
    ids=lambda given: given[0],
)
def test_standard_output_that_takes_a_part_only(given: tuple[str, ...], unbuffered: str, tmp_path: Path) -> None:
    """Without a buffer Python would write once and not look how much was taken."""
    done = limited(f'> "{tmp_path / "out"}"', *given, unbuffered=unbuffered)
    assert done.code == 2 and (tmp_path / "out").stat().st_size == 4096
    assert done.err.splitlines()[-1] == "vcpu-inspector: standard output: File too large"


HALFWAY = """
import os, signal, sys
from pathlib import Path
from inspector import new_file
from inspector.cli import main
if sys.argv[2] == "named":
    os.O_TMPFILE = 0
write = Path.write_bytes
def half(path, data):
    write(path, data[: len(data) // 2])
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    write(path, data)
Path.write_bytes = half
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("unnamed", ["unnamed", "named"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("command", ["convert", "predict", "partial"])
def test_a_signal_halfway_leaves_nothing(command: str, number: signal.Signals, unnamed: str, tmp_path: Path) -> None:
    given = arguments(command, tmp_path, str(tmp_path / "out"))
    program = [sys.executable, "-c", HALFWAY, number.name, unnamed, *given]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_fix_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """Of the real program, at several moments of copying a large file."""
    source = tmp_path / "vm"
    source.write_bytes(EXAMPLES["qemu-stream"]() + os.urandom(1 << 24))
    assert run("fix", str(source), SHIPPED, "-o", str(tmp_path / "whole")).code in (0, 1)
    whole = (tmp_path / "whole").read_bytes()
    for moment in (0.1, 0.2, 0.3, 0.6):
        command = [sys.executable, "-m", "inspector", "fix", str(source), SHIPPED, "-o", str(tmp_path / "out")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(moment)
            process.send_signal(number)
            process.communicate()
        left = {one.name for one in tmp_path.iterdir()} - {"vm", "whole"}
        assert process.returncode in (0, 1, -number, 128 + number), moment
        # A whole copy is there to stay; a signal after that ends the program as it would any other.
        assert left == {"out"} or (not left and process.returncode not in (0, 1)), moment
        assert not left or (tmp_path / "out").read_bytes() == whole, moment
        (tmp_path / "out").unlink(missing_ok=True)


def test_a_device_can_be_written_to() -> None:
    assert run("convert", SHIPPED, "-o", "/dev/null").code == 0
