"""What is said for sure of a host that is known in part is true of the host, for hosts, kernels and views at random.

A made-up machine is asked under one kernel; what that shows (a vCPU's registers, those of a program, or the machine
with bits hidden) is all that the second answer may rest on, and it is compared with the machine itself under a second
kernel.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import expose
from inspector.kvm.host import HostState, from_raw, vgic_of
from inspector.kvm.inference.el0 import el0_values, from_el0
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import peek_write
from inspector.policies.loader import load_policy
from inspector.policies.model import Policy
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import VcpuSetup, parse_features
from inspector.registers.ids import CTR_EL0, ID_SPACE, MIDR_EL1
from inspector.registers.naming import name_of
from tests.kvm.material import EL2, EL2_E2H0, GIC, IMP_ID, MINIMAL, MTE, PMU_GIC, host

KERNELS = (
    "5.10.0", "5.10", "5.12", "5.15.28", "5.16", "6.1", "6.1.57", "6.2", "6.3", "6.5", "6.7", "6.11", "6.12.0", "6.12",
    "6.14", "6.15", "6.16", "6.17", "6.18", "7.0", "7.1", "7.3",
)  # fmt: skip
SETUPS = (
    GIC, MINIMAL, PMU_GIC, parse_features("psci,sve", gic="v3"), parse_features("qemu", gic="v3"), MTE, IMP_ID,
    parse_features("none", gic="v3"), EL2, EL2_E2H0,
)  # fmt: skip
FIELDS = [(i, f) for i in (*ID_SPACE, CTR_EL0) for f in rulebook(load_policy("7.3")).of(i).fields]
_ONE_THING = ("PMUVer", "PerfMon", "DebugVer", "CopDbg", "EL0", "EL1", "GIC")
"""Fields that hang on others: a machine with one of them alone there cannot be."""


def _machine(choose: random.Random) -> HostState:
    model = choose.choice(("neoverse-n2", "cortex-a72", "max", "max_nested"))
    base = host(model)
    values = dict(base.values)
    for reg_id, field in choose.sample(FIELDS, choose.choice((0, 1, 3, 8))):
        if field.name not in _ONE_THING:
            held = min(choose.choice((0, 1, 2, choose.randrange(16))), (1 << field.width) - 1)
            values[reg_id] = values.get(reg_id, 0) & ~field.mask | held << field.lsb
    told = {k: v for k, v in (base.capabilities or {}).items() if k in ("el2", "el2_e2h0")}
    made = from_raw(values, base.ccsidr, told if model == "max_nested" else None)
    lengths = choose.choice((1, 3, 0xB)) if model.startswith("max") else None
    return msgspec.structs.replace(made, vgic=vgic_of(made.values, made.known), vector_lengths=lengths)


def _of_vcpu(real: HostState, policy: Policy, setup: VcpuSetup, choose: random.Random) -> HostState | None:
    """What a vCPU that may have run shows; None where there can be none."""
    made = Vm(real, policy, setup)
    if made.init_errno:
        return None
    if choose.random() < 0.5:
        made.run(0)
    saved = {i: made.vcpu(0).get_one_reg(i)[1] for i in made.exposure.listed}
    return from_vcpu({i: made.exposure.values[i] if v is None else v for i, v in saved.items()}, setup, policy)


def _of_program(real: HostState, policy: Policy, setup: VcpuSetup, choose: random.Random) -> HostState | None:
    return from_el0(el0_values(real, policy), policy)


def _with_holes(real: HostState, policy: Policy, setup: VcpuSetup, choose: random.Random) -> HostState | None:
    values, known = dict(real.values), dict(real.known)
    for reg_id, field in choose.sample(FIELDS, choose.choice((1, 5, 40, 120))):
        known[reg_id] = known.get(reg_id, 0) & ~field.mask
        values[reg_id] = values.get(reg_id, 0) & ~field.mask
    if choose.random() < 0.2:
        known[MIDR_EL1] = 0
    return msgspec.structs.replace(real, values=values, known=known, vector_lengths=None)


def _false_of(seen: HostState, real: HostState, policy: Policy, setup: VcpuSetup, choose: random.Random) -> list[str]:
    """Everything that is said for sure of `seen` and does not hold for `real`."""
    there = expose(real, policy, setup)
    told = expose(msgspec.structs.replace(seen, pages_known=False), policy, setup)
    if vcpu_init(there) or vcpu_init(told):
        return []
    wrong = [
        f"list {name_of(i)}" for i in told.listed_set ^ there.listed_set if i not in {*told.doubtful, *there.doubtful}
    ]
    one, other = Vm(seen, policy, setup, exposure=told).vcpu(0), Vm(real, policy, setup, exposure=there).vcpu(0)
    if choose.random() < 0.4:
        one.vm.run(0)
        other.vm.run(0)
    both = [i for i in told.listed if i in there.listed_set]
    for reg_id in both:
        left, right = one.get_one_reg(reg_id)[1], other.get_one_reg(reg_id)[1]
        sure = told.known[reg_id] & there.known[reg_id]
        if left is not None and right is not None and (left ^ right) & sure:
            wrong.append(f"{name_of(reg_id)} 0x{left:x}, not 0x{right:x}")
    for reg_id in choose.sample(both, 12):
        value = other.get_one_reg(reg_id)[1] or 0
        fields = [field for i, field in FIELDS if i == reg_id]
        if fields and choose.random() < 0.4:
            field = choose.choice(fields)
            value = value & ~field.mask | choose.randrange(1 << field.width) << field.lsb
        said, true = peek_write(one, reg_id, value), peek_write(other, reg_id, value)
        both_sure = said.certain and true.certain
        kept = said.after is None or true.after is None or said.after == true.after
        if both_sure and (said.errno != true.errno or not (said.errno or kept)):
            wrong.append(f"{name_of(reg_id)} = 0x{value:x}: {said.errno} {said.after}, not {true.errno} {true.after}")
    return wrong


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("view", [_of_vcpu, _of_program, _with_holes])
def test_what_is_sure_of_a_host_known_in_part_is_true_of_it(
    view: Callable[[HostState, Policy, VcpuSetup, random.Random], HostState | None], seed: int
) -> None:
    choose = random.Random(f"{view.__name__} {seed}")
    for _ in range(30):
        real, setup = _machine(choose), choose.choice(SETUPS)
        before, after = choose.choice(KERNELS), choose.choice(KERNELS)
        seen = view(real, load_policy(before), setup, choose)
        if seen is not None:
            asked = setup if view is _of_vcpu and choose.random() < 0.7 else choose.choice(SETUPS)
            assert not _false_of(seen, real, load_policy(after), asked, choose), (before, after, setup, asked)
