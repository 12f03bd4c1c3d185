"""Names: every id of every recording and sample, uniqueness, and every spelling that users type."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import sources
from inspector.errors import RegisterError
from inspector.registers import catalog, naming, spelling
from inspector.registers import encoding as enc
from inspector.registers.ids import IDS
from tests.material import files, label, read_text
from tests.shared_material import shared

PFR0 = 0x603000000013C020
MMFR2 = 0x603000000013C03A


def test_names_and_ids_are_unique() -> None:
    registers = catalog.all_registers()
    for values in ([r.name.casefold() for r in registers], [r.id for r in registers]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_every_register_has_group_title_and_size() -> None:
    groups = {group.key for group in catalog.GROUPS}
    used = set()
    for register in catalog.all_registers():
        used.add(register.group)
        assert register.title, register.name
        assert register.size == enc.size_of(register.id)
        assert register.encoding_text
        assert len(register.title) <= 72, register.title
    assert used <= groups
    assert groups - used <= {"other"}


def test_order_is_by_group() -> None:
    positions = [catalog.sort_key(register) for register in catalog.all_registers()]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    "spelling",
    [
        "ID_AA64PFR0_EL1",
        "id_aa64pfr0_el1",
        "ID_AA64PFR0",
        "id_aa64pfr0",
        "aa64pfr0",
        "AA64PFR0_EL1",
        "idaa64pfr0el1",
        "SYS_ID_AA64PFR0_EL1",
        "$ID_AA64PFR0_EL1",
        "  ID_AA64PFR0_EL1,",
        "S3_0_C0_C4_0",
        "s3_0_c0_c4_0",
        "sysreg_3_0_c0_c4_0",
        "sys_reg(3, 0, 0, 4, 0)",
        "3, 0, 0, 4, 0",
        "0x603000000013c020",
        "0x6030_0000_0013_C020",
        "603000000013c020",
        str(PFR0),
        "0xc020",
        "op0:3 op1:0 crn:0 crm:4 op2:0",
        "op0=3, op1=0, crn=0, crm=4, op2=0",
        "Op0: 3, Op1: 0, CRn: 0, CRm: 4, Op2: 0",
        "AArch64SysRegId { Op0: 3, Op1: 0, CRn: 0, CRm: 4, Op2: 0 }",
        "system register op0:3 op1:0 crn:0 crm:4 op2:0",
        "ARM64_SYS_REG(3, 0, 0, 4, 0)",
        "ARM64_SYS_REG(3, 0, 0, 4, 0),",
    ],
)
def test_spellings_of_one_register(spelling: str) -> None:
    assert catalog.find(spelling) == (catalog.by_id(PFR0), None)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("CCSIDR[2]", "CCSIDR[2]"),
        ("ccsidr_el1[2]", "CCSIDR[2]"),
        ("CCSIDR_demux[3]", "CCSIDR[3]"),
        ("demuxed reg 6020000000110003", "CCSIDR[3]"),
        ("KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | KVM_REG_ARM_DEMUX_ID_CCSIDR | 1", "CCSIDR[1]"),
        ("ccsidr", "CCSIDR_EL1"),
        ("ccsidr2", "CCSIDR2_EL1"),
        ("CLIDR", "CLIDR_EL1"),
        ("CSSELR", "CSSELR_EL1"),
        ("SCTLR", "SCTLR_EL1"),
        ("AMAIR0", "AMAIR_EL1"),
        ("AMAIR0_NS", "AMAIR0_NS"),
        ("ID_PFR0", "ID_PFR0_EL1"),
        ("MVFR0", "MVFR0_EL1"),
        ("CTR", "CTR_EL0"),
        ("PMCR", "PMCR_EL0"),
        ("RES_0_C0_C3_3", "S3_0_C0_C3_3"),
        ("ID_AA64PFR3_EL1_RESERVED", "S3_0_C0_C4_3"),
        ("ID_AA64MMFR5_EL1_RESERVED", "S3_0_C0_C7_5"),
        ("ID_AA64AFR2_EL1_RESERVED", "S3_0_C0_C5_6"),
        ("APIAKEYLO_EL1", "APIAKeyLo_EL1"),
        ("x0", "X0"),
        ("lr", "X30"),
        ("sp", "SP_EL0"),
        ("pc", "PC"),
        ("pstate", "PSTATE"),
        ("v31", "V31"),
        ("z3", "Z3"),
        ("p4", "P4"),
        ("ffr", "FFR"),
        ("vls", "SVE_VLS"),
        ("SVE VLS", "SVE_VLS"),
        ("SVE zreg n:3 slice:0", "Z3"),
        ("KVM_REG_ARM64_SVE_PREG(4, 0)", "P4"),
        ("KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_FW | KVM_REG_ARM_FW_REG(0)", "PSCI_VERSION"),
        ("KVM_REG_ARM_FW_REG(3)", "SMCCC_ARCH_WORKAROUND_3"),
        ("KVM_REG_ARM_FW_FEAT_BMAP_REG(1)", "STD_HYP_BMAP"),
        ("fw reg 0", "PSCI_VERSION"),
        ("fw feat reg 2", "VENDOR_HYP_BMAP"),
        ("workaround_1", "SMCCC_ARCH_WORKAROUND_1"),
        ("KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.regs[7])", "X7"),
        ("KVM_REG_ARM_CORE_REG(fp_regs.vregs[2])", "V2"),
        ("KVM_REG_ARM_CORE_REG(spsr[0])", "SPSR_EL1"),
        ("KVM_REG_ARM_TIMER_CNT", "CNTVCT_EL0"),
        ("KVM_REG_ARM_TIMER_CVAL", "CNTV_CVAL_EL0"),
        ("op0:3 op1:3 crn:14 crm:3 op2:2", "CNTVCT_EL0"),
        ("AArch64SysRegId { Op0: 3, Op1: 3, CRn: 14, CRm: 0, Op2: 2 }", "CNTVCT_EL0"),
        ("cp15 c2,c0,0,2 (NS)", "TTBCR"),
        ("DFSR", "DFSR"),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    assert catalog.find(spelling).register.name == name


@pytest.mark.parametrize(
    ("spelling", "register", "field"),
    [
        ("ID_AA64PFR0_EL1.MPAM", "ID_AA64PFR0_EL1", "MPAM"),
        ("aa64pfr0.mpam", "ID_AA64PFR0_EL1", "MPAM"),
        ("S3_0_C0_C7_2.ccidx", "ID_AA64MMFR2_EL1", "CCIDX"),
        ("0x603000000013c03a.CCIDX", "ID_AA64MMFR2_EL1", "CCIDX"),
        ("aa64mmfr2[23:20]", "ID_AA64MMFR2_EL1", "CCIDX"),
        ("aa64mmfr2.CCIDX[23:20]", "ID_AA64MMFR2_EL1", "CCIDX"),
        ("SYSREG_ID_AA64PFR0_EL1_MPAM", "ID_AA64PFR0_EL1", "MPAM"),
        ("CCSIDR[0].linesize", "CCSIDR[0]", "LineSize"),
        ("MPAM_frac", "ID_AA64PFR1_EL1", "MPAM_frac"),
    ],
)
def test_spellings_with_a_field(spelling: str, register: str, field: str) -> None:
    found = catalog.find(spelling)
    assert found.field is not None
    assert (found.register.name, found.field.name) == (register, field)


@pytest.mark.parametrize(
    ("spelling", "hints"),
    [
        ("pfr0", ("ID_PFR0_EL1", "ID_AA64PFR0_EL1")),
        ("tpidr", ("TPIDR_EL0", "TPIDR_EL1")),
        ("CCIDX", ("ID_AA64MMFR2_EL1.CCIDX", "ID_MMFR4_EL1.CCIDX")),
        ("ID_AA64PFRO_EL1", ("ID_AA64PFR0_EL1",)),
        ("ID_AA64PFR0_EL1.MPAN", ("MPAM",)),
        ("x0.foo", ("one value",)),
        ("", ("for example",)),
        ("gibberish!", ("S3_0_C0_C4_0",)),
        ("5", ()),
        ("0x5", ()),
        ("S3_9_C0_C4_0", ()),
        ("op0:3 op1:9 crn:0 crm:4 op2:0", ()),
        ("0x7030000000130000", ()),
        ("CCSIDR[999]", ()),
        ("aa64mmfr2[24:20]", ("no field",)),
    ],
)
def test_what_means_nothing_or_too_much_is_refused_with_a_hint(spelling: str, hints: tuple[str, ...]) -> None:
    with pytest.raises(RegisterError) as caught:
        catalog.find(spelling)
    text = str(caught.value)
    assert "\n" not in text
    for hint in hints:
        assert hint in text


def test_names_of_all_registers_find_themselves() -> None:
    for register in catalog.all_registers():
        assert catalog.find(register.name).register == register
        assert catalog.find(enc.hex_id(register.id)).register == register
        assert catalog.find(str(register.id)).register == register
        if enc.sysreg_of(register.id):
            assert catalog.find(register.encoding_text).register == register


@given(st.text(max_size=60))
def test_any_text_finds_a_register_or_a_one_line_error(text: str) -> None:
    try:
        found = catalog.find(text)
    except RegisterError as error:
        assert len(str(error).splitlines()) <= 1
    else:
        assert found.register == catalog.by_id(found.register.id)


@given(st.integers(0, 2**64 - 1))
def test_every_id_has_a_name(reg_id: int) -> None:
    register = catalog.by_id(reg_id)
    assert register.id == reg_id
    assert register.name
    assert register.size == enc.size_of(reg_id)


def test_a_very_long_text_is_refused_at_once() -> None:
    with pytest.raises(RegisterError, match="too long"):
        catalog.find("op0:" + "9" * 100_000)
    with pytest.raises(RegisterError, match="too long"):
        catalog.find("A_" * 100_000)


def test_unknown_ids_are_named_by_their_encoding() -> None:
    assert catalog.by_id(enc.sysreg_id(3, 3, 15, 2, 1)).name == "S3_3_C15_C2_1"
    assert catalog.by_id(enc.firmware_id(9)).name == "FW_REG[9]"
    assert catalog.by_id(0x6080000000150021).name == "Z1 slice 1"
    assert catalog.by_id(0x602000000013C03A).name.startswith("ID_AA64MMFR2_EL1 as 4 bytes")
    assert catalog.by_id(0x40200000200F0185 | 0x40).name == "cp15 c0,c3,8,5 (NS)"


def test_reserved_id_space_is_said_to_be_unallocated() -> None:
    for crm, op2 in ((3, 3), (4, 3), (4, 6), (5, 7), (6, 4), (7, 7)):
        register = catalog.by_id(enc.sysreg_id(3, 0, 0, crm, op2))
        assert register.title == "Unallocated ID-space encoding"
        assert register.group == "reserved"


def test_coprocessor_ids_round_trip() -> None:
    for register in catalog.all_registers():
        code = enc.coprocessor_of(register.id)
        if code:
            assert code.reg_id == register.id
            assert code.spelling == register.encoding_text
            assert catalog.find(code.spelling).register == register


def test_importing_the_catalog_does_not_import_construct() -> None:
    script = (
        "import sys; from inspector.registers import catalog; catalog.by_id(1); catalog.find('aa64pfr0');"
        "sys.exit('construct' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False).returncode == 0


@pytest.mark.parametrize("path", files("recordings"), ids=label)
def test_every_id_of_the_recordings_is_named(path: Path) -> None:
    seen = set()
    with lzma.open(path, "rt") as lines:
        for line in lines:
            if line.startswith(('{"type": "get"', '{"type":"get"')):
                seen.add(int(json.loads(line)["id"], 16))
    assert len(seen) > 200
    assert [enc.hex_id(reg_id) for reg_id in seen if not catalog.by_id(reg_id).known] == []


def test_every_id_of_the_firecracker_samples_is_named() -> None:
    for path in sorted(shared("samples", "firecracker").glob("*.json")):
        modifiers = json.loads(path.read_text())["guest_cpu_config"]["reg_modifiers"]
        unnamed = [each["addr"] for each in modifiers if not catalog.by_id(int(each["addr"], 16)).known]
        assert unnamed == []


@pytest.mark.parametrize("path", files("qemu"), ids=label)
def test_every_id_of_the_qemu_samples_is_named(path: Path) -> None:
    for vcpu in sources.load(str(path)).vcpus:
        for register in map(catalog.by_id, vcpu.values):
            reserved = register.title.startswith("Reserved ID-space encoding")
            assert register.known or reserved, register


def test_names_agree_with_the_restores() -> None:
    spoken = {}
    for line in read_text("restores", "summary.jsonl.xz").splitlines():
        for rows in json.loads(line).values():
            if isinstance(rows, list):
                spoken.update({row["name"]: int(row["id"], 16) for row in rows if "name" in row})
    assert len(spoken) > 20
    swapped = {"CNTV_CVAL_EL0"}
    for name, reg_id in spoken.items():
        if name not in swapped:
            assert catalog.find(name.partition(" ")[0]).register.id == reg_id, name


@pytest.mark.parametrize(
    ("text", "name", "field"),
    [
        ('"ID_AA64PFR0_EL1"', "ID_AA64PFR0_EL1", None),
        ("'midr',", "MIDR_EL1", None),
        ("`ctr_el0`", "CTR_EL0", None),
        ('"aa64pfr0.mpam":', "ID_AA64PFR0_EL1", "MPAM"),
        ("mmfr2.ccidx", "ID_AA64MMFR2_EL1", "CCIDX"),
        ("isar0.swap", "ID_ISAR0_EL1", "Swap"),
        ("pfr1.virtualization", "ID_PFR1_EL1", "Virtualization"),
    ],
)
def test_quotes_and_names_that_only_the_field_tells_apart(text: str, name: str, field: str | None) -> None:
    """Pasted text brings its quotes along; a short name may be two registers of which one has the field."""
    found = catalog.find(text)
    assert (found.register.name, found.field.name if found.field else None) == (name, field)


@pytest.mark.parametrize("text", ["pfr0.csv2", "mmfr2", "mmfr2.nonsense", '"'])
def test_what_stays_ambiguous_is_refused(text: str) -> None:
    """Both registers have the field, or neither."""
    with pytest.raises(RegisterError):
        catalog.find(text)


def test_a_system_register_is_found_alike_with_and_without_the_table_of_all_spellings() -> None:
    assert len(IDS) > 800
    for name, reg_id in IDS.items():
        assert spelling.ids_named(name) == spelling._keys().get(name.casefold(), (reg_id,)) == (reg_id,), name


def test_an_arm64_id_is_named_alike_with_and_without_the_aarch32_registers() -> None:
    for reg_id, register in naming.named_ids().items():
        assert naming.by_id(reg_id) == register
