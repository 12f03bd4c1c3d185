"""A migration report that can be given away: what happens to each register, without the secrets of the guest."""

from __future__ import annotations

import msgspec

from inspector.checks.restore.result import Finding, KernelMatrix, MigrationReport
from inspector.registers.bits import Partial
from inspector.registers.secrets import is_secret


def told(report: MigrationReport) -> MigrationReport:
    """`report` without the values of general, vector and debug registers, pointers and keys."""
    vcpus = tuple(msgspec.structs.replace(v, findings=tuple(map(told_finding, v.findings))) for v in report.vcpus)
    first = None if report.first is None else told_finding(report.first)
    return msgspec.structs.replace(report, vcpus=vcpus, first=first)


def told_matrix(matrix: KernelMatrix) -> KernelMatrix:
    """The same for the answers of all kernels."""
    rows = [msgspec.structs.replace(row, first=told_finding(row.first)) if row.first else row for row in matrix.rows]
    return msgspec.structs.replace(matrix, rows=tuple(rows))


def told_finding(finding: Finding) -> Finding:
    """The same for one register."""
    if not is_secret(finding.id):
        return finding
    silent = msgspec.structs.replace(
        finding, value=None, destination=None, after=None, would_pass=None, part=Partial.nothing(), fields=(), cases=()
    )
    return finding if silent == finding else msgspec.structs.replace(silent, withheld=True)
