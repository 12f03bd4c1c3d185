"""Summary and Features in the screens: what stands there at four sizes, where keys lead, what searches find."""

from __future__ import annotations

import re

import pytest
from textual.widgets import Input

from inspector.app.modes.browse.screen import Browse
from inspector.app.modes.features.screen import Features
from inspector.app.widgets.listing import Listing
from inspector.registers import catalog
from inspector.registers.ids import id_of
from tests.app.driving import SIZES, check_screen, enter_text, press, screen_text, settle, wait_for
from tests.app.material import NEOVERSE, app_on

NEWER = "builtin:neoverse-n2-linux-6.12"
SCREENS = {
    "summary": (NEOVERSE, ("0",)),
    "summary-lost": (NEOVERSE, ("0", "n", "n")),
    "summary-beside": ((NEOVERSE, "builtin:cortex-a72-linux-6.12"), ("0",)),
    "summary-host-alone": ("builtin:cix-cd8180-host", ("0",)),
    "features": (NEOVERSE, ("0", "f")),
    "features-missing": (NEOVERSE, ("0", "f", "m", "down")),
    "features-found": (NEOVERSE, ("0", "/", "text:pointer auth")),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_as_expected(name: str, size: tuple[int, int]) -> None:
    source, keys = SCREENS[name]
    app = app_on(*([source] if isinstance(source, str) else source))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for key in keys:
            kind, _, text = key.partition("text:")
            await (press(pilot, kind) if kind else enter_text(pilot, text))
        await check_screen(pilot, f"{name}-{size[0]}x{size[1]}")


async def test_a_second_dump_stands_beside_host_and_vcpu() -> None:
    app = app_on(NEOVERSE, "builtin:cortex-a72-linux-6.12")
    async with app.run_test(size=(200, 60)) as pilot:
        text = await press(pilot, "0")
        title, core, profiling = (
            next(line for line in text.splitlines() if one in line) for one in ("host of", " Core", "Profiling")
        )
        assert re.search("host  +vCPU 0 .*host of cortex-a72-linux-6.12", title)
        assert re.search("Neoverse N2.*= the same.*Cortex-A72", core) and profiling.count("= the same") == 2
        text = await press(pilot, "d", "home", "up", "up", "up", "enter")
        assert "host of" not in text, "none leaves it out"
        await press(pilot, "v")
        assert "host of" not in screen_text(app), "and it stays so"


async def test_another_dump_is_chosen_for_the_third_column_and_read() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        text = await press(pilot, "0")
        assert "other" not in text
        await press(pilot, "d")
        await enter_text(pilot, "builtin:cortex-a72-linux-6.12")
        await press(pilot, "enter")
        await wait_for(pilot, lambda: "other: host of cortex-a72-linux-6.12" in screen_text(app), "the other dump")
        assert "other Arm Cortex-A72" in screen_text(app)
        await press(pilot, "right_curly_bracket")
        await wait_for(pilot, lambda: "Summary ▸ cortex-a72" in screen_text(app), "the other way round")
        assert "other: host of neoverse-n2-linux-6.1" in screen_text(app)


async def test_nothing_of_a_line_is_cut() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        text = await press(pilot, "0")
        assert "FEAT_ECV, FEAT_FGT" in text and "…" not in text.splitlines()[4]


async def test_a_line_leads_to_its_register_and_the_index_to_its_field() -> None:
    """Fault 7 of the review: nothing said what this CPU is."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "0", "n", "n", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")
        assert app.session.place.register == id_of("ID_AA64PFR1_EL1") and app.session.place.field == "MTE"
        await press(pilot, "0", "/")
        await enter_text(pilot, "sve2")
        await press(pilot, "enter", "enter")
        await wait_for(pilot, lambda: isinstance(app.screen, Browse), "Browse")
        assert app.session.place.register == id_of("ID_AA64ZFR0_EL1") and app.session.place.field == "SVEver"


async def test_escape_clears_the_filter_then_leads_back() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "0", "/")
        assert isinstance(app.screen, Features) and isinstance(app.focused, Input)
        text = await enter_text(pilot, "asimddp")
        assert "1 of " in text and "FEAT_DotProd" in text
        text = await press(pilot, "escape")
        assert isinstance(app.focused, Listing) and "FEAT_AES" in text
        await press(pilot, "escape")
        assert app.current_mode == "summary"


async def test_a_chosen_kernel_decides_what_the_guest_gets() -> None:
    from inspector.checks.machine.question import ask

    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "0")
        app.session.ask(ask("6.6"))
        await settle(pilot)
        text = screen_text(app)
        assert "vCPU under Linux 6.6" in text and "made up by KVM" in text
        await press(pilot, "f", "m")
        assert "FEAT_CCIDX" in screen_text(app)


@pytest.mark.parametrize(
    ("text", "register", "field"),
    [
        ("sve2", "ID_AA64ZFR0_EL1", "SVEver"),
        ("FEAT_SVE2", "ID_AA64ZFR0_EL1", "SVEver"),
        ("pauth", "ID_AA64ISAR1_EL1", "API"),
        ("qarma", "ID_AA64ISAR1_EL1", "APA"),
        ("neoverse", "MIDR_EL1", "PartNum"),
        ("PAC", "ID_AA64ISAR1_EL1", "API"),
        ("L2", "CCSIDR[2]", ""),
        ("asimddp", "ID_AA64ISAR0_EL1", "DP"),
        ("pointer auth", "ID_AA64ISAR1_EL1", "API"),
    ],
)
async def test_browse_finds_features_and_words(text: str, register: str, field: str) -> None:
    """Fault 6 of the review: no search knew a feature, a core or a plain word."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "/")
        await enter_text(pilot, text)
        await press(pilot, "enter")
        assert app.session.place.register == id_of(register)
        assert app.session.place.field == field


async def test_explain_has_a_key_and_takes_the_dump_on_screen() -> None:
    """Fault 17 of the review: only the palette led to Explain, and it knew no dump."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "7")
        assert "Explain an error" in text and "source: neoverse-n2-linux-6.1" in text


@pytest.mark.parametrize("size", [(100, 30), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_browse_as_expected_with_names_at_100_and_values_at_200_columns(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        groups = [line for line in text.splitlines() if line.startswith(("  ▾", "  ▸"))]
        assert groups and not any("…" in line[:21] for line in groups)
        assert size[0] < 200 or "ID_AA64PFR1_EL1         0x0000_0000_0000_0021" in text
        await check_screen(pilot, f"browse-{size[0]}x{size[1]}")


def test_short_titles_of_groups_are_short() -> None:
    assert all(len(catalog.group_title(group.key, short=True)) <= 16 for group in catalog.GROUPS)


async def test_a_search_hides_what_does_not_match() -> None:
    """Fault 28 of the review: two hits were dimmed among sixty lines."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "/")
        text = await enter_text(pilot, "sve2")
        listed = [line for line in text.splitlines()[2:-1] if "EL1" in line.split("┃")[0]]
        assert len(listed) == 1 and "ID_AA64ZFR0_EL1" in listed[0]


async def test_fault_27_what_is_not_known_of_a_cache_is_not_called_more() -> None:
    """The vCPU's CCSIDR_EL1 lost the number of sets: nobody can say how large it calls the cache."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "0")
        assert "? L1i ? KiB 4 ways" in text and "▲ 0 ? 1" in text.splitlines()[0]


async def test_what_the_guest_gets_is_in_view_with_the_highlighted_line() -> None:
    """At 80x24 it stands below the host's words, and was below the list's end."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "0", "n", "n")
        lines = text.splitlines()
        at = next(at for at, line in enumerate(lines) if line.startswith("▌ Memory tags"))
        assert "guest ▼ none" in lines[at + 1]
