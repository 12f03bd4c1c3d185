"""What a vCPU with EL2 is offered, register by register and release by release."""

from __future__ import annotations

from errno import EINVAL

import msgspec
import pytest

from inspector.kvm.host import from_raw
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.ids import ID_SPACE, IDS
from tests.kvm.material import exposure, vm

REGISTERS = (
    "ID_AA64PFR0_EL1",
    "ID_AA64PFR1_EL1",
    "ID_AA64PFR2_EL1",
    "ID_AA64ISAR0_EL1",
    "ID_AA64ISAR1_EL1",
    "ID_AA64MMFR0_EL1",
    "ID_AA64MMFR1_EL1",
    "ID_AA64MMFR2_EL1",
    "ID_AA64MMFR4_EL1",
    "ID_AA64DFR0_EL1",
)

OFFERED = {
    "6.15.0": (
        0x1103000001331111, 0x33, 0x300000000, 0x3333333330333330, 0x333303300333003, 0x1300022233330333,
        0x30000333330, 0x3301033300003333, 0xE100000, 0x303003,
    ),
    "6.17.0": (
        0x1103000031331111, 0x33, 0x300000000, 0x3333333330333330, 0x333303300333003, 0x1300022233330333,
        0x30000333330, 0x3301033300003333, 0xE100000, 0x303003,
    ),
    "6.18.0": (
        0x1103000031331111, 0x300000000000033, 0x300000000, 0x3333333330333330, 0x333303300333003, 0x1300022233330333,
        0x3030330303333330, 0x3301033300003333, 0xE100000, 0x3000303003,
    ),
    "6.19.0": (
        0x1103000031331111, 0x300000000000033, 0x300000000, 0x3333333330333330, 0x333303300333003, 0x1300022233330333,
        0x3030330333333331, 0x3301033300003333, 0xE100000, 0x3000303003,
    ),
    "7.3.0": (
        0x1103000031331111, 0x300000000000033, 0x300000000, 0x3333333330333330, 0x333303300333003, 0x1300022233330333,
        0x3030330333333331, 0x3301033300003333, 0xE300000, 0x3000303003,
    ),
}  # fmt: skip
"""Of a host whose every ID field is 3, by the release whose limit_nv_id_reg() it is (arch/arm64/kvm/nested.c)."""

E2H0 = {"ID_AA64MMFR1_EL1": 0xF << 8, "ID_AA64MMFR4_EL1": (1 << 64) - 1}
"""What a vCPU that was created for a hypervisor without VHE lacks besides."""


@pytest.mark.parametrize("kernel", OFFERED)
@pytest.mark.parametrize("e2h0", [False, True])
def test_a_vcpu_with_el2_is_offered_what_kvm_can_nest(kernel: str, e2h0: bool) -> None:
    features = Feature.PSCI | Feature.EL2 | (Feature.EL2_E2H0 if e2h0 else Feature.EL2)
    shown = exposure(from_raw(dict.fromkeys(ID_SPACE, 0x3333333333333333)), kernel, VcpuSetup(features=int(features)))
    for name, value in zip(REGISTERS, OFFERED[kernel], strict=True):
        assert shown.limit(IDS[name]) == value & ~(E2H0.get(name, 0) if e2h0 else 0), name


@pytest.mark.parametrize(("page_size", "granules"), [(4096, 0x222), (16384, 0x122), (65536, 0x121)])
def test_the_stage_2_granules_follow_the_hosts_page_size(page_size: int, granules: int) -> None:
    machine = msgspec.structs.replace(from_raw({IDS["ID_AA64MMFR0_EL1"]: 0x00100000}), page_size=page_size)
    shown = exposure(machine, "6.18.0", VcpuSetup(features=int(Feature.PSCI | Feature.EL2)))
    assert shown.limit(IDS["ID_AA64MMFR0_EL1"]) >> 32 & 0xFFF == granules


@pytest.mark.parametrize(
    ("field", "page_size", "granules"),
    [
        (0x121 << 32 | 0xF << 24, 4096, 0x020), (0x121 << 32 | 0xF << 24, 16384, 0x120),
        (0x0F000000, 4096, 0x200), (0x0F000000, 16384, 0x100), (0x0F000000, 65536, 0x101),
        (0xF0000000, 4096, 0x020), (0x210 << 32, 4096, 0x200),
    ],
)  # fmt: skip
def test_a_granule_that_the_host_lacks_is_left_to_the_field_of_stage_1(
    field: int, page_size: int, granules: int
) -> None:
    """limit_nv_id_reg() says "not implemented" of granules below the host's pages only."""
    machine = msgspec.structs.replace(from_raw({IDS["ID_AA64MMFR0_EL1"]: field}), page_size=page_size)
    shown = exposure(machine, "7.3", VcpuSetup(features=int(Feature.PSCI | Feature.EL2)))
    assert shown.limit(IDS["ID_AA64MMFR0_EL1"]) >> 32 & 0xFFF == granules


@pytest.mark.parametrize(
    ("features", "capabilities", "errno"),
    [
        (Feature.EL2, ("el2", "el1_32bit"), 0), (Feature.EL2 | Feature.EL1_32BIT, ("el2", "el1_32bit"), EINVAL),
        (Feature.EL2 | Feature.EL2_E2H0, ("el2",), EINVAL), (Feature.EL2 | Feature.EL2_E2H0, ("el2", "el2_e2h0"), 0),
        (Feature.EL2_E2H0, (), 0), (Feature.EL2_E2H0 | Feature.EL1_32BIT, ("el1_32bit",), 0),
    ],
)  # fmt: skip
def test_what_goes_with_el2(features: Feature, capabilities: tuple[str, ...], errno: int) -> None:
    """kvm_vcpu_init_check_features(), system_supported_vcpu_features() and kvm_vcpu_init_nested(), v7.2 and v7.3."""
    names = ("el1_32bit", "el2", "el2_e2h0")
    machine = from_raw(dict.fromkeys(ID_SPACE, 0), {}, {name: int(name in capabilities) for name in names})
    for kernel in ("7.2", "7.3"):
        assert vm(machine, kernel, VcpuSetup(features=int(Feature.PSCI | features))).init_errno == errno


def test_a_vcpu_without_el2_loses_nothing_by_these_rules() -> None:
    shown = exposure(from_raw(dict.fromkeys(ID_SPACE, 0x3333333333333333)), "7.3.0")
    assert shown.limit(IDS["ID_AA64MMFR2_EL1"]) >> 16 & 0xF == 3
