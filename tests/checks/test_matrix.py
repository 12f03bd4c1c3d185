"""The matrix of kernels: its cells are those that `migrate` gives, and every list that it prints was tried."""

from __future__ import annotations

import json

import msgspec
import pytest

from inspector.checks.compat.matrix import CompatMatrix, compat_matrix, usual_kernels
from inspector.checks.compat.remedies import Property
from inspector.checks.compat.sides import Side, restored
from inspector.checks.machine.destination import modelled
from inspector.checks.machine.known_host import known_host
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.summary import verdict_of
from inspector.checks.vmms.needed import needed
from inspector.checks.vmms.table import find_vmm
from inspector.errors import InspectorError
from inspector.policies.loader import load_policy
from inspector.policies.release import choose
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, feature_of, possible_setup
from inspector.registers.encoding import hex_id
from inspector.registers.ids import IDS, PIR_EL1, PIRE0_EL1, PSCI_VERSION, TCR2_EL1, VENDOR_HYP_BITMAP_2
from inspector.reports.matrix import answer, matrix_json, matrix_markdown, matrix_text
from inspector.sources.dump import Dump
from tests.checks.material import MMFR2, MMFR4_32, changed, shipped

KERNELS = ["6.1", "6.12", "6.18", "7.3"]


def matrix(cpu: str, vmm: str = "", kernels: list[str] | None = None, **more: str) -> CompatMatrix:
    return compat_matrix(shipped(cpu, "6.12"), kernels or KERNELS, Given(vmm=vmm, **more))  # type: ignore[arg-type]


def test_the_usual_kernels_are_those_that_are_kept_and_the_newest() -> None:
    names = usual_kernels()
    assert names == tuple(sorted(names, key=lambda name: load_policy(name).version)) and len(names) >= 5
    assert {name.rpartition(".")[0] for name in names} >= {"5.10", "6.1", "6.6", "6.12"}


@pytest.mark.parametrize("vmm", ["qemu-10.0", "qemu-11.1"])
@pytest.mark.parametrize("kernel", ["6.1", "6.12", "7.3"])
def test_a_cell_is_what_migrate_says_of_a_vm_of_that_host(kernel: str, vmm: str) -> None:
    """The recorded fresh vCPU of each kernel is the source of its row."""
    found = matrix("neoverse-n2", vmm)
    for destination in KERNELS:
        report = migrate(shipped("neoverse-n2", kernel), "same-host", Given(destination, vmm), ways_out=False)
        cell = found.cell(kernel, destination)
        assert {"changes": "loads"}.get(cell.verdict, cell.verdict) == report.verdict
        assert set(cell.refused) == {f.id for f in report.of_kind("refused")}
        assert set(cell.missing) == {f.id for f in report.of_kind("only_in_source") if f.fails_load}


def test_a_register_that_may_be_there_is_uncertain_and_not_missing() -> None:
    """A vCPU of 6.1 does not show FEAT_TCR2: 6.12 lists TCR2_EL1 for every vCPU, 6.18 where the host has it."""
    saved = changed(shipped("neoverse-n2", "6.1"), {})
    cell = compat_matrix(saved, ["6.12", "6.18"], Given(vmm="qemu-10.0")).cell("6.12", "6.18")
    assert {TCR2_EL1, PIR_EL1, PIRE0_EL1} <= set(cell.uncertain)
    assert not {TCR2_EL1, PIR_EL1, PIRE0_EL1} & {*cell.missing, *cell.refused}
    assert cell.first is None or cell.first.id not in cell.uncertain


def test_the_list_for_a_machine_type() -> None:
    """cortex-a72, 6.12 and 6.18: three registers hidden since 6.13, one bitmap since 6.15, and the PSCI version."""
    remedy = matrix("cortex-a72").cell("6.12", "6.18").remedy
    assert remedy is not None and remedy.works
    hidden = sorted((TCR2_EL1, PIRE0_EL1, PIR_EL1, VENDOR_HYP_BITMAP_2))
    assert remedy.properties == (
        Property("arm-cpu", "kvm-psci-version", "1.1"),
        Property("arm-cpu", "x-mig-hidden-regs", ",".join(map(hex_id, hidden))),
    )
    assert remedy.lines[0] == '{ "arm-cpu", "kvm-psci-version", "1.1" },'
    assert remedy.tolerance_lines[0].startswith("arm_register_cpreg_mig_tolerance(cpu, 0x603000000013c103, 0, 0, ")


@pytest.mark.parametrize("vmm", ["qemu-10.0", "qemu-11.1"])
@pytest.mark.parametrize("cpu", ["cortex-a72", "neoverse-n2", "max"])
def test_every_list_loads_when_it_is_applied(cpu: str, vmm: str) -> None:
    """Applied here by other means than the search's own: features, PSCI version and hidden registers one by one."""
    rule, host = find_vmm(vmm), known_host(shipped(cpu, "6.12")).host
    for cell in matrix(cpu, vmm).cells:
        remedy = cell.remedy
        if remedy is None or not remedy.properties:
            continue
        setup: VcpuSetup = possible_setup(QEMU_SETUP, host.capability)
        given = {one.name: one.value for one in remedy.properties}
        for word, name in (("pmu", "pmu"), ("sve", "sve"), ("ptrauth", "pauth")):
            setup = setup.without(feature_of(word)) if given.get(name) == "off" else setup
        hidden = [int(text, 16) for text in given.get("x-mig-hidden-regs", "").split(",") if text]
        sides = []
        for name in (cell.source, cell.destination):
            side = Side.of(modelled(host, load_policy(name), setup, name))
            if "kvm-psci-version" in given:
                major, _, minor = given["kvm-psci-version"].partition(".")
                side = side.setting({PSCI_VERSION: int(major) << 16 | int(minor)}) or side
            sides.append(side.hiding(hidden))
        one, other = sides
        assert verdict_of(rule, [restored(one, other, rule)]) == "loads"
        back = verdict_of(rule, [restored(other, one, rule)])
        assert (back == "loads") == remedy.works == (not remedy.this_way)
        assert not any(needed(i, None) for i in hidden if i not in (TCR2_EL1, PIRE0_EL1, PIR_EL1))
        assert len(set(hidden)) == len(hidden)


def test_what_no_property_changes_is_said() -> None:
    remedy = matrix("neoverse-n2", kernels=["6.1", "6.12"]).cell("6.1", "6.12").remedy
    assert remedy is not None and not remedy.works and not remedy.properties
    assert "ID_MMFR4_EL1" in remedy.why and "no property of QEMU 10.0 changes" in remedy.why
    assert {MMFR2, MMFR4_32} == set(matrix("neoverse-n2", kernels=["6.1", "6.12"]).cell("6.1", "6.12").refused)


def test_a_list_for_one_direction_where_both_are_shut() -> None:
    remedy = matrix("neoverse-n2").cell("6.12", "7.3").remedy
    assert remedy is not None and remedy.this_way and not remedy.works
    assert "the way back stays shut" in remedy.why and "ID_AA64MMFR2_EL1" in remedy.why
    assert [one.name for one in remedy.properties] == ["x-mig-hidden-regs"]


def test_the_guests_own_state_is_never_hidden() -> None:
    remedy = matrix("cortex-a72", kernels=["6.1", "6.12"]).cell("6.12", "6.1").remedy
    assert remedy is not None and not remedy.works
    assert "CNTP_CTL_EL0" in remedy.why and "would lose the guest's own state" in remedy.why


def test_firecrackers_template() -> None:
    """6.18 and 7.3 differ in nothing for PSCI alone; what a template cannot take away is named."""
    found = matrix("neoverse-n2", "firecracker")
    assert found.features == "psci" and found.cell("6.18", "7.3").verdict == "loads"
    remedy = found.cell("6.12", "6.18").remedy
    assert remedy is not None and "no template takes a register away: TCR2_EL1" in remedy.why


@pytest.mark.parametrize(
    ("vmm", "features"),
    [("cloud-hypervisor", "psci,pmu,sve"), ("crosvm", "psci,pmu,ptrauth"), ("qemu", "psci,pmu,sve")],
)
def test_the_features_are_those_of_the_vmm(vmm: str, features: str) -> None:
    found = matrix("neoverse-n2", vmm, ["6.12", "7.3"], **({"features": features} if vmm == "qemu" else {}))
    assert found.features == features
    remedy = found.cell("7.3", "6.12").remedy
    assert vmm == "qemu" or (remedy is not None and not remedy.works and "has no option" in remedy.why)


def test_a_host_known_only_from_a_vcpu_is_asked_no_more_than_it_shows() -> None:
    """What the kernel hid from the vCPU is not known: no cell claims to know how it ends where that decides."""
    dump = msgspec.structs.replace(shipped("neoverse-n2", "6.12"), host=None, capabilities={})
    found = compat_matrix(dump, KERNELS)
    raw = matrix("neoverse-n2")
    for one, other in zip(found.cells, raw.cells, strict=True):
        assert one.verdict in (other.verdict, "uncertain") or {one.verdict, other.verdict} == {"loads", "changes"}


def test_reports() -> None:
    found = matrix("cortex-a72", kernels=["6.12", "6.18"])
    assert answer(found) == "0 of 2 pairs of kernels load" and found.exit_code == 1
    text = matrix_text(found)
    assert "6.12                  =      ✖ 0+3" in text
    assert "11.1.3 as released has no such property" in text
    assert "```" in matrix_markdown(found) and "| 6.12 | = | ✖ 0+3 |" in matrix_markdown(found)
    data = json.loads(json.dumps(matrix_json(found)))
    cell = next(one for one in data["cells"] if one["source"] != one["destination"])
    assert cell["remedy"]["works"] and cell["remedy"]["properties"][0]["name"] == "kvm-psci-version"


def test_what_cannot_be_asked_is_one_line() -> None:
    with pytest.raises(InspectorError, match="needs two kernels"):
        matrix("cortex-a72", kernels=["6.12"])


def _cells(dump: Dump) -> dict[tuple[str, str], str]:
    found = compat_matrix(dump, ["5.10", "6.1", "6.12", "6.18"], remedies=False)
    return {(one.source, one.destination): one.verdict for one in found.cells}


@pytest.mark.parametrize("cpu", ["cortex-a72", "neoverse-n2", "max"])
def test_what_is_firm_of_a_host_that_is_known_in_part_is_true_of_it(cpu: str) -> None:
    """Of a saved vCPU alone, and of a host without one register: what the source kernel shows is not known either."""
    whole = shipped(cpu, "6.12")
    assert whole.host is not None
    true, firm = _cells(whole), 0
    names = ("CLIDR_EL1", "ID_DFR0_EL1", "ID_AA64PFR0_EL1", "ID_AA64PFR2_EL1", "ID_AA64MMFR2_EL1", "ID_AA64MMFR3_EL1")
    hosts = [
        msgspec.structs.replace(
            whole.host, values={i: v for i, v in whole.host.values.items() if i != IDS[name]}
        )
        for name in names
    ]  # fmt: skip
    for host in (None, *hosts):
        told = _cells(msgspec.structs.replace(whole, host=host))
        wrong = {pair: (said, true[pair]) for pair, said in told.items() if said not in ("uncertain", true[pair])}
        assert not wrong
        assert all(told[name, name] == "loads" for name in ("5.10", "6.1", "6.12", "6.18"))
        firm += sum(said != "uncertain" for said in told.values())
    assert firm >= 8 * len(hosts)


@pytest.mark.parametrize(
    ("host", "verdict"), [("", "loads"), ("aarch32=off", "fails"), ("cmdline=arm64.no32bit_el0", "fails")]
)
def test_a_cell_says_what_loads_and_never_runs(host: str, verdict: str) -> None:
    """EL1 in AArch32 on a host without it: KVM takes every value of the vCPU's own kernel, and refuses KVM_RUN."""
    found = compat_matrix(shipped("cortex-a72", "6.12"), ["6.1", "6.12"], Given(features="psci,el1_32bit", host=host))
    cell = found.cell("6.12", "6.12")
    assert (cell.verdict, not cell.refused, bool(cell.run)) == (verdict, True, verdict == "fails")
    if cell.run:
        assert "KVM_RUN answers EINVAL" in matrix_text(found) and cell.run in json.dumps(matrix_json(found))
        assert not any(one.remedy is not None and one.remedy.works for one in found.cells)


@pytest.mark.parametrize("name", ["5.14.0-570.el9", "6.12-talos"])
def test_a_kernel_that_may_be_one_of_several_is_asked_under_each(name: str) -> None:
    """The first of them answered alone, and firmly."""
    others = [one.name for one in choose(name).candidates]
    found = compat_matrix(shipped("neoverse-n2", "6.12"), [name, "6.1", "6.12.107"])
    assert found.cell(name, name).verdict == "loads"
    each = [compat_matrix(shipped("neoverse-n2", "6.12"), [one, "6.1", "6.12.107"], remedies=False) for one in others]
    for there in ("6.1", "6.12.107"):
        for pair in ((name, there), (there, name)):
            told = {
                one.cell(*(alone if part == name else part for part in pair)).verdict
                for alone, one in zip(others, each, strict=True)
            }
            cell = found.cell(*pair)
            assert len(told) == 1 or cell.verdict == "uncertain"
            assert cell.remedy is None or len(told) == 1


def test_of_a_kernel_that_is_not_modelled_no_list_is_promised() -> None:
    found = matrix("neoverse-n2", kernels=["6.12", "99.1-rc2"])
    assert {cell.verdict for cell in found.cells if "99.1-rc2" in (cell.source, cell.destination)} == {"uncertain"}
    assert not any(cell.remedy for cell in found.cells)
