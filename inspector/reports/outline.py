"""Results worded once: an outline of labelled lines whose words have roles, drawn as text, Markdown or screen rows.

A role says what words are (`title`, `refused`, `muted`), never how that looks. The screens draw the same lines
(app/widgets/outlined.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Literal, NamedTuple

from inspector.errors import one_line
from inspector.numbers import is_decimal

Kind = Literal["line", "title", "entry", "heading", "code", "gap"]
"""title: the answer itself; entry: what the lines below it are about; heading: of a section; code: to be copied as it
is; gap: an empty line."""

SIGNS: Mapping[str, str] = {
    "same": "=", "masked": "▼", "lowered": "▼", "raised": "▲", "rebuilt": "▲", "unknown": "?",
}  # fmt: skip
"""How each state of a field is marked, in every report and on every screen; the word always stands beside it."""

TEXT_WIDTH = 110


class Words(NamedTuple):
    """A piece of a line."""

    text: str
    role: str = ""
    """one of app/widgets/ink.py; empty for plain text"""


class OutlineLine(NamedTuple):
    """One line, wrapped by whoever draws it."""

    words: tuple[Words, ...] = ()
    label: str = ""
    """what the words are: `source`, `Rule`, `1.`"""
    depth: int = 0
    kind: Kind = "line"
    column: int = 0
    """cells of the label's column, where several labels stand below each other"""

    @property
    def head(self) -> str:
        """Indent and label, padded to the label's column."""
        label = f"{self.label:<{self.column}}" if self.column else f"{self.label} " * bool(self.label)
        return "  " * self.depth + label

    @property
    def hang(self) -> int:
        """Cells that a wrapped line's other rows are indented by."""
        return len(self.head) + 2 * (self.kind in ("title", "entry"))

    @property
    def text(self) -> str:
        """The words without their roles, safe on a terminal."""
        return one_line("".join(words.text for words in self.words))


GAP = OutlineLine(kind="gap")


def line(
    *words: Words | str, label: str = "", depth: int = 0, kind: Kind = "line", column: int = 0
) -> OutlineLine:  # fmt: skip
    """A line of words; plain text needs no Words."""
    given = (Words(one) if isinstance(one, str) else one for one in words)
    return OutlineLine(tuple(one for one in given if one.text), label, depth, kind, column)


def heading(text: str) -> tuple[OutlineLine, OutlineLine]:
    """An empty line and the heading of a section."""
    return GAP, line(Words(text, "heading"), kind="heading")


def section(title: str, lines: Iterable[OutlineLine]) -> list[OutlineLine]:
    """A heading and its lines; nothing without lines."""
    held = list(lines)
    return [*heading(title), *held] if held else []


def indented(lines: Iterable[OutlineLine]) -> list[OutlineLine]:
    """The lines, deeper."""
    return [one._replace(depth=one.depth + 1) for one in lines]


def outline_text(lines: Iterable[OutlineLine]) -> str:
    """Plain text, wrapped; code keeps its lines."""
    shown: list[str] = []
    for one in lines:
        if one.kind == "code":
            shown.append(f"{one.head}{one.text}")
        else:
            shown += wrap(
                one.text, TEXT_WIDTH, initial_indent=one.head, subsequent_indent=" " * one.hang,
                break_on_hyphens=False, break_long_words=False,
            ) or [one.head.rstrip()]  # fmt: skip
    return "\n".join(shown)


def outline_markdown(lines: Iterable[OutlineLine]) -> str:
    """Markdown for a bug report: headings, nested lists, fenced code; nothing in the words is markup."""
    shown: list[str] = []
    for code, run in groupby(lines, key=lambda one: one.kind == "code"):
        held = list(run)
        if code:
            inset = "  " * max(held[0].depth - 1, 0)
            fenced = [f"{inset}{one.text}".replace("```", "'''") for one in held]
            shown += [f"{inset}```", *fenced, f"{inset}```", ""]
        else:
            shown += [_markdown(one) for one in held]
    return "\n".join(shown).rstrip() + "\n"


def _markdown(one: OutlineLine) -> str:
    if one.kind == "title":
        return f"## {plain_markdown(one.text.lstrip('✖=▼○ '))}\n"
    if one.kind in ("entry", "heading"):
        return f"### {plain_markdown(one.text)}\n"
    if one.kind == "gap" or not one.depth:
        return plain_markdown(f"{one.label} {one.text}".strip())
    bullet = one.label if is_decimal(one.label.rstrip(".")) else "-"
    label = f"{one.label.strip()}: " if one.label.strip("·") and bullet == "-" else ""
    return f"{'  ' * (one.depth - 1)}{bullet} {plain_markdown(label + one.text)}"


def plain_markdown(text: str) -> str:
    """One line in which nothing but back-quoted commands of ours is markup."""
    text = one_line(text)
    for mark in "*<>[]|":
        text = text.replace(mark, "\\" + mark)
    return text


def listed(names: Sequence[str], most: int) -> str:
    """`A, B and 3 more`."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
