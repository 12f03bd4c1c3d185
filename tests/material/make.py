"""Write the packed material from the folder of everything that was measured: `python -m tests.material.make FOLDER`.

README.md beside this file says what each folder holds and where it comes from.
"""

from __future__ import annotations

import io
import json
import lzma
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inspector.budget import Budget
from inspector.sources import load
from inspector.sources.formats import qemu_walk

HERE = Path(__file__).parent
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
_READ = {"recording", "host", "kernel", "file", "el0", "caps", "vcpu", "get", "guest", "writable_masks"}
"""types of lines that describe and read; the others write"""
_HEADER = 8
"""bytes of magic and version in front of what the walker reads"""


class _Pages(qemu_walk._Walker):
    """A walk that notes where guest memory lies."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data[_HEADER:]), True, 0, len(data), Budget("x"))
        self.places: list[tuple[int, int]] = []

    def step_over(self, entries: int, stride: int) -> None:
        if stride > self.walk.page_size:
            starts = range(self.walk.position + 8, self.walk.position + entries * stride, stride)
            self.places += [(start, self.walk.page_size) for start in starts]
        super().step_over(entries, stride)

    def skip(self, count: int) -> None:
        if count >= self.walk.page_size:
            self.places.append((self.walk.position, count))
        super().skip(count)


def without_memory(data: bytes) -> bytes:
    """A stream whose pages of guest memory (with mapped-ram their bitmap too) are zero; its length stays."""
    pages = _Pages(data)
    qemu_walk._sections(pages)
    emptied = bytearray(data)
    for start, count in pages.places:
        emptied[start : start + count] = bytes(count)
    return bytes(emptied)


def pack(target: Path, data: bytes) -> None:
    """Write one file, with xz."""
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(lzma.compress(data, filters=_FILTERS))
    print(f"{target.relative_to(HERE)}: {target.stat().st_size} bytes")


def streams(samples: Path) -> None:
    """Real migration streams, their guest memory emptied; what the program reads of them stays the same."""
    for path in sorted((samples / "qemu").glob("*.xz")):
        target = HERE / "qemu" / path.name
        pack(target, without_memory(lzma.decompress(path.read_bytes())))
        before, after = load(str(path)), load(str(target))
        assert before.vcpus == after.vcpus and before.notes == after.notes
        assert before.provenance.machine == after.provenance.machine


def restores(samples: Path) -> None:
    """Measured restores, and what QEMU printed when they failed."""
    for path in sorted((samples / "restores").glob("*")):
        data = path.read_bytes()
        pack(
            HERE / "restores" / f"{path.name.removesuffix('.xz')}.xz",
            lzma.decompress(data) if path.suffix == ".xz" else data,
        )
    for path in sorted((samples / "qemu-output").glob("*.txt")):
        (HERE / "qemu-output" / path.name).write_bytes(path.read_bytes())


def lists(recordings: Iterable[Path], folder: str, more: frozenset[str] = frozenset()) -> None:
    """Of every recording what describes machine and configurations, and all values read: no write.

    `more`: types of lines that are kept besides.
    """
    for path in recordings:
        kept = []
        with lzma.open(path) as lines:
            for line in lines:
                kind = json.loads(line)["type"]
                if kind in _READ | more:
                    kept.append(line)
        pack(HERE / folder / path.name, b"".join(kept))


def fields(facts: dict[str, Any]) -> None:
    """Positions, kinds and the numbers that have a meaning; one register per line."""
    lines = []
    for name, entry in facts.items():
        rows = [
            [f["name"], f["msb"], f["lsb"], f["kind"], *(int(v, 0) for v in f.get("values", {}))]
            for f in entry["fields"]
        ]
        lines.append(json.dumps({"name": name, "encoding": entry["encoding"], "fields": rows}, separators=(",", ":")))
    pack(HERE / "fields.jsonl.xz", "\n".join([*lines, ""]).encode())


def main(shared: Path) -> None:
    """Write everything."""
    streams(shared / "samples")
    restores(shared / "samples")
    lists(sorted((shared / "recordings").glob("*.jsonl.xz")), "recordings")
    lists(sorted((shared / "recordings-2").glob("*.jsonl.xz")), "recordings-2", frozenset({"run", "odd"}))
    fields(json.loads((shared / "facts" / "sysreg-fields.json").read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
