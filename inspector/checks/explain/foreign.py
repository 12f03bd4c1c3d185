"""Texts of other architectures and hypervisors: said to be that, and nothing of KVM/arm64 is claimed for them."""

from __future__ import annotations

import re
from typing import NamedTuple

from inspector.checks.explain.text import Pasted


class Foreign(NamedTuple):
    """Another architecture or hypervisor, and what shows it."""

    name: str
    shown_by: str
    """words that only it prints, as they stood in the text"""
    line: int
    is_program: bool
    """the marker is the name of the program that wrote the line"""


_PROGRAM = re.compile(r"\bqemu-(?:system|kvm)-?(?P<arch>\w+)?\b(?!\.(?:c|h|log)\b)")
_ARCHITECTURES = {
    "x86_64": "x86", "i386": "x86", "ppc64": "POWER", "ppc64le": "POWER", "ppc": "POWER", "s390x": "s390",
    "riscv64": "RISC-V", "riscv32": "RISC-V", "loongarch64": "LoongArch", "mips64el": "MIPS",
}  # fmt: skip
_OF_KVM = re.compile(
    r"\bkvm\b|qemu-kvm|KVM_(?:ARM|REG|SET|GET|CREATE)|ONEREG|Could not set register|crn:|0x60[2-8]0", re.IGNORECASE
)
"""What none of the other hypervisors prints"""
_ASKS_KVM = re.compile(r"\baccel[=,'\" ]{1,4}kvm\b|\benable-kvm\b|\bKVM_(?:SET|GET)_ONE_REG\b")
"""KVM is asked for, whatever else stands in the line: `-accel kvm -accel hvf` takes what there is."""
_OURS = re.compile(
    r"qemu-system-aarch64|\baarch64\b|\barm64\b|KVM_ARM|KVM_REG_ARM|\bvirt-\d+\.\d+\b|\b\w+_EL[0-3]\b|crn:|CRn|0x60[2-8]0"
)
_MARKERS = (
    ("x86", re.compile(
        r"\b[ER]AX=[0-9a-f]{8}|\bCR0=[0-9a-f]{8}.{0,120}\bCR[234]=|\bEFER=[0-9a-f]{8}|\bkvm_(?:intel|amd)\b"
        r"|\bset MSR 0x[0-9a-f]+|\bSet(?:SpecialRegs|MsrEntries|Cpuid|Xcrs|LapicState)\b|\bTSC (?:scaling|frequency)\b"
        r"|missing features: ?[\w,. -]{0,60}\b(?:vmx|svm|avx|sse|xsave|pcid|erms|fsrm|vaes|hle|rtm|arch-capabilities"
        r"|spec-ctrl)"
        r"|\b(?:VMX|SVM|TDX|SEV)\b(?!\|).{0,120}\b(?:not supported|disabled|failed)"
        r"|\barch-(?:facilities|capabilities)\b"
        r"|KVM_SET_(?:SREGS|MSRS|CPUID2|XSAVE|LAPIC)"
        r"|\bpc-(?:i440fx|q35)-|host doesn't support requested feature: CPUID|\bvmx[: ]|\bx86_64\b|\bCPUID\.",
        re.IGNORECASE)),
    ("POWER", re.compile(
        r"\bNIP [0-9a-f]{16}|\bMSR [0-9a-f]{16}.{0,120}\bHID0\b|\bkvm[_-](?:hv|pr)\b|\bpseries-|\bspapr\b"
        r"|\bppc64(?:le)?\b|\bPOWER\d\b"
        r"|\bcap-(?:htm|vsx|dfp|cfpc|sbbc|ibs)\b")),
    ("s390", re.compile(r"\bPSW=mask [0-9a-f]{16}|\bs390-ccw-virtio|\bs390x\b|\bSIE\b.{0,120}\bintercept")),
    ("RISC-V", re.compile(
        r"\bmhartid\b|\bKVM_REG_RISCV\b|\briscv64\b|\bkvm \[\d+\]: hypervisor extension|\bmtvec\b"
        r"|0x80[2-8]0[0-9a-f]{12}"
        r"|ONE_REG failed \((?:sbi_ext|isa_ext|config\.|satp_mode|mvendorid|marchid|mimpid|timer\.)"
        r"|\bSetRiscvCoreRegister\b|\bNonCoreRegister\b|\briscv_cpu\b")),
    ("LoongArch", re.compile(r"\bloongarch64\b|\bkvm_loongarch\w*", re.IGNORECASE)),
)  # fmt: skip
_HYPERVISORS = (
    ("HVF (Apple's Hypervisor.framework)", re.compile(
        r"\bHV_(?:ERROR|BAD_ARGUMENT|BUSY|NO_RESOURCES|NO_DEVICE|DENIED|UNSUPPORTED|ILLEGAL_GUEST_STATE)\b|\bhv_(?:vcpu|vm|gic)_\w+"
        r"|\bhvf_\w+|(?<!KVM or )(?<!KVM OR )(?<!KVM/)\bHVF\b"
        r"|\baccel[=,'\" ]{1,4}hvf\b|\baccelerator hvf\b|\bby hvf\b")),
    ("Apple's Virtualization.framework", re.compile(r"\bVZError\w*|\bvfkit\b|\bVZVirtualMachine\w*|\bVZ machine\b")),
    ("VMware", re.compile(r"\bvmx\||\bvmkernel\b|\bESXi\b")),
    ("GenieZone", re.compile(r"\bGenieZone\b|\bgeniezone\b|\bgzvm\b|\bGZVM_\w+|/dev/gzvm")),
    ("Gunyah", re.compile(r"\bGunyah\b|\bgunyah\b|\bGH_VM_\w+|\bgh_vm\w*|/dev/gunyah")),
    ("Halla", re.compile(r"\bhalla\b|/dev/halla|\bHVM_\w+")),
    ("Hyper-V", re.compile(
        r"\bHyper-V\b|\bHYPERV\b|\bmshv\b|/dev/mshv|\bMSHV_\w+|\bHV_STATUS_\w+|\bvmbus\b|\bvmwp\b|\bWH[Vv]\w+|\bwhpx\b|\bWHPX\b")),
    ("Xen", re.compile(r"\blibxl\b|\bxenopsd\b|\bxl:|\bxenstore\b|^\(XEN\)|\bxc_domain\w*")),
    ("bhyve", re.compile(r"\bbhyve\b|\bvmm_dev\b")),
    ("TCG (no hypervisor)", re.compile(r"\baccel[=,'\" ]{1,4}tcg\b|\baccelerator tcg\b")),
)  # fmt: skip


class Place(NamedTuple):
    """What the text says of where it comes from."""

    foreign: tuple[Foreign, ...]
    ours: bool
    """something in it belongs to arm64, or where other hypervisors are named, to KVM"""
    foreign_lines: frozenset[int]
    """lines that a program of another architecture wrote"""

    @property
    def only_foreign(self) -> bool:
        """True when everything that shows an architecture or hypervisor shows another one."""
        return bool(self.foreign) and not self.ours


def where_from(pasted: Pasted) -> Place:
    """Which architectures and hypervisors the lines of the text belong to."""
    found: dict[str, Foreign] = {}
    theirs: set[int] = set()
    arm = kvm = False
    of_patch = pasted.patch.lines if pasted.patch else frozenset[int]()
    for number, line in enumerate(pasted.lines):
        if number in of_patch:
            continue
        marks = list(_marks(line, number))
        for mark in marks:
            found.setdefault(mark.name, mark)
        if any(mark.is_program for mark in marks):
            theirs.add(number)
        elif not marks:
            arm = arm or _OURS.search(line) is not None
            kvm = kvm or _OF_KVM.search(line) is not None
        kvm = kvm or _ASKS_KVM.search(line) is not None
    other_machine = not found or any(name in _ARCHITECTURES.values() for name in found)
    return Place(tuple(found.values()), arm if other_machine else kvm, frozenset(theirs))


def _marks(line: str, number: int) -> list[Foreign]:
    marks = []
    for program in _PROGRAM.finditer(line):
        name = _ARCHITECTURES.get(program["arch"] or "")
        if name:
            marks.append(Foreign(name, program[0], number, True))
    for name, marker in (*_MARKERS, *_HYPERVISORS):
        if hit := marker.search(line):
            marks.append(Foreign(name, hit[0][:40].strip(), number, False))
    return marks


_STATEMENT = re.compile(
    r"\b(?:error_(?:report|setg|printf|append|prepend)\w*|warn_report\w*|v?f?printf|printk|pr_(?:err|warn|info|debug)\w*"
    r"|kvm_(?:err|info|debug)|dev_(?:err|warn|info)|virReportError|strerror|perror|die_perror|fmt\.(?:Sprintf|Errorf)"
    r"|logging\.\w+|LOG\.\w+|anyhow!|bail!|panic!|format!|assert!|#\[error)\s?\(.{0,80}?[\"']"
)
"""A call that prints, with the text that it prints"""


def quoted_code(pasted: Pasted) -> frozenset[int]:
    """Lines of a program's source, which print what they hold at some other time, and those of a patch."""
    of_patch = pasted.patch.lines if pasted.patch else frozenset[int]()
    return of_patch | {number for number, line in enumerate(pasted.lines) if _STATEMENT.search(line)}
