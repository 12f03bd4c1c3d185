"""What a command costs from its start to its end, against a Python that does nothing."""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.bench import OLDER, Bench
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
        if key == "version":
            more = ", ".join(filter(None, (more, _with_older_pip(bench, nothing))))
        yield bench.commands(key, command, nothing, more=more)
    few = max(bench.pairs // 2, 3)
    yield bench.commands("migrate", [*bench.program, "migrate", DUMP, "same-host", "--kernel", "6.12"], nothing, few)
    stream = bench.folder / "real.mig"
    stream.write_bytes(lzma.decompress(STREAM.read_bytes()))
    yield bench.commands("migrate-kernels", [*bench.program, "migrate", str(stream), "all-kernels"], nothing, few)


def _with_older_pip(bench: Bench, nothing: Sequence[str]) -> str:
    """`--version` by the start script of an older pip, where there is one."""
    script = Path(bench.program[0]).with_name(OLDER)
    if not script.exists():
        return ""
    figure = bench.commands("version", [str(script), "--version"], nothing)
    return f"{figure.value:.2f} x with the start script of pip before 25"
