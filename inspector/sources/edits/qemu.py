"""QEMU streams, plain or behind libvirt's header: eight bytes for each value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from inspector.sources.dump import Provenance
from inspector.sources.edits.change import BytePatch, Changes, not_found

WIDTH = 8


def patches(path: Path, source: Provenance, changes: Mapping[int, Changes]) -> list[BytePatch]:
    """The patches of the unpacked file. Raises InspectorError for a value whose place is not known.

    QEMU keeps each value as a big-endian u64, whatever the register's size (migration/vmstate-types.c).
    """
    found = []
    for wanted in changes.values():
        for reg_id, change in wanted.items():
            if change.offset is None:
                raise not_found(reg_id, source.source)
            old, new = change.old.to_bytes(WIDTH, "big"), change.new.to_bytes(WIDTH, "big")
            found.append(BytePatch(change.offset, old, new))
    return found
