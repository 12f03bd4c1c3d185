"""One result of a restore under each policy that the destination's kernel may have: what differs is uncertain."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from errno import ENOENT

import msgspec

from inspector.checks.restore.result import Finding, VcpuResult
from inspector.kvm.cases import ACCEPTED, Branch, Case, agreed, refused
from inspector.kvm.words.kernels import also, cases_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex


def merge_results(branches: Sequence[Branch[VcpuResult]]) -> VcpuResult:
    """The first result, in which each register that another policy treats otherwise is uncertain.

    What was not saved keeps the destination's own value whatever the kernel is: such findings stay the first's.
    """
    chosen = branches[0].answer
    found = [{finding.id: finding for finding in branch.answer.findings} for branch in branches]
    findings = []
    for finding in chosen.findings:
        each = [
            Branch(branch.policy, by_register[finding.id])
            for branch, by_register in zip(branches, found, strict=True)
            if finding.id in by_register
        ]
        findings.append(finding if finding.value is None else _merged(each))
    counts = {number for branch in branches for number in branch.answer.destination_counts}
    fewest, most = (min(counts), max(counts)) if len(counts) > 1 else (None, None)
    return msgspec.structs.replace(chosen, findings=tuple(findings), fewest=fewest, most=most)


def _merged(branches: Sequence[Branch[Finding]]) -> Finding:
    first, answers = branches[0].answer, [branch.answer for branch in branches]
    own = first.destination if agreed([answer.destination for answer in answers]) else None
    fields = first.fields if own == first.destination else ()
    if agreed([_essence(answer) for answer in answers]):
        passing = first.would_pass if agreed([answer.would_pass for answer in answers]) else None
        return msgspec.structs.replace(first, destination=own, fields=fields, would_pass=passing)
    differing = {field.name for answer in answers for field in answer.fields if not field.accepted}
    differing = differing or {field.name for answer in answers for field in answer.fields}
    cause, cases = cases_of(branches, first.id, differing, _essence, _cases)
    depends_on = tuple(dict.fromkeys((cause.text, *(text for answer in answers for text in answer.depends_on))))
    return msgspec.structs.replace(
        first, kind="uncertain", destination=own, fields=fields, errno=0, after=None, rule="", reference="",
        would_pass=None, fatal=False, expected=False, certain=False, depends_on=depends_on, cases=cases,
        reason=f"the answer depends on {' and on '.join(depends_on)}, which is not known.",
    )  # fmt: skip


def _essence(finding: Finding) -> Hashable:
    """What two findings of one register are compared by."""
    after = finding.after if finding.kind == "changed" and not finding.expected else None
    return finding.kind, finding.errno, finding.fatal, finding.certain, after, finding.cases


def _cases(finding: Finding, when: str, settle: str) -> Sequence[Case]:
    if finding.cases:
        return also(finding.cases, when, settle)
    outcome, errno = ACCEPTED.text, 0
    if finding.kind == "refused":
        outcome, errno = refused(finding.errno).text, finding.errno
    elif finding.kind == "only_in_source":
        outcome, errno = ("missing there", ENOENT) if finding.fatal else ("missing there, and dropped", 0)
    elif finding.kind == "changed" and not finding.expected and finding.after is not None:
        outcome += f", not kept: reads back {grouped_hex(finding.after, by_id(finding.id).size)}"
    return (Case(when=when, outcome=outcome, errno=errno, settle=settle, about="kernel"),)
