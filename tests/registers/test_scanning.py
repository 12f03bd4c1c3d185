"""Registers in any text: what is found, where, and that it takes time in proportion to the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.registers import catalog
from inspector.registers.pasted import at_word, may_begin
from inspector.registers.pasted_rules import RULES
from inspector.registers.scanning import scan


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("NOTICE: Unsupported read: op0=3, op1=0, crn=0, crm=6, op2=2, rt=2.", ["ID_AA64ISAR2_EL1"]),
        ("{ Op0( 3), Op1( 0), CRn(10), CRm( 4), Op2( 4), func_read },", ["MPAMIDR_EL1"]),
        ("{ Op0( 3), Op1( 0), CRn( 9), CRm(14), Op2( 6), func_read },", ["PMMIR_EL1"]),
        ("AArch64SysRegId { Op0: 3, Op1: 3, CRn: 14, CRm: 0, Op2: 2 }", ["CNTVCT_EL0"]),
        ("op0 3 op1 0 CRn c0 CRm c4 op2 0", ["ID_AA64PFR0_EL1"]),
        ("Could not set register op0:3 op1:0 crn:2 crm:0 op2:3 to 0", ["TCR2_EL1"]),
        ("\tKVM_REG_ARM_FW_REG(3),", ["SMCCC_ARCH_WORKAROUND_3"]),
        ("ARM64_SYS_REG(3,0,0,7,2)", ["ID_AA64MMFR2_EL1"]),
        ("kvm_sys_access: PC: ffff800010a1c3f4 UNKN (3,0,9,14,6) read", ["PMMIR_EL1"]),
        ("mrs x0, S3_0_C0_C7_2; mrs x1, s3_0_c0_c4_0", ["ID_AA64MMFR2_EL1", "ID_AA64PFR0_EL1"]),
        ("Unknown system register 0x1013c094 in the stream", ["SMPRI_EL1"]),
        ("unhandled sysreg read 0x30000e", ["ID_AA64MMFR0_EL1"]),
        ("Failed to set register (0x603000000013808c) value (errno: 22)", ["OSLSR_EL1"]),
        ('SetOneReg(6931039826524487712, "0x..", Error(22))', ["ID_AA64PFR0_EL1"]),
        ("demuxed reg 6020000000110003 and fw feat reg 2", ["CCSIDR[3]", "VENDOR_HYP_BMAP"]),
        ("Code: 290057f6 97ed4c0a f100127f 54000049 (d5389ed7)", ["PMMIR_EL1"]),
        ("SANITY CHECK: Unexpected variation in SYS_ID_DFR0_EL1. Boot CPU: 0x04011088", ["ID_DFR0_EL1"]),
        ("the value of CLIDR is not CCSIDR[2]", ["CLIDR_EL1", "CCSIDR[2]"]),
        ("AA64_PFR0 and PFR0", ["ID_AA64PFR0_EL1"]),
        ("the sp and pc of x0 are SP and PC", []),
        ("S3_9_C0_C4_0 op0:3 op1:9 crn:0 crm:4 op2:0 0x7030000000130000 d503201f 0x5", []),
        ("op0=3, op1=0, crn=0", []),
        ("pci 0000:00:05.0 ffff80008003e9f0 [000000c5] 1234567890123456789", []),
    ],
)
def test_registers_in_lines_of_programs(text: str, names: list[str]) -> None:
    assert [catalog.by_id(found.id).name for found in scan(text)] == names


@pytest.mark.parametrize(
    ("text", "register", "field"),
    [
        ("# ok 56 ID_AA64MMFR0_EL1_BIGEND", "ID_AA64MMFR0_EL1", "BigEnd"),
        ("write ID_AA64MMFR0_EL1.ASIDBITS=0", "ID_AA64MMFR0_EL1", "ASIDBits"),
        ("(aa64mmfr2_el1[23:20])", "ID_AA64MMFR2_EL1", "CCIDX"),
        ("0x603000000013c03a.CCIDX", "ID_AA64MMFR2_EL1", "CCIDX"),
    ],
)
def test_fields_come_with_their_register(text: str, register: str, field: str) -> None:
    (found,) = scan(text)
    assert found.field is not None
    assert (catalog.by_id(found.id).name, found.field.name.casefold()) == (register, field.casefold())


def test_offsets_are_those_of_the_spelling() -> None:
    text = "read of op0=3, op1=0, crn=0, crm=6, op2=2, then ID_AA64PFR0_EL1.MPAM=1, then (0xd5389ed7)"
    assert [text[f.start : f.end] for f in scan(text)] == [
        "op0=3, op1=0, crn=0, crm=6, op2=2",
        "ID_AA64PFR0_EL1.MPAM",
        "0xd5389ed7",
    ]
    assert [f.access for f in scan(text)] == ["", "", "read"]


@pytest.mark.parametrize("word", ["0xd5389ed7", "(d5389ed7)"])
def test_an_instruction_word_is_decoded_to_its_register(word: str) -> None:
    (found,) = scan(word)
    assert catalog.by_id(found.id).name == "PMMIR_EL1"


def test_find_takes_what_scan_finds() -> None:
    for text in ("0xd5389ed7", "d5389ed7", "system register 0x1013c094", "0x1013c094", "KVM_REG_ARM_FW_REG(3)"):
        assert catalog.find(text).register.id == next(scan(text)).id


@given(st.text(max_size=200) | st.text(alphabet="op0123crnm=:,( )S_CxdEL[]KVMREGfw", max_size=300))
def test_any_text_is_scanned(text: str) -> None:
    last = 0
    for found in scan(text):
        assert last <= found.start < found.end <= len(text)
        last = found.end
        assert catalog.by_id(found.id).name


@pytest.mark.parametrize(
    "piece", ["op0 ", "op0=3, op1=0,", "fw [", "S3_0_", "ID_AA64PFR0_EL1[", "sys_reg(", " ", "_EL1", "cp15 c"]
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        begin = time.process_time()
        for _ in scan(text):
            pass
        return time.process_time() - begin

    seconds(1000)
    # A machine that stood meanwhile may count that as ours: not three times.
    assert any(seconds(200_000) < 5 for _ in range(3))


BEHIND = ("", "(3,0,0,4,0)", " 3", "=3, op1=0, crn=0, crm=4, op2=0", " 6020000000110003", " 0x603000000013c020")


@given(
    st.one_of(
        st.text("oOpPdDsSxXcCrRabfF0123456789_", min_size=1, max_size=22),
        st.sampled_from(sorted(RULES)),
        st.sampled_from(("603000000013c020", "0x1013c094", "0x6030_0000_0013_c020", "d5389ed7", "6931039826524487712")),
    ),
    st.sampled_from(BEHIND),
)
def test_no_word_that_begins_a_spelling_is_passed_over(word: str, behind: str) -> None:
    for text in (word, word.upper(), word.capitalize()):
        assert may_begin(text) or at_word(text + behind, 0, len(text)) is None
