"""Walk a QEMU migration stream from its header to the end of guest memory, stepping over every page.

Pages of one kind that follow each other are stepped over together, whatever they hold.

The layout is that of QEMU's migration/savevm.c and migration/ram.c; every integer is big-endian. Sections other than
RAM state no length, so the walk ends with RAM; what comes behind is found by `qemu_scan`.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from inspector.budget import PAGES, STEPS, Budget, most
from inspector.sources.opening import read_into

LARGE = "guest memory is large"
"""Why a walk ended early although the stream is in order"""
MAGIC = b"QEVM"
VERSION = 3

EOF, START, PART, END, FULL, SUBSECTION, DESCRIPTION, CONFIGURATION, COMMAND, FOOTER = (
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x7E,
)  # fmt: skip

_ZERO, _BLOCKS, _PAGE, _END_OF_SECTION, _SAME_BLOCK, _XBZRLE, _COMPRESSED, _FLUSH = (
    0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x100, 0x200,
)  # fmt: skip
_PACKAGED = 7
"""MIG_CMD_PACKAGED: four bytes say how long the package of device state is that follows"""
_WORD = struct.Struct(">Q")
_PAGE_KINDS = frozenset((_ZERO, _PAGE, _XBZRLE, _COMPRESSED))
_LONG_NAME = 255
_PIECE = 1 << 19
"""Bytes that are read at once: few enough for a CPU's second cache"""


class Walk(msgspec.Struct, kw_only=True):
    """What the walk found; positions count from the first byte of the stream."""

    machine: str = ""
    capabilities: tuple[str, ...] = ()
    page_size: int = 1024
    """arm's smallest; larger pages are stated (migration/savevm.c, vmstate_target_page_bits)"""
    postcopy: bool = False
    """the device state came in a package of its own, before the rest of memory"""
    state_length: int | None = None
    """bytes of device state from `position` on, where the stream says it"""
    pages: int = 0
    """pages stepped over, zero pages included"""
    position: int = 0
    """offset in the stream of the first byte behind RAM; where the walk gave up when `stopped` is not empty"""
    stopped: str = ""
    """why the walk could not reach the end of RAM"""
    truncated: bool = False
    """the stream ends before its RAM does"""
    ram_id: int = -1
    """number of the sections of guest memory; -1 where none was met"""
    rest: bytes = b""
    """bytes behind `position` that were read already, of a stream that cannot seek"""


class _CannotGoOnError(Exception):
    """The walk met something whose length it does not know."""


class _Walker:
    """A forward-only position in the stream, which is read in large pieces."""

    def __init__(
        self, stream: BinaryIO, seekable: bool, base: int, length: int | None, budget: Budget, patience: int = 0
    ) -> None:
        self.budget = budget
        self.stream, self.seekable, self.base, self.length = stream, seekable, base, length
        self.walk = Walk(position=8)
        self.ram_id = -1
        self.parts = 0
        """sections of guest memory behind its first"""
        self.patience, self.cost = patience, 0
        self.piece = bytearray(_PIECE)
        self.at = self.end = 0
        """what is left of the piece"""

    def fill(self, count: int) -> bool:
        """Have `count` bytes of the stream in the piece, from `at` on; False where it ends before them."""
        left = self.end - self.at
        if left >= count:
            return True
        self.piece[:left] = self.piece[self.at : self.end]
        self.at, self.end = 0, left
        room = memoryview(self.piece)
        while self.end < count:
            got = read_into(self.stream, room[self.end :])
            if not got:
                return False
            self.end += got
        return True

    def take(self, count: int) -> bytes:
        whole = self.fill(count)
        data = bytes(self.piece[self.at : min(self.end, self.at + count)])
        self.at += len(data)
        self.walk.position += len(data)
        if not whole:
            raise EOFError
        return data

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def text(self, length: int) -> str:
        if length > _LONG_NAME:
            raise _CannotGoOnError(f"a name of {length} bytes")
        return self.take(length).decode("utf-8", "replace")

    def skip(self, count: int) -> None:
        """Step over `count` bytes: in the piece, then by a seek in a file, by reading in a pipe or compressed file."""
        inside = min(count, self.end - self.at)
        self.at += inside
        self.walk.position += inside
        if not (count := count - inside):
            return
        if self.seekable:
            self.walk.position += count
            if self.length is not None and self.walk.position > self.length:
                raise EOFError
            self.stream.seek(count, 1)
            return
        while count:
            count -= len(self.take(min(count, _PIECE)))

    def step_over(self, entries: int, stride: int) -> None:
        """Step over so many entries of guest memory, all of them in the piece."""
        self.at += entries * stride
        self.walk.position += entries * stride
        self.walk.pages += entries

    def spend(self, pages: int) -> None:
        """Count what so many pages in a row cost; raises _CannotGoOnError when it is enough."""
        # In a file, pages in a row cost little more than reading them; in a pipe they have to be read anyway.
        self.cost += 1 + (pages >> 3 if self.seekable else 0)
        if self.cost > most(PAGES) or self.walk.position > self.patience > 0:
            raise _CannotGoOnError(LARGE)

    def rest(self) -> bytes:
        """What was read and not stepped over."""
        return bytes(self.piece[self.at : self.end])


def walk(
    stream: BinaryIO,
    budget: Budget,
    seekable: bool,
    base: int = 0,
    length: int | None = None,
    patience: int = 0,
) -> Walk:
    """Walk `stream`, which stands behind magic and version, as far as RAM reaches.

    Never raises for what the stream holds: `stopped` says why the walk ended early. With `seekable` pages are sought
    over (`length` is the stream's own), else they are read and dropped. `base` is the file offset of the stream's first
    byte: mapped-ram states offsets in the file. `patience`: bytes behind which the walk stops as LARGE; else it does
    when the budget ends.

    A stream that is `seekable` stands at the walk's position then; of another one, `rest` holds what comes first.
    """
    walker = _Walker(stream, seekable, base, length, budget, patience)
    found = walker.walk
    try:
        _sections(walker)
    except EOFError:
        found.truncated = True
        found.stopped = "the stream ends inside guest memory"
    except _CannotGoOnError as reason:
        found.stopped = str(reason)
    found.ram_id = walker.ram_id
    if not seekable:
        found.rest = walker.rest()
    elif not found.truncated:
        stream.seek(base + found.position)
    return found


def _sections(walker: _Walker) -> None:
    kind = walker.take(1)[0]
    if kind == CONFIGURATION:
        kind = _configuration(walker)
    while not _section(walker, kind):
        kind = walker.take(1)[0]


def _section(walker: _Walker, kind: int) -> bool:
    """Step over one part of the stream; True when the device state begins behind it."""
    walker.budget.spend(STEPS)
    if kind in (START, FULL):
        return _first_section(walker, kind)
    if kind in (PART, END):
        number = walker.u32()
        if number != walker.ram_id:
            raise _CannotGoOnError(f"part of section {number}, which is not guest memory")
        walker.parts += 1
        _ram(walker)
        return kind == END
    if kind == COMMAND:
        return _command(walker)
    if kind != FOOTER:
        raise _CannotGoOnError(f"a section of unknown type {kind:#04x}")
    walker.take(4)
    return False


def _first_section(walker: _Walker, kind: int) -> bool:
    """The first section of guest memory; True for a device's behind memory.

    A background snapshot ends memory without a section of type END (migration/migration.c, bg_migration_thread).
    """
    number = walker.u32()
    name = walker.text(walker.take(1)[0])
    walker.take(8)
    if name == "ram":
        walker.ram_id = number
        _ram(walker)
        return False
    if kind == FULL and walker.parts and name != "cpu":
        return True
    raise _CannotGoOnError(f"section {name!r} comes before the end of guest memory")


def _command(walker: _Walker) -> bool:
    """Step over a command; True for the package in which a postcopy stream has its device state."""
    number = int.from_bytes(walker.take(2), "big")
    length = int.from_bytes(walker.take(2), "big")
    if number != _PACKAGED or length != 4:
        walker.skip(length)
        return False
    walker.walk.postcopy = True
    walker.walk.state_length = walker.u32()
    return True


def _configuration(walker: _Walker) -> int:
    """Read the configuration section; gives the type byte behind it."""
    walker.walk.machine = walker.text(walker.u32())
    while (kind := walker.take(1)[0]) == SUBSECTION:
        name = walker.text(walker.take(1)[0])
        walker.take(4)
        if name == "configuration/target-page-bits":
            bits = walker.u32()
            if not 9 <= bits <= 16:
                raise _CannotGoOnError(f"pages of 2**{bits} bytes")
            walker.walk.page_size = 1 << bits
        elif name == "configuration/capabilities":
            count = walker.u32()
            if count > 64:
                raise _CannotGoOnError(f"{count} capabilities")
            walker.walk.capabilities = tuple(walker.text(walker.take(1)[0]) for _ in range(count))
        elif name == "configuration/uuid":
            walker.take(16)
        else:
            raise _CannotGoOnError(f"unknown configuration subsection {name!r}")
    return kind


def _ram(walker: _Walker) -> None:
    """Step over one part of RAM, which ends with a word of its own."""
    page_size, unpack = walker.walk.page_size, _WORD.unpack_from
    strides = {_PAGE | _SAME_BLOCK: 8 + page_size, _ZERO | _SAME_BLOCK: 9}
    aligned = bytes(high for high in range(256) if not high & (page_size - 1) >> 8)
    while True:
        if not walker.fill(8):
            raise EOFError
        (address,) = unpack(walker.piece, walker.at)
        flags = address & page_size - 1
        if stride := strides.get(flags, 0):
            pages = _alike(walker.piece, walker.at, walker.end, flags, stride, aligned)
            walker.step_over(pages, stride)
            walker.spend(pages)
            if pages:
                continue
        walker.take(8)
        kind = flags & ~_SAME_BLOCK
        if kind not in _PAGE_KINDS:
            if kind == _END_OF_SECTION:
                return
            _between_pages(walker, address)
            continue
        _one_page(walker, flags, kind)
        walker.spend(1)


def _one_page(walker: _Walker, flags: int, kind: int) -> None:
    """Step over a page whose word was read."""
    if not flags & _SAME_BLOCK:
        walker.skip(walker.take(1)[0])
    walker.walk.pages += 1
    if kind == _PAGE:
        walker.skip(walker.walk.page_size)
    elif kind == _ZERO:
        walker.skip(1)
    else:
        _skip_packed(walker, kind)


def _alike(piece: bytearray, at: int, end: int, flags: int, stride: int, aligned: bytes) -> int:
    """How many entries from `at` on have these flags, which fit one byte, and lie wholly before `end`.

    The flags are the low bits of a big-endian word of eight bytes: its last byte, and those bits of the one before it
    that are 0 in the bytes `aligned`. Entries are compared all at once, so that a page costs no step of Python.
    """
    low, found, room = bytes((flags,)), 0, (end - at) // stride
    tried = 1
    while found < room:
        tried = min(8 * tried, room - found)
        start = at + found * stride
        last = piece[start + 7 : start + tried * stride : stride]
        same = len(last) - len(last.lstrip(low))
        before = piece[start + 6 : start + same * stride : stride]
        same = len(before) - len(before.lstrip(aligned))
        found += same
        if same < tried:
            break
    return found


def _between_pages(walker: _Walker, word: int) -> None:
    """What may stand between two pages: the list of blocks, or the end of a round."""
    walker.budget.spend(STEPS)
    flags = word & walker.walk.page_size - 1
    if flags & ~_SAME_BLOCK == _BLOCKS:
        _blocks(walker, word - flags)
    elif flags & ~_SAME_BLOCK != _FLUSH:
        raise _CannotGoOnError(f"guest memory with unknown flags {flags:#x}")


def _skip_packed(walker: _Walker, kind: int) -> None:
    """Step over a page that states its own length."""
    if kind == _XBZRLE:
        walker.take(1)
        walker.skip(int.from_bytes(walker.take(2), "big"))
    else:
        walker.skip(walker.u32())


def _blocks(walker: _Walker, total: int) -> None:
    """The list of RAM blocks; with mapped-ram each is followed by its bitmap and its pages, mostly holes."""
    capabilities = walker.walk.capabilities
    mapped, shared = "mapped-ram" in capabilities, "x-ignore-shared" in capabilities
    while total > 0:
        walker.budget.spend(STEPS, 2)
        walker.skip(walker.take(1)[0])
        length = walker.u64()
        if shared:
            walker.take(8)
        if mapped:
            walker.take(4 + 8)
            bitmap, pages = walker.u64(), walker.u64()
            if bitmap or pages or not shared:
                _to_pages_end(walker, pages + length)
        total -= length


def _to_pages_end(walker: _Walker, end: int) -> None:
    """Go to offset `end` of the file."""
    distance = end - walker.base - walker.walk.position
    if distance < 0:
        raise _CannotGoOnError("pages that lie before their own block header")
    walker.skip(distance)
