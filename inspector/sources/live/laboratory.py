"""`lab:KERNEL[,cpu=MODEL][,mte=on][,smp=N][,append="..."]` - a real KVM on an emulated machine.

A machine is kept while the program runs, so that one start serves many questions.
"""

from __future__ import annotations

import atexit
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from inspector.errors import LONGEST, SourceError, short_line
from inspector.folders import cache_folder
from inspector.lab import machine as machines
from inspector.lab.debian import FetchError, Say, Stamp, alone, fetch_guest, guest_apt
from inspector.lab.emulator import HOST, find_emulator, no_nested_kvm
from inspector.lab.kernels import image_of
from inspector.lab.machine import Machine, SilentError, Spec, StoppedError
from inspector.lab.programs import agent_program
from inspector.numbers import is_decimal
from inspector.progress import clear
from inspector.sources.dump import Dump
from inspector.sources.live.answers import arguments, dump_of
from inspector.sources.live.programs import collector_program, recorder_program
from inspector.sources.live.source import LiveOptions

PREFIX = "lab:"
FORM = 'lab:KERNEL[,cpu=MODEL][,mte=on][,smp=N][,append="..."]'
DEFAULT_CPU = "neoverse-n2"
_OPTION = re.compile(r',(cpu|mte|smp|append)=("[^"]*"|[^,]*)')
_CPU = re.compile(r"[a-z0-9][a-z0-9.+-]*(?:,[a-z0-9-]+=[a-z0-9]+)*\Z", re.I)
_LONGEST_CPU = 200
_SLOWEST_START = 400.0
"""Seconds that a first start may take beside the time-out of a reading: fetching, booting, saving."""
_SLOWEST_ANSWER = 300.0
"""Seconds that one reading or write may take at least, whatever its time-out: emulation on a busy host is slow."""
_SILENT = 60.0
"""Seconds after which a machine that does not answer a reading or a write is started anew."""
_Key = tuple[str, Spec]
_machines: dict[_Key, Machine] = {}
"""(kernel as named, the machine without its image) -> the machine that runs"""
_starts: defaultdict[_Key, threading.Lock] = defaultdict(threading.Lock)
_preparing = threading.Lock()
"""One at a time fetches and unpacks."""


def to_standard_error(address: str, text: str) -> None:
    """Progress for the command line."""
    clear()
    print(short_line(f"{address}: {text}", LONGEST), file=sys.stderr)


class Lab:
    """A machine of the lab as a live source. Several threads may use one address."""

    caution = ""

    def __init__(self, address: str, options: LiveOptions) -> None:
        self.address, self.options = address, options
        self.say: Callable[[str, str], object] = to_standard_error
        """gets (address, what is done now) while a machine starts; called in the thread that asks"""
        self.stopped = threading.Event()
        """set: a start under way ends with StoppedError, and no other begins"""
        self._patience = max(options.timeout, _SLOWEST_ANSWER)
        self.timeout = self._patience + _SLOWEST_START
        self.kernel, self._given = taken_apart(address)
        self.cpu = self._given.cpu
        """the CPU model of the machine"""

    def machine(self) -> Machine:
        """The machine of this address: the one that runs, else it is started. Raises SourceError."""
        key = self.kernel, self._given
        with _starts[key]:
            found = _machines.get(key)
            if found is not None and found.alive:
                return found
            if found is not None:
                found.close()
            _machines[key] = found = self._start()
            self._say("it runs, and is asked")
            return found

    def _start(self) -> Machine:
        folder = cache_folder()
        emulator = find_emulator(folder)
        with _preparing:
            image = image_of(self.kernel, folder, self._say)
            guest = guest_python(folder, self._say)
        files = (
            ("init", b"#!/usr/bin/python3.11 -SB\n" + agent_program().encode()),
            ("collector.py", collector_program().encode()),
            ("recorder.py", recorder_program().encode()),
        )
        spec = msgspec.structs.replace(self._given, image=image, guest=guest, files=files)
        try:
            return Machine(spec, emulator, folder, self.address, self._say, self.stopped.is_set)
        except StoppedError:
            raise
        except SourceError as error:
            if spec.cpu != HOST or f"cpu={HOST}" in self.address:
                raise
            self._say(f"this machine's own KVM cannot be used ({error.what}): {DEFAULT_CPU} is emulated")
            self.cpu = DEFAULT_CPU
        spec = msgspec.structs.replace(spec, cpu=DEFAULT_CPU)
        return Machine(spec, emulator, folder, self.address, self._say, self.stopped.is_set)

    def _say(self, text: str) -> None:
        self.say(self.address, text)

    def _ask(self, request: dict[str, Any], timeout: float, again_after: float) -> dict[str, Any]:
        """The machine's answer; one that is silent for `again_after` seconds is started anew, once.

        A machine that was started from its file stands still now and then, on a busy host once in fifty starts. What is
        asked here changes nothing, so that it can be asked again.
        """
        machine = self.machine()
        try:
            return machine.ask(request, min(again_after, timeout))
        except SilentError as error:
            if again_after >= timeout:
                raise
            self._say(f"{error.what}: it is started anew")
            machine.close()
        return self.machine().ask(request, timeout)

    def run(self, *argv: str, timeout: float) -> str:
        """Standard output of a program of the guest (`/collector.py`, `/recorder.py`) with arguments.

        Raises SourceError where it failed.
        """
        request = {"what": "run", "argv": argv, "timeout": timeout}
        answer = self._ask(request, timeout + 5, _SILENT if timeout <= _SLOWEST_ANSWER else timeout + 5)
        if answer["code"]:
            said = str(answer["err"]).strip().splitlines() or [f"exit code {answer['code']}"]
            raise SourceError(f"{argv[0]} failed there: {said[-1]}", self.address)
        return str(answer["out"])

    def answer(self, writes: Sequence[tuple[int, int]] = ()) -> bytes:
        """What the collector wrote in the guest."""
        return self.run("/collector.py", *arguments(self.options, writes), timeout=self._patience).encode()

    def write(self, writes: Sequence[tuple[int, int]]) -> list[tuple[int, int | None, int | None]]:
        """(errno, value before, value after) of each write, in order, on one fresh vCPU that the guest keeps ready."""
        request: dict[str, Any] = {
            "what": "write", "features": self.options.features, "gic": self.options.gic,
            "writes": [[number, value] for number, value in writes],
        }  # fmt: skip
        answer = self._ask(request, self._patience, _SILENT)
        return [(int(code), before, after) for code, before, after in answer["answers"]]

    def read(self) -> Dump:
        """The registers of a fresh vCPU there, and the host's."""
        return dump_of(self.answer(), self.address)


def taken_apart(address: str) -> tuple[str, Spec]:
    """(kernel as named, the machine without its image). Raises SourceError for an address that cannot be one."""
    text = address.removeprefix(PREFIX)
    first = _OPTION.search(text)
    kernel, options = (text[: first.start()], text[first.start() :]) if first else (text, "")
    if not kernel or _OPTION.sub("", options):
        raise SourceError("is not the address of a lab", address, f"valid: {FORM}, KERNEL a series or a file")
    given = {name: value.strip('"') for name, value in _OPTION.findall(options)}
    cpu, smp, mte = given["cpu"] if "cpu" in given else usual_cpu(), given.get("smp", "1"), given.get("mte", "off")
    if len(cpu) > _LONGEST_CPU or not _CPU.match(cpu):
        raise SourceError(f"{short_line(cpu, 60)!r} is no CPU model", address, "such as neoverse-n2, cortex-a72 or max")
    if not (is_decimal(smp) and 1 <= int(smp[:3]) <= 8 and len(smp) < 3):
        raise SourceError(f"smp={smp} is not a number from 1 to 8", address)
    if mte not in ("on", "off"):
        raise SourceError(f"mte={mte} is neither on nor off", address)
    return kernel, Spec(Path(), cpu=cpu, mte=mte == "on", smp=int(smp), append=given.get("append", ""))


def usual_cpu() -> str:
    """The CPU model where none is named: this machine's own where its KVM can run a KVM, else an emulated one."""
    return DEFAULT_CPU if no_nested_kvm() else HOST


def guest_python(folder: Path, say: Say) -> Path:
    """The unpacked Python of the guests; it is fetched when it is not there, which `say` is told.

    Raises SourceError where it cannot be.
    """

    def is_there(stamp: Stamp) -> bool:
        return "guest" in stamp.have and (folder / "guest/usr/bin").is_dir()

    if not is_there(Stamp(folder)):
        try:
            with alone(folder, say) as stamp:
                if not is_there(stamp):
                    fetch_guest(guest_apt(folder, say), stamp)
        except FetchError as error:
            raise SourceError(
                f"an arm64 Python for the guest cannot be fetched: {error}", "lab", "see `vcpu-inspector lab doctor`"
            ) from None
    return folder / "guest"


def close_all() -> None:
    """End every machine of this program."""
    machines.close_all()
    _machines.clear()


atexit.register(machines.close_all, for_good=True)
