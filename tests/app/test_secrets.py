"""The screens withhold the guest's secrets until one key shows them."""

from __future__ import annotations

from inspector.registers.catalog import find
from tests.app.driving import press, screen_text, settle
from tests.app.material import app_on
from tests.sources.material import dump_of

TTBR0, MIDR = find("TTBR0_EL1").register.id, find("MIDR_EL1").register.id


async def test_a_secret_is_behind_one_key() -> None:
    app = app_on(dump_of({MIDR: 0x410FD493, TTBR0: 0x5EC2E7}))
    async with app.run_test(size=(120, 40)) as pilot:
        app.session.show_register(TTBR0)
        await settle(pilot)
        text = screen_text(app)
        assert "withheld" in text and "$ shows it" in text and "5ec2_e7" not in text and "5ec2e7" not in text
        text = await press(pilot, "dollar_sign")
        assert "0x0000_0000_005e_c2e7" in text and app.session.secrets
        text = await press(pilot, "dollar_sign")
        assert "withheld" in text and "c2e7" not in text
