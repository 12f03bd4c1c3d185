"""The start page's one line: what a text is taken for, and where it leads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.message_pump import MessagePump

from inspector import sources
from inspector.app.dialogs import choosing
from inspector.app.dialogs.here import MOST, dumps_in
from inspector.app.dialogs.kernels import KernelsPage
from inspector.app.dialogs.open import Open
from inspector.app.modes.browse.screen import Browse
from inspector.app.modes.explain.screen import Explain
from inspector.app.modes.start.anything import guess, recognise
from inspector.app.modes.start.screen import Anything, Start
from inspector.app.shell import typing_ahead
from inspector.app.shell.remembered import Memory, Recent
from inspector.app.shell.typing_ahead import TypingAhead
from inspector.app.widgets.lines import Lines
from inspector.registers.ids import id_of
from inspector.sources.dump import Dump
from tests.app.driving import enter_text, press, screen_text, settle, shown, wait_for
from tests.app.material import app_on
from tests.sources.examples import crosvm

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
        ("6.12", "kernels"),
        ("6.1 6.12.107+deb13-cloud-arm64", "kernels"),
        ("6.2 6.2+mask-ccidx", "kernels"),
        ("Linux node7 6.8.0-51-generic #52-Ubuntu SMP PREEMPT_DYNAMIC Thu Dec  5 13:32:09 UTC 2024 aarch64", "kernels"),
        ("6.1.0-28-arm64 #1 SMP Debian 6.1.119-1 (2024-11-22)", "kernels"),
        ("[    0.000000] Linux version 6.1.0-28-arm64 (debian-kernel@lists.debian.org) (gcc-12 (Debian", "kernels"),
        ("Linux 6.12", "kernels"),
        ("Linux 6.12 refused the write", "explain"),
        ("6", "unknown"),
        ("6.1 99.9", "unknown"),
        ("hello world", "unknown"),
        ("Invalid argument", "explain"),
        ("migration failed", "explain"),
        ("vm failed.mig", "unknown"),
        ("7", "command"),
        ("demo", "command"),
        ("failed", "unknown"),
        ("error: internal error: something that nobody has seen failed", "explain"),
        ("Error: VmRestore: a message failed\nCaused by: whatever went wrong", "explain"),
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


def test_names_are_taken_as_file_managers_and_shells_spell_them(tmp_path: Path) -> None:
    odd = tmp_path / "gespeichert Größe  ü.mig.xz"
    odd.write_bytes(STREAM.read_bytes())
    shell = str(odd).replace(" ", "\\ ")
    for text in (str(odd), f"'{odd}' ", f'"{odd}"', shell, odd.as_uri()):
        assert [dump.provenance.source for dump in recognise(text).dumps] == [str(odd)], text
    two = recognise(f"{shell} '{REFUSED.parent}/../qemu/{STREAM.name}' builtin:neoverse-n2-linux-6.1")
    assert [one.provenance.source.rpartition("/")[2] for one in two.dumps] == [
        odd.name, STREAM.name, "builtin:neoverse-n2-linux-6.1"
    ]  # fmt: skip
    assert recognise(f"{shell} {shell}.no").kind == "unknown"
    assert "explained alone" in recognise(f"{shell} {REFUSED}").problem


def test_what_lies_there_and_is_no_file_is_named_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.mig").symlink_to("nowhere")
    (tmp_path / "vm" / "vcpu").mkdir(parents=True)
    (tmp_path / "vm" / "vcpu" / "vcpu0").write_bytes(crosvm())
    (tmp_path / "CCIDX").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "is a folder" in recognise("folder").problem and "is a folder" in recognise("folder/").problem
    assert "No such file" in recognise("link.mig").problem
    assert recognise("vm").dumps and recognise("CCIDX").kind == "explain"


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
        ("6.1", 1, "a second one behind it"),
        ("6.1 6.12", 1, "what changed between them"),
        ("why so slow", 1, "where it is an error"),
        ("7", 1, "error text"),
        ("4", 1, "open one, then press 4"),
        ("builtin:neoverse-n2", 1, "7 names begin so: builtin:neoverse-n2-linux-5.10"),
        (f"'{STREAM}'", 1, "a file"),
        (f"{STREAM} neoverse-n2-linux-6.1", 1, "2 sources"),
    ],
)
def test_what_is_typed_is_told_while_it_is_typed(text: str, lines: int, words: str) -> None:
    assert words in guess(text, lines)


def test_dumps_of_a_folder_are_found_by_content(tmp_path: Path) -> None:
    (tmp_path / "a-host.txt").write_text((MATERIAL / "pasted" / "20-rk3588-armcpuinfo.txt").read_text(encoding="utf-8"))
    (tmp_path / "notes.txt").write_text("nothing here\n")
    (tmp_path / "vm.mig.xz").write_bytes(STREAM.read_bytes())
    (tmp_path / "empty").touch()
    found = dumps_in(tmp_path)
    assert ([name for name, _ in found.dumps], found.left) == (["a-host.txt", "vm.mig.xz"], 0)
    assert "1 host, " in found.dumps[0][1] and "vCPU" not in found.dumps[0][1]
    assert dumps_in(tmp_path / "missing") == ([], 0)


def test_a_folder_of_many_dumps_says_how_many_files_are_left(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        (tmp_path / f"host-{number}.txt").write_text("# host\nMIDR_EL1 0x410fd490\n")
    found = dumps_in(tmp_path)
    assert (len(found.dumps), found.left) == (MOST, 3)


def test_a_beginning_of_names_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vm-one.mig", "vm-two.mig", *(f"many-{n:05}" for n in range(10_000))):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert guess("vm", 1) == "2 names begin so: vm-one.mig  vm-two.mig   tab completes"
    assert guess("vm-", 1) == "2 names begin so: vm-one.mig  vm-two.mig"
    assert guess("vm-o", 1) == "tab completes: vm-one.mig"
    assert guess("many-", 1).endswith("many-00007  … and 9992 more   tab completes")


def test_a_folder_of_very_many_names_is_not_looked_through_at_each_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands between a letter and its being seen; nor is it said that no file has such a name. What is looked
    through is read once."""
    listed: list[str] = []
    monkeypatch.setattr(choosing, "_CROWD", 3)

    @contextmanager
    def scan(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        listed.append(str(folder))
        with scandir(folder) as entries:
            yield entries

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", scan)
    for name in ("vm-one.mig", "vm-two.mig", "a"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert "2 names begin so" in guess("vm", 1)
    assert listed == ["."]
    (tmp_path / "b").touch()
    for typed in ("vm", f"{tmp_path}/vm"):
        assert "tab completes" in guess(typed, 1) and "no file" not in guess(typed, 1)
    assert "a file" in guess("vm-one.mig", 1)


async def test_tab_says_what_the_text_may_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vm-one.mig", "vm-two.mig"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choosing, "_CROWD", 1)
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "vm-two.mig" not in await press(pilot, *"vm")
        assert "2 names begin so: vm-one.mig  vm-two.mig" in await press(pilot, "tab")
        assert "a file: enter opens it" in await press(pilot, "o", "tab")


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
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")
        await shown(pilot, "CCIDX")
        assert app.session.place.register == id_of("ID_AA64MMFR2_EL1")


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
        await shown(pilot, "refused")


@pytest.mark.parametrize("pasted", [False, True], ids=["typed", "pasted"])
async def test_what_was_answered_is_replaced_by_what_is_given_next(pasted: bool) -> None:
    """It was put behind the first line of a log; what was pasted behind that line was dropped without a word."""
    app, refused = app_on(), REFUSED.read_text(encoding="utf-8")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        line = app.screen.query_one("#take", Anything)
        line.paste(refused)
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Explain) and app.screen.complete, "the answer")
        assert "lines pasted" in await press(pilot, "escape") and line.text.split() == refused.split()
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Explain) and app.screen.complete, "the answer again")
        await press(pilot, "escape")
        if pasted:
            app.post_message(Paste(f"second\n{refused}"))
            await wait_for(pilot, lambda: line.text == f"second\n{refused}", "the other paste")
        else:
            text = await press(pilot, *"FEAT_SVE")
            assert line.text == "FEAT_SVE" and "a register or a feature" in text
            await press(pilot, "enter")
            await wait_for(pilot, lambda: isinstance(app.screen, Explain), "the second answer")
            await press(pilot, "escape", *"6.1")
            assert line.text == "6.1"
        await press(pilot, "escape")
        assert line.text == ""


async def test_lines_that_were_pasted_are_edited_and_added_to() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        line = app.screen.query_one("#take", Anything)
        line.paste("first line\nsecond line")
        assert "2 lines pasted" in await press(pilot, "backspace", "X", "tab")
        assert line.text == "first linX\nsecond line"
        line.paste("third line")
        assert "3 lines pasted" in await press(pilot)
        line.paste(f"{'fourth' * 99}\nfifth")
        assert "5 lines pasted" in await press(pilot)
        assert line.text == f"first linX\nsecond line\nthird line\n{'fourth' * 99}\nfifth"
        assert "lines pasted" not in await press(pilot, "ctrl+u", "a") and line.text == "a"
        await press(pilot, "escape")
        line.paste(f"\n\n {'long' * 99}\nsecond")
        assert line.text == f"{'long' * 99}\nsecond" and len(line.value) == 200


async def test_what_means_nothing_is_said_in_place_and_can_be_mended() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, *"xyzzy", "enter")
        await wait_for(pilot, lambda: "✖ xyzzy" in screen_text(app), "the problem")
        text = await press(pilot, "escape")
        assert "✖" not in text and app.screen.query_one("#take", Anything).value == ""


async def test_two_names_open_both() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.screen.query_one("#take", Anything).paste("builtin:neoverse-n2-linux-6.1 neoverse-n2-linux-6.12")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")
        assert [dump.provenance.source[-4:] for dump in app.session.loaded] == ["-6.1", "6.12"]
        assert app.session.place.source == 0


async def test_a_long_message_says_that_it_goes_on() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.screen.query_one("#take", Anything).paste("builtin:none")
        for size, whole in (((80, 24), False), ((120, 40), True)):
            await pilot.resize_terminal(*size)
            await press(pilot, "enter")
            await wait_for(pilot, lambda: "✖ builtin:none" in screen_text(app), "the problem")
            text = await press(pilot)
            assert ("neoverse-n2-linux-7.3\n  Also" in text) == whole and (" …\n  Also" in text) != whole


async def test_what_quits_is_told_in_plain_words() -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        text = await press(pilot, "ctrl+c")
        assert "ctrl+q leaves the program" in text and "[" not in text


async def test_recent_sources_come_first(tmp_path: Path) -> None:
    Memory(tmp_path).opened(Recent(str(STREAM), "qemu-stream", 0.0))
    app = app_on(state=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await press(pilot)
        assert text.index("Recent") < text.index("Also") < text.index("Shipped")
        assert f"▌ {STREAM.name}" in text and "qemu-stream" in text
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")


async def test_a_recent_file_of_this_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one.mig.xz", "two.mig.xz"):
        (tmp_path / name).write_bytes(STREAM.read_bytes())
    monkeypatch.chdir(tmp_path)
    Memory(tmp_path / "state").opened(Recent(str(tmp_path / "one.mig.xz"), "qemu-stream", 0.0))
    app = app_on(state=tmp_path / "state")
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_for(pilot, lambda: "two.mig.xz" in screen_text(app), "the folder's dumps")
        text = screen_text(app)
        assert text.count("one.mig.xz") == 1 and text.index("one.mig.xz") < text.index("Here") < text.index("two.mig")


async def test_help_and_palette_of_the_page_name_the_keys_that_work_there() -> None:
    """Letters go into the line: `o` and `q` were said to open and to leave, `j` to move."""
    app = app_on()
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        text = await press(pilot, "f1")
        words = [line.split("│")[1].split() for line in text.split("\n") if line.count("│") == 2]
        keys = {line[-1]: line[0] for line in words if (line and "." in line[-1]) or line[-1:] in (["open"], ["quit"])}
        assert keys["open"] == "F2" and keys["quit"] == "^q" and keys["move.down"] == "↓" and "mode.summary" not in keys
        await press(pilot, "escape", "ctrl+p")
        text = screen_text(app)
        assert "key F2" in text and "key ^q" in text and "key o" not in text and "key q" not in text


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


async def test_two_kernels_are_compared_without_a_dump_and_exported(tmp_path: Path) -> None:
    app = app_on()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await enter_text(pilot, "6.1 6.12")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, KernelsPage), "the page")
        text = await shown(pilot, "Linux 6.1.176 -> Linux 6.12.107: ")
        assert "only as shown -> may be" in text
        for size in ((80, 24), (120, 40), (200, 60)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            page = app.screen.query_one("#page", Lines)
            longest = max(sum(len(piece.text) for piece in one) for one in page.rows)
            assert size[0] * 2 // 3 < longest <= page.content_size.width, "as wide as the terminal, and nothing is cut"
        await press(pilot, "e", "ctrl+u")
        await enter_text(pilot, str(tmp_path / "out.md"))
        await press(pilot, "enter")
        await wait_for(pilot, (tmp_path / "out.md").exists, "the report")
        assert "| ID_AA64PFR0_EL1 | CSV3 | writable |" in (tmp_path / "out.md").read_text(encoding="utf-8")
        await press(pilot, "escape", "ctrl+u")
        await enter_text(pilot, "6.12")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, KernelsPage), "the page of one")
        await wait_for(pilot, lambda: any(w in screen_text(app) for w in ("certainty", "recorded")), "its rules")
        assert "--" not in screen_text(app)


def test_a_pipe_without_a_writer_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in recognise(str(tmp_path / "pipe")).problem


@contextmanager
def _slow(monkeypatch: pytest.MonkeyPatch, name: str, came: list[threading.Thread]) -> Iterator[threading.Event]:
    """Let the source of that name come when the event is set; the thread that read it is in `came` then."""
    go, load = threading.Event(), sources.load

    def slowly(source: str) -> Dump:
        if source.endswith(name):
            came.append(threading.current_thread())
            assert go.wait(60)
        return load(source)

    monkeypatch.setattr(sources, "load", slowly)
    try:
        yield go
    finally:
        go.set()


def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key goes first because a machine was slow or stood for some seconds."""
    monkeypatch.setattr(typing_ahead, "PATIENCE", 60.0)
    monkeypatch.setattr(typing_ahead, "FINDING", 60.0)


@pytest.mark.parametrize("keys", [("x",), ("down",), ("f1",), ("f2",), ("f2", "x")], ids="-".join)
async def test_what_comes_late_takes_nobody_away_from_what_is_done_meanwhile(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typing_ahead, "PATIENCE", 0.0)
    app = app_on()
    came: list[threading.Thread] = []
    with _slow(monkeypatch, "-6.1", came) as go:
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await enter_text(pilot, "builtin:neoverse-n2-linux-6.1")
            await press(pilot, "enter")
            await wait_for(pilot, lambda: bool(came), "the file is read")
            await press(pilot, *keys)
            screen = app.screen
            go.set()
            await wait_for(pilot, lambda: "neoverse-n2-linux-6.1 has been read (F2" in screen_text(app), "it is told")
            await settle(pilot)
            assert app.screen is screen and not isinstance(screen, Browse) and app.current_mode == "start"
            assert "reading" not in screen_text(app) and "Give up" not in screen_text(app)
            assert [dump.provenance.source for dump in app.session.loaded] == ["builtin:neoverse-n2-linux-6.1"]


@pytest.mark.parametrize("dialog", [False, True], ids=["page", "dialog"])
async def test_what_is_typed_behind_a_name_and_enter_waits_for_the_file(
    dialog: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went into the line, and who types something else there does not want the file."""
    _patient(monkeypatch)
    app = app_on()
    came: list[threading.Thread] = []
    with _slow(monkeypatch, "-6.1", came) as go:
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await press(pilot, *(["f2"] if dialog else []))
            await enter_text(pilot, "builtin:neoverse-n2-linux-6.1")
            for key in ("enter", "2", "j"):
                app.post_message(Key(key, None if key == "enter" else key))
            await wait_for(pilot, lambda: bool(came), "the file is read")
            text = await press(pilot)
            assert "reading" in text and "linux-6.12j" not in text
            go.set()
            await wait_for(pilot, lambda: app.current_mode == "compare" and not app.screen.is_modal, "Compare is there")


async def test_a_screen_that_is_busy_now_and_then_while_a_file_is_read_lets_no_key_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time counted as a round of waiting, of which there are so many for one key."""
    _patient(monkeypatch)
    app = app_on()
    came: list[threading.Thread] = []
    looked, seen = 0, TypingAhead._busy

    def busy(ahead: TypingAhead) -> list[MessagePump]:
        nonlocal looked
        looked += bool(came)
        return [app.screen] if came and looked % 2 else seen(ahead)

    with _slow(monkeypatch, "-6.1", came) as go:
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await enter_text(pilot, "builtin:neoverse-n2-linux-6.1")
            monkeypatch.setattr(TypingAhead, "_busy", busy)
            for key in ("enter", "2"):
                app.post_message(Key(key, None if key == "enter" else key))
            await wait_for(pilot, lambda: looked > 4 * typing_ahead.ROUNDS, "it was looked often enough")
            assert "linux-6.12" not in screen_text(app).splitlines()[1]
            go.set()
            await wait_for(pilot, lambda: app.current_mode == "compare", "Compare is there")


async def test_escape_gives_up_a_file_that_is_read_and_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _patient(monkeypatch)
    app = app_on()
    came: list[threading.Thread] = []
    with _slow(monkeypatch, "-6.1", came):
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await enter_text(pilot, "builtin:neoverse-n2-linux-6.1")
            await press(pilot, "enter")
            await wait_for(pilot, lambda: bool(came), "the file is read")
            assert "given up" in await press(pilot, "escape")
            assert "linux-6.12" in await press(pilot, "2")
            await press(pilot, "backspace", "enter")
            await wait_for(pilot, lambda: len(came) == 2, "the file is read again")
            app.post_message(Key("ctrl+q", None))
            await wait_for(pilot, lambda: not app.is_running, "the program has ended")


async def test_what_is_given_up_or_followed_by_another_question_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing_ahead, "PATIENCE", 0.0)
    app = app_on()
    came: list[threading.Thread] = []
    with _slow(monkeypatch, "-6.1", came) as go:
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await enter_text(pilot, "builtin:neoverse-n2-linux-6.1")
            await press(pilot, "enter")
            await wait_for(pilot, lambda: len(came) == 1, "the file is read")
            text = await press(pilot, "escape")
            assert "given up" in text and "Give up" not in text
            await press(pilot, "enter")
            await wait_for(pilot, lambda: len(came) == 2, "the file is read again")
            await press(pilot, "2", "enter")
            await wait_for(pilot, lambda: isinstance(app.screen, Browse), "what was asked last")
            go.set()
            await wait_for(pilot, lambda: not any(one.is_alive() for one in came), "the first have come")
            await settle(pilot)
            assert [dump.provenance.source[-5:] for dump in app.session.loaded] == ["-6.12"]


async def test_a_dialog_takes_what_stands_in_its_line_and_nothing_that_stood_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(typing_ahead, "PATIENCE", 0.0)
    app = app_on("builtin:neoverse-n2-linux-7.3")
    came: list[threading.Thread] = []
    with _slow(monkeypatch, "-6.1", came) as go:
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await press(pilot, "o")
            await enter_text(pilot, "builtin:neoverse-n2-linux-6.1")
            await press(pilot, "enter")
            await wait_for(pilot, lambda: bool(came), "the file is read")
            await press(pilot, "x")
            go.set()
            await wait_for(pilot, lambda: not came[0].is_alive(), "it has come")
            await settle(pilot)
            assert isinstance(app.screen, Open) and len(app.session.loaded) == 1
            await press(pilot, "backspace", "enter")
            await wait_for(pilot, lambda: len(app.session.loaded) == 2, "asked again, it opens")
