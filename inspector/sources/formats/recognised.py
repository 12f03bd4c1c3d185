"""Files that hold no registers that could be read, recognised so that the user learns why and what to bring instead."""

from __future__ import annotations

import re

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.opening import Content

NAME = "recognised"
_VMSTATE_TEXT = re.compile(rb"^[ \t]*kvm_mp_state: 0x[0-9a-f]+[ \t\r]*$", re.MULTILINE)


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
    if head.startswith(b"STRATOVIRT"):
        return "is a StratoVirt snapshot, whose layout changes with every version", "paste `id value` lines instead"
    if b"\0" not in head and _VMSTATE_TEXT.search(head):
        return (
            "is the output of snapshot-editor info-vmstate, which leaves out zero digits: its values are ambiguous",
            "use cpu-template-helper (`fingerprint dump` or `template dump`) instead",
        )
    if head.startswith(b"KDUMP   "):
        return "is a kdump memory image without system registers", "save the VM with `migrate file:PATH` instead"
    return None
