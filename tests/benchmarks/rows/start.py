"""What a command costs from its start to its end, against a Python that does nothing."""

from __future__ import annotations

import lzma
from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.table import ROOT, Figure

DUMP = "builtin:neoverse-n2-linux-6.1"
STREAM = ROOT / "tests" / "material" / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"


def figures(bench: Bench) -> Iterator[Figure]:
    """Commands on small inputs; for those that start in a moment, instructions too, since they repeat."""
    nothing = [bench.python, "-c", "pass"]
    base = bench.instructions(nothing)
    for key, arguments in (
        ("version", ["--version"]),
        ("show", ["show", DUMP, "ID_AA64PFR0_EL1"]),
        ("decode", ["decode", "ID_AA64PFR0_EL1", "0x1101001121110112"]),
    ):
        command = [*bench.program, *arguments]
        count = bench.instructions(command)
        more = f"{count / 1e6:.0f} M instructions ({count / base:.1f} x, cachegrind)" if count and base else ""
        yield bench.commands(key, command, nothing, more=more)
    few = max(bench.pairs // 2, 3)
    yield bench.commands("migrate", [*bench.program, "migrate", DUMP, "same-host", "--kernel", "6.12"], nothing, few)
    stream = bench.folder / "real.mig"
    stream.write_bytes(lzma.decompress(STREAM.read_bytes()))
    yield bench.commands("migrate-kernels", [*bench.program, "migrate", str(stream), "all-kernels"], nothing, few)
