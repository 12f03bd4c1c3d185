"""The screens as text, at four sizes. REGENERATE_GOLDEN=1 writes them anew: look at them before committing."""

from __future__ import annotations

import pytest

from inspector.sources.dump import Constraint
from tests.app.driving import SIZES, check_screen, enter_text, press, settle, wait_for
from tests.app.material import NEOVERSE, PFR0, PFR1, app_on, template_of
from tests.sources.material import dump_of

SCREENS = {
    "browse": (NEOVERSE, ()),
    "browse-host-differs": (NEOVERSE, ("greater_than_sign",)),
    "browse-list": (NEOVERSE, ("l",)),
    "browse-notable": (NEOVERSE, ("l", "m")),
    "browse-explained": (NEOVERSE, ("tab", "tab", "enter")),
    "browse-binary": (NEOVERSE, ("x",)),
    "browse-search": (NEOVERSE, ("/", "text:ccidx")),
    "browse-ccsidr": (NEOVERSE, ("/", "text:ccsidr[1]", "enter")),
    "browse-vector": (NEOVERSE, ("/", "text:z0", "enter")),
    "browse-dump-alone": ("alone", ()),
    "browse-template": ("template", ()),
    "browse-vcpus-differ": ("differ", ()),
    "cache-lost": (NEOVERSE, ("6",)),
    "cache-made-up": ("builtin:neoverse-n2-linux-6.12", ("6",)),
    "help": (NEOVERSE, ("?",)),
    "open": (NEOVERSE, ("o",)),
    "palette-found": (NEOVERSE, ("ctrl+p", "text:mmfr2")),
    "start": ("", ()),
}
ALONE = {PFR0: 0x1101_0011_2111_0112, PFR1: 0x21}


def sources_of(name: str) -> list[object]:
    made = {
        "": [],
        "alone": [dump_of(ALONE)],
        "differ": [dump_of(ALONE, {**ALONE, PFR0: 0x1101_0011_2011_0112})],
        "template": [template_of({PFR0: Constraint(0xF << 32 | 0xFF << 8, 0x100)})],
    }
    return list(made.get(name, [name]))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_the_screen_is_as_expected(name: str, size: tuple[int, int]) -> None:
    source, keys = SCREENS[name]
    app = app_on(*sources_of(source))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), "every register looked at")
        await settle(pilot)
        for key in keys:
            kind, _, text = key.partition("text:")
            await (press(pilot, kind) if kind else enter_text(pilot, text))
        await check_screen(pilot, f"{name}-{size[0]}x{size[1]}")
