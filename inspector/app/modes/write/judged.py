"""How the Write dialog is drawn once something is judged: verdict, judged fields, why, what would pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inspector.app.modes.write.rows import problem_rows
from inspector.app.shell.numbers import Base, bits_text, field_text, part_text, short_value, value_text
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.listing import GUTTER, Column, Item
from inspector.app.widgets.outlined import outline_rows
from inspector.checks.writing.bench import Attempt
from inspector.checks.writing.typed import TypedWrite
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.registers.bits import ones, open_text
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.verdicts import OUTCOMES, judgement, outcome, reasons, unchanged, would_pass

if TYPE_CHECKING:
    from inspector.checks.writing.scratch import PairedWrite


LEAST_WRAPPED = 20
"""Cells from which a judgement goes on below its first line."""


def verdict_rows(attempts: Sequence[Attempt], base: Base, cells: int) -> list[Row]:
    """The answer in one line, or how many of several pass; of a text that is no value, why."""
    problem = next((one.problem for one in attempts if one.problem), "")
    if problem:
        return problem_rows(problem, cells)[:1]
    told = [one.verdict for one in attempts if one.verdict is not None]
    if len(told) == 1:
        return [_answer(told[0], base, cells)]
    bad = [one for one in told if one.outcome != "accepted"]
    role = outcome(bad[0]).role if bad else "same"
    counts = [(words, sum(one.outcome == word for one in told)) for word, words in OUTCOMES.items()]
    words = ", ".join(f"{count} {words.text}" for words, count in counts if count)
    return [clip(row(Ink(f"{len(told)} writes: {words}", role)), cells)]


def _answer(verdict: Verdict, base: Base, cells: int) -> Row:
    size = by_id(verdict.id).size
    back = (
        ""
        if verdict.after is None
        else f"   reads back {part_text(verdict.after, verdict.after_known if size <= 8 else -1, size, base)}"
    )
    return clip(row(Ink(*outcome(verdict)), Ink(back, "muted")), cells)


def part_columns(cells: int) -> tuple[Column, ...]:
    """Columns of several writes at once."""
    return (Column("write", max(cells // 2 - 2, 26)), Column("answer"))


def part_items(writes: Sequence[TypedWrite], attempts: Sequence[Attempt]) -> list[Item]:
    """A line for each of several writes."""
    items = []
    for place, (write, attempt) in enumerate(zip(writes, attempts, strict=True)):
        verdict = attempt.verdict
        if verdict is None:
            answer = row(Ink("✖ ", "refused"), ink(attempt.problem))
        else:
            answer = row(Ink(*outcome(verdict, brief=True)))
        items.append(Item(f"part {place}", (row(ink(write.command)), answer)))
    return items


def pair_words(pair: PairedWrite) -> str:
    """`predicted EINVAL, actual EINVAL: as predicted`, for one write that was really made."""
    from inspector.reports.scratch import actual_word, compared_words, predicted_word

    verdict, actual = pair
    size = by_id(actual.id).size
    back = "" if actual.after is None else f", reads back {grouped_hex(actual.after, size)}"
    return f"predicted {predicted_word(verdict)}, actual {actual_word(pair)}: {compared_words(pair)}{back}"


def field_columns(changed: Sequence[JudgedField], base: Base, cells: int) -> tuple[Column, ...]:
    """Field, three values, writable where there is room, what decides; as wide as their content."""
    names = max([len(_name(one)) for one in changed], default=16)
    columns = [Column("field", max(min(names, cells // 4), 14) + 2)]
    for title, place in (("now", 0), ("write", 1), ("limit", 2)):
        longest = max([len(_numbers(one, base)[place]) for one in changed], default=5)
        columns.append(Column(title, max(min(longest, 14), 5) + 2))
    if cells >= 70:
        columns.append(Column("writable", 10))
    return (*columns, Column("judgement"))


def field_items(attempt: Attempt, base: Base, columns: Sequence[Column], cells: int) -> list[Item]:
    """A line per field that the write changes or that is refused, refused ones first; then how many others there
    are."""
    verdict = attempt.verdict
    if verdict is None:
        return []
    changed = sorted(attempt.changed, key=lambda one: one.accepted)
    room = cells - GUTTER - sum(one.width or 0 for one in columns)
    items = [line for one in changed for line in _field_lines(one, base, columns, room)]
    if rest := unchanged(verdict):
        last = [row(Ink(rest, "muted")), *[row("")] * (len(columns) - 2), row(Ink("= unchanged", "same"))]
        items.append(Item("rest", tuple(last)))
    return items


def _name(one: JudgedField) -> str:
    return one.name if one.name.startswith("[") else f"{one.name} [{bits_text(one.msb, one.lsb)}]"


def _numbers(one: JudgedField, base: Base) -> tuple[str, str, str]:
    bits = one.msb - one.lsb + 1
    mask = ones(bits)

    def text(value: int, known: int) -> str:
        return field_text(value, bits, base) if known & mask == mask else open_text(value, known, bits)

    return text(one.now, one.now_known), field_text(one.written, bits, base), text(one.limit, one.limit_known)


def _judged(one: JudgedField, room: int) -> Row:
    """The judgement; where it would be cut, in fewer words that the other columns complete."""
    text, role = judgement(one)
    if len(text) > room and not one.accepted and one.reason.startswith("not writable"):
        text = "✖ must equal the limit"
    return row(ink(text, role))


def _field_lines(one: JudgedField, base: Base, columns: Sequence[Column], room: int) -> list[Item]:
    """A field, and the lines in which a judgement goes on that does not fit beside it."""
    judged = _judged(one, room)
    # In a narrow column it would take the lines of what explains it, which says the same.
    first, *further = wrap(judged, room, indent=2) if room >= LEAST_WRAPPED else [judged]
    numbers = zip(_numbers(one, base), columns[1:4], strict=True)
    cells = [row(ink(_name(one))), *(row(Ink(short_value(text, column.width - 2))) for text, column in numbers)]
    if len(columns) == 6:
        cells.append(row(Ink("yes" if one.writable else "no", "muted")))
    key, blank = f"{one.name} {one.msb}", [row("")] * len(cells)
    rest = [Item(f"{key} {at}", (*blank, line), pick=False, more=True) for at, line in enumerate(further)]
    return [Item(key, (*cells, first)), *rest]


def why_rows(verdict: Verdict | None, base: Base, cells: int, lines: int, take: str) -> list[Row]:
    """Reason, rule and source, and the nearest value that would pass, with the key that takes it; this line is never
    lost."""
    if verdict is None:
        return []
    size = by_id(verdict.id).size
    rows = outline_rows(reasons(verdict, 8), cells)
    last = [
        clip(
            row(Ink(one.head, "muted"), *(ink(*words) for words in one.words), Ink(f"   ({take} takes it)", "muted")),
            cells,
        )
        for one in would_pass(verdict, lambda value: value_text(value, size, base))
    ]
    room = max(lines - len(last), 0)
    return [*rows[:room], *last]
