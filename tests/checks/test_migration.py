"""Migration checks on the shipped dumps: what stops a restore, in which order, and how it is told."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from inspector.checks.machine.destination import destination_for
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate, migrate_all_kernels
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.table import VMM_NAMES, find_vmm
from inspector.errors import InspectorError
from inspector.kvm.vm import Vm
from inspector.policies.loader import load_policy
from inspector.policies.points import all_names
from inspector.policies.setup import Feature, VcpuSetup, parse_features
from inspector.registers.catalog import find
from inspector.registers.encoding import bitmap_id, ccsidr_id, class_of, sysreg_id
from inspector.registers.ids import CTR_EL0, PIR_EL1, PIRE0_EL1, SVE_VLS, TCR2_EL1, id_of
from inspector.sources.dump import Dump, Host, Provenance, Vcpu
from inspector.untrusted import Untrusted
from tests.checks.material import CLIDR, MIDR, MMFR2, MMFR4_32, PFR0, PSCI, ZFR0, changed, refused, shipped
from tests.kvm.material import host as raw_host
from tests.sources.material import dump_of


def check(source: Dump, destination: Dump, vmm: str = "qemu-10.0") -> MigrationReport:
    return migrate(source, destination, Given(vmm=vmm), ways_out=False)


def test_the_ccidx_case() -> None:
    """A neoverse-n2 VM saved on 6.1 fails on 6.12 in exactly two registers, the 32-bit one first."""
    report = check(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12"))
    assert report.verdict == "fails" and report.exit_code == 1
    assert refused(report) == [MMFR4_32, MMFR2]
    assert report.first is not None and report.first.id == MMFR4_32
    assert "ID_MMFR4_EL1" in report.headline and "EINVAL" in report.headline
    (field,) = report.of_kind("refused")[1].fields
    assert (field.name, field.msb, field.lsb, field.source, field.destination) == ("CCIDX", 23, 20, 1, 0)
    assert [f.would_pass for f in report.of_kind("refused")] == [0x21110, 0x1221011112001011]
    assert "bf48040cd9b0" in report.of_kind("refused")[1].reference


def test_a_cpu_without_ccidx_loads() -> None:
    report = check(shipped("cortex-a72", "6.1"), shipped("cortex-a72", "6.12"))
    assert report.verdict == "loads" and report.exit_code == 0 and report.messages == ()


def test_the_other_direction_names_what_the_older_kernel_lacks() -> None:
    report = check(shipped("neoverse-n2", "6.12"), shipped("neoverse-n2", "6.1"))
    unknown = {f.id for f in report.of_kind("only_in_source")}
    assert unknown.issuperset({ccsidr_id(13), TCR2_EL1, PIR_EL1, PIRE0_EL1})
    assert {ccsidr_id(0), CLIDR, MMFR2, MMFR4_32} <= set(refused(report))
    assert [s.name for s in report.steps] == ["lengths", "ids", "values"]
    assert [s.reached for s in report.steps] == [True, False, False]
    assert report.messages[0].startswith("Invalid value")


def test_a_list_that_is_not_longer_fails_at_its_ids() -> None:
    source = changed(shipped("cortex-a72", "6.12"), {bitmap_id(3): 0, sysreg_id(3, 3, 14, 2, 2): None})
    report = check(source, shipped("cortex-a72", "6.12"))
    assert [s.passed for s in report.steps] == [True, False, True]
    assert report.first is not None and report.first.id == bitmap_id(3)
    assert "fails before any write" in report.headline
    assert {f.id for f in report.of_kind("missing_in_source")} == {sysreg_id(3, 3, 14, 2, 2)}


def test_qemu_11_drops_what_it_knows_and_compares_no_lengths() -> None:
    more: dict[int, int | None] = {TCR2_EL1: 0, PIRE0_EL1: 0, PIR_EL1: 0}
    target = shipped("cortex-a72", "7.3")
    source = changed(target, more)
    assert check(source, target, "qemu-10.0").verdict == "fails"
    report = check(source, target, "qemu-11.1")
    assert report.verdict == "loads" and "dropped" in report.headline
    eleven = changed(target, {0x6030000000130000 + i: 0 for i in range(11)})
    assert [s.name for s in check(eleven, target, "qemu-10.0").steps] == ["lengths", "ids", "values"]
    steps = check(eleven, target, "qemu-11.1").steps
    assert [(s.name, s.passed) for s in steps] == [("ids", False), ("values", True)]
    assert check(changed(target, {bitmap_id(3): 0}), target, "qemu-11.1").verdict == "loads"


def test_qemu_11_drops_the_second_hypercall_bitmap_only_where_it_is_zero() -> None:
    target = shipped("cortex-a72", "6.12")
    assert check(changed(target, {bitmap_id(3): 0}), target, "qemu-11.1").verdict == "loads"
    assert check(changed(target, {bitmap_id(3): 1}), target, "qemu-11.1").verdict == "fails"


def test_the_last_register_that_qemu_11_does_not_know_decides_in_some_versions() -> None:
    """11.1.3 overwrites its own verdict: a register that it tolerates, behind one that it does not, lets the load go
    on."""
    target = shipped("cortex-a72", "6.12")
    first = 0x6030000000130000
    report = check(changed(target, {first: 0, bitmap_id(3): 0}), target, "qemu-11.1")
    assert report.verdict == "uncertain" and "only the last one" in report.headline
    (finding,) = [f for f in report.findings if f.id == first]
    assert [case.errno for case in finding.cases] == [0, 2]
    last = check(changed(target, {first: 0, PIR_EL1 + 0x8000: 0}), target, "qemu-11.1")
    assert last.verdict == "fails"


@pytest.mark.parametrize("vmm", ["firecracker", "cloud-hypervisor", "crosvm"])
def test_other_vmms_stop_at_the_first_refusal_in_their_own_order(vmm: str) -> None:
    source, target = shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12")
    report = check(source, target, vmm)
    assert [s.name for s in report.steps] == ["writes"]
    assert report.first is not None and report.first.errno == 22
    assert [i for i in refused(report) if i in (MMFR4_32, MMFR2)] == [
        i for i in source.vcpus[0].values if i in (MMFR4_32, MMFR2)
    ]
    assert len(report.messages) == 1


def test_ids_that_the_destination_lacks_are_writes_that_fail_for_other_vmms() -> None:
    source = changed(shipped("cortex-a72", "6.12"), {bitmap_id(3): 0})
    assert check(source, shipped("cortex-a72", "6.12"), "firecracker").first.errno == 2  # type: ignore[union-attr]
    # crosvm does not save bitmaps at all
    assert check(source, shipped("cortex-a72", "6.12"), "crosvm").verdict == "loads"


@pytest.mark.parametrize("cpu", ["neoverse-n2", "cortex-a72"])
def test_a_destination_dump_without_core_registers(cpu: str) -> None:
    """Tools that read only system registers leave them out; every vCPU has them all the same."""
    source = shipped(cpu, "6.12")
    bare = changed(source, {i: None for i in source.vcpus[0].values if i >> 16 & 0xFFF in (0x10, 0x15)})
    for vmm in ("firecracker", "qemu-10.0", *(("cloud-hypervisor", "crosvm") if cpu == "cortex-a72" else ())):
        assert check(source, bare, vmm).verdict == "loads"


def test_old_values_that_a_newer_kernel_tolerates_are_told_as_changed() -> None:
    """MMFR2.NV: shown up to 6.14, accepted and dropped from 6.15."""
    report = check(shipped("neoverse-n2", "6.12"), shipped("neoverse-n2", "7.3"), "qemu-11.1")
    assert report.verdict == "loads"
    (nv,) = [f for f in report.of_kind("changed") if f.id == MMFR2]
    assert nv.after == 0x1221011110001011 and [f.name for f in nv.fields] == ["NV"]
    assert "ID_AA64MMFR2_EL1" in report.headline


def test_psci_version_of_a_newer_kernel() -> None:
    report = check(shipped("cortex-a72", "7.3"), shipped("cortex-a72", "6.12"))
    assert PSCI in refused(report)
    (remark,) = [r for r in report.remarks if r.title == "PSCI version"]
    assert remark.severity == "fails" and "1.3" in remark.text and "1.1" in remark.text


def test_another_processor() -> None:
    report = check(shipped("neoverse-n2", "6.12"), shipped("cortex-a72", "6.12"))
    assert MIDR in refused(report)
    (remark,) = [r for r in report.remarks if "processors" in r.title]
    assert "Neoverse N2" in remark.text.replace("-", " ") and "0x410fd083" in remark.text


def test_every_vcpu_is_restored_and_disagreements_are_told() -> None:
    one = shipped("cortex-a72", "6.12").vcpus[0]
    mpidr = sysreg_id(3, 0, 0, 0, 5)
    second = dict(one.values) | {CLIDR: 0x9200003 | 1 << 30, mpidr: 0x80000001}
    both = Dump(
        provenance=Provenance(source="smp2"),
        vcpus=(Vcpu(index=0, values=one.values, setup=one.setup), Vcpu(index=1, values=second, setup=one.setup)),
    )
    report = check(both, shipped("cortex-a72", "6.12"))
    assert [v.index for v in report.vcpus] == [0, 1]
    assert [s.vcpu for s in report.steps] == [0, 0, 0, 1, 1, 1]
    (remark,) = [r for r in report.remarks if "differs between vCPUs" in r.title]
    assert remark.ids == (CLIDR,) and "6.9" in remark.text
    second[MIDR] = 0x414FD0B0
    for kernel, told in (("6.10", "compares every value with what the host has"), ("6.12", "written last wins")):
        second[CTR_EL0] = one.values[CTR_EL0] ^ 1 << 28
        remarks = migrate(both, shipped("cortex-a72", "6.12"), Given(kernel=kernel)).remarks
        texts = {r.ids[0]: r.text for r in remarks if "differs between vCPUs" in r.title}
        assert told in texts[CTR_EL0] and "compares every value with what the host has" in texts[MIDR]
    second[mpidr] = one.values[mpidr]
    assert any("one MPIDR_EL1" in r.title for r in check(both, shipped("cortex-a72", "6.12")).remarks)


def test_a_refusal_on_the_second_vcpu_only() -> None:
    one = shipped("neoverse-n2", "6.12").vcpus[0]
    second = dict(one.values) | {MMFR2: 0x1221011112101011}
    both = Dump(
        provenance=Provenance(source="smp2"),
        vcpus=(Vcpu(index=0, values=one.values, setup=one.setup), Vcpu(index=1, values=second, setup=one.setup)),
    )
    report = check(both, shipped("neoverse-n2", "6.12"))
    assert report.first is not None and (report.first.vcpu, report.first.id) == (1, MMFR2)
    assert [s.passed for s in report.steps] == [True, True, True, True, True, False]


def test_a_destination_with_unlike_cores() -> None:
    """Each vCPU is compared with the fresh vCPU of its own place."""
    one = shipped("cortex-a72", "6.1").vcpus[0]
    little = dict(one.values) | {MIDR: 0x410FD034, ccsidr_id(0): 0x7003E01A, sysreg_id(3, 0, 0, 0, 5): 0x80000001}
    both = Dump(
        provenance=Provenance(source="rk3588", kernel=Untrusted("6.1.176")),
        vcpus=(Vcpu(index=0, values=one.values, setup=one.setup), Vcpu(index=1, values=little, setup=one.setup)),
    )
    assert check(both, both).verdict == "loads"
    same = msgspec.structs.replace(both, vcpus=(both.vcpus[0], msgspec.structs.replace(both.vcpus[0], index=1)))
    report = migrate(same, both, Given(vmm="qemu-10.0"))
    assert {(f.vcpu, f.id) for f in report.of_kind("refused")} == {(1, MIDR), (1, ccsidr_id(0))}
    assert any(r.title == "different cores" and "r0p4" in r.text for r in report.remarks)
    assert report.ways_out[0].kind == "pinning"


def test_impossible_values_and_their_consequence() -> None:
    """SVE off, but ID_AA64ZFR0_EL1 not zero: the case of a source taken with SVE into a vCPU without it."""
    target = shipped("cortex-a72", "6.12")
    report = check(changed(target, {ZFR0: 0x110100110021}), target)
    assert refused(report) == [ZFR0]
    assert any("ID_AA64ZFR0_EL1 is" in r.text for r in report.remarks)


def test_vector_lengths_that_the_destination_lacks() -> None:
    source, target = shipped("neoverse-n2", "6.12"), shipped("neoverse-n2", "6.12")
    report = check(changed(source, {SVE_VLS: 0b11}), target, "firecracker")
    assert report.verdict == "fails"
    assert any("cannot do 256 bits" in r.text for r in report.remarks)


def test_same_host_uses_the_raw_registers_of_the_dump() -> None:
    report = migrate(shipped("neoverse-n2", "6.1"), "same-host", Given("6.12", "qemu-10.0"), ways_out=False)
    assert refused(report) == [MMFR4_32, MMFR2]
    assert all(f.certain for f in report.findings)
    assert report.destination == "same host under Linux 6.12"


def test_same_host_without_them_says_what_is_unknown() -> None:
    source = changed(shipped("neoverse-n2", "6.12"), {}, source="vm.mig", kernel="", kernel_version="")
    report = migrate(source, "same-host", Given("6.1", "qemu-11.1"), ways_out=False)
    doubtful = {f.id for f in report.findings if not f.certain}
    assert MMFR2 in doubtful and MMFR4_32 in doubtful
    assert any("names no kernel" in n for n in report.notes)
    assert any("unknown" in n for n in report.notes)


def test_features_of_the_destination() -> None:
    source = shipped("neoverse-n2", "6.12")
    setup = parse_features("psci,ptrauth,pmu", gic="v3")
    report = migrate(source, source, Given(vmm="qemu-10.0", features=setup), ways_out=False)
    assert refused(report) == [PFR0, ZFR0]
    assert report.features == "psci,pmu,ptrauth"


def test_a_host_needs_a_kernel_and_a_source_needs_values() -> None:
    source = shipped("neoverse-n2", "6.12")
    host = msgspec.structs.replace(source, vcpus=(), provenance=Provenance(source="host.txt"))
    with pytest.raises(InspectorError, match="--kernel"):
        migrate(source, host)
    assert migrate(source, host, Given("6.12"), ways_out=False).verdict == "loads"
    with pytest.raises(InspectorError, match="no vCPU registers"):
        migrate(host, source)
    with pytest.raises(InspectorError, match="--kernel"):
        migrate(source, dump_of({MIDR: 1}, source="lines.txt"))


def test_all_kernels() -> None:
    matrix = migrate_all_kernels(shipped("neoverse-n2", "6.1"), Given(vmm="qemu-10.0"))
    good = {row.kernel for row in matrix.rows if row.verdict == "loads"}
    assert "6.1.176" in good and matrix.exit_code == 0
    assert not any(name.startswith(("6.12", "7.", "5.10")) for name in good)
    assert "ubuntu-5.15.0-204" in {row.kernel for row in matrix.rows}
    newest = matrix.rows[-1]
    assert newest.refused == 2 and newest.first is not None and newest.first.id == MMFR4_32


def made_by(vmm: str, dump: Dump) -> Dump:
    """The dump as that VMM would have saved it on the same machine: with the vCPU features of its own rule."""
    rule = find_vmm(vmm)
    if not rule.own_rule or rule.family == "firecracker":
        return dump
    target = destination_for(dump, dump, Given(vmm=rule.name))
    values = {
        i: v for i, v in target.values.items() if rule.keeps(i) and (rule.family != "crosvm" or class_of(i) != 0x15)
    }
    vcpu = msgspec.structs.replace(dump.vcpus[0], values=values, setup=target.setup)
    return msgspec.structs.replace(dump, vcpus=(vcpu,))


@pytest.mark.parametrize("vmm", VMM_NAMES)
@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "6.18", "7.3"])
@pytest.mark.parametrize("cpu", ["neoverse-n2", "cortex-a72", "max"])
def test_a_vm_loads_where_it_was_saved(cpu: str, kernel: str, vmm: str) -> None:
    dump = made_by(vmm, shipped(cpu, kernel))
    report = check(dump, shipped(cpu, kernel), vmm)
    assert report.verdict == "loads", report.headline
    assert not [f for f in report.of_kind("changed") if not f.expected and f.feature != "pmu"]
    assert not report.ways_out


def test_a_list_that_is_one_register_longer_stops_at_its_length() -> None:
    source = shipped("neoverse-n2", "6.1")
    vcpu = source.vcpus[0]
    last = MIDR
    fewer = msgspec.structs.replace(vcpu, values={i: v for i, v in vcpu.values.items() if i != last})
    target = msgspec.structs.replace(source, vcpus=(fewer,))
    for there, passed in ((target, False), (source, True)):
        report = migrate(source, there, Given(vmm="qemu-10.0"), ways_out=False)
        (step,) = [one for one in report.steps if one.name == "lengths"]
        assert step.passed is passed, step


@pytest.mark.parametrize("vmm", ["qemu-10.0", "firecracker"])
def test_some_registers_of_a_vcpu_are_not_the_list_of_its_kernel(vmm: str) -> None:
    """What a pasted text leaves out is there on the destination: no remedy may take it from the guest."""
    source = shipped("cortex-a72", "6.1")
    few = {i: v for i, v in shipped("cortex-a72", "6.12").vcpus[0].values.items() if i in (MIDR, PFR0, MMFR2)}
    pasted = Dump(provenance=Provenance(source="pasted", format="plain-text"), vcpus=(Vcpu(index=0, values=few),))
    report = migrate(source, pasted, Given("6.12", vmm))
    assert not report.of_kind("only_in_source")
    assert report.verdict == "uncertain"
    assert any("no whole list" in note for note in report.notes)


def pasted(**values: int) -> Dump:
    """A text with some registers of a saved vCPU."""
    held = {id_of(name): value for name, value in values.items()}
    return Dump(provenance=Provenance(source="pasted", format="plain-text"), vcpus=(Vcpu(index=0, values=held),))


def test_some_registers_of_a_saved_vcpu_cannot_show_that_it_loads() -> None:
    few = pasted(ID_AA64ISAR0_EL1=0x11120)
    report = migrate(few, shipped("neoverse-n2", "6.12"), Given(vmm="qemu-10.0"))
    assert report.verdict == "uncertain" and "only some" in report.headline
    assert [(step.name, step.passed, step.certain) for step in report.steps] == [
        ("lengths", False, False), ("ids", False, False), ("values", True, True),
    ]  # fmt: skip
    assert migrate(few, shipped("neoverse-n2", "6.12"), Given(vmm="firecracker")).verdict == "uncertain"
    assert {row.verdict for row in migrate_all_kernels(few, policies=[load_policy("6.12")]).rows} == {"uncertain"}
    refused = pasted(ID_AA64MMFR2_EL1=0x1221011112101011)
    assert migrate(refused, shipped("neoverse-n2", "6.12"), Given(vmm="qemu-10.0")).verdict == "fails"


def test_what_a_debugger_prints_cannot_show_that_a_vm_loads() -> None:
    few = Dump(
        provenance=Provenance(source="monitor", format="debugger"),
        vcpus=(Vcpu(index=0, values={find("PC").register.id: 4, find("PSTATE").register.id: 0x3C5}),),
    )
    assert migrate(few, shipped("neoverse-n2", "6.12"), Given(vmm="qemu-10.0")).verdict == "uncertain"


def test_the_features_of_a_vcpu_known_in_part_follow_from_its_id_registers() -> None:
    source = shipped("neoverse-n2", "6.12").vcpus[0].values
    names = ("ID_AA64PFR0_EL1", "ID_AA64ZFR0_EL1", "ID_AA64ISAR1_EL1", "ID_AA64DFR0_EL1")
    few = pasted(**{name: source[id_of(name)] for name in names})
    report = migrate(few, "same-host", Given("6.12", "firecracker"))
    assert report.features == "psci,pmu,sve,ptrauth" and report.verdict == "uncertain", report.headline


def test_a_row_is_what_that_kernel_answers_when_it_is_asked_alone() -> None:
    """Kernels that follow each other with the same rules are asked once; each row says its own name and evidence."""
    source, policies = shipped("neoverse-n2", "6.1"), [load_policy(name) for name in all_names()]
    stood_in = msgspec.structs.replace(policies[-1], name="99.1", stands_for="99.1")
    policies.append(stood_in)
    together = migrate_all_kernels(source, Given(vmm="qemu-10.0"), policies=policies)
    alone = [migrate_all_kernels(source, Given(vmm="qemu-10.0"), policies=[policy]) for policy in policies]
    assert together.rows == tuple(one.rows[0] for one in alone)
    assert together.destination == alone[-1].destination
    assert any(one.rules is other.rules for one, other in pairwise(policies))


@pytest.mark.parametrize(
    ("host", "verdict", "words"),
    [
        ("", "loads", "every value is kept"), ("aarch32=off", "fails", "never runs"),
        ("cmdline=arm64.no32bit_el0", "fails", "never runs"),
    ],
)  # fmt: skip
def test_a_vcpu_that_loads_and_cannot_run_fails(host: str, verdict: str, words: str) -> None:
    """KVM_RUN of a vCPU whose EL1 is AArch32 on a host without (recorded on 6.12.118): every value may be accepted."""
    setup = VcpuSetup(features=int(Feature.PSCI | Feature.EL1_32BIT))
    a72 = raw_host("cortex-a72")
    model = Vm(a72, load_policy("6.12"), setup).vcpu(0)
    values = {i: model.value(i) for i in model.get_reg_list()}
    values[PFR0] = values[PFR0] & ~0xF | 1  # as a copy that was made to load has it
    saved = Dump(
        provenance=Provenance(source="test"), one_vm=True,
        vcpus=(Vcpu(index=0, kind="vcpu", values=values, setup=setup),),
    )  # fmt: skip
    there = Dump(provenance=Provenance(source="host"), vcpus=(), host=Host(values=dict(a72.values)))
    report = migrate(saved, there, Given("6.12", host=host))
    assert report.verdict == verdict and words in report.headline
    assert [step.name for step in report.steps if not step.passed] == ["first run"] * (verdict == "fails")
    own = msgspec.structs.replace(saved, host=there.host)
    assert [row.verdict for row in migrate_all_kernels(own, Given(host=host), policies=[load_policy("6.12")]).rows] == [
        verdict
    ]
