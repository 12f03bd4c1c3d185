"""Which kernel is asked about which vCPU, and why it may have no answer."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given, ask, own_question
from inspector.checks.machine.source_kernel import asked_kernel, own_kernel
from inspector.errors import InspectorError, PolicyError
from inspector.policies.setup import FEATURE_WORDS, QEMU_SETUP, VcpuSetup, feature_of, parse_features
from inspector.registers.ids import ID_AA64PFR0_EL1, ZCR_EL1
from inspector.sources.dump import Accelerator, Dump, Provenance, Vcpu
from inspector.untrusted import Untrusted
from tests.checks.material import shipped

N2 = "builtin:neoverse-n2-linux-6.1"


@pytest.mark.parametrize(
    ("text", "base", "patches", "title"),
    [
        ("6.12", "6.12", (), "Linux 6.12"),
        ("6.2+mask-ccidx", "6.2", ("mask-ccidx",), "Linux 6.2+mask-ccidx"),
        ("6.12.107+deb13-cloud-arm64", "6.12.107+deb13-cloud-arm64", (), "Linux 6.12.107"),
    ],
)
def test_a_text_names_base_and_patches(text: str, base: str, patches: tuple[str, ...], title: str) -> None:
    question = ask(text)
    assert (question.base, question.patches, question.title) == (base, patches, title)
    assert ask(question.text).policy == question.policy


def test_a_policy_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "our kernels" / "amazon.toml"
    path.parent.mkdir()
    path.write_text('extends = "6.1"\ntitle = "ours"\n')
    assert ask(f"{path}+mask-ccidx").title == "amazon+mask-ccidx"
    path.write_text('extends = "6.1"\ntitel = "ours"\n')
    with pytest.raises(PolicyError) as told:
        ask(str(path))
    assert "titel" in str(told.value) and "amazon.toml" in str(told.value) and "\n" not in str(told.value)


def test_features_that_the_kernel_or_host_lacks_are_named() -> None:
    dump = sources.load(N2)
    plain = machine(dump, Given("6.2"))
    for word, error in (("el2", "ENOENT"), ("imp-id", "EINVAL"), ("el1_32bit", "EINVAL")):
        with pytest.raises(InspectorError, match=f"{error}.*because of {word}"):
            machine(dump, Given("6.2", features=plain.setup.toggled(word)))


def test_a_setup_that_nobody_named_is_the_dumps_own() -> None:
    dump = sources.load(N2)
    assert machine(dump, Given("6.12")).setup == dump.vcpus[0].setup
    chosen = parse_features("psci", gic="v3")
    told = machine(dump, ask("6.12", chosen))
    assert told.setup == chosen and not told.vm().init_errno


@pytest.mark.parametrize("word", FEATURE_WORDS)
def test_a_tick_and_its_undoing(word: str) -> None:
    for setup in (VcpuSetup(), QEMU_SETUP):
        once = setup.toggled(word)
        assert once.includes(feature_of(word)) != setup.includes(feature_of(word))
        if word != "el2-e2h0":
            assert once.toggled(word) == setup


def test_e2h0_comes_with_el2_and_goes_with_it() -> None:
    both = VcpuSetup().toggled("el2-e2h0")
    assert both.includes(feature_of("el2")) and both.includes(feature_of("el2-e2h0"))
    assert not both.toggled("el2").includes(feature_of("el2-e2h0"))
    assert both.toggled("el2-e2h0").includes(feature_of("el2"))


def test_the_kernel_of_a_dump_that_names_none_is_told_by_its_list() -> None:
    dump = sources.load(N2)
    unnamed = msgspec.structs.replace(dump, host=None, provenance=dump.provenance.told(kernel="", kernel_version=""))
    assert own_question(dump).policy.point == "6.1.176"
    guessed = own_question(unnamed, dump.vcpus[0])
    assert guessed.policy.version < (6, 3, 0) and "nearest" in guessed.explanation
    with pytest.raises(InspectorError):
        own_question(Dump(provenance=Provenance(source="empty", format="model")))


@pytest.mark.parametrize(
    ("release", "size"),
    [
        ("6.12.57+deb13-arm64", 4096), ("6.12.57+deb14-arm64-16k", 16384), ("6.18.0-1005-nvidia-64k", 65536),
        ("5.14.0-503.el9.aarch64+64k", 65536), ("6.14.8-400.asahi.fc42.aarch64+16k", 16384), ("6.12.0-164kb", 4096),
    ],
)  # fmt: skip
def test_a_release_string_may_say_the_page_size_of_its_host(release: str, size: int) -> None:
    dump = sources.load("builtin:max-linux-6.12")
    named = msgspec.structs.replace(dump, provenance=dump.provenance.told(kernel=release))
    assert machine(named, Given("6.12")).host.page_size == size
    vcpu_alone = msgspec.structs.replace(named, host=None)
    assert machine(vcpu_alone, Given("6.12")).host.page_size == size
    assert machine(named, Given("6.12", host="page-size=4k")).host.page_size == 4096


@pytest.mark.parametrize(("accelerator", "named"), [("kvm", True), ("", True), ("tcg", False), ("hvf", False)])
def test_a_vcpu_that_kvm_did_not_run_has_no_kernel_to_ask(accelerator: Accelerator, named: bool) -> None:
    provenance = Provenance(source="a.mig", format="qemu-stream", accelerator=accelerator)
    dump = Dump(provenance=provenance, vcpus=(Vcpu(index=0, values=shipped("neoverse-n2", "6.12").vcpus[0].values),))
    assert (own_kernel(dump).asked is not None) == named
    if not named:
        with pytest.raises(InspectorError, match=r"not (?:run )?by KVM"):
            asked_kernel(dump)


@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
def test_a_vcpu_that_kvm_did_not_make_proves_nothing_of_its_machine(accelerator: Accelerator) -> None:
    """An emulated vCPU was taken to show that its machine has a vGICv3, SVE and a PMU for guests of KVM."""
    values = {i: v for i, v in shipped("neoverse-n2", "6.12").vcpus[0].values.items() if i != ID_AA64PFR0_EL1}
    provenance = Provenance(source="a.mig", format="qemu-stream", accelerator=accelerator)
    dump = Dump(provenance=provenance, vcpus=(Vcpu(index=0, values=values),))
    shown = machine(dump, Given("6.12"))
    assert bool(shown.exposure.limit_known(ID_AA64PFR0_EL1) >> 24 & 1) == (accelerator == "kvm")
    assert shown.lists(ZCR_EL1) is (True if accelerator == "kvm" else None)


@pytest.mark.parametrize("kept", [False, True], ids=["read", "converted"])
def test_a_debuggers_list_tells_no_kernel(kept: bool) -> None:
    """QEMU shows there what its own emulation of the CPU has, also of a guest that KVM runs."""
    whole = shipped("neoverse-n2", "6.1")
    about = Provenance(source="qmp:/run/vm", format="live", tool=Untrusted("QEMU 7.2.22"))
    dump = msgspec.structs.replace(whole, provenance=about, host=None)
    if kept:
        about = Provenance(source="vm.json", format="dump-json", origin_format=Untrusted("live"))
        dump = msgspec.structs.replace(dump, provenance=about)
    assert own_kernel(dump).asked is None and own_kernel(dump).policy is not None
    with pytest.raises(InspectorError, match=r"through a debugger.*--kernel"):
        asked_kernel(dump)
    named = msgspec.structs.replace(about, kernel=Untrusted("6.1.0-50-cloud-arm64"))
    assert own_kernel(msgspec.structs.replace(dump, provenance=named)).asked is not None
