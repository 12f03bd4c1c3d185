"""Registers that are there only while the VM's own ID registers say so, as KVM's visibility hooks ask them."""

from __future__ import annotations

from errno import ENOENT

import msgspec
import pytest

from inspector.kvm.host import from_raw
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.ids import IDS
from tests.kvm.material import host

MMFR0, MMFR3, MMFR4, PFR2 = (IDS[f"ID_AA64{name}_EL1"] for name in ("MMFR0", "MMFR3", "MMFR4", "PFR2"))
EL2 = Feature.PSCI | Feature.EL2
OLD = ["HFGRTR_EL2", "HFGWTR_EL2", "HDFGRTR_EL2", "HDFGWTR_EL2", "HAFGRTR_EL2"]
NEW = ["HFGRTR2_EL2", "HFGWTR2_EL2", "HFGITR2_EL2", "HDFGRTR2_EL2", "HDFGWTR2_EL2"]


def vm(kernel: str, features: int = EL2, **fields: int) -> Vm:
    """A VM on the machine that nests, whose named ID registers are these."""
    base = host("max_nested")
    values = {**base.values, **{IDS[name]: value for name, value in fields.items()}}
    machine = from_raw(values, base.ccsidr, {"sve": 1, "el2": 1, "el2_e2h0": 1})
    return Vm(msgspec.structs.replace(machine, poe=True), load_policy(kernel), VcpuSetup(features=features))


def listed(machine: Vm, *names: str) -> list[str]:
    return [name for name in names if IDS[name] in machine.exposure.listed_set]


@pytest.mark.parametrize(
    ("kernel", "field", "value", "names"),
    [
        ("6.16", "ID_AA64MMFR3_EL1", 0x1, ["TCR2_EL1", "TCR2_EL2"]),
        ("6.16", "ID_AA64MMFR3_EL1", 0x10, []),
        ("6.17", "ID_AA64MMFR3_EL1", 0x10, ["SCTLR2_EL1", "SCTLR2_EL2"]),
        ("7.3", "ID_AA64MMFR3_EL1", 0x100, ["PIR_EL1", "PIR_EL2", "PIRE0_EL2"]),
        ("7.3", "ID_AA64MMFR3_EL1", 0x10000, ["POR_EL1", "POR_EL2"]),
        ("7.3", "ID_AA64MMFR3_EL1", 0, []),
    ],
)
def test_registers_of_el2_go_with_the_fields_of_el1(kernel: str, field: str, value: int, names: list[str]) -> None:
    asked = [f"{name}_EL{level}" for name in ("TCR2", "SCTLR2", "PIR") for level in (1, 2)]
    asked += ["PIRE0_EL2", "POR_EL1", "POR_EL2"]
    assert listed(vm(kernel, **{field: value}), *asked) == names
    assert listed(vm(kernel, Feature.PSCI, **{field: value}), *asked) == [name for name in names if "EL1" in name]


@pytest.mark.parametrize(
    ("kernel", "fgt", "names"),
    [("6.16", 0, OLD), ("6.16", 2, OLD), ("6.17", 0, []), ("6.17", 1, OLD), ("7.3", 2, OLD + NEW)],
)
def test_fine_grained_traps_follow_the_vms_field(kernel: str, fgt: int, names: list[str]) -> None:
    mmfr0 = host("max_nested").value(MMFR0) & ~(0xF << 56) | fgt << 56
    assert listed(vm(kernel, ID_AA64MMFR0_EL1=mmfr0), *OLD, *NEW) == names
    assert listed(vm(kernel, ID_AA64MMFR0_EL1=mmfr0), "HFGITR_EL2") == ["HFGITR_EL2"]


def test_the_vector_length_of_el2_needs_sve() -> None:
    assert listed(vm("7.3"), "ZCR_EL2") == []
    assert listed(vm("7.3", EL2 | Feature.SVE), "ZCR_EL2") == ["ZCR_EL2"]


@pytest.mark.parametrize(("kernel", "held", "shown"), [("7.2", 3, 1), ("7.3", 0, 1), ("7.3", 3, 3), ("7.3", 5, 3)])
def test_nv_frac_and_the_registers_that_go_with_it(kernel: str, held: int, shown: int) -> None:
    machine = vm(kernel, ID_AA64MMFR4_EL1=held << 20)
    assert machine.exposure.limit(MMFR4) >> 20 & 0xF == shown
    names = ["VNCR_EL2"] + ["NVHCR_EL2"] * (shown == 3)
    assert listed(machine, "VNCR_EL2", "NVHCR_EL2") == names
    assert listed(vm(kernel, EL2 | Feature.EL2_E2H0, ID_AA64MMFR4_EL1=held << 20), "VNCR_EL2", "NVHCR_EL2") == []


def test_a_write_of_an_id_register_takes_registers_away_and_brings_them_back() -> None:
    vcpu = vm("6.17", Feature.PSCI, ID_AA64MMFR3_EL1=0x11, ID_AA64PFR2_EL1=1 << 32).vcpu(0)
    tcr2, fpmr = IDS["TCR2_EL1"], IDS["FPMR"]
    assert explain_write(vcpu, tcr2, 5).errno == 0 and {tcr2, fpmr} <= set(vcpu.get_reg_list())
    assert vcpu.set_one_reg(MMFR3, 0x10) == 0
    verdict = explain_write(vcpu, tcr2, 5)
    assert (verdict.errno, verdict.certain) == (ENOENT, True)
    assert verdict.reason == "TCR2_EL1 is there only with TCR2 in the VM, whose ID registers say otherwise now."
    assert vcpu.get_one_reg(tcr2) == (ENOENT, None) and not vcpu.keeps(tcr2, 5)
    assert tcr2 not in vcpu.get_reg_list() and vcpu.get_one_reg(fpmr) == (0, 0)
    assert vcpu.set_one_reg(MMFR3, 0x11) == 0 and vcpu.get_one_reg(tcr2) == (0, 5)


def test_the_first_run_takes_away_what_the_vm_has_no_use_for() -> None:
    machine = vm("7.3.4", Feature.PSCI, ID_AA64MMFR3_EL1=0x101, ID_AA64ISAR2_EL1=0)
    pir = IDS["PIR_EL1"]
    assert machine.vcpu(0).get_one_reg(pir)[0] == 0
    assert machine.run(0) == 0
    assert machine.vcpu(0).get_one_reg(pir) == (ENOENT, None)


def test_fewer_counters_hide_bits_that_were_written_before() -> None:
    """Recorded on 7.3.4 on QEMU's max: PMCR_EL0.N of one vCPU narrows what another one reads."""
    base = host("max")
    machine = Vm(base, load_policy("7.3"), VcpuSetup(features=int(Feature.PSCI | Feature.PMU)), 2)
    first, second = machine.vcpus
    enabled = IDS["PMCNTENSET_EL0"]
    assert first.set_one_reg(enabled, 0x8000003F) == 0 and first.value(enabled) == 0x8000003F
    assert second.value(enabled) == 0x8000001E
    assert first.set_one_reg(IDS["PMCR_EL0"], 4 << 11) == 0
    assert (first.value(enabled), second.value(enabled)) == (0x8000000F, 0x8000000E)


def test_the_first_run_fixes_bits_of_the_registers_of_el2() -> None:
    """Linux 7.2.13 on QEMU's max: HCRX_EL2 read back 0x8 of 0xF, MDCR_EL2 6 of 0xF006; before the run all was kept."""
    machine = vm("7.2")
    vcpu, hcrx = machine.vcpu(0), IDS["HCRX_EL2"]
    before = explain_write(vcpu, hcrx, 0xF)
    assert (before.errno, before.after, before.certain) == (0, 0xF, True) and vcpu.keeps(hcrx, 0xF)
    assert machine.run(0) == 0
    after = explain_write(vcpu, hcrx, 0xF)
    assert (after.certain, after.after, after.before) == (False, None, None)
    assert "the VM's features" in after.reason and not vcpu.keeps(hcrx, 0xF)


def test_a_vcpu_without_el2_keeps_sctlr_after_the_run() -> None:
    machine = vm("7.2", Feature.PSCI)
    vcpu, sctlr = machine.vcpu(0), IDS["SCTLR_EL1"]
    assert machine.run(0) == 0
    assert explain_write(vcpu, sctlr, 0x30D509E8).after == 0x30D509E8
