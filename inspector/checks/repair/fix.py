"""Write a copy of a saved VM in which only the refused values are replaced by ones that the destination accepts.

The original is never opened for writing, nothing is ever overwritten, and the copy gets its name only after it was
loaded again and passed the migration check.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from inspector.checks.machine.destination import Destination, SameHost, destination_for, source_vcpus
from inspector.checks.machine.question import NOTHING_GIVEN, Given
from inspector.checks.remedies.replacements import replaceable_format, replacement_of
from inspector.checks.remedies.risks import faults, lacking, of_the_cpu, risk_of
from inspector.checks.repair.copying import (
    check_patches,
    copy_patched,
    edit_whole,
    regular_file,
)
from inspector.checks.restore.emulated import both_emulated
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import Finding, MigrationReport
from inspector.checks.vmms.table import restoring_vmm
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, SourceError
from inspector.kvm.host import HostState
from inspector.new_file import new_file, new_folder, refuse_existing
from inspector.registers.catalog import by_id
from inspector.shipped import folder
from inspector.sources import load
from inspector.sources.dump import Dump, FormatName, Vcpu
from inspector.sources.edits import WRITTEN, edited, patches, way_of
from inspector.sources.edits.change import Change, Changes
from inspector.sources.formats import uncompressed_part
from inspector.sources.formats.dump_json import write


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
    dry_run: bool = False
    """nothing was to be written: `after` is the check of what would be"""
    changes: tuple[Replacement, ...]
    before: MigrationReport
    """with ways out only where nothing is replaced: else `after` has those that are left"""
    after: MigrationReport | None
    """the check of the new file, or of what it would hold; None when nothing is to be replaced"""
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
    given: Given = NOTHING_GIVEN,
    *,
    dry_run: bool = False,
) -> FixResult:
    """Write `out`: the file that `source` was read from, with the values that `destination` refuses replaced.

    Nothing is written when no value is refused, nor with `dry_run`, which does everything else. Raises InspectorError
    when the format cannot be changed, when `out` exists, or when the copy does not pass the check; no file is left
    behind then.
    """
    vmm = Given(vmm=given.vmm)
    basis = restoring_vmm(source.provenance, given.vmm).basis
    notes: tuple[str, ...] = (basis,) if basis else ()
    if given.kernel is not None or not (isinstance(destination, Dump) and both_emulated(source, destination)):
        destination = destination_for(source, destination, given)
        notes += tuple(filter(None, [destination.kernel_note])) if given.kernel is not None else ()
    before = migrate(source, destination, vmm, ways_out=False)
    host_there = destination.host if isinstance(destination, Destination) else None
    changes, remaining = planned_changes(before, source, host_there)
    if not changes:
        before = migrate(source, destination, vmm) if before.fatal else before
        return FixResult(
            out="", changes=(), before=before, after=None, remaining=remaining, dry_run=dry_run, notes=notes
        )
    original = _writable(source)
    if dry_run:
        if out:
            refuse_existing(Path(out))
        _write(source, original, None, changes)
        planned = migrate(_planned(source, changes), destination, vmm)
        _check_left(planned, remaining, source.provenance.source)
        return FixResult(
            out="", changes=changes, before=before, after=planned, remaining=remaining, dry_run=True, notes=notes
        )
    status = original.stat()
    with (new_folder if original.is_dir() else new_file)(out, status) as temporary:
        written = _write(source, original, temporary, changes)
        after = _check(source, temporary, destination, vmm, changes, remaining)
    notes = (*written, *_ownership(status, Path(out)), *notes)
    after = msgspec.structs.replace(after, source=after.source.replace(str(temporary), out))
    return FixResult(out=out, changes=changes, before=before, after=after, remaining=remaining, notes=notes)


def _writable(source: Dump) -> Path:
    """The file behind the dump. Raises InspectorError, saying what can be written, where no copy can be made of it."""
    if not replaceable_format(source):
        raise InspectorError(
            f"values cannot be replaced in this format ({source.provenance.format})",
            source.provenance.source,
            f"what can be written: {WRITTEN}",
        )
    original = _path_of(source)
    if not original.is_dir():
        regular_file(original)
    return original


def _ownership(wanted: os.stat_result, out: Path) -> tuple[str, ...]:
    """A note where the copy could not be given to the owner of the original."""
    got = out.stat()
    if (got.st_uid, got.st_gid) == (wanted.st_uid, wanted.st_gid):
        return ()
    owners = f"user {got.st_uid} and group {got.st_gid}, the original to {wanted.st_uid} and {wanted.st_gid}"
    return (f"the copy belongs to {owners}: only root can give it away",)


def planned_changes(
    report: MigrationReport, source: Dump, host: HostState | None = None
) -> tuple[tuple[Replacement, ...], tuple[Finding, ...]]:
    """The replacements that a copy of `source` would hold, and the failures that no replacement mends.

    `host`: the destination's, where it is known: what its CPU lacks is the first risk of a replacement.
    """
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
                risk=_risk(finding.id, finding.value, new, host),
                reason=finding.reason,
                offset=offsets[finding.vcpu].get(finding.id),
            )
        )
    return tuple(changes), tuple(remaining)


def _risk(reg_id: int, old: int, new: int, host: HostState | None) -> str:
    lacks = lacking(reg_id, old, new, of_the_cpu(host, reg_id))
    return "; ".join(filter(None, (faults(lacks, most=16) if lacks else "", risk_of(reg_id, old, new, lacks))))


def _path_of(source: Dump) -> Path:
    """The file behind the dump."""
    name = source.provenance.source
    if name.startswith("builtin:"):
        return folder("snapshots") / f"{name.removeprefix('builtin:')}.json"
    return Path(name)


def _write(source: Dump, original: Path, target: Path | None, changes: Sequence[Replacement]) -> tuple[str, ...]:
    """Fill the empty file `target`, or only try without one; gives notes on how it was done."""
    given = source.provenance
    layers = tuple(given.compression.split("+")) if given.compression else ()
    way = way_of(given.format)
    wanted = _by_vcpu(changes)
    packed = f", once unpacked: the file was compressed again with {given.compression}" if layers else ""
    if way == "bytes":
        prefix = uncompressed_part(given.format, original) if layers else 0
        found = patches(original, given, wanted)
        if target is None:
            check_patches(original, found, layers, prefix)
        else:
            copy_patched(original, target, found, layers, prefix)
        return (f"everything else is byte for byte that of the original{packed}",)
    if way == "rewritten":
        if layers:
            raise InspectorError(f"is compressed ({given.compression})", given.source, "unpack it first")
        if target is not None:
            target.write_bytes(write(_planned(source, changes)))
        return ("the dump was written again: every other value is the same",)
    if original.is_dir():
        from inspector.checks.repair.folders import copy_folder

        copy_folder(original, target, given.format, wanted)
        return ("everything else in the folder is that of the original, file for file",)
    edit_whole(original, target, lambda data: edited(given.format, data, wanted, given.source), layers)
    sealed = ", and the checksum was computed again" if given.format == _SEALED else ""
    note = f"everything else is that of the original{sealed}{packed}"
    if given.format not in _OF_A_FOLDER:
        return (note,)
    return note, f"the copy takes the place of {original.name} in a copy of the snapshot's folder"


_OF_A_FOLDER: tuple[FormatName, ...] = ("cloud-hypervisor", "crosvm-vcpu", "firecracker-vmstate")
"""Formats whose file is one of a folder, beside guest memory."""
_SEALED: FormatName = "firecracker-vmstate"
"""A format that ends in a checksum of itself."""


def _by_vcpu(changes: Sequence[Replacement]) -> dict[int, Changes]:
    answer: dict[int, dict[int, Change]] = {}
    for change in changes:
        answer.setdefault(change.vcpu, {})[change.id] = Change(change.old, change.new, change.offset)
    return dict(answer)


def _planned(source: Dump, changes: Sequence[Replacement]) -> Dump:
    """The dump as a copy holds it."""
    wanted = _by_vcpu(changes)
    vcpus = tuple(_replaced(v, {i: c.new for i, c in wanted.get(v.index, {}).items()}) for v in source.vcpus)
    return msgspec.structs.replace(source, vcpus=vcpus)


def _replaced(vcpu: Vcpu, new: Mapping[int, int]) -> Vcpu:
    return msgspec.structs.replace(vcpu, values={i: new.get(i, v) for i, v in vcpu.values.items()}) if new else vcpu


def _check(
    source: Dump,
    target: Path,
    destination: Dump | Destination,
    vmm: Given,
    changes: Sequence[Replacement],
    remaining: Sequence[Finding],
) -> MigrationReport:
    """Load the copy, compare every value, and restore it: raises InspectorError when anything is not as planned."""
    where = source.provenance.source
    try:
        copy = load(str(target), snapshot=source.provenance.snapshot.raw)
    except SourceError as error:
        raise InspectorError(f"the copy cannot be read again ({error.what}); it was removed", where) from None
    wanted = _planned(source, changes)
    if [v.index for v in copy.vcpus] != [v.index for v in source.vcpus]:
        raise InspectorError("the copy does not hold the same vCPUs; it was removed", where)
    for expected, found in zip(wanted.vcpus, copy.vcpus, strict=True):
        if dict(found.values) != dict(expected.values):
            wrong = next(i for i, v in {**found.values, **expected.values}.items() if found.values.get(i) != v)
            raise InspectorError(f"the copy does not hold {by_id(wrong).name} as planned; it was removed", where)
    report = migrate(copy, destination, vmm)
    _check_left(report, remaining, where)
    return report


def _check_left(report: MigrationReport, remaining: Sequence[Finding], where: str) -> None:
    """Raises InspectorError when a restore fails on more than what no replacement mends."""
    left = {(f.vcpu, f.id) for f in report.fatal} - {(f.vcpu, f.id) for f in remaining}
    if left:
        names = ", ".join(by_id(i).name for _, i in sorted(left)[:4])
        raise InspectorError(f"the copy would still be refused ({names}); no file was left behind", where)
