"""Every format: recognised by content alone, and read to the values that it holds."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from inspector.errors import SourceError
from inspector.policies.setup import Feature
from inspector.sources import load, shipped_names
from inspector.sources.consistency import differing_id_registers
from inspector.sources.dump import Constraint, Dump, FormatName, select_vcpus
from inspector.sources.formats import FORMATS, dump_json, module_of, states_features
from inspector.sources.formats.firecracker_vmstate import checksum
from inspector.sources.opening import open_path
from tests.sources import examples
from tests.sources.examples import ALL, CCSIDR0, EXAMPLES, LISTED, LISTINGS, MIDR, MMFR2, PFR0, PSTATE, VALUES, X0


def opened(folder: Path, data: bytes) -> Dump:
    path = folder / "file"
    path.write_bytes(data)
    return load(str(path))


@pytest.mark.parametrize("name", EXAMPLES)
def test_recognised_by_content_alone(tmp_path: Path, name: str) -> None:
    data = EXAMPLES[name]()
    assert opened(tmp_path, data).provenance.format == name
    if name != "qcow2-snapshot":
        packed = opened(tmp_path, gzip.compress(data))
        assert (packed.provenance.format, packed.provenance.compression) == (name, "gzip")


@pytest.mark.parametrize("module", sorted(set(FORMATS) - {"recognised", "qemu_embedded"}))
def test_every_format_has_an_example(module: str) -> None:
    """By which all tests of formats try it; `recognised` reads nothing, and QEMU's streams are found anywhere."""
    name = import_module(f"inspector.sources.formats.{module}").NAME
    assert name in EXAMPLES or name in LISTINGS, "no sample in tests/sources/examples.py"


@pytest.mark.parametrize("name", ALL)
def test_no_other_format_claims_it(tmp_path: Path, name: str) -> None:
    """Text is asked last and takes any text; a stream inside another file is looked for last of all."""
    path = tmp_path / "file"
    path.write_bytes(ALL[name])
    name = name.split(" ")[0]
    modules = [import_module(f"inspector.sources.formats.{module}") for module in FORMATS]
    claims = [m.NAME for m in modules if m.__name__.rpartition(".")[2] not in ("plain_text", "qemu_embedded")
              and m.sniff(open_path(str(path), "x"))]  # fmt: skip
    assert claims == ([] if name == "plain-text" else [name])


@pytest.mark.parametrize("name", ["kvm-recording", "dump-json", "firecracker-json", "restore-lines", "plain-text"])
def test_the_same_values_in_every_format(tmp_path: Path, name: str) -> None:
    vcpu = opened(tmp_path, EXAMPLES[name]()).vcpus[0]
    assert dict(vcpu.values) == dict(VALUES)
    assert list(vcpu.values) == list(VALUES), "the order of the source is kept"
    assert vcpu.kind == "vcpu"


@pytest.mark.parametrize("name", EXAMPLES)
def test_our_own_format_keeps_everything(tmp_path: Path, name: str) -> None:
    dump = opened(tmp_path, EXAMPLES[name]())
    again = opened(tmp_path, dump_json.write(dump, "2026-01-01"))
    for before, after in zip(dump.vcpus, again.vcpus, strict=True):
        for member in ("index", "name", "kind", "setup", "writable_masks"):
            assert getattr(before, member) == getattr(after, member)
        for member in ("values", "errors", "constraints", "guest"):
            assert dict(getattr(before, member)) == dict(getattr(after, member))
        assert list(before.values) == list(after.values)
    assert (again.host, again.one_vm, again.notes) == (dump.host, dump.one_vm, dump.notes)
    assert (dict(again.el0), dict(again.capabilities)) == (dict(dump.el0), dict(dump.capabilities))
    assert dump_json.write(again) == dump_json.write(opened(tmp_path, dump_json.write(again)))


def test_provenance_of_a_converted_dump(tmp_path: Path) -> None:
    written = dump_json.write(opened(tmp_path, examples.recording()), "2026-01-01")
    known = opened(tmp_path, written).provenance
    assert (known.origin.raw, known.origin_format.raw, known.date.raw) == ("file", "kvm-recording", "2026-01-01")
    assert (known.kernel.raw, known.kernel_version.raw, known.host.raw) == ("6.1.0-1", "#1", "neoverse-n1")
    assert b"/" not in json.loads(written)["provenance"]["source"].encode(), "no path of the machine it was made on"


def test_recording(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.recording())
    (vcpu,) = dump.vcpus
    assert vcpu.name == "qemu"
    assert vcpu.setup is not None
    assert vcpu.setup.features == Feature.PSCI | Feature.PMU
    assert vcpu.setup.gic == "v3"
    assert vcpu.errors == {0x603000000013C021: 2}
    assert vcpu.guest == {CCSIDR0: 0xFF0000001A}
    assert vcpu.writable_masks == {PFR0: 0xFF}
    assert dump.host is not None
    assert (dict(dump.host.values), dict(dump.host.ccsidr)) == ({PFR0: 0x33}, {0: 0xFF0000001A})
    assert dump.capabilities == {"sve": 0, "vm_ipa_size": 40}
    assert dump.cpus[0].values == {MIDR: 0x413FD0C1}
    assert "configuration sve: KVM_ARM_VCPU_INIT failed with errno 22" in dump.notes
    assert not dump.one_vm


def test_configurations_are_vms_of_their_own(tmp_path: Path) -> None:
    lines = examples.recording().splitlines(keepends=True)
    second = [line.replace(b'"qemu"', b'"pmu"') for line in lines[6:8]] + [
        line.replace(b"11111112", b"11111113") for line in lines[8:13]
    ]
    dump = opened(tmp_path, b"".join(lines + second))
    assert len(dump.vcpus) == 2
    assert differing_id_registers(dump) == {}


def test_a_vcpu_is_selected_by_name_or_index(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.own_dump())
    assert [v.index for v in select_vcpus(dump, ["1", "one"]).vcpus] == [1, 0]
    assert select_vcpus(dump, []) is dump
    with pytest.raises(SourceError, match=r"has no vCPU 'two'; it has: 0 \(one\), 1"):
        select_vcpus(dump, ["two"])


def test_template_bits_are_constraints(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.template())
    (vcpu,) = dump.vcpus
    assert vcpu.kind == "template"
    assert vcpu.constraints == {PFR0: Constraint(0b111110, 0b000110)}
    assert dict(vcpu.values) == {MMFR2: 0x1011}
    told = " ".join(dump.notes)
    assert "no longer required: 56" in told
    assert "besides Firecracker's own: 171" in told
    assert "0b1xxxxx" in told


def test_fingerprint_provenance(tmp_path: Path) -> None:
    known = opened(tmp_path, examples.fingerprint()).provenance
    assert (known.tool.raw, known.kernel.raw) == ("Firecracker 1.16.0", "6.1.1")


def test_replay_gives_both_sides(tmp_path: Path) -> None:
    source, destination = opened(tmp_path, examples.replay()).vcpus
    assert dict(source.values) == dict(VALUES)
    assert X0 not in destination.values
    assert destination.values[MIDR + 6] == 7
    assert destination.values[PFR0] == 1


def test_fresh_vcpu(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.fresh_vcpu())
    assert dump.provenance.kernel == "6.12.1"
    assert dump.vcpus[0].writable_masks == {PFR0: 0xFF}


def test_analyzed_stream(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.analyzed())
    assert [v.index for v in dump.vcpus] == [0, 1]
    for vcpu in dump.vcpus:
        assert {i: vcpu.values[i] for i in VALUES} == dict(VALUES)
        assert vcpu.values[0x6040000000100054 + 4] == 1 | 1 << 64
        assert vcpu.values[0x60200000001000D4] == 0x08000001
    layout = json.dumps({"page_size": 4096, "devices": [], "configuration": {}}).encode()
    with pytest.raises(SourceError, match="layout of a stream"):
        opened(tmp_path, layout)


def test_analyzed_stream_without_its_core_registers(tmp_path: Path) -> None:
    """People cut the output down to the two lists before they send it; what is left is read, and nothing made up."""
    document = json.loads(examples.analyzed())
    for name in ("cpu (9)", "cpu (11)"):
        document[name] = {key: field for key, field in document[name].items() if key.startswith("cpreg_")}
    dump = opened(tmp_path, json.dumps(document).encode())
    for vcpu in dump.vcpus:
        assert dict(vcpu.values) == {i: v for i, v in VALUES.items() if i in vcpu.values}
        assert PFR0 in vcpu.values and not any(i >> 16 & 0xFFF == 0x10 for i in vcpu.values)
    assert any("core registers are not read" in note for note in dump.notes)


@pytest.mark.parametrize("shape", [1, 2, 3])
def test_cloud_hypervisor_shapes(tmp_path: Path, shape: int) -> None:
    dump = opened(tmp_path, examples.cloud_hypervisor(shape))
    assert [v.index for v in dump.vcpus] == [0, 1]
    for vcpu in dump.vcpus:
        assert {i: vcpu.values[i] for i in VALUES} == dict(VALUES)
        assert vcpu.values[X0 + 64] == 2, "PC"
        assert [vcpu.values[X0 + 68 + 2 * n] for n in range(7)] == [3, 4, 5, 6, 7, 8, 9]
        # with SVE they are not read when the VM is saved
        assert vcpu.values.get(0x6040000000100058) == (None if shape == 3 else 10 | 11 << 64)
        assert vcpu.values.get(0x60200000001000D5) == (None if shape == 3 else 13)
        assert vcpu.values.get(0x606000000015FFFF) == (1 if shape == 3 else None)
        assert vcpu.values.get(0x6080000000150000) == (256 if shape == 3 else None)


@pytest.mark.parametrize("binary", [True, False], ids=["CBOR", "JSON"])
def test_crosvm_vcpu(tmp_path: Path, binary: bool) -> None:
    (vcpu,) = opened(tmp_path, examples.crosvm(binary)).vcpus
    assert vcpu.index == 3
    assert {i: vcpu.values[i] for i in VALUES} == dict(VALUES)
    assert vcpu.values[0x60200000001000D5] == 13, "FPCR is a core register to KVM"
    assert vcpu.values[0x603000000013DF02] == 0x77, "KVM_REG_ARM_TIMER_CVAL"
    assert vcpu.values[0x603000000013DF1A] == 0x99, "KVM_REG_ARM_TIMER_CNT"
    assert vcpu.values[0x6040000000100058] == 10 | 11 << 64


def test_firecracker_vmstate(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.vmstate())
    assert [dict(v.values) for v in dump.vcpus] == [dict(VALUES)] * 2
    assert "snapshot format 6.0.0" in dump.provenance.tool.raw
    assert checksum(b"123456789") == 0xE9C6D914C4B8D9CA, "the published check value of CRC-64/Redis"
    assert "checksum" not in " ".join(dump.notes)
    assert "checksum does not agree" in " ".join(opened(tmp_path, examples.vmstate()[:-9]).notes)
    x86 = b"\0\0\x64\x86\x84\x19\x10\x07"
    for data, words in ((examples.vmstate()[:300], "no list of registers"), (x86, "x86 VM")):
        with pytest.raises(SourceError, match=words):
            opened(tmp_path, data)


def test_host_text(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.cpusysregs())
    assert dump.host is not None
    assert dict(dump.host.values) == {PFR0: VALUES[PFR0], MIDR: VALUES[MIDR]}
    assert [(v.kind, dict(v.values)) for v in dump.vcpus] == [("host", dict(dump.host.values))]


def test_lists_of_ids(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.register_list())
    assert [v.ids for v in dump.vcpus] == list(LISTED)
    assert [(v.kind, v.name.raw) for v in dump.vcpus] == [("list", "vregs"), ("list", "sve")]
    bare = opened(tmp_path, b"ID_AA64PFR0_EL1\n0x6020000000110002\n")
    assert (bare.vcpus[0].kind, bare.vcpus[0].ids) == ("list", (PFR0, 0x6020000000110002))


def test_debugfs_idregs_are_hexadecimal(tmp_path: Path) -> None:
    dump = opened(tmp_path, examples.idregs())
    assert {i: dump.vcpus[0].values[i] for i in (MIDR, PFR0, MMFR2)} == {i: VALUES[i] for i in (MIDR, PFR0, MMFR2)}
    assert dump.vcpus[0].values[0x603000000013C01F] == 0
    assert dump.provenance.tool == "KVM debugfs idregs"


def test_text_with_several_vcpus(tmp_path: Path) -> None:
    dump = opened(tmp_path, b"vcpu 0:\nPSTATE=0x5\n[vcpu 3]\nPSTATE 0x3c5\n")
    assert [(v.index, dict(v.values)) for v in dump.vcpus] == [(0, {PSTATE: 5}), (3, {PSTATE: 0x3C5})]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PSTATE=0x1\nPSTATE=0x2\n", "line 2: PSTATE: the register already has the value 0x1"),
        ("PSTATE=1101000021111112a\n", "line 1: "),
        ("PSTATE=0x1_0000_0000_0000_0000\n", "wider than the register"),
        ("vcpu\nCCSIDR[0]=0x100000000\n", "wider than a vCPU's register"),
        ("0x123 5\n", "line 1: no register is called 0x123"),
        ("ID_AA64PFR0_EL1.MPAM=16\n", "line 1: the value does not fit the field MPAM"),
        ("NO_SUCH_EL1=1\n", "line 1: "),
        ("hello world\n", "holds no value of a register"),
        ("[ 1.2] hello world\n", "holds no value of a register"),
        ("# nothing\n\n", "holds no value of a register"),
        ('[{"a": 1,}]', "(line 1, column 10)"),
        ('{"a": 1\n "b": 2}', "(line 2, column 2)"),
        ("vcpu 1:\nPSTATE 1\nvcpu 1:\nPSTATE 1\n", "begins a second time"),
        ('{"some": "json"}', "JSON of a kind that is not known"),
        ("[1, 2]", "JSON of a kind that is not known"),
        ("PSTATE 0x1 \udcff", "UTF-8"),
    ],
)
def test_text_that_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError) as error:
        opened(tmp_path, text.encode("utf-8", "surrogateescape"))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"\x7fELF\2\1\1" + bytes(100), "ELF", id="ELF"),
        pytest.param(b"makedumpfile\0\0\0\0" + bytes(100), "kdump memory image", id="kdump as QEMU writes it"),
        pytest.param(bytes.fromhex("1122334400000001") + bytes(100), "channels of a migration", id="multifd"),
        pytest.param(b"CPU#0\nR00=00000000 R01=00000001 R02=00000000\nPSR=400001d3", "32-bit core", id="AArch32"),
        pytest.param(b"STRATOVIRT\0\0\0\0\0\0" + bytes(100), "StratoVirt", id="StratoVirt"),
        pytest.param(
            b"vcpu 0:\nkvm_mp_state: 0x0\nmpidr: 0x80000000\n0x6030000000100000 0x0000\n",
            "ambiguous",
            id="text of two kinds",
        ),
        pytest.param(examples.crc_free_binary(), "holds nothing that is known", id="binary of no kind"),
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(
            gzip.compress(gzip.compress(gzip.compress(b"PSTATE=1"))),
            "compressed more than 2 times",
            id="gzip three times",
        ),
        pytest.param(gzip.compress(b""), "is empty", id="gzip of nothing"),
        pytest.param(json.dumps({"reg_modifiers": [], "cpuid_modifiers": [{}]}).encode(), "x86", id="x86 template"),
        pytest.param(json.dumps({"cpuid_modifiers": [], "msr_modifiers": []}).encode(), "x86", id="x86 modifiers"),
        pytest.param(
            json.dumps({"format": dump_json.FORMAT, "version": 2, "vcpus": []}).encode(),
            "version 2",
            id="own JSON of version 2",
        ),
        pytest.param(
            examples.fingerprint().replace(b"0b0", b"0q0", 1), "is not a bitmap", id="fingerprint with a bad bitmap"
        ),
        pytest.param(
            examples.recording().replace(b'"version":1', b'"version":9', 1), "version 9", id="recording of version 9"
        ),
        pytest.param(
            examples.own_dump().replace(b'"0x1234"', b'"0x11111111111111111"', 1),
            "wider than the register",
            id="value too wide",
        ),
        pytest.param(
            examples.own_dump().replace(b'"0x603000000013c03a"', b'"0x603000000013c020"', 1),
            "occurs twice",
            id="register twice",
        ),
        pytest.param(b'{"a":' * 100_000, "JSON", id="JSON too deep"),
        pytest.param(
            examples.own_dump().replace(b'"vcpu-inspector-dump"', b'"vcpu\xf7"', 1),
            "JSON",
            id="format that is no UTF-8",
        ),
        pytest.param(b'{"reg_modifiers":' + b"[" * 100_000, "JSON", id="template too deep"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(SourceError) as error:
        opened(tmp_path, data)
    assert words in str(error.value)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for source, words in (
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "none"), "No such file"),
        (str(fifo), "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("", "no source is named"),
        ("a\0b", "cannot be opened"),
        ("builtin:neoverse-n2-linux-6.2", "neoverse-n2-linux-6"),
        ("builtin:../pyproject", "no dump of that name"),
    ):
        with pytest.raises(SourceError) as error:
            load(source)
        assert words in str(error.value)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, examples.plain_text())
    os.close(writing)
    with os.fdopen(reading, "r") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert dict(load("-").vcpus[0].values) == dict(VALUES)


def test_standard_input_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(examples.plain_text())))
    assert dict(load("-").vcpus[0].values) == dict(VALUES)


def test_shipped_dumps_are_what_convert_writes() -> None:
    names = shipped_names()
    assert names.index("max-linux-6.1") < names.index("max-linux-6.12") < names.index("max-linux-7.3")
    recorded = [name for name in names if "-linux-" in name]
    assert len(recorded) >= 19 and set(names) - set(recorded) == {"cix-cd8180-host"}
    for name in recorded:
        dump = load(f"builtin:{name}")
        assert dump.vcpus[0].name == "qemu"
        assert dump.host is not None
        assert dump.provenance.kernel.raw.startswith(name.rpartition("-")[2])
        assert dump.provenance.host == name.partition("-linux")[0]


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_can_do_is_declared_in_its_module(name: str) -> None:
    module = import_module(f"inspector.sources.formats.{name}")
    assert states_features(module.NAME) == getattr(module_of(module.NAME), "STATES_FEATURES", False)


def test_get_reg_list_keeps_new_and_missing_apart(tmp_path: Path) -> None:
    """The text that get-reg-list.c prints when the kernel's list is not the blessed one."""
    text = b"""vregs: Number blessed registers:   268
vregs: Number registers:           269 (includes 14 filtered registers)

There are 2 new registers.
Consider adding them to the blessed reg list with the following lines:

\tKVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX | KVM_REG_ARM_DEMUX_ID_CCSIDR | 10,
\tARM64_SYS_REG(3, 0, 0, 4, 0),

There are 1 missing registers.
The following lines are missing registers:

\tARM64_SYS_REG(3, 3, 14, 3, 1),

sve: Number blessed registers:   3
sve: Number registers:           3
"""
    dump = opened(tmp_path, text)
    assert [(v.name.raw, list(v.constraints)) for v in dump.vcpus] == [
        ("vregs new", [0x602000000011000A, PFR0]),
        ("vregs missing", [0x603000000013DF19]),
    ]
    assert any("vregs missing: registers of the test's blessed list" in note for note in dump.notes)


def test_both_halves_of_a_key_are_read(tmp_path: Path) -> None:
    """A pair's lower half stands in the line below (arm-cpusysregs, apps/regview.cpp)."""
    high, low = 0xAD8F6FC00B961384, 0xF13E151CD6EF2802

    def row(value: int) -> str:
        digits = [f"{value >> shift & 15:04b}" for shift in range(60, -4, -4)]
        return f"{' '.join(digits[:8])} - {' '.join(digits[8:])}"

    text = f"\nAPDAKEY_EL1: {row(high)}\n             {row(low)}\n\n  Value: x\n\nMIDR_EL1: {row(7)}\n\n"
    values = opened(tmp_path, text.encode()).vcpus[0].values
    assert values == {0x603000000013C111: high, 0x603000000013C110: low, MIDR: 7}


def test_the_names_of_formats_are_those_of_the_modules() -> None:
    """The type is what finds a name that is spelt otherwise: rules about excerpts or saved VMs would pass it by."""
    names = {import_module(f"inspector.sources.formats.{module}").NAME for module in FORMATS}
    assert set(get_args(FormatName)) == {*names, "live", "model", ""}


@pytest.mark.parametrize(("given", "read"), [("tcg", "tcg"), ("hvf", "hvf"), ("\x1b[31mX", ""), ("TCG", "")])
def test_an_accelerator_is_one_of_those_that_are_known(tmp_path: Path, given: str, read: str) -> None:
    document = json.loads(EXAMPLES["dump-json"]())
    document["provenance"] = {"accelerator": given}
    assert opened(tmp_path, json.dumps(document).encode()).provenance.accelerator == read
