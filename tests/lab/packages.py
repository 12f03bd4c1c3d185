"""Kernel images without code, and packages that hold one, as the tools that make them lay them out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
from collections.abc import Callable

import zstandard

from inspector.lab.initramfs import newc

CONFIG = "# made up\nCONFIG_KVM=y\nCONFIG_VIRTUALIZATION=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_DEVTMPFS=y\n"
PL011 = "CONFIG_SERIAL_AMBA_PL011_CONSOLE=y\n"


def image(config: str = "") -> bytes:
    """An arm64 Image without code, perhaps with its configuration inside."""
    head = b"MZ" + bytes(54) + b"ARMd" + bytes(4036)
    return head + (b"IKCFG_ST" + gzip.compress(config.encode(), mtime=0) + b"IKCFG_ED" if config else b"")


def by_zstd(data: bytes) -> bytes:
    """One frame of zstd."""
    return zstandard.ZstdCompressor().compress(data)


def zboot(
    config: str,
    machine: bytes = b"\x64\xaa",
    kind: bytes = b"zstd22",
    compress: Callable[[bytes], bytes] = by_zstd,
) -> bytes:
    """The same as an EFI zboot image, compressed by zstd."""
    inner = compress(image(config))
    head = b"MZ\0\0zimg" + struct.pack("<2I", 72, len(inner)) + bytes(8) + kind.ljust(32, b"\0") + b"\xcd\x23\x82\x81"
    return head + struct.pack("<I", 64) + b"PE\0\0" + machine + b"\0\0" + inner


def deb(name: str, content: bytes, compress: str) -> bytes:
    """A Debian package with one file."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        for path, data in (("./usr/share/doc/x", b"words"), (name, content)):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    packed: dict[str, Callable[[bytes], bytes]] = {
        "xz": lzma.compress, "gz": gzip.compress, "bz2": bz2.compress, "zst": zstandard.ZstdCompressor().compress,
    }  # fmt: skip
    data = packed[compress](inner.getvalue())
    out = b"!<arch>\n"
    for part, body in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (f"data.tar.{compress}", data)):
        out += f"{part:16}{0:<12}{0:<6}{0:<6}{'100644':8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
    return out


def rpm(name: str, content: bytes) -> bytes:
    """An RPM package with one file: lead, signature, header, zstd-compressed cpio."""
    header = b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">2I", 1, 5) + bytes(16) + b"12345"
    signature = header + bytes(-len(header) % 8)
    body = newc([(name, 0o100644, content)])
    return b"\xed\xab\xee\xdb" + bytes(92) + signature + header + zstandard.ZstdCompressor().compress(body)
