"""The rules that the suite keeps for itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CASES = """
import gzip
import pytest

@pytest.mark.parametrize({names}, {values})
def test_it({arguments}):
    pass
"""


def collected(folder: Path, names: str, values: str) -> subprocess.CompletedProcess[str]:
    """What pytest says that collects one parametrised test under the suite's own rules."""
    file = folder / "test_cases.py"
    file.write_text(CASES.format(names=repr(names), values=values, arguments=names), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "--collect-only", "-q"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-c", "/dev/null", str(file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("data", '[gzip.compress(b"a")]'),
        ("data, words", '[(b"a", "words")]'),
        ("data", "[bytearray(1)]"),
        ("data", '[pytest.param(b"a")]'),
        ("data", '[b"a"], ids=[None]'),
    ],
)
def test_no_case_is_named_by_bytes(tmp_path: Path, names: str, values: str) -> None:
    done = collected(tmp_path, names, values)
    assert done.returncode and "data holds bytes" in done.stdout


def test_bytes_under_a_name_are_welcome(tmp_path: Path) -> None:
    done = collected(tmp_path, "data", '[pytest.param(b"a", id="one")]')
    assert not done.returncode and "test_it[one]" in done.stdout


def test_nothing_is_imported_from_a_test_module() -> None:
    """What two modules need lies in a room's material, so that a test can be moved or dropped alone."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / "tests").rglob("*.py")
        for module in re.findall(r"^\s*(?:from|import) (tests[\w.]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if module.rpartition(".")[2].startswith("test_")
    ]
    assert not wrong
