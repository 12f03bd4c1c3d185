"""The vCPU that each VMM makes for a restore: by its own rule, from the saved state or from the host."""

from __future__ import annotations

import msgspec
import pytest

from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate, migrate_all_kernels
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.base import Saved
from inspector.checks.vmms.table import find_vmm, vmm_for
from inspector.errors import CreationError
from inspector.policies.loader import load_policy
from inspector.policies.setup import Feature, VcpuSetup, feature_of, parse_features
from inspector.registers.encoding import make_id
from inspector.registers.ids import CNTPCT_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, ID_AA64ISAR1_EL1, ID_AA64PFR0_EL1, SVE_VLS
from inspector.sources import load_text
from inspector.sources.dump import Dump
from inspector.untrusted import Untrusted
from tests.checks.material import V0, changed, refused, saved_with, shipped

PC, X3 = make_id(0x10, 0x40), make_id(0x10, 6)


def check(source: Dump, destination: Dump, vmm: str, features: str = "") -> MigrationReport:
    setup = parse_features(features, gic="v3") if features else None
    return migrate(source, destination, Given(vmm=vmm, features=setup), ways_out=False)


@pytest.mark.parametrize("features", ["psci", "psci,sve", "psci,ptrauth", "psci,sve,ptrauth"])
def test_firecracker_creates_the_saved_features_whatever_the_destination_dump_shows(features: str) -> None:
    source = saved_with(shipped("neoverse-n2", "6.12"), features)
    report = check(source, shipped("neoverse-n2", "6.12"), "firecracker")
    assert report.features == features and report.features_why.startswith("Firecracker creates the vCPU with")
    assert report.verdict == "loads", report.headline


def test_the_users_features_override_the_vmms_rule() -> None:
    source = saved_with(shipped("neoverse-n2", "6.12"), "psci")
    report = check(source, shipped("neoverse-n2", "6.12"), "firecracker", "psci,sve")
    assert report.features == "psci,sve" and report.features_why == "as asked (--features, --gic)"
    (first, *_) = [f for f in report.findings if f.id == V0]
    assert first.errno_name == "EINVAL" and "Invalid argument (os error 22)" in report.messages[0]


@pytest.mark.parametrize(
    ("vmm", "features"),
    [
        ("cloud-hypervisor", "psci,pmu,sve"),
        ("cloud-hypervisor-42", "psci,pmu,sve"),
        ("cloud-hypervisor-41", "psci,pmu"),
        ("cloud-hypervisor-31", "psci,pmu"),
        ("cloud-hypervisor-21", "psci"),
        ("crosvm", "psci,pmu,ptrauth"),
    ],
)
def test_what_the_host_has_decides_for_cloud_hypervisor_and_crosvm(vmm: str, features: str) -> None:
    host = shipped("neoverse-n2", "6.12")
    source = saved_with(host, features)
    report = check(source, host, vmm)
    assert report.features == features and find_vmm(vmm).family in report.features_why.lower().replace(" ", "-")
    assert report.verdict == "loads", report.headline
    other = check(saved_with(host, "psci,pmu"), host, vmm)
    assert other.features == features


def test_cloud_hypervisor_never_asks_for_pointer_authentication() -> None:
    host = shipped("neoverse-n2", "6.12")
    report = check(saved_with(host, "psci,pmu,sve,ptrauth"), host, "cloud-hypervisor")
    assert ID_AA64ISAR1_EL1 in refused(report)
    assert any("never asks for" in note for note in report.notes)


@pytest.mark.parametrize(("word", "option"), [("el2", "--nested"), ("mte", "--cpus mte=[auto=true]")])
def test_crosvm_creates_by_option_what_a_saved_vcpu_has_besides(word: str, option: str) -> None:
    """072558a6e and ff5bb258a of July 2026: before, the registers of such a vCPU were called unknown there."""
    saved = Saved(VcpuSetup(features=int(Feature.PSCI)).toggled(word))
    made = find_vmm("crosvm").made(saved, lambda _: False)
    assert made.setup.includes(feature_of(word)) and option in made.why and made.required
    plain = find_vmm("crosvm").made(Saved(VcpuSetup(features=int(Feature.PSCI))), lambda _: False)
    assert not plain.setup.includes(feature_of(word)) and option not in plain.why


def test_a_guest_without_sve_meets_a_vcpu_with_it() -> None:
    """42 to 52 write V0 with the core registers, 53 after the SVE ones; KVM has no V0 there."""
    host = shipped("neoverse-n2", "6.12")
    for vmm in ("cloud-hypervisor-42", "cloud-hypervisor"):
        report = check(saved_with(host, "psci,pmu"), host, vmm)
        assert report.first is not None and report.first.id == V0 and report.first.errno_name == "EINVAL"
        assert report.messages == ("SetAarchCoreRegister(Invalid argument (os error 22))",)
        assert ID_AA64PFR0_EL1 in refused(report)


def test_a_feature_that_the_host_lacks_stops_firecracker_before_any_write() -> None:
    source = saved_with(shipped("neoverse-n2", "6.12"), "psci,sve")
    report = check(source, shipped("cortex-a72", "6.12"), "firecracker")
    assert report.verdict == "fails" and report.steps[0].name == "creation"
    assert "cannot create a vCPU with SVE" in report.headline
    assert report.messages == ("Error initializing the vcpu: Invalid argument (os error 22)",)
    assert not any(step.reached for step in report.steps[1:])


def test_what_is_not_known_of_the_host_leaves_the_answer_open() -> None:
    """A vCPU without SVE on a core that no table knows: version 53 asks for SVE where it is."""
    host = shipped("cortex-a72", "6.12")
    source = changed(saved_with(host, "psci,pmu"), {0x603000000013C000: 0x610F0010})
    report = check(source, source, "cloud-hypervisor")
    assert report.verdict == "uncertain" and report.steps[0].name == "creation"
    assert "SVE is not known" in report.headline and report.exit_code == 1


@pytest.mark.parametrize("vmm", ["firecracker", "firecracker-1.16", "firecracker-1.17"])
def test_writable_implementation_ids_by_firecrackers_release_and_kernel(vmm: str) -> None:
    source, midr = saved_with(shipped("neoverse-n2", "7.3"), "psci"), 0x603000000013C000
    other = changed(source, {midr: 0x411FD493})
    other = msgspec.structs.replace(
        other, vcpus=(msgspec.structs.replace(other.vcpus[0], setup=source.vcpus[0].setup),)
    )
    accepted = midr not in refused(check(other, shipped("neoverse-n2", "7.3"), vmm))
    assert accepted == (vmm == "firecracker-1.17")
    assert midr in refused(check(other, shipped("neoverse-n2", "6.12"), vmm))


def test_what_a_dumping_tool_leaves_out_is_not_missing() -> None:
    """cpu-template-helper: PC, timer count, physical count (src/cpu-template-helper/src/template/dump/aarch64.rs)."""
    source = saved_with(shipped("neoverse-n2", "6.12"), "psci")
    bare = changed(source, dict.fromkeys((PC, X3, CNTPCT_EL0, CNTVCT_EL0, CNTV_CVAL_EL0)))
    bare = msgspec.structs.replace(bare, vcpus=(msgspec.structs.replace(bare.vcpus[0], setup=source.vcpus[0].setup),))
    report = check(source, bare, "firecracker")
    assert report.verdict == "loads" and not report.of_kind("only_in_source")
    lists = check(source, bare, "qemu-10.0")
    assert lists.verdict == "loads" and lists.vcpus[0].destination_count == lists.vcpus[0].source_count


def test_a_v_register_on_an_sve_vcpu_is_invalid_and_not_unknown() -> None:
    source = saved_with(shipped("neoverse-n2", "6.12"), "psci,sve")
    vcpu = msgspec.structs.replace(
        source.vcpus[0], values=dict(source.vcpus[0].values) | {V0: 1, 0x6030000000140009: 1}
    )
    report = check(msgspec.structs.replace(source, vcpus=(vcpu,)), source, "firecracker")
    assert {f.id: f.errno_name for f in report.fatal} == {V0: "EINVAL", 0x6030000000140009: "ENOENT"}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("firecracker-1.3.3", "1.0 to 1.3"), ("firecracker-1.4", "1.4"), ("firecracker-1.6", "1.5 and 1.6"),
        ("firecracker-1.12.1", "1.7 to 1.12"), ("firecracker-1.14.3", "1.13 to 1.14.3"),
        ("firecracker-1.14.4", "1.14.4"),
        ("firecracker-1.15.0", "1.15.0"), ("firecracker-1.15.1", "1.15.1"), ("firecracker-1.16.1", "1.16"),
        ("firecracker-1.17", "1.17"), ("firecracker", "1.16"),
    ],
)  # fmt: skip
def test_versions_of_firecracker(name: str, title: str) -> None:
    assert find_vmm(name).title == f"Firecracker {title}"


def test_the_saved_file_tells_the_version() -> None:
    assert vmm_for("firecracker-vmstate", "Firecracker, snapshot format 8.0.0") == "firecracker-1.13"
    assert vmm_for("firecracker-vmstate", "Firecracker, snapshot format 6.0.0") == "firecracker-1.7"
    assert vmm_for("firecracker-json", "Firecracker 1.16.0-dev") == "firecracker"
    assert vmm_for("cloud-hypervisor", "Cloud Hypervisor") == "cloud-hypervisor"


@pytest.mark.parametrize(
    ("vmm", "line"),
    [
        ("firecracker-1.2", "Failed to restore the state of the vcpu: Failed to set register: Invalid argument"),
        ("firecracker-1.12", f"Failed to set register {ID_AA64PFR0_EL1}: Invalid argument (os error 22)"),
        ("firecracker", f"Failed to set register 0x{ID_AA64PFR0_EL1:016x} to value 0x"),
    ],
)
def test_what_firecracker_prints_by_version(vmm: str, line: str) -> None:
    source = saved_with(shipped("neoverse-n2", "6.12"), "psci")
    wrong = dict(source.vcpus[0].values) | {ID_AA64PFR0_EL1: 0xFFFF}
    vcpu = msgspec.structs.replace(source.vcpus[0], values=wrong)
    report = check(msgspec.structs.replace(source, vcpus=(vcpu,)), shipped("neoverse-n2", "6.12"), vmm)
    assert report.messages[0].startswith(line)


def test_a_snapshot_with_a_pmu_is_refused_by_name_from_1_16_on() -> None:
    rule = find_vmm("firecracker")
    assert rule.printed_creation(0, 22, ("pmu",)) == (
        "Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features.",
    )
    assert find_vmm("firecracker-1.15").printed_creation(0, 22, ("pmu",)) == (
        "Error initializing the vcpu: Invalid argument (os error 22)",
    )


def test_the_vector_lengths_come_before_the_vcpu_is_finalised() -> None:
    rule = find_vmm("cloud-hypervisor")
    assert VcpuSetup(features=int(Feature.PSCI)).describe() == "psci"
    assert rule.order({V0: 0, SVE_VLS: 1, X3: 2}) == (SVE_VLS, X3)
    assert find_vmm("cloud-hypervisor-52").order({V0: 0, X3: 2}) == (V0, X3)


@pytest.mark.parametrize(
    ("given", "verdict", "features"),
    [
        (Given(kernel="6.12", vmm="cloud-hypervisor"), "uncertain", "psci,pmu"),
        (Given(kernel="6.12", vmm="cloud-hypervisor", host="ID_AA64PFR0_EL1.SVE=0"), "loads", "psci,pmu"),
        (Given(kernel="6.12", vmm="cloud-hypervisor", host="ID_AA64PFR0_EL1.SVE=1"), "fails", "psci,pmu,sve"),
        (Given(kernel="6.12", vmm="cloud-hypervisor", assume="core"), "fails", "psci,pmu,sve"),
        (Given(kernel="6.12", vmm="cloud-hypervisor-41"), "loads", "psci,pmu"),
    ],
    ids=["nothing", "no SVE", "SVE", "as its core", "asks for none"],
)
def test_a_host_that_a_saved_vm_does_not_show_may_have_what_its_core_has(
    given: Given, verdict: str, features: str
) -> None:
    """A VM without SVE on a Neoverse N2: firmware, a hypervisor below or the command line may hide SVE there."""
    source = saved_with(shipped("neoverse-n2", "6.12"), "psci,pmu")
    report = migrate(source, SAME_HOST, given, ways_out=False)
    assert (report.verdict, report.features) == (verdict, features), report.headline


@pytest.mark.parametrize(
    ("vmm", "tool", "read"),
    [
        ("firecracker-1.17", "Firecracker 1.13 or 1.14, snapshot format 8.0.0", False),
        ("firecracker-1.16", "Firecracker 1.13 or 1.14, snapshot format 8.0.0", False),
        ("firecracker-1.14.4", "Firecracker 1.13 or 1.14, snapshot format 8.0.0", True),
        ("firecracker-1.13", "Firecracker 1.13 or 1.14, snapshot format 8.0.0", True),
        ("firecracker-1.15.1", "Firecracker 1.15, snapshot format 9.0.0", True),
        ("firecracker-1.15", "Firecracker 1.15, snapshot format 9.0.0", True),
        ("firecracker-1.12", "Firecracker 1.15, snapshot format 9.0.0", False),
        ("firecracker-1.12", "Firecracker 1.9, snapshot format 3.0.0", False),
        ("firecracker-1.9.1", "Firecracker 1.9, snapshot format 3.0.0", True),
        ("firecracker-1.10", "Firecracker 1.9, snapshot format 3.0.0", True),
        ("firecracker-1.12", "Firecracker, snapshot format 6.0.0", True),
        ("firecracker-1.12", "Firecracker 1.6 or older, snapshot data 2", False),
        ("firecracker-1.5", "Firecracker 1.6 or older, snapshot data 2", True),
        ("firecracker-1.5", "Firecracker 1.7, snapshot format 1.0.0", False),
        ("firecracker-1.17", "Firecracker, snapshot format 12.0.0", True),
        ("firecracker-1.17", "Firecracker, snapshot format 13.0.0", True),
        ("firecracker-1.16", "Firecracker, snapshot format 13.0.0", False),
        ("firecracker-1.17", "Firecracker 1.14.0", True),
        ("qemu", "Firecracker 1.15, snapshot format 9.0.0", True),
    ],
)
def test_a_firecracker_reads_snapshots_of_its_own_format(vmm: str, tool: str, read: bool) -> None:
    """SNAPSHOT_VERSION at each tag and Snapshot::load(); a fingerprint, which is no snapshot, is not judged by it."""
    assert (find_vmm(vmm).cannot_read(tool) == "") is read


def test_a_snapshot_of_another_format_fails_before_any_write() -> None:
    """Users' case 19: the registers would load, and the file is not read."""
    like = saved_with(shipped("neoverse-n2", "6.12"), "psci")
    tool = Untrusted("Firecracker 1.13 or 1.14, snapshot format 8.0.0")
    source = msgspec.structs.replace(like, provenance=msgspec.structs.replace(like.provenance, tool=tool))
    there = shipped("neoverse-n2", "6.12")
    assert check(source, there, "firecracker-1.14").verdict == "loads"
    report = migrate(source, there, Given(vmm="firecracker-1.16"))
    assert report.verdict == "fails" and not report.fatal and report.messages == ()
    unread = "Firecracker 1.16 does not read snapshot format 8.0.0, which Firecracker 1.13 and 1.14 write"
    assert report.headline == f"fails before any write: {unread}"
    assert [(s.name, s.reached) for s in report.steps][:2] == [("file", True), ("writes", False)]
    (way,) = report.ways_out
    assert "firecracker-1.13" in way.how[0]
    rows = migrate_all_kernels(source, Given(vmm="firecracker-1.16"), [load_policy("6.12"), load_policy("6.18")]).rows
    assert [row.verdict for row in rows] == ["fails", "fails"]
    assert all("does not read" in row.headline for row in rows)


@pytest.mark.parametrize("ways_out", [True, False])
def test_a_host_without_vgicv3_creates_no_vcpu_to_write_to(ways_out: bool) -> None:
    """The other features are not to blame: told as lacking, each write was refused with ENOEXEC."""
    host = load_text("# host\nMIDR_EL1 = 0x410fd493\nID_AA64PFR0_EL1 = 0x1201001120110112\n", "host.txt")
    given = Given(kernel="6.12")
    for release in ("5.10", "6.12"):
        with pytest.raises(CreationError, match=r"^host\.txt: host under Linux 6\.12: has no vGICv3") as told:
            migrate(shipped("neoverse-n2", release), host, given, ways_out=ways_out)
        assert "--gic none" in str(told.value)
    without = msgspec.structs.replace(given, gic="none")
    assert all(f.errno_name != "ENOEXEC" for f in migrate(shipped("neoverse-n2", "6.12"), host, without).findings)


@pytest.mark.parametrize(("vmm", "loads"), [("1.5", False), ("1.6", False), ("1.7", True), ("1.12", True)])
def test_the_vector_lengths_come_too_late_up_to_firecracker_1_6(vmm: str, loads: bool) -> None:
    """Users' case 10, pull request 4413: init_vcpu_fd() finalises the vCPU, then the list is written as it stands."""
    dump = shipped("neoverse-n2", "6.12")
    report = check(saved_with(dump, "psci,sve"), dump, f"firecracker-{vmm}")
    assert (report.verdict == "loads") is loads
    assert [(f.id, f.errno_name) for f in report.fatal] == ([] if loads else [(SVE_VLS, "EPERM")])
    assert check(saved_with(dump, "psci"), dump, f"firecracker-{vmm}").verdict == "loads", "without SVE"
    if not loads:
        whole = migrate(saved_with(dump, "psci,sve"), dump, Given(vmm=f"firecracker-{vmm}"))
        assert not [way for way in whole.ways_out if way.kind in ("kernel", "patch")], "no kernel changes the order"
