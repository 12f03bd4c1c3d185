"""The start page's one line: what a text is taken for, and where it leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.app.modes.browse.screen import Browse
from inspector.app.modes.explain.screen import Explain
from inspector.app.modes.start.anything import guess, recognise
from inspector.app.modes.start.here import dumps_in
from inspector.app.modes.start.screen import Anything, Start
from inspector.app.shell.remembered import Memory, Recent
from inspector.registers.ids import id_of
from tests.app.driving import press, screen_text, settle, wait_for
from tests.app.material import app_on

MATERIAL = Path(__file__).parent.parent / "material"
REFUSED = MATERIAL / "qemu-output" / "qemu-10.0-refused.txt"
STREAM = MATERIAL / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"
VALUES = "MIDR_EL1 = 0x410fd490\nID_AA64PFR0_EL1 = 0x1101001121110112\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "nothing"),
        ("o", "command"),
        ("builtin:neoverse-n2-linux-6.1", "dump"),
        ("neoverse-n2-linux-6.1", "dump"),
        (str(STREAM), "dump"),
        (str(REFUSED), "explain"),
        ("ID_AA64PFR0_EL1=0x1101001121110112", "dump"),
        (VALUES, "dump"),
        (REFUSED.read_text(encoding="utf-8"), "explain"),
        ("FEAT_SVE2", "explain"),
        ("asimddp", "explain"),
        ("0x603000000013c020", "explain"),
        ("ID_AA64PFR0_EL1", "explain"),
        ("ssh://host", "live"),
        ("gdb:localhost:1234", "live"),
        ("xyzzy", "unknown"),
        ("hello world", "unknown"),
        ("/no/such/file", "unknown"),
        ("builtin:nothing", "unknown"),
    ],
    ids=lambda value: value.strip().splitlines()[0].rsplit("/", 1)[-1][:40] if value.strip() else "empty",
)
def test_a_text_is_recognised_by_its_content(text: str, kind: str) -> None:
    found = recognise(text)
    assert found.kind == kind
    assert bool(found.problem) == (kind == "unknown") and "\n" not in found.problem


def test_a_path_that_is_no_file_says_so() -> None:
    assert "No such file" in recognise("/no/such/file").problem


@pytest.mark.parametrize(
    ("text", "lines", "words"),
    [
        ("", 1, ""),
        ("ID_AA64PFR0_EL1=0x11", 1, "register's value"),
        ("FEAT_SVE2", 1, "feature"),
        ("ssh://host", 1, "live source"),
        ("load of migration failed: Invalid argument", 1, "explains it"),
        ("first", 12, "12 lines pasted"),
        (str(STREAM), 1, "a file"),
        ("xyz", 1, "so far"),
    ],
)
def test_what_is_typed_is_told_while_it_is_typed(text: str, lines: int, words: str) -> None:
    assert words in guess(text, lines)


def test_dumps_of_a_folder_are_found_by_content(tmp_path: Path) -> None:
    (tmp_path / "a-host.txt").write_text((MATERIAL / "pasted" / "20-rk3588-armcpuinfo.txt").read_text(encoding="utf-8"))
    (tmp_path / "notes.txt").write_text("nothing here\n")
    (tmp_path / "vm.mig.xz").write_bytes(STREAM.read_bytes())
    (tmp_path / "empty").touch()
    assert [name for name, _ in dumps_in(tmp_path)] == ["a-host.txt", "vm.mig.xz"]
    assert dumps_in(tmp_path / "missing") == []


async def test_letters_that_are_keys_elsewhere_arrive_whole() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, *"gGjkoq0 x?")
        assert app.screen.query_one("#take", Anything).value == "gGjkoq0 x?"
        assert isinstance(app.screen, Start)


async def test_a_value_opens_browse_on_it() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.screen.query_one("#take", Anything).paste("ID_AA64MMFR2_EL1=0x100000")
        text = await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")
        text = screen_text(app)
        assert app.session.place.register == id_of("ID_AA64MMFR2_EL1") and "CCIDX" in text


async def test_a_pasted_log_is_explained_whole() -> None:
    app = app_on()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.screen.query_one("#take", Anything).paste(
            f"Nov 1 host qemu: starting\n{REFUSED.read_text(encoding='utf-8')}"
        )
        await settle(pilot)
        assert "lines pasted" in screen_text(app)
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Explain) and app.screen.complete, "the answer")
        await settle(pilot)
        assert "refused" in screen_text(app)


async def test_what_means_nothing_is_said_in_place_and_can_be_mended() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, *"xyzzy", "enter")
        await wait_for(pilot, lambda: "✖ xyzzy" in screen_text(app), "the problem")
        text = await press(pilot, "escape")
        assert "✖" not in text and app.screen.query_one("#take", Anything).value == ""


async def test_recent_sources_come_first(tmp_path: Path) -> None:
    Memory(tmp_path).opened(Recent(str(STREAM), "qemu-stream", 0.0))
    app = app_on(state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await press(pilot)
        assert text.index("Recent") < text.index("Also") < text.index("Shipped")
        assert f"▌ {STREAM.name}" in text and "qemu-stream" in text
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")


async def test_question_mark_on_an_empty_line_is_help_and_seven_lines_lead_to_explain() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "question_mark")
        assert "Help: Start" in text and "anything" in text
        await press(pilot, "escape", "up", "up", "up", "up")
        text = await press(pilot, "enter")
        assert "Explain an error" in text


async def test_the_first_shipped_dump_holds_a_vcpu() -> None:
    """Enter on an empty line opened a host whose caches alone are known."""
    app = app_on()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        names = [line.split()[0] for line in screen_text(app).splitlines() if "linux-" in line or "cix-" in line]
        assert names[-1] == "cix-cd8180-host" and screen_text(app).count("▌") == 1
        await press(pilot, "enter")
        await wait_for(pilot, lambda: bool(app.session.loaded), "a dump is open")
        assert app.session.loaded[0].vcpus


async def test_the_demonstration_is_played_from_the_list() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "a demonstration" in screen_text(app)
        await press(pilot, "up", "up", "enter")
        await wait_for(pilot, lambda: "1/7 A field is to be hidden" in screen_text(app), "the story begins")
        assert "2/7" in await press(pilot, " ")
