"""kvm-recording files: each configuration that could be created is a vCPU, in a VM of its own.

The writes of a recording are passed over: they are answers about a kernel, not the state of a vCPU
(`inspector.checks.recordings.verify` reads those).
"""

from __future__ import annotations

from typing import Final

from inspector.budget import RECORDS, VCPUS, Budget
from inspector.errors import SourceError
from inspector.numbers import parse_hex
from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import hex_id, size_of
from inspector.sources.dump import Cpu, Dump, Host, Provenance, Vcpu
from inspector.sources.jsontext import checked
from inspector.sources.notes import WIDE
from inspector.sources.opening import Content
from inspector.sources.recording import (
    Caps,
    Configuration,
    El0,
    Get,
    Guest,
    HostFile,
    HostRegisters,
    Kernel,
    Note,
    Recording,
    WritableMasks,
    by_id,
    read_lines,
    records,
)
from inspector.untrusted import Untrusted

NAME: Final = "kvm-recording"
STATES_FEATURES = True
_VERSION = 1
_SYSFS_REGISTERS = {"midr_el1": 0x603000000013C000, "revidr_el1": 0x603000000013C006}


def sniff(content: Content) -> bool:
    """The first line is an object of type `recording`."""
    first = content.head.partition(b"\n")[0].replace(b" ", b"")
    return first.startswith(b"{") and b'"type":"recording"' in first


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for a line that is no record, another version, or two answers for one id."""
    reading = _Reading(content.name, content.budget)
    for record in records(read_lines(content.stream(), content.budget), content.name, without=("set", "odd")):
        reading.take(record)
    return reading.dump(content)


class _Reading:
    """What was gathered from the lines so far."""

    def __init__(self, where: str, budget: Budget) -> None:
        self.where, self.budget = where, budget
        self.first, self.kernel = Recording(version=_VERSION), Kernel()
        self.host: Host | None = None
        self.cpu: dict[int, int] = {}
        self.caps: dict[str, int] = {}
        self.el0: dict[int, int] = {}
        self.vcpus: list[Vcpu] = []
        self.notes: list[str] = []
        self.current: Configuration | None = None
        self.values: list[tuple[int, int]] = []
        self.failed: dict[int, int] = {}
        self.guest: dict[int, int] = {}
        self.masks: dict[int, int] | None = None

    def take(self, record: object) -> None:
        """Add one record."""
        self.budget.spend(RECORDS)
        match record:
            case Get():
                self._take_get(record)
            case Guest() if record.value is not None:
                self.guest[record.id] = record.value
            case Configuration():
                self._close()
                self.budget.spend(VCPUS)
                self.current = record
            case WritableMasks() if record.errno == 0:
                self.masks = by_id(record.masks, self.where)
            case Note() if self.current is not None:
                self.notes.append(f"configuration {self.current.config}: {record.text}")
            case _:
                self._take_machine(record)

    def _take_machine(self, record: object) -> None:
        """Add a record that describes the machine as a whole."""
        match record:
            case Recording():
                if record.version != _VERSION:
                    raise SourceError(
                        f"recording of version {record.version}", self.where, f"version {_VERSION} is known"
                    )
                self.first = record
            case HostRegisters():
                self.host = Host(values=by_id(record.regs, self.where), ccsidr=by_id(record.ccsidr, self.where))
            case Kernel():
                self.kernel = record
            case El0():
                self.el0 = by_id(record.regs, self.where)
            case Caps():
                self.caps = record.answers
            case HostFile():
                self._take_file(record)

    def _take_get(self, record: Get) -> None:
        if self.current is None:
            raise SourceError(f"{hex_id(record.id)} is read before any configuration", self.where)
        if record.errno:
            self.failed[record.id] = record.errno
        elif record.value is not None:
            self.values.append((record.id, record.value))

    def _take_file(self, record: HostFile) -> None:
        register = _SYSFS_REGISTERS.get(record.path.rpartition("/")[2])
        try:
            if register is not None:
                self.cpu[register] = parse_hex(record.text)
        except ValueError:
            self.notes.append(f"{record.path} holds no number")

    def _close(self) -> None:
        """End the current configuration."""
        config = self.current
        if config is not None and config.init_errno:
            self.notes.append(f"configuration {config.config}: KVM_ARM_VCPU_INIT failed with errno {config.init_errno}")
        elif config is not None:
            setup = VcpuSetup(
                features=config.features,
                gic="v3" if config.gicv3 else "none",
                mte=bool(config.mte),
                writable_imp_id=bool(config.writable_imp_id),
            )
            self.vcpus.append(
                Vcpu(
                    index=len(self.vcpus),
                    name=Untrusted(config.config),
                    values=checked(self.values, f"{self.where}, configuration {config.config}"),
                    setup=setup,
                    errors=self.failed,
                    guest=self.guest,
                    writable_masks=self.masks,
                )
            )
        self.values, self.failed, self.guest, self.masks = [], {}, {}, None

    def dump(self, content: Content) -> Dump:
        """Everything, once the last line was taken."""
        self._close()
        vcpus = tuple(self.vcpus)
        if self.host is not None and not any(vcpu.values for vcpu in vcpus):
            # Questions only: what the recording describes is a host.
            vcpus = (Vcpu(index=0, name=Untrusted("host"), kind="host", values=dict(self.host.values)),)
        if not vcpus:
            raise SourceError("holds no configuration that could be created", self.where, "is the recording complete?")
        wide = {i for v in self.vcpus for i in v.values if size_of(i) > 8}
        if wide:
            self.notes.append(f"{len(wide)} {WIDE}")
        return Dump(
            provenance=Provenance(
                source=self.where,
                format=NAME,
                compression=content.compression,
                tool=Untrusted("KVM, recorded through /dev/kvm"),
                kernel=Untrusted(self.kernel.release or self.first.kernel),
                kernel_version=Untrusted(self.kernel.version),
                cmdline=Untrusted(self.kernel.cmdline),
                host=Untrusted(self.first.cpu),
                machine=Untrusted(self.first.machine),
            ),
            vcpus=vcpus,
            host=self.host,
            cpus=(Cpu(index=0, values=self.cpu),) if self.cpu else (),
            capabilities=self.caps,
            el0=self.el0,
            one_vm=False,
            notes=tuple(self.notes),
        )
