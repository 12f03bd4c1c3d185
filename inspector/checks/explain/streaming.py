"""Logs of any size in flat memory: what may matter is kept, with the lines around it, in the order of the log."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

WHOLE = 300_000
"""Bytes up to which a text is taken as it is."""
_KEPT_FIRST, _KEPT_LAST = 110_000, 190_000
"""Bytes of lines that matter which are kept from the beginning and from the end of a larger text."""
_AROUND = 2
_END = 4096
"""Bytes of a block in which its first and its last lines are looked for"""
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
        "migrat",
        "loading state",
        "vcpu",
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
        "mismatch",
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
        " gic",
        "vgic",
        " pmu",
        "hypervisor",
        "multiprocessor state",
        "protected vm",
        "pvtime",
        "irqchip",
        "host cpu",
        "have compatibility",
        "save image",
        "image magic",
        "storage file",
        "unable to connect to server",
        "address resolution",
        "unable to resolve",
        "attempted to kill init",
        "soft lockup",
        "cache hierarchy",
        "early cacheinfo",
        "cpu0/cache",
        "detected stall",
        "detected expedited",
        "guest timer",
        "counter frequency",
        "nested virtuali",
        "tls ",
        "certificate",
        "restor",
        'message":[',
        "holds a lock",
        "device address",
        "host-passthrough",
        "krun",
        "microvm",
        "guestmemfd",
        "usermemoryregion",
        "32bit guests",
        "pmuv3 is not",
        "element of type",
        "requested regions",
        "for this target",
        "device model name",
        "b ipa",
        "already active",
        "firmware that is",
        "reason=crashed",
        "missing hwcap",
        "granule",
        "memory: killed",
        "bad syscall",
    )
)
"""Words of which every message that `explain` knows has one; long and rare ones, because each is looked for in all
of the text."""
_SHARED = (b"reg", b"vm", b"mismatch", b"nip ", b"hv", b"unable to", b"image", b"host cpu")
"""What several of them have, which logs about other things seldom do"""
_SHARING: dict[bytes, list[bytes]] = {}
for _anchor in _ANCHORS:
    _SHARING.setdefault(next((part for part in _SHARED if part in _anchor), _anchor), []).append(_anchor)
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
    """Lines, each with whether it may matter; of what is neither such a line nor near one or a block's end not all."""
    find = finder()
    pending = b""
    for block in blocks:
        text = pending + block
        cut = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        if not cut and len(text) < _LONGEST:
            pending = text
            continue
        whole, pending = (text[: cut - 1], text[cut:]) if cut else (text, b"")
        yield from _of_block(whole, find)
    if pending:
        yield from _each(pending, True)


def _of_block(whole: bytes, find: Finder) -> Iterator[tuple[bytes, bool]]:
    """The lines of a block that matter, those within _AROUND of one, and as many of its ends."""
    folded = whole.lower()
    places = find(folded)
    if not places and (ends := _ends_of(whole)):
        yield from ((line, False) for line in ends)
        return
    lines = [] if b"\r" in whole else whole.split(b"\n")
    if not lines or max(map(len, lines)) > _LONGEST:
        yield from _each(whole, bool(places))
        return
    numbers = _numbers_of(folded, places)
    near = {number + step for number in (*numbers, 0, len(lines) - 1) for step in range(-_AROUND, _AROUND + 1)}
    for number in sorted(near):
        if 0 <= number < len(lines):
            yield lines[number], number in numbers


def _numbers_of(text: bytes, places: Iterable[int]) -> set[int]:
    """The numbers of the lines, from 0, in which these places are."""
    found, number, before = set(), 0, 0
    for place in sorted(places):
        number += text.count(b"\n", before, place)
        before = place
        found.add(number)
    return found


def _ends_of(whole: bytes) -> list[bytes]:
    """The first and the last _AROUND lines of a block that is much longer; empty where its ends are no usual lines."""
    if len(whole) < 4 * _END or b"\r" in whole:
        return []
    first, last = whole[:_END].split(b"\n")[:-1], whole[-_END:].split(b"\n")[1:]
    if min(len(first), len(last)) < _AROUND:
        return []
    return [*first[:_AROUND], *last[-_AROUND:]]


def _each(whole: bytes, matters: bool) -> Iterator[tuple[bytes, bool]]:
    for line in _NEWLINE.split(whole):
        for at in range(0, len(line) or 1, _LONGEST):
            piece = line[at : at + _LONGEST]
            yield piece, matters and _matters(piece.lower())


def _matters(folded: bytes) -> bool:
    return any(anchor in folded for anchor in _ANCHORS)


_AT_ONCE = 40
"""Anchors of one automaton: with more than 64 the library compares no longer many bytes at once, a quarter as fast"""
Finder = Callable[[bytes], Sequence[int]]
"""Where anchors begin in a text of small letters: in each line that has any, at least one; in no order."""


def finder() -> Finder:
    """The quickest that is installed: the extra `logs` looks for all anchors at once."""
    try:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind
    except ImportError:
        return one_after_another
    parts = [_ANCHORS[at : at + _AT_ONCE] for at in range(0, len(_ANCHORS), _AT_ONCE)]
    automata = [BytesAhoCorasick(part, matchkind=MatchKind.LeftmostFirst) for part in parts]
    return lambda text: [start for one in automata for _, start, _ in one.find_matches_as_indexes(text)]


def one_after_another(text: bytes) -> Sequence[int]:
    """A Finder without any library: each anchor in turn, where the text has what it shares with others."""
    found = []
    for anchor in (anchor for shared, anchors in _SHARING.items() if shared in text for anchor in anchors):
        at = text.find(anchor)
        while at >= 0:
            found.append(at)
            end = text.find(b"\n", at)  # one place in each line is enough
            at = text.find(anchor, end) if end >= 0 else -1
    return found


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
