"""Values replaced in text dumps: spelled as before, and nothing else touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.checks.repair.fix import fix
from inspector.registers.encoding import sysreg_id
from inspector.sources import load
from inspector.sources.edits import edited
from inspector.sources.edits.change import Change

MMFR2 = sysreg_id(3, 0, 0, 7, 2)
OLD, NEW = 0x1221011112101011, 0x1221011112001011
CHANGES = {MMFR2: Change(OLD, NEW)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0x603000000013c03a 0x1221011112101011", "0x603000000013c03a 0x1221011112001011"),
        ("  ID_AA64MMFR2_EL1 = 0x1221_0111_1210_1011  # note", "  ID_AA64MMFR2_EL1 = 0x1221_0111_1200_1011  # note"),
        ("ID_AA64MMFR2_EL1:\t1221011112101011", "ID_AA64MMFR2_EL1:\t1221011112001011"),
        (f"S3_0_C0_C7_2={OLD}", f"S3_0_C0_C7_2={NEW}"),
        (f"S3_0_C0_C7_2 = 0b{OLD:064b}", f"S3_0_C0_C7_2 = 0b{NEW:064b}"),
        (f"op0:3 op1:0 crn:0 crm:7 op2:2 {OLD:#x}", f"op0:3 op1:0 crn:0 crm:7 op2:2 {NEW:#x}"),
        (f"{MMFR2}, {OLD:#X}", f"{MMFR2}, {NEW:#X}"),
        ("# 0x603000000013c03a is the culprit", "# 0x603000000013c03a is the culprit"),
        ("0x603000000013c039 0x1221011112101011", "0x603000000013c039 0x1221011112101011"),
    ],
)
def test_lines_keep_their_spelling(line: str, expected: str) -> None:
    text = f"before\r\n{line}\nafter"
    assert edited("plain-text", text.encode(), {0: CHANGES}, "") == f"before\r\n{expected}\nafter".encode()


def test_sections_of_other_vcpus_are_left_alone() -> None:
    line = "ID_AA64MMFR2_EL1=0x1221011112101011\n"
    text = f"{line}vcpu 1:\n{line}[vcpu 2]\n{line}"
    expected = f"{line}vcpu 1:\n{line.replace('12101011', '12001011')}[vcpu 2]\n{line}"
    assert edited("plain-text", text.encode(), {1: CHANGES}, "") == expected.encode()


def test_firecracker_bitmaps_keep_their_length() -> None:
    def entry(value: int) -> str:
        return f'{{ "addr": "0x{MMFR2:x}",\n      "bitmap": "0b{value:0128b}" }}'

    other = '{"addr": "0x603000000013c000", "bitmap": "0b01_x1"}'
    text = f'{{"reg_modifiers": [{other},\n {entry(OLD)}]}}\n'
    patched = edited("firecracker-json", text.encode(), {0: CHANGES}, "").decode()
    assert patched == f'{{"reg_modifiers": [{other},\n {entry(NEW)}]}}\n'
    assert json.loads(patched)["reg_modifiers"][1]["bitmap"] == f"0b{NEW:0128b}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_text_stays_in_the_encoding_that_it_is_in(tmp_path: Path, encoding: str) -> None:
    saved = load("builtin:neoverse-n2-linux-6.1").vcpus[0].values
    text = "# copied with Windows\r\n" + "".join(f"{reg_id:#x} {value:#x}\r\n" for reg_id, value in saved.items())
    plain, encoded = tmp_path / "plain.txt", tmp_path / "encoded.txt"
    plain.write_bytes(text.encode())
    encoded.write_bytes(text.encode(encoding))
    for path in (plain, encoded):
        fix(load(str(path)), load("builtin:neoverse-n2-linux-6.12"), str(path.with_suffix(".out")))
    got = encoded.with_suffix(".out").read_bytes()
    assert got[:2] == text.encode(encoding)[:2]
    assert got.decode(encoding) == plain.with_suffix(".out").read_bytes().decode() != text
