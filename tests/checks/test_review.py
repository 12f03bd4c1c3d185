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
from inspector.sources.live.laboratory import Lab
from tests.fresh import ROOT
from tests.lab.stand_ins import without_machines
from tests.shared_material import shared


def review(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of a review."""
    code = main(["review", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_patch_as_posted_breaks_restores_where_the_host_has_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.2", "6.2+mask-ccidx")
    assert code == 1 and found["breaks"] and not found["uncertain"]
    (broken,) = [e for e in found["effects"] if e["severity"] == "breaks"]
    assert broken["cpus"] == ["neoverse-n2"] and broken["features"] == ["FEAT_CCIDX"]
    assert "refused after it at ID_MMFR4_EL1 (CCIDX) and ID_AA64MMFR2_EL1 (CCIDX)" in broken["text"]
    assert broken["releases"] == "6.1.170 to 6.1.176 (2 recorded releases)"
    assert "a tolerant set_user handler" in broken["remedy"] and "tried on the model" in broken["remedy"]
    assert "no property of QEMU" in broken["remedy"] and broken["selftest"].startswith("none notices it")
    by_cpu = {h["cpu"]: h for h in found["hosts"]}
    assert {r["forwards"] for r in by_cpu["neoverse-n2"]["restores"]} == {"fails"}
    assert {r["forwards"] for r in by_cpu["cortex-a72"]["restores"]} == {"loads"}


def test_a_tolerant_handler_breaks_nothing_and_the_way_back_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.2", "6.2+mask-ccidx-tolerant", "--cpu", "neoverse-n2")
    assert code == 0 and not found["breaks"]
    (lost,) = [e for e in found["effects"] if e["kind"] == "lost"]
    assert lost["severity"] == "guest" and lost["text"] == "new guests no longer see FEAT_CCIDX"
    assert lost["details"] == ["ID_MMFR4_EL1.CCIDX 0x1 -> 0x0", "ID_AA64MMFR2_EL1.CCIDX 0x1 -> 0x0"]
    (back,) = [e for e in found["effects"] if e["kind"] == "back"]
    assert "VMs saved after the change are refused before it" in back["text"]


def test_a_handler_that_is_only_said_to_be_tolerant_is_not_called_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    known = hosts()["neoverse-n2"]
    sides = [kernel_side(n, choose(n).policy, "neoverse-n2", known, "qemu") for n in ("6.2", "6.2+mask-ccidx")]
    monkeypatch.setattr("inspector.checks.review.effects.Vm", lambda *_: sides[1].destination.build(1))
    found = review_host(sides[0], sides[1], None, "qemu")
    (broken,) = [e for e in found.effects if e.kind == "refused"]
    assert "tolerant" in broken.remedy and "tried" not in broken.remedy


def test_what_hangs_on_an_unknown_kernel_is_uncertain_with_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.12", "5.14.0-427.13.1.el9_4.aarch64", "--cpu", "neoverse-n2")
    assert code == 1 and found["uncertain"] and not found["breaks"]
    (hanging,) = [e for e in found["effects"] if e["kind"] == "refused"]
    assert hanging["severity"] == "uncertain" and "may be refused" in hanging["text"]
    told = " ".join(hanging["cases"])
    assert "refused (EINVAL) where the kernel behaves as Linux 6.5.0 to 6.6.0 after it" in told
    assert "accepted where the kernel behaves as Linux 6.7.0 to 6.9.0 after it" in told
    assert found["headline"].startswith("? uncertain")


def test_the_kernel_before_may_be_the_one_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "5.14.0-427.13.1.el9_4.aarch64", "6.4", "--cpu", "neoverse-n2")
    assert code == 1
    hanging = [e for e in found["effects"] if e["severity"] == "uncertain" and e["kind"] == "refused"]
    assert any("before the change" in case for e in hanging for case in e["cases"])


def test_a_patch_over_a_kernel_of_unknown_point_is_compared_point_by_point(capsys: pytest.CaptureFixture[str]) -> None:
    release = "6.1.0-56-cloud-arm64"
    code, found = review(capsys, release, f"{release}+mask-ccidx", "--cpu", "neoverse-n2")
    assert code == 1 and found["breaks"] and not found["uncertain"]
    assert {e["kind"] for e in found["effects"]} == {"refused", "lost"}


def test_a_kernel_newer_than_the_model_gives_no_firm_answer(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "7.3", "99.1.1", "--cpu", "neoverse-n2")
    assert code == 1 and found["uncertain"] and found["headline"].startswith("? uncertain")
    assert "may be wrong" in found["doubts"][0]


def test_a_kernel_against_itself_differs_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.12", "6.12", "--cpu", "max", "--features", "all")
    assert code == 0 and found["effects"] == []


def test_new_registers_are_no_break_forwards(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = review(capsys, "6.3", "6.4", "--cpu", "cortex-a72")
    assert code == 0
    (host,) = found["hosts"]
    assert "CNTP_CTL_EL0" in [one["register"] for one in host["appear"]] and host["vanish"] == []
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
    assert main(["review", "6.2", "6.2+mask-ccidx", "--cpu", "neoverse-n2,cortex-a72", "--markdown"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("## breaks restores on neoverse-n2: VMs saved before the change are refused after it")
    assert "- on: hosts with FEAT_CCIDX: neoverse-n2; not on cortex-a72" in text
    assert main(["review", "6.2", "6.2+mask-ccidx", "--cpu", "neoverse-n2,cortex-a72"]) == 1
    plain = capsys.readouterr().out
    assert max(map(len, plain.splitlines())) <= 110
    for word in ("remedy", "selftest", "releases", "every VMM"):
        assert word in plain and word in text


def test_fewer_writable_bits_are_told_with_the_selftest_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = review(capsys, "7.3", "6.12", "--cpu", "neoverse-n2")
    fewer = next(e for e in found["effects"] if e["text"].startswith("fewer bits can be written"))
    assert any("ID_AA64ISAR3_EL1" in one for one in fewer["details"])
    assert "set_id_regs.c fails at" in fewer["selftest"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["banana", "6.12"], "banana"),
        (["6.12", "/nonexistent/file"], "/nonexistent/file"),
        (["6.1", "6.12", "--cpu", "pentium"], "no host of 'pentium' is shipped"),
        (["6.1", "6.12", "--features", "wings"], "wings"),
        (["6.1", "gdb:localhost:1"], "cannot be reviewed"),
        (["6.1", "/nonexistent/own.toml"], "own.toml"),
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
    assert any("ID_AA64MMFR2_EL1 (AT)" in e["text"] and e["features"] == ["FEAT_LSE2"] for e in found["effects"])


def test_two_real_kernels_answer_for_themselves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_machines(monkeypatch)
    code, found = review(capsys, "lab:6.1", "lab:6.12")
    assert code == 1
    (host,) = found["hosts"]
    assert host["cpu"] == "neoverse-n2" and host["unlike"] == []
    assert all(one["real"] for one in host["forwards"])
    assert "the real kernel answers EINVAL" in next(e["text"] for e in found["effects"] if e["kind"] == "refused")


def test_a_real_kernel_that_answers_otherwise_than_the_model_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_machines(monkeypatch)
    monkeypatch.setattr(Lab, "write", lambda lab, writes: [(0, value, value) for _, value in writes])
    _, found = review(capsys, "lab:6.1", "lab:6.12")
    (unlike,) = [e for e in found["effects"] if e["kind"] == "unlike"]
    assert any("ID_AA64MMFR2_EL1 is accepted, which the model refuses" in one for one in unlike["details"])
    assert not any(e["kind"] == "refused" for e in found["effects"])


def test_a_policy_and_the_real_kernel_of_the_same_release_differ_in_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_machines(monkeypatch)
    code, found = review(capsys, "6.12.107", "lab:6.12", "--cpu", "neoverse-n2")
    assert (code, found["effects"]) == (0, [])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("6.12", "builtin:max-linux-6.12"),
        ("6.12", str(ROOT / "tests" / "material" / "answers" / "linux-6.1-neoverse-n2.jsonl.xz")),
    ],
    ids=["a dump", "a recording"],
)
def test_a_refusal_of_a_field_that_no_feature_table_has(
    before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """MIDR_EL1 and CLIDR_EL1 differ: a tolerant handler for them cannot be tried, and is not said to have been."""
    code, found = review(capsys, before, after, "--cpu", "neoverse-n2")
    assert code == 1
    remedies = [e["remedy"] for e in found["effects"] if "MIDR_EL1." in e["remedy"] or "CLIDR_EL1." in e["remedy"]]
    assert remedies and not any("tried on the model" in one for one in remedies)
