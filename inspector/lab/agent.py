"""What runs as init in a lab's guest: it answers requests that come over the serial line, one at a time.

Requests: `ping`; `run` a program of the guest with arguments; `write` values to registers of a fresh scratch vCPU and
read them back, for which a spare vCPU is kept ready; `rehearse` what is asked later, before the machine is saved. Any
other answer than the one that was asked for is an `error`.

To start a Python takes seconds under emulation. So the collector, which is asked most, is loaded once, in a process
beside init that answers everything about KVM; where the kernel ends that process, another takes its place.
This text runs in the guest's own Python, with the wire's text in front of it.
"""

import ctypes
import gc
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import time
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
COLLECTOR = "/collector.py"
OUT = "/tmp/out"
"""What the collector wrote last."""
USUAL = ("qemu", "v3")
"""Features and interrupt controller of the vCPU that most questions want."""


class Worker:
    """Asks KVM: runs the collector, and writes to scratch vCPUs."""

    def __init__(self, collector: Any) -> None:
        self.collector = collector
        self.spare: tuple[tuple[str, str], Any] | None = None

    def serve(self, line: socket.socket) -> None:
        """Answer requests, a line of JSON each, until there are no more."""
        with line.makefile("rb") as requests:
            for text in requests:
                request = json.loads(text)
                try:
                    answer = self.answer(request)
                except Exception as error:
                    answer = {"error": f"{type(error).__name__}: {error}"}
                line.sendall(json.dumps(answer).encode() + b"\n")
                try:
                    self.prepare(request)
                except Exception:
                    self.drop()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request."""
        if request["what"] == "run":
            return self.collect(request["argv"][1:])
        if request["what"] == "rehearse":
            return {"code": self.collect([])["code"]}
        return self.write(request["features"], request["gic"], request["writes"])

    def collect(self, argv: list[str]) -> dict[str, Any]:
        """What the collector writes with these arguments."""
        sys.stderr = said = io.StringIO()
        out = os.open(OUT, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        try:
            code = self.collector.main(argv)
        except SystemExit as leaving:
            code = leaving.code
        finally:
            os.close(out)
        return outcome(code, os.pread(1, os.fstat(1).st_size, 0), said.getvalue().encode())

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
        if request["what"] in ("write", "rehearse") and not self.spare:
            kind = (request.get("features", USUAL[0]), request.get("gic", USUAL[1]))
            self.spare = (kind, self.machine(*kind))


class Agent:
    """Answers requests with what the guest's kernel answers."""

    def __init__(self) -> None:
        self.collector: Any = types.ModuleType("collector")
        text = Path(COLLECTOR).read_text(encoding="utf-8")
        exec(compile(text, COLLECTOR, "exec"), self.collector.__dict__)
        # No VM runs here: what debugfs shows is the worker's spare one.
        vars(self.collector)["debugfs_vms"] = lambda notes: []
        gc.collect()
        gc.freeze()  # the worker then shares these pages for good
        self.last: dict[str, Any] = {}
        """the last answer: a request that comes again is not done again"""
        self.begin_worker()

    def begin_worker(self) -> None:
        """Start the process that asks KVM."""
        self.line, end = socket.socketpair()
        self.worker = os.fork()
        if not self.worker:
            try:
                self.line.close()
                Worker(self.collector).serve(end)
            finally:
                os._exit(1)
        end.close()

    def end_worker(self) -> int:
        """End that process; its exit code, negative for the signal that ended it."""
        os.kill(self.worker, signal.SIGKILL)
        self.line.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.worker, 0)[1])

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request."""
        what = request.get("what")
        if what == "ping":
            return {"kernel": os.uname().release, "version": os.uname().version, "kvm": Path("/dev/kvm").exists()}
        if what in ("write", "rehearse") or (what == "run" and request["argv"][0] == COLLECTOR):
            return self.of_worker(request)
        if what == "run":
            return self.run(request["argv"], request.get("timeout"))
        return {"error": f"no such request: {what}"}

    def of_worker(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the worker answers; one that gives no answer is replaced."""
        timeout = request.get("timeout")
        end = None if timeout is None else time.monotonic() + timeout
        text = b""
        try:
            self.line.sendall(json.dumps(request).encode() + b"\n")
            while not text.endswith(b"\n"):
                left = None if end is None else max(0.0, end - time.monotonic())
                if not select.select([self.line], [], [], left)[0]:
                    break
                more = self.line.recv(1 << 16)
                if not more:
                    raise OSError("ended")
                text += more
            else:
                return dict(json.loads(text))
        except OSError:
            said = f"the process that asks KVM ended: exit code {self.end_worker()}"
        else:
            self.end_worker()
            said = f"did not end within {timeout or 0:g} s"
        self.begin_worker()
        return {"error": said}

    def run(self, argv: list[str], timeout: float | None) -> dict[str, Any]:
        """A program of the guest, to its end."""
        try:
            done = subprocess.run(
                [sys.executable, *argv], capture_output=True, cwd="/tmp", timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return {"error": f"did not end within {timeout or 0:g} s"}
        return outcome(done.returncode, done.stdout, done.stderr)


def outcome(code: int, out: bytes, err: bytes) -> dict[str, Any]:
    """What a program answered, as a message carries it."""
    return {"code": code, "out": out.decode("utf-8", "replace"), "err": err.decode("utf-8", "replace")[-4000:]}


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
    if reader.damaged > damaged:
        send(line, packed({"number": -1, "damaged": True}))


if __name__ == "__main__":
    main()
