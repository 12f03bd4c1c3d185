"""QEMU: target/arm/kvm.c, target/arm/machine.c and hw/arm/virt.c; messages of measured loads of 7.2.22, 10.0.13 and
11.1.2.

Read besides: the source of 10.2.2, and of 11.1.3 its machine code (cpu_post_load(), the two functions that it calls for
registers of one side, and the names of properties). 11.1 replaced the comparison of lengths by tolerances that are
compiled in for `-cpu host`; the properties x-mig-safe-missing-regs and x-mig-hidden-regs of the series that was
reviewed before (Nov and Dec 2025) are not in it. cpu_post_load() compares alike in every stored version of machine.c
that was read: version 17 of the section (2014), 22 with and without SME's ZA (5.x to 8.x), and 10.2.2; of 11.0 nothing
was read.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping, Sequence

import msgspec

from inspector.checks.vmms.base import (
    MEMORY_TAGGING,
    NESTED,
    PMU,
    POINTER_AUTH,
    SVE,
    Failure,
    Vmm,
)
from inspector.checks.vmms.messages import Message
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_FIRMWARE,
    CLASS_SVE,
    SIZE_U32,
    SIZE_U64,
    class_of,
    hex_id,
    split_id,
    sysreg_of,
)
from inspector.registers.ids import PIR_EL1, PIRE0_EL1, TCR2_EL1, VENDOR_HYP_BITMAP_2

_NAMES_REFUSED = (10, 2)
"""first version whose own messages name a register that KVM refuses"""
_NAMES_IDS = (11, 1)
"""first version whose own messages name a register that the destination lacks"""
TOLERANCES: Mapping[int, int | None] = {TCR2_EL1: None, PIRE0_EL1: None, PIR_EL1: None, VENDOR_HYP_BITMAP_2: 0}
"""arm_register_cpreg_mig_tolerance() for `-cpu host`, 11.1: id -> the value that the saved register must have"""
DBGDTRTX = 0x40200000200E0298
"""an AArch32 register that emulated vCPUs listed by mistake up to 11.0 (target/arm, define_debug_regs(), 11.1.3)"""
_LOAD_ERRORS_SAY_EPERM = (8,)
"""before this version a refused value ends in the same message as an unknown id"""

_LENGTHS = Message(
    key="qemu-lengths",
    vmm="qemu",
    versions="up to 11.0",
    kind="lengths",
    template="Invalid value {n} expecting positive value <= {m}",
    meaning="The stream lists more registers than the destination's vCPU; QEMU stops before it looks at a single id.",
)
_ARRAY = Message(
    key="qemu-array",
    vmm="qemu",
    kind="envelope",
    template="Failed to load cpu:cpreg_vmstate_array_len",
    patterns=("Failed to load element of type [a-z0-9]{1,20}? for cpreg_vmstate_array_len",),
    meaning="The length of the register list was refused.",
)
_FIELD = Message(
    key="qemu-cpu-field",
    vmm="qemu",
    kind="envelope",
    patterns=("Failed to load cpu:(?!cpreg_vmstate_array_len)[a-z][a-z0-9_.]{1,60}",),
    meaning="This part of the vCPU's state could not be taken from the stream.",
)
_INSTANCE = Message(
    key="qemu-instance",
    vmm="qemu",
    kind="load_failed",
    template="error while loading state for instance {hex} of device 'cpu'",
    patterns=("error while loading state section id [0-9]{1,8}\\(cpu\\)",),
    meaning="Loading the state of this vCPU failed.",
)
_POST_LOAD = Message(
    key="qemu-post-load",
    vmm="qemu",
    versions="10.1 and newer",
    kind="load_failed",
    template="post load hook failed for: cpu, version_id",
    meaning="The state of this vCPU was read, and its registers were not taken.",
)
_ONLY_IN_STREAM = Message(
    key="qemu-only-in-stream",
    vmm="qemu",
    versions="11.1 and newer",
    kind="only_in_source",
    template=(
        "handle_cpreg_only_in_incoming_stream: {reg} in the incoming stream but unknown on the destination:"
        " fail migration"
    ),
    patterns=(
        "handle_cpreg_only_in_incoming_stream: {reg} in the incoming stream but unknown on the destination: fail",
    ),
    meaning="The stream has a register that the destination's KVM does not list, and QEMU refuses to drop it.",
)
_COULD_NOT_SET = Message(
    key="qemu-could-not-set",
    vmm="qemu",
    versions="10.2 and newer",
    kind="refused",
    template="Could not set register {reg} to {wanted} (is {actual})",
    meaning="KVM refused the value of the stream; in brackets the value that the destination's vCPU has.",
)
_PUT = Message(
    key="qemu-put",
    vmm="qemu",
    kind="put_failed",
    template="Failed to put registers after init: {err}",
    patterns=(
        (
            "(?:Failed to put registers|Putting registers|Restoring resisters|Restoring registers)"
            "(?P<when>after init|after reset|at runtime){any}(?::{err}|$)"
        ),
        "Failed to put registers (?P<when>after init|after reset|at runtime)",
    ),
    meaning="KVM refused at least one register write while QEMU set up the vCPU.",
)
_LOAD_FAILED = Message(
    key="qemu-load-failed",
    vmm="qemu",
    kind="load_failed",
    template="load of migration failed: {err}",
    meaning="The load was given up.",
)

MESSAGES = (
    _LENGTHS,
    _ARRAY,
    _FIELD,
    _INSTANCE,
    _POST_LOAD,
    _ONLY_IN_STREAM,
    Message(
        key="qemu-only-in-stream-tolerated",
        vmm="qemu",
        versions="11.1 and newer",
        kind="only_in_source",
        patterns=(
            (
                "handle_cpreg_only_in_incoming_stream: {reg} in the incoming stream but unknown on the destination:"
                " skip it"
            ),
        ),
        meaning="The stream has a register that the destination's KVM does not list; QEMU drops it, as asked.",
        fatal=False,
    ),
    Message(
        key="qemu-only-in-stream-cut",
        vmm="qemu",
        versions="11.1 and newer",
        kind="only_in_source",
        patterns=(
            (
                "handle_cpreg_only_in_incoming_stream: {reg} in the incoming stream but unknown on the destination"
                "(?!:fail|:skipit)"
            ),
        ),
        meaning=(
            "The stream has a register that the destination's KVM does not list; the end of the line is missing:"
            " `fail migration` stops the load, `skip it` does not."
        ),
    ),
    Message(
        key="qemu-missing-in-stream",
        vmm="qemu",
        versions="11.1 and newer",
        kind="missing_in_source",
        patterns=(
            (
                "handle_cpreg_missing_in_incoming_stream: {reg} expected by the destination but not in the incoming"
                " stream(?:: skip it)?"
            ),
        ),
        meaning="The destination lists a register that the stream lacks; it keeps the destination's reset value.",
        fatal=False,
    ),
    Message(
        key="qemu-unexpected",
        vmm="qemu",
        versions="spring 2026 development versions",
        kind="only_in_source",
        patterns=("Unexpected register in input stream: (?:i {hex})?{reg}",),
        meaning="The stream has a register that the destination's KVM does not list.",
    ),
    Message(
        key="qemu-missing",
        vmm="qemu",
        versions="spring 2026 development versions",
        kind="missing_in_source",
        patterns=("Missing register in input stream: (?:i {hex})?{reg}",),
        meaning="The destination lists a register that the stream lacks; it keeps the destination's reset value.",
        fatal=False,
    ),
    Message(
        key="qemu-could-not-set-unknown",
        vmm="qemu",
        versions="10.2 and newer",
        kind="only_in_source",
        patterns=("Could not set register {reg}(?: to {wanted})? \\(?:?unknown to KVM",),
        meaning="QEMU wrote a register that KVM does not know for this vCPU (ENOENT).",
    ),
    _COULD_NOT_SET,
    Message(
        key="qemu-could-not-set-unread",
        vmm="qemu",
        versions="10.2 and newer",
        kind="refused",
        patterns=(
            "Could not set register {reg} to {wanted}",  # rows with more of the line stand before
            "Could not set register {reg}: {err}",
        ),
        meaning="KVM refused the value of the stream; the line does not hold what the destination's vCPU has.",
    ),
    Message(
        key="qemu-onereg",
        vmm="qemu",
        versions="with -trace kvm_failed_reg_set",
        kind="refused",
        patterns=("Unable to set ONEREG {id} to KVM: {err}",),
        meaning="KVM refused a register write; QEMU prints its id in decimal.",
    ),
    Message(
        key="qemu-onereg-get",
        vmm="qemu",
        versions="with -trace kvm_failed_reg_get",
        kind="unreadable",
        patterns=("Unable to get ONEREG {id} from KVM: {err}",),
        meaning="KVM could not be asked for a register that it lists.",
    ),
    _PUT,
    _LOAD_FAILED,
    Message(
        key="qemu-features",
        vmm="qemu",
        kind="create_failed",
        patterns=("(?-i:kvm_arm_vcpu_init) failed: {err}",),
        meaning="KVM refused to create a vCPU with the features that QEMU asks for (KVM_ARM_VCPU_INIT).",
    ),
)

OPTIONS = {
    PMU: "-cpu host,pmu={}",
    SVE: "-cpu host,sve={}",
    POINTER_AUTH: "-cpu host,pauth={}",
    MEMORY_TAGGING: "-machine virt,mte={}",
    NESTED: "-machine virt,virtualization={}",
}


_APART = (CLASS_CORE, CLASS_SVE)
_CARRIED = (SIZE_U32, SIZE_U64)


class Qemu(Vmm, frozen=True, kw_only=True):
    """QEMU under -accel kvm."""

    family: str = "qemu"
    compares_lists: bool = True
    compares_lengths: bool = True
    stops_at_refusal: bool = False
    saved_state: str = "the saved stream (virsh save file, migrate file:, analyze-migration.py output)"

    def keeps(self, reg_id: int) -> bool:
        """The coprocessor register array: neither core nor SVE registers, 32 and 64 bits wide only."""
        return class_of(reg_id) not in _APART and reg_id >> 52 & 0xF in _CARRIED

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Ascending ids."""
        return (reg_id,)

    def printed_lengths(self, number: int, source: int, destination: int) -> tuple[str, ...]:
        """The length check fails before an id is looked at."""
        return (
            _LENGTHS.printed(n=str(source), m=str(destination)),
            _ARRAY.printed(),
            _INSTANCE.printed(hex=hex(number)),
            _LOAD_FAILED.printed(err=os.strerror(errno.EINVAL)),
        )

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """A vCPU whose section cannot be loaded is the last one that QEMU looks at."""
        first = fatal[0].vcpu
        unknown = [f for f in fatal if f.kind == "only_in_source" and f.vcpu == first]
        refused = [f for f in fatal if f.kind == "refused" and f.vcpu == first]
        put = _PUT.printed(err=os.strerror(errno.EINVAL))
        prefix = "system register " if self.since >= _NAMES_IDS else ""
        lines = [
            _could_not_set(prefix * (sysreg_of(f.id) is not None) + id_words(f.id).removeprefix("system register "), f)
            for f in refused
            if self.since >= _NAMES_REFUSED
        ]
        if self.since < _NAMES_IDS:
            given_up = self.since < _LOAD_ERRORS_SAY_EPERM or bool(unknown)
            last = _LOAD_FAILED.printed(err=os.strerror(errno.EPERM)) if given_up else put
            return *(() if unknown else lines), _INSTANCE.printed(hex=hex(number)), last
        lines = [_ONLY_IN_STREAM.printed(reg=id_words(f.id)) for f in unknown] + lines
        return (*lines, put) if refused else tuple(lines)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """A saved stream can be edited."""
        return (
            (
                "or write a copy of the saved stream in which only the refused values are replaced:"
                " `vcpu-inspector fix SOURCE DESTINATION -o NEWFILE`"
            ),
        )

    def unlisted_steps(self, ids: Sequence[int], harmless: Sequence[int], why_harmless: str) -> tuple[str, ...]:
        """QEMU 11.1 drops what its tolerances name."""
        dropped = [reg_id for reg_id in harmless if reg_id in TOLERANCES]
        if not dropped:
            return ()
        return (
            (
                f"safe to drop: {', '.join(map(hex_id, dropped))} ({why_harmless}); with -cpu host, QEMU 11.1 and "
                "newer drops TCR2_EL1, PIRE0_EL1 and PIR_EL1 by itself, and VENDOR_HYP_BMAP_2 where it is 0"
            ),
        )

    def unnamed_steps(self) -> tuple[str, ...]:
        """Traces and newer versions print the ids."""
        return (
            (
                "start QEMU there with `-trace kvm_failed_reg_set` (QEMU 8 to 10 print the ids then), or with"
                " QEMU 10.2 or newer"
            ),
        )

    def option_lines(self, feature: str, word: str) -> tuple[str, ...]:
        """QEMU's option, and libvirt's XML where it has one."""
        xml = {
            PMU: f"libvirt: <features><pmu state='{word}'/></features>",
            SVE: f"libvirt: <cpu><feature policy='{'require' if word == 'on' else 'disable'}' name='sve'/></cpu>",
        }.get(feature)
        return (self.option(feature, word), *((xml,) if xml else ()))


def _could_not_set(name: str, one: Failure) -> str:
    """write_list_to_kvmstate(), 10.2.2: the values stand there for EINVAL alone."""
    if one.errno == errno.EINVAL:
        return _COULD_NOT_SET.printed(reg=name, wanted=f"{one.value or 0:x}", actual=_actual(one))
    why = "unknown to KVM" if one.errno == errno.ENOENT else os.strerror(one.errno)
    return f"Could not set register {name}: {why}"


def _actual(one: Failure) -> str:
    """The value that QEMU would read back, `?` for the digits that nobody knows."""
    if one.destination is not None:
        return f"{one.destination:x}"
    return one.part.hex().removeprefix("0x") if one.part.known else "?"


def id_words(reg_id: int) -> str:
    """How QEMU 11.1 names a register in its messages (target/arm/kvm.c)."""
    parts = split_id(reg_id)
    reg = sysreg_of(reg_id)
    if reg is not None:
        return f"system register op0:{reg.op0} op1:{reg.op1} crn:{reg.crn} crm:{reg.crm} op2:{reg.op2}"
    if parts.cls == CLASS_DEMUX:
        return f"demuxed reg {reg_id:x}"
    if parts.cls == CLASS_FIRMWARE:
        return f"fw reg {parts.number}"
    if parts.cls == CLASS_BITMAP:
        return f"fw feat reg {parts.number}"
    return f"register {reg_id:x}"


class MachineDefault(msgspec.Struct, frozen=True):
    """What a machine type sets of the vCPU."""

    last: tuple[int, int]
    """the newest machine type for which it holds"""
    text: str


MACHINE_DEFAULTS = (
    MachineDefault((2, 6), "has no PMU (pmu=off)"),
    MachineDefault((4, 2), "lets the virtual counter run on while the VM is paused (kvm-no-adjvtime=on)"),
    MachineDefault((5, 1), "has no steal time (kvm-steal-time=off)"),
)
"""hw/arm/virt.c, virt_machine_N_M_options(). None of them, up to virt-11.1, changes which registers are compared: the
tolerances of 11.1 belong to `-cpu host`, whatever the machine type."""


def machine_defaults(machine: str) -> tuple[str, ...]:
    """What the machine type `virt-N.M` sets of the vCPU; empty for newer ones and for other machines."""
    found = re.fullmatch(r"virt-([0-9]+)\.([0-9]+)", machine)
    number = (int(found[1]), int(found[2])) if found else ()
    return tuple(one.text for one in MACHINE_DEFAULTS if number and number <= one.last)


def _qemu(
    version: str,
    since: tuple[int, ...],
    known: tuple[tuple[int, ...], tuple[int, ...]],
    evidence: str,
    *,
    standard: bool = True,
    names: bool = False,
) -> Qemu:
    return Qemu(
        name=f"qemu-{version}", title=f"QEMU {version}", since=since, known=known, evidence=evidence,
        messages=MESSAGES, options=OPTIONS, standard=standard, names_register=names,
    )  # fmt: skip


VMMS = (
    _qemu("7.2", (), ((2, 12), (8,)), "measured with 7.2.22"),
    _qemu("10.0", (8,), ((8,), (10, 2)), "measured with 10.0.13"),
    _qemu("10.2", (10, 2), ((10, 2), (10, 3)), "read in 10.2.2", standard=False, names=True),
    Qemu(
        name="qemu-11.1",
        title="QEMU 11.1",
        since=(11, 1),
        known=((11, 1), (11, 2)),
        evidence="measured with 11.1.2, read in 11.1.3",
        messages=MESSAGES,
        options=OPTIONS,
        compares_lengths=False,
        tolerances=TOLERANCES,
        emulated_tolerances={DBGDTRTX: None},
        last_id_decides=True,
    ),
)
