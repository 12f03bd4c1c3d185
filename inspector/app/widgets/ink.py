"""Text with roles: what every widget of ours draws.

A piece of text says *what it is* (`masked`, `muted`, `title`), LOOKS and the theme say how that looks. Text is never
parsed: a value, file name or error from a hostile file is drawn as the characters it has, control characters apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from inspector.errors import one_line


class Look(NamedTuple):
    """How a role is drawn: one of the theme's variables, and what survives without colour."""

    token: str
    bold: bool = False
    underline: bool = False
    ground: bool = False
    """the colour is the line's ground, not the text's"""


LOOKS: Mapping[str, Look] = {
    "muted": Look("ink-muted"),
    "title": Look("ink-title", bold=True),
    "heading": Look("ink-title", bold=True),
    "key": Look("bit-cursor", bold=True),
    "same": Look("verdict-same"),
    "masked": Look("verdict-masked"),
    "raised": Look("verdict-raised"),
    "refused": Look("verdict-refused", bold=True),
    "unknown": Look("verdict-unknown"),
    "reserved": Look("bit-reserved"),
    "chosen": Look("bit-cursor", bold=True, underline=True),
    "link": Look("bit-cursor", bold=True),
    "row": Look("row-cursor", bold=True, ground=True),
}
"""Every role. The empty role is plain text; `row` is the highlighted line of a list."""


WRITTEN = "*"
"""Marks what a simulated write changed, on every screen."""


class Ink(NamedTuple):
    """A piece of one line."""

    text: str
    role: str = ""
    click: str = ""
    """action that a mouse click on it runs"""


Row = tuple[Ink, ...]
"""One line."""


def ink(text: str, role: str = "", click: str = "") -> Ink:
    """A piece whose control characters have been made visible: use it for every text that was read from somewhere."""
    return Ink(one_line(text), role, click)


def row(*pieces: Ink | str) -> Row:
    """A line of pieces; strings are plain text."""
    return tuple(ink(piece) if isinstance(piece, str) else piece for piece in pieces)


def plain(line: Iterable[Ink]) -> str:
    """The characters of a line."""
    return "".join(piece.text for piece in line)


def width(line: Iterable[Ink]) -> int:
    """Cells that a line takes."""
    # A character of ASCII takes one cell: Rich looks each text up, which the first screen has a thousand of.
    return sum([len(text) if text.isascii() else cell_len(text) for text, _, _ in line])


def clip(line: Row, cells: int) -> Row:
    """The line cut to `cells`; a cut one ends with `…`."""
    if width(line) <= cells:
        return line
    kept: list[Ink] = []
    left = cells - 1
    for piece in line:
        size = cell_len(piece.text)
        if size > left:
            kept.append(piece._replace(text=set_cell_size(piece.text, max(left, 0)).rstrip() + "…"))
            break
        kept.append(piece)
        left -= size
    return tuple(kept) if cells > 0 else ()


def wrap_at_most(line: Row, cells: int, most: int, indent: int = 0) -> list[Row]:
    """The line broken at blanks, `most` times less one; what is left out then is told by `…`."""
    rows = wrap(line, cells, indent)
    if len(rows) > most:
        *before, last = rows[most - 1]
        rows[most - 1 :] = [clip((*before, last._replace(text=f"{last.text.rstrip()} …")), cells)]
    return rows


def fit(line: Row, cells: int, right: bool = False) -> Row:
    """The line cut or filled with blanks to exactly `cells`."""
    used = width(line)
    if used > cells:
        line = clip(line, cells)
        used = width(line)
    blanks = Ink(" " * max(cells - used, 0))
    return (blanks, *line) if right else (*line, blanks)


def ends(left: Row, right: Row, cells: int) -> Row:
    """One line with text at both ends; the right end keeps its room."""
    room = max(cells - width(right), 0)
    return (*fit(left, room), *clip(right, cells))


def wrap(line: Row, cells: int, indent: int = 0) -> list[Row]:
    """The line broken at blanks; lines after the first are indented."""
    cells = max(cells, indent + 8)
    lines: list[list[Ink]] = [[]]
    used = 0
    for piece in line:
        for word in _words(piece.text):
            size = cell_len(word)
            if used + cell_len(word.rstrip()) > cells and used > indent:
                lines.append([Ink(" " * indent)] if indent else [])
                used = indent
                word = word.lstrip()
                size = cell_len(word)
            while size > cells - used > 0 and cell_len(word.rstrip()) > cells - used:
                head = set_cell_size(word, cells - used)
                if not word.startswith(head):
                    # A wide character does not fit the last cell: Rich puts a blank in its place.
                    head = head[:-1]
                lines[-1].append(piece._replace(text=head))
                lines.append([Ink(" " * indent)] if indent else [])
                word, used = word[len(head) :], indent
                size = cell_len(word)
            if word:
                lines[-1].append(piece._replace(text=word))
                used += size
    return [tuple(one) for one in lines]


def _words(text: str) -> list[str]:
    """Words with the blanks that follow them; leading blanks are a word of their own."""
    words: list[str] = []
    start = 0
    for position in range(1, len(text)):
        if text[position - 1] == " " and text[position] != " ":
            words.append(text[start:position])
            start = position
    return [*words, text[start:]] if text else []


def _meet(cell: Row, other: Row) -> bool:
    """Whether there would be no blank between two cells side by side."""
    left, right = (cell[-1].text[-1:] if cell else ""), (other[0].text[:1] if other else "")
    return left.strip() != "" and right.strip() != ""


def columns(cells: Sequence[Row], widths: Sequence[int], right: Sequence[bool] = ()) -> Row:
    """Cells side by side, each fitted to its width; one that fills it, or is cut, leaves a blank before a next one that
    begins at its left edge."""
    line: list[Ink] = []
    last = min(len(cells), len(widths)) - 1
    for index, (cell, size) in enumerate(zip(cells, widths, strict=False)):
        used = width(cell)
        touches = used == size and index < last and not (right and right[index + 1]) and _meet(cell, cells[index + 1])
        if used > size or touches:
            cell = clip(cell, size - (index < last))
            used = width(cell)
        blanks = Ink(" " * max(size - used, 0))
        line += (blanks, *cell) if right and right[index] else (*cell, blanks)
    return tuple(line)
