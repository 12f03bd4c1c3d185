"""The facts of a host that no register shows and that an answer rests on (`--why`): text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.errors import one_line
from inspector.kvm.host_inputs import Fact
from inspector.reports.json import Json
from inspector.reports.text import columns, markdown_table

_TITLE = "Facts of the host that registers do not show (--host NAME=WORD says otherwise)"
_NOTHING = "No fact of the host that registers do not show bears on this"
_HEADS = ("fact", "value", "how it is known", "what depends on it")


def _row(fact: Fact) -> list[str]:
    return [fact.name, fact.word, fact.origin, fact.effect]


def facts_lines(found: Sequence[Fact]) -> list[str]:
    """A title and one line for each fact."""
    if not found:
        return [_NOTHING]
    return [_TITLE, *(one_line(line) for line in columns(map(_row, found), indent="  "))]


def facts_markdown(found: Sequence[Fact]) -> str:
    """A section with one table row for each fact."""
    if not found:
        return _NOTHING
    return "\n".join([f"## {_TITLE}", "", *markdown_table(_HEADS, map(_row, found))])


def facts_json(found: Sequence[Fact]) -> Json:
    """`host_facts` of a JSON answer, to be merged into it."""
    return {
        "host_facts": [
            {"name": fact.name, "value": fact.word, "origin": fact.origin, "effect": fact.effect} for fact in found
        ]
    }
