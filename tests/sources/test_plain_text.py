"""Lines of registers as people paste them: separators, quotes, comments, hex without a prefix, other encodings."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.sources import load
from inspector.sources.dump import Dump

PFR0, PFR1, MIDR = 0x603000000013C020, 0x603000000013C021, 0x603000000013C000
BOTH = {PFR0: 0x1101000021111112, MIDR: 0x410FD0C1}


def _dump(folder: Path, data: str | bytes) -> Dump:
    path = folder / "dump.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return load(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "ID_AA64PFR0_EL1=0x1101000021111112,\nmidr: 0x410fd0c1,\n",
        '"ID_AA64PFR0_EL1": "0x1101000021111112",\n"MIDR_EL1": "0x410fd0c1"\n',
        "ID_AA64PFR0_EL1='0x1101000021111112'\nMIDR_EL1\t0x410f_d0c1\n",
        "// a comment\nID_AA64PFR0_EL1 := 0x1101000021111112 // behind\n; another\nMIDR_EL1 = 1091555521; and here\n",
        "ARM64_SYS_REG(3, 0, 0, 4, 0), 0x1101000021111112\nARM64_SYS_REG(3, 0, 0, 0, 0) = 0x410fd0c1\n",
        "603000000013c020 1101000021111112\n603000000013c000 00000000410fd0c1\n",
        "ID_AA64PFR0_EL1=1101000021111112\nMIDR_EL1=00000000410FD0C1\n",
    ],
)
def test_pasted_forms(tmp_path: Path, text: str) -> None:
    """Each form gives the two values."""
    assert dict(_dump(tmp_path, text).vcpus[0].values) == BOTH


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    """What editors and shells on other systems put before a text does not matter."""
    text = "ID_AA64PFR0_EL1=0x1101000021111112\r\nMIDR_EL1=0x410fd0c1\r\n"
    assert dict(_dump(tmp_path, text.encode(encoding)).vcpus[0].values) == BOTH


def test_width_tells_hex(tmp_path: Path) -> None:
    """16 digits padded with zeros are hex, and make the file's others so; other numbers stay decimal."""
    padded = "ID_AA64PFR0_EL1: 1101000021111112\nID_AA64PFR1_EL1: 0000000000000021\nx0: 33\n"
    assert list(_dump(tmp_path, padded).vcpus[0].values.values()) == [0x1101000021111112, 0x21, 33]
    decimal = "ID_AA64PFR0_EL1: 1101000021111112\nID_AA64PFR1_EL1: 33\n"
    assert list(_dump(tmp_path, decimal).vcpus[0].values.values()) == [1101000021111112, 33]


def test_long_blanks_cost_no_more_than_their_length(tmp_path: Path) -> None:
    """Blanks between two words are passed over once; the pattern that was here tried every way to split them."""
    dump = _dump(tmp_path, "midr 0x1\na" + " " * 300_000 + "b\n")
    assert dict(dump.vcpus[0].values) == {MIDR: 1}
    assert "line 2: a" in " ".join(dump.notes)
