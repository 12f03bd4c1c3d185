"""One question under several patches: what each write is answered, and what the guest sees."""

from __future__ import annotations

import errno

import msgspec
import pytest

from inspector import sources
from inspector.checks.patch_effect import (
    BEFORE,
    Effect,
    PatchStudy,
    Variant,
    changes,
    default_base,
    differing,
    guest_changes,
    outcome_of,
    series_base,
    variants,
)
from inspector.errors import InspectorError
from inspector.policies.setup import QEMU_SETUP
from inspector.registers.catalog import by_id
from inspector.sources.dump import Dump

N2 = "builtin:neoverse-n2-linux-6.1"
CCIDX_REGISTERS = ["ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"]


def dump(name: str = N2) -> Dump:
    return sources.load(name)


def study(name: str = N2, base: str = "") -> PatchStudy:
    loaded = dump(name)
    return PatchStudy(loaded, loaded.vcpus[0], base)


def effect(label: str, of: PatchStudy) -> Effect:
    return of.effect(next(one for one in variants() if one.label == label))


def names(ids: tuple[int, ...]) -> list[str]:
    return [by_id(one).name for one in ids]


def test_before_the_patch_every_write_is_accepted() -> None:
    before = study().effect()
    assert before.variant == BEFORE and before.policy.name == series_base()
    assert before.headline == "every write accepted" and not before.refused and not before.ignored
    assert before.guest.ccidx == 1 and before.guest.cache == "256 sets x 4 ways x 64 B = 64 KiB"


def test_the_patch_as_posted_refuses_the_old_value_twice() -> None:
    of = study()
    after = effect("v5 6/7", of)
    assert [by_id(one.id).name for one in after.refused] == CCIDX_REGISTERS
    assert {one.errno for one in after.refused} == {errno.EINVAL}
    assert names(changes(of.effect(), after)) == CCIDX_REGISTERS
    assert after.headline == f"2 of {len(after.writes)} refused, EINVAL"
    told = {(by_id(one.id).name, one.field, one.before, one.after) for one in guest_changes(of.effect(), after)}
    assert told == {("ID_MMFR4_EL1", "CCIDX", 1, 0), ("ID_AA64MMFR2_EL1", "CCIDX", 1, 0)}
    # The guest is told the 32-bit layout, yet reads the hardware's 64-bit value.
    assert after.guest.cache == "1 set x 4 ways x 64 B = 256 B"
    assert [rule.name for rule in after.rules] == ["mask CCIDX"]


def test_the_tolerant_handler_accepts_and_ignores() -> None:
    after = effect("+ tolerant set_user", study())
    assert not after.refused and [by_id(one.id).name for one in after.ignored] == CCIDX_REGISTERS
    assert all(one.errno == 0 and one.after == one.destination != one.value for one in after.ignored)
    assert after.guest.ccidx == 0


def test_keep_if_set_reads_back_what_was_written() -> None:
    of = study()
    after = effect("+ keep if set", of)
    assert not after.refused and not after.ignored
    kept = {by_id(one.id).name: one for one in after.writes}
    for name in CCIDX_REGISTERS:
        assert kept[name].after == kept[name].value != kept[name].destination
    assert after.guest.ccidx == 1 and guest_changes(of.effect(), after) == ()
    # Nothing changes in the end, but the way there is shown all the same.
    assert changes(of.effect(), after) == () and names(differing(of.effect(), after)) == CCIDX_REGISTERS


def test_normalised_caches_bring_registers_that_were_not_saved() -> None:
    of = study()
    after = effect("v5 7/7", of)
    assert {by_id(one.id).name for one in after.missing} == {f"CCSIDR[{n}]" for n in range(3, 14)}
    assert not after.refused and by_id(guest_changes(of.effect(), after)[0].id).name == "CTR_EL0"


@pytest.mark.parametrize("name", ["builtin:cortex-a72-linux-6.1", "builtin:max-linux-6.1"])
def test_a_host_without_ccidx_is_not_touched(name: str) -> None:
    of = study(name)
    for label in ("v5 6/7", "+ tolerant set_user", "+ keep if set"):
        assert differing(of.effect(), effect(label, of)) == ()


def test_the_base_follows_the_dump_unless_it_is_named() -> None:
    assert default_base(dump()) == series_base()
    assert default_base(dump("builtin:neoverse-n2-linux-6.12")) == "6.12.107"
    assert study(base="6.1").effect().title == "Linux 6.1"
    assert effect("v5 6/7", study(base="5.15")).title == "Linux 5.15 + mask-ccidx"


def test_every_overlay_that_ships_is_a_variant_and_a_chosen_one_comes_first() -> None:
    from inspector.policies.loader import patch_names

    assert {name for one in variants() for name in one.patches} == set(patch_names())
    own = ("hide-mpam", "mask-ccidx")
    assert variants(own)[0] == Variant(patches=own, label="hide-mpam + mask-ccidx")
    assert variants(("mask-ccidx",)) == variants()


def test_features_that_the_host_lacks_and_sources_without_a_vcpu_are_errors() -> None:
    loaded = dump()
    features = msgspec.structs.replace(QEMU_SETUP, features=QEMU_SETUP.features | 1 << 7)
    with pytest.raises(InspectorError, match=r"el2|ENOENT"):
        PatchStudy(loaded, loaded.vcpus[0], setup=features).effect()
    with pytest.raises(InspectorError, match="no vCPU registers"):
        PatchStudy(loaded, msgspec.structs.replace(loaded.vcpus[0], values={}))


def test_the_outcome_of_the_first_writes_only() -> None:
    after = effect("v5 6/7", study())
    first = next(place for place, one in enumerate(after.writes) if one.errno)
    assert outcome_of(after.writes[:first], len(after.writes)) == "every write so far accepted"
    assert outcome_of(after.writes[: first + 1], len(after.writes)).startswith(f"1 of {first + 1} refused")
