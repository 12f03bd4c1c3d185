"""Streams of QEMU's emulation are judged by QEMU's own rule: constants have to be equal, guest state is taken."""

from __future__ import annotations

import json
import lzma
import random
from pathlib import Path

import pytest

from inspector.checks.restore.emulated import constant
from inspector.checks.vmms.table import find_vmm
from inspector.registers.catalog import by_id, find
from inspector.registers.ids import TCR2_EL1
from inspector.sources import load
from tests.commands.running import run
from tests.material import material, read_text
from tests.sources import streams

MEASURED: dict[str, dict[str, str]] = json.loads(read_text("emulated", "one-bit-changed.json.xz"))
PARTLY_RESERVED = {"OSDLR_EL1", "DBGOSDLR", "VBAR_EL1", "FPCR (S3_3_C4_C4_0)", "HCRX_EL2"}
"""Guest state whose bits 0 and 3 are reserved: QEMU drops them, and no guest can have set them."""
MMFR0, X0 = find("ID_AA64MMFR0_EL1").register.id, find("X0").register.id


@pytest.mark.parametrize("cpu", MEASURED)
def test_the_constants_are_those_that_a_real_qemu_refused_to_change(cpu: str) -> None:
    measured = {int(reg_id, 16): answer for reg_id, answer in MEASURED[cpu].items()}
    guests = {i for i in measured if by_id(i).name in PARTLY_RESERVED}
    assert {i for i in measured if constant(i)} == {i for i, answer in measured.items() if answer == "refused"} - guests
    assert len(measured) > 250


@pytest.fixture
def emulated(tmp_path: Path) -> Path:
    """A real TCG stream."""
    path = tmp_path / "vm.mig"
    path.write_bytes(lzma.decompress(material("qemu", "tcg_max_64_virt72.mig.xz").read_bytes()))
    return path


def changed(path: Path, name: str, reg_id: int, value: int) -> Path:
    """A copy of a stream in which one value differs."""
    data = bytearray(path.read_bytes())
    at = load(str(path)).vcpus[0].offsets[reg_id]
    data[at : at + 8] = value.to_bytes(8, "big")
    target = path.with_name(name)
    target.write_bytes(data)
    return target


def test_a_stream_loads_in_the_machine_that_made_it(emulated: Path) -> None:
    done = run("migrate", str(emulated), str(emulated))
    assert done.code == 0 and "QEMU's own rule" in done.out and "\n  kernel" not in done.out


def test_a_constant_that_differs_is_refused_and_fixed(emulated: Path) -> None:
    source = changed(emulated, "other.mig", MMFR0, 0x1122)
    done = run("migrate", str(source), str(emulated))
    assert done.code == 1 and "1 register of" in done.out and "ID_AA64MMFR0_EL1" in done.out
    assert "load of migration failed: Operation not permitted" in done.out and "KVM" not in done.out
    fixed = emulated.with_name("fixed.mig")
    assert run("fix", str(source), str(emulated), "-o", str(fixed)).code == 0
    assert fixed.read_bytes() == emulated.read_bytes()
    answer = run("migrate", str(source), str(emulated), "--json").json
    assert answer["vcpus"][0]["findings"][0]["errno"] == 1 and answer["verdict"] == "fails"


def test_guest_state_may_differ(emulated: Path) -> None:
    chosen = random.Random(7)
    values = load(str(emulated)).vcpus[0]
    source = emulated
    for name in ("TPIDR_EL0", "TTBR0_EL1", "VBAR_EL1", "SCTLR_EL1"):
        source = changed(source, "busy.mig", find(name).register.id, chosen.getrandbits(52) & ~0xFFF)
    assert load(str(source)).vcpus[0].values != values.values
    assert run("migrate", str(source), str(emulated)).code == 0


def test_a_register_that_the_destination_lacks_fails(emulated: Path, tmp_path: Path) -> None:
    listed = {i: v for i, v in load(str(emulated)).vcpus[0].values.items() if i in load(str(emulated)).vcpus[0].offsets}
    less = tmp_path / "less.mig"
    less.write_bytes(streams.stream([{i: v for i, v in listed.items() if i != MMFR0}]))
    done = run("migrate", str(emulated), str(less))
    assert done.code == 1 and "lengths  FAILS" in done.out
    more = run("migrate", str(less), str(emulated))
    assert more.code == 0 and "Not saved" in more.out


def test_with_a_kernel_kvm_judges(emulated: Path) -> None:
    done = run("migrate", str(emulated), str(emulated), "--kernel", "6.12")
    assert "QEMU's own rule" not in done.out


def test_qemu_11_tolerates_the_register_that_older_ones_listed_by_mistake() -> None:
    """0x40200000200e0298, whatever KVM's own tolerances are."""
    new, old = find_vmm("qemu-11.1"), find_vmm("qemu-10.0")
    assert new.tolerates_emulated(0x40200000200E0298, 5) and not old.tolerates_emulated(0x40200000200E0298, 5)
    assert not new.tolerates_emulated(TCR2_EL1, 0) and new.tolerates(TCR2_EL1, 0)
