"""How each VMM orders its writes, and what it prints."""

from __future__ import annotations

import pytest

import inspector
from inspector.checks.explain.explain import explain
from inspector.checks.restore.result import Finding
from inspector.checks.vmms.expected import expected_messages
from inspector.checks.vmms.qemu import id_words
from inspector.checks.vmms.table import VMM_NAMES, find_vmm, vmm_for
from inspector.errors import InspectorError
from inspector.registers.encoding import (
    CLASS_CORE,
    SIZE_U32,
    SIZE_U64,
    SIZE_U128,
    bitmap_id,
    ccsidr_id,
    firmware_id,
    make_id,
    sysreg_id,
)
from inspector.registers.ids import PIR_EL1, SVE_VLS

X0 = make_id(0x10, 0)
Z0 = 0x6080000000150000
MMFR2 = sysreg_id(3, 0, 0, 7, 2)
CTR = sysreg_id(3, 3, 0, 0, 1)
ALL = dict.fromkeys((MMFR2, X0, Z0, SVE_VLS, firmware_id(0), bitmap_id(0), ccsidr_id(1), ccsidr_id(0), CTR, X0 + 2), 0)


def test_qemu_keeps_system_registers_in_ascending_order() -> None:
    order = find_vmm("qemu-10.0").order(ALL)
    assert order == (ccsidr_id(0), ccsidr_id(1), MMFR2, CTR, firmware_id(0), bitmap_id(0))


def test_firecracker_keeps_its_order_but_for_the_vector_lengths() -> None:
    order = find_vmm("firecracker").order(ALL)
    assert order == (SVE_VLS, *(i for i in ALL if i != SVE_VLS))


def test_cloud_hypervisor_writes_core_then_sve_then_the_list() -> None:
    order = find_vmm("cloud-hypervisor").order(ALL)
    assert order[:4] == (SVE_VLS, X0, X0 + 2, Z0)
    assert order[4:] == tuple(i for i in ALL if i not in order[:4])


def test_crosvm_writes_system_registers_caches_firmware_and_saves_no_bitmap() -> None:
    order = find_vmm("crosvm").order(ALL)
    assert order == (X0, X0 + 2, MMFR2, CTR, ccsidr_id(0), ccsidr_id(1), firmware_id(0))


def test_crosvm_writes_core_registers_where_its_snapshot_has_them() -> None:
    """VcpuAArch64::restore(): SP, PC, PSTATE, X, V; the rest of them in the map `sys`, by their encodings."""
    sp, v0, fpcr = (make_id(CLASS_CORE, *one) for one in ((62, SIZE_U64), (84, SIZE_U128), (0xD5, SIZE_U32)))
    elr, counter, compare = make_id(CLASS_CORE, 70, SIZE_U64), sysreg_id(3, 3, 14, 3, 2), sysreg_id(3, 3, 14, 0, 2)
    values = dict.fromkeys((X0, sp, elr, v0, fpcr, compare, counter, MMFR2, ccsidr_id(0)), 0)
    assert find_vmm("crosvm").order(values) == (sp, X0, v0, MMFR2, elr, fpcr, counter, compare, ccsidr_id(0))


@pytest.mark.parametrize(
    ("reg_id", "words"),
    [
        (sysreg_id(3, 3, 14, 3, 2), "CRn: 14, CRm: 0, Op2: 2"),
        (sysreg_id(3, 3, 14, 0, 2), "CRn: 14, CRm: 3, Op2: 2"),
        (make_id(CLASS_CORE, 70, SIZE_U64), "CRn: 4, CRm: 0, Op2: 1"),
    ],
)
def test_crosvm_names_registers_by_the_keys_of_its_map(reg_id: int, words: str) -> None:
    """KVM swaps the ids of CNTVCT_EL0 and CNTV_CVAL_EL0; crosvm prints the architecture's encodings."""
    (line,) = expected_messages(find_vmm("crosvm"), [_finding(reg_id)])
    assert words in line
    assert [r.id for r in explain(line).registers] == [reg_id]


def test_names_of_vmms() -> None:
    assert find_vmm("QEMU").name == "qemu-10.0"
    assert [find_vmm(name).name for name in VMM_NAMES] == list(VMM_NAMES)
    with pytest.raises(InspectorError, match=r"unknown VMM 'bhyve'.*qemu-7\.2"):
        find_vmm("bhyve")
    assert vmm_for("firecracker-json") == "firecracker"
    assert vmm_for("qemu-stream", "QEMU virt-10.0") == "qemu-10.0"


def _finding(reg_id: int, **more: object) -> Finding:
    given = {"vcpu": 0, "kind": "refused", "order": 0, "value": 0x1021110, "destination": 0x21110, "errno": 22}
    return Finding(id=reg_id, **(given | more))  # type: ignore[arg-type]


_EINVAL = "Invalid argument (os error 22)"


@pytest.mark.parametrize(
    ("vmm", "finding", "expected"),
    [
        ("firecracker", _finding(MMFR2), f"Failed to set register 0x{MMFR2:x} to value 0x1021110: {_EINVAL}"),
        ("firecracker", _finding(PIR_EL1, errno=2), "No such file or directory (os error 2)"),
        ("cloud-hypervisor", _finding(MMFR2), f"SetSysRegister({_EINVAL})"),
        ("crosvm", _finding(MMFR2), "AArch64SysRegId { Op0: 3, Op1: 0, CRn: 0, CRm: 7, Op2: 2 }"),
        ("qemu-7.2", _finding(MMFR2), "load of migration failed: Operation not permitted"),
        ("qemu-10.0", _finding(MMFR2), "Failed to put registers after init: Invalid argument"),
        ("qemu-11.1", _finding(MMFR2), "register op0:3 op1:0 crn:0 crm:7 op2:2 to 1021110 (is 21110)"),
        (
            "qemu-11.1",
            _finding(bitmap_id(0), kind="only_in_source"),
            "fw feat reg 0 in the incoming stream but unknown",
        ),
    ],
)
def test_messages(vmm: str, finding: Finding, expected: str) -> None:
    assert any(expected in line for line in expected_messages(find_vmm(vmm), [finding]))


def test_nothing_is_printed_when_nothing_fails() -> None:
    assert all(expected_messages(find_vmm(name), []) == () for name in VMM_NAMES)


def test_register_words() -> None:
    assert id_words(ccsidr_id(3)) == "demuxed reg 6020000000110003"
    assert id_words(firmware_id(0)) == "fw reg 0"
    assert id_words(X0) == "register 6030000000100000"


@pytest.mark.parametrize(("name", "said"), [("", "53 and newer sets CNTVCT_EL0"), ("-52", "behind by the time")])
def test_cloud_hypervisor_says_what_becomes_of_the_virtual_counter(name: str, said: str) -> None:
    """restore_clock() of v53.0 advances it; before, it goes on from the saved value."""
    report = inspector.migrate(
        "builtin:neoverse-n2-linux-6.12", "same-host", kernel="6.12", vmm=f"cloud-hypervisor{name}"
    )
    (remark,) = [one for one in report.remarks if one.title == "virtual counter"]
    assert said in remark.text
