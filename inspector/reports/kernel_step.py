"""What one step of the kernel slider changes, worded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inspector.checks.compare.kernel_step import KernelStep, RegisterStep
from inspector.checks.restore.answers_step import AnswersStep
from inspector.numbers import count_of
from inspector.registers.catalog import by_id

MOST = 24
"""Names in one sentence; a screen cuts them at its edge, and says so with an ellipsis."""


def step_sides(step: KernelStep) -> str:
    """`6.2.0 → 6.3.0`."""
    return f"{step.before} → {step.after}"


def answers_words(step: AnswersStep) -> str:
    """`fails → loads; 2 writes are answered otherwise: ID_MMFR4_EL1, ...`."""
    before, after = step.verdicts
    verdict = f"{before} → {after}" if before != after else f"{after} as before"
    if not step.ids:
        return f"{verdict}; every write is answered alike"
    several = len(step.ids) != 1
    count = f"{len(step.ids)} register{'s' * several} {'are' if several else 'is'} answered otherwise"
    return f"{verdict}; {count}: {_names(step.ids)}"


def step_words(step: KernelStep) -> str:
    """`4 registers differ (1 new): ID_AA64MMFR2_EL1, ...; 2 may differ: ...; 1 takes other writes: ...`."""
    certain = [one for one in step.registers if one.certain]
    perhaps = [one for one in step.registers if not one.certain]
    parts = []
    if certain:
        verb = "differs" if len(certain) == 1 else "differ"
        parts.append(
            f"{count_of(len(certain), 'register')} {verb}{_listing(certain)}: {_names([one.id for one in certain])}"
        )
    if perhaps:
        parts.append(f"{len(perhaps)} may differ, not known: {_names([one.id for one in perhaps])}")
    if step.writable:
        verb = "takes" if len(step.writable) == 1 else "take"
        count = str(len(step.writable)) if parts else count_of(len(step.writable), "register")
        parts.append(f"{count} {verb} other writes: {_names(step.writable)}")
    return "; ".join(parts) or "no register differs, neither in value nor in its writable bits"


def _listing(found: Sequence[RegisterStep]) -> str:
    new = sum(one.listed == (False, True) for one in found)
    gone = sum(one.listed == (True, False) for one in found)
    words = [f"{number} {word}" for number, word in ((new, "new"), (gone, "no longer listed")) if number]
    return f" ({', '.join(words)})" if words else ""


def _names(ids: Sequence[int]) -> str:
    counts = Counter(by_id(one).name.partition("[")[0] for one in ids)
    names = [name if count == 1 else f"{count} {name}" for name, count in counts.items()]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
