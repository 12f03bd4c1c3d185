"""How the Write dialog is drawn: head, verdict, judged fields, why, what would pass."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.app.shell.numbers import Base, bits_text, field_text, part_text, short_value, value_text
from inspector.app.widgets.ink import WRITTEN, Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.listing import Column, Item
from inspector.app.widgets.outlined import outline_rows
from inspector.checks.writing.bench import Attempt
from inspector.checks.writing.completing import Completion
from inspector.checks.writing.history import History
from inspector.checks.writing.scratch import PairedWrite
from inspector.checks.writing.typed import TypedWrite
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.registers.bits import ones, open_text
from inspector.registers.catalog import Register, by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.scratch import compared_words, predicted_word
from inspector.reports.verdicts import OUTCOMES, judgement, outcome, reasons, unchanged, would_pass


def head_rows(
    register: Register,
    history: History,
    vcpu: tuple[int, str],
    policy: str,
    base: Base,
    cells: int,
    short: bool,
    read: tuple[int, int] | None = None,
) -> list[Row]:
    """Register, vCPU (number and name) and policy, present value.

    `read`: value and known bits as the vCPU was saved under this kernel, which tell what the model cannot derive.
    """
    bench = history.bench
    assert bench is not None
    ran = "after its first run" if history.ran else "not run yet"
    count = history.writes
    kept = f"   {count} write{'s' * (count != 1)} tried" if count else ""
    now = bench.now(register.id, vcpu[0])
    present = "not known"
    if now is not None:
        wide = register.size > 8
        known = -1 if wide else bench.known(register.id, vcpu[0])
        if read is not None and not (read[0] ^ now) & known:
            now, known = read[0] | now & known, read[1] | known
        present = part_text(now, known, register.size, "hex" if wide else base)
    changed = row(Ink(f"   {WRITTEN} written", "raised")) if register.id in history.changes(vcpu[0]) else ()
    first = row(Ink("register  ", "muted"), ink(register.name, "title"))
    if not short:
        first = (*first, Ink(f"   id {grouped_hex(register.id)}", "muted"))
    about = row(Ink("vCPU      ", "muted"), ink(f"{vcpu[1]}, {ran}{kept}"), Ink("   policy ", "muted"), ink(policy))
    return [
        clip(first, cells),
        clip(about, cells),
        clip((*row(Ink("now       ", "muted"), Ink(present)), *changed), cells),
    ]


def problem_rows(problem: str, cells: int) -> list[Row]:
    """Why something is no write or no value: the line of the verdict, and how it goes on below."""
    return wrap(row(Ink("✖ ", "refused"), ink(problem)), cells, indent=2)


def verdict_rows(attempts: Sequence[Attempt], base: Base, cells: int, hint: str = "") -> list[Row]:
    """The answer in one line, or how many of several pass; of a text that is no value, why.

    `hint`: what is still missing, where the text is not complete.
    """
    if hint:
        return [clip(row(Ink(hint, "muted")), cells)]
    problem = next((one.problem for one in attempts if one.problem), "")
    if problem:
        return problem_rows(problem, cells)[:1]
    told = [one.verdict for one in attempts if one.verdict is not None]
    if not told:
        return [clip(row(Ink("type a value: 0x…, 0b…, decimal, FIELD=value or REG.FIELD=value", "muted")), cells)]
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


def offer_row(found: Completion, cells: int) -> Row:
    """What the line may go on with: names, or values with their meanings."""
    if found.values:
        told = [(value, text.split(";")[0]) for value, text in found.values]
        pieces = [piece for value, text in told for piece in (Ink(value, "key"), ink(f" {text}   ", "muted"))]
        return clip(row(Ink("          "), *pieces), cells)
    if not found.words:
        return ()
    names = [piece for word in found.words[:12] for piece in (ink(word, "muted"), Ink("  "))]
    return clip(row(Ink("tab       ", "key"), *names), cells)


def pair_words(pair: PairedWrite) -> str:
    """`predicted EINVAL, actual EINVAL: as predicted`, for one write that was really made."""
    import errno

    verdict, actual = pair
    name = errno.errorcode.get(actual.errno, str(actual.errno)) if actual.errno else "0"
    size = by_id(actual.id).size
    back = "" if actual.after is None else f", reads back {grouped_hex(actual.after, size)}"
    return f"predicted {predicted_word(verdict)}, actual {name}: {compared_words(pair)}{back}"


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


def field_items(attempt: Attempt, base: Base, columns: Sequence[Column]) -> list[Item]:
    """A line per field that the write changes or that is refused, refused ones first; then how many others there
    are."""
    verdict = attempt.verdict
    if verdict is None:
        return []
    changed = sorted(attempt.changed, key=lambda one: one.accepted)
    items = [_field_item(one, base, columns) for one in changed]
    if rest := unchanged(verdict):
        cells = [row(Ink(rest, "muted")), *[row("")] * (len(columns) - 2), row(Ink("= unchanged", "same"))]
        items.append(Item("rest", tuple(cells)))
    return items


def _name(one: JudgedField) -> str:
    return one.name if one.name.startswith("[") else f"{one.name} [{bits_text(one.msb, one.lsb)}]"


def _numbers(one: JudgedField, base: Base) -> tuple[str, str, str]:
    bits = one.msb - one.lsb + 1
    mask = ones(bits)

    def text(value: int, known: int) -> str:
        return field_text(value, bits, base) if known & mask == mask else open_text(value, known, bits)

    return text(one.now, one.now_known), field_text(one.written, bits, base), text(one.limit, one.limit_known)


def _field_item(one: JudgedField, base: Base, columns: Sequence[Column]) -> Item:
    judged = row(ink(*judgement(one)))
    numbers = zip(_numbers(one, base), columns[1:4], strict=True)
    cells = [row(ink(_name(one))), *(row(Ink(short_value(text, column.width - 2))) for text, column in numbers)]
    if len(columns) == 6:
        cells.append(row(Ink("yes" if one.writable else "no", "muted")))
    return Item(f"{one.name} {one.msb}", (*cells, judged))


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
