"""The chooser of kernel policy and vCPU features, and what Browse and Cache make of the choice."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from inspector import sources
from inspector.app.dialogs.policy import PolicyChooser
from inspector.app.shell.application import InspectorApp
from inspector.app.widgets.ink import plain
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.checks.machine.machine import Machine
from inspector.policies.points import all_names, policy_names
from inspector.registers.encoding import sysreg_id
from inspector.registers.ids import WORKAROUND_3
from inspector.sources.dump import Constraint
from tests.app.driving import press, screen_text, settle, styles_at, wait_for
from tests.app.material import NEOVERSE, PFR0, app_on, template_of

MMFR2 = sysreg_id(3, 0, 0, 7, 2)


def words(text: str) -> str:
    """The screen as running text, without frames."""
    return " ".join(text.replace("│", " ").replace("┃", " ").split())


def said(app: InspectorApp) -> str:
    """What the chooser answers."""
    return " ".join(" ".join(map(plain, app.screen.query_one("#said", Lines).rows)).split())


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
async def test_a_typed_policy_is_asked(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12")
        await press(pilot, "enter")
        question = app.session.question
        assert question is not None and question.policy.point.startswith("6.12.") and question.setup is None
        assert not isinstance(app.screen, PolicyChooser)
        text = await press(pilot, "/", *"aa64mmfr2.ccidx", "enter")
        row = next(line for line in text.splitlines() if "CCIDX" in line and "0x0" in line)
        assert "0x1" in row and "masked" in row


async def test_the_explanation_names_rule_and_source() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.12", "enter", "/", *"aa64mmfr2.ccidx", "enter")
        assert "Rule mask CCIDX" in words(text) and "bf48040cd9b0" in words(text)
        assert "Linux 6.12" in text.splitlines()[0] and "▼" in text.splitlines()[0]


async def test_patches_and_features_are_ticked() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.2", "tab", "j", "j", "space")
        assert "6.2+mask-ccidx" in text and "[x] mask-ccidx " in text
        ticks = app.screen.query_one("#ticks", Listing)
        for word in ("sve", "gic"):
            ticks.go(ticks.index_of(f"feature {word}" if word == "sve" else word) or 0)
            await press(pilot, "space")
        await press(pilot, "enter")
        question = app.session.question
        assert question is not None and question.patches == ("mask-ccidx",) and question.setup is not None
        assert "sve" not in question.setup.describe() and question.setup.gic == "none"
        told = app.session.answer()
        assert not isinstance(told, Exception) and told is not None
        assert told.exposure.values[PFR0] >> 32 & 0xF == 0


@pytest.mark.parametrize("key", ["enter", "tab"])
async def test_what_is_wrong_is_told_in_place_and_nothing_is_asked(key: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('extends = "6.1"\nrulez = 1\n')
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        app.screen.query_one("#name", Input).value = str(bad)
        await press(pilot, key)
        assert "✖" in said(app) and "rulez" in said(app)
        assert app.session.question is None and isinstance(app.screen, PolicyChooser)


async def test_a_feature_that_the_host_lacks_gives_kvms_errno() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.2", "tab")
        ticks = app.screen.query_one("#ticks", Listing)
        ticks.go(ticks.index_of("feature el2") or 0)
        await press(pilot, "space")
        assert "ENOENT (2), because of el2" in said(app)
        await press(pilot, "space")
        assert "ENOENT" not in said(app) and "registers listed" in said(app)


async def test_letters_typed_faster_than_the_focus_moves_are_kept() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        await pilot.press("6", "full_stop", "1", "2")
        await settle(pilot)
        assert app.screen.query_one("#name", Input).value == "6.12"
        await press(pilot, "tab", "5", ".", "1", "5")
        assert app.screen.query_one("#name", Input).value == "5.15"


async def test_none_goes_back_to_the_dump_alone() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        alone = screen_text(app)
        await press(pilot, "p", *"6.12", "enter")
        assert screen_text(app) != alone
        await press(pilot, "p", *"none", "enter")
        assert app.session.question is None
        assert "verdict" in screen_text(app)


async def test_the_list_of_policies_is_whole_and_takes_the_ticks_along() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        keys = [item.key for item in app.screen.query_one("#policies", Listing).items]
        assert keys == ["none", *reversed(all_names())]
        assert keys[keys.index("6.8.0") - 1] == "ubuntu-6.8.0-151"
        await press(pilot, "down", "tab", "j", "space", "tab", "down")
        assert app.screen.query_one("#name", Input).value == f"{policy_names()[-2]}+hide-mpam-tolerant"


async def test_what_the_dumps_kernel_hid_is_a_question_mark() -> None:
    app = app_on(msgspec.structs.replace(sources.load("builtin:neoverse-n2-linux-6.12"), host=None))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.2", "enter", "/", *"aa64mmfr2.ccidx", "enter")
        assert "????" in text and "? unknown" in text and "0x1221_0111_12?0_1011" in text
        assert "? " in text.splitlines()[0]


async def test_registers_that_come_and_go() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "enter")
        shown = app.session.shown
        assert shown is not None and len(shown.added) == 17 and not shown.gone
        assert "+ 17" in screen_text(app).splitlines()[0]
        await press(pilot, "p", *"none", "enter")
        assert app.session.shown is app.session.view


async def test_a_source_without_a_machine_says_why() -> None:
    app = app_on(template_of({PFR0: Constraint(0xF << 32, 0)}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.12", "enter")
        assert "✖" in text and "neither a host's raw registers nor a vCPU" in words(text)
        await press(pilot, "escape", "w")
        assert "✖" in screen_text(app)
        await press(pilot, "escape", "5")
        assert "nothing to restore" in words(screen_text(app))


async def test_the_host_itself_can_be_asked_about() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "V")
        assert app.session.view is not None and app.session.view.title == "host"
        text = await press(pilot, "p", *"6.12", "enter", "/", *"aa64mmfr2.ccidx", "enter")
        assert any("CCIDX" in line and "masked" in line for line in text.splitlines())


async def test_caches_follow_the_policy() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.12", "enter", "6")
        assert "as Linux 6.12 makes it" in text and "made up by KVM" in text


async def test_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.2+mask-ccidx", "enter", "5")
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", False)), "every form was worked out")
        text = await press(pilot)
        assert "✖ EINVAL" in text and "[6/7 as posted]" in text
        assert not any("reverse" in style for style in styles_at(app, "EINVAL") + styles_at(app, "▌"))
        text = await press(pilot, "1", "w", *"CCIDX=1")
        assert "✖ refused   EINVAL (22)" in text


NO_BHB = 0
"""SMCCC_ARCH_WORKAROUND_3: not available, because the mitigation is off"""


def options(app: InspectorApp) -> dict[str, bool]:
    """The boot options of the dialog, each with its tick."""
    items = app.screen.query_one("#ticks", Listing).items
    return {i.key.removeprefix("boot "): "[x]" in plain(i.cells[0]) for i in items if i.key.startswith("boot ")}


async def tick(pilot: Pilot[None], app: InspectorApp, key: str) -> None:
    """Space on a line of the ticks, which have the keys."""
    ticks = app.screen.query_one("#ticks", Listing)
    ticks.go(ticks.index_of(key) or 0)
    await press(pilot, "space")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
async def test_boot_options_are_switches(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        assert not options(app)
        await press(pilot, *"6.12", "tab")
        assert {"mitigations=off", "arm64.nobti", "kvm-arm.mode=nvhe"} <= options(app).keys()
        assert not any(options(app).values())
        await tick(pilot, app, "boot mitigations=off")
        await tick(pilot, app, "boot kvm-arm.mode=nvhe")
        await tick(pilot, app, "boot kvm-arm.mode=protected")
        assert [word for word, on in options(app).items() if on] == ["kvm-arm.mode=protected", "mitigations=off"]
        await press(pilot, "enter")
        question = app.session.question
        assert question is not None and question.host == 'cmdline="mitigations=off kvm-arm.mode=protected"'
        told = app.session.answer()
        assert isinstance(told, Machine) and told.exposure.firmware[WORKAROUND_3] == NO_BHB
        assert app.session.policy == "Linux 6.12, boot options ticked"
        await press(pilot, "p", "tab")
        assert options(app)["mitigations=off"]
        await tick(pilot, app, "boot mitigations=off")
        await tick(pilot, app, "boot kvm-arm.mode=protected")
        await press(pilot, "enter")
        assert app.session.question is not None and not app.session.question.host


async def test_a_kernel_lists_the_options_that_it_knows() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"5.10", "tab")
        assert set(options(app)) == {"mitigations=off", "nospectre_bhb", "nospectre_v2", "ssbd=force-off"}


async def test_ticking_nothing_is_given_where_the_dump_has_options() -> None:
    dump = sources.load("builtin:neoverse-n2-linux-6.12")
    given = dump.provenance.told(cmdline="quiet mitigations=off")
    app = app_on(msgspec.structs.replace(dump, provenance=given))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "tab")
        assert options(app)["mitigations=off"]
        await tick(pilot, app, "boot mitigations=off")
        assert "mitigations are off" not in said(app)
        await press(pilot, "enter")
        assert app.session.question is not None and app.session.question.host == 'cmdline="quiet"'
        told = app.session.answer()
        assert isinstance(told, Machine) and told.exposure.firmware[WORKAROUND_3] == 1


async def test_what_an_option_does_here_is_told() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "tab")
        await tick(pilot, app, "boot arm64.nosve")
        assert "would not create such a vCPU" in said(app) and "because of sve" in said(app)
        assert "--features" not in said(app)
        await tick(pilot, app, "boot arm64.nosve")
        await tick(pilot, app, "boot arm64.nobti")
        ticks = app.screen.query_one("#ticks", Listing)
        ticks.go((ticks.index_of("boot arm64.nobti") or 0) - 1)
        await press(pilot, "j")
        assert "Branch target identification is switched off" in said(app) and "BT is 0" in said(app)


async def test_a_vendors_policy_is_picked_from_the_list() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "p")
        policies = app.screen.query_one("#policies", Listing)
        policies.go(policies.index_of("ubuntu-6.8.0-151") or 0)
        await settle(pilot)
        assert "ubuntu-6.8.0-151 " in screen_text(app)
        await press(pilot, "enter")
        assert app.session.question is not None and app.session.question.policy.point == "ubuntu-6.8.0-151"


async def test_fault_16_one_dialog_chooses_the_kernel_in_every_mode() -> None:
    """Ticks for patches and features, evidence in one word, and a line for the host, in Migrate as in Browse."""
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for mode in "012456":
            await press(pilot, mode)
            await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), "the mode")
            await press(pilot, "p", *"6.2", "tab", "j", "j", "space")
            assert isinstance(app.screen, PolicyChooser), mode
            assert app.screen.query_one("#name", Input).value == "6.2+mask-ccidx", mode
            assert "recorded" in screen_text(app) and '"mitigations=off"' in screen_text(app)
            await press(pilot, "escape")


async def test_the_host_of_a_kernel_is_typed_and_ticked_in_one_line() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "p", *"6.12", "tab", "tab")
        await press(pilot, *"bhb=nonsense")
        assert "✖" in said(app) and "bhb" in said(app)
        app.screen.query_one("#host", Input).value = "bhb=vulnerable"
        await press(pilot, "shift+tab")
        await tick(pilot, app, "boot arm64.nobti")
        assert app.screen.query_one("#host", Input).value == 'bhb=vulnerable,cmdline="arm64.nobti"'
        await press(pilot, "enter")
        assert app.session.question is not None
        assert app.session.question.host == 'bhb=vulnerable,cmdline="arm64.nobti"'


async def test_a_field_whose_host_is_not_known_is_not_counted_as_differing() -> None:
    """KVM shows it whatever the host has: that is no difference."""
    app = app_on(msgspec.structs.replace(sources.load(NEOVERSE), host=None))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *"6.12", "enter")
        assert "16 fields, 5 unknown" in text and "fields differ" not in text
        row = next(line for line in text.splitlines() if "CSV3 " in line and "0x1" in line)
        assert "? unknown" in row and "rebuilt" not in text
        assert "host not known -> vCPU 0x1: not vulnerable" in words(text) and "Rule speculation-fields" in words(text)
        text = await press(pilot, "2")
        assert "5 of 16 fields unknown" in text and "5 of 16 fields differ" not in text


SEVERAL = "5.14.0-284.11.1.el9_2.aarch64"
"""A kernel that may be as any mainline release from 5.18 to 6.3."""


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
async def test_where_the_kernels_differ_that_it_may_be_the_field_is_not_known(size: tuple[int, int]) -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *SEVERAL, "enter", "/", *"aa64mmfr2.ccidx", "enter")
        row = next(line for line in text.splitlines() if "CCIDX" in line and "23:20" in line)
        assert "?" in row and "masked" not in row
        assert "0x1221_0111_12?0_1011" in text and "it depends on whether the" in words(text)
        if size == (120, 40):
            assert "Linux 6.1.0, one of 7" in text.splitlines()[0]
            assert "0x1 where the kernel behaves as Linux 5.18.0 to 6.2.0" in words(text)
            assert "0x0 where the kernel behaves as Linux 6.3.0 (--kernel 6.3.0)" in words(text)


async def test_compare_marks_what_the_kernels_do_not_agree_on() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *SEVERAL, "enter", "2")
        assert "what Linux 6.1.0, one of 7 that it may be, would expose" in words(text)
        row = next(line for line in text.splitlines() if "PMUVer" in line)
        assert "? unknown" in row
        ccsidr = next(line for line in text.splitlines() if "CCSIDR[1]" in line)
        assert "0x000000??" in ccsidr and "? unknown" in ccsidr
        assert "0x00000000              ?" in next(line for line in text.splitlines() if "CCSIDR[3]" in line)


async def test_the_cache_page_says_that_another_kernel_would_differ() -> None:
    app = app_on(NEOVERSE)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = await press(pilot, "p", *SEVERAL, "enter", "6")
        assert "CLIDR_EL1 0x0000_00??_??00_00??" in text and "? vCPU as Linux 6.1.0 makes it" in text
        assert "CCSIDR[1] is not known: it depends on whether the kernel has" in words(text)
        assert "0x1a where the kernel behaves as Linux 5.18.0 to 6.2.0" in words(text)
