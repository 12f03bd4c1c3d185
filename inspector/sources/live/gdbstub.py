"""`gdb:` - registers through QEMU's gdbstub: the guest stands still while they are read, and runs on afterwards."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

import msgspec

from inspector.errors import InspectorError, RegisterError, SourceError
from inspector.leaving import Leaving, held
from inspector.registers.catalog import find
from inspector.registers.encoding import CLASS_CORE, CLASS_SYSREG, SIZE_U32, SIZE_U128, make_id, size_of, split_id
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.live.rsp import DOCUMENT, Remote
from inspector.sources.live.source import LiveOptions
from inspector.transport.deadline import Deadline
from inspector.transport.sockets import connect
from inspector.untrusted import Untrusted

_FILES, _REGISTERS, _THREADS = 32, 4096, 1024
"""Most files and registers of a target description, and most vCPUs."""
_CORE = {
    **{f"x{n}": make_id(CLASS_CORE, 2 * n) for n in range(31)},
    **{f"v{n}": make_id(CLASS_CORE, 84 + 4 * n, SIZE_U128) for n in range(32)},
    **{
        name: make_id(CLASS_CORE, place)
        for name, place in {
            "SP_EL0": 62, "pc": 64, "cpsr": 66, "SP_EL1": 68, "ELR_EL1": 70,
            "SPSR_EL1": 72, "SPSR_ABT": 74, "SPSR_UND": 76, "SPSR_IRQ": 78, "SPSR_FIQ": 80,
        }.items()
    },
    **{name: make_id(CLASS_CORE, 212, SIZE_U32) for name in ("fpsr", "FPSR")},
    **{name: make_id(CLASS_CORE, 213, SIZE_U32) for name in ("fpcr", "FPCR")},
}  # fmt: skip
"""GDB's names of the core registers -> KVM ids: word offsets in struct kvm_regs. GDB's `sp` is whichever is in use."""
STANDING = "the guest may stand still: `info status` in QEMU's monitor says so, `cont` lets it go on"
"""What the user has to know when nothing confirmed that the guest was let go."""
_STATE = re.compile(r"\(([a-z-]{1,32})\)\Z")
_UNBORN = ("prelaunch", "inmigrate")
_OTHER_NAMES = {"AMAIR0": "AMAIR_EL1"}
_RESERVED = {"PFR": 4, "DFR": 5, "AFR": 5, "ISAR": 6, "MMFR": 7}
"""CRm of the AArch64 ID registers, for encodings that QEMU names by counting on; AFR stands in the upper half."""


class Described(NamedTuple):
    """One register of a target description."""

    name: str
    number: int
    bits: int


class Gdbstub:
    """QEMU's gdbstub on TCP (`gdb:HOST:PORT`) or a Unix socket (`gdb:/path`)."""

    caution = "the guest pauses while its registers are read; one that somebody had paused runs on afterwards"

    def __init__(self, address: str, options: LiveOptions) -> None:
        self.address, self.timeout = address, options.timeout
        self._target = address.removeprefix("gdb:")
        if not self._target:
            raise SourceError("names no gdbstub", address, "gdb:HOST:PORT or gdb:/path/of/socket")

    def read(self) -> Dump:
        """Every vCPU's registers; QEMU stops the guest at the connection and lets it go at the detach."""
        kept = min(1.0, self.timeout / 4)
        with held():
            deadline = Deadline(self.timeout - kept, self.address, stated=self.timeout)
            return read_stub(self.address, self._target, deadline, kept, resume=True)


def read_stub(address: str, target: str, deadline: Deadline, kept: float, resume: bool, confirm: bool = True) -> Dump:
    """Read a gdbstub. With `resume` the guest is let go in the end, whatever happened; else it stays as it is.

    `kept`: seconds for the detach, which is tried even when the reading took too long. A guest that did not run before
    (QEMU's -S, a migration that waits or is done) does not run afterwards. To be called inside of `held`: where the
    detach is not confirmed, the dump or the error says that the guest may stand still; not with `confirm` False, where
    the caller looks for itself.
    """
    remote = Remote(address, connect(address, target, deadline), deadline)
    stood: list[str] = []
    try:
        dump = _read(remote, address, resume, stood)
    except BaseException as error:
        problem = _detach(remote, kept, stood) if resume else ""
        raise with_note(error, problem * confirm) from None
    else:
        problem = _detach(remote, kept, stood) if resume else ""
    finally:
        remote.close()
    return msgspec.structs.replace(dump, notes=(problem, *dump.notes)) if problem and confirm else dump


def with_note(error: BaseException, problem: str) -> BaseException:
    """`error` with what else the user has to know; an empty `problem` changes nothing."""
    if problem and isinstance(error, Leaving):
        return Leaving(error.number, problem)
    if problem and isinstance(error, InspectorError):
        hint = f"{error.hint}; {problem}" if error.hint else problem
        return type(error)(error.what, error.where, hint)
    if problem:
        error.add_note(problem)
    return error


def _read(remote: Remote, address: str, resume: bool, stood: list[str]) -> Dump:
    """Ask for everything. `stood` gets the state of a guest that did not run before, as soon as it is known."""
    remote.greet("qSupported:multiprocess+;qXfer:features:read+;xmlRegisters=aarch64")
    if resume:
        stood += _standing(remote)
    described = list(describe(remote, address))
    if not any(id_of(register) is not None for register in described):
        raise SourceError("describes no arm64 register", address, "is it the gdbstub of an arm64 guest?")
    vcpus, unknown = [], set[str]()
    for index, thread in enumerate(_threads(remote)):
        if thread and remote.ask(f"Hg{thread}") != b"OK":
            raise SourceError(f"refuses vCPU {index}", address)
        vcpus.append(_vcpu(remote, index, described, unknown, address))
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    notes = ["read through a gdbstub: MIDR_EL1, CCSIDR_EL1 and KVM's firmware registers are not among its registers"]
    if stood[1:]:
        before = "had not been started" if stood[1] in _UNBORN else f"did not run before ({stood[1]})"
        notes.insert(0, f"the guest {before}, and still {'is not' if stood[1] in _UNBORN else 'does not'}")
    if unknown:
        names = sorted(unknown)
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        notes.append(f"{len(names)} registers of the gdbstub have no register id and were left out: {shown}")
    about = Provenance(source=address, format="live", tool=Untrusted("gdbstub"), date=Untrusted(now))
    return Dump(provenance=about, vcpus=tuple(vcpus), notes=tuple(notes))


def _standing(remote: Remote) -> list[str]:
    """["asked"], followed by the state of a guest that did not run when we came.

    QEMU's monitor prints a state in brackets when it is neither running nor merely paused (`hmp_info_status`): not
    started (-S), an incoming or a finished migration, a shutdown, an error. A running guest is merely paused by our
    connection, or `debug` (RUN_STATE_DEBUG). To continue another one would start it, in the worst case twice.
    """
    found = _STATE.search(remote.monitor("info status").rstrip())
    return ["asked", found[1]] if found and found[1] != "debug" else ["asked"]


def _detach(remote: Remote, seconds: float, stood: list[str]) -> str:
    """Let the guest go, unless it did not run before (`stood`). What the user has to know when that is not confirmed.

    A stub of QEMU wants the process number; others know only a bare D. QEMU stops a running guest at any byte that it
    is sent, so nothing may follow a D that was understood: the answer to a question that was broken off is waited for
    first, and a bare D is sent only after a plain refusal.
    """
    remote.deadline, settled = Deadline(seconds / 2, "", last=True), False
    with contextlib.suppress(SourceError):
        remote.settle()
        settled = True
        stood = stood or _standing(remote)
    if stood[1:]:
        return ""
    remote.deadline = Deadline(seconds / 2, "", last=True)
    with contextlib.suppress(SourceError):
        answer = remote.ask("D;1")
        if not settled:
            remote.skip()
        elif not answer or answer[:1] == b"E":
            answer = remote.ask("D")
        if settled and answer == b"OK":
            return ""
    return STANDING


def describe(remote: Remote, address: str) -> Iterator[Described]:
    """The registers of the target description, which is read anew each time: numbers differ between models.

    Raises SourceError for one that is broken or has no end.
    """
    waiting, seen, size, number = ["target.xml"], set[str](), 0, 0
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        text = remote.document(name)
        size += len(text)
        if len(seen) > _FILES or size > DOCUMENT:
            raise SourceError("sends an endless target description", address)
        root = _xml(text, name, address)
        includes = [element.get("href", "") for element in root.iter("include")]
        waiting[:0] = [href for href in includes if href]
        for element in root.iter("reg"):
            try:
                number = int(element.get("regnum", number))
                yield Described(element.get("name", ""), number, int(element.get("bitsize", "0")))
            except ValueError:
                raise SourceError(f"sends a broken target description {name}", address) from None
            number += 1
            if number > _REGISTERS:
                raise SourceError("describes too many registers", address)


def _xml(text: bytes, name: str, address: str) -> ElementTree.Element:
    """Parse one file; entities could grow without bound, so a file that declares any is refused.

    QEMU writes `xi:include` without declaring the prefix, which an XML parser that knows namespaces refuses.
    """
    if b"<!ENTITY" in text:
        raise SourceError(f"sends a target description {name} with entities", address)
    try:
        return ElementTree.fromstring(text.decode().replace("<xi:include", "<include"))
    except (ElementTree.ParseError, ValueError) as error:
        raise SourceError(f"sends a broken target description {name}: {error}", address) from None


def _threads(remote: Remote) -> list[str]:
    """QEMU's threads are its vCPUs; an empty name stands for the only one of a stub without threads."""
    found: list[str] = []
    answer = remote.ask("qfThreadInfo")
    while answer[:1] == b"m" and len(found) <= _THREADS:
        found += [t for t in answer[1:].decode("ascii", "replace").split(",") if re.fullmatch(r"p?[0-9a-f.]+", t)]
        answer = remote.ask("qsThreadInfo")
    return found[:_THREADS] or [""]


def _vcpu(remote: Remote, index: int, described: list[Described], unknown: set[str], address: str) -> Vcpu:
    """One vCPU's registers, in the order of the description."""
    values: dict[int, int] = {}
    errors: dict[int, int] = {}
    for register in described:
        reg_id = id_of(register)
        if reg_id is None:
            unknown.add(register.name)
            continue
        answer = remote.ask(f"p{register.number:x}")
        if re.fullmatch(rb"E[0-9a-fA-F]{2}|x+|", answer):
            errors.setdefault(reg_id, 5)
            continue
        try:
            value = int.from_bytes(bytes.fromhex(answer.decode("ascii")), "little")
        except ValueError:
            raise SourceError(f"answers {register.name} with {answer[:40]!r}", address) from None
        values.setdefault(reg_id, value & (1 << 8 * size_of(reg_id)) - 1)
    return Vcpu(index=index, values=values, errors=errors)


def id_of(register: Described) -> int | None:
    """The KVM id of a register of the description; None for what KVM does not have (sp, SVE views, AArch32 banks)."""
    if register.name in _CORE:
        return _CORE[register.name]
    name = _OTHER_NAMES.get(register.name, register.name)
    if generic := re.fullmatch(r"RES_([0-9]+)_C([0-9]+)_C([0-9]+)_([0-9]+)", name):
        name = f"S3_{generic[1]}_C{generic[2]}_C{generic[3]}_{generic[4]}"
    elif counted := re.fullmatch(r"ID_AA64([A-Z]+)([0-7])_EL1_RESERVED", name):
        place = int(counted[2]) + 4 * (counted[1] == "AFR")
        name = f"S3_0_C0_C{_RESERVED.get(counted[1], 0)}_{place}"
    try:
        found = find(name)
    except RegisterError:
        return None
    if found.field is not None or split_id(found.register.id).cls != CLASS_SYSREG:
        return None
    return found.register.id
