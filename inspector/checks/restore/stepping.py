"""A restore gone through one register at a time: what the VMM has met so far, where it is stopped, what comes next.

The answers are those of the whole check (steps.py makes every write, in the VMM's order, on one vCPU after the other);
measured loads show no effect of one register's refusal on another, so a step back only hides what was met.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from inspector.checks.restore.result import Finding, MigrationReport, RestoreStep

StepOutcome = Literal["accepted", "changed", "dropped", "refused", "missing", "uncertain"]
"""missing: the destination does not list the register, and the load fails by it; dropped: it does not, and the VMM goes
on without; changed: taken, and another value is read back."""


class Met(NamedTuple):
    """One register of the VMM's list."""

    number: int
    """from 1, over all vCPUs"""
    finding: Finding

    @property
    def outcome(self) -> StepOutcome:
        """What becomes of it."""
        one = self.finding
        if not one.certain:
            return "uncertain"
        if one.kind == "only_in_source":
            return "missing" if one.fatal else "dropped"
        if one.kind in ("refused", "uncertain"):
            return "refused" if one.kind == "refused" else "uncertain"
        return "changed" if one.kind == "changed" and not one.expected else "accepted"

    @property
    def stops(self) -> bool:
        """True where stepping stops: it is refused, or may be."""
        return self.outcome in ("refused", "missing", "uncertain")


class Course(NamedTuple):
    """The list of a report, in the VMM's order, and how far it was gone through."""

    steps: tuple[Met, ...]
    done: int = 0
    barred: RestoreStep | None = None
    """what fails for sure before any register is looked at: the list's length, or the vCPU's creation"""

    @property
    def last(self) -> Met | None:
        """The step that was made last."""
        return self.steps[self.done - 1] if self.done else None

    @property
    def over(self) -> bool:
        """True at the end of the list."""
        return self.done == len(self.steps)

    def step(self) -> Course:
        """One register on."""
        return self._replace(done=min(self.done + 1, len(self.steps)))

    def back(self) -> Course:
        """One register back."""
        return self._replace(done=max(self.done - 1, 0))

    def to_refusal(self) -> Course:
        """On to the next register that is refused, or may be; to the end where there is none."""
        ahead = (one.number for one in self.steps[self.done :] if one.stops)
        return self._replace(done=next(ahead, len(self.steps)))

    def finish(self) -> Course:
        """To the end of the list."""
        return self._replace(done=len(self.steps))

    @property
    def made(self) -> tuple[Met, ...]:
        """The steps so far."""
        return self.steps[: self.done]

    def count(self, *outcomes: StepOutcome) -> int:
        """How many steps so far ended so."""
        return sum(one.outcome in outcomes for one in self.made)


def course_of(report: MigrationReport, done: int = 0) -> Course:
    """The course of a checked restore; registers that were not saved are no steps of it."""
    found = [
        one for vcpu in report.vcpus for one in sorted(vcpu.findings, key=lambda one: one.order)
        if one.kind != "missing_in_source"
    ]  # fmt: skip
    before_writes = ("file", "lengths", "creation")
    barred = next((one for one in report.steps if one.name in before_writes and not one.passed and one.certain), None)
    steps = tuple(Met(number, one) for number, one in enumerate(found, 1))
    return Course(steps, min(done, len(steps)), barred)
