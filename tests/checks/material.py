"""Dumps for the questions: the measured restores, the shipped dumps, and those with some values changed."""

from __future__ import annotations

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from inspector.checks.compare.compare import Comparison, comparison_of, question_of
from inspector.checks.fleet.reading import read_paths
from inspector.checks.fleet.summarise import Asked
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from inspector.policies.setup import VcpuSetup, parse_features
from inspector.registers.encoding import firmware_id, make_id, sysreg_id
from inspector.sources import load
from inspector.sources.dump import Dump
from tests.sources.material import dump_of

MMFR4_32 = sysreg_id(3, 0, 0, 2, 6)
MMFR2 = sysreg_id(3, 0, 0, 7, 2)
PFR0 = sysreg_id(3, 0, 0, 4, 0)
ZFR0 = sysreg_id(3, 0, 0, 4, 4)
MIDR = sysreg_id(3, 0, 0, 0, 0)
CLIDR = sysreg_id(3, 1, 0, 0, 1)
PSCI = firmware_id(0)
V0 = make_id(0x10, 0x54, 4)


def compare_files(paths: list[str], jobs: int = 0) -> Comparison:
    """As the command compares files: read one after the other, by `jobs` processes."""
    asked = Asked(question=question_of("auto", len(paths)), alone=len(paths) == 1)
    return comparison_of(read_paths(paths, asked, jobs))


class Pair(NamedTuple):
    """One measured restore: what was written, and what the destination answered."""

    name: str
    source: Dump
    destination: Dump
    rows: list[dict[str, Any]]
    """one per register, the recorder's columns"""


def number(text: str) -> int:
    """A hexadecimal column."""
    return int(text, 16)


def read_fresh(path: Path) -> Dump:
    """A `fresh-vcpu` file: every register of a new vCPU; those that QEMU would save are marked."""
    lines = [json.loads(line) for line in lzma.decompress(path.read_bytes()).splitlines()]
    head = lines[0]
    values = {number(r["reg"]): number(r["val"]) for r in lines[1:] if r.get("get_errno") == 0}
    setup = VcpuSetup(features=head["features"], gic="v3")
    return dump_of(values, source=path.name, kernel=head["kernel"], setup=setup)


def read_pair(path: Path) -> Pair:
    """A replay: the source is what came from the stream, the destination what its own vCPU had."""
    with lzma.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    registers = [row for row in rows if "reg" in row]
    end = next(row for row in rows if "to_kernel" in row)
    source = {number(r["reg"]): number(r["written"]) for r in registers if r["in_src"]}
    own = {number(r["reg"]): number(r["dst_own"]) for r in registers if r["in_dst"]}
    name = path.name.removesuffix(".jsonl.xz")
    made, _, there = name.partition("--to--")
    destination = dump_of(own, source=there, kernel=end["to_kernel"])
    return Pair(name, dump_of(source, source=made), destination, registers)


@cache
def shipped(cpu: str, kernel: str) -> Dump:
    """A shipped dump, read once."""
    return load(f"builtin:{cpu}-linux-{kernel}")


def changed(dump: Dump, values: dict[int, int | None], **provenance: str) -> Dump:
    """The dump with some values of its first vCPU replaced (None: taken out) and no host behind it."""
    vcpu = dump.vcpus[0]
    new = {i: v for i, v in (dict(vcpu.values) | values).items() if v is not None}
    return msgspec.structs.replace(
        dump,
        vcpus=(msgspec.structs.replace(vcpu, values=new),),
        host=None,
        capabilities={},
        provenance=dump.provenance.told(**provenance),
    )


def refused(report: MigrationReport) -> list[int]:
    """The ids that a restore refuses, in the order of the findings."""
    return [f.id for f in report.of_kind("refused")]


def pmu_ids() -> list[int]:
    """The 74 PMU registers that a vCPU with PMUv3 lists: enumerated here independently of the code under test."""
    ids = [sysreg_id(3, 0, 9, 14, 1), sysreg_id(3, 0, 9, 14, 2)]
    ids += [sysreg_id(3, 3, 9, 12, n) for n in range(6)]
    ids += [sysreg_id(3, 3, 9, 13, 0), sysreg_id(3, 3, 9, 14, 0), sysreg_id(3, 3, 9, 14, 3)]
    ids += [sysreg_id(3, 3, 14, 8 + n // 8, n % 8) for n in range(31)]
    ids += [sysreg_id(3, 3, 14, 12 + n // 8, n % 8) for n in range(31)]
    return [*ids, sysreg_id(3, 3, 14, 15, 7)]


def saved_with(dump: Dump, features: str) -> Dump:
    """A vCPU of the same machine with other features, as the model makes it."""
    setup = parse_features(features, gic="v3")
    report = migrate(dump, dump, Given(vmm="firecracker", features=setup), ways_out=False)
    values = {f.id: f.destination for f in report.findings if f.destination is not None}
    listed = {f.id: 0 for f in report.findings if f.kind != "only_in_source"}
    made = changed(dump, {i: None for i in dump.vcpus[0].values if i not in listed} | values)
    extra = {} if "sve" in features else {V0 + 4 * n: n for n in range(32)}
    vcpu = msgspec.structs.replace(made.vcpus[0], values=dict(made.vcpus[0].values) | extra, setup=setup)
    return msgspec.structs.replace(made, vcpus=(vcpu,))


def host_of_three_kinds(number: int) -> bytes:
    """A dump as text of host `number` of a fleet that has three kinds of host, no two in the same state."""
    pfr0, sctlr = sysreg_id(3, 0, 0, 4, 0), sysreg_id(3, 0, 1, 0, 0)
    return f"0x{pfr0:x} {number % 3:#x}\n0x{sctlr:x} {number:#x}\n".encode()
