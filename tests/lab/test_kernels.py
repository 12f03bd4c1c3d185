"""What a user may call a kernel, and what is said of files that are none."""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.lab.kernels import check_whole, configuration, image_of, missing
from tests.lab.packages import CONFIG, PL011, by_zstd, deb, image, rpm, zboot
from tests.material import files


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


@pytest.mark.parametrize("package", files("packages", "*.rpm"), ids=lambda path: path.stem)
def test_a_package_that_rpmbuild_made_gives_its_kernel(package: Path, tmp_path: Path) -> None:
    """In it are a text and a symbolic link as well; each is compressed in one of rpm's ways."""
    found = image_of(str(package), tmp_path)
    assert found.read_bytes()[:4096] == image()
    assert configuration(found)["CONFIG_KVM"] == "y" and missing(found) == ()


@pytest.mark.parametrize("length", [0, 90, 500, 2000, 5000])
def test_a_cut_package_of_rpmbuild_is_refused_in_one_line(length: int, tmp_path: Path) -> None:
    (tmp_path / "cut.rpm").write_bytes(files("packages", "*-zstd.rpm")[0].read_bytes()[:length])
    with pytest.raises(SourceError) as caught:
        image_of(str(tmp_path / "cut.rpm"), tmp_path)
    assert "\n" not in str(caught.value)


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


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["Image", "Image.gz"])
def test_a_kernel_that_is_cut_off_is_said_to_be(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """It would be booted for minutes; its PE header tells how long it is, and a signature may follow."""
    rows = b"".join(struct.pack("<16x2I16x", *row) for row in ((0x1000, 0x400), (0x200, 0x1400), (0, 0)))
    head = image()[:60] + struct.pack("<I", 64) + b"PE\0\0\x64\xaa" + struct.pack("<H12x2H", 3, 8, 0) + bytes(8) + rows
    whole = head.ljust(0x1600, b"x")
    for data in (whole, whole + b"signature"):
        (tmp_path / "Image").write_bytes(compress(data))
        check_whole(tmp_path / "Image")
    (tmp_path / "Image").write_bytes(compress(whole[:-1]))
    with pytest.raises(SourceError, match="is cut off: 1 of its 5,632 bytes are not there"):
        check_whole(tmp_path / "Image")
    (tmp_path / "Image").write_bytes(compress(whole)[:-1])
    with pytest.raises(SourceError, match="is cut off"):
        check_whole(tmp_path / "Image")
    (tmp_path / "Image").write_bytes(compress(head[:100]))
    check_whole(tmp_path / "Image")  # nothing is known of it
    (tmp_path / "Image").write_bytes(compress(image()))
    check_whole(tmp_path / "Image")


@pytest.mark.parametrize(("size", "doubted"), [(0x1000, True), (0x3F00, False), (0x5000, False)])
def test_a_kernel_without_a_pe_header_may_be_cut_off(size: int, doubted: bool, tmp_path: Path) -> None:
    """Nothing but its size in memory says so, which counts what no file holds."""
    head = image()[:16] + struct.pack("<Q", 0x4000) + image()[24:60]
    (tmp_path / "Image").write_bytes(head.ljust(size, b"\0"))
    said = check_whole(tmp_path / "Image")
    assert said == (
        "Image holds 4,096 bytes of a kernel that takes 16,384: if it says nothing, it is cut off" * doubted
    )


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
    "cut deb": (deb("./boot/vmlinuz-1", image(), "xz")[:-40], "xz data ends early"),
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
