"""The ordered list of formats. Each is one module with NAME, `sniff(content) -> bool` and `load(content) -> Dump`.

A module's `sniff` looks at content, never at the name of a file. Binary formats come before JSON ones, JSON before
text: text is what remains.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.opening import Content

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = (
    "qemu_stream",
    "libvirt_save",
    "qcow2",
    "firecracker_vmstate",
    "kvm_recording",
    "dump_json",
    "firecracker",
    "analyze_migration",
    "cloud_hypervisor",
    "crosvm",
    "restore_lines",
    "cpusysregs",
    "register_list",
    "recognised",
    "windows_registry",
    "macos_sysctl",
    "cpu_lists",
    "hwcap_values",
    "arm_cpu_info",
    "debuggers",
    "plain_text",
    "qemu_embedded",
)
"""Module names, asked in this order."""
_BEGINNING_OTHERWISE = frozenset(("qemu_stream", "libvirt_save", "qcow2", "firecracker_vmstate"))
"""Formats whose magic begins with a letter or a zero: they are not even loaded for what begins as JSON does."""


class Format(Protocol):
    """What each module offers. What else it can do it declares.

    STATES_FEATURES where the source says how the vCPU was created; `uncompressed_part` where a compressed stream
    follows a plain head; HAS_SNAPSHOTS where one file may hold several states.
    """

    NAME: str
    """as `Provenance.format` says it"""

    def sniff(self, content: Content) -> bool:
        """True when `content` is of this format."""

    def load(self, content: Content) -> Dump:
        """Read it. Raises SourceError."""


@cache
def module_of(name: str) -> ModuleType | None:
    """The module of the format that `Provenance.format` calls `name`: most likely one that has read something."""
    places = sorted((f"{__name__}.{module}" for module in FORMATS), key=lambda place: place not in sys.modules)
    return next((module for module in map(import_module, places) if name == module.NAME), None)


def uncompressed_part(name: str, path: Path) -> int:
    """How many bytes of a file of the format `name` stand uncompressed before a compressed stream."""
    return int(getattr(module_of(name), "uncompressed_part", lambda path: 0)(path))


def states_features(name: str) -> bool:
    """True when a source of the format `name` says how its vCPU was created; elsewhere its register list shows it."""
    return getattr(module_of(name), "STATES_FEATURES", False)


def read_content(content: Content) -> Dump:
    """Read `content` in the first format that recognises it. Raises SourceError when none does."""
    json = content.head.startswith(b"{")
    for name in FORMATS:
        if json and name in _BEGINNING_OTHERWISE:
            continue
        module: Format = import_module(f"{__name__}.{name}")
        if module.sniff(content):
            if content.snapshot and not getattr(module, "HAS_SNAPSHOTS", False):
                raise SourceError("has no internal snapshots", content.name, "--snapshot chooses one in a qcow2 image")
            try:
                return module.load(content)
            except (OSError, ValueError, OverflowError, RecursionError) as error:
                raise SourceError(f"is damaged {module.NAME} ({type(error).__name__}: {error})", content.name) from None
    raise SourceError(
        "holds nothing that is known",
        content.name,
        "valid: a saved VM (QEMU, libvirt, Firecracker, Cloud Hypervisor, crosvm), their JSON, `id value` lines",
    )
