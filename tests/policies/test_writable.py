"""Writable bits as the rules name them: the masks that come out, and what a rule may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.errors import PolicyError
from inspector.policies.loader import load_policy
from inspector.policies.rulebook import rulebook
from inspector.registers.ids import id_of
from inspector.registers.naming import name_of

PINNED = {
    "6.5.0": {
        "ID_AA64PFR0_EL1": 0xFF00000000000000, "ID_AA64DFR0_EL1": 0x0000000000000F00, "ID_DFR0_EL1": 0x0F000000,
    },
    "6.7.0": {
        "ID_AA64PFR0_EL1": 0xFFFF00F00000FFFF, "ID_AA64ZFR0_EL1": 0x0FF0FF0F0FFF00FF,
        "ID_AA64ISAR0_EL1": 0xFFFFFFFFFFFFFFF0, "ID_AA64ISAR1_EL1": 0xFFFFFFFF00FFF00F,
        "ID_AA64ISAR2_EL1": 0xFFFF0FFFFFFF00FF, "ID_AA64MMFR0_EL1": 0xFF00F000FFFFFFFF,
        "ID_AA64MMFR1_EL1": 0xFFFFF0F00FFFF00F, "ID_AA64MMFR2_EL1": 0xF0FF000FF00FFFFF,
        "ID_AA64DFR0_EL1": 0x0000000000000F0F, "ID_DFR0_EL1": 0x0F00000F,
    },
    "7.3.4": {
        "ID_AA64PFR0_EL1": 0xFFFF00F0FF00FFFF, "ID_AA64PFR1_EL1": 0x0F00000F0000F0FF,
        "ID_AA64PFR2_EL1": 0x0000000F0000FFF0, "ID_AA64ZFR0_EL1": 0x0FFFFF0F0FFFF0FF,
        "ID_AA64FPFR0_EL1": 0x00000000FC0080FF, "ID_AA64ISAR0_EL1": 0xFFFFFFFFF0FFFFF0,
        "ID_AA64ISAR1_EL1": 0xFFFFFFFF00FFF00F, "ID_AA64ISAR2_EL1": 0xFFFFFFFFFFFF00FF,
        "ID_AA64ISAR3_EL1": 0x00000000FF0F00F0, "ID_AA64MMFR0_EL1": 0xFF00FFFFFFFFFF0F,
        "ID_AA64MMFR1_EL1": 0xFFFFFFFF0FFFF00F, "ID_AA64MMFR2_EL1": 0xF0FF000FF00FFFFF,
        "ID_AA64MMFR3_EL1": 0x00000000000F0FFF, "ID_AA64MMFR4_EL1": 0x0000000000F00000,
        "ID_AA64DFR0_EL1": 0x000000F000F00F0F, "CTR_EL0": 0x00000000300FC00F,
        **dict.fromkeys(
            (
                "ID_PFR0_EL1", "ID_PFR1_EL1", "ID_DFR0_EL1", "ID_MMFR0_EL1", "ID_MMFR1_EL1", "ID_MMFR2_EL1",
                "ID_MMFR3_EL1", "ID_ISAR0_EL1", "ID_ISAR1_EL1", "ID_ISAR2_EL1", "ID_ISAR3_EL1", "ID_ISAR4_EL1",
                "ID_ISAR5_EL1", "ID_MMFR4_EL1", "ID_ISAR6_EL1", "MVFR0_EL1", "MVFR1_EL1", "MVFR2_EL1", "ID_PFR2_EL1",
                "ID_MMFR5_EL1",
            ),
            0xFFFFFFFF,
        ),
    },
}  # fmt: skip
"""Masks as recorded from KVM_ARM_GET_REG_WRITABLE_MASKS, or read in the tree where no recording is."""


@pytest.mark.parametrize("kernel", PINNED)
def test_the_masks_are_those_of_the_kernel(kernel: str) -> None:
    book = rulebook(load_policy(kernel))
    assert {name_of(i): entries[-1][0] for i in book.registers if (entries := book.of(i).writable)} == PINNED[kernel]


def _own(folder: Path, base: str, rules: str) -> Path:
    path = folder / "own.toml"
    path.write_text(f'extends = "{base}"\n{rules}')
    return path


def test_one_field_more_leaves_the_others_alone(tmp_path: Path) -> None:
    rules = '[[rule]]\nkind = "writable"\nfields = ["ID_AA64PFR1_EL1.MTE"]\nfixed = ["ID_AA64PFR1_EL1.BT"]\n'
    path = _own(tmp_path, "7.3.4", rules)
    mask = rulebook(load_policy(str(path))).of(id_of("ID_AA64PFR1_EL1")).writable[-1][0]
    assert mask == PINNED["7.3.4"]["ID_AA64PFR1_EL1"] & ~0xF | 0xF << 8


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('kind = "hide"\nfields = ["ID_AA64PFR0_EL1.RAS"]\nwhen = ["vm-tcr2"]\n', ["vm-tcr2", "kind list", "vm-gic"]),
        ('kind = "cap"\nfields = ["ID_AA64PFR0_EL1.RAS"]\nlimit = 1\nunless = ["vm-fpmr"]\n', ["vm-fpmr", "cap"]),
        ('kind = "writable"\nfields = ["CTR_EL0"]\nwhen = ["vm-s1poe"]\n', ["vm-s1poe", "writable"]),
        ('kind = "default"\nregisters = ["TCR2_EL1"]\nvalue = "0x1"\nwhen = ["vm-tcr2"]\n', ["vm-tcr2", "default"]),
        ('kind = "know"\nregister = "ID_AA64PFR1_EL1"\nfields = ["NMI[39:36] lower"]\nwhen = ["sve"]\n', ["sve"]),
        ('kind = "special"\nfunction = "pmcr"\nvariant = "counters"\nwhen = ["psci"]\n', ["takes no condition"]),
        ('kind = "reported"\nfields = ["CLIDR_EL1"]\nunless = ["mte"]\n', ["takes no condition", "mte"]),
    ],
)  # fmt: skip
def test_a_condition_that_would_never_be_looked_at_is_refused(tmp_path: Path, rule: str, words: list[str]) -> None:
    path = _own(tmp_path, "7.3", f"[[rule]]\n{rule}")
    with pytest.raises(PolicyError) as caught:
        load_policy(str(path))
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_may_depend_on_the_vms_own_fields(tmp_path: Path) -> None:
    path = _own(tmp_path, "7.3", '[[rule]]\nkind = "list"\nregisters = ["TCR2_EL2"]\nwhen = ["vm-tcr2"]\n')
    assert load_policy(str(path)).rules[-1].when == ("vm-tcr2",)
