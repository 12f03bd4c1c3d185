"""A VM whose guest counts aloud, under any qemu-system-aarch64: start it, talk QMP, and read how far it counted.

The guest is 18 instructions without memory, kernel or interrupts: X19 counts, and each count goes to the serial line as
eight letters (A to P stand for 0 to 15). What a restored VM says next therefore shows that it runs on, not anew. The
file uses nothing but the standard library and runs by itself inside an emulated machine:
`counting_vm.py save STATE QEMU...` writes STATE, `counting_vm.py load STATE QEMU...` restores it; both print one JSON
object.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GUEST = (
    0xD2A12014,  # movz x20, #0x900, lsl #16    the PL011 of `virt`
    0x52806024,  # movz w4, #0x301
    0xB9003284,  # str w4, [x20, #0x30]         UARTCR: enabled, sends
    0xD2800013,  # mov x19, #0
    0x91000673,  # loop: add x19, x19, #1
    0x52800383,  # mov w3, #28
    0x1AC32664,  # digit: lsr w4, w19, w3
    0x12000C84,  # and w4, w4, #15
    0x11010484,  # add w4, w4, #'A'
    0xB9000284,  # str w4, [x20]
    0x71001063,  # subs w3, w3, #4
    0x54FFFF65,  # b.pl digit
    0x52800144,  # mov w4, #10
    0xB9000284,  # str w4, [x20]
    0xD2A00045,  # movz x5, #2, lsl #16
    0xF10004A5,  # wait: subs x5, x5, #1
    0x54FFFFE1,  # b.ne wait
    0x17FFFFF3,  # b loop
)
AT = 0x40200000
"""Where the guest lies: inside the RAM of `virt`, behind the device tree."""


def guest_file(folder: Path) -> Path:
    """Write the guest's program; gives its path."""
    path = folder / "guest.bin"
    path.write_bytes(b"".join(word.to_bytes(4, "little") for word in GUEST))
    return path


def counts(serial: str) -> list[int]:
    """The counts of every whole line."""
    lines = serial.split("\n")[:-1]
    return [int("".join(f"{ord(ch) - 65:x}" for ch in line), 16) for line in lines if len(line) == 8 and line.isalpha()]


class CountingVm:
    """One QEMU with the counting guest: `command` is program, board, CPU and accelerator, `state` what it restores."""

    def __init__(
        self, folder: Path, command: Sequence[str], environment: Mapping[str, str] | None = None, state: str = ""
    ) -> None:
        self.qmp_path, self.serial_path = folder / "qmp", folder / "serial"
        incoming = os.open(state, os.O_RDONLY) if state else -1
        more = ["-incoming", f"fd:{incoming}"] if state else []
        loader = f"loader,file={guest_file(folder)},addr={AT:#x},cpu-num=0,force-raw=on"
        self._process = subprocess.Popen(
            [
                *command, "-nodefaults", "-display", "none", "-serial", f"file:{self.serial_path}", "-device", loader,
                "-qmp", f"unix:{self.qmp_path},server=on,wait=off", *more,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
            pass_fds=[incoming] if state else [],
        )  # fmt: skip
        if state:
            os.close(incoming)
        self._socket: socket.socket | None = None
        self._said = b""

    def __enter__(self) -> CountingVm:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._socket is not None:
            self._socket.close()

    def serial(self) -> str:
        """What the guest said so far."""
        try:
            return self.serial_path.read_text(encoding="latin-1")
        except OSError:
            return ""

    def count(self, at_least: int, seconds: float = 120) -> int:
        """Wait until the guest said a count of at least `at_least`; gives the last. 0 when QEMU ended meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            said = counts(self.serial())
            if said and said[-1] >= at_least:
                return said[-1]
            if self._process.poll() is not None:
                return 0
            time.sleep(0.1)
        raise TimeoutError(f"the guest did not count to {at_least} within {seconds} s: {self.serial()[-60:]!r}")

    def ended(self, seconds: float = 120) -> tuple[int, str]:
        """Wait for QEMU's end: its exit code and what it wrote to standard error."""
        _, said = self._process.communicate(timeout=seconds)
        return self._process.returncode, said.decode(errors="replace")

    def qmp(self, name: str, **arguments: object) -> dict[str, object]:
        """One QMP command; gives its `return` or `error`."""
        if self._socket is None:
            self._connect()
        return self._ask(json.dumps({"execute": name, "arguments": arguments}))

    def _connect(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while True:
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                one.connect(str(self.qmp_path))
                break
            except OSError:
                one.close()
                if self._process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.1)
        one.settimeout(seconds)
        self._socket = one
        self._line()
        self._ask('{"execute": "qmp_capabilities"}')

    def _ask(self, text: str) -> dict[str, object]:
        assert self._socket is not None
        self._socket.sendall(text.encode() + b"\n")
        while True:
            answer = json.loads(self._line())
            if "return" in answer or "error" in answer:
                return dict(answer)

    def _line(self) -> bytes:
        assert self._socket is not None
        while b"\n" not in self._said:
            data = self._socket.recv(65536)
            if not data:
                raise OSError("QEMU closed its QMP socket")
            self._said += data
        line, _, self._said = self._said.partition(b"\n")
        return line

    def human(self, line: str) -> str:
        """One command of the human monitor; gives what it printed."""
        return str(self.qmp("human-monitor-command", **{"command-line": line}).get("return"))

    def migrate_to(self, path: str, seconds: float = 240) -> None:
        """Write the running guest's whole state to `path`; the guest stops at its end."""
        where = f"{self.qmp_path}.state"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server, Path(path).open("wb") as file:
            server.bind(where)
            server.listen(1)
            server.settimeout(seconds)
            answer = self.qmp("migrate", uri=f"unix:{where}")
            assert "return" in answer, answer
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(1 << 16):
                    file.write(data)
        assert self.human("info migrate").count("completed"), self.human("info migrate")


def saved(state: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, object]:
    """Let a new guest count a little, then write its state."""
    with tempfile.TemporaryDirectory() as folder, CountingVm(Path(folder), command, environment) as vm:
        vm.count(3)
        vm.migrate_to(state)
        return {"said": counts(vm.serial())}


def loaded(state: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, object]:
    """What a VM does that begins with `state`, or with what `command` says where `state` is empty.

    The counts that it says, or QEMU's exit code and messages.
    """
    with tempfile.TemporaryDirectory() as folder, CountingVm(Path(folder), command, environment, state) as vm:
        if vm.count(1):
            first = counts(vm.serial())[0]
            vm.count(first + 3)
            return {"said": counts(vm.serial()), "status": vm.qmp("query-status").get("return")}
        code, messages = vm.ended()
        return {"said": [], "code": code, "messages": messages}


def main(arguments: Sequence[str]) -> int:
    """`save STATE COMMAND...` or `load STATE COMMAND...`; one JSON object on standard output."""
    action, state, *command = arguments
    print(json.dumps(saved(state, command) if action == "save" else loaded(state, command)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
