"""The list of formats: complete, the same in the README, and true of what the readers say."""

from __future__ import annotations

from pathlib import Path

import msgspec

from inspector.reports import formats as report
from inspector.sources.formats.overview import FORMATS_READ
from tests.commands.running import Done, run
from tests.sources.examples import EXAMPLES

README = Path(__file__).parent.parent.parent / "README.md"


def ran(*arguments: str) -> Done:
    return run("formats", *arguments)


def test_every_readable_format_is_listed() -> None:
    """kvm-recording's other spelling and lists of restores are forms of this project's own."""
    assert set(EXAMPLES) - {row.name for row in FORMATS_READ} <= {"restore-lines"}


def test_the_readme_has_the_same_table() -> None:
    assert "\n".join(report.markdown(FORMATS_READ)) in README.read_text()


def test_text_markdown_and_json() -> None:
    text = ran().out
    assert all(row.title in text and row.versions in text and row.lacks in text for row in FORMATS_READ)
    rows = msgspec.json.decode(ran("--json").out)["formats"]
    assert [row["versions"] for row in rows] == [row.versions for row in FORMATS_READ]
    assert ran("--markdown").out.splitlines() == report.markdown(FORMATS_READ)
