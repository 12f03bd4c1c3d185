"""What a migration check finds: result types only, nothing is computed or worded for print here."""

from __future__ import annotations

import errno as _errno
from typing import Final, Literal

import msgspec

from inspector.checks.feature_groups import feature_key
from inspector.errors import EXIT_NO, EXIT_YES
from inspector.kvm.cases import Case
from inspector.kvm.host_inputs import Fact
from inspector.registers.bits import Partial
from inspector.sources.dump import Provenance

FindingKind = Literal["refused", "accepted", "changed", "uncertain", "only_in_source", "missing_in_source"]
"""refused: the write gets an errno; changed: errno 0, but the value read back is another one; uncertain: the answer to
the write depends on what is not known; only_in_source: the
destination does not list the id; missing_in_source: the destination lists an id that the saved state lacks."""

Severity = Literal["fails", "changes", "note"]

Verdict = Literal["loads", "fails", "uncertain"]
"""uncertain: it loads in some of the cases that are possible and fails in others"""

UNCERTAIN: Final = "uncertain"
LOADS: Final = "loads"
FAILS: Final = "fails"


class FieldDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One field in which the source's value and the destination's differ."""

    name: str
    msb: int
    lsb: int
    source: int
    destination: int | None
    """the destination's own value (on Linux 6.5 and newer also the limit); None when not every bit of it is known"""
    part: Partial = Partial.nothing()
    """what is known of `destination` where that is None"""
    safe: str
    """which values the kernel takes: `lower`, `higher`, `exact N`, `equal` ...; empty when no rule judges the field"""
    accepted: bool
    certain: bool = True
    """False where the field's fate depends on something that is not known"""
    meaning_source: str = ""
    meaning_destination: str = ""
    reason: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one register of one vCPU."""

    vcpu: int
    id: int
    kind: FindingKind
    order: int
    """position at which the VMM meets it: list comparison first, then the writes"""
    value: int | None
    """the saved value; None when the source lacks the register or withholds it"""
    withheld: bool = False
    """the register is there, and its values are not shown: it holds secrets of the guest"""
    destination: int | None
    """the destination's own value on a fresh vCPU; None when it lacks the register or not every bit is known"""
    part: Partial = Partial.nothing()
    """what is known of `destination` where that is None"""
    errno: int = 0
    after: int | None = None
    """KVM_GET_ONE_REG after the restore; None when there is nothing to read or the value is not known"""
    fields: tuple[FieldDifference, ...] = ()
    reason: str = ""
    rule: str = ""
    reference: str = ""
    would_pass: int | None = None
    """for a refused value: the nearest one that the destination accepts"""
    fatal: bool = False
    """the load fails because of it, under this VMM"""
    expected: bool = False
    """changed, but by its nature: counters and status bits that run on"""
    certain: bool = True
    """False when the answer depends on something of the destination that is not known"""
    depends_on: tuple[str, ...] = ()
    """what an uncertain answer depends on"""
    cases: tuple[Case, ...] = ()
    """what each case would answer"""

    @property
    def fails_load(self) -> bool:
        """The load fails because of it for sure: what may be there all the same, or may be taken, does not count."""
        return self.fatal and self.certain

    @property
    def feature(self) -> str:
        """Key of the feature that brings the register (checks/feature_groups.py)."""
        return feature_key(self.id)

    @property
    def errno_name(self) -> str:
        """`EINVAL`, or an empty text for an accepted write."""
        return _errno.errorcode.get(self.errno, str(self.errno)) if self.errno else ""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the whole vCPU or machine that one register's verdict does not say."""

    severity: Severity
    title: str
    text: str
    """what was seen and what follows from it"""
    ids: tuple[int, ...] = ()
    vcpus: tuple[int, ...] = ()


class RestoreStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the VMM's restore and its outcome."""

    name: str
    """`lengths`, `ids`, `values` for QEMU; `writes` for the others; `creation` where the vCPU itself is in doubt"""
    vcpu: int
    passed: bool
    text: str
    certain: bool = True
    """False where a step that does not pass fails only in some of the cases that are possible"""
    reached: bool = True
    """False when the VMM would have stopped before; the outcome is then what a later attempt would meet"""


class WayOut(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do that removes findings; only what is true for the VMM and kernel of the report."""

    kind: Literal[
        "vcpu-option", "machine", "kernel", "patch", "vmm", "file", "remove-regs", "pinning", "template", "host"
    ]
    title: str
    how: tuple[str, ...] = ()
    """commands, arguments or snippets, one line each"""
    notices: str = ""
    """what the guest would notice"""
    ids: tuple[int, ...] = ()
    """registers that it settles"""
    settles_all: bool = False
    """True when the VM loads after this alone"""
    keeps_guest: bool = True
    """False when the running guest cannot be kept: it has to be started anew"""


class VcpuResult(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of one vCPU in the VMM's order."""

    index: int
    name: str
    source_count: int
    """registers that the VMM saved"""
    destination_count: int
    fewest: int | None = None
    """of `destination_count`, by what is not known of the kernel and the host; None where that leaves only one"""
    most: int | None = None
    findings: tuple[Finding, ...]
    """every register, accepted ones as well"""

    @property
    def destination_counts(self) -> tuple[int, int]:
        """The fewest and the most registers that the destination may have."""
        number = self.destination_count
        return number if self.fewest is None else self.fewest, number if self.most is None else self.most


class MigrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "would this saved VM load there?"."""

    vmm: str
    vmm_title: str
    source: str
    """what the source is, one line"""
    destination: str
    kernel: str
    """name of the destination's policy"""
    features: str = ""
    """features of the destination's vCPU"""
    features_why: str = ""
    """which rule gave it these features, in words"""
    source_provenance: Provenance = Provenance()
    destination_provenance: Provenance = Provenance()
    """empty for the source's own host"""
    kernel_note: str = ""
    """how the policy was chosen, where that needed a choice"""
    verdict: Verdict
    headline: str
    """one sentence: the answer"""
    first: Finding | None = None
    """the register that stops the load first; None when it loads or when the list lengths stop it"""
    steps: tuple[RestoreStep, ...] = ()
    vcpus: tuple[VcpuResult, ...] = ()
    remarks: tuple[Remark, ...] = ()
    ways_out: tuple[WayOut, ...] = ()
    messages: tuple[str, ...] = ()
    """what the VMM would print"""
    host_facts: tuple[Fact, ...] = ()
    """what no register of the destination's host shows and the answer rests on"""
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when it loads, 1 when it fails or when that depends on what is not known."""
        return EXIT_YES if self.verdict == LOADS else EXIT_NO

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all vCPUs, in the VMM's order."""
        return tuple(f for vcpu in self.vcpus for f in vcpu.findings)

    def of_kind(self, kind: FindingKind) -> tuple[Finding, ...]:
        """The findings of one kind, in the VMM's order."""
        return tuple(f for f in self.findings if f.kind == kind)

    @property
    def fatal(self) -> tuple[Finding, ...]:
        """What makes the load fail."""
        return tuple(f for f in self.findings if f.fatal)


class KernelRow(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one kernel policy."""

    kernel: str
    evidence: str
    verdict: Literal["loads", "fails", "uncertain"]
    refused: int
    only_in_source: int
    changed: int
    """values that do not read back as saved, counters apart"""
    first: Finding | None
    uncertain: int = 0
    """findings that depend on unknown bits of the host"""
    headline: str = ""


class KernelMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """Where a VM can go: one row per kernel policy, on the same host."""

    vmm: str
    vmm_title: str
    source: str
    destination: str
    rows: tuple[KernelRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when the VM loads somewhere."""
        return EXIT_YES if any(row.verdict == LOADS for row in self.rows) else EXIT_NO
