"""Grouping of register ids by the feature that lists them."""

from __future__ import annotations

from inspector.checks.feature_groups import FEATURE_SETS, OTHER, feature_key, group_by_feature
from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, make_id, sysreg_id
from inspector.sources import load, shipped_names
from tests.checks.material import pmu_ids


def test_pmu_is_one_group() -> None:
    ids = pmu_ids()
    groups = group_by_feature(ids)
    assert [g.key for g in groups] == ["pmu"]
    assert groups[0].ids == tuple(sorted(ids))
    assert groups[0].headline("missing") == f"{len(ids)} missing: PMUv3"


def test_tcr2_and_pie_say_since_when() -> None:
    (group,) = group_by_feature([sysreg_id(3, 0, 10, 2, 3), sysreg_id(3, 0, 2, 0, 3), sysreg_id(3, 0, 10, 2, 2)])
    assert group.ids == (0x603000000013C103, 0x603000000013C512, 0x603000000013C513)
    assert "FEAT_TCR2" in group.feature
    assert "since 6.13" in group.sentence


def test_each_kind_of_id_has_its_group() -> None:
    assert feature_key(bitmap_id(3)) == "bitmap2"
    assert feature_key(bitmap_id(0)) == "bitmaps"
    assert feature_key(firmware_id(0)) == "firmware"
    assert feature_key(ccsidr_id(2)) == "ccsidr"
    assert feature_key(ccsidr_id(3)) == "ccsidr-fabricated"
    assert feature_key(sysreg_id(3, 0, 9, 14, 6)) == "pmmir"
    assert feature_key(sysreg_id(3, 0, 2, 1, 0)) == "ptrauth"
    assert feature_key(sysreg_id(3, 0, 1, 0, 5)) == "mte"
    assert feature_key(sysreg_id(3, 4, 1, 1, 0)) == "el2"
    assert feature_key(sysreg_id(3, 4, 3, 0, 0)) == "state32"
    assert feature_key(sysreg_id(3, 3, 14, 3, 2)) == OTHER
    assert feature_key(0x606000000015FFFF) == "sve"
    assert feature_key(0x6040000000100054) == "fpsimd"
    assert feature_key(make_id(0x10, 0)) == "core"
    assert feature_key(0x40200000200E0298) == "aarch32"


def test_largest_group_first_and_unknown_last() -> None:
    ids = [*pmu_ids(), bitmap_id(3), *[sysreg_id(3, 0, 13, 0, n) for n in range(4)]]
    assert [g.key for g in group_by_feature(ids)] == ["pmu", "bitmap2", OTHER]


def test_nothing_is_lost_or_doubled() -> None:
    ids = {*pmu_ids(), bitmap_id(0), 1, 2**63, sysreg_id(2, 0, 1, 1, 4)}
    found = [i for g in group_by_feature(ids) for i in g.ids]
    assert sorted(found) == sorted(ids)


def test_keys_are_unique() -> None:
    keys = [s.key for s in FEATURE_SETS]
    assert len(keys) == len(set(keys))


def test_no_vcpu_without_el2_lists_a_register_that_el2_brings() -> None:
    """DACR32_EL2, IFSR32_EL2 and FPEXC32_EL2 are listed by every kernel for every vCPU, EL2 or not."""
    for name in shipped_names():
        for vcpu in load(f"builtin:{name}").vcpus:
            if vcpu.kind == "vcpu" and vcpu.setup and not vcpu.setup.describe().count("el2"):
                assert not [i for i in vcpu.ids if feature_key(i) == "el2"], f"{name}, {vcpu.label}"
