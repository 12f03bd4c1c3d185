"""What runs as init in a lab's guest: it answers requests that come over the serial line, one at a time.

Requests: `ping`; `run` a program of the guest with arguments; `write` values to registers of a fresh scratch vCPU and
read them back, for which a spare vCPU is kept ready. Any other answer than the one that was asked for is an `error`.
This text runs in the guest's own Python, with the wire's text in front of it.
"""

import ctypes
import os
import subprocess
import sys
import termios
import tty
import types
from pathlib import Path
from typing import Any

# Left out where the texts of these files stand in front of this one.
from inspector.lab.wire import Reader, packed

# Here begins what is kept.
PORT = "/dev/ttyAMA0"
MOUNTS = (
    ("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"), ("debugfs", "/sys/kernel/debug"),
)  # fmt: skip


class Agent:
    """Answers requests with what the guest's kernel answers."""

    def __init__(self) -> None:
        self.collector: Any = types.ModuleType("collector")
        text = Path("/collector.py").read_text(encoding="utf-8")
        exec(compile(text, "/collector.py", "exec"), self.collector.__dict__)
        self.spare: tuple[tuple[str, str], Any] | None = None
        self.last: dict[str, Any] = {}
        """the last answer: a request that comes again is not done again"""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request."""
        what = request.get("what")
        if what == "ping":
            return {"kernel": os.uname().release, "version": os.uname().version, "kvm": Path("/dev/kvm").exists()}
        if what == "run":
            return self.run(request["argv"], request.get("timeout"))
        if what == "write":
            return self.write(request["features"], request["gic"], request["writes"])
        return {"error": f"no such request: {what}"}

    def run(self, argv: list[str], timeout: float | None) -> dict[str, Any]:
        """A program of the guest, to its end."""
        try:
            done = subprocess.run(
                [sys.executable, *argv], capture_output=True, cwd="/tmp", timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return {"error": f"did not end within {timeout or 0:g} s"}
        return {
            "code": done.returncode,
            "out": done.stdout.decode("utf-8", "replace"),
            "err": done.stderr.decode("utf-8", "replace")[-4000:],
        }

    def machine(self, features: str, gic: str) -> Any:
        """A fresh scratch VM: the spare one where it is of this kind."""
        if self.spare and self.spare[0] == (features, gic):
            vm, self.spare = self.spare[1], None
            return vm
        self.drop()
        collector = self.collector
        kvm = collector.open_kvm("/dev/kvm")
        try:
            options = collector.Options(features=features, gic=gic)
            reason = OSError("no plan")
            for bitmap, with_gic, mte, imp_id in collector.plans(options, collector.capabilities(kvm)):
                try:
                    return collector.ScratchVm(kvm, bitmap, with_gic, mte, imp_id)
                except OSError as error:
                    reason = error
            raise reason
        finally:
            os.close(kvm)

    def drop(self) -> None:
        """Throw the spare VM away."""
        if self.spare:
            self.spare[1].close()
            self.spare = None

    def write(self, features: str, gic: str, writes: list[list[int]]) -> dict[str, Any]:
        """Each write, in order, on one fresh vCPU: [errno, value before or None, value after or None]."""
        vm = self.machine(features, gic)
        answers = []
        try:
            for number, value in writes:
                before = vm.get(number)
                code = vm.set(number, value)
                after = vm.get(number)
                answers.append([code, None if before[0] else before[1], None if after[0] else after[1]])
        finally:
            vm.close()
        return {"answers": answers}

    def prepare(self, request: dict[str, Any]) -> None:
        """Make the next spare VM, while nobody waits."""
        if request.get("what") == "write" and not self.spare:
            kind = (request["features"], request["gic"])
            self.spare = (kind, self.machine(*kind))


def main() -> None:
    """Mount what programs need, say that the guest is ready, and answer for ever."""
    libc = ctypes.CDLL(None)
    for kind, where in MOUNTS:
        libc.mount(kind.encode(), where.encode(), kind.encode(), 0, None)
    Path("/proc/sys/kernel/printk").write_text("1", encoding="ascii")
    with Path(PORT).open("r+b", buffering=0) as line:
        tty.setraw(line.fileno(), termios.TCSANOW)
        agent, reader = Agent(), Reader()
        send(line, packed({"number": 0, "ready": True}))
        while True:
            serve(agent, reader, line)


def send(line: Any, data: bytes) -> None:
    """Write all of it: an unbuffered write may take only a part."""
    while data:
        data = data[line.write(data) or 0 :]


def serve(agent: Agent, reader: Reader, line: Any) -> None:
    """Take what came, say so, and answer it; a damaged request is asked for again."""
    damaged = reader.damaged
    for request in reader.take(os.read(line.fileno(), 1 << 16)):
        number = request.get("number")
        send(line, packed({"number": number, "taken": True}))
        if number != agent.last.get("number"):
            try:
                agent.last = {"number": number, **agent.answer(request)}
            except Exception as error:
                agent.last = {"number": number, "error": f"{type(error).__name__}: {error}"}
        send(line, packed(agent.last))
        try:
            agent.prepare(request)
        except Exception:
            agent.drop()
    if reader.damaged > damaged:
        send(line, packed({"number": -1, "damaged": True}))


if __name__ == "__main__":
    main()
