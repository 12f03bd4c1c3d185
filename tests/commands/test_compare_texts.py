"""`compare` of texts: what they leave out is not known."""

from __future__ import annotations

from pathlib import Path

from tests.commands.running import run

SOME = {
    "gdb": "(gdb) info registers\nID_AA64PFR0_EL1 0x1100000011111112 1\nCTR_EL0 0x8444c004 2219098116\n",
    "uboot": "U-Boot> md\nmidr_el1 = 413fd0c1\nctr_el0: 0x9444c004\n",
    "plain": "# vcpu\nID_AA64PFR0_EL1=0x1100000011111112\nPMCR_EL0=0x41013000\n",
}


def test_a_text_with_some_registers_is_no_register_list(tmp_path: Path) -> None:
    """What it leaves out was not read: nobody says that KVM does not list it."""
    paths = []
    for name, text in SOME.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        paths.append(str(tmp_path / name))
    for given in (paths, [paths[0], "builtin:neoverse-n2-linux-6.1"]):
        done = run("compare", *given)
        assert "not listed" not in done.out and "only in" not in done.out
        assert "some of a vCPU's" in done.out
    answer = run("compare", *paths, "--json").json
    assert answer["outcome"] == "differs" and not answer["lists"]


def test_a_text_with_the_whole_list_is_a_list(tmp_path: Path) -> None:
    values = run("show", "builtin:neoverse-n2-linux-6.1", "--vcpu", "0").out
    (tmp_path / "whole").write_text(values, encoding="utf-8")
    done = run("compare", str(tmp_path / "whole"), "builtin:neoverse-n2-linux-6.12")
    assert "Register lists" in done.out
