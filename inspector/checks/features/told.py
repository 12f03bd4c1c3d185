"""What can be said of a feature that a text names: where it is read, what kernels do with it, what a dump has of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inspector.checks.features.presence import FeatureState, states_of
from inspector.checks.features.sides import sides_of
from inspector.checks.history import FieldChange, field_history
from inspector.policies.setup import FEATURES
from inspector.registers.definitions.special import FEATURE_PREFIX
from inspector.registers.features import Feature, named
from inspector.sources.dump import Dump

_NAME = re.compile(rf"\b{FEATURE_PREFIX}\w+")
_DONE = ("hidden", "capped", "forced", "known")
_VERBS = {"hidden": "hides it", "capped": "caps it", "forced": "forces a value", "known": "shows it"}
MOST = 4
"""Features of one text that are answered."""


def features_in(text: str) -> tuple[Feature, ...]:
    """The features that a text names by their architectural names, or with all that it says by another one."""
    words = text.strip()
    found = {one.name: one for name in _NAME.findall(text) for one in named(name)}
    if not found and words and len(words.split()) == 1:
        found = {one.name: one for one in named(words)}
    return tuple(found.values())[:MOST]


def feature_sentences(one: Feature, dump: Dump | None = None) -> tuple[str, ...]:
    """What is known of a feature: where it is read, what KVM does with it, what it needs, what the dump has of it."""
    told = [f"{one.name} is read from {one.condition}." if one.condition else f"No ID register shows {one.name}."]
    if one.aliases:
        told.append(f"{one.name} is also called {', '.join(one.aliases)}.")
    told += _by_kernels(one)
    places = {term.place.upper() for term in (*one.terms, *(term for way in one.needs for term in way))}
    told += [
        f"A vCPU has it only with the vCPU feature {each.word} ({each.title})."
        for each in FEATURES
        if places & {place.upper() for place in each.fields}
    ]
    return (*told, *(_in_dump(one, dump) if dump is not None else ()))


def _by_kernels(one: Feature) -> list[str]:
    """What the modelled kernels do with the fields behind it."""
    told: dict[str, None] = {}
    for term in one.terms:
        for change in field_history(term.reg_id, term.msb, term.lsb).changes:
            if change.what in _DONE and not (change.what == "known" and change.from_start):
                told[_change(term.place, change)] = None
    return list(told)


def _change(place: str, change: FieldChange) -> str:
    number = f" ({change.value})" if change.what in ("capped", "forced") else ""
    when = f" {change.conditions}" if change.conditions else ""
    source = f" ({change.reference})" if change.reference else ""
    words = f"{place}: KVM {_VERBS[change.what]}{number}{when} {change.since_words}"
    return f"{words}: {change.reason}{source}" if change.reason else f"{words}{source}"


def _in_dump(one: Feature, dump: Dump) -> tuple[str, ...]:
    sides = sides_of(dump)
    state = states_of(sides, (one,))[0]
    answers = [
        f"{side.title}: {'not known' if has is None else 'yes' if has else 'no'}"
        for side, has in ((sides.host, state.host), (sides.vcpu, state.vcpu))
        if side is not None
    ]
    return (f"In {dump.provenance.source}: {', '.join(answers)}.", *_why(state)) if answers else ()


def _why(state: FeatureState) -> Sequence[str]:
    return [f"The vCPU lacks it by {state.rule}: {state.reason}"] if state.rule else []
