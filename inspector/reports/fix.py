"""Reports of `fix`: what was replaced, what it means for the guest, and what remains."""

from __future__ import annotations

from inspector.checks.feature_groups import group_by_feature
from inspector.checks.repair.fix import FixResult, Replacement
from inspector.checks.restore.withheld import told_finding
from inspector.errors import one_line
from inspector.numbers import count_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import grouped_hex, hex_id, hex_value
from inspector.registers.secrets import is_secret
from inspector.reports.json import Json
from inspector.reports.migration import finding_json, way_json
from inspector.reports.text import markdown_table, markdown_text


def _value(change: Replacement, value: int, secrets: bool) -> str:
    return "withheld" if is_secret(change.id) and not secrets else grouped_hex(value, by_id(change.id).size)


def _json(change: Replacement, value: int, secrets: bool) -> str | None:
    return None if is_secret(change.id) and not secrets else hex_value(value, by_id(change.id).size)


def _answer(result: FixResult) -> str:
    if not result.changes:
        if result.before.verdict == "loads":
            return "nothing to change: the saved VM loads as it is; no file was written"
        if result.before.verdict == "uncertain":
            return "no value is refused for certain, and only such are replaced; no file was written"
        return "no refused value that could be replaced; no file was written"
    count = len(result.changes)
    values = count_of(count, "value")
    if result.dry_run:
        what = f"{values} would be replaced; nothing was written (--dry-run)"
    else:
        what = f"{values} replaced, written to {result.out}"
    verdict = result.after.verdict if result.after is not None else "fails"
    if verdict != "fails":
        it_loads = f"it {'would load' if result.dry_run else 'loads'}"
        return f"{what}; checked: {'' if verdict == 'loads' else 'it is not certain that '}{it_loads}"
    return f"{what}; it {'would still' if result.dry_run else 'still does'} not load"


def _remaining(result: FixResult) -> list[str]:
    """What cannot be mended by replacing values."""
    unknown = [f.id for f in result.remaining if f.kind == "only_in_source"]
    lines = [f"{group.headline('missing')}: {group.sentence}" for group in group_by_feature(set(unknown))]
    refused = [f for f in result.remaining if f.kind == "refused"]
    lines += [f"{by_id(f.id).name}: {f.errno_name}, no accepted value is known" for f in refused]
    return lines


def _checked(result: FixResult) -> str:
    """The verdict on what was or would be written; where nothing is, on the saved VM, unless it loads. May be empty."""
    if result.after is not None:
        what = "Check of what would be written" if result.dry_run else "Check of the new file"
        return f"{what}: {result.after.headline}"
    if result.changes or result.before.verdict == "loads":
        return ""
    return f"Check of the saved VM: {result.before.headline}"


def fix_text(result: FixResult, secrets: bool = False) -> str:
    """Every change with its risk, then the result of the check; values of the guest's secrets only with `secrets`."""
    lines = [_answer(result)]
    for change in result.changes:
        at = "" if change.offset is None else f"  at byte {change.offset} (0x{change.offset:x})"
        lines += [
            "",
            f"  {change.name}  {hex_id(change.id)}  vCPU {change.vcpu}{at}",
            f"    {_value(change, change.old, secrets)} -> {_value(change, change.new, secrets)}",
            f"    why   {change.reason}",
            f"    risk  {change.risk}",
        ]
    remaining = _remaining(result)
    if remaining:
        lines += ["", "Cannot be mended by replacing values", *(f"  {text}" for text in remaining)]
        ways = (result.after or result.before).ways_out
        lines += [f"  way out: {way.title}{': ' + way.how[0] if way.how else ''}" for way in ways[:3]]
    if checked := _checked(result):
        lines += ["", checked]
    lines += [f"Note: {note}" for note in result.notes]
    return "\n".join(map(one_line, lines))


def fix_json(result: FixResult, secrets: bool = False) -> Json:
    """The same for programs."""
    return {
        "output": result.out or None,
        "dry_run": result.dry_run,
        "verdict": (result.after or result.before).verdict,
        "headline": (result.after or result.before).headline,
        "changes": [
            {
                "vcpu": c.vcpu,
                "id": hex_id(c.id),
                "name": c.name,
                "old": _json(c, c.old, secrets),
                "new": _json(c, c.new, secrets),
                "offset": c.offset,
                "reason": c.reason,
                "risk": c.risk,
            }
            for c in result.changes
        ],
        "remaining": [finding_json(f if secrets else told_finding(f)) for f in result.remaining],
        "ways_out": [way_json(w) for w in (result.after or result.before).ways_out],
        "notes": list(result.notes),
    }


def fix_markdown(result: FixResult, secrets: bool = False) -> str:
    """The same for a bug tracker."""
    rows = [[str(c.vcpu), c.name, _value(c, c.old, secrets), _value(c, c.new, secrets), c.risk] for c in result.changes]
    lines = [f"## Fix: {markdown_text(_answer(result))}", ""]
    if rows:
        lines += [*markdown_table(["vCPU", "register", "old", "new", "risk"], rows), ""]
    lines += [f"- remains: {markdown_text(text)}" for text in _remaining(result)]
    if checked := _checked(result):
        lines += [*[""] * bool(lines[-1]), markdown_text(checked)]
    return "\n".join(lines).rstrip()
