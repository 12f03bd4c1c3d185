"""The report of a patch study, in Markdown for a bug report or a mailing list."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.patch_effect import (
    BEFORE,
    Effect,
    GuestChange,
    PatchStudy,
    Variant,
    changes,
    differing,
    guest_changes,
)
from inspector.checks.restore.result import Finding
from inspector.errors import one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.text import markdown_table
from inspector.sources.consistency import identifies


def verdict_words(finding: Finding) -> str:
    """One write's answer in words: `✖ EINVAL`, `= accepted`, `▼ ignored`, `= kept`."""
    if finding.kind == "only_in_source":
        return "✖ not listed" if finding.fatal else "▼ dropped"
    if finding.errno:
        return f"✖ {finding.errno_name}"
    if finding.kind == "changed":
        return "= runs on" if finding.expected else "▼ ignored"
    if identifies(finding.id) and finding.destination is not None and finding.value != finding.destination:
        return "= kept"
    return "= accepted"


def reads_back(finding: Finding) -> str:
    """The value that userspace reads after the write."""
    if finding.after is None:
        return "" if finding.errno else "?"
    return grouped_hex(finding.after, by_id(finding.id).size)


def guest_words(change: GuestChange) -> str:
    """`ID_AA64MMFR2_EL1.CCIDX 0x1 -> 0x0`."""
    name = by_id(change.id).name + (f".{change.field}" if change.field else "")
    sides = ("?" if value is None else f"0x{value:x}" for value in (change.before, change.after))
    return f"{name} {' -> '.join(sides)}"


def guest_lines(effect: Effect) -> list[str]:
    """What the guest sees of the caches, in two short lines."""
    guest = effect.guest
    layout = {None: "?", 0: "32-bit"}.get(guest.ccidx, "64-bit")
    ccidx = "?" if guest.ccidx is None else str(guest.ccidx)
    return [f"ID_AA64MMFR2.CCIDX {ccidx}, CCSIDR {layout}", f"L1 data {guest.cache}"]


def study_markdown(study: PatchStudy, shown: Sequence[Variant]) -> list[str]:
    """The whole study: the question, one line per variant, the writes that differ anywhere, what the guest sees."""
    before = study.effect()
    effects = [study.effect(variant) for variant in shown]
    rows = [
        [effect.variant.label, effect.title, effect.headline, "; ".join(guest_lines(effect))]
        for effect in (before, *effects)
    ]
    lines = [f"## {study.question}", "", *markdown_table(["variant", "kernel", "outcome", "guest sees"], rows), ""]
    ids = [one.id for one in before.writes if any(one.id in differing(before, effect) for effect in effects)]
    if ids:
        head = ["register", "written", BEFORE.label, *(effect.variant.label for effect in effects)]
        lines += [*markdown_table(head, [_writes_row(i, (before, *effects)) for i in ids]), ""]
    for effect in effects:
        lines += _variant_lines(before, effect)
    if before.notes or study.explanation:
        lines += [*(f"- {text}" for text in (study.explanation, *before.notes) if text), ""]
    return [one_line(line) for line in lines]


def _writes_row(reg_id: int, effects: Sequence[Effect]) -> list[str]:
    found = [next((one for one in effect.writes if one.id == reg_id), None) for effect in effects]
    value = next((one.value for one in found if one is not None and one.value is not None), 0)
    register = by_id(reg_id)
    cells = ["" if one is None else f"{verdict_words(one)} {reads_back(one)}".strip() for one in found]
    return [register.name, grouped_hex(value, register.size), *cells]


def _variant_lines(before: Effect, effect: Effect) -> list[str]:
    lines = [f"### {effect.variant.label}: {effect.title}", ""]
    lines += [f"- rule `{rule.name}`: {rule.reason} ({rule.reference})" for rule in effect.rules]
    count = len(changes(before, effect))
    rest = len(before.writes) - count
    lines.append(f"- {count} answer{'s' * (count != 1)} change, {rest} do not")
    if effect.missing:
        lines.append(f"- {len(effect.missing)} registers that were not saved keep the destination's own value")
    seen = guest_changes(before, effect)
    lines.append("- the guest sees: " + ("; ".join(map(guest_words, seen)) if seen else "nothing else than before"))
    return [*lines, ""]
