"""The part of GDB's remote serial protocol that reading registers needs; every wait and every answer is bounded.

Packets are `$data#checksum`; `}` escapes a byte (xor 0x20), `*` repeats one. See "Remote Protocol" in GDB's manual.
"""

from __future__ import annotations

import re
import socket

from inspector.errors import SourceError
from inspector.transport.deadline import Deadline
from inspector.transport.sockets import receive, send

_LONGEST = 1 << 18
"""Bytes of one packet; QEMU's are below 5000."""
_STOPPED = re.compile(rb"[TS][0-9a-f]{2}")
"""How a stop reply begins; no answer to a question that is asked here does."""
DOCUMENT = 1 << 20
"""Bytes of a target description with everything that it includes."""


class Remote:
    """One connection to a stub."""

    def __init__(self, address: str, line: socket.socket, deadline: Deadline) -> None:
        self._address, self._line, self.deadline = address, line, deadline
        self._waiting, self._taken = bytearray(), bytearray()
        self._owed = False

    def ask(self, command: str) -> bytes:
        """Send one packet and give the stub's answer, unescaped.

        A running QEMU up to 8.0 also says unasked that the guest has stopped (gdbstub's vm state handler): passed over.
        """
        data = command.encode()
        self._send(b"$%s#%02x" % (data, sum(data) & 0xFF))
        self._owed = True
        return self._answer()

    def greet(self, command: str) -> bytes:
        """Ask the first question. QEMU lets a second debugger connect, but does not listen to it.

        Raises SourceError.
        """
        try:
            return self.ask(command)
        except SourceError as error:
            silent = error.what == self.deadline.error().what
            raise SourceError(error.what, error.where, "is a debugger attached already?" * silent) from None

    def settle(self) -> None:
        """Pass over the answer to a question that was broken off, so that the next answer is the next one's.

        A monitor's output comes in packets `O` and hex digits, before the answer `OK`.
        """
        while self._owed:
            answer = self._answer()
            self._owed = answer[:1] == b"O" and answer != b"OK"

    def skip(self) -> None:
        """Pass over one more answer."""
        self._answer()

    def _answer(self) -> bytes:
        """The packet that is owed, behind any stop reply."""
        answer = self._packet()
        while _STOPPED.match(answer):
            answer = self._packet()
        self._owed = False
        return answer

    def monitor(self, command: str) -> str:
        """What QEMU's monitor prints for `command`; empty where the stub has no monitor.

        Raises SourceError for what is no answer.
        """
        answer, text = self.ask(f"qRcmd,{command.encode().hex()}"), b""
        while answer[:1] == b"O" and answer != b"OK" and len(text) < _LONGEST:
            try:
                text += bytes.fromhex(answer[1:].decode("ascii"))
            except ValueError:
                raise SourceError("does not talk like a gdbstub", self._address) from None
            self._owed = True
            answer = self._answer()
        return text.decode(errors="replace")

    def document(self, name: str) -> bytes:
        """One file of the target description, put together from its chunks.

        Raises SourceError where it has none, or no end.
        """
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
            send(self._line, data, self.deadline)
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self._address) from None

    def _receive(self) -> bytes:
        try:
            chunk = receive(self._line, self.deadline)
        except OSError as error:
            raise SourceError(f"went away: {error.strerror or error}", self._address) from None
        if not chunk:
            raise SourceError("closed the connection", self._address)
        return chunk

    def _byte(self) -> int:
        if not self._waiting:
            try:
                self._waiting += self._receive()
            except BaseException:
                self._waiting[:0] = self._taken
                raise
        first = self._waiting[0]
        del self._waiting[0]
        self._taken.append(first)
        return first

    def _packet(self) -> bytes:
        """The next packet; acknowledgements and notifications before it are passed over.

        What came of a packet that is not whole, or not acknowledged, when it is broken off is kept for the next call.
        """
        try:
            return self._whole_packet()
        finally:
            self._taken.clear()

    def _whole_packet(self) -> bytes:
        while (byte := self._byte()) != ord("$"):
            if byte == ord("%"):
                while self._byte() != ord("#"):
                    if len(self._taken) > _LONGEST:
                        raise SourceError(f"sends a packet of more than {_LONGEST} bytes", self._address)
                self._byte(), self._byte()
            elif byte not in b"+-":
                raise SourceError("does not talk like a gdbstub", self._address)
            self._taken.clear()
        raw = bytearray()
        while (byte := self._byte()) != ord("#"):
            raw.append(byte)
            if len(raw) > _LONGEST:
                raise SourceError(f"sends a packet of more than {_LONGEST} bytes", self._address)
        told = bytes([self._byte(), self._byte()])
        if told.lower() != b"%02x" % (sum(raw) & 0xFF):
            raise SourceError("sends packets with wrong checksums", self._address)
        try:
            self._send(b"+")
        except BaseException:
            self._waiting[:0] = self._taken
            raise
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
