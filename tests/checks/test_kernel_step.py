"""What one step of the kernel slider finds and says."""

from __future__ import annotations

import msgspec

from inspector import sources
from inspector.checks.compare.kernel_step import KernelStep, kernel_step
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.restore.answers_step import answers_step
from inspector.library import migrate
from inspector.registers import catalog
from inspector.reports.kernel_step import answers_words, step_sides, step_words

DUMP = sources.load("builtin:neoverse-n2-linux-6.1")


def step(before: str, after: str, host: str = "") -> KernelStep:
    return kernel_step(machine(DUMP, Given(before, host=host)), machine(DUMP, Given(after, host=host)))


def test_the_step_that_masked_ccidx_names_its_registers_and_fields() -> None:
    found = step("6.2.0", "6.3.0")
    assert step_sides(found) == "6.2.0 → 6.3.0"
    assert step_words(found).startswith("18 registers differ (11 new): ID_AA64MMFR2_EL1, ID_MMFR4_EL1, 14 CCSIDR")
    assert {"ID_AA64MMFR2_EL1.CCIDX", "ID_MMFR4_EL1.CCIDX", "CLIDR_EL1"} <= found.places
    assert "ID_AA64MMFR2_EL1.CnP" not in found.places
    register = catalog.find("ID_AA64MMFR2_EL1").register.id
    assert found.by_id[register].mask == 1 << 20 and found.by_id[register].touches(23, 20)
    assert not found.by_id[register].touches(19, 16)


def test_back_again_is_the_same_difference() -> None:
    there, back = step("6.2.0", "6.3.0"), step("6.3.0", "6.2.0")
    assert set(there.by_id) == set(back.by_id)
    assert "11 no longer listed" in step_words(back)


def test_other_writable_bits_are_told_although_no_value_differs() -> None:
    assert step_words(step("6.10.0", "6.11.0")) == "1 register takes other writes: CTR_EL0"


def test_what_is_known_under_one_kernel_only_may_differ_and_is_not_counted() -> None:
    """A saved vCPU alone shows its host through 6.1's masks: what 6.2 shows of the rest may differ."""
    alone = msgspec.structs.replace(DUMP, host=None)
    found = kernel_step(machine(alone, Given("6.1.0")), machine(alone, Given("6.2.0")))
    certain = [one for one in found.registers if one.certain]
    unsure = [one for one in found.registers if not one.certain]
    assert certain and all(one.mask for one in certain)
    assert unsure and all(not one.mask and one.unsure for one in unsure)
    assert step_words(found).startswith(f"{len(certain)} register")


def test_a_kernel_against_itself() -> None:
    assert step_words(step("6.12.0", "6.12.0")) == "no register differs, neither in value nor in its writable bits"


def test_the_answers_of_a_restore_from_one_destination_kernel_to_the_next() -> None:
    reports = [migrate(DUMP, "same-host", kernel) for kernel in ("6.2.0", "6.3.0", "6.4.0")]
    told = answers_words(answers_step(*reports[:2]))
    assert told.startswith("loads → fails; ") and "ID_MMFR4_EL1" in told and "ID_AA64MMFR2_EL1" in told
    assert answers_words(answers_step(reports[1], reports[1])) == "fails as before; every write is answered alike"
