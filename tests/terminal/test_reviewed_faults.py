"""Faults of the review of the screens, each by its number there, in a real terminal."""

from __future__ import annotations

import re
from pathlib import Path

from inspector import sources
from tests.terminal.terminal import Terminal

DUMP = "builtin:neoverse-n2-linux-6.1"


def test_fault_30_the_empty_palette_begins_with_what_is_done_here_and_ends_with_themes(tmp_path: Path) -> None:
    with Terminal(DUMP, size=(120, 60), folder=tmp_path) as terminal:
        terminal.wait_for("Help")
        terminal.press("ctrl+p")
        text = terminal.wait_for("key ?")
        offered = [
            name for name in ("Open: a dump", "Browse: ", "Everywhere: ", "Explain: ", "Theme: ") if name in text
        ]
        assert offered[:2] == ["Open: a dump", "Browse: "] and text.index("Open: a dump") < text.index("Browse: ")
        terminal.press("end")
        terminal.wait_for("Theme: ")


def test_fault_31_a_dialog_is_out_of_sight_where_nothing_fits_and_comes_back(tmp_path: Path) -> None:
    with Terminal(DUMP, size=(80, 24), folder=tmp_path) as terminal:
        terminal.wait_for("Help")
        for key, words in (("?", "Help: "), ("w", "Write registers"), ("ctrl+p", "Search for commands")):
            terminal.press(key)
            terminal.wait_for(words)
            terminal.resize(50, 12)
            terminal.wait_for("too small")
            terminal.wait_without(words)
            terminal.press("pagedown", "pageup", "end", "home", "down")
            terminal.resize(80, 24)
            terminal.wait_for(words)
            terminal.press("escape")
            terminal.wait_without(words)
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_fault_29_the_start_page_is_whole_at_60_columns_and_names_what_every_shipped_dump_is(tmp_path: Path) -> None:
    with Terminal(size=(60, 40), folder=tmp_path) as terminal:
        text = terminal.wait_for("7 what an error text means")
        for question in ("2 what KVM hides", "5 what a patch changes"):
            assert question in text
    with Terminal(size=(120, 40), folder=tmp_path) as terminal:
        text = terminal.wait_for("Then ask")
        for name in sources.shipped_names():
            assert re.search(rf"\b{re.escape(str(name))} +\S", text), f"{name} says nothing of itself"


STREAM = Path(__file__).resolve().parent.parent / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"


def test_the_review_s_tasks_take_one_key_each_from_a_file_on_the_command_line(tmp_path: Path) -> None:
    with Terminal(str(STREAM), size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("4")
        text = terminal.wait_for("Ways out")
        assert "✖ fails" in text and "ID_MMFR4_EL1 (CCIDX), EINVAL" in text and "mask CCIDX" in text
        terminal.press("0")
        text = terminal.wait_for("Pointer auth")
        assert "SVE2, 128 bits" in text and "IMPDEF algorithm" in text


def test_fault_25_the_footer_names_what_the_next_view_is(tmp_path: Path) -> None:
    with Terminal(DUMP, size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for("v Host")
        terminal.press("v")
        terminal.wait_for("v vCPU")
        assert "▸ host" in terminal.text().splitlines()[0]
    with Terminal(str(STREAM), size=(120, 40), folder=tmp_path) as terminal:
        text = terminal.wait_for("p Policy")
        assert "v vCPU" not in text and "v Host" not in text


def test_fault_26_what_nobody_wrote_since_the_reset_does_not_stand_out(tmp_path: Path) -> None:
    with Terminal(DUMP, size=(120, 40), folder=tmp_path) as terminal:
        terminal.wait_for(lambda text: "▼ 7  ▲ 1" in text, "the counts")
        assert "?" not in terminal.text().splitlines()[0]
        terminal.press("m")
        text = terminal.wait_for("8 stand out")
        assert "APIA" not in text and "TTBR" not in text


def test_fault_27_what_is_not_known_of_the_host_is_not_counted_as_raised(tmp_path: Path) -> None:
    with Terminal(str(STREAM), size=(120, 60), folder=tmp_path) as terminal:
        terminal.wait_for("p Policy")
        terminal.press("2")
        text = terminal.wait_for("▲ rebuilt")
        raised = [line.split()[:2] for line in text.splitlines() if "▲ rebuilt" in line]
        # What exists in KVM alone is made up by it, whatever the host is.
        assert len(raised) == 7 and all(host == "none" for _, host in raised), raised
        assert f"▲ {len(raised)}" in text.splitlines()[0]
