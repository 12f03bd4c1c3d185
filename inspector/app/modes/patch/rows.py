"""How a patch study is drawn: the strip of variants, the two sides, the writes, the explanation of one write."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.shell.numbers import short_value
from inspector.app.widgets.ink import Ink, Row, clip, fit, ink, row, width, wrap
from inspector.app.widgets.listing import GUTTER, Column, Item
from inspector.checks.patch_effect import Effect, Variant, changes, guest_changes
from inspector.checks.restore.result import Finding
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.patch_effect import guest_lines, guest_words, reads_back, verdict_words

ROLE_OF = {"✖": "refused", "▼": "masked", "=": "same"}
ROOMY = 112
"""Cells from which the written value has a column of its own."""


def strip(variants: Sequence[Variant], chosen: int, cells: int) -> Row:
    """Every variant, the chosen one in brackets; it starts late enough for the chosen one to be seen."""
    head = row(Ink(" t next variant: ", "muted"))
    pieces: list[Row] = []
    for place, one in enumerate(variants):
        text = f"[{one.label}]" if place == chosen else f" {one.label} "
        pieces.append(row(ink(text, "chosen" if place == chosen else "muted")))
    first = 0
    while first < chosen and width(head) + sum(map(width, pieces[first : chosen + 1])) > cells - 1:
        first += 1
    before = (Ink("…", "muted"),) if first else ()
    return clip((*head, *before, *(ink for piece in pieces[first:] for ink in piece)), cells)


def overview(effects: Sequence[Effect], chosen: Variant) -> list[Row]:
    """One line per variant: the whole story at a glance."""
    rows = [row(Ink(" t next variant", "muted"))]
    for one in effects:
        here = one.variant == chosen
        sign, role = _sign(one.writes)
        rows.append(
            row(
                Ink(" ▌ " if here else "   ", "link"),
                ink(f"{one.variant.label:<22}", "title" if here else "muted"),
                *fit(row(Ink(f"{sign} {one.headline}", role)), 46),
                Ink("  guest sees ", "muted"),
                ink(guest_lines(one)[0], "" if here else "muted"),
            )
        )
    return rows


def side_rows(before: Effect, after: Effect, made: int | None, cells: int, lines: int) -> list[Row]:
    """Heading, outcome and what the guest sees, the two sides beside each other."""
    half = (cells - 3) // 2
    columns = [_side(before, "before: ", made, half), _side(after, "after: ", made, half)]
    joined = [
        (Ink(" "), *fit(left, half), Ink("│ ", "reserved"), *clip(right, half))
        for left, right in zip(*columns, strict=True)
    ]
    return joined[:lines]


def _sign(writes: Sequence[Finding]) -> tuple[str, str]:
    """Sign and role of what the writes came to."""
    refused = any(one.errno and one.fatal for one in writes)
    ignored = any(one.kind == "changed" and not one.expected for one in writes)
    sign = "✖" if refused else "▼" if ignored else "="
    return sign, ROLE_OF[sign]


def _counts(writes: Sequence[Finding]) -> str:
    """What the first writes came to, in very few words."""
    refused = sum(bool(one.errno and one.fatal) for one in writes)
    ignored = sum(one.kind == "changed" and not one.expected for one in writes)
    parts = [f"{number} {word}" for number, word in ((refused, "refused"), (ignored, "ignored")) if number]
    return ", ".join(parts) or "all accepted"


def _side(effect: Effect, word: str, made: int | None, cells: int) -> list[Row]:
    writes = effect.writes if made is None else effect.writes[:made]
    said = effect.headline if made is None else f"{made} of {len(effect.writes)} made: {_counts(writes)}"
    sign, role = _sign(writes)
    ccidx, cache = guest_lines(effect)
    if cells < 52:
        ccidx, cache = ccidx.removeprefix("ID_AA64MMFR2."), f"L1 data {cache.rpartition('= ')[2]}"
    return [
        row(Ink(word, "muted"), ink(effect.title, "title")),
        row(Ink(f"{sign} {said}", role)),
        row(Ink("guest sees  " if made is None else "at the end  ", "muted"), ink(ccidx)),
        row(Ink("            "), ink(cache)),
    ]


def change_rows(before: Effect, after: Effect, cells: int) -> list[Row]:
    """Which rules the patch brings, how many answers change, what the guest sees otherwise."""
    count = len(changes(before, after))
    rules = ", ".join(rule.name for rule in after.rules) or "none"
    told = f"{count} answer{'s' * (count != 1)} change{'s' * (count == 1)}, {len(before.writes) - count} do not"
    if after.missing:
        told += f"; {len(after.missing)} registers were not saved"
    seen = "; ".join(map(guest_words, guest_changes(before, after))) or "nothing else than before"
    first = row(Ink(" rule ", "muted"), ink(rules), Ink("   "), Ink(told, "title" if count else ""))
    return [clip(first, cells), clip(row(Ink(" guest reads ", "muted"), ink(seen)), cells)]


def write_columns(cells: int) -> tuple[Column, ...]:
    """Register, value, the two answers."""
    room = cells - GUTTER
    if cells >= ROOMY:
        half = (room - 20 - 24) // 2
        return (Column("register", 20), Column("written", 24), Column("before", half), Column("after", half))
    name = 18 if cells >= 76 else 17
    half = (room - name) // 2
    return (Column("register", name), Column("before", half), Column("after", half))


def write_items(
    before: Effect, after: Effect, ids: Sequence[int], made: int | None, columns: Sequence[Column]
) -> list[Item]:
    """A line per write; those that were not made yet are a dot."""
    left = {one.id: (place, one) for place, one in enumerate(before.writes)}
    right = {one.id: one for one in after.writes}
    items = []
    for reg_id in ids:
        place, one = left[reg_id]
        pending = made is not None and place >= made
        cells = [row(ink(by_id(reg_id).name, "muted" if pending else ""))]
        if len(columns) == 4:
            cells.append(row(Ink(_written(one), "muted")))
        room = columns[-1].width - 1
        cells += [row(Ink("·", "muted"))] * 2 if pending else [_answer(f, room) for f in (one, right.get(reg_id))]
        items.append(Item(str(reg_id), tuple(cells)))
    return items


def _written(one: Finding) -> str:
    return "" if one.value is None else grouped_hex(one.value, by_id(one.id).size)


def _answer(one: Finding | None, cells: int) -> Row:
    if one is None:
        return row(Ink("not written", "muted"))
    words = verdict_words(one)
    value = short_value(reads_back(one), max(cells - 13, 0)) if cells >= 24 else ""
    return row(Ink(f"{words:<12}", ROLE_OF.get(words[0], "")), Ink(value, "muted"))


def explain(before: Effect, after: Effect, reg_id: int | None, cells: int) -> list[Row]:
    """One write on both sides: answer, reason, rule, source."""
    if reg_id is None:
        return [row(Ink("No write is answered differently. m shows every write.", "muted"))]
    left = next((one for one in before.writes if one.id == reg_id), None)
    right = next((one for one in after.writes if one.id == reg_id), None)
    shown = right or left
    if shown is None:
        return []
    fields = ", ".join(f"{one.name} [{one.msb}:{one.lsb}] 0x{one.source:x}" for one in shown.fields)
    register = by_id(reg_id)
    head = row(Ink(register.name, "title"), Ink(f"  {_written(shown)}  ", "muted"), ink(fields))
    rows = wrap(head, cells, indent=2)
    for word, one in (("before", left), ("after", right)):
        if one is not None:
            answer = verdict_words(one)
            role = ROLE_OF.get(answer[0], "")
            rows += wrap(row(Ink(f"{word:<8}", "muted"), Ink(f"{answer}  ", role), ink(one.reason)), cells, indent=8)
    if shown.rule:
        rows += wrap(row(Ink("Rule    ", "muted"), ink(shown.rule, "title"), ink(f"  {shown.reference}")), cells, 8)
    return rows
