"""Which registers of a view stand out, and why: the marks of the register list, `n`, `m`, the header's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from inspector.app.modes.browse.fields import ROLES, SIGNS, WORD, state_of
from inspector.app.shell.view import View
from inspector.app.widgets.ink import WRITTEN, Ink, Row
from inspector.registers import layouts
from inspector.registers.catalog import Register
from inspector.registers.encoding import POISON
from inspector.registers.reading import read_field


class Standing(NamedTuple):
    """What is to be said about one register at a glance."""

    word: str
    """`written`, `changed`, `differs`, `unreadable`, `poison`, `reserved`, `masked`, `raised`, `same`, or empty"""
    sign: str = ""
    role: str = ""

    @property
    def notable(self) -> bool:
        """True when the register deserves a look; one that nobody wrote since the reset has nothing to look at."""
        return self.word not in ("", "same", "poison")


NOTHING = Standing("")
_ORDER = (
    "changed",
    "masked",
    "raised",
    "differs",
    "gone",
    "added",
    "unknown",
    "reserved",
    "unreadable",
)


def standings(view: View) -> Mapping[int, Standing]:
    """The standing of every register of a view; the most telling when several hold."""
    return {register.id: _by_itself(view, register) or _by_layout(view, register) for register in view.registers}


def _by_itself(view: View, register: Register) -> Standing | None:
    """What can be said of a register without its layout."""
    if register.id in view.written:
        return Standing("written", WRITTEN, "raised")
    if view.answer is not None:
        return _by_policy(view, register)
    if register.id in view.changed:
        return Standing("changed", "~", "raised")
    if register.id in view.differing:
        return Standing("differs", "≠", "masked")
    if register.id in view.errors:
        return Standing("unreadable", "✖", "refused")
    value = view.values.get(register.id)
    if value is None:
        return NOTHING
    return Standing("poison", "?", "unknown") if value == POISON else None


def _by_policy(view: View, register: Register) -> Standing:
    """What the chosen policy makes of a register; nothing of those that KVM merely stores."""
    from inspector.app.modes.browse.exposed import standing_words

    if register.id in view.gone:
        return Standing("gone", "-", "masked")
    if register.id in view.added:
        return Standing("added", "+", "raised")
    told = view.model.get(register.id)
    if told is None:
        return NOTHING
    word = standing_words(told)
    return Standing(word, SIGNS[word], ROLES.get(word, word))


def _by_layout(view: View, register: Register) -> Standing:
    value, host = view.values[register.id], view.host.get(register.id)
    if value & register.reserved:
        return Standing("reserved", "!", "masked")
    if host is None:
        return NOTHING
    if host == value:
        return Standing("same", SIGNS["same"], "same")
    states = _states(view, register, value, host) - {"", "same"}
    state = "raised" if states and states <= {"raised", "rebuilt"} else "masked"
    return Standing(state, SIGNS[state], ROLES[state])


def _states(view: View, register: Register, value: int, host: int) -> set[str]:
    """How the fields of the field table compare with the host's; none of a register that it shows as words."""
    schema = layouts.choose(register.id, register.name, value, view.values).schema
    if schema is None or register.size * 8 > WORD:
        return set()
    return {
        state_of(raw, one.extract(host), one.kind, one.width)
        for one in schema.spans
        for raw in (one.extract(value),)
        if not one.reserved or read_field(one, raw, value).flagged
    }


def score(known: Mapping[int, Standing]) -> Row:
    """The counts of the header: `▼ 9  ▲ 1  ≠ 2`; what is zero is left out, unless everything is."""
    counts = Counter(one.word for one in known.values() if one.notable)
    signs = {one.word: one for one in known.values()}
    pieces: list[Ink] = []
    for word in _ORDER:
        if counts[word]:
            pieces += [Ink("  ")] if pieces else []
            pieces.append(Ink(f"{signs[word].sign} {counts[word]}", signs[word].role))
    return tuple(pieces)
