"""show, decode, list, caches and convert, on the shipped dumps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector import sources
from inspector.registers.reading import read
from tests.commands.running import assert_one_line_error, run

N2 = "builtin:neoverse-n2-linux-6.1"


def test_show_json_has_the_documented_keys() -> None:
    answer = run("show", N2, "ID_AA64PFR0_EL1", "--json").json
    (vcpu,) = answer["vcpus"]
    (register,) = vcpu["registers"]
    assert register["id"] == "0x603000000013c020"
    assert register["name"] == "ID_AA64PFR0_EL1"
    assert register["size"] == 8
    assert register["value"] == "0x1101001121110112"
    assert register["fields"][0] == {
        "name": "CSV3",
        "msb": 63,
        "lsb": 60,
        "value": 1,
        "meaning": register["fields"][0]["meaning"],
    }
    assert "FEAT_CSV3" in register["fields"][0]["meaning"]
    assert answer["source"]["kernel"] == "6.1.0-50-cloud-arm64"


def test_show_json_without_registers_shows_every_value_of_the_dump() -> None:
    answer = run("show", N2, "--json", "--secrets").json
    dump = sources.load(N2)
    (vcpu,) = answer["vcpus"]
    shown = {int(r["id"], 16): int(r["value"], 16) for r in vcpu["registers"] if r["value"] is not None}
    assert shown == dict(dump.vcpus[0].values)


def test_fields_of_every_register_rebuild_its_value() -> None:
    """Shown fields and hidden reserved bits together are the value: nothing is dropped."""
    for register in run("show", N2, "--json").json["vcpus"][0]["registers"]:
        if not register["fields"] or register["value"] is None:
            continue
        value = int(register["value"], 16)
        rebuilt = sum(int(str(field["value"]), 0) << field["lsb"] for field in register["fields"])
        schema = read(int(register["id"], 16), value).schema
        ones = sum(span.mask for span in schema.spans if span.kind == "res1") if schema else 0
        assert rebuilt | ones & value == value == rebuilt | ones, register["name"]


def test_one_field() -> None:
    done = run("show", N2, "ID_AA64MMFR2_EL1.CCIDX", "--json")
    (field,) = done.json["vcpus"][0]["registers"][0]["fields"]
    assert (field["name"], field["value"]) == ("CCIDX", 1)


def test_a_register_that_the_dump_lacks_is_answer_no() -> None:
    done = run("show", N2, "VPIDR_EL2")
    assert done.code == 1
    assert "VPIDR_EL2" in done.err


@pytest.mark.parametrize("name", ["timer", "Timers", "TIMERS "])
def test_a_group_goes_by_key_or_title(name: str) -> None:
    assert run("show", N2, "--group", name).out == run("show", N2, "--group", "timer").out


def test_group_and_markdown() -> None:
    done = run("show", N2, "--group", "cache", "--markdown")
    assert done.code == 0
    assert "CLIDR_EL1" in done.out
    assert "SCTLR_EL1" not in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "no-such-file"),
        ("show", "builtin:no-such-dump"),
        ("show", N2, "NO_SUCH_REGISTER"),
        ("show", N2, "--group", "nothing"),
        ("show", N2, "--vcpu", "9"),
        ("show",),
        ("show", "/"),
        ("decode", "CTR_EL0", "0x1_0000_0000_0000_0000_0"),
        ("decode", "CTR_EL0", "zz"),
        ("decode", "ID_AA64MMFR2_EL1.CCIDX", "16"),
        ("convert", N2),
        ("convert", N2, "-o", "/no/such/folder/file"),
        ("expose", N2, "--kernel", "2.6"),
        ("expose", N2, "--kernel", "6.12", "--features", "wings"),
        ("write", N2, "CTR_EL0", "--kernel", "6.12"),
        ("write", N2, "CTR_EL0=horse", "--kernel", "6.12"),
        ("kernels", "6.1", "6.12", "6.18"),
        ("kernels", "6.1+no-such-patch"),
        ("migrate", N2, "same-host"),
        ("migrate", N2, N2, "--vmm", "bochs"),
        ("compare",),
        ("compare", "--qemu", N2),
        ("verify", "no-such-file"),
        ("verify", N2),
        ("explain", "no-such-file"),
        ("live", "ssh://-oProxyCommand=x"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    assert_one_line_error(run(*arguments))


def test_escape_sequences_of_a_file_never_reach_the_terminal(tmp_path: Path) -> None:
    hostile = tmp_path / "dump.txt"
    hostile.write_text("ID_AA64PFR0_EL1=0x1\x1b[31m\n", encoding="utf-8")
    done = run("show", str(hostile))
    assert "\x1b" not in done.out + done.err
    named = tmp_path / "\x1b[2Jx"
    named.write_text("CTR_EL0=0xb444c004\n", encoding="utf-8")
    done = run("show", str(named))
    assert "\x1b" not in done.out + done.err


def test_decode_prints_both_layouts_of_a_ccsidr() -> None:
    done = run("decode", "CCSIDR_EL1", "0xff0000001a")
    assert "256 sets" in done.out
    assert "32-bit layout" in done.out


def test_list_names_every_shipped_dump() -> None:
    names = {entry["name"] for entry in run("list", "--json").json}
    assert names == {f"builtin:{name}" for name in sources.shipped_names()}
    assert all(name in run("list").out for name in names)


def test_convert_round_trip(tmp_path: Path) -> None:
    out = tmp_path / "copy.json"
    assert run("convert", N2, "-o", str(out), "--secrets").code == 0
    before, after = sources.load(N2), sources.load(str(out))
    assert after.vcpus == before.vcpus
    assert after.host == before.host
    assert_one_line_error(run("convert", str(out), "-o", str(out)))


def test_caches_tell_what_is_lost() -> None:
    answer = run("caches", N2, "--json").json
    caches = answer["vcpus"][0]["caches"]
    assert {cache["csselr"] for cache in caches} == {0, 1, 2}
    assert all(cache["lost"] and cache["sets"] is None for cache in caches)
    host = {cache["csselr"]: cache["sets"] for cache in answer["host"]["caches"]}
    assert host == {0: 256, 1: 256, 2: 1024}


def test_caches_of_a_dump_without_cache_registers(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    path.write_text("ID_AA64PFR0_EL1=0x1\n", encoding="utf-8")
    assert_one_line_error(run("caches", str(path)))


def test_decode_takes_a_negative_number_for_a_signed_field_only() -> None:
    """E2H0 is signed in the architecture: -2 is 0b1110."""
    assert run("decode", "ID_AA64MMFR4_EL1.E2H0", "-2", "--json").json["fields"][0]["value"] == 14
    for field, value in (("ID_AA64MMFR4_EL1.E2H0", "-9"), ("aa64pfr0.mpam", "-1"), ("aa64pfr0.mpam", "16")):
        done = run("decode", field, value)
        assert_one_line_error(done)
        assert "the field has 4 bits" in done.err


def test_context_breakpoints_are_not_just_breakpoints() -> None:
    """Both counts of ID_AA64DFR0_EL1 stand side by side and must not read the same."""
    fields = {f["name"]: f["meaning"] for f in run("decode", "aa64dfr0", "0x10305106", "--json").json["fields"]}
    assert fields["CTX_CMPs"] == "2 context-aware breakpoints"
    assert fields["BRPs"] == "6 breakpoints"


def test_what_a_source_knows_in_part_has_question_marks_and_a_known_mask(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("Features : fp asimd atomics\nCPU implementer : 0x41\nCPU part : 0xd05\n")
    shown = run("show", str(path), "ID_AA64ISAR0_EL1")
    assert "ID_AA64ISAR0_EL1  0x????_????_" in shown.out and "are known:" in shown.out
    (register,) = json.loads(run("show", str(path), "ID_AA64ISAR0_EL1", "--json").out)["vcpus"][0]["registers"]
    known, value = int(register["known"], 16), int(register["value"], 16)
    # `atomics` is 2 (FEAT_LSE) or 3 (FEAT_LSE128): the lowest bit stays unknown.
    assert value & ~known == 0 and known >> 20 & 0xF == 0xE and value >> 20 & 0xF == 2 and "mask" not in register


def test_a_letter_in_place_of_a_digit_is_suggested_first() -> None:
    """Fault 37 of the review."""
    for typed, meant in (("ID_AA64PFRO_EL1", "ID_AA64PFR0_EL1"), ("ID_AA64MMFRl", "ID_AA64MMFR1_EL1")):
        assert f"did you mean {meant}, " in run("decode", typed, "1").err


def test_notes_are_about_the_registers_that_are_shown() -> None:
    """Fault 37 of the review: standard error told of 82 wide registers on every call."""
    source = "builtin:neoverse-n2-linux-6.1"
    assert run("show", source, "CTR_EL0").err == ""
    assert "withheld" in run("show", source, "X0").err
    whole = run("show", source).err
    assert "withheld" in whole and "wider than 64 bits" in whole


@pytest.mark.parametrize("before", [("--color", "never"), ("--color=never", "--limit", "2")], ids=" ".join)
def test_options_of_every_command_may_stand_before_it(before: tuple[str, ...]) -> None:
    source = "builtin:neoverse-n2-linux-6.1"
    done = run(*before, "show", source, "aa64pfr0")
    assert done.code == 0 and done.out == run("show", source, "aa64pfr0").out
    assert "usage" in run(*before, "help", "show").out
    late = run(*before, "show", source, "aa64pfr0", "--json")
    assert late.out.startswith(("{", "["))


def test_a_dump_without_a_vcpu_shows_its_host_or_says_that_there_is_none(tmp_path: Path) -> None:
    """It printed an empty line, and ended as if that were an answer."""
    done = run("show", "builtin:cix-cd8180-host")
    assert done.code == 0 and "host registers" in done.out and "CLIDR_EL1" in done.out
    assert run("show", "builtin:cix-cd8180-host", "--vcpu", "host").out == done.out
    empty = tmp_path / "empty.json"
    empty.write_text('{"format": "vcpu-inspector-dump", "version": 1, "vcpus": []}', encoding="utf-8")
    for form in ((), ("--json",)):
        nothing = run("show", str(empty), *form)
        assert nothing.code == 1 and "no vCPU in" in nothing.err and ("\n\n" not in nothing.out)


def test_a_register_has_one_heading_however_many_of_its_fields_are_asked_for() -> None:
    source = "builtin:neoverse-n2-linux-6.1"
    done = run("show", source, "FEAT_PAuth")
    assert "2 registers" in done.out and done.out.count("ID_AA64ISAR1_EL1  0x") == 1
    assert run("show", source, "FEAT_PAuth", "--markdown").out.count("### ") == 2
    (vcpu,) = json.loads(run("show", source, "FEAT_PAuth", "--json").out)["vcpus"]
    assert [[f["name"] for f in one["fields"]] for one in vcpu["registers"]] == [["API", "APA"], ["APA3"]]
    whole = run("show", source, "ID_AA64ISAR1_EL1.DPB", "ID_AA64ISAR1_EL1").out
    assert whole == run("show", source, "ID_AA64ISAR1_EL1").out


def test_fault_8_the_host_s_values_are_shown_where_the_screens_show_them() -> None:
    shown = run("show", "builtin:max-linux-6.12", "--vcpu", "host", "ID_AA64PFR0_EL1")
    assert shown.code == 0 and "host registers" in shown.out
    assert shown.out != run("show", "builtin:max-linux-6.12", "ID_AA64PFR0_EL1").out


def test_fault_37_a_release_with_a_letter_behind_it_is_not_taken_silently() -> None:
    assert_one_line_error(run("expose", "builtin:max-linux-6.12", "MIDR_EL1", "--kernel", "6.12x"))


def test_fault_33_the_reading_that_does_not_apply_is_called_so() -> None:
    told = " ".join(run("caches", "builtin:neoverse-n2-linux-6.1").out.split())
    assert told.count("as 32-bit, does not apply as 64-bit (FEAT_CCIDX), which applies") == 2
    told = run("caches", "builtin:cortex-a72-linux-6.12").out
    assert "as 32-bit, which applies" in told and "as 64-bit (FEAT_CCIDX), does not apply" in told


TWO = """vcpu 0:
CLIDR_EL1 0x3000123
CTR_EL0 0xb444c004
vcpu 1:
CLIDR_EL1 0x1000004
CTR_EL0 0xb444c004
"""


def test_caches_tells_which_vcpus_differ(tmp_path: Path) -> None:
    """Users' case 8: in every form, as the screens do."""
    file = tmp_path / "two.txt"
    file.write_text(TWO)
    said = "CLIDR_EL1 differs between the vCPUs: vCPU 0: 0x3000123, vCPU 1: 0x1000004; Linux 6.3 to 6.9 reset it"
    assert run("caches", str(file)).out.splitlines()[-1].startswith(said)
    assert run("caches", str(file), "--markdown").out.splitlines()[-1].startswith(said)
    (unlike,) = run("caches", str(file), "--json").json["differs"]
    assert unlike["id"] == "0x603000000013c801" and unlike["text"].startswith(said)
    assert "differs" not in run("caches", str(file), "--vcpu", "1").out


def test_caches_of_a_host_without_cache_registers(tmp_path: Path) -> None:
    file = tmp_path / "host.txt"
    file.write_text("# host\nMIDR_EL1 0x410fd0c1\n")
    assert_one_line_error(run("caches", str(file)))
    file.write_text("# host\nCTR_EL0 0xb444c004\n")
    assert "LoC" not in run("caches", str(file)).out


def test_explain_takes_a_text_that_is_too_long_for_a_name() -> None:
    """One line of 280 letters: no file can have that name, and asking for it raises."""
    text = (
        "Failed to restore the state of the vcpu: Failed to set register 6944550625406746623: Operation not permitted"
    )
    done = run("explain", f"Load snapshot error: {'Failed to restore from snapshot: ' * 7}{text}")
    assert done.code == 0 and "SVE_VLS" in done.out


def _cpu(number: int, midr: int, *words: int) -> str:
    """A CPU's registers as kernel modules and bootloaders list them: CSSELR_EL1 selects what CCSIDR_EL1 tells."""
    heads = f"CPU {number}:\nMIDR_EL1={midr:#x}\nCLIDR_EL1=0xa200023\nCTR_EL0=0x84448004\n"
    return heads + "".join(f"CSSELR_EL1={n:#x}\nCCSIDR_EL1={word:#x}\n" for n, word in enumerate(words))


_NARROW = ((0x700FE01A, 0x200FE01A, 0x703FE07A), (0x701FE00A, 0x201FE012, 0x70FFE07A))
_WIDE = ((0x7F0000001A, 0x7F0000001A, 0x1FF0000007A), (0xFF0000001A, 0xFF0000001A, 0x3FF0000007A))


@pytest.mark.parametrize("words", [_NARROW, _WIDE], ids=["32-bit", "64-bit"])
def test_the_caches_of_each_kind_of_cpu_are_kept(tmp_path: Path, words: tuple[tuple[int, ...], ...]) -> None:
    """big.LITTLE: each cluster has its own, in every command and through the own format."""
    file, copy = tmp_path / "two.txt", tmp_path / "two.json"
    midrs = (0x410FD034, 0x410FD034, 0x410FD083, 0x410FD083)
    file.write_text("# host\n" + "".join(_cpu(n, midr, *words[n // 2]) for n, midr in enumerate(midrs)))
    assert run("convert", str(file), "-o", str(copy)).code == 0
    for source in map(str, (file, copy)):
        told = run("caches", source).out
        assert "host registers of CPUs 0, 1 of" in told and "host registers of CPUs 2, 3 of" in told
        assert "no CCSIDR" not in told
        shapes = run("caches", source, "--json").json["vcpus"]
        assert [[one["value"] for one in kind["caches"]] for kind in shapes] == [
            [f"0x{own[n]:0{16 if words is _WIDE else 8}x}" for n in (1, 0, 2)] for own in words
        ]
        (big,) = run("caches", source, "--vcpu", "1", "--json").json["vcpus"]
        assert {one["sets"] for one in big["caches"]} == ({256, 1024} if words is _WIDE else {256, 2048})
        differing = run("compare", source, "--json").json["registers"]
        assert {"CCSIDR[0]", "CCSIDR[1]", "CCSIDR[2]"} <= {one["name"] for one in differing}
        kinds = run("show", source, "CCSIDR[2]", "--json").json["vcpus"]
        assert [int(kind["registers"][0]["value"], 16) for kind in kinds] == [own[2] for own in words]


def test_a_process_reads_no_ccsidr(tmp_path: Path) -> None:
    file = tmp_path / "el0.txt"
    file.write_text(_cpu(0, 0x410FD034, *_NARROW[0]) + _cpu(1, 0x410FD083, *_NARROW[1]))
    assert "CCSIDR" not in run("show", str(file), "--as", "el0").out
