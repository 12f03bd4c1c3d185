"""Reports of writes that were predicted and really made."""

from __future__ import annotations

import errno

from inspector.checks.writing.scratch import PairedWrite
from inspector.kvm.verdict import Verdict
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.json import Json
from inspector.reports.values import hex_json
from inspector.reports.verdicts import verdict_json, verdict_lines


def errno_word(number: int) -> str:
    """`EINVAL`, or `0`."""
    return errno.errorcode.get(number, str(number)) if number else "0"


def compared_words(pair: PairedWrite) -> str:
    """`= as predicted`, or that it is not."""
    sign = {"as predicted": "=", "not as predicted": "✖"}.get(pair.compared, "~")
    return f"{sign} {pair.compared}"


def predicted_word(verdict: Verdict) -> str:
    """`EINVAL`, `0`, or `uncertain`."""
    return verdict.errno_name if verdict.certain else "uncertain"


def actual_word(pair: PairedWrite) -> str:
    """`EINVAL`, or `0`: what KVM answered."""
    return errno_word(pair.actual.errno)


def pair_json(pair: PairedWrite) -> Json:
    """The prediction with the actual answer beside it."""
    verdict, actual = pair
    size = by_id(actual.id).size
    return verdict_json(verdict) | {
        "actual": {
            "errno": actual.errno,
            "errno_name": errno_word(actual.errno),
            "before": hex_json(actual.before, size),
            "after": hex_json(actual.after, size),
        },
        "agrees": pair.agrees,
    }


def pair_lines(pair: PairedWrite) -> list[str]:
    """The prediction, then what the kernel answered."""
    verdict, actual = pair
    size = by_id(actual.id).size
    after = "cannot be read" if actual.after is None else grouped_hex(actual.after, size)
    expected = "not predictable" if verdict.after is None else grouped_hex(verdict.after, size)
    return [
        *verdict_lines(verdict),
        f"  predicted   {predicted_word(verdict):9} reads back {expected}",
        f"  actual      {errno_word(actual.errno):9} reads back {after}   " + compared_words(pair),
    ]
