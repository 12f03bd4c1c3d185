"""Every guard on what a source may cost is asked, by a small input, how much that is: one that is gone, or that counts
nothing, is missed here and not only by the large inputs of test_bounds.py."""

from __future__ import annotations

import ast
import contextlib
import io
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import inspector
from inspector.budget import MEMBERS, Budget, Limit
from inspector.checks.fleet.files import decode_part, encode_part
from inspector.checks.fleet.summarise import Asked, summarise
from inspector.errors import InspectorError
from inspector.sources import load, load_stream
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from inspector.sources.formats import FORMATS, dump_json, qcow2, qemu_end, qemu_scan, qemu_stream
from inspector.sources.jsontext import check_members
from inspector.sources.recording import read_lines
from inspector.sources.sparse import extents
from tests.fuzz.targets import TARGETS
from tests.sources import streams
from tests.sources.examples import ALL, MIDR, PFR0
from tests.sources.generators import firecracker, registers

ROOT = Path(inspector.__file__).parent
PAGE = streams.PAGE
GUARDS = {
    "checks/fleet/files.py": 4,
    "sources/cbor.py": 3,
    "sources/formats/analyze_migration.py": 1,
    "sources/formats/cloud_hypervisor.py": 2,
    "sources/formats/cpu_lists.py": 3,
    "sources/formats/cpusysregs.py": 3,
    "sources/formats/crosvm.py": 1,
    "sources/formats/dump_json.py": 3,
    "sources/formats/firecracker.py": 1,
    "sources/formats/firecracker_lists.py": 5,
    "sources/formats/firecracker_rows.py": 3,
    "sources/formats/hwcap_values.py": 1,
    "sources/formats/kvm_recording.py": 2,
    "sources/formats/plain_text.py": 5,
    "sources/formats/qcow2.py": 2,
    "sources/formats/qemu_end.py": 2,
    "sources/formats/qemu_scan.py": 9,
    "sources/formats/qemu_walk.py": 3,
    "sources/formats/register_list.py": 3,
    "sources/formats/restore_lines.py": 1,
    "sources/gathered.py": 4,
    "sources/json_values.py": 1,
    "sources/jsontext.py": 3,
    "sources/opening.py": 1,
    "sources/recording.py": 3,
    "sources/sparse.py": 1,
}
"""How many each module has. A new one is counted here, and gets an input below where no example asks it."""


def guards() -> Iterator[tuple[str, int, int]]:
    """(module, first line, last line) of each call of a budget."""
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "budget." in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func.value)
                if node.func.attr in ("spend", "check") and of.rpartition(".")[2] == "budget":
                    yield str(path.relative_to(ROOT)), node.lineno, node.end_lineno or node.lineno


def test_no_guard_is_gone() -> None:
    assert Counter(module for module, _, _ in guards()) == GUARDS


class Asking(Counter[tuple[str, int]]):
    """How much was counted at each line of the package."""

    def watched(self, call: Callable[[Budget, Limit, int], None]) -> Callable[..., None]:
        def counting(budget: Budget, limit: Limit, count: int = 1) -> None:
            frame = sys._getframe(1)
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(ROOT):
                self[str(path.relative_to(ROOT)), frame.f_lineno] += count
            call(budget, limit, count)

        return counting


def small_inputs() -> Iterator[bytes]:
    """Files that no example is like."""
    yield from ALL.values()
    for target in TARGETS:
        if target.name in FORMATS:
            yield from target.seeds()
    yield b"CPU NODE MODELNAME\n0 0 Neoverse-N1\n"
    yield b"MIDR_EL1\nID_AA64PFR0_EL1 0x11\n"
    yield b'{"MIDR_EL1": "0x1"}'
    yield from (firecracker.vmstate(release, [registers.vcpu(1)]) for release in firecracker.RELEASES)
    partly = Vcpu(index=0, values={MIDR: 1}, constraints={PFR0: Constraint(0xF, 1)})
    text = dump_json.write(Dump(provenance=Provenance(source="a"), vcpus=(partly,)))
    yield text
    yield text.replace(b'"index"', b'"withheld": ["0x6030000000100000"], "index"')
    # What several sections have in common is repeated in each.
    yield b"MIDR_EL1=0x1\nvCPU 0\nID_AA64PFR0_EL1=0x11\nvCPU 1\nID_AA64PFR0_EL1=0x12\n"


def ask_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only long files come to."""
    budget = Budget("x")
    monkeypatch.setattr(MEMBERS, "most", 0)
    with contextlib.suppress(InspectorError):
        check_members(b'["a", 1]', budget)
    monkeypatch.undo()
    with contextlib.suppress(InspectorError):
        check_members(b"[1, 2]" + bytes(MEMBERS.most), budget)
    list(read_lines(io.BytesIO(b"a line\nand more"), budget))
    whole = streams.stream()
    list(extents(io.BytesIO(whole), 0, len(whole), budget))
    qemu_scan.end_of_data(io.BytesIO(b"x" + bytes(1 << 23)), 0, 1 << 23, budget)
    qemu_scan.start_from_end(io.BytesIO(whole), 0, len(whole), budget)
    qemu_scan.scan(io.BytesIO(bytes(5 << 20)), 0, budget)
    words = b"".join(struct.pack(">Q", n << 12 | 0x28) + bytes(PAGE) for n in range(4))
    qemu_end._may_be_memory(words, PAGE, budget)
    payload = streams.cpu_payload(streams.SOME_REGISTERS)
    place = qemu_end.Section(
        name="cpu", number=1, instance=0, version=22, registers=len(streams.SOME_REGISTERS), at=0, length=len(payload)
    )
    qemu_scan.examine_section(payload, place, 0, budget)
    # The end of a stream with much guest memory is read from behind.
    monkeypatch.setattr(qemu_stream, "_FEW", 1024)
    memory = streams.ram([b"x" * PAGE] * 8)
    data = streams.stream(memory=memory)
    qemu_stream.read_stream(io.BytesIO(data), "x", Budget("x"), seekable=True, length=len(data))
    monkeypatch.undo()
    # A table of clusters that is missing.
    snapshot = qcow2.Snapshot(id="1", name="a", state_size=1 << 18, l1_offset=0, l1_size=8, disk_size=0)
    qcow2.State(io.BytesIO(bytes(64)), snapshot, 9, 3, budget).next_data(0)


def test_every_guard_counts_something(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = Asking()
    monkeypatch.setattr(Budget, "spend", asked.watched(Budget.spend))
    monkeypatch.setattr(Budget, "check", asked.watched(Budget.check))
    with pytest.MonkeyPatch.context() as inner:
        ask_directly(inner)
    path = tmp_path / "f"
    for data in small_inputs():
        path.write_bytes(data)
        with contextlib.suppress(InspectorError):
            load(str(path))
        with contextlib.suppress(InspectorError):
            load_stream(io.BytesIO(data), "x")
    partly = Vcpu(index=0, values={MIDR: 1}, constraints={PFR0: Constraint(0xF, 1)})
    dump = Dump(provenance=Provenance(source="a"), vcpus=(partly,))
    decode_part(encode_part(summarise(dump, 0, Asked(question="compare"))), "here", Budget("here"))
    silent = [
        f"{module}:{first}"
        for module, first, last in guards()
        if not sum(asked[module, line] for line in range(first, last + 1))
    ]
    assert silent == []
