"""A copy of a snapshot that is a folder with a file for each vCPU (crosvm): those files edited, all others copied."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from inspector.checks.repair.copying import copy_patched, edit_whole
from inspector.errors import InspectorError, SourceError
from inspector.new_file import new_file, own_folder
from inspector.sources import load
from inspector.sources.edits import edited
from inspector.sources.edits.change import Changes
from inspector.sources.folders import is_vcpu_file


def copy_folder(source: Path, target: Path | None, name: str, changes: Mapping[int, Changes]) -> None:
    """Copy the folder `source` into the empty folder `target`, with `changes` in its vCPU files of the format `name`.

    Holes, permissions and owners are kept, and symbolic links as links. Without a `target` the edits are only tried.
    Raises InspectorError for what is neither file, folder nor link, and for a vCPU whose file is not found.
    """
    left = set(changes)
    for folder, folders, files in os.walk(source):
        below = None if target is None else target / Path(folder).relative_to(source)
        for one in sorted(folders):
            _make_folder(Path(folder) / one, below and below / one)
        for one in sorted(files):
            path, goal = Path(folder) / one, below and below / one
            index, layers = _vcpu_of(path)
            if index in left:
                left.discard(index)
                _edit(path, goal, name, {index: changes[index]}, layers)
            elif goal is not None:
                _copy(path, goal)
    if left:
        raise InspectorError(f"the file of vCPU {min(left)} is not found any more", str(source))
    if target is not None:
        _own_folders(source, target)


def _own_folders(source: Path, target: Path) -> None:
    """Permissions and owners of the folders inside, the innermost first; the outermost gets them with its name."""
    for folder, _, _ in os.walk(source, topdown=False):
        if Path(folder) != source:
            own_folder(target / Path(folder).relative_to(source), Path(folder).stat())


def _vcpu_of(path: Path) -> tuple[int, tuple[str, ...]]:
    """Number of the vCPU that a file holds, and its compression; -1 for every other file."""
    if not is_vcpu_file(path) or path.is_symlink():
        return -1, ()
    try:
        dump = load(str(path))
    except SourceError:
        return -1, ()
    packed = dump.provenance.compression
    return dump.vcpus[0].index, tuple(packed.split("+")) if packed else ()


def _edit(path: Path, goal: Path | None, name: str, changes: Mapping[int, Changes], layers: tuple[str, ...]) -> None:
    def edit(data: bytes) -> bytes:
        return edited(name, data, changes, str(path))

    if goal is None:
        edit_whole(path, None, edit, layers)
        return
    with new_file(str(goal), path.stat()) as temporary:
        edit_whole(path, temporary, edit, layers)


def _make_folder(path: Path, goal: Path | None) -> None:
    if goal is None:
        return
    if path.is_symlink():
        goal.symlink_to(path.readlink())
    else:
        goal.mkdir(mode=0o700)


def _copy(path: Path, goal: Path) -> None:
    if path.is_symlink():
        goal.symlink_to(path.readlink())
        return
    if not path.is_file():
        raise InspectorError("is no regular file, so the folder cannot be copied", str(path))
    with new_file(str(goal), path.stat()) as temporary:
        copy_patched(path, temporary, ())
