"""Files that hold no registers that could be read, recognised so that the user learns why and what to bring instead."""

from __future__ import annotations

import re
from typing import Final

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.opening import Content

NAME: Final = "recognised"
_AARCH32 = re.compile(rb"\bR00=[0-9a-f]{8} R01=[0-9a-f]{8}\b")
_AARCH64 = re.compile(rb"\bX00=[0-9a-f]{16}\b")
_MULTIFD = bytes.fromhex("1122334400000001")
"""MultiFDInit_t: magic and version (migration/multifd.c of QEMU)"""
_VMSTATE_TEXT = re.compile(rb"^[ \t]*kvm_mp_state: 0x[0-9a-f]+[ \t\r]*$", re.MULTILINE)


_LIBVIRT_XML = re.compile(
    rb"\s{0,80}(?:<\?xml[^>]{0,200}>\s{0,80})?(?:<!--[^>]{0,4000}-->\s{0,80})?"
    rb"<(?:domain|capabilities|cpu|domainCapabilities)[\s>]"
)
_EXPANSION = re.compile(rb"\s{0,80}\{.{0,80}?\"model\"\s{0,9}:\s{0,9}\{.{0,400}?\"props\"\s{0,9}:\s{0,9}\{", re.DOTALL)


def sniff(content: Content) -> bool:
    """One of the files below."""
    return _reason(content) is not None


def load(content: Content) -> Dump:
    """Always raises SourceError."""
    what, hint = _reason(content) or ("holds nothing that is known", "")
    raise SourceError(what, content.name, hint)


def _reason(content: Content) -> tuple[str, str] | None:
    head = content.head
    if head.startswith(b"\x7fELF"):
        return (
            "is an ELF file; a guest memory dump holds general registers only, no system registers",
            "save the VM with `migrate file:PATH` or `virsh save` instead",
        )
    if head.startswith(_MULTIFD):
        return (
            "is one of the channels of a migration with multifd, which carry pages of RAM",
            "the registers are in the main channel, which begins with QEVM",
        )
    if head.startswith(b"STRATOVIRT"):
        return "is a StratoVirt snapshot, whose layout changes with every version", "paste `id value` lines instead"
    if b"\0" not in head and _VMSTATE_TEXT.search(head):
        return (
            "is the output of snapshot-editor info-vmstate, which leaves out zero digits: its values are ambiguous",
            "use cpu-template-helper (`fingerprint dump` or `template dump`) instead",
        )
    if b"\0" not in head and _AARCH32.search(head) and not _AARCH64.search(head):
        return (
            "shows a 32-bit core (AArch32 or Cortex-M) as QEMU's monitor prints it: no arm64 registers",
            "a core in AArch64 state is printed with PC= and X00=",
        )
    if _LIBVIRT_XML.match(head):
        return (
            "is libvirt's description of a domain or host (XML), which has names of CPU features and no registers",
            "`virsh save DOMAIN FILE` writes the VM with its registers",
        )
    if _EXPANSION.match(head):
        return (
            "is QEMU's answer to query-cpu-model-expansion: properties of a CPU model, no registers",
            "`migrate file:PATH` or `virsh save` writes the VM with its registers",
        )
    if head.startswith((b"KDUMP   ", b"makedumpfile\0")):
        return "is a kdump memory image without system registers", "save the VM with `migrate file:PATH` instead"
    return None
