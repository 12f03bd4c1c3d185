"""Ways out: each is offered only where it is true, and works when the check is asked again with it applied."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.checks.machine.destination import SAME_HOST, SameHost
from inspector.checks.machine.question import Given
from inspector.checks.remedies.kernel_ranges import distinct_kernels
from inspector.checks.remedies.templates import bitmap
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport, WayOut
from inspector.checks.vmms.needed import needed
from inspector.checks.vmms.table import ALL
from inspector.errors import InspectorError
from inspector.policies.loader import load_policy
from inspector.policies.points import policy_names
from inspector.policies.setup import parse_features
from inspector.registers.encoding import bitmap_id, ccsidr_id, make_id, sysreg_id
from inspector.registers.ids import TIMERS
from inspector.sources.dump import Cpu, Dump
from tests.checks.material import CLIDR, MIDR, MMFR2, MMFR4_32, changed, shipped
from tests.sources.material import dump_of

TCR2 = sysreg_id(3, 0, 2, 0, 3)


def ways(report: MigrationReport, kind: str) -> list[WayOut]:
    return [w for w in report.ways_out if w.kind == kind]


def test_the_ccidx_case_has_kernels_a_file_and_two_patches() -> None:
    report = migrate(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12"), Given(vmm="qemu-10.0"))
    (kernel,) = ways(report, "kernel")
    assert kernel.title.startswith("Linux 5.19 to 6.2 on the destination") and kernel.settles_all
    (file,) = ways(report, "file")
    assert file.settles_all and "CCIDX" in file.notices and "vcpu-inspector fix" in file.how[0]
    told = {w.how[0]: w.notices for w in ways(report, "patch")}
    assert any("tolerant" in how and "0x1221011112001011 instead" in text for how, text in told.items())
    assert any("keep" in how and "as saved" in text for how, text in told.items())
    assert not ways(report, "vcpu-option") and not ways(report, "machine") and not ways(report, "pinning")


@pytest.mark.parametrize("kernel", ["5.19", "6.1", "6.2"])
def test_the_kernels_that_are_named_do_load_it(kernel: str) -> None:
    assert migrate(shipped("neoverse-n2", "6.1"), "same-host", Given(kernel, "qemu-10.0")).verdict == "loads"
    patched = load_policy("6.12+mask-ccidx-tolerant")
    assert migrate(shipped("neoverse-n2", "6.1"), "same-host", Given(patched, "qemu-10.0")).verdict == "loads"


@pytest.mark.parametrize(
    ("features", "option"),
    [
        ("psci,sve,ptrauth", "-cpu host,pmu=on"),
        ("psci,pmu,ptrauth", "-cpu host,sve=on"),
        ("psci,pmu,sve", "-cpu host,pauth=on"),
        ("psci", "-cpu host,pmu=on,sve=on,pauth=on"),
    ],
)
def test_a_vcpu_option_that_is_off_comes_first(features: str, option: str) -> None:
    source = shipped("neoverse-n2", "6.12")
    report = migrate(source, source, Given(vmm="qemu-10.0", features=parse_features(features, gic="v3")))
    assert report.ways_out[0].kind == "vcpu-option" and report.ways_out[0].settles_all
    assert report.ways_out[0].how[0] == option


def test_an_option_that_the_source_did_not_have_is_turned_off() -> None:
    source = shipped("neoverse-n2", "6.12")
    without = migrate(
        source, source, Given(vmm="qemu-10.0", features=parse_features("psci,pmu", gic="v3")), ways_out=False
    )
    values = {f.id: f.destination for f in without.findings if f.destination is not None}
    plain = dump_of(values, source="plain.txt", kernel="6.12.107")
    report = migrate(plain, source, Given(vmm="qemu-10.0"))
    assert report.verdict == "fails"
    hows = {w.how[0] for w in ways(report, "vcpu-option")}
    assert {"-cpu host,sve=off", "-cpu host,pauth=off"} <= hows


def test_no_option_is_offered_that_the_host_cannot_do() -> None:
    """cortex-a72 has neither SVE nor pointer authentication."""
    target = shipped("cortex-a72", "6.12")
    report = migrate(shipped("neoverse-n2", "6.12"), target, Given(vmm="qemu-10.0"))
    assert not ways(report, "vcpu-option")
    assert ways(report, "host") and not ways(report, "host")[0].keeps_guest
    assert report.ways_out[-1].kind == "file"


def test_registers_that_only_the_source_has() -> None:
    source, target = shipped("neoverse-n2", "6.12"), shipped("neoverse-n2", "7.3")
    (newer,) = ways(migrate(source, target, Given(vmm="qemu-10.0")), "vmm")
    assert "11.1" in newer.title and newer.settles_all and TCR2 in newer.ids
    other = changed(shipped("cortex-a72", "6.12"), {bitmap_id(3): 0})
    report = migrate(other, shipped("cortex-a72", "6.12"), Given(vmm="qemu-11.1"))
    assert report.verdict == "loads"
    other = changed(shipped("cortex-a72", "6.12"), {bitmap_id(4): 0})
    report = migrate(other, shipped("cortex-a72", "6.12"), Given(vmm="qemu-11.1"))
    (safe, hidden) = ways(report, "machine")
    assert "arm_register_cpreg_mig_tolerance(cpu, 0x6030000000160004, 0, 0, ToleranceNotOnBothEnds);" in safe.how
    assert safe.how[-1] == "-global arm-cpu.x-mig-safe-missing-regs=0x6030000000160004" and safe.settles_all
    assert "x-mig-hidden-regs" in hidden.how[-1] and not hidden.keeps_guest and hidden.settles_all
    assert all("11.1.3 has them not" in "\n".join(way.how) for way in (safe, hidden))


def test_nothing_is_dropped_that_the_guest_needs() -> None:
    """A register that no known feature brings may hold the guest's own state."""
    other = changed(shipped("cortex-a72", "6.12"), {sysreg_id(3, 0, 13, 7, 7): 5})
    report = migrate(other, shipped("cortex-a72", "6.12"), Given(vmm="qemu-11.1"))
    assert report.verdict == "fails" and not ways(report, "machine")


def test_two_ways_together() -> None:
    report = migrate(shipped("neoverse-n2", "7.3"), shipped("neoverse-n2", "6.12"), Given(vmm="qemu-11.1"))
    (both,) = [w for w in report.ways_out if w.title.startswith("two things together")]
    assert both.settles_all and len(both.how) >= 2


def test_firecracker_removes_registers() -> None:
    report = migrate(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12"), Given(vmm="firecracker"))
    (way,) = ways(report, "remove-regs")
    assert way.how[0].startswith("snapshot-editor edit-vmstate remove-regs") and way.settles_all
    assert f"0x{MMFR4_32:016x} 0x{MMFR2:016x}" in way.how[1]
    assert not ways(migrate(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12")), "remove-regs")


def test_a_template_only_where_the_source_kernel_lets_the_value_be_set() -> None:
    """CCIDX cannot be cleared on 6.1; a lower DebugVer can be set on 6.12."""
    ccidx = migrate(shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12"), Given(vmm="firecracker"))
    assert not ways(ccidx, "template")
    dfr0 = sysreg_id(3, 0, 0, 5, 0)
    source = shipped("neoverse-n2", "6.12")
    lower = changed(source, {dfr0: 0xF010305608})
    report = migrate(source, lower, Given(vmm="firecracker"))
    (way,) = ways(report, "template")
    template = json.loads("\n".join(way.how))
    assert template == {"reg_modifiers": [{"addr": f"0x{dfr0:016x}", "bitmap": "0b1000"}]}


def test_template_letters_cover_whole_fields() -> None:
    assert bitmap(0x1020, 0x0020) == "0000" + "x" * 12
    assert bitmap(5, 5) == "x"


def test_pinning_is_for_hosts_with_unlike_cores() -> None:
    """Before 6.3 CCSIDR has to be that of the core on which the write runs."""
    target = shipped("cortex-a72", "6.1")
    source = changed(target, {ccsidr_id(0): 0x700FE03A, CLIDR: 0x82000023})
    report = migrate(source, target, Given(vmm="qemu-10.0"))
    (way,) = ways(report, "pinning")
    assert set(way.ids) == {ccsidr_id(0), CLIDR} and way.settles_all
    assert not ways(migrate(source, shipped("neoverse-n2", "6.1"), Given(vmm="qemu-10.0")), "pinning")
    little = msgspec.structs.replace(
        target, cpus=(Cpu(index=0, values={MIDR: 0x410FD083}), Cpu(index=4, values={MIDR: 0x410FD034}))
    )
    assert ways(migrate(changed(source, {MIDR: 0x410FD034}), little, Given(vmm="qemu-10.0")), "pinning")


def test_nothing_is_offered_for_a_restore_that_loads() -> None:
    assert migrate(shipped("cortex-a72", "6.1"), shipped("cortex-a72", "6.12")).ways_out == ()


def test_a_kernel_of_ones_own_is_judged_by_its_rules_and_not_by_its_number(tmp_path: Path) -> None:
    """Linux 6.1 with caches made up by KVM: a core of the right kind would not help against a short line."""
    path = tmp_path / "own.toml"
    path.write_text(
        'extends = "6.1"\n[[rule]]\nkind = "special"\nname = "cache-registers"\nfunction = "cache-registers"\n'
        'variant = "fabricated"\n'
    )
    source = changed(shipped("neoverse-n2", "6.1"), {ccsidr_id(0): 0})
    ours = migrate(source, shipped("neoverse-n2", "6.1"), Given(load_policy(str(path)), "qemu-10.0"))
    theirs = migrate(source, shipped("neoverse-n2", "6.1"), Given("6.1", "qemu-10.0"))
    assert ccsidr_id(0) in {finding.id for finding in ours.findings if finding.kind == "refused"}
    assert not ways(ours, "pinning")
    assert [way.ids for way in ways(theirs, "pinning")] == [(ccsidr_id(0),)]


NEEDED = [
    *(make_id(0x10, offset) for offset in range(0, 0x52, 2)),
    *(make_id(0x10, offset, 4) for offset in range(0x54, 0xD4, 4)),
    make_id(0x10, 0xD4, 2),
    make_id(0x10, 0xD5, 2),
    *TIMERS,
    sysreg_id(3, 0, 1, 0, 0),
    sysreg_id(3, 0, 2, 0, 0),
    sysreg_id(3, 0, 12, 0, 0),
]
"""X, SP, PC, PSTATE, SP_EL1, ELR, SPSR, V, FPSR, FPCR, timers, SCTLR_EL1, TTBR0_EL1, VBAR_EL1"""


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lost=st.lists(st.sampled_from(NEEDED), max_size=6),
    features=st.sampled_from(["psci", "psci,sve", "psci,pmu,sve,ptrauth"]),
    pair=st.sampled_from([("6.12", "6.1"), ("6.1", "6.12"), ("7.3", "6.12"), ("6.12", "6.12")]),
    vmm=st.sampled_from([vmm.name for vmm in ALL]),
)
def test_no_advice_takes_out_what_every_vcpu_needs(
    lost: list[int], features: str, pair: tuple[str, str], vmm: str
) -> None:
    """Whatever the destination's list lacks: no command names X, SP, PC, V, a timer or an EL1 control register."""
    target = changed(shipped("neoverse-n2", pair[1]), dict.fromkeys(lost))
    try:
        report = migrate(
            shipped("neoverse-n2", pair[0]), target, Given(vmm=vmm, features=parse_features(features, gic="v3"))
        )
    except InspectorError:
        return
    named = {
        int(text, 16) for way in report.ways_out for line in way.how for text in re.findall("0x[0-9a-f]{16}", line)
    }
    assert not named.intersection(NEEDED)
    assert not any(set(way.ids) & set(NEEDED) for way in report.ways_out if way.kind in ("remove-regs", "machine"))


def test_the_registers_that_a_guest_can_do_without() -> None:
    assert all(needed(reg_id, value) for reg_id in NEEDED for value in (None, 0, 1))
    harmless = (MMFR2, MIDR, CLIDR, ccsidr_id(0), bitmap_id(0), sysreg_id(3, 0, 0, 0, 5), sysreg_id(3, 3, 9, 12, 0))
    assert not any(needed(reg_id, 1) for reg_id in harmless)
    key = sysreg_id(3, 0, 2, 1, 0)
    assert needed(key, 5) and not needed(key, 0)


@pytest.mark.parametrize("vmm", ["qemu-10.0", "qemu-11.1", "firecracker", "crosvm"])
@pytest.mark.parametrize("pair", [("6.12", "6.1"), ("6.1", "6.12"), ("7.3", "6.12")])
def test_every_way_that_settles_all_makes_it_load(pair: tuple[str, str], vmm: str) -> None:
    """What is said to settle everything was tried: a copy of the file as `fix` would write it loads."""
    source, target = (shipped("neoverse-n2", kernel) for kernel in pair)
    report = migrate(source, target, Given(vmm=vmm))
    values = {f.id: f.would_pass if f.would_pass is not None else f.destination for f in report.of_kind("refused")}
    for way in ways(report, "file"):
        fixed = msgspec.structs.replace(source, vcpus=changed(source, dict(values)).vcpus)
        assert way.settles_all == (migrate(fixed, target, Given(vmm=vmm), ways_out=False).verdict == "loads")
    for way in ways(report, "remove-regs"):
        fixed = msgspec.structs.replace(source, vcpus=changed(source, dict.fromkeys(way.ids)).vcpus)
        again = migrate(fixed, target, Given(vmm=vmm), ways_out=False)
        assert way.settles_all == (again.verdict == "loads") and len(again.fatal) < len(report.fatal)


def test_the_psci_version_of_vms_to_come() -> None:
    report = migrate(shipped("cortex-a72", "7.3"), shipped("cortex-a72", "6.12"), Given(vmm="qemu-10.0"))
    (way,) = [way for way in ways(report, "machine") if "PSCI" in way.title]
    assert way.how == ("-cpu host,kvm-psci-version=1.1",) and not way.keeps_guest and not way.settles_all
    assert not [
        w
        for w in migrate(shipped("cortex-a72", "7.3"), shipped("cortex-a72", "6.12"), Given(vmm="crosvm")).ways_out
        if "PSCI" in w.title
    ]


@pytest.mark.parametrize(
    ("machine", "words"),
    [("virt-2.6", "pmu=off"), ("virt-4.2", "kvm-no-adjvtime=on"), ("virt-5.1", "kvm-steal-time=off"), ("virt-5.2", "")],
)
def test_what_an_old_machine_type_sets(machine: str, words: str) -> None:
    dump = shipped("cortex-a72", "6.12")
    saved = msgspec.structs.replace(dump, provenance=dump.provenance.told(machine=machine))
    told = [
        r.text
        for r in migrate(saved, dump, Given(vmm="qemu-10.0"), ways_out=False).remarks
        if r.title == "machine type"
    ]
    assert (words in told[0]) if words else not told


@pytest.mark.parametrize("features", ["psci", "psci,pmu", "psci,sve,ptrauth"])
@pytest.mark.parametrize("vmm", ["qemu-10.0", "qemu-11.1"])
def test_the_state_of_a_feature_is_never_hidden_from_what_is_saved(features: str, vmm: str) -> None:
    """A VM started later would run with its PMU or SVE and lose what it stored there at its first move."""
    report = migrate(shipped("neoverse-n2", "6.12"), "same-host", Given("6.12", vmm, parse_features(features)))
    assert report.ways_out
    assert not any("x-mig-hidden-regs" in line for way in report.ways_out for line in way.how)


def test_what_hiding_costs_a_guest_is_said_by_feature() -> None:
    report = migrate(shipped("max", "7.3"), "same-host", Given("6.12", "qemu-11.1"))
    (hiding,) = [way for way in report.ways_out if any("x-mig-hidden-regs" in line for line in way.how)]
    assert hiding.notices.startswith("PMUv3 (PMMIR_EL1): ") and "loses it" in hiding.notices


def test_kernels_are_asked_together_only_where_their_rules_are_the_same() -> None:
    runs = distinct_kernels(policy_names())
    assert [name for _, alike in runs for name in alike] == policy_names()
    assert all(load_policy(name).rules == policy.rules for policy, alike in runs for name in alike)
    assert len(runs) < len(policy_names())


def test_the_command_of_fix_names_the_destination_and_the_kernel_that_was_asked() -> None:
    """A host's registers are a destination like any other, and a kernel that was named is asked again."""
    source, there = shipped("neoverse-n2", "6.1"), shipped("neoverse-n2", "6.12")
    host = msgspec.structs.replace(there, vcpus=())
    asked: list[tuple[Dump | SameHost, str | None]] = [
        (host, None), (host, "6.18"), (there, "6.12.57"), (there, None), (SAME_HOST, "6.12")
    ]  # fmt: skip
    for where, kernel in asked:
        report = migrate(source, where, Given(vmm="qemu-10.0", kernel=kernel))
        (way,) = ways(report, "file")
        named = where if isinstance(where, str) else where.provenance.source
        words = f" --kernel {load_policy(kernel).name} " if kernel else " --vmm "
        assert f" {named}{words}" in way.how[0], way.how
        assert report.destination_provenance.source == ("" if isinstance(where, str) else named)


def test_a_patch_that_has_no_part_in_what_is_refused_is_no_way_out() -> None:
    """A vCPU without PMU on a destination with a vCPU alone: its model takes what the dump shows refused."""
    there = msgspec.structs.replace(shipped("neoverse-n2", "5.10"), host=None)
    dfr0 = sysreg_id(3, 0, 0, 1, 2)
    source = changed(there, {dfr0: there.vcpus[0].values[dfr0] & ~(0xF << 24)})
    report = migrate(source, there, Given(vmm="firecracker-1.14"))
    assert [f.id for f in report.fatal] == [dfr0]
    assert not ways(report, "patch")
    assert not any(way.settles_all for way in ways(report, "kernel")), "its own kernel refuses it"
