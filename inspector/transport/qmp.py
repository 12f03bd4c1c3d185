"""QEMU's monitor protocol: one connection to it, its commands and their answers (docs/interop/qmp-spec of QEMU)."""

from __future__ import annotations

import socket
from typing import Any

import msgspec

from inspector.errors import SourceError
from inspector.transport.deadline import Deadline
from inspector.transport.sockets import receive, send

_LONGEST = 1 << 20
"""Bytes of one message."""


class QmpSession:
    """One QMP connection: commands and their answers; events between them are passed over."""

    def __init__(self, address: str, line: socket.socket, deadline: Deadline) -> None:
        self.address, self.line, self.deadline = address, line, deadline
        self._waiting, self._count = b"", 0
        greeting = self.message(" (is another client, such as libvirt, connected?)")
        if "QMP" not in greeting:
            raise SourceError("is not a QMP socket", address)
        self.version = _version(greeting["QMP"])
        self.command("qmp_capabilities")

    def message(self, hint: str = "") -> dict[str, Any]:
        """The next JSON object. Raises SourceError for anything else."""
        try:
            while b"\n" not in self._waiting:
                chunk = receive(self.line, self.deadline)
                if not chunk:
                    raise SourceError("closed the connection", self.address)
                self._waiting += chunk
                if len(self._waiting) > _LONGEST:
                    raise SourceError(f"sends messages of more than {_LONGEST >> 20} MiB", self.address)
        except SourceError as error:
            silent = error.what == self.deadline.error().what
            raise SourceError(error.what + hint * silent, self.address) from None
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self.address) from None
        first, _, self._waiting = self._waiting.partition(b"\n")
        try:
            return msgspec.json.decode(first, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise SourceError("does not talk QMP", self.address) from None

    def command(self, name: str, **arguments: object) -> Any:
        """Execute one command and give its `return`. Raises SourceError with QEMU's own words when it fails.

        Commands are numbered, and answers by the same number: a late one is not taken for the next command's.
        """
        self._count += 1
        text = {"execute": name, "id": self._count, **({"arguments": arguments} if arguments else {})}
        try:
            send(self.line, msgspec.json.encode(text) + b"\n", self.deadline)
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self.address) from None
        while True:
            answer = self.message()
            if answer.get("id", self._count) != self._count:
                continue
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                detail = answer["error"].get("desc", "") if isinstance(answer["error"], dict) else ""
                raise SourceError(f"{name}: {detail or 'refused'}", self.address)

    def monitor(self, line: str) -> str:
        """One line of QEMU's human monitor; what it printed."""
        return str(self.command("human-monitor-command", **{"command-line": line})).strip()

    def close(self) -> None:
        """Let the line go."""
        self.line.close()

    def state(self) -> str:
        """The run state (`running`, `paused`, `postmigrate`, ...); empty where the answer names none."""
        status = self.command("query-status")
        known = status if isinstance(status, dict) else {}
        return "running" if known.get("running") is True else str(known.get("status", ""))[:32]


def _version(greeting: object) -> str:
    """`10.0.2` of a greeting, as far as it is one."""
    for part in ("version", "qemu"):
        greeting = greeting.get(part) if isinstance(greeting, dict) else None
    known = greeting if isinstance(greeting, dict) else {}
    numbers = [known.get(part) for part in ("major", "minor", "micro")]
    return ".".join(str(number) for number in numbers if isinstance(number, int) and 0 <= number < 1000)
