"""The report of a patch study, in Markdown for a bug report or a mailing list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from inspector.checks.patch_effect import (
    BEFORE,
    NO_CACHE,
    Effect,
    GuestChange,
    PatchStudy,
    Variant,
    already_in,
    changes,
    differing,
    guest_changes,
)
from inspector.checks.patch_subjects import Sight, Subject, subjects
from inspector.checks.restore.result import Finding
from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.text import markdown_table, markdown_text
from inspector.reports.values import number_text
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
    sides = (number_text(value) for value in (change.before, change.after))
    return f"{name} {' -> '.join(sides)}"


def turned(before: int | None, after: int | None) -> str:
    """`0x1 → 0x0`, or the value alone where it stays."""
    return number_text(after) if before == after else f"{number_text(before)} → {number_text(after)}"


def restored_words(subject: Subject, sight: Sight) -> str:
    """What a saved VM's value meets: `= accepted`, `✖ EINVAL`, `▼ ignored, guest reads 0x0`."""
    if sight.write is None:
        return "not saved"
    words = verdict_words(sight.write)
    if sight.write.errno or sight.restored == subject.saved:
        return words
    return f"{words}, guest reads {number_text(sight.restored)}"


SEEN = ("field", "host", "new VM: userspace", "new VM: guest", "saved VM's value", "on restore before", "after")
"""Columns of `seen_cells`."""


def seen_cells(subject: Subject) -> list[str]:
    """Who sees what of one field, and what a VM that was saved before meets."""
    old, new = subject.before, subject.after
    return [
        subject.name, number_text(subject.host), turned(old.userspace, new.userspace), turned(old.guest, new.guest),
        number_text(subject.saved), restored_words(subject, old), restored_words(subject, new),
    ]  # fmt: skip


def change_words(before: Effect, after: Effect) -> str:
    """What a variant changes for anybody: `ID_AA64MMFR2_EL1.CCIDX 0x1 → 0x0, ID_MMFR4_EL1.CCIDX 0x1 → 0x0`."""
    if after.variant == before.variant:
        return ""
    if merged := already_in(after):
        return f"{merged}: nothing changes"
    found = subjects(before, after)
    words = [_change(one) for one in found[:MOST_CHANGES]]
    more = [f"{len(found) - MOST_CHANGES} more"] if len(found) > MOST_CHANGES else []
    return ", ".join([*words, *more]) or "nothing for this VM"


MOST_CHANGES = 3


def all_change_words(before: Effect, after: Effect) -> list[str]:
    """The same of every field, each on its own."""
    told = after.variant != before.variant and not already_in(after)
    return [_change(one) for one in subjects(before, after)] if told else []


def _change(one: Subject) -> str:
    for old, new in (
        (one.before.userspace, one.after.userspace), (one.before.guest, one.after.guest),
        (one.before.restored, one.after.restored),
    ):  # fmt: skip
        if old != new:
            return f"{one.name} {turned(old, new)}"
    return f"{one.name} is answered otherwise"


def cache_words(before: Effect, after: Effect) -> str:
    """What a new VM's guest takes its first-level data cache for; empty where that stays."""
    old, new = before.fresh.cache, after.fresh.cache
    if old == new:
        return ""
    if NO_CACHE in (old, new):
        return f"what the guest takes its L1 data cache for: {old} → {new}"
    return f"the guest takes its L1 data cache for {new}, not {old}"


def study_markdown(study: PatchStudy, shown: Sequence[Variant]) -> list[str]:
    """The whole study: the question, one line per variant, the writes that differ anywhere, what the guest sees."""
    before = study.effect()
    effects = [study.effect(variant) for variant in shown]
    lines = [f"## {markdown_text(study.question)}", ""]
    for series, group in groupby(effects, key=lambda effect: effect.variant.series):
        rows = [
            [effect.variant.label, effect.variant.title, effect.title, effect.headline, change_words(before, effect)]
            for effect in (before, *group)
        ]
        head = ["variant", "what it does", "kernel", "restore of the saved VM", "what it changes"]
        lines += [f"### {markdown_text(series)}", "", *markdown_table(head, rows), ""]
    ids = [one.id for one in before.writes if any(one.id in differing(before, effect) for effect in effects)]
    if ids:
        head = ["register", "written", BEFORE.label, *(effect.variant.label for effect in effects)]
        lines += [*markdown_table(head, [_writes_row(i, (before, *effects)) for i in ids]), ""]
    for effect in effects:
        lines += _variant_lines(before, effect)
    if before.notes or study.explanation:
        lines += [*(f"- {markdown_text(text)}" for text in (study.explanation, *before.notes) if text), ""]
    return [one_line(line) for line in lines]


def _writes_row(reg_id: int, effects: Sequence[Effect]) -> list[str]:
    found = [next((one for one in effect.writes if one.id == reg_id), None) for effect in effects]
    value = next((one.value for one in found if one is not None and one.value is not None), 0)
    register = by_id(reg_id)
    cells = ["" if one is None else f"{verdict_words(one)} {reads_back(one)}".strip() for one in found]
    return [register.name, grouped_hex(value, register.size), *cells]


def _variant_lines(before: Effect, effect: Effect) -> list[str]:
    lines = [f"#### {markdown_text(f'{effect.variant.series}, {effect.variant.label}: {effect.title}')}", ""]
    found = subjects(before, effect)
    if found:
        lines += [*markdown_table(list(SEEN), [seen_cells(one) for one in found]), ""]
    if words := cache_words(before, effect):
        lines.append(f"- {words}")
    lines += [markdown_text(f"- rule {rule.name}: {rule.reason} ({rule.reference})") for rule in effect.rules]
    count = len(changes(before, effect))
    rest = len(before.writes) - count
    lines.append(f"- {count_of(count, 'answer')} change{'s' * (count == 1)}, {rest} do not")
    if effect.missing:
        lines.append(f"- {len(effect.missing)} registers that were not saved keep the destination's own value")
    seen = guest_changes(before, effect)
    said = "; ".join(map(guest_words, seen)) if seen else "nothing else than before"
    fails = any(one.errno for one in effect.writes)
    whose = (
        "after a restore that went on past the refused writes, the guest would read"
        if fails
        else ("the restored VM's guest reads")
    )
    lines.append(f"- {whose}: {said}")
    return [*lines, ""]
