"""Pastes as a terminal sends them that does not filter, and ctrl+z, in real terminals and a real shell."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import signal
import sys
import termios
from pathlib import Path

import pytest

from tests.terminal.terminal import ROOT, Terminal

N2 = "builtin:neoverse-n2-linux-6.1"
LOG = (
    "\x1b[31mkvm_failed_reg_set Warning: Unable to set ONEREG 6931039826524487702 to KVM: Invalid argument\x1b[0m\r"
    "\x1b]0;title\x07\x1b[2Jqemu-system-aarch64: Failed to put registers after init: Invalid argument\r"
)


def test_nothing_of_a_paste_is_a_key_on_any_screen() -> None:
    """Escapes within it were taken for the beginning of keys: `q` left the program, `w` opened the Write dialog."""
    with Terminal(N2, size=(120, 40)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        for mode, title in (("1", "find register"), ("4", "its restore rule"), ("5", "who sees what")):
            terminal.press(mode)
            terminal.wait_for(title)
            terminal.paste(f"\x1bq\x1b[q\x1b]q\x1bw{LOG}\x1b")
            terminal.wait_for(title)
        terminal.press("?")
        terminal.wait_for("┌─")
        terminal.press("escape", "q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_a_pasted_log_with_escapes_is_explained_whole(tmp_path: Path) -> None:
    with Terminal(size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("type or paste")
        terminal.paste(LOG)
        terminal.wait_for("2 lines pasted")
        terminal.press("enter")
        terminal.wait_for("refused 1 register: ID_MMFR4_EL1")
        assert "\u241b" not in terminal.text() and "^[" not in terminal.text()


def test_a_large_paste_arrives(tmp_path: Path) -> None:
    with Terminal(size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("type or paste")
        terminal.paste("".join(f"line {number} of a log\r" for number in range(4000)) + LOG)
        terminal.wait_for("4002 lines pasted")
        terminal.press("enter")
        terminal.wait_for("refused 1 register: ID_MMFR4_EL1")


@pytest.mark.skipif(shutil.which("setsid") is None or shutil.which("bash") is None, reason="no setsid, or no bash")
def test_ctrl_z_goes_to_the_shell_and_fg_comes_back() -> None:
    shell = ("setsid", "--ctty", "--wait", "bash", "--norc", "--noprofile", "-i")
    with Terminal(command=shell, size=(100, 30), environment={"PS1": "ready$ "}, folder=ROOT) as terminal:
        terminal.wait_for("ready$")
        terminal.send(f"{shlex.quote(sys.executable)} -m inspector {N2}\r")
        terminal.wait_for("ID_AA64PFR0_EL1")
        for register in ("ID_AA64PFR1_EL1  AArch64", "ID_AA64PFR2_EL1  AArch64"):
            terminal.press("ctrl+z")
            terminal.wait_for("Stopped")
            terminal.send("fg\r")
            terminal.wait_for("find register")
            terminal.press("j")
            terminal.wait_for(register)
        terminal.press("w")
        terminal.wait_for("Write registers")
        terminal.press("ctrl+c")
        terminal.wait_for("ctrl+q leaves the program")
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        terminal.send("fg\r")
        terminal.wait_for("Write registers")
        terminal.press("escape")
        terminal.wait_without("Write registers")
        terminal.press("q")
        terminal.wait_for("ready$")
        terminal.send("exit\r")
        terminal.wait_for_end()


def test_a_program_that_is_stopped_from_outside_goes_on_and_gives_its_terminal_back() -> None:
    """It took the terminal once more: keys went to two readers, and the terminal stayed without an echo in the end."""
    with Terminal(N2, size=(100, 30)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        for times, register in ((2, "ID_AA64PFR1_EL1  AArch64"), (3, "ID_AA64PFR2_EL1  AArch64")):
            for number in (signal.SIGSTOP, signal.SIGCONT):
                os.kill(terminal._process.pid, number)
            terminal.wait_for(lambda _, n=times: terminal.raw.count(b"\x1b[?1049h") == n, "it has come back")  # type: ignore[misc]
            terminal.press("j")
            terminal.wait_for(register)
        # Any thread may be given the signal; the loop's is the one that acts, and it sleeps.
        others = [int(one.name) for one in Path(f"/proc/{terminal._process.pid}/task").iterdir()]
        others.remove(terminal._process.pid)
        assert ctypes.CDLL(None).tgkill(terminal._process.pid, others[-1], signal.SIGCONT) == 0
        terminal.wait_for(lambda _: terminal.raw.count(b"\x1b[?1049h") == 4, "it has come back")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


@pytest.mark.parametrize("shell", [False, True], ids=["alone", "shell"])
def test_what_is_typed_while_the_program_stands_is_not_lost(shell: bool) -> None:
    """It was thrown away when the program was brought back, and an escape that was read before as well."""
    with Terminal(N2, size=(100, 30)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        os.kill(terminal._process.pid, signal.SIGSTOP)
        taken = termios.tcgetattr(terminal._child)
        if shell:
            # Line by line and with an echo, as a shell has it.
            termios.tcsetattr(terminal._child, termios.TCSANOW, terminal._before)
            termios.tcsetattr(terminal._child, termios.TCSANOW, taken)
        terminal.press("w")
        terminal.paste("0x5")
        terminal.send("\x1bj")
        os.kill(terminal._process.pid, signal.SIGCONT)
        terminal.wait_for(lambda text: "ID_AA64PFR1_EL1  AArch64" in text and "Write registers" not in text)
        os.kill(terminal._process.pid, signal.SIGSTOP)
        if shell:
            termios.tcsetattr(terminal._child, termios.TCSANOW, terminal._before)
        os.kill(terminal._process.pid, signal.SIGCONT)
        terminal.wait_for(lambda _: termios.tcgetattr(terminal._child) == taken, "it has the terminal again")
        terminal.press("j")
        terminal.wait_for("ID_AA64PFR2_EL1  AArch64")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_ctrl_z_without_a_shell_stays() -> None:
    """Nobody could wake the program: the terminal would be dead."""
    with Terminal(N2) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("ctrl+z")
        terminal.wait_for(lambda _: b"No shell that could bring" in terminal.raw, "the notice, which passes")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
