"""What kernels show: numbers measured on real kernels, and those that the facts state for machines not recorded
here."""

from __future__ import annotations

import msgspec
import pytest

from inspector.kvm import cpus as cores
from inspector.kvm.caches import cache_exists, make_clidr, min_line
from inspector.kvm.firmware import workaround_levels
from inspector.kvm.guest import fresh_guest
from inspector.kvm.host import Vgic, effective_ctr, from_raw, sanitise
from inspector.kvm.inference.el0 import el0_values, from_el0
from inspector.kvm.words.showing import explain_register
from inspector.policies.loader import load_policy
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import POISON, ccsidr_id
from inspector.registers.ids import AARCH32_IDS, IDS, WORKAROUND_1, WORKAROUND_2, WORKAROUND_3, id_of
from inspector.registers.naming import name_of
from tests.kvm import material as hosts
from tests.kvm.material import EL2, EL2_E2H0, MINIMAL, MTE, PMU, PMU_GIC, SVE, a64fx, exposure, host, made_up

MMFR0, MMFR1, MMFR2, MMFR4 = (IDS[f"ID_AA64MMFR{n}_EL1"] for n in (0, 1, 2, 4))
PFR0, PFR1, DFR0 = IDS["ID_AA64PFR0_EL1"], IDS["ID_AA64PFR1_EL1"], IDS["ID_AA64DFR0_EL1"]
ID_MMFR4, ID_DFR0, CTR, CLIDR = IDS["ID_MMFR4_EL1"], IDS["ID_DFR0_EL1"], IDS["CTR_EL0"], IDS["CLIDR_EL1"]


@pytest.mark.parametrize(
    ("kernel", "mmfr2", "mmfr4", "clidr", "count"),
    [
        ("5.10", 0x1221011112101011, 0x01021110, 0x1482000023, 3),
        ("6.1", 0x1221011112101011, 0x01021110, 0x1482000023, 3),
        ("6.2", 0x1221011112101011, 0x01021110, 0x1482000023, 3),
        ("6.3", 0x1221011112001011, 0x00021110, 0x1000004, 14),
        ("6.12", 0x1221011112001011, 0x00021110, 0x1000004, 14),
        ("6.14", 0x1221011112001011, 0x00021110, 0x1000004, 14),
        ("6.15", 0x1221011110001011, 0x00021110, 0x1000004, 14),
        ("7.3", 0x1221011110001011, 0x00021110, 0x1000004, 14),
    ],
)
def test_ccidx_on_neoverse_n2(kernel: str, mmfr2: int, mmfr4: int, clidr: int, count: int) -> None:
    shown = exposure("neoverse-n2", kernel)
    assert shown.values[MMFR2] == mmfr2
    assert shown.values[ID_MMFR4] == mmfr4
    assert shown.values[CLIDR] == clidr
    demux = [i for i in shown.listed if i >> 16 & 0xFFF == 0x11]
    assert len(demux) == count
    assert [shown.values[i] for i in demux] == ([0x1A, 0x1A, 0x3A] if count == 3 else [2] * 14)
    assert shown.values[CTR] == 0xB444C004


@pytest.mark.parametrize(
    ("idc", "dic", "mte", "clidr"),
    [
        (1, 1, False, 0x1000004), (1, 0, False, 0x2000021), (0, 0, False, 0x9200003),
        (1, 1, True, 0x401000004), (1, 0, True, 0x1002000021),
    ],
)  # fmt: skip
def test_fabricated_clidr(idc: int, dic: int, mte: bool, clidr: int) -> None:
    assert make_clidr(0x8444C004 & ~(3 << 28) | idc << 28 | dic << 29, mte) == clidr


def test_line_sizes_come_from_the_matching_half_of_ctr() -> None:
    ctr = 0x84458003
    assert min_line(ctr, 0) == 3
    assert min_line(ctr, 1) == 1


def test_effective_ctr() -> None:
    assert effective_ctr(0x86668006, 0x02000023) == 0x96668006
    assert effective_ctr(0x86668006, 0x0A200023) == 0x86668006
    assert effective_ctr(0x86668006, 0) == 0x96668006
    assert exposure(a64fx(), "6.1").values[CTR] == 0x96668006
    assert fresh_guest(exposure(a64fx(), "6.1"))[CTR] == 0x86668006
    assert fresh_guest(exposure(a64fx(), "6.12"))[CTR] == 0x96668006


def test_a_host_without_aarch32() -> None:
    for kernel in ("5.10", "6.1", "6.12", "7.3"):
        shown = exposure(a64fx(), kernel, PMU)
        expected = 0x4000000 if kernel in ("6.12", "7.3") else 0
        assert shown.values[ID_DFR0] == expected, kernel
        assert not any(shown.values[i] for i in AARCH32_IDS if i != ID_DFR0)
        assert shown.ignores_writes(ID_DFR0) is not None or kernel == "5.10"
    assert exposure(a64fx(), "7.3").values[ID_DFR0] == 0
    hidden = [i for i in AARCH32_IDS if exposure(a64fx(), "7.3").ignores_writes(i) is None]
    assert [name_of(i) for i in hidden] == ["ID_AFR0_EL1", "S3_0_C0_C3_3", "ID_DFR1_EL1", "S3_0_C0_C3_7"]


_LEVELS = [
    ("neoverse-n2", 0x410FD493, 1, (2, 0, 1), (2, 0, 1)), ("neoverse-v1", 0x411FD402, 1, (2, 0, 1), (2, 0, 1)),
    ("cortex-a710", 0x412FD471, 1, (2, 0, 1), (2, 0, 1)), ("neoverse-n1", 0x414FD0C1, 1, (2, 0, 1), (2, 0, 1)),
    ("cortex-a76", 0x414FD0B1, 1, (2, 0, 1), (2, 0, 1)), ("max", 0x000F0510, 3, (2, 0, 2), (2, 0, 2)),
    ("cortex-a72", 0x410FD083, 0, (0, 0, 0), (0, 0, 0)), ("cortex-a57", 0x411FD070, 0, (0, 0, 0), (0, 0, 0)),
    ("cortex-a55", 0x412FD050, 0, (2, 3, 2), (2, 3, 2)), ("a64fx", 0x461F0010, 0, (0, 0, 2), (0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("model", "midr", "csv2", "old", "new"), _LEVELS, ids=[row[0] for row in _LEVELS])
def test_mitigation_levels(
    model: str, midr: int, csv2: int, old: tuple[int, int, int], new: tuple[int, int, int]
) -> None:
    ssbs = 0 if model in ("cortex-a72", "cortex-a57", "a64fx") else 2
    machine = made_up(MIDR_EL1=midr, ID_AA64PFR0_EL1=csv2 << 56 | 0x1112, ID_AA64PFR1_EL1=ssbs << 4)
    for kernel, levels in (("5.10", old), ("6.1", new), ("6.12", new), ("7.3", new)):
        found = workaround_levels(exposure(machine, kernel))
        assert (found[WORKAROUND_1], found[WORKAROUND_2], found[WORKAROUND_3]) == levels, kernel
    unaffected = old[0] == 2
    assert exposure(machine, "6.12").values[PFR0] >> 56 & 0xF == (1 if unaffected else csv2)


def test_given_mitigation_states_win() -> None:
    machine = host("cortex-a72")
    given = msgspec.structs.replace(machine, spectre_v2=1, meltdown_safe=False, ssb=1, bhb=2)
    found = workaround_levels(exposure(given, "6.12"))
    assert [found[i] for i in (WORKAROUND_1, WORKAROUND_2, WORKAROUND_3)] == [1, 1, 2]
    assert exposure(given, "6.1").values[PFR0] >> 60 == 0
    assert exposure(machine, "6.1").values[PFR0] >> 60 == 1


def test_the_first_workaround_register_of_5_10_had_no_branch_history() -> None:
    assert WORKAROUND_3 not in exposure("cortex-a72", "5.10.0").firmware
    assert WORKAROUND_3 in exposure("cortex-a72", "5.10").firmware


@pytest.mark.parametrize(
    ("kernel", "with_pmu", "without"),
    [("5.10", 4, 4), ("5.11", 4, 4), ("5.12", 5, 0), ("6.1", 5, 0), ("6.2", 6, 0), ("6.5", 6, 0), ("7.3", 6, 0)],
)
def test_pmu_version(kernel: str, with_pmu: int, without: int) -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112, ID_AA64DFR0_EL1=0x10305706, ID_DFR0_EL1=0x7000006)
    assert exposure(machine, kernel, PMU).values[DFR0] >> 8 & 0xF == with_pmu
    assert exposure(machine, kernel).values[DFR0] >> 8 & 0xF == without
    assert exposure(machine, kernel, PMU).values[ID_DFR0] >> 24 & 0xF == with_pmu


@pytest.mark.parametrize(("kernel", "shown"), [("5.10", 15), ("6.1", 15), ("6.2", 0), ("6.5", 0), ("7.3", 0)])
def test_an_implementation_defined_pmu(kernel: str, shown: int) -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112, ID_AA64DFR0_EL1=0x10305F06)
    assert exposure(machine, kernel).values[DFR0] >> 8 & 0xF == shown


def test_an_armv8_pmu_is_version_3_for_aarch32() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112, ID_AA64DFR0_EL1=0x10305106, ID_DFR0_EL1=0x3000006)
    assert exposure(machine, "6.12", PMU).values[ID_DFR0] >> 24 == 3


@pytest.mark.parametrize(
    ("kernel", "debug"), [("5.10", 9), ("5.11", 9), ("5.12", 6), ("6.6", 6), ("6.7", 9), ("7.3", 9)]
)
def test_debug_architecture(kernel: str, debug: int) -> None:
    assert exposure("neoverse-n2", kernel).values[DFR0] & 0xF == debug
    newer = made_up(ID_AA64PFR0_EL1=0x1112, ID_AA64DFR0_EL1=0xB)
    assert exposure(newer, kernel).values[DFR0] & 0xF == {9: 11 if kernel < "5.12" else 10, 6: 6}[debug]


def test_debug_cap_is_ten() -> None:
    newer = made_up(ID_AA64PFR0_EL1=0x1112, ID_AA64DFR0_EL1=0xB, ID_DFR0_EL1=0xB)
    assert exposure(newer, "6.7").values[DFR0] & 0xF == 10
    assert exposure(newer, "6.7").values[ID_DFR0] & 0xF == 10
    assert exposure(newer, "6.6").values[ID_DFR0] & 0xF == 11


def test_gic_field() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112)
    assert exposure(machine, "5.15").values[PFR0] >> 24 & 0xF == 0
    assert exposure(machine, "5.16").values[PFR0] >> 24 & 0xF == 1
    other = msgspec.structs.replace(machine, vgic="v2")
    assert exposure(other, "6.1").values[PFR0] >> 24 & 0xF == 0


def test_mpam_is_hidden_from_6_13_and_its_stable_copies() -> None:
    machine = made_up(ID_AA64PFR0_EL1=0x1112 | 1 << 40, ID_AA64PFR1_EL1=1 << 16)
    for kernel, pfr0, frac in (("6.1", 1, 1), ("6.11", 1, 1), ("6.12.0", 1, 0), ("6.12.43", 0, 0), ("6.13", 0, 0)):
        shown = exposure(machine, kernel)
        assert (shown.values[PFR0] >> 40 & 0xF, shown.values[PFR1] >> 16 & 0xF) == (pfr0, frac), kernel
    assert exposure(machine, "6.6+hide-mpam").values[PFR0] >> 40 & 0xF == 0


def test_memory_tagging() -> None:
    for kernel, setup, shown in (("6.1", MTE, 3), ("6.1", MINIMAL, 0), ("7.3", MTE, 3), ("5.10", MINIMAL, 0)):
        assert exposure("max", kernel, setup).values[PFR1] >> 8 & 0xF == shown
    assert exposure("max", "6.12", MTE).values[CLIDR] == 0x401000004
    assert exposure("max", "6.1", MTE).values[CLIDR] == 0x2000023


def test_tag_details_and_ras_details() -> None:
    machine = made_up(
        ID_AA64PFR0_EL1=0x10001112, ID_AA64PFR1_EL1=0xF << 40 | 2 << 8 | 1 << 12 | 1 << 56, ID_AA64PFR2_EL1=0x110
    )
    assert exposure(machine, "6.15", MTE).values[PFR1] >> 40 & 0xF == 0
    assert exposure(machine, "6.16", MTE).values[PFR1] >> 40 & 0xF == 15
    assert exposure(machine, "6.16").values[PFR1] >> 40 & 0xF == 0
    assert exposure(machine, "6.16").values[PFR1] >> 56 & 0xF == 0
    assert exposure(machine, "6.17").values[PFR1] >> 56 & 0xF == 1
    assert exposure(machine, "6.17").values[PFR1] >> 12 & 0xF == 1
    without = made_up(ID_AA64PFR0_EL1=0x20001112, ID_AA64PFR1_EL1=1 << 12)
    assert exposure(without, "6.16").values[PFR1] >> 12 & 0xF == 1
    assert exposure(without, "6.17").values[PFR1] >> 12 & 0xF == 0
    assert exposure(machine, "6.17", MTE).values[IDS["ID_AA64PFR2_EL1"]] == 0x110
    assert exposure(machine, "6.17").values[IDS["ID_AA64PFR2_EL1"]] == 0


def test_registers_appear_with_their_releases() -> None:
    machine = made_up(
        ID_AA64PFR0_EL1=0x1112, ID_AA64ISAR3_EL1=0x11010010, ID_AA64MMFR3_EL1=0x10111, ID_AA64MMFR4_EL1=0xE100000,
        ID_AA64ISAR1_EL1=0x1100000000000000, ID_AA64ISAR2_EL1=0x1000000000010000, ID_AA64FPFR0_EL1=0x8000,
    )  # fmt: skip
    seen = {
        name: [exposure(machine, kernel).values[IDS[f"ID_AA64{name}_EL1"]] for kernel in kernels]
        for name, kernels in (
            ("ISAR3", ("6.13", "6.14", "6.18", "7.1")), ("MMFR3", ("6.4", "6.5", "6.12", "6.17")),
            ("MMFR4", ("6.8", "6.9", "6.15")), ("ISAR1", ("6.11", "6.12", "7.0")), ("ISAR2", ("6.6", "6.7", "7.2")),
            ("FPFR0", ("6.11", "7.1", "7.2")),
        )
    }  # fmt: skip
    assert seen == {
        "ISAR3": [0, 0x10000010, 0x10010010, 0x11010010], "MMFR3": [0, 0x101, 0x10101, 0x10111],
        "MMFR4": [0, 0xE000000, 0xE100000], "ISAR1": [0, 1 << 56, 0x11 << 56],
        "ISAR2": [0, 1 << 16, 1 << 60 | 1 << 16], "FPFR0": [0, 0, 0x8000],
    }  # fmt: skip


def test_nested_limits_on_max() -> None:
    old, new, newest = (exposure("max_nested", k, EL2) for k in ("6.16", "6.18", "7.1"))
    e2h0 = exposure("max_nested", "6.18", EL2_E2H0)
    assert old.values[DFR0] == 0x305607
    assert new.values[DFR0] == newest.values[DFR0] == 0x30560A
    assert old.values[MMFR1] == 0x10000312120
    assert new.values[MMFR1] == 0x10110000312120
    assert newest.values[MMFR1] == 0x10110010312121
    assert e2h0.values[MMFR1] == 0x10110000312020
    assert old.values[MMFR0] == new.values[MMFR0] == 0x1100022210200125
    assert new.values[MMFR2] == 0x1201011100001011
    assert (new.values[MMFR4], e2h0.values[MMFR4]) == (0xE100000, 0)
    assert old.values[PFR0] & 0xFFFFFFFF == 0x01111111
    assert new.values[PFR0] & 0xFFFFFFFF == 0x21111111


def test_nested_granules_follow_the_host_page_size() -> None:
    raw = host("max_nested")
    for page, granules in ((4096, 0x222), (16384, 0x122), (65536, 0x121)):
        machine = msgspec.structs.replace(raw, page_size=page)
        assert exposure(machine, "6.18", EL2).values[MMFR0] >> 32 & 0xFFF == granules


@pytest.mark.parametrize(
    ("kernel", "setup", "size"),
    [
        ("5.10", MINIMAL, 312), ("6.1", MINIMAL, 242), ("6.12", MINIMAL, 259), ("6.16", MINIMAL, 257),
        ("7.3", MINIMAL, 257), ("5.10", PMU, 312), ("6.1", PMU, 316), ("7.3", PMU, 332), ("6.12", SVE, 278),
        ("6.12", MTE, 263), ("6.12", hosts.GIC, 259),
    ],
)  # fmt: skip
def test_list_sizes(kernel: str, setup: VcpuSetup, size: int) -> None:
    shown = exposure("max", kernel, setup)
    assert len(shown.listed) == len(set(shown.listed)) == size
    assert set(shown.values) == set(shown.listed)


def test_list_sizes_with_el2() -> None:
    def extra(kernel: str, setup: VcpuSetup) -> int:
        plain = VcpuSetup(features=setup.features & 0x7F, gic="v3")
        return len(exposure("max_nested", kernel, setup).listed) - len(exposure("max_nested", kernel, plain).listed)

    assert (extra("6.16", EL2), extra("6.16", EL2_E2H0)) == (69, 68)
    assert (extra("6.18", EL2), extra("6.18", EL2_E2H0)) == (44, 41)
    assert (extra("7.3", EL2), extra("7.3", EL2_E2H0)) == (44, 41)


def test_pmcr_and_plain_registers_after_reset() -> None:
    pmcr = IDS["PMCR_EL0"]
    assert exposure("neoverse-n2", "6.1", PMU).values[pmcr] == 0x30AC
    assert exposure("neoverse-n2", "6.12", PMU).values[pmcr] == 0x3000
    assert exposure(a64fx(), "6.1", PMU).values[pmcr] == 0x460140EC
    assert exposure(a64fx(), "6.12", PMU).values[pmcr] == 0x4040
    assert exposure("neoverse-n2", "6.1").values[IDS["CSSELR_EL1"]] == POISON
    assert pmcr not in exposure("neoverse-n2", "6.1").values
    assert exposure("neoverse-n2", "6.12").values[id_of("S3_0_C1_C0_0")] == 0xC50078


def test_counters_are_not_derivable() -> None:
    shown = exposure("neoverse-n2", "6.12", PMU_GIC)
    assert set(shown.underivable) == {id_of("S3_3_C14_C3_2"), id_of("S3_3_C14_C0_1")}
    assert all(shown.known[i] == 0 for i in shown.underivable)
    assert cores.vector_lengths(0x12345678) is None
    unknown = made_up(ID_AA64PFR0_EL1=1 << 32 | 0x1112, MIDR_EL1=0x12345678)
    assert 0x606000000015FFFF in exposure(unknown, "6.12", SVE).underivable


def test_guest_view_of_caches() -> None:
    old, new = fresh_guest(exposure("neoverse-n2", "6.1")), fresh_guest(exposure("neoverse-n2", "6.12"))
    assert old[ccsidr_id(0)] == 0xFF0000001A
    assert old[ccsidr_id(2)] == 0x3FF0000003A
    assert old[ccsidr_id(3)] == 0
    assert [new[ccsidr_id(k)] for k in range(7)] == [2] * 7
    assert (old[CLIDR], new[CLIDR]) == (0x1482000023, 0x1000004)
    assert old[CTR] == new[CTR] == 0x4B444C004
    assert len(old) == 70
    assert old[PFR0] >> 24 & 0xF == 1
    assert new[PFR0] >> 24 & 0xF == 0


def test_el0_view() -> None:
    view = el0_values(host("neoverse-n2"), load_policy("6.1"))
    assert view[PFR1] == 0x201
    assert view[MMFR0] == 0x111FF000000
    assert el0_values(host("neoverse-n2"), load_policy("6.1+no-ssbs-erratum"))[PFR1] == 0x221
    assert el0_values(host("neoverse-n2"), load_policy("5.10"))[PFR1] == 0x221
    assert el0_values(host("max"), load_policy("6.1"))[PFR1] == 0x321


def test_el0_sees_what_the_recorded_kernels_were_built_with() -> None:
    """Debian's 6.16.12 and 6.17.13 lack CONFIG_ARM64_GCS, 6.18.15 and 7.3.4 have it; asked of QEMU 11.1.3's max."""
    cpu = made_up(ID_AA64PFR1_EL1=1 << 44)
    seen = {kernel: el0_values(cpu, load_policy(kernel))[PFR1] for kernel in ("6.12", "6.16", "6.17", "6.18", "7.3")}
    assert seen == {"6.12": 0, "6.16": 0, "6.17": 0, "6.18": 1 << 44, "7.3": 1 << 44}
    told = from_el0({PFR1: 0}, load_policy("7.3"))
    assert not told.knows(PFR1, 0xF << 44)


@pytest.mark.parametrize(
    ("register", "lsb", "kernels"),
    [("ID_AA64ISAR2_EL1", 28, ("5.10.262", "6.1", "6.12", "7.3")), ("ID_AA64ISAR3_EL1", 24, ("7.1", "7.3"))],
)
def test_what_el0_is_not_shown_tells_nothing_of_the_host(register: str, lsb: int, kernels: tuple[str, ...]) -> None:
    """CLRBHB and LSUI are FTR_HIDDEN in ftr_id_aa64isar2[] and ftr_id_aa64isar3[]."""
    for kernel in kernels:
        policy, reg_id = load_policy(kernel), IDS[register]
        assert el0_values(made_up(**{register: 1 << lsb}), policy)[reg_id] == 0
        assert not from_el0({reg_id: 0}, policy).knows(reg_id, 0xF << lsb)


@pytest.mark.parametrize(
    ("kernel", "shown"),
    [
        ("5.10.258", 1 << 28), ("5.15.190", 1 << 28), ("5.18", 1 << 28), ("5.19", 1 << 28), ("6.0", 1 << 20),
        ("6.1.56", 1 << 20), ("6.1.57", 0x101 << 20), ("6.4", 1 << 20), ("6.5.6", 1 << 20), ("6.5.7", 0x101 << 20),
        ("6.6", 0x101 << 20), ("7.3", 0x101 << 20),
    ],
)  # fmt: skip
def test_between_6_0_and_6_6_the_table_took_clrbhb_for_bc(kernel: str, shown: int) -> None:
    """ftr_id_aa64isar2[] of the trees of 5.10.258 and 6.5, and 479965a2b7ec with its backports."""
    cpu = made_up(ID_AA64ISAR2_EL1=1 << 28 | 1 << 20)
    assert exposure(cpu, kernel).values[IDS["ID_AA64ISAR2_EL1"]] == shown


def test_el0_of_6_12_sees_famin_and_famax_and_guests_do_not() -> None:
    cpu = made_up(ID_AA64ISAR3_EL1=1 << 4)
    assert el0_values(cpu, load_policy("6.12"))[IDS["ID_AA64ISAR3_EL1"]] == 1 << 4
    assert exposure(cpu, "6.12").values[IDS["ID_AA64ISAR3_EL1"]] == 0


@pytest.mark.parametrize(
    ("kernel", "midr", "ecv", "shown"),
    [
        ("6.12", 0x512F0011, 1, 2), ("6.15", 0x512F0011, 1, 0), ("7.3", 0x512F0011, 1, 0), ("7.3", 0x512F0011, 0, 2),
        ("7.3", 0x512F0021, 1, 2), ("7.3", 0x410FD493, 1, 2),
    ],
)  # fmt: skip
def test_waiting_with_a_timeout_is_hidden_on_oryon_x1(kernel: str, midr: int, ecv: int, shown: int) -> None:
    cpu = made_up(MIDR_EL1=midr, ID_AA64MMFR0_EL1=ecv << 60, ID_AA64ISAR2_EL1=2)
    assert exposure(cpu, kernel).values[IDS["ID_AA64ISAR2_EL1"]] & 0xF == shown


@pytest.mark.parametrize(("vgic", "shown"), [("v3", 0), ("v2", 0), ("none", 0), ("v5", 1), ("v5-legacy", 1)])
def test_the_gic_of_the_host_decides_on_gcie(vgic: Vgic, shown: int) -> None:
    cpu = msgspec.structs.replace(made_up(ID_AA64PFR2_EL1=3 << 12), vgic=vgic)
    for kernel in ("7.1", "7.3"):
        assert exposure(cpu, kernel).values[IDS["ID_AA64PFR2_EL1"]] >> 12 & 0xF == shown


def test_a_cpu_with_sme_alone_shows_el0_its_vector_instructions() -> None:
    """Asked of 7.1.8 on QEMU 11.1.3's max without SVE."""
    cpu = made_up(ID_AA64PFR0_EL1=0x11, ID_AA64PFR1_EL1=1 << 24, ID_AA64ZFR0_EL1=0x100100210020)
    assert el0_values(cpu, load_policy("7.1"))[IDS["ID_AA64ZFR0_EL1"]] == 0x100100210020
    assert exposure(cpu, "7.1").values[IDS["ID_AA64ZFR0_EL1"]] == 0


def test_unknown_fields_are_zero_after_sanitising() -> None:
    book = rulebook(load_policy("7.3"))
    everything = made_up(**dict.fromkeys(IDS, (1 << 64) - 1))
    machine = from_raw(dict(everything.values) | {PFR0: (1 << 64) - 1 & ~0xF | 2})
    values = {reg_id: sanitise(machine, reg_id, book.of(reg_id).known_mask).value for reg_id in (DFR0, PFR0, CTR)}
    assert values[DFR0] >> 40 == 0
    assert values[PFR0] >> 52 & 0xF == 0
    assert values[CTR] >> 32 == 0


def test_caches_that_exist() -> None:
    assert [k for k in range(14) if cache_exists(0x1482000023, k)] == [0, 1, 2]
    assert [k for k in range(14) if cache_exists(0x21, k)] == [1, 2]


def test_fields_say_which_rule_changed_them() -> None:
    shown = exposure("neoverse-n2", "7.3")
    fields = {f.name: f for f in explain_register(shown, MMFR2).fields}
    assert (fields["CCIDX"].host, fields["CCIDX"].exposed, fields["CCIDX"].state) == (1, 0, "masked")
    assert fields["CCIDX"].rule == "mask CCIDX"
    assert "bf48040cd9b0" in fields["CCIDX"].reference
    assert fields["NV"].rule == "hide NV"
    assert fields["UAO"].state == "same"
    assert fields["UAO"].rule == ""
    raised = {f.name: f for f in explain_register(exposure("cortex-a72", "6.1"), PFR0).fields}
    assert (raised["CSV3"].state, raised["CSV3"].rule) == ("raised", "speculation-fields")
    ctr = {f.name: f for f in explain_register(shown, CTR).fields}
    assert (ctr["TminLine"].host, ctr["TminLine"].state, ctr["TminLine"].rule) == (4, "masked", "feature table")
    clidr = explain_register(shown, CLIDR)
    assert (clidr.host, clidr.exposed) == (0x1482000023, 0x1000004)
    assert clidr.fields[0].rule == "cache-registers"
    capped = {
        f.name: f
        for f in explain_register(exposure(made_up(ID_AA64PFR0_EL1=2, ID_AA64DFR0_EL1=0xB), "6.12"), DFR0).fields
    }
    assert (capped["DebugVer"].state, capped["DebugVer"].exposed) == ("lowered", 10)
    forced = {
        f.name: f for f in explain_register(exposure(made_up(ID_AA64PFR0_EL1=2, ID_AA64DFR0_EL1=5), "6.1"), DFR0).fields
    }
    assert forced["DebugVer"].state == "raised"


@pytest.mark.parametrize(
    ("kernel", "clidr"),
    [
        ("6.4.0", 0x1000004), ("6.6.58", 0x1000004), ("6.6.59", 0x401000004), ("6.10.0", 0x1000004),
        ("6.11.5", 0x1000004), ("6.11.6", 0x401000004), ("6.12.0", 0x401000004),
    ],
)  # fmt: skip
def test_the_tag_cache_type_was_lost_until_the_shift_was_mended(kernel: str, clidr: int) -> None:
    """With IDC and DIC the bit that is set instead is set anyway; without DIC it is another, which is not known."""
    tagged = MTE
    shown = exposure(made_up(CTR_EL0=0xB444C004), kernel, tagged)
    assert shown.values[IDS["CLIDR_EL1"]] == clidr and shown.known[IDS["CLIDR_EL1"]] == (1 << 64) - 1
    other = exposure(made_up(CTR_EL0=0x9444C004), kernel, tagged)
    assert (other.known[IDS["CLIDR_EL1"]] == (1 << 64) - 1) == (clidr > 1 << 32)


def test_pmcr_resets_to_the_number_of_counters_between_two_patterns() -> None:
    with_pmu = PMU
    seen = [exposure("neoverse-n2", kernel, with_pmu).values[IDS["PMCR_EL0"]] for kernel in ("6.1", "6.2.0", "6.6.87")]
    assert [hex(value) for value in seen] == ["0x30ac", "0x3000", "0x3000"]
