"""What a user may call a kernel, and what is said of files that are none."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from inspector.errors import SourceError
from inspector.lab.initramfs import newc
from inspector.lab.kernels import configuration, image_of, missing

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


@pytest.mark.parametrize("compress", ["xz", "gz", "bz2", "zst"])
def test_a_debian_package_gives_its_kernel_and_keeps_it(compress: str, tmp_path: Path) -> None:
    package = tmp_path / "linux-image.deb"
    package.write_bytes(deb("./boot/vmlinuz-6.99.0-arm64", image(CONFIG), compress))
    found = image_of(str(package), tmp_path / "cache")
    assert found.read_bytes() == image(CONFIG)
    assert image_of(str(package), tmp_path / "cache") == found
    assert missing(found) == ("a console on the PL011 serial port (CONFIG_SERIAL_AMBA_PL011_CONSOLE=y)",)


def test_an_rpm_package_gives_its_kernel(tmp_path: Path) -> None:
    package = tmp_path / "kernel-core.rpm"
    package.write_bytes(rpm("./lib/modules/6.99.0-1.fc99.aarch64/vmlinuz", zboot(CONFIG + PL011)))
    found = image_of(str(package), tmp_path / "cache")
    assert configuration(found)["CONFIG_KVM"] == "y"
    assert missing(found) == ()


@pytest.mark.parametrize(
    ("kind", "compress"),
    [
        ("gzip", gzip.compress),
        ("zstd22", by_zstd),
        ("xzkern", lzma.compress),
        ("lzma", lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)),
    ],
    ids=["gzip", "zstd", "xz", "lzma"],
)
def test_a_zboot_image_is_unpacked_and_kept(kind: str, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    boot = tmp_path / "arch/arm64/boot"
    boot.mkdir(parents=True)
    (boot / "vmlinuz.efi").write_bytes(zboot(CONFIG + PL011, kind=kind.encode(), compress=compress))
    for named in (tmp_path, boot / "vmlinuz.efi"):
        assert image_of(str(named), tmp_path / "cache").read_bytes() == image(CONFIG + PL011)
    (kept,) = (tmp_path / "cache/images").iterdir()
    assert missing(kept) == ()


@pytest.mark.parametrize("name", ["Image", "Image.gz"])
def test_a_built_tree_and_a_file_are_taken_as_they_are(name: str, tmp_path: Path) -> None:
    boot = tmp_path / "arch/arm64/boot"
    boot.mkdir(parents=True)
    data = image(CONFIG.replace("CONFIG_KVM=y\n", "# CONFIG_KVM is not set\n") + PL011)
    (boot / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert image_of(str(tmp_path), tmp_path) == boot / name == image_of(str(boot / name), tmp_path)
    assert missing(boot / name) == ("KVM (CONFIG_KVM=y)",)


def test_a_kernel_without_its_configuration_is_tried_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "Image").write_bytes(image())
    assert missing(tmp_path / "Image") == ()


DAMAGED = {
    "text": (b"hello", "is no arm64 kernel"),
    "x86": (bytes(514) + b"HdrS" + bytes(3600), "is an x86 kernel"),
    "cut gzip": (b"\x1f\x8b\x08", "is no arm64 kernel"),
    "empty": (b"", "is no arm64 kernel"),
    "eight bytes of a zboot": (zboot(CONFIG)[:8], "is no arm64 kernel"),
    "zboot without PE header": (zboot(CONFIG)[:64], "is no arm64 kernel"),
    "zboot of RISC-V": (zboot(CONFIG, b"\x64\x50"), "is no arm64 kernel"),
    "zboot without its body": (zboot(CONFIG)[:72], "is damaged, or compressed otherwise than by gzip"),
    "cut zboot": (zboot(CONFIG)[:-20], "is damaged, or compressed otherwise than by gzip"),
    "zboot by lzo": (zboot(CONFIG, kind=b"lzo"), "is damaged, or compressed otherwise than by gzip"),
    "zboot of something else": (zboot(CONFIG, kind=b"gzip"), "is damaged, or compressed otherwise than by gzip"),
    "empty deb": (b"!<arch>\n", "holds no kernel image"),
    "odd deb": (b"!<arch>\n" + b"data.tar.xz".ljust(48) + b"what      `\n", "cannot be unpacked"),
    "backwards deb": (b"!<arch>\n" + b"debian-binary".ljust(48) + b"-60       `\n", "cannot be unpacked"),
    "odd gzip": (b"\x1f\x8b" + bytes(range(100)), "is no arm64 kernel"),
    "deb without": (deb("./usr/bin/x", b"x", "xz"), "holds no kernel image"),
    "deb of x86": (deb("./boot/vmlinuz-1", b"MZ but of another kind", "xz"), "is no arm64 kernel"),
    "cut deb": (deb("./boot/vmlinuz-1", image(), "xz")[:-40], "cannot be unpacked"),
    "odd rpm": (b"\xed\xab\xee\xdb" + bytes(200), "cannot be unpacked"),
    "rpm without": (rpm("./etc/x", b"x"), "holds no kernel image"),
}


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(image(CONFIG))[:40] + bytes(4096),
        image(CONFIG)[:4120] + bytes(500),
    ],
    ids=["damaged gzip", "damaged configuration"],
)
def test_a_damaged_image_has_no_configuration(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "Image").write_bytes(data)
    assert set(configuration(tmp_path / "Image")) <= {"CONFIG_KVM", "CONFIG_VIRTUALIZATION"}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_kernel_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, wanted = DAMAGED[name]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(SourceError) as caught:
        image_of(str(tmp_path / "file"), tmp_path / "cache")
    assert wanted in str(caught.value)


def test_a_missing_file_and_a_tree_that_was_not_built_are_refused(tmp_path: Path) -> None:
    for named, wanted in ((tmp_path / "none", "cannot be read"), (tmp_path, "arch/arm64/boot/Image")):
        with pytest.raises(SourceError) as caught:
            image_of(str(named), tmp_path)
        assert wanted in str(caught.value)
