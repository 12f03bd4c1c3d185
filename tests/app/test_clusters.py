"""The CPUs of a host side by side."""

from __future__ import annotations

import msgspec
import pytest

from inspector.app.dialogs.cluster_rows import cluster_rows, cpu_words
from inspector.app.dialogs.clusters import Clusters
from inspector.app.shell.commands import PageCommands
from inspector.app.widgets.ink import plain
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import AIDR_EL1, CTR_EL0, MIDR_EL1, REVIDR_EL1
from inspector.sources.dump import Cpu, Dump
from tests.app.driving import SIZES, check_screen, press, settle
from tests.app.material import VALUES, app_on
from tests.sources.material import dump_of

SHAPES = {"little": ("32K", "4", "128"), "big": ("64K", "4", "256")}


def cpu(index: int, midr: int, kind: str) -> Cpu:
    size, ways, sets = SHAPES[kind]
    shape = {"level": "1", "type": "Data", "size": size, "ways_of_associativity": ways, "number_of_sets": sets}
    values = {MIDR_EL1: midr, REVIDR_EL1: 0, AIDR_EL1: 0, CTR_EL0: 0x9444C004}
    return Cpu(index=index, values=values, caches=({**shape, "coherency_line_size": "64"},))


def host(big: int) -> Dump:
    """Four little CPUs and `big` big ones."""
    cpus = [cpu(n, 0x412FD050, "little") for n in range(4)] + [cpu(4 + n, 0x414FD0B0, "big") for n in range(big)]
    return msgspec.structs.replace(dump_of(VALUES, source="live:"), cpus=tuple(cpus))


def test_unlike_cpus_stand_beside_each_other() -> None:
    rows = [plain(line) for line in cluster_rows(host(2), 74)]
    assert rows[0] == "2 kinds of CPU: what differs"
    assert "CPU 0-3" in rows[1] and "CPU 4-5" in rows[1]
    midr = next(line for line in rows if line.startswith("MIDR_EL1"))
    assert "0x0000_0000_412f_d050" in midr and "0x0000_0000_414f_d0b0" in midr
    assert not [line for line in rows if line.startswith("CTR_EL0")]
    text = " ".join(" ".join(rows).split())
    assert "before Linux 6.3 CCSIDR_EL1 (L1 Data)" in text and "32K, 4 ways, 128 sets" in text


def test_alike_cpus_and_none() -> None:
    rows = [plain(line) for line in cluster_rows(host(0), 74)]
    assert rows[0] == "one kind of CPU" and [line for line in rows if line.startswith("CTR_EL0")]
    assert "all CPUs show the same" in " ".join(" ".join(rows).split())
    assert "does not distinguish the CPUs" in plain(cluster_rows(dump_of(VALUES), 74)[0])


@pytest.mark.parametrize("cells", [50, 74, 110])
def test_rows_fit(cells: int) -> None:
    assert max(len(plain(line).rstrip()) for line in cluster_rows(host(4), cells)) <= cells


def test_runs_of_cpus() -> None:
    assert cpu_words((0, 1, 2, 5, 7, 8)) == "CPU 0-2, 5, 7-8"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_palette_opens_the_page(size: tuple[int, int]) -> None:
    async with (app := app_on(host(2))).run_test(size=size) as pilot:
        await settle(pilot)
        next(one for one in PageCommands(app.screen).entries() if "CPUs" in one.text).run()
        await settle(pilot)
        assert isinstance(app.screen, Clusters)
        await check_screen(pilot, f"clusters-{size[0]}x{size[1]}")
        await press(pilot, "escape")
        assert not isinstance(app.screen, Clusters)


def test_unlike_caches_are_told_from_registers_too() -> None:
    """A pasted text has CCSIDR_EL1 where sysfs gives shapes; a CPU of which none was read differs from nobody."""
    little = Cpu(index=0, values={MIDR_EL1: 0x410FD034, ccsidr_id(0): 0x700FE01A})
    big = Cpu(index=1, values={MIDR_EL1: 0x410FD083, ccsidr_id(0): 0x701FE00A})
    unread = msgspec.structs.replace(big, values={MIDR_EL1: 0x410FD083})
    for other, told in ((big, "CCSIDR_EL1 (CCSIDR[0]): its value"), (unread, "sysfs gives no shapes of caches")):
        dump = msgspec.structs.replace(dump_of(VALUES), cpus=(little, other))
        assert told in " ".join(" ".join(plain(line) for line in cluster_rows(dump, 74)).split())


async def test_a_file_offers_no_such_page() -> None:
    async with (app := app_on(dump_of(VALUES))).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert not [one for one in PageCommands(app.screen).entries() if "CPUs" in one.text]
