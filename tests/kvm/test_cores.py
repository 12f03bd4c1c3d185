"""The table of cores: what it answers, what it leaves open, and that a host is filled in only when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.kvm.cores import core_of, fill_from_core, hints, offer, records
from inspector.kvm.host import HostState
from inspector.registers.catalog import by_id, find
from inspector.sources import load
from tests.shared_material import shared

N2, A72, N1 = 0x410FD493, 0x410FD083, 0x413FD0C1


def rid(name: str) -> int:
    """The id of a register."""
    return find(name).register.id


def value(midr: int, name: str) -> tuple[int, int]:
    """What the sources of a core agree on: value and known bits."""
    core = core_of(midr)
    assert core is not None
    part = core.value(rid(name))
    return part.value, part.known


def test_every_record_names_a_source_and_registers_that_exist() -> None:
    for record in records():
        assert len(record.source) > 15
        assert record.values, record.name
        assert all(by_id(reg_id).known for reg_id in record.values)
        assert all(part.value & ~part.known == 0 for part in record.values.values())
    names = {record.name for record in records()}
    assert {"Cortex-A53", "Cortex-A55", "Cortex-A57", "Cortex-A72", "Cortex-A76", "Cortex-A710", "Neoverse N1"} <= names
    assert {"Neoverse N2", "Neoverse V1", "Apple M1", "A64FX", "Kunpeng 920"} <= names
    assert {"Neoverse V2", "AmpereOne (Ampere-1)", "AmpereOne (Ampere-1a)"} <= names
    assert core_of(0xC00FAC50) is None, "no source of Ampere-1b was read"


def test_neoverse_n2_has_nv_2() -> None:
    assert value(N2, "ID_AA64MMFR2_EL1")[0] >> 24 & 0xF == 2


def test_a_flag_that_a_vm_may_lack_shows_nothing_and_one_of_a_whole_machine_does() -> None:
    """The Graviton4 list has no sm3, which its hypervisor may hide; Grace, a whole machine, has it and no ecv yet."""
    (graviton,) = (one for one in records() if "Graviton4" in one.source)
    isar0 = graviton.values[rid("ID_AA64ISAR0_EL1")]
    assert isar0.field(39, 36) is None and isar0.field(35, 32) == 1, "SM3 is open, SHA3 is there"
    assert isar0.field(63, 60) == 1, "rng"
    v2 = core_of(0x410FD4F0)
    assert v2 is not None and v2.value(rid("ID_AA64ISAR0_EL1")).field(39, 36) == 1
    ampere, older = core_of(0xC00FAC40), core_of(0xC00FAC30)
    assert ampere is not None and older is not None
    assert ampere.value(rid("ID_AA64ISAR1_EL1")).field(51, 48) == 0, "no DGH: later flags of that word are there"
    assert older.value(rid("ID_AA64ISAR1_EL1")).field(51, 48) is None


def test_what_two_sources_tell_differently_is_told_and_not_assumed() -> None:
    """The Raspberry Pi 4 has no cryptography, other Cortex-A72 have."""
    isar0, known = value(A72, "ID_AA64ISAR0_EL1")
    assert isar0 >> 16 & 0xF == 1
    assert known >> 4 & 0xF != 0xF
    core = core_of(A72)
    assert core is not None
    assert {r.values[rid("ID_AA64ISAR0_EL1")].field(7, 4) for r in core.sources(rid("ID_AA64ISAR0_EL1"))} >= {0, 2}
    host = HostState(values={rid("MIDR_EL1"): A72}, known={rid("MIDR_EL1"): (1 << 64) - 1})
    filled = fill_from_core(host)
    assert any("sources differ: ID_AA64ISAR0_EL1" in note for note in filled.notes)
    assert filled.host.known[rid("ID_AA64ISAR0_EL1")] >> 4 & 0xF != 0xF


def test_bits_that_qemu_fills_in_later_are_not_the_core_s() -> None:
    (record,) = (r for r in records() if r.name == "Neoverse N2")
    assert record.values[rid("ID_AA64PFR0_EL1")].field(27, 24) is None
    assert record.values[rid("ID_AA64PFR0_EL1")].field(35, 32) == 1


def test_only_unknown_bits_are_filled_in() -> None:
    mmfr2 = rid("ID_AA64MMFR2_EL1")
    midr = rid("MIDR_EL1")
    host = HostState(values={midr: N2, mmfr2: 0x1011}, known={midr: (1 << 64) - 1, mmfr2: 0xFFFFF})
    filled = fill_from_core(host)
    assert filled.host.values[mmfr2] == 0x1221011112100000 & ~0xFFFFF | 0x1011
    assert "--assume core" in offer(host)
    assert "QEMU" in " ".join(filled.notes)
    assert fill_from_core(HostState(values={}, known={})) == (HostState(values={}, known={}), ())


def test_a_command_assumes_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "host"
    path.write_text("# host\nMIDR_EL1=0x410fd493\nCTR_EL0=0x4b444c004\n")
    mmfr2 = rid("ID_AA64MMFR2_EL1")
    left = machine(load(str(path)), Given("7.3"))
    assert mmfr2 not in left.host.values
    assert ", NV 2, " in hints(left.host, [mmfr2])[0]
    assert "--assume core" in hints(left.host)[-1]
    taken = machine(load(str(path)), Given("7.3", host="vgic=v3", assume="core"))
    assert taken.host.values[mmfr2] >> 24 & 0xF == 2
    assert any("assumed as Neoverse N2" in note for note in taken.notes)


@pytest.mark.parametrize(("sample", "midr"), [("ampere-altra-host-ubuntu.txt", N1), ("cortexa72-host-ubuntu.txt", A72)])
def test_records_are_those_of_the_public_dumps(sample: str, midr: int) -> None:
    dump = load(str(shared("samples", "cpusysregs", sample)))
    assert dump.host is not None
    (record,) = (r for r in records() if "arm-cpusysregs" in r.source and r.midr == midr)
    for reg_id, part in record.values.items():
        assert dump.host.values[reg_id] == part.value
