"""Plain-text building blocks of the reports: aligned columns and Markdown tables, safe against text from files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.errors import one_line


def columns(rows: Iterable[Sequence[str]], indent: str = "", gap: str = "  ") -> list[str]:
    """Lines with cells aligned to the widest of their column; the last column is never padded."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if not cells:
        return []
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(max(map(len, cells)))]
    return [
        (indent + gap.join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False))).rstrip()
        for row in cells
    ]


def without_folders(text: str, paths: Iterable[str]) -> str:
    """A report that goes to others, without the folders of this machine in the names of its sources.

    Neither as they are nor as a report spells them: with what is hidden spelled out, and escaped for Markdown.
    """
    folders = {f"{path.rpartition('/')[0]}/" for path in paths if path.startswith("/")} - {"/"}
    spelled = {form for one in folders for form in (one, one_line(one), markdown_text(one))}
    for folder in sorted(spelled, key=len, reverse=True):
        text = text.replace(folder, "")
    return text


def markdown_text(text: str) -> str:
    """One line of a text that was read from somewhere, in which nothing is markup: no link, no image, no HTML."""
    text = one_line(text)
    for mark in "\\|`*<>[]":
        text = text.replace(mark, "\\" + mark)
    return text


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; characters that mean something to Markdown are escaped."""
    lines = ["| " + " | ".join(map(markdown_text, head)) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
