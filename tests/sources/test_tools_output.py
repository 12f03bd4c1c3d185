"""What other tools print: read as it was meant, or refused in a line that says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector import sources
from inspector.errors import SourceError
from inspector.registers.ids import MIDR_EL1, REVIDR_EL1

_CPU0 = "/sys/devices/system/cpu/cpu0/regs/identification"


@pytest.mark.parametrize(
    "text",
    [
        f"==> {_CPU0}/midr_el1 <==\n0x00000000410fd490\n\n==> {_CPU0}/revidr_el1 <==\n0x0000000000000000\n",
        f"{_CPU0}/midr_el1\n0x00000000410fd490\n{_CPU0}/revidr_el1\n0x0000000000000000\n",
        "midr_el1\n0x00000000410fd490\nrevidr_el1\n0x0000000000000000\n",
    ],
    ids=["head", "name and cat", "names alone"],
)
def test_a_value_below_its_name_is_read(text: str, tmp_path: Path) -> None:
    file = tmp_path / "sysfs"
    file.write_text(text)
    dump = sources.load(str(file), "host")
    assert dump.host is not None
    assert {i: dump.host.values[i] for i in (MIDR_EL1, REVIDR_EL1)} == {MIDR_EL1: 0x410FD490, REVIDR_EL1: 0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<domain type='kvm' id='3'>\n  <name>vm</name>\n</domain>\n", "libvirt's description"),
        ("<capabilities>\n <host><cpu><arch>aarch64</arch></cpu></host>\n</capabilities>\n", "libvirt's description"),
        ('{"return": {"model": {"name": "host", "props": {"sve": true, "pmu": true}}}}', "query-cpu-model-expansion"),
    ],
)
def test_what_has_no_registers_is_called_by_its_name(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(SourceError, match=said):
        sources.load(str(file))
