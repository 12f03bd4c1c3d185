"""The part of GDB's remote serial protocol that reading registers needs; every wait and every answer is bounded.

Packets are `$data#checksum`; `}` escapes a byte (xor 0x20), `*` repeats one. See "Remote Protocol" in GDB's manual.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

from inspector.errors import SourceError
from inspector.sources.live.source import Deadline

_LONGEST = 1 << 18
"""Bytes of one packet; QEMU's are below 5000."""
_STOPPED = re.compile(rb"[TS][0-9a-f]{2}")
"""How a stop reply begins; no answer to a question that is asked here does."""
DOCUMENT = 1 << 20
"""Bytes of a target description with everything that it includes."""


def connect(address: str, target: str, deadline: Deadline) -> socket.socket:
    """Connect to `HOST:PORT`, `[V6]:PORT` or a Unix socket's path. Raises SourceError."""
    try:
        if "/" in target:
            if not Path(target).is_socket():
                raise SourceError("is not a socket", address, "a path of a Unix socket, or HOST:PORT")
            line = socket.socket(socket.AF_UNIX)
            try:
                line.settimeout(deadline.left())
                line.connect(target)
            except OSError:
                line.close()
                raise
            return line
        host, _, port = target.rpartition(":")
        if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise SourceError("is not HOST:PORT or the path of a Unix socket", address)
        return socket.create_connection((host.strip("[]") or "localhost", int(port)), deadline.left())
    except TimeoutError:
        raise deadline.error() from None
    except OSError as error:
        raise SourceError(f"cannot be reached: {error.strerror or error}", address) from None


class Remote:
    """One connection to a stub."""

    def __init__(self, address: str, line: socket.socket, deadline: Deadline) -> None:
        self._address, self._line, self.deadline = address, line, deadline
        self._waiting = bytearray()

    def ask(self, command: str) -> bytes:
        """Send one packet and give the stub's answer, unescaped.

        A running QEMU up to 8.0 also says unasked that the guest has stopped (gdbstub's vm state handler): passed over.
        """
        data = command.encode()
        self._send(b"$%s#%02x" % (data, sum(data) & 0xFF))
        answer = self._packet()
        while _STOPPED.match(answer):
            answer = self._packet()
        return answer

    def monitor(self, command: str) -> str:
        """What QEMU's monitor prints for `command`; empty where the stub has no monitor."""
        answer, text = self.ask(f"qRcmd,{command.encode().hex()}"), b""
        while answer[:1] == b"O" and answer != b"OK" and len(text) < _LONGEST:
            try:
                text += bytes.fromhex(answer[1:].decode("ascii"))
            except ValueError:
                raise SourceError("does not talk like a gdbstub", self._address) from None
            answer = self._packet()
        return text.decode(errors="replace")

    def document(self, name: str) -> bytes:
        """One file of the target description, put together from its chunks."""
        whole = bytearray()
        while True:
            answer = self.ask(f"qXfer:features:read:{name}:{len(whole):x},ffb")
            if answer[:1] not in (b"m", b"l"):
                raise SourceError(f"has no target description {name}", self._address, "is it QEMU's gdbstub?")
            whole += answer[1:]
            if answer[:1] == b"l":
                return bytes(whole)
            if len(whole) > DOCUMENT or len(answer) == 1:
                raise SourceError("sends a target description without an end", self._address)

    def close(self) -> None:
        """Drop the connection."""
        self._line.close()

    def _send(self, data: bytes) -> None:
        try:
            self._line.settimeout(self.deadline.left())
            self._line.sendall(data)
        except TimeoutError:
            raise self.deadline.error() from None
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self._address) from None

    def _byte(self) -> int:
        if not self._waiting:
            try:
                self._line.settimeout(self.deadline.left())
                chunk = self._line.recv(1 << 16)
            except TimeoutError:
                raise self.deadline.error() from None
            except OSError as error:
                raise SourceError(f"went away: {error.strerror or error}", self._address) from None
            if not chunk:
                raise SourceError("closed the connection", self._address)
            self._waiting += chunk
        first = self._waiting[0]
        del self._waiting[0]
        return first

    def _packet(self) -> bytes:
        """The next packet; acknowledgements and notifications before it are passed over."""
        while (byte := self._byte()) != ord("$"):
            if byte == ord("%"):
                while self._byte() != ord("#"):
                    pass
                self._byte(), self._byte()
            elif byte not in b"+-":
                raise SourceError("does not talk like a gdbstub", self._address)
        raw = bytearray()
        while (byte := self._byte()) != ord("#"):
            raw.append(byte)
            if len(raw) > _LONGEST:
                raise SourceError(f"sends a packet of more than {_LONGEST} bytes", self._address)
        told = bytes([self._byte(), self._byte()])
        if told.lower() != b"%02x" % (sum(raw) & 0xFF):
            raise SourceError("sends packets with wrong checksums", self._address)
        self._send(b"+")
        return _plain(raw)


def _plain(raw: bytearray) -> bytes:
    """Take escapes and repetitions out of a packet."""
    out = bytearray()
    place = 0
    while place < len(raw):
        byte = raw[place]
        follows = raw[place + 1] if place + 1 < len(raw) else None
        if byte == ord("}") and follows is not None:
            out.append(follows ^ 0x20)
            place += 1
        elif byte == ord("*") and follows is not None and out and follows >= 29:
            out += out[-1:] * (follows - 29)
            place += 1
        else:
            out.append(byte)
        place += 1
    return bytes(out)
