"""`explain FILE`: logs as they are kept, and files that are no log."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.zstd import ZstdFile
from tests.commands.running import assert_one_line_error, run

LOG = b"qemu-system-aarch64: Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1000 (is 0)\n"


def _zstd(data: bytes) -> bytes:
    made = io.BytesIO()
    with ZstdFile(made, "w") as file:
        file.write(data)
    return made.getvalue()


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lzma.compress, _zstd, lambda data: gzip.compress(gzip.compress(data))],
    ids=["gzip", "bzip2", "xz", "zstd", "twice"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
def test_a_log_that_was_rotated_is_read(
    pack: Callable[[bytes], bytes], encoding: str, piped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pack(LOG.decode().encode(encoding))
    if piped:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
        done = run("explain")
    else:
        (tmp_path / "vm.log.1.gz").write_bytes(data)
        done = run("explain", str(tmp_path / "vm.log.1.gz"))
    assert done.code == 0 and "refused 1 register: ID_AA64MMFR2_EL1" in done.out


def test_a_log_is_unpacked_a_few_times(tmp_path: Path) -> None:
    data = LOG
    for _ in range(4):
        data = gzip.compress(data)
    (tmp_path / "log").write_bytes(data)
    done = run("explain", str(tmp_path / "log"))
    assert_one_line_error(done)
    assert "unpack it first" in done.err


def test_a_packed_log_that_is_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    later = b"".join(hashlib.sha256(b"%d" % number).hexdigest().encode() + b"\n" for number in range(9000))
    whole = gzip.compress(LOG + later)
    for cut in (whole[: len(whole) // 2], gzip.compress(whole)[: len(whole) // 2]):
        (tmp_path / "log.gz").write_bytes(cut)
        done = run("explain", str(tmp_path / "log.gz"))
        assert done.code == 0 and "refused 1 register: ID_AA64MMFR2_EL1" in done.out
        assert "gzip data ends early" in done.err and "explained is what stands before" in done.err


def test_a_packed_log_of_which_nothing_can_be_read_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(gzip.compress(LOG)[:10])
    done = run("explain", str(tmp_path / "log.gz"))
    assert_one_line_error(done)
    assert "truncated" in done.err


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"QEVM\0\0\0\3", "show FILE"),
        (b"QFI\xfb\0\0\0\3", "show FILE"),
        (b"LibvirtQemudSave", "show FILE"),
        (b"LPKSHHRH\0\0\0\0", "journalctl --file"),
        (b"\x7fELF\2\1\1", "printed"),
        (b"PK\x03\x04\x14\0", "unpack"),
        (b"%PDF-1.7\n", "pdftotext"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (bytes(range(256)) * 40, "no text"),
    ],
    ids=["stream", "qcow2", "libvirt", "journal", "ELF", "zip", "PDF", "PNG", "bytes"],
)
def test_a_file_that_is_no_text_is_called_what_it_is(head: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(head + LOG)
    done = run("explain", str(tmp_path / "file"))
    assert_one_line_error(done)
    assert said in done.err


@pytest.mark.parametrize(
    "before",
    [
        b"\0" * 100_000,
        b"\x1b[2J\x1b[31m\x07\b\r\n" * 20,
        "Straße\n".encode("latin-1"),
        b"\x01\x02" + b"booting ...\n" * 9,
    ],
    ids=["crash", "terminal", "latin", "serial"],
)
def test_a_log_with_other_bytes_in_it_is_one(before: bytes, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(before + LOG)
    assert "refused 1 register: ID_AA64MMFR2_EL1" in run("explain", str(tmp_path / "log")).out
