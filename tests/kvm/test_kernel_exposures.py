"""What is shown under a kernel that may be one of several: known where they agree, else not known, with each case."""

from __future__ import annotations

import inspector
from inspector.kvm.words.showing import explain_register
from inspector.registers.ids import IDS
from inspector.reports.exposure import exposed_register_json

EL9 = "5.14.0-427.13.1.el9_4.aarch64"


def test_a_field_that_the_possible_kernels_show_differently_is_not_known() -> None:
    machine = inspector.machine(inspector.load("builtin:max-linux-6.12"), EL9)
    assert machine.others
    (isar2,) = inspector.expose(machine, "ID_AA64ISAR2_EL1")
    mops = next(field for field in isar2.fields if field.name == "MOPS")
    assert (mops.exposed, mops.state) == (None, "unknown") and isar2.known >> 16 & 1 == 0
    assert "it depends on" in mops.reason and "0x0 where" in mops.reason and "0x1 where" in mops.reason
    assert "6.5.0 to 6.6.0" in mops.reason and "--kernel" in mops.reason
    (told,) = [one for one in exposed_register_json(isar2)["fields"] if one["name"] == "MOPS"]
    assert told["exposed"] is None and told["depends_on"] == mops.reason
    same = next(field for field in isar2.fields if field.name == "WFxT")
    assert same.state != "unknown"


def test_a_kernel_that_is_certain_is_shown_as_before() -> None:
    machine = inspector.machine(inspector.load("builtin:max-linux-6.12"), "6.12")
    assert not machine.others
    (shown,) = inspector.expose(machine, "ID_AA64ISAR2_EL1")
    assert shown == explain_register(machine.exposure, IDS["ID_AA64ISAR2_EL1"])
