"""Patches in a text: their lines are source text, whatever carries them; no value and no message."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from inspector import sources
from inspector.errors import SourceError
from inspector.sources.patch_text import patch_in
from tests.sources.material import SHOWN


def _quoted(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())


ANSWERED = _quoted(SHOWN).replace("> @@ -3249", "Why is SCTLR_EL1 changed here?\n\n> @@ -3249")


@pytest.mark.parametrize(
    "text",
    [
        SHOWN,
        SHOWN.replace("\n", "\r\n"),
        ANSWERED,
        _quoted(ANSWERED),
        html.escape(SHOWN),
        SHOWN.replace("diff --git a/arch/arm64/kvm/sys_regs.c b/arch/arm64/kvm/sys_regs.c\n", ""),
        SHOWN.replace("@@ -1805", '<span\nclass="hunk">@@ -1805'),
    ],
    ids=["mail", "crlf", "quoted", "quoted twice", "escaped", "without git's line", "page"],
)
def test_the_lines_of_a_patch_are_found_in_whatever_carries_it(text: str) -> None:
    patch = patch_in(text.splitlines())
    assert patch is not None
    assert patch.paths == ("arch/arm64/kvm/sys_regs.c",)
    assert [change.added for change in patch.changes] == [False, True, False, True, True]
    assert not patch.cut


def test_a_log_behind_a_patch_is_none_of_it() -> None:
    lines = [*SHOWN.splitlines(), "", "qemu-system-aarch64: load failed", " ID_AA64PFR0_EL1 0x11"]
    patch = patch_in(lines)
    assert patch is not None
    assert not {len(lines) - 1, len(lines) - 2} & patch.lines


def test_a_cut_patch_is_said_to_be_cut() -> None:
    cut = patch_in(SHOWN.partition(" \t\tval &= ~ID")[0].splitlines())
    assert cut is not None
    assert cut.cut


def test_a_diff_of_two_lists_of_values_is_no_patch() -> None:
    assert patch_in(["--- a/old.txt", "+++ b/new.txt", "@@ -1 +1 @@", "-MIDR_EL1 0x1", "+MIDR_EL1 0x2"]) is None


def test_what_a_patch_holds_is_never_a_vcpus_value(tmp_path: Path) -> None:
    file = tmp_path / "patch"
    file.write_text(SHOWN)
    with pytest.raises(SourceError, match=r"is a patch to arch/arm64/kvm/sys_regs.c: source text, no values"):
        sources.load(str(file))


def test_values_beside_a_patch_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mail"
    file.write_text(f"{SHOWN}\nMy host has\nID_AA64PFR0_EL1 = 0x1101000021111112\n")
    dump = sources.load(str(file))
    assert list(dump.vcpus[0].values.values()) == [0x1101000021111112]
    assert any("a patch to arch/arm64/kvm/sys_regs.c stands in the text" in note for note in dump.notes)


@pytest.mark.parametrize(
    "line",
    [
        "\t{ SYS_DESC(SYS_CNTKCTL_EL1), NULL, reset_val, CNTKCTL_EL1, 0},",
        "\tif (vcpu_read_sys_reg(vcpu, SCTLR_EL1) == 0x5)",
        "\tvcpu_set_reg(vcpu, KVM_ARM64_SYS_REG(SYS_CPACR_EL1), 3 << 20);",
        "\t__vcpu_sys_reg(vcpu, MDSCR_EL1) = 0x8000;",
        "\tcase SYS_ID_AA64PFR0_EL1: 0x11",
        "\tGUEST_ASSERT(read_sysreg(SCTLR_EL1) == 0x5);",
    ],
)
def test_a_line_of_c_is_no_value(line: str, tmp_path: Path) -> None:
    file = tmp_path / "code"
    file.write_text(f"{line}\n")
    with pytest.raises(SourceError, match="a line of a program's source"):
        sources.load(str(file))
