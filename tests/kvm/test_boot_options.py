"""What a host's command line changes: against recordings of kernels that were booted with it, and by the rules."""

from __future__ import annotations

import lzma
from errno import EINVAL
from pathlib import Path

import msgspec
import pytest

from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.recordings.verify import verify, verify_lines
from inspector.cli import main
from inspector.errors import PolicyError
from inspector.kvm.boot_options import booted, effects, has_word, with_toggled
from inspector.kvm.creation import run_errno, vcpu_init
from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.guest import guest_known
from inspector.kvm.host import HostState, from_raw
from inspector.kvm.host_inputs import cmdline_of, facts, with_cmdline, with_inputs
from inspector.kvm.inference.el0 import el0_values
from inspector.kvm.limits import Limits
from inspector.kvm.mitigations import bhb_levels, spectre_v2_levels
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy
from inspector.policies.release import choose
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.ids import IDS, WORKAROUND_1, WORKAROUND_2, WORKAROUND_3
from inspector.sources import load
from inspector.sources.dump import Dump, Host, Provenance
from tests.kvm.material import MINIMAL, MTE, exposure, host, made_up
from tests.material import files, label

BOOTED = files("recordings-2", "*.jsonl.xz")
PATCHED = "patched-6.6.87-clidr-int-shift-neoverse-n2"


def read(path: Path) -> list[bytes]:
    return lzma.decompress(path.read_bytes()).splitlines(keepends=True)


@pytest.mark.parametrize("path", [path for path in BOOTED if label(path) != PATCHED], ids=label)
def test_every_value_of_a_kernel_that_the_model_was_not_built_on(path: Path) -> None:
    agreement = verify_lines(read(path), path.name)
    assert agreement.perfect, agreement.disagreements[:3]


@pytest.mark.parametrize("path", BOOTED, ids=label)
def test_the_recorded_capabilities_follow_from_registers_and_command_line(path: Path) -> None:
    lines = {line["type"]: line for line in map(msgspec.json.decode, read(path)[:12])}
    asked_of_kvm, kernel = lines["caps"], lines["kernel"]
    bare = from_raw({int(k, 16): int(v, 16) for k, v in lines["host"]["regs"].items()}, {})
    policy = choose(kernel["release"], kernel["version"]).policy
    shown = booted(msgspec.structs.replace(bare, cmdline=kernel["cmdline"]), policy)
    names = ("sve", "ptrauth_address", "ptrauth_generic", "pmu_v3", "el1_32bit", "mte", "el2", "el2_e2h0")
    known = [name for name in names if name in asked_of_kvm and shown.capability_known(name)]
    assert len(known) >= 6 and {n: shown.capability_by_registers(n) for n in known} == {
        n: asked_of_kvm[n] for n in known
    }


@pytest.mark.parametrize(
    "name", [label(path) for path in BOOTED if any(word in path.name for word in ("nomitig", "overrides", "no32"))]
)
def test_without_its_command_line_the_recording_would_not_agree(name: str) -> None:
    lines = read(next(path for path in BOOTED if label(path) == name))
    kernel = next(line for line in lines if line.startswith(b'{"type":"kernel"'))
    bare = msgspec.json.encode({**msgspec.json.decode(kernel), "cmdline": "quiet"}) + b"\n"
    assert not verify_lines([bare if line == kernel else line for line in lines], name).perfect


def asked(kernel: str, cmdline: str, machine: str | HostState = "max", setup: VcpuSetup = MINIMAL) -> Exposure:
    bare = host(machine) if isinstance(machine, str) else machine
    return exposure(msgspec.structs.replace(bare, cmdline=cmdline), kernel, setup)


def field(shown: Exposure, name: str, lsb: int) -> int:
    return shown.limit(IDS[name]) >> lsb & 0xF


@pytest.mark.parametrize(
    ("word", "kernel", "register", "lsb", "value"),
    [
        ("arm64.nobti", "6.1", "ID_AA64PFR1_EL1", 0, 0),
        ("arm64.nobti", "5.11.0", "ID_AA64PFR1_EL1", 0, 1),
        ("kvm-arm.mode=nvhe", "6.12", "ID_AA64MMFR1_EL1", 8, 0),
        ("kvm_arm.mode=nvhe", "6.12", "ID_AA64MMFR1_EL1", 8, 0),
        ("kvm-arm.mode=protected", "6.1", "ID_AA64MMFR1_EL1", 8, 0),
        ("kvm-arm.mode=protected", "6.12", "ID_AA64MMFR1_EL1", 8, 1),
        ("arm64.nomops", "6.12", "ID_AA64ISAR2_EL1", 16, 0),
        ("id_aa64isar2.mops=0", "6.12", "ID_AA64ISAR2_EL1", 16, 0),
        ("id_aa64isar2.wfxt=0", "7.3", "ID_AA64ISAR2_EL1", 0, 0),
        ("id_aa64pfr1.bt=0x0", "6.1", "ID_AA64PFR1_EL1", 0, 0),
        ("id_aa64pfr1.bt=2", "6.1", "ID_AA64PFR1_EL1", 0, 1),
        ("id_aa64isar0.rndr=0", "6.1", "ID_AA64ISAR0_EL1", 60, 1),
        ("arm64.no32bit_el0", "6.12", "ID_AA64PFR0_EL1", 0, 1),
        ("arm64.no32bit_el0", "6.6", "ID_AA64PFR0_EL1", 0, 2),
        ("arm64.nolva", "6.12", "ID_AA64MMFR2_EL1", 16, 0),
        ("arm64.nolva", "6.12", "ID_AA64MMFR0_EL1", 28, 0),
        ("arm64.nolva", "6.12", "ID_AA64MMFR0_EL1", 0, 5),
        ("arm64.no32bit_el0", "6.6+no-32bit-el0", "ID_AA64PFR0_EL1", 0, 1),
        ("id_aa64pfr1.bt=16", "6.1", "ID_AA64PFR1_EL1", 0, 0),
        ("id_aa64pfr1.bt=0x10", "6.8", "ID_AA64PFR1_EL1", 0, 0),
        ("id_aa64pfr1.bt=00", "6.1", "ID_AA64PFR1_EL1", 0, 0),
        ("id_aa64pfr1.bt=0x00", "6.9", "ID_AA64PFR1_EL1", 0, 1),
        ("id_aa64pfr1.bt=16", "6.12", "ID_AA64PFR1_EL1", 0, 1),
        ("id_aa64pfr1.bt=09", "6.1", "ID_AA64PFR1_EL1", 0, 1),
        ("id_aa64pfr1.bt=18446744073709551616", "6.1", "ID_AA64PFR1_EL1", 0, 1),
        ("id_aa64mmfr2.varange=2", "6.12", "ID_AA64MMFR2_EL1", 16, 1),
        ("arm64.nowfxt", "7.3", "ID_AA64ISAR2_EL1", 0, 0),
        ("id_aa64pfr0.el0=1", "6.1+no-32bit-el0", "ID_AA64PFR0_EL1", 0, 1),
        ("quiet -- arm64.nobti", "6.1", "ID_AA64PFR1_EL1", 0, 1),
    ],
)
def test_an_option_changes_a_field(word: str, kernel: str, register: str, lsb: int, value: int) -> None:
    assert field(asked(kernel, f"console=ttyAMA0 {word} quiet"), register, lsb) == value


def test_where_the_release_was_not_read_the_field_is_not_known() -> None:
    assert not asked("6.9.0", "kvm-arm.mode=protected").limit_known(IDS["ID_AA64MMFR1_EL1"]) >> 8 & 0xF


def test_a_cpu_that_cannot_leave_vhe_keeps_it() -> None:
    stuck = made_up(ID_AA64MMFR1_EL1=0x100, ID_AA64MMFR4_EL1=0xF000000)
    assert field(asked("6.12", "kvm-arm.mode=nvhe", stuck), "ID_AA64MMFR1_EL1", 8) == 1


@pytest.mark.parametrize("word", ["arm64.nosve", "arm64.nopauth", "arm64.nomte"])
def test_a_feature_that_is_switched_off_cannot_be_asked_for(word: str) -> None:
    feature = {"arm64.nosve": Feature.SVE, "arm64.nopauth": Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC}
    setup = VcpuSetup(features=int(Feature.PSCI | feature.get(word, Feature.PSCI)), mte=word == "arm64.nomte")
    bare = msgspec.structs.replace(host("max"), capabilities=None)
    assert vcpu_init(exposure(bare, "6.12", setup)) == 0
    assert vcpu_init(asked("6.12", word, bare, setup)) == 22


def test_el0_sees_the_overrides() -> None:
    booted = msgspec.structs.replace(host("max"), cmdline="arm64.nosve arm64.nopauth arm64.nomte")
    before, after = (el0_values(one, load_policy("7.3")) for one in (host("max"), booted))
    assert before[IDS["ID_AA64ZFR0_EL1"]] and not after[IDS["ID_AA64ZFR0_EL1"]]
    assert not after[IDS["ID_AA64PFR0_EL1"]] >> 32 & 0xF and not after[IDS["ID_AA64ISAR1_EL1"]] >> 4 & 0xFF


def test_what_an_earlier_word_took_along_stays_where_a_later_one_decides() -> None:
    """Linux 6.12.118 on an emulated N2 shows ID_AA64PFR0_EL1.SVE 1 and ID_AA64ZFR0_EL1 0 under these words."""
    setup = VcpuSetup(features=int(Feature.PSCI | Feature.SVE))
    shown = asked("6.12.118", "arm64.nosve id_aa64pfr0.sve=1", host("neoverse-n2"), setup).values
    assert shown[IDS["ID_AA64PFR0_EL1"]] >> 32 & 0xF == 1 and shown[IDS["ID_AA64ZFR0_EL1"]] == 0
    told = effects(
        msgspec.structs.replace(host("neoverse-n2"), cmdline="arm64.nosve id_aa64pfr0.sve=1"),
        rulebook(load_policy("6.12.118")),
    )
    assert "what goes with it stays" in told[0].text


@pytest.mark.parametrize(("kernel", "streaming"), [("6.1", 0), ("6.3", 0), ("6.4.0", 1), ("6.12", 1)])
def test_without_sve_there_is_no_sme_until_the_two_were_told_apart(kernel: str, streaming: int) -> None:
    """b2ad9d4e249e, v6.4: until then arm64.nosve was an alias of both overrides."""
    machine = msgspec.structs.replace(
        made_up(ID_AA64PFR0_EL1=0x1_0000_0022, ID_AA64PFR1_EL1=1 << 24, ID_AA64SMFR0_EL1=1 << 63), sme=True
    )
    seen = el0_values(msgspec.structs.replace(machine, cmdline="arm64.nosve"), load_policy(kernel))
    assert seen[IDS["ID_AA64PFR1_EL1"]] >> 24 & 0xF == streaming
    assert bool(seen[IDS["ID_AA64SMFR0_EL1"]]) == bool(streaming)


@pytest.mark.parametrize(
    ("mode", "words"),
    [("nested", "a vCPU may have EL2"), ("protected", "not protected"), ("nvhe", "VH is 0"), ("odd", "not an option")],
)
def test_a_mode_of_kvm_is_told_once_and_as_what_it_is(mode: str, words: str) -> None:
    machine = msgspec.structs.replace(host("max"), cmdline=f"kvm-arm.mode={mode}")
    (told,) = effects(machine, rulebook(load_policy("7.3")))
    assert words in told.text


@pytest.mark.parametrize("kernel", ["6.6", "6.12", "7.0"])
def test_protected_mode_leaves_open_whether_a_guest_reads_the_hardwares_ctr(kernel: str) -> None:
    """On a Neoverse N2 under 7.0.7 the guest read CTR_EL0 without TminLine, which the hardware has (recorded)."""
    words = "kvm-arm.mode=protected"
    evt, ctr = 2 << 56, 0x4_B444_C004
    able, lacking = (made_up(ID_AA64MMFR2_EL1=field, CTR_EL0=ctr, CLIDR_EL1=0xA200023) for field in (evt, 0))
    assert guest_known(asked(kernel, "", able), IDS["CTR_EL0"]) >> 32 & 0x3F == 0x3F
    shown = asked(kernel, words, able)
    assert guest_known(shown, IDS["CTR_EL0"]) & ALL == ALL & ~(0x3F << 32 & ctr)
    assert guest_known(asked(kernel, words, lacking), IDS["CTR_EL0"]) & ALL == ALL
    (told,) = effects(msgspec.structs.replace(able, cmdline=words), rulebook(load_policy("7.3")))
    assert "CTR_EL0" in told.text


@pytest.mark.parametrize("word", ["mitigations=off", "nospectre_bhb"])
@pytest.mark.parametrize("kernel", ["6.1", "6.12", "7.3"])
def test_the_bhb_mitigation_is_off(word: str, kernel: str) -> None:
    assert exposure("neoverse-n2", kernel).firmware[WORKAROUND_3] == 1
    assert asked(kernel, word, "neoverse-n2").firmware[WORKAROUND_3] == 0


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.3"])
def test_without_the_spectre_v2_mitigation_an_affected_cpu_has_no_call_for_it(kernel: str) -> None:
    """spectre_v2_enable_fw_mitigation() and spectre_bhb_enable_mitigation(), arch/arm64/kernel/proton-pack.c."""
    a72 = made_up(MIDR_EL1=0x410FD083)
    for word in ("nospectre_v2", "mitigations=off"):
        off = asked(kernel, word, a72)
        assert spectre_v2_levels(off.host) == (0,) and bhb_levels(off.host, False) == (0,)
        calls = asked(kernel, word, msgspec.structs.replace(a72, spectre_v2=1))
        assert calls.firmware[WORKAROUND_1] == 0
        assert asked(kernel, word, made_up(MIDR_EL1=0x410FD0B1, ID_AA64PFR0_EL1=1 << 56)).firmware[WORKAROUND_1] == 2
    assert spectre_v2_levels(asked(kernel, "", a72).host) == (0, 1)
    assert asked(kernel, "", msgspec.structs.replace(a72, spectre_v2=1)).firmware[WORKAROUND_1] == 1


def test_the_kernel_tells_upper_and_lower_case_apart() -> None:
    shouted = msgspec.structs.replace(host("max"), cmdline="ARM64.NOBTI ID_AA64PFR1.BT=0 Mitigations=off")
    assert field(exposure(shouted, "6.12", MINIMAL), "ID_AA64PFR1_EL1", 0) == 1
    told = effects(shouted, rulebook(load_policy("6.12")))
    assert len(told) == 3 and all("upper and lower case" in one.text for one in told)


@pytest.mark.parametrize(
    ("cmdline", "value"),
    [
        ("arm64.nomte id_aa64pfr1.mte=2", 2),
        ("id_aa64pfr1.mte=1 id_aa64pfr1.mte=2", 2),
        ("id_aa64pfr1.mte=2 arm64.nomte", 0),
        ("arm64.nomte id_aa64pfr1.mte=9", 3),
    ],
)
def test_of_several_words_for_one_field_the_last_decides(cmdline: str, value: int) -> None:
    """match_options() of idreg-override.c keeps one value a field, which is then put over the CPU's own."""
    booted = asked("6.12", cmdline, setup=VcpuSetup(features=int(Feature.PSCI), mte=True)).host
    assert booted.value(IDS["ID_AA64PFR1_EL1"]) >> 8 & 0xF == value
    told = effects(msgspec.structs.replace(host("max"), cmdline=cmdline), rulebook(load_policy("6.12")))
    assert any("a later word decides" in one.text for one in told)


@pytest.mark.parametrize(
    ("word", "kernel", "zfr0"),
    [("id_aa64pfr0.sve=0", "6.6", 0), ("id_aa64pfr0.sve=16", "6.6", 1), ("id_aa64pfr0.sve=a", "6.6", 1)],
)
def test_what_goes_with_a_field_looks_at_the_number_that_was_typed(word: str, kernel: str, zfr0: int) -> None:
    """pfr0_sve_filter() gets the number before it is cut to four bits; kstrtou64() takes no bare hex digit."""
    cpu = made_up(ID_AA64PFR0_EL1=0x1100000000, ID_AA64ZFR0_EL1=1)
    shown = asked(kernel, word, cpu).host
    assert shown.value(IDS["ID_AA64ZFR0_EL1"]) == zfr0
    assert bool(shown.value(IDS["ID_AA64PFR0_EL1"]) >> 32 & 0xF) == word.endswith("a")


@pytest.mark.parametrize(("kernel", "value"), [("7.2", 3), ("7.3", 2)])
def test_the_access_flag_of_tables_can_be_switched_off_since_7_3(kernel: str, value: int) -> None:
    """The word stands in the images of 7.3-rc7 and 7.3.4, and in none of 6.16.3 to 7.2.13."""
    haft = made_up(ID_AA64MMFR1_EL1=3)
    assert asked(kernel, "arm64.nohaft", haft).host.value(IDS["ID_AA64MMFR1_EL1"]) & 0xF == value


def test_a_wide_address_space_can_only_be_switched_off_whole() -> None:
    """mmfr2_varange_filter() refuses every number but 0, also one that would be safe for the field."""
    widest = made_up(ID_AA64MMFR2_EL1=2 << 16)
    assert field(asked("6.12", "id_aa64mmfr2.varange=1", widest), "ID_AA64MMFR2_EL1", 16) == 2


def test_a_cpu_that_needs_no_mitigation_keeps_saying_so() -> None:
    assert asked("6.12", "mitigations=off", "cortex-a72").firmware == exposure("cortex-a72", "6.12").firmware


@pytest.mark.parametrize(
    ("cmdline", "off"),
    [
        ("mitigations=off mitigations=auto,nosmt", ()),
        ("mitigations=off mitigations=nonsense", ("bhb", "spectre-v2", "ssb")),
        ("ssbd=force-off ssbd=kernel", ()),
        ("ssbd=kernel ssbd=force-off", ("ssb",)),
        ("nospectre_v2 mitigations=auto", ("spectre-v2",)),
    ],
)
def test_of_several_settings_of_one_mitigation_the_last_decides(cmdline: str, off: tuple[str, ...]) -> None:
    assert asked("6.12", cmdline).host.mitigations_off == frozenset(off)


@pytest.mark.parametrize("word", ["mitigations=off", "ssbd=force-off"])
def test_without_the_spectre_v4_mitigation_a_vm_without_ssbs_has_none(word: str) -> None:
    no_ssbs = made_up(ID_AA64PFR1_EL1=0x20)
    assert asked("6.12", word, no_ssbs).firmware[WORKAROUND_2] == 0
    assert "ssb" in asked("6.12", word, no_ssbs).host.mitigations_off


def test_each_word_says_what_it_does() -> None:
    machine = msgspec.structs.replace(host("max"), cmdline="quiet arm64.nobti id_aa64pfr1.mte=9 arm64.nosuch nokaslr")
    told = {one.word: one.text for one in effects(machine, rulebook(load_policy("6.12")))}
    assert set(told) == {"arm64.nobti", "id_aa64pfr1.mte=9", "arm64.nosuch"}
    assert "is 0" in told["arm64.nobti"] and "not safe" in told["id_aa64pfr1.mte=9"]
    assert "not an option" in told["arm64.nosuch"]


def test_a_gicv2_host_has_no_vgicv3_and_a_vcpu_that_is_off_waits() -> None:
    with_gic = VcpuSetup(features=int(Feature.PSCI), gic="v3")
    assert vcpu_init(exposure(msgspec.structs.replace(host("max"), vgic="v2"), "7.3", with_gic)) == 19
    off = VcpuSetup(features=int(Feature.PSCI | Feature.POWER_OFF), gic="v3")
    assert run_errno(exposure("max", "7.3", off)) == 4


@pytest.mark.parametrize(
    ("text", "cmdline", "page_size"),
    [
        ('cmdline="arm64.nobti kvm-arm.mode=nvhe",page-size=64k', "arm64.nobti kvm-arm.mode=nvhe", 65536),
        ("page-size=64k,cmdline=arm64.nobti a=1,2", "arm64.nobti a=1,2", 65536),
        ("cmdline=", "", 4096),
        ("page-size=64k", "quiet", 65536),
    ],
)
def test_a_command_line_may_be_given(text: str, cmdline: str, page_size: int) -> None:
    given = with_inputs(msgspec.structs.replace(made_up(), cmdline="quiet"), text)
    assert (given.cmdline, given.page_size) == (cmdline, page_size)


def test_an_input_that_is_none_names_the_command_line_too() -> None:
    with pytest.raises(PolicyError, match="cmdline"):
        with_inputs(made_up(), "command-line=x")


def test_the_command_line_of_a_recording_is_part_of_its_dump_and_of_its_machine() -> None:
    path = next(path for path in BOOTED if "overrides" in path.name)
    dump = load(str(path))
    assert "arm64.nobti" in dump.provenance.cmdline.raw
    answer = machine(dump, Given("6.12"))
    assert not answer.exposure.limit(IDS["ID_AA64PFR1_EL1"]) & 0xF
    assert any("arm64.nobti" in note for note in answer.notes)
    plain = machine(dump, Given("6.12", host="cmdline=quiet"))
    assert plain.exposure.limit(IDS["ID_AA64PFR1_EL1"]) & 0xF


def test_where_the_policy_does_not_fit_its_neighbours_are_tried() -> None:
    path = next(path for path in BOOTED if label(path) == PATCHED)
    answer = verify(str(path))
    assert not answer.perfect and len(answer.sha256) == 64
    assert answer.fits[0].policy == "6.6.87+clidr-int-shift" and answer.fits[0].agreed == answer.compared


def test_verify_sums_up_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for path in BOOTED:
        if "6.8.0-151" in path.name or label(path) == PATCHED:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert main(["verify", "--summary", str(tmp_path)]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 5 and "as 6.6.87+clidr-int-shift" in shown[1] and "100 %" in shown[2]
    assert main(["verify", "--markdown", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("| recording | CPU |")
    (tmp_path / "empty").mkdir()
    assert main(["verify", "--summary", str(tmp_path / "empty")]) == 2


def test_verify_and_predict_take_what_registers_do_not_tell(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(next(path for path in BOOTED if "6.8.0-151-neoverse" in path.name))
    assert main(["verify", "--kernel", "ubuntu-6.8.0-151", "--host", "bhb=vulnerable", path]) == 1
    assert "SMCCC_ARCH_WORKAROUND_3" in capsys.readouterr().out


def test_a_32_bit_vcpu_that_cannot_run_is_no_longer_initialised() -> None:
    setup = VcpuSetup(features=int(Feature.PSCI | Feature.EL1_32BIT))
    shown = asked("6.12", "arm64.no32bit_el0", "cortex-a72", setup)
    machine = Vm(shown.host, shown.policy, setup, exposure=shown)
    assert run_errno(shown) == 22
    machine.mark_ran(22)
    assert machine.vcpus[0].set_one_reg(IDS["CTR_EL0"], 0) == 8


def test_the_facts_that_an_answer_rests_on_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = {one.name: one for one in facts(asked("6.12", "mitigations=off", "neoverse-n2"))}
    assert (
        found["bhb"].word == "vulnerable"
        and found["cmdline"].origin == "recorded"
        and found["vgic"].origin == "inferred or assumed"
    )
    line = ["expose", "builtin:neoverse-n2-linux-6.12", "--kernel", "6.12", "--host", "vgic=none", "--gic", "none"]
    assert main([*line, "--why"]) == 0
    shown = capsys.readouterr().out
    assert "spectre-v2" in shown and "none" in shown and "given" in shown
    assert main([*line, "--why", "CTR_EL0"]) == 0
    assert "No fact of the host" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("register", "names"),
    [
        ("ID_AA64PFR0_EL1", {"spectre-v2", "meltdown", "vgic", "cmdline"}), ("ID_AA64ISAR0_EL1", set()),
        ("ID_AA64PFR1_EL1", {"cmdline"}), ("ID_PFR1_EL1", {"vgic", "aarch32"}), ("ID_AA64MMFR3_EL1", {"poe"}),
        ("ID_AA64MMFR0_EL1", {"page-size"}),
    ],
)  # fmt: skip
def test_only_the_facts_that_bear_on_a_register_are_named(register: str, names: set[str]) -> None:
    shown = exposure(with_inputs(host("neoverse-n2"), "poe=on"), "6.12")
    assert {one.name for one in facts(shown, [IDS[register]])} == names
    assert {one.name for one in facts(shown, [WORKAROUND_2])} == {"ssb", "cmdline"}
    given = exposure(with_inputs(host("neoverse-n2"), "ID_AA64ISAR0_EL1.RNDR=1"), "6.12")
    assert {one.name for one in facts(given, [IDS["ID_AA64ISAR0_EL1"]])} == {"ID_AA64ISAR0_EL1.RNDR"}


def test_no_answer_of_a_kernel_without_the_register_rests_on_its_level() -> None:
    unknown = msgspec.structs.replace(host("neoverse-n2"), known={})
    named = {kernel: {one.name for one in facts(exposure(unknown, kernel))} for kernel in ("5.15.0", "6.1")}
    assert named["6.1"] - named["5.15.0"] == {"bhb"}


def test_a_host_without_gicv3_is_asked_about_a_vm_without_one() -> None:
    raw = Dump(provenance=Provenance(source="host"), vcpus=(), host=Host(values=dict(host("cortex-a72").values)))
    assert raw.host is not None
    pfr0 = IDS["ID_AA64PFR0_EL1"]
    old = msgspec.structs.replace(raw, host=Host(values={**raw.host.values, pfr0: 0x2222}))
    assert machine(raw, Given("6.12")).setup.gic == "v3"
    found = machine(old, Given("6.12"))
    assert found.setup.gic == "none" and any("GIC is 0" in note for note in found.notes)


@pytest.mark.parametrize("path", files("recordings", "*max_nested*") + files("recordings-2", "*nested*"), ids=label)
def test_kvm_in_nested_mode_offers_el2_as_recorded(path: Path) -> None:
    lines = map(msgspec.json.decode, read(path))
    asked_of_kvm = next(line for line in lines if line["type"] == "caps")
    bare = msgspec.structs.replace(host("max_nested"), capabilities=None)
    for cmdline, able in (("kvm-arm.mode=nested", 1), ("kvm-arm.mode=nested kvm-arm.mode=nvhe", 0), ("", 0)):
        shown = asked("6.18", cmdline, bare)
        for name in ("el2", "el2_e2h0"):
            assert shown.host.capability(name) == able * asked_of_kvm[name]


def test_a_cpu_without_nested_virtualisation_offers_no_el2() -> None:
    bare = msgspec.structs.replace(host("cortex-a72"), capabilities=None)
    assert asked("7.3", "kvm-arm.mode=nested", bare).host.capability("el2") == 0


@pytest.mark.parametrize("kernel", ["6.18", "7.3"])
@pytest.mark.parametrize("nested_first", [True, False])
def test_protected_kvm_leaves_nested_mode_no_el2(kernel: str, nested_first: bool) -> None:
    """Recorded on 7.3.4 on QEMU's max: "Malformed early option 'kvm-arm.mode'", and KVM_CAP_ARM_EL2 is 0."""
    line = " ".join(sorted(["kvm-arm.mode=nested", "kvm-arm.mode=protected"], reverse=not nested_first))
    bare = msgspec.structs.replace(host("max_nested"), capabilities=None)
    assert asked(kernel, line, bare).host.capability("el2") == 0
    told = effects(msgspec.structs.replace(bare, cmdline=line), rulebook(load_policy(kernel)))
    assert [one.word for one in told if "does not run at EL2" in one.text] == ["kvm-arm.mode=nested"]
    back = asked(kernel, f"{line} kvm-arm.mode=nvhe", bare)
    assert (back.bare.kvm_mode, back.host.capability("el2")) == ("default", 0)


@pytest.mark.parametrize(
    ("kernel", "word", "told"),
    [
        ("7.3", "kvm-arm.mode=nested", "a vCPU may have EL2"),
        ("6.6", "kvm-arm.mode=nested", "no EL2 for guests yet"),
        ("6.1", "kvm-arm.mode=nested", "not an option of this kernel"),
        ("6.1", "kvm-arm.mode=none", "KVM is switched off"),
        ("5.15", "kvm-arm.mode=none", "not an option of this kernel"),
    ],
)
def test_a_mode_of_kvm_says_what_it_does(kernel: str, word: str, told: str) -> None:
    bare = msgspec.structs.replace(host("max_nested"), cmdline=word, capabilities=None)
    assert any(told in one.text for one in effects(bare, rulebook(load_policy(kernel))))


def test_where_kvm_is_switched_off_there_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    source = "builtin:neoverse-n2-linux-6.12"
    line = ["--kernel", "6.12", "--host", 'cmdline="kvm-arm.mode=none"']
    assert main(["expose", source, *line]) == 2
    assert main(["migrate", source, "same-host", *line]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and all("no /dev/kvm" in text and "--features" not in text for text in told)


def test_the_capabilities_follow_another_command_line() -> None:
    recorded = msgspec.structs.replace(host("max"), capabilities={"sve": 1, "mte": 1, "pmu_v3": 1})
    shown = exposure(with_inputs(recorded, "cmdline=arm64.nosve"), "7.3")
    assert shown.host.capability("sve") == 0 and shown.host.capability("mte") == 1
    was_off = msgspec.structs.replace(host("max"), capabilities={"sve": 0, "pmu_v3": 0}, cmdline="arm64.nosve")
    shown = exposure(with_inputs(was_off, "cmdline="), "7.3")
    assert shown.host.capability("sve") == 1 and shown.host.capability("pmu_v3") == 0


@pytest.mark.parametrize("line", ["", "mitigations=off", 'dyndbg="file x +p" arm64.nobti', '"quoted first" b'])
def test_a_command_line_survives_being_an_input(line: str) -> None:
    text = with_cmdline("page-size=64k,cmdline=old one", line)
    given = with_inputs(made_up(), text)
    assert (given.cmdline, given.page_size) == (line, 65536)
    assert cmdline_of(text) == line and cmdline_of(with_cmdline(text, None)) is None


def test_an_option_is_added_once_and_in_place_of_another_value() -> None:
    line = with_toggled("quiet kvm-arm.mode=nvhe -- init", "kvm-arm.mode=protected")
    assert line == "quiet kvm-arm.mode=protected -- init" and has_word(line, "kvm_arm.mode=protected")
    assert with_toggled(line, "kvm-arm.mode=protected") == "quiet -- init"


def test_the_default_features_of_a_bare_host_follow_its_options() -> None:
    raw = Dump(provenance=Provenance(source="host"), vcpus=(), host=Host(values=dict(host("max").values)))
    assert "sve" in machine(raw, Given("6.12")).setup.describe()
    assert "sve" not in machine(raw, Given("6.12", host="cmdline=arm64.nosve")).setup.describe()


@pytest.mark.parametrize(
    ("kernel", "built", "shown"),
    [
        ("5.18", True, False), ("5.19", True, True), ("6.1", True, True), ("6.1", False, False), ("6.2", None, False),
        ("6.4.6", None, False), ("6.4.6", True, True), ("6.10", True, True), ("6.12", None, False),
        ("6.13", None, True), ("6.13", False, False), ("6.14", True, False), ("6.15", True, False),
        ("7.3", None, True), ("7.3", False, False), ("5.15", True, False),
    ],
)  # fmt: skip
def test_el0_sees_sme_where_the_kernel_was_built_with_it(kernel: str, built: bool | None, shown: bool) -> None:
    whole = made_up(ID_AA64PFR1_EL1=0x2000000, ID_AA64SMFR0_EL1=0x92F15FFF71800001, ID_AA64PFR0_EL1=0x1100000000)
    values = el0_values(msgspec.structs.replace(whole, sme=built), load_policy(kernel))
    assert bool(values[IDS["ID_AA64PFR1_EL1"]] >> 24 & 0xF) == shown
    assert bool(values.get(IDS["ID_AA64SMFR0_EL1"], 0)) == shown


@pytest.mark.parametrize(
    ("kernel", "built", "known", "value"),
    [
        ("7.3", "", False, 1), ("7.3", "poe=on", True, 1), ("7.3", "poe=off", True, 0), ("7.0", "poe=off", True, 0),
        ("6.12.76", "poe=off", True, 1), ("6.12.77", "poe=off", True, 0), ("6.12.77", "", False, 1),
        ("6.18.16", "", True, 1), ("6.18.17", "poe=off", True, 0), ("6.19.6", "", True, 1), ("6.19.7", "", False, 1),
    ],
)  # fmt: skip
def test_permission_overlays_go_with_how_the_kernel_was_built(kernel: str, built: str, known: bool, value: int) -> None:
    has_poe = with_inputs(made_up(ID_AA64MMFR3_EL1=0x10000), built)
    shown, register = Limits(has_poe, choose(kernel).policy, MINIMAL), IDS["ID_AA64MMFR3_EL1"]
    assert bool(shown.limit_known(register) >> 16 & 1) == known
    assert not known or shown.limit(register) >> 16 & 0xF == value
    without = exposure(made_up(), kernel)
    assert without.limit_known(register) >> 16 & 0xF == 0xF and not without.limit(register) >> 16 & 0xF


def test_an_uncertain_overlay_names_what_settles_it() -> None:
    has_poe = made_up(ID_AA64MMFR3_EL1=0x10000)
    vcpu = Vm(has_poe, load_policy("7.3"), MINIMAL).vcpus[0]
    answer = explain_write(vcpu, IDS["ID_AA64MMFR3_EL1"], 0x10000, True)
    assert not answer.certain and {case.settle for case in answer.cases} >= {"--host poe=on", "--host poe=off"}


def test_a_host_without_32_bit_programs_is_an_input_too() -> None:
    plain, narrow = host("cortex-a72"), with_inputs(host("cortex-a72"), "aarch32=off")
    for one, zero in ((plain, False), (narrow, True)):
        assert (exposure(one, "6.12").limit(IDS["ID_ISAR0_EL1"]) == 0) == zero


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cmdline", "lacks its value"), ('cmdline="', "not closed"), ('cmdline="a b', "not closed"),
        ("sme=maybe", "one of: on, off"), ("poe", "one of: on, off"), ("aarch32=on", "says otherwise"),
    ],
)  # fmt: skip
def test_an_input_that_means_nothing_is_one_clear_line(text: str, told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        with_inputs(made_up(ID_AA64PFR0_EL1=0x11), text)


def test_without_32_bit_programs_the_field_says_so_too() -> None:
    shown = exposure(with_inputs(host("cortex-a72"), "aarch32=off"), "6.12")
    assert field(shown, "ID_AA64PFR0_EL1", 0) == 1


@pytest.mark.parametrize(
    ("release", "host_input", "mmfr0"),
    [
        ("6.12.107+deb13-arm64-16k", "", 0x2100_0323_1010_1125),  # recorded
        ("6.12.107+deb13-arm64", "", 0x2100_0323_0020_1125),
        ("6.12.107+deb13-arm64-16k", "page-size=4k", 0x2100_0323_0020_1125),
        ("6.12.74+rpt-rpi-2712", "", 0x2100_0323_1010_1125),
        ("6.12.0-160000.5-64kb", "", 0x2100_0323_1020_1126),
    ],
)
def test_the_name_of_a_kernel_tells_its_page_size(release: str, host_input: str, mmfr0: int) -> None:
    """arm64.nolva takes LPA2 away from the granule that the host's kernel uses (mmfr2_varange_filter())."""
    bare = with_inputs(msgspec.structs.replace(host("max"), page_size=16384), host_input)
    shown = expose(msgspec.structs.replace(bare, cmdline="arm64.nolva"), choose(release).policy, MINIMAL)
    assert shown.limit(IDS["ID_AA64MMFR0_EL1"]) == mmfr0
    if "16k" in release and not host_input:
        named = exposure(msgspec.structs.replace(bare, cmdline="arm64.nolva"), "6.12", MINIMAL)
        assert named.limit(IDS["ID_AA64MMFR0_EL1"]) == mmfr0


@pytest.mark.parametrize(
    ("fields", "offered", "known"),
    [
        ({"ID_AA64ISAR1_EL1": 0x01000010}, 1, True),
        ({"ID_AA64ISAR1_EL1": 0x10000100}, 1, True),
        ({"ID_AA64ISAR2_EL1": 0x1100}, 1, True),
        ({"ID_AA64ISAR1_EL1": 0x00000010}, 0, True),
        ({"ID_AA64ISAR1_EL1": 0x01000000}, 0, True),
        ({}, 0, True),
        ({"ID_AA64ISAR1_EL1": 0x10000010}, 1, False),
    ],
    ids=["QARMA5", "IMPDEF", "QARMA3", "addresses alone", "generic alone", "none", "one of each algorithm"],
)
def test_pointer_authentication_is_offered_whole_or_not_at_all(
    fields: dict[str, int], offered: int, known: bool
) -> None:
    machine = made_up(**fields)
    for name in ("ptrauth_address", "ptrauth_generic"):
        assert (machine.capability(name), machine.capability_known(name)) == (offered, known)


def test_an_option_that_takes_half_of_pointer_authentication_takes_all_of_it() -> None:
    """Recorded on Debian's 6.12.118 on QEMU's max (QARMA5): both capabilities are 0."""
    half = asked("6.12", "id_aa64isar1.apa=0", made_up(ID_AA64ISAR1_EL1=0x01000050)).host
    assert half.capability("ptrauth_generic") == half.capability("ptrauth_address") == 0


@pytest.mark.parametrize(
    ("kernel", "line", "errno"),
    [
        ("6.12", "kvm-arm.mode=protected", 0),
        ("6.19", "kvm-arm.mode=protected", 0),
        ("7.0", "kvm-arm.mode=protected", EINVAL),
        ("7.1", "kvm-arm.mode=protected", EINVAL),
        ("7.2", "kvm-arm.mode=protected", EINVAL),
        ("7.3", "kvm-arm.mode=protected", EINVAL),
        ("7.3", "kvm-arm.mode=nvhe", 0),
    ],
)
def test_protected_kvm_has_no_memory_tags_for_any_guest(kernel: str, line: str, errno: int) -> None:
    """f4eee308c8f4, in the pull request for 7.0. Recorded on 7.3.4: KVM_CAP_ARM_MTE is 0, and enabling it EINVAL."""
    shown = asked(kernel, line, made_up(ID_AA64PFR1_EL1=0x300, ID_AA64MMFR1_EL1=0x100), MTE)
    assert vcpu_init(shown) == errno
    told = " ".join(one.text for one in effects(shown.bare, shown.book))
    assert ("memory tags" in told) == bool(errno)
