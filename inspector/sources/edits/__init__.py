"""Copies of saved VMs with other register values: how each format is written, and by whom.

Every format's own module edits the file as it stands, so that what has not to change keeps its bytes; none of them
writes a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from inspector.sources.dump import FormatName, Provenance
from inspector.sources.edits.change import BytePatch, Changes, Way
from inspector.sources.text_encoding import to_utf8

if TYPE_CHECKING:
    from pathlib import Path

_EDITORS: Mapping[FormatName, str] = {
    "cloud-hypervisor": "cloud_hypervisor",
    "crosvm-vcpu": "crosvm",
    "firecracker-json": "firecracker_json",
    "firecracker-vmstate": "vmstate",
    "plain-text": "plain",
}
"""format -> the module here whose `edited` changes the content of a file of it"""
_PATCHERS: Mapping[FormatName, str] = {"qemu-stream": "qemu", "libvirt-save": "qemu", "qcow2-snapshot": "qcow2"}
"""format -> the module here whose `patches` says which bytes of a file of it change"""
_WAYS: Mapping[FormatName, Way] = {
    "dump-json": "rewritten",
    **dict.fromkeys(_PATCHERS, "bytes"),
    **dict.fromkeys(_EDITORS, "content"),
}
WRITTEN = (
    "a QEMU stream, a libvirt save image, a qcow2 image with an internal snapshot, Cloud Hypervisor's state.json,"
    " crosvm's vCPU file, Firecracker's vmstate or JSON, `id value` lines or a dump of this program"
)
"""What can be written, for messages."""


def way_of(name: FormatName) -> Way:
    """How a copy of a file of the format `name` is made; empty where it cannot be made."""
    return _WAYS.get(name, "")


def edited(name: FormatName, data: bytes, changes: Mapping[int, Changes], where: str) -> bytes:
    """`data`, a file of the format `name`, with values replaced; everything else stays as it was.

    `changes` are by vCPU. A text in UTF-16 stays one. Raises InspectorError for a value whose place is not found.
    """
    module = import_module(f"{__name__}.{_EDITORS[name]}")
    text = to_utf8(data, where)
    answer: bytes = module.edited(text.data, changes, where)
    return text.back(answer)


def patches(path: Path, source: Provenance, changes: Mapping[int, Changes]) -> list[BytePatch]:
    """The bytes that change in the file at `path`, once unpacked, which was read as `source` says.

    Raises InspectorError for a value whose place is not known.
    """
    module = import_module(f"{__name__}.{_PATCHERS[source.format]}")
    answer: list[BytePatch] = module.patches(path, source, changes)
    return answer
