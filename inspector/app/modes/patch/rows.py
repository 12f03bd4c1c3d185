"""How a patch study is drawn: the series, its forms, who sees what, the writes, and the explanation of one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.app.shell.numbers import Base, bits_text, field_text, short_value, value_text
from inspector.app.widgets.field_rows import FieldLine, field_rows
from inspector.app.widgets.ink import Ink, Row, clip, columns, fit, ink, row, width, wrap
from inspector.app.widgets.listing import GUTTER, Column, Item
from inspector.checks.patch_effect import Effect, Variant, already_in, changes, outcome_of
from inspector.checks.patch_subjects import Subject, named_fields, subjects
from inspector.checks.restore.result import Finding
from inspector.numbers import count_of
from inspector.registers.bits import extract
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.registers.reading import read
from inspector.reports.patch_effect import (
    all_change_words,
    cache_words,
    change_words,
    reads_back,
    restored_words,
    turned,
    verdict_words,
)
from inspector.reports.values import number_text

ROLE_OF = {"✖": "refused", "▼": "masked", "=": "same"}
ROOMY = 112
"""Cells from which the written value, and who sees what, have columns of their own."""
LABEL = 26
"""Cells of a variant's name."""
NEXT_FORM, NEXT_SERIES = "screen.variant(1)", "screen.series"
"""What a click on the key of each does."""


def series_row(variant: Variant, place: int, count: int, cells: int) -> Row:
    """The series by its title, and which of all it is."""
    where = f"  {place} of {count}" if count > 1 else ""
    keys = (
        row(Ink(where, "muted"), Ink("  "), Ink("S", "key", NEXT_SERIES), Ink(" next ", "muted", NEXT_SERIES))
        if count > 1
        else ()
    )
    title = row(Ink(" ", ""), ink(variant.series, "title"))
    return (*fit(title, cells - width(keys)), *keys)


def strip(variants: Sequence[Variant], chosen: Variant, cells: int) -> Row:
    """Every form of the series, the chosen one in brackets; it starts late enough for the chosen one to be seen."""
    head = row(Ink(" t ", "key", NEXT_FORM))
    pieces = [
        row(ink(f"[{one.label}]", "chosen") if one == chosen else ink(f" {one.label} ", "muted", _choose(place)))
        for place, one in enumerate(variants)
    ]
    place = next((at for at, one in enumerate(variants) if one == chosen), 0)
    first = 0
    while first < place and width(head) + sum(map(width, pieces[first : place + 1])) > cells - 1:
        first += 1
    before = (Ink("…", "muted"),) if first else ()
    return clip((*head, *before, *(ink for piece in pieces[first:] for ink in piece)), cells)


def overview(
    variants: Sequence[Variant], effects: Mapping[Variant, Effect], before: Effect, chosen: Variant, cells: int
) -> list[Row]:
    """One line for each form of the series: what the restore meets, and what it changes; `…` while it is worked out."""
    told = [len(effects[one].headline) + 4 for one in variants if one in effects]
    outcome = max(26, *told) if cells >= ROOMY else 34
    heads = Ink(f"  {'form':<{LABEL - 1}}{'restore of the saved VM':<{outcome}}what it changes", "muted")
    rows: list[Row] = [row(Ink(" "), Ink("t", "key", NEXT_FORM), heads)]
    for place, one in enumerate(variants):
        here, effect = one == chosen, effects.get(one)
        line = row(Ink(" ▌ " if here else "   ", "link"), *fit(row(ink(one.label, "title" if here else "")), LABEL))
        if effect is None:
            line = (*line, Ink("…", "muted"))
        else:
            sign, role = sign_of(effect.writes)
            said = fit(row(Ink(f"{sign} {effect.headline}", role)), outcome)
            line = (*line, *said, ink(change_words(before, effect), "" if here else "muted"))
        rows.append(tuple(piece._replace(click=_choose(place)) for piece in clip(line, cells)))
    return rows


def _choose(place: int) -> str:
    """The action of a click on one of the forms of the series on screen."""
    return f"screen.form({place})"


def side_rows(before: Effect, after: Effect, made: int | None, cells: int) -> list[Row]:
    """Heading and outcome, the two sides beside each other."""
    half = (cells - 3) // 2
    merged = already_in(after)
    heads = (
        row(Ink("before  ", "muted"), ink(before.title, "title")),
        row(Ink("after  ", "muted"), ink(merged or after.title, "title")),
    )
    ends = [_outcome(side, made) for side in (before, after)]
    return [
        (Ink(" "), *fit(left, half), Ink("│ ", "reserved"), *clip(right, half)) for left, right in (heads, tuple(ends))
    ]


def sign_of(writes: Sequence[Finding]) -> tuple[str, str]:
    """Sign and role of what the writes came to."""
    refused = any(one.errno and one.fatal for one in writes)
    ignored = any(one.kind == "changed" and not one.expected for one in writes)
    sign = "✖" if refused else "▼" if ignored else "="
    return sign, ROLE_OF[sign]


def counts(writes: Sequence[Finding]) -> tuple[int, int]:
    """How many of the writes were refused, and how many were accepted and ignored."""
    refused = sum(bool(one.errno and one.fatal) for one in writes)
    return refused, sum(one.kind == "changed" and not one.expected for one in writes)


def _outcome(effect: Effect, made: int | None) -> Row:
    writes = effect.writes if made is None else effect.writes[:made]
    sign, role = sign_of(writes)
    said = effect.headline
    if made is not None:
        said = f"{made} of {len(effect.writes)} made: {outcome_of(writes, len(effect.writes))}"
    return row(Ink(f"{sign} {said}", role))


def seen_rows(before: Effect, after: Effect, cells: int, lines: int) -> list[Row]:
    """Who sees what: for each field host, a new VM's userspace and guest, and what a saved VM's value meets."""
    found = subjects(before, after)
    if lines < 2:
        return []
    if not found:
        why = _why_nothing(after)
        return [clip(row(Ink(" who sees what  ", "muted"), ink(why)), cells)]
    wide = cells >= ROOMY
    sizes = (34, 8, 16, 16) if wide else (22, 5, 12, 12)
    saved = "a VM that was saved before, on restore" if wide else "a saved VM, on restore"
    heads = ("who sees what", "host", "userspace", "guest", saved)
    rows = [(Ink(" "), *columns([row(Ink(one, "muted")) for one in heads], (*sizes, cells - sum(sizes) - 1)))]
    shown = found if len(found) < lines else found[: lines - 2]
    for one in shown:
        rows.append((Ink(" "), *columns(_seen(one, wide), (*sizes, cells - sum(sizes) - 1))))
    if len(shown) < len(found):
        rows.append(row(Ink(f" and {len(found) - len(shown)} more (Y copies all, e writes them)", "muted")))
    elif len(rows) < lines and (words := cache_words(before, after)):
        told = wrap(row(Ink(" besides  ", "muted"), ink(words)), cells, indent=10)
        room = lines - len(rows)
        rows += told if len(told) <= room else [*told[: room - 1], clip((*told[room - 1], Ink("…")), cells)]
    return rows


def _why_nothing(after: Effect) -> str:
    """Why nobody sees anything else: the kernel has the patch, or the host lacks what it touches."""
    if merged := already_in(after):
        return f"{merged}; b: on the last kernel without it"
    host = ", ".join(f"{name} {number_text(value)}" for name, value in named_fields(after)[:3])
    return "nothing differs for this VM" + (f"; the host has {host}" if host else "")


def _seen(one: Subject, wide: bool) -> list[Row]:
    name = one.name if wide else one.name.replace("_EL1", "")
    answers = []
    for sight in (one.before, one.after):
        words = restored_words(one, sight)
        answers.append(ink(words, ROLE_OF.get(words[0], "")))
    saved = (Ink(f"{number_text(one.saved)}: "),) if one.saved is not None else ()
    same = answers[0].text == answers[1].text
    restored = (*saved, answers[0]) if same else (*saved, answers[0], Ink(" → ", "muted"), answers[1])
    values = [(one.before.userspace, one.after.userspace), (one.before.guest, one.after.guest)]
    sides = [row(Ink(turned(*pair), "masked" if pair[0] != pair[1] else "")) for pair in values]
    return [row(ink(name, "title")), row(number_text(one.host)), *sides, restored]


def change_row(before: Effect, after: Effect, cells: int) -> Row:
    """Which rules the patch brings, and how many answers change."""
    count = len(changes(before, after))
    rules = ", ".join(rule.name for rule in after.rules) or "none"
    told = f"{count_of(count, 'answer')} change{'s' * (count == 1)}, {len(before.writes) - count} do not"
    if after.missing:
        told += f"; {len(after.missing)} registers were not saved"
    return clip(row(Ink(" rule ", "muted"), ink(rules), Ink("   "), Ink(told, "title" if count else "")), cells)


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
            cells.append(row(Ink(written(one), "muted")))
        room = columns[-1].width - 1
        cells += [row(Ink("·", "muted"))] * 2 if pending else [_answer(f, room) for f in (one, right.get(reg_id))]
        items.append(Item(str(reg_id), tuple(cells)))
    return items


def written(one: Finding) -> str:
    """The saved value."""
    return "" if one.value is None else grouped_hex(one.value, by_id(one.id).size)


def _answer(one: Finding | None, cells: int) -> Row:
    if one is None:
        return row(Ink("not written", "muted"))
    words = verdict_words(one)
    value = short_value(reads_back(one), max(cells - 13, 0)) if cells >= 24 else ""
    return row(Ink(f"{words:<12}", ROLE_OF.get(words[0], "")), Ink(value, "muted"))


def fields_beside(before: Effect, after: Effect, reg_id: int, cells: int, base: Base) -> list[Row]:
    """Every field of a written register: as it was saved, and as it reads back on both sides."""
    sides = [next((one for one in side.writes if one.id == reg_id), None) for side in (before, after)]
    saved = next((one.value for one in sides if one is not None and one.value is not None and not one.withheld), None)
    if saved is None or by_id(reg_id).size > 8:
        return []
    lines = []
    for one in read(reg_id, saved).fields:
        known = [
            None if side is None or side.after is None else extract(side.after, one.msb, one.lsb) for side in sides
        ]
        texts = [
            "-" if value is None else field_text(value, one.msb - one.lsb + 1, base) for value in (one.value, *known)
        ]
        unlike = known[0] != known[1]
        role = "masked" if unlike else "muted"
        values = Ink(texts[0]), Ink(texts[1], "muted"), Ink(texts[2], role)
        mark = Ink("≠ " if unlike else "  ", role)
        lines.append(FieldLine(one.name, bits_text(one.msb, one.lsb), values, mark, ink(one.meaning, "muted"), unlike))
    return [(), *field_rows(f"{by_id(reg_id).name}: saved, read back before, and after", lines, cells)]


def every_change(before: Effect, after: Effect, cells: int) -> list[Row]:
    """All that a form of a patch changes for anybody, a line each."""
    said = all_change_words(before, after)
    if not said:
        return []
    rows: list[Row] = [(), row(Ink(f"What it changes, {len(said)} in all", "heading"))]
    return rows + [line for one in said for line in wrap(row(ink(one)), cells, 2)]


def explain(before: Effect, after: Effect, reg_id: int | None, cells: int, base: Base = "hex") -> list[Row]:
    """One write on both sides: answer, reason, rule, source. `base`: of the value and its fields."""
    if reg_id is None:
        return [row(Ink("No write is answered differently. m shows every write.", "muted"))]
    left = next((one for one in before.writes if one.id == reg_id), None)
    right = next((one for one in after.writes if one.id == reg_id), None)
    shown = right or left
    if shown is None:
        return []
    fields = ", ".join(
        f"{one.name} [{one.msb}:{one.lsb}] {field_text(one.source, one.msb - one.lsb + 1, base)}"
        for one in shown.fields
    )  # fmt: skip
    register = by_id(reg_id)
    value = "" if shown.value is None or register.size > 8 else value_text(shown.value, register.size, base)
    head = row(Ink(register.name, "title"), Ink(f"  {value or written(shown)}  ", "muted"), ink(fields))
    rows = wrap(head, cells, indent=2)
    for word, one in (("before", left), ("after", right)):
        if one is not None:
            answer = verdict_words(one)
            role = ROLE_OF.get(answer[0], "")
            rows += wrap(row(Ink(f"{word:<8}", "muted"), Ink(f"{answer}  ", role), ink(one.reason)), cells, indent=8)
    if shown.rule:
        rows += wrap(row(Ink("Rule    ", "muted"), ink(shown.rule, "title"), ink(f"  {shown.reference}")), cells, 8)
    return rows
