"""Comparison of two and of many dumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.checks.compare.compare import MAX_COLUMNS, column_name, compare, compare_paths
from inspector.errors import InspectorError
from inspector.registers.encoding import ccsidr_id, firmware_id, hex_id, sysreg_id
from inspector.sources import load
from inspector.sources.dump import Constraint, Dump, Provenance, Vcpu
from tests.checks.material import pmu_ids

PFR0 = sysreg_id(3, 0, 0, 4, 0)
MMFR2 = sysreg_id(3, 0, 0, 7, 2)
MPIDR = sysreg_id(3, 0, 0, 0, 5)
TPIDR = sysreg_id(3, 3, 13, 0, 2)
BASE = {PFR0: 0x1101000021111112, MMFR2: 0x1221011112001011, TPIDR: 7, firmware_id(0): 0x10001}


def dump(name: str, values: dict[int, int] | None = None, vcpus: tuple[Vcpu, ...] | None = None) -> Dump:
    """A dump of `vcpus`, or of one vCPU with BASE and `values` over it."""
    vcpu = Vcpu(index=0, values=BASE | (values or {}))
    return Dump(provenance=Provenance(source=name), vcpus=(vcpu,) if vcpus is None else vcpus)


def test_equal_dumps() -> None:
    answer = compare([dump("a"), dump("b")])
    assert answer.same
    assert answer.exit_code == 0
    assert answer.equal == len(BASE)
    assert [len(c.subjects) for c in answer.columns] == [2]


def test_values_field_by_field_only_where_they_differ() -> None:
    answer = compare([dump("a", {MMFR2: BASE[MMFR2] | 1 << 20}), dump("b", {TPIDR: 8})])
    (features,) = answer.feature_registers
    assert features.id == MMFR2
    assert [(f.name, f.values) for f in features.fields] == [("CCIDX", (1, 0))]
    assert "6.3" in features.fields[0].history
    (state,) = answer.state_registers
    assert (state.id, state.values) == (TPIDR, (7, 8))
    assert answer.exit_code == 1


def test_list_difference_is_one_cause() -> None:
    pmu = dict.fromkeys(pmu_ids(), 0)
    answer = compare([dump("old", pmu), dump("new")])
    (difference,) = answer.lists
    assert difference.present == (True, False)
    assert "74 missing in B: PMUv3" in difference.sentence(answer.columns)


def test_few_registers_are_named() -> None:
    extra = {0x603000000013C103: 0, 0x603000000013C512: 0, 0x603000000013C513: 0}
    answer = compare([dump("a"), dump("b", extra)])
    (difference,) = answer.lists
    sentence = difference.sentence(answer.columns)
    assert sentence.startswith("only in B: TCR2_EL1, PIRE0_EL1, PIR_EL1: listed only when the vCPU has FEAT_TCR2")
    assert "since 6.13" in sentence


def test_vcpus_of_one_vm_that_disagree_have_columns_of_their_own() -> None:
    clidr = sysreg_id(3, 1, 0, 0, 1)
    vcpus = tuple(
        Vcpu(index=n, values=BASE | {clidr: 0x82000023 if n == 0 else 0x3000123, MPIDR: 0x80000000 + n})
        for n in range(3)
    )
    answer = compare([dump("vm", vcpus=vcpus), dump("other", {clidr: 0x82000023, MPIDR: 0x80000000})])
    assert [s.label for c in answer.columns for s in c.subjects] == ["vm vCPU 0", "other", "vm vCPU 1"]
    assert [r.id for r in answer.feature_registers] == [clidr]
    assert any("do not agree" in note for note in answer.notes)


def test_one_dump_compares_its_own_vcpus() -> None:
    vcpus = tuple(Vcpu(index=n, values=BASE | {PFR0: n}) for n in range(2))
    answer = compare([dump("vm", vcpus=vcpus)])
    assert len(answer.columns) == 2


def test_template_constraints_compare_only_their_bits() -> None:
    template = Vcpu(index=0, values={}, kind="template", constraints={PFR0: Constraint(0xF, 2)})
    agrees = compare([dump("t", vcpus=(template,)), dump("a")])
    assert PFR0 not in {r.id for r in agrees.registers}
    contradicts = Vcpu(index=0, values={}, kind="template", constraints={PFR0: Constraint(0xF0, 0x20)})
    answer = compare([dump("t", vcpus=(contradicts,)), dump("a")])
    (register,) = answer.feature_registers
    assert [(f.name, f.values) for f in register.fields] == [("EL1", (2, 1))]


def test_fleet_groups_by_features_and_counts_state() -> None:
    dumps = [dump(f"host{n}", {TPIDR: n, PFR0: BASE[PFR0] - n % 2}) for n in range(20)]
    answer = compare(dumps)
    assert answer.scope == "features"
    assert [len(c.subjects) for c in answer.columns] == [10, 10]
    assert answer.distinct_states == 20
    assert answer.state_differing == 1
    assert [r.id for r in answer.registers] == [PFR0]
    everything = compare(dumps, "all")
    assert len(everything.columns) == 20


def test_more_groups_than_columns_are_counted() -> None:
    dumps = [dump(f"host{n}", {PFR0: n}) for n in range(MAX_COLUMNS + 5)]
    answer = compare(dumps)
    assert len(answer.columns) == MAX_COLUMNS
    assert answer.hidden_columns == 5
    assert answer.registers[0].distinct == MAX_COLUMNS + 5


def test_largest_group_first_in_a_fleet() -> None:
    dumps = [dump(f"host{n}", {PFR0: 1 if n == 0 else 2}) for n in range(12)]
    assert [len(c.subjects) for c in compare(dumps).columns] == [11, 1]


def test_files_give_what_dumps_give() -> None:
    names = ["builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12", "builtin:max-linux-6.12"]
    assert compare_paths(names) == compare([load(name) for name in names])


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    paths = []
    for n in range(12):
        path = tmp_path / f"{n}.txt"
        path.write_text("".join(f"{hex_id(i)} {v + (n % 3 if i == PFR0 else 0):#x}\n" for i, v in BASE.items()))
        paths.append(str(path))
    many = paths * 50
    assert compare_paths(many, jobs=2) == compare_paths(many, jobs=1)
    with pytest.raises(InspectorError, match="cannot be opened"):
        compare_paths([*many, str(tmp_path / "missing")], jobs=2)


def test_real_kernels_differ_where_the_history_says() -> None:
    answer = compare_paths(["builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"])
    fields = {(r.name, f.name) for r in answer.feature_registers for f in r.fields}
    assert {("ID_AA64MMFR2_EL1", "CCIDX"), ("ID_MMFR4_EL1", "CCIDX"), ("ID_AA64DFR0_EL1", "DebugVer")} <= fields
    assert {d.group.key: len(d.group.ids) for d in answer.lists} == {"ccsidr-fabricated": 11, "ptimer": 3, "tcr2": 3}
    ccsidr = next(r for r in answer.feature_registers if r.id == ccsidr_id(0))
    assert [f.name for f in ccsidr.fields] == ["Associativity"]


def test_nothing_to_compare() -> None:
    with pytest.raises(InspectorError, match="nothing to compare"):
        compare([])
    with pytest.raises(InspectorError, match="no registers"):
        compare([dump("empty", vcpus=())])


def test_column_names() -> None:
    assert [column_name(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
