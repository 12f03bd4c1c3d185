"""A folder that a VMM saved a VM in: one file with every vCPU, or a file for each.

Cloud Hypervisor writes state.json (vm.json to version 21) beside config.json and memory-ranges; Firecracker a state
file of any name beside the memory; crosvm a file `vcpu/vcpuN` for each vCPU beside irqchip, mem and others
(src/crosvm/sys/linux/vcpu.rs and snapshot/).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from inspector.errors import SourceError
from inspector.numbers import is_decimal
from inspector.sources.dump import Dump, View
from inspector.sources.formats import cloud_hypervisor, crosvm, firecracker_vmstate, libvirt_save, qemu_stream
from inspector.sources.formats import read_content as read
from inspector.sources.opening import Content, open_path

_MOST = 4096
"""entries of a folder that are looked at"""
_VCPU = re.compile(r"vcpu([0-9]{1,4})")
_WHOLE = (cloud_hypervisor, firecracker_vmstate, libvirt_save, qemu_stream)
"""formats that keep every vCPU of a VM in one file"""
OF_A_FOLDER = ("cloud-hypervisor", "firecracker-vmstate")
"""names of those whose file is nothing without the others of its folder, guest memory first"""


def load_folder(folder: str, declared: View | None = None) -> Dump:
    """The VM that was saved in `folder`. Raises SourceError for a folder with none, or with more than one."""
    files = _files(Path(folder))
    single = [path for path in files if is_vcpu_file(path) and _sniffed(path, (crosvm,))]
    below = Path(folder) / "vcpu"
    if not single and below.is_dir():
        single = [path for path in _files(below) if is_vcpu_file(path) and _sniffed(path, (crosvm,))]
    if single:
        return _crosvm(single, folder)
    dump = _open(_whole_file(files, folder), declared)
    if dump.provenance.format not in OF_A_FOLDER:
        return dump
    return msgspec.structs.replace(dump, provenance=msgspec.structs.replace(dump.provenance, source=folder))


def file_of_all_vcpus(folder: Path) -> Path:
    """The file in `folder` that holds every vCPU of the VM. Raises SourceError as `load_folder` does."""
    return _whole_file(_files(folder), str(folder))


def _whole_file(files: Sequence[Path], folder: str) -> Path:
    whole = [path for path in files if _sniffed(path, _WHOLE)]
    if not whole:
        raise SourceError(
            "is a folder without a saved VM that is known",
            folder,
            "known: Cloud Hypervisor's state.json, crosvm's vcpu/vcpuN, Firecracker's state file; or name a file in it",
        )
    if len(whole) > 1:
        names = ", ".join(path.name for path in whole[:5])
        raise SourceError(f"is a folder with {len(whole)} saved VMs ({names})", folder, "name one of these files")
    return whole[0]


def is_vcpu_file(path: Path) -> bool:
    """True for a name that crosvm gives to the file of one vCPU."""
    return bool(_VCPU.fullmatch(path.name))


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for _, entry in zip(range(_MOST), entries, strict=False) if entry.is_file()]
    except OSError as error:
        raise SourceError(f"cannot be opened: {error.strerror}", str(folder)) from None
    return sorted(found, key=lambda path: [int(n) if is_decimal(n) else n for n in re.split(r"([0-9]+)", path.name)])


def _sniffed(path: Path, formats: Sequence[object]) -> bool:
    """True for a file that one of the formats reads; False for one that cannot be looked at."""
    try:
        with open_path(str(path), str(path)) as content:
            return any(_sniff_of(module)(content) for module in formats)
    except SourceError:
        return False


def _sniff_of(module: object) -> Callable[[Content], bool]:
    sniff: Callable[[Content], bool] = vars(module)["sniff"]
    return sniff


def _open(path: Path, declared: View | None = None) -> Dump:
    content = open_path(str(path), str(path))
    content.declared = declared or ""
    with content:
        return read(content)


def _crosvm(paths: Sequence[Path], folder: str) -> Dump:
    """The vCPUs of all files as those of one VM. Raises SourceError for two files of one vCPU."""
    dumps = [_open(path) for path in paths]
    vcpus = sorted((vcpu for dump in dumps for vcpu in dump.vcpus), key=lambda vcpu: vcpu.index)
    numbers = [vcpu.index for vcpu in vcpus]
    if len(set(numbers)) != len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise SourceError(f"holds two files of vCPU {twice}", folder, "name one of them")
    missing = sorted(set(range(max(numbers) + 1)) - set(numbers))
    first = dumps[0]
    notes = [f"{len(paths)} files, one for each vCPU, are taken as one VM"]
    if missing:
        notes.append(f"no file of vCPU {', '.join(map(str, missing[:8]))} is in the folder")
    provenance = msgspec.structs.replace(first.provenance, source=folder)
    return msgspec.structs.replace(
        first, provenance=provenance, vcpus=tuple(vcpus), notes=(*notes, *dict.fromkeys(first.notes))
    )
