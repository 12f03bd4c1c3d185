"""What differs between two readings."""

from __future__ import annotations

from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.live.source import Changed, changes
from inspector.untrusted import Untrusted


def reading(*vcpus: tuple[str, dict[int, int]]) -> Dump:
    entries = tuple(Vcpu(index=n, name=Untrusted(name), values=values) for n, (name, values) in enumerate(vcpus))
    return Dump(provenance=Provenance(), vcpus=entries)


def test_nothing_changed() -> None:
    same = reading(("qemu", {1: 2}))
    assert changes(same, reading(("qemu", {1: 2}))) == {}


def test_values_that_changed_came_and_went() -> None:
    before = reading(("a", {1: 10, 2: 20, 3: 30}))
    after = reading(("a", {1: 10, 2: 21, 4: 40}))
    assert changes(before, after) == {(0, "a"): {2: Changed(20, 21), 4: Changed(None, 40), 3: Changed(30, None)}}


def test_a_vm_that_came_and_one_that_went() -> None:
    before = reading(("100-11", {1: 1}))
    after = reading(("200-11", {1: 1}))
    assert changes(before, after) == {(0, "200-11"): {1: Changed(None, 1)}, (0, "100-11"): {1: Changed(1, None)}}
