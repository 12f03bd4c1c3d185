"""`serve` as it is used: the real program, a page in a real browser, and how both end."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from inspector.cli import main
from tests.fresh import ROOT
from tests.terminal.browser import CHROMIUM, DEADLINE, Browser


@asynccontextmanager
async def serving(folder: Path, *arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The program, and the address that it printed."""
    surroundings = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inspector", "serve", *arguments,
        stdout=PIPE, stderr=DEVNULL, stdin=DEVNULL, env=surroundings, cwd=folder,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        async with asyncio.timeout(DEADLINE):
            address = (await server.stdout.readline()).decode().strip()
        yield server, address
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


def children(parent: int) -> set[int]:
    """The processes that a process has begun."""
    return {int(pid) for task in Path(f"/proc/{parent}/task").glob("*/children") for pid in task.read_text().split()}


async def gone(pids: set[int]) -> None:
    """Wait until processes are no more."""
    async with asyncio.timeout(DEADLINE):
        while any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["term", "kill"],
)
async def test_the_programs_of_pages_end_with_the_server(number: signal.Signals, code: int, tmp_path: Path) -> None:
    # The library starts them through a shell: the name of a file is no word of it.
    name = "-a '$(touch pwned)' b.json"
    assert main(["convert", "builtin:cortex-a72-linux-6.12", "-o", str(tmp_path / name)]) == 0
    async with (
        serving(tmp_path, "--", name) as (server, address),
        aiohttp.ClientSession() as web,
        web.ws_connect(f"{address}ws?width=80&height=24") as page,
    ):
        drawn = b""
        while b"ID_AA64" not in drawn:
            drawn += await page.receive_bytes()
        begun = children(server.pid)
        assert begun
        server.send_signal(number)
        assert await server.wait() == code
        await gone(begun)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium (Debian: apt-get install chromium)")
async def test_a_browser_opens_a_dump_and_reads_the_verdict(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, address), Browser() as browser:
        await browser.call("Page.navigate", url=address)
        await browser.wait_for("Shipped")
        empty = await browser.picture()
        await browser.press(*"builtin:neoverse-n2-linux-6.1", "Enter")
        await browser.wait_for("ID_AA64PFR0_EL1")
        await browser.press("4")
        await browser.wait_for("fails: 2 registers of 252 refused, first ID_MMFR4_EL1 (CCIDX), EINVAL")
        assert await browser.picture() != empty
        own = address.rpartition("/")[0].rpartition("/")[0]
        assert browser.answered and all(one.startswith(own) for one in browser.answered), "it works offline"
        await browser.press("q")
        await gone(children(server.pid))
        # Without the token even the page itself gets nothing.
        assert await browser.evaluate("fetch('/').then(answer => answer.status)") == 403
