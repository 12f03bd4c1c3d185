"""Get arm64 packages through this machine's own apt: kernels of Debian, and the Python that runs in the lab's guests.

Nothing is installed. apt runs with lists, state and archives of its own, from the Debian mirror that this machine
already uses and with its keys; packages are only unpacked, and never run here but under an emulator.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from inspector.errors import SourceError
from inspector.new_file import write_whole

GUEST_SUITE = "bookworm"
GUEST_PACKAGES = (
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libexpat1", "zlib1g", "libssl3",
    "libffi8", "libbz2-1.0", "liblzma5",
)  # fmt: skip
KERNEL_SUITES = ("bullseye", "bookworm", "trixie", "trixie-backports", "sid", "experimental")
KERNEL_SECURITY = ("bullseye-security", "bookworm-security", "trixie-security")
META = "linux-image-cloud-arm64"
EMULATOR = "qemu-system-aarch64"
EMULATOR_PACKAGE = "qemu-system-arm"
EMULATOR_VERSION = 9
"""Older releases of QEMU lack the CPU model neoverse-n2."""


class FetchError(SourceError):
    """Something cannot be fetched on this machine; one line says what."""


class Stamp:
    """What a folder holds of fetched things, in its `stamp.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "stamp.json"
        self.have: dict[str, str | dict[str, list[str]]] = {}
        with contextlib.suppress(OSError, msgspec.MsgspecError, ValueError):  # there is none, or one of another making
            self.have = msgspec.json.decode(self._path.read_bytes(), type=dict[str, str | dict[str, list[str]]])

    @property
    def kernels(self) -> dict[str, list[str]]:
        """Series -> [package, version]."""
        known = self.have.get("kernels", {})
        named = known.items() if isinstance(known, dict) else ()
        return {name: about for name, about in named if len(about) == 2 and self.image(name).exists()}

    def image(self, series: str) -> Path:
        """Where the kernel of a series lies."""
        return self.folder / f"vmlinuz-{series}"

    def done(self, key: str, value: str | dict[str, list[str]]) -> None:
        """Note something that is complete."""
        self.have[key] = value
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(str(self._path), json.dumps(self.have, indent=1).encode(), force=True)


class Kernel(NamedTuple):
    """One fetched kernel."""

    series: str
    image: Path
    package: str
    version: str


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
            print(f"some package lists are missing: {error}", file=sys.stderr)

    def download(self, *packages: str) -> list[Path]:
        """Package files by name (`name`, `name=version` or `name/suite`), in one go: apt reads its lists each time."""
        before = set(self.archives.glob("*.deb"))
        done = subprocess.run(
            ["apt-get", "download", "-qq", *packages], cwd=self.archives, capture_output=True, text=True, timeout=1200,
            env={**os.environ, "APT_CONFIG": str(self.config), "LC_ALL": "C"}, check=False,
        )  # fmt: skip
        return [self._downloaded(package, before, done) for package in packages]

    def _downloaded(self, package: str, before: set[Path], done: subprocess.CompletedProcess[str]) -> Path:
        """The newest file of a package; FetchError where there is none."""
        found = self.archives.glob(f"{re.split('[=/:]', package)[0]}_*.deb")
        after = sorted(found, key=lambda path: (path not in before, path.stat().st_mtime))
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


def numbers(version: str) -> tuple[int, ...]:
    """A sort key for kernel package versions: `7.3.4-1~bpo13+1` is newer than `7.3~rc7-1`."""
    upstream = version.split("-", maxsplit=1)[0]
    main, candidate, _ = upstream.partition("~")
    return (*map(int, re.findall(r"[0-9]+", main)), -1 if candidate else 0)


def kernel_candidates(apt: Apt, series: str) -> list[tuple[str, str]]:
    """(version, image package) of a series, newest first."""
    versions = {line.split("|")[1].strip() for line in apt("apt-cache", "madison", META).splitlines() if "|" in line}
    chosen = [v for v in versions if series == "newest" or re.match(re.escape(series) + r"[.~-]", v)]
    found = []
    for version in sorted(chosen, key=numbers, reverse=True):
        text = apt("apt-cache", "show", f"{META}={version}")
        image = re.search(r"^Depends:.*?\b(linux-image-[0-9]\S*-cloud-arm64)\b", text, re.M)
        if image:
            found.append((version, image[1]))
    return found


def guest_apt(folder: Path) -> Apt:
    """apt for arm64 packages of every Debian release that has kernels, from this machine's mirror."""
    _, archive, security = mirrors()
    wanted = [(suite, archive) for suite in KERNEL_SUITES]
    wanted += [(suite, security) for suite in KERNEL_SECURITY if security]
    apt = Apt(folder / "apt-guest", wanted, "arm64", None)
    apt.update()
    return apt


def fetch_guest(apt: Apt, stamp: Stamp) -> None:
    """The Python that runs in guests, unpacked below `guest`."""
    for deb in apt.download(*(f"{package}/{GUEST_SUITE}" for package in GUEST_PACKAGES)):
        unpack(deb, stamp.folder / "guest")
    stamp.done("guest", GUEST_SUITE)


def fetch_kernel(apt: Apt, series: str, stamp: Stamp) -> Kernel:
    """The newest kernel of a series that the mirror really has; newer packages keep the image in linux-binary-*."""
    into = stamp.folder
    reasons = []
    for version, package in kernel_candidates(apt, series):
        for name in (package.replace("linux-image-", "linux-binary-"), package):
            try:
                (deb,) = apt.download(f"{name}={version}")
            except FetchError as error:
                reasons.append(str(error))
                continue
            tree = into / "tree"
            shutil.rmtree(tree, ignore_errors=True)
            unpack(deb, tree)
            images = sorted([*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")])
            deb.unlink()
            if images:
                image = stamp.image(series)
                images[0].replace(image)
                shutil.rmtree(tree)
                stamp.done("kernels", {**stamp.kernels, series: [name, version]})
                return Kernel(series, image, name, version)
            shutil.rmtree(tree)
    raise FetchError(f"no arm64 kernel {series}: {reasons[-1] if reasons else 'no such package'}")


def on_path(name: str, least: int) -> Path | None:
    """An installed program of at least that major version."""
    found = shutil.which(name)
    if not found:
        return None
    version = re.search(r"version ([0-9]+)", run([found, "--version"]))
    return Path(found) if version and int(version[1]) >= least else None
