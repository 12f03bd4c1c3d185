"""Register values that cannot occur together, and what a register list tells of the vCPU's features."""

from __future__ import annotations

import pytest

from inspector.checks.restore import combinations as c
from inspector.policies.setup import Feature
from inspector.registers.encoding import POISON, ccsidr_id, sysreg_id
from inspector.registers.ids import (
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR2_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AA64ZFR0_EL1,
    PMUSERENR_EL0,
    PSTATE,
    ZCR_EL1,
    APIAKeyLo_EL1,
)
from inspector.sources import load, shipped_names
from inspector.sources.vcpu_setup import infer_setup


@pytest.fixture(scope="module")
def real() -> dict[int, int]:
    return dict(load("builtin:neoverse-n2-linux-6.12").vcpus[0].values)


@pytest.mark.parametrize("name", shipped_names())
def test_real_vcpus_break_no_rule_and_show_their_features(name: str) -> None:
    for vcpu in load(f"builtin:{name}").vcpus:
        if vcpu.kind != "vcpu":
            continue
        assert c.impossible(vcpu.values, vcpu.index) == []
        assert vcpu.setup is not None
        assert infer_setup(vcpu.values).features == vcpu.setup.features


def test_lists_betray_features(real: dict[int, int]) -> None:
    assert infer_setup(real | {sysreg_id(3, 0, 1, 0, 5): 0}).mte
    assert infer_setup(real | {PSTATE: 0x1D3}).has(Feature.EL1_32BIT)
    assert not infer_setup(real | {PSTATE: 0x10}).has(Feature.EL1_32BIT)
    assert not infer_setup({i: v for i, v in real.items() if i != APIAKeyLo_EL1}).ptrauth


def test_linux_5_10_lists_pmu_registers_without_a_pmu() -> None:
    values = dict(load("builtin:neoverse-n2-linux-5.10").vcpus[0].values)
    assert infer_setup(values, "qemu").has(Feature.PMU)
    assert not infer_setup(values, "firecracker").has(Feature.PMU)


CLEAR = ~(0xF << 32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({ID_AA64PFR0_EL1: 0x1101000121110112 & CLEAR, ZCR_EL1: None}, "ID_AA64ZFR0_EL1 is"),
        ({ID_AA64PFR0_EL1: 0x1101000121110112 & CLEAR, ID_AA64ZFR0_EL1: 0}, "SVE registers are listed"),
        ({ZCR_EL1: None}, "no SVE register is listed"),
        ({APIAKeyLo_EL1: None}, "no key register is listed"),
        ({ID_AA64PFR1_EL1: 0x221}, "no tag register is listed"),
        ({PMUSERENR_EL0: None}, "no PMU register is listed"),
        ({ID_AA64MMFR2_EL1: 0x1221011112101011}, "CCIDX is 1 in ID_AA64MMFR2_EL1 and 0 in ID_MMFR4_EL1"),
        ({ID_AA64PFR0_EL1: 0x1101000121110111}, "AArch32 ID registers are not zero"),
        ({ID_AA64PFR0_EL1: 0x11010001211F0112}, "no floating point"),
        ({ID_AA64PFR0_EL1: 0x1101000121120112}, "the two are always equal"),
        ({ID_AA64MMFR0_EL1: 0xFF000125}, "no translation granule"),
        ({ccsidr_id(1): 0}, "lines of 16 bytes"),
        ({CLIDR_EL1: 0x3000004}, "level of coherence at 3"),
        ({CLIDR_EL1: 0x2000020}, "but none at level 1"),
        ({CTR_EL0: POISON}, "never initialised"),
    ],
)
def test_each_rule_sees_its_breach(real: dict[int, int], change: dict[int, int | None], words: str) -> None:
    values = {i: v for i, v in (real | change).items() if v is not None}
    if ZCR_EL1 in change:
        values = {i: v for i, v in values.items() if i >> 16 & 0xFFF != 0x15}
    found = c.impossible(values, 3)
    assert any(words in remark.text for remark in found), [remark.text for remark in found]
    assert all(remark.vcpus == (3,) and remark.severity == "changes" for remark in found)
