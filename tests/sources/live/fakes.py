"""Peers that tests start on loopback: a gdbstub of our own making, a listener that says anything, programs on PATH."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from inspector.transport.deadline import Deadline
from inspector.transport.sockets import addressable

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def peer(path: Path, talk: Talk) -> Iterator[str]:
    """A Unix socket whose every client is handed to `talk`."""
    listener = socket.socket(socket.AF_UNIX)
    with addressable(str(path)) as place:
        listener.bind(place)
    listener.listen(4)

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line, contextlib.suppress(OSError):
                talk(line)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield str(path)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def over_once(begun: threading.Event) -> type[Deadline]:
    """A time that is over when `begun` is set: however slow the machine is, what comes before has its time.

    The time for putting things back goes on.
    """

    class Over(Deadline):
        def left(self) -> float:
            if begun.is_set() and not self._last:
                raise self.error()
            return super().left()

    return Over


def packet(data: bytes) -> bytes:
    """A packet of the remote serial protocol."""
    return b"$" + data + b"#%02x" % (sum(data) & 0xFF)


class Stub:
    """A gdbstub with a two-file target description, in small chunks, and one register per number."""

    def __init__(self, registers: Mapping[str, int], broken: Mapping[str, bytes] = {}, threads: int = 1) -> None:
        rows = "".join(
            f'<reg name="{name}" bitsize="64" regnum="{40 + place}" group="cp_regs"/>'
            for place, name in enumerate(registers)
        )
        self.files = {
            "target.xml": b'<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>aarch64'
            b'</architecture><xi:include href="system-registers.xml"/></target>',
            "system-registers.xml": f'<feature name="org.qemu.gdb.arm.sys.regs">{rows}</feature>'.encode(),
        }
        self.values = list(registers.values())
        self.broken, self.threads = broken, threads
        self.heard: list[str] = []

    def __call__(self, line: socket.socket) -> None:
        """Answer until the client goes."""
        waiting = b""
        while True:
            chunk = line.recv(4096)
            if not chunk:
                return
            waiting += chunk
            while b"#" in waiting and len(waiting.partition(b"#")[2]) >= 2:
                body, _, rest = waiting.partition(b"#")
                waiting = rest[2:]
                command = body.partition(b"$")[2].decode()
                self.heard.append(command)
                line.sendall(b"+" + self.answer(command))

    def answer(self, command: str) -> bytes:
        """One packet for one command."""
        for start, reply in self.broken.items():
            if command.startswith(start):
                return reply
        if command.startswith("qXfer:features:read:"):
            name, _, place = command.removeprefix("qXfer:features:read:").partition(":")
            begin = int(place.split(",")[0], 16)
            whole = self.files[name]
            text = whole[begin : begin + 50].replace(b"}", b"}]")
            return packet((b"m" if begin + 50 < len(whole) else b"l") + text)
        if command == "qfThreadInfo":
            return packet(b"m" + b",".join(b"p1.%x" % (n + 1) for n in range(self.threads)))
        if command == "qsThreadInfo":
            return packet(b"l")
        if command.startswith("p"):
            value = self.values[int(command[1:], 16) - 40]
            return packet(value.to_bytes(8, "little").hex().encode().replace(b"000000", b'0*"'))
        return packet(b"" if command.startswith("qRcmd") else b"OK")


def qmp_talk(answers: Mapping[str, object], heard: list[str]) -> Talk:
    """A QMP server that answers by the command's name; an event stands before each answer."""

    def talk(line: socket.socket) -> None:
        line.sendall(b'{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}}}}\r\n')
        for text in line.makefile("rb"):
            command = json.loads(text)
            name = command["execute"]
            heard.append(command.get("arguments", {}).get("command-line", name))
            answer = answers.get(name, {})
            line.sendall(b'{"event": "STOP", "timestamp": {}}\r\n' + json.dumps({"return": answer}).encode() + b"\r\n")

    return talk
