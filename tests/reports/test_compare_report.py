"""Comparisons and baselines as text, JSON and Markdown."""

from __future__ import annotations

import itertools
import json

from inspector.checks.baseline.baseline import baseline
from inspector.checks.compare.compare import compare
from inspector.registers.encoding import sysreg_id
from inspector.reports.baseline import baseline_json, baseline_markdown, baseline_text
from inspector.reports.compare import comparison_json, comparison_markdown, comparison_text
from inspector.reports.json import dumps
from inspector.sources import load
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.untrusted import Untrusted
from tests.checks.material import compare_files

PAIR = ["builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"]
HOSTILE = "\x1b[31m|evil`\n"


def test_text_of_two_kernels() -> None:
    shown = comparison_text(compare_files(PAIR))
    assert "only in B: TCR2_EL1, PIRE0_EL1, PIR_EL1: listed only when the vCPU has FEAT_TCR2 / FEAT_S1PIE" in shown
    assert "CCIDX [23:20]  A  0x1" in shown
    assert "hidden since Linux 6.3" in shown
    assert "11 missing in A" in shown


def test_json_of_two_kernels() -> None:
    answer = json.loads(dumps(comparison_json(compare_files(PAIR))))
    mmfr2 = next(r for r in answer["registers"] if r["name"] == "ID_AA64MMFR2_EL1")
    assert mmfr2["values"] == {"A": "0x1221011112101011", "B": "0x1221011112001011"}
    assert mmfr2["fields"][0]["values"] == {"A": 1, "B": 0}
    assert answer["lists"][0]["missing_in"] == ["A"]
    assert answer["same"] is False


def test_state_is_told_in_one_line_unless_asked_for() -> None:
    answer = compare_files(PAIR)
    assert "Guest state: 2 registers differ: CNTVCT_EL0, PMCR_EL0." in comparison_text(answer)
    assert "  PMCR_EL0\n" in comparison_text(answer, every=True)


def test_equal_dumps_say_so() -> None:
    assert comparison_text(compare_files([PAIR[0], PAIR[0]])).startswith("Equal in all registers: 2 dumps")


def test_one_dump_is_not_called_equal() -> None:
    assert comparison_text(compare_files(PAIR[:1])).startswith("Nothing to compare with: 1 dump, ")
    vcpus = tuple(Vcpu(index=n, values={sysreg_id(3, 0, 0, 4, 0): 1}) for n in range(2))
    alone = Dump(provenance=Provenance(source="host"), vcpus=vcpus)
    assert comparison_text(compare([alone])).startswith("Equal in all registers: 1 dump")


def test_fleet() -> None:
    reg = sysreg_id(3, 0, 0, 4, 0)
    dumps_ = [
        Dump(provenance=Provenance(source=f"host{n}"), vcpus=(Vcpu(index=0, values={reg: n % 3, 5 << 60: n}),))
        for n in range(30)
    ]
    shown = comparison_text(compare(dumps_))
    assert "30 dumps in 3 groups" in shown
    assert "A  10 x host0" in shown
    assert "and 24 more groups" not in shown


def test_names_from_files_reach_no_terminal_raw() -> None:
    reg = sysreg_id(3, 0, 0, 4, 0)
    pair = [
        Dump(provenance=Provenance(source=HOSTILE, kernel=Untrusted(HOSTILE)), vcpus=(Vcpu(index=0, values={reg: n}),))
        for n in (1, 2)
    ]
    answer = compare(pair)
    for text in (comparison_text(answer), comparison_markdown(answer)):
        assert "\x1b" not in text
    nameless = [Dump(provenance=Provenance(source=HOSTILE), vcpus=d.vcpus) for d in pair]
    level = baseline(nameless)
    for text in (baseline_text(level), baseline_markdown(level)):
        assert "\x1b" not in text


def test_markdown_tables_have_one_width() -> None:
    for text in (comparison_markdown(compare_files(PAIR)), baseline_markdown(baseline([load(p) for p in PAIR]))):
        rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
        for above, below in itertools.pairwise(rows):
            assert above.count("|") == below.count("|") or not below.startswith("|--")


def test_baseline_text_and_json() -> None:
    answer = baseline([load(p) for p in PAIR])
    shown = baseline_text(answer)
    assert "2 hosts cannot be levelled completely" in shown
    assert "ID_AA64DFR0_EL1.DebugVer  0x6, 0x9  -> 0x6  since 6.7" in shown
    assert "ID_AA64MMFR2_EL1.CCIDX" in shown
    assert "SYSREG_ID_AA64DFR0_EL1_PMUVer=5" in shown
    parsed = json.loads(dumps(baseline_json(answer)))
    assert parsed["level"] is False
    assert parsed["needs_kernel"] == "6.7"
    assert {m["addr"] for m in parsed["template"]["reg_modifiers"]} >= {"0x603000000013c028", "0x6020000000110000"}


def test_level_hosts_say_that_nothing_is_needed() -> None:
    shown = baseline_text(baseline([load(PAIR[0]), load(PAIR[0])]))
    assert shown.startswith("2 hosts are alike")
