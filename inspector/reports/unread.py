"""Sources that could not be read and were passed over, by name and with the reason, in every form of a report."""

from __future__ import annotations

from inspector.checks.fleet.part import Unread
from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.reports.json import Json
from inspector.reports.text import markdown_table

TITLE = "Could not be read, so nothing is known of them"


def unread_json(unread: Unread) -> Json:
    """How many, and the first of them."""
    return {"count": unread.count, "sources": [{"source": one.source, "reason": one.reason} for one in unread.named]}


def unread_count(unread: Unread) -> str:
    """`3 sources could not be read`."""
    return f"{count_of(unread.count, 'source')} could not be read"


def unread_lines(unread: Unread) -> list[str]:
    """A section of a text; nothing where all could be read."""
    return ["", TITLE, *(f"  {line}" for line in unread_names(unread))] if unread else []


def unread_names(unread: Unread) -> list[str]:
    """A line for each that is named, and how many are not."""
    lines = [one_line(f"{one.source}: {one.reason}") for one in unread.named]
    more = unread.count - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def unread_markdown(unread: Unread) -> list[str]:
    """A section of Markdown; nothing where all could be read."""
    if not unread:
        return []
    more = unread.count - len(unread.named)
    rows = [[one.source, one.reason] for one in unread.named]
    tail = ["", f"and {more} more"] if more > 0 else []
    return ["", f"### {TITLE}", "", *markdown_table(["source", "reason"], rows), *tail, ""]
