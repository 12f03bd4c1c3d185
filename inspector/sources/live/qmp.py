"""`qmp:` - ask a running QEMU for a gdbstub through its QMP socket, read it, and close it again."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from inspector.errors import SourceError
from inspector.leaving import held
from inspector.sources.dump import Dump
from inspector.sources.live.gdbstub import STANDING, read_stub, with_note
from inspector.sources.live.source import LiveOptions
from inspector.transport.deadline import Deadline
from inspector.transport.qmp import QmpSession
from inspector.transport.sockets import connect

_LAST_WORDS = 5.0
"""Seconds of the time-out kept for putting the guest back as it was."""
_TRIES = 50
"""Times that the folder of the gdbstub's socket is taken away, 20 ms between."""


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
        with held():
            deadline = Deadline(self.timeout - kept, self.address, stated=self.timeout)
            line = connect(self.address, self._path, deadline)
            try:
                return self._read(QmpSession(self.address, line, deadline), kept)
            finally:
                line.close()

    def _read(self, session: QmpSession, kept: float) -> Dump:
        devices = session.command("query-chardev")
        if not isinstance(devices, list):
            raise SourceError("does not list its character devices", self.address)
        if any(isinstance(one, dict) and one.get("label") == "gdb" for one in devices):
            raise SourceError("has a gdbstub already", self.address, "read it with gdb:")
        running = session.state() == "running"
        try:
            with _private_socket(session.line) as path:
                said = session.monitor(f"gdbserver unix:{path},server=on,wait=off")
                if not Path(path).is_socket():
                    raise SourceError(f"gives no gdbstub: {said or 'without a reason'}", self.address)
                dump = read_stub(self.address, path, session.deadline, kept / 3, resume=running, confirm=False)
        except BaseException as error:
            raise with_note(error, self._put_back(session, running, kept * 2 / 3)) from None
        problem = self._put_back(session, running, kept * 2 / 3)
        about = dump.provenance.told(tool=f"QEMU {session.version}".strip())
        paused = "the guest was paused while it was read" if running else "the guest was paused before, and still is"
        return msgspec.structs.replace(dump, provenance=about, notes=(problem or paused, *dump.notes))

    def _put_back(self, session: QmpSession, running: bool, seconds: float) -> str:
        """Close the gdbstub and continue a guest that ran; what the user has to know when that is not confirmed.

        Each step is tried whatever became of those before, `cont` last; on a second connection where the first is lost.
        """
        problem = _step_back(session, running, self.address, seconds / 2)
        if problem:
            again = Deadline(seconds / 2, self.address, last=True)
            session.close()
            with contextlib.suppress(SourceError), connect(self.address, self._path, again) as line:
                problem = _step_back(QmpSession(self.address, line, again), running, self.address, seconds / 2)
        return problem


def _step_back(session: QmpSession, running: bool, address: str, seconds: float) -> str:
    """Close the stub, look, continue: each in a third of the time."""
    state, open_still, settled = "", True, False
    with contextlib.suppress(SourceError):
        session.deadline = Deadline(seconds / 3, address, last=True)
        session.monitor("gdbserver none")
        open_still = False
    with contextlib.suppress(SourceError):
        session.deadline = Deadline(seconds / 3, address, last=True)
        state = session.state()
    # Another state than these came from elsewhere meanwhile (a migration that ended): `cont` could start it twice.
    settled = not running or state not in ("", "paused", "debug")
    if not settled:
        with contextlib.suppress(SourceError):
            session.deadline = Deadline(seconds / 3, address, last=True)
            session.command("cont")
            settled = True
    if not settled:
        return STANDING
    return "QEMU's gdbstub may be open still: `gdbserver none` in its monitor closes it" if open_still else ""


@contextlib.contextmanager
def _private_socket(line: socket.socket) -> Iterator[str]:
    """A path in a folder that only we and the QEMU behind `line` can enter; gone afterwards."""
    folder = tempfile.mkdtemp(prefix="vcpu-inspector-")
    try:
        _, user, group = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if os.geteuid() == 0 and user > 0:
            os.chown(folder, user, group)
        yield f"{folder}/gdb"
    finally:
        # QEMU may make or take away its socket meanwhile: it carries out what it was asked for before it reads on.
        for _ in range(_TRIES):
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.exists(folder):  # noqa: PTH110
                break
            time.sleep(0.02)
