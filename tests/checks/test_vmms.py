"""The table of VMMs: what each prints is what `explain` recognises, and one module is enough for a new one."""

from __future__ import annotations

import argparse
import errno
import sys
from pathlib import Path

import pytest

from inspector.checks import vmms
from inspector.checks.explain.explain import explain
from inspector.checks.restore.result import Finding
from inspector.checks.vmms import table
from inspector.checks.vmms.base import OPTIONAL, Vmm
from inspector.checks.vmms.expected import expected_messages
from inspector.commands import migrate
from inspector.registers.encoding import bitmap_id, ccsidr_id, firmware_id, sysreg_id, sysreg_of
from inspector.registers.ids import SVE_VLS

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
