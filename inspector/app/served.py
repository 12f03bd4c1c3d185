"""The screens in a browser: textual-serve's pages behind an address that only the user knows.

textual-serve (1.1.3: server.py, app_service.py) asks nobody who they are, and each websocket starts a process. All of
its pages therefore lie below a path that is a random token, and one check stands before every one of them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import secrets
import select
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web
from textual_serve.server import Server

from inspector.errors import InspectorError, one_line
from inspector.version import PROGRAM

LOOPBACK = "127.0.0.1"
_GOING = 1.0
"""Seconds that open pages have to end by themselves when the server does."""
_HEADERS = {
    # The page names a font of another server: nobody but this server is asked, so that it works offline as well.
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self'"
    " 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' {socket};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOCUS = """<script>
addEventListener("load", () => document.querySelector(".xterm-helper-textarea")?.focus());
</script></body>"""
"""The terminal takes keys at once; the library's page wants a click first."""
_LOGS = ("textual-serve", "aiohttp.server", "aiohttp.web", "asyncio")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Who may come in: requests whose path begins with the token, made to the address that was printed."""

    def __init__(self, authority: str, token: str) -> None:
        self.authority = authority
        """`127.0.0.1:8000`, as browsers write it into Host"""
        self._token = token.encode()

    def lets_in(self, request: web.Request) -> bool:
        """True for the token, the right Host (DNS rebinding brings another name) and no page of another origin."""
        first = request.path.partition("/")[2].partition("/")[0]
        known = secrets.compare_digest(first.encode("utf-8", "surrogateescape"), self._token)
        hosts, origins = request.headers.getall("Host", []), request.headers.getall("Origin", [])
        return known and hosts == [self.authority] and all(one == f"http://{self.authority}" for one in origins)


def application(command: Sequence[str], authority: str, token: str) -> web.Application:
    """The web application that runs `command` for each page that is opened at `http://AUTHORITY/TOKEN/`."""
    door = Door(authority, token)

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not door.lets_in(request):
            return web.Response(status=403, text="Open the whole address that the program printed.\n")
        return await handler(request)

    async def guarded(_: web.Request, response: web.StreamResponse) -> None:
        for name, value in _HEADERS.items():
            response.headers[name] = value.format(socket=f"ws://{authority}")

    # The library hands its command to a shell, which gives way to the program.
    pages = Server(f"exec {shlex.join(command)}", title=PROGRAM, public_url=f"http://{authority}")

    # Its download page is left out: no screen delivers a file, Export writes one.
    async def index(request: web.Request) -> web.StreamResponse:
        page = await pages.handle_index(request)
        if isinstance(page, web.Response) and page.text:
            page.text = page.text.replace("</body>", _FOCUS)
        return page

    inner = web.Application()
    aiohttp_jinja2.setup(inner, loader=jinja2.FileSystemLoader(pages.templates_path))
    inner.add_routes(
        [
            web.get("/", index, name="index"),
            web.get("/ws", pages.handle_websocket, name="websocket"),
            web.static("/static", pages.statics_path, name="static"),
        ]
    )
    outer = web.Application(middlewares=[checked])
    outer.on_response_prepare.append(guarded)
    outer.add_subapp(f"/{token}", inner)
    return outer


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`, `port` 0 for any free one.

    Raises InspectorError for what is no address of this machine, is taken, or stands for every address: a browser
    says which one it asked for, and only that one is answered.
    """
    where = f"{host}:{port}" if port else host
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        if ipaddress.ip_address(address[0]).is_unspecified:
            raise InspectorError("stands for every address", where, "give the one that browsers are to ask for")
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InspectorError(f"cannot be listened at: {reason}", where, "try another --port, or no --host") from None


def is_loopback(listening: socket.socket) -> bool:
    """True where only this machine can reach the socket."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def authority_of(listening: socket.socket, host: str) -> str:
    """What browsers write into Host for `host`; port 80 goes without saying."""
    name = f"[{host}]" if ":" in host else host.lower()
    port = listening.getsockname()[1]
    return name if port == 80 else f"{name}:{port}"


def serve(command: Sequence[str], listening: socket.socket, host: str, told: Callable[[str], None]) -> None:
    """Answer until the program is asked to end; `told` gets the address once it can be opened."""
    token, authority = secrets.token_urlsafe(32), authority_of(listening, host)
    pages = application(command, authority, token)

    async def ready(_: web.Application) -> None:
        told(f"http://{authority}/{token}/")

    pages.on_startup.append(ready)
    # What a page's program wrote to standard error, the library prints.
    with _logged_short(), contextlib.redirect_stdout(sys.stderr):
        web.run_app(pages, sock=listening, access_log=None, print=None, shutdown_timeout=_GOING)


class _Short(logging.Handler):
    """One line for each fault, without a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"{PROGRAM}: {one_line(record.getMessage())}", file=sys.stderr)


@contextlib.contextmanager
def _logged_short() -> Iterator[None]:
    """What the libraries log as an error, in one line each; the requests, which hold the token, not at all."""
    handler = _Short(logging.ERROR)
    loggers = [logging.getLogger(name) for name in _LOGS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate


def end_with(descriptor: int) -> None:
    """End this program, by SIGTERM, when the other end of `descriptor` is closed: the server that began it is gone."""

    def watch() -> None:
        gone = select.poll()
        gone.register(descriptor, 0)
        gone.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def own_command(arguments: Sequence[str]) -> list[str]:
    """The words that start this program again with `arguments`, whatever folder the user stands in."""
    root = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path.append({root!r}); from inspector.cli import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code, *arguments]
