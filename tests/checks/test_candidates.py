"""A recording of a kernel that may have one of several policies decides which: `verify` judges each of them."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import msgspec
import pytest

from inspector.checks.recordings.verify import neighbours, told_by, verify, verify_lines
from inspector.cli import main
from inspector.library import explain, migrate
from inspector.policies.release import choose
from inspector.sources import load
from tests.material import material


def as_recorded_on(release: str, name: str, path: Path, version: str = "#1 SMP") -> Path:
    """A recording of the material, as if its kernel had another name, in a file of its own."""
    with path.open("w") as out, lzma.open(material("recordings-2", f"{name}.jsonl.xz"), "rt") as source:
        for text in source:
            line = json.loads(text)
            if line["type"] == "kernel":
                line |= {"release": release, "version": version}
            out.write(json.dumps(line) + "\n")
    return path


@pytest.mark.parametrize(
    ("release", "name", "best", "certainty"),
    [
        ("5.14.0-503.11.1.el9_5.aarch64", "linux-6.10.0-neoverse-n2", "6.10.0", "interval"),
        ("6.8.0-1015-aws", "ubuntu-6.8.0-151-neoverse-n2", "ubuntu-6.8.0-151", "interval"),
        ("6.6.0-9-arm64", "linux-6.6.87-neoverse-n2", "6.6.87", "between"),
        ("5.15.0-100-generic", "ubuntu-5.15.0-204-neoverse-n2", "what may have come by then", "between"),
    ],
)
def test_the_best_of_the_candidates_is_found(
    release: str, name: str, best: str, certainty: str, tmp_path: Path
) -> None:
    choice = choose(release)
    answer = verify(str(as_recorded_on(release, name, tmp_path / "one.jsonl")))
    assert answer.perfect and answer.certainty == certainty and not answer.fits
    assert best in " ".join([answer.policy, *answer.as_good])
    assert {one.policy for one in answer.candidates} >= {choice.policy.label} and len(answer.candidates) > 1
    assert max(one.agreed for one in answer.candidates) == answer.agreed == answer.compared


def test_the_report_says_which_candidate_fits_and_which_fit_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = as_recorded_on("5.14.0-503.11.1.el9_5.aarch64", "linux-6.10.0-neoverse-n2", tmp_path / "el9.jsonl")
    assert main(["verify", str(path)]) == 0
    told = capsys.readouterr().out
    assert "of 6 policies that this kernel may have" in told and "fits best, 100 %" in told
    assert "does not tell them apart" in told and "6.12.0: " in told
    assert main(["verify", "--summary", str(path)]) == 0
    assert "100 %, best of 6" in capsys.readouterr().out
    assert main(["verify", "--json", str(path)]) == 0
    (found,) = json.loads(capsys.readouterr().out)["recordings"]
    assert len(found["candidates"]) == 6 and found["candidates"][0]["agreed"] == found["compared"]


def test_where_no_candidate_fits_their_neighbours_are_tried(tmp_path: Path) -> None:
    path = as_recorded_on("6.8.0-60-generic", "ubuntu-6.8.0-151-neoverse-n2", tmp_path / "odd.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    odd = next(at for at, line in enumerate(lines) if '"type": "get"' in line and '"0x603000000013c020"' in line)
    lines[odd] = json.dumps(json.loads(lines[odd]) | {"value": "0x1"}) + "\n"
    path.write_text("".join(lines))
    answer = verify(str(path))
    assert answer.compared - answer.agreed == 1 and not answer.fits
    assert "hide-mpam" in " ".join(neighbours("ubuntu-6.8.0-60"))
    assert all(choose(name).policy.rules for name in neighbours("ubuntu-6.8.0-60"))


def test_a_kernel_that_was_asked_for_may_be_several_too(tmp_path: Path) -> None:
    path = as_recorded_on("x", "ubuntu-6.8.0-151-neoverse-n2", tmp_path / "asked.jsonl")
    assert verify(str(path), kernel="6.8.0-1015-aws").policy == "ubuntu-6.8.0-151"
    assert len(verify(str(path), kernel="6.8.0-1015-aws").candidates) == 4


def test_a_recording_that_disagrees_is_not_called_that_very_kernel() -> None:
    answer = verify(str(material("recordings-2", "patched-6.6.87-clidr-int-shift-neoverse-n2.jsonl.xz")))
    assert not answer.perfect and answer.certainty == "vendor"
    assert "agree with this policy" not in answer.explanation and "this recording does not" in answer.explanation
    good = verify(str(material("recordings-2", "linux-6.6.87-neoverse-n2.jsonl.xz")))
    assert good.certainty == "exact" and "that very kernel agree" in good.explanation


def test_a_recorded_refusal_of_a_gic_tells_the_host_where_its_registers_do_not() -> None:
    with lzma.open(material("recordings-2", "debian-7.3.4-cortex-a72-gic2host.jsonl.xz")) as stream:
        lines = [line for line in stream if not line.startswith(b'{"type":"host"')]
    assert told_by(lines).vgic == "v2"
    answer = verify_lines(lines, "no host line", told=told_by(lines))
    assert next(phase for phase in answer.phases if phase.phase == "init").agreed == 13 and answer.perfect
    assert not verify_lines(lines, "no host line").perfect
    nothing = [b'{"type":"vcpu","gicv3":1,"init_errno":0}', b'{"type":"vcpu"', b"{}", b'{"type":"el0","regs":7}']
    assert told_by(nothing) == (None, None)


@pytest.mark.parametrize("release", ["7.3.4+deb13-cloud-arm64", "6.12.118", "6.4.6"])
def test_what_el0_reads_of_sme_tells_how_the_kernel_was_built(release: str, tmp_path: Path) -> None:
    path = as_recorded_on(release, "debian-7.3.4-max-sme-qemu11", tmp_path / "sme.jsonl")
    answer = verify(str(path))
    assert "sme=on" in answer.told
    pfr1 = [one for one in answer.disagreements if one.phase == "el0" and one.register == "ID_AA64PFR1_EL1"]
    assert not any("SME" in one.field for one in pfr1)
    off = verify(str(path), host="sme=off")
    assert any(one.phase == "el0" and one.register == "ID_AA64SMFR0_EL1" for one in off.disagreements)


def test_explain_asks_every_kernel_that_the_destination_may_have() -> None:
    log = "qemu-system-aarch64: Failed to put registers after init: Invalid argument"
    saved = load("builtin:neoverse-n2-linux-6.1")
    host = msgspec.structs.replace(saved, vcpus=())
    several = explain(log, saved, host, kernel="5.14.0-284.11.1.el9_2.aarch64")
    assert several.simulation is not None and several.simulation.verdict == "uncertain"
    one = explain(log, saved, host, kernel="6.2")
    assert one.simulation is not None and one.simulation.verdict == "loads"


def test_a_baseline_says_which_of_several_kernels_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    hosts = ["builtin:neoverse-n2-linux-6.1", "builtin:cortex-a72-linux-6.1"]
    main(["compare", "--baseline", "--kernel", "5.14.0-427.el9.aarch64", *hosts])
    told = capsys.readouterr()
    assert "What depends on which kernel it is\n  6.6.0, 6.5.0: " in told.out and "6.6 is asked first" in told.err


def test_what_depends_on_the_kernel_is_not_laid_to_what_the_source_hid() -> None:
    report = migrate("builtin:neoverse-n2-linux-6.1", "same-host", "5.14.0-284.11.1.el9_2.aarch64")
    assert any(not one.certain for one in report.findings)
    assert all(case.about == "kernel" for one in report.findings for case in one.cases)
    assert not any(remark.title == "not certain" for remark in report.remarks)
