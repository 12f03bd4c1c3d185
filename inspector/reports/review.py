"""A review as text, Markdown and JSON: first what a maintainer has to know, then what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from inspector.checks.review.review import Effect, HostReview, Restore, Review, Severity
from inspector.reports.text import columns, markdown_table

_WORDS: dict[Severity, str] = {
    "breaks": "✖ breaks migration", "guest": "▼ guest", "notice": "▲ notice", "harmless": "= harmless",
}  # fmt: skip


def headline(review: Review) -> str:
    """The answer in one sentence."""
    broken = [effect for effect in review.effects if effect.severity == "breaks"]
    cpus = list(dict.fromkeys(cpu for effect in broken for cpu in effect.cpus))
    if broken:
        return f"✖ breaks restores on {', '.join(cpus)}: {broken[0].text}"
    if review.effects:
        return "✔ no VM saved before is refused after; what changes is listed below"
    return "✔ nothing that guests or userspace can see differs"


def lines(review: Review) -> list[str]:
    """The whole review, for a terminal."""
    out = [headline(review), "", f"  before  {review.before}", f"  after   {review.after}"]
    out += [f"  hosts   {', '.join(host.cpu for host in review.hosts)}; vCPU features: {review.features}", ""]
    for effect in review.effects:
        out += _effect_lines(effect)
    for host in review.hosts:
        out += ["", *_host_lines(host)]
    return [*out, *(["", *review.notes] if review.notes else [])]


def _effect_lines(effect: Effect) -> list[str]:
    rows = [(f"  {_WORDS[effect.severity]}", f"{effect.text} [{', '.join(effect.cpus)}]")]
    rows += [("", f"usual remedy: {effect.remedy}")] if effect.remedy else []
    rows += [("", f"selftest: {effect.selftest}")] if effect.selftest else []
    return columns([(left.ljust(22), right) for left, right in rows])


def _host_lines(host: HostReview) -> list[str]:
    out = [f"On {host.cpu}: {host.before} -> {host.after}"]
    lists = (("  listed anew", host.appear), ("  not listed", host.vanish))
    out += columns([(what, ", ".join(names)) for what, names in lists if names])
    rows = [(f"  {one.vmm}", _arrow(one.forwards), _arrow(one.back), _says(one)) for one in host.restores]
    out += columns([("  restore by", "before -> after", "after -> before", ""), *rows])
    worse = [one for one in host.releases if one.on_after != one.on_before]
    if host.releases:
        text = ", ".join(f"{one.release} ({one.on_before} -> {one.on_after})" for one in worse) or "none"
        out.append(f"  recorded releases whose VMs fare otherwise after the change, of {len(host.releases)}: {text}")
    return out


def _arrow(verdict: str) -> str:
    return {"loads": "✔ loads", "fails": "✖ fails"}.get(verdict, f"~ {verdict}")


def _says(one: Restore) -> str:
    return one.forwards_says if one.forwards != "loads" else one.back_says if one.back != "loads" else ""


def markdown(review: Review) -> list[str]:
    """The same for a mail or a bug report."""
    out = [f"**{headline(review)}**", "", f"- before: {review.before}", f"- after: {review.after}"]
    out += [f"- hosts: {', '.join(host.cpu for host in review.hosts)}; vCPU features: {review.features}", ""]
    rows = [(_WORDS[e.severity], e.text, ", ".join(e.cpus), e.remedy, e.selftest) for e in review.effects]
    out += markdown_table(("severity", "what", "on", "usual remedy", "selftest"), rows)
    for host in review.hosts:
        table = [(one.vmm, one.forwards, one.back, _says(one)) for one in host.restores]
        out += ["", f"### {host.cpu}", "", *markdown_table(("VMM", "before -> after", "after -> before", ""), table)]
    return [*out, *(["", *(f"- {note}" for note in review.notes)] if review.notes else [])]


def to_json(review: Review) -> dict[str, Any]:
    """The same as data; ids and values are hex strings."""
    data: dict[str, Any] = msgspec.to_builtins(review, enc_hook=int)  # a recording's numbers are of a kind of int
    data["breaks"], data["headline"] = review.breaks, headline(review)
    for host in data["hosts"]:
        for kind in ("shown", "writable", "forwards", "back"):
            _in_hex(host[kind])
    return data


def _in_hex(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        row["id"] = f"0x{row['id']:016x}"
        row.update({key: f"0x{row[key]:x}" for key in ("value", "before", "after") if key in row})
