"""The screens that ask a kernel policy, as text, at four sizes. REGENERATE_GOLDEN=1 writes them anew: look at them."""

from __future__ import annotations

import msgspec
import pytest

from inspector import sources
from inspector.sources.dump import Dump
from tests.app.driving import SIZES, check_screen, press, settle, wait_for
from tests.app.material import NEOVERSE, app_on

TO_6_12 = ("p", *"6.12", "enter")
SCREENS = {
    "policy": (NEOVERSE, ("p",)),
    "policy-chosen": (NEOVERSE, ("p", *"6.2", "tab", "j", "j", "space")),
    "policy-refused": (NEOVERSE, ("p", *"6.2", "tab", "tab", *"bhb=off")),
    "policy-unknown": (NEOVERSE, ("p", *"9.9")),
    "browse-policy": (NEOVERSE, TO_6_12),
    "browse-policy-unknown": ("alone", ("p", *"6.2", "enter", "/", *"aa64mmfr2", "enter")),
    "write": (NEOVERSE, ("w",)),
    "write-refused": (NEOVERSE, ("w", *"DIT=0 SVE=2")),
    "write-accepted": (NEOVERSE, (*TO_6_12, "w", *"DIT=0", "enter")),
    "write-no-value": (NEOVERSE, ("w", *"DAT=0")),
    "patch": (NEOVERSE, ("5",)),
    "patch-tolerant": (NEOVERSE, ("5", "t")),
    "patch-keep": (NEOVERSE, ("5", "t", "t")),
    "patch-step": (NEOVERSE, ("5", "space", "space")),
    "patch-big": (NEOVERSE, ("5", "plus", "space")),
    "patch-merged": (NEOVERSE, (*TO_6_12, "5")),
    "kernel-step": (NEOVERSE, ("p", *"6.2.0", "enter", "right_square_bracket")),
    "patch-every": (NEOVERSE, ("5", "m")),
}


def without_host(name: str) -> Dump:
    """A dump of a vCPU whose host nobody knows."""
    return msgspec.structs.replace(sources.load(name), host=None)


EVERY = [(name, size) for name in SCREENS for size in SIZES]


@pytest.mark.parametrize(("name", "size"), EVERY, ids=[f"{name}-{x}x{y}" for name, (x, y) in EVERY])
async def test_the_screen_is_as_expected(name: str, size: tuple[int, int]) -> None:
    source, keys = SCREENS[name]
    app = app_on(without_host("builtin:neoverse-n2-linux-6.12") if source == "alone" else source)
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), "every register looked at")
        await settle(pilot)
        for key in keys:
            await press(pilot, key)
        await wait_for(pilot, lambda: bool(getattr(app.screen, "complete", True)), "everything worked out")
        await wait_for(pilot, lambda: not app.session.sliding, "the kernel was reached")
        await check_screen(pilot, f"{name}-{size[0]}x{size[1]}")
