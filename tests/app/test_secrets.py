"""The screens withhold the guest's secrets until one key shows them; what is found and counted is the same."""

from __future__ import annotations

import msgspec
import pytest

from inspector import sources
from inspector.app.modes.compare.screen import Compare
from inspector.app.modes.compare.sides import Side
from inspector.app.modes.explain.screen import Answer, Explain
from inspector.app.modes.migrate.fix import _changes
from inspector.app.modes.migrate.question import Instead, Question
from inspector.app.modes.migrate.screen import Migrate
from inspector.app.modes.migrate.steps import instead_words
from inspector.app.widgets.ink import plain
from inspector.checks.repair.fix import Replacement
from inspector.registers.catalog import find
from inspector.registers.secrets import is_secret
from inspector.sources.dump import Dump
from tests.app.driving import enter_text, press, screen_text, settle, wait_for
from tests.app.material import app_on
from tests.sources.material import dump_of

TTBR0, MIDR, X0, KEY = (find(name).register.id for name in ("TTBR0_EL1", "MIDR_EL1", "X0", "APIAKeyLo_EL1"))
N2, A72 = "builtin:neoverse-n2-linux-6.12", "builtin:cortex-a72-linux-6.12"


def marked(seed: int, source: str) -> Dump:
    """A saved VM whose secrets have values that no other register has."""
    dump = sources.load(N2)
    (vcpu,) = dump.vcpus
    values = {i: 0x5EC2E7_0000 + seed + n if is_secret(i) else v for n, (i, v) in enumerate(vcpu.values.items())}
    about = dump.provenance.told(source=source)
    return msgspec.structs.replace(dump, provenance=about, vcpus=(msgspec.structs.replace(vcpu, values=values),))


def tells(text: str) -> bool:
    """Whether a secret stands in a text, in whatever grouping."""
    return "5ec2e7" in text.replace("_", "").lower()


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


async def test_compare_counts_secrets_and_shows_them_behind_the_key() -> None:
    """Two dumps, then three, then a kernel's work beside the saved vCPU: nothing told, every count the same."""
    dumps = [marked(seed, f"/vm/{name}.json") for seed, name in ((0, "one"), (7, "two"), (9, "three"))]
    app = app_on(*dumps)
    async with app.run_test(size=(160, 50)) as pilot:
        app.switch_mode("compare")
        await settle(pilot)
        page = app.screen
        assert isinstance(page, Compare)
        for form in ("pair", "groups", "kernel"):
            others = {"pair": [Side(dumps[1])], "groups": [Side(dumps[1]), Side(dumps[2])], "kernel": []}[form]
            page.compare_with(*others)
            if form == "kernel":
                page.action_left()
            await settle(pilot)
            assert page.board.picture is not None
            assert page.board.picture.form == form
            for every in (False, True):
                assert page.board.every == every
                seen = {}
                for secrets in (False, True):
                    assert app.session.secrets == secrets
                    page.board._flipped = {"state"}
                    page._fill()
                    await settle(pilot)
                    rows = "\n".join(plain(page.table.line(n, 158)) for n in range(page.table.count()))
                    said = ""
                    for line in page.board.shown:
                        page.table.go(page.table.index_of(line.node.key) or 0, tell=False)
                        said += "".join(plain(one) for one in page._words(150))
                    assert tells(rows) == secrets and tells(said) == secrets, (every, secrets)
                    assert secrets or ("withheld" in rows and "withheld" in said)
                    assert not tells(page.report()) or secrets
                    registers = [one.node.key for one in page.board.shown if one.depth < 2]
                    seen[secrets] = (plain(page.score()), registers)
                    await press(pilot, "dollar_sign")
                assert seen[False] == seen[True]
                await press(pilot, "m")


async def test_migrate_shows_secrets_behind_the_key() -> None:
    app = app_on(marked(0, "/vm/one.json"), A72)
    async with app.run_test(size=(160, 50)) as pilot:
        app.switch_mode("migrate")
        await settle(pilot)
        page = app.screen
        assert isinstance(page, Migrate)
        await wait_for(pilot, lambda: page.complete, "the restore is answered")
        await press(pilot, "m")
        seen = []
        for secrets in (False, True, False):
            assert app.session.secrets == secrets
            told = page.report() + "\n".join(
                map(plain, [page.findings.line(n, 158) for n in range(page.findings.count())])
            )
            assert tells(told) == secrets and ("withheld" in told) == (not secrets)
            seen.append((plain(page.score()), [entry.key for entry in page.check.found], page.findings.count()))
            await press(pilot, "dollar_sign")
        assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("size", [(160, 50), (80, 24)], ids=["wide", "narrow"])
async def test_migrate_marks_a_withheld_register_that_was_written(size: tuple[int, int]) -> None:
    app = app_on(marked(0, "/vm/one.json"), A72)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "w")
        await enter_text(pilot, "TPIDR_EL0=0x11")
        await press(pilot, "enter", "escape", "escape")
        assert len(app.session.tried.history().entries) == 1
        app.switch_mode("migrate")
        await settle(pilot)
        page = app.screen
        assert isinstance(page, Migrate)
        await wait_for(pilot, lambda: page.complete, "the restore is answered")
        rows = [plain(page.findings.line(n, size[0] - 2)) for n in range(page.findings.count())]
        (line,) = [one for one in rows if "TPIDR_EL0" in one]
        assert "TPIDR_EL0 *" in line and not tells("".join(rows))


async def test_explain_shows_secrets_behind_the_key() -> None:
    app = app_on(marked(0, "/vm/one.json"))
    async with app.run_test(size=(120, 40)) as pilot:
        page = Explain("qemu-system-aarch64: APIAKeyLo_EL1 0x603000000013c108: Invalid argument")
        app.open_dialog(page)
        await wait_for(pilot, lambda: page.complete and page.answer is not None, "the text is explained")
        assert not tells(page.report()) and not tells(screen_text(app)) and "$ here" in screen_text(app)
        page.query_one(Answer).focus()
        await press(pilot, "dollar_sign")
        assert app.session.secrets and tells(page.report()) and tells(screen_text(app))
        await press(pilot, "dollar_sign")
        assert not tells(page.report()) and not tells(screen_text(app))


def test_the_page_of_a_fix_withholds_them_too() -> None:
    one = Replacement(vcpu=0, id=KEY, name="APIAKeyLo_EL1", old=0x5EC2E7, new=0, reason="", risk="", offset=None)
    assert not tells("".join(map(plain, _changes((one,), 100, secrets=False))))
    assert tells("".join(map(plain, _changes((one,), 100, secrets=True))))


def test_a_value_written_instead_is_withheld_too() -> None:
    saved = marked(0, "/vm/one.json")
    question = Question(saved)
    one = Instead(0, KEY, 0x5EC2E7)
    assert not tells(instead_words(question, one, secrets=False)) and tells(instead_words(question, one, secrets=True))
