"""The README names every member at the top of the JSON that a command gives."""

from __future__ import annotations

import json
import re

import pytest

from tests.commands.running import run
from tests.fresh import ROOT

A, B = "builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"
ANSWERS = (
    ("show", "show", A, "MIDR_EL1"),
    ("expose", "expose", A, "ID_AA64MMFR2_EL1", "--kernel", "6.12"),
    ("summary", "summary", A),
    ("features", "features", A, "FEAT_SVE"),
    ("write", "write", A, "ID_AA64MMFR2_EL1.CCIDX=1", "--kernel", "6.12"),
    ("decode", "decode", "CTR_EL0", "0x9444c004"),
    ("decode", "caches", A),
    ("kernels", "kernels"),
    ("kernels", "kernels", "6.1", "6.12"),
    ("explain", "explain", "Failed to put registers after init: Invalid argument"),
    ("fix", "fix", A, B, "--dry-run"),
    ("migrate", "migrate", A, B),
    ("migrate SOURCE all-kernels", "migrate", A, A, B),
    ("matrix", "matrix", A, "--kernels", "6.6,6.12"),
    ("compare", "compare", A, B),
    ("compare --baseline", "compare", "--baseline", A, B),
)


@pytest.mark.parametrize(("row", "arguments"), [(row, rest) for row, *rest in ANSWERS], ids=str)
def test_the_readme_names_the_members(row: str, arguments: list[str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n### JSON\n")[2].partition("\n## ")[0]
    rows = {part[1:].partition("`")[0]: part for part in text.split("\n- ")[1:]}
    answer = json.loads(run(*arguments, "--json").out)
    named = set(re.findall(r'[`"]([a-z_]+)["`]', rows[row]))
    assert set(answer) <= named
