"""What the screens take a dump to hold."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import sources
from inspector.app.modes.browse.standing import standings
from inspector.app.modes.browse.table import field_table
from inspector.app.modes.compare.sides import Side, side_name
from inspector.app.shell.modelled import modelled_view
from inspector.app.shell.search import find_in
from inspector.app.shell.view import short_name, source_name, views_of
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.policies.setup import QEMU_SETUP
from inspector.registers.catalog import by_id
from inspector.registers.encoding import sysreg_id
from inspector.registers.ids import CTR_EL0, IDS, MIDR_EL1, PMCR_EL0
from inspector.sources.dump import Dump, Host, Provenance
from tests.sources.material import dump_of


def test_a_raw_register_that_is_known_in_part_is_not_shown_with_zeros() -> None:
    host = Host(values={MIDR_EL1: 0x410FD490, CTR_EL0: 0x4}, known={CTR_EL0: 0xF})
    (view,) = views_of(Dump(provenance=Provenance(source="x", format="model"), host=host, vcpus=()))
    assert dict(view.values) == {MIDR_EL1: 0x410FD490}
    assert (view.constraints[CTR_EL0].mask, view.constraints[CTR_EL0].value) == (0xF, 0x4)


def test_what_no_register_gives_is_shown_as_not_known_under_a_policy() -> None:
    """CNTPCT_EL0 runs by itself, and PMCR_EL0.N follows from a host that was not read: neither is 0."""
    saved = sources.load("builtin:neoverse-n2-linux-6.12")
    vcpu = msgspec.structs.replace(saved.vcpus[0], values={IDS["MIDR_EL1"]: 0x410FD493}, setup=QEMU_SETUP)
    dump = msgspec.structs.replace(saved, vcpus=(vcpu,), host=None)
    view = views_of(dump)[0]
    shown = modelled_view(view, machine(dump, Given("6.18")))
    counter = sysreg_id(3, 3, 14, 0, 1)
    assert counter not in shown.values and shown.text(counter) == "0x????_????_????_????"
    assert PMCR_EL0 not in shown.values and "?" in shown.text(PMCR_EL0)


def test_search_puts_names_first() -> None:
    view = views_of(sources.load("builtin:neoverse-n2-linux-6.1"))[0]
    names = [by_id(reg_id).name for reg_id in find_in(view, "cnt").ids]
    assert names[0].startswith("CNT") and names.index("PMCCNTR_EL0") < names.index("ID_AA64ISAR2_EL1")
    assert find_in(view, "0x603000000013c020").ids == (IDS["ID_AA64PFR0_EL1"],)
    assert find_in(view, "") == ((), "", "")
    nothing = find_in(view, "no such thing anywhere")
    assert not nothing.ids and nothing.problem


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_register_is_marked_as_its_field_table_says(chance: random.Random) -> None:
    (view, *_) = views_of(sources.load("builtin:neoverse-n2-linux-6.1"))
    values = {i: value ^ 1 << chance.randrange(64) if i in view.host else value for i, value in view.values.items()}
    changed = msgspec.structs.replace(view, values=values)
    marks = standings(changed)
    for reg_id in changed.host.keys() & values.keys():
        register = by_id(reg_id)
        if (word := marks[reg_id].word) in ("masked", "raised"):
            states = {one.state for one in field_table(changed, register).rows} - {"", "same"}
            assert (word == "raised") == (bool(states) and states <= {"raised", "rebuilt"}), register.name


def test_a_source_has_one_name_on_every_screen() -> None:
    piped = dump_of({}, source="-")
    assert source_name("-") == short_name(piped) == "standard input"
    assert side_name(Side(piped)) == "standard input"
    assert source_name("/a/b.mig") == "b.mig" and source_name("builtin:max-linux-6.1") == "max-linux-6.1"
    assert source_name("ssh://user@host/") == "ssh://user@host/"
