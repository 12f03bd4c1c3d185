"""What two register counts allow to conclude, against lists that real kernels gave."""

from __future__ import annotations

import pytest

from inspector.checks.explain.counts import find_fits, sets_of_size
from inspector.checks.feature_groups import FEATURE_SETS
from inspector.checks.vmms.table import find_vmm
from inspector.registers.encoding import CLASS_BITMAP, CLASS_DEMUX, split_id
from inspector.sources import load

KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")


def listed(kernel: str) -> list[int]:
    """The ids that QEMU saves of the shipped vCPU."""
    rule = find_vmm("qemu")
    return [i for i in load(f"builtin:neoverse-n2-linux-{kernel}").vcpus[0].values if rule.keeps(i)]


@pytest.mark.parametrize(
    ("source", "destination"), [("6.12", "5.10"), ("6.12", "6.1"), ("6.12", "6.18"), ("7.3", "6.18"), ("7.3", "5.10")]
)
def test_the_true_pair_is_among_the_fits(source: str, destination: str) -> None:
    fits = find_fits(len(listed(source)), len(listed(destination)))
    everything = {"PMUv3", "SVE", "pointer authentication"}
    true = [f for f in fits if _covers(f.source, source) and _covers(f.destination, destination)]
    assert any(set(f.features) == everything and not f.lost for f in true), fits


def _covers(words: str, kernel: str) -> bool:
    """Is `6.12` within `Linux 6.5 to 6.12` or `Linux 5.10, 5.17`?"""
    names = words.removeprefix("Linux ")
    if " to " in names:
        first, last = names.split(" to ")
        return _key(first) <= _key(kernel) <= _key(last)
    return kernel in names.split(", ")


def _key(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def test_armada_report_fits_linux_5_11_to_5_13_without_pmu() -> None:
    fits = find_fits(236, 162)
    assert any(f.lost == ("PMUv3",) and "5.11" in f.source for f in fits)


def test_absurd_counts_fit_nothing() -> None:
    assert find_fits(100000, 3) == []
    assert sets_of_size(0) == []
    assert sets_of_size(999) == []


def test_sizes_of_sets_are_those_of_real_lists() -> None:
    newest = listed("7.3")
    for one in FEATURE_SETS:
        members = [i for i in newest if one.member(i)]
        if members and one.size and one.key not in ("zfr0", "sve"):
            assert len(members) == one.size, one.key
    assert sum(split_id(i).cls == CLASS_DEMUX for i in newest) == 14
    assert sum(split_id(i).cls == CLASS_BITMAP for i in newest) == 4
