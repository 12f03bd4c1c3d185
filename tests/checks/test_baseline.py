"""The greatest common feature set, and its exports, judged by the model of each host's own kernel."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.checks.baseline.baseline import Baseline, baseline, baseline_of, part_of_hosts, safe_value
from inspector.checks.baseline.export import (
    baseline_dump,
    bitmap,
    firecracker_template,
    qemu_properties,
)
from inspector.checks.baseline.hosts import host_of_dump
from inspector.checks.fleet.summarise import Asked
from inspector.errors import InspectorError
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy
from inspector.policies.model import Know
from inspector.policies.spans import FieldRule, parse_field
from inspector.registers.bits import ALL, Partial
from inspector.registers.catalog import find
from inspector.registers.encoding import ccsidr_id, hex_id, hex_value, sysreg_id
from inspector.reports.baseline import baseline_json, baseline_markdown, baseline_text
from inspector.sources import load
from inspector.sources.dump import Dump, Host, Provenance, Vcpu
from inspector.sources.formats.dump_json import write
from inspector.untrusted import Untrusted

MIDR = sysreg_id(3, 0, 0, 0, 0)
CTR = sysreg_id(3, 3, 0, 0, 1)
CLIDR = sysreg_id(3, 1, 0, 0, 1)
PFR0 = sysreg_id(3, 0, 0, 4, 0)
ISAR0 = sysreg_id(3, 0, 0, 6, 0)
MMFR2 = sysreg_id(3, 0, 0, 7, 2)
HOSTS_6_12 = ("builtin:neoverse-n2-linux-6.12", "builtin:cortex-a72-linux-6.12", "builtin:max-linux-6.12")
HOSTS_7_3 = ("builtin:neoverse-n2-linux-7.3", "builtin:cortex-a72-linux-7.3", "builtin:max-linux-7.3")
RULE = Know(name="test", register="ID_AA64PFR0_EL1", fields=())


def level(names: tuple[str, ...]) -> Baseline:
    """The baseline of shipped dumps."""
    return baseline([load(name) for name in names])


@pytest.mark.parametrize("names", [HOSTS_6_12, HOSTS_7_3, HOSTS_7_3[::2], HOSTS_6_12[:2]])
def test_what_is_proposed_is_accepted_and_kept_on_every_host(names: tuple[str, ...]) -> None:
    answer = level(names)
    assert answer.changes
    for name in names:
        host = host_of_dump(load(name))
        vm = host.new_vm()
        for reg_id, (mask, bits) in answer.changes.items():
            value = host.values[reg_id] & ~mask | bits
            verdict = explain_write(vm.vcpu(0), reg_id, value)
            assert verdict.errno == 0, (name, verdict)
            assert vm.vcpu(0).get_one_reg(reg_id) == (0, value)


@pytest.mark.parametrize("names", [HOSTS_6_12, HOSTS_7_3])
def test_after_the_changes_only_the_obstacles_differ(names: tuple[str, ...]) -> None:
    answer = level(names)
    left = {o.id for o in answer.obstacles}
    hosts = [host_of_dump(load(name)) for name in names]
    for reg_id in answer.values:
        mask, bits = answer.changes.get(reg_id, (0, 0))
        values = {h.values.get(reg_id, 0) & ~mask | bits for h in hosts}
        assert values == {answer.values[reg_id]}
    differing = {i for i in answer.changes if i not in answer.values}
    assert differing <= left


@pytest.mark.parametrize("names", [HOSTS_6_12, HOSTS_7_3])
def test_no_field_could_be_greater(names: tuple[str, ...]) -> None:
    """One more than the common value of a lowerable field is refused by some host."""
    answer = level(names)
    hosts = [host_of_dump(load(name)) for name in names]
    for field in answer.fields:
        if field.safe == "lower" and field.common < 15:
            mask = ((1 << field.msb - field.lsb + 1) - 1) << field.lsb
            higher = (field.common + 1) << field.lsb
            assert not all(h.takes(field.id, h.values[field.id] & ~mask | higher) for h in hosts), field


def test_template_is_read_back_by_our_own_source(tmp_path: Path) -> None:
    answer = level(HOSTS_7_3)
    path = tmp_path / "template.json"
    path.write_text(firecracker_template(answer))
    (vcpu,) = load(str(path)).vcpus
    read = {i: (c.mask, c.value) for i, c in vcpu.constraints.items()}
    read |= {i: (answer.changes[i][0], v) for i, v in vcpu.values.items()}
    assert read == {i: change for i, change in answer.changes.items() if i != 0x606000000015FFFF}


def test_template_without_changes_is_valid(tmp_path: Path) -> None:
    answer = level((HOSTS_6_12[0], HOSTS_6_12[0]))
    assert answer.level
    assert answer.exit_code == 0
    assert not answer.changes
    path = tmp_path / "template.json"
    path.write_text(firecracker_template(answer))
    assert load(str(path)).provenance.format == "firecracker-json"
    assert qemu_properties(answer) == ""


def set_by(text: str) -> dict[int, tuple[int, int]]:
    """What a `-cpu` line with SYSREG properties sets: register id -> (mask, bits)."""
    found: dict[int, tuple[int, int]] = {}
    for register, name, number in re.findall(r"SYSREG_(\w+_EL[0-9])_(\w+)=([0-9]+)", text):
        named, field = find(f"{register}.{name}")
        assert field is not None and int(number) < 1 << field.msb - field.lsb + 1
        mask, bits = found.get(named.id, (0, 0))
        found[named.id] = mask | field.mask, bits | int(number) << field.lsb
    return found


def test_qemu_properties_say_the_same_as_the_changes() -> None:
    answer = level(HOSTS_7_3)
    text = qemu_properties(answer)
    assert text.startswith("-cpu host,SYSREG_ID_AA64PFR0_EL1_")
    fielded = {f.id for f in answer.fields}
    assert set_by(text) == {i: c for i, c in answer.changes.items() if i in fielded}


def test_dump_is_read_back(tmp_path: Path) -> None:
    answer = level(HOSTS_7_3)
    path = tmp_path / "baseline.json"
    path.write_bytes(write(baseline_dump(answer)))
    again = load(str(path))
    assert dict(again.vcpus[0].values) == dict(answer.values)
    assert again.provenance.kernel == "7.3.4"
    assert MIDR not in again.vcpus[0].values
    assert any("MIDR_EL1" in note for note in again.notes)


def test_identity_cannot_be_levelled() -> None:
    answer = level(HOSTS_7_3)
    midr = next(o for o in answer.obstacles if o.id == MIDR)
    assert "6.15" in midr.reason
    assert answer.exit_code == 1


def test_hidden_field_points_to_the_kernel() -> None:
    answer = level(("builtin:neoverse-n2-linux-6.1", "builtin:neoverse-n2-linux-6.12"))
    obstacles = {(o.register, o.field): o for o in answer.obstacles}
    assert obstacles["ID_AA64MMFR2_EL1", "CCIDX"].since == "6.3"
    assert {f.name: (f.common, f.writable_since) for f in answer.fields} == {
        "PMUVer": (5, "6.5"), "DebugVer": (6, "6.7"), "PerfMon": (5, "6.5"),
    }  # fmt: skip
    assert answer.needs_kernel == "6.7"
    assert {m.group.key: m.hosts for m in answer.lists} == {"ccsidr-fabricated": (1,), "ptimer": (1,), "tcr2": (1,)}


def fresh(name: str, kernel: str, values: dict[int, int]) -> Dump:
    """A shipped fresh vCPU with some values changed, as if another machine had them."""
    shipped = load(f"builtin:neoverse-n2-linux-{kernel}")
    vcpu = shipped.vcpus[0]
    changed = Vcpu(index=0, values={**vcpu.values, **values}, setup=vcpu.setup)
    return Dump(provenance=Provenance(source=name, kernel=shipped.provenance.kernel,
                                      kernel_version=shipped.provenance.kernel_version), vcpus=(changed,))  # fmt: skip


def test_two_altras_that_differ_in_ctr_alone() -> None:
    """DIC can be lowered from 6.11 on, and not before."""
    new = baseline([fresh("a", "6.12", {CTR: 0x9444C004}), fresh("b", "6.12", {CTR: 0xB444C004})])
    assert [(f.register, f.name, f.common, f.writable_since) for f in new.fields] == [("CTR_EL0", "DIC", 0, "6.11")]
    assert new.level
    old = baseline([fresh("a", "6.1", {CTR: 0x9444C004}), fresh("b", "6.1", {CTR: 0xB444C004})])
    assert [(o.register, o.field, o.since) for o in old.obstacles] == [("CTR_EL0", "DIC", "6.11")]


def test_caches_are_levelled_only_from_6_3_on() -> None:
    def both(kernel: str, value: int) -> Baseline:
        return baseline([fresh("a", kernel, {}), fresh("b", kernel, {ccsidr_id(0): value})])

    assert both("6.12", 0x1A).level
    assert [o.since for o in both("6.1", 0x3A).obstacles] == ["6.3"]


def test_bits_outside_every_field_are_an_obstacle() -> None:
    odd = load("builtin:neoverse-n2-linux-7.3").vcpus[0].values[ISAR0] ^ 1
    answer = baseline([fresh("a", "7.3", {}), fresh("b", "7.3", {ISAR0: odd})])
    assert [(o.register, o.field) for o in answer.obstacles] == [("ID_AA64ISAR0_EL1", "")]


def test_raw_hosts_under_a_kernel() -> None:
    hosts = [Dump(provenance=Provenance(source=n), host=load(n).host) for n in HOSTS_7_3 if load(n).host]
    assert hosts
    answer = baseline(hosts, load_policy("7.3"))
    assert answer.kernels == ("7.3",) * len(hosts)
    assert answer.fields


def test_a_dump_without_kernel_gets_the_one_that_fits() -> None:
    vcpu = load("builtin:neoverse-n2-linux-6.1").vcpus[0]
    bare = Dump(provenance=Provenance(source="bare"), vcpus=(Vcpu(index=0, values=vcpu.values),))
    answer = baseline([bare, bare])
    assert answer.kernels[0].startswith("6.")
    assert any("names no kernel" in note for note in answer.notes)


def test_what_a_kernel_hid_is_named_field_by_field_and_never_counts_as_zero() -> None:
    hosts = [fresh(name, "6.1", {}) for name in ("a", "b")]
    answer = baseline(hosts, load_policy("7.3"))
    assert (answer.outcome, answer.level, answer.exit_code) == ("uncertain", False, 1)
    open_fields = {(field.register, field.name) for field in answer.unknown}
    assert ("ID_AA64MMFR1_EL1", "HCX") in open_fields and ("ID_AA64PFR0_EL1", "EL2") not in open_fields
    mmfr1 = sysreg_id(3, 0, 0, 7, 1)
    assert answer.known[mmfr1] == ALL & ~(0xF << 40)
    assert baseline(hosts).level
    told = baseline_json(answer)
    assert told["certain"] is False and told["known"][hex_id(mmfr1)] == hex_value(answer.known[mmfr1])
    assert baseline_text(answer).startswith("Uncertain")
    exported = baseline_dump(answer).vcpus[0]
    assert mmfr1 not in exported.values and exported.constraints[mmfr1].mask == answer.known[mmfr1]


def test_a_field_known_of_one_host_only_is_neither_levelled_nor_an_obstacle() -> None:
    """ID_AA64ISAR0_EL1: RNDR is known of the first host only, SM4 differs in known bits, DP is known of none."""
    known = {"a": (0xFFFF << 32 | 0xF << 60) & ~(0xF << 44), "b": 0x0FFF << 32}
    sources = {"a": 1 << 60 | 1 << 40, "b": 0}
    hosts = [
        Dump(
            provenance=Provenance(source=name),
            host=Host(values={ISAR0: sources[name], MIDR: 0x410FD0C1}, known={ISAR0: known[name]}),
        )
        for name in known
    ]
    answer = baseline(hosts, load_policy("6.12"))
    assert [(f.name, f.values, f.common) for f in answer.fields if f.id == ISAR0] == [("SM4", (1, 0), 0)]
    assert answer.changes[ISAR0] == (0xF << 40, 0)
    rndr = next(field for field in answer.unknown if (field.id, field.name) == (ISAR0, "RNDR"))
    assert rndr.parts == (Partial(1, 0xF), Partial(0, 0))
    assert not any(o.id == ISAR0 for o in answer.obstacles)
    assert "RNDR 0x1/?" in baseline_text(answer)


def test_bad_input() -> None:
    with pytest.raises(InspectorError):
        baseline([])
    with pytest.raises(InspectorError):
        baseline([Dump(provenance=Provenance(source="x"))])


def rule(safe: str, signed: bool = False) -> FieldRule:
    """A 4-bit field at bit 0."""
    found = parse_field(f"F[3:0] {safe}{' signed' if signed else ''}", RULE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("field", "values", "want"),
    [
        (rule("lower"), (3, 1, 2), 1),
        (rule("lower", True), (0, 15), 15),
        (rule("higher"), (0, 2), 2),
        (rule("higher-or-zero"), (4, 5), 5),
        (rule("higher-or-zero"), (0, 5), 0),
        (rule("exact 1"), (2, 3), 1),
        (rule("exact 1"), (3, 3), 3),
    ],
)
def test_safe_value(field: FieldRule, values: tuple[int, ...], want: int) -> None:
    assert safe_value(field, values) == want


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_bitmap_letters(mask: int, bits: int) -> None:
    text = bitmap(mask, bits & mask, 64)
    assert len(text) == 66
    for n, letter in enumerate(reversed(text[2:])):
        want = "x" if not mask >> n & 1 else str(bits >> n & 1)
        assert letter == want


RED_HAT = "5.14.0-503.el9.aarch64"
"""May be as 6.8 to 6.12; CTR_EL0 is writable from 6.11 on."""


def renamed(dump: Dump, kernel: str) -> Dump:
    """The same, as if made under another kernel, or under one that it does not name."""
    told = Provenance(source=dump.provenance.source, kernel=Untrusted(kernel))
    return msgspec.structs.replace(dump, provenance=told)


@pytest.mark.parametrize("apart", [False, True])
def test_what_a_host_takes_that_may_run_several_kernels_is_uncertain_where_they_differ(apart: bool) -> None:
    """Not only of a kernel that the user names. `apart`: the vCPU says what only some hosts do, so it is not packed."""
    without, with_dic = (
        renamed(fresh(n, "6.12", {CTR: v}), RED_HAT) for n, v in (("a", 0x9444C004), ("b", 0xB444C004))
    )
    if apart:
        vcpu = msgspec.structs.replace(with_dic.vcpus[0], errors={sysreg_id(3, 3, 9, 12, 0): 5})
        with_dic = msgspec.structs.replace(with_dic, vcpus=(vcpu,))
    answer = baseline([without, with_dic])
    assert [(o.register, o.field, o.certain) for o in answer.obstacles] == [("CTR_EL0", "DIC", False)]
    assert (answer.outcome, answer.exit_code, answer.named) == ("uncertain", 1, (False, False))
    told = baseline_text(answer)
    assert told.startswith("Uncertain whether 2 hosts can be levelled") and "1 difference may stay" in told
    assert "What cannot be made equal" not in told and "Linux 6.10.0, or another" in told
    assert "under these kernels" in baseline_markdown(answer)
    assert baseline_json(answer)["obstacles"][0]["certain"] is False
    assert baseline_json(answer)["hosts"][0]["kernel_certain"] is False
    # Whichever kernel it is: alike hosts are alike, and what a certain kernel refuses is refused.
    assert baseline([with_dic, with_dic]).level
    firm = baseline([without, fresh("c", "6.1", {CTR: 0xB444C004})])
    assert ("CTR_EL0", "DIC", True) in [(o.register, o.field, o.certain) for o in firm.obstacles]


def test_a_few_registers_that_name_no_kernel_say_nothing_of_what_it_takes() -> None:
    """They were taken for a host of the kernel whose list is nearest, and for one that has nothing else."""
    each = [
        Dump(
            provenance=Provenance(source=name, format="plain-text"),
            vcpus=(Vcpu(index=0, values={MIDR: 0x410FD493, PFR0: pfr0}),),
        )
        for name, pfr0 in (("a", 0x1101000021111112), ("b", 0x1101000021111111))
    ]
    answer = baseline(each)
    assert [(o.field, o.certain) for o in answer.obstacles] == [("EL0", False)] and not answer.fields
    assert (answer.outcome, answer.named, answer.lists) == ("uncertain", (False, False), ())
    assert set(answer.values) <= {MIDR, PFR0}
    beside = baseline([each[0], load("builtin:neoverse-n2-linux-6.12")])
    assert not beside.lists and beside.registers == ()
    assert {f.register for f in beside.fields} | {o.register for o in beside.obstacles} <= {"ID_AA64PFR0_EL1"}


def test_hosts_that_cannot_be_asked_are_skipped_where_that_is_wanted() -> None:
    """Raw registers under no kernel: a part takes them, as the report may name one."""
    there = load("builtin:neoverse-n2-linux-6.12")
    raw = Dump(provenance=Provenance(source="raw"), host=there.host)
    assert raw.host is not None
    part = part_of_hosts([there, raw, there, raw])
    with pytest.raises(InspectorError, match=r"raw: does not name its kernel.*--kernel K.; this way"):
        baseline_of(part, asked=Asked(question="baseline", advice="this way"))
    answer = baseline_of(part, asked=Asked(question="baseline", skip=True))
    assert (answer.host_count, answer.unread.count, answer.outcome) == (2, 2, "uncertain")
    assert [(one.position, one.source) for one in answer.unread.named] == [(1, "raw"), (3, "raw")]
    alone = part_of_hosts([raw])
    with pytest.raises(InspectorError, match="none of 1 sources could be read; the first: does not name"):
        baseline_of(alone, asked=Asked(question="baseline", skip=True))
    assert baseline_of(part, load_policy("6.12.0")).host_count == 4
