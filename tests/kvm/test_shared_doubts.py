"""What is in doubt of a register's write is worked out once for kernels that treat it alike, and is the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspector import sources
from inspector.checks.machine.destination import OwnMachine, source_vcpus
from inspector.checks.machine.question import Given
from inspector.errors import InspectorError
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates import id_register
from inspector.kvm.gates.doubts import Doubt, supposed
from inspector.kvm.gates.id_register import IdGate
from inspector.policies.loader import load_policy
from inspector.policies.points import all_names
from tests.material.make import HERE

PATTERN = 0x1111_1111_1111_1111
"""Changes every field."""
Told = dict[tuple[str, int, int], tuple[Doubt, ...]]


def doubts_under(names: list[str], source: str, *, afresh: bool) -> Told:
    """The doubts about writes of a saved vCPU's own ID registers, and of zero, under each kernel."""
    dump = sources.load(str(HERE / "qemu" / source))
    vcpu = source_vcpus(dump)[0][0]
    machine = OwnMachine(dump, Given(vmm="qemu"))
    found: Told = {}
    for name in names:
        try:
            model = machine.under(load_policy(name)).build(1).vcpu(0)
        except InspectorError:
            continue
        for reg_id, value in vcpu.values.items():
            gate = model.gate(reg_id)
            for tried in (value, value ^ PATTERN) if isinstance(gate, IdGate) else ():
                if afresh:
                    id_register._Doubts.of_host = None, {}
                found[name, reg_id, tried] = gate.doubts(model, tried) if gate is not None else ()
    return found


@pytest.mark.parametrize("source", ["kvm-6.1_neoverse-n2_q100.mig.xz", "kvm-7.3_neoverse-n2_q100.mig.xz"])
def test_doubts_shared_between_kernels_are_those_of_each_kernel(source: str) -> None:
    names = all_names()[::5]
    shared = doubts_under(names, source, afresh=False)
    assert shared == doubts_under(names, source, afresh=True)
    assert any(shared.values()), "something is in doubt, or nothing is tested"


def test_neighbours_share_their_doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(exposure: Exposure, reg_id: int) -> Iterator[Exposure]:
        asked.append(reg_id)
        return supposed(exposure, reg_id)

    monkeypatch.setattr("inspector.kvm.gates.id_register.supposed", counted)
    names, source = all_names()[-10:], "kvm-6.1_neoverse-n2_q100.mig.xz"
    doubts_under(names, source, afresh=True)
    alone = len(asked)
    doubts_under(names, source, afresh=False)
    assert 0 < len(asked) - alone < alone // 2
