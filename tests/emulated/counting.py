"""A guest that counts in memory, under a real QEMU, and a go-between that lets a test act at each step of a protocol.

The guest's memory is a file that the test maps: whether the guest runs is seen without asking QEMU.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from inspector.lab.emulator import Emulator
from tests.emulated.proof import emulator
from tests.fresh import ROOT

_LOAD, _COUNTER = 0x4020_0000, 0x30_0000
"""Where the program lies in memory (behind the device tree), and the counter's offset in RAM, which is at 1 GiB."""
_PROGRAM = struct.pack(
    "<4I",
    0xD2A80601,  # movz x1, #0x4030, lsl #16
    0x91000400,  # add x0, x0, #1
    0xF9000020,  # str x0, [x1]
    0x17FFFFFE,  # b back to the add
)
_END = 60.0
_PATIENCE = 120.0
"""Seconds that a run may take on a loaded machine before it counts as hanging"""


class Machine(NamedTuple):
    """A QEMU with sockets in `folder`; without a program its vCPUs execute whatever zeroed memory is."""

    folder: Path
    process: subprocess.Popen[bytes]

    def ask(self, name: str, command: str) -> dict[str, object]:
        """One QMP command on the socket `name` that gives an object."""
        return dict(self._ask(name, command))

    def ask_list(self, name: str, command: str) -> list[dict[str, object]]:
        """One that gives a list."""
        return list(self._ask(name, command))

    def _ask(self, name: str, command: str) -> Any:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(30)
            line.connect(str(self.folder / name))
            lines = line.makefile("rwb", buffering=0)
            lines.readline()
            for text in ("qmp_capabilities", command):
                lines.write(json.dumps({"execute": text}).encode() + b"\n")
                while "return" not in (answer := json.loads(lines.readline())):
                    pass
        return answer["return"]

    def running(self) -> bool:
        """Asked through a second socket, as another tool would."""
        return bool(self.ask("other", "query-status")["running"])


class Counting(NamedTuple):
    """A QEMU whose guest counts; sockets `gdb`, `qmp` and `other` in `folder`."""

    folder: Path
    process: subprocess.Popen[bytes]
    memory: mmap.mmap

    def counted(self) -> int:
        """What the guest has counted to."""
        return int(struct.unpack_from("<Q", self.memory, _COUNTER)[0])

    def counts_on(self, seconds: float = 60.0) -> bool:
        """True as soon as the count has grown; a machine that others use too may keep QEMU waiting."""
        before, end = self.counted(), time.monotonic() + seconds
        while self.counted() == before:
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True


@contextlib.contextmanager
def counting(folder: Path, *more: str) -> Iterator[Counting]:
    """Start the machine; -icount lets the guest sleep between its instructions, so that it costs little."""
    program = folder / "guest.bin"
    program.write_bytes(_PROGRAM)
    sockets = [w for n in ("qmp", "other") for w in ("-qmp", f"unix:{folder}/{n},server=on,wait=off")]
    found = shutil.which("qemu-system-aarch64")
    tool = Emulator(Path(found), dict(os.environ)) if found else emulator()
    command = tool.command(
        "-M", "virt,memory-backend=ram", "-cpu", "cortex-a57", "-m", "64", "-display", "none", "-nodefaults",
        "-object", f"memory-backend-file,id=ram,size=64M,mem-path={folder}/ram,share=on",
        "-device", f"loader,file={program},addr={_LOAD:#x},cpu-num=0,force-raw=on",
        "-icount", "shift=10,align=on", *sockets, *more,
    )  # fmt: skip
    with subprocess.Popen(
        command, env=dict(tool.environment), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as qemu:
        try:
            end = time.monotonic() + _END
            ram = folder / "ram"
            while not ((folder / "other").exists() and ram.exists() and ram.stat().st_size):  # empty for a moment
                assert qemu.poll() is None and time.monotonic() < end, qemu.stderr and qemu.stderr.read()
                time.sleep(0.05)
            with ram.open("r+b") as file:
                yield Counting(folder, qemu, mmap.mmap(file.fileno(), 0))
        finally:
            qemu.kill()


class Between:
    """Passes bytes on between a client and a server; `at_step` is called before each piece, in either direction.

    A server's socket that a QMP client asks for (`gdbserver unix:PATH`) is stood between as well.
    """

    def __init__(self, path: Path, server: Path, at_step: Callable[[int], None]) -> None:
        self.path, self.server, self.at_step, self.steps = path, server, at_step, 0
        self.inner: list[Between] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(4)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """No further clients."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self.inner:
            one.close()
        self.path.unlink(missing_ok=True)

    def step(self) -> None:
        """One more piece."""
        with self._lock:
            number, self.steps = self.steps, self.steps + 1
        self.at_step(number)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
                self.step()
                server.connect(str(self.server))
                self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            for line in select.select([client, server], [], [])[0]:
                data = line.recv(1 << 16)
                if not data:
                    return
                self.step()
                (server if line is client else client).sendall(self._changed(data) if line is client else data)

    def _changed(self, data: bytes) -> bytes:
        """A request for a gdbstub at a path: QEMU opens it at another one, and we listen where it was wanted."""
        head, found, rest = data.partition(b"gdbserver unix:")
        if not found:
            return data
        wanted, comma, tail = rest.partition(b",")
        path = Path(os.fsdecode(wanted))
        self.inner.append(Between(path, path.with_name("real"), lambda _: self.step()))
        return head + found + os.fsencode(path.with_name("real")) + comma + tail


RUNNER = """
import os, signal, sys
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
import inspector.commands.show, inspector.commands.live, inspector.sources.live.qmp
import inspector.sources.live.gdbstub, inspector.reports.registers
from inspector.cli import main
from inspector.registers.catalog import find
from inspector.sources import load
find("CTR_EL0")
for line in sys.stdin:
    if not (child := os.fork()):
        where, *arguments = line.split()
        out = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1), os.dup2(out, 2)
        code = main(arguments)
        sys.stderr.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Runner:
    """Runs the program again and again without the cost of its start: each run is a child of one process."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")},
            # A stop does nothing in a process group without a parent in the session, as a background job's may be.
            process_group=0,
        )  # fmt: skip
        (folder / "tmp").mkdir()
        self.pid = 0

    def start(self, *arguments: str) -> int:
        """Begin a run; its process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join([str(self.said), *arguments]) + "\n")
        self._process.stdin.flush()
        self.pid = int(self._process.stdout.readline())
        return self.pid

    def ended(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        assert self._process.stdout
        patience = threading.Timer(_PATIENCE, os.kill, (self.pid, signal.SIGABRT))
        patience.start()
        try:
            return os.waitstatus_to_exitcode(int(self._process.stdout.readline()))
        finally:
            patience.cancel()

    def close(self) -> None:
        """End the process that was ready."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def shoot(runner: Runner, number: signal.Signals) -> None:
    """Send the signal to the run that is under way."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(runner.pid, number)
