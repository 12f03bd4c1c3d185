"""`[` and `]` step through the kernels in every mode, in a real terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.terminal import Terminal

DUMP = "builtin:neoverse-n2-linux-6.1"
SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))
MASKED = "6.2.0 → 6.3.0: 18 registers differ (11 new)"


def marked(screen: str, name: str) -> bool:
    """True when a line about `name` has the mark of what changed."""
    return any("~" in line[: line.index(name) + 1].rpartition("┃")[2] for line in screen.splitlines() if name in line)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_step_in_one_mode_is_seen_and_marked_in_all_of_them(size: tuple[int, int], tmp_path: Path) -> None:
    with Terminal(DUMP, size=size, folder=tmp_path, environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("p")
        terminal.wait_for("┌─ Kernel policy")
        terminal.send("6.2.0\r")
        terminal.wait_without("┌─ Kernel policy")
        terminal.press("]")
        terminal.wait_for(MASKED if size[0] > 60 else "6.2.0 → 6.3.0: 18 registers differ (1")
        terminal.press("n", "n")
        seen = terminal.wait_for(lambda text: marked(text, "CCIDX "), "the field is marked")
        assert not marked(seen, "NV  ")
        terminal.press("0")
        terminal.wait_for("6.2.0 → 6.3.0")
        terminal.press("f", "/")
        terminal.send("ccidx\r")
        terminal.wait_for(lambda text: marked(text, "FEAT_CCIDX"), "FEAT_CCIDX is marked")
        terminal.press("escape")
        terminal.wait_for("289 of 289 features")
        terminal.press("2")
        terminal.wait_for(lambda text: marked(text, "CCIDX "), "the field is marked in Compare")
        terminal.press("6")
        terminal.wait_for(lambda text: "6.2.0 → 6.3.0" in text and "~ CLIDR_EL1" in text, "CLIDR_EL1 is marked")
        terminal.press("[")
        terminal.wait_for("6.3.0 → 6.2.0: 18 registers differ (11")
        terminal.press("q")
        assert terminal.wait_for_end() == 0 and terminal.restored()


def test_migrate_steps_the_destination_and_says_which_answers_differ() -> None:
    with Terminal(DUMP, size=(120, 40)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("4")
        terminal.wait_for("✖ fails")
        terminal.press("p")
        terminal.wait_for("┌─ Kernel policy and vCPU features")
        terminal.press("ctrl+u")
        terminal.send("6.2.0\r")
        terminal.wait_for("= loads")
        terminal.press("]")
        terminal.wait_for("6.2.0 → 6.3.0: loads → fails; ")
        terminal.wait_for("same host, Linux 6.3.0")
        terminal.wait_for(lambda text: marked(text, "ID_MMFR4_EL1 CCIDX"), "the refused register is marked")


def test_a_held_key_passes_over_kernels_and_ends_where_it_was_let_go() -> None:
    with Terminal(DUMP, size=(80, 24)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.send("]" * 200)
        terminal.wait_for("is the newest kernel of the catalogue")
        terminal.wait_for(lambda text: "→ 7.3.4: " in text.splitlines()[1], "it has arrived")
        terminal.send("[" * 200)
        terminal.wait_for("5.10.0 is the oldest kernel")
        terminal.wait_for(lambda text: "→ 5.10.0: " in text.splitlines()[1], "it has arrived")
        assert terminal.text().count("is the newest kernel") < 2
        terminal.press("2")
        terminal.wait_for("5.10.0")


def test_the_slider_forgets_when_a_kernel_is_chosen_otherwise() -> None:
    with Terminal(DUMP, size=(80, 24)) as terminal:
        terminal.wait_for("ID_AA64PFR0_EL1")
        terminal.press("]")
        terminal.wait_for(" → 6.2.0: 3 registers differ")
        terminal.press("p")
        terminal.wait_for("┌─ Kernel policy")
        terminal.press("escape")
        terminal.wait_without("┌─ Kernel policy")
        terminal.wait_for(" → 6.2.0: 3 registers differ")
        terminal.press("p")
        terminal.wait_for("┌─ Kernel policy")
        terminal.send("none\r")
        terminal.wait_for(lambda text: "registers differ" not in text and "┌─" not in text, "the dump alone")
