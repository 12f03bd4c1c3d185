"""Would this saved VM load there? The VMM's restore, step by step, on a real or modelled destination."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from itertools import groupby

import msgspec

from inspector.checks.machine.destination import Destination, OwnMachine, SameHost, destination_for, source_vcpus
from inspector.checks.machine.question import NOTHING_GIVEN, Given
from inspector.checks.restore.creation import contradictions, creation_step, file_step, first_run_step
from inspector.checks.restore.remarks import remark_on
from inspector.checks.restore.result import (
    FAILS,
    LOADS,
    UNCERTAIN,
    Finding,
    KernelMatrix,
    KernelRow,
    MigrationReport,
    Remark,
    RestoreStep,
    VcpuResult,
    Verdict,
)
from inspector.checks.restore.sentences import describe_source, headline, row_headline, stands_for
from inspector.checks.restore.summary import distinct, first_fatal, restore, steps_of, verdict_from
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.expected import expected_messages
from inspector.checks.vmms.table import find_vmm, restoring_vmm, rivals_of, unlike
from inspector.errors import CreationError, InspectorError
from inspector.kvm.host_inputs import facts
from inspector.numbers import count_of
from inspector.policies.loader import load_policy
from inspector.policies.model import Policy
from inspector.policies.points import policy_names, vendor_names
from inspector.progress import steps
from inspector.registers.catalog import by_id
from inspector.sources.dump import EXCERPTS, Dump, Vcpu
from inspector.sources.vcpu_setup import holds_whole_list


def migrate(
    source: Dump,
    destination: Dump | Destination | SameHost,
    given: Given = NOTHING_GIVEN,
    *,
    ways_out: bool = True,
    brief: bool = False,
    behind: Dump | None = None,
) -> MigrationReport:
    """Restore the vCPUs of `source` on `destination` as the VMM does, and report everything that happens.

    `destination`: a dump of a fresh vCPU, or of a host's raw registers (then a kernel is needed), a Destination, or
    `same-host`: the source's own machine under the given kernel. `given`: the VMM, and of the destination what is
    modelled; features are by default those of the source. Where the kernel may be one of several policies, what differs
    between them is uncertain. `ways_out=False` skips the search for remedies; `brief` leaves out the findings that
    decide nothing. `behind`: what shows the machine of `same-host`, where the values of `source` were changed since it
    was read.

    Where QEMU's emulation (TCG) made both sides, and no kernel is asked for, its own rule judges, not KVM's. Of a
    version of the VMM that is not known, all are asked that it may be.

    Raises InspectorError when either side holds nothing that can be restored, PolicyError when no kernel is known.
    """
    rule = restoring_vmm(source.provenance, given.vmm)
    report = _migrate(source, destination, given, rule, ways_out, brief, behind)
    if not rule.basis:
        return report
    others = [
        (rival.title, _migrate(source, destination, given, rival, False, True, behind)) for rival in rivals_of(rule)
    ]
    cases = [(find_vmm(rule.rivals[0]).title, report), *others] if others else []
    report = msgspec.structs.replace(report, notes=(rule.basis, *report.notes))
    if rule.unread:
        said = f"uncertain: {rule.basis}: {report.headline}"
    elif len({one.verdict for _, one in cases}) > 1:
        told = "; ".join(f"as {title}: {one.headline}" for title, one in cases)
        said = f"uncertain: it depends on what {rule.title} does: {told}"
    else:
        return report
    return msgspec.structs.replace(report, verdict=UNCERTAIN, headline=said, messages=())


def _migrate(
    source: Dump,
    destination: Dump | Destination | SameHost,
    given: Given,
    rule: Vmm,
    ways_out: bool,
    brief: bool,
    behind: Dump | None,
) -> MigrationReport:
    """The report of one entry of the table of VMMs."""
    if isinstance(destination, Dump) and given.kernel is None:
        from inspector.checks.restore.emulated import both_emulated, migrate_emulated  # no other question needs it

        if both_emulated(source, destination):
            return migrate_emulated(source, destination, rule)
    vcpus, notes = source_vcpus(source)
    target = destination_for(_shown_by(source, destination, behind), destination, given)
    report = _report(source, vcpus, target, rule, restore(vcpus, target, rule, brief=brief), notes)
    unread = file_step(source.provenance.tool.raw, vcpus[0].index, rule)
    report = _not_read(report, unread) if unread else report
    if not ways_out or not (report.fatal or unread):
        return report
    from inspector.checks.remedies.ways_out import find_ways_out

    return msgspec.structs.replace(report, ways_out=find_ways_out(report, source, vcpus, target, rule))


def with_ways_out(
    report: MigrationReport,
    source: Dump,
    destination: Dump | Destination | SameHost,
    given: Given = NOTHING_GIVEN,
    *,
    behind: Dump | None = None,
) -> MigrationReport:
    """A `report` that `migrate` made of these very arguments without the ways out, now with them."""
    rule = restoring_vmm(source.provenance, report.vmm)
    if isinstance(destination, Dump) and given.kernel is None:
        from inspector.checks.restore.emulated import both_emulated

        if both_emulated(source, destination):
            return report  # the emulator's own rule has them at once
    vcpus, _ = source_vcpus(source)
    from inspector.checks.remedies.ways_out import find_ways_out

    target = destination_for(_shown_by(source, destination, behind), destination, given)
    return msgspec.structs.replace(report, ways_out=find_ways_out(report, source, vcpus, target, rule))


def _shown_by(source: Dump, destination: Dump | Destination | SameHost, behind: Dump | None) -> Dump:
    """What shows the machine of `same-host`."""
    return behind if behind is not None and isinstance(destination, str) else source


def migrate_all_kernels(
    source: Dump, given: Given = NOTHING_GIVEN, policies: Sequence[Policy] | None = None, *, behind: Dump | None = None
) -> KernelMatrix:
    """Where can this VM go? A row per kernel policy, mainline's first, on the host of the source (or `behind`)."""
    rule = restoring_vmm(source.provenance, given.vmm)
    matrix = _matrix(source, given, rule, policies, behind)
    if not rule.basis:
        return matrix
    others = [_matrix(source, given, rival, policies, behind) for rival in rivals_of(rule)]
    unsure = unlike(rule, *([row.verdict for row in one.rows] for one in (matrix, *others)))
    rows = tuple(
        msgspec.structs.replace(row, verdict=UNCERTAIN) if open_ else row
        for row, open_ in zip(matrix.rows, unsure, strict=True)
    )
    return msgspec.structs.replace(matrix, rows=rows, notes=(rule.basis, *matrix.notes))


def _matrix(
    source: Dump, given: Given, rule: Vmm, policies: Sequence[Policy] | None, behind: Dump | None
) -> KernelMatrix:
    """The rows of one entry of the table of VMMs."""
    vcpus, notes = source_vcpus(source)
    kinds = distinct(vcpus)
    if len(kinds) < len(vcpus):
        notes = (*notes, f"{len(vcpus)} vCPUs of {count_of(len(kinds), 'kind')}: each kind is counted once")
    rows: list[KernelRow] = []
    label = ""
    every = policies if policies is not None else map(load_policy, (*policy_names(), *vendor_names()))
    machine = OwnMachine(behind or source, given)
    unread = file_step(source.provenance.tool.raw, kinds[0].index, rule)
    runs = [list(run) for _, run in groupby(every, key=lambda policy: policy.does)]
    for policy, *alike in steps("restoring under each kernel", runs):
        # kernels that follow each other and do the same: asked once
        try:
            target = machine.under(policy)
        except InspectorError as error:
            if not given.names_setup and not isinstance(error, CreationError):
                raise
            row = _impossible(policy, error)
        else:
            label = machine.label((policy, *alike)[-1])
            row = _row(kinds, target, rule, restore(kinds, target, rule, brief=True), unread)
            if row.verdict == LOADS and holds_some_only(source, kinds):
                row = msgspec.structs.replace(row, verdict=UNCERTAIN, headline=_SOME_LOAD.removeprefix("uncertain: "))
            if not rows:
                notes = (*notes, *target.notes)
        rows.append(row)
        rows += [msgspec.structs.replace(row, kernel=one.name, evidence=one.evidence) for one in alike]
    return KernelMatrix(
        vmm=rule.name,
        vmm_title=rule.title,
        source=describe_source(source, vcpus),
        destination=label,
        rows=tuple(rows),
        notes=notes,
    )


def _report(
    source: Dump,
    vcpus: Sequence[Vcpu],
    target: Destination,
    rule: Vmm,
    results: tuple[VcpuResult, ...],
    notes: tuple[str, ...],
) -> MigrationReport:
    steps, lengths = steps_of(rule, results)
    creation = creation_step(vcpus, target, rule, results)
    if creation is not None:
        going = not creation.certain
        steps = (creation, *(msgspec.structs.replace(s, reached=s.reached and going) for s in steps))
    run = first_run_step(vcpus, target)
    loads_first = verdict_from(steps) == LOADS
    if run is not None:
        steps = (*steps, msgspec.structs.replace(run, reached=verdict_from(steps) != FAILS))
    remarks = remark_on(source, vcpus, results, target, rule)
    verdict = _verdict(steps, remarks)
    some = holds_some_only(source, vcpus)
    stood_in = target.policy.stands_for and not target.refused
    fails = verdict == FAILS
    fatal = [f for result in results for f in result.findings if f.fails_load]
    instances = _instances(source, vcpus)
    messages = expected_messages(rule, fatal, lengths, instances) if fails else ()
    never_runs = run is not None and loads_first and not any(r.severity == "fails" for r in remarks)
    if run is not None and never_runs:
        said = f"{'loads, and never runs' if run.certain else 'uncertain whether it ever runs'}: {run.text}"
    else:
        said = headline(rule, results, lengths, remarks, verdict)
    if target.refused:
        messages = rule.printed_creation(instances[vcpus[0].index], errno.EINVAL, target.refused)
    if creation is not None and (creation.certain or verdict == UNCERTAIN):
        said = f"{'fails before any write' if creation.certain else 'uncertain'}: {creation.text}"
    if some:
        steps = tuple(map(_not_compared, steps))
        verdict, said = (UNCERTAIN, f"{_SOME_LOAD}; of those: {said}") if verdict == LOADS else (verdict, said)
    if stood_in:
        verdict, said = UNCERTAIN, stands_for(target.policy, said)
    return MigrationReport(
        vmm=rule.name,
        vmm_title=rule.title,
        source=describe_source(source, vcpus),
        source_provenance=source.provenance,
        destination=target.label,
        destination_provenance=target.provenance,
        features=target.setup.describe(),
        features_why=target.why,
        kernel=target.policy.name,
        kernel_note=target.kernel_note,
        verdict=verdict,
        headline=said,
        first=None if target.refused else first_fatal(results),
        steps=steps,
        vcpus=results,
        remarks=remarks,
        messages=messages,
        host_facts=facts(target.build(1).exposure),
        notes=(*notes, *target.notes, *contradictions(vcpus[0], rule), *_mixing(rule, steps, fatal)),
    )


def _not_read(report: MigrationReport, step: RestoreStep) -> MigrationReport:
    """The report where the VMM gives up at the file itself: what its registers would meet stands behind that."""
    return msgspec.structs.replace(
        report,
        verdict=FAILS,
        headline=f"fails before any write: {step.text}",
        first=None,
        steps=(step, *(msgspec.structs.replace(later, reached=False) for later in report.steps)),
        messages=(),
    )


_SOME_LOAD = "uncertain: the source holds only some of the vCPU's registers, and the others decide as well"


def holds_some_only(source: Dump, vcpus: Sequence[Vcpu]) -> bool:
    """True for a text with some registers of a vCPU: these can fail, and cannot show that all loads."""
    return source.provenance.format in EXCERPTS and not all(map(holds_whole_list, vcpus))


def _not_compared(step: RestoreStep) -> RestoreStep:
    """A comparison of lists that passed, of a list that is not whole."""
    if step.name not in ("lengths", "ids") or not step.passed:
        return step
    return msgspec.structs.replace(step, passed=False, certain=False, text="the source does not hold the whole list")


def _verdict(steps: Sequence[RestoreStep], remarks: Sequence[Remark]) -> Verdict:
    return FAILS if any(r.severity == "fails" for r in remarks) else verdict_from(steps)


def _mixing(rule: Vmm, steps: Sequence[RestoreStep], fatal: Sequence[Finding]) -> tuple[str, ...]:
    """QEMU up to 10.0 copies values until it meets the first unknown id, and writes its list at the end anyway."""
    failed = next((s for s in steps if not s.passed), None)
    if not rule.compares_lengths or failed is None or failed.name != "ids" or not failed.certain:
        return ()
    first = next(f for f in fatal if f.vcpu == failed.vcpu and f.kind == "only_in_source")
    text = (
        f"{rule.title} has copied the values before {by_id(first.id).name} when it gives up: what it then reports as "
        "refused (-trace kvm_failed_reg_set) mixes the values of both sides"
    )
    return (text,)


def _instances(source: Dump, vcpus: Sequence[Vcpu]) -> dict[int, int]:
    """QEMU numbers the vCPUs of a VM from 0; a dump that holds several VMs numbers the VMs."""
    return {v.index: v.index if source.one_vm else place for place, v in enumerate(vcpus)}


def _impossible(policy: Policy, error: InspectorError) -> KernelRow:
    """The row of a kernel under which the vCPU cannot even be created."""
    return KernelRow(
        kernel=policy.name, evidence=policy.evidence, verdict=FAILS, refused=0, only_in_source=0, changed=0, first=None,
        headline=error.what,
    )  # fmt: skip


def _row(
    vcpus: Sequence[Vcpu],
    target: Destination,
    rule: Vmm,
    results: Sequence[VcpuResult],
    unread: RestoreStep | None = None,
) -> KernelRow:
    steps, _ = steps_of(rule, results)
    run = first_run_step(vcpus, target)
    steps = steps if run is None else (*steps, run)
    findings = [f for result in results for f in result.findings]
    refused = [f for f in findings if f.kind == "refused"]
    changed = sum(f.kind == "changed" and not f.expected for f in findings)
    return KernelRow(
        kernel=target.policy.name,
        evidence=target.policy.evidence,
        verdict=FAILS if unread else UNCERTAIN if target.policy.stands_for else _verdict(steps, ()),
        refused=len(refused),
        only_in_source=sum(f.kind == "only_in_source" and f.certain for f in findings),
        changed=changed,
        first=first_fatal(results),
        uncertain=sum(not f.certain for f in findings),
        headline=unread.text if unread else row_headline(results, steps, changed),
    )
