"""Fetch what the emulated tests need, by package name through apt: `python -m tests.emulated.fetch [SERIES ...]`.

Everything goes into a folder outside the checkout: $VCPU_INSPECTOR_TEST_CACHE, or `vcpu-inspector-tests` in the user's
cache folder. apt runs with lists, state and archives of its own, from the Debian mirror that this machine already uses;
nothing is installed. Packages of Debian's arm64 port are only unpacked, never run here but under an emulator.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

SERIES = ("5.10", "6.1", "6.12", "newest")
GUEST_SUITE = "bookworm"
GUEST_PACKAGES = (
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libexpat1", "zlib1g", "libssl3",
    "libffi8", "libbz2-1.0", "liblzma5",
)  # fmt: skip
KERNEL_SUITES = ("bullseye", "bookworm", "trixie", "trixie-backports", "sid", "experimental")
KERNEL_SECURITY = ("bullseye-security", "bookworm-security", "trixie-security")
META = "linux-image-cloud-arm64"
PARTS = ("guest", "guest-qemu", "host", "tools")
"""What is fetched beside the kernels."""
TOOLS = ("qemu-utils", "qemu-system-arm", "lzop", "libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients")
"""qemu-img, lzop, and libvirt's daemon and virsh with the QEMU of their own release."""
EMULATOR_VERSION = 9
"""Older releases of QEMU lack the CPU model neoverse-n2."""
GUEST_QEMU = "qemu-system-arm"
"""QEMU of the guest itself, which runs a VM under the guest's KVM."""
HOST_PACKAGES = {"system": "qemu-system-arm", "user": "qemu-user", "sshd": "openssh-server", "names": "libnss-wrapper"}


class FetchError(Exception):
    """Something cannot be fetched on this machine; one line says what."""


class Kernel(NamedTuple):
    """One fetched kernel."""

    series: str
    image: Path
    package: str
    version: str


def cache() -> Path:
    """The folder that holds everything fetched."""
    given = os.environ.get("VCPU_INSPECTOR_TEST_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vcpu-inspector-tests"


def run(command: Sequence[str], **environment: str) -> str:
    """Standard output of a command; FetchError with its last line when it fails."""
    try:
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchError(f"{command[0]}: {error}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise FetchError(f"{' '.join(command[:3])}: {said[-1]}")
    return done.stdout


def mirrors() -> tuple[str, str, str]:
    """(codename, archive, security archive) of the Debian release that this machine runs, as apt is set up here."""
    try:
        release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(encoding="utf-8"), re.M))
    except OSError as error:
        raise FetchError("this machine has no /etc/os-release; the packages come from Debian's apt") from error
    codename = release.get("VERSION_CODENAME", "")
    if release.get("ID") != "debian" or not codename:
        raise FetchError("this machine does not run Debian; the packages come from Debian's apt")
    sites: dict[str, str] = {}
    for line in run(["apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)"]).splitlines():
        suite, _, site = line.partition(" ")
        sites.setdefault(suite, site)
    archive = sites.get(codename)
    if archive is None:
        raise FetchError(f"apt has no source for {codename}")
    return codename, archive, sites.get(f"{codename}-security", "")


class Apt:
    """apt with private state: `suites` of one architecture, and a package database that may be this machine's."""

    def __init__(
        self, folder: Path, sources: Iterable[tuple[str, str]], architecture: str, status: Path | None
    ) -> None:
        for part in ("lists/partial", "archives/partial", "etc"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        if status is None:
            status = folder / "status"
            status.touch()
        keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        signed = f"[signed-by={keyring} arch={architecture}]" if keyring.exists() else f"[arch={architecture}]"
        entries = "".join(f"deb {signed} {site} {suite} main\n" for suite, site in sources)
        (folder / "etc/sources.list").write_text(entries, encoding="utf-8")
        settings = {
            "Dir::State": folder, "Dir::State::lists": folder / "lists", "Dir::State::status": status,
            "Dir::Cache": folder, "Dir::Cache::archives": folder / "archives",
            "Dir::Etc::sourcelist": folder / "etc/sources.list", "Dir::Etc::sourceparts": folder / "etc/none",
            "Dir::Etc::preferences": folder / "etc/none", "Dir::Etc::preferencesparts": folder / "etc/none",
            "APT::Architecture": architecture, "APT::Sandbox::User": "root", "Acquire::Languages": "none",
            "Debug::NoLocking": "1", "Acquire::Retries": "3",
        }  # fmt: skip
        text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
        self.config = folder / "apt.conf"
        self.config.write_text(f'{text}APT::Architectures {{ "{architecture}"; }};\n', encoding="utf-8")
        self.archives = folder / "archives"

    def __call__(self, *command: str) -> str:
        """Run one command of apt with this configuration."""
        return run(command, APT_CONFIG=str(self.config), LC_ALL="C")

    def update(self) -> None:
        """Fetch the lists. A suite that the mirror no longer has is passed over."""
        try:
            self("apt-get", "update", "-qq")
        except FetchError as error:
            print(f"some package lists are missing: {error}")

    def download(self, package: str) -> Path:
        """One package file by name (`name`, `name=version` or `name/suite`)."""
        name = re.split("[=/:]", package)[0]
        before = set(self.archives.glob(f"{name}_*.deb"))
        done = subprocess.run(
            ["apt-get", "download", "-qq", package], cwd=self.archives, capture_output=True, text=True, timeout=600,
            env={**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}, check=False,
        )  # fmt: skip
        after = sorted(self.archives.glob(f"{name}_*.deb"), key=lambda path: (path not in before, path.stat().st_mtime))
        if done.returncode or not after:
            raise FetchError(f"{package}: {(done.stderr.strip().splitlines() or ['not found'])[-1]}")
        return after[-1]


def unpack(package: Path, root: Path, *only: str) -> None:
    """Unpack a package file, or only the named members of it (`./usr/bin/x`)."""
    root.mkdir(parents=True, exist_ok=True)
    if not only:
        run(["dpkg-deb", "-x", str(package), str(root)])
        return
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as source:
        done = subprocess.run(
            ["tar", "-x", "-C", str(root), *only], stdin=source.stdout, capture_output=True, check=False
        )
    if done.returncode:
        raise FetchError(f"{package.name}: {done.stderr.decode(errors='replace').strip()}")


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


def numbers(version: str) -> tuple[int, ...]:
    """A sort key for kernel package versions: `7.3.4-1~bpo13+1` is newer than `7.3~rc7-1`."""
    upstream = version.split("-", maxsplit=1)[0]
    main, candidate, _ = upstream.partition("~")
    return (*map(int, re.findall(r"\d+", main)), -1 if candidate else 0)


def kernel_candidates(apt: Apt, series: str) -> list[tuple[str, str]]:
    """(version, image package) of a series, newest first."""
    versions = {line.split("|")[1].strip() for line in apt("apt-cache", "madison", META).splitlines() if "|" in line}
    chosen = [v for v in versions if series == "newest" or re.match(re.escape(series) + r"[.~-]", v)]
    found = []
    for version in sorted(chosen, key=numbers, reverse=True):
        text = apt("apt-cache", "show", f"{META}={version}")
        image = re.search(r"^Depends:.*?\b(linux-image-\d\S*-cloud-arm64)\b", text, re.M)
        if image:
            found.append((version, image[1]))
    return found


def fetch_kernel(apt: Apt, series: str, into: Path) -> Kernel:
    """The newest kernel of a series that the mirror really has; newer packages keep the image in linux-binary-*."""
    reasons = []
    for version, package in kernel_candidates(apt, series):
        for name in (package.replace("linux-image-", "linux-binary-"), package):
            try:
                deb = apt.download(f"{name}={version}")
            except FetchError as error:
                reasons.append(str(error))
                continue
            tree = into / "tree"
            shutil.rmtree(tree, ignore_errors=True)
            unpack(deb, tree)
            images = sorted([*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")])
            deb.unlink()
            if images:
                image = into / f"vmlinuz-{series}"
                images[0].replace(image)
                shutil.rmtree(tree)
                return Kernel(series, image, name, version)
            shutil.rmtree(tree)
    raise FetchError(f"no arm64 kernel {series}: {reasons[-1] if reasons else 'no such package'}")


def on_path(name: str, least: int) -> Path | None:
    """An installed program of at least that major version."""
    found = shutil.which(name)
    if not found:
        return None
    version = re.search(r"version (\d+)", run([found, "--version"]))
    return Path(found) if version and int(version[1]) >= least else None


def host_apt(folder: Path, sources: Iterable[tuple[str, str]]) -> Apt:
    """apt with this machine's packages and a state of its own."""
    architecture = run(["dpkg", "--print-architecture"]).strip()
    apt = Apt(folder / "apt-host", sources, architecture, Path("/var/lib/dpkg/status"))
    apt.update()
    return apt


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
    backports = [] if on_path("qemu-system-aarch64", EMULATOR_VERSION) else ["-t", f"{codename}-backports"]
    for package in (HOST_PACKAGES["system"], HOST_PACKAGES["sshd"], HOST_PACKAGES["names"]):
        target = backports if package == HOST_PACKAGES["system"] else []
        apt("apt-get", "install", "-y", "--reinstall", "--download-only", "--no-install-recommends", *target, package)
    for deb in sorted(apt.archives.glob("*.deb")):
        unpack(deb, root)
        deb.unlink()
    user = apt.download(f"{HOST_PACKAGES['user']}/{codename}-backports")
    unpack(user, root, "./usr/bin/qemu-aarch64")
    user.unlink()


def fetch(series: Sequence[str], folder: Path) -> dict[str, object]:
    """Fetch the named kernel series, the guest's Python and the host's programs; what is there already stays."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "stamp.json"
    have = json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {"kernels": {}}
    missing = [name for name in series if name not in have["kernels"]]
    if not missing and set(PARTS) <= have.keys():
        return dict(have)
    codename, archive, security = mirrors()
    wanted = [(suite, archive) for suite in KERNEL_SUITES]
    wanted += [(suite, security) for suite in KERNEL_SECURITY if security]
    apt = Apt(folder / "apt-guest", wanted, "arm64", None)
    apt.update()

    def done(key: str, value: object) -> None:
        have[key] = value
        stamp.write_text(json.dumps(have, indent=1), encoding="utf-8")

    @functools.cache
    def of_host() -> Apt:
        suites = [(suite, archive) for suite in (codename, f"{codename}-updates", f"{codename}-backports")]
        return host_apt(folder, [*suites, *([(f"{codename}-security", security)] if security else [])])

    if "guest" not in have:
        for package in GUEST_PACKAGES:
            unpack(apt.download(f"{package}/{GUEST_SUITE}"), folder / "guest")
        done("guest", GUEST_SUITE)
    if "guest-qemu" not in have:
        fetch_guest_qemu(apt, folder)
        done("guest-qemu", GUEST_SUITE)
    if "host" not in have:
        fetch_host(of_host(), folder, codename)
        done("host", codename)
    if "tools" not in have:
        fetch_tools(of_host(), folder)
        done("tools", codename)
    for name in missing:
        kernel = fetch_kernel(apt, name, folder)
        print(f"{name}: {kernel.package} {kernel.version}", flush=True)
        done("kernels", {**have["kernels"], name: [kernel.package, kernel.version]})
    return dict(have)


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
