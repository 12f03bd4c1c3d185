"""Copies with a few bytes replaced: exact, sparse, and never over anything that exists."""

from __future__ import annotations

import bz2
import errno
import fcntl
import gzip
import lzma
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.checks.repair import copying
from inspector.checks.repair.copying import check_patches, copy_patched, regular_file
from inspector.checks.repair.lzop import LzopWriter
from inspector.errors import InspectorError
from inspector.new_file import new_file
from inspector.sources.edits.change import BytePatch
from inspector.transport.compressed import decompress
from tests.fresh import ROOT

ANY = Path(__file__).stat()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstandard.ZstdCompressor().compress,
}


def _applied(data: bytes, patches: list[BytePatch]) -> bytes:
    result = bytearray(data)
    for patch in patches:
        result[patch.offset : patch.offset + len(patch.new)] = patch.new
    return bytes(result)


def _copy(source: Path, patches: list[BytePatch], layers: tuple[str, ...] = ()) -> Path:
    target = source.with_name("copy")
    with new_file(str(target), regular_file(source)) as temporary:
        copy_patched(source, temporary, patches, layers)
    return target


def test_only_the_patched_bytes_differ(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    source = tmp_path / "vm"
    source.write_bytes(data)
    patches = [BytePatch(at, data[at : at + 8], b"NEWVALUE") for at in (0, 1_048_572, 2_999_992)]
    assert _copy(source, patches).read_bytes() == _applied(data, patches)
    assert source.read_bytes() == data


@pytest.mark.parametrize("at", [0, 5, (1 << 20) - 8, (1 << 20) - 3, 1 << 20, (2 << 20) - 1, 2_500_000 - 8])
@pytest.mark.parametrize("layer", ["gzip", "bzip2", "xz", "zstd"])
def test_compressed_files_keep_their_compression(tmp_path: Path, layer: str, at: int) -> None:
    data = bytes(range(256)) * 9765 + b"x" * 160
    source = tmp_path / "vm"
    source.write_bytes(PACKERS[layer](data))
    patch = BytePatch(at, data[at : at + 8], b"NEWVALUE")
    target = _copy(source, [patch], (layer,))
    with target.open("rb") as raw:
        assert decompress(raw, layer, "copy").read() == _applied(data, [patch])


def test_two_layers_are_put_on_again(tmp_path: Path) -> None:
    data = b"abc" * 1000
    source = tmp_path / "vm"
    source.write_bytes(gzip.compress(lzma.compress(data)))
    target = _copy(source, [BytePatch(3, b"abc", b"xyz")], ("gzip", "xz"))
    assert lzma.decompress(gzip.decompress(target.read_bytes())) == b"abcxyz" + data[6:]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(min_size=64, max_size=4000),
    places=st.sets(st.integers(0, 480), max_size=6),
    layer=st.sampled_from(["", "gzip", "zstd"]),
)
def test_any_patches_at_any_place(tmp_path: Path, data: bytes, places: set[int], layer: str) -> None:
    patches = [BytePatch(8 * p, data[8 * p : 8 * p + 8], os.urandom(8)) for p in places if 8 * p + 8 <= len(data)]
    source, target = tmp_path / "vm", tmp_path / "copy"
    source.write_bytes(data if not layer else gzip.compress(data) if layer == "gzip" else zstandard.compress(data))
    target.unlink(missing_ok=True)
    _copy(source, patches, (layer,) if layer else ())
    found = target.read_bytes()
    if layer == "gzip":
        found = gzip.decompress(found)
    elif layer == "zstd":
        found = zstandard.ZstdDecompressor().decompressobj().decompress(found)
    assert found == _applied(data, patches)


def test_holes_stay_holes(tmp_path: Path) -> None:
    source = tmp_path / "vm"
    with source.open("wb") as file:
        file.write(b"head")
        file.seek(200 << 20)
        file.write(b"tail")
    if source.stat().st_blocks * 512 > 10 << 20:
        pytest.skip("this file system keeps no holes")
    target = _copy(source, [BytePatch(200 << 20, b"tail", b"TAIL")])
    assert target.stat().st_size == (200 << 20) + 4
    assert target.stat().st_blocks * 512 < 10 << 20
    with target.open("rb") as file:
        assert file.read(4) == b"head"
        file.seek(200 << 20)
        assert file.read() == b"TAIL"


def test_a_patch_that_does_not_find_its_old_bytes_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "vm"
    source.write_bytes(b"0123456789")
    with pytest.raises(InspectorError, match="byte 4 holds 34353637"):
        _copy(source, [BytePatch(4, b"abcd", b"efgh")])
    with pytest.raises(InspectorError):
        _copy(source, [BytePatch(100, b"abcd", b"efgh")])
    assert [p.name for p in tmp_path.iterdir()] == ["vm"]


@pytest.mark.parametrize("kind", ["file", "dangling link", "link to the original", "hard link", "folder"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / "vm", tmp_path / "copy"
    source.write_bytes(b"original")
    if kind == "file":
        target.write_bytes(b"precious")
    elif kind == "dangling link":
        target.symlink_to(tmp_path / "elsewhere")
    elif kind == "link to the original":
        target.symlink_to(source)
    elif kind == "hard link":
        target.hardlink_to(source)
    else:
        target.mkdir()
    with pytest.raises(InspectorError, match="exists already"):
        _copy(source, [])
    assert source.read_bytes() == b"original"
    assert not (tmp_path / "elsewhere").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"vm", "copy"}


def test_a_name_that_is_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with pytest.raises(InspectorError, match="exists already"), new_file(str(target), ANY) as temporary:
        temporary.write_bytes(b"new")
        target.write_bytes(b"precious")
    assert target.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "O_TMPFILE", 0)
    target = tmp_path / "copy"
    with new_file(str(target), ANY) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["copy"]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_file(str(tmp_path / "copy"), ANY):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_the_original(tmp_path: Path) -> None:
    source = tmp_path / "vm"
    source.write_bytes(b"secret")
    source.chmod(0o600)
    with new_file(str(tmp_path / "copy"), regular_file(source)):
        pass
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "missing/copy", "/"])
def test_a_target_that_cannot_be_made_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InspectorError) as caught, new_file(str(tmp_path / name) if name != "/" else "/", ANY):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_that_of_the_original(tmp_path: Path) -> None:
    source = tmp_path / "vm"
    source.write_bytes(b"secret")
    source.chmod(0o640)
    os.chown(source, 64055, 64056)
    with new_file(str(tmp_path / "copy"), regular_file(source)) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    status = (tmp_path / "copy").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (64055, 64056, 0o640)


def test_another_group_gets_no_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the group cannot be kept, the permissions of the group are not given to another one."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    source = tmp_path / "vm"
    source.write_bytes(b"secret")
    source.chmod(0o664)
    like = os.stat_result((*source.stat()[:5], 64056, *source.stat()[6:]))
    monkeypatch.setattr(os, "fchown", refuse)
    with new_file(str(tmp_path / "copy"), like):
        pass
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o604


def test_a_read_only_original_can_be_copied(tmp_path: Path) -> None:
    source = tmp_path / "vm"
    source.write_bytes(b"0123456789")
    source.chmod(0o400)
    target = _copy(source, [BytePatch(2, b"23", b"xy")])
    assert target.read_bytes() == b"01xy456789" and stat.S_IMODE(target.stat().st_mode) == 0o400


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from inspector.new_file import new_file
with new_file(sys.argv[1], Path(sys.executable).stat()) as temporary:
    temporary.write_bytes(b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_not_even_a_killed_process_leaves_a_part(tmp_path: Path) -> None:
    try:
        os.close(os.open(tmp_path, os.O_TMPFILE | os.O_RDWR))
    except OSError:
        pytest.skip("this file system has no unnamed files")
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, str(tmp_path / "copy")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("unnamed", [True, False])
@pytest.mark.parametrize("layer", ["", "gzip", "bzip2", "xz", "zstd"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: str, unnamed: bool
) -> None:
    """A limit on the size of files stands for the disk: writing ends with an error after 20000 bytes."""
    if not unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", 0)
    data = os.urandom(300_000)
    source = tmp_path / "vm"
    source.write_bytes(PACKERS[layer](data))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(InspectorError, match="cannot be written: File too large") as caught:
            _copy(source, [BytePatch(8, data[8:16], b"NEWVALUE")], (layer,) if layer else ())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert [one.name for one in tmp_path.iterdir()] == ["vm"]


def test_nothing_can_be_written_in_a_folder_that_is_not_writable(tmp_path: Path) -> None:
    with pytest.raises(InspectorError, match="cannot be written"), new_file("/proc/copy", ANY):
        pass


@pytest.mark.parametrize("layer", ["", "xz"])
def test_patches_are_tried_without_writing(tmp_path: Path, layer: str) -> None:
    data = os.urandom(5000)
    source = tmp_path / "vm"
    source.write_bytes(PACKERS[layer](data))
    layers = (layer,) if layer else ()
    check_patches(source, [BytePatch(4000, data[4000:4008], b"NEWVALUE")], layers)
    with pytest.raises(InspectorError, match="read before"):
        check_patches(source, [BytePatch(4000, b"12345678", b"NEWVALUE")], layers)


@pytest.mark.parametrize(("layer", "library"), [("lz4", "lz4.frame"), ("lzop", "lzo")])
def test_compressions_that_need_a_library(tmp_path: Path, layer: str, library: str) -> None:
    """Both ways with the library that the reader needs anyway."""
    module = pytest.importorskip(library)
    data = os.urandom(300_000) + bytes(400_000)
    source = tmp_path / "vm"
    if layer == "lz4":
        source.write_bytes(module.compress(data))
    else:
        with source.open("wb") as out, LzopWriter(out) as writer:
            writer.write(data)
    target = _copy(source, [BytePatch(299_990, data[299_990:299_998], b"NEWVALUE")], (layer,))
    with target.open("rb") as raw:
        assert decompress(raw, layer, "copy").read() == data[:299_990] + b"NEWVALUE" + data[299_998:]


PLACES = (0, 1_048_572, 2_999_992)


def _plain_copy(folder: Path) -> tuple[bytes, bytes]:
    """What a copy of three megabytes with three values replaced holds, and what it should."""
    data = os.urandom(3_000_000)
    (folder / "vm").write_bytes(data)
    patches = [BytePatch(at, data[at : at + 8], b"NEWVALUE") for at in PLACES]
    return _copy(folder / "vm", patches).read_bytes(), _applied(data, patches)


def test_a_plain_copy_takes_no_bytes_through_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    pread = os.pread

    def counted(file: int, count: int, at: int) -> bytes:
        taken.append(count)
        return pread(file, count, at)

    monkeypatch.setattr(os, "pread", counted)
    copied, wanted = _plain_copy(tmp_path)
    assert copied == wanted
    assert taken == [8, 8, 8], "the values that are replaced, to see that they are what was read"


@pytest.mark.parametrize("cannot", ["EXDEV", "EINVAL", "ENOSYS", "EOPNOTSUPP"])
@pytest.mark.parametrize("after", [0, 1])
def test_where_the_kernel_cannot_copy_the_program_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cannot: str, after: int
) -> None:
    """At once, or behind a first piece."""
    calls: list[int] = []
    real = os.copy_file_range

    def copy(source: int, target: int, count: int, *places: int) -> int:
        calls.append(count)
        if len(calls) > after:
            raise OSError(getattr(errno, cannot), cannot)
        return real(source, target, 1_000_001, *places)

    monkeypatch.setattr(os, "copy_file_range", copy)
    copied, wanted = _plain_copy(tmp_path)
    assert copied == wanted
    assert len(calls) == after + 1


@pytest.fixture
def straight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pieces of a megabyte go to the disk past the page cache; where each was written."""
    if not os.major(tmp_path.stat().st_dev):
        pytest.skip("this file system has no disk of its own")
    places: list[int] = []
    real = os.pwrite

    def write(file: int, data: bytes, at: int) -> int:
        if len(data) == 1 << 20:
            assert fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DIRECT
            places.append(at)
        return real(file, data, at)

    monkeypatch.setattr(copying, "_DIRECT", 1 << 20)
    monkeypatch.setattr(os, "pwrite", write)
    return places


def test_whole_pieces_go_past_the_page_cache(tmp_path: Path, straight: list[int]) -> None:
    copied, wanted = _plain_copy(tmp_path)
    assert copied == wanted
    assert straight == [0, 1 << 20], "what is less than a piece goes another way"


def test_holes_stay_holes_past_the_page_cache(tmp_path: Path, straight: list[int]) -> None:
    data, source = os.urandom(3 << 20), tmp_path / "vm"
    with source.open("wb") as file:
        file.write(data)
        file.seek(64 << 20)
        file.write(data)
    target = _copy(source, [BytePatch(5, data[5:13], b"NEWVALUE")])
    assert target.stat().st_blocks == source.stat().st_blocks
    assert target.read_bytes() == _applied(source.read_bytes(), [BytePatch(5, data[5:13], b"NEWVALUE")])
    assert straight == [n << 20 for n in (0, 1, 2, 64, 65, 66)]


@pytest.mark.parametrize("after", [0, 1])
def test_what_a_file_system_does_not_write_straight_goes_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: list[int], after: int
) -> None:
    """One with larger blocks, or that writes a part of what it is given."""
    real = os.pwrite

    def write(file: int, data: bytes, at: int) -> int:
        if len(data) < 1 << 20 or len(straight) < after:
            return real(file, data, at)
        if not after:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(file, data[: 100 * 4096], at)

    monkeypatch.setattr(os, "pwrite", write)
    copied, wanted = _plain_copy(tmp_path)
    assert copied == wanted
    assert len(straight) == after


@pytest.mark.parametrize("when", ["mapped", "not yet mapped"])
def test_a_file_that_is_cut_off_under_the_copy_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: list[int], when: str
) -> None:
    """The pages that the disk is to take are gone: an answer, not a signal (SIGBUS) that ends the program."""
    source = tmp_path / "vm"
    source.write_bytes(os.urandom(5 << 20))
    real = os.pwrite

    def write(file: int, data: bytes, at: int) -> int:
        if at == 1 << 20:
            os.truncate(source, (1 << 20 if when == "mapped" else 2 << 20) + 5)
        return real(file, data, at)

    monkeypatch.setattr(os, "pwrite", write)
    with pytest.raises(InspectorError, match="changed while it was copied"):
        _copy(source, [])
    assert straight[:2] == [0, 1 << 20]
    assert [path.name for path in tmp_path.iterdir()] == ["vm"]


@pytest.mark.parametrize("layer", ["", "gzip"])
@pytest.mark.parametrize("change", ["written to", "made shorter", "made longer"])
def test_a_file_that_changes_while_it_is_copied_gets_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, layer: str
) -> None:
    """A VM that still runs may save over it: the halves of the copy would be of two times."""
    source, data = tmp_path / "vm", os.urandom(3_000_000)
    source.write_bytes(PACKERS[layer](data))
    os.utime(source, (1, 1))
    how = "_pour" if layer else "_copy_range"
    copy = getattr(copying, how)

    def meanwhile(*given: object) -> None:
        if change != "made shorter":
            copy(*given)
        with source.open("r+b") as file:
            if change == "written to":
                file.write(data[:1])
            else:
                os.truncate(file.fileno(), 2_000_000 if change == "made shorter" else 4_000_000)
        if change == "made shorter":
            copy(*given)

    monkeypatch.setattr(copying, how, meanwhile)
    with pytest.raises(InspectorError):
        _copy(source, [], (layer,) if layer else ())
    assert [path.name for path in tmp_path.iterdir()] == ["vm"]


def test_a_full_disk_is_no_reason_to_copy_in_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises((OSError, InspectorError), match="No space left"):
        _plain_copy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["vm"]


def test_a_file_system_that_shares_blocks_copies_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """btrfs and XFS; here stood in for."""

    def clone(target: int, _: int, source: int) -> int:
        os.pwrite(target, os.pread(source, 1 << 22, 0), 0)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", clone)
    monkeypatch.setattr(os, "copy_file_range", None)
    copied, wanted = _plain_copy(tmp_path)
    assert copied == wanted
