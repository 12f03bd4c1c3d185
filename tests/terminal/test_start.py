"""The start page's line in a real terminal: bursts, pastes and what they lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))
MATERIAL = Path(__file__).resolve().parent.parent / "material"
REFUSED = (MATERIAL / "qemu-output" / "qemu-10.0-refused.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_burst_and_a_paste_arrive_whole_and_lead_to_the_right_screen(size: tuple[int, int], tmp_path: Path) -> None:
    with Terminal(size=size, folder=tmp_path) as terminal:
        terminal.wait_for("type or paste")
        terminal.send("gGjk 0/o.mig")
        terminal.wait_for("gGjk 0/o.mig")
        terminal.press("escape")
        terminal.wait_without("gGjk")
        terminal.paste(REFUSED)
        terminal.wait_for("lines pasted")
        terminal.press("enter")
        terminal.wait_for("┌─ Explain an error")
        terminal.wait_for("refused")
        terminal.press("escape")
        terminal.wait_without("┌─ Explain")
        terminal.press("escape")
        terminal.send("ID_AA64MMFR2_EL1=0x100000\r")
        terminal.wait_for("E0PD")
        terminal.press("0")
        terminal.wait_for("Kernel not known")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_a_path_typed_at_once_with_enter_opens(tmp_path: Path) -> None:
    with Terminal(folder=tmp_path) as terminal:
        terminal.wait_for("type or paste")
        terminal.send(f"{MATERIAL / 'qemu' / 'kvm-6.1_neoverse-n2_q100.mig.xz'}\r")
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("0")
        terminal.wait_for("Neoverse N2")
        terminal.press("/")
        terminal.send("sve2")
        terminal.wait_for("FEAT_SVE2")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_tab_says_what_a_path_could_become(tmp_path: Path) -> None:
    """On the start page and in a dialog: what was said of it was taken back as soon as the line had changed."""
    for name in ("vm-one.mig", "vm-two.mig"):
        (tmp_path / name).touch()
    with Terminal(folder=tmp_path) as terminal:
        terminal.wait_for("type or paste")
        terminal.send("v\t")
        terminal.wait_for(lambda text: "vm-one.mig  vm-two.mig" in text and "vm-\n" in text)
        terminal.press("f2")
        terminal.wait_for("┌─ Open a dump")
        terminal.send("v\t")
        terminal.wait_for(lambda text: "│ vm-one.mig  vm-two.mig" in text and "│  vm- " in text)


def test_a_line_without_its_cause_is_explained_with_dumps_that_are_chosen_there(tmp_path: Path) -> None:
    """Case 3: the text alone does not tell, and on the start page no dump is loaded."""
    with Terminal(size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("type or paste")
        terminal.send("Failed to load cpu:cpreg_vmstate_array_len\r")
        terminal.wait_for("the lines before this one")
        assert "analyze-migration.py output) (F2)" in terminal.text()
        for key, title, source in (
            ("f2", "┌─ The saved VM", str(MATERIAL / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz")),
            ("f3", "┌─ The destination", "builtin:neoverse-n2-linux-6.12"),
        ):
            terminal.press(key)
            terminal.wait_for(title)
            terminal.send(f"{source}\r")
            terminal.wait_without(title)
        terminal.wait_for("would refuse (simulated)")
        assert "ID_MMFR4_EL1" in terminal.text()
