"""lz4 and lzop: read where their library is installed, else named with the command that unpacks them."""

from __future__ import annotations

import shlex
import shutil
import struct
import subprocess
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import zstandard

from inspector.errors import NO_MEMORY, SourceError
from inspector.sources import load
from inspector.transport import compressed
from tests.sources import streams
from tests.sources.streams import SOME_REGISTERS

MAGIC = {"lz4": b"\x04\x22\x4d\x18", "lzop": b"\x89LZO\0\r\n\x1a\n"}


def library(name: str) -> Any:
    pytest.importorskip(name, reason=f"the library {name} is not installed")
    return import_module(name)


def listed(path: Path) -> list[dict[int, int]]:
    return [{i: v.values[i] for i in SOME_REGISTERS} for v in load(str(path)).vcpus]


def lzop(data: bytes, block: int = 256 << 10, flags: int = 0x1) -> bytes:
    """A file of lzop (the layout of lzop 1.04's own sources): header, blocks, an end mark."""
    lzo = library("lzo")
    name = b"state.mig"
    head = struct.pack(">HHHBBIIII", 0x1040, 0x20A0, 0x940, 1, 5, flags, 0o100644, 0, 0) + bytes((len(name),)) + name
    out = MAGIC["lzop"] + head + struct.pack(">I", zlib.adler32(head))
    for at in range(0, len(data), block):
        part = data[at : at + block]
        packed = lzo.compress(part, 1, False)
        packed = packed if len(packed) < len(part) else part
        sums = [zlib.adler32(part)] if flags & 1 else []
        sums += [zlib.crc32(part)] if flags & 0x100 else []
        if len(packed) < len(part):
            sums += ([zlib.adler32(packed)] if flags & 2 else []) + ([zlib.crc32(packed)] if flags & 0x200 else [])
        out += struct.pack(f">{2 + len(sums)}I", len(part), len(packed), *sums) + packed
    return out + bytes(4)


@pytest.mark.parametrize("flags", [0x1, 0x3, 0x100, 0x303, 0])
def test_lzop(tmp_path: Path, flags: int) -> None:
    path = tmp_path / "a.lzo"
    data = lzop(streams.stream([SOME_REGISTERS] * 2), block=4000, flags=flags)
    path.write_bytes(data)
    assert listed(path) == [SOME_REGISTERS] * 2
    assert load(str(path)).provenance.compression == "lzop"
    half = len(data) // 2
    changed = data[:half] + bytes(b ^ 0x55 for b in data[half : half + 4]) + data[half + 4 :]
    for broken in (data[:-300], data[:40], changed if flags else data[:70]):
        path.write_bytes(broken)
        with pytest.raises(SourceError):
            load(str(path))


def test_lzop_behind_libvirts_header(tmp_path: Path) -> None:
    path = tmp_path / "a.save"
    image = streams.libvirt(b"")
    path.write_bytes(image + lzop(streams.stream()))
    assert listed(path) == [SOME_REGISTERS]


def test_lz4(tmp_path: Path) -> None:
    frame = library("lz4.frame")
    path = tmp_path / "a.lz4"
    data = frame.compress(streams.stream([SOME_REGISTERS] * 2))
    path.write_bytes(data)
    assert listed(path) == [SOME_REGISTERS] * 2
    path.write_bytes(data[:-900])
    with pytest.raises(SourceError, match="lz4"):
        load(str(path))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError("Unable to decompress Zstandard data: Allocation error : not enough memory"),
        RuntimeError("LZ4F_decompress failed with code: ERROR_allocation_failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory_damages_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    path = tmp_path / "vm.mig.xz"
    path.write_bytes(b"\xfd7zXZ\x00" + bytes(64))

    class Poor:
        eof, needs_input, unused_data = False, True, b""

        def decompress(self, data: bytes, most: int) -> bytes:
            raise error

    monkeypatch.setattr(compressed, "_maker", lambda name: Poor)
    with pytest.raises(SourceError) as failed:
        load(str(path))
    assert failed.value.what == NO_MEMORY and failed.value.where == str(path)


def test_too_little_memory_for_a_format_damages_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "values.txt"
    path.write_text("MIDR_EL1 0x410fd490\n", encoding="utf-8")

    def poor(content: object) -> None:
        raise MemoryError

    monkeypatch.setattr("inspector.sources.formats.plain_text.load", poor)
    with pytest.raises(SourceError) as failed:
        load(str(path))
    assert failed.value.what == NO_MEMORY and failed.value.where == str(path)


def test_zstd_frames_behind_each_other(tmp_path: Path) -> None:
    """Packed by another implementation than the one that unpacks: frames, one with nothing in it, one of the user's."""
    path = tmp_path / "a.zst"
    stream = streams.stream([SOME_REGISTERS] * 2)
    packed = [zstandard.compress(part, 1) for part in (stream[:1000], b"", stream[1000:])]
    own = struct.pack("<II", 0x184D2A53, 9) + b"something"
    path.write_bytes(packed[0] + own + packed[1] + packed[2] + own + bytes(512))
    assert listed(path) == [SOME_REGISTERS] * 2
    assert load(str(path)).provenance.compression == "zstd"
    whole = b"".join(packed)
    for broken in (whole[:-20], whole + b"and more", packed[0] + own[:12], whole + packed[0][:6]):
        path.write_bytes(broken)
        with pytest.raises(SourceError, match="zstd"):
            load(str(path))


@pytest.mark.parametrize("name", ["lz4", "lzop"])
def test_without_the_library_the_command_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(compressed, "_installed", lambda module: False)
    bare = tmp_path / "it's here.bin"
    bare.write_bytes(MAGIC[name] + bytes(100))
    with pytest.raises(SourceError) as error:
        load(str(bare))
    assert f"{name} -dc < " in str(error.value)
    assert "pip install" in str(error.value)
    image = tmp_path / "vm.save"
    head = streams.libvirt(b"")
    image.write_bytes(head + MAGIC[name] + bytes(100))
    with pytest.raises(SourceError) as error:
        load(str(image))
    command = str(error.value).partition("`tail")[2].partition("`")[0]
    assert command == f" -c +{len(head) + 1} {shlex.quote(str(image))} | {name} -dc > unpacked"


@pytest.mark.skipif(not shutil.which("lzop"), reason="lzop is not installed")
def test_the_command_unpacks_what_lzop_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = streams.stream()
    packed = subprocess.run(["lzop", "-c"], input=stream, capture_output=True, check=True).stdout
    image = tmp_path / "vm.save"
    image.write_bytes(streams.libvirt(b"") + packed)
    monkeypatch.setattr(compressed, "_installed", lambda module: False)
    with pytest.raises(SourceError) as error:
        load(str(image))
    command = "tail" + str(error.value).partition("`tail")[2].partition("`")[0]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "unpacked").read_bytes() == stream
