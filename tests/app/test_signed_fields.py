"""One pair of values of a signed field is called the same in Browse, in Compare, by `expose` and by `migrate`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from inspector import sources
from inspector.app.modes.browse.table import field_table
from inspector.app.modes.compare.dumps import contrast
from inspector.app.modes.compare.lines import Node
from inspector.app.modes.compare.question import kernel_picture
from inspector.app.modes.compare.sides import Side
from inspector.app.shell.modelled import modelled_view
from inspector.app.shell.view import views_of
from inspector.checks.machine.machine import Machine
from inspector.checks.machine.question import Given, ask
from inspector.checks.restore.migration import migrate
from inspector.kvm.words.showing import explain_register
from inspector.registers.bits import insert
from inspector.registers.catalog import by_id
from inspector.registers.ids import ID_AA64DFR0_EL1, ID_AA64MMFR4_EL1
from inspector.sources.dump import Dump
from tests.app.material import NEOVERSE
from tests.kvm.material import EL2, exposure
from tests.sources.material import dump_of

DOUBLE_LOCK, E2H0 = (39, 36), (27, 24)


def dump_with(reg_id: int, place: tuple[int, int], host: int, saved: int) -> Dump:
    """The shipped dump with one field of its host and of its vCPU set."""
    dump = sources.load(NEOVERSE)
    assert dump.host is not None
    there = insert(dump.host.values.get(reg_id, 0), *place, host)
    here = insert(dump.vcpus[0].values.get(reg_id, 0), *place, saved)
    vcpu = msgspec.structs.replace(dump.vcpus[0], values={**dump.vcpus[0].values, reg_id: here})
    machine_too = msgspec.structs.replace(dump.host, values={**dump.host.values, reg_id: there})
    return msgspec.structs.replace(dump, vcpus=(vcpu,), host=machine_too)


def field_in(nodes: Iterable[Node], reg_id: int, place: tuple[int, int]) -> Node:
    """The node of a field."""
    register = next(node for node in nodes if node.id == reg_id and node.kind == "register")
    return next(node for node in register.children if (node.msb, node.lsb) == place)


def browsed(dump: Dump, reg_id: int, place: tuple[int, int]) -> str:
    """What Browse calls the field, for the dump alone."""
    rows = field_table(views_of(dump)[0], by_id(reg_id)).rows
    return next(row.state for row in rows if (row.msb, row.lsb) == place)


def compared(dump: Dump, reg_id: int, place: tuple[int, int]) -> str:
    """What Compare calls the field, between the host and the saved vCPU."""
    names = [view.title for view in views_of(dump)]
    found = contrast([Side(dump, names.index("host")), Side(dump, 0)])
    return field_in(found.nodes, reg_id, place).state


def test_a_saved_field_below_the_hosts_is_lowered_everywhere() -> None:
    dump = dump_with(ID_AA64DFR0_EL1, DOUBLE_LOCK, 0, 0xF)
    assert browsed(dump, ID_AA64DFR0_EL1, DOUBLE_LOCK) == compared(dump, ID_AA64DFR0_EL1, DOUBLE_LOCK) == "lowered"
    back = dump_with(ID_AA64DFR0_EL1, DOUBLE_LOCK, 0xF, 0)
    assert browsed(back, ID_AA64DFR0_EL1, DOUBLE_LOCK) == compared(back, ID_AA64DFR0_EL1, DOUBLE_LOCK) == "raised"


def test_what_a_kernel_lowers_is_lowered_everywhere() -> None:
    """Nested virtualisation without HCR_EL2.E2H: the host's 0 becomes 0xe, which is -2."""
    shown = exposure("max_nested", "6.18", EL2)
    question = ask("6.18", EL2)
    told = Machine(question=question, host=shown.host, setup=EL2, exposure=shown, label="recorded")
    dump = dump_of({**shown.values, ID_AA64MMFR4_EL1: insert(shown.values[ID_AA64MMFR4_EL1], *E2H0, 0)})
    engine = next(f for f in explain_register(told.exposure, ID_AA64MMFR4_EL1).fields if (f.msb, f.lsb) == E2H0)
    (view, *_) = views_of(dump)
    rows = field_table(modelled_view(view, told), by_id(ID_AA64MMFR4_EL1)).rows
    browse = next(row.state for row in rows if (row.msb, row.lsb) == E2H0)
    beside = [
        field_in(
            kernel_picture(view, question, told, view.one_vcpu if left == "vcpu" else None).nodes,
            ID_AA64MMFR4_EL1,
            E2H0,
        ).state
        for left in ("host", "vcpu")
    ]
    assert engine.exposed == 0xE and engine.state == browse == "lowered" and beside == ["lowered", "lowered"]


def test_migrate_takes_the_lowered_value_and_refuses_the_raised_one() -> None:
    lowered = dump_with(ID_AA64DFR0_EL1, DOUBLE_LOCK, 0, 0xF)
    report = migrate(lowered, "same-host", Given("6.12"))
    verdicts = {finding.id: finding for vcpu in report.vcpus for finding in vcpu.findings}
    field = next(f for f in verdicts[ID_AA64DFR0_EL1].fields if (f.msb, f.lsb) == DOUBLE_LOCK)
    assert field.accepted
    raised = dump_with(ID_AA64DFR0_EL1, DOUBLE_LOCK, 0xF, 0)
    report = migrate(raised, "same-host", Given("6.12"))
    verdicts = {finding.id: finding for vcpu in report.vcpus for finding in vcpu.findings}
    field = next(f for f in verdicts[ID_AA64DFR0_EL1].fields if (f.msb, f.lsb) == DOUBLE_LOCK)
    assert not field.accepted
