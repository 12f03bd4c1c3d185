"""lzop files that the copies are packed into: read by the real lzop where it is installed."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
import types
import zlib
from typing import BinaryIO, cast

import pytest

from inspector.checks.repair.lzop import LzopWriter

SAMPLES = {"empty": b"", "short": b"abc", "zeros": bytes(700_000), "random": os.urandom(600_001)}


def packed(data: bytes, step: int = 100_000) -> bytes:
    out = io.BytesIO()
    with LzopWriter(out) as writer:
        for at in range(0, len(data), step):
            cast("BinaryIO", writer).write(data[at : at + step])
    return out.getvalue()


def unpacked(data: bytes) -> bytes:
    """The data of a file whose blocks are all kept as they are; checks every number of it."""
    assert data[:9] == b"\x89LZO\0\r\n\x1a\n"
    header = data[9:34]
    assert struct.unpack(">I", data[34:38])[0] == zlib.adler32(header)
    at, found = 38, b""
    while (length := struct.unpack_from(">I", data, at)[0]) != 0:
        kept, checked = struct.unpack_from(">2I", data, at + 4)
        assert kept == length <= 256 << 10
        found += data[at + 12 : at + 12 + length]
        assert zlib.adler32(data[at + 12 : at + 12 + length]) == checked
        at += 12 + length
    assert at + 4 == len(data)
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_blocks_without_the_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lzo", None)
    assert unpacked(packed(SAMPLES[name])) == SAMPLES[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_real_lzop_reads_it(name: str) -> None:
    lzop = shutil.which("lzop")
    if not lzop:
        pytest.skip("lzop is not installed")
    done = subprocess.run([lzop, "-dc"], input=packed(SAMPLES[name]), capture_output=True, check=True)
    assert done.stdout == SAMPLES[name]
    subprocess.run([lzop, "-t"], input=packed(SAMPLES[name]), capture_output=True, check=True)


def test_a_block_that_shrinks_is_kept_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for python-lzo: its answer is taken where it is shorter, else the data as they are."""
    library = types.ModuleType("lzo")
    library.compress = lambda data, level, header: b"small" if not any(data) else data + b"!"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lzo", library)
    zeros = packed(bytes(300_000))
    assert struct.unpack_from(">2I", zeros, 38) == (256 << 10, 5) and zeros[50:55] == b"small"
    assert unpacked(packed(b"random")) == b"random"
