"""One door for naming a kernel: what users type, and what `uname` printed, to a policy and how sure that is.

`choose` takes a policy's name (`6.12`, `6.2+mask-ccidx`), the path of a policy file, or the output of `uname -r`,
`uname -rv` or `uname -a`, with `+patch` behind any of them. loader.py knows points and files; vendors.py knows whose
release string is whose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import msgspec

from inspector.policies import dates, loader, points
from inspector.policies.model import HOST_ONLY, Policy
from inspector.policies.points import Point
from inspector.policies.release_string import (
    AS_UPSTREAM,
    CANDIDATE,
    Release,
    by_point,
    is_modelled,
    is_towards_next,
    page_size_of,
    parse_release,
    read_name,
)
from inspector.policies.vendors import AS_BUILT, GIT_TREE, REBASES, Rebase, Vendor

Certainty = Literal["exact", "same-as-recorded", "between", "interval", "source", "newer", "vendor", "outside"]
"""exact: that release was recorded; same-as-recorded: the recorded points on both sides agree; between: they differ;
interval: any of several releases, see `Choice.candidates`; source: read in code only; newer: later than the newest
known point of its series; vendor: a kernel with patches of its own, for which the upstream point is used; outside: no
policy for the series."""

_ABI = r"-(\d+)"
_DERIVATIVES = 1000
"""From this build number on Ubuntu's kernels are derivatives (-1013-aws, -1009-nvidia-lowlatency), numbered apart."""
_BUILD = r"-(\d+)(?:\.[\w.]+)?\.(el\d+)"
_SURE = ("exact", "same-as-recorded")
_RECORDED = "was recorded: answers of that very kernel agree with this policy."


class UncertainRule(msgspec.Struct, frozen=True, kw_only=True):
    """One behaviour on which the releases that it may be differ."""

    rule: str
    lower: str
    """what the older one answers"""
    upper: str
    """what the newer one answers"""
    text: str
    """the registers and fields, the first of them"""
    when: str = ""
    """what is known of when it came: `after 6.6.57, by 6.6.63`"""
    places: tuple[str, ...] = ()
    """all of them: `ID_AA64PFR0_EL1.MPAM`, `PMCR_EL0`"""

    registers: tuple[str, ...] = ()
    """patterns of the names of the registers that it is about"""
    guests: bool = True
    """False for what programs of the host see only"""

    def concerns(self, register: str) -> bool:
        """True when the answer for a register may depend on this rule."""
        name = "CCSIDR_EL1" if register.startswith("CCSIDR[") else register.partition("[")[0].partition(" ")[0]
        return any(fnmatchcase(name, pattern) for pattern in self.registers)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The policy for a kernel, and how sure that is."""

    policy: Policy
    certainty: Certainty
    explanation: str
    """one or a few sentences; empty for a policy named as such"""
    uncertain: tuple[UncertainRule, ...] = ()
    warnings: tuple[str, ...] = ()
    vendor: str = ""
    """whose kernel it is; empty for mainline and for a policy named as such"""
    series: str = ""
    """the stable series or the vendor's kernel version: `6.12`"""
    candidates: tuple[Policy, ...] = ()
    """every policy that it may be, oldest first, `policy` among them; empty where there is only one. An answer in which
    they differ is uncertain."""

    @property
    def text(self) -> str:
        """How sure the choice is, in full; empty where there is nothing to say."""
        return " ".join([self.explanation, *self.warnings]).strip()

    def doubts(self, most: int = 4) -> tuple[str, ...]:
        """The registers and fields of each uncertain rule; past `most` rules their number."""
        told = tuple(doubt.text for doubt in self.uncertain[:most])
        left = len(self.uncertain) - len(told)
        return (*told, f"{left} more {'rule is' if left == 1 else 'rules are'} uncertain.") if left else told


def choose(text: str, version: str = "", *, said_by_file: bool = False) -> Choice:
    """The policy that the user named, and how sure that is. Raises PolicyError when it is none.

    `version`: what `uname -v` printed, where it is not behind the release in `text`. `said_by_file`: a dump or a
    recording names its kernel, which must then be no path.
    """
    named = read_name(text, version, said_by_file=said_by_file)
    if named.kind == "policy":
        return as_named(loader.load_policy("+".join([named.base, *named.patches])))
    if named.kind == "vendor" and (point := points.vendor_point(named.base)) is not None:
        return _patched(_within(*point), named.patches)
    choice = _patched(_unpatched(named.base, named.version), named.patches)
    size = page_size_of(named.base, choice.vendor)
    return choice if size is None else _with_pages(choice, size)


def _with_pages(choice: Choice, size: int) -> Choice:
    return msgspec.structs.replace(
        choice,
        policy=msgspec.structs.replace(choice.policy, page_size=size),
        candidates=tuple(msgspec.structs.replace(one, page_size=size) for one in choice.candidates),
    )


@lru_cache(maxsize=64)
def _unpatched(base: str, version: str) -> Choice:
    """The policy for a release string; screens ask again with every letter that is typed."""
    return _release_choice(parse_release(base, version))


def as_named(policy: Policy) -> Choice:
    """The choice of a policy that was named as such."""
    return Choice(policy=policy, certainty="source" if policy.evidence == "source" else "exact", explanation="")


def _patched(choice: Choice, patches: Sequence[str]) -> Choice:
    """The same with overlays over every policy that it may be."""
    if not patches:
        return choice
    policy = loader.combine(choice.policy, patches)
    candidates = tuple(loader.combine(one, patches) for one in choice.candidates)
    certainty: Certainty = choice.certainty
    if policy.evidence == "recorded":
        text = f"{choice.explanation} It was recorded with {' and '.join(patches)} as well."
    else:
        text = f"{choice.explanation} With {' and '.join(patches)} over it, answers follow from reading the patch."
        certainty = "source" if certainty in ("exact", "same-as-recorded") else certainty
    return msgspec.structs.replace(
        choice, policy=policy, candidates=candidates, explanation=text, certainty=certainty
    )  # fmt: skip


def _release_choice(release: Release) -> Choice:
    """The policy for a release string."""
    vendor = release.vendor
    if by_point(release):
        choice = _within(release.point)
    elif vendor is not None and vendor.basis == "rebased":
        choice = _rebased(release)
    elif not is_modelled(release):
        choice = _outside(release.point)
    elif is_towards_next(release):
        choice = _towards_next(release)
    elif release.candidate:
        choice = _release_candidate(release)
    elif vendor is not None and vendor.basis == "ubuntu":
        choice = _ubuntu(release)
    else:
        choice = _hidden_point(release)
    return _with_vendor(choice, release)


def _with_vendor(choice: Choice, release: Release) -> Choice:
    """The same, with whose kernel it is and what is known of its backports."""
    vendor, warnings = release.vendor, list(choice.warnings)
    if release.other_machine:
        warnings.append("It is a kernel of another architecture; what is answered is KVM on arm64.")
    if vendor is None and release.rest and not CANDIDATE.fullmatch(release.rest):
        return _unknown_build(choice, release, warnings)
    if vendor is None or vendor.name in AS_UPSTREAM or vendor.basis == "upstream":
        name = vendor.name if vendor else ""
        choice = choice if vendor is None or AS_BUILT.search(release.rest) else _own_build(choice, release)
        return msgspec.structs.replace(choice, warnings=tuple(warnings), vendor=name, series=release.series)
    if choice.policy.point.startswith("ubuntu-") and AS_BUILT.search(release.rest):
        certainty = choice.certainty
    elif choice.policy.point.startswith("ubuntu-") and choice.certainty in _SURE:
        choice = _own_build(choice, release)
        certainty = choice.certainty
    else:
        certainty, choice = _not_sure(choice.certainty), _that_point(choice)
    choice = _with_overlays(choice, release)
    choice = choice if release.candidate else _with_carried(choice, vendor)
    certainty = choice.certainty if choice.certainty == "interval" else certainty
    text = f"{release.text} is a kernel of {vendor.name}. {choice.explanation}"
    return msgspec.structs.replace(
        choice, certainty=certainty, explanation=text, warnings=(vendor.backports, *warnings), vendor=vendor.name,
        series=release.series,
    )  # fmt: skip


def _not_sure(certainty: Certainty) -> Certainty:
    """The certainty for a kernel with patches that are not known, from that of its point."""
    return certainty if certainty in ("between", "interval", "outside") else "vendor"


def _that_point(choice: Choice) -> Choice:
    """The same for a kernel with patches over a recorded point: what was recorded is the point."""
    text = choice.explanation.replace(_RECORDED, "was recorded; this build of it was not.")
    return msgspec.structs.replace(choice, explanation=text)


def disagreeing(choice: Choice) -> Choice:
    """The same for a kernel of that name whose recording does not agree with the policy."""
    text = choice.explanation.replace(_RECORDED, "was recorded, and agreed with this policy; this recording does not.")
    return msgspec.structs.replace(choice, explanation=text, certainty=_not_sure(choice.certainty))


def _own_build(choice: Choice, release: Release) -> Choice:
    """The same for a release string with more behind it than the distribution writes."""
    text = f"{release.text} does not end as that distribution's release strings do: somebody built it with changes."
    choice = _that_point(choice)
    return msgspec.structs.replace(
        choice, certainty=_not_sure(choice.certainty), explanation=f"{text} {choice.explanation}"
    )  # fmt: skip


def _with_overlays(choice: Choice, release: Release) -> Choice:
    """The same with what the vendor's kernels of that series may have besides."""
    overlays = [
        patch for series, patch in (release.vendor.overlays if release.vendor else ()) if series == release.series
    ]
    if not overlays:
        return choice
    cases = choice.candidates or (choice.policy,)
    candidates = (*cases, *(loader.combine(choice.policy, [patch]) for patch in overlays))
    return msgspec.structs.replace(
        choice, candidates=candidates, uncertain=differences(candidates), certainty="interval"
    )  # fmt: skip


def _with_carried(choice: Choice, vendor: Vendor | None = None) -> Choice:
    """The same with what a kernel whose patches are not known may have of later points and of other series.

    `vendor`: None for a build by nobody who is known.
    """
    numbered = choice.policy.name.startswith("ubuntu-") and choice.certainty != "interval"
    if choice.certainty == "outside" or numbered or (vendor is not None and vendor.leaves_kvm_alone):
        return choice
    cases = choice.candidates or (choice.policy,)
    if vendor is None or vendor.basis == "stable":
        cases += tuple(one for one in _from_here_on(choice.policy) if all(one.rules != own.rules for own in cases))
    candidates = (*cases, *loader.carried(cases[-1]))
    uncertain = differences(candidates)
    if candidates == choice.candidates or len(candidates) == 1 or not uncertain:
        return choice
    text = "Fixes of later points and of other series may be in it or not: there the answer is uncertain."
    return msgspec.structs.replace(
        choice, candidates=candidates, uncertain=uncertain, explanation=f"{choice.explanation} {text}"
    )  # fmt: skip


def _from_here_on(policy: Policy) -> tuple[Policy, ...]:
    """What the points of a stable series from this one on may have."""
    known = points.known_points(policy.version)
    return _states(policy.version, max(policy.version, known[-1]))


def _unknown_build(choice: Choice, release: Release, warnings: list[str]) -> Choice:
    """A release string with something behind the number that no known vendor writes."""
    who = f"a build of {_text(release.point)} by a vendor that is not known here"
    name = "unknown"
    if re.search(GIT_TREE, release.rest):
        who = "built from a git tree with commits after that point (ChromeOS's kernels look so too)"
        name = "built from a git tree"
    choice = _that_point(choice)
    choice = choice if release.candidate or choice.certainty == "interval" else _with_carried(choice)
    text = f"{release.text} is {who}. {choice.explanation}"
    certainty = _not_sure(choice.certainty)
    return msgspec.structs.replace(
        choice, certainty=certainty, explanation=text, vendor=name, series=release.series,
        warnings=("Which changes to KVM it carries is not known.", *warnings),
    )  # fmt: skip


def _text(point: Point, vendor: str = "") -> str:
    return points.stem_of(point, vendor)


def _policy(point: Point, name: str = "", *, vendor: str = "", possible: bool = False) -> Policy:
    policy = loader.at_point(point, vendor, possible)
    return msgspec.structs.replace(policy, name=name or _text(point, vendor))


def _release_candidate(release: Release) -> Choice:
    """A release candidate: taken as the release."""
    first = (*release.point[:2], 0)
    name = f"{release.series}-{release.candidate}"
    before = next((point for point in reversed(points.points()) if point[2] == 0 and point < first), None)
    if release.candidate == "rc0" and before is not None:
        candidates = (_policy(before), _policy(first, name))
        text = f"{name} is a state on the way from {before[0]}.{before[1]} to the first candidate of {release.series}."
        return Choice(
            policy=candidates[1], certainty="interval", explanation=text, uncertain=differences(candidates),
            candidates=candidates,
        )  # fmt: skip
    series = loader.load_policy(release.series)
    if name in series.recorded:
        text = f"{name} {_RECORDED}"
        return Choice(policy=msgspec.structs.replace(series, name=name), certainty="exact", explanation=text)
    text = f"{name} is a release candidate; {_text(first)}, read from source, is used."
    return Choice(policy=_policy(first, name), certainty="source", explanation=text)


def _towards_next(release: Release) -> Choice:
    """A mainline tree with commits after a release, or linux-next: that release, or the one to come."""
    first = (*release.point[:2], 0)
    after = next((point for point in points.points() if point[:2] > release.point[:2]), None)
    text = f"It may be as {release.series}.0 or have some of what came with the release after it already."
    if after is None:
        return Choice(policy=_policy(first), certainty="newer", explanation=text)
    candidates = (_policy(first), _policy(after))
    return Choice(
        policy=candidates[0], certainty="interval", explanation=text, uncertain=differences(candidates),
        candidates=candidates,
    )  # fmt: skip


def _outside(point: Point) -> Choice:
    """A series without policy: the nearest end is used, and says so."""
    known = points.points()
    older = [p for p in known if p < point]
    if point < known[0]:
        nearest, where = known[0], f"older than {known[0][0]}.{known[0][1]}, the oldest kernel that is modelled"
    elif point > known[-1]:
        nearest, where = known[-1], f"newer than {known[-1][0]}.{known[-1][1]}, the newest kernel that is modelled"
    else:
        nearest, where = older[-1], "no series that is modelled"
    text = f"{_text(point)} is {where}; {_text(nearest)} answers in its place, and may be wrong."
    policy = msgspec.structs.replace(_policy(nearest), stands_for=_text(point))
    return Choice(policy=policy, certainty="outside", explanation=text)


def _hidden_point(release: Release) -> Choice:
    """A release string such as 6.1.0-50-cloud-arm64 without version string: any point of the series."""
    known = points.known_points(release.point)
    candidates = _states(known[0], known[-1])
    newest = candidates[-1]
    if len(candidates) == 1:
        text = f"{release.text} does not name its stable point; no point of the series is known to differ."
        return Choice(policy=newest, certainty="source", explanation=text)
    text = (
        f"{release.text} does not name its stable point (the version string of uname -v may); "
        f"{newest.name}, the newest known, is taken."
    )
    uncertain = differences(candidates)
    certainty: Certainty = "between" if uncertain else "same-as-recorded"
    return Choice(
        policy=newest, certainty=certainty, explanation=text, uncertain=uncertain,
        candidates=candidates if uncertain else (),
    )  # fmt: skip


def _states(first: Point, last: Point, vendor: str = "") -> tuple[Policy, ...]:
    """Every policy that a point of a series from `first` on may have, oldest first, each once; `last` is known."""
    at = {first, last, *(p for p in points.known_points(first, vendor) if first <= p <= last)}
    at |= {date for date in loader.dated_points(first, vendor) if first < date}
    found: list[Policy] = []
    for point in sorted(at):
        policy = _policy(point, vendor=vendor)
        if found and found[-1].rules == policy.rules:
            found.pop()
        found.append(policy)
    latest = _policy(max(at), vendor=vendor, possible=True)
    if all(latest.rules != policy.rules for policy in found):
        found.append(latest)
    return tuple(found)


def _within(point: Point, vendor: str = "") -> Choice:
    """A known point of a series, or one between or beyond the known ones."""
    series = points.known_points(point, vendor)
    policy, later = _policy(point, vendor=vendor), _policy(point, vendor=vendor, possible=True)
    upper = next((p for p in series if p > point), None)
    if policy.rules != later.rules and (uncertain := differences((policy, later))):
        return _between(point, vendor, policy, later, uncertain)
    if point in series:
        return _known(policy, _text(point, vendor))
    if upper is None:
        return _beyond(series[-1], point, policy, vendor)
    lower = max((p for p in series if p < point), default=None)
    if lower is None or policy.evidence != "recorded":
        text = f"{_text(point, vendor)} was not recorded; its policy follows from source and dated backports."
        return Choice(policy=policy, certainty="source", explanation=text)
    if policy.rules == _policy(lower, vendor=vendor).rules:
        text = f"{_text(point, vendor)} lies between {_text(lower, vendor)} and {_text(upper, vendor)}, "
        text += (
            "which behave alike." if policy.rules == _policy(upper, vendor=vendor).rules else "and is as the former."
        )
    else:
        text = f"{_text(point, vendor)} lies between {_text(lower, vendor)} and {_text(upper, vendor)}; "
        text += "which backports it has follows from their dates."
    return Choice(policy=policy, certainty="same-as-recorded", explanation=text)


def _known(policy: Policy, name: str) -> Choice:
    """A point that has a file."""
    if policy.evidence == "recorded":
        text = f"{name} {_RECORDED}"
        return Choice(policy=policy, certainty="exact", explanation=text)
    text = f"{name} was not recorded; its policy was read from source."
    return Choice(policy=policy, certainty="source", explanation=text)


def _between(
    point: Point, vendor: str, policy: Policy, later: Policy, uncertain: tuple[UncertainRule, ...]
) -> Choice:  # fmt: skip
    """A point at which some backport may or may not be there already."""
    series = points.known_points(point, vendor)
    lower = max((p for p in series if p <= point), default=None)
    upper = next((p for p in series if p > point), None)
    count = f"{len(uncertain)} {'rule' if len(uncertain) == 1 else 'rules'}"
    name = _text(point, vendor)
    if lower is not None and upper is not None:
        text = f"{name} lies between {_text(lower, vendor)} and {_text(upper, vendor)}, which differ in {count}; "
        text += f"{_text(lower, vendor)} is taken."
    else:
        text = f"{name} may have {count} already or not yet; the older behaviour is taken."
    return Choice(
        policy=policy, certainty="between", explanation=text, uncertain=uncertain, candidates=(policy, later)
    )  # fmt: skip


def _beyond(lower: Point, point: Point, policy: Policy, vendor: str) -> Choice:
    """Later than the newest known point of the series."""
    name, last = _text(point, vendor), _text(lower, vendor)
    dated = policy.rules != _policy(lower, vendor=vendor).rules
    used = "is used, with the backports that are dated up to it" if dated else "is used"
    if lower[2] == 0 and not vendor:
        text = f"{name}: no point of this stable series was recorded; {last}, read from source, {used}."
        return Choice(policy=policy, certainty="source", explanation=text)
    text = f"{name} is newer than {last}, the newest known point of its series, which {used}."
    return Choice(policy=policy, certainty="newer", explanation=text)


def _ubuntu(release: Release) -> Choice:
    """Ubuntu's kernels: its own build number where a policy of that kernel version exists, else the upstream series."""
    abi = re.match(_ABI, release.rest)
    known = points.known_points((*release.point, 0), "ubuntu")
    if abi is None or not known or release.point[2]:
        return _ubuntu_unread(release)
    point = (*release.point, int(abi[1]))
    if int(abi[1]) < _DERIVATIVES and re.search(r"-(generic|lowlatency)(?!-hwe)", release.rest):
        return _within(point, "ubuntu")
    first, last = (*release.point, 0), known[-1]
    candidates = _states(first, last, "ubuntu")
    uncertain = differences(candidates)
    text = (
        "Its build number is not that of Ubuntu's generic kernel: it may be as any of those up to "
        f"{_text(last, 'ubuntu')}, which is taken, or a later one."
    )
    return Choice(
        policy=candidates[-1], certainty="interval" if uncertain else "vendor", explanation=text, uncertain=uncertain,
        candidates=candidates if uncertain else (),
    )  # fmt: skip


def _ubuntu_unread(release: Release) -> Choice:
    """An Ubuntu kernel of a version that was never read: any point of the upstream series, most likely a late one."""
    known = points.known_points(release.point)
    candidates = _states(known[0], known[-1])
    uncertain = differences(candidates)
    newest = candidates[-1]
    text = f"No Ubuntu kernel of {release.series} was read; the upstream {newest.name} is used."
    if not uncertain:
        return Choice(policy=newest, certainty="vendor", explanation=text)
    return Choice(
        policy=newest, certainty="interval", explanation=text, uncertain=uncertain, candidates=candidates
    )  # fmt: skip


def _rebased(release: Release) -> Choice:
    """A Red Hat kernel: the mainline releases that its KVM may be of."""
    build = re.match(_BUILD, release.rest)
    known = points.points()
    rows = REBASES.get(build[2], ()) if build else ()
    if build is None or not rows:
        return _outside(release.point) if release.point < known[0] else _wide(release)
    number = int(build[1])
    row = next((one for one in reversed(rows) if one.build <= number), None)
    after = next((one for one in rows if one.build > number), None)
    first, last = row or rows[0], after or rows[-1]
    newest: Point = last.newest
    if row is not None and row.build == number:
        newest = row.newest
    elif after is None:
        newest = (*known[-1][:2], 0)
    told = _rebase_text(row, after, number)
    return _interval(release, (first.oldest, newest), told, first.likely)


def _rebase_text(row: Rebase | None, after: Rebase | None, number: int) -> tuple[str, str]:
    """(which minor release a build is of, what that interval rests on)."""
    if row is not None and row.build == number:
        return f"It is of minor release {row.minor}.", row.source
    if row is not None and after is not None:
        return f"Its build lies between those of {row.minor} and {after.minor}.", f"{row.source}; {after.source}"
    if after is not None:
        return f"Its build is older than that of {after.minor}.", after.source
    return f"Its build is newer than that of {row.minor if row else 'any'}, the last that is known here.", ""


def _wide(release: Release) -> Choice:
    """A Red Hat kernel that does not say its build: from the release in its name to the newest known."""
    told = ("Its build is not known here.", "")
    return _interval(release, (release.point, points.points()[-1]), told, release.point)


def _interval(release: Release, ends: tuple[Point, Point], told: tuple[str, str], likely: Point) -> Choice:
    """Any mainline release between `ends`, as far as there are policies; `likely` is asked first.

    `told`: see `_rebase_text`.
    """
    (oldest, newest), (why, source) = ends, told
    names = [point for point in points.points() if point[2] == 0 and oldest <= point <= newest]
    if not names:
        return _outside(oldest)
    candidates = tuple(_policy(point) for point in names)
    policy = next((one for one in candidates if one.version >= likely), candidates[-1])
    first, last, best = (f"{one[0]}.{one[1]}" for one in (names[0], names[-1], policy.version))
    older = ", or an older one, which is not modelled" if oldest < names[0] else ""
    text = (
        f"{why} The {release.series} in its name says little: Red Hat brings KVM up to newer mainline releases. It may "
        f"be that of any from {first} to {last}{older}; {best} is asked first. Where those differ the answer is "
        f"uncertain; a recording of the host decides it.{f' Known from: {source}.' if source else ''}"
    )
    if len(candidates) == 1:
        return Choice(policy=policy, certainty="interval", explanation=text)
    return Choice(
        policy=policy, certainty="interval", explanation=text, uncertain=differences(candidates),
        candidates=candidates,
    )  # fmt: skip


@lru_cache(maxsize=64)
def differences(policies: tuple[Policy, ...]) -> tuple[UncertainRule, ...]:
    """The rules in which neighbours of a row of policies differ, each once, with what the first and last answer."""
    from inspector.policies.changes import ASIDE, changes, registers_of

    places: dict[str, list[str]] = {}
    sides: dict[str, tuple[str, str]] = {}
    when: dict[str, str] = {}
    registers: dict[str, list[str]] = {}
    for older, newer in pairwise(policies):
        for change in changes(older, newer):
            if change.what in ASIDE:
                continue
            joint = ": " if " " in change.register else "."
            place = f"{change.register}{joint}{change.field}" if change.field else change.register
            registers.setdefault(change.rule, []).extend(registers_of(change.register))
            known = places.setdefault(change.rule, [])
            if place not in known:
                known.append(place)
            first, last = sides.get(change.rule, (change.before, change.after))
            sides[change.rule] = (first, change.after if change.after != first else last)
        when |= {rule.name: text for rule in newer.rules if (text := dates.interval(rule))}
    return tuple(
        UncertainRule(
            rule=rule, lower=sides[rule][0], upper=sides[rule][1], text=_shorten(found), when=when.get(rule, ""),
            places=tuple(found), registers=tuple(dict.fromkeys(registers[rule])), guests=rule not in HOST_ONLY,
        )
        for rule, found in places.items()
    )  # fmt: skip


def _shorten(places: list[str]) -> str:
    shown = ", ".join(places[:4])
    return shown if len(places) <= 4 else f"{shown} and {len(places) - 4} more"
