"""The lines of the Compare screen as a table: two values and a verdict, or a value for each group of equal dumps."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from inspector.app.modes.browse.fields import ROLES, SIGNS
from inspector.app.modes.compare.lines import Line, Node
from inspector.app.shell.numbers import Base, bits_text, field_text, short_pair, short_value, value_text
from inspector.app.widgets.ink import WRITTEN, Ink, Row, clip, fit, ink, row
from inspector.app.widgets.listing import Column, Item
from inspector.numbers import count_of
from inspector.registers.bits import ALL_BITS, ones, partial_hex

WIDE = 98
"""Cells from which the rule has a column."""
ROOMY, WHY = 150, "rule, and what it says"
"""Cells from which the rule's own sentence has room beside its name, and the title of that column."""
GRID_NAME, GRID_LEAST, GRID_NAMES = 27, 13, 34
"""Cells of the names and, at least, of each value of a matrix; what no value needs makes names whole, up to these."""
GRID_VALUES = (24, 20, 15)
"""Cells in which a value has room for four groups of hex digits, for three, for two."""
MOST_COLUMNS = 7
"""Columns of a matrix; what does not fit is put into words."""


def pair_columns(cells: int, titles: Sequence[str]) -> tuple[Column, ...]:
    """Register or field, two values, verdict; the rule too where there is room."""
    if cells >= WIDE:
        name, value, word = (29, 24, 14) if cells >= 116 else (28, 22, 12)
        return (
            Column("register / field", name), Column(titles[0], value), Column(titles[1], value),
            Column("verdict", word), Column("rule" if cells < ROOMY else WHY),
        )  # fmt: skip
    verdict = 12
    name = 26 if cells >= 76 else 20
    value = (cells - name - verdict) // 2
    return (
        Column("register / field", name), Column(titles[0], value), Column(titles[1], value), Column("verdict"),
    )  # fmt: skip


def grid_columns(cells: int, names: Sequence[str]) -> tuple[Column, ...]:
    """Register or field and as many groups as fit, never more than MOST_COLUMNS."""
    name = GRID_NAME if cells >= WIDE else 24 if cells >= 76 else 20
    count = max(1, min(len(names), MOST_COLUMNS, (cells - name) // GRID_LEAST))
    room = (cells - name) // count
    value = next((one for one in GRID_VALUES if one <= room), room)
    name = max(name, min(cells - count * value, GRID_NAMES))
    return (Column("register / field", name), *(Column(f"  {one}", value) for one in names[:count]), Column(""))


def table_items(
    shown: Sequence[Line], columns: Sequence[Column], base: Base, *, grid: bool, written: Collection[int] = ()
) -> list[Item]:
    """A line each; `grid` for a matrix. Registers that simulated writes changed have a mark."""
    return [_item(line, columns, base, grid, line.node.id in written) for line in shown]


def _item(line: Line, columns: Sequence[Column], base: Base, grid: bool, written: bool) -> Item:
    node = line.node
    if node.kind in ("feature", "rule", "heading"):
        return Item(node.key, (_heading(line, columns, grid),))
    name = _name(line, columns[0].width - 1)
    if written and node.kind == "register":
        name = (*name, Ink(f" {WRITTEN}", "raised"))
    if grid:
        values = [_grid_value(node, side, columns[1 + side].width - 1, base) for side in range(len(columns) - 2)]
        return Item(node.key, (name, *values, row("")))
    room = columns[1].width - 1
    if node.kind == "change":
        texts = tuple(text if len(text) <= room else f"{text[: room - 1]}…" for text in node.texts)
        rule = row(ink(node.rule, "muted"))
        return Item(node.key, (name, *(row(ink(text)) for text in texts), row(verdict(node)), rule)[: len(columns)])
    texts = short_pair(number(node, 0, base), number(node, 1, base), room)
    values = [_value(node, side, text, base) for side, text in enumerate(texts)]
    cells = (name, *values, row(verdict(node)))
    if len(columns) < 5:
        return Item(node.key, cells)
    if node.key.startswith("rule "):
        return Item(node.key, (*cells, row("")))
    why = f": {node.reason}" if columns[-1].title == WHY and node.rule and node.reason else ""
    return Item(node.key, (*cells, row(ink(f"{node.rule}{why}", "muted"))))


def _sign(line: Line) -> str:
    if not line.node.children:
        return "  "
    return "▾ " if line.opened else "▸ "


def _name(line: Line, room: int) -> Row:
    node = line.node
    quiet = "" if node.differs else "muted"
    indent = "  " * line.depth
    if node.kind == "register":
        return row(Ink(indent), Ink(_sign(line), "muted"), ink(node.title, "title" if node.differs else quiet))
    if node.kind == "change":
        return row(Ink(f"{indent}  "), *clip(row(ink(node.title, quiet)), room - len(indent) - 2))
    bits = f"[{bits_text(node.msb, node.lsb)}]"
    left = room - len(indent) - 2
    title = node.title
    if len(title) > left:
        title = title.replace("_EL1", "")
    line_up = 8 if len(title) <= 7 else len(title) + 1
    if line_up + len(bits) > left:
        return row(Ink(f"{indent}  "), ink(title, quiet))
    return row(Ink(f"{indent}  "), ink(f"{title:<{line_up}}", quiet), Ink(bits, "muted"))


def _heading(line: Line, columns: Sequence[Column], grid: bool) -> Row:
    """A line that goes from edge to edge: a set of registers, a rule."""
    node = line.node
    mark = verdict(node)
    title = row(Ink("  " * line.depth), Ink(_sign(line), "muted"), ink(node.title, "title"))
    count = len(node.children)
    if node.kind == "rule":
        word = "place" if any(one.kind == "change" for one in node.children) else "field"
        title = (*title, Ink(f"  {count_of(count, word)}", "muted"))
    if grid or len(columns) < 5:
        why = ink(f"  {node.reason}", "muted") if node.reason else Ink("")
        return (Ink(f"{mark.text[:1]} ", mark.role), *title, why)
    room = sum(column.width for column in columns[:3])
    said = node.reason or node.reference
    if node.kind == "rule":
        return (*fit(title, room), *fit(row(mark), columns[3].width), ink(said, "muted"))
    return (*fit(title, room - 1), Ink(" "), *fit(row(mark), columns[3].width), ink(said, "muted"))


def verdict(node: Node) -> Ink:
    """The state in one sign and one word; of a register how many fields it is true for."""
    state = node.state
    if node.only:
        return Ink(f"± {'not in all' if node.only.startswith('only in') else node.only}", "masked")
    if node.kind == "heading":
        return Ink("≠ differ", "masked")
    if node.state == "rules":
        count = sum(one.kind == "change" for one in node.children)
        return Ink(f"≠ {count} rules" if count > 1 else "≠ rule", "masked")
    role = "masked" if state == "differs" else ROLES.get(state, "same" if state == "same" else "muted")
    changed = [one for one in node.changed() if one.kind == "field"]
    certain = [one for one in changed if one.certain]
    if node.kind == "register" and changed:
        if certain:
            return Ink(f"{SIGNS[state]} {count_of(len(certain), 'field')}", role)
        return Ink(f"? {count_of(len(changed), 'field')}", "unknown")
    return Ink(f"{SIGNS[state]} {state}" if state else "○ own", role)


def number(node: Node, side: int, base: Base) -> str:
    """A value as text: `?` where it is not known, `none` where there is no such register."""
    if not node.has(side):
        return "none"
    if node.withheld:
        return "withheld"
    value = node.values[side]
    if node.kind == "field":
        if value is None:
            return (node.texts[side] if node.texts else "") or "?"
        return field_text(value, node.bits, base)
    if value is None:
        return "?"
    size = node.register.size
    if value >> size * 8:
        size = 8
    full = ones(size * 8)
    mask = node.known[side] & full if node.known else full
    if mask != full:
        return partial_hex(value, mask, size, grouped=True)
    return value_text(value, size, base)


def fitted(text: str, cells: int) -> str:
    """A number that has to fit: whole groups on the left go, and a `…` says so."""
    if len(text) <= cells or not text.startswith("0x"):
        return short_value(text, cells)
    groups = text[2:].split("_")
    while len(groups) > 1 and len("_".join(groups)) + 3 > cells:
        del groups[0]
    return short_value("0x…" + "_".join(groups), cells)


def _value(node: Node, side: int, shown: str, base: Base) -> Row:
    """`shown`: the value as far as it fits."""
    text = number(node, side, base)
    role = "muted" if not node.differs or node.state == "rules" or node.withheld or text == "none" else ""
    if text == "?":
        role = "unknown"
    elif side == 1 and node.differs and node.certain and text != "none":
        role = verdict(node).role
    return row(Ink(shown, role))


def _grid_value(node: Node, side: int, cells: int, base: Base) -> Row:
    """`=` before what the first group has too, `≠` before what it has not."""
    text = number(node, side, base)
    if node.only and node.has(side) and node.values[side] is None:
        return row(Ink("● listed"))
    if node.withheld and node.has(side):
        return row(Ink("  withheld", "muted"))
    if text in ("none", "?"):
        return row(Ink("○ none", "muted") if text == "none" else Ink("? ?", "unknown"))
    if not node.has(0):
        return row(Ink("● "), Ink(fitted(text, cells - 2)))
    alike = node.values[side] == node.values[0] or _agree(node, side)
    role = "same" if alike else "masked"
    return row(Ink("= " if alike else "≠ ", role), Ink(fitted(text, cells - 2), role))


def _agree(node: Node, side: int) -> bool:
    """Equal in all bits that both know."""
    first, other = node.values[0], node.values[side]
    if first is None or other is None or not node.known:
        return False
    return not (first ^ other) & node.known[0] & node.known[side] & ALL_BITS
