"""QEMU streams in every wrapping: the same registers whatever memory, compression or container is around them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
from pathlib import Path

import msgspec
import pytest
import zstandard

from inspector.errors import SourceError
from inspector.policies.setup import Feature
from inspector.sources import load
from inspector.sources.consistency import differing_id_registers
from tests.sources import streams
from tests.sources.streams import PAGE, SOME_REGISTERS

X0, SP, PC, PSTATE, SP_EL1, ELR_EL1, SPSR_EL1 = (0x6030000000100000 + n for n in (0, 62, 64, 66, 68, 70, 72))
V0, V31 = 0x6040000000100054, 0x60400000001000D0
FPSR, FPCR = 0x60200000001000D4, 0x60200000001000D5
Z0, P0, FFR = 0x6080000000150000, 0x6050000000150400, 0x6050000000150600


def listed(path: Path) -> list[dict[int, int]]:
    """The registers of QEMU's list, per vCPU."""
    return [{i: v for i, v in vcpu.values.items() if i in vcpu.offsets} for vcpu in load(str(path)).vcpus]


def write(folder: Path, data: bytes) -> Path:
    path = folder / "a"
    path.write_bytes(data)
    return path


def test_the_list_comes_out_as_it_went_in(tmp_path: Path) -> None:
    dump = load(str(write(tmp_path, streams.stream())))
    assert {i: v for i, v in dump.vcpus[0].values.items() if i in SOME_REGISTERS} == SOME_REGISTERS
    assert list(dump.vcpus[0].offsets) == list(SOME_REGISTERS)
    assert dump.provenance.machine == "virt-10.0"
    assert dump.provenance.format == "qemu-stream"
    assert dump.notes == ()
    assert dump.kvm


def test_offsets_lead_to_the_value_in_the_file(tmp_path: Path) -> None:
    for data in (streams.stream(), bytes(5000) + streams.stream(), streams.libvirt(streams.stream())):
        path = write(tmp_path, data)
        vcpu = load(str(path)).vcpus[0]
        for reg_id, at in vcpu.offsets.items():
            assert struct.unpack_from(">Q", data, at)[0] == vcpu.values[reg_id]


def test_core_registers(tmp_path: Path) -> None:
    values = load(str(write(tmp_path, streams.stream()))).vcpus[0].values
    assert [values[X0 + 2 * n] for n in range(31)] == [0x100 + n for n in range(31)]
    assert (values[PC], values[PSTATE]) == (0xFFFF000012345678, 0x3C5)
    # PSTATE says EL1 with SP_EL1 in use, so X[31] of the stream is SP_EL1
    assert (values[SP], values[SP_EL1], values[ELR_EL1]) == (0xA0, 0x11F, 0xE1)
    assert [values[SPSR_EL1 + 2 * n] for n in range(5)] == [0x51, 0x52, 0x53, 0x54, 0x55]
    assert values[V31] == 0x1F | 0x101F << 64
    assert (values[FPSR], values[FPCR]) == (0x0800_0001, 0x0040_0000)
    assert Z0 not in values


def test_sve_replaces_the_v_registers(tmp_path: Path) -> None:
    values = load(str(write(tmp_path, streams.stream(sve=True)))).vcpus[0].values
    assert V0 not in values
    assert values[Z0 + 0x20] == 1 | 0x1001 << 64 | sum(7 << 64 * n for n in range(2, 16))
    assert values[P0] == 0
    assert values[FFR] == 9 << 192


def test_a_vcpu_in_aarch32_state(tmp_path: Path) -> None:
    """IRQ mode: its own R13, R14 and SPSR are the live ones, the banks of the other modes count."""
    body = streams.cpu_payload(SOME_REGISTERS, regs=range(16), pstate=0x1D2, spsr=0x77)
    dump = load(str(write(tmp_path, streams.stream(payloads=[body]))))
    x = [dump.vcpus[0].values[X0 + 2 * n] for n in range(31)]
    assert x[:13] == list(range(13))
    assert x[13:16] == [0x1300, 0x1400, 0x1306]
    assert x[16:24] == [14, 13, 0x1401, 0x1301, 0x1402, 0x1302, 0x1403, 0x1303]
    assert x[24:] == [0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0x1305, 0x1405]
    assert dump.vcpus[0].values[PC] == 15
    assert dump.vcpus[0].values[SPSR_EL1 + 2 * 3] == 0x77
    assert "AArch32" in " ".join(dump.notes)


def test_setup_is_told_by_the_list(tmp_path: Path) -> None:
    with_keys = dict(SOME_REGISTERS) | {0x603000000013C108: 1}
    vcpu = load(str(write(tmp_path, streams.stream([dict(sorted(with_keys.items()))])))).vcpus[0]
    assert vcpu.setup is not None
    assert vcpu.setup.features == Feature.PSCI | Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC
    assert vcpu.setup.gic == "v3"


def test_several_vcpus_and_what_differs_between_them(tmp_path: Path) -> None:
    other = dict(SOME_REGISTERS) | {0x603000000013C005: 0x80000001, 0x603000000013C020: 5}
    del other[0x6030000000160000]
    dump = load(str(write(tmp_path, streams.stream([SOME_REGISTERS, other]))))
    assert [v.index for v in dump.vcpus] == [0, 1]
    assert differing_id_registers(dump) == {0x603000000013C020: (0x1101000021111112, 5)}
    assert differing_id_registers(msgspec.structs.replace(dump, one_vm=False)) == {}  # two VMs may differ


@pytest.mark.parametrize("described", [True, False], ids=["with description", "suppress-vmdesc"])
@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lambda d: gzip.compress(lzma.compress(d))],
    ids=["plain", "gzip", "bzip2", "xz", "zstd", "xz in gzip"],
)
def test_every_compression(tmp_path: Path, described: bool, pack: object) -> None:
    assert callable(pack)
    path = write(tmp_path, pack(streams.stream([SOME_REGISTERS] * 2, described=described)))
    assert listed(path) == [SOME_REGISTERS] * 2


def test_members_after_each_other_are_one_stream(tmp_path: Path) -> None:
    data = streams.stream(memory=streams.ram([os.urandom(PAGE)] * 20))
    for pack in (gzip.compress, bz2.compress, lzma.compress, zstandard.compress):
        assert listed(write(tmp_path, pack(data[:30000]) + pack(data[30000:]))) == [SOME_REGISTERS]


def test_at_an_offset_behind_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.seek(3 << 30)
        file.write(streams.stream())
    assert listed(path) == [SOME_REGISTERS]


@pytest.mark.parametrize("start", [0, 12288])
def test_mapped_ram(tmp_path: Path, start: int) -> None:
    path = write(tmp_path, bytes(start) + streams.mapped_ram_stream(start=start))
    assert listed(path) == [SOME_REGISTERS]
    assert "mapped-ram" in " ".join(load(str(path)).notes)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("number", "pack"),
    [(0, bytes), (1, gzip.compress), (2, bz2.compress), (3, lzma.compress), (5, zstandard.compress)],
    ids=["raw", "gzip", "bzip2", "xz", "zstd"],
)
def test_libvirt_save(tmp_path: Path, order: str, number: int, pack: object) -> None:
    assert callable(pack)
    dump = load(str(write(tmp_path, streams.libvirt(pack(streams.stream()), order, number))))
    assert dump.provenance.format == "libvirt-save"
    assert dump.vcpus[0].values[0x603000000013C03A] == SOME_REGISTERS[0x603000000013C03A]
    assert "domain vm1, machine virt-10.0" in dump.notes[0]


def test_libvirt_sparse_format_and_compressed_save(tmp_path: Path) -> None:
    head = streams.libvirt(b"", number=6)
    assert listed(write(tmp_path, head.ljust(1 << 20, b"\0") + streams.stream())) == [SOME_REGISTERS]
    assert listed(write(tmp_path, gzip.compress(streams.libvirt(streams.stream())))) == [SOME_REGISTERS]


def test_libvirt_errors(tmp_path: Path) -> None:
    for data, words in (
        (streams.libvirt(streams.stream(), number=4), "lzop"),
        (streams.libvirt(b""), "ends behind libvirt's header"),
        (streams.libvirt(b"rubbish" * 100), "holds no QEMU migration stream"),
        (streams.libvirt(b"x")[:60], "cut short"),
        (b"LibvirtQemudSave" + b"\xff" * 76, "version 2"),
        (b"LibvirtQemudSave" + struct.pack("<5I", 2, 1 << 31, 1, 0, 0) + bytes(56), "bytes of XML"),
    ):
        with pytest.raises(SourceError, match=words):
            load(str(write(tmp_path, data)))


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("bits", [9, 12, 16])
def test_qcow2_snapshot(tmp_path: Path, reverse: bool, bits: int) -> None:
    """Clusters that do not lie after each other; offsets still lead to the value in the image."""
    image = streams.qcow2(streams.stream(memory=streams.ram([os.urandom(PAGE)] * 9)), bits=bits, reverse=reverse)
    dump = load(str(write(tmp_path, image)))
    vcpu = dump.vcpus[0]
    assert {i: vcpu.values[i] for i in SOME_REGISTERS} == SOME_REGISTERS
    assert len(vcpu.offsets) > 50
    for reg_id, at in vcpu.offsets.items():
        assert struct.unpack_from(">Q", image, at)[0] == vcpu.values[reg_id]
    assert "'saved'" in dump.notes[0]


def test_qcow2_without_state(tmp_path: Path) -> None:
    image = bytearray(streams.qcow2(b""))
    with pytest.raises(SourceError, match="no snapshot in it has VM state"):
        load(str(write(tmp_path, bytes(image))))
    image[60:64] = bytes(4)
    with pytest.raises(SourceError, match="snapshots: none"):
        load(str(write(tmp_path, bytes(image))))


def decoy(value: int) -> bytes:
    """Guest memory that holds a whole vCPU section of another stream."""
    registers = dict.fromkeys(SOME_REGISTERS, value)
    data = streams.section(4, 11, "cpu", 0, 22, streams.cpu_payload(registers))
    return data + bytes(-len(data) % PAGE)


def test_a_vcpu_section_in_guest_memory_is_not_taken(tmp_path: Path) -> None:
    pages = [decoy(1)[i : i + PAGE] for i in range(0, len(decoy(1)), PAGE)]
    for described in (True, False):
        data = streams.stream(memory=streams.ram([b"x" * PAGE, *pages]), described=described)
        assert listed(write(tmp_path, data)) == [SOME_REGISTERS]
        assert listed(write(tmp_path, gzip.compress(data))) == [SOME_REGISTERS]


def test_a_stream_that_cannot_be_walked(tmp_path: Path) -> None:
    """A device that comes before memory: found by pattern, from the end, past a decoy in memory."""
    early = streams.section(4, 3, "virtio-mem", 0, 1, b"unknown length")
    data = streams.stream(memory=early + streams.ram([b"x" * PAGE]) + decoy(2) + bytes(9 << 20))
    for packed in (data, gzip.compress(data, 1)):
        path = write(tmp_path, packed)
        assert listed(path) == [SOME_REGISTERS]
        assert "found by pattern" in " ".join(load(str(path)).notes)


def test_multifd_keeps_pages_elsewhere(tmp_path: Path) -> None:
    """The main channel of a multifd migration: flush words and ends of sections, no pages."""
    blocks = struct.pack(">Q", 8192 | 4) + b"\x08mach.ram" + struct.pack(">QQQ", 8192, 0x200, 0x10)
    part = b"\x02" + struct.pack(">IQQ", 1, 0x200, 0x10) + streams.footer(1)
    end = b"\x03" + struct.pack(">IQQ", 1, 0x200, 0x10) + streams.footer(1)
    memory = streams.section(1, 1, "ram", 0, 4, blocks) + part * 5 + end + b"\x08\x00\x0b\x00\x00"
    dump = load(str(write(tmp_path, streams.stream(memory=memory))))
    assert not dump.notes
    assert {i: dump.vcpus[0].values[i] for i in SOME_REGISTERS} == SOME_REGISTERS


def test_compressed_and_xbzrle_pages_are_stepped_over(tmp_path: Path) -> None:
    words = struct.pack(">Q", 4096 | 0x40 | 0x20) + b"\x01" + struct.pack(">H", 5) + b"delta"
    words += struct.pack(">Q", 8192 | 0x100) + b"\x08mach.ram" + struct.pack(">I", 7) + b"deflate"
    memory = streams.ram()
    at = memory.index(b"\x02\0\0\0\x01") + 5
    dump = load(str(write(tmp_path, streams.stream(memory=memory[:at] + words + memory[at:]))))
    assert not dump.notes


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d[: len(d) // 3], "truncated"),
        (lambda d: d[:-1], "truncated"),
        (lambda d: d[: d.index(b'{"configuration"') - 400], "truncated"),
        (lambda d: d[: d.rindex(b"\x03cpu") + 600], "is cut short|truncated"),
        (lambda d: b"QEVM\0\0\0\2" + d[8:], "version 2"),
        (lambda d: b"QEVM", "no QEMU migration stream"),
        (lambda d: d.replace(b"\x03cpu\0\0\0\0\0\0\0\x16", b"\x03cpu\0\0\0\0\0\0\0\x0c"), "version 12"),
        (lambda d: d.replace(b"\x03cpu", b"\x03gpu"), "holds no vCPU"),
        (lambda d: d.replace(b"\x03cpu\0\0\0\1", b"\x03gpu\0\0\0\1"), "vCPU 1 is missing"),
    ],
)
def test_damaged_streams_are_refused(tmp_path: Path, spoil: object, words: str) -> None:
    assert callable(spoil)
    with pytest.raises(SourceError, match=words):
        load(str(write(tmp_path, spoil(streams.stream([SOME_REGISTERS] * 2)))))


@pytest.mark.parametrize("count", [0, -1, 2**31 - 1, 100_000])
def test_impossible_counts(tmp_path: Path, count: int) -> None:
    body = streams.cpu_payload(SOME_REGISTERS, count=count)
    with pytest.raises(SourceError, match=f"vCPU 0 counts {count} registers"):
        load(str(write(tmp_path, streams.stream(payloads=[body], described=False))))


def test_a_core_of_the_m_profile_is_no_damage(tmp_path: Path) -> None:
    """QEMU 7.2, -M mps2-an385: an empty list, and the subsection cpu/m behind it."""
    body = streams.cpu_payload({}) + streams.subsection("cpu/m", 4, bytes(60))
    with pytest.raises(SourceError, match="Cortex-M") as error:
        load(str(write(tmp_path, streams.stream(payloads=[body], described=False))))
    assert "damaged" not in str(error.value)


@pytest.mark.parametrize(
    ("registers", "words"),
    [
        ({0x603000000013C020: 1, 0x603000000013C000: 2}, "ids ascend"),
        ({0x603000000013C020: 1, 0x703000000013C000: 2}, "not an arm64 register id"),
        ({0x6020000000110000: 1 << 32}, "wider than the register"),
        ({0x6040000000100054: 1}, "not 32 or 64 bits wide"),
    ],
)
def test_impossible_lists(tmp_path: Path, registers: dict[int, int], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        load(str(write(tmp_path, streams.stream([registers], described=False))))


def test_the_description_has_to_agree(tmp_path: Path) -> None:
    data = streams.stream(described=False) + streams.description([5])
    with pytest.raises(SourceError, match="its own description 5"):
        load(str(write(tmp_path, data)))


@pytest.mark.parametrize("spaced", ["{ ", "{\n\t", " { ", "{"], ids=["QEMU 5.2", "lines", "before", "6.0"])
def test_the_description_may_have_any_spacing(tmp_path: Path, spaced: str) -> None:
    """QEMU to 5.2 writes a space behind each bracket (qobject/json-writer.c is of 6.0)."""
    data = streams.stream([SOME_REGISTERS] * 2, described=False)
    cpus = "".join(
        f', {{ "name" : "cpu", "instance_id" : {n}, "fields" : [ {{ "name" : "cpreg_vmstate_indexes", '
        f'"array_len" : {len(SOME_REGISTERS)} }} ] }}'
        for n in (0, 1)
    )
    text = f'{spaced}"page_size" : 4096, "devices" : [ {{ "name" : "timer" }}{cpus} ] }}'.encode()
    path = write(tmp_path, data + b"\x06" + struct.pack(">I", len(text)) + text)
    assert listed(path) == [SOME_REGISTERS] * 2
    with pytest.raises(SourceError, match="truncated"):
        load(str(write(tmp_path, path.read_bytes()[:-9])))


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("pad", [1, 5000, 5 << 20, 40 << 20])
def test_zeros_behind_a_stream_are_no_part_of_it(tmp_path: Path, described: bool, pad: int) -> None:
    """A volume is larger than the state that is kept in it."""
    path = write(tmp_path, streams.stream([SOME_REGISTERS] * 2, described=described) + bytes(pad))
    assert listed(path) == [SOME_REGISTERS] * 2
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    assert listed(packed) == [SOME_REGISTERS] * 2


def test_a_sparse_volume_of_a_terabyte_is_read_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, streams.stream())
    os.truncate(path, 1 << 40)
    assert listed(path) == [SOME_REGISTERS]


def test_other_bytes_behind_the_zeros_do_no_harm(tmp_path: Path) -> None:
    for described in (True, False):
        data = streams.stream(described=described) + bytes(3 << 20) + os.urandom(1 << 20)
        assert listed(write(tmp_path, data)) == [SOME_REGISTERS]


def test_zeros_do_not_hide_that_a_stream_is_cut(tmp_path: Path) -> None:
    data = streams.stream(described=False)
    for cut in (7, 60):
        with pytest.raises(SourceError, match="truncated"):
            load(str(write(tmp_path, data[:-cut] + bytes(30 << 20))))


def test_a_postcopy_stream(tmp_path: Path) -> None:
    other = dict(SOME_REGISTERS) | {0x603000000013C005: 0x80000001}
    data = streams.postcopy([SOME_REGISTERS, other])
    dump = load(str(write(tmp_path, data)))
    assert listed(tmp_path / "a") == [SOME_REGISTERS, other]
    assert any("postcopy" in note for note in dump.notes)
    with pytest.raises(SourceError, match="truncated"):
        load(str(write(tmp_path, data[:-200])))


def test_a_background_snapshot(tmp_path: Path) -> None:
    dump = load(str(write(tmp_path, streams.stream(memory=streams.background_ram()))))
    assert dump.notes == ()
    assert listed(tmp_path / "a") == [SOME_REGISTERS]


AARCH32_CTR, SCTLR = 0x40200000200F0001, 0x603000000013C080


def test_an_aarch32_alias_keeps_all_its_bits(tmp_path: Path) -> None:
    """`-cpu neoverse-n2` under QEMU 10.0 and 11.1: CTR holds the 35 bits of CTR_EL0."""
    values = {AARCH32_CTR: 0x4B444C004, SCTLR: 1}
    dump = load(str(write(tmp_path, streams.stream([values]))))
    assert listed(tmp_path / "a") == [values]
    assert dump.provenance.accelerator == "tcg"
    assert any("35 bits" in note for note in dump.notes)


@pytest.mark.parametrize(
    ("extra", "accelerator", "absent"),
    [({}, "hvf", True), ({AARCH32_CTR: 1}, "tcg", True), ({0x6030000000140000: 1}, "kvm", False)],
)
def test_who_ran_the_vcpu_shows_in_its_list(
    tmp_path: Path, extra: dict[int, int], accelerator: str, absent: bool
) -> None:
    values = dict(sorted(({SCTLR: 1} | extra).items()))
    dump = load(str(write(tmp_path, streams.stream([values]))))
    assert dump.provenance.accelerator == accelerator
    assert bool(dump.why_absent(0x6020000000110000)) == absent
    assert bool(dump.why_absent(0x603000000013C000)) == absent
    assert dump.why_absent(SCTLR) == ""
    assert dump.vcpus[0].mp_state == "running"
