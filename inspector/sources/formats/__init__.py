"""The ordered list of formats. Each is one module with NAME, `sniff(content) -> bool` and `load(content) -> Dump`.

A module's `sniff` looks at content, never at the name of a file. Binary formats come before JSON ones, JSON before
text: text is what remains.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.opening import Content

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


class Format(Protocol):
    """What each module offers."""

    NAME: str
    """as `Provenance.format` says it"""

    def sniff(self, content: Content) -> bool:
        """True when `content` is of this format."""

    def load(self, content: Content) -> Dump:
        """Read it. Raises SourceError."""


def read_content(content: Content) -> Dump:
    """Read `content` in the first format that recognises it. Raises SourceError when none does."""
    for name in FORMATS:
        module: Format = import_module(f"{__name__}.{name}")
        if module.sniff(content):
            try:
                return module.load(content)
            except (OSError, ValueError, OverflowError, MemoryError, RecursionError) as error:
                raise SourceError(f"is damaged {module.NAME} ({type(error).__name__}: {error})", content.name) from None
    raise SourceError(
        "holds nothing that is known",
        content.name,
        "valid: a saved VM (QEMU, libvirt, Firecracker, Cloud Hypervisor, crosvm), their JSON, `id value` lines",
    )
