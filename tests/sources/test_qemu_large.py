"""Streams with much guest memory: stepped over in rows, or left out where the end of the file says enough."""

from __future__ import annotations

import io
import lzma
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inspector.budget import Budget
from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.formats import qemu_end, qemu_stream, qemu_walk
from inspector.sources.formats.qemu_stream import DESCRIBED, read_stream
from tests.material.make import HERE
from tests.sources import streams
from tests.sources.streams import PAGE, SOME_REGISTERS

OTHER = dict.fromkeys(SOME_REGISTERS, 1)
NUMBER = 1
"""of the section of guest memory"""


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data

    def readinto(self, room: object, /) -> int:
        count = super().readinto(room)  # type: ignore[arg-type]
        self.taken += count
        return count


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kibibyte of guest memory counts as much."""
    monkeypatch.setattr(qemu_stream, "_FEW", 1024)


def opened(data: bytes) -> tuple[Dump, Counted]:
    file = Counted(data)
    return read_stream(file, "x", Budget("x"), seekable=True, length=len(data)), file


def listed(dump: Dump) -> list[dict[int, int]]:
    return [{i: v for i, v in vcpu.values.items() if i in vcpu.offsets} for vcpu in dump.vcpus]


def pages_of(data: bytes) -> list[bytes]:
    padded = data + bytes(-len(data) % PAGE)
    return [padded[at : at + PAGE] for at in range(0, len(padded), PAGE)]


def random_memory(dice: random.Random, page_size: int) -> tuple[bytes, int]:
    """Words and pages of every kind in rows of random length, and how many pages they are."""
    data, count = bytearray(), 0
    for _ in range(dice.randrange(1, 12)):
        flags = dice.choice((0x28, 0x28, 0x22, 0x22, 0x08, 0x02, 0x60, 0x120, 0x200))
        for _ in range(dice.choice((1, 2, 9, 70))):
            data += struct.pack(">Q", dice.randrange(1 << 20) * page_size | flags)
            data += b"" if flags & 0x20 or flags == 0x200 else b"\x08mach.ram"
            count += flags != 0x200
            # what looks like words of pages, at any place
            noise = struct.pack(">Q", dice.choice((0x28, 0x22, 0x10, 0))) * (page_size // 8)
            data += {0x8: noise, 0x2: b"\0", 0x40: b"\1\0\7" + noise[:7], 0x100: b"\0\0\0\x09" + noise[:9]}.get(
                flags & 0x15F, b""
            )
    return bytes(data), count


@pytest.mark.parametrize("piece", [777, 9000, 1 << 19])
@pytest.mark.parametrize("page_size", [1024, 4096, 65536])
@pytest.mark.parametrize("seekable", [True, False], ids=["file", "pipe"])
def test_rows_of_pages_end_where_they_end(
    monkeypatch: pytest.MonkeyPatch, piece: int, page_size: int, seekable: bool
) -> None:
    """However the stream is cut into pieces: the walk counts every page and stands behind the last word."""
    monkeypatch.setattr(qemu_walk, "_PIECE", piece)
    dice = random.Random(piece * page_size)
    bits = page_size.bit_length() - 1
    for _ in range(12):
        memory, count = random_memory(dice, page_size)
        head = streams.configuration().replace(struct.pack(">I", 12), struct.pack(">I", bits))
        start = b"\x01" + struct.pack(">I", NUMBER) + b"\x03ram" + struct.pack(">II", 0, 4)
        end = struct.pack(">Q", 0x10) + streams.footer(NUMBER) + b"\x03" + struct.pack(">IQ", NUMBER, 0x10)
        data = head + start + memory + end
        rest = b"what comes behind"
        file = io.BytesIO(bytes(8) + data + rest)
        file.seek(8)
        found = qemu_walk.walk(file, Budget("x"), seekable, 0, len(data) + len(rest) + 8)
        assert (found.pages, found.stopped, found.position) == (count, "", 8 + len(data))
        assert (b"" if seekable else found.rest) + file.read() == rest


def test_a_row_of_pages_costs_no_step_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    spend = qemu_walk._Walker.spend

    def counted(walker: qemu_walk._Walker, pages: int) -> None:
        nonlocal steps
        steps += 1
        spend(walker, pages)

    monkeypatch.setattr(qemu_walk._Walker, "spend", counted)
    data = streams.stream(memory=streams.ram([b"x" * PAGE] * 3000))
    assert listed(opened(data)[0]) == [SOME_REGISTERS]
    assert steps < 100


@pytest.mark.usefixtures("few")
def test_of_a_large_stream_the_end_is_read_and_no_memory() -> None:
    data = streams.stream([SOME_REGISTERS] * 3, memory=streams.ram([b"x" * PAGE] * 2000))
    dump, file = opened(data)
    assert listed(dump) == [SOME_REGISTERS] * 3
    assert dump.notes == (DESCRIBED,)
    assert dump.vcpus[0].setup is not None and dump.vcpus[0].setup.gic == "v3"
    assert file.taken < 2 << 20 < len(data)
    for vcpu in dump.vcpus:
        assert all(struct.unpack_from(">Q", data, at)[0] == vcpu.values[i] for i, at in vcpu.offsets.items())


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("zeros", [0, 1, 5000, 9 << 20])
def test_zeros_behind_a_large_stream_are_no_part_of_it(zeros: int) -> None:
    data = streams.stream([SOME_REGISTERS] * 4, memory=streams.ram([b"x" * PAGE] * 50)) + bytes(zeros)
    dump, _ = opened(data)
    assert (listed(dump), dump.notes) == ([SOME_REGISTERS] * 4, (DESCRIBED,))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("path", sorted((HERE / "qemu").glob("*[!m].mig.xz")), ids=lambda path: path.stem)
def test_the_end_of_a_real_stream_says_what_a_walk_says(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    data = lzma.decompress(path.read_bytes())
    from_end, _ = opened(data)
    monkeypatch.setattr(qemu_stream, "sections_from_end", lambda *_: None)
    walked, _ = opened(data)
    assert from_end.vcpus == walked.vcpus
    assert DESCRIBED in from_end.notes and DESCRIBED not in walked.notes


def fake_end(registers: dict[int, int] = OTHER) -> bytes:
    """The end of guest memory and everything behind it, as another stream has it, longer than two pages."""
    data = streams.stream([registers] * 3, memory=streams.ram())
    return data[data.index(b"\x03" + struct.pack(">IQ", NUMBER, 0x10)) :]


def cut_off(fake: bytes, lead: int) -> bytes:
    """A stream cut off in its memory, whose last pages hold `lead` bytes and `fake`, to its last byte.

    QEMU's own words stand before each page, so also within the fake.
    """
    head = streams.stream(memory=streams.ram([b"x" * PAGE] * 40))
    memory = head[: head.index(struct.pack(">Q", 2 | 40 * PAGE))]
    stride = 8 + PAGE
    data = bytearray(bytes(8) + b"y" * lead + fake)
    for n, start in enumerate(range(0, len(data), stride), start=40):
        data[start : start + 8] = struct.pack(">Q", n * PAGE | 0x28)
    return memory + bytes(data)


def test_the_end_of_another_stream_in_memory_is_passed_over(few: None) -> None:
    memory = streams.ram([b"x" * PAGE, *pages_of(fake_end()), b"x" * PAGE])
    for described in (True, False):
        for zeros in (0, 100, 6 << 20):
            assert listed(opened(streams.stream(memory=memory, described=described) + bytes(zeros))[0]) == [
                SOME_REGISTERS
            ]


def spoilt() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    footer = struct.pack(">BI", 0x7E, 90)
    yield "a footer of another number", lambda d: d.replace(footer, struct.pack(">BI", 0x7E, 91))
    yield "a length that is not the section's", lambda d: d.replace(b'"size": 124', b'"size": 123')
    yield (
        "memory with another number",
        lambda d: d.replace(
            struct.pack(">Q", 0x10) + streams.footer(NUMBER) + b"\4",
            struct.pack(">Q", 0x10) + streams.footer(3) + b"\4",
        ),
    )
    yield "another name", lambda d: d.replace(b'"name": "pl011"', b'"name": "pl012"')
    yield "a description that is too short", lambda d: d[:-1] + b" "


@pytest.mark.parametrize("name", [name for name, _ in spoilt()])
def test_an_end_that_does_not_fit_together_is_not_believed(few: None, name: str) -> None:
    """The stream is walked then, and is right or refused as it was before."""
    whole = streams.stream([SOME_REGISTERS] * 4, memory=streams.ram([b"x" * PAGE] * 50))
    data = dict(spoilt())[name](whole)
    assert data != whole
    try:
        dump, _ = opened(data)
    except SourceError:
        return
    assert listed(dump) == [SOME_REGISTERS] * 4
    assert DESCRIBED not in dump.notes


def test_a_stream_that_is_cut_off_in_a_fake_end_is_truncated(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of a guest that keeps the end of a stream, where the file ends: QEMU's words replace values only."""
    fake = fake_end()
    monkeypatch.setattr(qemu_end, "_may_be_memory", lambda *_: False)
    good = [lead for lead in range(0, PAGE, 8) if believed(cut_off(fake, lead))]
    monkeypatch.undo()
    monkeypatch.setattr(qemu_stream, "_FEW", 1024)
    assert good, "no fake is good enough to prove anything"
    for lead in good:
        for zeros in (0, 100_000):
            with pytest.raises(SourceError):
                opened(cut_off(fake, lead) + bytes(zeros))


def believed(data: bytes) -> bool:
    try:
        return listed(opened(data)[0]) == [OTHER] * 3
    except SourceError:
        return False


def test_a_short_end_is_not_believed_by_itself(few: None) -> None:
    """Less than two pages of device state could lie in one page of memory."""
    tiny = dict(list(SOME_REGISTERS.items())[:3])
    data = streams.stream([tiny], memory=streams.ram([b"x" * PAGE] * 50))
    dump, _ = opened(data)
    assert (listed(dump), dump.notes) == ([tiny], ())
