"""What a migration check found, as the lines of the Migrate screen: the order of failure, causes instead of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.checks.restore.result import Finding, FindingKind, MigrationReport, Remark, RestoreStep
from inspector.checks.restore.withheld import told_finding

Kind = Literal[
    "step",
    "refused",
    "missing",
    "doubtful",
    "uncertain",
    "changed",
    "dropped",
    "remark",
    "unsaved",
    "running",
    "accepted",
]
"""What an entry shows: a step that fails as a whole (list lengths); a refused write; saved registers that the
destination lacks; such that it may have; a write whose answer is not known; values that are not kept; registers that
the VMM drops; a remark; registers that were not saved; counters that run on; values that are kept."""

PASSING: frozenset[Kind] = frozenset({"accepted", "running"})
"""Kinds that are folded away until they are asked for."""


class Entry(msgspec.Struct, frozen=True):
    """One line of the findings, with what it stands for."""

    key: str
    kind: Kind
    fatal: bool = False
    findings: tuple[Finding, ...] = ()
    """the finding, alike on every vCPU of `vcpus`; for a group one per register"""
    vcpus: tuple[int, ...] = ()
    group: FeatureGroup | None = None
    remark: Remark | None = None
    step: RestoreStep | None = None

    @property
    def finding(self) -> Finding | None:
        """The finding of an entry about one register."""
        return self.findings[0] if self.findings and self.group is None else None

    @property
    def ids(self) -> tuple[int, ...]:
        """Registers that it is about."""
        if self.remark is not None:
            return self.remark.ids
        return tuple(dict.fromkeys(finding.id for finding in self.findings))


def entries(report: MigrationReport) -> list[Entry]:
    """Everything that was found: what stops the load first is the first; what passes comes last."""
    found = [*_steps(report, certain=True), *_fatal(report)]
    found += [_remark(number, one) for number, one in enumerate(report.remarks) if one.severity == "fails"]
    found += _steps(report, certain=False)
    doubtful = [f for f in report.of_kind("only_in_source") if f.fatal and not f.certain]
    found += _groups(doubtful, "doubtful", fatal=True)
    found += _each(report, "uncertain", "uncertain", fatal=False)
    found += _each(report, "changed", "changed", fatal=False, expected=False)
    found += _groups([f for f in report.of_kind("only_in_source") if not f.fatal], "dropped", fatal=False)
    found += [_remark(number, one) for number, one in enumerate(report.remarks) if one.severity == "changes"]
    found += _each(report, "refused", "refused", fatal=False)
    found += [_remark(number, one) for number, one in enumerate(report.remarks) if one.severity == "note"]
    found += _groups(report.of_kind("missing_in_source"), "unsaved", fatal=False)
    found += _each(report, "changed", "running", fatal=False, expected=True)
    accepted = _each(report, "accepted", "accepted", fatal=False)
    return found + sorted(accepted, key=lambda entry: not differs(entry))


def told_entry(entry: Entry) -> Entry:
    """The line without the values of registers that hold secrets of the guest."""
    return msgspec.structs.replace(entry, findings=tuple(map(told_finding, entry.findings)))


def differs(entry: Entry) -> bool:
    """True for an accepted value that is not the destination's own."""
    finding = entry.finding
    return finding is not None and finding.destination is not None and finding.destination != finding.value


def _steps(report: MigrationReport, *, certain: bool) -> list[Entry]:
    """List lengths fail a restore as a whole, before any register is looked at, or may fail it."""
    bad = [step for step in report.steps if step.name == "lengths" and not step.passed and step.certain == certain]
    alike: dict[str, list[RestoreStep]] = {}
    for step in bad:
        alike.setdefault(step.text, []).append(step)
    return [
        Entry(
            f"step {text}",
            "step" if certain else "uncertain",
            fatal=True,
            step=steps[0],
            vcpus=tuple(step.vcpu for step in steps),
        )
        for text, steps in alike.items()
    ]


def _fatal(report: MigrationReport) -> list[Entry]:
    """Refused writes and ids that the destination lacks, in the order in which the VMM meets them."""
    lacked = [f for f in report.of_kind("only_in_source") if f.fails_load]
    missing = _groups(lacked, "missing", fatal=True)
    refused = _each(report, "refused", "refused", fatal=True)
    return sorted([*missing, *refused], key=lambda entry: min((f.vcpu, f.order) for f in entry.findings))


def _each(
    report: MigrationReport, of_kind: FindingKind, kind: Kind, *, fatal: bool, expected: bool | None = None
) -> list[Entry]:
    """An entry per register whose finding is alike on all its vCPUs."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in report.of_kind(of_kind):
        if one.fatal == fatal and expected in (None, one.expected):
            alike.setdefault((one.id, one.value, one.destination, one.part, one.errno, one.after), []).append(one)
    return [
        Entry(
            f"{kind} {same[0].id:x} {same[0].vcpu}",
            kind,
            fatal=fatal,
            findings=(same[0],),
            vcpus=tuple(one.vcpu for one in same),
        )
        for same in alike.values()
    ]


def _groups(findings: Sequence[Finding], kind: Kind, *, fatal: bool) -> list[Entry]:
    """An entry per feature that brings the registers."""
    by_id = {one.id: one for one in reversed(findings)}
    return [
        Entry(
            f"{kind} {group.key}",
            kind,
            fatal=fatal,
            findings=tuple(by_id[reg_id] for reg_id in group.ids),
            vcpus=_vcpus(findings, group.ids),
            group=group,
        )
        for group in group_by_feature(by_id)
    ]


def _vcpus(findings: Iterable[Finding], ids: Sequence[int]) -> tuple[int, ...]:
    wanted = set(ids)
    return tuple(dict.fromkeys(one.vcpu for one in findings if one.id in wanted))


def _remark(number: int, remark: Remark) -> Entry:
    return Entry(
        f"remark {number}", "remark", fatal=remark.severity == "fails", remark=remark, vcpus=tuple(remark.vcpus)
    )


def member(entry: Entry, reg_id: int) -> Entry | None:
    """The entry of one register of a group."""
    found = next((one for one in entry.findings if one.id == reg_id), None)
    if found is None:
        return None
    return msgspec.structs.replace(entry, key=f"{entry.key} {reg_id:x}", findings=(found,), group=None)


def vcpu_words(vcpus: Sequence[int]) -> str:
    """`vCPU 0`, `vCPUs 0-3, 7`."""
    runs: list[list[int]] = []
    for one in sorted(vcpus):
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    text = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"vCPU{'s' * (len(vcpus) > 1)} {text}" if runs else ""
