"""The file system that a lab's guest has: unpacked packages and a few files, as one cpio archive."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_SKIPPED = re.compile(r"^usr/(share/|lib/python3[^/]*/(test|idlelib|ensurepip|pydoc_data)/)|/gconv/|\.a$")


def root_file_system(roots: Sequence[Path], files: Mapping[str, bytes]) -> bytes:
    """The packages below `roots`, `files` (all of them executable), and the folders that an init mounts upon."""
    folders = [(name, stat.S_IFDIR | 0o755, b"") for name in ("dev", "proc", "sys", "tmp")]
    nodes = [(f"dev/{name}", stat.S_IFCHR | 0o600, b"") for name in ("console", "null")]
    packages = [item for root in roots for item in entries(root)]
    return newc([*folders, *nodes, *packages, *((name, stat.S_IFREG | 0o755, data) for name, data in files.items())])


def fingerprint(roots: Sequence[Path], files: Mapping[str, bytes]) -> bytes:
    """What tells two such file systems apart, without the packages being read: names, kinds, sizes, times of change."""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")):
            about = path.lstat()
            folder = stat.S_ISDIR(about.st_mode)
            size = 0 if folder else about.st_size
            time = 0 if folder else about.st_mtime_ns
            digest.update(f"{path.relative_to(root)} {about.st_mode:o} {size} {time}\n".encode())
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.digest()


def entries(root: Path) -> Iterator[tuple[str, int, bytes]]:
    """(name, mode, content) of an unpacked package tree, folders before what they hold; documentation left out."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if _SKIPPED.search(name + ("/" if path.is_dir() else "")):
            continue
        if path.is_symlink():
            yield name, stat.S_IFLNK | 0o777, str(path.readlink()).encode()
        elif path.is_dir():
            yield name, stat.S_IFDIR | 0o755, b""
        elif path.is_file():
            yield name, stat.S_IFREG | (0o755 if path.stat().st_mode & 0o111 else 0o644), path.read_bytes()


def newc(items: Sequence[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive in the newc format, which the kernel unpacks as its first root."""
    out = bytearray()
    device = {"dev/console": (5, 1), "dev/null": (1, 3)}
    for number, (name, mode, content) in enumerate([*items, ("TRAILER!!!", 0, b"")], start=1):
        major, minor = device.get(name, (0, 0))
        fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return bytes(out)
