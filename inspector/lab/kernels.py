"""From what a user calls a kernel to a file that QEMU boots, and what that kernel must have.

Taken are: an arm64 Image, plain or compressed; an EFI zboot image (unpacked here: QEMU 10 knows only gzip in it); a
.deb or .rpm that holds one; a kernel tree that was built; and a series (`6.12`, `newest`), which Debian's packages
bring. Layouts:
Documentation/arch/arm64/booting.rst ("ARM\\x64" at byte 56), drivers/firmware/efi/libstub/zboot-header.S ("zimg" at
byte 4), init/Kconfig's IKCONFIG (`IKCFG_ST` before a gzip stream of the configuration).
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from inspector.errors import SourceError
from inspector.folders import expanded
from inspector.lab import store
from inspector.lab.debian import FetchError, Say, Stamp, alone, fetch_kernel, guest_apt
from inspector.new_file import write_whole
from inspector.transport.compressed import compression_of, decompress
from inspector.zstd import ZstdDecompressor, ZstdError

SERIES = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\Z|newest\Z")
NEEDED = {
    "CONFIG_VIRTUALIZATION": "virtualisation", "CONFIG_KVM": "KVM", "CONFIG_BLK_DEV_INITRD": "an initial RAM disk",
    "CONFIG_DEVTMPFS": "devtmpfs", "CONFIG_SERIAL_AMBA_PL011_CONSOLE": "a console on the PL011 serial port",
}  # fmt: skip
"""What the lab cannot do without, all of it built in."""
_MOST = 512 << 20
_ZBOOT_HEAD = 64
_SECTION = 40
"""Bytes of a row of a PE header's section table."""
_PIECE = 1 << 10
"""Bytes that are unpacked at a time: few enough that what they come to stays bounded."""
_ARM64_PE = b"\x64\xaa"
"""IMAGE_FILE_MACHINE_ARM64 (include/linux/pe.h); RISC-V and LoongArch have zboot images too."""
_DAMAGED = (
    tarfile.TarError, lzma.LZMAError, zlib.error, ZstdError, EOFError, OSError, ValueError, struct.error,
)  # fmt: skip
_NAMES = re.compile(r"(?:\./)?(?:boot/vmlinuz-|boot/Image-|(?:usr/)?lib/modules/[^/]+/(?:vmlinuz|Image)\Z)")


def image_of(kernel: str, folder: Path, say: Say = lambda _: None) -> Path:
    """The file that QEMU boots for what the user named. Fetches a series that `folder` does not hold yet.

    `say` is told what is fetched, and what made room for a kernel that had to be unpacked. Raises SourceError in one
    line for what is no arm64 kernel.
    """
    if SERIES.match(kernel):
        return _series(kernel, folder, say)
    path = expanded(kernel)
    if path.is_dir():
        built = path / "arch/arm64/boot"
        found = next((built / name for name in ("Image", "Image.gz", "vmlinuz.efi") if (built / name).exists()), None)
        if found is None:
            raise SourceError("is a folder without arch/arm64/boot/Image", kernel, "build the tree, or name an Image")
        path = found
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            if head[:8] == b"!<arch>\n":
                return _unpacked(path, _deb(path), folder, say)
            if head[:4] == b"\xed\xab\xee\xdb":
                return _unpacked(path, _rpm(path), folder, say)
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", kernel, "an Image, a .deb or .rpm, a built tree, or a series of Debian"
        ) from None
    check_image(head, str(path))
    if not _is_zboot(head):
        return path
    kept = _kept(path, folder)
    return kept if kept.exists() else _keep(kept, path.read_bytes(), str(path), say)


def check_image(head: bytes, where: str) -> None:
    """Raises SourceError unless these first bytes (4096 are enough) are those of an arm64 kernel."""
    if head[56:60] == b"ARMd" or _is_zboot(head):
        return
    if head[:2] == b"\x1f\x8b":
        inner, _ = _inflated(head, 4096)
        if inner[56:60] == b"ARMd":
            return
    what = "an x86 kernel" if head[514:518] == b"HdrS" else "no arm64 kernel"
    raise SourceError(f"is {what}", where, "valid: arch/arm64/boot/Image, Image.gz or vmlinuz of an arm64 build")


def _is_zboot(head: bytes) -> bool:
    """An EFI zboot image for arm64 (drivers/firmware/efi/libstub/zboot-header.S): its PE header names the machine."""
    if head[:2] != b"MZ" or head[4:8] != b"zimg" or len(head) < _ZBOOT_HEAD:
        return False
    place = int.from_bytes(head[60:64], "little")
    return head[place : place + 6] == b"PE\0\0" + _ARM64_PE


def check_whole(image: Path) -> str:
    """Raises SourceError for a damaged Image.gz, and an Image that ends before what its own PE header says it holds;
    gives why one without that header may be cut off, "" for all others.

    A kernel that is cut off starts all the same, and says nothing for ever. An Image with the EFI stub has that header
    (arch/arm64/kernel/efi-header.S; PE format, section table: SizeOfRawData, PointerToRawData). `image_size` of
    booting.rst proves nothing: it counts what no file holds, such as .bss, of which four kernels of Debian have 3 %.
    """
    with image.open("rb") as file:
        data = file.read(_MOST)
    if data[:2] == b"\x1f\x8b":
        data, ended = _inflated(data, _MOST)
        if not ended:
            raise SourceError("is cut off or damaged: gzip cannot unpack it to its end", str(image), "copy it again")
    place = int.from_bytes(data[60:64], "little")
    if data[place : place + 4] != b"PE\0\0":
        takes = int.from_bytes(data[16:24], "little")
        if len(data) * 4 >= takes * 3:
            return ""
        held = f"{len(data):,} bytes of a kernel that takes {takes:,}"
        return f"{image.name} holds {held}: if it says nothing, it is cut off"
    count, optional = (int.from_bytes(data[at : at + 2], "little") for at in (place + 6, place + 20))
    rows = data[place + 24 + optional :][: count * _SECTION]
    ends = [size + start for size, start in struct.iter_unpack("<16x2I16x", rows[: len(rows) // _SECTION * _SECTION])]
    whole = max(ends, default=0)
    if len(data) < whole:
        lacks = f"{whole - len(data):,} of its {whole:,} bytes are not there"
        raise SourceError(f"is cut off: {lacks}", str(image), "copy it again")
    return ""


def missing(image: Path) -> tuple[str, ...]:
    """What a kernel lacks for the lab, from the configuration that it carries; nothing where it carries none."""
    settings = configuration(image)
    if not settings:
        return ()
    return tuple(f"{words} ({name}=y)" for name, words in NEEDED.items() if settings.get(name) != "y")


def configuration(image: Path) -> dict[str, str]:
    """CONFIG_ name -> value of the configuration inside an image (IKCONFIG); empty where there is none."""
    with image.open("rb") as file:
        data = file.read(_MOST)
    if data[:2] == b"\x1f\x8b":
        data, _ = _inflated(data, _MOST)
    start = data.find(b"IKCFG_ST\x1f\x8b")
    if start < 0:
        return {}
    text = _inflated(data[start + 8 :], 8 << 20)[0].decode(errors="replace")
    return dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.M))


def _inflated(data: bytes, most: int) -> tuple[bytes, bool]:
    """(at most `most` bytes of what is compressed by gzip, whether that is all of it); empty where it is damaged."""
    unpacker = zlib.decompressobj(31)
    try:
        return unpacker.decompress(data, most), unpacker.eof
    except zlib.error:
        return b"", False


def _zboot(data: bytes) -> bytes:
    """The Image inside an EFI zboot image; empty where it is damaged, or compressed by none of gzip, zstd, xz, lzma."""
    if len(data) < _ZBOOT_HEAD:
        return b""
    offset, size = struct.unpack_from("<2I", data, 8)
    kind = data[24:56].split(b"\0")[0]
    body = data[offset : offset + size]
    unpacker: Any
    if kind.startswith(b"gzip"):
        unpacker = zlib.decompressobj(31)
    elif kind.startswith(b"zstd"):
        unpacker = ZstdDecompressor()
    elif kind.startswith((b"xz", b"lzma")):
        unpacker = lzma.LZMADecompressor()
    else:
        return b""
    found = bytearray()
    try:
        for place in range(0, len(body), _PIECE):
            found += unpacker.decompress(body[place : place + _PIECE])
            if unpacker.eof or len(found) > _MOST:
                break
    except (zlib.error, lzma.LZMAError, ZstdError):
        return b""
    return bytes(found) if unpacker.eof else b""


def _series(series: str, folder: Path, say: Say) -> Path:
    stamp = Stamp(folder)
    if series in stamp.kernels:
        return stamp.image(series)
    try:
        with alone(folder, say) as stamp:
            if series in stamp.kernels:
                return stamp.image(series)
            return fetch_kernel(guest_apt(folder, say), series, stamp).image
    except FetchError as error:
        raise SourceError(
            f"cannot be fetched: {error}", f"kernel {series}", "or give the path of an arm64 Image: lab:PATH"
        ) from None


def _unpacked(package: Path, members: Iterator[tuple[str, BinaryIO]], folder: Path, say: Say) -> Path:
    """The kernel of a package."""
    kept = _kept(package, folder)
    if kept.exists():
        return kept
    try:
        for name, content in members:
            if _NAMES.match(name):
                return _keep(kept, content.read(_MOST), f"{package.name}: {name}", say)
    except _DAMAGED as error:
        raise SourceError(f"cannot be unpacked: {error}", str(package), "is the package whole?") from None
    raise SourceError("holds no kernel image", str(package), "packages with a kernel: linux-image-*, kernel-core")


def _kept(package: Path, folder: Path) -> Path:
    """Where the kernel of a package is kept below `folder`: under the package's own name, size and time."""
    about = package.stat()
    return store.kernel_file(folder, f"{package.stem[:80]}-{about.st_size:x}-{about.st_mtime_ns:x}")


def _keep(kept: Path, data: bytes, where: str, say: Say) -> Path:
    """Keep a kernel as QEMU boots it."""
    check_image(data[:4096], where)
    if _is_zboot(data[:4096]):
        data = _zboot(data)
        if data[56:60] != b"ARMd":
            raise SourceError("is damaged, or compressed otherwise than by gzip, zstd, xz or lzma", where)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        hint = "XDG_CACHE_HOME names a folder that can be written"
        raise SourceError(f"cannot be made: {error.strerror}", str(kept.parent), hint) from None
    write_whole(str(kept), data, force=True)
    for removed in store.make_room(kept.parent.parent):
        say(f"made room: {removed}")
    return kept


def _decompressed(data: bytes, where: Path) -> BinaryIO:
    """A stream of what is compressed by any of `compression_of` or lzma, or as it is."""
    name = "lzma" if data[:3] == b"\x5d\0\0" else compression_of(data[:16])
    return decompress(io.BytesIO(data), name, str(where)) if name else io.BytesIO(data)


def _deb(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The members of a Debian package (an ar archive, deb(5)) that are files."""
    data = path.read_bytes()
    place = 8
    while place + 60 <= len(data):
        name, size = data[place : place + 16].decode("ascii", "replace").strip(), int(data[place + 48 : place + 58])
        if size < 0:
            raise ValueError(f"a member of {size} bytes")
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=_decompressed(data[place + 60 : place + 60 + size], path), mode="r|") as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None:
                        yield member.name, content  # type: ignore[misc]
            return
        place += 60 + size + size % 2


def _rpm(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The members of an RPM package: behind its lead and two headers a compressed cpio archive (newc)."""
    data = path.read_bytes()
    place = 96
    for last in (False, True):
        if data[place : place + 3] != b"\x8e\xad\xe8":
            raise ValueError("its header is damaged")
        entries, size = struct.unpack_from(">2I", data, place + 8)
        place += 16 + 16 * entries + size
        if not last:
            place += -place % 8
    archive = _decompressed(data[place:], path)
    while (head := archive.read(110))[:6] in (b"070701", b"070702"):
        size, length = int(head[54:62], 16), int(head[94:102], 16)
        if max(size, length) > _MOST:
            raise ValueError(f"a file of {max(size, length)} bytes")
        name = archive.read(length + -(110 + length) % 4)[: length - 1].decode("utf-8", "replace")
        if name == "TRAILER!!!":
            return
        content = archive.read(size + -size % 4)[:size]
        yield name, io.BytesIO(content)
