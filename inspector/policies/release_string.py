"""Names of kernels: what users type and what `uname` prints, taken apart. What policy that means is release.py's."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from inspector.errors import PolicyError, nearest
from inspector.policies import points
from inspector.policies.points import Point
from inspector.policies.vendors import (
    GIT_TREE,
    OTHER_MACHINE,
    OTHER_MACHINE_WORD,
    REALTIME,
    RED_HAT_SERIES,
    SAYS_NO_DEBIAN,
    VENDORS,
    Vendor,
)

_LONGEST = 1000
_LONGEST_PATH = 4096
AS_UPSTREAM = ("Debian", "Kali Linux")
"""Distributions whose patches are known not to touch what is modelled: their points are answered as upstream's."""
_RELEASE = re.compile(
    r"(\d{1,3})\.(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,6}))?(?!\d|\.\d)(?=$|[-+~_.]|rc\d)(.*)", re.ASCII
)
CANDIDATE = re.compile(r"[-~.]?(?:0\.)?(rc\d+)")
_CLOCK = r"\[\s*\d+\.\d+\]\s*"
"""The time that a kernel's log puts before its line `Linux version ...`."""
_DISTRIBUTION = re.compile(r"\b(?:Debian|Kali|Raspbian|Devuan)\s+(?:\d+:)?(\d+)\.(\d+)(?:\.(\d+))?")
_SIGNATURE = r"Ubuntu (\d+\.\d+\.\d+-\d+)\.[\w.~]+(-\S+)"
"""/proc/version_signature: `Ubuntu 6.8.0-48.48~22.04.1-generic 6.8.12`."""
_EXAMPLE = "e.g. 6.12, or what uname -r prints: 6.12.107+deb13-cloud-arm64"


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What a release string says."""

    text: str
    point: tuple[int, int, int]
    exact_point: bool
    """the string or the version string names the stable point"""
    candidate: str = ""
    """rc7 of a release candidate"""
    rest: str = ""
    """what follows the number"""
    vendor: Vendor | None = None
    other_machine: bool = False
    """a kernel of another architecture than arm64"""

    @property
    def series(self) -> str:
        """`6.12`."""
        return f"{self.point[0]}.{self.point[1]}"


class Name(msgspec.Struct, frozen=True):
    """A kernel's name in its parts."""

    kind: Literal["policy", "vendor", "release"]
    """a policy by its own name or path, a vendor's kernel, or what `uname -r` printed"""
    base: str
    patches: tuple[str, ...] = ()
    version: str = ""
    """what `uname -v` printed"""


def read_name(text: str, version: str = "", *, said_by_file: bool = False) -> Name:
    """What was typed, in its parts: see `release.choose`. Raises PolicyError for what is no name."""
    path = "/" in text or text.strip().endswith(".toml")
    if path and said_by_file:
        raise PolicyError(f"{text[:60]!r} is not a kernel release", "", _EXAMPLE)
    if len(text) > (_LONGEST_PATH if path else _LONGEST) or len(version) > _LONGEST:
        raise PolicyError(f"a kernel's name of {max(len(text), len(version))} characters", "", _EXAMPLE)
    if not path and not text.replace("\n", "").replace("\t", "").isprintable():
        raise PolicyError("a kernel's name with control characters in it", "", _EXAMPLE)
    name, own_version = _words(text)
    base, patches = points.split_name(name)
    if not base:
        raise PolicyError("no kernel named", "", _EXAMPLE)
    plain, plus, foreign = base.partition("+")
    if points.is_policy_name(plain) and plain not in points.policy_names():
        if foreign and plus:
            raise points.unknown_patch(foreign.partition("+")[0])
        return Name("policy", base, tuple(patches))
    if not plus and points.vendor_point(plain) is not None:
        return Name("vendor", base, tuple(patches))
    _refuse_mistyped_patch(plain, foreign)
    return Name("release", base, tuple(patches), own_version or version)


def plain_name(release: str, version: str) -> str:
    """The name of the policy of a kernel that a file names, where its release alone tells it, as of most; else empty.

    No policy is read for it, nor is what reads them loaded.
    """
    try:
        named = read_name(release, version, said_by_file=True)
        told = parse_release(named.base, named.version) if named.kind == "release" and not named.patches else None
    except PolicyError:
        return ""
    return points.stem_of(told.point) if told is not None and by_point(told) else ""


def by_point(release: Release) -> bool:
    """True for a kernel of the stable point that its release names: no candidate, nothing that hides its point."""
    rebuilt = release.vendor is not None and release.vendor.basis in ("rebased", "ubuntu")
    known = release.exact_point and not release.candidate and is_modelled(release)
    return known and not rebuilt and not is_towards_next(release)


def is_modelled(release: Release) -> bool:
    """True where there are policies for the series."""
    return bool(points.known_points(release.point))


def is_towards_next(release: Release) -> bool:
    """True for a mainline tree with commits after a release, and for linux-next."""
    built = release.vendor is None and re.search(GIT_TREE, release.rest) is not None
    return built and (release.point[2] == 0 or "-next-" in release.rest)


_PAGES = re.compile(r"[-+.](16|64)kb?(?![a-z0-9])")
"""How release strings end of kernels with larger pages: Debian's and Ubuntu's -64k, Red Hat's and Asahi's +16k, SUSE's
-64kb."""
_PAGES_BY_FLAVOUR = ("Debian", "Kali Linux", "Ubuntu", "SUSE or openSUSE", "Fedora", "Talos")
"""Vendors whose kernels have pages of 4 KiB where their name does not say otherwise."""


def page_size_of(release: str, vendor: str = "") -> int | None:
    """A kernel's page size in bytes, by its release string and whose it is; None where these do not tell.

    Raspberry Pi's flavour 2712 has 16 KiB (bcm2712_defconfig), Red Hat's 7 and 8 have 64 KiB.
    """
    if told := _PAGES.search(release):
        return int(told[1]) << 10
    if vendor == "Raspberry Pi" and "2712" in release:
        return 16384
    if vendor.startswith("Red Hat") and re.search(r"\.el[78](?!\d)", release):
        return 65536
    return 4096 if vendor in _PAGES_BY_FLAVOUR else None


def taken_apart(text: str) -> tuple[str, tuple[str, ...]]:
    """(name without patches, patches) of what was typed; whether they mean anything is for `choose`."""
    base, patches = points.split_name(_words(text)[0])
    return base, tuple(patches)


_OWN_FILE = re.compile(r"\.toml(?:\+[a-z0-9+-]{1,200})?\Z")
"""The end of a path of the user's own policy, perhaps with patches."""


def _words(text: str) -> tuple[str, str]:
    """(name, rest) of what was typed: `Linux HOST RELEASE VERSION` and `Linux version RELEASE ...` lose their head."""
    text = text.strip()
    if _OWN_FILE.search(text):
        return text, ""  # blanks in it are the path's
    signature = re.match(_SIGNATURE, text) if text.startswith("Ubuntu") else None
    text = re.sub(f"^{_CLOCK}", "", text) if text.startswith("[") else text
    text = signature.expand(r"\1\2") if signature else text
    words = (re.sub(r"\s{0,20}\+\s{0,20}(?=[a-z])", "+", text) if "+" in text else text).split()
    if words and words[0] == "Linux":
        at = next((at for at in (2, 1) if at < len(words) and re.match(r"\d+\.\d", words[at])), 0)
        words = words[at:]
    return (words[0] if words else ""), " ".join(words[1:])


def _refuse_mistyped_patch(plain: str, foreign: str) -> None:
    """PolicyError for `6.1.176+mask-ccdix`: behind a bare point, something that nearly is a patch's name."""
    if not foreign or not re.fullmatch(r"[\d.]+", plain):
        return
    if nearest(foreign.partition("+")[0], points.patch_names(), 1, 0.75):
        raise points.unknown_patch(foreign.partition("+")[0])


def parse_release(release: str, version: str = "") -> Release:
    """A release string taken apart; where the distribution hides the point, the version string may name it.

    `6.1.0-50-cloud-arm64` with `#1 SMP Debian 6.1.176-1 (...)` is 6.1.176. PolicyError for something else.
    """
    match = _RELEASE.fullmatch(release.strip()) if release.isascii() else None
    version = _without_compiler(version) if version.isascii() else ""
    if match is None or (match[3] is None and match[4] is not None) or match[5] == ".y":
        raise PolicyError(f"{release[:60]!r} is not a kernel release", "", _hint(release))
    major, minor, rest = int(match[1]), int(match[2]), (f".{match[4]}" if match[4] else "") + match[5]
    vendor = _vendor_of((major, minor, int(match[3] or 0)), rest, version)
    candidate = CANDIDATE.match(rest)
    foreign = OTHER_MACHINE.search(rest) is not None or OTHER_MACHINE_WORD.search(version) is not None
    named = _DISTRIBUTION.search(version)
    if named is not None and (int(named[1]), int(named[2])) == (major, minor):
        return Release(
            text=release, point=(major, minor, int(named[3] or 0)), exact_point=True, rest=rest,
            vendor=vendor, candidate=candidate[1] if candidate else "", other_machine=foreign,
        )  # fmt: skip
    point = int(match[3] or 0)
    hides = point == 0 and bool(rest) and (re.match(r"-(rpi)?\d", rest) is not None or match[3] is None)
    hides = hides or (point == 0 and vendor is not None and vendor.basis == "series")
    hides = (hides and candidate is None) or (vendor is not None and vendor.basis == "rebased")
    return Release(
        text=release, point=(major, minor, point), exact_point=not hides, rest=rest, vendor=vendor,
        candidate=candidate[1] if candidate else "", other_machine=foreign,
    )  # fmt: skip


def _without_compiler(version: str) -> str:
    """What `uname -v` prints, which begins with `#`: /proc/version names builder and compiler before it.

    Those say `gcc (Debian 12.2.0-14)` of a kernel that somebody built on Debian.
    """
    return version[version.index("#") :] if "#" in version else version


def _vendor_of(point: Point, rest: str, version: str) -> Vendor | None:
    """Whose kernel it is: as the release says, else as the version string does.

    A derivative that keeps the release string of what it derives from says so in the version string only.
    """
    if not rest and not version:
        return None  # a bare number, which no pattern takes
    derived = next((row for row in VENDORS if row.signs and row.signs in version), None)
    if derived is not None:
        return derived
    found = next((row for row in VENDORS if row.met(rest) and _may_be(row, point, rest)), None)
    told = re.search(r"(?<!\w)(Debian|Kali|Ubuntu)\b", version)
    if told is None or (found is not None and found.name not in AS_UPSTREAM):
        return found
    return next(row for row in VENDORS if row.name.split()[0] == told[1] and row.basis != "upstream")


def _may_be(row: Vendor, point: Point, rest: str) -> bool:
    """False where a vendor never gave that name to a kernel: all of Ubuntu's and Red Hat's numbers end in .0, and
    Debian's kernels say +deb13 or +deb14 since 6.12.32, those for 6.13 to 6.15 aside."""
    if row.basis == "ubuntu":
        return point[2] == 0 or row.pattern == REALTIME
    if row.name == "Debian" and SAYS_NO_DEBIAN.fullmatch(rest):
        return point < (6, 12, 32) or (6, 13) <= point[:2] < (6, 16)
    family = re.search(r"\.(el\d+)", rest)
    if row.basis != "rebased" or family is None:
        return True
    return point[:2] in RED_HAT_SERIES.get(family[1], ()) and (point[2] == 0 or point[0] < 3)


def _hint(text: str) -> str:
    """What would be valid, for what people write instead of a release."""
    match = re.fullmatch(r"(?:linux-|v)?([0-9]+\.[0-9]+)(\.[0-9]+)?(?:\.y)?", text.strip(), re.I)
    if match is not None and match[2]:
        return f"write {match[1]}{match[2]}"
    if match is not None:
        return f"write {match[1]}.0 for the release, {match[1]} for the newest point of the series that is known"
    return _EXAMPLE
