"""Reports of writes that were predicted and really made."""

from __future__ import annotations

import errno

from inspector.kvm.verdict import Verdict
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_value
from inspector.reports.exposure import verdict_json, verdict_lines
from inspector.reports.json import Json
from inspector.sources.live.forreal import ActualWrite


def agree(verdict: Verdict, actual: ActualWrite) -> bool:
    """True when errno and, where it can be predicted, the value read back are as predicted."""
    return verdict.errno == actual.errno and verdict.after in (None, actual.after)


def _name(number: int) -> str:
    return errno.errorcode.get(number, str(number)) if number else "0"


def pair_json(verdict: Verdict, actual: ActualWrite) -> Json:
    """The prediction with the actual answer beside it."""
    size = by_id(actual.id).size
    return verdict_json(verdict) | {
        "actual": {
            "errno": actual.errno,
            "errno_name": _name(actual.errno),
            "before": None if actual.before is None else hex_value(actual.before, size),
            "after": None if actual.after is None else hex_value(actual.after, size),
        },
        "agrees": agree(verdict, actual),
    }


def pair_lines(verdict: Verdict, actual: ActualWrite) -> list[str]:
    """The prediction, then what the kernel answered."""
    size = by_id(actual.id).size
    after = "cannot be read" if actual.after is None else grouped_hex(actual.after, size)
    expected = "not predictable" if verdict.after is None else grouped_hex(verdict.after, size)
    return [
        *verdict_lines(verdict),
        f"  predicted   {verdict.errno_name:8} reads back {expected}",
        f"  actual      {_name(actual.errno):8} reads back {after}   "
        + ("= as predicted" if agree(verdict, actual) else "✖ not as predicted"),
    ]
