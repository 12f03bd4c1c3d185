"""Twenty cases that users really had: each test builds what the user held in hands and checks the answer.

Where a case cannot be rebuilt, `NOT_REBUILT` says what is missing and what the test checks instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from inspector.checks.baseline.baseline import baseline
from inspector.checks.compare.compare import compare
from inspector.checks.explain.explain import explain
from inspector.checks.explain.result import Explanation
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate, migrate_all_kernels
from inspector.checks.restore.result import Finding, MigrationReport
from inspector.policies.changes import changes
from inspector.policies.loader import load_policy
from inspector.registers.caches import read_caches
from inspector.registers.catalog import by_id, find
from inspector.registers.encoding import bitmap_id, ccsidr_id, sysreg_id
from inspector.sources import load
from inspector.sources.dump import Dump, Host, Provenance
from inspector.untrusted import Untrusted
from tests.checks.material import pmu_ids
from tests.shared_material import shared

NOT_REBUILT = {
    2: "Linux 4.18 is older than every modelled kernel: the two register lists are compared, no verdict is given",
    6: "a core switch between two ioctls cannot be simulated: each cluster is tried as source and as destination",
    11: "the snapshot attached to the report is not at hand: another machine's registers stand for it",
    12: "the thread never found the cause: that the two processors' identification differs is what the answer can say",
    13: "no dump of either machine is at hand: a Cortex-A72 and a newer core stand for them",
    16: "of the nine fingerprints three are at hand: Graviton3 on 5.10 and 6.18 stands for the matrix",
    20: "the cause was never found upstream: that the saved clock is missing or stands still is what can be shown",
}
"""Case -> why it is not rebuilt in full."""

MIDR, PFR0, PFR1_32 = sysreg_id(3, 0, 0, 0, 0), sysreg_id(3, 0, 0, 4, 0), sysreg_id(3, 0, 0, 1, 1)
CLIDR, CTR = sysreg_id(3, 1, 0, 0, 1), sysreg_id(3, 3, 0, 0, 1)
ZFR0 = sysreg_id(3, 0, 0, 4, 4)
TIMER_CNT = 0x603000000013DF1A
SVE_VLS = 0x606000000015FFFF


def vm(
    like: str,
    name: str,
    put: Mapping[int, int] | None = None,
    drop: Iterable[int] = (),
    kernel: str = "",
    vcpus: int = 1,
) -> Dump:
    """A shipped dump's vCPU as another VM: some registers changed, some missing, perhaps under another kernel."""
    shipped = load(f"builtin:{like}")
    vcpu = shipped.vcpus[0]
    gone = frozenset(drop)
    values = {i: v for i, v in {**vcpu.values, **(put or {})}.items() if i not in gone}
    provenance = Provenance(
        source=name,
        kernel=Untrusted(kernel) if kernel else shipped.provenance.kernel,
        kernel_version=Untrusted() if kernel else shipped.provenance.kernel_version,
    )
    nameless = msgspec.structs.replace(vcpu, values=values, guest={}, name=Untrusted())
    made = tuple(msgspec.structs.replace(nameless, index=n) for n in range(vcpus))
    return Dump(provenance=provenance, vcpus=made)


def told(answer: Explanation) -> str:
    """All that an explanation says."""
    fields = [f"{f.name} {f.why}" for r in answer.registers for f in r.fields]
    return " ".join(
        [answer.headline, *answer.conclusions, *answer.next_steps, *(r.why for r in answer.registers), *fields]
        + [f"{g.feature} {g.sentence} {g.harmless}" for g in answer.groups]
    )


def refused(report: MigrationReport) -> list[str]:
    """Names of the refused registers, in order."""
    return list(dict.fromkeys(by_id(f.id).name for f in report.of_kind("refused")))


def finding(report: MigrationReport, reg_id: int) -> Finding:
    """The finding of one register."""
    return next(f for f in report.findings if f.id == reg_id)


LENGTHS = """\
qemu-system-aarch64: Invalid value {} expecting positive value <= {}
qemu-system-aarch64: Failed to load cpu:cpreg_vmstate_array_len
qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'
qemu-system-aarch64: load of migration failed: Invalid argument
"""


def test_case_01_all_saved_vms_unusable_after_an_upgrade() -> None:
    """Armada 8040: the new kernel thought that there is no PMU."""
    answer = explain(LENGTHS.format(236, 162))
    assert "74 is exactly the size of: PMUv3" in told(answer)
    source = vm("cortex-a72-linux-5.10", "saved on 5.10")
    destination = vm("cortex-a72-linux-5.10", "fresh, no PMU", drop=pmu_ids())
    (difference,) = compare([source, destination]).lists
    assert difference.sentence(compare([source, destination]).columns).startswith("74 missing in B: PMUv3")
    report = migrate(source, destination, Given(vmm="qemu-7.2"))
    assert report.verdict == "fails"
    assert {f.id for f in report.of_kind("only_in_source")} == set(pmu_ids())
    assert "before any write" in report.headline


def test_case_02_a_single_register_too_many() -> None:
    """CentOS 8: ID_AA64ZFR0_EL1 is listed only with SVE."""
    said = told(explain(LENGTHS.format(233, 232)))
    assert "SVE (ID_AA64ZFR0_EL1) [not by 5.2 to 5.9 for a vCPU without SVE]" in said
    assert "FEAT_FPMR [since 6.12]" in said
    source, destination = vm("cortex-a72-linux-5.10", "old"), vm("cortex-a72-linux-5.10", "new", drop=[ZFR0])
    answer = compare([source, destination])
    assert [d.group.key for d in answer.lists] == ["zfr0"]
    assert "Linux 5.2 to 5.9" in answer.lists[0].sentence(answer.columns)
    assert "only when the vCPU has SVE" in answer.lists[0].sentence(answer.columns)
    assert 2 in NOT_REBUILT


def test_case_03_vendor_hyp_bitmap_2() -> None:
    """New host to old host: one bitmap that the old kernel does not know."""
    tcr2 = [sysreg_id(3, 0, 2, 0, 3), sysreg_id(3, 0, 10, 2, 2), sysreg_id(3, 0, 10, 2, 3)]
    source = vm("neoverse-n2-linux-6.18", "new", {bitmap_id(3): 0})
    destination = vm("neoverse-n2-linux-6.12", "old", drop=tcr2)
    answer = explain("Failed to load cpu:cpreg_vmstate_array_len", source, destination)
    assert [(g.key, g.ids) for g in answer.groups] == [("bitmap2", (bitmap_id(3),))]
    assert "6.15" in told(answer)
    assert "its value is 0" in told(answer)
    assert "QEMU 11.1 or newer on the destination" in told(answer)


def test_case_04_tcr2_pire0_pir() -> None:
    """Old host to new host: three registers hidden since 6.13 when the feature is absent."""
    source, destination = load("builtin:neoverse-n2-linux-6.12"), load("builtin:neoverse-n2-linux-7.3")
    report = migrate(source, destination, Given(vmm="qemu-10.0"))
    assert report.verdict == "fails"
    names = [by_id(f.id).name for f in report.of_kind("only_in_source")]
    assert names == ["TCR2_EL1", "PIRE0_EL1", "PIR_EL1"]
    assert all("6.13" in f.reason for f in report.of_kind("only_in_source"))
    assert migrate(source, destination, Given(vmm="qemu-11.1")).verdict == "loads"
    text = (
        "handle_cpreg_only_in_incoming_stream: system register op0:3 op1:0 crn:2 crm:0 op2:3 in the incoming"
        " stream but "
    )
    answer = explain(text + "unknown on the destination: fail migration")
    assert "FEAT_TCR2" in told(answer)
    assert "never used them" in told(answer)


def test_case_05_gicv2_vm() -> None:
    """ID_PFR1_EL1.GIC could not be written although its 64-bit twin could."""
    shipped = load("builtin:cortex-a72-linux-6.12").vcpus[0].values
    without = {PFR0: shipped[PFR0] & ~(0xF << 24), PFR1_32: shipped[PFR1_32] & ~(0xF << 28)}
    source = vm("cortex-a72-linux-6.12", "GICv2 VM", without)
    destination = vm("cortex-a72-linux-6.12", "fresh", kernel="6.12.57")
    report = migrate(source, destination)
    assert refused(report) == ["ID_PFR1_EL1"]
    assert [f.name for f in finding(report, PFR1_32).fields] == ["GIC"]
    fixed = vm("cortex-a72-linux-6.12", "fresh", kernel="6.12.107")
    assert migrate(source, fixed).verdict == "loads"
    words = f"{without[PFR1_32]:x} (is {shipped[PFR1_32]:x})"
    answer = explain(f"Could not set register system register op0:3 op1:0 crn:0 crm:1 op2:1 to {words}")
    (register,) = answer.registers
    assert [f.name for f in register.fields] == ["GIC"]
    assert "6.18" in told(answer)
    assert "stable 6.12.60, 6.17.9" in told(answer)
    assert any("newer kernel" in step and "GIC may be lowered since Linux 6.18" in step for step in answer.next_steps)
    words = f"{shipped[PFR1_32]:x} (is {without[PFR1_32]:x})"
    answer = explain(f"Could not set register system register op0:3 op1:0 crn:0 crm:1 op2:1 to {words}")
    assert not any("newer kernel" in step for step in answer.next_steps), "the source has more"


A55 = {
    MIDR: 0x412FD050,
    CLIDR: 0x0A200023,
    ccsidr_id(0): 0x700FE01A,
    ccsidr_id(1): 0x200FE01A,
    ccsidr_id(2): 0x703FE01A,
}
A76 = {
    MIDR: 0x414FD0B1,
    CLIDR: 0x0A200023,
    ccsidr_id(0): 0x701FE03A,
    ccsidr_id(1): 0x201FE03A,
    ccsidr_id(2): 0x707FE03A,
}


def test_case_06_big_little_random_failures() -> None:
    """RK3588: CCSIDR of the two clusters differ, and kernels before 6.3 want equality."""
    for text in ("qemu: Failed to put registers after init: Invalid argument", "[ 0.1] CPU1: failed to boot: -22",
                 "psci: failed to boot CPU1 (-22)"):  # fmt: skip
        said = told(explain(text))
        assert "6.3" in said
        assert "CCSIDR" in said
    little, big = vm("cortex-a72-linux-6.1", "A55", A55), vm("cortex-a72-linux-6.1", "A76", A76)
    for source, destination in ((little, big), (big, little)):
        names = refused(migrate(source, destination))
        assert {"CCSIDR[0]", "CCSIDR[1]", "CCSIDR[2]"} <= set(names)
    pinned = migrate(big, big)
    assert pinned.verdict == "loads"
    fields = {(r.name, f.name) for r in compare([little, big]).feature_registers for f in r.fields}
    assert {("MIDR_EL1", "PartNum"), ("CCSIDR[2]", "NumSets")} <= fields
    new_little, new_big = vm("cortex-a72-linux-6.12", "A55", {MIDR: A55[MIDR]}), vm("cortex-a72-linux-6.12", "A76", A55)
    assert not any(name.startswith("CCSIDR") for name in refused(migrate(new_big, new_little)))
    assert 6 in NOT_REBUILT


def test_case_07_caches_missing_in_the_guest() -> None:
    """KVM makes CLIDR up: one unified level, unlike the device tree."""
    values = {CLIDR: 0x2000021, CTR: 0x9444C004, **{ccsidr_id(n): 2 for n in range(14)}}
    caches = read_caches(values)
    assert all(cache.fabricated for level in caches.levels for cache in level.caches)
    assert any("made up by KVM" in note for note in caches.notes)


def test_case_08_cache_register_right_on_the_first_vcpu_only() -> None:
    """PSCI CPU_ON reset CLIDR on 6.3 to 6.9."""
    two = vm("neoverse-n2-linux-6.12", "guest", vcpus=2)
    second = msgspec.structs.replace(two.vcpus[1], values={**two.vcpus[1].values, CLIDR: 0xC3000123})
    source = msgspec.structs.replace(two, vcpus=(two.vcpus[0], second))
    answer = compare([source, vm("neoverse-n2-linux-6.12", "other")])
    assert [r.name for r in answer.feature_registers] == ["CLIDR_EL1"]
    report = migrate(source, load("builtin:neoverse-n2-linux-6.12"))
    remark = next(r for r in report.remarks if CLIDR in r.ids and len(r.vcpus) == 2)
    assert "CPU_ON" in remark.text
    assert "6.9" in remark.text


def test_case_09_cloud_hypervisor_snapshot_with_sve() -> None:
    """V registers are no core registers any more once the vCPU has SVE."""
    said = told(explain("Error: VcpuSnapshot(GetAarchCoreRegister(Invalid argument (os error 22)))"))
    assert "SVE" in said
    assert "V registers" in said
    assert "finalised" in said


def test_case_10_vector_lengths_too_late() -> None:
    """Firecracker wrote the vector lengths after the vCPU was finalised."""
    answer = explain(f"Failed to set register {SVE_VLS:#x} to value 0x1: Operation not permitted (os error 1)")
    (register,) = answer.registers
    assert register.name == "SVE_VLS" or "VLS" in register.name
    assert "before the vCPU is finalised" in register.why
    assert register.errno_name == "EPERM"


def test_case_11_cloud_hypervisor_names_no_register() -> None:
    """Only SetSysRegister and an errno: the restore is simulated to find the register."""
    source, destination = load("builtin:neoverse-n2-linux-6.12"), load("builtin:cortex-a72-linux-6.12")
    answer = explain("VmRestore(SetSysRegister(Invalid argument (os error 22)))", source, destination)
    assert answer.simulation is not None
    assert answer.simulation.vmm == "cloud-hypervisor"
    assert answer.simulation.first is not None
    assert "MIDR_EL1" in told(answer) or by_id(answer.simulation.first.id).name in told(answer)
    assert 11 in NOT_REBUILT


def test_case_12_same_core_name_other_revision() -> None:
    """RK3588 to Raspberry Pi 5, both Cortex-A76: the migration ends after 30 GB, the check before."""
    caches = {i: v for i, v in A76.items() if i != MIDR}
    source = vm("cortex-a72-linux-6.1", "RK3588", {MIDR: 0x414FD0B0, **caches})
    destination = vm("cortex-a72-linux-6.1", "Pi 5", {MIDR: 0x414FD0B1, **caches})
    report = migrate(source, destination)
    assert report.verdict == "fails"
    assert refused(report) == ["MIDR_EL1"]
    assert [f.name for f in finding(report, MIDR).fields] == ["Revision"]
    assert 12 in NOT_REBUILT


def test_case_13_pi_4_to_pi_5() -> None:
    """An older core to a newer one: no kernel makes it work."""
    source, destination = load("builtin:cortex-a72-linux-6.12"), load("builtin:max-linux-6.12")
    report = migrate(source, destination)
    assert report.verdict == "fails"
    assert refused(report)[0] == "MIDR_EL1"
    level = baseline([source, destination])
    midr = next(o for o in level.obstacles if o.id == MIDR)
    assert "6.15" in midr.reason
    assert 13 in NOT_REBUILT


def test_case_14_two_altra_max_machines() -> None:
    """Same core, CTR_EL0 differs in DIC; writable from 6.11."""
    put = {True: {CTR: 0xB444C004}, False: {CTR: 0x9444C004}}
    for kernel, refuses in (("6.1", ["CTR_EL0"]), ("6.12", [])):
        source = vm(f"neoverse-n2-linux-{kernel}", "Altra A", put[False])
        destination = vm(f"neoverse-n2-linux-{kernel}", "Altra B", put[True])
        assert refused(migrate(source, destination)) == refuses
        level = baseline([source, destination])
        assert [(f.name, f.writable_since) for f in level.fields] == ([] if refuses else [("DIC", "6.11")])
    back = migrate(vm("neoverse-n2-linux-6.12", "B", put[True]), vm("neoverse-n2-linux-6.12", "A", put[False]))
    assert [f.name for f in finding(back, CTR).fields] == ["DIC"]
    assert refused(back) == ["CTR_EL0"]


def test_case_14_the_instruction_cache_of_another_core() -> None:
    """CTR_EL0.L1Ip of a Cortex-A55 (VIPT) on a Cortex-A76 (PIPT): writable from 6.13; reserved values are never."""
    line = "Could not set register op0:3 op1:3 crn:0 crm:0 op2:1 to {} (is 8444c004): Invalid argument"
    answer = explain(line.format("84448004"))
    assert "from 6.13 L1Ip from PIPT to VIPT as well" in told(answer)
    assert any("L1Ip may be lowered since Linux 6.13" in step for step in answer.next_steps)
    answer = explain(line.format("84440004"))
    assert "takes 0 from no VM" in told(answer)
    assert not any("may be lowered" in step for step in answer.next_steps)


@pytest.mark.parametrize(
    ("place", "wanted", "offered", "less"),
    [
        ("op0:3 op1:0 crn:0 crm:7 op2:0", 0xF0000000, 0, True),  # TGRAN4 15 means -1: the source lacks the granule
        ("op0:3 op1:0 crn:0 crm:7 op2:0", 0, 0xF0000000, False),
        ("op0:3 op1:0 crn:0 crm:6 op2:0", 0x10, 0x20, True),  # ID_AA64ISAR0_EL1.AES
        ("op0:3 op1:0 crn:0 crm:6 op2:0", 0x20, 0x10, False),
    ],
)
def test_what_the_source_has_more_goes_by_the_sign_of_the_field(
    place: str, wanted: int, offered: int, less: bool
) -> None:
    answer = explain(f"Could not set register {place} to {wanted:x} (is {offered:x}): Invalid argument")
    assert ("the source has more" in told(answer)) is not less
    assert any("may be lowered since Linux 6." in step for step in answer.next_steps) is less


def test_case_15_mpam_is_accepted_and_ignored() -> None:
    """VMs of older kernels carry MPAM = 1, newer ones hide it and tolerate the old value."""
    shipped = load("builtin:neoverse-n2-linux-6.1")
    assert shipped.host is not None
    mpam = 1 << 40
    host = Host(values={**shipped.host.values, PFR0: shipped.host.values[PFR0] | mpam}, ccsidr=shipped.host.ccsidr)
    vcpu = msgspec.structs.replace(
        shipped.vcpus[0], values={**shipped.vcpus[0].values, PFR0: shipped.vcpus[0].values[PFR0] | mpam}
    )
    source = msgspec.structs.replace(shipped, host=host, vcpus=(vcpu,))
    report = migrate(source, "same-host", Given("6.12"))
    found = finding(report, PFR0)
    assert found.kind == "changed"
    assert found.errno == 0
    assert found.after == vcpu.values[PFR0] & ~mpam
    assert finding(migrate(source, "same-host", Given("6.1")), PFR0).kind == "accepted"
    strict = finding(migrate(source, "same-host", Given("6.2+hide-mpam")), PFR0)
    assert (strict.kind, [f.name for f in strict.fields]) == ("refused", ["MPAM"])


def test_case_16_firecracker_across_kernels() -> None:
    """Graviton3, 5.10 to 6.18: what the tests that passed falsely should have told."""
    old = load(str(shared("samples", "firecracker", "fingerprint_ARM_NEOVERSE_V1_5.10host.json")))
    new = load(str(shared("samples", "firecracker", "fingerprint_ARM_NEOVERSE_V1_6.18host.json")))
    report = migrate(old, new, Given(vmm="firecracker"))
    assert report.verdict == "fails"
    names = refused(report)
    assert {"ID_AA64MMFR2_EL1"} <= set(names)
    fields = {(r.name, f.name) for r in compare([old, new]).feature_registers for f in r.fields}
    assert {
        ("ID_AA64MMFR2_EL1", "CCIDX"), ("ID_AA64MMFR2_EL1", "NV"), ("ID_AA64PFR0_EL1", "GIC"),
        ("ID_AA64PFR0_EL1", "MPAM"), ("ID_AA64DFR0_EL1", "PMUVer"), ("ID_AA64DFR0_EL1", "PMSVer"),
    } <= fields  # fmt: skip
    assert any(d.group.key == "pmu" and len(d.group.ids) == 74 for d in compare([old, new]).lists)
    assert 16 in NOT_REBUILT


def test_case_17_libvirt_cannot_name_the_cpu() -> None:
    """`Cannot find CPU model with PVR` is noise."""
    answer = explain("error: internal error: Cannot find CPU model with PVR 0xd0b")
    assert "harmless" in told(answer)
    assert "A76" in told(answer)
    assert answer.headline == "nothing here stops a restore"


def test_case_18_what_changed_between_kernel_releases() -> None:
    """The list that operators must pin, made from the policies."""
    found = [c for c in changes(load_policy("6.1"), load_policy("6.12")) if c.what == "shown"]
    hidden = {(c.register, c.field): c.reference for c in found}
    for register in ("ID_AA64MMFR2_EL1", "ID_MMFR4_EL1"):
        assert "bf48040cd9b0" in hidden[register, "CCIDX"]
    assert ("ID_AA64PFR0_EL1", "MPAM") in hidden


@pytest.mark.parametrize(("version", "release"), [("8.0.0", "1.13"), ("12.0.0", "1.17"), ("6.0.0", "1.12")])
def test_case_19_snapshot_format(version: str, release: str) -> None:
    """Snapshots stranded by another Firecracker release."""
    said = told(explain(f"Failed to restore from snapshot: Unsupported snapshot data version {version}"))
    assert f"Firecracker {release}" in said


def test_case_20_a_vcpu_spins_after_migration() -> None:
    """Timers are suspected: the ids with swapped encodings, and a clock that was not saved."""
    assert "swap" in by_id(TIMER_CNT).note.lower() or "swap" in find("0x603000000013df1a").register.note.lower()
    source = vm("neoverse-n2-linux-6.12", "guest", drop=[TIMER_CNT])
    report = migrate(source, load("builtin:neoverse-n2-linux-6.12"), Given(vmm="cloud-hypervisor"))
    remark = next(r for r in report.remarks if TIMER_CNT in r.ids)
    assert "clock" in remark.text
    assert 20 in NOT_REBUILT


def test_all_kernels_answer_for_a_ccidx_guest() -> None:
    """Where can the VM of the seed question go? Up to 6.2, and nowhere from 6.3 on."""
    matrix = migrate_all_kernels(load("builtin:neoverse-n2-linux-6.1"), Given(vmm="qemu-11.1"))
    by_kernel = {row.kernel: row for row in matrix.rows}
    assert by_kernel["6.1.176"].verdict == "loads"
    assert by_kernel["6.12.107"].verdict == "fails"
    assert by_kernel["6.12.107"].first is not None
    assert by_id(by_kernel["6.12.107"].first.id).name == "ID_MMFR4_EL1"


def test_where_dumps_name_the_registers_nothing_is_guessed_from_their_number() -> None:
    source, destination = load("builtin:neoverse-n2-linux-6.12"), load("builtin:neoverse-n2-linux-7.3")
    said = told(explain(LENGTHS.format(269, 268), source, destination))
    assert "3 unknown to the destination: FEAT_TCR2 / FEAT_S1PIE" in said
    assert "exactly the size" not in said and "counts fit" not in said
    assert "nothing in the text shows that KVM" not in said, "the dump is KVM's"
