"""Write a copy of a saved VM in which only the refused values are replaced by ones that the destination accepts.

The original is never opened for writing, nothing is ever overwritten, and the copy gets its name only after it was
loaded again and passed the migration check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from inspector.checks.machine.destination import Destination, SameHost, destination_for, source_vcpus
from inspector.checks.remedies.replacements import replaceable_format, replacement_of
from inspector.checks.remedies.risks import risk_of
from inspector.checks.repair.copying import BytePatch, copy_patched, file_mode, new_file
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import Finding, MigrationReport
from inspector.checks.vmms.table import restoring_vmm
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError
from inspector.policies.model import Policy
from inspector.policies.setup import VcpuSetup
from inspector.registers.catalog import by_id
from inspector.shipped import folder
from inspector.sources import load
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.formats import edited, edits, uncompressed_part
from inspector.sources.formats.dump_json import write
from inspector.sources.text_edits import read_text


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """One replaced value."""

    vcpu: int
    id: int
    name: str
    old: int
    new: int
    risk: str
    """what the guest would notice"""
    reason: str
    """why the destination refuses the old value"""
    offset: int | None = None
    """byte offset in the uncompressed file; None in a text format"""


class FixResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and what the migration check says before and after."""

    out: str
    """the new file; empty when nothing was written"""
    changes: tuple[Replacement, ...]
    before: MigrationReport
    after: MigrationReport | None
    """the check of the new file; None when nothing was written"""
    remaining: tuple[Finding, ...] = ()
    """what fails the load and cannot be mended by replacing values"""
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when the result loads (or nothing had to be done), 1 when something remains."""
        last = self.after or self.before
        return EXIT_YES if last.exit_code == EXIT_YES else EXIT_NO


def fix(
    source: Dump,
    destination: Dump | Destination | SameHost,
    out: str,
    kernel: Policy | None = None,
    vmm: str = "",
    setup: VcpuSetup | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
    candidates: Sequence[Policy] = (),
) -> FixResult:
    """Write `out`: the file that `source` was read from, with the values that `destination` refuses replaced.

    Nothing is written when no value is refused. Raises InspectorError when the format cannot be changed, when `out`
    exists, or when the copy does not pass the check; no file is left behind then.
    """
    rule = restoring_vmm(source.provenance, vmm)
    destination = destination_for(source, destination, kernel, setup, rule, host, assume, candidates)
    before = migrate(source, destination, vmm=rule.name)
    changes, remaining = planned_changes(before, source)
    if not changes:
        return FixResult(out="", changes=(), before=before, after=None, remaining=remaining)
    where = source.provenance.source
    if not replaceable_format(source):
        raise InspectorError(
            f"values cannot be replaced in this format ({source.provenance.format})",
            where,
            "give the saved VM itself: a QEMU stream, Firecracker JSON, `id value` lines or a dump of this program",
        )
    original = _path_of(source)
    with new_file(out, file_mode(original)) as temporary:
        if original.resolve() == Path(out).resolve():
            raise InspectorError("is the original", out, "name a new file")
        notes = _write(source, original, temporary, changes)
        after = _check(source, temporary, destination, rule.name, changes, remaining)
    after = msgspec.structs.replace(after, source=after.source.replace(str(temporary), out))
    return FixResult(out=out, changes=changes, before=before, after=after, remaining=remaining, notes=notes)


def planned_changes(report: MigrationReport, source: Dump) -> tuple[tuple[Replacement, ...], tuple[Finding, ...]]:
    """The replacements that a copy of `source` would hold, and the failures that no replacement mends."""
    offsets = {vcpu.index: vcpu.offsets for vcpu in source_vcpus(source)[0]}
    changes, remaining = [], []
    for finding in report.fatal:
        new = replacement_of(finding) if finding.kind == "refused" else None
        if new is None or finding.value is None:
            remaining.append(finding)
            continue
        changes.append(
            Replacement(
                vcpu=finding.vcpu,
                id=finding.id,
                name=by_id(finding.id).name,
                old=finding.value,
                new=new,
                risk=risk_of(finding.id, finding.value, new),
                reason=finding.reason,
                offset=offsets[finding.vcpu].get(finding.id),
            )
        )
    return tuple(changes), tuple(remaining)


def _path_of(source: Dump) -> Path:
    """The file behind the dump."""
    name = source.provenance.source
    if name.startswith("builtin:"):
        return folder("snapshots") / f"{name.removeprefix('builtin:')}.json"
    return Path(name)


def _write(source: Dump, original: Path, target: Path, changes: Sequence[Replacement]) -> tuple[str, ...]:
    """Fill the empty file `target`; gives notes on how it was done."""
    given = source.provenance
    layers = tuple(given.compression.split("+")) if given.compression else ()
    how = edits(given.format)
    if how == "bytes":
        prefix = uncompressed_part(given.format, original) if layers else 0
        copy_patched(original, target, _patches(changes, given.source), layers, prefix)
        same = "everything else is byte for byte that of the original"
        return (f"{same}, once unpacked: the file was compressed again with {given.compression}" if layers else same,)
    if layers:
        raise InspectorError(f"is compressed ({given.compression})", given.source, "unpack it first")
    if how == "rewritten":
        _write_own(source, target, changes)
        return ("the dump was written again: every other value is the same",)
    _write_text(source, original, target, changes)
    return ("every other character is that of the original",)


def _patches(changes: Sequence[Replacement], where: str) -> list[BytePatch]:
    """QEMU keeps each value as a big-endian u64, whatever the register's size (migration/vmstate-types.c)."""
    patches = []
    for change in changes:
        if change.offset is None:
            raise InspectorError(f"the place of {change.name} in the file is not known", where)
        patches.append(BytePatch(change.offset, change.old.to_bytes(8, "big"), change.new.to_bytes(8, "big")))
    return patches


def _by_vcpu(changes: Sequence[Replacement]) -> dict[int, dict[int, tuple[int, int]]]:
    answer: dict[int, dict[int, tuple[int, int]]] = {}
    for change in changes:
        answer.setdefault(change.vcpu, {})[change.id] = change.old, change.new
    return answer


def _write_own(source: Dump, target: Path, changes: Sequence[Replacement]) -> None:
    """A dump of this program: everything else is written as it was read."""
    wanted = _by_vcpu(changes)
    vcpus = tuple(_replaced(v, {i: new for i, (_, new) in wanted.get(v.index, {}).items()}) for v in source.vcpus)
    target.write_bytes(write(msgspec.structs.replace(source, vcpus=vcpus)))


def _replaced(vcpu: Vcpu, new: Mapping[int, int]) -> Vcpu:
    return msgspec.structs.replace(vcpu, values={i: new.get(i, v) for i, v in vcpu.values.items()}) if new else vcpu


def _write_text(source: Dump, original: Path, target: Path, changes: Sequence[Replacement]) -> None:
    wanted = _by_vcpu(changes)
    text = read_text(original.read_bytes(), source.provenance.source)
    patched = edited(source.provenance.format, text, wanted)
    target.write_bytes(patched.encode())


def _check(
    source: Dump,
    target: Path,
    destination: Destination,
    vmm: str,
    changes: Sequence[Replacement],
    remaining: Sequence[Finding],
) -> MigrationReport:
    """Load the copy, compare every value, and restore it: raises InspectorError when anything is not as planned."""
    copy = load(str(target))
    wanted = {(c.vcpu, c.id): c.new for c in changes}
    where = source.provenance.source
    if [v.index for v in copy.vcpus] != [v.index for v in source.vcpus]:
        raise InspectorError("the copy does not hold the same vCPUs; it was removed", where)
    for mine, theirs in zip(source.vcpus, copy.vcpus, strict=True):
        expected = {i: wanted.get((mine.index, i), v) for i, v in mine.values.items()}
        if dict(theirs.values) != expected:
            wrong = next(i for i, v in expected.items() if theirs.values.get(i) != v)
            raise InspectorError(f"the copy does not hold {by_id(wrong).name} as planned; it was removed", where)
    report = migrate(copy, destination, vmm=vmm)
    left = {(f.vcpu, f.id) for f in report.fatal} - {(f.vcpu, f.id) for f in remaining}
    if left:
        names = ", ".join(by_id(i).name for _, i in sorted(left)[:4])
        raise InspectorError(f"the copy would still be refused ({names}); it was removed", where)
    return report
