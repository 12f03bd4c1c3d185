"""Browse from 160 columns: what each kernel of the catalogue shows of the highlighted field."""

from __future__ import annotations

import pytest

from inspector import sources
from inspector.checks.compare.kernel_history import KernelHistory
from inspector.registers.ids import IDS
from tests.app.driving import check_screen, press, screen_text, settle, wait_for
from tests.app.material import app_on
from tests.fresh import ROOT

N2 = "builtin:neoverse-n2-linux-6.1"
TITLE = "Kernels of this host"
WHOLE = "The whole register under the kernels of this host"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.app.modes.browse.history.RESTED", 0.001)


def lines(text: str) -> list[str]:
    """The lines of the list, right of the fields."""
    shown = [line.rpartition("│")[2].strip() for line in text.split("\n")]
    start = next(at for at, line in enumerate(shown) if line.startswith(TITLE))
    return [line for line in shown[start + 1 :] if line]


async def test_the_kernels_that_show_a_field_otherwise_are_listed() -> None:
    app = app_on(sources.load(N2))
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        app.session.show_register(IDS["ID_AA64MMFR2_EL1"], "CCIDX")
        await wait_for(pilot, lambda: "0x0  " in screen_text(app).partition(TITLE)[2], "the answer of every kernel")
        assert [line.split()[:4] for line in lines(screen_text(app))[:2]] == [
            ["▌", "5.10.0", "to", "6.2.0"],
            ["6.3.0", "to", "7.3.4", "0x0"],
        ]
        await check_screen(pilot, "browse-history-200x60")
        for _ in range(2):
            await press(pilot, "]")
        await wait_for(pilot, lambda: "▌ 6.3.0" in screen_text(app), "the mark has gone with the kernel")
        app.session.show_register(IDS["SCTLR_EL1"])
        await settle(pilot)
        assert TITLE not in screen_text(app)


async def test_the_whole_register_stands_below_its_fields_with_what_each_release_changed() -> None:
    app = app_on(sources.load(N2))
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        app.session.show_register(IDS["ID_AA64MMFR2_EL1"], "CCIDX")
        await wait_for(pilot, lambda: WHOLE in screen_text(app), "the answer of every kernel")
        rows = [line.partition("┃")[2] for line in screen_text(app).partition(WHOLE)[2].splitlines()[1:4]]
        assert [" ".join(line.partition("│")[0].split()) for line in rows] == [
            "▌ 5.10.0 to 6.2.0 0x1221_0111_1210_1011",
            "6.3.0 to 6.14.0 0x1221_0111_1200_1011 CCIDX 0x1 → 0x0",
            "6.15.0 to 7.3.4 0x1221_0111_1000_1011 NV 0x2 → 0x0",
        ]
        app.session.show_register(IDS["SCTLR_EL1"])
        await settle(pilot)
        assert WHOLE not in screen_text(app)


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
async def test_no_other_form_asks_the_kernels(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KernelHistory, "runs", lambda *_: pytest.fail("asked"))
    app = app_on(sources.load(N2))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "down", "down")
        assert TITLE not in screen_text(app)


def test_what_is_not_known_of_the_host_is_not_told() -> None:
    """6.12 hides CCIDX: whether the host has it is unknown, and so is what 6.1 would show."""
    history = KernelHistory(
        sources.load(str(ROOT / "tests/material/qemu/kvm-6.12_neoverse-n2_q100.mig.xz")), None, None
    )
    runs = history.runs(IDS["ID_AA64MMFR2_EL1"], 23, 20)
    assert [(run.first, run.known) for run in runs] == [("5.10.0", 0), ("6.3.0", 0xF)]
