"""Change the package in small ways and see that the tests notice: `python -m tests.mutants.run [NAME ...]`.

`list.toml` names each change: a place, the text that is replaced (it must occur exactly once), the new text, and the
tests of which one must fail then. A change is made in a temporary copy, never in the checkout. Exit code 1 when a
change goes unnoticed, when the text is no longer there, or when the tests fail without any change.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import SimpleQueue

import msgspec

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("list.toml")
_COPIED = ("inspector", "tests", "snapshots", "themes", "pyproject.toml", "README.md", "CONTRIBUTING.md", "uv.lock")
_PATIENCE = 180
"""seconds for the tests of one change; one that hangs is noticed too"""


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change."""

    name: str
    file: str
    """below the checkout: a file, or a folder of which one module holds the text"""
    old: str
    new: str
    tests: tuple[str, ...]
    """what pytest is given"""

    def place(self, root: Path) -> Path:
        """The file to change. Raises LookupError when the text is not there exactly once."""
        path = root / self.file
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.exists() else []
        counts = {file: count for file in files if (count := file.read_text(encoding="utf-8").count(self.old))}
        if list(counts.values()) != [1]:
            raise LookupError(f"{self.file} holds {sum(counts.values())} times what is to be replaced: {self.old!r}")
        return next(iter(counts))


def read(path: Path = LIST) -> tuple[Mutant, ...]:
    """The changes of a list; unknown and missing keys are errors of msgspec."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return msgspec.convert(entries, tuple[Mutant, ...])


def copy_of(root: Path, target: Path) -> Path:
    """A copy that holds what tests need; its byte code is checked by content, since changes come within one second."""
    target.mkdir()
    for name in _COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, target / name)
    for folder in ("inspector", "tests"):
        compileall.compile_dir(target / folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return target


def run_tests(copy: Path, tests: Sequence[str], patience: int = _PATIENCE) -> tuple[int, str]:
    """pytest's exit code and the end of what it said; code 1 stands for tests that never end, too."""
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "the tests never ended"
    return done.returncode, "\n".join(f"{done.stdout}{done.stderr}".splitlines()[-6:])


def try_one(mutant: Mutant, copy: Path) -> str:
    """Why the change is a complaint; empty when a test noticed it."""
    try:
        path = mutant.place(copy)
    except LookupError as error:
        return f": the list is out of date: {error}"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        code, end = run_tests(copy, mutant.tests)
    finally:
        path.write_text(before, encoding="utf-8")
    return {0: ": no test noticed it", 1: ""}.get(code, f": the tests could not run:\n{end}")


def main(names: Sequence[str]) -> int:
    """Try the named changes, or all; one line for each."""
    chosen = [mutant for mutant in read() if not names or mutant.name in names]
    if not chosen or (names and len(chosen) != len(set(names))):
        print(f"no such change; there are: {', '.join(mutant.name for mutant in read())}", file=sys.stderr)
        return 2
    workers = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(workers) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            copies.put(copy_of(ROOT, Path(folder) / f"copy-{number}"))

        def attempt(mutant: Mutant) -> tuple[Mutant, str, float]:
            copy, begin = copies.get(), time.monotonic()
            try:
                return mutant, try_one(mutant, copy), time.monotonic() - begin
            finally:
                copies.put(copy)

        def unchanged() -> tuple[int, str]:
            copy = copies.get()
            try:
                return run_tests(
                    copy, sorted({test for mutant in chosen for test in mutant.tests}), len(chosen) * _PATIENCE
                )
            finally:
                copies.put(copy)

        baseline = pool.submit(unchanged)
        bad = 0
        for mutant, complaint, seconds in pool.map(attempt, chosen):
            bad += bool(complaint)
            print(f"{'FAILED' if complaint else 'noticed':<8}{seconds:6.1f} s  {mutant.name}{complaint}")
        code, end = baseline.result()
        if code:
            print(f"the tests fail without any change:\n{end}")
    print(f"{len(chosen) - bad} of {len(chosen)} changes are noticed")
    return int(bool(bad or code))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
