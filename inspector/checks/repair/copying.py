"""Write a copy of a file with a few bytes replaced: sparse, by the kernel where it can, and past its page cache.

The copy has to be on the disk before it gets its name, so that pages of it in memory are work for nobody: they are
made, filled and written out again, and push out what other programs have there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import mmap
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from inspector.budget import TEXT, exceeded, most
from inspector.checks.repair.lzop import LzopWriter
from inspector.errors import InspectorError
from inspector.progress import under_way, work
from inspector.sources.edits.change import BytePatch
from inspector.transport.compressed import decompress

_CHUNK = 1 << 20
_PIECE = 64 << 20
"""Bytes that the kernel copies at once: as long as ctrl+c may wait"""
_DIRECT = 8 << 20
"""Bytes that go to the disk at once: so many that a disk which takes several writes at a time has them"""
_FICLONE = 0x40049409
"""include/uapi/linux/fs.h"""
_CANNOT = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
"""what copy_file_range(2) says of file systems and kernels that cannot"""
_XZ_PRESET = 2
"""17 MiB of memory; the default preset of xz needs 97."""


def copy_patched(
    source: Path, target: Path, patches: Sequence[BytePatch], layers: Sequence[str] = (), prefix: int = 0
) -> None:
    """Copy `source` to the empty file `target` with `patches` applied; `layers` are its compressions, outermost first.

    The first `prefix` bytes stand before the compressed part and are copied as they are.

    A compressed file gets the same compression again; offsets count in the uncompressed bytes. Raises InspectorError
    when a patch does not find its old bytes, so that nothing is changed at a wrong place.
    """
    ordered = sorted(patches)
    with work(f"copying {source}"):
        if layers:
            _copy_compressed(source, target, ordered, layers, prefix)
        else:
            _copy_plain(source, target, ordered)


def check_patches(source: Path, patches: Sequence[BytePatch], layers: Sequence[str] = (), prefix: int = 0) -> None:
    """Raises InspectorError unless every patch finds its old bytes; nothing is written."""
    with source.open("rb") as raw, Path(os.devnull).open("wb") as nowhere, work(f"checking {source}"):
        raw.seek(prefix if layers else 0)
        if layers:
            _pour(raw, layers, nowhere, sorted(patches), str(source))
            return
        for patch in patches:
            _check(os.pread(raw.fileno(), len(patch.old), patch.offset), patch, str(source))


def edit_whole(source: Path, target: Path | None, edit: Callable[[bytes], bytes], layers: Sequence[str] = ()) -> None:
    """Write the unpacked content of `source`, changed by `edit`, to the empty file `target` with the same compression.

    Without a `target` only `edit` is tried. Raises InspectorError for a content beyond what formats read in one piece.
    """
    with source.open("rb") as raw, _at_rest(raw.fileno(), str(source)):
        data = _unpacked(raw, layers, str(source)).read(most(TEXT) + 1)
    if len(data) > most(TEXT):
        raise exceeded(TEXT, str(source))
    changed = edit(data)
    if target is None:
        return
    with target.open("r+b") as out, contextlib.ExitStack() as stack:
        writer: BinaryIO = out
        for layer in layers:
            writer = stack.enter_context(_compressor(layer, writer))
        writer.write(changed)
        stack.close()
        out.flush()
        os.fsync(out.fileno())


def _unpacked(raw: BinaryIO, layers: Sequence[str], where: str) -> BinaryIO:
    for layer in layers:
        raw = decompress(raw, layer, where)
    return raw


def _copy_plain(source: Path, target: Path, patches: Sequence[BytePatch]) -> None:
    with source.open("rb", buffering=0) as reader, target.open("r+b", buffering=0) as writer:
        for patch in patches:
            _check(os.pread(reader.fileno(), len(patch.old), patch.offset), patch, str(source))
        with _at_rest(reader.fileno(), str(source)) as size:
            if not _shared(reader.fileno(), writer.fileno()):
                os.ftruncate(writer.fileno(), size)
                for start, end in _data_ranges(reader.fileno(), size):
                    _copy_range(reader.fileno(), writer.fileno(), start, end)
        for patch in patches:
            os.pwrite(writer.fileno(), patch.new, patch.offset)
        os.fsync(writer.fileno())


@contextlib.contextmanager
def _at_rest(reader: int, where: str) -> Iterator[int]:
    """The size of a file that is read in the block.

    Raises InspectorError at its end where the file was written to meanwhile: a half of the copy would be older than the
    other.
    """
    before = os.fstat(reader)
    yield before.st_size
    after = os.fstat(reader)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InspectorError("changed while it was copied", where, "try again once nothing writes to it")


def _data_ranges(handle: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a sparse file that are not holes; all of it where the file system does not tell."""
    position = 0
    while position < size:
        try:
            start = os.lseek(handle, position, os.SEEK_DATA)
            end = os.lseek(handle, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                yield position, size
            return
        yield start, min(end, size)
        position = end


def _shared(reader: int, writer: int) -> bool:
    """Let the whole copy share the blocks of the file, where the file system can (btrfs, XFS, bcachefs)."""
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError:
        return False  # the errno of a file system that cannot is one of five; what fails for another reason fails again
    return True


def _copy_range(reader: int, writer: int, start: int, end: int) -> None:
    start = _copied_by_kernel(reader, writer, _copied_past_cache(reader, writer, start, end), end)
    while start < end:
        data = os.pread(reader, min(_CHUNK, end - start), start)
        if not data:
            return
        written = 0
        while written < len(data):
            written += os.pwrite(writer, data[written:], start + written)
        start += len(data)
        _tell(reader, start)


def _tell(reader: int, done: int) -> None:
    """How far the copy has come in the file."""
    if (told := under_way()) is not None:
        told.bytes_at(done, os.fstat(reader).st_size)


def _copied_past_cache(reader: int, writer: int, start: int, end: int) -> int:
    """Copy whole pieces straight to the disk; where that ended: the rest, or all of it, is to go another way.

    The disk takes them from the pages of the source where they are, mapped, not copied. Only onto a file system with a
    disk of its own: one of another machine (NFS, SMB) copies by itself when asked to.
    """
    if start % mmap.ALLOCATIONGRANULARITY or end - start < _DIRECT or not os.major(os.fstat(writer).st_dev):
        return start
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    try:
        fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_DIRECT)
        while end - start >= _DIRECT:
            os.posix_fadvise(reader, start, 2 * _DIRECT, os.POSIX_FADV_WILLNEED)
            with mmap.mmap(reader, _DIRECT, mmap.MAP_SHARED, mmap.PROT_READ, offset=start) as piece:
                count = os.pwrite(writer, piece, start)
            start += count - count % mmap.ALLOCATIONGRANULARITY
            _tell(reader, start)
            if count < _DIRECT:
                break
    except ValueError:
        return start  # the source is shorter than it was: `_at_rest` says so
    except OSError as error:
        if error.errno not in (*_CANNOT, errno.EFAULT, errno.ENODEV):  # no page there any more; nothing to map
            raise
    finally:
        fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    return start


def _copied_by_kernel(reader: int, writer: int, start: int, end: int) -> int:
    """Copy without taking the bytes through this program; where that ended: the file systems may not be able to."""
    while start < end:
        try:
            count = os.copy_file_range(reader, writer, min(_PIECE, end - start), start, start)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            break
        if not count:
            break  # the file became shorter, or a file system of old kernels that says so of its virtual files
        start += count
        _tell(reader, start)
    return start


def _copy_compressed(
    source: Path, target: Path, patches: Sequence[BytePatch], layers: Sequence[str], prefix: int
) -> None:
    with source.open("rb") as raw, target.open("r+b") as out, contextlib.ExitStack() as stack:
        writer: BinaryIO = out
        with _at_rest(raw.fileno(), str(source)):
            out.write(raw.read(prefix))
            for layer in layers:
                writer = stack.enter_context(_compressor(layer, writer))
            _pour(raw, layers, writer, patches, str(source))
        stack.close()
        out.flush()
        os.fsync(out.fileno())


def _pour(raw: BinaryIO, layers: Sequence[str], writer: BinaryIO, patches: Sequence[BytePatch], where: str) -> None:
    """Copy what comes out of a compressed file, replacing what each patch names.

    So many bytes as the longest patch are held back, so that a patch which straddles two chunks is seen whole.
    """
    stream = _unpacked(raw, layers, where)
    waiting = list(patches)
    held_back = max((len(p.old) for p in patches), default=0)
    position = 0
    held = bytearray()
    while True:
        data = stream.read(_CHUNK)
        _tell(raw.fileno(), raw.tell())
        held += data
        end = max(0, len(held) - held_back) if data else len(held)
        while waiting and waiting[0].offset < position + end:
            patch = waiting.pop(0)
            at = patch.offset - position
            _check(bytes(held[at : at + len(patch.old)]), patch, where)
            held[at : at + len(patch.old)] = patch.new
        writer.write(bytes(held[:end]))
        del held[:end]
        position += end
        if not data:
            break
    if waiting:
        raise InspectorError(f"ends before byte {waiting[0].offset}, where a value should be", where)


def _check(found: bytes, patch: BytePatch, where: str) -> None:
    if found != patch.old:
        raise InspectorError(
            f"byte {patch.offset} holds {found.hex() or 'nothing'} where {patch.old.hex()} was read before", where,
            "the file changed meanwhile; try again",
        )  # fmt: skip


def _compressor(layer: str, out: BinaryIO) -> contextlib.AbstractContextManager[BinaryIO]:
    """A writer that compresses into `out` and leaves `out` open when it is closed."""
    import bz2
    import gzip
    import lzma

    from inspector.zstd import ZstdFile

    if layer == "zstd":
        return cast("BinaryIO", ZstdFile(out, "wb"))
    if layer == "lzop":
        return cast("BinaryIO", LzopWriter(out))
    if layer == "gzip":
        return cast("BinaryIO", gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0))
    if layer == "bzip2":
        return cast("BinaryIO", bz2.open(out, "wb"))
    if layer == "lz4":
        frames = importlib.import_module("lz4.frame")
        return cast("BinaryIO", frames.open(out, "wb"))
    assert layer == "xz", layer
    return cast("BinaryIO", lzma.open(out, "wb", preset=_XZ_PRESET))


def regular_file(path: Path) -> os.stat_result:
    """What the file system says of a regular file. Raises InspectorError for anything else."""
    try:
        status = path.stat()
    except OSError as error:
        raise InspectorError(f"cannot be opened: {error.strerror}", str(path)) from None
    if not stat.S_ISREG(status.st_mode):
        raise InspectorError("is not a regular file", str(path), "a copy can be made of files only")
    return status
