"""Fetch what the emulated tests need, by package name through apt: `python -m tests.emulated.fetch [SERIES ...]`.

Everything goes into a folder outside the checkout: $VCPU_INSPECTOR_TEST_CACHE, or the lab's own in the user's cache
folder, so that what the tests fetched the lab finds, and the other way about.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from inspector.folders import cache_folder
from inspector.lab.debian import (
    EMULATOR,
    EMULATOR_VERSION,
    GUEST_SUITE,
    Apt,
    FetchError,
    Stamp,
    fetch_guest,
    fetch_kernel,
    guest_apt,
    mirrors,
    on_path,
    run,
    unpack,
)

SERIES = ("5.10", "6.1", "6.12", "newest")
PARTS = ("guest", "guest-qemu", "host", "tools")
"""What is fetched beside the kernels."""
TOOLS = ("qemu-utils", "qemu-system-arm", "lzop", "libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients")
"""qemu-img, lzop, and libvirt's daemon and virsh with the QEMU of their own release."""
GUEST_QEMU = "qemu-system-arm"
"""QEMU of the guest itself, which runs a VM under the guest's KVM."""
HOST_PACKAGES = {"system": "qemu-system-arm", "user": "qemu-user", "sshd": "openssh-server", "names": "libnss-wrapper"}


def cache() -> Path:
    """The folder that holds everything fetched."""
    given = os.environ.get("VCPU_INSPECTOR_TEST_CACHE")
    if given:
        return Path(given)
    return cache_folder()


def needed(library: Path) -> list[str]:
    """Names of the shared libraries that a 64-bit little-endian ELF file needs (DT_NEEDED of its dynamic section)."""
    data = library.read_bytes()
    if data[:6] != b"\x7fELF\2\1":
        return []
    sections, size, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<2H", data, 58)
    table = [struct.unpack_from("<2I4Q2I", data, sections + size * place) for place in range(count)]
    names = []
    for _, kind, _, _, offset, length, link, _ in table:
        if kind == SHT_DYNAMIC:
            texts = table[link][4]
            for tag, value in struct.iter_unpack("<2Q", data[offset : offset + length]):
                if tag == DT_NEEDED:
                    names.append(data[texts + value : data.index(b"\0", texts + value)].decode())
    return names


SHT_DYNAMIC, DT_NEEDED = 6, 1


def with_libraries(tree: Path, program: str, into: Path) -> None:
    """Copy `program` of an unpacked tree and every shared library that it needs, and nothing else."""
    have = {path.name: path for path in tree.rglob("*.so*") if path.parent.name == "aarch64-linux-gnu"}
    waiting = [(tree / program, into / program)]
    done: set[Path] = set()
    while waiting:
        source, target = waiting.pop()
        if target in done:
            continue
        done.add(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        libraries = [have[name] for name in needed(source) if name in have]
        waiting += [(path, into / "usr/lib/aarch64-linux-gnu" / path.name) for path in libraries]


def fetch_guest_qemu(apt: Apt, folder: Path) -> None:
    """The guest's own QEMU, without the graphics, firmware and tools that its package brings."""
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    before = set(apt.archives.glob("*.deb"))
    apt("apt-get", "install", "-y", "--download-only", "--no-install-recommends", "-t", GUEST_SUITE, GUEST_QEMU)
    for deb in sorted(set(apt.archives.glob("*.deb")) - before):
        unpack(deb, tree)
        deb.unlink()
    with_libraries(tree, "usr/bin/qemu-system-aarch64", folder / "guest-qemu")
    shutil.rmtree(tree)


def fetch_tools(apt: Apt, folder: Path) -> None:
    """qemu-img and libvirt with what this machine lacks of what they need, unpacked into a tree of their own.

    Where there is no libvirt, its tests are skipped.
    """
    for left in apt.archives.glob("*.deb"):
        left.unlink()
    for packages in (TOOLS[:3], TOOLS[3:]):
        try:
            apt("apt-get", "install", "-y", "--reinstall", "--download-only", "--no-install-recommends", *packages)
        except FetchError as error:
            print(f"{packages[0]} is missing: {error}")
    for deb in sorted(apt.archives.glob("*.deb")):
        unpack(deb, folder / "tools")
        deb.unlink()


def fetch_host(apt: Apt, folder: Path, codename: str) -> None:
    """QEMU, an SSH server and what they need, unpacked beside this machine's own packages."""
    root = folder / "host"
    backports = [] if on_path(EMULATOR, EMULATOR_VERSION) else ["-t", f"{codename}-backports"]
    for package in (HOST_PACKAGES["system"], HOST_PACKAGES["sshd"], HOST_PACKAGES["names"]):
        target = backports if package == HOST_PACKAGES["system"] else []
        apt("apt-get", "install", "-y", "--reinstall", "--download-only", "--no-install-recommends", *target, package)
    for deb in sorted(apt.archives.glob("*.deb")):
        unpack(deb, root)
        deb.unlink()
    (user,) = apt.download(f"{HOST_PACKAGES['user']}/{codename}-backports")
    unpack(user, root, "./usr/bin/qemu-aarch64")
    user.unlink()


def tell(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


def fetch(series: Sequence[str], folder: Path) -> dict[str, object]:
    """Fetch the named kernel series, the guest's Python and the host's programs; what is there already stays."""
    stamp = Stamp(folder)
    missing = [name for name in series if name not in stamp.kernels]
    if not missing and set(PARTS) <= stamp.have.keys():
        return dict(stamp.have)
    codename, archive, security = mirrors()
    apt = guest_apt(folder, tell)

    @functools.cache
    def of_host() -> Apt:
        suites = [(suite, archive) for suite in (codename, f"{codename}-updates", f"{codename}-backports")]
        suites += [(f"{codename}-security", security)] if security else []
        architecture = run(["dpkg", "--print-architecture"]).strip()
        apt = Apt(folder / "apt-host", suites, architecture, Path("/var/lib/dpkg/status"), tell)
        apt.update()
        return apt

    if "guest" not in stamp.have:
        fetch_guest(apt, stamp)
    if "guest-qemu" not in stamp.have:
        fetch_guest_qemu(apt, folder)
        stamp.done("guest-qemu", GUEST_SUITE)
    if "host" not in stamp.have:
        fetch_host(of_host(), folder, codename)
        stamp.done("host", codename)
    if "tools" not in stamp.have:
        fetch_tools(of_host(), folder)
        stamp.done("tools", codename)
    for name in missing:
        kernel = fetch_kernel(apt, name, stamp)
        print(f"{name}: {kernel.package} {kernel.version}", flush=True)
    return dict(stamp.have)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and tell where; exit code 2 with one line when that is not possible here."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.emulated.fetch", description="Fetch what the emulated tests need."
    )
    parser.add_argument("series", nargs="*", default=SERIES, help=f"kernel series (default: {' '.join(SERIES)})")
    parser.add_argument("--refresh", action="store_true", help="throw away what was fetched before")
    given = parser.parse_args(arguments)
    folder = cache()
    try:
        if given.refresh:
            shutil.rmtree(folder, ignore_errors=True)
        have = fetch(given.series, folder)
    except (FetchError, OSError) as error:
        print(f"cannot fetch the emulated tests' packages: {error}", file=sys.stderr)
        return 2
    print(f"{folder}: {json.dumps(have)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
