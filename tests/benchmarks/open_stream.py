"""What opening a QEMU stream costs: `python -m tests.benchmarks.open_stream [MEGABYTES ...]`.

Makes uncompressed streams of guest memory full of random pages in a temporary folder (100 MB unless told otherwise), a
sparse one of 1 GB with mapped-ram, and compressed ones; opens each in a fresh process, and prints CPU seconds, peak
memory, and the ratio to the CPU seconds that reading the whole file takes.
"""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zstandard

from tests.sources import streams

_OPEN = """
import resource, sys
from inspector.sources import load
dump = load(sys.argv[1])
usage = resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
print(usage.ru_utime + usage.ru_stime, peak, len(dump.vcpus), len(dump.vcpus[0].values))
"""


def write_stream(path: Path, megabytes: int) -> None:
    """A stream whose pages hold random bytes."""
    block = os.urandom(1 << 20)
    pages = megabytes * 256
    whole = streams.stream([streams.SOME_REGISTERS] * 4, memory=streams.ram([bytes(streams.PAGE)], zero=0))
    empty = whole.index(b"\x08mach.ram" + bytes(streams.PAGE)) + len(b"\x08mach.ram") + streams.PAGE
    length = streams.PAGE.to_bytes(8, "big")
    total = (pages * streams.PAGE).to_bytes(8, "big")
    head = whole[:empty].replace((streams.PAGE | 4).to_bytes(8, "big"), (pages * streams.PAGE | 4).to_bytes(8, "big"))
    with path.open("wb") as file:
        file.write(head.replace(b"\x08mach.ram" + length, b"\x08mach.ram" + total))
        for first in range(1, pages, 256):
            words = [(n * streams.PAGE | 0x28).to_bytes(8, "big") for n in range(first, min(pages, first + 256))]
            places = [slice(n * streams.PAGE, (n + 1) * streams.PAGE) for n in range(len(words))]
            file.write(b"".join(word + block[at] for word, at in zip(words, places, strict=True)))
        file.write(whole[empty:])


def write_enlarged(path: Path, stream: bytes, megabytes: int) -> None:
    """A real stream with so many megabytes of random pages in its memory, in a part of their own before its end."""
    start = stream.index(b"\x03ram") - 4
    number, size = stream[start : start + 4], struct.calcsize(">Q")
    name = stream[start + 4 + 4 + 8 + size :]
    block = name[: name[0] + 1]
    end = stream.rindex(b"\x03" + number + (0x10).to_bytes(size, "big"))
    noise = os.urandom(1 << 20)
    with path.open("wb") as file:
        file.write(stream[:end] + b"\x02" + number)
        for first in range(0, megabytes * 256, 256):
            for at in range(256):
                flags, named = (0x28, b"") if first + at else (0x08, block)
                word = (at * streams.PAGE | flags).to_bytes(size, "big")
                file.write(word + named + noise[at * streams.PAGE : (at + 1) * streams.PAGE])
        file.write((0x10).to_bytes(size, "big") + b"\x7e" + number + stream[end:])


def write_sparse(path: Path, megabytes: int) -> None:
    """A mapped-ram stream whose pages are one hole of `megabytes`."""
    data = streams.mapped_ram_stream()
    length = 16 * streams.PAGE
    grown = megabytes << 20
    head, tail = data[:0x8000], data[0x8000 + length :]
    head = head.replace(length.to_bytes(8, "big"), grown.to_bytes(8, "big"))
    head = head.replace((length | 4).to_bytes(8, "big"), (grown | 4).to_bytes(8, "big"))
    with path.open("wb") as file:
        file.write(head)
        file.seek(0x8000 + grown)
        file.write(tail)


def reading_cost(path: Path) -> float:
    """CPU seconds that reading the file takes, in pieces of 1 MiB."""
    start = time.process_time()
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
    return time.process_time() - start


def measure(path: Path, title: str) -> None:
    """Open the file in a fresh process and print one line."""
    found = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=True)
    cpu, peak, vcpus, registers = found.stdout.split()
    read = reading_cost(path)
    print(
        f"{title:28} {path.stat().st_size / 1e6:8.1f} MB: {float(cpu):.3f} s CPU with the interpreter,"
        f" peak {int(peak) / 1024:.0f} MB, {vcpus} vCPUs of {registers} registers;"
        f" reading the file {read:.3f} s, ratio {float(cpu) / max(read, 0.001):.1f}"
    )


def main(sizes: list[int]) -> None:
    """Make and measure every stream."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in sizes:
            path = folder / f"plain-{size}.mig"
            write_stream(path, size)
            measure(path, f"uncompressed {size} MB")
            if size == sizes[0]:
                (folder / "a.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
                (folder / "a.zst").write_bytes(zstandard.compress(path.read_bytes()))
                measure(folder / "a.gz", f"gzip of {size} MB")
                measure(folder / "a.zst", f"zstd of {size} MB")
            path.unlink()
        sparse = folder / "sparse.mig"
        write_sparse(sparse, 1024)
        measure(sparse, "mapped-ram, sparse")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [100])
