"""Texts that people paste: real ones from public reports, and others of their kinds, with the true answers."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import inspector
from inspector.checks.machine.known_host import known_host
from inspector.errors import InspectorError, SourceError
from inspector.registers.bits import Partial
from inspector.registers.caches import read_caches
from inspector.registers.catalog import find
from inspector.registers.encoding import is_demux
from inspector.sources import load
from inspector.sources.dump import Dump, View
from inspector.sources.formats import dump_json

MATERIAL = Path(__file__).resolve().parent.parent / "material" / "pasted"
FLAGS_N1 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs"
FLAGS_N2 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4"
    " asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg dcpodp sve2 sveaes svepmull svebitperm"
    " svesha3 svesm4 flagm2 frint svei8mm svebf16 i8mm bf16 dgh bti"
)
CPUINFO_BLOCK = """processor\t: {n}
BogoMIPS\t: 50.00
Features\t: {flags}
CPU implementer\t: {vendor}
CPU architecture: 8
CPU variant\t: {variant}
CPU part\t: {part}
CPU revision\t: {revision}

"""


def rid(name: str) -> int:
    """The id of a register."""
    return find(name).register.id


def opened(folder: Path, text: str | bytes, declared: View | None = None) -> Dump:
    """The dump of a text."""
    path = folder / "pasted"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(str(path), declared)


def material(name: str, declared: View | None = None) -> Dump:
    """The dump of a public text."""
    (path,) = MATERIAL.glob(name)
    return load(str(path), declared)


def part_of(dump: Dump, name: str, place: int = 0) -> Partial:
    """What a vCPU of the dump knows of a register."""
    vcpu = dump.vcpus[place]
    if rid(name) in vcpu.values:
        return Partial(vcpu.values[rid(name)])
    constraint = vcpu.constraints[rid(name)]
    return Partial(constraint.value, constraint.mask)


def block(n: int, flags: str, part: str, variant: str, revision: int, vendor: str = "0x41") -> str:
    """One CPU of /proc/cpuinfo."""
    return CPUINFO_BLOCK.format(n=n, flags=flags, part=part, variant=variant, revision=revision, vendor=vendor)


def test_ccidx_hardware_opens_and_shows_its_caches() -> None:
    dump = material("28-*.txt")
    assert dump.host is not None
    assert dump.host.view == "raw"
    assert dict(dump.host.ccsidr) == {0: 0xFF0000001A, 1: 0xFF0000001A, 2: 0x3FF0000003A, 4: 0x3FFF0000005A}
    assert dump.host.values[rid("CLIDR_EL1")] == 0x1482000023
    assert dump.host.values[rid("CTR_EL0")] == 0x49444C004
    assert dump.host.values[rid("ID_AA64MMFR2_EL1")] == 0x1221011110101011
    assert rid("CSSELR_EL1") not in dump.host.values
    sizes = {
        cache.name: cache.chosen.size
        for cache in read_caches(dump.host.values, dump.host.ccsidr).caches
        if cache.chosen
    }
    assert sizes == {"L1 instruction": 64 << 10, "L1 data": 64 << 10, "L2 unified": 512 << 10}
    assert any("wider than the 32 bits" in note for note in dump.notes)
    assert any("CPUs 1, 2" in note for note in dump.notes)
    assert known_host(dump).host.ccsidr_known


def test_armcpuinfo_of_an_rk3588_is_a_host() -> None:
    dump = material("20-*.txt")
    assert dump.host is not None
    assert (dump.vcpus[0].kind, dump.host.view) == ("host", "raw")
    assert dump.host.values[rid("ID_AA64PFR0_EL1")] == 0x11112222
    assert dump.host.values[rid("ID_AA64ISAR0_EL1")] == 0x100010211120
    assert len(dump.host.values) == 19
    assert any("ArmCpuInfo.efi" in note and "not understood" in note for note in dump.notes)
    guest = material("20-*.txt", "guest")
    assert guest.host is None
    assert guest.vcpus[0].guest[rid("ID_AA64PFR0_EL1")] == 0x11112222


def test_a_table_of_fields_is_a_register_in_part() -> None:
    dump = material("22-*.txt")
    isar0 = part_of(dump, "ID_AA64ISAR0_EL1")
    assert (isar0.value, isar0.known) == (0x011120, 0xFFFFF0)
    assert dump.host is not None
    assert dict(dump.host.known) == {rid("ID_AA64ISAR0_EL1"): 0xFFFFF0}
    again = dump_json.write(dump)
    assert b'"known"' in again


def test_a_table_without_bars_and_short_names(tmp_path: Path) -> None:
    text = "=> armcpuinfo\nMMFR2 CCIDX 23:20 0b0001 64-bit CCSIDR_EL1\nPFR0 | MPAM | [43:40] | 0x1 |\nend\n"
    dump = opened(tmp_path, text)
    assert part_of(dump, "ID_AA64MMFR2_EL1") == Partial(1 << 20, 0xF << 20)
    assert part_of(dump, "ID_AA64PFR0_EL1") == Partial(1 << 40, 0xF << 40)
    contradiction = "ID_AA64MMFR2_EL1 = 0x1011\nMMFR2 | CCIDX | 23:20 | 0001 | x\n"
    with pytest.raises(SourceError, match="contradicts"):
        opened(tmp_path, contradiction)


def test_lscpu_names_every_cluster() -> None:
    dump = material("23-*.txt")
    assert [v.name for v in dump.vcpus] == ["Cortex-A55", "Cortex-A76"]
    assert [v.values[rid("MIDR_EL1")] for v in dump.vcpus] == [0x412FD050, 0x414FD0B0]
    assert dump.host is not None
    assert dump.host.view == "el0"
    assert rid("MIDR_EL1") not in dump.host.values
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(7, 4) == 2
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(23, 20) is None, "LSE, or LSE128"
    assert any("MIDR_EL1 differs" in note for note in dump.notes)
    assert any("it does not show caches" in note for note in dump.notes)


def test_lscpu_of_a_server_with_wrapped_flags(tmp_path: Path) -> None:
    words = FLAGS_N1.split()
    text = (
        "$ lscpu\nArchitecture:            aarch64\n  CPU op-mode(s):        32-bit, 64-bit\nCPU(s):  80\n"
        "Vendor ID:               ARM\n  Model name:            Neoverse-N1\n    Model:               1\n"
        f"    Stepping:            r3p1\n    Flags:               {' '.join(words[:12])}\n"
        f"                         {' '.join(words[12:])}\n"
        "Vulnerabilities:\n  Spectre v2:            Mitigation; CSV2, BHB\n"
    )
    dump = opened(tmp_path, text)
    assert dump.vcpus[0].values == {rid("MIDR_EL1"): 0x413FD0C1}
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(47, 44) == 1
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(15, 12) == 1, "ssbs comes after sha512, which is not there"


def test_proc_cpuinfo_of_one_core() -> None:
    dump = material("33-*.txt")
    assert dump.vcpus[0].values == {rid("MIDR_EL1"): 0x412FD050}
    isar0 = part_of(dump, "ID_AA64ISAR0_EL1")
    assert isar0.known & 0xF == 0
    assert isar0.field(11, 8) == 1
    assert isar0.field(35, 32) == 0, "SHA3 is before asimddp, and not there"
    assert part_of(dump, "ID_AA64PFR0_EL1").field(19, 16) == 1
    assert part_of(dump, "ID_AA64PFR0_EL1").field(35, 32) is None, "SVE can be switched off"


def test_proc_cpuinfo_of_two_clusters_and_of_a_server(tmp_path: Path) -> None:
    flags = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
    text = "".join(block(n, flags, "0xd03", "0x0", 4) for n in range(4))
    text += "".join(block(n, flags, "0xd08", "0x0", 2) for n in (4, 5))
    dump = opened(tmp_path, text)
    assert [v.name for v in dump.vcpus] == ["Cortex-A53, CPUs 0-3", "Cortex-A72, CPUs 4-5"]
    assert [c.values[rid("MIDR_EL1")] for c in dump.cpus] == [0x410FD034] * 4 + [0x410FD082] * 2
    server = opened(tmp_path, block(0, FLAGS_N2, "0xd49", "0x0", 0))
    assert server.vcpus[0].values == {rid("MIDR_EL1"): 0x410FD490}
    assert part_of(server, "ID_AA64ZFR0_EL1").field(43, 40) == 1
    assert part_of(server, "ID_AA64PFR1_EL1").field(3, 0) == 1


def test_a_machine_of_another_architecture_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="another architecture"):
        opened(tmp_path, "Architecture:            x86_64\nVendor ID:  GenuineIntel\nFlags: fpu vme sse2\n")
    with pytest.raises(SourceError, match="another architecture"):
        opened(tmp_path, "processor : 0\nvendor_id : GenuineIntel\nflags : fpu vme\n")
    with pytest.raises(SourceError, match="another architecture"):
        opened(tmp_path, "AT_HWCAP:             bfebfbff\nAT_PLATFORM:          x86_64\n")


@pytest.mark.parametrize(
    "text",
    [
        "AT_SYSINFO_EHDR: 0xffff9c5e8000\nAT_HWCAP:     1007ff\nAT_HWCAP2:    0x0\nAT_PLATFORM: aarch64\n",
        "getauxval(AT_HWCAP) = 0x1007ff\ngetauxval(AT_HWCAP2)=0\n",
        "hwcap = 1050623\n",
        "AT_HWCAP: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimddp\n",
    ],
)
def test_words_of_hwcaps(tmp_path: Path, text: str) -> None:
    dump = opened(tmp_path, text)
    assert dump.provenance.format == "hwcaps"
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(7, 4) == 2
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(31, 28) == 0
    assert part_of(dump, "ID_AA64ISAR0_EL1").field(47, 44) == 1


QEMU_MONITOR = """(qemu) info registers

CPU#0
 PC=ffff800008c5b1b4 X00=0000000000000000 X01=ffff80000a2c9f40
X02=0000000000000008  SP=ffff80000a293e00
PSTATE=600003c5 -ZC- EL1h
     FPCR=00000000 FPSR=00000000
Q00=0000000000000001:0000000000000002 Q01=0000000000000000:0000000000000000
CPU#1
 PC=0000000000400000 X00=0000000000000007 X01=0000000000000001
 SP=0000fffff0000000
PSTATE=80000000 N--- EL0t
"""
GDB = """(gdb) info registers
x0             0x1                 1
x1             0xfffffffff3a8      281474976707496
sp             0xfffffffff250      0xfffffffff250
pc             0x400568            0x400568 <main+4>
cpsr           0x60000000          [ EL=0 BTYPE=0 C Z ]
ID_AA64PFR0_EL1 0x11112222         286335522
v0             {d = {f = {0x0, 0x0}}}
"""
LLDB = """General Purpose Registers:
        x0 = 0x0000000000000000
        x7 = 0x00000001020fc68b  "-[Some tryStart]"
       x17 = 0x00000001840717a4  CoreFoundation`-[__NSArrayM count]
        fp = 0x000000016fd7eb50
        lr = 0x0000000196908c88  libsystem_kernel.dylib`mach_msg + 72
        sp = 0x000000016fd7eb00
        pc = 0x0000000196908e0c  libsystem_kernel.dylib`mach_msg_trap + 8
      cpsr = 0x60000000
"""


def test_the_monitor_of_qemu(tmp_path: Path) -> None:
    dump = opened(tmp_path, QEMU_MONITOR)
    first, second = dump.vcpus
    assert first.values[rid("PC")] == 0xFFFF800008C5B1B4
    assert first.values[rid("SP_EL1")] == 0xFFFF80000A293E00
    assert first.values[rid("V0")] == 1 << 64 | 2
    assert second.values[rid("SP_EL0")] == 0xFFFFF0000000
    assert any("does not show ID registers" in note for note in dump.notes)


def test_the_last_of_the_states_that_a_log_holds(tmp_path: Path) -> None:
    """`-d cpu` logs a state before each block; a log that was cut off ends within one."""
    one = "IN:\n0x{0:x}:  d503201f  nop\n PC={0:016x} X00={1:016x}\nPSTATE=600003c5 EL1h\n"
    dump = opened(tmp_path, "".join(one.format(n, n + 7) for n in range(3)) + f" PC={9:016x} X00={8:016x}\n")
    assert [dump.vcpus[0].values[rid(name)] for name in ("PC", "X0", "PSTATE")] == [2, 9, 0x600003C5]
    assert any(note.startswith("4 states follow each other") for note in dump.notes)
    assert not any("follow each other" in note for note in opened(tmp_path, QEMU_MONITOR).notes)


def test_gdb_and_lldb(tmp_path: Path) -> None:
    dump = opened(tmp_path, GDB)
    assert dump.provenance.tool == "gdb"
    expected = {"X0": 1, "X1": 0xFFFFFFFFF3A8, "SP_EL0": 0xFFFFFFFFF250, "PC": 0x400568, "PSTATE": 0x60000000}
    assert dump.vcpus[0].values == {rid(name): value for name, value in expected.items()} | {
        rid("ID_AA64PFR0_EL1"): 0x11112222
    }
    dump = opened(tmp_path, LLDB)
    assert dump.provenance.tool == "LLDB"
    assert dump.vcpus[0].values[rid("X30")] == 0x196908C88
    assert dump.vcpus[0].values[rid("X17")] == 0x1840717A4


POWERSHELL = """    Hive: HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor

Name                           Property
----                           --------
0                              Component Information : {0, 0, 0, 0...}
                               VendorIdentifier      : Qualcomm Technologies Inc
                               ~MHz                  : 1440
                               CP 4020               : 1224979098931106066
                               CP 4021               : 16
                               CP 4028               : 271602696
"""
REG_EXPORT = """Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0]
"CP 4000"=hex(b):b1,d4,0f,41,00,\\
  00,00,00
"CP 4030"=hex(b):20,21,21,10,01,10,21,00
"~MHz"=dword:00000b9a

[HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\1]
"CP 4000"=hex(b):c1,d4,0f,41,00,00,00,00
"CP 4030"=hex(b):20,21,21,10,01,10,21,00
"""


def test_the_registry_of_windows(tmp_path: Path) -> None:
    dump = opened(tmp_path, POWERSHELL)
    assert dump.host is not None
    assert dump.host.values[rid("ID_AA64PFR0_EL1")] == 0x1100000011111112
    assert dump.host.values[rid("ID_AA64DFR0_EL1")] == 271602696
    for text in (REG_EXPORT, REG_EXPORT.replace("\n", "\r\n").encode("utf-16")):
        dump = opened(tmp_path, text)
        assert [v.values[rid("MIDR_EL1")] for v in dump.vcpus] == [0x410FD4B1, 0x410FD4C1]
        assert dump.vcpus[0].values[rid("ID_AA64ISAR0_EL1")] == 0x0021100110212120
    query = "    CP 4038    REG_QWORD    0x101125\n    CP 403A    REG_QWORD    0x1011\n"
    assert opened(tmp_path, query).vcpus[0].values == {
        rid("ID_AA64MMFR0_EL1"): 0x101125,
        rid("ID_AA64MMFR2_EL1"): 0x1011,
    }


SYSCTL = """machdep.cpu.brand_string: Apple M1
hw.optional.arm.FEAT_FlagM: 1
hw.optional.arm.FEAT_FlagM2: 1
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_BF16: 0
hw.optional.arm.FEAT_SHA512: 1
hw.optional.armv8_1_atomics: 1
hw.optional.arm.caps: 868061190438356216
"""


def test_sysctl_of_macos(tmp_path: Path) -> None:
    dump = opened(tmp_path, SYSCTL)
    assert dump.provenance.host == "Apple M1"
    isar0 = part_of(dump, "ID_AA64ISAR0_EL1")
    assert isar0.field(55, 52) == 2
    assert isar0.field(47, 44) == 1
    assert isar0.field(15, 12) == 2
    assert rid("ID_AA64ISAR1_EL1") not in dump.vcpus[0].constraints, "a feature that is 0 says nothing"
    second = opened(
        tmp_path, "hw.optional.arm.FEAT_WFxT = 1\nhw.optional.arm.FEAT_SME: 1\nhw.optional.arm.FEAT_SME2: 1\n"
    )
    assert part_of(second, "ID_AA64ISAR2_EL1").field(3, 0) == 2


KERNEL_LOG = """[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]
[    0.000000] Linux version 6.12.94 (gcc) #1 SMP
[    0.1] CPU features: SANITY CHECK: Unexpected variation in SYS_ID_DFR0_EL1. Boot CPU: 0x4011088, CPU4: 0x5011088
[    0.006589] CPU1: Booted secondary processor 0x0000000001 [0x411fd070]
[    0.143555] CPU4: Booted secondary processor 0x0000000100 [0x410fd082]
"""


def test_the_log_of_a_kernel(tmp_path: Path) -> None:
    dump = opened(tmp_path, KERNEL_LOG)
    by_cpu = {cpu.index: cpu.values for cpu in dump.cpus}
    assert [by_cpu[n][rid("MIDR_EL1")] for n in (0, 1, 4)] == [0x411FD070, 0x411FD070, 0x410FD082]
    assert [by_cpu[n][rid("ID_DFR0_EL1")] for n in (0, 4)] == [0x4011088, 0x5011088]
    assert any("CPUs differ in" in note for note in dump.notes)
    for name, register in (("11-*.txt", "CNTFRQ_EL0"), ("12-*.txt", "ID_DFR0_EL1")):
        public = material(name)
        assert public.vcpus[0].kind == "host"
        assert len({v.values[rid(register)] for v in public.vcpus if rid(register) in v.values}) == 2


UNLIKE_CPUS = """CPU 0
MIDR_EL1 0x410fd034
ID_AA64PFR0_EL1 0x2222
ID_AA64ISAR0_EL1 0x11120
ID_AA64MMFR2_EL1 0x1011
CPU 1
MIDR_EL1 0x410fd034
ID_AA64ISAR1_EL1 0x1
CPU 4
MIDR_EL1 0x410fd092
ID_AA64PFR0_EL1 0x1100000000002222
ID_AA64MMFR2_EL1 0x1011
CPU 5
MIDR_EL1 0x410fd092
ID_AA64ISAR1_EL1 0x1
"""
"""Two kinds of CPU: ISAR0 is given of one kind only, ISAR1 of one CPU of each."""


def test_of_a_machine_is_known_what_every_kind_of_its_cpus_tells(tmp_path: Path) -> None:
    dump = opened(tmp_path, UNLIKE_CPUS, "host")
    assert dump.host is not None
    assert dict(dump.host.values) == {rid("ID_AA64MMFR2_EL1"): 0x1011, rid("ID_AA64ISAR1_EL1"): 1}
    assert [cpu.values.get(rid("ID_AA64ISAR0_EL1")) for cpu in dump.cpus] == [0x11120, None, None, None]
    assert any("what every kind tells" in note for note in dump.notes)
    (aes, dpb) = inspector.features(dump, "FEAT_AES", "FEAT_DPB")
    assert (aes.host, dpb.host) == (None, True)
    asked = inspector.machine(dump, kernel="6.12")
    assert any("of 2 kinds (CPU 0, 1; CPU 4, 5)" in note for note in asked.notes)


def test_of_unlike_cpus_without_a_common_value_the_answer_names_the_one_that_is_shown(tmp_path: Path) -> None:
    text = UNLIKE_CPUS.replace("CPU 1\n", "").replace("ID_AA64MMFR2_EL1 0x1011\nCPU 5", "CPU 5")
    dump = opened(tmp_path, text.partition("CPU 5")[0], "host")
    about = inspector.summary(dump)
    assert about.host == "CPU 0"
    assert any(note.startswith("CPU 0: one of unlike CPUs") for note in about.notes)


def test_flags_of_one_kind_of_cpu_are_not_the_machines(tmp_path: Path) -> None:
    little = CPUINFO_BLOCK.format(n=0, flags="fp asimd aes", vendor="0x41", variant="0x0", part="0xd03", revision=4)
    big = CPUINFO_BLOCK.format(
        n=1, flags="fp asimd aes asimddp", vendor="0x41", variant="0x0", part="0xd0b", revision=0
    )
    (aes, dot) = inspector.features(opened(tmp_path, little + big), "FEAT_AES", "FEAT_DotProd")
    assert aes.host
    assert not dot.host


BOOTLOADER = """(bootloader) ID_PFR0 = 0x131
(bootloader) ID_PFR1 = 0x11011
(bootloader) ID_MMFR3 = 0x2102211
OKAY [  0.001s]
Finished. Total time: 0.001s
"""
KERNEL_MODULE = """[   12.345678] sysregs: loading out-of-tree module taints kernel.
[   12.345690] sysregs: CPU 0: MIDR_EL1 = 0x00000000413fd0c1
[   12.345699][    T1] sysregs: CPU 0: ID_AA64PFR0_EL1: 0x1100000011111112
[   12.345710] sysregs: CPU 1: MIDR_EL1 = 0x00000000413fd0c1
"""
TRACE32 = "B::\nID_AA64PFR0_EL1  0000000011112222\nMIDR_EL1  410FD083\nHCR_EL2  0000000080000000\n"
BOXES = (
    "╔══════╗\n| register         | value              |\n|------------------|--------------------|\n"
    "| ID_AA64PFR0_EL1  | 0x1100000011111112 |\n| `ID_AA64PFR1_EL1` | `0x21` |\n> CTR_EL0 = 0x9444c004ULL;\n"
    "the values above are those of my board\n"
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (BOOTLOADER, {"ID_PFR0_EL1": 0x131, "ID_PFR1_EL1": 0x11011, "ID_MMFR3_EL1": 0x2102211}),
        (KERNEL_MODULE, {"MIDR_EL1": 0x413FD0C1, "ID_AA64PFR0_EL1": 0x1100000011111112}),
        (TRACE32, {"ID_AA64PFR0_EL1": 0x11112222, "MIDR_EL1": 0x410FD083, "HCR_EL2": 0x80000000}),
        (BOXES, {"ID_AA64PFR0_EL1": 0x1100000011111112, "ID_AA64PFR1_EL1": 0x21, "CTR_EL0": 0x9444C004}),
        ("=> md\nmidr_el1: 410fd034, ctr_el0: 84448004\n", {"MIDR_EL1": 0x410FD034, "CTR_EL0": 0x84448004}),
        ("<tr><td>ID_AA64MMFR2_EL1</td><td>0x1011</td></tr>\n", {"ID_AA64MMFR2_EL1": 0x1011}),
        ("root@host:~# rdmsr\nS3_0_C0_C4_0: 0x11112222\nop0=3, op1=0, crn=0, crm=0, op2=0: 0x410fd083\n",
         {"ID_AA64PFR0_EL1": 0x11112222, "MIDR_EL1": 0x410FD083}),
    ],
)  # fmt: skip
def test_what_stands_around_values_does_not_matter(tmp_path: Path, text: str, values: dict[str, int]) -> None:
    dump = opened(tmp_path, text, "host")
    assert dump.host is not None
    assert {i: v for i, v in dump.host.values.items() if i != rid("X0")} == {rid(n): v for n, v in values.items()}


@pytest.mark.parametrize(
    ("text", "kind", "view"),
    [
        ("# Host raw values\nMIDR_EL1=0x413fd0c1\n", "host", "raw"),
        ("host's EL0 view:\nMIDR_EL1=0x413fd0c1\n", "host", "el0"),
        ("[guest]\nMIDR_EL1=0x413fd0c1\n", "vcpu", ""),
        ("as: vcpu\nMIDR_EL1=0x413fd0c1\n", "vcpu", ""),
        ("MIDR_EL1=0x413fd0c1\nHCR_EL2=0x80000000\n", "host", "raw"),
        ("KVM idregs of my VM\nMIDR_EL1=0x413fd0c1\nVPIDR_EL2=0x413fd0c1\n", "vcpu", ""),
        ("0x603000000013c000 0x413fd0c1\n0x603000000014000 0x1\n", "vcpu", ""),
    ],
)
def test_whose_values_they_are(tmp_path: Path, text: str, kind: str, view: str) -> None:
    dump = opened(tmp_path, text)
    assert (dump.vcpus[0].kind, dump.host.view if dump.host else "") == (kind, view)


def test_a_declaration_wins_over_everything(tmp_path: Path) -> None:
    text = "# guest\nCCSIDR[0]=0x700fe01a\nMIDR_EL1=0x413fd0c1\n"
    assert opened(tmp_path, text, "host").host is not None
    assert opened(tmp_path, text, "vcpu").vcpus[0].values[rid("CCSIDR[0]")] == 0x700FE01A
    el0 = opened(tmp_path, text, "el0")
    assert el0.host is not None
    assert (el0.host.view, dict(el0.host.ccsidr)) == ("el0", {})
    assert el0.el0 == {rid("MIDR_EL1"): 0x413FD0C1}
    unsure = opened(tmp_path, "MIDR_EL1=0x413fd0c1\n")
    assert any("--as host" in note for note in unsure.notes)
    with pytest.raises(SourceError, match="--as host"):
        opened(tmp_path, "CCSIDR[0]=0xff0000001a\n", "vcpu")


def test_lines_that_are_not_understood_are_counted_and_a_few_are_named(tmp_path: Path) -> None:
    text = "MIDR_EL1=0x413fd0c1\nNO_SUCH_EL1=0x1\n" + "".join(f"prose {n}\n" for n in range(2000))
    (note,) = (note for note in opened(tmp_path, text, "vcpu").notes if "not understood" in note)
    assert note.startswith("2001 lines were")
    assert "line 2: NO_SUCH_EL1=0x1 (no register is called NO_SUCH_EL1" in note
    assert "and 1998 more" in note
    assert len(note) < 900


def test_only_a_text_without_any_value_is_refused_with_all_that_was_tried(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        opened(tmp_path, "[ 1.0] nothing of a register\n[ 2.0] CTR_EL0 was trapped\n")
    for word in ("QEMU", "lscpu", "ArmCpuInfo", "macOS", "each line is a register"):
        assert word in str(refused.value)


EXAMPLES = {
    "table": (MATERIAL / "22-box64-armcpuinfo-table.txt").read_bytes(),
    "armcpuinfo": (MATERIAL / "20-rk3588-armcpuinfo.txt").read_bytes(),
    "ccidx": (MATERIAL / "28-cix-cache-regs.txt").read_bytes(),
    "lscpu": (MATERIAL / "23-lscpu-rk3588.txt").read_bytes(),
    "cpuinfo": block(0, FLAGS_N2, "0xd49", "0x0", 0).encode(),
    "hwcap": b"AT_HWCAP:             1007ff\nAT_HWCAP2:            0x0\nAT_PLATFORM: aarch64\n",
    "monitor": QEMU_MONITOR.encode(),
    "gdb": GDB.encode(),
    "lldb": LLDB.encode(),
    "powershell": POWERSHELL.encode(),
    "registry": REG_EXPORT.encode(),
    "sysctl": SYSCTL.encode(),
    "boxes": BOXES.encode(),
}


@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_texts(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Cut, flipped, and with bytes put in or taken out: a dump, or one printable line."""
    base = bytearray(EXAMPLES[name])
    for _ in range(data.draw(st.integers(0, 4))):
        base[data.draw(st.integers(0, len(base) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    at, length = data.draw(st.integers(0, len(base))), data.draw(st.integers(0, 40))
    middle = random.Random(at).randbytes(length) if data.draw(st.booleans()) else b""
    text = bytes(base[:at]) + middle + bytes(base[at + length :])
    try:
        dump = opened(tmp_path, text)
    except InspectorError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 1200
        return
    for vcpu in dump.vcpus:
        for reg_id, value in vcpu.values.items():
            wide = vcpu.kind == "host" and is_demux(reg_id)  # CCSIDR_EL1 of a machine with FEAT_CCIDX
            assert 0 <= value < 1 << (64 if wide else 8 * (1 << (reg_id >> 52 & 0xF)))
        for constraint in vcpu.constraints.values():
            assert constraint.value & ~constraint.mask == 0
    assert dump_json.write(dump)


@pytest.mark.parametrize(
    "run", [" ", "0", "a", "a ", "|", ":", "CP 4000 ", "cpu ", "0x", "hwcap ", "_EL1", "FEAT_", ","]
)
def test_long_runs_take_time_in_proportion_to_their_length(tmp_path: Path, run: str) -> None:
    for head in ("MIDR_EL1=0x1\n", "PFR0 | A | 3:0 | 0001\n", "CPU part : 0xd0c\n", "hw.optional.arm.FEAT_LSE: 1\n"):
        begin = time.process_time()
        opened(tmp_path, head + "b" + run * (100_000 // len(run)) + "c\n")
        assert time.process_time() - begin < 30


ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text",
    [
        block(0, FLAGS_N1, "0xd0c", "0x3", 1),
        "Architecture: aarch64\nVendor ID: ARM\nModel name: Neoverse-N1\nStepping: r3p1\nFlags: " + FLAGS_N1,
        '{"lscpu": [{"field": "Architecture:", "data": "aarch64"}, {"field": "Vendor ID:", "data": "ARM", "children":'
        ' [{"field": "Model name:", "data": "Neoverse-N1", "children": [{"field": "Stepping:", "data": "r3p1"},'
        ' {"field": "Flags:", "data": "' + FLAGS_N1 + '"}]}]}]}',
        "MIDR_EL1=0x413fd0c1\nID_AA64ISAR0_EL1 = 0x0000100010211120\n",
        f"MIDR_EL1:{8 * ' 0000'} - 0100 0001 0011 1111 1101 0000 1100 0001\n",
    ],
    ids=["cpuinfo", "lscpu", "lscpu-json", "plain", "cpusysregs"],
)
def test_every_text_is_read_in_every_encoding_of_windows(tmp_path: Path, text: str, encoding: str) -> None:
    dump = opened(tmp_path, text.replace("\n", "\r\n").encode(encoding))
    assert dump.vcpus[0].values[rid("MIDR_EL1")] == 0x413FD0C1


def test_broken_utf_16_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not valid UTF-16"):
        opened(tmp_path, "MIDR_EL1=0x413fd0c1\r\n".encode("utf-16") + b"\n")


def test_letters_of_an_older_encoding_do_not_matter(tmp_path: Path) -> None:
    dump = opened(
        tmp_path, "# gr\u00f6\u00dfe des caches\nMIDR_EL1=0x413fd0c1\nID_AA64ISAR1_EL1=0x1\n".encode("latin-1")
    )
    assert dump.vcpus[0].values[rid("MIDR_EL1")] == 0x413FD0C1


LSCPU_GERMAN = """Architektur:                     aarch64
CPU Operationsmodus:             32-bit, 64-bit
CPU(s):                          4
Anbieterkennung:                 ARM
BIOS-Anbieterkennung:            Raspberry
Modellname:                      Cortex-A72
BIOS Modellname:                 Cortex-A72
Modell:                          3
Stepping:                        r0p3
L1d-Cache:                       128 KiB
Schwachstelle Spectre v2:        Vulnerable
Markierungen:                    fp asimd evtstrm crc32 cpuid
"""
LSCPU_FRENCH = """Architecture :                          aarch64
Processeur(s) :                         8
Identifiant constructeur :              ARM
Nom de modèle :                         Cortex-A55
Révision :                              r2p0
Nom de modèle :                         Cortex-A76
Révision :                              r4p0
Drapeaux :                              fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics
"""
LSCPU_CHINESE = """架构： aarch64
CPU(s)： 128
厂商 ID： HiSilicon
型号名称： Kunpeng-920
步进： r1p0
标记： fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp
"""


def test_lscpu_in_another_language_is_known_by_its_values(tmp_path: Path) -> None:
    german = opened(tmp_path, LSCPU_GERMAN)
    assert [dict(v.values) for v in german.vcpus] == [{rid("MIDR_EL1"): 0x410FD083}]
    isar0 = part_of(german, "ID_AA64ISAR0_EL1")
    assert (isar0.value >> 16 & 0xF, isar0.known >> 4 & 0xF) == (1, 0xF)
    french = opened(tmp_path, LSCPU_FRENCH)
    assert [v.values[rid("MIDR_EL1")] for v in french.vcpus] == [0x412FD050, 0x414FD0B0]
    assert opened(tmp_path, LSCPU_CHINESE.encode("utf-16")).provenance.tool == "lscpu"
    for foreign in ("x86_64", "s390x"):
        with pytest.raises(SourceError, match=f"another architecture .{foreign}"):
            opened(tmp_path, f"Architektur: {foreign}\nCPU(s): 4\nModellname: AMD EPYC\nMarkierungen: fpu vme de\n")


def test_values_of_registers_beside_a_core_name_stay_registers(tmp_path: Path) -> None:
    text = "Kern: Cortex-A72\nStand: r0p3\nMIDR_EL1 = 0x410fd083\nCLIDR_EL1 = 0xa200023\n"
    assert len(opened(tmp_path, text).vcpus[0].values) == 2


def nested(*fields: tuple[str, str | None, list[dict[str, object]]]) -> list[dict[str, object]]:
    """Fields as lscpu's JSON has them."""
    return [
        {"field": field, "data": data, "children": children} if children else {"field": field, "data": data}
        for field, data, children in fields
    ]


@pytest.mark.parametrize("labels", [("Model name:", "Flags:"), ("Modellname:", "Markierungen:")])
def test_lscpu_as_json(tmp_path: Path, labels: tuple[str, str]) -> None:
    model, flags = labels
    little = nested(("Model:", "0", []), ("Stepping:", "r2p0", []), (flags, FLAGS_N1, []))
    big = nested(("Model:", "0", []), ("Stepping:", "r4p0", []), ("Frequency boost:", None, []))
    vendor = nested((model, "Cortex-A55", little), (model, "Cortex-A76", big))
    text = {"lscpu": nested(("Architecture:", "aarch64", []), ("CPU(s):", "8", []), ("Vendor ID:", "ARM", vendor))}
    for written in (json.dumps(text), json.dumps(text, indent=3)):
        dump = opened(tmp_path, written)
        assert [v.values[rid("MIDR_EL1")] for v in dump.vcpus] == [0x412FD050, 0x414FD0B0]
        assert part_of(dump, "ID_AA64ISAR0_EL1", 1) == part_of(dump, "ID_AA64ISAR0_EL1", 0)
    flat = {"lscpu": nested(("Architecture:", "x86_64", []), ("Vendor ID:", "GenuineIntel", []))}
    with pytest.raises(SourceError, match=r"another architecture .x86_64"):
        opened(tmp_path, json.dumps(flat))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[" * 150, "nested too deeply: 100 levels (line 1, column 100)"),
        ("[" * 200_000, "nested too deeply: 100 levels (line 1, column 100)"),
        ("[1, 2,\n 3", "truncated (line 2, column 3)"),
        ('[{"a": 1},\n {"b" 2}]', "(line 2, column 7)"),
        ("{\n  registers: 1\n}", "(line 2, column 3)"),
    ],
)
def test_what_begins_like_json_has_a_line_and_a_column(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(SourceError) as raised:
        opened(tmp_path, text)
    assert place in raised.value.what
    with pytest.raises(SourceError) as raised:
        opened(tmp_path, "[    0.000000] hello\n[    0.100000] world\n")
    assert "JSON" not in raised.value.what


def test_a_note_says_what_a_text_shows_and_what_it_does_not(tmp_path: Path) -> None:
    cpuinfo = " ".join(opened(tmp_path, block(0, FLAGS_N1, "0xd0c", "0x3", 1)).notes)
    assert "shows MIDR_EL1 and the fields behind Linux's flags; it does not show caches" in cpuinfo
    hwcap = " ".join(opened(tmp_path, "AT_HWCAP: 119fff\n").notes)
    assert "shows the fields behind Linux's flags; it does not show" in hwcap and "and MIDR_EL1" in hwcap


LSCPU_TABLES = {
    "-J -e": '{\n "cpus": [\n {"cpu": 0, "node": 0, "socket": 0, "core": 0, "online": true}\n ]\n}\n',
    "-J -C": '{"caches": [{"name": "L1d", "one-size": "64K", "all-size": "512K", "ways": 4}]}',
    "-e": "CPU NODE SOCKET CORE L1d:L1i:L2 ONLINE MAXMHZ\n  0    0      0    0 0:0:0          yes 3000.0000\n",
    "-p": "# The following is the parsable format\n# CPU,Core,Socket,Node,,L1d,L1i,L2\n0,0,0,0,,0,0,0\n",
    "-C": "NAME ONE-SIZE ALL-SIZE WAYS TYPE LEVEL\nL1d       64K     512K    4 Data  1\n",
}


@pytest.mark.parametrize("options", LSCPU_TABLES)
def test_lscpu_tables_that_name_no_core_are_refused_with_what_to_give(tmp_path: Path, options: str) -> None:
    with pytest.raises(SourceError, match=r"names no core and no flags; give what `lscpu`"):
        opened(tmp_path, LSCPU_TABLES[options])


NAMED_CORES = {
    "-e": "CPU MODELNAME   ONLINE\n  0 Cortex-A55     yes\n  4 Cortex-A76     yes\n",
    "-e names first": "MODELNAME  CPU\nCortex-A55   0\nCortex-A76   4\n",
    "-p": "# The following is the parsable format\n# CPU,Node,MODELNAME\n0,0,Cortex-A55\n4,0,Cortex-A76\n",
    "-J -e": '{\n "cpus": [\n {"cpu": 0, "modelname": "Cortex-A55"}, {"cpu": 4, "modelname": "Cortex-A76"}\n ]\n}\n',
}


@pytest.mark.parametrize("options", NAMED_CORES)
def test_lscpu_tables_that_name_cores_are_their_part_numbers(tmp_path: Path, options: str) -> None:
    dump = opened(tmp_path, NAMED_CORES[options])
    part = 0xFFF << 4 | 0xFF << 24
    midr = rid("MIDR_EL1")
    told = [vcpu.constraints[midr] for vcpu in dump.vcpus]
    assert [one.value & part for one in told] == [0x41 << 24 | 0xD05 << 4, 0x41 << 24 | 0xD0B << 4]
    assert all(one.mask & part == part and not one.mask & 0xF for one in told), "the revision is not told"
    assert any("revision and flags stay unknown" in note for note in dump.notes)


@pytest.mark.parametrize("name", ["Banana", "-", "", "Cortex A5"])
def test_a_name_that_is_no_one_core_names_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="names no core"):
        opened(tmp_path, f"CPU MODELNAME ONLINE\n  0 {name} yes\n")


def test_a_host_with_mpam_hides_it_from_6_6_67_on() -> None:
    """The public case behind 01b: the answer to that user is to update the host."""
    host = MATERIAL / "01b-host-mpam.json"
    write = "ID_AA64PFR0_EL1.MPAM=1"
    for kernel, hidden in (("6.6.66", False), ("6.6.67", True), ("6.6.87", True), ("6.12.10", True)):
        (shown,) = inspector.expose(inspector.machine(str(host), kernel), "ID_AA64PFR0_EL1")
        field = next(one for one in shown.fields if one.name == "MPAM")
        assert (field.host, field.exposed, field.state) == (1, int(not hidden), "masked" if hidden else "same")
        (verdict,) = inspector.try_write(inspector.machine(str(host), kernel), write)
        assert verdict.errno == 0 and verdict.outcome == ("ignored" if hidden else "accepted")


def test_a_cortex_a72_is_on_the_list_of_cores_safe_from_meltdown() -> None:
    """20e: CSV3 = 1 is offered although the CPU's own field is 0."""
    machine = inspector.machine(str(MATERIAL / "20e-host-a72.json"), "6.12")
    (verdict,) = inspector.try_write(machine, "ID_AA64PFR0_EL1.CSV3=1")
    assert (verdict.outcome, verdict.certain) == ("accepted", True)


def test_the_bits_of_ctr_above_31_are_a_field_that_the_kernel_does_not_show() -> None:
    (shown,) = inspector.expose(inspector.machine(material("28-*.txt"), "6.12"), "CTR_EL0")
    field = next(one for one in shown.fields if one.name == "TminLine")
    assert (shown.host, shown.exposed, shown.guest) == (0x49444C004, 0x9444C004, 0x49444C004)
    assert (field.host, field.exposed, field.state) == (4, 0, "masked")


def pasted_in(folder: Path, data: bytes) -> Dump:
    (folder / "pasted.txt").write_bytes(data)
    return load(str(folder / "pasted.txt"))


def test_a_dictionary_as_python_prints_it_is_text(tmp_path: Path) -> None:
    made = pasted_in(tmp_path, b"{'ID_AA64PFR0_EL1': 0x11112222, 'ID_AA64MMFR0_EL1': 1125899906912549}\n")
    assert made.vcpus[0].values == {
        find("ID_AA64PFR0_EL1").register.id: 0x11112222, find("ID_AA64MMFR0_EL1").register.id: 1125899906912549,
    }  # fmt: skip
    with pytest.raises(SourceError, match="line 1"):
        pasted_in(tmp_path, b'{"ID_AA64PFR0_EL1": 0x11112222}\n')


SYSFS = """\
/sys/devices/system/cpu/cpu0/regs/identification/midr_el1:0x00000000410fd083
/sys/devices/system/cpu/cpu0/regs/identification/revidr_el1:0x0000000000000080
/sys/devices/system/cpu/cpu4/regs/identification/midr_el1:0x00000000410fd034
"""


def test_sysfs_shows_its_own_machine_and_no_cpu_gets_the_value_of_another_kind(tmp_path: Path) -> None:
    made = pasted_in(tmp_path, SYSFS.encode())
    big, little = made.vcpus
    assert big.kind == little.kind == "host"
    assert big.values == {find("MIDR_EL1").register.id: 0x410FD083, find("REVIDR_EL1").register.id: 0x80}
    assert little.values == {find("MIDR_EL1").register.id: 0x410FD034}
    assert any("sysfs" in note for note in made.notes)


@pytest.mark.parametrize(("state", "el0", "el1"), [("0x400003c5", 0, 0x40001230), ("0x400003c4", 0x40001230, 0x77)])
def test_the_stack_pointer_in_use_beside_those_that_a_stub_lists(
    state: str, el0: int, el1: int, tmp_path: Path
) -> None:
    """`info all-registers` of gdb 13 on QEMU 11.1.3: `sp` was refused as a second value of SP_EL0."""
    listed = f"x0 0x1 1\nSP_EL0 0x0 0\nSP_EL1 0x77 119\nsp 0x40001230 0x40001230\npc 0x40 0x40\ncpsr {state} [ SP ]\n"
    values = opened(tmp_path, listed).vcpus[0].values
    assert (values[rid("SP_EL0")], values[rid("SP_EL1")]) == (el0, el1)


OOPS = """[   84.117413] Internal error: Oops: 96000044 [#1] SMP
[   84.139262] pstate: 40400085 (nZcv daIf +PAN -UAO)
[   84.140000] pc : __list_del_entry_valid+0x38/0xa0
[   84.142000] sp : ffff80001123bb20
[   84.143000] x29: ffff80001123bb20 x28: ffff0000c2e3b000
[   84.144000] x27: 0000000000000010 x26: 0000000000000002
"""
CRASH = """     PC: ffff800010a5d4e0  [el1_irq+184]
     LR: ffff800010a5d4d0  [el1_irq+168]
     SP: ffff80001123bb20  PSTATE: 60400005
    X29: ffff80001123bb20  X28: ffff0000c2e3b000  X27: 0000000000000010
    X26: 0000000000000002
"""


@pytest.mark.parametrize("text", [OOPS, CRASH])
def test_what_a_kernel_prints_at_an_exception(text: str, tmp_path: Path) -> None:
    """Every register of a line, in hex; SP is that of the level which PSTATE names, here EL1."""
    values = opened(tmp_path, text).vcpus[0].values
    assert values[rid("SP_EL1")] == 0xFFFF80001123BB20 and rid("SP_EL0") not in values
    assert [values[rid(name)] for name in ("X28", "X27", "PSTATE")][:2] == [0xFFFF0000C2E3B000, 0x10]
    assert values[rid("PSTATE")] & 0xFFFF == (0x85 if text is OOPS else 5)


def test_two_reports_of_a_kernel_stand_apart(tmp_path: Path) -> None:
    """They were refused as one register with two values; what both have in common belongs to both."""
    first = f"Unable to handle kernel paging request\n  ESR = 0x0000000096000044\n{OOPS}"
    dump = opened(tmp_path, first + first.replace("x28: ffff0000", "x28: ffff1111").replace("6000044", "6000004"))
    assert [v.index for v in dump.vcpus] == [0, 1]
    assert [v.values[rid("X28")] for v in dump.vcpus] == [0xFFFF0000C2E3B000, 0xFFFF1111C2E3B000]
    assert [v.values[rid("ESR_EL1")] & 0x40 for v in dump.vcpus] == [0x40, 0]
    assert [v.values[rid("SP_EL1")] for v in dump.vcpus] == [0xFFFF80001123BB20] * 2
    assert any("2 reports of a kernel" in note for note in dump.notes)


def test_a_stack_pointer_without_pstate_is_nobodys(tmp_path: Path) -> None:
    dump = opened(tmp_path, "sp : ffff80001123bb20\nx29: ffff80001123bb20 x28: ffff0000c2e3b000\n")
    assert not {rid("SP_EL0"), rid("SP_EL1")} & dump.vcpus[0].values.keys()
    assert any("SP is left out" in note for note in dump.notes)


@pytest.mark.parametrize(
    "line",
    [
        "MIDR_EL1: 90 d4 0f 41 00 00 00 00", "MIDR_EL1: 00 00 00 00 41 0f d4 90", "MIDR_EL1 0x90 0xd4 0x0f 0x41",
        "MIDR_EL1: 90:d4:0f:41:00:00:00:00", "MIDR_EL1: 0000 0000 410f d490",
    ],
)  # fmt: skip
def test_bytes_are_no_value_as_their_order_is_not_known(tmp_path: Path, line: str) -> None:
    with pytest.raises(SourceError, match="bytes, of which order is not known"):
        opened(tmp_path, line + "\n")


@pytest.mark.parametrize(
    "line",
    [
        "MIDR_EL1            0xD00    0x410fd490   0x410fd491", "| MIDR_EL1 | 0x410fd490 | 0x410fd491 |",
        "MIDR_EL1,0x410fd490,0x410fd491", "MIDR_EL1 0x410fd490 -> 0x410fd491", "MIDR_EL1 = 0x0, 0x410fd490",
        "0x603000000013c000 0x410fd490 0x410fd491",
    ],
)  # fmt: skip
def test_of_two_columns_none_is_chosen(tmp_path: Path, line: str) -> None:
    with pytest.raises(SourceError, match="two values behind one register"):
        opened(tmp_path, line + "\n")
    dump = opened(tmp_path, f"{line}\nREVIDR_EL1 0x1 0x1\n")
    assert dump.vcpus[0].values == {rid("REVIDR_EL1"): 1}
    assert any("two values behind one register" in note for note in dump.notes)


@pytest.mark.parametrize("heading", ["- index: {}", "  - vcpu: {}", "- id: {}", "vcpu_id: {}", "vcpu {}: # of two"])
def test_a_list_of_vcpus_is_as_many_vcpus(tmp_path: Path, heading: str) -> None:
    lines = [
        f"{heading.format(n)}\n    regs:\n      MIDR_EL1: 0x410fd490\n      REVIDR_EL1: {n:#x}\n" for n in range(2)
    ]
    dump = opened(tmp_path, "vcpus:\n" + "".join(lines))
    assert [vcpu.values[rid("REVIDR_EL1")] for vcpu in dump.vcpus] == [0, 1]
