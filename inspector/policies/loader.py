"""Find, read, check and combine policy files.

A name is a release (`6.12`, `6.12.74`), a release string (`6.12.107+deb13-cloud-arm64`), the path of a TOML file, or
any of these followed by `+PATCH` once or several times. `6.12` means the newest known point of that stable series: who
types it almost always runs a stable kernel; `6.12.0` is the first release.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path

import msgspec

from inspector.errors import PolicyError
from inspector.policies.model import Policy, PolicyFile, Rule, kind_of

_ROOM = resources.files("inspector.policies")
_POINT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@lru_cache(maxsize=1)
def _points() -> tuple[tuple[int, int, int], ...]:
    """Every release that has a file, ascending."""
    stems = (entry.name.removesuffix(".toml") for entry in _ROOM.joinpath("kernels").iterdir())
    matches = (_POINT.fullmatch(stem) for stem in stems)
    return tuple(sorted((int(m[1]), int(m[2]), int(m[3] or 0)) for m in matches if m and m[3]))


def points() -> tuple[tuple[int, int, int], ...]:
    """(major, minor, point) of every kernel policy, ascending."""
    return _points()


def policy_names() -> list[str]:
    """The kernel policies, oldest first: `5.10.0`, `5.10.218` ..."""
    return [".".join(map(str, point)) for point in _points()]


def patch_names() -> list[str]:
    """The overlays that `+NAME` takes, alphabetical."""
    return sorted(e.name.removesuffix(".toml") for e in _ROOM.joinpath("patches").iterdir() if e.name.endswith(".toml"))


def patch_title(name: str) -> tuple[str, str, str]:
    """(name, title, evidence) of an overlay that ships with the program."""
    file = _shipped("patches", name)
    return name, file.title, f"recorded: {', '.join(file.recorded)}" if file.recorded else file.evidence


def newest_point(major: int, minor: int) -> tuple[int, int, int] | None:
    """The newest known point of a stable series; None when the series has no policy."""
    series = [point for point in _points() if point[:2] == (major, minor)]
    return series[-1] if series else None


def read_policy_file(text: str, where: str) -> PolicyFile:
    """Check one file's text; PolicyError names the file, the key and what is allowed there."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PolicyError(f"not valid TOML: {what}", where) from None
    try:
        return msgspec.convert(tables, PolicyFile)
    except (msgspec.ValidationError, RecursionError) as error:
        from inspector.policies.complaints import explain_invalid

        raise explain_invalid(str(error), where, tables) from None


@lru_cache(maxsize=256)
def _shipped(kind: str, stem: str) -> PolicyFile:
    return read_policy_file(_ROOM.joinpath(kind, f"{stem}.toml").read_text("utf-8"), f"{kind}/{stem}.toml")


def _merge(rules: dict[str, Rule], file: PolicyFile, stem: str, where: str, overlay: bool = False) -> None:
    """Apply one file: drop what it removes, replace or add what it brings; new rules go last.

    An overlay may remove rules that only some bases have.
    """
    for name in file.remove:
        if rules.pop(name, None) is None and not overlay:
            close = get_close_matches(name, rules, 3, 0.4)
            hint = f"close: {', '.join(close)}" if close else "`kernels K` lists the names of a kernel's rules"
            raise PolicyError(f"remove: no inherited rule is called {name!r}", where, hint)
    for number, rule in enumerate(file.rule, 1):
        name = rule.name or f"{stem}: {kind_of(rule)} {number}"
        rules.pop(name, None)
        rules[name] = msgspec.structs.replace(rule, name=name, release=stem)


def _ancestry(point: str) -> list[str]:
    """Stems from the oldest ancestor down to `point`."""
    chain: list[str] = []
    while point:
        chain.append(point)
        point = _shipped("kernels", point).extends
    return chain[::-1]


@lru_cache(maxsize=256)
def _kernel(point: str) -> Policy:
    """The resolved policy of a shipped release file."""
    rules: dict[str, Rule] = {}
    chain = _ancestry(point)
    for stem in chain:
        _merge(rules, _shipped("kernels", stem), stem, f"kernels/{stem}.toml")
    file = _shipped("kernels", point)
    major, minor, patch = (int(part) for part in point.split("."))
    return Policy(
        name=point, point=point, title=file.title, evidence=file.evidence, recorded=file.recorded,
        version=(major, minor, patch), rules=tuple(rules.values()), chain=tuple(chain), backports=file.backports,
        notes=file.notes,
    )  # fmt: skip


def _own_file(path: Path, below: tuple[Path, ...] = ()) -> Policy:
    """A user's file: extends a release (or another file, seen from its folder) and adds to it.

    `below`: the files that led here, each extending the next.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PolicyError(f"cannot read this policy file: {error.strerror}", str(path)) from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"is no UTF-8 text: {error.reason} at byte {error.start}", str(path)) from None
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
        raise PolicyError(f"unknown patch {patch!r}", "", f"one of: {', '.join(patch_names())}")
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
    if text.endswith(".toml") or "/" in text:
        return _own_file(Path(text))
    if match := _POINT.fullmatch(text):
        major, minor = int(match[1]), int(match[2])
        newest = newest_point(major, minor)
        if newest is None:
            raise PolicyError(f"no policy for kernel {text}", "", f"known: {known_range()}")
        point = (major, minor, int(match[3])) if match[3] else newest
        if point in _points():
            return msgspec.structs.replace(_kernel(".".join(map(str, point))), name=text)
    from inspector.policies.choice import choose_policy

    return msgspec.structs.replace(choose_policy(text).policy, name=text)


def known_range() -> str:
    """`5.10 to 7.3`, for messages."""
    first, last = _points()[0], _points()[-1]
    return f"{first[0]}.{first[1]} to {last[0]}.{last[1]}, or the path of a .toml file"


def split_name(text: str) -> tuple[str, list[str]]:
    """A policy name taken apart: base, patches. `6.12.107+deb13-cloud-arm64` keeps its `+`: that is no patch."""
    base, *rest = text.strip().split("+")
    patches = [part for part in rest if part in patch_names()]
    own = base.endswith(".toml")
    if (
        len(patches) < len(rest)
        and (own or _POINT.fullmatch(base))
        and not re.match(r"deb\d|[a-z]*-?\d", "+".join(rest))
    ):
        unknown = next(part for part in rest if part not in patches)
        raise PolicyError(f"unknown patch {unknown!r}", "", f"one of: {', '.join(patch_names())}")
    foreign = [part for part in rest if part not in patches]
    return "+".join([base, *foreign]), patches


def load_policy(text: str) -> Policy:
    """The policy named by `text` (see the module); PolicyError with one line when there is none."""
    base, patches = split_name(text)
    if not base:
        raise PolicyError("no kernel named", "", f"known: {known_range()}")
    return combine(_base(base), patches)


def combine(policy: Policy, patches: Iterable[str]) -> Policy:
    """`policy` with overlays laid over it in the order given, checked as a whole."""
    from inspector.policies.rulebook import rulebook

    for patch in patches:
        policy = _with_patch(policy, patch)
    rulebook(policy)
    return policy
