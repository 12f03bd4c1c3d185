"""Which version of the architecture a CPU has, by the features that each version made mandatory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inspector.numbers import few_of
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
    disputed: tuple[str, ...] = ()
    """features that are not there and that it asks for by some sources only"""


def standing(has: Has, kinds: Sequence[str] = ("programs", "system")) -> Standing:
    """The newest version that is met, and what stands in the way of the next; `kinds`: which features count."""
    met = "8.0"
    for level in levels().levels:
        asked = _asked(level, has, kinds)
        lacking = [name for name in asked if asked[name] is False]
        disputed = tuple(name for name in lacking if _is_disputed(name, has))
        missing = tuple(name for name in lacking if name not in disputed)
        unknown = tuple(name for name in asked if asked[name] is None)
        if missing or unknown or disputed:
            return Standing(met, level.version, missing, unknown, disputed)
        met = level.version
    return Standing(met, "", (), ())


def _is_disputed(name: str, has: Has) -> bool:
    """Whether sources differ on what asks for the feature: for Armv9 they do not."""
    return name in levels().disputed and not has(levels().nine)


def _asked(level: Level, has: Has, kinds: Sequence[str]) -> dict[str, bool | None]:
    """Feature that counts here -> whether it is there. One that is mandatory only with another counts with that."""
    found: dict[str, bool | None] = {}
    for name in (one for kind in kinds for one in getattr(level, kind)):
        if (with_it := _any_group(levels().when.get(name, ((),)), has)) is not False:
            answer = has(name)
            found[name] = answer if with_it or answer else None
    return found


def _any_group(groups: Sequence[Sequence[str]], has: Has) -> bool | None:
    """Whether all features of any group are there; None where that is not known."""
    answers = []
    for group in groups:
        held = {has(name) for name in group}
        answers.append(False if False in held else None if None in held else True)
    return True if True in answers else None if None in answers else False


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
        words += f"; {following} {_obstacle(whole)}"
    return words


def _obstacle(one: Standing) -> str:
    """What stands in the way of the next version."""
    if one.missing:
        return f"lacks {few_of(one.missing, 4)}"
    if one.unknown:
        return f"depends on {few_of(one.unknown, 4)}, not known"
    return f"depends on whether it requires {few_of(one.disputed, 4)}: sources differ"


def _name(one: Standing, has: Has) -> str:
    # The newest version of the tables may not be the newest of the architecture.
    least = "" if one.missing else "at least "
    version, minor = _version(one.met, has), _minor(one.met)
    nine = has(levels().nine)
    if minor < levels().offset or nine or _never_nine(has):
        return f"{least}Armv{version}-A"
    # The mandatory features are the same, and what came with Armv9 is optional in it.
    same = f"9.{minor - levels().offset}"
    return f"{least}Armv{version}-A (or {same}{', without SVE2' if nine is False else ''})"


def _never_nine(has: Has) -> bool:
    """Whether a feature that is there, or is not there, rules Armv9 out."""
    facts = levels()
    if any(has(name) for name in facts.forbids):
        return True
    return has("FEAT_FP") is True and any(has(name) is False for name in facts.requires)


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def _version(version: str, has: Has) -> str:
    """As Armv9 counts it where the feature that came with Armv9 is there."""
    facts = levels()
    minor = _minor(version)
    return f"9.{minor - facts.offset}" if minor >= facts.offset and has(facts.nine) else version
