"""What two register counts alone allow to conclude: which known sets, kernels and features have such sizes.

`Invalid value 269 expecting positive value <= 248` holds two numbers and nothing else. The sizes of register lists
follow from kernel release and vCPU features, so the numbers rule most causes out; they never prove one.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import msgspec

from inspector.checks.feature_groups import FEATURE_SETS, FeatureSet
from inspector.checks.vmms.base import MEMORY_TAGGING, NESTED, OPTIONAL
from inspector.checks.vmms.table import find_vmm
from inspector.kvm.exposure import expose
from inspector.kvm.host import from_raw
from inspector.policies.loader import load_policy
from inspector.policies.points import policy_names
from inspector.policies.series import series_of
from inspector.policies.setup import VcpuSetup, feature_of
from inspector.registers.encoding import CLASS_DEMUX, split_id

_COMMON_CACHES = 3
"""CCSIDR registers of most hosts up to 6.2: level 1 data and instruction, level 2."""

_FEATURES = {one.title: VcpuSetup().toggled(one.word) for one in OPTIONAL if one.word != NESTED}
"""Nested virtualisation is left out: how many registers it brings depends on the host."""
_MTE = feature_of(MEMORY_TAGGING).title


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of register lists that has exactly the two counts."""

    source: str
    """`Linux 6.12`, with the range of releases that list the same"""
    destination: str
    features: tuple[str, ...]
    """features of the source's vCPU"""
    lost: tuple[str, ...] = ()
    """features that the destination's vCPU lacks"""

    @property
    def sentence(self) -> str:
        """The fit in words."""
        having = " and ".join(self.features) or "no optional feature"
        if self.lost:
            return (
                f"{self.source} on both sides, source vCPU with {having}, destination vCPU without"
                f" {' and '.join(self.lost)}"
            )
        return f"source {self.source}, destination {self.destination}, both vCPUs with {having}"


def sets_of_size(difference: int) -> list[str]:
    """The known register sets that have exactly this many registers in a QEMU stream, each with when KVM lists it:
    `FEAT_FPMR [since 6.13]`."""
    return [s.feature + (f" [{when}]" if (when := _when(s)) else "") for s in FEATURE_SETS if 0 < s.size == difference]


def _when(one: FeatureSet) -> str:
    return one.told or (f"since {one.since}" if one.since else "")


def find_fits(source: int, destination: int) -> list[Fit]:
    """Pairs of register lists with these counts, as QEMU saves them: one cause at a time.

    Either the kernels differ and the features agree, or the kernel is one and a feature is missing at the destination.
    Hosts up to 6.2 are taken to have three caches.
    """
    sizes = _sizes()
    names = list(_FEATURES)
    found: list[Fit] = []
    for count in range(len(names) + 1):
        for features in combinations(names, count):
            possible = [(k, t) for k, t in sizes if _MTE not in features or t[_MTE]]
            mine = [k for k, table in possible if _total(table, features) == source]
            theirs = [k for k, table in possible if _total(table, features) == destination]
            if mine and theirs:
                found.append(Fit(source=_range(mine), destination=_range(theirs), features=features))
            found += _feature_lost(features, destination, [(k, t) for k, t in sizes if k in mine])
    return found


def _feature_lost(features: tuple[str, ...], destination: int, sizes: list[tuple[str, dict[str, int]]]) -> list[Fit]:
    found = []
    for lost in features:
        kept = tuple(f for f in features if f != lost)
        kernels = [k for k, table in sizes if _total(table, kept) == destination]
        if kernels:
            found.append(Fit(source=_range(kernels), destination=_range(kernels), features=features, lost=(lost,)))
    return found


def _total(table: dict[str, int], features: tuple[str, ...]) -> int:
    return table[""] + sum(table[f] for f in features)


def _range(kernels: list[str]) -> str:
    """`Linux 6.5 to 6.12`; the releases are neighbours almost always, and listed where they are not."""
    everything = [k for k, _ in _sizes()]
    at = [everything.index(k) for k in kernels]
    if len(at) > 1 and at[-1] - at[0] == len(at) - 1:
        return f"Linux {kernels[0]} to {kernels[-1]}"
    return "Linux " + ", ".join(kernels)


@lru_cache(maxsize=1)
def _sizes() -> tuple[tuple[str, dict[str, int]], ...]:
    """For each mainline release: registers of a plain vCPU as QEMU counts them (key ""), and what each feature adds."""
    tables = {name: _table(name) for name in policy_names()}
    found: list[tuple[str, dict[str, int]]] = []
    for name, table in tables.items():
        series = series_of(name)
        newest = [n for n in tables if n.startswith(f"{series}.")][-1]
        # The newest stable point is what people run; the first release is kept apart where it lists other registers.
        if name == newest:
            found.append((series, table))
        elif name.endswith(".0") and table != tables[newest]:
            found.append((name, table))
    return tuple(found)


def _table(name: str) -> dict[str, int]:
    plain = _count(name, VcpuSetup())
    return {"": plain, **{word: _count(name, setup) - plain for word, setup in _FEATURES.items()}}


def _count(name: str, setup: VcpuSetup) -> int:
    rule = find_vmm("qemu")
    listed = [i for i in expose(from_raw({}), load_policy(name), setup).listed if rule.keeps(i)]
    caches = sum(split_id(i).cls == CLASS_DEMUX for i in listed)
    # Without raw registers the model knows of no cache at all; up to 6.2 their number is the host's.
    return len(listed) - caches + (caches if caches >= _COMMON_CACHES else _COMMON_CACHES)
