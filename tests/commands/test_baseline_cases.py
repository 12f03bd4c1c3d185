"""`compare --baseline` where the kernel may be one of several: every one is asked."""

from __future__ import annotations

from pathlib import Path

from tests.commands.running import run

HOSTS = ("compare", "--baseline", "builtin:neoverse-n2-linux-6.12", "builtin:cortex-a72-linux-6.12")
RELEASE = "5.14.0-503.el9.aarch64"
"""Red Hat's, which may be as 6.8 to 6.12."""


def test_what_the_kernels_do_not_agree_on_is_told_case_by_case() -> None:
    done = run(*HOSTS, "--kernel", RELEASE, "--json")
    answer = done.json
    assert done.code == 1 and not answer["certain"]
    cases = {name: case for case in answer["cases"] for name in case["kernels"]}
    assert {"6.10.0", "6.11.0", "6.12.0"} <= set(cases)
    assert answer["cases"][0]["kernels"][0] == "6.10.0", "the one that is taken comes first"
    # The VM's own CTR_EL0 came with 6.11: until then no value suits both hosts.
    assert any(text.startswith("CTR_EL0 has no value") for text in cases["6.10.0"]["differing"])
    assert any(text.startswith("CTR_EL0 0x") for text in cases["6.11.0"]["differing"])
    # Each case is what asking for that kernel alone answers.
    for name, case in cases.items():
        alone = run(*HOSTS, "--kernel", name, "--json").json
        assert alone["outcome"] == case["outcome"] and alone["cases"] == [] and alone["certain"]


def test_the_cases_are_in_text_and_markdown_and_an_export_says_whose_it_is() -> None:
    for style in ([], ["--markdown"]):
        out = run(*HOSTS, "--kernel", RELEASE, *style).out
        assert "What depends on which kernel it is" in out and "CTR_EL0" in out
        assert "under the kernel that is taken" in out
    assert "one of several cases" in run(*HOSTS, "--kernel", RELEASE, "--qemu").err
    assert "one of several cases" not in run(*HOSTS, "--kernel", "6.12", "--qemu").err


def test_kernels_that_agree_make_no_case() -> None:
    """Two alike hosts whose registers tell all levels: whichever kernel it is, nothing has to be set."""
    same = "builtin:neoverse-n2-linux-6.12"
    done = run("compare", "--baseline", same, same, "--kernel", RELEASE, "--json")
    assert done.code == 0 and done.json["cases"] == [] and done.json["certain"]


def test_an_answer_that_hangs_on_the_kernel_is_uncertain(tmp_path: Path) -> None:
    """Two hosts that differ in nothing but CTR_EL0.IDC, which a VM may lower from 6.11 on."""
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    assert run("convert", "builtin:cortex-a72-linux-6.12", "-o", str(one)).code == 0
    text = one.read_text(encoding="utf-8")
    assert "8444c004" in text
    other.write_text(text.replace("8444c004", "9444c004"), encoding="utf-8")
    done = run("compare", "--baseline", str(one), str(other), "--kernel", RELEASE)
    assert done.code == 1
    assert done.out.startswith("Uncertain how 2 hosts can be levelled: it depends on which kernel it is")
    outcomes = {
        kernel: run("compare", "--baseline", str(one), str(other), "--kernel", kernel, "--json").json["outcome"]
        for kernel in ("6.10.0", "6.12.0")
    }
    assert outcomes == {"6.10.0": "differs", "6.12.0": "level"}
