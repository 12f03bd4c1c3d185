"""One question under several patches: what each write is answered, and what the guest sees."""

from __future__ import annotations

import errno

import msgspec
import pytest

from inspector import sources
from inspector.checks.patch_effect import (
    BEFORE,
    ORDER,
    Effect,
    PatchStudy,
    already_in,
    changes,
    default_base,
    differing,
    guest_changes,
    last_without,
    outcome_of,
    series_base,
    variant_of,
    variants,
)
from inspector.checks.patch_subjects import named_fields, subjects
from inspector.errors import InspectorError
from inspector.policies.points import patch_names
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
    after = effect("6/7 as posted", of)
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
    after = effect("6/7, old value ignored", study())
    assert not after.refused and [by_id(one.id).name for one in after.ignored] == CCIDX_REGISTERS
    assert all(one.errno == 0 and one.after == one.destination != one.value for one in after.ignored)
    assert after.guest.ccidx == 0


def test_keep_if_set_reads_back_what_was_written() -> None:
    of = study()
    after = effect("6/7, kept if set", of)
    assert not after.refused and not after.ignored
    kept = {by_id(one.id).name: one for one in after.writes}
    for name in CCIDX_REGISTERS:
        assert kept[name].after == kept[name].value != kept[name].destination
    assert after.guest.ccidx == 1 and guest_changes(of.effect(), after) == ()
    # Nothing changes in the end, but the way there is shown all the same.
    assert changes(of.effect(), after) == () and names(differing(of.effect(), after)) == CCIDX_REGISTERS


def test_normalised_caches_bring_registers_that_were_not_saved() -> None:
    of = study()
    after = effect("7/7 as posted", of)
    assert {by_id(one.id).name for one in after.missing} == {f"CCSIDR[{n}]" for n in range(3, 14)}
    assert not after.refused and by_id(guest_changes(of.effect(), after)[0].id).name == "CTR_EL0"


@pytest.mark.parametrize("name", ["builtin:cortex-a72-linux-6.1", "builtin:max-linux-6.1"])
def test_a_host_without_ccidx_is_not_touched(name: str) -> None:
    of = study(name)
    for label in ("6/7 as posted", "6/7, old value ignored", "6/7, kept if set"):
        assert differing(of.effect(), effect(label, of)) == ()


def test_the_base_follows_the_dump_unless_it_is_named() -> None:
    assert default_base(dump()) == series_base()
    assert default_base(dump("builtin:neoverse-n2-linux-6.12")) == "6.12.107"
    assert study(base="6.1").effect().title == "Linux 6.1"
    assert effect("6/7 as posted", study(base="5.15")).title == "Linux 5.15 + mask-ccidx"


def test_every_overlay_that_ships_is_a_variant_and_a_chosen_one_comes_first() -> None:
    assert {name for one in variants() for name in one.patches} == set(patch_names())
    own = ("hide-mpam", "mask-ccidx")
    assert variants(own)[0] == variant_of(own) and variants(own)[0].label == "without its handlers and 6/7"
    assert variants(("mask-ccidx",)) == variants()


def test_features_that_the_host_lacks_and_sources_without_a_vcpu_are_errors() -> None:
    loaded = dump()
    features = msgspec.structs.replace(QEMU_SETUP, features=QEMU_SETUP.features | 1 << 7)
    with pytest.raises(InspectorError, match=r"el2|ENOENT"):
        PatchStudy(loaded, loaded.vcpus[0], setup=features).effect()
    with pytest.raises(InspectorError, match="no vCPU registers"):
        PatchStudy(loaded, msgspec.structs.replace(loaded.vcpus[0], values={}))


def test_the_outcome_of_the_first_writes_only() -> None:
    after = effect("6/7 as posted", study())
    first = next(place for place, one in enumerate(after.writes) if one.errno)
    assert outcome_of(after.writes[:first], len(after.writes)) == "every write so far accepted"
    assert outcome_of(after.writes[: first + 1], len(after.writes)).startswith(f"1 of {first + 1} refused")


@pytest.mark.parametrize("names", [*ORDER, *((name,) for name in patch_names())], ids="+".join)
def test_every_patch_names_its_series_and_what_it_does(names: tuple[str, ...]) -> None:
    found = variant_of(names)
    assert found.series and found.title and found.label and len(found.label) <= 24


@pytest.mark.parametrize("name", patch_names())
def test_what_every_patch_names_and_changes_can_be_told(name: str) -> None:
    of = study(base="6.1")
    after = of.effect(variant_of((name,)))
    told = [one.name for one in subjects(of.effect(), after)] + [one for one, _ in named_fields(after)]
    assert all("=" not in one for one in told)
    if name == "no-32bit-el0":
        assert named_fields(after) == (("ID_AA64PFR0_EL1.EL0", 2),)


def test_a_kernel_that_has_the_patch_says_so_and_nothing_is_laid_over_it() -> None:
    of = study(base="6.12")
    after = effect("6/7 as posted", of)
    assert already_in(after) == "already in Linux 6.3 (bf48040cd9b0)"
    assert differing(of.effect(), after) == differing(of.effect(), of.effect())
    assert subjects(of.effect(), after) == ()
    assert already_in(effect("6/7, old value ignored", of)) == "" == already_in(of.effect())
    assert effect("7/7 as posted", of).writes == of.effect().writes


def test_the_last_kernel_without_a_patch() -> None:
    without = {one.label: last_without(one) for one in variants()}
    assert without["6/7 as posted"] == without["6/7 and 7/7"] == "6.2.0"
    assert without["6/7, kept if set"] == "" and without["as merged"].startswith("6.12.")


def test_who_sees_what_of_the_patch_as_posted() -> None:
    of = study()
    first, second = subjects(of.effect(), effect("6/7 as posted", of))
    assert (first.name, second.name) == ("ID_AA64MMFR2_EL1.CCIDX", "ID_MMFR4_EL1.CCIDX")
    for one in (first, second):
        assert (one.host, one.saved, one.before.userspace, one.after.userspace) == (1, 1, 1, 0)
        assert (one.before.guest, one.after.guest, one.before.restored) == (1, 0, 1)
        assert one.after.write is not None and one.after.write.errno == errno.EINVAL


def test_the_forms_of_the_patch_differ_in_what_a_saved_vm_meets() -> None:
    of = study()
    ignored, kept = (
        subjects(of.effect(), effect(label, of))[0] for label in ("6/7, old value ignored", "6/7, kept if set")
    )
    assert ignored.after.restored == 0 and kept.after.restored == 1
    assert ignored.after.guest == kept.after.guest == 0


def test_normalised_caches_are_seen_by_new_vms_only() -> None:
    of = study()
    found = subjects(of.effect(), effect("7/7 as posted", of))
    assert {"CCSIDR[0]", "CLIDR_EL1.LoC"} <= {one.name for one in found}
    assert all(one.field == "" for one in found if one.name.startswith("CCSIDR"))


def test_a_patch_that_touches_nothing_here_says_what_the_host_has() -> None:
    of = study()
    after = effect("without its handlers", of)
    assert subjects(of.effect(), after) == ()
    assert named_fields(after) == (("ID_AA64PFR0_EL1.MPAM", 0), ("ID_AA64PFR1_EL1.MPAM_frac", 0))
