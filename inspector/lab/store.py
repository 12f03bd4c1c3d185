"""Saved machines and unpacked kernels, bounded in size, and the list of the machines that run now."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import time
from functools import cache as cached
from pathlib import Path
from typing import NamedTuple

from inspector.errors import SourceError
from inspector.folders import state_folder
from inspector.lab.debian import version_of
from inspector.lab.emulator import Emulator
from inspector.new_file import new_file
from inspector.numbers import is_decimal
from inspector.zstd import CompressionParameter, ZstdFile

MOST = "VCPU_INSPECTOR_LAB_SIZE"
"""Environment variable: MiB that saved machines and unpacked kernels may take together."""
USUAL = 2048
_JUST_USED = 600.0
"""Seconds within which a kernel may be about to be booted: no machine that runs names it yet."""
_ENDING = 10.0
"""Seconds that a killed machine may take to give its memory back."""


def most_bytes() -> int:
    """Bytes that saved machines and unpacked kernels may take. Raises SourceError for a setting that is no number."""
    given = os.environ.get(MOST, "") or str(USUAL)
    if not (is_decimal(given) and len(given) < 9):
        raise SourceError("is not a number of MiB", f"{MOST}={given[:20]}", f"such as {USUAL}; 0 keeps nothing")
    return int(given) << 20


def machine_type(emulator: Emulator) -> str:
    """The versioned machine type of this emulator: `virt` alone would mean another one after an upgrade."""
    words = version_of(emulator.program).split("version ")[-1].split(".")
    return f"virt-{words[0]}.{words[1]}" if len(words) > 1 and is_decimal(words[0]) and is_decimal(words[1]) else "virt"


def key(image: Path, guest: bytes, emulator: Emulator, *rest: object) -> str:
    """The name of a saved machine: a digest of all that it depends on; `guest` is that of its file system."""
    digest = hashlib.sha256(json.dumps([version_of(emulator.program), *map(str, rest)]).encode())
    digest.update(_digest_of(image, image.stat().st_mtime_ns, image.stat().st_size))
    digest.update(guest)
    return digest.hexdigest()[:32]


@cached
def _digest_of(image: Path, _time: int, _size: int) -> bytes:
    with image.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def saved(folder: Path, name: str) -> Path | None:
    """The file of a saved machine, marked as used now; None when there is none."""
    path = folder / "machines" / f"{name}.zst"
    with contextlib.suppress(OSError):  # a folder that can only be read has its use too
        os.utime(path)
    return path if path.exists() else None


def keep(folder: Path, name: str, raw: Path) -> list[str]:
    """Keep a machine that QEMU saved to `raw`; what was not used for longest makes room for it, and is named."""
    if not most_bytes():
        return []
    machines = folder / "machines"
    machines.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept_as = machines / f"{name}.zst"
    workers = min(os.cpu_count() or 1, CompressionParameter.nb_workers.bounds()[1])
    quickly: dict[int, int] = {CompressionParameter.compression_level: 1, CompressionParameter.nb_workers: workers}
    with (
        new_file(str(kept_as), None, replace=True) as new,
        raw.open("rb") as source,
        ZstdFile(new, "wb", options=quickly) as target,
    ):
        shutil.copyfileobj(source, target, 1 << 20)
    return make_room(folder)


def kernel_file(folder: Path, name: str) -> Path:
    """Where a kernel that had to be unpacked is kept; marked as used now, where it is there."""
    path = folder / "images" / name
    with contextlib.suppress(OSError):
        os.utime(path)
    return path


def kernels(folder: Path) -> list[tuple[str, int, float]]:
    """(name, bytes, seconds since its last use) of each unpacked kernel, the newest first."""
    return _rows(_images(folder))


def machines(folder: Path) -> list[tuple[str, int, float]]:
    """(name, bytes, seconds since its last use) of each saved machine, the newest first."""
    return _rows(_saved(folder))


def make_room(folder: Path) -> list[str]:
    """Remove what was not used for longest until machines and kernels are within their bound; what was removed.

    Never a kernel that a machine runs, of this program or of another, nor one that was just unpacked for one.
    """
    room, removed = most_bytes(), []
    _sweep(folder)
    found = {path: about for path in (*_saved(folder), *_images(folder)) if (about := _about(path)) is not None}
    total, runs = sum(about.st_size for about in found.values()), {one.image for one in running()}
    for path, about in sorted(found.items(), key=lambda one: one[1].st_mtime):
        kernel = path.parent.name == "images"
        if total <= room:
            break
        if kernel and (str(path) in runs or time.time() - about.st_mtime < _JUST_USED):
            continue
        with contextlib.suppress(OSError):
            path.unlink()
            total -= about.st_size
            removed.append(f"{'kernel' if kernel else 'saved machine'} {path.stem[:40]}, {about.st_size >> 20} MiB")
    return removed


def _saved(folder: Path) -> list[Path]:
    return list((folder / "machines").glob("*.zst"))


def _images(folder: Path) -> list[Path]:
    return [path for path in (folder / "images").glob("*") if not path.name.startswith(".")]


def _about(path: Path) -> os.stat_result | None:
    """None for a file that another program removed meanwhile."""
    try:
        return path.stat()
    except OSError:
        return None


def _rows(paths: list[Path]) -> list[tuple[str, int, float]]:
    found = [(path.stem, about) for path in paths if (about := _about(path)) is not None]
    rows = [(name, about.st_size, time.time() - about.st_mtime) for name, about in found]
    return sorted(rows, key=lambda row: row[2])


def _sweep(folder: Path) -> None:
    """Remove what programs that were killed had half written (`new_file` names it after its process)."""
    for path in (*(folder / "machines").glob(".*.part"), *(folder / "images").glob(".*.part")):
        owner = path.suffixes[-2][1:] if len(path.suffixes) > 1 else ""
        if is_decimal(owner) and not _started(int(owner)):
            path.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Throw every saved machine away, and every kernel that was unpacked and that no machine runs."""
    runs = {one.image for one in running()}
    for path in (*_saved(folder), *(path for path in _images(folder) if str(path) not in runs)):
        path.unlink(missing_ok=True)


def _running_folder() -> Path:
    return state_folder() / "lab"


def note_running(pid: int, address: str, image: Path) -> None:
    """Let `lab list` and `lab stop` of other terminals know of a machine."""
    with contextlib.suppress(OSError):
        _running_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = os.getpid()
        note = {
            "pid": pid, "started": _started(pid), "owner": owner, "owner_started": _started(owner), "address": address,
            "image": str(image),
        }  # fmt: skip
        (_running_folder() / str(pid)).write_text(json.dumps(note), encoding="utf-8")


def forget_running(pid: int) -> None:
    """A machine has ended."""
    with contextlib.suppress(OSError):
        (_running_folder() / str(pid)).unlink()


class Running(NamedTuple):
    """A machine that runs, of this program or of another."""

    pid: int
    owner: int
    """the program that started it"""
    address: str
    image: str = ""
    """the kernel's file"""
    left: bool = False
    """that program was killed: nobody uses the machine any more"""


def running() -> list[Running]:
    """Each machine that runs; notes of others are removed."""
    found = []
    for path in sorted(_running_folder().glob("[0-9]*")) if _running_folder().is_dir() else ():
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            pid, owner, address, started = note["pid"], note["owner"], note["address"], note["started"]
            left = _started(owner) != note["owner_started"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if started and started == _started(pid):
            found.append(Running(int(pid), int(owner), str(address), str(note.get("image", "")), left))
        else:
            forget_running(pid)
    return found


def end(pid: int) -> None:
    """End a machine, and wait until it has ended: who asks next finds none. Raises OSError where it may not be."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], _ENDING)
        finally:
            os.close(handle)
    forget_running(pid)


def end_left() -> None:
    """End machines whose program was killed before it could."""
    for one in running():
        if one.left:
            with contextlib.suppress(OSError):
                end(one.pid)


def _started(pid: int) -> int:
    """When a process started, in clock ticks since the boot: it tells a process from a later one of its number."""
    try:
        return int(Path(f"/proc/{int(pid)}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
