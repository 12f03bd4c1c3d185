"""`ssh://[user@]host[:port]` - a host that the user's own ssh reaches. Nothing is installed there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.live.answers import arguments, dump_of, run
from inspector.sources.live.programs import collector_program
from inspector.sources.live.source import LiveOptions

_ADDRESS = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9_][\w.+-]*)@)?(?P<host>[A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)
_SSH_FAILED, _NOT_FOUND = 255, 127
"""Exit codes: of ssh itself, and of a remote shell that knows no such command."""


class RemoteHost:
    """Feeds the collector to `python3 -I -` on the other side. ssh never asks: it runs in batch mode.

    -I: neither the folder where ssh arrives nor the environment says what is imported. What the user's configuration
    forwards (ports, agent, X11) is not forwarded, and no connection is shared.
    """

    caution = ""

    def __init__(self, address: str, options: LiveOptions) -> None:
        found = _ADDRESS.fullmatch(address)
        if not found or not 0 < int(found["port"] or 22) < 65536:
            raise SourceError("is not ssh://[user@]host[:port]", address, "names must not begin with -")
        self.address, self.options = address, options
        self.timeout = options.timeout
        self._host = found["host"].strip("[]")
        self._where = (["-p", found["port"]] if found["port"] else []) + (
            ["-l", found["user"]] if found["user"] else []
        )

    def command(self, writes: Sequence[tuple[int, int]] = ()) -> list[str]:
        """The whole command line; `--` keeps the host name from being taken for an option."""
        seconds = str(max(1, int(self.timeout)))
        settings = (
            "BatchMode=yes", "ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no",
             f"ConnectTimeout={seconds}", "ServerAliveInterval=5", "ServerAliveCountMax=3",
        )  # fmt: skip
        remote = shlex.join(["python3", "-I", "-", *arguments(self.options, writes)])
        return [
            "ssh",
            "-T",
            "-x",
            "-a",
            *(w for s in settings for w in ("-o", s)),
            *self._where,
            "--",
            self._host,
            remote,
        ]

    def answer(self, writes: Sequence[tuple[int, int]] = ()) -> bytes:
        """What the collector wrote over there. Raises SourceError where it or ssh failed."""
        done = run(self.command(writes), collector_program(), self.timeout, self.address)
        if done.code == _SSH_FAILED:
            said = done.said or "failed without a word"
            raise SourceError(said if said.startswith("ssh: ") else f"ssh: {said}", self.address)
        if done.code == _NOT_FOUND:
            raise SourceError("has no python3", self.address, "the collector needs Python 3.6 or newer there")
        if done.code:
            raise SourceError(f"the collector failed there: {done.said or f'exit code {done.code}'}", self.address)
        return done.out

    def read(self) -> Dump:
        """That host's registers."""
        return dump_of(self.answer(), self.address)
