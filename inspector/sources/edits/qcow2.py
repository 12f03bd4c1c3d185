"""qcow2 images: eight bytes for each value of one internal snapshot, in the clusters that hold its VM state.

Only data clusters that belong to the snapshot are written: no table, no refcount changes, so that what qemu-img checks
stays as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from inspector.errors import InspectorError, SourceError
from inspector.registers.catalog import by_id
from inspector.sources.dump import Provenance
from inspector.sources.edits.change import BytePatch, Changes
from inspector.sources.edits.qemu import WIDTH
from inspector.sources.formats.qcow2 import Snapshot, State, image_of, state_dump
from inspector.sources.opening import open_path


def patches(path: Path, source: Provenance, changes: Mapping[int, Changes]) -> list[BytePatch]:
    """The patches of the image. Raises InspectorError for a value in a hole, or in a cluster that snapshots share."""
    image = image_of(open_path(str(path), source.source))
    chosen = next(one for one in image.with_state if one.id == source.snapshot.raw)
    state = image.state(chosen)
    offsets = {vcpu.index: vcpu.offsets for vcpu in state_dump(state).vcpus}
    others = [(one, image.state(one)) for one in image.with_state if one != chosen]
    found = []
    for index, wanted in changes.items():
        for reg_id, change in wanted.items():
            old, new = change.old.to_bytes(WIDTH, "big"), change.new.to_bytes(WIDTH, "big")
            start = offsets[index][reg_id]
            done = 0
            for place, length in state.pieces(start, WIDTH):
                if place is None:
                    raise _unplaced(reg_id, "lies in a cluster that is not stored, because all of it is zero", source)
                for other in _sharing(others, start + done, place):
                    raise _unplaced(reg_id, f"lies in a cluster that the snapshot {other.name!r} shares", source)
                found.append(BytePatch(place, old[done : done + length], new[done : done + length]))
                done += length
    return found


def _unplaced(reg_id: int, why: str, source: Provenance) -> InspectorError:
    return InspectorError(f"{by_id(reg_id).name} {why}, so it cannot be replaced there", source.source)


def _sharing(others: list[tuple[Snapshot, State]], offset: int, place: int) -> Iterator[Snapshot]:
    """Other snapshots whose VM state has the same bytes of the file at that offset."""
    for snapshot, state in others:
        if offset < snapshot.state_size:
            with contextlib.suppress(SourceError):
                if state.place(offset) == place:
                    yield snapshot
