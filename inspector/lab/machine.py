"""One machine of the lab: booted, or started again from the file it was saved to, and asked over its serial line.

The machine is `virt` with EL2 (`virtualization=on`), so that the kernel that is booted has a KVM of its own. A machine
that was booted is saved by QEMU's own migration; the file is named by everything that it depends on.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from inspector.errors import InspectorError, SourceError
from inspector.lab import store
from inspector.lab.emulator import HOST, WITH_MTE, Emulator, own_cpus
from inspector.lab.guard import Guard
from inspector.lab.initramfs import fingerprint, root_file_system
from inspector.lab.kernels import check_whole, missing
from inspector.lab.wire import Reader, packed
from inspector.progress import tell_again
from inspector.transport.deadline import Deadline
from inspector.transport.qmp import QmpSession
from inspector.zstd import ZstdError, ZstdFile

MEMORY = 512
"""MiB"""
APPEND = "console=ttyAMA0 rdinit=/init quiet loglevel=0 panic=-1"
BOOT = 300.0
"""Seconds within which a machine is ready at the latest, on a slow host."""
REHEARSAL = 120.0
"""Seconds for the first answers, which make later ones quick."""
AGAIN = 3
"""How often a damaged message is asked for again, and a request that nobody took is sent again."""
TAKEN = 15.0
"""Seconds after which a request is sent again: the guest says at once that it took one, and does none twice."""
NUDGE = b"\n"
"""Sent between the two: on a busy host QEMU's serial port may keep what came until something else comes."""
SLICE = 0.5
"""Longest wait, in seconds, before `stopped` is looked at again."""
MONITOR = 60.0
"""Seconds for one answer of QEMU's monitor"""
_OVER = ("completed", "failed", "cancelled")
"""states of a migration that goes on no further"""
_TRIES = 20
"""Times that the folder of a machine is taken away: whoever starts it may be writing into it."""
_SMALL = 1024
"""Bytes of a request that may wait in the guest's queue beside others: that holds 4096."""
_running: set[Machine] = set()
"""machines that have a folder, those that still boot among them"""
_starting = threading.Lock()
_over: list[str] = []
"""not empty once the program ends: no machine starts any more"""


class SilentError(SourceError):
    """A machine that runs, and does not answer."""


class StoppedError(SourceError):
    """Whoever asked for a machine does not want it any more, or the program has ended it."""


class Spec(msgspec.Struct, frozen=True):
    """Everything that a machine is made of."""

    image: Path
    cpu: str = "neoverse-n2"
    mte: bool = False
    smp: int = 1
    append: str = ""
    guest: Path = Path()
    """the unpacked packages that the guest has"""
    files: tuple[tuple[str, bytes], ...] = ()
    """what it has beside them: name, content"""


def command_of(spec: Spec, emulator: Emulator, line: int, monitor: int) -> list[str]:
    """The command line of a machine without its kernel; its serial line and QMP are these descriptors.

    They are connected sockets: one in a folder could not be named where TMPDIR is long (unix(7): sun_path holds 108
    bytes), and would have to be waited for. Raises SourceError for memory tags on a CPU model whose tags QEMU cannot
    emulate.
    """
    host = spec.cpu == HOST
    if spec.mte and not host and spec.cpu not in WITH_MTE:
        raise SourceError(f"QEMU emulates no memory tags on {spec.cpu}", "mte=on", f"on: {', '.join(WITH_MTE)}")
    board = f"{store.machine_type(emulator)},virtualization=on,gic-version=3" + ",mte=on" * spec.mte
    return emulator.command(
        "-M", board, "-cpu", spec.cpu, "-m", str(MEMORY), "-smp", str(spec.smp),
        "-accel", "kvm" if host else "tcg", "-no-reboot", "-nodefaults", "-display", "none",
        "-chardev", f"socket,id=line,fd={line}", "-serial", "chardev:line",
        "-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control",
    )  # fmt: skip


def key_of(spec: Spec, emulator: Emulator) -> str:
    """The name of the saved machine: it differs with everything that the machine is made of."""
    guest = fingerprint([spec.guest], dict(spec.files))
    cpus = own_cpus() if spec.cpu == HOST else ""
    return store.key(spec.image, guest, emulator, MEMORY, spec.cpu, spec.mte, spec.smp, spec.append, cpus)


class Machine:
    """A running machine; `close` ends it, and nothing is left. Requests of several threads go one after another."""

    def __init__(
        self,
        spec: Spec,
        emulator: Emulator,
        cache: Path,
        where: str,
        say: Callable[[str], object],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """`say` gets the progress; `stopped` is asked while it starts: True ends the start with StoppedError."""
        self._where, self._image = where, spec.image
        self._number = random.getrandbits(48)
        """of the last request; a saved guest remembers numbers of the program that booted it"""
        self._stopped, self._closed = stopped, False
        self._asking, self._ending = threading.Lock(), threading.Lock()
        self._reader = Reader()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._line: socket.socket | None = None
        self._qmp: QmpSession | None = None
        self.about: dict[str, Any] = {}
        """what the guest says of its kernel"""
        self._make_folder()
        try:
            with self._while_wanted():
                self._begin(spec, emulator, cache, say)
                self.about = self.ask({"what": "ping"}, 60)
        except OSError as error:
            self.close()
            raise _unwritten(error, where) from None
        except BaseException:
            self.close()
            raise
        self._stopped = lambda: False  # others may use the machine from here on

    def _make_folder(self) -> None:
        """A folder for the machine's files, which goes with the program. Raises SourceError."""
        with _starting:
            self._go_on()
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="vcpu-inspector-lab-"))
            except OSError as error:
                raise _unwritten(error, self._where) from None
            _running.add(self)

    def _begin(self, spec: Spec, emulator: Emulator, cache: Path, say: Callable[[str], object]) -> None:
        key = key_of(spec, emulator)
        saved = store.saved(cache, key)
        if saved is not None:
            say(f"starting the saved machine ({saved.stat().st_size >> 20} MiB)")
            if self._restore(spec, emulator, saved):
                return
            with contextlib.suppress(OSError):
                saved.unlink()  # of no use: the machine is booted instead
        if doubt := check_whole(spec.image):
            say(doubt)
        lacks = missing(spec.image)
        if lacks:
            raise SourceError(f"this kernel lacks {', '.join(lacks)}", self._where, "build it with these options")
        model = "this machine's own CPU" if spec.cpu == HOST else f"an emulated {spec.cpu}"
        say(f"booting {spec.image.name} on {model}; later starts take a second")
        self._start(spec, emulator, self._kernel(spec))
        self._until_ready(say)
        self._rehearse()
        self._save(cache, key, say)

    def _kernel(self, spec: Spec) -> list[str]:
        image = self._folder / "initramfs"
        image.write_bytes(root_file_system([spec.guest], dict(spec.files)))
        append = f"{APPEND} {spec.append}".strip()
        return ["-kernel", str(spec.image), "-initrd", str(image), "-append", append]

    def _start(self, spec: Spec, emulator: Emulator, rest: Sequence[str], *descriptors: int) -> None:
        """Run QEMU, with `rest` behind what every machine has, and greet it. Raises SourceError."""
        store.end_left()
        self._line, of_line = socket.socketpair()
        monitor, of_monitor = socket.socketpair()
        try:
            with of_line, of_monitor:
                ours = of_line.fileno(), of_monitor.fileno()
                self._run([*command_of(spec, emulator, *ours), *rest], emulator, (*ours, *descriptors))
            try:
                self._qmp = QmpSession(self._where, monitor, Deadline(MONITOR, self._where))
            except SourceError as error:
                raise self.failure(f"QEMU's monitor {error.what}") from None
        except BaseException:
            monitor.close()
            raise

    def _run(self, command: Sequence[str], emulator: Emulator, descriptors: Sequence[int]) -> None:
        with (self._folder / "said").open("wb") as said, _starting:
            self._go_on()
            try:
                self._process = subprocess.Popen(
                    command, env=dict(emulator.environment), stdin=subprocess.DEVNULL, stdout=said,
                    stderr=subprocess.STDOUT, pass_fds=descriptors, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise SourceError(f"{command[0]} cannot be run: {error.strerror}", self._where) from None
            # First the note: killed between the two, the program leaves a machine that the next start finds and ends.
            store.note_running(self._process.pid, self._where, self._image)
            self._guard = Guard(self._process.pid, self._folder)

    def _monitor(self, command: str, **arguments: object) -> Any:
        """What a command of QEMU's monitor returns. Raises SourceError with the machine's last words."""
        monitor = self._qmp
        if monitor is None:  # another thread has ended the machine
            raise self.failure("the machine ended")
        monitor.deadline = Deadline(MONITOR, self._where)
        try:
            return monitor.command(command, **arguments)
        except SourceError as error:
            raise self.failure(f"QEMU's monitor: {error.what}") from None

    def _go_on(self) -> None:
        """Raises StoppedError where nobody wants the machine any more, as when the program ends."""
        if _over or self._closed or self._stopped():
            raise StoppedError("was stopped", self._where)

    @contextlib.contextmanager
    def _while_wanted(self) -> Iterator[None]:
        """What fails once nobody wants the machine any more is StoppedError: it failed because it was ended."""
        try:
            yield
        except (OSError, SourceError):
            self._go_on()
            raise

    def _until_ready(self, say: Callable[[str], object]) -> None:
        begin, told = time.monotonic(), 0.0
        while True:
            for message in self._receive(SLICE):
                if message.get("ready"):
                    return
            self._go_on()
            spent = time.monotonic() - begin
            if spent > BOOT:
                raise self.failure(f"was not ready within {BOOT:g} s")
            if spent - told >= 5:
                told = spent
                say(f"booting, {spent:.0f} s")

    def _rehearse(self) -> None:
        """Let the guest answer once: its saved self then answers sooner. What fails here fails later too."""
        try:
            self.ask({"what": "rehearse"}, REHEARSAL)
        except SourceError:
            self._go_on()
            if not self.alive:
                raise

    def _save(self, cache: Path, key: str, say: Callable[[str], object]) -> None:
        """Save the machine as it stands; a machine that cannot be saved runs on all the same."""
        raw = self._folder / "state"
        say("saving the machine for the next start")
        self._monitor("stop")
        try:
            self._monitor("migrate", uri=f"file:{raw}")
            while (status := self._monitor("query-migrate").get("status")) not in _OVER:
                time.sleep(0.05)
            if status == "completed":
                for removed in store.keep(cache, key, raw):
                    say(f"made room: {removed}")
        except (InspectorError, OSError):
            say("the machine could not be saved; the next start boots it again")
        finally:
            raw.unlink(missing_ok=True)
            self._monitor("cont")

    def _restore(self, spec: Spec, emulator: Emulator, saved: Path) -> bool:
        """Start the machine from its file; False where QEMU does not take it. Raises SourceError.

        What fails before QEMU is given the file says nothing of it.
        """
        take, give = os.pipe()

        def feed() -> None:
            with (
                contextlib.suppress(OSError, EOFError, ZstdError),
                os.fdopen(give, "wb") as pipe,
                ZstdFile(saved) as file,
            ):
                shutil.copyfileobj(file, pipe, 1 << 20)

        try:
            self._start(spec, emulator, ["-incoming", f"fd:{take}"], take)
        except BaseException:
            os.close(give)
            raise
        finally:
            os.close(take)
        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        try:
            while self._monitor("query-status")["status"] == "inmigrate":
                self._go_on()
                time.sleep(0.005)
            thread.join()
            self._monitor("cont")
        except SourceError:
            self._stop()
            self._go_on()  # else it failed because it was ended
            return False
        return True

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """The guest's answer to one request, within `timeout` seconds. Raises SourceError."""
        with self._asking, self._while_wanted():
            return self._ask(request, timeout)

    def _ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        if self._line is None:
            raise self.failure("the machine ended")
        end = time.monotonic() + timeout
        self._number += 1
        data = packed({**request, "number": self._number})
        for _ in range(AGAIN):
            self._send(data)
            answer = self._answer(data, end, timeout)
            if answer is None:
                continue
            if "error" in answer:
                raise SourceError(f"the guest answered: {answer['error']}", self._where)
            return answer
        raise self.failure("the serial line damages what it carries")

    def _send(self, data: bytes) -> None:
        try:
            assert self._line is not None
            self._line.sendall(data)
        except (OSError, AssertionError):
            raise self.failure("the machine ended") from None

    def _answer(self, data: bytes, end: float, timeout: float) -> dict[str, Any] | None:
        """The answer with the present number; None when a message was damaged. What nobody took is sent again."""
        damaged, sent, count, taken = self._reader.damaged, time.monotonic(), 1, False
        while time.monotonic() < end:
            for message in self._receive(min(SLICE, max(0.01, end - time.monotonic()))):
                if message.get("number") == self._number:
                    if not message.get("taken"):
                        return dict(message)
                    taken = True
                if message.get("damaged"):
                    return None
            if self._reader.damaged > damaged:
                return None
            self._go_on()
            tell_again()
            if not taken:
                self._send(NUDGE)
            if time.monotonic() - sent > TAKEN and (not taken or len(data) < _SMALL):
                if not taken and count > AGAIN:
                    raise SilentError(f"took no request within {count * TAKEN:g} s", self._where)
                self._send(data)
                sent, count = time.monotonic(), count + 1
        failure = self.failure(f"no answer within {timeout:g} s")
        raise SilentError(failure.what, failure.where, failure.hint)

    def _receive(self, seconds: float) -> list[Any]:
        line = self._line
        try:
            if line is None:
                raise ValueError
            with selectors.DefaultSelector() as selector:
                selector.register(line, selectors.EVENT_READ)
                if not selector.select(seconds):
                    return []
            data = line.recv(1 << 16)
        except (OSError, ValueError):  # or another thread has closed it
            data = b""
        if not data:
            raise self.failure("the machine ended")
        return self._reader.take(data)

    def failure(self, what: str) -> SourceError:
        """An error with the last lines of the console, or else of QEMU."""
        lines = self._reader.console[-3:]
        if not lines:
            with contextlib.suppress(OSError):
                lines = (self._folder / "said").read_text(errors="replace").strip().splitlines()[-3:]
        words = f"its last words: {' | '.join(lines)}"[:400]
        return SourceError(what, self._where, words if lines else "it said nothing")

    def _stop(self) -> None:
        """End the process; the thread that starts a machine and the program's end may both ask for it."""
        with self._ending:
            self._end()

    def _end(self) -> None:
        for one in (self._line, self._qmp):
            if one is not None:
                one.close()
        self._line, self._qmp = None, None
        if self._guard is not None:
            self._guard.dismiss()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            store.forget_running(self._process.pid)
            self._process = None
        self._reader = Reader()

    def close(self) -> None:
        """End the machine and remove its files, also while another thread starts it: that starts nothing more."""
        with _starting:
            self._closed = True
        self._stop()
        for _ in range(_TRIES):
            shutil.rmtree(self._folder, ignore_errors=True)
            if not self._folder.exists():
                break
        _running.discard(self)

    @property
    def alive(self) -> bool:
        """True while the machine runs."""
        return self._process is not None and self._process.poll() is None


def _unwritten(error: OSError, where: str) -> SourceError:
    """What to say of a machine whose files cannot be read or written; writing to a full disk names no file."""
    what = f"{error.filename or 'its files'}: {error.strerror or error}"
    return SourceError(what, where, "TMPDIR names a folder with some 300 MiB of room")


def close_all(*, for_good: bool = False) -> None:
    """End every machine of this program, those that still boot too; `for_good`: no other starts after that."""
    with _starting:
        if for_good:
            _over.append("the program ends")
        found = list(_running)
    for machine in found:
        machine.close()
