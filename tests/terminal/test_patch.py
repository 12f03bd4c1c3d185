"""The patch page in a real terminal, from the file on the command line: steps, big type, exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

SAVED = Path(__file__).resolve().parent.parent / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"
SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_three_keys_show_what_the_patch_breaks(size: tuple[int, int], tmp_path: Path) -> None:
    with Terminal(str(SAVED), size=size, folder=tmp_path, environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("5", " ", " ")
        seen = terminal.wait_for("▌ ID_AA64MMFR2_EL1")
        assert "✖ EINVAL" in seen and "= accepted" in seen
        terminal.press("+")
        terminal.wait_for("step 2 of 2   ID_AA64MMFR2_EL1.CCIDX")
        terminal.press(" ")
        terminal.wait_for("writes REFUSED")
        terminal.press("t")
        terminal.wait_for("writes IGNORED")
        terminal.press("-")
        terminal.wait_for("▌ ID_AA64MMFR2_EL1")
        terminal.wait_for("▼ ignored")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_the_page_is_written_as_markdown_and_as_a_picture(tmp_path: Path) -> None:
    with Terminal(str(SAVED), size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("5")
        terminal.wait_for("6/7 and 7/7               ✖")
        for name in ("talk.md", "talk.svg"):
            terminal.press("e")
            terminal.wait_for("┌─ Write a new file")
            terminal.press("ctrl+u")
            terminal.send(f"{name}\r")
            terminal.wait_for(f"Wrote {name}")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    told = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert "### KVM: arm64: Normalize cache configuration, v5, 30 Dec 2022" in told
    assert "| ID_AA64MMFR2_EL1.CCIDX | 0x1 | 0x1 → 0x0 | 0x1 → 0x0 | 0x1 | = accepted | ✖ EINVAL |" in told
    picture = (tmp_path / "talk.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and "Normalize" in picture and str(tmp_path) not in told


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_demo_plays_with_space_and_is_left_with_escape(size: tuple[int, int], tmp_path: Path) -> None:
    with Terminal("demo", size=size, folder=tmp_path) as terminal:
        terminal.wait_for("1/7 A field is to be hidden")
        for step in ("2/7 The first write", "3/7 The second", "4/7 The patch as posted", "5/7 A handler that accepts"):
            terminal.press(" ")
            terminal.wait_for(step)
        terminal.press("backspace")
        terminal.wait_for("4/7")
        terminal.press(" ", " ", " ")
        terminal.wait_for("7/7 What was merged")
        terminal.press("escape")
        terminal.wait_for(
            lambda text: "What was merged" not in text and "after  Linux" in text, "the page without the story"
        )
        terminal.press("4")
        terminal.wait_for("ID_MMFR4")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


@pytest.mark.parametrize("size", [(80, 24), (60, 16)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_story_is_told_whole_on_small_terminals(size: tuple[int, int], tmp_path: Path) -> None:
    with Terminal("demo", size=size, folder=tmp_path) as terminal:
        for step in range(7):
            text = terminal.wait_for(f"{step + 1}/7 ")
            told = text.split("━━" if size[1] > 20 else " t ")[0].splitlines()[2:]
            assert told and "…" not in "".join(told), text
            terminal.press(" ")
