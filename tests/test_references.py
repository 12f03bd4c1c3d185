"""Files that texts of the project name are there: a reader who follows one finds it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
NAMED = re.compile(r"(?<![\w./-])((?:inspector|tests|snapshots|themes|share|\.ci)/[\w./-]*\w)")
MADE_UP = {"tests/golden/NAME.txt", "share/qemu"}
"""A pattern of names, and a folder of QEMU's; what a wheel alone has is below `inspector/_shipped`."""


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no checkout")
    return done.stdout.splitlines()


def test_every_file_that_is_named_is_there() -> None:
    files = tracked()
    there = {*files, *(str(folder) for file in files for folder in PurePosixPath(file).parents), *MADE_UP}
    texts = [one for one in files if one.endswith((".py", ".md", ".toml")) and not one.startswith("tests/material/")]
    missing = [
        f"{text}: {name}"
        for text in texts
        if (ROOT / text).exists()
        for name in NAMED.findall((ROOT / text).read_text(encoding="utf-8"))
        if name not in there and not name.startswith("inspector/_shipped")
    ]
    assert len(texts) > 500 and not missing
