"""The one sentence that answers a migration check."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.restore.result import LOADS, UNCERTAIN, Finding, Remark, RestoreStep, VcpuResult, Verdict
from inspector.checks.vmms.base import Vmm
from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.policies.model import Policy
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump, Vcpu


def describe_source(dump: Dump, vcpus: Sequence[Vcpu]) -> str:
    """`vm.mig: QEMU virt-10.0, Linux 6.1.0-50, 1 vCPU of 252 registers`."""
    given = dump.provenance
    machine = given.machine and given.machine.raw not in given.tool.raw
    parts = [given.tool.shown, given.machine.shown if machine else "", f"Linux {given.kernel}" if given.kernel else ""]
    count = count_of(len(vcpus), "vCPU")
    if vcpus and vcpus[0].name:
        count += f" ({vcpus[0].name})"
    parts.append(count)
    return one_line(f"{given.source}: {', '.join(p for p in parts if p)}")


def _where(finding: Finding, several: bool) -> str:
    fields = [f.name for f in finding.fields if not f.accepted and (f.certain or not finding.certain)]
    name = by_id(finding.id).name + (f" ({', '.join(fields[:3])})" if fields else "")
    return name + (f" on vCPU {finding.vcpu}" if several else "")


def headline(
    vmm: Vmm,
    results: Sequence[VcpuResult],
    lengths: tuple[int, int, int] | None,
    remarks: Sequence[Remark],
    verdict: Verdict,
) -> str:
    """The answer in one sentence: what stops the load first, what leaves it open, or what it changes."""
    findings = [f for result in results for f in result.findings]
    if verdict == UNCERTAIN:
        return _uncertain(findings)
    return _loads(findings) if verdict == LOADS else _fails(vmm, results, lengths, remarks)


def stands_for(policy: Policy, said: str) -> str:
    """The headline for a kernel without policy, given that of the nearest one, which answered."""
    from inspector.kvm.words.kernels import unmodelled

    return f"uncertain: it depends on {unmodelled(policy)}; as {policy.name}: {said}"


def _uncertain(findings: Sequence[Finding]) -> str:
    """What the answer depends on, the registers that it hangs on first."""
    open_ones = [f for f in findings if not f.certain and (f.fatal or any(case.errno for case in f.cases))]
    depends_on = list(dict.fromkeys(text for f in open_ones for text in f.depends_on))
    if not depends_on:
        names = list(dict.fromkeys(by_id(f.id).name for f in open_ones))
        depends_on = [f"whether the destination has {', '.join(names[:3])}"]
    more = f" and on {len(depends_on) - 2} more" if len(depends_on) > 2 else ""
    return f"uncertain: whether it loads depends on {' and on '.join(depends_on[:2])}{more}, which is not known"


def _fails(
    vmm: Vmm, results: Sequence[VcpuResult], lengths: tuple[int, int, int] | None, remarks: Sequence[Remark]
) -> str:
    """What stops the load first."""
    findings = [f for result in results for f in result.findings]
    several = len(results) > 1
    fatal = [f for f in findings if f.fails_load]
    unknown = [f for f in fatal if f.kind == "only_in_source"]
    refused = [f for f in fatal if f.kind == "refused"]
    if lengths is not None:
        text = f"fails before any write: {lengths[1]} registers saved, the destination has only {lengths[2]}"
        return text + (f"; {count_of(len(refused), 'value')} would be refused as well" if refused else "")
    if not fatal:
        return f"fails: {next(r.text for r in remarks if r.severity == 'fails')}"
    first = fatal[0]
    if vmm.compares_lists and unknown:
        text = f"fails before any write: the destination lacks {count_of(len(unknown), 'saved register')}, first "
        text += _where(unknown[0], several)
        return text + (f"; {count_of(len(refused), 'value')} would be refused as well" if refused else "")
    word = "refused" if first.kind == "refused" else "missing there"
    text = f"fails: {count_of(len(fatal), 'register')} of {sum(f.value is not None for f in findings)} {word}, first "
    if not refused or not unknown:
        return text + f"{_where(first, several)}, {first.errno_name}"
    text = f"fails: {len(refused)} refused and {len(unknown)} missing there, first "
    return text + f"{_where(first, several)}, {first.errno_name}"


def _loads(findings: Sequence[Finding]) -> str:
    changed = [f for f in findings if f.kind == "changed" and not f.expected]
    dropped = [f for f in findings if f.kind == "only_in_source"]
    if not changed and not dropped:
        return "loads, every value is kept (counters go on counting)"
    parts = []
    if changed:
        names = ", ".join(dict.fromkeys(by_id(f.id).name for f in changed[:4]))
        more = f" and {len(changed) - 4} more" if len(changed) > 4 else ""
        parts.append(f"these values change: {names}{more}")
    if dropped:
        names = ", ".join(dict.fromkeys(by_id(f.id).name for f in dropped))
        parts.append(f"these are dropped: {names}")
    return f"loads, but {'; '.join(parts)}"


def row_headline(results: Sequence[VcpuResult], steps: Sequence[RestoreStep], changed: int) -> str:
    """What stops the load, or how many values change, for one line of a table."""
    bad = next((step for step in steps if not step.passed), None)
    if bad is None:
        return f"{count_of(changed, 'value')} not kept" if changed else ""
    if bad.name == "lengths":
        return f"list too long: {bad.text}"
    first = next((f for result in results for f in result.findings if f.fails_load), None)
    if first is None and not bad.certain:
        return _uncertain([f for result in results for f in result.findings])
    return f"{by_id(first.id).name} {first.errno_name}" if first else bad.text
