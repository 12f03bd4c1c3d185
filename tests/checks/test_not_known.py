"""What a dump does not tell is never guessed: unknown bits stay unknown through exposure, verdicts and migration."""

from __future__ import annotations

import pytest

from inspector import sources
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate, migrate_all_kernels
from inspector.checks.restore.result import Finding
from inspector.errors import InspectorError
from inspector.kvm.exposure import expose
from inspector.kvm.host import from_raw
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.kvm.words.showing import explain_register
from inspector.policies.loader import load_policy
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, parse_features, possible_setup
from inspector.registers.bits import ALL, Partial
from inspector.registers.catalog import by_id
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import CLIDR_EL1, CTR_EL0, IDS
from inspector.reports.migration import finding_json, migration_json
from inspector.reports.migration_outline import finding_outline
from inspector.reports.migration_text import migration_text
from inspector.reports.outline import outline_text
from inspector.sources.dump import Dump, Host, Provenance
from tests.material import material

MMFR2 = IDS["ID_AA64MMFR2_EL1"]


def _saved_vm(kernel: str) -> Vm:
    """A VM of Linux `kernel` on the machine under the shipped N2 vCPU of Linux 6.18, its host values left aside."""
    dump = sources.load("builtin:neoverse-n2-linux-6.18")
    host = from_vcpu(dump.vcpus[0].values, QEMU_SETUP, load_policy("6.18"))
    return Vm(host, load_policy(kernel), QEMU_SETUP)


def test_a_tolerated_old_value_is_uncertain_where_the_host_is_not_known() -> None:
    verdict = explain_write(_saved_vm("6.18").vcpu(0), MMFR2, 2 << 24 | _saved_vm("6.18").vcpu(0).value(MMFR2))
    assert verdict.uncertain == ("NV",)
    assert verdict.would_pass is None
    assert "not known" in verdict.reason


@pytest.mark.parametrize("vmm", ["firecracker", "qemu-10.0", "qemu-11.1", "cloud-hypervisor"])
def test_a_register_that_may_be_there_is_neither_counted_as_missing_nor_called_the_first(vmm: str) -> None:
    """Linux 6.1 lists the CCSIDRs of the host's caches, of which nothing is known here; another register is refused."""
    host = sources.load_text("# host\nMIDR_EL1 0x410fd493\nREVIDR_EL1 0x1\nID_AA64PFR0_EL1 0x1201111121111112\n", "x")
    given = Given(kernel="6.1", vmm=vmm)
    report = migrate(sources.load("builtin:neoverse-n2-linux-5.10"), host, given)
    doubtful = [f for f in report.of_kind("only_in_source") if not f.certain]
    assert [by_id(f.id).name for f in doubtful] == ["CCSIDR[0]", "CCSIDR[1]", "CCSIDR[2]"]
    assert report.verdict == "fails" and "first REVIDR_EL1" in report.headline and "CCSIDR" not in report.headline
    assert not any("6020000000110000" in said for said in report.messages)
    lacked = sum(f.certain for f in report.of_kind("only_in_source"))
    refused = len([f for f in report.of_kind("refused") if f.fatal])
    assert f"{lacked} missing there" in report.headline if lacked else f"{refused} registers of" in report.headline
    assert "3 uncertain: caches of the host (CCSIDR)" in [one["headline"] for one in migration_json(report)["groups"]]
    text = migration_text(report)
    assert "  3 uncertain: caches of the host (CCSIDR)" in text and "3 missing: caches" not in text


def test_a_hidden_field_is_not_called_refused_for_good() -> None:
    vcpu = _saved_vm("6.1").vcpu(0)
    verdict = explain_write(vcpu, MMFR2, vcpu.value(MMFR2) | 1 << 20)
    assert "CCIDX" in verdict.uncertain
    assert "(0)" not in verdict.reason


def test_raw_cache_registers_of_an_unknown_host_are_not_made_up() -> None:
    vm = _saved_vm("6.1")
    shown = explain_register(vm.exposure, CLIDR_EL1)
    assert (shown.exposed, shown.guest, shown.known) == (None, None, 0)
    verdict = explain_write(vm.vcpu(0), CLIDR_EL1, 0x23)
    assert (verdict.before, verdict.would_pass) == (None, None)
    assert verdict.uncertain
    assert "CLIDR_EL1" in explain_write(vm.vcpu(0), ccsidr_id(0), 0x1A).reason


@pytest.mark.parametrize(("clidr", "known", "exposed"), [(None, False, None), (0x0A200023, True, 0x09200003)])
def test_idc_needs_clidr(clidr: int | None, known: bool, exposed: int | None) -> None:
    """A Cortex-A72 whose CLIDR_EL1 was not collected: whether Linux counts CTR_EL0.IDC as set is open."""
    values = {CTR_EL0: 0x8444C004} | ({} if clidr is None else {CLIDR_EL1: clidr})
    exposure = expose(from_raw(values), load_policy("6.12"), VcpuSetup())
    assert bool(exposure.limit_known(CTR_EL0) >> 28 & 1) is known
    assert exposure.limit(CTR_EL0) == 0x8444C004
    assert explain_register(exposure, CLIDR_EL1).exposed == exposed


def test_a_raised_idc_is_told_with_its_cause() -> None:
    exposure = expose(from_raw({CTR_EL0: 0x86668006, CLIDR_EL1: 0x80000023}), load_policy("6.12"), VcpuSetup())
    field = next(f for f in explain_register(exposure, CTR_EL0).fields if f.name == "IDC")
    assert (field.host, field.exposed, field.state) == (0, 1, "raised")
    assert "cachetype.h" in field.reference


def _host_alone(name: str) -> Dump:
    import msgspec

    return msgspec.structs.replace(sources.load(name), vcpus=())


def test_features_that_a_host_lacks_are_left_out() -> None:
    saved, host = sources.load("builtin:neoverse-n2-linux-6.12"), _host_alone("builtin:cortex-a72-linux-6.12")
    report = migrate(saved, host, Given("6.12"))
    assert report.features == "psci,pmu"
    assert any("sve, ptrauth" in note for note in report.notes)
    assert all(finding.errno_name != "ENOEXEC" for vcpu in report.vcpus for finding in vcpu.findings)
    with pytest.raises(InspectorError, match="because of sve"):
        migrate(saved, host, Given("6.12", features=parse_features("psci,sve")))


def test_kernels_that_cannot_create_the_vcpu_fail_in_their_row() -> None:
    saved = sources.load("builtin:neoverse-n2-linux-6.12")
    names = ("5.10.0", "6.12.107")
    matrix = migrate_all_kernels(saved, Given(features="psci,mte"), policies=[load_policy(name) for name in names])
    assert [row.verdict for row in matrix.rows] == ["fails", "fails"]
    assert "because of mte" in matrix.rows[0].headline


def test_possible_setup_keeps_what_the_host_has() -> None:
    assert possible_setup(QEMU_SETUP, lambda name: 1) == QEMU_SETUP
    assert possible_setup(QEMU_SETUP, lambda name: int(name == "pmu_v3")).describe() == "psci,pmu"
    assert parse_features("qemu,mte").describe() == "psci,pmu,sve,ptrauth,mte"


def test_a_failure_that_rests_on_unknown_bits_alone_says_so() -> None:
    import msgspec

    saved, other = sources.load("builtin:neoverse-n2-linux-6.12"), sources.load("builtin:neoverse-n2-linux-6.1")
    report = migrate(saved, msgspec.structs.replace(other, host=None), Given("6.12"))
    assert (report.verdict, report.exit_code) == ("uncertain", 1)
    assert report.headline.startswith("uncertain: ")
    assert all(finding.cases and not finding.fatal for finding in report.of_kind("uncertain"))
    assert migrate(saved, other, Given("6.1")).verdict == "fails"


def test_a_destination_known_in_part_has_the_bits_that_are_known_and_no_zero_for_others() -> None:
    finding = Finding(
        vcpu=0, id=MMFR2, kind="accepted", order=0, value=0x1011, destination=None,
        part=Partial(0x1011, ALL).forget(0xF00000),
    )  # fmt: skip
    told = finding_json(finding)
    assert told["destination"] == "0x0000000000001011" and told["destination_known"] == "0xffffffffff0fffff"
    assert "destination's own 0x0000_0000_00?0_1011" in outline_text(finding_outline(finding))


def test_a_field_of_unknown_fate_is_not_blamed_beside_one_that_is_refused() -> None:
    """CSV3 follows from the destination's Meltdown state, which is not known; RAS is refused for sure."""
    pfr0 = IDS["ID_AA64PFR0_EL1"]
    machine = Host(values={pfr0: 0x11112222, MMFR2: 0x1011})
    destination = Dump(provenance=Provenance(source="machine"), host=machine)
    report = migrate(sources.load("builtin:cortex-a72-linux-6.12"), destination, Given("6.12"))
    finding = next(one for one in report.of_kind("refused") if one.id == pfr0)
    fates = {field.name: (field.accepted, field.certain) for field in finding.fields}
    assert fates["RAS"] == (False, True) and not fates["CSV3"][1]
    assert "RAS" in report.headline and "CSV3" not in report.headline
    told = outline_text(finding_outline(finding))
    assert "? CSV3" in told and "✖ RAS" in told
    assert next(one for one in finding_json(finding)["fields"] if one["name"] == "CSV3")["accepted"] is None


def _alone(dump: Dump, hidden: int | None = None) -> Dump:
    """The host of a dump without its vCPU, and without one of its registers."""
    import msgspec

    assert dump.host is not None
    values = {reg_id: value for reg_id, value in dump.host.values.items() if reg_id != hidden}
    return msgspec.structs.replace(
        dump, vcpus=(), capabilities={}, host=msgspec.structs.replace(dump.host, values=values)
    )


@pytest.mark.parametrize(
    ("saved", "host", "kernel", "vmm"),
    [
        ("neoverse-n2-linux-6.1", "neoverse-n2-linux-7.3", "6.1", "qemu-10.0"),
        ("neoverse-n2-linux-6.1", "neoverse-n2-linux-7.3", "6.1", "firecracker"),
        ("max-linux-7.3", "max-linux-7.3", "7.3", "qemu-10.0"),
    ],
)  # fmt: skip
def test_what_is_firm_of_a_destination_with_a_hidden_register_is_true_of_it(
    saved: str, host: str, kernel: str, vmm: str
) -> None:
    """Without CLIDR_EL1 the caches of a 6.1 host were missing for sure; without PMCR_EL0 values were said to change."""
    source, there, policy = sources.load(f"builtin:{saved}"), sources.load(f"builtin:{host}"), load_policy(kernel)
    assert there.host is not None
    real = migrate(source, _alone(there), Given(policy, vmm), ways_out=False)
    true = {one.id: (one.kind, one.errno, one.fatal) for one in real.vcpus[0].findings}
    for hidden in there.host.values:
        told = migrate(source, _alone(there, hidden), Given(policy, vmm), ways_out=False)
        assert told.verdict in (real.verdict, "uncertain"), hidden
        for one in told.vcpus[0].findings:
            if one.certain and one.kind != "missing_in_source":
                assert (one.kind, one.errno, one.fatal) == true[one.id], (hidden, one.id)


def test_a_cache_that_may_not_be_there_is_uncertain_with_what_settles_it() -> None:
    source, there = sources.load("builtin:neoverse-n2-linux-6.1"), sources.load("builtin:neoverse-n2-linux-7.3")
    report = migrate(source, _alone(there, CLIDR_EL1), Given("6.1", "firecracker"))
    (first, *_) = (one for one in report.vcpus[0].findings if one.id == ccsidr_id(0))
    assert (report.verdict, first.kind, first.certain) == ("uncertain", "only_in_source", False)
    assert [case.settle for case in first.cases] == ["--host CLIDR_EL1.Ctype1=VALUE"] * 2
    given = migrate(source, _alone(there, CLIDR_EL1), Given("6.1", "firecracker", host="CLIDR_EL1.Ctype1=3"))
    assert next(one for one in given.vcpus[0].findings if one.id == ccsidr_id(0)).certain


def test_a_vm_of_a_newer_pmu_loads_where_it_was_saved() -> None:
    """PMUVer reads 6 of every host from 6 on: whether the host's was 15, of which no guest sees any, was open."""
    saved = sources.load(str(material("qemu", "kvm-6.12_neoverse-n2_q100.mig.xz")))
    assert migrate(saved, "same-host", Given("6.12")).verdict == "loads"


@pytest.mark.parametrize(("name", "said"), [("kvm-6.1_neoverse-n2_q72", False), ("kvm-6.12_neoverse-n2_q100", True)])
def test_what_is_taken_for_granted_of_a_vm_that_ran_is_said(name: str, said: bool) -> None:
    """Its ID registers need not be what the host offers, where the kernel lets a VMM write them."""
    notes = machine(sources.load(str(material("qemu", f"{name}.mig.xz"))), Given("6.12")).notes
    assert any("may have lowered them" in note for note in notes) is said
