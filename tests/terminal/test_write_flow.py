"""What a user does with writes, in a real terminal: try one, see it in every mode, take it back, step a restore."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal.terminal import ROOT, Terminal

N2 = "builtin:neoverse-n2-linux-6.1"
SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))


def write(terminal: Terminal, line: str, answer: str) -> None:
    """Open the dialog, try a line, and leave."""
    terminal.press("w")
    terminal.wait_for("Write registers")
    terminal.send(f"{line}\r")
    terminal.wait_for(answer)
    terminal.press("escape")
    terminal.wait_without("Write registers")


def ask(terminal: Terminal, kernel: str) -> None:
    """Choose a kernel."""
    terminal.press("p")
    terminal.wait_for("Kernel policy")
    terminal.send(f"{kernel}\r")
    terminal.wait_without("Kernel policy")
    terminal.wait_for(f"Linux {kernel}")


@pytest.mark.parametrize("plain", [False, True], ids=["colours", "NO_COLOR"])
def test_a_write_shows_in_every_mode_and_is_taken_back(plain: bool) -> None:
    with Terminal(N2, size=(120, 40), environment={"NO_COLOR": "1"} if plain else {}) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        ask(terminal, "6.12")
        write(terminal, "CLIDR_EL1=0x3 ID_AA64PFR0_EL1.CSV2=0", "steps 1 to 2")
        for key in ("escape", "1"):
            terminal.press(key)
        text = terminal.wait_for("* 2 writes")
        assert re.search(r"ID_AA64PFR0_EL1 +\*", text)
        assert "CSV2 0x1" in terminal.wait_for("write 2 of this session")
        for mode, wanted in (("0", r"Speculation \*"), ("2", "written"), ("6", r"CLIDR_EL1 0x.*3 \*")):
            terminal.press(mode)
            found = re.compile(wanted)
            terminal.wait_for(lambda text: bool(found.search(text)) and "* 2 writes" in text, mode)  # noqa: B023
        terminal.press("4")
        text = terminal.wait_for(lambda text: "* 2 writes on it" in text and "ID_AA64PFR0_EL1 *" in text, "Migrate")
        assert "CLIDR_EL1 *" in text
        terminal.press("u")
        terminal.wait_without("* 2 writes")
        terminal.press("1")
        terminal.wait_for(lambda text: not re.search(r"ID_AA64PFR0_EL1 +\*", text), "as it was")
        terminal.press("U")
        terminal.wait_for("* 2 writes")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_restore_is_stepped_to_its_refusal_and_on(size: tuple[int, int]) -> None:
    with Terminal(N2, size=size) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("4")
        terminal.wait_for("fails")
        terminal.press("t")
        terminal.wait_for("step 1 of ")
        terminal.press("T")
        text = terminal.wait_for("is refused, EINVAL")
        first = re.search(r"step (\d+) of (\d+)", text)
        assert first is not None and "✖" in text
        terminal.press("t")
        terminal.wait_for(f"step {int(first[1]) + 1} of")
        terminal.press("u")
        terminal.wait_for(f"step {first[1]} of")
        terminal.press("W")
        terminal.wait_for(f"{first[1]} steps, 1 refused")
        terminal.press("escape", "a")
        terminal.wait_for("the end: 2 refused")
        terminal.press("escape")
        terminal.wait_without("the end")


def test_the_log_is_exported_as_commands_that_a_shell_takes(tmp_path: Path) -> None:
    dump = tmp_path / "my dump's.json"
    made = subprocess.run(
        [sys.executable, "-m", "inspector", "convert", N2, "-o", str(dump)], cwd=ROOT, capture_output=True, check=False
    )
    assert dump.exists(), made.stderr
    with Terminal(str(dump), size=(80, 24), folder=tmp_path) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        ask(terminal, "6.12")
        write(terminal, "ID_AA64PFR0_EL1.CSV2=0 DIT=0", "step 1: accepted")
        write(terminal, "ID_AA64MMFR2_EL1.CCIDX=1", "step 2: refused EINVAL")
        terminal.press("W")
        terminal.wait_for("2 writes: 1 accepted, 1 refused")
        terminal.press("r")
        terminal.wait_for("first run")
        terminal.press("c")
        terminal.wait_for("Write a new file")
        terminal.press("enter")
        terminal.wait_for("Wrote ")
        terminal.press("escape", "q")
        assert terminal.wait_for_end() == 0
    (script,) = tmp_path.glob("*.sh")
    text = script.read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = [line for line in text.splitlines() if not line.startswith("#")]
    assert shlex.split(command)[:4] == ["vcpu-inspector", "write", str(dump), "--kernel"]
    runner = f'vcpu-inspector() {{ {shlex.quote(sys.executable)} -m inspector "$@"; }}\n'
    again = subprocess.run(
        ["bash", "-c", runner + script.read_text(encoding="utf-8")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1 and "= accepted" in again.stdout, again.stderr
    assert "EINVAL" in again.stdout and "KVM_RUN  = the vCPU runs" in again.stdout


def test_an_equals_sign_behind_a_completed_one_adds_nothing_and_an_error_is_said_once() -> None:
    with Terminal(N2, size=(80, 24)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("w")
        terminal.wait_for("Write registers")
        terminal.press(*"ID_AA64MMFR2_EL1.CCI", "tab", *"=0")
        terminal.wait_for(lambda text: ".CCIDX=0 " in text and "refused   EINVAL" in text, "a value behind one `=`")
        for wrong, said in (("ID_AA64MMFR2_EL1.NONE=1", "has no field"), ("CLIDR_EL1=0xzz", "zz")):
            terminal.press("ctrl+u")
            terminal.paste(wrong)
            text = terminal.wait_for(lambda text: wrong in text and said in text.partition("✖ ")[2], wrong)  # noqa: B023
            assert text[text.index("✖ ") :].count(said) == 1, text
