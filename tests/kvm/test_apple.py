"""Apple's CPUs under Linux: neither their interrupt controller nor their PMU is what the ID registers would tell.

vgic_info of drivers/irqchip/irq-apple-aic.c; has_impdef_pmuv3() of arch/arm64/kernel/cpu_errata.c, v6.15, and
kvm_arm_pmu_get_pmuver_limit() and kvm_arm_pmu_get_max_counters() of arch/arm64/kvm/pmu-emul.c.
"""

from __future__ import annotations

from errno import EINVAL

import msgspec
import pytest

from inspector.checks.machine.known_host import host_of
from inspector.kvm.creation import vcpu_init
from inspector.kvm.host import HostState, vgic_of
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.policies.loader import load_policy
from inspector.registers.ids import ID_AA64DFR0_EL1, ID_AA64PFR0_EL1, MIDR_EL1, PMCR_EL0
from inspector.sources import load
from tests.kvm.material import MINIMAL, PMU_GIC, exposure, made_up

M1, M3 = 0x611F0231, 0x610F0421


def apple(midr: int = M1, **given: int) -> HostState:
    """ID_AA64PFR0_EL1 and ID_AA64DFR0_EL1 as arm-cpusysregs read them on an M1 (cores.toml)."""
    return made_up(MIDR_EL1=midr, ID_AA64PFR0_EL1=0x1101000010110111, ID_AA64DFR0_EL1=0x10305F09, **given)


@pytest.mark.parametrize(
    ("midr", "kernel", "errno", "version"),
    [(M1, "6.14", EINVAL, 0), (M1, "6.15", 0, 1), (M1, "7.3", 0, 1), (M3, "7.3", EINVAL, 0)],
    ids=["before v6.15", "v6.15", "v7.3", "a core that is not on the list"],
)
def test_since_6_15_a_pmu_of_one_counter_is_made_of_apples_own(
    midr: int, kernel: str, errno: int, version: int
) -> None:
    shown = exposure(apple(midr), kernel, PMU_GIC)
    assert vcpu_init(shown) == errno
    assert shown.limits[ID_AA64DFR0_EL1].value >> 8 & 0xF == version
    assert shown.limits[ID_AA64DFR0_EL1].known >> 8 & 0xF == 0xF
    assert exposure(apple(midr), kernel, MINIMAL).limit(ID_AA64DFR0_EL1) >> 8 & 0xF == 0
    if not errno:
        assert shown.values[PMCR_EL0] >> 11 & 0x1F == 1 and shown.known[PMCR_EL0] >> 11 & 0x1F == 0x1F


def test_a_vcpu_with_such_a_pmu_says_nothing_of_a_pmu_for_older_kernels() -> None:
    shown = exposure(apple(), "6.15", PMU_GIC)
    saved = from_vcpu(shown.values, PMU_GIC, load_policy("6.15"))
    again = exposure(saved, "7.3", PMU_GIC)
    assert again.limits[ID_AA64DFR0_EL1].value == shown.limit(ID_AA64DFR0_EL1) and vcpu_init(again) == 0
    assert vcpu_init(exposure(saved, "6.14", PMU_GIC)) == EINVAL


@pytest.mark.parametrize(("kernel", "version", "errno"), [("6.12", 15, 0), ("7.3", 15, EINVAL), ("6.12", 4, EINVAL)])
def test_a_kernel_s_no_to_a_pmu_counts_where_it_could_have_made_one(kernel: str, version: int, errno: int) -> None:
    dump = load(f"builtin:neoverse-n2-linux-{kernel}")
    assert dump.host is not None
    values = {**apple().values, ID_AA64DFR0_EL1: 0x1030_5009 | version << 8}
    machine = msgspec.structs.replace(dump.host, values=values)
    asked = host_of(msgspec.structs.replace(dump, host=machine, capabilities={"pmu_v3": 0}))
    assert asked is not None and vcpu_init(exposure(asked, "7.3", PMU_GIC)) == errno


def test_apples_cpus_have_what_a_vgicv3_needs() -> None:
    machine = apple()
    assert machine.value(ID_AA64PFR0_EL1) >> 24 & 0xF == 0 and machine.value(MIDR_EL1) == M1
    assert vgic_of(machine.values, machine.known) == "v3"


@pytest.mark.parametrize(("midr", "known"), [(M1, 0), (0x410FD493, 0xF)], ids=["M1", "Neoverse N2"])
def test_a_vm_without_pmu_does_not_tell_that_its_host_has_none_of_its_own(midr: int, known: int) -> None:
    """5.12 to 6.1 show IMPLEMENTATION DEFINED to VMs without a vPMU; later kernels show 0, whatever the host has."""
    real = apple(midr) if midr == M1 else made_up(MIDR_EL1=midr, ID_AA64PFR0_EL1=0x11, ID_AA64DFR0_EL1=0x10305509)
    machine = from_vcpu(exposure(real, "6.12").values, MINIMAL, load_policy("6.12"))
    for kernel in ("5.12", "6.1"):
        shown, there = exposure(machine, kernel), exposure(real, kernel)
        assert shown.known[ID_AA64DFR0_EL1] >> 8 & 0xF == known
        wrong = shown.values[ID_AA64DFR0_EL1] ^ there.values[ID_AA64DFR0_EL1]
        assert wrong & shown.known[ID_AA64DFR0_EL1] == 0
