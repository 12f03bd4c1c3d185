"""Reports of what a CPU is (`summary`) and of its architecture features (`features`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from inspector.checks.features.presence import FeatureState
from inspector.checks.features.sides import Sides
from inspector.checks.features.summary import Summary, SummaryLine
from inspector.errors import one_line
from inspector.reports.json import Json, source_json
from inspector.reports.outline import SIGNS, TEXT_WIDTH, OutlineLine, Words, heading, line, outline_text
from inspector.reports.text import columns, markdown_table, markdown_text

_TITLE = 16
"""Cells of the column of titles."""
SAME = "the same"
UNKNOWN = "?"
ANSWERS = {True: "yes", False: "no", None: "?"}
STATES = {"shown": "=", "lost": "▼", "absent": "·", "added": "▲", "unknown": "?"}
"""How the state of a feature is marked; its word always stands beside it."""


def vcpu_words(one: SummaryLine, both: bool) -> str:
    """What the vCPU's column says: sign and words, `= the same` where it has what the host has."""
    if not both or not one.state:
        return one.vcpu or ("" if both else UNKNOWN)
    words = SAME if one.state == "same" else one.vcpu or UNKNOWN
    return words if words == UNKNOWN and one.state == "unknown" else f"{SIGNS[one.state]} {words}"


def summary_text(found: Summary, cells: int = TEXT_WIDTH) -> str:
    """The whole summary as text: lines, then what is lost with its rule."""
    both = bool(found.host and found.vcpu)
    head = [found.source.source, *(title for title in (found.host, found.vcpu) if title), found.kernel]
    lines = [one_line(" · ".join(part for part in head if part)), ""]
    if both:
        lines += _row("", found.host, found.vcpu, cells)
    for one in found.lines:
        host = one.host or UNKNOWN
        lines += _row(one.title, host, vcpu_words(one, both), cells) if both else _single(one, cells)
    text = "\n".join(lines)
    rest = outline_text([*lost_outline(found), *blank_outline(found)])
    return f"{text}\n{rest}" if rest else text


def _single(one: SummaryLine, cells: int) -> list[str]:
    return _row(one.title, one.host or one.vcpu or UNKNOWN, "", cells)


def _row(title: str, left: str, right: str, cells: int) -> list[str]:
    """One line, its cells wrapped beside each other."""
    room = max(cells - _TITLE, 40)
    half = room // 2 - 2 if right else room
    lefts, rights = _wrapped(left, half), _wrapped(right, room - half - 2)
    rows = []
    for place in range(max(len(lefts), len(rights))):
        first = lefts[place] if place < len(lefts) else ""
        second = rights[place] if place < len(rights) else ""
        head = title if place == 0 else ""
        rows.append(f"{head:<{_TITLE}}{first:<{half + 2}}{second}".rstrip())
    return rows


def _wrapped(text: str, cells: int) -> list[str]:
    if not text:
        return []
    hang = "  " if text[:2] in tuple(f"{sign} " for sign in SIGNS.values()) else ""
    return wrap(
        one_line(text), cells, subsequent_indent=hang, break_on_hyphens=False, break_long_words=True
    )  # fmt: skip


def lost_outline(found: Summary) -> list[OutlineLine]:
    """What the host has and the vCPU lacks, by the rule that takes it."""
    if not found.lost:
        return []
    lines = [*heading("Lost between host and guest")]
    for why, ones in _by_reason(found.lost):
        names = ", ".join(one.name for one in ones)
        lines.append(line(Words(f"▼ {names}", "masked"), depth=1))
        lines += [line(words, depth=2) for words in why]
    return lines


def _by_reason(lost: Iterable[FeatureState]) -> list[tuple[tuple[str, ...], list[FeatureState]]]:
    grouped: dict[tuple[str, ...], list[FeatureState]] = {}
    for one in lost:
        grouped.setdefault(why_lines(one), []).append(one)
    return list(grouped.items())


def why_lines(one: FeatureState) -> tuple[str, ...]:
    """Why a vCPU lacks a feature, and what would bring it: sentences."""
    lines = []
    if one.reason:
        lines.append(one.reason)
    if one.rule:
        lines.append(", ".join(filter(None, (f'rule "{one.rule}"', one.since, one.reference))))
    if one.needs:
        lines.append(f"needs the vCPU feature {one.needs}" + (f" (QEMU: {one.option})" if one.option else ""))
    return tuple(lines) or ("no rule of this kernel says why",)


def blank_outline(found: Summary) -> list[OutlineLine]:
    """What this source does not tell."""
    if not found.blank:
        return []
    return [*heading("Not shown by this source"), line(", ".join(found.blank), depth=1)]


def summary_markdown(found: Summary) -> str:
    """The summary as Markdown, for a bug report."""
    both = bool(found.host and found.vcpu)
    head = ["", found.host or found.vcpu, *([found.vcpu] if both else [])]
    rows = [
        [one.title, one.host or (one.vcpu or UNKNOWN) if not both else one.host or UNKNOWN]
        + ([vcpu_words(one, both)] if both else [])
        for one in found.lines
    ]
    lines = [f"## Summary of {markdown_text(found.source.source)}", "", *markdown_table(head, rows)]
    if found.lost:
        lost = [
            [
                one.name,
                one.rule,
                one.since,
                one.reason,
                f"{one.needs} {one.option}".strip(),
                one.reference,
            ]
            for one in found.lost
        ]
        titles = ["feature", "rule", "since", "reason", "needs", "source"]
        lines += ["", "### Lost between host and guest", "", *markdown_table(titles, lost)]
    if found.blank:
        lines += ["", f"Not shown by this source: {', '.join(found.blank)}"]
    return "\n".join(lines)


def summary_json(found: Summary) -> Json:
    """`summary --json`: a line's text is null where it is not known."""
    return {
        "source": source_json(found.source),
        "host": found.host or None,
        "vcpu": found.vcpu or None,
        "kernel": found.kernel or None,
        "lines": [
            {
                "key": one.key,
                "title": one.title,
                "host": one.host,
                "vcpu": one.vcpu,
                "state": one.state or None,
                "lost": list(one.lost),
                "fields": list(one.places),
            }
            for one in found.lines
        ],
        "not_told": list(found.blank),
        "lost": [feature_json(one) for one in found.lost],
        "notes": list(found.notes),
    }


def feature_json(one: FeatureState) -> Json:
    """One feature: `host` and `vcpu` are null where it is not known."""
    return {
        "name": one.name,
        "text": one.text,
        "host": one.host,
        "vcpu": one.vcpu,
        "state": one.state,
        "condition": one.condition or None,
        "fields": list(one.places),
        "aliases": list(one.aliases),
        "rule": one.rule or None,
        "reason": one.reason or None,
        "reference": one.reference or None,
        "since": one.since or None,
        "needs": one.needs or None,
        "option": one.option or None,
    }


def features_lines(found: Sequence[FeatureState], host: str, vcpu: str) -> list[str]:
    """A line for each feature, with why a vCPU lacks it."""
    both = bool(host and vcpu)
    sides = ["host", "vCPU"] if both else [host or vcpu]
    rows = [["", "feature", *sides, "about", "why not"] if both else ["", "feature", *sides, "about"]]
    for one in found:
        answers = [ANSWERS[one.host], ANSWERS[one.vcpu]] if both else [ANSWERS[one.host if host else one.vcpu]]
        about = one.text if len(one.text) < 60 else f"{one.text[:58].rstrip(' ,;:')}…"
        rows.append([STATES[one.state], one.name, *answers, about, *([brief_reason(one)] if both else [])])
    return [text.rstrip() for text in columns(rows)]


def brief_reason(one: FeatureState) -> str:
    """Rule, release and vCPU feature in a few words."""
    parts = [f"{one.rule} {one.since}".strip(), f"needs {one.needs}" if one.needs else ""]
    if one.missing and not any(parts):
        parts = [one.reason]
    return "; ".join(part for part in parts if part)


def feature_lines(one: FeatureState, host: str, vcpu: str) -> list[str]:
    """One feature in full."""
    lines = [f"{one.name}  {one.text}"]
    if one.aliases:
        lines.append(f"  also called   {', '.join(one.aliases)}")
    lines.append(f"  read from     {one.condition or 'no ID register shows it'}")
    for title, answer in ((host, one.host), (vcpu, one.vcpu)):
        if title:
            lines.append(f"  {title:<12}  {'not known' if answer is None else ANSWERS[answer]}")
    if one.rule or one.needs or one.reason:
        lines += [f"  {'why' if place == 0 else '':<12}  {text}" for place, text in enumerate(why_lines(one))]
    return [one_line(text) for text in lines]


def features_json(found: Sequence[FeatureState], source: Json, host: str, vcpu: str, notes: Sequence[str]) -> Json:
    """`features --json`."""
    return {
        "source": source,
        "host": host or None,
        "vcpu": vcpu or None,
        "features": [feature_json(one) for one in found],
        "notes": list(notes),
    }


def compared_lines(found: Sequence[Sides], states: Sequence[Sequence[FeatureState]], *, markdown: bool) -> list[str]:
    """A line for each feature, a pair `host / vCPU` for each dump."""
    head = ["feature", *(one.dump.provenance.source for one in found), "about"]
    rows = [[row[0].name, *map(_pair, found, row), row[0].text] for row in zip(*states, strict=True)]
    if markdown:
        return markdown_table(head, rows)
    return [*columns([head, *rows]), "", "host / vCPU; - where a dump has no such side"]


def _pair(sides: Sides, one: FeatureState) -> str:
    host = ANSWERS[one.host] if sides.host is not None else "-"
    return f"{host} / {ANSWERS[one.vcpu] if sides.vcpu is not None else '-'}"


def compared_json(found: Sequence[Sides], states: Sequence[Sequence[FeatureState]]) -> Json:
    """`compare DUMP ... FEAT_NAME --json`."""
    return {
        "sources": [one.dump.provenance.source for one in found],
        "features": [
            {"name": row[0].name, "text": row[0].text, "dumps": [{"host": one.host, "vcpu": one.vcpu} for one in row]}
            for row in zip(*states, strict=True)
        ],
    }
