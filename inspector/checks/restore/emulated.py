"""Would a VM that QEMU emulated (TCG) load in another emulated one? QEMU's own rule, no kernel has a part in it.

The lists are compared as for KVM. Then each value is written to QEMU's own copy of the register and read back, and the
load fails where something else comes back (target/arm/helper.c, write_list_to_cpustate()). Registers that hold the
guest's state keep what is written; those that QEMU defines with a constant value keep that. Which these are was tried
with QEMU 7.2.22 and `-cpu max`: a stream was loaded once for every register, with one bit of that register changed.
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Sequence

from inspector.checks.remedies.replacements import replaceable_format
from inspector.checks.restore.result import FAILS, FieldDifference, Finding, MigrationReport, VcpuResult, WayOut
from inspector.checks.restore.sentences import describe_source, headline
from inspector.checks.restore.summary import Lengths, first_fatal, steps_of, verdict_of
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.expected import expected_messages
from inspector.numbers import count_of
from inspector.registers.encoding import ARCH_ARM64, CLASS_SYSREG, SIZE_U64, SysReg, hex_id, split_id
from inspector.registers.reading import read
from inspector.sources.dump import Dump, Vcpu

TCG = "tcg"
_CONSTANT = frozenset(
    SysReg(*code).packed
    for code in (
        (2, 0, 1, 0, 0), (2, 3, 0, 1, 0), (3, 0, 1, 0, 1), (3, 0, 1, 2, 4), (3, 4, 1, 2, 5), (3, 0, 5, 1, 0),
        (3, 0, 5, 1, 1), (3, 0, 5, 3, 0), (3, 0, 9, 14, 6), (3, 0, 10, 3, 0), (3, 0, 10, 4, 0), (3, 0, 10, 4, 1),
        (3, 0, 10, 4, 2), (3, 0, 10, 4, 3), (3, 0, 10, 4, 7), (3, 3, 9, 12, 6), (3, 3, 9, 12, 7), (3, 4, 1, 0, 1),
        (3, 6, 1, 0, 1),
    )
)  # fmt: skip
"""MDRAR, MDCCSR, ACTLR of EL1 to EL3, SMPRI, SMPRIMAP, AFSR0, AFSR1, ERRIDR, PMMIR, AMAIR, LORegions, PMCEID0/1"""
_CP14, _CP15 = 14, 15
_CONSTANT_32 = frozenset(
    {
        (_CP14, 0, 0, 0, 0), (_CP14, 0, 0, 7, 0), (_CP14, 1, 0, 0, 0), (_CP14, 1, 0, 7, 0), (_CP14, 2, 0, 0, 0),
        (_CP14, 2, 0, 7, 0), (_CP14, 7, 0, 0, 0), (_CP14, 7, 0, 0, 1), (_CP14, 7, 0, 0, 2), (_CP15, 1, 0, 0, 1),
        (_CP15, 1, 0, 0, 3), (_CP15, 1, 0, 4, 1), (_CP15, 1, 0, 4, 3), (_CP15, 1, 1, 0, 2), (_CP15, 5, 1, 0, 0),
        (_CP15, 5, 1, 0, 1), (_CP15, 5, 3, 0, 0), (_CP15, 6, 0, 0, 1), (_CP15, 9, 12, 0, 6), (_CP15, 9, 12, 0, 7),
        (_CP15, 9, 14, 0, 4), (_CP15, 9, 14, 0, 5), (_CP15, 9, 14, 0, 6), (_CP15, 10, 3, 0, 0), (_CP15, 10, 3, 0, 1),
        (_CP14, 0, 1, 0, 0), (_CP14, 0, 2, 0, 0),
    }
)  # fmt: skip
"""(coprocessor, CRn, CRm, opc1, opc2) of AArch32 registers that are constant beside the ID registers"""


def both_emulated(source: Dump, destination: object) -> bool:
    """True when QEMU's emulation saved one side and is the other."""
    return (
        isinstance(destination, Dump)
        and source.provenance.accelerator == TCG
        and destination.provenance.accelerator == TCG
        and any(vcpu.values for vcpu in destination.vcpus)
    )


def constant(reg_id: int) -> bool:
    """True for a register of which QEMU's emulation keeps its own value."""
    parts = split_id(reg_id)
    if parts.arch == ARCH_ARM64:
        if parts.cls != CLASS_SYSREG:
            return False
        op0, op1, crn, _, _ = SysReg.from_index(parts.number)
        identification = op0 == 3 and crn == 0 and op1 in (0, 1, 3)
        return identification or (op0 == 3 and crn in (11, 15)) or parts.number in _CONSTANT
    number, coprocessor, wide = parts.number, parts.cls & 0xF, parts.size == SIZE_U64
    crn, crm, opc1, opc2 = number >> 11 & 15, number >> 7 & 15, number >> 3 & 15, number & 7
    identification = coprocessor == _CP15 and crn == 0 and opc1 in (0, 1) and not wide
    implementation = coprocessor == _CP15 and (crn == 15 or (crn == 9 and opc1 == 1) or (wide and crm == 15))
    return identification or implementation or (coprocessor, crn, crm, opc1, opc2) in _CONSTANT_32


def migrate_emulated(source: Dump, destination: Dump, rule: Vmm) -> MigrationReport:
    """The report of a restore between emulated VMs; each vCPU on the destination's of the same number."""
    targets = [vcpu for vcpu in destination.vcpus if vcpu.values]
    vcpus = tuple(vcpu for vcpu in source.vcpus if vcpu.values)
    results = tuple(_restored(vcpu, targets[min(place, len(targets) - 1)], rule) for place, vcpu in enumerate(vcpus))
    steps, lengths = steps_of(rule, results)
    verdict = verdict_of(rule, results)
    fatal = [f for result in results for f in result.findings if f.fatal]
    return MigrationReport(
        vmm=rule.name,
        vmm_title=f"{rule.title} (TCG)",
        source=describe_source(source, vcpus),
        source_provenance=source.provenance,
        destination=destination.provenance.source,
        destination_provenance=destination.provenance,
        kernel="",
        verdict=verdict,
        headline=headline(rule, results, lengths, (), verdict),
        first=first_fatal(results),
        steps=steps,
        vcpus=results,
        ways_out=_ways_out(source, destination, fatal) if verdict == FAILS else (),
        messages=_messages(rule, fatal, lengths) if verdict == FAILS else (),
        notes=("judged by QEMU's own rule for emulated vCPUs: no kernel checks them",),
    )


def _messages(rule: Vmm, fatal: Sequence[Finding], lengths: Lengths | None) -> tuple[str, ...]:
    """What QEMU prints: of a refused value no more than that the section of its vCPU did not load."""
    if lengths is not None or any(f.kind == "only_in_source" for f in fatal):
        return expected_messages(rule, fatal, lengths)
    return (
        f"error while loading state for instance {fatal[0].vcpu:#x} of device 'cpu'",
        "load of migration failed: Operation not permitted",
    )


def _ways_out(source: Dump, destination: Dump, fatal: Sequence[Finding]) -> tuple[WayOut, ...]:
    """The same virtual CPU again, or a copy with the destination's constants."""
    ids = tuple(dict.fromkeys(f.id for f in fatal))
    same = WayOut(
        kind="vcpu-option",
        title="start the destination with the -cpu model, its options and the QEMU release of the source",
        notices="nothing",
        ids=ids,
        settles_all=True,
    )
    refused = tuple(dict.fromkeys(f.id for f in fatal if f.kind == "refused"))
    if not refused or not replaceable_format(source):
        return (same,)
    names = shlex.join([source.provenance.source, destination.provenance.source])
    copy = WayOut(
        kind="file",
        title=f"a copy of the saved VM with {count_of(len(refused), 'register value')} replaced",
        how=(f"vcpu-inspector fix {names} -o NEWFILE",),
        notices="the guest reads the destination's constants",
        ids=refused,
        settles_all=refused == ids,
    )
    return same, copy


def _restored(vcpu: Vcpu, target: Vcpu, rule: Vmm) -> VcpuResult:
    own = target.values
    order = [i for i in rule.order(vcpu.values) if rule.keeps(i)]
    listed = [i for i in own if rule.keeps(i)]
    unknown = [i for i in order if i not in own]
    known = [i for i in order if i in own]
    findings = [_unknown(vcpu, reg_id, place, rule) for place, reg_id in enumerate(unknown)]
    findings += [_written(vcpu, reg_id, place, own[reg_id]) for place, reg_id in enumerate(known, len(findings))]
    missing = [i for i in listed if i not in vcpu.values]
    findings += [
        Finding(
            vcpu=vcpu.index, id=reg_id, kind="missing_in_source", order=place, value=None, destination=own[reg_id],
            after=own[reg_id], reason="not saved: the destination keeps its own value",
        )
        for place, reg_id in enumerate(missing, len(findings))
    ]  # fmt: skip
    return VcpuResult(
        index=vcpu.index,
        name=vcpu.name.shown,
        source_count=len(order),
        destination_count=len(listed),
        findings=tuple(findings),
    )


def _unknown(vcpu: Vcpu, reg_id: int, order: int, rule: Vmm) -> Finding:
    tolerated = rule.tolerates_emulated(reg_id, vcpu.values[reg_id])
    return Finding(
        vcpu=vcpu.index,
        id=reg_id,
        kind="only_in_source",
        order=order,
        value=vcpu.values[reg_id],
        destination=None,
        errno=errno.ENOENT,
        reason=f"the destination's QEMU does not list this register ({hex_id(reg_id)})",
        fatal=not tolerated,
    )


def _written(vcpu: Vcpu, reg_id: int, order: int, own: int) -> Finding:
    value = vcpu.values[reg_id]
    refused = value != own and constant(reg_id)
    return Finding(
        vcpu=vcpu.index,
        id=reg_id,
        kind="refused" if refused else "accepted",
        order=order,
        value=value,
        destination=own,
        errno=errno.EPERM if refused else 0,
        after=own if refused else value,
        fields=_differences(reg_id, value, own) if refused else (),
        reason="QEMU's emulation keeps its own value of this register and refuses a stream with another"
        if refused
        else "guest state, kept as it is written"
        if value != own
        else "",
        reference="QEMU target/arm/helper.c, write_list_to_cpustate()" if refused else "",
        would_pass=own if refused else None,
        fatal=refused,
    )


def _differences(reg_id: int, value: int, own: int) -> tuple[FieldDifference, ...]:
    """The fields in which the two constants differ."""
    there = {(f.msb, f.lsb): f.value for f in read(reg_id, own, include_reserved=True).fields}
    return tuple(
        FieldDifference(
            name=field.name, msb=field.msb, lsb=field.lsb, source=field.value, destination=there[field.msb, field.lsb],
            safe="equal", accepted=False, meaning_source=field.meaning,
        )
        for field in read(reg_id, value, include_reserved=True).fields
        if there.get((field.msb, field.lsb), field.value) != field.value
    )  # fmt: skip
