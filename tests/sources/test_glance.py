"""A file that is no dump is told by its beginning, and none that is one is taken for something else."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from inspector import sources
from inspector.errors import InspectorError
from inspector.sources.glance import may_be_dump
from tests.fresh import ROOT, modules_after
from tests.sources.examples import ALL

PASTED = sorted((ROOT / "tests" / "material" / "pasted").iterdir())
LOG = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd083]\n" + "[    0.1] a line of a log\n" * 999
FRAME = "\n".join(f"x{n}: 00000000000000{n:02x} x{n - 1}: 0000000000000000" for n in range(29, 20, -2))


def is_dump(path: Path) -> bool:
    """Whether something is read of a file."""
    try:
        return bool(sources.load(str(path)))
    except InspectorError:
        return False


@pytest.mark.parametrize("name", sorted(ALL))
def test_no_example_of_a_format_is_taken_for_anything_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(ALL[name])
    assert may_be_dump(str(tmp_path / "it"))


@pytest.mark.parametrize("path", PASTED, ids=lambda path: path.name)
def test_nor_is_what_people_pasted(path: Path) -> None:
    assert may_be_dump(str(path)) or not is_dump(path)


@pytest.mark.parametrize(
    "text",
    [
        "# host\nMIDR_EL1 0x410fd490\n",
        "a line\n" * 50 + "CTR_EL0: 5\nCLIDR_EL1: 7\nMIDR_EL1: 9\n",
        "a line\n" * 50 + "ID_AA64PFR0_EL1\nID_AA64PFR1_EL1\nID_AA64DFR0_EL1\n",
        LOG,
        "[ 1.0] a line of a log\n" * 999 + FRAME,
        "CPU NODE MODELNAME\n0 0 Neoverse-N1\n",
        "# The following is the parsable format\n# CPU,MODELNAME\n0,Cortex-A55\n",
        "Name      Property\n----      --------\n0         CP 4000    : 1091557504\n          CP 4031    : 1\n",
        '  {"of": "any kind"}',
    ],
)
def test_values_and_tables_may_stand_in_other_lines(text: str, tmp_path: Path) -> None:
    for name, data in (("plain", text.encode()), ("wide", text.encode("utf-16")), ("gz", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(data)
        assert may_be_dump(str(tmp_path / name))


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml", "uv.lock", ".gitignore"]
)
def test_prose_that_speaks_of_registers_and_other_texts_are_no_dumps(name: str) -> None:
    assert not may_be_dump(str(ROOT / name))


def test_no_format_is_loaded_to_tell() -> None:
    """Twenty modules, and then the names of all registers, took longer than the dialog that asks."""
    loaded = modules_after("from inspector.sources.glance import may_be_dump\nassert not may_be_dump('uv.lock')")
    assert not {one for one in loaded if one.startswith(("inspector.sources.formats", "inspector.registers"))}
