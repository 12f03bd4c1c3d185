"""Inputs that would take hours or gigabytes: each ends soon, or names the limit that it met and how to raise it."""

from __future__ import annotations

import json
import lzma
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from inspector import budget
from inspector.errors import SourceError
from inspector.sources import load
from tests.fresh import ROOT
from tests.sources import streams
from tests.sources.examples import EXAMPLES

PROGRAM = (sys.executable, "-m", "inspector")
CPU_SECONDS, MEGABYTES = 30, 200
"""Each of these ends within two CPU seconds where the limits were chosen. Machines differ, and a busy one counts more
for the same work, so no test compares seconds: at fifteen times that the operating system ends the program, which the
test sees, as it sees the memory. The steps that were counted are exact (`ASKED`)."""


def limited() -> None:
    """No run is let off its leash: CPU seconds and address space are the operating system's to take."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def run(*arguments: str, data: bytes | None = None) -> tuple[subprocess.CompletedProcess[bytes], int]:
    """What the program printed, and its peak of memory in megabytes."""
    script = (
        "import resource, subprocess, sys;"
        "done = subprocess.run(sys.argv[1:]);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "open(3, 'w').write(f'{used.ru_maxrss >> 10}');"
        "sys.exit(done.returncode)"
    )
    inside, outside = os.pipe()
    os.set_inheritable(outside, True)

    def prepare() -> None:
        limited()
        os.dup2(outside, 3)

    command = [sys.executable, "-c", script, *PROGRAM, *arguments]
    done = subprocess.run(
        command, input=data, capture_output=True, check=False, cwd=ROOT, preexec_fn=prepare, close_fds=False
    )
    os.close(outside)
    with os.fdopen(inside, encoding="utf-8") as told:
        return done, int(told.read())


def dump_of(count: int, **members: object) -> bytes:
    """A dump of this program with that many registers."""
    registers = {hex(0x6030000000000000 | (0x10 + n // 65536) << 16 | n % 65536): "0x1" for n in range(count)}
    vcpu = {"index": 0, "registers": registers} | members
    return json.dumps({"format": "vcpu-inspector-dump", "version": 1, "vcpus": [vcpu]}).encode()


def many(member: str, count: int) -> bytes:
    """A dump with many entries in one other member of a vCPU."""
    value = {"mask": "0x1", "value": "0x1"} if member == "constraints" else 1
    return dump_of(0, **{member: {hex(0x6030000000130000 + n): value for n in range(count)}})


def many_of(member: str, value: object) -> bytes:
    """A dump of one vCPU with nothing but one member."""
    vcpu = {"index": 0, "registers": {}, member: value}
    return json.dumps({"format": "vcpu-inspector-dump", "version": 1, "vcpus": [vcpu]}).encode()


def recording(line: str, count: int) -> bytes:
    """A recording that repeats one line."""
    first = '{"type":"recording","version":1}\n{"type":"vcpu","config":"a","features":0}\n'
    return (first + line * count).encode()


def fake_headers() -> bytes:
    """What looks like the header of a vCPU's section, again and again."""
    header = struct.pack(">BI4sII", 4, 1, b"\x03cpu", 0, 22)
    return streams.stream(memory=b"")[:60] + header * 1_200_000


def firecracker_lists() -> bytes:
    """Counts and ids in turn: each is the beginning of a list that is none."""
    return struct.pack("<Q", 0x07101984AAAA0000) + struct.pack("<QQ", 1100, 0x603000000013C000) * 1_500_000


_OWN = b'{"format":"vcpu-inspector-dump","version":1,'
FILES: dict[str, Callable[[], bytes]] = {
    "registers": lambda: dump_of(59_000),
    "too many registers": lambda: dump_of(300_000),
    "errors": lambda: many("errors", 60_000),
    "constraints": lambda: many("constraints", 59_000),
    "too many constraints": lambda: many("constraints", 120_000),
    "vCPUs": lambda: _OWN + b'"vcpus":[' + b'{"index":1},' * 900_000 + b'{"index":0}]}',
    "notes": lambda: _OWN + b'"vcpus":[],"notes":["' + b"\\u001b" * 1_000_000 + b'"]}',
    "a recording of gets": lambda: recording('{"type":"get","id":"0x6030000000130001","value":"0x1"}\n', 300_000),
    "a recording of notes": lambda: recording('{"type":"note","text":"x"}\n', 600_000),
    "a recording of blank lines": lambda: recording("\n", 30_000_000),
    "a recording of writes": lambda: recording('{"type":"set"}\n', 1_500_000),
    "a restore of blank lines": lambda: b'{"dump":"own"}\n' + b"\n" * 20_000_000,
    "a restore": lambda: b'{"dump":"own"}\n' + b'{"reg":"0x603000000013c020","val":"0x1"}\n' * 500_000,
    "fake headers": fake_headers,
    "fake lists": firecracker_lists,
    "hex digits": lambda: b'{"cpu (0)":{"env.pc":"' + b"00 " * 9_000_000 + b'00"}}',
    "modifiers": lambda: b'{"reg_modifiers":[' + b",".join(
        b'{"addr":"%#x","bitmap":"0b1"}' % (0x6030000000130000 + n) for n in range(59_000)) + b"]}",
    "unknown names": lambda: b"".join(
        b"NAME%d_EL1:" % n + b" 0000" * 8 + b" -" + b" 0000" * 8 + b"\n" for n in range(40_000)),
    "lists": lambda: b"".join(b"a%d: Number registers:\nARM64_SYS_REG(3, 0, 0, 4, 0),\n" % n for n in range(70_000)),
    "digits behind blanks": lambda: b"ARM64_SYS_REG(3, 0, 0, 4, 0)" + b" " * 65_000 + b"x\n",
    "bars": lambda: b"KVM_REG_ARM64 | 1\n" + b"| 1" * 30_000 + b"x\n",
    "names alone": lambda: b"".join(b"S3_%d_C%d_C%d_%d\n" % (n >> 9 & 7, n >> 6 & 15, n >> 3 & 7, n & 7)
                                    for n in range(300_000)),
    "names that mean nothing": lambda: b"".join(b"NAME%d_EL1 = 0x1\n" % n for n in range(200_000)),
    "fields that mean nothing": lambda: b"".join(b"ID_AA64PFR0_EL1.F%d = 0x1\n" % n for n in range(140_000)),
    "vCPU headings": lambda: b"".join(b"vcpu %d:\n" % n for n in range(10_000)),
    "cores": lambda: b"CPU implementer : 0x41\nasimd\n" + b"processor : 1\nCPU part : 0xd0c\n" * 100_000,
    "labels": lambda: b"Model name: x\nasimd:\n" + b"a:b\n" * 1_000_000,
    "hwcaps": lambda: b"AT_HWCAP: 1\n" * 340_000,
    "Windows' keys": lambda: b'"CP 4000"=qword:1\n' * 230_000,
    "Apple's keys": lambda: b"hw.optional.arm.FEAT_LSE: 1\n" * 140_000,
    "rows of ArmCpuInfo": lambda: b"ID_AA64ISAR0 | AES | 7:4 | 0010 | x\n" * 110_000,
    "QEMU's monitor": lambda: b"PC=0000000000000000 X00=0000000000000000\n" * 100_000,
    "commands of a stream": lambda: streams.stream(memory=b"")[:60] + b"\x08\0\1\0\0" * 6_000_000,
    "footers of a stream": lambda: streams.stream(memory=b"")[:60] + b"\x7e\0\0\0\1" * 6_000_000,
    "brackets": lambda: b'{"a":' + b"[" * 30_000_000,
    "objects": lambda: b'{"reg_modifiers":[' + b"{}," * 3_000_000 + b"{}]}",
    "numbers": lambda: b'{"cpu (0)":{"env.pc":[' + b"0," * 15_000_000 + b"0]}}",
}  # fmt: skip
"""Each would have taken from seconds to hours."""


@pytest.mark.parametrize("name", FILES)
def test_soon_over(name: str, tmp_path: Path) -> None:
    """`show` of the whole file: it ends by itself, within `CPU_SECONDS` and 200 MB."""
    data = FILES[name]()
    if len(name) % 2:
        data = zstandard.ZstdCompressor(level=1).compress(data)
    path = tmp_path / "f"
    path.write_bytes(data)
    done, megabytes = run("show", str(path))
    print(name, len(data), done.returncode, f"{megabytes} MB", done.stderr[:300])
    assert done.returncode in (0, 1, 2) and b"Traceback" not in done.stderr
    assert megabytes < MEGABYTES
    if b"more than" in done.stderr:
        assert b"--limit 2" in done.stderr and len(done.stderr) < 500


def test_the_limit_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(dump_of(70_000))
    assert run("show", str(path), "MIDR_EL1")[0].stderr.endswith(b"raise this limit: --limit 2\n")
    assert run("show", str(path), "MIDR_EL1", "--limit", "2")[0].returncode == 1


BEGINNINGS = {
    "magic": b"QEVM\0\0\0\3",
    "stream": streams.stream(memory=b"")[:120],
    "libvirt": b"LibvirtQemudSave",
    "qcow2": b"QFI\xfb\0\0\0\3",
    "zero": b"\0",
    "text": b"MIDR_EL1=0x1\n",
}


@pytest.mark.parametrize("size", [1 << 40, 1 << 43])
@pytest.mark.parametrize("head", BEGINNINGS)
def test_sparse_files_are_stepped_over(head: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(BEGINNINGS[head])
    os.truncate(path, size)
    done, megabytes = run("show", str(path))
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
    assert megabytes < MEGABYTES


@pytest.mark.parametrize("hole", [1 << 20, 3 << 20, 1 << 33])
def test_a_stream_with_a_hole_is_read(hole: int, tmp_path: Path) -> None:
    """Guest memory that was never written, as a hole of the file: the vCPUs behind it are found at their places."""
    whole = load(_written(tmp_path / "a", EXAMPLES["qemu-stream"]()))
    data = EXAMPLES["qemu-stream"]()
    at = data.index(b"\x03cpu") - 5
    with (tmp_path / "b").open("wb") as file:
        file.write(data[:at])
        file.seek(hole, 1)
        file.write(data[at:])
    found = load(str(tmp_path / "b"))
    assert [dict(v.values) for v in found.vcpus] == [dict(v.values) for v in whole.vcpus]
    for vcpu in found.vcpus:
        for reg_id, place in vcpu.offsets.items():
            with (tmp_path / "b").open("rb") as file:
                file.seek(place)
                assert int.from_bytes(file.read(8), "big") == vcpu.values[reg_id]


def _written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def test_unmapped_clusters_are_stepped_over(tmp_path: Path) -> None:
    """An image whose snapshot states a state of 2 TB, of which the first cluster is mapped."""
    state = b"QEVM\0\0\0\3\4\0\0\0\1\5timer"
    image = streams.qcow2(state, bits=16)
    entry = struct.pack(">QIHH", 2 << 16, 2, 1, 5)
    assert image.count(entry) == 1 and image.count(struct.pack(">QQQ", len(state), 1 << 20, 0)) == 1
    image = image.replace(entry, struct.pack(">QIHH", 2 << 16, 4097, 1, 5))
    image = image.replace(struct.pack(">QQQ", len(state), 1 << 20, 0), struct.pack(">QQQ", 1 << 41, 1 << 20, 0))
    done, _ = run("show", _written(tmp_path / "f", image))
    assert done.returncode == 2 and b"end mark" in done.stderr


def test_every_source_is_closed(tmp_path: Path) -> None:
    """More zstd dumps in one comparison than the process may have files open."""
    count = 300
    data = zstandard.compress(EXAMPLES["dump-json"]())
    names = []
    for n in range(count):
        names.append(str(tmp_path / f"{n}.zst"))
        Path(names[-1]).write_bytes(data)

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    done = subprocess.run(
        [*PROGRAM, "compare", *names], capture_output=True, check=False, cwd=ROOT, preexec_fn=few, text=True
    )
    assert done.returncode in (0, 1), done.stderr


def test_descriptors_and_memory_are_given_back(tmp_path: Path) -> None:
    """Of each compression, and of plain files: nothing stays open behind `load`, not even without a collection."""
    base = EXAMPLES["qemu-stream"]()
    files = [
        _written(tmp_path / "plain", base),
        _written(tmp_path / "zstd", zstandard.compress(base)),
        _written(tmp_path / "xz", lzma.compress(base)),
        _written(tmp_path / "twice", zstandard.compress(lzma.compress(base))),
        _written(tmp_path / "cut", zstandard.compress(base)[:-20]),
        _written(tmp_path / "qcow2", EXAMPLES["qcow2-snapshot"]()),
    ]
    before = set(Path("/proc/self/fd").iterdir())
    for path in files * 5:
        try:
            load(path)
        except Exception as error:
            assert "cut" in path, error
    assert set(Path("/proc/self/fd").iterdir()) <= before


TEXTS: dict[str, Callable[[], str]] = {
    "time stamps in one line": lambda: "1:00:00 " * 500_000,
    "tabs": lambda: "\t" * 4_000_000,
    "empty lines": lambda: "\n" * 4_000_000,
    "blanks": lambda: " " * 4_000_000,
    "one long name": lambda: "ID" + "_A" * 140_000,
    "a name in capitals": lambda: "ID" + "_A" * 40,
    "words with underscores": lambda: "pm_runtime_get_sync_and_wait_" * 10_000,
    "distinct ids": lambda: "".join(f"{0x6030000000130000 + n:#x} " for n in range(15_000)),
    "distinct refusals": lambda: "".join(
        f"qemu-kvm: Could not set register: {0x6030000000130000 + n:x} to {n:x} (is {n + 1:x})\n" for n in range(6000)
    ),
    "labels": lambda: "op0 " * 75_000,
    "quote marks": lambda: ">" * 299_000,
}
"""Logs; each would have taken from seconds to days."""


@pytest.mark.parametrize("name", TEXTS)
def test_a_log_is_explained_soon(name: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(TEXTS[name](), encoding="utf-8")
    done, megabytes = run("explain", str(path))
    assert done.returncode in (0, 1) and not done.stderr
    assert megabytes < MEGABYTES


def test_a_log_on_standard_input_is_not_kept(tmp_path: Path) -> None:
    """200 MB through a pipe, of which the lines that matter are kept."""
    line = b"kvm: error: register 0x603000000013c020 failed " + b"x" * 1000 + b"\n"
    done, megabytes = run("explain", data=line * 200_000)
    assert done.returncode in (0, 1) and megabytes < 120


ASKED = {
    "qemu-stream": "SEARCHED STEPS", "libvirt-save": "SEARCHED STEPS", "qcow2-snapshot": "SEARCHED STEPS",
    "kvm-recording": "LINE RECORDS STEPS VCPUS", "dump-json": "MEMBERS RECORDS TEXT VCPUS",
    "firecracker-json": "MEMBERS RECORDS TEXT", "analyze-migration": "MEMBERS TEXT VCPUS",
    "restore-lines": "LINE RECORDS STEPS",
    "cpusysregs": "LINES RECORDS STEPS TEXT", "get-reg-list": "LINES RECORDS STEPS TEXT VCPUS",
    "plain-text": "LINES RECORDS STEPS TEXT VCPUS", "cloud-hypervisor": "MEMBERS RECORDS TEXT VCPUS",
    "crosvm-vcpu": "MEMBERS NESTING NUMBERS RECORDS TEXT", "firecracker-vmstate": "RECORDS STEPS TEXT VCPUS",
}  # fmt: skip
"""The limits that a small file of each format is asked for."""
LIMITS = {name: limit for name, limit in vars(budget).items() if isinstance(limit, budget.Limit)}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_format_asks_before_it_works(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing left of one of its limits a reader ends with the line that names it; others play no part."""
    path = tmp_path / "f"
    path.write_bytes(EXAMPLES[name]())
    met = []
    for word, limit in sorted(LIMITS.items()):
        with monkeypatch.context() as patch:
            patch.setattr(limit, "most", 0)
            try:
                load(str(path))
            except SourceError as error:
                assert error.what == f"has more than 0 {limit.what}; it is not read any further"
                met.append(word)
    assert " ".join(met) == ASKED[name]


_IDS = [f"0x603000000013c02{n}" for n in range(3)]
_CORE = b"processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41\nCPU architecture: 8\nCPU part : 0xd0c\n\n"
LONE: dict[str, tuple[bytes, str]] = {
    "constraints": (many_of("constraints", {one: {"mask": "0x1", "value": "0x1"} for one in _IDS}), "RECORDS"),
    "withheld": (many_of("withheld", _IDS), "RECORDS"),
    "fields": (b"ID_AA64PFR0_EL1.EL0=0x1\nID_AA64PFR1_EL1.BT=0x1\nID_AA64MMFR2_EL1.BBM=0x1\n", "RECORDS"),
    "names alone": (b"ID_AA64PFR0_EL1\nID_AA64PFR1_EL1\nID_AA64MMFR2_EL1\n", "RECORDS"),
    "what all vCPUs share": (b"ID_AA64PFR0_EL1=0x1\nvcpu 0:\nvcpu 1:\nvcpu 2:\nvcpu 3:\n", "RECORDS"),
    "cores": (_CORE * 3, "VCPUS"),
    "models": (
        b'{"cpus":[' + b",".join(b'{"cpu":%d,"modelname":"Neoverse-N1"}' % n for n in range(3)) + b"]}",
        "VCPUS",
    ),
}
"""Three of a thing that one guard alone counts, and the limit; two are allowed."""


@pytest.mark.parametrize("name", LONE)
def test_three_are_more_than_two(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, word = LONE[name]
    monkeypatch.setattr(LIMITS[word], "most", 2)
    path = tmp_path / "f"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=f"has more than 2 {LIMITS[word].what}"):
        load(str(path))
