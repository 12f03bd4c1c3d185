"""QEMU streams of some gigabytes."""

from __future__ import annotations

import lzma
from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.open_stream import write_enlarged, write_sparse, write_stream
from tests.benchmarks.rows.start import STREAM
from tests.benchmarks.table import Figure


def figures(bench: Bench) -> Iterator[Figure]:
    """Opening a stream against reading the whole of it."""
    plain = bench.folder / "plain.mig"
    for gigabytes in (1, 4):
        write_stream(plain, 1024 * gigabytes)
        yield bench.commands(
            f"stream-{gigabytes}", [*bench.program, "show", str(plain), "MIDR_EL1"], ["cat", str(plain)], 3
        )
        if gigabytes == 1:
            yield from _one_gigabyte(bench)
        plain.unlink()
    yield _fixed(bench)
    sparse = bench.folder / "sparse.mig"
    write_sparse(sparse, 100 * 1024)
    cost = bench.cost([*bench.program, "show", str(sparse), "MIDR_EL1"])
    yield Figure("stream-100", round(cost.cpu, 3), f"{cost.memory:.0f} MB")


def _fixed(bench: Bench) -> Figure:
    """A copy of a real stream with more memory, checked by loading it again, against cp; both into a new file."""
    plain, copy = bench.folder / "real.mig", bench.folder / "copy.mig"
    write_enlarged(plain, lzma.decompress(STREAM.read_bytes()), 1024)

    def cost(command: list[str]) -> float:
        copy.unlink(missing_ok=True)
        return bench.cost([*command, str(copy)]).cpu

    fix = [*bench.program, "fix", str(plain), "same-host", "--kernel", "6.12", "-o"]
    figure = bench.against("fix", lambda: cost(fix), lambda: cost(["cp", str(plain)]), 3)
    for path in (plain, copy):
        path.unlink()
    return figure


def _one_gigabyte(bench: Bench) -> Iterator[Figure]:
    plain, packed = bench.folder / "plain.mig", bench.folder / "packed.zst"
    bench.cost(["zstd", "-q", "-1", str(plain), "-o", str(packed)])
    yield bench.commands("zstd", [*bench.program, "show", str(packed), "MIDR_EL1"], ["zstdcat", str(packed)], 3)
    packed.unlink()
