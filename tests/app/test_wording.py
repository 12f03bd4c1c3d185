"""What a report says in terms of the command line, in terms of the screens."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.app.modes.write.screen import Write
from inspector.app.shell.wording import settling
from tests.app.driving import press, screen_text, settle, wait_for
from tests.app.material import app_on

STREAM = Path(__file__).parent.parent / "material" / "qemu" / "kvm-6.12_neoverse-n2_q100smp2.mig.xz"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("   --kernel 6.7.0", "   p: 6.7.0"),
        ("   --host aarch32=on or --host aarch32=off", "   p, host: aarch32=on or aarch32=off"),
        ("`vcpu-inspector show F --kernel 6.7.0`", "`vcpu-inspector show F --kernel 6.7.0`"),
    ],
)
def test_what_settles_an_answer_is_a_key(said: str, shown: str) -> None:
    assert settling(said) == shown


async def test_a_field_of_an_uncertain_write_is_not_called_accepted() -> None:
    """It read `= accepted` below `? uncertain`, with an option of the command line for what settles it."""
    app = app_on(str(STREAM))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "w", *"CTR_EL0.IDC=0")
        await wait_for(pilot, lambda: "? uncertain   " in screen_text(app) or "If " in screen_text(app), "judged")
        assert isinstance(app.screen, Write)
        text = screen_text(app)
        (field,) = [line for line in text.splitlines() if "IDC [28]" in line]
        assert "? uncertain" in field and "accepted" not in field
        assert " p: 6." in text and "--kernel" not in text
