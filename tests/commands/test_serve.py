"""`serve`: who is let in, and what is refused before anything listens."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from inspector.app import served
from inspector.app.served import LOOPBACK, application, authority_of, listen
from tests.commands.running import assert_one_line_error, run

TOKEN = "a-token_of-43-characters"


class Pages:
    """The pages of a server in this process, whose screens are a command that fails at once."""

    def __init__(self, authority: str, web: aiohttp.ClientSession) -> None:
        self.authority, self._web = authority, web

    async def get(self, path: str, **headers: str) -> tuple[int, Any, str]:
        """Status, headers and text."""
        async with self._web.get(f"http://{self.authority}/{path}", headers=headers) as answer:
            return answer.status, answer.headers, await answer.text()

    async def talk(self, path: str, **headers: str) -> int:
        """The status that a websocket's handshake gets; 101 where it is taken."""
        try:
            async with self._web.ws_connect(f"http://{self.authority}/{path}", headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


@pytest_asyncio.fixture
async def pages() -> AsyncIterator[Pages]:
    """A server without a process of its own."""
    listening = listen(LOOPBACK, 0)
    authority = authority_of(listening, LOOPBACK)
    runner = web.AppRunner(application(["false"], authority, TOKEN), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    async with aiohttp.ClientSession() as session:
        yield Pages(authority, session)
    await runner.cleanup()


EVERYTHING = ("", "ws", "static/js/textual.js", "static/", "download/1", "nothing")


@pytest.mark.parametrize("page", EVERYTHING)
@pytest.mark.parametrize(
    "token", ["", "static", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "%ff%fe", f"./{TOKEN[:-1]}", f"x/{TOKEN}", "*"]
)
async def test_nothing_is_answered_without_the_token(pages: Pages, page: str, token: str) -> None:
    status, headers, text = await pages.get(f"{token}/{page}")
    assert (status, text) == (403, "Open the whole address that the program printed.\n")
    assert await pages.talk(f"{token}/{page}") == 403
    assert TOKEN not in str(headers)


@pytest.mark.parametrize("page", EVERYTHING)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost:{port}", LOOPBACK, "[::1]:{port}"])
async def test_a_name_that_was_rebound_to_this_machine_gets_nothing(pages: Pages, page: str, host: str) -> None:
    named = host.format(port=pages.authority.rpartition(":")[2])
    assert (await pages.get(f"{TOKEN}/{page}", Host=named))[0] == 403
    assert await pages.talk(f"{TOKEN}/{page}", Host=named) == 403


@pytest.mark.parametrize("page", EVERYTHING)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://{authority}", "http://localhost:{port}"])
async def test_a_page_of_another_origin_gets_nothing(pages: Pages, page: str, origin: str) -> None:
    named = origin.format(authority=pages.authority, port=pages.authority.rpartition(":")[2])
    assert (await pages.get(f"{TOKEN}/{page}", Origin=named))[0] == 403
    assert await pages.talk(f"{TOKEN}/{page}", Origin=named) == 403


async def test_the_address_that_was_printed_is_answered(pages: Pages) -> None:
    status, headers, text = await pages.get(f"{TOKEN}/")
    assert status == 200 and f'data-session-websocket-url="ws://{pages.authority}/{TOKEN}/ws"' in text
    assert headers["Referrer-Policy"] == "no-referrer" and headers["Cache-Control"] == "no-store"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and f"ws://{pages.authority};" in policy and "https:" not in policy
    assert (await pages.get(f"{TOKEN}/static/js/textual.js"))[0] == 200
    assert (await pages.get(f"{TOKEN}/static/"))[0] == 403, "folders are not listed"
    assert (await pages.get(f"{TOKEN}/static/../server.py"))[0] == 404
    assert (await pages.get(f"{TOKEN}/download/1"))[0] == 404
    assert await pages.talk(f"{TOKEN}/ws", Origin=f"http://{pages.authority}") == 101


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "--port: is not a number from 0 to 65535"),
        (["--port", "-1"], "--port: is not a number from 0 to 65535"),
        (["--watch", "nan"], "--watch: takes a positive number of seconds"),
        (["--host", "0.0.0.0"], "0.0.0.0: stands for every address"),
        (["--host", "::"], "::: stands for every address"),
        (["--host", "192.0.2.1"], "192.0.2.1: cannot be listened at"),
        (["--host", "no such host"], "no such host: cannot be listened at"),
        (["-"], "standard input: can be read only once"),
        (["/no/such/dump"], "/no/such/dump: cannot be opened"),
        (["gdb:"], "gdb:"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_what_cannot_be_served_is_said_in_one_line(arguments: Sequence[str], said: str) -> None:
    done = run("serve", *arguments)
    assert_one_line_error(done)
    assert said in done.err


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with listen(LOOPBACK, 0) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert_one_line_error(done)
    assert "Address already in use" in done.err


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = run("serve")
    assert_one_line_error(done)
    assert "pip install 'vcpu-inspector[web]'" in done.err


@pytest.mark.parametrize("alone", [True, False])
def test_other_machines_are_warned_of(alone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "is_loopback", lambda _: alone)
    monkeypatch.setattr(served, "serve", lambda *_: None)
    done = run("serve", "--host", LOOPBACK)
    assert done.code == 0
    assert ("nothing is encrypted" in done.err) != alone


def test_addresses_as_browsers_write_them() -> None:
    with listen(LOOPBACK, 0) as listening:
        port = listening.getsockname()[1]
        assert authority_of(listening, "::1") == f"[::1]:{port}"
        assert authority_of(listening, "Host.Example") == f"host.example:{port}"
        assert served.is_loopback(listening)
