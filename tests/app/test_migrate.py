"""The Migrate screen: the verdict, the order of failure, both sides, kernels, and the fixed copy."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from inspector import sources
from inspector.app.modes.migrate.fix import Fix, copy_name
from inspector.app.modes.migrate.question import Question, newer_kernel
from inspector.app.modes.migrate.screen import Migrate
from inspector.app.shell.application import InspectorApp
from inspector.app.widgets.listing import Listing
from inspector.checks.vmms.table import VMM_NAMES
from inspector.errors import SourceError
from inspector.registers.catalog import by_id
from inspector.registers.ids import WORKAROUND_3
from inspector.sources.dump import Dump
from inspector.sources.formats import dump_json
from inspector.untrusted import Untrusted
from tests.app.driving import SIZES, check_screen, press, screen_text, settle, styles_at, wait_for
from tests.app.material import MIDR, NEOVERSE, PFR0, SCTLR, VALUES, app_on
from tests.sources.material import dump_of

CCIDX = ("ID_MMFR4_EL1 CCIDX [27:24]", "ID_AA64MMFR2_EL1 CCIDX [23:20]")


async def asked(pilot: Pilot[None], *keys: str) -> str:
    """Press keys on the Migrate screen and wait for the answer."""
    app = pilot.app
    assert isinstance(app, InspectorApp)
    await press(pilot, *keys)
    await wait_for(pilot, lambda: isinstance(app.screen, Migrate) and app.screen.complete, "the answer")
    await settle(pilot)
    return screen_text(app)


def write_in(app: InspectorApp, selector: str, text: str) -> None:
    """Put a text in a line of the dialog in front, as typing would."""
    app.screen.query_one(selector, Input).value = text


def rows(text: str) -> list[str]:
    """The lines of the findings table."""
    lines = text.splitlines()
    head = next(index for index, line in enumerate(lines) if "register / field" in line)
    end = next(index for index, line in enumerate(lines) if line.startswith("─") and index > head)
    return lines[head + 1 : end]


async def test_one_dump_alone_asks_for_the_same_host_under_a_newer_kernel() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "same host, Linux 6.12.107" in text
        assert "✖ fails: 2 registers of 252 refused, first ID_MMFR4_EL1 (CCIDX), EINVAL" in text
        first, second = rows(text)[:2]
        assert first.startswith("▌ 1") and CCIDX[0] in first and "✖ EINVAL" in first
        assert CCIDX[1] in second
        assert "bf48040cd9b0" in text and "Linux 5.19 to 6.2 on the destination" in text
        assert "✖ 2  ▼ 3  = 247" in text.splitlines()[0]
        assert isinstance(app.screen, Migrate)


async def test_what_passes_is_folded_and_groups_open() -> None:
    async with app_on(NEOVERSE).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "246 accepted and kept" in text and "CLIDR_EL1" not in "".join(rows(text))
        text = await press(pilot, "m")
        assert [line for line in rows(text) if "CLIDR_EL1" in line and "= accepted" in line]
        text = await press(pilot, "m", "n", "n", "n", "n", "n", "n")
        assert [line for line in rows(text) if line.startswith("▌ 7") and "cache normalisation" in line]
        text = await press(pilot, "enter")
        assert [line for line in rows(text) if "CCSIDR[13]" in line]
        text = await press(pilot, "space")
        assert not [line for line in rows(text) if "CCSIDR[13]" in line]
        text = await press(pilot, "N")
        assert [line for line in rows(text) if line.startswith("▌ 6")]


async def test_two_dumps_are_source_and_destination_and_swap() -> None:
    async with app_on(NEOVERSE, "builtin:neoverse-n2-linux-6.12").run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert text.splitlines()[1].startswith(" source       neoverse-n2-linux-6.1 ")
        assert text.splitlines()[2].startswith(" destination  neoverse-n2-linux-6.12")
        assert CCIDX[0] in rows(text)[0]
        text = await asked(pilot, "D")
        assert text.splitlines()[1].startswith(" source       neoverse-n2-linux-6.12 ")
        assert "register list" in rows(text)[0] and "269 registers saved, the destination has only 252" in text
        assert "missing" in rows(text)[1]


async def test_the_kernel_matrix_and_a_kernel_from_it() -> None:
    async with app_on(NEOVERSE).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        text = await asked(pilot, "k")
        assert "loads on 6 of 62 kernels: 5.19.0 to 6.2.0" in text
        await press(pilot, "N")
        text = await asked(pilot, "enter")
        assert "same host, Linux 6.2.0" in text and "= loads, every value is kept" in text
        text = await asked(pilot, "k", "k")
        assert "register / field" in text


async def test_another_vmm_stops_elsewhere() -> None:
    async with app_on(NEOVERSE).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "QEMU 10.0" in await asked(pilot, "4")
        assert "QEMU 11.1" in await asked(pilot, "h")
        text = await asked(pilot, "h")
        assert "Cloud Hypervisor" in text and CCIDX[0] in rows(text)[0]


@pytest.mark.parametrize(
    ("format_name", "tool"),
    [
        ("firecracker-vmstate", "Firecracker 1.13 or 1.14, snapshot format 8.0.0"),
        ("firecracker-vmstate", "Firecracker 1.6 or older, snapshot data 2"),
        ("cloud-hypervisor", "Cloud Hypervisor (v39 or newer)"), ("qemu-stream", "QEMU virt-5.2"), ("crosvm", "crosvm"),
    ],
)  # fmt: skip
def test_every_vmm_comes_in_turn_whichever_version_wrote_the_source(format_name: str, tool: str) -> None:
    dump = sources.load(NEOVERSE)
    said = msgspec.structs.replace(dump.provenance, format=format_name, tool=Untrusted(tool))
    question = Question(msgspec.structs.replace(dump, provenance=said))
    own, seen = question.rule.name, list[str]()
    for _ in range(len(VMM_NAMES) + 1):
        question = msgspec.structs.replace(question, vmm=question.next_vmm)
        seen.append(question.rule.name)
        if seen[-1] == own:
            break
    assert sorted(seen) == sorted({*VMM_NAMES, own})


async def test_a_snapshot_of_firecracker_1_14_is_asked_of_another_vmm() -> None:
    """h ended the program: the version that wrote the file was in no menu."""
    dump = sources.load(NEOVERSE)
    tool = Untrusted("Firecracker 1.13 or 1.14, snapshot format 8.0.0")
    said = msgspec.structs.replace(dump.provenance, format="firecracker-vmstate", tool=tool)
    async with app_on(msgspec.structs.replace(dump, provenance=said)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "Firecracker 1.13 to 1.14.3" in await asked(pilot, "4")
        assert "libvirt" in await asked(pilot, "h")
        for _ in range(6):
            text = await asked(pilot, "h")
        assert "Firecracker 1.16" in text and "fails before any write" in text
        assert "Firecracker 1.13 to 1.14.3" in await asked(pilot, "h")


async def test_destination_kernel_and_errors_stay_in_their_dialog() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        await press(pilot, "d", *"/no", "enter")
        await wait_for(pilot, lambda: "✖ /no:" in screen_text(app), "the error in its place")
        await press(pilot, "escape")
        text = await asked(pilot, "d", *"6.1", "enter")
        assert "same host 6.1 " in text.splitlines()[0] and "= loads" in text
        text = await press(pilot, "p", *"9.9", "enter")
        assert "✖" in text and "9.9" in text
        await press(pilot, "escape")
        await press(pilot, "d")
        write_in(app, "#path", "builtin:cortex-a72-linux-6.12")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "cortex-a7" in screen_text(app).splitlines()[0], "the other destination")
        assert "✖ fails" in await asked(pilot)


async def test_features_of_the_destination_group_what_is_missing() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        await press(pilot, "p")
        ticks = app.screen.query_one("#ticks", Listing)
        ticks.go(ticks.index_of("feature pmu") or 0)
        await press(pilot, "tab", "space")
        text = await asked(pilot, "enter")
        assert [line for line in rows(text) if "74 missing: PMUv3" in line]


@pytest.mark.parametrize("size", SIZES)
async def test_the_destination_may_be_booted_with_options(size: tuple[int, int]) -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=size) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        await press(pilot, "p", *"6.2")
        write_in(app, "#host", "mitigations=off")
        text = await press(pilot, "enter")
        assert "no input of a host is called" in text
        write_in(app, "#host", 'cmdline="mitigations=off"')
        await asked(pilot, "enter")
        screen = app.screen
        assert isinstance(screen, Migrate) and screen.check.report is not None
        refused = [one.id for one in screen.check.report.findings if one.kind == "refused"]
        assert refused == [WORKAROUND_3]
        await asked(pilot, "k")
        matrix = screen.check.matrix
        assert matrix is not None and all(row.verdict == "fails" for row in matrix.rows if row.kernel > "6.1")
        if size == (120, 40):
            await press(pilot, "k")
            assert 'host: cmdline="mitigations=off"' in screen_text(app)


async def test_a_host_alone_has_nothing_to_restore() -> None:
    async with app_on(dump_of({MIDR: VALUES[MIDR]}, kind="host")).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "no loaded dump is a saved VM: s opens one. How hosts differ is in 2" in text
        assert "Next" not in text and "Kernels" not in text


async def test_several_vcpus_are_told_once() -> None:
    base = sources.load(NEOVERSE).vcpus[0].values
    dump = dump_of(base, base, base)
    async with app_on(dump).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert len([line for line in rows(text) if "ID_MMFR4_EL1" in line]) == 1
        assert "vCPUs 0-2" in text


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved VM in a file of its own."""
    path = tmp_path / "saved.json"
    path.write_bytes(dump_json.write(sources.load(NEOVERSE)))
    return path


async def test_the_fixed_copy_is_written_to_a_new_file_only(saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    async with (app := app_on(str(saved))).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        text = await press(pilot, "f")
        assert "Ways out, best first" in text
        write_in(app, "#name", str(saved))
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "exists" in screen_text(app), "a refusal")
        assert saved.read_bytes() == before
        out = tmp_path / "fixed.json"
        write_in(app, "#name", str(out))
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "it loads" in screen_text(app), "the copy is written")
        dialog = app.screen
        assert isinstance(dialog, Fix) and dialog.result is not None
        assert [one.name for one in dialog.result.changes] == ["ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"]
        assert saved.read_bytes() == before and out.exists()


async def test_a_live_source_cannot_be_patched_but_the_ways_out_are_told() -> None:
    live = sources.load(NEOVERSE)
    dump = Dump(
        provenance=live.provenance.__class__(source="ssh://host", format="live", kernel=Untrusted("6.1.176")),
        vcpus=live.vcpus,
    )
    async with app_on(dump).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        text = await press(pilot, "f")
        assert "cannot be replaced in this format" in text and "Ways out" in text


async def test_hostile_names_are_drawn_as_text() -> None:
    dump = dump_of({**VALUES, SCTLR: 1}, source="\x1b[31m[b]evil")
    async with app_on(dump).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "\x1b" not in text and "[b]evil" in text


async def test_an_unreadable_source_is_an_error_line() -> None:
    with pytest.raises(SourceError):
        sources.load("builtin:nothing")
    async with (app := app_on(NEOVERSE)).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        await press(pilot, "s")
        write_in(app, "#path", "builtin:nothing")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "no dump of that name" in screen_text(app), "the error")


SCREENS = {
    "migrate": (),
    "migrate-all": ("m", "down", "down", "down"),
    "migrate-group": ("n", "n", "n", "n", "n", "n", "enter"),
    "migrate-kernels": ("k",),
    "migrate-pairs": ("K", "down"),
    "migrate-explained": ("enter",),
    "migrate-swapped": ("D",),
    "migrate-source": ("s",),
    "migrate-destination": ("d",),
    "migrate-kernel": ("p",),
    "migrate-fix": ("f",),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_as_expected(name: str, size: tuple[int, int]) -> None:
    other = ("builtin:neoverse-n2-linux-6.12",) if name == "migrate-swapped" else ()
    async with (app := app_on(NEOVERSE, *other)).run_test(size=size) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        for key in SCREENS[name]:
            await press(pilot, key)
            await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), "the answer")
        await check_screen(pilot, f"{name}-{size[0]}x{size[1]}")


async def test_without_colour_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with (app := app_on(NEOVERSE)).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "▌ ID_MMFR4.CCIDX" in text and "✖ EINVAL" in text
        await check_screen(pilot, "migrate-80x24")
        assert all("bold" in style for style in styles_at(app, "✖ EINVAL")), "not as dim as what passes"
        await press(pilot, "K")
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), "the pairs of kernels")
        await settle(pilot)
        refused, loads = styles_at(app, "✖ 2"), styles_at(app, "from \\ to")
        assert refused and all("bold" in style for style in refused)
        assert loads and not any("bold" in style for style in loads)


def test_questions_about_the_processor_need_no_register() -> None:
    from inspector.app.modes.migrate.question import processor

    assert processor(dump_of({PFR0: 1})) == ""
    assert processor(sources.load(NEOVERSE)) == "Neoverse N2 r0p3"


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_browse_opens_on_the_highlighted_field(size: tuple[int, int]) -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=size) as pilot:
        await settle(pilot)
        assert "▌ ID_MMFR4.CCIDX" in (await asked(pilot, "4")) or size == (120, 40)
        text = await press(pilot, "1")
        assert "ID_MMFR4_EL1" in text and "▌ 27:24" in text
        await asked(pilot, "4")
        text = await press(pilot, "n", "1")
        assert "ID_AA64MMFR2_EL1" in text and "▌ 23:20" in text and app.session.place.field == "CCIDX"


def test_a_vendors_kernel_is_in_no_run_of_mainline_releases() -> None:
    from inspector.app.modes.migrate.kernel_rows import matrix_verdict
    from inspector.checks.restore.result import KernelMatrix, KernelRow

    names = ("6.1.0", "6.2.0", "6.3.0", "7.3.4", "ubuntu-6.8.0-151", "ubuntu-7.0.0-43")
    rows = tuple(
        KernelRow(
            kernel=name, evidence="source", verdict="fails" if name == "6.3.0" else "loads", refused=0,
            only_in_source=0, changed=0, first=None,
        )
        for name in names
    )  # fmt: skip
    matrix = KernelMatrix(vmm="qemu-10.0", vmm_title="QEMU 10.0", source="", destination="", rows=rows)
    told = "".join(piece.text for piece in matrix_verdict(matrix))
    assert told == "= loads on 5 of 6 kernels: 6.1.0 to 6.2.0, 7.3.4, ubuntu-6.8.0-151, ubuntu-7.0.0-43"


async def test_fault_5_browse_opens_on_the_field_that_was_highlighted() -> None:
    async with (app := app_on(NEOVERSE)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "CCIDX [27:24]" in next(line for line in text.splitlines() if line.startswith("▌"))
        text = await press(pilot, "1")
        assert "▌ 27:24  CCIDX" in text and app.session.place.field == "CCIDX"


async def test_fault_15_a_destination_that_nobody_chose_is_called_assumed() -> None:
    async with app_on(NEOVERSE).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4")
        assert "same host, Linux 6.12.107 (assumed)" in text
        text = await asked(pilot, "d", *"6.1", "enter")
        assert "same host, Linux 6.1 " in text and "assumed" not in text, text


async def test_registers_that_the_destination_may_lack_are_not_shown_as_missing() -> None:
    """Linux 6.1 lists the CCSIDRs of the host's caches; a text of three registers does not tell which it has."""
    host = sources.load_text("# host\nMIDR_EL1 0x410fd493\nREVIDR_EL1 0x1\nID_AA64PFR0_EL1 0x1201111121111112\n", "x")
    async with (app := app_on("builtin:neoverse-n2-linux-5.10", host)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await asked(pilot, "4", "p", *"6.1", "enter")
        row = next(line for line in text.splitlines() if "caches of the host" in line)
        assert "3 uncertain: caches of the host (CCSIDR)" in row and "? uncertain" in row and "missing" not in row
        assert isinstance(app.screen, Migrate)
        assert [by_id(i).name for i in app.screen.check.found[0].ids] == ["REVIDR_EL1"]
        row = next(line for line in text.splitlines() if "ID_AA64DFR0_EL1 PMUVer" in line)
        assert "? uncertain" in row and "the destination's is not known" in row and "EINVAL" not in row
        row = next(line for line in text.splitlines() if "register list  " in line)
        assert "? uncertain" in row and "248 registers saved" in row and "fails" not in row


@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("guest.mig.xz", "guest-fixed.mig.xz"),
        ("kvm-6.1_neoverse-n2.mig.xz", "kvm-6.1_neoverse-n2-fixed.mig.xz"),
        ("/var/lib/save/web1.save", "web1-fixed.save"),
        ("under-6.12", "under-6.12.fixed"),
        (".hidden", "hidden.fixed"),
    ],
)
def test_the_name_of_a_copy_keeps_what_tells_its_form(
    name: str, copy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dump = dump_of(VALUES)
    provenance = msgspec.structs.replace(dump.provenance, source=name)
    assert copy_name(msgspec.structs.replace(dump, provenance=provenance)) == copy


async def test_fault_18_the_copy_has_a_name_and_can_be_opened(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with (app := app_on(str(saved))).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        await press(pilot, "f")
        name = app.screen.query_one("#name", Input).value
        assert name == copy_name(app.session.dumps[0])
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "enter opens it" in screen_text(app), "the copy is written")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Migrate) and app.screen.complete, "the copy is checked")
        text = screen_text(app)
        head = "\n".join(text.splitlines()[:5])
        assert f"source       {name}" in head and "same host, Linux 6.12.107 " in head and "loads" in head, head
        assert (tmp_path / name).exists()


async def test_fault_32_decimal_numbers_are_whole() -> None:
    async with app_on(NEOVERSE, "builtin:neoverse-n2-linux-6.12").run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await asked(pilot, "4")
        text = await press(pilot, "x", "x")
        row = next(line for line in text.splitlines() if " PMINTENCLR_EL1 " in line)
        assert row.split()[2:5] == ["2_147_483_678", "reads", "0"]


@pytest.mark.parametrize(("own", "newer"), [("6.6", "6.12"), ("6.12", "6.18")])
def test_hosts_move_from_one_series_that_is_kept_for_years_to_the_next(own: str, newer: str) -> None:
    assert newer_kernel(sources.load(f"builtin:neoverse-n2-linux-{own}")).startswith(f"{newer}.")


@pytest.mark.parametrize("mode", ["2", "4"])
async def test_where_there_is_room_the_explanation_stands_beside_with_every_field(mode: str) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, mode)
        await wait_for(pilot, lambda: getattr(app.screen, "complete", True), "the answer")
        text = await press(pilot, "n" if mode == "2" else "G")
        text = await press(pilot, "g")
        head = {"2": "ID_AA64PFR0_EL1, host and exposed", "4": "ID_MMFR4_EL1, saved and destination's own"}[mode]
        line = next(line for line in text.splitlines() if head in line)
        assert line.index("│") < line.index(head) and "enter: more" not in text
        right = [line.split("│")[1] for line in text.splitlines()[1:-1]]
        assert sum(one.split()[1:2] != [] and ":" in one.split()[1] for one in right if one.strip()) >= 8
        for size in ((80, 24), (200, 60), (120, 40)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            text = screen_text(app)
            assert (head in text) == (size[0] >= 160)
            assert (size[0] >= 160 or text.splitlines()[-4].strip()) and max(map(len, text.splitlines())) <= size[0]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_tables_of_kernels_name_the_host_that_they_are_about(size: tuple[int, int]) -> None:
    """They are about the source's own machine; the destination that was chosen, and its counts, stood above them."""
    app = app_on(NEOVERSE, "builtin:cortex-a72-linux-6.12")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "4")
        await wait_for(pilot, lambda: app.screen.complete, "the answer")  # type: ignore[attr-defined]
        text = await press(pilot)
        assert "cortex-a" in text and "✖" in text.splitlines()[0]
        for key in ("k", "K"):
            await press(pilot, key)
            await wait_for(pilot, lambda: app.screen.complete, "the table")  # type: ignore[attr-defined]
            text = await press(pilot)
            head = text.splitlines()[:3]
            assert "same host" in "\n".join(head) and "✖" not in head[0]
            assert ("not cortex-a72-linux-6.12" in head[2]) == (size[0] > 100)
        text = await press(pilot, "escape")
        assert "same host" not in text.splitlines()[0] and "✖" in text.splitlines()[0]


async def test_where_it_has_no_line_the_next_rule_is_told_by_name() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        await wait_for(pilot, lambda: app.screen.complete, "the answer")  # type: ignore[attr-defined]
        await press(pilot, "h")
        await wait_for(pilot, lambda: "Asked by the restore rule of" in screen_text(app), "whose rule it is")
