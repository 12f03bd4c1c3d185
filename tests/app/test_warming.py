"""What is loaded while the first screen is read: modules that exist, one at a time."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from inspector.app.shell import warming
from tests.app.driving import settle, wait_for
from tests.app.material import NEOVERSE, app_on

NAMES = ("inspector.app.dialogs.open", "inspector.app.dialogs.export")


def test_every_module_exists() -> None:
    assert all(find_spec(name) for name in warming.MODULES)


async def test_they_are_loaded_after_the_first_screen_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(warming, "MODULES", NAMES)
    app = app_on(NEOVERSE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        warming.warm(app)
        assert NAMES[0] in sys.modules and NAMES[1] not in sys.modules
        await wait_for(pilot, lambda: NAMES[1] in sys.modules, "the second")
