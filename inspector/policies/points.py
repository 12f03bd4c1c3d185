"""Which kernels and patches have a policy, by the names of the files: what the files say is loader.py's.

A name is a release (`6.12`, `6.12.74`), a vendor's kernel (`ubuntu-6.8.0-151`), the path of a TOML file, or any of
these followed by `+PATCH` once or several times. `6.12` means the newest known point of that stable series: who types
it almost always runs a stable kernel; `6.12.0` is the first release. What `uname` prints is read by release_string.py.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

from inspector.errors import PolicyError
from inspector.numbers import is_decimal
from inspector.shipped import own_path

Point = tuple[int, ...]
"""(6, 12, 74), or (6, 8, 0, 151) in a vendor's numbering."""

ROOM = own_path("policies")
POINT = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,5}))?", re.ASCII)
VENDOR_POINT = re.compile(r"([a-z]+)-(\d{1,4})\.(\d{1,4})\.(\d{1,5})-(\d{1,6})", re.ASCII)


@lru_cache(maxsize=1)
def points() -> tuple[tuple[int, int, int], ...]:
    """(major, minor, point) of every kernel policy, ascending."""
    matches = (POINT.fullmatch(stem) for stem in stems("kernels"))
    return tuple(sorted((int(m[1]), int(m[2]), int(m[3] or 0)) for m in matches if m and m[3]))


@lru_cache(maxsize=1)
def _vendor_points() -> dict[str, tuple[Point, ...]]:
    """Every vendor's kernel that has a file: vendor -> points, ascending."""
    found: dict[str, list[Point]] = {}
    for match in filter(None, map(VENDOR_POINT.fullmatch, stems("kernels"))):
        found.setdefault(match[1], []).append(tuple(map(int, match.groups()[1:])))
    return {vendor: tuple(sorted(known)) for vendor, known in sorted(found.items())}


def stems(kind: str) -> list[str]:
    """The names of the files of a kind (`kernels`, `patches`), in no order."""
    names = os.listdir(os.path.join(ROOM, kind))
    return [name.removesuffix(".toml") for name in names if name.endswith(".toml")]


def policy_names() -> list[str]:
    """The kernel policies, oldest first: `5.10.0`, `5.10.218` ..."""
    return [".".join(map(str, point)) for point in points()]


def vendor_names() -> list[str]:
    """The policies of vendors' kernels: `ubuntu-5.15.0-204` ..."""
    return [stem_of(point, vendor) for vendor, known in _vendor_points().items() for point in known]


def all_names() -> list[str]:
    """The policies of mainline's points and of vendors' kernels, by version, oldest first."""
    vendors = [(point, vendor) for vendor, known in _vendor_points().items() for point in known]
    return [stem_of(point, vendor) for point, vendor in sorted([*((point, "") for point in points()), *vendors])]


def vendor_point(text: str) -> tuple[Point, str] | None:
    """(point, vendor) of `ubuntu-6.8.0-60`, where that vendor has a policy for its kernels of that version."""
    match = VENDOR_POINT.fullmatch(text)
    if match is None:
        return None
    point = tuple(map(int, match.groups()[1:]))
    return (point, match[1]) if known_points(point, match[1]) else None


def known_points(point: Point, vendor: str = "") -> tuple[Point, ...]:
    """The points with a file in the series of `point`, ascending: of mainline's stable series, or of a vendor's."""
    return _series(vendor).get(point[:-1], ())


@lru_cache(maxsize=32)
def _series(vendor: str) -> dict[Point, tuple[Point, ...]]:
    """The points of mainline, or of a vendor, by their series."""
    found: dict[Point, list[Point]] = {}
    for one in _vendor_points().get(vendor, ()) if vendor else points():
        found.setdefault(one[:-1], []).append(one)
    return {series: tuple(points) for series, points in found.items()}


def stem_of(point: Point, vendor: str = "") -> str:
    """The name of a point's policy: `6.12.74`, `ubuntu-6.8.0-151`."""
    text = ".".join(map(str, point[:3]))
    return f"{vendor}-{text}-{point[3]}" if vendor else text


def patch_names() -> list[str]:
    """The overlays that `+NAME` takes, alphabetical."""
    return sorted(stems("patches"))


def newest_point(major: int, minor: int) -> Point | None:
    """The newest known point of a stable series; None when the series has no policy."""
    series = _series("").get((major, minor))
    return series[-1] if series else None


def is_policy_name(text: str) -> bool:
    """True for the path of a policy file, a series (`6.12`) and the policies that ship."""
    own = text.endswith(".toml") or "/" in text
    return (
        own or re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", text) is not None or text in (*policy_names(), *vendor_names())
    )


def known_range() -> str:
    """`5.10 to 7.3`, for messages."""
    first, last = points()[0], points()[-1]
    return f"{first[0]}.{first[1]} to {last[0]}.{last[1]}, or the path of a .toml file"


def split_name(text: str) -> tuple[str, list[str]]:
    """A name taken apart: base, patches. A `+word` that is no patch stays with the base, as in `6.12.107+deb13`."""
    base, *rest = text.strip().split("+")
    patches = [part for part in rest if part in patch_names()]
    return "+".join([base, *(part for part in rest if part not in patches)]), patches


def unknown_patch(name: str) -> PolicyError:
    """What to say of a patch that does not exist."""
    return PolicyError(f"unknown patch {name[:60]!r}", "", f"one of: {', '.join(patch_names())}")


def text_of(kind: str, stem: str) -> tuple[str, str]:
    """A shipped file's text, and how a complaint calls the file."""
    name = f"{stem}.toml"
    # Scores of small files: opened as text each takes twice as long.
    with open(os.path.join(ROOM, kind, name), "rb", buffering=0) as file:
        return file.read().decode(), f"{kind}/{name}"


def kernel_title(name: str) -> str:
    """`Linux 6.12`; a policy of the user's own keeps its name."""
    return f"Linux {name}" if is_decimal(name[:1]) else name
