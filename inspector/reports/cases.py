"""The cases of an answer that depends on what is not known, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.kvm.cases import Case
from inspector.reports.json import Json
from inspector.reports.outline import OutlineLine, Words, line
from inspector.reports.text import columns


def case_lines(cases: Sequence[Case]) -> list[str]:
    """One line for each case: when, what the answer is then, and how to settle it."""
    return columns([["if", case.when, case.outcome, case.settle] for case in cases], indent="  ")


def case_outline(cases: Sequence[Case], column: int, depth: int = 0) -> list[OutlineLine]:
    """The same for an outline."""
    return [
        line(
            Words(f"{case.when}: "), Words(case.outcome, "unknown"),
            Words(f"   {case.settle}" * bool(case.settle), "muted"),
            label="If", depth=depth, column=column,
        )
        for case in cases
    ]  # fmt: skip


def cases_json(certain: bool, depends_on: Sequence[str], cases: Sequence[Case]) -> Json:
    """`certain`, and where it is not: `depends_on` and `cases`."""
    if certain:
        return {"certain": True}
    told = [{"when": case.when, "outcome": case.outcome, "settle": case.settle} for case in cases]
    return {"certain": False, "depends_on": list(depends_on), "cases": told}
