"""libvirt's save images (`virsh save`, managed save, external memory snapshots): a header, domain XML, a QEMU stream.

The header is 92 bytes in the byte order of the host that wrote it (src/qemu/qemu_saveimage.h): 16 bytes of magic, then
u32 version, length of the XML, was-running flag, format of the stream, offset of a cookie, and 14 unused words.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

import msgspec

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.formats.qemu_embedded import load_embedded
from inspector.sources.formats.qemu_stream import load_at, read_stream
from inspector.sources.formats.qemu_walk import MAGIC
from inspector.sources.opening import Content, replay
from inspector.transport.compressed import compression_of, decompress

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "libvirt-save"
_SAVE, _PART = b"LibvirtQemudSave", b"LibvirtQemudPart"
_HEADER = 92
_FORMATS = ("raw", "gzip", "bzip2", "xz", "lzop", "zstd", "sparse")
_XML = 16 << 20


def sniff(content: Content) -> bool:
    """libvirt's magic, of a finished or of an interrupted save."""
    return content.head.startswith((_SAVE, _PART))


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for a header that cannot be."""
    where, head = content.name, content.head
    if len(head) < _HEADER:
        raise SourceError("libvirt's save header is cut short", where, "the file is truncated")
    order = next((o for o in "<>" if struct.unpack_from(f"{o}I", head, 16)[0] == 2), None)
    if order is None:
        raise SourceError("libvirt's save header is not of version 2", where, "no other version is known")
    _, length, _, number, _ = struct.unpack_from(f"{order}5I", head, 16)
    if length > _XML or (content.size is not None and _HEADER + length > content.size):
        raise SourceError(f"libvirt's save header counts {length} bytes of XML", where, "the file is damaged")
    kind = _FORMATS[number] if number < len(_FORMATS) else f"format {number}"
    stream = content.stream()
    xml = stream.read(_HEADER + length)[_HEADER:].decode("utf-8", "replace")
    dump = _body(content, stream, _HEADER + length, kind)
    notes: tuple[str, ...] = (f"libvirt save image, stream format {kind}{_about(xml)}",)
    if head.startswith(_PART):
        notes += ("the save was interrupted: libvirt never marked it as finished",)
    layers = "+".join(part for part in (content.compression, dump.provenance.compression) if part)
    provenance = msgspec.structs.replace(dump.provenance, format=NAME, compression=layers)
    return msgspec.structs.replace(dump, provenance=provenance, notes=notes + dump.notes)


def _body(content: Content, stream: BinaryIO, offset: int, kind: str) -> Dump:
    """The stream behind the XML: as it is, compressed, or (format sparse) at an aligned place further on."""
    first = stream.read(1 << 16)
    name = compression_of(first)
    if name:
        dump = read_stream(
            decompress(replay(first, stream), name, content.name, offset), content.name, content.budget, seekable=False
        )
        provenance = msgspec.structs.replace(dump.provenance, compression=name)
        return msgspec.structs.replace(dump, provenance=provenance)
    if first.startswith(MAGIC) and not content.file:
        return read_stream(replay(first, stream), content.name, content.budget, seekable=False, base=offset)
    if not first:
        raise SourceError("ends behind libvirt's header", content.name, "the file is truncated")
    if kind not in ("raw", "sparse"):
        raise SourceError(f"its stream is not {kind}, as the header says", content.name, "the file is damaged")
    if first.startswith(MAGIC):
        return load_at(content, offset)
    return load_embedded(content, offset)


def _about(xml: str) -> str:
    """Name, machine and CPU mode of the domain, for a note."""
    found = {
        "domain": re.search(r"<name>([^<]{1,100})</name>", xml),
        "machine": re.search(r"<type [^>]{0,200}machine=['\"]([^'\"]{1,60})['\"]", xml),
        "cpu mode": re.search(r"<cpu [^>]{0,200}mode=['\"]([^'\"]{1,60})['\"]", xml),
        "cpu model": re.search(r"<model[^>]{0,100}>([^<]{1,60})</model>", xml),
    }
    return "".join(f", {label} {match[1]}" for label, match in found.items() if match)


def uncompressed_part(path: Path) -> int:
    """Bytes of libvirt's header and XML (92 and as many as the header counts) before a compressed stream.

    0 when the whole file is compressed, header and all.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
    if not head.startswith((_SAVE, _PART)):
        return 0
    order: Literal["little", "big"] = "little" if head[16:20] == b"\2\0\0\0" else "big"
    return _HEADER + int.from_bytes(head[20:24], order)
