"""What a source gives: ids and integers, nothing decoded, with where they came from.

A `Dump` is immutable. Values are Python integers of the register's own width; wide ones (SVE Z is 2048 bits) as well.

How each kind of vCPU uses the mappings:

- `vcpu`: `values` of every register that was read, `errors` of those that were listed but could not be read.
- `host`: `values` of raw system registers, and of CCSIDR_EL1 with up to 64 bits under its demux id where a text tells
  them. `Dump.host` keeps the same, CCSIDR_EL1 by CSSELR_EL1. A source that gives nothing but a host's registers has one
  such vCPU; where its CPUs are unlike, one for each kind, and `Dump.host` keeps what holds for all of them.
- `template`: `constraints` for registers with free bits, `values` for those that are given in full.
- `list`: only ids are known; each stands in `constraints` with an empty mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import msgspec

from inspector.errors import SourceError
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_BITMAP, CLASS_DEMUX, CLASS_FIRMWARE, class_of
from inspector.untrusted import Untrusted

Kind = Literal["vcpu", "host", "template", "list"]
"""vcpu: saved or live vCPU state; host: raw registers of a machine; template: constraints; list: ids without values."""

Accelerator = Literal["", "kvm", "tcg", "hvf"]
"""What ran the vCPU: KVM, QEMU's own emulation, or Apple's Hypervisor.framework; "" where a source does not show it."""

View = Literal["host", "el0", "vcpu", "guest"]
"""Whose values a text holds. host: raw ones of a machine; el0: what a process of it reads; vcpu: what a VMM reads;
guest: what a guest reads."""

FormatName = Literal[
    "", "analyze-migration", "arm-cpu-info", "cloud-hypervisor", "cpu-list", "cpusysregs", "crosvm-vcpu", "debugger",
    "dump-json", "firecracker-json", "firecracker-vmstate", "get-reg-list", "hwcaps", "kvm-recording", "libvirt-save",
    "live", "macos-sysctl", "model", "plain-text", "qcow2-snapshot", "qemu-stream", "recognised", "restore-lines",
    "windows-registry",
]  # fmt: skip
"""How a dump was read: the NAME of a format; live: from a running kernel; model: made by this program; "" not known."""
PASTED_TEXT: Final = "plain-text"
"""The format of a text that people paste: it holds what they took, a vCPU's whole list or some registers of it."""
EXCERPTS: tuple[FormatName, ...] = (PASTED_TEXT, "debugger", "hwcaps", "windows-registry")
"""Formats of texts that may hold any registers of a vCPU."""
ASK_WHOSE: tuple[FormatName, ...] = (*EXCERPTS, "arm-cpu-info", "cpu-list", "macos-sysctl")
"""Formats that do not say themselves whose values they hold: `--as` does."""
SAVED_VMS: tuple[FormatName, ...] = (
    "qemu-stream", "libvirt-save", "qcow2-snapshot", "analyze-migration", "firecracker-vmstate", "cloud-hypervisor",
    "crosvm-vcpu",
)  # fmt: skip
"""Formats of VMs that ran: their ID registers need not be those of a fresh vCPU. A CPU template may have lowered them,
or the host on which the VM was started."""


def known_accelerator(text: str) -> Accelerator:
    """The accelerator of that name; "" for a name that a file made up, or one that is none of these."""
    return next((one for one in get_args(Accelerator) if one == text), "")


class Provenance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a dump comes from; every text is as the source gave it, empty when unknown."""

    source: str = ""
    """file name, `-`, `builtin:NAME` or the live source's address"""
    format: FormatName = ""
    """name of the format it was read as, e.g. `qemu-stream`"""
    origin: Untrusted = Untrusted()
    """for a dump that was converted: name of the file it was converted from"""
    origin_format: Untrusted = Untrusted()
    """for a dump that was converted: the format of that file"""
    compression: str = ""
    """`xz`, `gzip`, `zstd`, `bzip2` or several joined by `+`; offsets then count in the uncompressed bytes"""
    tool: Untrusted = Untrusted()
    """what made it: `QEMU virt-10.0`, `Firecracker 1.16.0-dev`, `vcpu-inspector 0.1.0`"""
    kernel: Untrusted = Untrusted()
    """kernel release (uname -r) under which the values were read"""
    kernel_version: Untrusted = Untrusted()
    """kernel version (uname -v); Debian hides the stable point in the release and shows it here"""
    cmdline: Untrusted = Untrusted()
    """command line of that kernel"""
    host: Untrusted = Untrusted()
    """host or CPU model name"""
    machine: Untrusted = Untrusted()
    """VMM machine type, e.g. `virt-10.0`"""
    accelerator: Accelerator = ""
    """what ran the vCPU, for sources that are not always KVM's"""
    snapshot: Untrusted = Untrusted()
    """id of the internal snapshot that was read, for files that hold several"""
    date: Untrusted = Untrusted()
    """ISO 8601, when the values were read, or when the dump was written"""

    def __post_init__(self) -> None:
        """What a type checker cannot see, as behind `msgspec.structs.replace`: raises TypeError for a bare `str`."""
        for name in TEXTS:
            if not isinstance(getattr(self, name), Untrusted):
                raise TypeError(f"provenance.{name} is made of Untrusted")

    def told(self, **members: str) -> Provenance:
        """The same with some members replaced; those of `TEXTS` become Untrusted."""
        return msgspec.structs.replace(
            self, **{name: Untrusted(text) if name in TEXTS else text for name, text in members.items()}
        )


TEXTS = (
    "origin", "origin_format", "tool", "kernel", "kernel_version", "cmdline", "host", "machine", "snapshot", "date",
)  # fmt: skip
"""The texts of a `Provenance` that a file or a host chose."""


class Constraint(msgspec.Struct, frozen=True):
    """Part of a register: only the bits in `mask` are given, with the values in `value` (zero elsewhere)."""

    mask: int
    value: int


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Raw registers of the machine, read where nothing was masked (EL2, EL1 or a kernel module)."""

    values: Mapping[int, int]
    """register id -> 64-bit raw value; a bit that is not known is 0"""
    known: Mapping[int, int] = {}
    """register id -> mask of the known bits of its value, for registers that are known only in part"""
    ccsidr: Mapping[int, int] = {}
    """CSSELR_EL1 value -> raw 64-bit CCSIDR_EL1"""
    view: Literal["raw", "el0"] = "raw"
    """raw, or the EL0 view that Linux emulates (many fields hidden)"""

    @property
    def whole(self) -> Mapping[int, int]:
        """The registers of which every bit is known."""
        known = self.known
        return (
            {i: value for i, value in self.values.items() if known.get(i, ALL) & ALL == ALL} if known else self.values
        )

    @property
    def parts(self) -> Mapping[int, Constraint]:
        """The registers of which only some bits are known."""
        return {i: Constraint(mask, self.values.get(i, 0)) for i, mask in self.known.items() if mask & ALL != ALL}


class Absent(msgspec.Struct, frozen=True):
    """Registers that a vCPU has and its source does not hold."""

    ids: frozenset[int]
    reason: str
    """one clause: who does not save them, and why"""


class Cpu(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one CPU of the host says of itself; big.LITTLE hosts have unlike ones."""

    index: int
    values: Mapping[int, int] = {}
    """register id -> value (MIDR, REVIDR, ...; EL0 view of the ID space where it was read on this CPU)"""
    caches: tuple[Mapping[str, str], ...] = ()
    """sysfs cache/index*/ files of this CPU, name -> text"""


class Vcpu(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU's saved registers."""

    index: int
    values: Mapping[int, int]
    """register id -> value, in the order of the source"""
    name: Untrusted = Untrusted()
    """the source's own name for it (a recording's configuration, a debugfs VM directory)"""
    kind: Kind = "vcpu"
    setup: VcpuSetup | None = None
    """vCPU features and VM devices, where the source says them"""
    errors: Mapping[int, int] = {}
    """ids that were listed but whose read failed -> errno"""
    constraints: Mapping[int, Constraint] = {}
    """ids that are only partly given (template x bits)"""
    guest: Mapping[int, int] = {}
    """what the guest itself read: register id (demux id for CCSIDR_EL1) -> 64-bit value"""
    writable_masks: Mapping[int, int] | None = None
    """answer of KVM_ARM_GET_REG_WRITABLE_MASKS, where recorded"""
    flags: tuple[str, ...] = ()
    """names of HWCAP flags that the source printed: each says that a field is at least some value"""
    mp_state: str = ""
    """`running`, `stopped` (waits for PSCI CPU_ON) or the source's own number; "" where it does not say"""
    offsets: Mapping[int, int] = {}
    """register id -> byte offset of its value in the (uncompressed) source file, where the format allows patching"""

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id that the source lists for this vCPU: read ones first, then failed, then partly given ones."""
        return tuple(dict.fromkeys([*self.values, *self.errors, *self.constraints]))

    @property
    def lists(self) -> bool:
        """True when the source lists any register for it."""
        return bool(self.values or self.errors or self.constraints)

    @property
    def withheld(self) -> tuple[int, ...]:
        """The ids of which no value is given, as in a dump that was made without the guest's secrets."""
        if self.kind in ("template", "list"):
            return ()
        return tuple(reg_id for reg_id, constraint in self.constraints.items() if not constraint.mask)

    @property
    def label(self) -> str:
        """How people call it: its index, and the source's name where there is one."""
        return f"{self.index} ({self.name})" if self.name else str(self.index)


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one source gave."""

    provenance: Provenance
    vcpus: tuple[Vcpu, ...] = ()
    host: Host | None = None
    cpus: tuple[Cpu, ...] = ()
    capabilities: Mapping[str, int] = {}
    """KVM_CHECK_EXTENSION answers by the recording's names (sve, pmu_v3, el2, ...)"""
    el0: Mapping[int, int] = {}
    """what MRS of the ID space returned to an EL0 process"""
    one_vm: bool = True
    """the vCPUs belong to one VM, so their ID registers must agree; False where each one is a VM of its own"""
    absent: tuple[Absent, ...] = ()
    """registers that the source does not hold although the vCPU had them, by reason"""
    notes: tuple[str, ...] = ()
    """what was skipped or could not be read, and why; one sentence each"""

    @property
    def kvm(self) -> bool:
        """True when some vCPU holds registers that only KVM lists (QEMU's TCG streams lack them)."""
        return any(
            class_of(rid) in (CLASS_DEMUX, CLASS_FIRMWARE, CLASS_BITMAP) for vcpu in self.vcpus for rid in vcpu.values
        )

    def why_absent(self, reg_id: int) -> str:
        """Why the source does not hold the register; "" where no reason is known."""
        return next((absent.reason for absent in self.absent if reg_id in absent.ids), "")


HOST = "host"
"""What `--vcpu` calls the host's own registers."""


def of_unlike_cpus(dump: Dump) -> bool:
    """True for a machine whose CPUs are of several kinds, each a vCPU of kind `host` with its own registers."""
    return sum(vcpu.kind == "host" for vcpu in dump.vcpus) > 1


def host_registers(dump: Dump) -> Vcpu | None:
    """The host's raw registers, as the screens show them beside the vCPUs; without them what its programs see.

    None where the dump has neither, or lists the host among its vCPUs.
    """
    if any(vcpu.kind == "host" for vcpu in dump.vcpus):
        return None
    host = dump.host
    if host is not None and host.view == "raw" and (host.values or host.known):
        return Vcpu(index=len(dump.vcpus), kind="host", values=host.whole, constraints=host.parts)
    if dump.el0 and not dump.vcpus:
        return Vcpu(index=0, kind="host", name=Untrusted("host as programs see it"), values=dump.el0)
    return None


def _picked(dump: Dump, name: str) -> list[Vcpu]:
    """The vCPUs that a name or a number picks; `host` the host's own registers, where no vCPU is called so."""
    found = [v for v in dump.vcpus if v.name == name] or [v for v in dump.vcpus if str(v.index) == name]
    if not found and name == HOST:
        own = host_registers(dump)
        found = [v for v in dump.vcpus if v.kind == "host"] or ([own] if own is not None else [])
    return found


def select_vcpus(dump: Dump, names: Sequence[str]) -> Dump:
    """The dump with only the vCPUs that `names` picks, each an index, the source's own name or `host`, in that order.

    Notes of the form `configuration NAME: ...` go with their vCPU. An empty `names` gives the dump back. Raises
    SourceError for a name that picks nothing.
    """
    if not names:
        return dump
    picked: list[Vcpu] = []
    for name in names:
        found = _picked(dump, name)
        if not found:
            more = [HOST] if host_registers(dump) is not None else []
            known = ", ".join([*(v.label for v in dump.vcpus), *more]) or "none"
            raise SourceError(f"has no vCPU {name!r}", dump.provenance.source, f"it has: {known}")
        picked += [v for v in found if v not in picked]
    own = tuple(f"configuration {v.name.raw}:" for v in picked)
    notes = tuple(n for n in dump.notes if not n.startswith("configuration ") or n.startswith(own))
    return msgspec.structs.replace(dump, vcpus=tuple(picked), notes=notes)


def vcpu_named(dump: Dump, name: str | int | None) -> Vcpu | None:
    """The vCPU that is asked for as `select_vcpus` takes it; None where none is."""
    return None if name is None else select_vcpus(dump, [str(name)]).vcpus[0]


def renumbered(dump: Dump) -> Dump:
    """The dump with its vCPUs counted from 0, for a file of its own; the vCPUs of one VM keep their numbers."""
    if dump.one_vm:
        return dump
    vcpus = tuple(msgspec.structs.replace(vcpu, index=place) for place, vcpu in enumerate(dump.vcpus))
    return msgspec.structs.replace(dump, vcpus=vcpus)
