"""A review as text, Markdown and JSON: first what a maintainer has to know, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from inspector.checks.review.result import Effect, HostReview, Restore, Review, Severity
from inspector.checks.vmms.table import DEFAULT_VMM
from inspector.reports.matrix import QUALIFIED
from inspector.reports.outline import GAP, OutlineLine, Words, heading, indented, line, section

_WORDS: dict[Severity, str] = {
    "breaks": "✖ breaks migration", "uncertain": "? uncertain", "guest": "▼ guest", "notice": "▲ notice",
    "harmless": "= harmless",
}  # fmt: skip
_ROLES: dict[Severity, str] = {
    "breaks": "refused", "uncertain": "unknown", "guest": "masked", "notice": "raised", "harmless": "same",
}  # fmt: skip
_LABEL = 10
_SIGNS = {"loads": "=", "fails": "✖"}
_MOST = 24
"""Details of one effect that are told in text."""


def headline(review: Review) -> str:
    """The answer in one sentence."""
    doubt = "? uncertain: " if review.doubts else ""
    broken = [effect for effect in review.effects if effect.severity == "breaks"]
    if broken:
        cpus = list(dict.fromkeys(cpu for effect in broken for cpu in effect.cpus))
        more = f", and {len(broken) - 1} more" if broken[1:] else ""
        return f"{doubt or '✖ '}breaks restores on {', '.join(cpus)}: {broken[0].text}{more}"
    hanging = [e for e in review.effects if e.severity == "uncertain" and e.kind in ("refused", "vanish", "restore")]
    if hanging:
        return f"? uncertain whether it breaks restores on {', '.join(hanging[0].cpus)}: {hanging[0].text}"
    if review.effects:
        return f"{doubt or '= '}no VM saved before is refused after; what changes is listed below"
    return f"{doubt or '= '}nothing that guests or userspace can see differs"


def review_outline(review: Review) -> list[OutlineLine]:
    """The whole review, in lines."""
    role = (
        "unknown"
        if review.doubts or (review.uncertain and not review.breaks)
        else "refused"
        if review.breaks
        else "same"
    )
    lines = [line(Words(headline(review), role), kind="title"), GAP]
    cpus = ", ".join(dict.fromkeys(host.cpu for host in review.hosts))
    about = (
        ("before", review.before),
        ("after", review.after),
        ("hosts", cpus),
        ("vCPU", f"features: {review.features}"),
    )
    lines += [line(text, label=label, depth=1, column=_LABEL) for label, text in about]
    lines += [line(Words(text, "unknown"), label="doubt", depth=1, column=_LABEL) for text in review.doubts]
    for effect in review.effects:
        lines += [GAP, *_effect(effect, review)]
    lines += section("Restores by each VMM, as the model plays them", _restores(review.hosts))
    lines += section("VMs of recorded releases that fare otherwise after the change", _releases(review.hosts))
    lines += _qemu(review.hosts)
    return lines + section("Notes", (line(note, depth=1) for note in review.notes))


def _effect(effect: Effect, review: Review) -> Iterator[OutlineLine]:
    role = _ROLES[effect.severity]
    yield line(Words(f"{_WORDS[effect.severity]}  ", role), Words(effect.text, "title"), kind="entry")
    rows = [("on", _where(effect, review))]
    shown = effect.details[:_MOST]
    rows += [("" if place else "fields", text) for place, text in enumerate(shown)]
    rows += [("", f"and {len(effect.details) - _MOST} more (--json has all)")] if len(effect.details) > _MOST else []
    rows += [("" if place else "cases", text) for place, text in enumerate(effect.cases)]
    rows += (
        [("releases", f"VMs saved under {effect.releases} loaded before and do not after")] if effect.releases else []
    )
    rows += [("remedy", effect.remedy)] if effect.remedy else []
    rows += [("selftest", effect.selftest)] if effect.selftest else []
    for label, text in rows:
        yield line(text, label=label, depth=1, column=_LABEL)


def _where(effect: Effect, review: Review) -> str:
    """`hosts with FEAT_CCIDX: neoverse-n2; not cortex-a72, max`."""
    others = [cpu for cpu in dict.fromkeys(host.cpu for host in review.hosts) if cpu not in effect.cpus]
    hosts = f"hosts with {' and '.join(effect.features)}: " if effect.features else ""
    return f"{hosts}{', '.join(effect.cpus)}" + (f"; not on {', '.join(others)}" if others else "")


def _restores(hosts: Sequence[HostReview]) -> Iterator[OutlineLine]:
    """One entry for all hosts and VMMs that fare alike."""
    groups: dict[tuple[str, str, str], list[tuple[str, Restore]]] = {}
    for host in hosts:
        by_verdicts: dict[tuple[str, str], list[Restore]] = {}
        for one in host.restores:
            by_verdicts.setdefault((one.forwards, one.back), []).append(one)
        for (forwards, back), ones in by_verdicts.items():
            every = len(ones) == len(host.restores)
            names = "every VMM" if every else ", ".join(one.vmm for one in ones)
            usual = next((one for one in ones if one.vmm == DEFAULT_VMM), ones[0])
            groups.setdefault((forwards, back, names), []).append((host.cpu, usual))
    for (forwards, back, names), found in groups.items():
        yield line(Words(", ".join(cpu for cpu, _ in found), "title"), f": {names}", depth=1)
        first = found[0][1]
        such = f" ({first.vmm})" if names != first.vmm else ""
        yield line(*_verdict("before -> after  ", forwards, first.forwards_says + such), depth=2)
        yield line(*_verdict("after -> before  ", back, first.back_says + such), depth=2)


def _verdict(way: str, verdict: str, says: str) -> tuple[Words, ...]:
    sign = _SIGNS.get(verdict, "?")
    role = {"=": "same", "✖": "refused"}.get(sign, "unknown")
    return Words(way, "muted"), Words(f"{sign} {verdict if verdict == 'loads' else says}", role)


def _releases(hosts: Iterable[HostReview]) -> Iterator[OutlineLine]:
    for host in hosts:
        if host.releases:
            worse = [one for one in host.releases if one.on_after != one.on_before]
            text = ", ".join(f"{one.release} ({one.on_before} -> {one.on_after})" for one in worse) or "none"
            yield line(f"{text}, of {len(host.releases)}", label=host.cpu, depth=1)


def _qemu(hosts: Sequence[HostReview]) -> list[OutlineLine]:
    entries = list(dict.fromkeys(entry for host in hosts for entry in host.qemu))
    if not entries:
        return []
    says = " ".join(dict.fromkeys(host.qemu_says for host in hosts if host.qemu))
    title = f"QEMU compat properties for old machine types, tried on the model: {says}"
    lines = [*heading(title), *(line(entry, kind="code", depth=1) for entry in entries)]
    return [*lines, *indented([line(QUALIFIED)])] if any("x-mig" in entry for entry in entries) else lines


def to_json(review: Review) -> dict[str, Any]:
    """The same as data; ids and values are hex strings."""
    data: dict[str, Any] = msgspec.to_builtins(review, enc_hook=int)  # a recording's numbers are of a kind of int
    data["breaks"], data["uncertain"], data["headline"] = review.breaks, review.uncertain, headline(review)
    for host in data["hosts"]:
        for kind in ("shown", "writable", "forwards", "back"):
            _in_hex(host[kind])
    return data


def _in_hex(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        row["id"] = f"0x{row['id']:016x}"
        row.update({key: f"0x{row[key]:x}" for key in ("value", "before", "after") if key in row})
