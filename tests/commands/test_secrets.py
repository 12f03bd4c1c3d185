"""Secrets of the guest: present and withheld wherever an answer may be given away, told where --secrets asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.registers.catalog import find
from inspector.registers.encoding import sysreg_of
from inspector.registers.secrets import is_secret
from inspector.sources.formats import dump_json
from inspector.sources.withheld import withhold
from tests.commands.running import run, run_all

N2 = "builtin:neoverse-n2-linux-6.12"
A72 = "builtin:cortex-a72-linux-6.12"
MARK = 0x5EC2E7_00000000
"""The upper half of every secret value below; no other value has it."""
SECRET = (
    "X0", "X19", "X30", "SP_EL0", "SP_EL1", "PC", "ELR_EL1", "V0", "V31", "TPIDR_EL0", "TPIDRRO_EL0", "TPIDR_EL1",
    "TTBR0_EL1", "TTBR1_EL1", "VBAR_EL1", "FAR_EL1", "APIAKeyLo_EL1", "APGAKeyHi_EL1", "APDBKeyLo_EL1", "DBGBVR0_EL1",
    "DBGBCR3_EL1", "DBGWVR15_EL1", "DBGWCR1_EL1", "Z0", "P0", "FFR",
)  # fmt: skip
TOLD = (
    "MIDR_EL1", "ID_AA64PFR0_EL1", "CTR_EL0", "CNTV_CVAL_EL0", "TCR_EL1", "SCTLR_EL1", "MAIR_EL1", "PSTATE", "FPCR",
    "PMCR_EL0", "KVM_REG_ARM_PSCI_VERSION", "SVE_VLS", "MDSCR_EL1", "CCSIDR[2]", "DBGVCR32_EL2", "ZCR_EL1",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRET)
def test_what_is_a_secret(name: str) -> None:
    assert is_secret(find(name).register.id)


@pytest.mark.parametrize("name", TOLD)
def test_what_is_none(name: str) -> None:
    assert not is_secret(find(name).register.id)


@pytest.fixture
def vm(tmp_path: Path) -> str:
    """A saved VM on a machine, whose every secret register has a value of its own."""
    dump = sources.load(N2)
    (vcpu,) = dump.vcpus
    values = {i: MARK | n if is_secret(i) else v for n, (i, v) in enumerate(vcpu.values.items())}
    assert dump.host is not None
    host = {i: value for i, value in values.items() if is_secret(i) and sysreg_of(i)}
    machine = msgspec.structs.replace(dump.host, values={**dump.host.values, **host})
    cpus = tuple(msgspec.structs.replace(cpu, values={**cpu.values, **host}) for cpu in dump.cpus)
    saved = msgspec.structs.replace(vcpu, values=values, guest={**vcpu.guest, **host})
    marked = msgspec.structs.replace(dump, vcpus=(saved,), host=machine, cpus=cpus, el0={**dump.el0, **host})
    path = tmp_path / "vm.json"
    path.write_bytes(dump_json.write(marked))
    return str(path)


def told(text: str) -> list[str]:
    """The secrets that a text tells, however they are spelled."""
    plain = text.replace("_", "").lower()
    return [at for at in ("5ec2e7", str(MARK >> 32)) if at in plain]


FORMS = ((), ("--json",), ("--markdown",))
GIVEN_AWAY = [
    *(["show", "VM", *form] for form in FORMS),
    *(["show", "VM", *SECRET[:16], *form] for form in FORMS),
    ["convert", "VM", "-o", "-"],
    *(["migrate", "VM", A72, "--all", *form] for form in FORMS),
    *(["migrate", A72, "VM", "--all", *form] for form in FORMS),
    ["compare", "VM", N2, "--all", "--json"],
    *(["expose", "VM", "--kernel", "6.12", "--all", *form] for form in FORMS[:2]),
    *(["show", "VM", "--vcpu", "host", *form] for form in FORMS),
]  # fmt: skip
_FAILED = "qemu-system-aarch64: error while loading state for instance 0x0 of device 'cpu'"
SILENT = [
    *(["explain", _FAILED, "--source", "VM", "--destination", A72, *form] for form in FORMS),
    *(["explain", "APIAKeyLo_EL1 X0: Invalid argument", "--source", "VM", *form] for form in FORMS),
    *(["compare", "VM", N2, "--all", *form] for form in FORMS),
    *(["compare", "VM", A72, *form] for form in FORMS),
    *(["migrate", "VM", "all-kernels", *form] for form in FORMS),
    *(["fix", "VM", A72, "--dry-run", *form] for form in FORMS),
    *(["caches", "VM", *form] for form in FORMS),
    *(["summary", "VM", *form] for form in FORMS),
    *(["features", "VM", *form] for form in FORMS),
    *(["matrix", "VM", "--kernels", "6.1,6.12", *form] for form in FORMS),
    *(["write", "VM", "X0=1", "APIAKeyLo_EL1=1", "VBAR_EL1=4096", "DBGBVR0_EL1=4", *form] for form in FORMS[:2]),
    ["compare", "VM", A72, "--baseline"],
]


@pytest.mark.parametrize("arguments", GIVEN_AWAY, ids=" ".join)
def test_secrets_are_withheld_unless_asked_for(arguments: list[str], vm: str) -> None:
    named = [vm if word == "VM" else word for word in arguments]
    done = run_all(named)
    assert not told(done.out) and not told(done.err), arguments
    assert "withheld" in done.out + done.err
    assert told(run_all([*named, "--secrets"]).out)


@pytest.mark.parametrize("arguments", SILENT, ids=" ".join)
def test_no_report_tells_a_secret(arguments: list[str], vm: str) -> None:
    done = run_all([vm if word == "VM" else word for word in arguments])
    assert not told(done.out) and not told(done.err), arguments


def test_a_withheld_source_restores_as_the_whole_one_does(vm: str, tmp_path: Path) -> None:
    """What is withheld is written all the same: the same steps, the same verdict, nothing taken for 0."""
    out = str(tmp_path / "out.json")
    run("convert", vm, "-o", out)
    for destination in (N2, A72, "same-host"):
        more = ["--kernel", "6.12"] if destination == "same-host" else []
        whole = run("migrate", vm, destination, "--all", "--json", *more).json
        part = run("migrate", out, destination, "--all", "--json", *more).json
        assert part["verdict"] == whole["verdict"] and part["steps"] == whole["steps"]
        for vcpu, other in zip(part["vcpus"], whole["vcpus"], strict=True):
            kinds = [{f["id"]: f["kind"] for f in v["findings"]} for v in (vcpu, other)]
            assert kinds[0] == kinds[1]
            assert all(f["value"] is None for f in vcpu["findings"] if f.get("withheld"))
        assert "withholds the values" in json.dumps(part["notes"])


@pytest.mark.parametrize("vmm", ["qemu-10.0", "firecracker"])
def test_a_withheld_destination_takes_what_the_whole_one_takes(vm: str, tmp_path: Path, vmm: str) -> None:
    """A register whose value is withheld is listed there all the same: no write of it fails with ENOENT."""
    out = str(tmp_path / "out.json")
    run("convert", N2, "-o", out)
    for source in (vm, out, "builtin:neoverse-n2-linux-6.1"):
        asked = ("--vmm", vmm, "--all", "--json")
        whole, part = (run("migrate", source, destination, *asked).json for destination in (N2, out))
        assert part["verdict"] == whole["verdict"] and part["steps"] == whole["steps"]
        for vcpu, other in zip(part["vcpus"], whole["vcpus"], strict=True):
            kinds = [{f["id"]: (f["kind"], f["errno"]) for f in v["findings"]} for v in (vcpu, other)]
            assert kinds[0] == kinds[1]


def test_a_converted_dump_is_loaded_again_with_what_is_withheld(vm: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out.json")
    assert "withheld" in run("convert", vm, "-o", out).err
    before, after = sources.load(vm), sources.load(out)
    assert set(after.vcpus[0].ids) == set(before.vcpus[0].ids)
    assert {i for i in before.vcpus[0].values if is_secret(i)} == set(after.vcpus[0].withheld)
    assert after == msgspec.structs.replace(withhold(before), provenance=after.provenance)
    assert run("convert", out, "-o", "-").out == Path(out).read_text(encoding="utf-8").replace("vm.json", "vm.json")
    answer = run("show", out, "X0", "--json").json["vcpus"][0]["registers"][0]
    assert answer["value"] is None and answer["withheld"] is True
    assert "X0  withheld" in run("show", out, "X0").out


def test_what_is_withheld_is_not_known_in_a_comparison_and_never_zero(vm: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out.json")
    run("convert", vm, "-o", out)
    for other in (vm, N2):
        done = run("compare", out, other, "--all")
        assert "Uncertain" in done.out and "X0" in done.out and "equal" in done.out
        assert "X0" not in json.dumps(run("compare", out, other, "--all", "--json").json["registers"])
