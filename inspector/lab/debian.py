"""Get arm64 packages through this machine's own apt: kernels of Debian, and the Python that runs in the lab's guests.

Nothing is installed. apt runs with lists, state and archives of its own, from the Debian mirror that this machine
already uses and with its keys; packages are only unpacked, and never run here but under an emulator.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
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
ROOM = 512 << 20
"""Bytes that lists of packages, packages and what is unpacked of them may take: apt waits for ever on a full disk."""
_FRESH = 600.0
"""Seconds for which lists of packages are taken as they are: one question may need several packages."""
Say = Callable[[str], object]
"""gets the progress"""


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


def run(command: Sequence[str], cwd: Path | None = None, patience: float = 1200, **environment: str) -> str:
    """Standard output of a command; FetchError, within `patience` seconds, with what it said when it fails.

    That is its last line, or the first one about something that could not be fetched.
    """
    try:
        done = subprocess.run(
            command, env={**os.environ, **environment}, cwd=cwd, capture_output=True, text=True, errors="replace",
            timeout=patience, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise FetchError(f"{' '.join(command[:2])} did not end within {patience:g} s") from None
    except OSError as error:
        raise FetchError(f"{command[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        cause = next((line for line in said if "Failed to fetch" in line), said[-1])
        raise FetchError(f"{' '.join(command[:2])}: {cause}")
    return done.stdout


@contextlib.contextmanager
def alone(folder: Path, say: Say) -> Iterator[Stamp]:
    """What `folder` holds, while no other program fetches into it; one that does is waited for, which `say` tells.

    Raises FetchError where nothing can be written, or where there is no room.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / ".fetching").open("w", encoding="utf-8")
    except OSError as error:
        raise FetchError(f"{folder} cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another program fetches: it is waited for")
            fcntl.flock(lock, fcntl.LOCK_EX)
        free = shutil.disk_usage(folder).free
        if free < ROOM:
            raise FetchError(f"{folder} has {free >> 20} MiB of room, {ROOM >> 20} are needed")
        yield Stamp(folder)


def mirrors() -> tuple[str, str, str]:
    """(codename, archive, security archive) of the Debian release that this machine runs, as apt is set up here.

    Raises FetchError where that is not Debian, or has no apt.
    """
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
        self, folder: Path, sources: Iterable[tuple[str, str]], architecture: str, status: Path | None, say: Say
    ) -> None:
        self.say = say
        self._missing = ""
        """why some lists of packages are not there, or old; empty where all are as the mirror has them"""
        shutil.rmtree(folder / "tmp", ignore_errors=True)  # what an apt that was killed left
        for part in ("lists/partial", "archives/partial", "etc", "tmp"):
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

    def __call__(self, *command: str, cwd: Path | None = None) -> str:
        """Run one command of apt with this configuration."""
        return run(command, cwd, APT_CONFIG=str(self.config), LC_ALL="C", TMPDIR=str(self.config.parent / "tmp"))

    def update(self) -> None:
        """Fetch the lists. A suite that the mirror no longer has is passed over, and so is a mirror that is silent."""
        fetched = self.archives.parent / "fetched"
        if fetched.exists() and time.time() - fetched.stat().st_mtime < _FRESH:
            return
        self.say("fetching lists of packages")
        try:
            self("apt-get", "update", "-qq", "-o", "APT::Update::Error-Mode=any")
            fetched.touch()
        except FetchError as error:
            self._missing = f"; lists of packages are missing: {error.what}"

    def refusal(self, what: str) -> FetchError:
        """An error for what was not found, which says too when that may be for lack of a list."""
        return FetchError(f"{what}{self._missing}")

    def download(self, *packages: str) -> list[Path]:
        """Package files by name (`name`, `name=version` or `name/suite`), in one go: apt reads its lists each time."""
        self.say(f"fetching {packages[0]}" + f" and {len(packages) - 1} more packages" * (len(packages) > 1))
        before = set(self.archives.glob("*.deb"))
        try:
            self("apt-get", "download", "-qq", *packages, cwd=self.archives)
        except FetchError as error:
            raise self.refusal(error.what) from None
        return [self._downloaded(package, before) for package in packages]

    def _downloaded(self, package: str, before: set[Path]) -> Path:
        """The newest file of a package; FetchError where there is none."""
        found = self.archives.glob(f"{re.split('[=/:]', package)[0]}_*.deb")
        after = sorted(found, key=lambda path: (path not in before, path.stat().st_mtime))
        if not after:
            raise self.refusal(f"{package}: not found")
        return after[-1]


def unpack(package: Path, root: Path, *only: str) -> None:
    """Unpack a package file, or only the named members of it (`./usr/bin/x`). Raises FetchError."""
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
        image = re.search(r"^Depends:.*?\b(linux-image-[0-9]\S{0,100}-cloud-arm64)\b", text, re.M)
        if image:
            found.append((version, image[1]))
    return found


def guest_apt(folder: Path, say: Say) -> Apt:
    """apt for arm64 packages of every Debian release that has kernels, from this machine's mirror.

    To be called inside of `alone`: apt's own locks are left out.
    """
    _, archive, security = mirrors()
    wanted = [(suite, archive) for suite in KERNEL_SUITES]
    wanted += [(suite, security) for suite in KERNEL_SECURITY if security]
    apt = Apt(folder / "apt-guest", wanted, "arm64", None, say)
    apt.update()
    return apt


def fetch_guest(apt: Apt, stamp: Stamp) -> None:
    """The Python that runs in guests, unpacked below `guest`."""
    for deb in apt.download(*(f"{package}/{GUEST_SUITE}" for package in GUEST_PACKAGES)):
        unpack(deb, stamp.folder / "guest")
        deb.unlink()
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
            try:
                unpack(deb, tree)
                images = sorted([*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")])
                if images:
                    image = stamp.image(series)
                    images[0].replace(image)
                    stamp.done("kernels", {**stamp.kernels, series: [name, version]})
                    return Kernel(series, image, name, version)
            finally:
                deb.unlink(missing_ok=True)
                shutil.rmtree(tree, ignore_errors=True)
    raise apt.refusal(f"no arm64 kernel {series}: {reasons[-1] if reasons else 'no such package'}")


@lru_cache(maxsize=8)
def version_of(program: Path) -> str:
    """The first line of `--version`; empty for a program that does not run."""
    try:
        return run([str(program), "--version"], patience=30).partition("\n")[0]
    except FetchError:
        return ""


def on_path(name: str, least: int) -> Path | None:
    """An installed program of at least that major version."""
    found = shutil.which(name)
    version = re.search(r"version ([0-9]+)", version_of(Path(found))) if found else None
    return Path(found) if found and version and int(version[1]) >= least else None
