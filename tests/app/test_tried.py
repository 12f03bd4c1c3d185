"""Simulated writes on every screen: the log, undo, another kernel, another reading, a restore that is stepped."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from inspector import sources
from inspector.app.dialogs.log import WriteLog
from inspector.app.modes.migrate import question as asking
from inspector.app.modes.migrate.screen import Migrate
from inspector.app.modes.migrate.steps import again
from inspector.app.modes.write.screen import Write
from inspector.app.shell.application import InspectorApp
from inspector.app.shell.session import Session
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import ask
from inspector.checks.restore.stepping import course_of
from inspector.checks.writing.history import Step, steps_of
from inspector.checks.writing.scratch import PairedWrite, ScratchWrites
from inspector.kvm.verdict import Verdict
from inspector.registers.catalog import find
from inspector.registers.encoding import sysreg_id
from inspector.reports.writes import LogAbout, commands, log_markdown
from inspector.sources.dump import Vcpu
from inspector.sources.live.scratch import ActualWrite
from inspector.sources.live.source import LiveOptions
from tests.app.driving import check_screen, enter_text, press, screen_text, settle, shown, wait_for
from tests.app.material import NEOVERSE, PFR0, TPIDR, app_on
from tests.fresh import ROOT

SIZES = ((120, 40), (80, 24), (60, 16), (200, 60))
TWO = "CSV2=0 ID_AA64MMFR2_EL1.CCIDX=1"
PRFR = find("ID_AA64PFR0_EL1").register
MMFR4 = find("ID_MMFR4_EL1").register.id


def session_on(*names: str, kernel: str = "") -> Session:
    session = Session()
    for name in names:
        session.add(sources.load(name))
    session.begin()
    if kernel:
        session.ask(ask(kernel))
    return session


def do(session: Session, *lines: str) -> None:
    """Make writes on the vCPU on screen."""
    number = session.tried.number
    for line in lines:
        steps = steps_of(line, session.register)
        session.tried.history().do([msgspec.structs.replace(one, vcpu=number) for one in steps])
    session.on_change("writes")


async def migrated(pilot: Pilot[None]) -> Migrate:
    """Migrate, answered."""
    await press(pilot, "4")
    screen = pilot.app.screen
    assert isinstance(screen, Migrate)
    await wait_for(pilot, lambda: screen.complete, "the check is answered")
    return screen


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    "name", ["write-several", "write-values", "write-log", "migrate-steps", "migrate-step-log", "migrate-step-value"]
)
async def test_the_screen_is_as_expected(name: str, size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    app.session.question = ask("6.12")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        if name.startswith("write"):
            await press(pilot, "w")
            await enter_text(pilot, "CSV2=" if name == "write-values" else TWO)
        else:
            await migrated(pilot)
            await press(pilot, "T")
        await press(
            pilot,
            *{"write-log": ("enter", "f2", "f7"), "migrate-step-log": ("W",), "migrate-step-value": ("w",)}.get(
                name, ()
            ),
        )
        await check_screen(pilot, f"{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_fault_14_the_box_does_not_jump_and_enter_always_tries(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "w")
        box, seen = app.screen.query_one(".write"), set()
        for text in ("C", "SV2=", "9", "9", " DIT=0 ID_AA64MMFR2_EL1.CCIDX=1"):
            await enter_text(pilot, text)
            seen.add(box.region)
        assert len(seen) == 1
        line = app.screen.query_one("#value", Input)
        line.value = "DIT=0"
        await press(pilot, "enter", "enter")
        assert line.value == "DIT=0" and [one.outcome for one in app.session.tried.history().entries] == ["refused"] * 2


async def test_fault_13_the_field_at_the_cursor_is_there_and_names_are_completed() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.session.follow(PFR0, "CSV2")
        await press(pilot, "w")
        line = app.screen.query_one("#value", Input)
        assert line.value == "CSV2="
        await press(pilot, "0")
        assert line.value == "CSV2=0" and "= accepted" in screen_text(app)
        line.value = "id_aa64mmfr2_el1.cc"
        await settle(pilot)
        await press(pilot, "tab")
        assert line.value == "id_aa64mmfr2_el1.CCIDX="
        await press(pilot, "escape", "w")
        await press(pilot, "d", "i")
        line = app.screen.query_one("#value", Input)
        assert line.value == "di", "letters take the place of the field"
        await press(pilot, "tab")
        first = line.value
        assert first == "DIT="
        await press(pilot, "tab")
        assert line.value != first and line.value.endswith(("=", "."))


async def test_fault_12_the_log_undo_and_redo_from_any_mode() -> None:
    app = app_on(NEOVERSE)
    app.session.question = ask("6.12")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        do(app.session, TWO)
        await settle(pilot)
        assert "* 2 writes" in screen_text(app) and "W Log" in screen_text(app)
        for mode in ("0", "1", "2", "5", "6"):
            await press(pilot, mode, "u")
            assert not app.session.tried.count() and "* 2 writes" not in screen_text(app).splitlines()[0], mode
            await press(pilot, "U")
            assert app.session.tried.count() == 2 and "* 2 writes" in screen_text(app).splitlines()[0], mode
        text = await press(pilot, "W")
        assert isinstance(app.screen, WriteLog) and "EINVAL: CCIDX" in text
        await press(pilot, "up", "delete")
        assert [one.step.text for one in app.session.tried.history().entries] == ["CCIDX=1"]
        await press(pilot, "R")
        assert "Nothing was written" in screen_text(app)


def test_the_same_writes_are_asked_of_another_kernel() -> None:
    session = session_on(NEOVERSE, kernel="6.12")
    do(session, "DIT=0")
    assert session.shown is not None and session.view is not None
    assert session.view.values[PFR0] >> 48 & 0xF == 0 == (session.shown.model[PFR0].exposed or 0) >> 48 & 0xF
    session.ask(ask("6.1"))
    history = session.tried.history()
    assert history.entries[0].outcome == "refused" and not session.view.written
    assert session.dumps[0] is session.loaded[0]
    session.ask(ask("6.12"))
    assert session.view.written and session.dumps[0] is not session.loaded[0]


def test_what_was_made_beside_the_screen_answers_unless_something_else_is_asked() -> None:
    session = session_on(NEOVERSE)
    made = session.tried.prepared()()
    session.tried.take(made)
    assert session.tried.history().bench is made.bench
    session = session_on(NEOVERSE)
    made = session.tried.prepared()()
    session.ask(ask("6.12"))
    session.tried.take(made)
    assert session.tried.machine().policy.name == "6.12"
    assert session.tried.history().bench is not made.bench


def test_a_vm_wide_register_changes_on_every_vcpu_and_others_on_their_own() -> None:
    dump = sources.load(NEOVERSE)
    first = dump.vcpus[0]
    two = (first, Vcpu(index=1, values=first.values, setup=first.setup))
    session = Session()
    session.add(msgspec.structs.replace(dump, vcpus=two, one_vm=True))
    session.ask(ask("6.12"))
    session.show_view(1)
    do(session, "ID_AA64PFR0_EL1.CSV2=0 SCTLR_EL1=0x1234")
    sctlr = sysreg_id(3, 0, 1, 0, 0)
    assert [set(one.written) for one in session.views()[:2]] == [{PFR0}, {PFR0, sctlr}]
    assert session.views()[0].written[PFR0].by == "write 1"


async def test_a_live_source_that_is_read_again_keeps_the_writes() -> None:
    session = session_on(NEOVERSE, kernel="6.12")
    do(session, "CSV2=0")
    dump = session.loaded[0]
    vcpu = dump.vcpus[0]
    values = {**vcpu.values, sysreg_id(3, 0, 1, 0, 0): 0x77}
    session.renew(msgspec.structs.replace(dump, vcpus=(msgspec.structs.replace(vcpu, values=values),)), {})
    assert session.view is not None and set(session.view.written) == {PFR0}
    assert session.view.values[sysreg_id(3, 0, 1, 0, 0)] == 0x77 and session.tried.writes_to(NEOVERSE) == 1


def test_writes_change_the_saved_vm_and_not_the_machine_that_it_goes_to() -> None:
    """A host that is known by its vCPU alone does not lose a feature because a write lowered it."""
    dump = msgspec.structs.replace(sources.load("builtin:neoverse-n2-linux-6.12"), host=None)
    session = Session()
    session.add(dump)
    do(session, "ID_AA64PFR0_EL1.CSV2=0")
    put = asking.grounded(asking.Question(session.dumps[0], None, "6.12"), [(session.dumps[0], session.loaded[0], 1)])
    assert put is not None and put.read is dump and put.written == {PFR0}
    found = next(one for one in asking.ask(put).findings if one.id == PFR0)
    assert found.value is not None and found.value >> 56 & 0xF == 0
    assert found.destination is None or found.destination >> 56 & 0xF == 1
    with pytest.raises(Exception, match="simulated writes"):
        asking.write_fixed(put, "/nonexistent/never")


async def test_a_stepped_restore_goes_back_and_on_and_ends_with_another_question() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        screen = await migrated(pilot)
        await press(pilot, "t", "t", "t")
        course = screen.stepping.course
        assert course is not None and course.done == 3
        assert "step 3 of" in screen_text(app) and "T To refusal" in screen_text(app)
        await press(pilot, "T")
        stopped = screen.stepping.course
        assert stopped is not None and stopped.last is not None and stopped.last.outcome == "refused"
        await press(pilot, "u")
        assert "step 3 of" in screen_text(app)
        await press(pilot, "U")
        assert f"step {stopped.done} of" in screen_text(app)
        assert f"{stopped.done}. " in screen.report() and screen.question is not None
        assert again(screen.question).startswith(f"vcpu-inspector migrate {NEOVERSE} same-host --kernel ")
        await press(pilot, "h")
        await wait_for(pilot, lambda: screen.complete, "another VMM was asked")
        assert screen.stepping.course is None


def test_secrets_stay_withheld_in_the_exports() -> None:
    session = session_on(NEOVERSE, kernel="6.12")
    do(session, "TPIDR_EL0=0xdeadbeef ID_AA64PFR0_EL1.CSV2=0")
    entries = session.tried.history().entries
    about = LogAbout(source="vm one.mig", title="Linux 6.12", kernel="6.12")
    told = commands(entries, about) + log_markdown(entries, about)
    assert "deadbeef" not in told and "TPIDR_EL0=withheld" in told and "'vm one.mig'" in told
    assert "deadbeef" in commands(entries, msgspec.structs.replace(about, secrets=True))
    assert session.view is not None and TPIDR not in session.view.written


async def test_the_log_of_a_real_write_says_that_it_cannot_be_undone() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        history = app.session.tried.history()
        verdict = Verdict(id=PFR0, value=1, errno=0, before=5, after=1)
        history.record(PairedWrite(verdict, ActualWrite(id=PFR0, value=1, errno=22, before=5, after=5)), "0x1")
        text = await press(pilot, "W")
        assert "really written: EINVAL" in text and "model and kernel differ" in text
        told: list[str] = []
        app.notify = lambda message, **_: told.append(message)  # type: ignore[method-assign]
        await press(pilot, "u", "delete")
        assert len(told) == 2 and all("cannot be taken back" in one for one in told) and len(history.entries) == 1


async def test_what_is_typed_fast_is_tried_whole() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "w", *"CSV2=1 CSV3=1", "enter")
        assert isinstance(app.screen, Write) and isinstance(app, InspectorApp)
        assert [one.step for one in app.session.tried.history().entries] == [Step(id=PRFR.id, text="CSV2=1 CSV3=1")]


async def test_a_write_for_real_is_put_down_with_the_kernels_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accepted simulated writes are made before it, on the scratch vCPU too; only its own answer is put down."""
    asked: list[list[tuple[int, int]]] = []
    vm, app = machine(sources.load(NEOVERSE)).vm(), app_on(NEOVERSE)

    def answered(source: str, writes: list[tuple[int, int]], policies: object, options: object) -> ScratchWrites:
        asked.append(writes)
        pairs = [
            PairedWrite(
                Verdict(id=reg_id, value=value, errno=0, before=5, after=value),
                ActualWrite(id=reg_id, value=value, errno=0, before=5, after=value),
            )
            for reg_id, value in writes
        ]
        return ScratchWrites(vm, tuple(pairs))

    monkeypatch.setattr("inspector.checks.writing.scratch.write_and_predict", answered)
    monkeypatch.setattr("inspector.sources.live.is_live", lambda source: True)
    app.session.question, app.session.for_real = ask("6.12"), LiveOptions()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "w")
        await enter_text(pilot, "CSV2=0")
        await press(pilot, "enter")
        app.screen.query_one("#value", Input).value = "ID_AA64PFR0_EL1.DIT=0 SCTLR_EL1=0x5"
        await settle(pilot)
        await press(pilot, "f9")
        history = app.session.tried.history()
        await wait_for(pilot, lambda: len(history.entries) == 3, "both answers are in the log")
        assert [one for one, _ in asked[0]] == [PFR0, PFR0, sysreg_id(3, 0, 1, 0, 0)]
        assert history.writes == 1 and [one.step.pair is not None for one in history.entries] == [False, True, True]
        assert "really written: accepted, as predicted" in await press(pilot, "f7")


async def test_compare_marks_what_was_written_in_every_form() -> None:
    newer = "builtin:neoverse-n2-linux-6.12"
    async with (app := app_on(newer, NEOVERSE)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        do(app.session, "ID_AA64PFR0_EL1.DIT=0")
        text = await press(pilot, "2")
        assert "ID_AA64PFR0_EL1 * " in text
        await press(pilot, "d")
        await enter_text(pilot, NEOVERSE)
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "2 dumps" in screen_text(app), "both dumps")
        text = screen_text(app)
        assert [line.split()[1] for line in text.splitlines() if " * 0x" in " ".join(line.split())] == [
            "ID_AA64PFR0_EL1"
        ]
        await press(pilot, "u")
        assert "ID_AA64PFR0_EL1 *" not in screen_text(app)


async def test_the_write_dialog_shows_what_was_saved_where_no_rule_derives_it() -> None:
    """The kernel under the dump hides a field of the host; the saved value is known all the same."""
    stream = str(ROOT / "tests/material/qemu/kvm-6.1_neoverse-n2_q100.mig.xz")
    async with (app := app_on(stream)).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.session.show_register(find("ID_AA64MMFR1_EL1").register.id)
        await press(pilot, "w")
        await shown(pilot, "now       0x0000_0000_1021_2122")
        await press(pilot, "escape")
        do(app.session, "ID_AA64MMFR1_EL1.VH=0")
        await press(pilot, "w")
        text = await shown(pilot, "now       0x")
        now = text.partition("now       0x")[2][:19]
        assert now in ("0000_0000_1021_2122", "0000_0000_1021_2022")


async def test_what_is_pressed_before_the_check_is_answered_is_told_so() -> None:
    async with app_on(NEOVERSE).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        screen = await migrated(pilot)
        whole, screen.check.whole = screen.check.whole, None
        for key in "tf":
            text = await press(pilot, key)
            assert "The check is still under way" in text and "nothing" not in text.casefold()
        screen.check.whole = whole
        text = await press(pilot, "t")
        assert "esc Findings" in text.splitlines()[-1]
        assert "esc Findings" not in (await press(pilot, "escape")).splitlines()[-1]


async def test_another_value_at_a_step_is_restored_and_what_follows_is_asked_anew() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        screen = await migrated(pilot)
        await press(pilot, "t", "T")
        stopped = screen.stepping.course
        assert stopped is not None and stopped.last is not None and stopped.last.finding.id == MMFR4
        before, refused = stopped.last.finding, stopped.steps[stopped.done :]
        text = await press(pilot, "w")
        assert "another value of ID_MMFR4_EL1" in text and "would pass 0x0000_0000_0002_1110" in text
        await press(pilot, "enter")
        await wait_for(pilot, lambda: screen.complete, "the restore is asked anew")
        course = screen.stepping.course
        assert course is not None and course.done == stopped.done and course.last is not None
        assert course.last.outcome == "accepted" and course.last.finding.value == before.would_pass
        assert screen.question is not None and screen.question.saved(0, MMFR4) == before.value
        text = await press(pilot, "T")
        assert "ID_AA64MMFR2_EL1 is refused" in text and "1 refused so far" not in text
        assert "instead of 0x0000_0000_0102_1110" in screen.report()
        # Undone, the saved value is refused again, by the model and not by what was seen before.
        await press(pilot, "u", "u")
        await wait_for(pilot, lambda: screen.complete, "the saved value is asked again")
        course = screen.stepping.course
        assert course is not None and course.last is not None and course.last.outcome == "refused"
        assert [one.finding.errno for one in course.steps[course.done :]] == [one.finding.errno for one in refused]


def test_what_is_written_at_a_step_decides_about_later_steps() -> None:
    """PMCR_EL0.N = 0 leaves the vCPU no event counter, so that later writes lose the bits of counters."""
    source = sources.load(NEOVERSE)
    pmcr, enabled = find("PMCR_EL0").register.id, find("PMCNTENSET_EL0").register.id
    saved = asking.Question(source, kernel="7.3")
    typed = msgspec.structs.replace(saved, instead=(asking.Instead(0, pmcr, 0),))
    steps = [{one.finding.id: one for one in course_of(asking.ask(question)).steps} for question in (saved, typed)]
    assert [one[enabled].outcome for one in steps] == ["accepted", "changed"]
    assert steps[0][enabled].number > steps[0][pmcr].number
    assert typed.written == {pmcr} and not saved.written and typed.behind is source
    with pytest.raises(Exception, match="simulated writes"):
        asking.write_fixed(typed, "/nonexistent/never")


async def test_an_answer_that_comes_while_the_dialog_is_being_made_ends_nothing() -> None:
    """The kernel slider answers from beside the screen, whatever was opened meanwhile."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.action_write()
        assert not app.screen.is_mounted
        app.session.on_change("policy")
        await settle(pilot)
        assert "Write registers" in screen_text(app)


async def test_the_log_runs_the_vm_once_and_copies_and_exports_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_on("builtin:neoverse-n2-linux-6.12")
    told: list[str] = []
    monkeypatch.setattr(app, "notify", lambda message, **_: told.append(message))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "W", "e", "c", "y")
        assert told == ["Nothing to export here", "Nothing to export here", "Nothing to copy here"]
        do(app.session, "DIT=0")
        text = await press(pilot, "r")
        assert " 2 =  first run" in text and "ID registers are fixed fr" in text
        await press(pilot, "r")
        assert told[3:] == ["The VM has run already"]
        do(app.session, "DIT=1")
        assert app.session.tried.history().entries[-1].errno_name == "EBUSY"
        await press(pilot, "y")
        made = [line.strip(" \\") for line in app.clipboard.splitlines()[-3:]]
        assert made == ["ID_AA64PFR0_EL1.DIT=0", "run", "ID_AA64PFR0_EL1.DIT=1"]
        await press(pilot, "Y")
        copied = app.clipboard
        assert copied.startswith("## ") and "EBUSY" in copied and "vcpu-inspector write" in copied
        await press(pilot, "e", "ctrl+u")
        await enter_text(pilot, "log.md")
        await press(pilot, "enter")
        assert (tmp_path / "log.md").read_text().rstrip() == copied.rstrip()
