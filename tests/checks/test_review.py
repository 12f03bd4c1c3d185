"""What a change does: the CCIDX patch and its tolerant form, added features, recordings, and nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.checks.machine.shipped_hosts import hosts
from inspector.checks.review.review import review_host, summed_up
from inspector.checks.review.sides import kernel_side
from inspector.cli import main
from inspector.policies.release import choose
from tests.shared_material import shared


def review(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of a review."""
    code = main(["review", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_patch_as_posted_breaks_restores_where_the_host_has_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.2", "6.2+mask-ccidx")
    assert code == 1 and found["breaks"]
    broken = [e for e in found["effects"] if e["severity"] == "breaks"]
    assert [e["cpus"] for e in broken] == [["neoverse-n2"], ["neoverse-n2"]]
    for register, effect in zip(("ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"), broken, strict=True):
        assert f"refused at {register} (CCIDX): KVM answers EINVAL" in effect["text"]
        assert "6.1.170 to 6.1.176" in effect["text"]
        assert f"accepts the old value of {register}.CCIDX and ignores it (tried:" in effect["remedy"]
    assert broken[0]["selftest"].endswith("aarch32_id_regs.c") and broken[1]["selftest"].endswith("set_id_regs.c")
    by_cpu = {h["cpu"]: h for h in found["hosts"]}
    assert {r["forwards"] for r in by_cpu["neoverse-n2"]["restores"]} == {"fails"}
    assert {r["forwards"] for r in by_cpu["cortex-a72"]["restores"]} == {"loads"}


def test_a_tolerant_handler_breaks_nothing_and_the_way_back_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.2", "6.2+mask-ccidx-tolerant", "--cpu", "neoverse-n2")
    assert code == 0 and not found["breaks"]
    texts = [e["text"] for e in found["effects"]]
    assert any("VMs saved after the change are refused before it" in text for text in texts)
    assert any(text.startswith("a feature disappears, ID_AA64MMFR2_EL1.CCIDX") for text in texts)


def test_a_kernel_against_itself_differs_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.12", "6.12", "--cpu", "max", "--features", "all")
    assert code == 0 and found["effects"] == []


def test_new_registers_are_no_break_forwards(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.3", "6.4", "--cpu", "cortex-a72")
    assert code == 0
    (host,) = found["hosts"]
    assert "CNTP_CTL_EL0" in host["appear"] and host["vanish"] == []
    assert {r["back"] for r in host["restores"]} == {"fails"}


def test_registers_that_vanish_break(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.4", "6.3", "--cpu", "cortex-a72")
    assert code == 1
    assert any("no longer listed" in e["text"] for e in found["effects"])


def test_every_host_and_feature_set_is_compared_by_its_own_vcpu() -> None:
    known = hosts()
    assert {"cortex-a72", "max", "neoverse-n2"} <= set(known)
    for features in ("none", "qemu", "all"):
        sides = [kernel_side(name, choose(name).policy, "max", known["max"], features) for name in ("6.1", "6.12")]
        found = review_host(sides[0], sides[1], None, features)
        assert found.appear and summed_up([found])
    plain, whole = (kernel_side("6.12", choose("6.12").policy, "max", known["max"], f) for f in ("none", "all"))
    assert len(plain.vcpu.values) < len(whole.vcpu.values)


def test_a_mail_can_be_made_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "6.2", "6.2+mask-ccidx", "--cpu", "neoverse-n2", "--markdown"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("**✖ breaks restores on neoverse-n2") and "| VMM | before" in text


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["banana", "6.12"], "banana"),
        (["6.12", "/nonexistent/file"], "/nonexistent/file"),
        (["6.1", "6.12", "--cpu", "pentium"], "no host of 'pentium' is shipped"),
        (["6.1", "6.12", "--features", "wings"], "wings"),
        (["6.1", "gdb:localhost:1"], "cannot be reviewed"),
    ],
)
def test_what_cannot_be_reviewed_ends_in_one_line(
    arguments: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert wanted in said[-1]


def test_two_recordings_are_compared_by_what_real_kernels_answered(capsys: pytest.CaptureFixture[str]) -> None:
    old, new = (shared("recordings") / f"linux-{series}-neoverse-n2.jsonl.xz" for series in ("6.1", "6.12"))
    code, found = review(capsys, str(old), str(new))
    assert code == 1
    (host,) = found["hosts"]
    assert {one["register"] for one in host["forwards"]} == {"ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"}


def test_a_policy_of_ones_own_is_a_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        'title = "mine"\nextends = "6.12.0"\nevidence = "user"\n[[rule]]\nkind = "hide"\nname = "hide LSE2"\n'
        'fields = ["ID_AA64MMFR2_EL1.AT"]\nreason = "Tried."\nreference = "none"\n'
    )
    code, found = review(capsys, "6.12", str(own), "--cpu", "neoverse-n2")
    assert code == 1
    assert any("ID_AA64MMFR2_EL1 (AT)" in e["text"] for e in found["effects"])
