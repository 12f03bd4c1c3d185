"""`summary`, `features`, and FEAT_ names in the commands that take registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import assert_one_line_error, run

N2, N2_NEWER = "builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"
MATERIAL = Path(__file__).parent.parent / "material"
PASTED = (
    "20-rk3588-armcpuinfo.txt",
    "23-lscpu-rk3588.txt",
    "33-cpuinfo.txt",
    "12-dfr0-variation.txt",
    "01b-host-mpam.json",
)


def test_summary_prints_both_sides_and_what_is_lost() -> None:
    done = run("summary", N2)
    assert done.code == 0
    lines = done.out.splitlines()
    assert "host · vCPU 0 (qemu) · Linux 6.1.176" in lines[0]
    core = next(line for line in lines if line.startswith("Core"))
    assert core.split() == ["Core", "Arm", "Neoverse", "N2", "r0p3", "(0x41,", "0xd49)", "=", "the", "same"]
    assert "Lost between host and guest" in lines
    assert any("▼ FEAT_MTE, FEAT_MTE2, FEAT_MTE_ASYNC" in line for line in lines)
    assert any("QEMU: -machine virt,mte=on" in line for line in lines)
    assert max(map(len, lines)) <= 112


def test_summary_json_has_null_for_what_is_not_known() -> None:
    answer = run("summary", str(MATERIAL / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz"), "--json").json
    tags = next(line for line in answer["lines"] if line["key"] == "tags")
    assert (tags["host"], tags["vcpu"], tags["state"]) == (None, "none", "unknown")
    assert answer["lost"] == []


def test_summary_markdown_is_two_tables() -> None:
    out = run("summary", N2, "--markdown").out
    assert out.startswith("## Summary of builtin:neoverse-n2-linux-6.1\n")
    assert "| Memory tags | MTE2 | ▼ none |" in out
    assert "### Lost between host and guest" in out


@pytest.mark.parametrize("name", PASTED)
def test_every_source_has_a_summary(name: str) -> None:
    for style in ((), ("--json",), ("--markdown",)):
        done = run("summary", str(MATERIAL / "pasted" / name), *style)
        assert done.code == 0 and done.out, done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("summary", "no-such-file"),
        ("summary", N2, "--kernel", "nonsense"),
        ("summary", N2, "--vcpu", "7"),
        ("features", N2, "FOO"),
        ("compare", N2, N2_NEWER, "FEAT_CCIX"),
        ("show", N2, "FEAT_NOTHING"),
        ("decode", "FEAT_PCSRv8", "1"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line(arguments: tuple[str, ...]) -> None:
    assert_one_line_error(run(*arguments))


def test_features_lists_every_one_and_what_is_missing() -> None:
    every = run("features", N2)
    assert every.code == 0 and len(every.out.splitlines()) > 280
    missing = run("features", N2, "--missing").out
    assert "FEAT_MTE2" in missing and "needs mte" in missing and "FEAT_SVE2 " not in missing


def test_features_answer_with_an_exit_code() -> None:
    assert run("features", N2, "FEAT_SVE2").code == 0
    assert run("features", N2, "FEAT_MTE2").code == 1
    assert run("features", N2, "asimddp", "+sve2-aes").code == 0


def test_features_json_names_rule_release_and_option() -> None:
    (one,) = run("features", N2, "FEAT_CCIDX", "--kernel", "6.6", "--json").json["features"]
    assert (one["host"], one["vcpu"], one["state"]) == (True, False, "lost")
    assert (one["rule"], one["since"], one["needs"]) == ("mask CCIDX", "since Linux 6.3", None)


def test_show_takes_features_and_the_host() -> None:
    done = run("show", N2, "FEAT_PAuth", "--vcpu", "host")
    assert done.code == 0
    assert [word for word in ("API", "APA", "APA3") if f"  {word}  " not in done.out] == []
    assert "host registers" in done.out
    ccidx = run("show", N2_NEWER, "FEAT_CCIDX", "--vcpu", "host", "--json").json
    assert ccidx["vcpus"][0]["registers"][0]["fields"][0]["value"] == 1
    own = run("show", N2_NEWER, "FEAT_CCIDX", "--json").json
    assert own["vcpus"][0]["registers"][0]["fields"][0]["value"] == 0


def test_an_unknown_vcpu_is_answered_with_those_that_there_are() -> None:
    done = run("show", N2, "--vcpu", "nobody")
    assert_one_line_error(done)
    assert "0 (qemu), host" in done.err


def test_decode_takes_features() -> None:
    assert "64-bit layout (FEAT_CCIDX)" in run("decode", "FEAT_CCIDX", "1").out
    assert len(run("decode", "pauth", "3", "--json").json["places"]) == 3


def test_compare_takes_features() -> None:
    done = run("compare", N2, N2_NEWER, "FEAT_CCIDX", "FEAT_SVE2")
    assert done.code == 1
    rows = {line.split()[0]: line for line in done.out.splitlines() if line.startswith("FEAT_")}
    assert "yes / yes" in rows["FEAT_CCIDX"] and "yes / no" in rows["FEAT_CCIDX"]
    assert "no" not in rows["FEAT_SVE2"].split("SVE version")[0]
    assert run("compare", N2, N2_NEWER, "FEAT_SVE2").code == 0
    answer = run("compare", N2, N2_NEWER, "FEAT_CCIDX", "--json").json
    assert answer["features"][0]["dumps"] == [{"host": True, "vcpu": True}, {"host": True, "vcpu": False}]


def test_explain_takes_features_and_words() -> None:
    done = run("explain", "FEAT_CCIDX")
    assert done.code == 0
    assert "since Linux 6.3" in done.out and "ID_AA64MMFR2_EL1.CCIDX >= 1" in done.out
    with_dump = run("explain", "does it have asimddp or FEAT_MTE2", "--source", N2)
    assert "host: yes, vCPU 0 (qemu): no" in with_dump.out
    assert run("explain", "ID_AA64PFR0_EL1=0x1").code == 0


def test_explain_still_misses_a_file_that_is_not_there() -> None:
    assert_one_line_error(run("explain", "nofile.log"))


def test_explain_names_the_finished_command() -> None:
    log = str(MATERIAL / "qemu-output" / "qemu-10.0-refused.txt")
    saved = str(MATERIAL / "qemu" / "kvm-6.1_neoverse-n2_q100.mig.xz")
    with_kernel = " ".join(run("explain", log, "--source", saved, "--kernel", "6.12").out.split())
    new = "fixed-kvm-6.1_neoverse-n2_q100.mig.xz"
    assert f"`vcpu-inspector fix {saved} same-host --kernel 6.12 -o {new}`" in with_kernel
    with_both = " ".join(run("explain", log, "--source", saved, "--destination", N2_NEWER).out.split())
    assert f"fix {saved} {N2_NEWER} --vmm qemu-10.0 -o {new}" in with_both
    assert "`vcpu-inspector fix SOURCE DESTINATION -o NEWFILE`" in " ".join(run("explain", log).out.split())
