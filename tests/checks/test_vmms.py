"""The table of VMMs: what each prints is what `explain` recognises, and one module is enough for a new one."""

from __future__ import annotations

import argparse
import errno
import sys
from pathlib import Path

import pytest

import inspector
from inspector.checks import vmms
from inspector.checks.compat.matrix import compat_matrix
from inspector.checks.explain.explain import explain
from inspector.checks.machine.booted import as_booted
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate_all_kernels
from inspector.checks.restore.result import Finding
from inspector.checks.vmms import table
from inspector.checks.vmms.base import OPTIONAL, Vmm
from inspector.checks.vmms.expected import expected_messages
from inspector.commands import migrate
from inspector.errors import InspectorError
from inspector.policies.release import choose
from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, sysreg_id, sysreg_of
from inspector.registers.ids import SVE_VLS
from inspector.sources import load

MMFR2, MIDR, PIR = sysreg_id(3, 0, 0, 7, 2), sysreg_id(3, 0, 0, 0, 0), sysreg_id(3, 0, 10, 2, 3)
REGISTERS = (MMFR2, MIDR, PIR, ccsidr_id(0), firmware_id(0), bitmap_id(1), SVE_VLS, 0x6030000000100042)
NAMING = [vmm for vmm in table.ALL if vmm.names_register]


def finding(reg_id: int, number: int = errno.EINVAL, kind: str = "refused") -> Finding:
    """A register that stops a restore."""
    given = {"vcpu": 0, "order": 0, "value": 0x1021110, "destination": 0x21110}
    return Finding(id=reg_id, errno=number, kind=kind, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOENT, errno.EPERM, errno.EBUSY])
@pytest.mark.parametrize("reg_id", REGISTERS)
@pytest.mark.parametrize("vmm", NAMING, ids=lambda vmm: vmm.name)
def test_explain_finds_register_values_and_error_in_what_the_vmm_prints(vmm: Vmm, reg_id: int, number: int) -> None:
    lines = expected_messages(vmm, [finding(reg_id, number)])
    answer = explain("\n".join(lines))
    if vmm.family == "crosvm" and sysreg_of(reg_id) is None and reg_id != SVE_VLS and reg_id >> 16 & 0xFFF != 0x16:
        assert "does not name which" in answer.headline and not answer.registers
        return
    unknown = vmm.family == "qemu" and number == errno.ENOENT
    (register,) = [r for r in answer.registers if r.kind == ("only_in_source" if unknown else "refused")]
    assert register.id == reg_id and answer.vmm == vmm.family
    if unknown:
        return
    if vmm.family == "qemu" and number == errno.EINVAL:
        assert (register.wanted, register.actual) == (0x1021110, 0x21110)
    else:
        assert register.errno_name == errno.errorcode[number]


@pytest.mark.parametrize("vmm", [vmm for vmm in table.ALL if not vmm.names_register], ids=lambda vmm: vmm.name)
def test_where_the_vmm_names_no_register_explain_says_so(vmm: Vmm) -> None:
    answer = explain("\n".join(expected_messages(vmm, [finding(MMFR2)])))
    assert answer.vmm == vmm.family.replace("libvirt", "qemu") and not answer.registers
    assert "does not name which" in answer.headline


@pytest.mark.parametrize("reg_id", [r for r in REGISTERS if r != SVE_VLS and r >> 16 & 0xFFF != 0x10])
def test_ids_that_only_the_stream_has(reg_id: int) -> None:
    lines = expected_messages(table.find_vmm("qemu-11.1"), [finding(reg_id, errno.ENOENT, "only_in_source")])
    (register,) = explain("\n".join(lines)).registers
    assert (register.id, register.kind) == (reg_id, "only_in_source")


def test_list_lengths() -> None:
    lines = expected_messages(table.find_vmm("qemu-10.0"), [], (0, 269, 248))
    assert explain("\n".join(lines)).counts == (269, 248)


def test_every_template_is_recognised_by_its_own_message() -> None:
    keys = [message.key for message in table.MESSAGES]
    assert len(set(keys)) == len(keys)
    assert all(message.template or message.patterns for message in table.MESSAGES)


def test_versions_choose_the_rule() -> None:
    named = [
        ("7.2.22", "qemu-7.2"),
        ("8.0", "qemu-10.0"),
        ("10.1.3", "qemu-10.0"),
        ("10.2.1", "qemu-10.2"),
        ("11.0", "qemu-10.2"),
        ("11.1.3", "qemu-11.1"),
        ("", "qemu-10.0"),
    ]
    for version, name in named:
        rule = table.of_family("qemu", version)
        assert rule is not None and rule.name == name
    assert table.of_family("guest") is None


def test_every_vmm_says_what_it_does_about_features() -> None:
    for vmm in table.ALL:
        assert all(vmm.option(feature.word, "on") for feature in OPTIONAL)


def test_the_command_line_knows_every_vmm() -> None:
    parser = argparse.ArgumentParser()
    migrate.configure(parser)
    (option,) = [action for action in parser._actions if action.dest == "vmm"]
    assert option.help is not None and all(name in option.help for name in table.VMM_NAMES)
    assert all(table.find_vmm(name).name == name for name in (vmm.name for vmm in table.ALL))


_MODULE = """
from inspector.checks.vmms.base import Vmm, os_error
from inspector.checks.vmms.messages import Message
_SET = Message(key="stratovirt-set", vmm="stratovirt", kind="refused", template="Failed to set one reg {id}: {err}",
               meaning="StratoVirt stopped at this register.")
class StratoVirt(Vmm, frozen=True, kw_only=True):
    family: str = "stratovirt"
    option_advice: str = "the features follow from the host"
    def printed(self, fatal, number):
        return (_SET.printed(id=hex(fatal[0].id), err=os_error(fatal[0].errno)),)
VMMS = (StratoVirt(name="stratovirt", title="StratoVirt", messages=(_SET,)),)
"""


def test_a_module_is_all_that_a_new_vmm_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch_vmm.py").write_text(_MODULE)
    monkeypatch.setattr(vmms, "__path__", [*vmms.__path__, str(tmp_path)])
    try:
        (new,) = [vmm for vmm in table.find_all() if vmm.name == "stratovirt"]
        assert expected_messages(new, [finding(MMFR2)]) == (
            f"Failed to set one reg {MMFR2:#x}: Invalid argument (os error 22)",
        )
    finally:
        sys.modules.pop("inspector.checks.vmms.scratch_vmm", None)


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("qemu-10.0.5", "QEMU 10.0", ""),
        ("qemu-8.2", "QEMU 8.2", "was not measured: it is answered as QEMU 10.0 (measured with 10.0.13)"),
        ("qemu-5.2.0", "QEMU 5.2.0", "was not measured: it is answered as QEMU 7.2 (measured with 7.2.22)"),
        ("qemu-11.0", "QEMU 11.0", "was neither measured nor read"),
        ("qemu-11", "QEMU 11", "is several versions"),
        ("qemu-99", "QEMU 99", "is newer than any that was measured or read"),
        ("qemu-2.5", "QEMU 2.5", "is older than any that was measured or read"),
        ("firecracker-1.9", "Firecracker 1.7 to 1.12", ""),
        ("firecracker-1.14", "Firecracker 1.14", "is several versions"),
        ("firecracker-0.25", "Firecracker 0.25", "is older than any"),
        ("firecracker-2", "Firecracker 2", "is newer than any"),
        ("cloud-hypervisor-41.0", "Cloud Hypervisor 32 to 41", ""),
        ("cloud-hypervisor-18", "Cloud Hypervisor 18", "is older than any"),
        ("cloud-hypervisor-60", "Cloud Hypervisor 60", "is newer than any"),
    ],
)
def test_a_version_that_is_not_in_the_table_says_what_its_answer_rests_on(name: str, title: str, said: str) -> None:
    found = table.find_vmm(name)
    assert found.title == title and table.find_vmm(found.name) == found
    assert said in found.basis and bool(said) == bool(found.basis)


@pytest.mark.parametrize(
    "name",
    ["qemu-", "qemu-8.2-rc1", "qemu-8.2.1.3", "qemu-\u0668", "firecracker-v1.9", "libvirt-9.0", "crosvm-5", "-1"],
)
def test_what_is_no_version_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InspectorError) as error:
        table.find_vmm(name)
    assert str(error.value).isprintable() and error.value.where == "--vmm" and error.value.hint


_OLD, _NEW = "builtin:neoverse-n2-linux-6.12", "builtin:neoverse-n2-linux-7.3"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("qemu-8.2", "fails"), ("qemu-10.2.9", "fails"), ("qemu-11.0", "uncertain"), ("qemu-11", "uncertain"),
     ("qemu-11.1.9", "loads"), ("qemu-99", "uncertain")],
)  # fmt: skip
def test_where_the_versions_differ_that_may_be_meant_the_answer_is_uncertain(name: str, verdict: str) -> None:
    """6.12 lists three registers that 7.3 does not: QEMU 10.2 gives up, 11.1 drops them."""
    report = inspector.migrate(_OLD, _NEW, vmm=name)
    assert report.verdict == verdict
    assert table.find_vmm(name).basis in ("", *report.notes)
    if name.startswith("qemu-11") and verdict == "uncertain":
        assert "as QEMU 10.2: fails" in report.headline and "as QEMU 11.1: loads" in report.headline
    pair = compat_matrix(load(_OLD), ("6.12", "7.3"), Given(vmm=name), remedies=False).cell("6.12", "7.3")
    assert pair.verdict == {"loads": "changes"}.get(verdict, verdict)
    rows = {row.kernel: row.verdict for row in migrate_all_kernels(load(_OLD), Given(vmm=name)).rows}
    assert rows["7.3.4"] == verdict


def test_a_snapshot_of_another_format_is_judged_by_the_version_that_was_named() -> None:
    """1.7 and 1.9 restore alike, and each reads its own format alone."""
    made_by = "Firecracker snapshot format 1.0.0"
    assert not table.find_vmm("firecracker-1.7.1").cannot_read(made_by)
    assert "does not read snapshot format 1.0.0" in table.find_vmm("firecracker-1.9").cannot_read(made_by)


def test_what_a_version_between_two_writes_at_boot_is_uncertain() -> None:
    """1.14.4 writes CLIDR_EL1, 1.14.3 does not."""
    host = load(_OLD)
    asked = machine(host, Given(kernel=choose("6.18")))
    shown = asked.shown("CLIDR_EL1")
    known = {
        name: as_booted(shown, asked, host, table.find_vmm(name)).registers[0].known & 7
        for name in ("firecracker-1.14.3", "firecracker-1.14", "firecracker-1.18", "qemu-8.2")
    }
    assert known == {"firecracker-1.14.3": 7, "firecracker-1.14": 0, "firecracker-1.18": 0, "qemu-8.2": 7}
