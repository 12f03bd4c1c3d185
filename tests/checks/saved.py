"""Dumps for the migration tests: the measured restores, and small made-up ones."""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from inspector.policies.setup import VcpuSetup
from inspector.sources.dump import Dump, Provenance, Vcpu


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


def dump_of(
    values: Mapping[int, int], source: str = "made-up", kernel: str = "", setup: VcpuSetup | None = None, **more: str
) -> Dump:
    """A dump with one vCPU."""
    provenance = Provenance(source=source, kernel=kernel, **more)
    return Dump(provenance=provenance, vcpus=(Vcpu(index=0, values=dict(values), setup=setup),))


def read_fresh(path: Path) -> Dump:
    """A `fresh-vcpu` file: every register of a new vCPU; those that QEMU would save are marked."""
    lines = [json.loads(line) for line in lzma.decompress(path.read_bytes()).splitlines()]
    head = lines[0]
    values = {number(r["reg"]): number(r["val"]) for r in lines[1:] if r.get("get_errno") == 0}
    setup = VcpuSetup(features=head["features"], gic="v3")
    return dump_of(values, path.name, head["kernel"], setup)


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
    return Pair(name, dump_of(source, made), dump_of(own, there, end["to_kernel"]), registers)
