"""Which of many saved VMs load on one host: text, JSON, Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.fleet.loading import Loading, Outcome
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN
from inspector.errors import one_line
from inspector.policies.points import kernel_title
from inspector.reports.json import Json
from inspector.reports.text import markdown_table
from inspector.reports.unread import unread_count, unread_json, unread_lines, unread_markdown

_SHOWN = 12
_WORDS = {LOADS: "load", FAILS: "fail", UNCERTAIN: "are uncertain"}
_ONE = {LOADS: "loads", FAILS: "fails", UNCERTAIN: "is uncertain"}


def loading_json(answer: Loading) -> Json:
    """The answers as JSON."""
    return {
        "destination": answer.destination,
        "vms": answer.dumps,
        **{verdict: answer.count(verdict) for verdict in (LOADS, FAILS, UNCERTAIN)},
        "outcomes": [
            {
                "verdict": one.verdict,
                "count": count,
                "sources": list(names),
                "vmm": one.vmm,
                "kernel": one.kernel,
                "file": one.file or None,
                "fatal": list(one.fatal),
                "uncertain": list(one.uncertain),
                "changed": list(one.changed),
                "basis": one.basis or None,
            }
            for one, count, names in answer.outcomes
        ],
        "unread": unread_json(answer.unread),
    }


def loading_text(answer: Loading) -> str:
    """The answers as text."""
    lines = [_headline(answer)]
    for one, count, names in answer.outcomes:
        kernel = f"  ({one.vmm}, {kernel_title(one.kernel)})"
        lines += ["", one_line(f"{_counted(one, count)}: {_few(names, count)}{kernel}")]
        lines += [one_line(f"  {title}: {_few(which, len(which))}") for title, which in _reasons(one) if which]
    return "\n".join([*lines, *unread_lines(answer.unread)])


def _headline(answer: Loading) -> str:
    told = [f"{answer.count(v)} {(_ONE if answer.count(v) == 1 else _WORDS)[v]}" for v in (LOADS, FAILS, UNCERTAIN)]
    vms = "1 saved VM" if answer.dumps == 1 else f"{answer.dumps} saved VMs"
    if answer.unread:
        told.append(unread_count(answer.unread))
    return one_line(
        f"Of {vms}{' that could be read' * bool(answer.unread)}, on {answer.destination}: {', '.join(told)}."
    )


def _counted(one: Outcome, count: int) -> str:
    return f"{count} {(_ONE if count == 1 else _WORDS)[one.verdict]}"


def _few(names: Sequence[str], count: int) -> str:
    more = count - min(len(names), _SHOWN)
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more else "")


def _reasons(one: Outcome) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("before any write", (one.file,) if one.file else ()),
        ("would be stopped by" if one.file else "stopped by", one.fatal),
        ("depends on what is not known of the host", one.uncertain),
        ("accepted, but read back otherwise", one.changed),
        ("rests on", (one.basis,) if one.basis else ()),
    )


def loading_markdown(answer: Loading) -> str:
    """The answers as Markdown."""
    rows = [
        [
            one.verdict,
            str(count),
            _few(names, count),
            "; ".join(f"{t}: {_few(w, len(w))}" for t, w in _reasons(one) if w),
        ]
        for one, count, names in answer.outcomes
    ]
    head = markdown_table(["verdict", "VMs", "which", "because"], rows)
    lines = ["## Saved VMs", "", _headline(answer), "", *head, *unread_markdown(answer.unread)]
    return "\n".join(lines).rstrip() + "\n"
