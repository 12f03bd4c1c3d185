"""Which version of the architecture a CPU has, by the features that each version made mandatory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inspector.registers.features import Level, levels

Has = Callable[[str], bool | None]


class Standing(NamedTuple):
    """How far a CPU meets the versions."""

    met: str
    """the newest version all of whose mandatory features are there: `8.4`"""
    next: str
    """the version after it; empty at the newest"""
    missing: tuple[str, ...]
    """features that the next version asks for and that are not there"""
    unknown: tuple[str, ...]
    """features that it asks for and that are not known"""


def standing(has: Has, kinds: Sequence[str] = ("programs", "system")) -> Standing:
    """The newest version that is met, and what stands in the way of the next; `kinds`: which features count."""
    met = "8.0"
    for level in levels().levels:
        asked = _asked(level, has, kinds)
        missing = tuple(name for name in asked if asked[name] is False)
        unknown = tuple(name for name in asked if asked[name] is None)
        if missing or unknown:
            return Standing(met, level.version, missing, unknown)
        met = level.version
    return Standing(met, "", (), ())


def _asked(level: Level, has: Has, kinds: Sequence[str]) -> dict[str, bool | None]:
    """Feature that counts here -> whether it is there. One that is mandatory only with another counts with that."""
    found: dict[str, bool | None] = {}
    for name in (one for kind in kinds for one in getattr(level, kind)):
        condition = levels().when.get(name)
        if condition is None:
            found[name] = has(name)
        elif (with_it := has(condition)) is not False:
            answer = has(name)
            found[name] = answer if with_it or answer else None
    return found


def level_words(has: Has) -> str | None:
    """`Armv9.0-A; 9.1 lacks FEAT_ECV`; None where not even Armv8.1 is decided."""
    whole, programs = standing(has), standing(has, ("programs",))
    if whole.met == "8.0" and not whole.missing:
        return None
    words = _name(whole, has)
    if programs.met != whole.met and _minor(programs.met) > _minor(whole.met):
        words += f" (instructions: {_name(programs, has)})"
    if whole.next:
        following = _version(whole.next, has)
        lacking = _few(whole.missing) if whole.missing else f"{_few(whole.unknown)}, not known"
        words += f"; {following} {'lacks' if whole.missing else 'depends on'} {lacking}"
    return words


def _name(one: Standing, has: Has) -> str:
    least = "" if one.missing or not one.next else "at least "
    version, minor = _version(one.met, has), _minor(one.met)
    nine = has(levels().nine)
    if minor < levels().offset or nine:
        return f"{least}Armv{version}-A"
    # The mandatory features are the same, and what came with Armv9 is optional in it.
    same = f"9.{minor - levels().offset}"
    return f"{least}Armv{version}-A (or {same}{', without SVE2' if nine is False else ''})"


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def _version(version: str, has: Has) -> str:
    """As Armv9 counts it where the feature that came with Armv9 is there."""
    facts = levels()
    minor = _minor(version)
    return f"9.{minor - facts.offset}" if minor >= facts.offset and has(facts.nine) else version


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
