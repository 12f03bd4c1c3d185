"""A copy of a snapshot that is a folder: the files that hold vCPUs edited, all others copied.

crosvm has a file for each vCPU, Cloud Hypervisor and Firecracker one for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from inspector.checks.repair.copying import copy_patched, edit_whole
from inspector.errors import InspectorError, SourceError
from inspector.new_file import new_file, own_folder
from inspector.sources import load
from inspector.sources.dump import Dump, FormatName
from inspector.sources.edits import edited
from inspector.sources.edits.change import Changes
from inspector.sources.folders import OF_A_FOLDER, file_of_all_vcpus, is_vcpu_file


def copy_folder(source: Path, target: Path | None, name: FormatName, changes: Mapping[int, Changes]) -> None:
    """Copy the folder `source` into the empty folder `target`, with `changes` in its vCPU files of the format `name`.

    Holes, permissions and owners are kept, and symbolic links as links. Without a `target` the edits are only tried.
    Raises InspectorError for what is neither file, folder nor link, and for a vCPU whose file is not found. A file that
    holds every vCPU and is a symbolic link is written as a file.
    """
    left = set(changes)
    whole = file_of_all_vcpus(source) if name in OF_A_FOLDER else None
    for folder, folders, files in os.walk(source):
        below = None if target is None else target / Path(folder).relative_to(source)
        for one in sorted(folders):
            _make_folder(Path(folder) / one, below and below / one)
        for one in sorted(files):
            path, goal = Path(folder) / one, below and below / one
            inside, layers = _all_in(path, left) if path == whole else _vcpu_of(path, whole is None)
            if found := left & inside:
                left -= found
                _edit(path, goal, name, {index: changes[index] for index in found}, layers)
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


def _all_in(path: Path, vcpus: set[int]) -> tuple[set[int], tuple[str, ...]]:
    """All vCPUs are in one file; and its compression."""
    return set(vcpus), _layers(load(str(path)))


def _vcpu_of(path: Path, one_each: bool) -> tuple[set[int], tuple[str, ...]]:
    """Number of the vCPU that a file holds, and its compression; none for every other file."""
    if not one_each or not is_vcpu_file(path) or path.is_symlink():
        return set(), ()
    try:
        dump = load(str(path))
    except SourceError:
        return set(), ()
    return {dump.vcpus[0].index}, _layers(dump)


def _layers(dump: Dump) -> tuple[str, ...]:
    packed = dump.provenance.compression
    return tuple(packed.split("+")) if packed else ()


def _edit(
    path: Path, goal: Path | None, name: FormatName, changes: Mapping[int, Changes], layers: tuple[str, ...]
) -> None:
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
