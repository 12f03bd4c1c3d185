"""Comparison of two and of many dumps."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.checks.compare.compare import MAX_COLUMNS, column_name, compare
from inspector.errors import InspectorError
from inspector.registers.bits import Partial
from inspector.registers.encoding import ccsidr_id, firmware_id, hex_id, sysreg_id
from inspector.reports.compare import comparison_json, comparison_text
from inspector.sources import load
from inspector.sources.dump import Constraint, Dump, Host, Provenance, Vcpu
from tests.checks.material import compare_files, pmu_ids

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
    assert (agrees.outcome, agrees.registers, agrees.unknown, agrees.not_compared) == ("equal", (), (), ())
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
    assert compare_files(names) == compare([load(name) for name in names])


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    paths = []
    for n in range(12):
        path = tmp_path / f"{n}.txt"
        path.write_text("".join(f"{hex_id(i)} {v + (n % 3 if i == PFR0 else 0):#x}\n" for i, v in BASE.items()))
        paths.append(str(path))
    many = paths * 50
    assert compare_files(many, jobs=2) == compare_files(many, jobs=1)
    with pytest.raises(InspectorError, match="cannot be opened"):
        compare_files([*many, str(tmp_path / "missing")], jobs=2)


def test_real_kernels_differ_where_the_history_says() -> None:
    answer = compare_files(["builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"])
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


def host(name: str, *kinds: tuple[dict[int, int], dict[int, Constraint]], caches: dict[int, int] | None = None) -> Dump:
    """A host's registers, a vCPU of kind host for each kind of CPU."""
    vcpus = tuple(
        Vcpu(index=n, values=values, kind="host", constraints=parts) for n, (values, parts) in enumerate(kinds)
    )
    values = kinds[0][0] | {i: part.value for i, part in kinds[0][1].items()}
    known = {i: part.mask for i, part in kinds[0][1].items()}
    machine = Host(values=values, known=known, ccsidr=caches or {})
    return Dump(provenance=Provenance(source=name), vcpus=vcpus, host=machine, one_vm=False)


def test_unknown_bits_are_no_zeros() -> None:
    """Nothing that both know differs, and the rest is not known: neither equal nor different."""
    parts = host("parts", ({MPIDR: 1}, {PFR0: Constraint(0xFF, 0x12)}))
    answer = compare([parts, host("whole", ({MPIDR: 1, PFR0: BASE[PFR0], MMFR2: 1}, {}))])
    assert (answer.outcome, answer.same, answer.exit_code, answer.registers) == ("uncertain", False, 1, ())
    (register,) = answer.unknown
    assert (register.id, register.values, register.known) == (PFR0, (0x12, BASE[PFR0]), (0xFF, -1))
    assert (answer.not_compared, answer.equal, answer.lists) == ((MMFR2,), 1, ())
    text = comparison_text(answer)
    assert text.startswith("Uncertain") and "0x????_????_????_??12" in text and "not listed" not in text
    told = comparison_json(answer)
    assert told["certain"] is False
    assert told["unknown"][0]["values"]["A"] == "0x0000000000000012"
    assert told["unknown"][0]["known"] == {"A": "0x00000000000000ff"}


def test_a_known_bit_that_differs_is_a_difference_with_question_marks_for_the_rest() -> None:
    answer = compare(
        [host("a", ({}, {PFR0: Constraint(0x3F, 0x21)})), host("b", ({}, {PFR0: Constraint(0xF30, 0x410)}))]
    )
    assert answer.outcome == "differs"
    (register,) = answer.registers
    (field,) = register.fields
    assert (field.name, field.values, field.parts) == ("EL1", (None, None), (Partial(2, 3), Partial(1, 3)))
    text = comparison_text(answer)
    assert "0x????_????_????_??21" not in text and "0x????_????_????_???1" in text and "0b??10" in text
    assert comparison_json(answer)["registers"][0]["fields"][0]["known"] == {"A": 3, "B": 3}


def test_two_dumps_known_in_part_alike_are_not_called_equal() -> None:
    one = host("a", ({}, {PFR0: Constraint(0xF, 2)}))
    assert compare([one, one]).outcome == "uncertain"
    assert compare([dump("a"), dump("b")]).outcome == "equal"


def test_what_linux_hides_from_a_process_is_not_known_of_the_host() -> None:
    """ID_AA64MMFR2_EL1.AT is shown to processes, CCIDX is not."""
    raw = host("raw", ({MMFR2: 1 << 32 | 1 << 20}, {}))
    seen = host("el0", ({MMFR2: 1 << 32}, {}))
    assert seen.host is not None
    seen = msgspec.structs.replace(seen, host=msgspec.structs.replace(seen.host, view="el0"))
    answer = compare([raw, seen])
    assert (answer.outcome, [r.id for r in answer.unknown]) == ("uncertain", [MMFR2])
    lacking = msgspec.structs.replace(seen, vcpus=(Vcpu(index=0, values={MMFR2: 0}, kind="host"),))
    assert [f.name for r in compare([raw, lacking]).registers for f in r.fields] == ["AT"]


def test_kinds_of_cpu_of_one_host_are_no_vms() -> None:
    big_little = host("rk3588", ({MMFR2: 1, PFR0: 2}, {}), ({MMFR2: 1, PFR0: 3}, {}), caches={0: 0xFF0000001A})
    answer = compare([big_little, host("other", ({MMFR2: 1, PFR0: 2}, {}), caches={0: 0xFF0000001A})])
    assert [len(column.subjects) for column in answer.columns] == [2, 1]
    assert any("its CPUs are of 2 kinds" in note for note in answer.notes)
    assert not any("VM" in note for note in answer.notes)
    assert answer.equal == 2


def test_two_lists_of_ids_alone_are_equal_lists() -> None:
    ids = Vcpu(index=0, values={}, kind="list", constraints=dict.fromkeys(BASE, Constraint(0, 0)))
    assert compare([dump("a", vcpus=(ids,)), dump("b", vcpus=(ids,))]).outcome == "equal"
    answer = compare([dump("a", vcpus=(ids,)), dump("b")])
    assert (answer.outcome, len(answer.not_compared), answer.lists) == ("uncertain", len(BASE), ())


known_parts = st.dictionaries(
    st.sampled_from((PFR0, MMFR2, MPIDR)), st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), min_size=1
)


@given(st.lists(known_parts, min_size=2, max_size=4))
def test_only_bits_known_on_both_sides_decide(sides: list[dict[int, tuple[int, int]]]) -> None:
    """Whatever stands in bits that are not known, the answer is the same, and a difference needs two known bits."""
    clean = [{i: Constraint(mask, value & mask) for i, (value, mask) in side.items()} for side in sides]
    dirty = [{i: Constraint(mask, value) for i, (value, mask) in side.items()} for side in sides]
    answers = [compare([host(str(n), ({}, side)) for n, side in enumerate(each)]) for each in (clean, dirty)]
    assert comparison_json(answers[0]) == comparison_json(answers[1])
    for reg_id in (PFR0, MMFR2, MPIDR):
        given = [side[reg_id] for side in sides if reg_id in side]
        truth = any((v ^ w) & k & m for v, k in given for w, m in given)
        assert (reg_id in {r.id for r in answers[0].registers}) == truth
    assert answers[0].outcome != "equal" or all(m == 2**64 - 1 for side in sides for _, m in side.values())
