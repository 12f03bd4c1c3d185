"""What the Compare screen says in sentences: the sides, the counts, and everything about the highlighted line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inspector.app.modes.compare.lines import Node, all_in, registers_in
from inspector.app.modes.compare.question import Picture
from inspector.app.modes.compare.table import number, verdict
from inspector.app.shell.keys import pressing
from inspector.app.shell.numbers import Base, bits_text
from inspector.app.shell.wording import on_screen
from inspector.app.widgets.field_rows import FieldLine, field_rows
from inspector.app.widgets.ink import Ink, Row, clip, ends, fit, ink, row, width, wrap, wrap_at_most

INDENT = 9
_CONSEQUENCE = {
    "masked": "does not find it",
    "lowered": "finds less than the host has",
    "raised": "finds more than the host has",
    "rebuilt": "finds what KVM made, not the host's own",
}
MOST_IDS = 24
"""Registers of a set that are named."""


def said_of(node: Node, picture: Picture, cells: int, base: Base) -> list[Row]:
    """Everything about one line."""
    titles = picture.titles
    if node.kind == "field":
        said = _field(node, titles, cells, base, picture.form == "kernel")
    elif node.kind == "register":
        said = _register(node, titles, cells, base)
    elif node.kind == "change":
        said = _change(node, titles, cells)
    else:
        said = wrap(row(verdict(node), Ink("  "), ink(node.title, "title")), cells, indent=2)
        said += _word("Why", node.reason, cells)
        if node.kind == "rule":
            said += _word("Source", node.reference, cells)
        elif node.kind == "feature":
            names = [one.title for one in node.children[:MOST_IDS]]
            more = len(node.children) - len(names)
            said += _word("Names", ", ".join(names) + (f" and {more} more" if more else ""), cells)
    for word, text in node.more:
        said += _word(word, text, cells)
    return said


def _field(node: Node, titles: Sequence[str], cells: int, base: Base, exposed: bool) -> list[Row]:
    head = row(
        ink(node.title.rpartition(".")[2], "title"),
        Ink(f" [{bits_text(node.msb, node.lsb)}] of {node.register.name}  ", "muted"),
        Ink(_arrow(node, titles, base)),
        Ink(", "),
        verdict(node),
    )
    said = wrap(head, cells, indent=2)
    said += _rule(node, cells)
    said += _meanings(node, titles, cells, base)
    consequence = _CONSEQUENCE.get(node.state, "")
    if exposed and consequence and node.certain:
        said += _word("Guest", consequence, cells)
    return said


def _change(node: Node, titles: Sequence[str], cells: int) -> list[Row]:
    """One rule of which each kernel has another."""
    whose = f"  of {node.register.name}" if node.id >= 0 else ""
    said = wrap(row(ink(node.title, "title"), Ink(whose, "muted"), Ink("  "), verdict(node)), cells, indent=2)
    for title, text in zip(titles, node.texts, strict=True):
        said += _word(title, text, cells)
    return said + _rule(node, cells)


def _arrow(node: Node, titles: Sequence[str], base: Base) -> str:
    """`host 0x1 -> exposed 0x0`; of a matrix how many values there are."""
    if len(titles) == 2:
        return f"{titles[0]} {number(node, 0, base)} -> {titles[1]} {number(node, 1, base)}"
    return f"{len(set(node.values))} values in {len(titles)} groups"


def _rule(node: Node, cells: int) -> list[Row]:
    said: list[Row] = []
    if node.rule or node.reason:
        text = f"{node.rule}: {node.reason}" if node.rule and node.reason else node.rule or node.reason
        said += _word("Rule" if node.rule else "Why", text, cells)
    return said + _word("Source", node.reference, cells)


def _meanings(node: Node, titles: Sequence[str], cells: int, base: Base) -> list[Row]:
    """What each value means; sides with the same value share a line."""
    sides: dict[int | None, list[int]] = {}
    for side in range(len(node.values)):
        sides.setdefault(node.values[side], []).append(side)
    said: list[Row] = []
    for value, having in sides.items():
        names = ", ".join(titles[side] for side in having)
        meaning = node.meaning(having[0]) if value is not None or node.withheld else _unknown(node, having[0])
        words = number(node, having[0], base) + ("  " + meaning if meaning else "")
        if len(names) < INDENT:
            said += _word(names.capitalize() if len(having) == 1 else names, words, cells)
        else:
            said += wrap(row(Ink(f"{names}  ", "muted"), ink(words)), cells, indent=2)
    return said


def _unknown(node: Node, side: int) -> str:
    return "not known" if node.has(side) else "has no such register"


def _register(node: Node, titles: Sequence[str], cells: int, base: Base) -> list[Row]:
    register = node.register
    head = row(ink(register.name, "title"), Ink("  "), ink(register.title), Ink("  "), verdict(node))
    if any(one.kind == "field" for one in node.children):
        head = (*head, Ink(f"  {_counted(node)}", "muted"))
    said = wrap(head, cells, indent=2)
    if not node.children:
        said += _rule(node, cells)
    said += _meanings(node, titles, cells, base)
    if node.children and node.rule:
        said += _rule(node, cells)
    return said


def fields_beside(node: Node, picture: Picture, cells: int, base: Base) -> list[Row]:
    """Every field of a line's register with both values and what the right one means."""
    whole = next((one for one in registers_in(picture.nodes) if one.id == node.id and one.children), None)
    fields = [one for one in whole.children if one.kind == "field"] if whole is not None and node.id >= 0 else []
    if whole is None or not fields:
        return []
    lines = [_field_line(one, one.key == node.key, base) for one in fields]
    return [(), *field_rows(f"{whole.title}, {' and '.join(picture.titles)}", lines, cells)]


def _field_line(one: Node, here: bool, base: Base) -> FieldLine:
    mark, muted = verdict(one), "" if one.differs else "muted"
    values = Ink(number(one, 0, base)), Ink(number(one, 1, base), mark.role if one.differs else "muted")
    sign = Ink(f"{mark.text[:1]} ", mark.role)
    return FieldLine(one.title, bits_text(one.msb, one.lsb), values, sign, ink(one.meaning(1), muted), here)


def _counted(node: Node) -> str:
    """`2 of 16 fields differ, 1 unknown`: a field that is not known is not counted as differing."""
    changed = [one for one in node.changed() if one.kind == "field"]
    count = sum(one.kind == "field" for one in node.children)
    certain = sum(one.certain for one in changed)
    unknown = len(changed) - certain
    differ = f"{certain} of {count} fields differ"
    if not unknown:
        return differ
    return f"{differ}, {unknown} unknown" if certain else f"{unknown} of {count} fields unknown"


def _word(word: str, text: str, cells: int) -> list[Row]:
    """A word in the margin and a sentence."""
    if not text:
        return []
    margin = f"{word:<{INDENT}}" if len(word) < INDENT else f"{word}  "
    return wrap(row(Ink(margin, "muted"), ink(text)), cells, indent=INDENT)


def score_row(picture: Picture) -> Row:
    """`▼ 9  ▲ 1  ? 2` for a kernel's work on a host, `≠ 12  ± 30` for dumps; counted in registers."""
    counts: list[tuple[str, str, int]]
    if picture.form == "kernels":
        states = Counter(one.state for one in registers_in(picture.nodes) if not one.only)
        lists = sum(bool(one.only) for one in registers_in(picture.nodes))
        valued = sum(states[one] for one in ("masked", "lowered", "raised", "rebuilt", "differs"))
        counts = [("≠", "masked", valued), ("±", "masked", lists)]
        counts += [("?", "unknown", states["unknown"])] if states["unknown"] else []
        counts += [("rules", "", sum(one.kind == "change" for one in all_in(picture.nodes)))]
    elif picture.form == "kernel":
        states = Counter(one.state for one in registers_in(picture.nodes) if not one.only)
        counts = [
            ("▼", "masked", states["masked"] + states["lowered"]),
            ("▲", "raised", states["raised"] + states["rebuilt"]),
            ("?", "unknown", states["unknown"]),
        ]
        lists = sum(bool(one.only) for one in registers_in(picture.nodes))
        if states["differs"] or lists:
            counts = [("≠", "masked", states["differs"]), ("±", "masked", lists), *counts]
    else:
        found = [one for one in registers_in(picture.nodes) if one.differs]
        lists = sum(bool(one.only) for one in found)
        doubtful = sum(not one.certain for one in found)
        counts = [("≠", "masked", len(found) - lists - doubtful), ("±", "masked", lists)]
        counts += [("?", "unknown", doubtful)] if doubtful else []
    pieces: list[Ink] = []
    for sign, role, count in counts:
        pieces += [Ink("  ")] if pieces else []
        pieces.append(Ink(f"{sign} {count}", role if count else "muted"))
    return tuple(pieces)


def legend(picture: Picture, cells: int, most: int) -> list[Row]:
    """What stands where, in `most` lines: two sides beside each other, or below each other where they are long (one
    more line where a side takes two), groups under each other."""
    if most == 0:
        return []
    if picture.form != "groups":
        left, right = picture.names
        half = row(Ink(f"{left[0]}  ", "muted"), ink(left[1], "title"))
        other = row(Ink(f"{right[0]}  ", "muted"), ink(right[1]))
        room = min(max(width(half) + 3, cells // 2 - 10), cells // 2)
        beside = width(half) < room and width(other) <= cells - room
        rows = (
            [(*fit(half, room - 1), Ink(" "), *other)]
            if beside
            else [
                line
                for (word, _), said in zip((left, right), (half[1:], other[1:]), strict=True)
                for line in wrap_at_most(row(Ink(f"{word:<7}", "muted"), *said), cells, 2, indent=7)
            ]
        )
        notes = [
            row(Ink(f"{word:<{6 if beside else 7}}".lower(), "muted"), ink(on_screen(text), "muted"))
            for word, text in picture.notes
        ]
        return [*rows, *(clip(one, cells) for one in notes[: max(most - len(rows), 1)])]
    names = list(picture.names)
    if most == 1 or len(names) > most:
        kept = names[: most - 1]
        rest = "   ".join(f"{word} {text}" for word, text in names[most - 1 :])
        rows = [_group(word, text) for word, text in kept] + [row(ink(rest, "muted"))]
    else:
        rows = [_group(word, text) for word, text in names]
    return [clip(one, cells) for one in rows]


def _group(word: str, text: str) -> Row:
    return row(Ink(f"{word}  ", "title"), ink(text))


def status(picture: Picture | None, every: bool, rules: bool, cells: int) -> Row:
    """The search key, what is listed, how it is grouped."""
    if picture is None:
        return ()
    total = picture.equal + sum(one.differs for one in registers_in(picture.nodes))
    other, regroup, find = pressing("m"), pressing("R"), pressing("slash")
    found = row(
        Ink("● " if not every else "○ ", "muted", other),
        Ink("differences only", "" if not every else "muted", other),
        Ink("   "),
        Ink("● " if every else "○ ", "muted", other),
        Ink(f"all {total}", "" if every else "muted", other),
        Ink(" (m)", "muted", other),
        Ink("      "),
        Ink("by rule (R by register)" if rules else "by register (R by rule)", "muted", regroup),
    )
    return ends(row(Ink("/ filter", "muted", find)), found, cells)


def notes_of(picture: Picture, cells: int) -> list[Row]:
    """What has to be known besides; of many groups also who is in them."""
    said = [line for word, text in picture.notes for line in _word(word, on_screen(text), cells)]
    if picture.form != "groups" or picture.contrast is None:
        return said
    for column in picture.contrast.columns:
        names = ", ".join(one.label for one in column.subjects[:MOST_IDS])
        more = column.count - MOST_IDS
        said += _word(column.name, names + (f" and {more} more" if more > 0 else ""), cells)
    hidden = picture.contrast.answer.hidden_columns
    return said + _word("", f"{hidden} more groups are counted, not decoded" if hidden else "", cells)


def problem_rows(problem: str, cells: int) -> list[Row]:
    """Why nothing can be compared, and what to do about it."""
    hint = row(Ink("p chooses a kernel, d another dump to compare with", "muted"))
    return [*wrap(row(Ink("✖ ", "refused"), ink(problem)), cells, indent=2), hint] if problem else []
