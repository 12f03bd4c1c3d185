"""Logs of any size in flat memory: what may matter is kept, with the lines around it, in the order of the log."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

WHOLE = 300_000
"""Bytes up to which a text is taken as it is."""
_KEPT_FIRST, _KEPT_LAST = 110_000, 190_000
"""Bytes of lines that matter which are kept from the beginning and from the end of a larger text."""
_AROUND = 2
_LONGEST = 16_384
"""Bytes of one line; a longer one is cut there into lines of its own."""

_ANCHORS = tuple(
    word.encode()
    for word in (
        "regist",
        "_reg",
        "cpreg",
        "onereg",
        "sysreg",
        "migration",
        "loading state",
        "initialise vcpu",
        "matching target",
        "cpu model",
        "guest memory",
        "vm state",
        "_el",
        "op0",
        "0x60",
        "69310",
        "failed to boot",
        "sanity check",
        "undefined instr",
        "code: ",
        "machine type",
        "ramblock",
        "savevm",
        "section footer",
        "size mismatch",
        "length mismatch",
        "mismatched",
        "kvm",
        "vhe mode",
        "ipa size",
        "not supported by",
        "gicv",
        "vector length",
        "libvirt",
        "qemu",
        "firecracker",
        "snapshot",
        "cpu model with",
        "not ok",
        "masks[",
        "assertion failure",
        "hv_",
        "gzvm",
        "gunyah",
        "mshv",
        "ax=0",
        "nip 0",
        "nip c",
        "psw=",
        "channel error",
        "target cpu",
        "invalid value",
        "features 0x",
        "incoming version_id",
        "get_pci_config",
        "capability",
        "missing register",
        "new register",
    )
)
"""Words of which every message that `explain` knows has one; long and rare ones, because each is looked for in all
of the text."""
_NEWLINE = re.compile(rb"\r\n|\n|\r")


def condensed(blocks: Iterable[bytes]) -> str:
    """The text of `blocks` if it is small; of a larger one the lines that may matter and their neighbours.

    Memory is bounded by the constants above, time grows with the length.
    """
    start: list[bytes] = []
    size = 0
    source = iter(blocks)
    for block in source:
        start.append(block)
        size += len(block)
        if size > WHOLE:
            break
    else:
        return b"".join(start).decode("utf-8", "replace")
    return _kept(_lines(_joined(start, source))).decode("utf-8", "replace")


def _joined(start: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from start
    start.clear()
    yield from rest


def _lines(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines, each with whether it may matter; whole blocks without any anchor are not looked at line by line."""
    pending = b""
    for block in blocks:
        text = pending + block
        cut = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if not cut and len(text) < _LONGEST:
            pending = text
            continue
        whole, pending = (text[: cut - 1], text[cut:]) if cut else (text, b"")
        folded = whole.lower()
        matters = any(anchor in folded for anchor in _ANCHORS)
        for line in _NEWLINE.split(whole):
            for at in range(0, len(line) or 1, _LONGEST):
                piece = line[at : at + _LONGEST]
                yield piece, matters and _matters(piece.lower())
        if len(pending) > _LONGEST:
            yield pending[:_LONGEST], _matters(pending[:_LONGEST].lower())
            pending = pending[_LONGEST:]
    if pending:
        yield pending, _matters(pending.lower())


def _matters(folded: bytes) -> bool:
    return any(anchor in folded for anchor in _ANCHORS)


def _kept(lines: Iterable[tuple[bytes, bool]]) -> bytes:
    first: list[bytes] = []
    last: deque[bytes] = deque()
    size_first = size_last = 0
    for line in _with_neighbours(lines):
        if size_first < _KEPT_FIRST:
            first.append(line)
            size_first += len(line) + 1
            continue
        last.append(line)
        size_last += len(line) + 1
        while size_last > _KEPT_LAST:
            size_last -= len(last.popleft()) + 1
    return b"\n".join([*first, *last])


def _with_neighbours(lines: Iterable[tuple[bytes, bool]]) -> Iterator[bytes]:
    before: deque[bytes] = deque(maxlen=_AROUND)
    after = 0
    for line, matters in lines:
        if matters:
            yield from before
            before.clear()
            yield line
            after = _AROUND
        elif after:
            yield line
            after -= 1
        else:
            before.append(line)
