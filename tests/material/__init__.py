"""Where the measured material of the project lies; README.md beside this file says what it is."""

from __future__ import annotations

import lzma
from pathlib import Path

HERE = Path(__file__).resolve().parent


def material(*parts: str) -> Path:
    """One file or folder; a name that is wrong fails at once instead of skipping a test."""
    path = HERE.joinpath(*parts)
    assert path.exists(), f"no such material: {path}"
    return path


def files(folder: str, pattern: str = "*") -> list[Path]:
    """The files of a folder by name, at least one."""
    found = sorted(material(folder).glob(pattern))
    assert found, f"no such material: {folder}/{pattern}"
    return found


def read_text(*parts: str) -> str:
    """The text of a file, unpacked where it is packed."""
    data = material(*parts).read_bytes()
    return (lzma.decompress(data) if parts[-1].endswith(".xz") else data).decode()


def label(path: Path) -> str:
    """A file's name as the name of a test case."""
    return path.name.partition(".json")[0].removesuffix(".mig.xz")
