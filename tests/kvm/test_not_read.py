"""A host of which only some bits were read: features, vGIC, register list and reset values stay open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.host import HostState, from_raw, knows_gic
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, possible_setup
from inspector.registers.bits import ALL, Partial
from inspector.registers.encoding import CLASS_CORE, SIZE_U128, make_id, sysreg_id
from inspector.registers.ids import IDS, MDCR_EL2, PMCR_EL0, SVE_VLS

PFR0, DFR0, MMFR3 = IDS["ID_AA64PFR0_EL1"], IDS["ID_AA64DFR0_EL1"], IDS["ID_AA64MMFR3_EL1"]
V0 = make_id(CLASS_CORE, 0x54, SIZE_U128)
TCR2, PMCCFILTR = sysreg_id(3, 0, 2, 0, 3), sysreg_id(3, 3, 14, 15, 7)
NOTHING = HostState(values={}, known={}, ccsidr_known=False, vgic_known=False)


def exposed(host: HostState, kernel: str = "6.18", setup: VcpuSetup = QEMU_SETUP) -> Exposure:
    """What a kernel shows of `host`."""
    return expose(host, load_policy(kernel), setup)


@pytest.mark.parametrize(
    ("name", "place", "with_it", "without"),
    [
        ("sve", (PFR0, 32), 1, 0),
        ("pmu_v3", (DFR0, 8), 4, 15),
        ("pmu_v3", (DFR0, 8), 1, 0),
        ("mte", (IDS["ID_AA64PFR1_EL1"], 8), 2, 1),
        ("el1_32bit", (PFR0, 4), 2, 1),
    ],
)
def test_a_capability_is_known_where_its_field_is(
    name: str, place: tuple[int, int], with_it: int, without: int
) -> None:
    reg_id, lsb = place
    assert not NOTHING.capability_known(name)
    for value, there in ((with_it, 1), (without, 0)):
        host = from_raw({reg_id: value << lsb}, known={reg_id: 0xF << lsb})
        assert (host.capability_known(name), host.capability(name)) == (True, there)
    assert possible_setup(QEMU_SETUP, NOTHING.capability) == QEMU_SETUP


def test_pointer_authentication_that_one_field_leaves_open_is_not_known() -> None:
    """Of the three algorithms, one was read as absent."""
    isar1 = IDS["ID_AA64ISAR1_EL1"]
    host = from_raw({isar1: 0}, known={isar1: 0xFF0})
    assert not host.capability_known("ptrauth_address")
    assert from_raw({isar1: 0, IDS["ID_AA64ISAR2_EL1"]: 0}).capability_known("ptrauth_address")


def test_fields_of_features_and_of_the_gic_stay_unknown() -> None:
    exposure = exposed(NOTHING, "6.1")
    for mask in (0xF << 32, 1 << 24):
        assert not exposure.limit_known(PFR0) & mask
    assert exposed(from_raw({PFR0: 1 << 24}), "6.1").limit_known(PFR0) >> 24 & 0xF == 0xF
    assert not knows_gic({PFR0: 0xFF}) and knows_gic({PFR0: ALL})


def test_registers_of_features_that_are_not_known_may_or_may_not_be_listed() -> None:
    exposure = exposed(NOTHING)
    assert {SVE_VLS, PMCCFILTR, TCR2} <= exposure.doubtful.keys()
    assert not exposure.doubtful[V0].held
    assert exposure.doubtful[SVE_VLS].held
    assert exposure.doubtful[TCR2].words == "TCR2 in the VM"
    assert exposed(from_raw({MMFR3: 0, PFR0: 1 << 32})).doubtful.get(TCR2) is None
    whole = from_raw(dict.fromkeys(IDS.values(), 0))
    assert exposed(whole, setup=VcpuSetup()).doubtful == {}


@pytest.mark.parametrize(("reg_id", "there"), [(PMCCFILTR, "accepted"), (TCR2, "the register exists")])
def test_a_write_to_a_register_that_may_not_be_listed_has_both_cases(reg_id: int, there: str) -> None:
    vcpu = Vm(NOTHING, load_policy("6.18"), QEMU_SETUP).vcpu(0)
    verdict = explain_write(vcpu, reg_id, 0)
    assert not verdict.certain
    assert [(case.when.split()[0], case.outcome) for case in verdict.cases] == [
        ("with", there), ("without", "refused (ENOENT)"),
    ]  # fmt: skip


def test_counters_of_a_pmu_that_was_not_read_are_not_none() -> None:
    exposure = exposed(NOTHING)
    assert exposure.known[PMCR_EL0] & 0x1F << 11 == 0 and exposure.known[PMCR_EL0] & 0x3F == 0x3F
    known = exposed(from_raw({PMCR_EL0: 6 << 11}))
    assert Partial(known.values[PMCR_EL0], known.known[PMCR_EL0]).field(15, 11) == 6
    el2 = exposed(NOTHING, setup=VcpuSetup(features=QEMU_SETUP.features | 1 << 7, gic="v3"))
    assert MDCR_EL2 not in el2.listed_set or el2.known[MDCR_EL2] & 0x1F == 0


@given(st.integers(0, ALL), st.integers(0, ALL), st.integers(0, ALL))
def test_what_is_claimed_of_a_host_known_in_part_holds_for_every_host_that_it_may_be(
    value: int, known: int, other: int
) -> None:
    """A bit called known, and a register not in doubt, are the same whatever the unread bits are."""
    part = exposed(from_raw({PFR0: value & known}, known={PFR0: known}), "6.12", VcpuSetup())
    whole = exposed(from_raw({PFR0: value & known | other & ~known}), "6.12", VcpuSetup())
    agreed = part.limit_known(PFR0) & ~(0xFF << 56)
    assert not (part.limit(PFR0) ^ whole.limit(PFR0)) & agreed
    sure = set(part.listed) - part.doubtful.keys()
    assert sure <= set(whole.listed) and set(whole.listed) <= set(part.listed) | part.doubtful.keys()
