"""One small, valid file of every format, and what it holds: the ground for tests of all formats at once."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

from inspector.sources.dump import Absent, Cpu, Dump, Host, Provenance, Vcpu
from inspector.sources.formats import dump_json
from inspector.sources.formats.firecracker_vmstate import checksum
from inspector.untrusted import Untrusted
from tests.sources import streams

PFR0, MMFR2, MIDR, CCSIDR0 = 0x603000000013C020, 0x603000000013C03A, 0x603000000013C000, 0x6020000000110000
X0, PSTATE = 0x6030000000100000, 0x6030000000100042
VALUES: Mapping[int, int] = {
    CCSIDR0: 0x701FE01A,
    X0: 0x1234,
    PSTATE: 0x3C5,
    MIDR: 0x413FD0C1,
    PFR0: 0x1100000011111112,
    MMFR2: 0x1011,
    0x6030000000140000: 0x10001,
}
"""What every example below holds, but for those that cannot."""


def own_dump() -> bytes:
    """Our own format, with everything that it can hold."""
    vcpu = Vcpu(
        index=0,
        name=Untrusted("one"),
        values=VALUES,
        errors={0x603000000013C021: 2},
        writable_masks={PFR0: 0xFF},
        mp_state="stopped",
    )
    dump = Dump(
        provenance=Provenance(
            source="a.mig",
            format="qemu-stream",
            tool=Untrusted("QEMU"),
            kernel=Untrusted("6.1.0"),
            date=Untrusted("2026-01-02"),
            accelerator="kvm",
        ),
        vcpus=(vcpu, Vcpu(index=1, values=VALUES)),
        host=Host(values={PFR0: 3}, ccsidr={0: 0xFF0000001A}),
        cpus=(Cpu(index=0, values={MIDR: 4}, caches=({"level": "1"},)),),
        capabilities={"sve": 1},
        el0={PFR0: 0x11},
        absent=(Absent(frozenset((MIDR, PFR0)), "never saved"),),
        notes=("a note",),
    )
    return dump_json.write(dump)


def bits(value: int, width: int = 128) -> str:
    """A register's value as Firecracker writes it."""
    return f"0b{value:0{width}b}"


def fingerprint() -> bytes:
    """A cpu-template-helper fingerprint."""
    modifiers = [{"addr": hex(i), "bitmap": bits(v)} for i, v in VALUES.items()]
    config = {"kvm_capabilities": [], "vcpu_features": [], "reg_modifiers": modifiers}
    head = {"firecracker_version": "1.16.0", "kernel_version": "6.1.1", "microcode_version": "0", "bios_version": "1"}
    return json.dumps({**head, "bios_revision": "1", "guest_cpu_config": config}, indent=1).encode()


def template() -> bytes:
    """A CPU template: one bit of one register, one register in full."""
    return json.dumps(
        {
            "kvm_capabilities": ["!56", "171"],
            "vcpu_features": [{"index": 0, "bitmap": "0b1xxxxx"}],
            "reg_modifiers": [
                {"addr": hex(PFR0), "bitmap": "0bxxxx0001_1x"},
                {"addr": hex(MMFR2), "bitmap": bits(0x1011, 64)},
            ],
        }
    ).encode()


def recording() -> bytes:
    """A kvm-recording of two configurations, one of which could not be created."""
    lines: list[dict[str, object]] = [
        {"type": "recording", "version": 1, "cpu": "neoverse-n1", "machine": "somewhere", "kernel": "6.1.0-1"},
        {"type": "host", "how": "read at EL2", "regs": {hex(PFR0): "0x33"}, "ccsidr": {"0x0": "0xff0000001a"}},
        {"type": "kernel", "release": "6.1.0-1", "version": "#1", "cmdline": "quiet"},
        {"type": "file", "path": "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "text": "0x413fd0c1\n"},
        {"type": "el0", "regs": {hex(PFR0): "0x11"}},
        {"type": "caps", "sve": 0, "vm_ipa_size": 40},
        {"type": "vcpu", "config": "qemu", "features": 12, "gicv3": 1, "mte": 0, "writable_imp_id": 0, "init_errno": 0},
        *({"type": "get", "id": hex(i), "errno": 0, "value": hex(v)} for i, v in VALUES.items()),
        {"type": "get", "id": hex(0x603000000013C021), "errno": 2, "value": "0x0"},
        {"type": "guest", "id": hex(CCSIDR0), "value": "0xff0000001a"},
        {"type": "set", "phase": "same", "id": hex(PFR0), "value": "0x0", "errno": 22, "after": "0x1"},
        {"type": "odd", "id": hex(PFR0 + 9), "get_errno": 2, "value": "0x0", "set_zero_errno": 2},
        {"type": "fresh"},
        {"type": "writable_masks", "errno": 0, "masks": {hex(PFR0): "0xff"}},
        {"type": "vcpu", "config": "sve", "features": 20, "gicv3": 0, "mte": 0, "writable_imp_id": 0, "init_errno": 22},
    ]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def fresh_vcpu() -> bytes:
    """A fresh vCPU's list as replayed restores keep it."""
    first = {"dump": "own", "kernel": "6.12.1", "cpu": "cortex-a72", "features": 12, "errno": 0, "cap_sve": 0}
    lines: list[dict[str, object]] = [first]
    lines += [{"reg": hex(i), "get_errno": 0, "val": hex(v), "via_cpreg_list": 1} for i, v in VALUES.items()]
    lines += [{"writable_masks_errno": 0}, {"wmask_reg": hex(PFR0), "wmask": "0xff"}]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def replay() -> bytes:
    """A replayed restore; the destination lacks one register, and has one of its own."""
    rows = [
        {
            "reg": hex(i),
            "in_src": 1,
            "in_dst": int(i != X0),
            "dst_own": "0x1",
            "written": hex(v),
            "errno": 0,
            "after": hex(v),
        }
        for i, v in VALUES.items()
    ]
    rows.append({"reg": hex(MIDR + 6), "in_src": 0, "in_dst": 1, "dst_own": "0x7", "written": "0x7", "errno": 0})
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def plain_text() -> bytes:
    """Every spelling that a person or a tool may use."""
    return b"""# registers of a vCPU
0x6020000000110000 0x701fe01a
X0 = 0x1234
pstate: 965            # decimal
MIDR_EL1\t0x4_13fd_0c1
op0:3 op1:0 crn:0 crm:4 op2:0 = 0x1100000011111112

6931039826524487738, 0b1000000010001
0x6030000000140000 65537
"""


def idregs() -> bytes:
    """KVM's debugfs file: names in 20 columns, values without 0x."""
    rows = [("MIDR_EL1", VALUES[MIDR]), ("ID_AA64PFR0_EL1", VALUES[PFR0]), ("ID_AA64MMFR2_EL1", VALUES[MMFR2])]
    return (
        b"".join(f"{name:>20}:\t{value:016x}\n".encode() for name, value in rows)
        + b"        S3_0_0_3_7:\t0000000000000000\n"
    )


def cpusysregs() -> bytes:
    """arm-cpusysregs' text of two registers, decoded fields below each."""
    text = ""
    for name, value in (("ID_AA64PFR0_EL1", VALUES[PFR0]), ("MIDR_EL1", VALUES[MIDR])):
        digits = [f"{value >> shift & 15:04b}" for shift in range(60, -4, -4)]
        text += f"\n{name}: {' '.join(digits[:8])} - {' '.join(digits[8:])}\n\n  Field:  0x1 (text)\n"
    return text.encode()


def register_list() -> bytes:
    """get-reg-list's output: ids as macros."""
    return b"""vregs: Number blessed registers:   9
\tKVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.regs[3]),
\tKVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(spsr[1]),
\tKVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(fp_regs.fpcr),
\tKVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_FW | KVM_REG_ARM_FW_REG(1),
\tKVM_REG_ARM_FW_FEAT_BMAP_REG(2),\t/* KVM_REG_ARM_VENDOR_HYP_BMAP */
\tARM64_SYS_REG(3, 0, 0, 4, 0),
\tKVM_REG_ARM_TIMER_CVAL,
\tKVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | KVM_REG_ARM_DEMUX_ID_CCSIDR | 2,
sve: Number blessed registers:   3
\tKVM_REG_ARM64_SVE_VLS,
\tKVM_REG_ARM64_SVE_ZREG(1, 0),
\tKVM_REG_ARM64_SVE_FFR(0),
"""


LISTED = (
    (0x6030000000100006, 0x603000000010004A, 0x60200000001000D5, 0x6030000000140001, 0x6030000000160002, PFR0,
     0x603000000013DF02, 0x6020000000110002),
    (0x606000000015FFFF, 0x6080000000150020, 0x6050000000150600),
)  # fmt: skip
"""Ids of the two lists above, written out by hand from the kernel's headers."""


def analyzed() -> bytes:
    """What analyze-migration.py prints for two vCPUs: texts, and bytes in hex for what it does not know."""
    ids = sorted(i for i in VALUES if i not in (X0, PSTATE))
    cpu: dict[str, object] = {
        "env.regs": ["0x00000000"] * 16,
        "env.xregs": ["0x0000000000001234", *["0x0000000000000000"] * 31],
        "env.pc": "0x0000000000000080",
        "cpsr": "00 00 03 c5",
        "env.spsr": "0x00000000",
        "env.banked_spsr": ["0x0000000000000000"] * 8,
        "env.banked_r13": ["0x00000000"] * 8,
        "env.banked_r14": ["0x00000000"] * 8,
        "env.usr_regs": ["0x00000000"] * 5,
        "env.fiq_regs": ["0x00000000"] * 5,
        "env.elr_el": ["0x0000000000000000"] * 4,
        "env.sp_el": ["0x0000000000000000"] * 4,
        "cpreg_vmstate_array_len": f"0x{len(ids):08x}",
        "cpreg_vmstate_indexes": [f"0x{i:016x}" for i in ids],
        "cpreg_vmstate_values": [f"0x{VALUES[i]:016x}" for i in ids],
        "gt_timer[GTIMER_PHYS]": "00 00 00 00 00 00 00 01",
        "cpu/vfp": {
            **{f"env.vfp.zregs[{n}].d": [f"0x{n:016x}", "0x0000000000000001"] for n in range(32)},
            "env.vfp.xregs": ["0x00000000"] * 14,
            "fpscr": "08 00 00 01",
        },
    }
    document = {"ram (2)": {"section sizes": {"mach-virt.ram": "0x0000000004000000"}}, "timer (4)": {}, "cpu (9)": cpu}
    return json.dumps({**document, "cpu (11)": cpu}, indent=4).encode()


def qemu() -> bytes:
    """A stream with two vCPUs."""
    return streams.stream([streams.SOME_REGISTERS] * 2)


EXAMPLES = {
    "qemu-stream": qemu,
    "libvirt-save": lambda: streams.libvirt(qemu()),
    "qcow2-snapshot": lambda: streams.qcow2(qemu()),
    "kvm-recording": recording,
    "dump-json": own_dump,
    "firecracker-json": fingerprint,
    "analyze-migration": analyzed,
    "restore-lines": fresh_vcpu,
    "cpusysregs": cpusysregs,
    "get-reg-list": register_list,
    "plain-text": plain_text,
}
"""format name -> a function that makes the bytes of one file"""


def crc_free_binary() -> bytes:
    """Bytes that are of no format at all."""
    return struct.pack("<1000Q", *((n * 2654435761) % 2**64 for n in range(1000)))


def kvm_regs_bytes() -> list[int]:
    """struct kvm_regs with X0 and PSTATE of VALUES, V1 and FPCR."""
    data = struct.pack("<34Q", VALUES[X0], *[0] * 30, 1, 2, VALUES[PSTATE]) + struct.pack("<7Q", 3, 4, 5, 6, 7, 8, 9)
    return list(data.ljust(0x150, b"\0") + struct.pack("<64Q", 0, 0, 10, 11, *[0] * 60) + struct.pack("<2I8x", 12, 13))


CORE = {X0, PSTATE}


def cloud_hypervisor(shape: int = 2) -> bytes:
    """state.json in the three shapes it has had: 1 to version 38, 2 since 39, 3 with SVE."""
    system = [(i, v) for i, v in VALUES.items() if i not in CORE]
    if shape == 1:
        regs = {"regs": [VALUES[X0], *[0] * 30], "sp": 1, "pc": 2, "pstate": VALUES[PSTATE]}
        fp = {"vregs": [[0, 0], [10, 11], *[[0, 0]] * 30], "fpsr": 12, "fpcr": 13}
        core: object = {"regs": regs, "sp_el1": 3, "elr_el1": 4, "spsr": [5, 6, 7, 8, 9], "fp_regs": fp}
        inner: dict[str, object] = {
            "mp_state": 0,
            "core_regs": core,
            "sys_regs": [{"id": i, "addr": v} for i, v in system],
        }
    else:
        packed = [list(struct.pack("<QQ", i, v)) for i, v in system]
        inner = {"mp_state": [0] * 4, "core_regs": kvm_regs_bytes(), "sys_regs": packed}
    if shape == 3:
        inner["pre_finalize_regs"] = [{"id": 0x606000000015FFFF, "data": [1, *[0] * 63]}]
        inner["extended_regs"] = [{"id": 0x6080000000150000, "data": [0, 1, *[0] * 254]}]
    text = json.dumps({"Kvm": inner})
    data: object = list(text.encode()) if shape == 1 else {"state": text}
    vcpus = {str(n): {"snapshots": {}, "snapshot_data": data} for n in (1, 0)}
    manager = {"snapshots": vcpus, "snapshot_data": None}
    return json.dumps({"snapshots": {"cpu-manager": manager}, "snapshot_data": None}).encode()


def crosvm(binary: bool = True) -> bytes:
    """One vCPU; FPCR and the timer's compare value stand in `sys` under their architectural encodings."""
    import cbor2

    system = {i & 0xFFFF: v for i, v in VALUES.items() if i >> 16 & 0xFFF == 0x13}
    system |= {0xDA20: 13, 0xDF1A: 0x77, 0xDF02: 0x99}
    document = {
        "vcpu_id": 3, "sp": 1, "pc": 2, "pstate": VALUES[PSTATE], "x": [VALUES[X0], *[0] * 30],
        "v": [0, 10 | 11 << 64, *[0] * 30], "sys": system, "cache_arch_info": {0: VALUES[CCSIDR0]},
        "hypervisor_data": {"firmware_regs": {0: VALUES[0x6030000000140000]}},
    }  # fmt: skip
    return cbor2.dumps(document) if binary else json.dumps(document).encode()


def vmstate() -> bytes:
    """Firecracker's vmstate: magic, version, something, two lists of registers, something."""
    data = struct.pack("<QQ", 0x07101984AAAA0000, 5) + b"6.0.0" + bytes(range(256))
    body = b"".join(v.to_bytes(1 << (i >> 52 & 15), "little") for i, v in VALUES.items())
    listed = struct.pack(f"<Q{len(VALUES)}QQ", len(VALUES), *VALUES, len(body)) + body
    data += listed + bytes(200) + listed + bytes(64)
    return data + checksum(data).to_bytes(8, "little")


EXAMPLES |= {
    "cloud-hypervisor": cloud_hypervisor,
    "crosvm-vcpu": crosvm,
    "firecracker-vmstate": vmstate,
}

LISTINGS: dict[str, tuple[str, ...]] = {
    "windows-registry": (
        '[HKEY\\CentralProcessor\\0]\n"CP 4000"=hex(b):b1,d4,0f,41,00,00,00,00\n"CP 4030"=qword:10211\n',
    ),
    "macos-sysctl": ("machdep.cpu.brand_string: Apple M1\nhw.optional.arm.FEAT_LSE: 1\n",),
    "cpu-list": (
        "processor : 0\nFeatures : fp asimd evtstrm aes\nCPU implementer : 0x41\nCPU part : 0xd0c\n",
        "Architecture: aarch64\nModel name: Neoverse-N1\nStepping: r3p1\nFlags: fp asimd aes sha1\nCPU(s): 4\n",
        json.dumps(
            {
                "lscpu": [
                    {"field": "Architecture:", "data": "aarch64"},
                    {"field": "Model name:", "data": "Neoverse-N1"},
                ]
            }
        ),
    ),
    "hwcaps": ("AT_HWCAP: 119fff\nAT_HWCAP2: 0x1\nAT_PLATFORM: aarch64\nHWCAP: fp asimd aes\n",),
    "arm-cpu-info": ("ID_AA64ISAR0 | AES | 7:4 | 0010 | there\nMIDR_EL1 = 0x410fd493\n",),
    "debugger": (
        "PC=0000000000000000 X00=0000000000000001\nPSTATE=000003c5 Q00=0000000000000000:0000000000000001\n",
        "x0 = 0x0000000000000001\ncpsr = 0x3c5\n",
        "(gdb) x0             0x1                 1\nsp 0x10 0x10\n",
    ),
}
"""format name -> texts of what other programs print, which hold a few registers of a host or a vCPU"""


def examples_of(name: str) -> list[bytes]:
    """The files of a format. KeyError where there is none."""
    return [EXAMPLES[name]()] if name in EXAMPLES else [text.encode() for text in LISTINGS[name]]


ALL = {name: make() for name, make in EXAMPLES.items()} | {
    f"{name} {n}": text.encode() for name, texts in LISTINGS.items() for n, text in enumerate(texts)
}
"""every one of them, by a name for a test"""
