"""The messages that a failed restore leaves in logs, one row per message family.

Texts were taken from real failing loads (QEMU 7.2, 10.0 and 11.1 under KVM) and, for the other programs, from their
sources. A template is written as the program prints it; white space in it does not matter, because it is searched in
text without any.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import msgspec

Kind = Literal[
    "refused",
    "only_in_source",
    "missing_in_source",
    "lengths",
    "load_failed",
    "put_failed",
    "boot_failed",
    "variation",
    "unreadable",
    "format",
    "envelope",
    "noise",
]
"""refused: a register write failed. only_in_source, missing_in_source: the register lists differ. lengths: the
source lists more registers. load_failed, put_failed, boot_failed: a register was refused but is not named.
variation: two CPUs disagree. unreadable: a register could not be read. format: the file's format version is not the
program's. envelope: wraps another message. noise: harmless."""

_REG = (
    r"(?:(?:systemregister)?op0:(?P<op0>\d{1,2})op1:(?P<op1>\d{1,2})crn:(?P<crn>\d{1,2})crm:(?P<crm>\d{1,2})op2:(?P<op2>\d)"
    r"|demuxedreg(?:0x)?(?P<demux>[0-9a-f]{16})"
    r"|corereg(?:0x)?(?P<core>[0-9a-f]{16})"
    r"|fwfeatreg(?P<bitmap>\d{1,6})"
    r"|fwreg(?P<fw>\d{1,6})"
    r"|SVE(?P<vls>VLS)"
    r"|SVEzregn:(?P<zreg>\d{1,6})slice:(?P<zslice>\d{1,6})"
    r"|SVEpregn:(?P<preg>\d{1,6})slice:(?P<pslice>\d{1,6})"
    r"|SVEffrslice:(?P<fslice>\d{1,6})"
    r"|(?:0x)?(?P<raw>[0-9a-f]{16})(?![0-9a-f]))"
)
_ERR = (
    r"(?P<err>Invalidargument|Operationnotpermitted|Deviceorresourcebusy|Nosuchfileordirectory|Execformaterror"
    r"|Badaddress|Input/outputerror|Argumentlisttoolong|Permissiondenied|Unknownerror\d+|E[A-Z]{3,9})"
    r"(?:\(oserror(?P<errno>\d{1,6})\))?"
)
_TOKENS = {
    "reg": _REG,
    "err": _ERR,
    "id": r"(?P<id>\d{19,20}|0x[0-9a-f]{16})",
    "wanted": r"(?P<wanted>(?:0x)?[0-9a-f]{1,512})",
    "actual": r"(?P<actual>(?:0x)?[0-9a-f]{1,512})",
    "n": r"(?P<n>\d{1,6})",
    "m": r"(?P<m>\d{1,6})",
    "cpu": r"(?P<cpu>\d{1,6})",
    "hex": r"(?P<hex>0x[0-9a-f]{1,512})",
    "name": r"(?P<name>[A-Za-z]\w*?)",
    "any": r".{0,80}?",
    "crosvm": (
        r"AArch64SysRegId(?:\{Op0:(?:Op0\()?(?P<op0>\d{1,2})\)?,Op1:(?:Op1\()?(?P<op1>\d{1,2})\)?,CRn:(?:CRn\()?(?P<crn>\d{1,2})\)?"
        r",CRm:(?:CRm\()?(?P<crm>\d{1,2})\)?,Op2:(?:Op2\()?(?P<op2>\d{1,2})\)?\}|\((?P<index>\d{1,6})\))"
    ),
}
OPEN_ENDED = frozenset(("n", "m", "wanted", "actual", "hex", "id", "bitmap", "fw", "errno", "cpu"))
"""Groups that nothing but white space may end."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message family."""

    key: str
    vmm: str
    """program that prints it: `qemu`, `firecracker`, `cloud-hypervisor`, `crosvm`, `libvirt`, `guest`, `host`, `bsa`"""
    versions: str
    """which versions print it in this form"""
    kind: Kind
    template: str
    meaning: str
    """one sentence in plain words"""
    fatal: bool = True
    """False for a warning that stops nothing"""


def _m(key: str, vmm: str, versions: str, kind: Kind, template: str, meaning: str, fatal: bool = True) -> Message:
    return Message(key=key, vmm=vmm, versions=versions, kind=kind, template=template, meaning=meaning, fatal=fatal)


_QEMU = (
    _m(
        "qemu-lengths",
        "qemu",
        "up to early 2026",
        "lengths",
        "Invalid value {n} expecting positive value <= {m}",
        "The stream lists more registers than the destination's vCPU; QEMU stops before it looks at a single id.",
    ),
    _m(
        "qemu-array",
        "qemu",
        "all",
        "envelope",
        "Failed to load cpu:cpreg_vmstate_array_len",
        "The length of the register list was refused.",
    ),
    _m(
        "qemu-instance",
        "qemu",
        "all",
        "load_failed",
        "error while loading state for instance {hex} of device 'cpu'",
        "Loading the registers of this vCPU failed.",
    ),
    _m(
        "qemu-only-in-stream",
        "qemu",
        "11.0 and newer",
        "only_in_source",
        "handle_cpreg_only_in_incoming_stream: {reg} in the incoming stream but unknown on the destination: fail(?:"
        " migration)?",
        "The stream has a register that the destination's KVM does not list, and QEMU refuses to drop it.",
    ),
    _m(
        "qemu-only-in-stream-tolerated",
        "qemu",
        "11.0 and newer",
        "only_in_source",
        "handle_cpreg_only_in_incoming_stream: {reg} in the incoming stream but unknown on the destination:"
        " (?!fail)(?:skip it)?",
        "The stream has a register that the destination's KVM does not list; QEMU drops it, as it was told to.",
        fatal=False,
    ),
    _m(
        "qemu-missing-in-stream",
        "qemu",
        "11.0 and newer",
        "missing_in_source",
        "handle_cpreg_missing_in_incoming_stream: {reg} expected by the destination but not in the incoming"
        " stream(?:: skip it)?",
        "The destination lists a register that the stream lacks; it keeps the destination's reset value.",
        fatal=False,
    ),
    _m(
        "qemu-unexpected",
        "qemu",
        "spring 2026 development versions",
        "only_in_source",
        "Unexpected register in input stream: (?:i {hex})?{reg}",
        "The stream has a register that the destination's KVM does not list.",
    ),
    _m(
        "qemu-missing",
        "qemu",
        "spring 2026 development versions",
        "missing_in_source",
        "Missing register in input stream: (?:i {hex})?{reg}",
        "The destination lists a register that the stream lacks; it keeps the destination's reset value.",
        fatal=False,
    ),
    _m(
        "qemu-could-not-set-unknown",
        "qemu",
        "10.2 and newer",
        "only_in_source",
        "Could not set register {reg} to {wanted} \\(?:?unknown to KVM",
        "QEMU wrote a register that KVM does not know for this vCPU.",
    ),
    _m(
        "qemu-could-not-set",
        "qemu",
        "10.2 and newer",
        "refused",
        "Could not set register {reg} to {wanted} \\(is {actual}\\)",
        "KVM refused the value of the stream; in brackets the value that the destination's vCPU has.",
    ),
    _m(
        "qemu-onereg",
        "qemu",
        "with -trace kvm_failed_reg_set",
        "refused",
        "Unable to set ONEREG {id} to KVM: {err}",
        "KVM refused a register write; QEMU prints its id in decimal.",
    ),
    _m(
        "qemu-onereg-get",
        "qemu",
        "with -trace kvm_failed_reg_get",
        "unreadable",
        "Unable to get ONEREG {id} from KVM: {err}",
        "KVM could not be asked for a register that it lists.",
    ),
    _m(
        "qemu-put",
        "qemu",
        "all",
        "put_failed",
        "(?:Failed to put registers|Putting registers|Restoring resisters|Restoring registers)"
        "(?P<when>after init|after reset|at runtime){any}(?::{err}|$)",
        "KVM refused at least one register write while QEMU set up the vCPU.",
    ),
    _m(
        "qemu-put-short",
        "qemu",
        "all",
        "put_failed",
        "Failed to put registers (?P<when>after init|after reset|at runtime)",
        "KVM refused at least one register write while QEMU set up the vCPU.",
    ),
    _m(
        "qemu-load-failed",
        "qemu",
        "all",
        "load_failed",
        "load of migration failed: {err}",
        "The load was given up.",
    ),
    _m(
        "qemu-vcpu-init",
        "qemu",
        "all",
        "put_failed",
        "kvm_(?:arm_vcpu_init|arch_init_vcpu|init_vcpu){any}failed{any}{err}",
        "KVM_ARM_VCPU_INIT was refused: this CPU cannot give a vCPU feature that was asked for, or an id value.",
    ),
)

_LIBVIRT = (
    _m(
        "libvirt-monitor",
        "libvirt",
        "all",
        "envelope",
        "internal error: (?:process exited while connecting to monitor|QEMU unexpectedly closed the monitor)",
        "libvirt only reports that QEMU ended; QEMU's own lines say why.",
    ),
    _m(
        "libvirt-job",
        "libvirt",
        "all",
        "envelope",
        "operation failed: job 'migration (?:out|in)' failed",
        "libvirt's generic message; the cause is in the destination's QEMU log (/var/log/libvirt/qemu/NAME.log).",
    ),
    _m(
        "libvirt-pvr",
        "libvirt",
        "all",
        "noise",
        "Cannot find CPU model with PVR {hex}",
        "libvirt has no name for the host's CPU part; harmless, and not the cause of a failed migration.",
        fatal=False,
    ),
)

_OTHER_VMMS = (
    _m(
        "firecracker-set",
        "firecracker",
        "1.x",
        "refused",
        "Failed to set register {id} to value {wanted}(?::{err})?",
        "Firecracker stopped at the first register that KVM refused; later ones were not tried.",
    ),
    _m(
        "firecracker-get",
        "firecracker",
        "1.x",
        "unreadable",
        "Failed to get register {id}(?::{err})?",
        "Firecracker could not read a register.",
    ),
    _m(
        "snapshot-format",
        "firecracker",
        "1.7 and newer",
        "format",
        "(?:snapshot|(?:invalid|unsupported) (?:data|format|state)).{0,40}?(?<!libvirt)(?<!qemu)(?<!emulator)version"
        r"[^0-9]{0,20}?(?P<found>\d+\.0\.0)",
        "The snapshot was written in another format version than this program reads.",
    ),
    _m(
        "cloud-hypervisor-get",
        "cloud-hypervisor",
        "all",
        "unreadable",
        "Get(?:AarchCoreRegister|SysRegister|OneReg)\\({any}{err}\\)?",
        "Reading a register for the snapshot failed; Cloud Hypervisor does not say which one.",
    ),
    _m(
        "cloud-hypervisor-set",
        "cloud-hypervisor",
        "all",
        "put_failed",
        "Set(?:AarchCoreRegister|SysRegister|OneReg)\\({any}{err}\\)?",
        "Cloud Hypervisor stopped at the first register that KVM refused, and does not say which one.",
    ),
    _m(
        "crosvm-restore",
        "crosvm",
        "all",
        "refused",
        "Failed to (?:restore|set) (?:system)?register{any}{crosvm}(?::{err})?",
        "crosvm stopped at this system register.",
    ),
)

_SEEN_FROM_INSIDE = (
    _m(
        "guest-psci",
        "guest",
        "all",
        "boot_failed",
        "psci: failed to boot CPU{cpu}\\(-{n}\\)",
        "The guest asked for another CPU to be started and the host answered with an error.",
    ),
    _m(
        "guest-boot",
        "guest",
        "all",
        "boot_failed",
        "CPU{cpu}: failed to boot: -{n}",
        "The guest could not start another CPU.",
    ),
    _m(
        "dmesg-sanity",
        "host",
        "all",
        "variation",
        "SANITY CHECK: Unexpected variation in (?:SYS_)?{name}\\.? Boot CPU: (?P<boot>0x[0-9a-f]{1,16}), CPU{cpu}:"
        " {hex}",
        "Two CPUs of this machine have different values of a feature register.",
        fatal=False,
    ),
    _m(
        "bsa-compare",
        "bsa",
        "all",
        "variation",
        "Reg compare failed for PE index={cpu} for Register: {name} Current PE value = (?P<boot>0x[0-9a-f]{1,16})"
        " Other PE value = {hex}",
        "The BSA test found two CPUs with different values of a register (masked values).",
        fatal=False,
    ),
)

MESSAGES: tuple[Message, ...] = (*_QEMU, *_LIBVIRT, *_OTHER_VMMS, *_SEEN_FROM_INSIDE)


@cache
def compiled(message: Message) -> re.Pattern[str]:
    """The template as a pattern for text without white space."""
    squeezed = message.template.replace(" ", "")
    pattern = re.sub(r"\{([a-z]+)\}", lambda found: _TOKENS[found[1]], squeezed)
    return re.compile(pattern, re.IGNORECASE)
