"""The mouse as a terminal reports it: a press and a release at a cell."""

from __future__ import annotations

from pathlib import Path

from tests.terminal.terminal import Terminal

SAVED = Path(__file__).resolve().parent.parent / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"


def click(terminal: Terminal, words: str) -> None:
    """Press and release the button on the first place that has these words."""
    lines = terminal.text().splitlines()
    y = next(at for at, one in enumerate(lines) if words in one)
    cell = f"{lines[y].index(words) + 2};{y + 1}"
    terminal.send(f"\x1b[<0;{cell}M\x1b[<0;{cell}m")


def test_a_form_of_a_patch_and_the_keys_of_a_dialog_are_clicked(tmp_path: Path) -> None:
    with Terminal(str(SAVED), size=(120, 40), folder=tmp_path, environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("5")
        terminal.wait_for("▌ 6/7 as posted")
        click(terminal, "6/7, old value ignored")
        terminal.wait_for("▌ 6/7, old value ignored")
        terminal.press("o")
        terminal.wait_for("esc closes")
        click(terminal, "esc closes")
        terminal.wait_without("esc closes")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()
