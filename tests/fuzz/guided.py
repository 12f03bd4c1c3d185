"""Fuzz one target guided by coverage: `python -m tests.fuzz.guided NAME [libFuzzer's options, -max_total_time=60]`.

It needs atheris, which installs where its wheels exist (Linux on x86-64); no extra of the package asks for it, and
`tests.fuzz.run`, which needs nothing, is what `.ci/run` runs. Half of the mutants are made by the structure of the
input, as there; the others by libFuzzer. It ends with the first input that fails, which libFuzzer keeps as `crash-*`:
move it to tests/fuzz/corpus under the name `NAME-...`, where it is a test from then on.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["inspector"], enable_loader_override=False):
    from tests.fuzz.mutate import LARGEST, several
    from tests.fuzz.run import attempt
    from tests.fuzz.targets import TARGETS


class _FailedError(Exception):
    """What went wrong with an input."""


def main() -> None:
    """Fuzz until the options of libFuzzer end it, or an input fails."""
    names = [target.name for target in TARGETS]
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        sys.exit(f"one of {', '.join(names)}")
    target = next(one for one in TARGETS if one.name == sys.argv[1])
    seeds = list(target.seeds())

    def one_input(data: bytes) -> None:
        _, problem, _ = attempt(target, data)
        if problem:
            raise _FailedError(problem)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.randrange(2):
            return bytes(atheris.Mutate(data, most))
        return several(target.mutator, data or seeds[0], chance, seeds)[:most]

    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        # What the CPU time of a mutant may be, `attempt` knows: instrumented code is slower than that.
        options = [f"-max_len={LARGEST}", "-rss_limit_mb=1500", "-timeout=60", *sys.argv[2:], folder]
        atheris.Setup([sys.argv[0], *options], one_input, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
