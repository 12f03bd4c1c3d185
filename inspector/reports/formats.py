"""The report of `formats`: as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.reports.json import Json
from inspector.reports.text import markdown_table
from inspector.sources.formats.overview import FormatRow

_TITLES = ("format", "versions", "holds", "lacks", "checked")


def lines(rows: Sequence[FormatRow]) -> list[str]:
    """A paragraph for each format, its versions below."""
    found: list[str] = []
    before = ""
    for row in rows:
        if row.title != before:
            found += [*([""] if found else []), f"{row.title}{f' ({row.name})' if row.name else ''}"]
        before = row.title
        found += [
            f"  {row.versions}",
            f"    holds    {row.holds}",
            f"    lacks    {row.lacks}",
            f"    checked  {row.check}: {row.checked_with}",
        ]
    return found


def markdown(rows: Sequence[FormatRow]) -> list[str]:
    """One table; the README's is this."""
    return markdown_table(
        _TITLES, [[r.title, r.versions, r.holds, r.lacks, f"{r.check}: {r.checked_with}"] for r in rows]
    )


def formats_json(rows: Sequence[FormatRow]) -> Json:
    """Every row with its members."""
    return {"formats": [row._asdict() for row in rows]}
