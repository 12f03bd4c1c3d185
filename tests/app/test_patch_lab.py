"""Real kernels beside the predicted answers, on the patch page; the machines are stand-ins."""

from __future__ import annotations

import threading

import pytest
from textual.widgets import Input

from inspector.app.shell.real import fetched_for
from inspector.checks.machine.question import ask
from inspector.errors import SourceError
from inspector.registers.catalog import find
from inspector.sources.dump import Dump
from inspector.sources.live.laboratory import Lab
from tests.app.driving import SIZES, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, app_on
from tests.lab.stand_ins import without_machines


@pytest.fixture(autouse=True)
def _lab(monkeypatch: pytest.MonkeyPatch) -> None:
    without_machines(monkeypatch)
    fetched = {"6.1": ["a", "1"], "6.12": ["b", "2"]}
    monkeypatch.setattr("inspector.lab.doctor.kernels", lambda folder: fetched)
    monkeypatch.setattr("inspector.app.shell.real.kernels", lambda folder: fetched)


def rows(text: str) -> dict[str, str]:
    """What is said of each kernel; beside it stands the explanation, where there is room."""
    lines = [line.split("│")[0] for line in text.split("real kernels")[-1].splitlines()]
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.strip()}


@pytest.mark.parametrize("size", (*SIZES, (200, 60)), ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_saved_value_is_put_to_real_kernels_at_once_and_what_is_typed_while_typing(
    size: tuple[int, int],
) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "5", "L")
        await wait_for(pilot, lambda: "EINVAL EINVAL" in rows(screen_text(app)).get("6.12", ""), "6.12 refuses")
        await wait_for(pilot, lambda: "0 0" in rows(screen_text(app)).get("6.1", ""), "6.1 accepts")
        found = rows(screen_text(app))
        assert "= as pr" in found["6.1"] and "= as pr" in found["6.12"]
        assert "cannot be fetched" in found["newest"]
        line = app.screen.query_one("#real-value", Input)
        assert app.focused is line and line.value == "0x1021110"
        line.value = "CCIDX=0"
        await wait_for(pilot, lambda: "EINVAL EINVAL" in rows(screen_text(app)).get("6.1", ""), "6.1 refuses now")
        await wait_for(pilot, lambda: "0 0" in rows(screen_text(app)).get("6.12", ""), "6.12 accepts now")
        line.value = "CCIDX=x"
        await wait_for(
            pilot, lambda: rows(screen_text(app)).get("6.1") == "…", "no older answer beside what is no value"
        )
        await wait_for(pilot, lambda: "✖" in rows(screen_text(app)), "why it is no value")
        await press(pilot, "escape")
        await wait_for(pilot, lambda: "real kernels" not in screen_text(app), "closed")


async def test_other_kernels_are_typed_and_a_whole_restore_is_counted() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5", "L")
        line = app.screen.query_one("#real-kernels", Input)
        line.focus()
        line.value = "6.1 6.12"
        await press(pilot, "enter")
        said = "6.1 → 6.12, every value of a fresh vCPU: 2 of "
        await wait_for(pilot, lambda: said in screen_text(app), "the restore was made")
        assert "refused: ID_MMFR4_EL1, ID_AA64MMFR2_EL1; all as predicted" in screen_text(app)
        await press(pilot, "escape", "j")
        await press(pilot, "L")
        assert "real kernels ID_AA64MMFR2_EL1" in screen_text(app)


def take_qemu_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that can start no machine."""

    def read(lab: Lab) -> Dump:
        raise SourceError("qemu-system-aarch64 is not installed", "lab", "Debian's package: qemu-system-arm")

    monkeypatch.setattr(Lab, "read", read)


async def test_a_lab_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    take_qemu_away(monkeypatch)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5", "L")
        await wait_for(pilot, lambda: "qemu-system-arm" in screen_text(app), "the reason")
        assert screen_text(app).count("is not installed") == 1


async def test_a_machine_that_starts_says_how_far_it_is_and_is_stopped_with_the_pane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(lab: Lab) -> Dump:
        lab._say("booting, 5 s")
        assert lab.stopped.wait(20)
        raise SourceError("was stopped", lab.address)

    monkeypatch.setattr(Lab, "read", read)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5", "L")
        await wait_for(pilot, lambda: screen_text(app).count("booting, 5 s") == 3, "all are booting")
        await press(pilot, "escape")
        await wait_for(pilot, lambda: "booting" not in screen_text(app), "closed")


async def test_what_a_machine_says_when_the_program_has_ended_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads that wait for machines go on until those have ended."""
    begun, ended, done, faults = list[Lab](), threading.Event(), threading.Semaphore(0), list[BaseException]()

    def read(lab: Lab) -> Dump:
        begun.append(lab)
        ended.wait(60)
        try:
            lab._say("booting, 5 s")
        except BaseException as fault:
            faults.append(fault)
        done.release()
        raise SourceError("was stopped", lab.address)

    monkeypatch.setattr(Lab, "read", read)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5", "L")
        await wait_for(pilot, lambda: len(begun) == 3, "all are starting")
    ended.set()
    assert all(done.acquire(timeout=60) for _ in begun) and not faults


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_real_kernel_of_the_series_answers_beside_the_slider_once_the_lab_was_opened(
    size: tuple[int, int],
) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        app.session.ask(ask("6.11.11"))
        await press(pilot, "]")
        await wait_for(pilot, lambda: "6.11.11 → 6.12.0:" in screen_text(app), "stepped")
        assert "real" not in screen_text(app)
        await press(pilot, "5", "L")
        await wait_for(pilot, lambda: "real 6.12.107 0x0000_" in screen_text(app), "6.12 answers")
        assert "= as predicted" in screen_text(app).splitlines()[1] or size[0] == 60
        await press(pilot, "escape", "1", "[")
        await wait_for(pilot, lambda: "no kernel of 6.11 is fetched" in screen_text(app), "only what was fetched")
        app.session.ask(ask("6.0.0"))
        await press(pilot, "]")
        await wait_for(pilot, lambda: "6.0.0 → 6.1.0: real 6.1.0 " in screen_text(app), "6.1 answers in Browse")
        app.session.show_register(find("CTR_EL0").register.id)
        await wait_for(pilot, lambda: "real 6.1.0 0x0000_0000_b444" in screen_text(app), "another register")


async def test_a_kernel_that_does_not_answer_says_so_beside_the_slider(monkeypatch: pytest.MonkeyPatch) -> None:
    take_qemu_away(monkeypatch)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5", "L", "escape")
        app.session.ask(ask("6.11.11"))
        await press(pilot, "]")
        await wait_for(pilot, lambda: "real 6.12 ✖ lab: qemu" in screen_text(app), "why there is no answer")


@pytest.mark.parametrize(
    ("kernel", "found"),
    [("6.12.57", "6.12"), ("6.12.0+mask-ccidx", "6.12"), ("7.3.0", "newest"), ("7.0.9", ""), ("6.1.20", "")],
)
def test_the_fetched_kernel_of_a_series_is_found_by_its_version(kernel: str, found: str) -> None:
    assert fetched_for(kernel, {"6.12": ["p", "6.12.118-1"], "newest": ["q", "7.3.4-1~bpo13+1"]}) == found
