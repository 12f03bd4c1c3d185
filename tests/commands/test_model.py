"""expose, write, kernels, predict, verify, migrate, fix and explain from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from inspector.command_line import COMMANDS, summary
from tests.commands.running import assert_one_line_error, run
from tests.material import material

N2_61 = "builtin:neoverse-n2-linux-6.1"
N2_612 = "builtin:neoverse-n2-linux-6.12"


def test_expose_json_names_the_rule_that_hides_ccidx() -> None:
    done = run("expose", N2_61, "ID_AA64MMFR2_EL1", "--kernel", "6.12", "--json")
    answer = done.json
    assert answer["kernel"] == "6.12"
    (register,) = answer["registers"]
    assert set(register) == {"id", "name", "host", "known", "exposed", "guest", "fields", "listed"}
    (ccidx,) = [field for field in register["fields"] if field["name"] == "CCIDX"]
    assert (ccidx["host"], ccidx["exposed"], ccidx["state"]) == (1, 0, "masked")
    assert "bf48040cd9b0" in ccidx["reference"]


def test_inputs_that_registers_do_not_tell_can_be_given() -> None:
    def field(name: str, *options: str) -> int:
        done = run("expose", N2_61, "ID_AA64PFR0_EL1", "--kernel", "6.12", *options, "--json")
        (register,) = done.json["registers"]
        return int(next(f["exposed"] for f in register["fields"] if f["name"] == name))

    assert field("CSV2") == 1
    given = ("--host", "spectre-v2=vulnerable,meltdown=affected")
    assert field("CSV2", *given) == 2, "the host's own field, where nothing says that it is not affected"
    done = run("expose", N2_61, "WORKAROUND_1", "--kernel", "6.12", *given, "--json")
    assert int(done.json["registers"][0]["exposed"], 16) == 0
    assert_one_line_error(run("expose", N2_61, "--kernel", "6.12", "--host", "spectre-v9=yes"))
    assert_one_line_error(run("write", N2_61, "CTR_EL0=0", "--kernel", "6.12", "--host", "vgic=v9"))


def test_expose_from_a_vcpu_shows_what_its_kernel_hid_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "vcpu.json"
    run("convert", N2_612, "-o", str(path))
    # Without the host's raw registers nobody can know CCIDX: 6.12 hid it.
    dump = json.loads(path.read_text("utf-8"))
    del dump["host"]
    path.write_text(json.dumps(dump), encoding="utf-8")
    (register,) = run("expose", str(path), "ID_AA64MMFR2_EL1", "--kernel", "6.1", "--json").json["registers"]
    (ccidx,) = [field for field in register["fields"] if field["name"] == "CCIDX"]
    assert ccidx["exposed"] is None
    assert ccidx["state"] == "unknown"
    assert "?" in run("expose", str(path), "ID_AA64MMFR2_EL1", "--kernel", "6.1").out


def test_write_by_value_and_by_field() -> None:
    done = run("write", N2_61, "ID_AA64MMFR2_EL1.CCIDX=1", "aa64pfr0.CSV3=0", "--kernel", "6.12", "--json")
    refused, accepted = done.json["writes"]
    assert done.code == 1
    assert (refused["errno"], refused["errno_name"]) == (22, "EINVAL")
    assert refused["would_pass"] == "0x1221011112001011"
    assert accepted["errno"] == 0
    passing = run("write", N2_61, f"ID_AA64MMFR2_EL1={refused['would_pass']}", "--kernel", "6.12")
    assert passing.code == 0


def test_write_after_the_run_is_busy() -> None:
    done = run("write", N2_61, "ID_AA64ISAR0_EL1.AES=0", "--kernel", "6.12", "--ran", "--json")
    assert done.json["writes"][0]["errno_name"] == "EBUSY"


@pytest.mark.parametrize("kernel", ["6.12.107+deb13-cloud-arm64", "6.1.0-50-cloud-arm64 #1 SMP Debian 6.1.176-1"])
def test_a_release_string_chooses_a_policy(kernel: str) -> None:
    answer = run("kernels", kernel, "--json").json
    assert answer["certainty"] == "exact"
    assert answer["point"] in ("6.12.107", "6.1.176")


def test_a_release_that_hides_its_point_names_what_is_uncertain() -> None:
    answer = run("kernels", "6.1.0-50-cloud-arm64", "--json").json
    assert answer["certainty"] == "between"
    assert any(doubt["when"] == "since 6.1.149" for doubt in answer["uncertain"])


def test_kernels_of_a_vendors_release_says_whose_and_how_sure() -> None:
    done = run("kernels", "5.14.0-427.13.1.el9_4.aarch64", "--json").json
    assert (done["vendor"].split()[0], done["series"], done["certainty"]) == ("Red", "5.14", "interval")
    assert done["candidates"][0] == "6.5.0"
    assert all(doubt["places"] for doubt in done["uncertain"])
    out = run("kernels", "5.14.0-427.13.1.el9_4.aarch64").out
    assert "may be as  6.5.0, 6.6.0" in out
    assert "it may be any of several releases" in out


def test_kernels_with_a_register_says_whether_a_doubt_concerns_it() -> None:
    release = "5.14.0-427.13.1.el9_4.aarch64"
    out = run("kernels", release, "--register", "PMCR_EL0").out
    assert "uncertain at this release, for PMCR_EL0" in out
    assert "from 6.5.0" not in out
    assert "concerns CNTFRQ_EL0" in run("kernels", release, "--register", "CNTFRQ_EL0").out
    assert "No rule is uncertain" in run("kernels", "6.12.107", "--register", "PMCR_EL0").out
    assert {d["rule"] for d in run("kernels", release, "--register", "PMCR_EL0", "--json").json["uncertain"]} == {
        "pmcr"
    }


def test_the_date_of_a_backport_stands_beside_its_rule() -> None:
    out = run("kernels", "6.6.70", "--rules").out
    assert "hide MPAM (since 6.6.67)" in out
    assert "announcement of Linux 6.6.67" in out
    assert "hide MPAM (since 6.6.67)" in run("kernels", "6.6.70").out
    for style in ([], ["--rules"]):
        assert "hide MPAM" not in run("kernels", "6.6.66", *style).out


@pytest.mark.parametrize(
    "release",
    ["5.10", "6.6.70", "6.2+mask-ccidx", "5.14.0-503.el9.aarch64", "6.1.0-50-cloud-arm64", "6.6.50-android15-8"],
)
def test_a_kernel_is_told_in_ten_lines_and_its_rules_on_demand(release: str) -> None:
    brief, full = run("kernels", release).out.splitlines(), run("kernels", release, "--rules").out.splitlines()
    assert len(brief) <= 10
    assert brief[0] == full[0] and "policy" in brief[0]
    assert any("--rules" in line for line in brief)
    assert len(full) > 60 and any(line.startswith("from ") for line in full)
    doubts = run("kernels", release, "--json").json["uncertain"]
    assert any(line.startswith("  uncertain ") for line in brief) == bool(doubts)


def test_expose_says_a_sentence_once_and_begins_with_a_summary() -> None:
    """Fault 34 of the review."""
    out = run("expose", "builtin:max-linux-6.12", "--kernel", "7.3").out
    sentence = "CLIDR_EL1 and 14 CCSIDR_EL1 are made up from the host's CTR_EL0"
    assert out.count(sentence) == 1
    assert out.count("This kernel's feature table does not know the field.") == 1
    assert "\nCCSIDR[3..13]  host 0x0000_0000_0000_0000  exposed 0x00000002\n" in out, "alike ones are one entry"
    registers = run("expose", "builtin:max-linux-6.12", "--kernel", "7.3", "--json").json["registers"]
    changed = [one for one in registers if any(field["state"] != "same" for field in one["fields"])]
    assert f"\n{len(changed)} of {len(registers)} registers change (fields: " in out
    # A register that is asked for alone has its reason.
    assert sentence in run("expose", "builtin:max-linux-6.12", "CCSIDR[5]", "--kernel", "7.3").out


def test_registers_that_do_not_follow_each_other_are_named_one_by_one() -> None:
    out = run("expose", "builtin:max-linux-6.12", "CCSIDR[3]", "CCSIDR[5]", "--kernel", "7.3").out
    assert "\nCCSIDR[3], CCSIDR[5]  host" in out


def test_a_release_that_is_none_is_one_line() -> None:
    for text in ("6.", "v6.6", "6.2+nope", "\x1b[31m", "6.6.87-" + "a" * 1000):
        assert_one_line_error(run("kernels", text))
        assert_one_line_error(run("expose", N2_61, "--kernel", text))


def test_kernels_lists_policies_with_evidence_and_compares_two() -> None:
    listed = run("kernels", "--json").json
    assert {"recorded", "source"} <= {entry["evidence"] for entry in listed["kernels"]}
    changes = run("kernels", "6.2", "6.3", "--json").json["changes"]
    assert any(c["register"] == "ID_AA64MMFR2_EL1" and c["field"] == "CCIDX" for c in changes)
    assert run("kernels", "6.12", "6.12").out.startswith("Linux 6.12")


def test_a_policy_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "amazon.toml"
    path.write_text(
        'extends = "6.1"\n[[rule]]\nkind = "hide"\nname = "backport"\n'
        'fields = ["ID_AA64MMFR2_EL1.CCIDX", "ID_MMFR4_EL1.CCIDX"]\n',
        encoding="utf-8",
    )
    done = run("write", N2_61, "ID_AA64MMFR2_EL1.CCIDX=1", "--kernel", str(path), "--json")
    assert done.json["writes"][0]["errno_name"] == "EINVAL"
    path.write_text('extends = "6.1"\n[[rule]]\nkind = "hade"\n', encoding="utf-8")
    done = run("kernels", str(path))
    assert_one_line_error(done)
    assert "hide" in done.err


def test_migrate_names_the_two_registers_first() -> None:
    done = run("migrate", N2_61, N2_612, "--json")
    answer = done.json
    assert done.code == 1
    assert answer["verdict"] == "fails"
    refused = {f["name"] for f in answer["vcpus"][0]["findings"] if f["kind"] == "refused"}
    assert refused == {"ID_MMFR4_EL1", "ID_AA64MMFR2_EL1"}


def test_migrate_to_the_same_host_and_to_all_kernels() -> None:
    assert run("migrate", N2_61, "same-host", "--kernel", "6.1").code == 0
    assert run("migrate", N2_61, "same-host", "--kernel", "6.12").code == 1
    assert run("migrate", N2_61, "same-host", "--kernel", "6.12+mask-ccidx-tolerant").code == 0
    matrix = run("migrate", N2_61, "all-kernels")
    assert "6.12" in matrix.out


def test_fix_a_shipped_dump(tmp_path: Path) -> None:
    source, out = tmp_path / "saved.json", tmp_path / "fixed.json"
    run("convert", N2_61, "-o", str(source))
    original = source.read_bytes()
    assert run("fix", str(source), N2_612, "-o", str(out)).code == 0
    assert source.read_bytes() == original
    assert run("migrate", str(out), N2_612).code == 0
    assert_one_line_error(run("fix", str(source), N2_612, "-o", str(out)))


def test_explain_reads_standard_texts(tmp_path: Path) -> None:
    path = tmp_path / "error.txt"
    path.write_text(
        "kvm: Could not set register system register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112101011 "
        "(is 1221011112001011)\n",
        encoding="utf-8",
    )
    done = run("explain", str(path))
    assert "CCIDX" in done.out
    path.write_text("a fine day\n", encoding="utf-8")
    assert run("explain", str(path)).code == 1


def test_predict_and_verify_a_recording(tmp_path: Path) -> None:
    recording = material("answers", "linux-5.10-cortex-a72.jsonl.xz")
    out = tmp_path / "predicted.jsonl"
    assert run("predict", str(recording), "-o", str(out)).code == 0
    done = run("verify", str(out), "--json")
    assert done.code == 0
    (answer,) = done.json["recordings"]
    assert answer["compared"] == answer["agreed"] > 1_000


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_help_is_filled_to_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is longer, no word is broken: a terminal would break it anywhere."""
    monkeypatch.setenv("COLUMNS", "1000")
    texts = [[], *([name] for name in COMMANDS)]
    words = [set(run(*text, "--help").out.split()) for text in texts]
    monkeypatch.setenv("COLUMNS", str(columns))
    for text, whole in zip(texts, words, strict=True):
        shown = run(*text, "--help").out
        assert max(map(len, shown.split("\n"))) <= columns, text
        assert set(shown.split()) == whole, text


@pytest.mark.parametrize(("columns", "column"), [(40, 6), (60, 28), (80, 28), (120, 28)])
def test_the_formats_in_the_help_of_fix_stay_a_list(
    columns: int, column: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """What each one means stays beside or under it, and the paragraph behind the list is none of its lines."""
    monkeypatch.setenv("COLUMNS", str(columns))
    _, _, listed = run("fix", "--help").out.partition("What can be written:\n")
    lines, _, behind = listed.partition("\n\n")
    starts = {len(line) - len(line.lstrip(" ")) for line in lines.split("\n")}
    assert starts == {2, column} and behind.startswith("Of a snapshot's folder")
    terms = [line.split("  ")[1] for line in lines.split("\n") if line[2] != " "]
    if column > 6:
        assert len(terms) == 8 and "Cloud Hypervisor" in terms


@pytest.mark.parametrize("columns", ["0", "1", "2", "11", "19", "9" * 5000, "-5", "wide", "\u00b2"])
def test_help_has_room_for_a_word_whatever_the_environment_says(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for name in ([], ["migrate"]):
        done = run(*name, "--help")
        assert done.code == 0 and "usage" in done.out, done.err


def test_version_and_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert run("--version").out.startswith("vcpu-inspector 0.")
    overview = run("--help").out
    for name in COMMANDS:
        done = run(name, "--help")
        assert done.code == 0
        assert "usage" in done.out
        assert len(summary(name)) <= 72 and f"\n{summary(name)}." in done.out
        assert re.search(rf"^  {name} +{re.escape(summary(name))}$", overview, re.M)


def test_the_guest_reads_no_zero_of_a_register_that_nothing_is_known_of() -> None:
    source = str(material("pasted/28-cix-cache-regs.txt"))
    done = run("expose", source, "MIDR_EL1", "--kernel", "6.2")
    assert "exposed ?" in done.out
    assert "guest reads" not in done.out
    (register,) = run("expose", source, "MIDR_EL1", "--kernel", "6.2", "--json").json["registers"]
    assert register["guest"] is None


CPUINFO = (
    "processor\t: 0\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc"
    " dcpop asimddp ssbs\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n"
    "CPU revision\t: 1\n"
)
"""A Neoverse N1 as Linux shows it to every process: much of the host stays unknown."""


def test_expose_marks_registers_of_which_it_is_not_known_whether_kvm_lists_them(tmp_path: Path) -> None:
    source = tmp_path / "cpuinfo"
    source.write_text(CPUINFO, encoding="utf-8")
    told = {one["name"]: one for one in run("expose", str(source), "--kernel", "6.12", "--json").json["registers"]}
    for name, word in (("Z0", "with SVE"), ("V0", "without SVE"), ("PMCCNTR_EL0", "a vPMU"), ("POR_EL1", "S1POE")):
        assert told[name]["listed"] is None and told[name]["exposed"] is None
        (whole,) = told[name]["fields"]
        assert whole["state"] == "unknown" and word in whole["depends_on"]
    assert told["ID_AA64PFR0_EL1"]["listed"] is True
    out = run("expose", str(source), "--kernel", "6.12").out
    assert out.count("listed only with SVE, and whether that holds is not known of this host") == 1
    assert "as for SVE_VLS" in out
    # What is given settles it.
    given = run("expose", str(source), "Z0", "V0", "--kernel", "6.12", "--host", "ID_AA64PFR0_EL1.SVE=1", "--json").json
    assert [one["listed"] for one in given["registers"]] == [True, False]


def test_expose_tells_in_json_what_it_takes_for_granted(tmp_path: Path) -> None:
    source = tmp_path / "cpuinfo"
    source.write_text(CPUINFO, encoding="utf-8")
    answer = run("expose", str(source), "--kernel", "6.12", "--json").json
    assert any("a vCPU with that is shown, as QEMU would ask for it" in note for note in answer["notes"])
    assert any("a vGICv3 is assumed" in note for note in answer["notes"])
    facts = {one["name"]: (one["value"], one["origin"]) for one in answer["host_facts"]}
    assert facts["spectre-v2"] == facts["vgic"] == ("?", "not known")
    assert facts["page-size"] == ("?", "not known")
    known = run("expose", str(source), "--kernel", "6.12", "--host", "spectre-v2=unaffected", "--json").json
    assert ("spectre-v2", "given") in [(one["name"], one["origin"]) for one in known["host_facts"]]


def test_mitigations_of_a_core_whose_deciding_fields_are_unknown_are_unknown(tmp_path: Path) -> None:
    """A Neoverse N1 is not affected by Spectre v2 by its CSV2, which no process sees: 0 would be wrong."""
    source = tmp_path / "cpuinfo"
    source.write_text(CPUINFO, encoding="utf-8")
    names = ("SMCCC_ARCH_WORKAROUND_1", "SMCCC_ARCH_WORKAROUND_3")
    told = run("expose", str(source), *names, "--kernel", "6.12", "--json").json["registers"]
    assert all(int(one["known"], 16) & 3 != 3 for one in told)
    told = run("expose", str(source), *names, "--kernel", "6.12", "--assume", "core", "--json").json["registers"]
    assert int(told[0]["exposed"], 16) == 2


def test_fault_39_a_field_that_is_not_writable_has_no_word_of_the_code_behind_it() -> None:
    answer = run("write", "builtin:neoverse-n2-linux-6.12", "ID_AA64MMFR2_EL1=0x1221011112101010", "--kernel", "6.12")
    rows = [row.split() for row in answer.out.splitlines() if row.startswith("  [")]
    told = {row[1]: " ".join(row) for row in rows}
    assert "not writable ✖" in told["CCIDX"] and "equal" not in told["CCIDX"]
    assert "writable, safe value: lower" in told["CnP"]


def test_help_lists_every_vcpu_feature_that_is_taken() -> None:
    refused = run("expose", "builtin:neoverse-n2-linux-6.1", "--features", "bogus")
    words = refused.err.strip().rpartition("one of: ")[2].split(", ")
    told = " ".join(run("expose", "--help").out.split()).partition("--features LIST vCPU")[2].partition("--gic {")[0]
    assert len(words) > 8 and not [word for word in words if word not in told]
