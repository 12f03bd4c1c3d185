"""A restore that is gone through register by register, under VMMs that stop at a refusal and those that do not."""

from __future__ import annotations

import msgspec
import pytest

import inspector
from inspector import sources
from inspector.checks.restore.stepping import Course, course_of
from inspector.checks.vmms.table import find_vmm
from inspector.registers.ids import ID_AA64MMFR2_EL1
from inspector.registers.naming import name_of
from inspector.reports.restore_steps import state_words

N2 = "builtin:neoverse-n2-linux-6.1"


def course(vmm: str, kernel: str = "6.12") -> Course:
    return course_of(inspector.migrate(N2, "same-host", kernel, vmm, ways_out=False))


@pytest.mark.parametrize("vmm", ["qemu", "firecracker"])
def test_the_order_is_the_vmms_and_the_stops_are_the_refusals(vmm: str) -> None:
    whole, values = course(vmm), sources.load(N2).vcpus[0].values
    order = find_vmm(vmm).order(values)
    written = [one.finding.id for one in whole.steps if one.finding.kind != "only_in_source"]
    assert written == [i for i in order if i in set(written)]
    stop = whole.to_refusal()
    assert stop.last is not None and stop.last.stops and not any(one.stops for one in stop.made[:-1])
    assert stop.step().done == stop.done + 1 and stop.step().back() == stop
    ends = [one.finding.id for one in whole.steps if one.outcome == "refused"]
    found, at = [], whole
    while not (at := at.to_refusal()).over:
        assert at.last is not None
        found.append(at.last.finding.id)
    assert ID_AA64MMFR2_EL1 in ends and [i for i in found if i in ends] == ends
    assert at == whole.finish() and at.over


def test_what_the_vmm_does_at_a_refusal_is_said() -> None:
    for vmm, words in (("qemu", "writes the rest too"), ("firecracker", "gives up here")):
        stop = course(vmm).to_refusal()
        while stop.last is not None and stop.last.outcome != "refused":
            stop = stop.to_refusal()
        assert stop.last is not None
        said, role = state_words(stop, find_vmm(vmm))
        assert role == "refused" and words in said and name_of(stop.last.finding.id) in said


def test_where_nothing_is_refused_the_end_is_reached() -> None:
    whole = course("qemu", "6.1")
    assert whole.to_refusal() == whole.finish()
    assert state_words(whole.finish(), find_vmm("qemu"))[0].endswith("every one accepted")


def test_a_register_that_may_be_refused_stops_too() -> None:
    dump = msgspec.structs.replace(sources.load("builtin:neoverse-n2-linux-6.12"), host=None)
    whole = course_of(inspector.migrate(dump, "same-host", "6.2", "qemu", ways_out=False))
    unsure = [one for one in whole.steps if one.outcome == "uncertain"]
    assert all(one.stops for one in unsure)
