"""What every live source offers, its options, and what changed between two readings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from inspector.errors import SourceError
from inspector.sources.dump import Dump, Vcpu

_CPUS = re.compile(r"(?:[0-9]{1,5}(?:-[0-9]{1,5})?(?:,[0-9]{1,5}(?:-[0-9]{1,5})?)*)?\Z", re.ASCII)
_FEATURES = re.compile(r"[a-z0-9_]+(?:-[a-z0-9_]+)*(?:,[a-z0-9_]+(?:-[a-z0-9_]+)*)*\Z")


class LiveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to read."""

    timeout: float = 20.0
    """seconds after which a reading is given up"""
    features: str = "qemu"
    """features of the scratch vCPU, comma separated; `qemu`: what QEMU would choose on that host"""
    gic: Literal["v3", "none"] = "v3"
    """interrupt controller of the scratch VM"""
    identify: bool = False
    """tell the host's name and its kernel's whole command line, not just the words that matter to KVM"""
    cpus: str = ""
    """CPUs that the collector visits for a moment, such as 0-3,8; empty: one of each kind, at most 16"""


class LiveSource(Protocol):
    """One live source; it may be read again and again."""

    @property
    def address(self) -> str:
        """As the user gave it."""

    @property
    def timeout(self) -> float:
        """Seconds that one `read` takes at most."""

    @property
    def caution(self) -> str:
        """What reading does to a running guest; empty when nothing."""

    def read(self) -> Dump:
        """Read now. Raises SourceError in one line; never takes longer than `timeout`."""


class Changed(msgspec.Struct, frozen=True):
    """One register before and after; None where it was not there."""

    before: int | None
    after: int | None


def changes(previous: Dump, current: Dump) -> dict[tuple[int, str], dict[int, Changed]]:
    """What differs between two readings of one source: (vCPU index, name) -> register id -> values.

    A vCPU that appeared or went counts with all its registers; one without changes is left out.
    """
    old = {_key(vcpu): vcpu.values for vcpu in previous.vcpus}
    new = {_key(vcpu): vcpu.values for vcpu in current.vcpus}
    found = {}
    for key in dict.fromkeys([*new, *old]):
        difference = _difference(old.get(key, {}), new.get(key, {}))
        if difference:
            found[key] = difference
    return found


def _key(vcpu: Vcpu) -> tuple[int, str]:
    return vcpu.index, vcpu.name.raw


def _difference(old: Mapping[int, int], new: Mapping[int, int]) -> dict[int, Changed]:
    ids = dict.fromkeys([*new, *old])
    return {i: Changed(old.get(i), new.get(i)) for i in ids if old.get(i) != new.get(i)}


def check_options(options: LiveOptions) -> None:
    """Raises SourceError for options that no source can follow."""
    if not 0 < options.timeout <= 3600:
        raise SourceError(f"a time-out of {options.timeout:g} s", "--timeout", "between 0 and 3600")
    if not _CPUS.match(options.cpus):
        raise SourceError(f"not a list of CPUs: {options.cpus!r}", "--cpus", "such as 0-3,8")
    if not _FEATURES.match(options.features):
        raise SourceError(f"not a list of vCPU features: {options.features!r}", "--features", "such as psci,pmu,sve")
