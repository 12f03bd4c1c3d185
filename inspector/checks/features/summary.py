"""What this CPU is and what the guest gets: the lines of a summary, and the features lost between host and guest."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.checks.features.level import standing
from inspector.checks.features.presence import FeatureState, states_of
from inspector.checks.features.rows import SummaryRow, rows
from inspector.checks.features.sides import Side, Sides
from inspector.registers.bits import State
from inspector.sources.dump import Provenance


class SummaryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line with what each side has."""

    key: str
    title: str
    host: str | None
    """None where it is not known"""
    vcpu: str | None
    state: State | Literal[""]
    """how the vCPU stands to the host; `unknown` where one of them is not known, empty where nothing is compared"""
    lost: tuple[str, ...] = ()
    """names of features of this line that the host has and the vCPU lacks"""
    places: tuple[str, ...] = ()
    """REGISTER or REGISTER.FIELD that it is read from"""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU in some twenty lines."""

    source: Provenance
    host: str
    """how the host's side is called; empty without one"""
    vcpu: str
    kernel: str = ""
    """the kernel that shows the vCPU, or under which it was saved"""
    lines: tuple[SummaryLine, ...]
    blank: tuple[str, ...] = ()
    """titles of lines about which this source shows nothing"""
    lost: tuple[FeatureState, ...] = ()
    notes: tuple[str, ...] = ()


def lines_of(sides: Sides) -> tuple[SummaryLine, ...]:
    """Every line, also those of which neither side shows anything."""
    return (*(_line(one, sides) for one in rows()), *_kvm(sides))


def summarise(sides: Sides) -> Summary:
    """The summary of both sides."""
    lines = lines_of(sides)
    told = tuple(line for line in lines if line.host is not None or line.vcpu is not None)
    given = [side for side in (sides.host, sides.vcpu) if side is not None]
    found = sides.machine
    lost = tuple(one for one in states_of(sides) if one.lost)
    notes = [*sides.notes, *(f"{side.title}: {side.note}" for side in given if side.note)]
    return Summary(
        source=sides.dump.provenance,
        host=sides.host.title if sides.host else "",
        vcpu=sides.vcpu.title if sides.vcpu else "",
        kernel=f"{found.question.title} ({found.policy.evidence})" if found else "",
        lines=told,
        blank=tuple(line.title for line in lines if line not in told),
        lost=lost,
        notes=tuple(dict.fromkeys(notes)),
    )


def _kvm(sides: Sides) -> tuple[SummaryLine, ...]:
    """The kernel, and what it makes a vCPU of."""
    found, setup = sides.machine, sides.vcpu.setup if sides.vcpu is not None else None
    host = f"{found.question.title} ({found.policy.evidence})" if found is not None else None
    words = [f"features {setup.describe()}", f"vGIC {setup.gic}"] if setup is not None else []
    if found is not None and sides.vcpu is not None:
        book = found.exposure.book
        writable = sum(1 for reg_id in book.registers if book.of(reg_id).writable)
        words += [f"{len(sides.vcpu.values.known)} registers"]
        words += [f"{writable} ID registers partly writable" if writable else "ID registers fixed"]
    if host is None and not words:
        return ()
    return (SummaryLine(key="kvm", title="KVM", host=host, vcpu=", ".join(words) or None, state=""),)


def _line(one: SummaryRow, sides: Sides) -> SummaryLine:
    host, vcpu = (None if side is None else one.words(side) for side in (sides.host, sides.vcpu))
    lost = _lost(one, sides.host, sides.vcpu)
    return SummaryLine(
        key=one.key, title=one.title, host=host, vcpu=vcpu, state=_state(one, sides, host, vcpu, lost), lost=lost,
        places=one.places,
    )  # fmt: skip


def _lost(one: SummaryRow, host: Side | None, vcpu: Side | None) -> tuple[str, ...]:
    if host is None or vcpu is None:
        return ()
    return tuple(name for name in one.features if host.has(name) and vcpu.has(name) is False)


def _state(
    one: SummaryRow, sides: Sides, host: str | None, vcpu: str | None, lost: tuple[str, ...]
) -> State | Literal[""]:
    """`masked` where nothing is left, `lowered` and `raised` by features, `rebuilt` for other words."""
    if lost:
        left = any(sides.vcpu.has(name) for name in one.features) if sides.vcpu is not None else False
        return "lowered" if left else "masked"
    if sides.host is None or sides.vcpu is None:
        return ""
    if host is None or vcpu is None:
        return "unknown"
    if host == vcpu:
        return "same"
    if "?" in host or "?" in vcpu:
        return "unknown"
    return _other_words(one, sides.host, sides.vcpu)


def _other_words(one: SummaryRow, host: Side, vcpu: Side) -> State:
    """How a side stands to the other where words differ and no feature is lost."""
    has = [(host.has(name), vcpu.has(name)) for name in one.features]
    if any(None in pair for pair in has):
        return "unknown"
    if any(pair == (False, True) for pair in has):
        return "raised"
    if one.key == "architecture":
        return _levels(host, vcpu)
    if one.key == "virtualisation":
        return "masked"
    return "same" if one.by_features else "rebuilt"


def _levels(host: Side, vcpu: Side) -> State:
    before, after = standing(host.has), standing(vcpu.has)
    if not (before.missing and after.missing):
        return "unknown"
    return "lowered" if after.met < before.met else "raised" if after.met > before.met else "rebuilt"
