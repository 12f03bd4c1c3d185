"""When a rule came to a stable series: at a known point, or somewhere inside an interval.

A date is a point of a stable series (`6.6.67`) or of a vendor's numbering (`6.8.0-136`). It says nothing of any other
series: 6.13 does not inherit what came to 6.12.6.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from inspector.errors import PolicyError
from inspector.policies.model import RuleBase
from inspector.policies.points import Point

_DATE = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,5})(?:-([0-9]{1,6}))?", re.ASCII)


@lru_cache(maxsize=1024)
def parse_date(text: str) -> Point:
    """The point that a date names; PolicyError when it is none."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise PolicyError(f"{text!r} is not a point of a stable series", "", "e.g. 6.6.67, or 6.8.0-136 for a vendor's")
    return tuple(int(part) for part in match.groups() if part is not None)


def is_dated(rule: RuleBase) -> bool:
    """True for a rule that came to a series after its first release."""
    return bool(rule.since or rule.after or rule.by)


def check_dates(rule: RuleBase) -> None:
    """PolicyError for a date that is no point, and for dates that contradict each other."""
    since, after, by = (parse_date(text) if text else None for text in (rule.since, rule.after, rule.by))
    if since and (after or by):
        raise PolicyError(
            "since says the point, and after and by that it is not known", "", "since alone, or the others"
        )
    if after and by and (after[:-1] != by[:-1] or after >= by):
        raise PolicyError(f"by {rule.by} does not follow after {rule.after}", "", "a later point of the same series")


def standing(rule: RuleBase, at: Point) -> Literal["in", "out", "open"]:
    """Whether a rule holds at a point: in, out, or open where the point lies inside the interval.

    A rule without a date holds wherever its file does. One with a date holds in the series of that date only.
    """
    if not is_dated(rule):
        return "in"
    first, before = rule.since or rule.by, rule.after
    dates = [parse_date(text) for text in (first, before) if text]
    if any(date[:-1] != at[:-1] for date in dates):
        return "out"
    if first and at >= parse_date(first):
        return "in"
    if rule.since or at <= (parse_date(before) if before else (*at[:-1], 0)):
        return "out"
    return "open"


def interval(rule: RuleBase) -> str:
    """`since 6.6.67`, or `after 6.6.57, by 6.6.63`; empty for a rule without a date."""
    if rule.since:
        return f"since {rule.since}"
    return ", ".join(f"{word} {date}" for word, date in (("after", rule.after), ("by", rule.by)) if date)
