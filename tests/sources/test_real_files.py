"""Real files against each other: streams against replays, recordings against shipped dumps, texts against digits."""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path

import pytest

from inspector.registers.catalog import by_id
from inspector.registers.encoding import POISON, ccsidr_id, split_id
from inspector.sources import load, shipped_names
from inspector.sources.consistency import differing_id_registers
from inspector.sources.dump import Dump
from inspector.sources.vcpu_setup import listed_setup
from tests.material import files, label, material
from tests.shared_material import shared_files
from tests.sources.make_snapshots import CIX, snapshot, sources


def qemu_list(dump: Dump, vcpu: int = 0) -> dict[int, int]:
    """What QEMU keeps in its list: neither core nor SVE registers, 32 and 64 bits wide."""
    values = dump.vcpus[vcpu].values
    return {i: v for i, v in values.items() if split_id(i).cls not in (0x10, 0x15) and split_id(i).size in (2, 3)}


@pytest.mark.parametrize("path", files("restores", "*_neoverse-n2_q100--to--*"), ids=label)
def test_stream_against_replay(path: Path) -> None:
    """The values that a replay wrote are those of the stream, register by register and in order."""
    replay = load(str(path))
    stream = load(str(material("qemu", f"kvm-{path.name.partition('--')[0]}.mig.xz")))
    written = dict(replay.vcpus[0].values)
    assert written == qemu_list(stream)
    assert sorted(written) == list(qemu_list(stream))


@pytest.mark.parametrize("path", files("restores", "fresh-vcpu_*"), ids=label)
def test_fresh_vcpu_against_recording(path: Path) -> None:
    """The same kernel and CPU give the same list, and the same values but for state that an earlier run left."""
    fresh = load(str(path))
    _, kernel, cpu = label(path).split("_")
    recording = load(str(material("recordings", f"linux-{kernel}-{cpu}.jsonl.xz")))
    recorded = next(v for v in recording.vcpus if v.name == "qemu")
    assert fresh.provenance.kernel == recording.provenance.kernel
    assert set(fresh.vcpus[0].values) == set(recorded.values)
    identity = [
        i for i in recorded.values if by_id(i).name.startswith(("ID_", "MVFR", "CLIDR", "CTR", "CCSIDR", "MIDR"))
    ]
    assert len(identity) > 45
    assert {i: fresh.vcpus[0].values[i] for i in identity} == {i: recorded.values[i] for i in identity}


@pytest.mark.parametrize("path", files("recordings"), ids=label)
def test_recording_line_by_line(path: Path) -> None:
    """Every `get` answer of every configuration, read here by the standard library alone."""
    expected: dict[str, dict[int, int]] = {}
    with lzma.open(path, "rt") as lines:
        for line in lines:
            if line.startswith('{"type":"vcpu"'):
                config = json.loads(line)
                if not config["init_errno"]:
                    expected[config["config"]] = {}
            elif line.startswith('{"type":"get"'):
                got = json.loads(line)
                assert not got["errno"]
                expected[config["config"]][int(got["id"], 16)] = int(got["value"], 16)
    dump = load(str(path))
    assert {v.name: dict(v.values) for v in dump.vcpus} == expected
    assert differing_id_registers(dump) == {}


MADE = sources(material("recordings"), material("recordings-2"))


def test_every_shipped_dump_is_made_from_something() -> None:
    assert set(shipped_names()) == {*MADE, "cix-cd8180-host"}


def test_the_host_with_ccidx_says_where_it_was_read() -> None:
    dump = load("builtin:cix-cd8180-host")
    assert dump.host == CIX.host and dump.provenance.host == "CIX CD8180" and "CPU 1" in dump.notes[0]


@pytest.mark.parametrize("name", MADE)
def test_shipped_dump_against_recording(name: str) -> None:
    recording = MADE[name]
    dump, source = load(f"builtin:{name}"), load(str(recording))
    assert dump.vcpus[0].values == next(v for v in source.vcpus if v.name == "qemu").values
    assert dump.host == source.host
    again = re.sub(rb'"written_by": "[^"]*"', b"", snapshot(recording))
    shipped = (Path(__file__).resolve().parents[2] / "snapshots" / f"{name}.json").read_bytes()
    assert again == re.sub(rb'"written_by": "[^"]*"', b"", shipped), "make_snapshots has to be run again"


@pytest.mark.parametrize("path", files("qemu"), ids=label)
def test_stream_against_its_own_description(path: Path) -> None:
    """The JSON behind a stream states how long the list is, and where the last section ends."""
    with lzma.open(path) as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - (1 << 16)))
        tail = file.read()
    described = json.loads(tail[tail.index(b"{", tail.rindex(b"\0")) :])
    counts = [
        next(f["array_len"] for f in device["fields"] if f["name"] == "cpreg_vmstate_indexes")
        for device in described["devices"]
        if device["name"] == "cpu"
    ]
    dump = load(str(path))
    assert [len(v.offsets) for v in dump.vcpus] == counts
    assert dump.kvm == path.name.startswith("kvm")
    assert dump.provenance.machine in ("virt-10.0", "virt-7.2")


def test_offsets_in_an_unpacked_stream(tmp_path: Path) -> None:
    data = lzma.decompress(material("qemu", "kvm-6.12_neoverse-n2_q100smp2.mig.xz").read_bytes())
    path = tmp_path / "a.mig"
    path.write_bytes(data)
    for vcpu in load(str(path)).vcpus:
        for reg_id, at in vcpu.offsets.items():
            assert int.from_bytes(data[at : at + 8], "big") == vcpu.values[reg_id]


@pytest.mark.parametrize("path", shared_files("samples/firecracker", "*.json"))
def test_firecracker_digits(path: Path) -> None:
    modifiers = json.loads(path.read_text())["guest_cpu_config"]["reg_modifiers"]
    vcpu = load(str(path)).vcpus[0]
    assert vcpu.kind == "vcpu"
    assert dict(vcpu.values) == {int(m["addr"], 16): int(m["bitmap"], 2) for m in modifiers}
    assert (sum(v == POISON for v in vcpu.values.values()) > 50) == ("5.10" in path.name)
    expected = 0x701FE01A if "_N1_" in path.name else 2 if "6.18" in path.name else 0x1A
    assert vcpu.values[ccsidr_id(0)] == expected


@pytest.mark.parametrize("path", shared_files("samples/cpusysregs", "*.txt"))
def test_cpusysregs_digits(path: Path) -> None:
    digits = re.findall(r"^(\w+): ([01 -]{79,})$", path.read_text(), re.MULTILINE)
    dump = load(str(path))
    assert dump.host is not None
    found = {by_id(i).name: v for i, v in dump.host.values.items()}
    assert found == {name: int(text.replace(" ", "").replace("-", ""), 2) for name, text in digits}
    assert dict(dump.vcpus[0].values) == dict(dump.host.values)


def test_what_a_list_tells_of_the_setup() -> None:
    """Against every recorded configuration; Linux 5.10 lists a PMU's registers with and without one."""
    for path in files("recordings", "linux-*"):
        for vcpu in load(str(path)).vcpus:
            if vcpu.setup is None or vcpu.name in ("none", "imp-id", "el1_32bit"):
                continue
            told = listed_setup(vcpu.values, vcpu.setup.gic)
            assert told is not None
            if "5.10" in path.name and "pmu" not in vcpu.setup.describe():
                continue
            assert told.describe() == vcpu.setup.describe(), (path.name, vcpu.name)
