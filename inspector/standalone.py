"""Texts that run on other machines' own Python: several files as one, which imports nothing of this package."""

from __future__ import annotations

from pathlib import Path

_BORROWED = "# Left out where the texts of these files stand in front of this one."
_KEPT = "# Here begins what is kept."


def without_imports(path: Path) -> str:
    """The text of a file without what stands between its two marks: its imports from the files put before it."""
    head, borrowed, rest = path.read_text(encoding="utf-8").partition(_BORROWED)
    _, kept, body = rest.partition(_KEPT)
    if not (borrowed and kept):
        raise AssertionError(f"{path.name} no longer marks what it borrows")
    return head + body
