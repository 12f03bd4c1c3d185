"""`qmp:` - ask a running QEMU for a gdbstub through its QMP socket, read it, and close it again."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.live.gdbstub import read_stub
from inspector.sources.live.rsp import connect
from inspector.sources.live.source import Deadline, LiveOptions

_LONGEST = 1 << 20
"""Bytes of one QMP message."""
_LAST_WORDS = 3.0
"""Seconds of the time-out kept for putting the guest back as it was."""


class QmpSession:
    """One QMP connection: commands and their answers; events between them are passed over."""

    def __init__(self, address: str, line: socket.socket, deadline: Deadline) -> None:
        self.address, self.line, self.deadline = address, line, deadline
        self._waiting = b""
        greeting = self.message(" (is another client, such as libvirt, connected?)")
        if "QMP" not in greeting:
            raise SourceError("is not a QMP socket", address)
        version = greeting["QMP"].get("version", {}).get("qemu", {}) if isinstance(greeting["QMP"], dict) else {}
        self.version = ".".join(str(version[part]) for part in ("major", "minor", "micro") if part in version)
        self.command("qmp_capabilities")

    def message(self, hint: str = "") -> dict[str, Any]:
        """The next JSON object."""
        try:
            while b"\n" not in self._waiting:
                self.line.settimeout(self.deadline.left())
                chunk = self.line.recv(1 << 16)
                if not chunk:
                    raise SourceError("closed the connection", self.address)
                self._waiting += chunk
                if len(self._waiting) > _LONGEST:
                    raise SourceError(f"sends messages of more than {_LONGEST >> 20} MiB", self.address)
        except TimeoutError:
            raise SourceError(f"{self.deadline.error().what}{hint}", self.address) from None
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self.address) from None
        first, _, self._waiting = self._waiting.partition(b"\n")
        try:
            return msgspec.json.decode(first, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise SourceError("does not talk QMP", self.address) from None

    def command(self, name: str, **arguments: object) -> Any:
        """Execute one command and give its `return`. Raises SourceError with QEMU's own words when it fails."""
        text = msgspec.json.encode({"execute": name, **({"arguments": arguments} if arguments else {})})
        try:
            self.line.settimeout(self.deadline.left())
            self.line.sendall(text + b"\n")
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self.address) from None
        while True:
            answer = self.message()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                detail = answer["error"].get("desc", "") if isinstance(answer["error"], dict) else ""
                raise SourceError(f"{name}: {detail or 'refused'}", self.address)

    def monitor(self, line: str) -> str:
        """One line of QEMU's human monitor; what it printed."""
        return str(self.command("human-monitor-command", **{"command-line": line})).strip()

    def running(self) -> bool:
        """True when the guest runs."""
        status = self.command("query-status")
        return bool(isinstance(status, dict) and status.get("running"))


class Qmp:
    """A QEMU with a QMP socket that nobody else holds."""

    caution = "the guest pauses for the moment of reading"

    def __init__(self, address: str, options: LiveOptions) -> None:
        self.address, self.timeout = address, options.timeout
        self._path = address.removeprefix("qmp:")
        if "/" not in self._path and self._path:
            self._path = "./" + self._path
        if not self._path:
            raise SourceError("names no socket", address, "qmp:/path/of/socket")

    def read(self) -> Dump:
        """Open a gdbstub, read every vCPU, close it; a guest that ran runs on, one that was paused stays paused."""
        kept = min(_LAST_WORDS, self.timeout / 4)
        deadline = Deadline(self.timeout - kept, self.address, stated=self.timeout)
        line = connect(self.address, self._path, deadline)
        try:
            session = QmpSession(self.address, line, deadline)
            if any(device.get("label") == "gdb" for device in session.command("query-chardev")):
                raise SourceError("has a gdbstub already", self.address, "read it with gdb:")
            running = session.running()
            try:
                with _private_socket(line) as path:
                    said = session.monitor(f"gdbserver unix:{path},server=on,wait=off")
                    if not Path(path).is_socket():
                        raise SourceError(f"gives no gdbstub: {said or 'without a reason'}", self.address)
                    dump = read_stub(self.address, path, deadline, kept / 3, resume=running)
            finally:
                session.deadline = Deadline(kept * 2 / 3, self.address, stated=self.timeout)
                session.monitor("gdbserver none")
                if running and not session.running():
                    session.command("cont")
        finally:
            line.close()
        about = msgspec.structs.replace(dump.provenance, tool=f"QEMU {session.version}".strip())
        paused = "the guest was paused while it was read" if running else "the guest was paused before, and still is"
        return msgspec.structs.replace(dump, provenance=about, notes=(paused, *dump.notes))


@contextlib.contextmanager
def _private_socket(line: socket.socket) -> Iterator[str]:
    """A path in a folder that only we and the QEMU behind `line` can enter; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="vcpu-inspector-") as folder:
        _, user, group = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if os.geteuid() == 0 and user > 0:
            os.chown(folder, user, group)
        yield f"{folder}/gdb"
