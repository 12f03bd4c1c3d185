"""Which answers of a restore are other ones when the destination's kernel is another one."""

from __future__ import annotations

import msgspec

from inspector.checks.restore.result import Finding, MigrationReport, Verdict


class AnswersStep(msgspec.Struct, frozen=True, kw_only=True):
    """Two checks of the same saved VM."""

    before: str
    """the kernels, by the names of their policies"""
    after: str
    verdicts: tuple[Verdict, Verdict]
    ids: tuple[int, ...]
    """registers whose write is answered otherwise, that read back as something else, or that one destination alone
    lists, in the VMM's order"""


def answers_step(before: MigrationReport, after: MigrationReport) -> AnswersStep:
    """What is answered otherwise from one check to the next."""
    old, new = ({(one.vcpu, one.id): _answer(one) for one in report.findings} for report in (before, after))
    changed = (key for key in dict.fromkeys((*old, *new)) if old.get(key) != new.get(key))
    return AnswersStep(
        before=before.kernel, after=after.kernel, verdicts=(before.verdict, after.verdict),
        ids=tuple(dict.fromkeys(reg_id for _, reg_id in changed)),
    )  # fmt: skip


def _answer(one: Finding) -> tuple[object, ...]:
    return one.kind, one.errno, one.after
