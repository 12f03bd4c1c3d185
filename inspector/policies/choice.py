"""Which policy answers for a kernel, given what `uname` says; and how sure that is."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from inspector.errors import PolicyError
from inspector.policies.model import Policy

Certainty = Literal["exact", "same-as-recorded", "between", "source", "newer", "vendor", "outside"]
"""exact: that release was recorded; same-as-recorded: the recorded points on both sides agree; between: they differ;
source: read in code only; newer: later than the newest known point of its series; vendor: a kernel with backports of
its own, for which the upstream one stands in; outside: no policy for the series."""

Point = tuple[int, int, int]
_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)")
_DEBIAN = re.compile(r"Debian (\d+)\.(\d+)(?:\.(\d+))?")
_VENDORS = (
    (re.compile(r"\.el\d+"), "Red Hat"),
    (re.compile(r"\.amzn\d"), "Amazon Linux"),
    (re.compile(r"-generic|-aws|-azure|-gcp|-oracle"), "Ubuntu"),
    (re.compile(r"uek"), "Oracle UEK"),
    (re.compile(r"-default|-lp"), "SUSE"),
    (re.compile(r"-tegra|-android|-perf"), "a vendor"),
)


class UncertainRule(msgspec.Struct, frozen=True, kw_only=True):
    """One behaviour on which the points around a release differ."""

    rule: str
    lower: str
    """what the older point answers"""
    upper: str
    """what the newer point answers"""
    text: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The policy for a release string."""

    policy: Policy
    certainty: Certainty
    explanation: str
    """one or two sentences"""
    uncertain: tuple[UncertainRule, ...] = ()
    warnings: tuple[str, ...] = ()


def parse_release(release: str, version: str = "") -> tuple[Point, str]:
    """((major, minor, point), rest) of a release string; where the distribution hides the point, the version tells.

    `6.1.0-50-cloud-arm64` with `#1 SMP Debian 6.1.176-1 (...)` is (6, 1, 176). PolicyError for something else.
    """
    match = _RELEASE.match(release.strip())
    if match is None:
        raise PolicyError(f"{release!r} is no kernel release", "", "e.g. 6.12, 6.12.107+deb13-cloud-arm64")
    point = (int(match[1]), int(match[2]), int(match[3] or 0))
    hidden = _DEBIAN.search(version)
    if hidden and (int(hidden[1]), int(hidden[2])) == point[:2]:
        point = (*point[:2], int(hidden[3] or 0))
    return point, match[4]


def _text(point: Point) -> str:
    return ".".join(map(str, point))


def choose_policy(release: str, version: str = "") -> Choice:
    """The policy for `uname -r` (and `uname -v`); PolicyError when `release` is no kernel release at all."""
    from inspector.policies.loader import points

    point, rest = parse_release(release, version)
    warnings = _warnings(point, rest)
    series = [known for known in points() if known[:2] == point[:2]]
    if not series:
        return _outside(point, warnings)
    if candidate := re.match(r"[-~](rc\d+)", rest):
        return _candidate(series[0], f"{point[0]}.{point[1]}-{candidate[1]}", warnings)
    if point[2] == 0 and "Debian" not in version and (re.match(r"-\d", rest) or release.count(".") == 1):
        choice = _hidden_point(series, release, warnings)
    else:
        choice = _within(series, point, warnings)
    if warnings and choice.certainty != "between":
        text = f"{release} is a vendor kernel: {choice.policy.point} stands in for it. {choice.explanation}"
        return msgspec.structs.replace(choice, certainty="vendor", explanation=text)
    return choice


def _candidate(first: Point, name: str, warnings: tuple[str, ...]) -> Choice:
    """A release candidate: taken as the release."""
    from inspector.policies.loader import load_policy

    series = load_policy(f"{first[0]}.{first[1]}")
    policy = _policy(first, name)
    if name in series.recorded:
        text = f"{name} was recorded: answers of that very kernel agree with this policy."
        return Choice(policy=_policy(series.version, name), certainty="exact", explanation=text, warnings=warnings)
    text = f"{name} is a release candidate; {_text(first)}, read from source, stands in."
    return Choice(policy=policy, certainty="source", explanation=text, warnings=warnings)


def _warnings(point: Point, rest: str) -> tuple[str, ...]:
    """What to say of a vendor's kernel."""
    for pattern, vendor in _VENDORS:
        if pattern.search(rest):
            return (
                f"{vendor} kernels carry backports that are not known here; upstream {point[0]}.{point[1]} stands in.",
            )
    return ()


def _policy(point: Point, name: str) -> Policy:
    from inspector.policies.loader import load_policy

    return msgspec.structs.replace(load_policy(_text(point)), name=name)


def _outside(point: Point, warnings: tuple[str, ...]) -> Choice:
    """A series without policy: the nearest end stands in, and says so."""
    from inspector.policies.loader import points

    known = points()
    older = [p for p in known if p < point]
    if point < known[0]:
        nearest, where = known[0], f"older than {known[0][0]}.{known[0][1]}, the oldest kernel that is modelled"
    elif point > known[-1]:
        nearest, where = known[-1], f"newer than {known[-1][0]}.{known[-1][1]}, the newest kernel that is modelled"
    else:
        nearest, where = older[-1], "no series that is modelled"
    text = f"{_text(point)} is {where}; {_text(nearest)} answers in its place, and may be wrong."
    return Choice(policy=_policy(nearest, _text(nearest)), certainty="outside", explanation=text, warnings=warnings)


def _hidden_point(series: list[Point], release: str, warnings: tuple[str, ...]) -> Choice:
    """A release string such as 6.1.0-50-cloud-arm64 without version string: the stable point is not known."""
    newest = series[-1]
    policy = _policy(newest, _text(newest))
    if len(series) == 1:
        return Choice(
            policy=policy, certainty="source", explanation=f"{release} hides its stable point.", warnings=warnings
        )
    text = (
        f"{release} hides its stable point (the version string would tell); "
        f"{_text(newest)}, the newest known, is taken."
    )
    uncertain = _differences(series[0], newest)
    return Choice(
        policy=policy, certainty="between" if uncertain else "same-as-recorded", explanation=text, uncertain=uncertain,
        warnings=warnings,
    )  # fmt: skip


def _within(series: list[Point], point: Point, warnings: tuple[str, ...]) -> Choice:
    """A known point of a series, or one between or beyond the known ones."""
    name = _text(point)
    lower = max(p for p in series if p <= point)
    upper = next((p for p in series if p > point), None)
    policy = _policy(lower, name)
    if lower == point:
        if policy.evidence == "recorded":
            text = f"{_text(point)} was recorded: answers of that very kernel agree with this policy."
            return Choice(policy=policy, certainty="exact", explanation=text, warnings=warnings)
        text = f"{_text(point)} was not recorded; its policy was read from source."
        return Choice(policy=policy, certainty="source", explanation=text, warnings=warnings)
    if upper is None:
        return _beyond(lower, point, policy, warnings)
    uncertain = _differences(lower, upper)
    if not uncertain:
        sure = policy.evidence == "recorded"
        text = f"{_text(point)} lies between {_text(lower)} and {_text(upper)}, which behave alike."
        return Choice(
            policy=policy, certainty="same-as-recorded" if sure else "source", explanation=text, warnings=warnings
        )
    text = (
        f"{_text(point)} lies between {_text(lower)} and {_text(upper)}, which differ in {len(uncertain)} "
        f"{'rule' if len(uncertain) == 1 else 'rules'}; {_text(lower)} is taken."
    )
    return Choice(policy=policy, certainty="between", explanation=text, uncertain=uncertain, warnings=warnings)


def _beyond(lower: Point, point: Point, policy: Policy, warnings: tuple[str, ...]) -> Choice:
    """Later than the newest known point of the series."""
    uncertain = tuple(
        UncertainRule(
            rule=backport.patch,
            lower="as in " + _text(lower),
            upper=f"as with the overlay {backport.patch}",
            text=backport.text,
        )
        for backport in policy.backports
    )
    if lower[2] == 0:
        text = (
            f"{_text(point)}: no point of this stable series was recorded; {_text(lower)} stands in, read from source."
        )
        certainty: Certainty = "between" if uncertain else "source"
    else:
        text = f"{_text(point)} is newer than {_text(lower)}, the newest known point of its series, which stands in."
        certainty = "newer"
    return Choice(policy=policy, certainty=certainty, explanation=text, uncertain=uncertain, warnings=warnings)


def _differences(lower: Point, upper: Point) -> tuple[UncertainRule, ...]:
    """The rules in which two points differ, each once, with what either answers."""
    from inspector.policies.changes import changes
    from inspector.policies.loader import load_policy

    by_rule: dict[str, list[str]] = {}
    sides: dict[str, tuple[str, str]] = {}
    for change in changes(load_policy(_text(lower)), load_policy(_text(upper))):
        by_rule.setdefault(change.rule, []).append(
            f"{change.register}.{change.field}" if change.field else change.register
        )
        sides.setdefault(change.rule, (change.before, change.after))
    return tuple(
        UncertainRule(rule=rule, lower=sides[rule][0], upper=sides[rule][1], text=_shorten(places))
        for rule, places in by_rule.items()
    )


def _shorten(places: list[str]) -> str:
    shown = ", ".join(places[:4])
    return shown if len(places) <= 4 else f"{shown} and {len(places) - 4} more"
