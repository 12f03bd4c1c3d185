"""Read, check and combine policy files; points.py says how they are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import PolicyError, nearest
from inspector.policies.dates import check_dates, is_dated, parse_date, standing
from inspector.policies.model import Policy, PolicyFile, Rule, kind_of, usual_reason
from inspector.policies.points import (
    POINT,
    VENDOR_POINT,
    Point,
    all_names,
    is_policy_name,
    known_points,
    known_range,
    newest_point,
    patch_names,
    points,
    policy_names,
    split_name,
    stem_of,
    text_of,
    unknown_patch,
    vendor_names,
)
from inspector.readable import readable
from inspector.toml_text import plain_as_json, read_toml

if TYPE_CHECKING:
    from pathlib import Path


def point_names() -> list[str]:
    """The points at which a kernel's behaviour may begin, oldest first: those with a file, and the dates of rules."""
    dated = {date for point in points() if point[2] == 0 for date in dated_points(point)}
    return [stem_of(point) for point in sorted({*points(), *dated})]


@lru_cache(maxsize=1)
def _evidence() -> dict[str, str]:
    kinds = (("kernels", (*policy_names(), *vendor_names())), ("patches", patch_names()))
    return {digest: stem for kind, stems in kinds for stem in stems for digest in _shipped(kind, stem).recordings}


def evidence_of(sha256: str) -> str:
    """The policy or patch that lists a recording of this content as evidence; empty for one that none lists."""
    return _evidence().get(sha256, "")


def place_of(policy: Policy) -> int:
    """The place of a policy's kernel in `all_names`; of one that is not among them, of the last that is no newer."""
    names = all_names()
    if policy.point in names:
        return names.index(policy.point)
    older = [at for at, name in enumerate(names) if load_policy(name).version <= policy.version]
    return older[-1] if older else 0


@lru_cache(maxsize=128)
def dated_points(point: Point, vendor: str = "") -> tuple[Point, ...]:
    """The points of a series at which some rule comes, or after which it may have come, ascending."""
    found: set[Point] = set()
    for known in known_points(point, vendor):
        for rule in _shipped("kernels", stem_of(known, vendor)).rule:
            found |= {parse_date(text) for text in (rule.since, rule.by) if text}
            found |= {(*(date := parse_date(rule.after))[:-1], date[-1] + 1)} if rule.after else set()
    return tuple(sorted(date for date in found if date[:-1] == point[:-1]))


def patch_title(name: str) -> tuple[str, str, str]:
    """(name, title, evidence) of an overlay that ships with the program."""
    file = _shipped("patches", name)
    return name, file.title, f"recorded: {', '.join(file.recorded)}" if file.recorded else file.evidence


@lru_cache(maxsize=1)
def _backports() -> dict[str, dict[Point, tuple[Rule, ...]]]:
    """Rules that came to stable series of mainline after their first release: name -> series -> forms, oldest first."""
    found: dict[str, dict[Point, dict[Point, Rule]]] = {}
    for point in points():
        stem = stem_of(point)
        for rule in _shipped("kernels", stem).rule:
            if rule.name and (text := rule.since or rule.by):
                date = parse_date(text)
                found.setdefault(rule.name, {}).setdefault(date[:-1], {})[date] = _named(rule, rule.name, stem)
    return {
        name: {series: tuple(rule for _, rule in sorted(dated.items())) for series, dated in by_series.items()}
        for name, by_series in found.items()
    }


_FAR = 6
"""Releases between two series past which what one of them took says nothing of kernels of the other."""


@lru_cache(maxsize=32)
def carried(policy: Policy) -> tuple[Policy, ...]:
    """`policy` with what later releases brought and the nearest stable series took over, in steps, oldest first.

    A vendor that backports by itself may have any of it. Empty where there is nothing that a policy lacks.
    """
    releases = [point[:2] for point in points() if point[2] == 0]
    own = policy.version[:2]
    if own not in releases:
        return ()
    forms = [_forms(by_series, own, releases) for by_series in _backports().values()]
    steps: list[Policy] = []
    for number in range(max(map(len, forms), default=0)):
        last = steps[-1] if steps else policy
        after = last
        for rule in (one[number] for one in forms if number < len(one)):
            after = _with_rule(after, rule)
        if after.rules != last.rules:
            steps.append(after)
    last_number = len(steps) - 1
    return tuple(
        msgspec.structs.replace(step, name=f"{policy.name} with {'' if number == last_number else 'some '}{CARRIED}")
        for number, step in enumerate(steps)
    )


CARRIED = "fixes of other series"
"""How the names of such policies end: `6.4.6 with fixes of other series`"""


def carried_base(name: str) -> str:
    """The name of the policy that `carried` went out from; the name itself for any other policy."""
    return name.partition(" with ")[0] if name.endswith(CARRIED) else name


def _forms(by_series: dict[Point, tuple[Rule, ...]], own: Point, releases: Sequence[Point]) -> list[Rule]:
    """The forms of one rule in the series nearest to `own` that a kernel of `own` may have from elsewhere.

    A form that no release of mainline has was made for older kernels than those: it goes to no newer series.
    """
    place = releases.index(own)
    near = min(by_series, key=lambda one: (abs(releases.index(one) - place), one))
    if near == own or abs(releases.index(near) - place) > _FAR:
        return []
    found = []
    for rule in by_series[near]:
        origin = _origin(rule)
        if origin > own if origin is not None else near > own:
            found.append(rule)
    return found


def _origin(rule: Rule) -> Point | None:
    """The first release of mainline that has a rule in this form; None where none has."""
    for point in points():
        if point[2] == 0 and any(one.name == rule.name and _said(one) == _said(rule) for one in at_point(point).rules):
            return point[:2]
    return None


def _with_rule(policy: Policy, rule: Rule) -> Policy:
    """`policy` with one rule more; the policy itself where it says so already or does not know the rule's fields."""
    rules = {one.name: one for one in policy.rules}
    held = rules.pop(rule.name, None)
    if held is not None and _said(held) == _said(rule):
        return policy
    undated = msgspec.structs.replace(rule, since="", after="", by="")
    after = msgspec.structs.replace(policy, rules=(*rules.values(), undated))
    try:
        return _checked(after, policy.rules)
    except PolicyError:
        return policy


def _checked(policy: Policy, sound: Iterable[Rule] = ()) -> Policy:
    """The same policy, each of whose rules means something; PolicyError for the first that does not.

    Those that ship are checked by the tests, not whenever one is read. `sound`: see `Rulebook.check`.
    """
    from inspector.policies.rulebook import rulebook

    rulebook(policy).check(sound)
    return policy


def _said(rule: Rule) -> Rule:
    """A rule without when it came and who tells."""
    return msgspec.structs.replace(rule, since="", after="", by="", reason="", reference="", release="")


class Patch(msgspec.Struct, frozen=True):
    """What is said of an overlay that ships with the program."""

    name: str
    title: str
    series: str
    label: str
    merged: str
    """the release that has it; empty where none has it in this form"""
    commit: str

    def in_release(self, policy: Policy) -> bool:
        """Whether the kernel of a policy has it, as far as its release says."""
        return bool(self.merged) and policy.version >= tuple(map(int, self.merged.split(".")))


def patch_named(name: str) -> Patch:
    """An overlay by its name."""
    file = _shipped("patches", name)
    return Patch(name, file.title, file.series or name, file.label or name, file.merged, file.commit)


def policy_file(kind: str, stem: str) -> PolicyFile:
    """One of the shipped files (`kernels` or `patches`) as it is written, without what it extends."""
    return _shipped(kind, stem)


def read_policy_file(text: str, where: str) -> PolicyFile:
    """Check one file's text; PolicyError names the file, the key and what is allowed there."""
    try:
        tables = read_toml(text)
    except ValueError as error:
        raise PolicyError(f"not valid TOML: {error}", where) from None
    try:
        return _dates_checked(msgspec.convert(tables, readable(PolicyFile)), where)
    except (msgspec.ValidationError, RecursionError) as error:
        from inspector.policies.complaints import explain_invalid

        raise explain_invalid(str(error), where, tables) from None


def _dates_checked(file: PolicyFile, where: str) -> PolicyFile:
    """The file, whose dates are points, in their order; PolicyError names the file and the rule."""
    for rule in file.rule:
        if is_dated(rule):
            try:
                check_dates(rule)
            except PolicyError as error:
                raise PolicyError(error.what, f"{where}: rule {rule.name!r}", error.hint) from None
    return file


@lru_cache(maxsize=256)
def _shipped(kind: str, stem: str) -> PolicyFile:
    return _read_shipped(*text_of(kind, stem))


def _read_shipped(text: str, where: str) -> PolicyFile:
    """The same as `read_policy_file`, without a TOML parser where the text is as plain as those that ship."""
    try:
        return _dates_checked(msgspec.json.decode(plain_as_json(text, "rule"), type=readable(PolicyFile)), where)
    except msgspec.DecodeError:
        return read_policy_file(text, where)


def _merge(rules: dict[str, Rule], file: PolicyFile, stem: str, where: str, overlay: bool = False) -> None:
    """Apply one file: drop what it removes, replace or add what it brings; new rules go last.

    An overlay may remove rules that only some bases have.
    """
    for name in file.remove:
        if rules.pop(name, None) is None and not overlay:
            close = nearest(name, rules, 3, 0.4)
            hint = f"close: {', '.join(close)}" if close else "`kernels K` lists the names of a kernel's rules"
            raise PolicyError(f"remove: no inherited rule is called {name!r}", where, hint)
    for number, rule in enumerate(file.rule, 1):
        name = rule.name or f"{stem}: {kind_of(rule)} {number}"
        rules.pop(name, None)
        rules[name] = _named(rule, name, stem)


_NAMED: dict[tuple[int, str, str], tuple[Rule, Rule]] = {}
"""identity of a rule as its file has it, name and file -> that rule, and as a policy has it"""


def _named(rule: Rule, name: str, stem: str) -> Rule:
    """A file's rule as policies have it: the same object in all of them, so that what follows from it is shared."""
    key = id(rule), name, stem
    held = _NAMED.get(key)
    if held is None or held[0] is not rule:
        if len(_NAMED) > _MOST_NAMED:
            _NAMED.clear()
        told = msgspec.structs.replace(rule, name=name, release=stem, reason=rule.reason or usual_reason(rule))
        held = _NAMED[key] = rule, told
    return held[1]


_MOST_NAMED = 4096


@lru_cache(maxsize=256)
def _has_dates(stem: str) -> bool:
    return any(map(is_dated, _shipped("kernels", stem).rule))


_NOTHING = PolicyFile()


def _standing_rules(stem: str, at: Point, possible: bool, undated: bool = True) -> PolicyFile:
    """A kernel's file cut to the rules that hold at a point; with `possible` also those that may hold there already.

    `undated`: False for a file of a later point: what it says without a date does not hold yet.
    """
    file = _shipped("kernels", stem)
    if not _has_dates(stem):
        return file if undated else _NOTHING
    wanted = ("in", "open") if possible else ("in",)
    kept = tuple(
        rule for rule in file.rule if (undated or is_dated(rule)) and standing(rule, at) in wanted
    )  # fmt: skip
    return msgspec.structs.replace(file, rule=kept, remove=file.remove if undated else ())


def _point_of(stem: str) -> tuple[Point, str]:
    """(point, vendor) of a policy's stem."""
    if match := VENDOR_POINT.fullmatch(stem):
        return tuple(map(int, match.groups()[1:])), match[1]
    return parse_date(stem), ""


def _inherited(stem: str, at: Point, possible: bool) -> tuple[dict[str, Rule], tuple[str, ...]]:
    """(rules, files that were read) of one file and all that it extends, as they hold at a point.

    What another series brings is taken as it held at the point that is extended.
    """
    file = _shipped("kernels", stem)
    rules: dict[str, Rule] = {}
    chain: tuple[str, ...] = ()
    if file.extends:
        rules, chain = _base_rules(file.extends, stem, at, possible)
    _merge(rules, _standing_rules(stem, at, possible), stem, f"kernels/{stem}.toml")
    return rules, (*chain, stem)


def _base_rules(extends: str, stem: str, at: Point, possible: bool) -> tuple[dict[str, Rule], tuple[str, ...]]:
    """What the file of `stem` extends: another file, or a point between files."""
    point, vendor = _point_of(extends)
    own, own_vendor = _point_of(stem)
    if vendor == own_vendor and point[:-1] == own[:-1]:
        return _inherited(extends, at, possible)
    rules, chain = _as_recorded(extends) if point in known_points(point, vendor) else _of(at_point(point, vendor))
    return {rule.name: rule for rule in rules}, chain


@lru_cache(maxsize=256)
def _as_recorded(stem: str) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """(rules, files that were read) of a point that has a file, at that point: what later series extend."""
    rules, chain = _inherited(stem, _point_of(stem)[0], False)
    return tuple(rules.values()), chain


def _of(policy: Policy) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    return policy.rules, policy.chain


@lru_cache(maxsize=512)
def at_point(point: Point, vendor: str = "", possible: bool = False) -> Policy:
    """The policy of a point of a series that has files: those up to that point, and what later files date up to it.

    `possible`: with everything that may already be there, i.e. what came somewhere between the known points around it.
    Raises PolicyError when the series has no file.
    """
    known = known_points(point, vendor)
    if not known:
        raise PolicyError(f"no policy for kernel {stem_of(point, vendor)}", "", f"known: {known_range()}")
    below, above = [one for one in known if one <= point], [one for one in known if one > point]
    exact = point in known
    if below:
        stem = stem_of(below[-1], vendor)
        file = _shipped("kernels", stem)
        rules, chain = _inherited(stem, point, possible)
        policy = Policy(
            name=stem, point=stem, title=file.title, evidence=file.evidence, recorded=file.recorded,
            version=(point[0], point[1], point[2]), notes=file.notes,
        )  # fmt: skip
    else:
        policy = at_point(*_point_of(_shipped("kernels", stem_of(above[0], vendor)).extends))
        rules, chain = {rule.name: rule for rule in policy.rules}, policy.chain
    for number, later in enumerate(above):
        name = stem_of(later, vendor)
        brought = _standing_rules(name, point, possible, undated=possible and number == 0 and not exact)
        _merge(rules, brought, name, f"kernels/{name}.toml")
        chain = (*chain, name) if brought.rule or brought.remove else chain
    held = _one(tuple(rules.values()))
    more = possible and held != at_point(point, vendor).rules
    return msgspec.structs.replace(policy, rules=held, chain=chain, possible=more)


_TUPLES: dict[tuple[int, ...], tuple[Rule, ...]] = {}
"""identities of rules, in order -> those rules"""


def _one(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The same tuple for the same rules: what follows from a kernel's rules is asked once of points that agree."""
    if len(_TUPLES) > _MOST_TUPLES:
        _TUPLES.clear()
    return _TUPLES.setdefault(tuple(map(id, rules)), rules)


_MOST_TUPLES = 512


def _own_file(path: Path, below: tuple[Path, ...] = ()) -> Policy:
    """A user's file: extends a release (or another file, seen from its folder) and adds to it.

    `below`: the files that led here, each extending the next.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PolicyError(f"cannot read this policy file: {error.strerror}", str(path)) from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"is not UTF-8 text: {error.reason} at byte {error.start}", str(path)) from None
    file = read_policy_file(text, str(path))
    base = _base_of_own(file.extends, path, (*below, path.resolve()))
    rules = {rule.name: rule for rule in base.rules}
    _merge(rules, file, str(path), str(path))
    return msgspec.structs.replace(
        base, name=path.stem, title=file.title or path.stem, evidence=file.evidence, recorded=file.recorded,
        rules=tuple(rules.values()), chain=(*base.chain, str(path)), notes=(*base.notes, *file.notes),
    )  # fmt: skip


def _base_of_own(extends: str, path: Path, below: tuple[Path, ...]) -> Policy:
    """What a user's file at `path` extends; PolicyError names that file and its key."""
    if not extends:
        raise PolicyError("the key extends is missing", str(path), 'give a release such as extends = "6.1"')
    parent = path.parent / extends
    if not extends.endswith(".toml"):
        try:
            return load_policy(extends)
        except PolicyError as error:
            raise PolicyError(f"extends: {error.what}", str(path), error.hint) from None
    if parent.resolve() in below:
        raise PolicyError(f"extends: {extends!r} leads back to this file", str(path), "end the chain at a release")
    if not parent.is_file():
        raise PolicyError(f"extends: there is no file {extends!r}", str(path), "a path seen from this file's folder")
    return _own_file(parent, below)


def _with_patch(policy: Policy, patch: str) -> Policy:
    """`policy` with one overlay laid over it."""
    if patch not in patch_names():
        raise unknown_patch(patch)
    file = _shipped("patches", patch)
    tried = tuple(text for text in file.recorded if text.startswith(f"{policy.point} ") and not policy.patches)
    rules = {rule.name: rule for rule in policy.rules}
    _merge(rules, file, patch, f"patches/{patch}.toml", overlay=True)
    return msgspec.structs.replace(
        policy, name=f"{policy.name}+{patch}", title=f"{policy.title} + {file.title}",
        evidence="recorded" if tried else "source", recorded=tried,
        patches=(*policy.patches, patch), rules=tuple(rules.values()), notes=(*policy.notes, *file.notes),
    )  # fmt: skip


def _base(text: str) -> Policy:
    """The policy that `text` names before any `+patch`."""
    if match := POINT.fullmatch(text):
        newest = newest_point(int(match[1]), int(match[2]))
        if newest is None:
            raise PolicyError(f"no policy for kernel {text}", "", f"known: {known_range()}")
        policy = at_point((*newest[:2], int(match[3])) if match[3] else newest)
        return policy if policy.name == text else msgspec.structs.replace(policy, name=text)
    if text.endswith(".toml") or "/" in text:
        from pathlib import Path

        return _checked(_own_file(Path(text)))
    if text in vendor_names():
        return at_point(*_point_of(text))
    raise PolicyError(f"{text[:60]!r} is not a kernel policy", "", f"known: {known_range()}")


def load_policy(text: str) -> Policy:
    """The policy of a point, a vendor's kernel or a file, with `+patch` behind it (see the module).

    PolicyError with one line when there is none. What users type may be more than that: `release.choose` reads it.
    """
    base, patches = split_name(text)
    if not base:
        raise PolicyError("no kernel named", "", f"known: {known_range()}")
    name, plus, foreign = base.partition("+")
    if plus and (is_policy_name(name) or POINT.fullmatch(name)):
        raise unknown_patch(foreign.partition("+")[0])
    return combine(_base(base), patches)


def combine(policy: Policy, patches: Iterable[str]) -> Policy:
    """`policy` with overlays laid over it in the order given; PolicyError where they do not go together."""
    patched = policy
    for patch in patches:
        patched = _with_patch(patched, patch)
    return policy if patched is policy else _checked(patched, policy.rules)
