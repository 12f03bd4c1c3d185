"""Files that were cut, flipped, overgrown or wrapped to do harm: one line of error or sound values, nothing else."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.errors import SourceError
from inspector.sources import load, opening
from inspector.sources.dump import Dump
from tests.commands.running import run
from tests.sources import streams
from tests.sources.examples import EXAMPLES

BASES = {name: make() for name, make in EXAMPLES.items()}
BASES["mapped-ram"] = streams.mapped_ram_stream()
BASES["gzip"] = gzip.compress(EXAMPLES["qemu-stream"]())
BASES["bzip2"] = bz2.compress(EXAMPLES["plain-text"]())
BASES["xz"] = lzma.compress(EXAMPLES["kvm-recording"]())
BASES["zstd"] = zstandard.compress(EXAMPLES["dump-json"]())
BASES["libvirt-save of gzip"] = streams.libvirt(gzip.compress(EXAMPLES["qemu-stream"]()), number=1)

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read(path: Path, data: bytes) -> Dump | None:
    """The dump, or None for an error that is one printable line naming the source."""
    path.write_bytes(data)
    try:
        dump = load(str(path))
    except SourceError as error:
        line = str(error)
        assert line.isprintable()
        assert str(path) in line
        assert len(line) < 1000
        return None
    for vcpu in dump.vcpus:
        for reg_id, value in vcpu.values.items():
            assert reg_id >> 56 in (0x40, 0x60)
            assert 0 <= value < 1 << 8 * (1 << (reg_id >> 52 & 0xF))
    return dump


@pytest.mark.parametrize("name", BASES)
@MANY
@given(data=st.data())
def test_cut_short(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Binary formats know their own end. Text has none: what is left of it is read, or its last line is refused."""
    base = BASES[name]
    end = data.draw(st.integers(0, len(base) - 1))
    whole, part = read(tmp_path / "f", base), read(tmp_path / "f", base[:end])
    assert whole is not None
    if part and name == "firecracker-vmstate":
        assert "checksum does not agree" in " ".join(part.notes)
        return
    if part is None or name in ("plain-text", "get-reg-list", "cpusysregs", "restore-lines", "kvm-recording"):
        return
    assert [dict(v.values) for v in part.vcpus] == [dict(v.values) for v in whole.vcpus]


@pytest.mark.parametrize("name", BASES)
@MANY
@given(data=st.data())
def test_bits_flipped(tmp_path: Path, name: str, data: st.DataObject) -> None:
    base = bytearray(BASES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        base[data.draw(st.integers(0, len(base) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    read(tmp_path / "f", bytes(base))


@pytest.mark.parametrize("name", BASES)
@MANY
@given(data=st.data())
def test_words_replaced(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Lengths and counts of all sizes, in either byte order, at any place; pieces removed and repeated."""
    base = BASES[name]
    at = data.draw(st.integers(0, max(0, len(base) - 8)))
    word = data.draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 1 << 20, 2**63, 2**64 - 1]))
    order = data.draw(st.sampled_from("<>"))
    kind = data.draw(st.sampled_from("BHIQ"))
    piece = struct.pack(order + kind, word & (1 << 8 * struct.calcsize(kind)) - 1)
    length = data.draw(st.integers(0, 64))
    mutants = (
        base[:at] + piece + base[at + len(piece) :],
        base[:at] + base[at + length :],
        base[:at] + base[at : at + length] * 2 + base[at + length :],
        base[:at] + random.Random(word + at).randbytes(length) + base[at:],
    )
    mutant = mutants[data.draw(st.integers(0, 3))]
    read(tmp_path / "f", mutant)


MAGIC = [b"", b"QEVM\0\0\0\3", b"{", b"QFI\xfb\0\0\0\3", b"LibvirtQemudSave", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"]
MAGIC += [b"\x28\xb5\x2f\xfd", b"0x6030", b'{"type":"recording"', b'{"dump":"own"']


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(MAGIC), rest=st.binary(max_size=300))
def test_rubbish(tmp_path: Path, start: bytes, rest: bytes) -> None:
    read(tmp_path / "f", start + rest)


_LIMITED = """
import resource, sys, time
from inspector.errors import SourceError
from inspector.sources import load
try:
    load(sys.argv[1])
    print("read")
except SourceError as error:
    print(str(error))
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
print(time.process_time())
"""


def grown(compressor: Any, megabytes: int) -> bytes:
    """A stream's beginning, then zeros, through a zlib-like compressor."""
    start = streams.stream(memory=b"")[:60]
    parts = [compressor.compress(start), *(compressor.compress(bytes(1 << 20)) for _ in range(megabytes))]
    return b"".join([*parts, compressor.flush()])


def endless_pages() -> bytes:
    """mapped-ram pages that end far behind the file."""
    data = streams.mapped_ram_stream()
    return data.replace(struct.pack(">Q", 0x8000), struct.pack(">Q", 1 << 61), 1)


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: grown(zlib.compressobj(9, wbits=31), 600),
    "xz": lambda: grown(lzma.LZMACompressor(preset=0), 600),
    "bzip2": lambda: grown(bz2.BZ2Compressor(1), 200),
    "zstd": lambda: grown(zstandard.ZstdCompressor().compressobj(), 600),
    "zeros in xz": lambda: lzma.compress(bytes(100 << 20), preset=0),
    "xz in gzip": lambda: gzip.compress(lzma.compress(bytes(100 << 20), preset=0)),
    "json objects": lambda: b'{"reg_modifiers":[' + b"{}," * 3_000_000 + b"{}]}",
    "json in gzip": lambda: gzip.compress(b'{"a":[' + b"0," * 20_000_000 + b"0]}", 1),
    "deep json": lambda: b'{"a":' * 1_000_000,
    "one long line": lambda: b"x" * (40 << 20),
    "many lines": lambda: b"PSTATE=1\n" * 460_000,
    "too many lines": lambda: b"PSTATE=1\n" * 1_000_000,
    "many registers": lambda: b"".join(b"%#x 1\n" % (0x6030000000130000 + n) for n in range(190_000)),
    "mapped memory without end": endless_pages,
}
"""Small files that grow to gigabytes, or that state sizes they do not have."""


@pytest.mark.parametrize("name", BOMBS)
def test_within_a_minute_and_200_megabytes(tmp_path: Path, name: str) -> None:
    """The limits are the operating system's: CPU seconds and address space of a process of its own."""
    path = tmp_path / "f"
    path.write_bytes(BOMBS[name]())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(path)], capture_output=True, text=True, preexec_fn=limit, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    message, peak, cpu = done.stdout.splitlines()
    print(name, message, peak, cpu)
    assert int(peak) < 200 << 10, f"{int(peak) >> 10} MB"


class _BadDisk(io.FileIO):
    """A file of which only so many reads succeed."""

    left = 0

    def _asked(self) -> None:
        if _BadDisk.left <= 0:
            raise OSError(errno.EIO, "Input/output error")
        _BadDisk.left -= 1

    def readinto(self, buffer: Any) -> int:
        self._asked()
        return super().readinto(buffer) or 0

    def read(self, size: int | None = -1) -> bytes:
        self._asked()
        return super().read(size) or b""


@pytest.fixture
def bad_disk() -> Iterator[type[_BadDisk]]:
    """Every source is read from it."""
    opening._Raw.__bases__ = (_BadDisk,)
    yield _BadDisk
    opening._Raw.__bases__ = (io.FileIO,)


@pytest.mark.parametrize("name", sorted(BASES))
def test_a_bad_disk_is_no_damaged_file(tmp_path: Path, bad_disk: type[_BadDisk], name: str) -> None:
    """Whichever read fails, the one line names the file: of a fleet it is one of many."""
    path = tmp_path / "f"
    path.write_bytes(BASES[name])
    failed = 0
    for reads in range(60):
        bad_disk.left = reads
        try:
            load(str(path))
        except SourceError as error:
            assert (error.what, error.where) == ("cannot be read: Input/output error", str(path))
            failed += 1
        else:
            break
    assert failed and reads < 59


@pytest.mark.parametrize("words", [("verify",), ("compare", "--files-from"), ("compare", "--merge"), ("show",)])
def test_a_command_names_the_file_on_a_bad_disk(
    tmp_path: Path, bad_disk: type[_BadDisk], words: tuple[str, ...]
) -> None:
    """Behind the first 64 KiB, which every source is recognised by; standard output was called broken."""
    path = tmp_path / "f"
    path.write_bytes(streams.stream([streams.SOME_REGISTERS] * 40) if words == ("show",) else b"some line\n" * 20_000)
    bad_disk.left = 1
    done = run(*words, str(path))
    assert (done.code, done.err) == (2, f"vcpu-inspector: {path}: cannot be read: Input/output error\n")
