"""Texts that were cut off, or that are of another kind than they look: nothing that is not there is read from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.checks.machine.known_host import known_host
from inspector.errors import InspectorError, SourceError
from inspector.registers.catalog import find
from inspector.sources import load
from inspector.sources.dump import Dump


def id_of(name: str) -> int:
    return find(name).register.id


def opened(folder: Path, text: str) -> Dump:
    path = folder / "pasted.txt"
    path.write_text(text, encoding="utf-8")
    return load(str(path))


def _said(dump: Dump) -> str:
    return "\n".join(dump.notes)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_monitor_counts_what_it_cannot_take(tmp_path: Path, ending: str) -> None:
    text = (
        "(qemu) info registers\n\nCPU#0\n PC=0000000040000000 X00=0000000000000010 X01=00000000\n"
        "PSTATE=600000c5 -ZC- NS EL1h    BTYPE=0     FPU disabled\n"
        "Z00=0000000000000000:3ff0000000000000\nFFR=ffff P00=1\n"
    )
    dump = opened(tmp_path, text.replace("\n", ending))
    assert dump.vcpus[0].values == {id_of("PC"): 0x40000000, id_of("X0"): 0x10, id_of("PSTATE"): 0x600000C5}
    assert "4 lines were not understood" in _said(dump)
    assert "X01=00000000" in _said(dump)


def test_a_stack_pointer_without_pstate_is_of_no_level(tmp_path: Path) -> None:
    dump = opened(tmp_path, "        x0 = 0x0000000000000001\n        sp = 0x000000016fdff370\n")
    assert dump.vcpus[0].values == {id_of("X0"): 1}
    assert "without PSTATE" in _said(dump)


def test_bytes_of_the_registry_are_whole_or_left_out(tmp_path: Path) -> None:
    text = (
        "[HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0]\n"
        '"CP 4000"=hex(b):83,d0,8f,51,00,00,00,00\n"CP 4020"=hex(b):11,01,11,10\n"CP 4038"=hex(b):22,11,\n'
        '"CP 4030"=hex(b):20,21,\\\n  21,02,11,01,21,02\n    CP 40ZZ    REG_QWORD    0x1\n'
    )
    dump = opened(tmp_path, text)
    assert dump.vcpus[0].values == {id_of("MIDR_EL1"): 0x518FD083, id_of("ID_AA64ISAR0_EL1"): 0x0221011102212120}
    assert "3 lines were not understood" in _said(dump)


def test_a_row_of_a_table_has_all_its_digits(tmp_path: Path) -> None:
    dump = opened(tmp_path, "ID_AA64ISAR0 | AES | 7:4 | 0010 | yes\nID_AA64ISAR0 | SHA1 | 11:8 | 00\n")
    part = dump.vcpus[0].constraints[id_of("ID_AA64ISAR0_EL1")]
    assert (part.mask, part.value) == (0xF0, 0x20)


_BLOCK = (
    "processor\t: 0\nFeatures\t: {}\nCPU implementer\t: {}\nCPU architecture: {}\nCPU variant\t: 0x0\nCPU part\t: {}\n"
)


@pytest.mark.parametrize("architecture", ["7", "8"])
def test_flags_of_32_bit_processes_show_no_aarch64_field(tmp_path: Path, architecture: str) -> None:
    flags = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt lpae evtstrm aes pmull sha1 sha2 crc32"
    dump = opened(tmp_path, _BLOCK.format(flags, "0x41", architecture, "0xd03") + "CPU revision\t: 4\n")
    known = {*dump.vcpus[0].values, *dump.vcpus[0].constraints}
    assert known == {id_of("MIDR_EL1")}
    assert "32-bit processes" in _said(dump)


@pytest.mark.parametrize(("implementer", "part"), [("0x41", "0xd0"), ("0x4", "0xd03"), ("0x", "0xd03")])
def test_a_core_that_was_cut_off_is_not_another_core(tmp_path: Path, implementer: str, part: str) -> None:
    dump = opened(tmp_path, _BLOCK.format("fp asimd evtstrm cpuid", implementer, "8", part))
    midr = dump.vcpus[0].constraints[id_of("MIDR_EL1")]
    assert midr.mask & (0xFFF0 if part == "0xd0" else 0xFF000000) == 0
    assert id_of("MIDR_EL1") not in dump.vcpus[0].values


@pytest.mark.parametrize("text", ["ID_AA64PFR0_EL1 1100000011111112\n", "MIDR_EL1: 41091083\n"])
def test_digits_that_may_be_hex_or_decimal_are_no_value(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="may be hex or decimal"):
        opened(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("MIDR_EL1 410FD083\nID_AA64PFR0_EL1 1100000011111112\n", "ID_AA64PFR0_EL1", 0x1100000011111112),
        ("MIDR_EL1 = 10305106\nCTR_EL0 = 2487533572\n", "MIDR_EL1", 10305106),
        ("CNTFRQ_EL0 24000000\n", "CNTFRQ_EL0", 24000000),
    ],
)
def test_the_rest_of_the_text_shows_the_base(tmp_path: Path, text: str, name: str, value: int) -> None:
    assert opened(tmp_path, text).vcpus[0].values[id_of(name)] == value


def test_hwcap_digits_of_unknown_base_are_no_flags(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no flag"):
        opened(tmp_path, "HWCAP: 1179647\n")
    assert opened(tmp_path, "AT_HWCAP:        887\n").vcpus[0].flags


def test_unlike_cpus_without_a_common_value_are_refused_as_such(tmp_path: Path) -> None:
    text = (
        "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x412fd050]\n"
        "[    0.004200] CPU4: Booted secondary processor 0x0000000400 [0x413fd0b0]\n"
    )
    dump = opened(tmp_path, text)
    assert [vcpu.values[id_of("MIDR_EL1")] for vcpu in dump.vcpus] == [0x412FD050, 0x413FD0B0]
    with pytest.raises(InspectorError, match="several kinds"):
        known_host(dump)
