"""What each kernel of the catalogue shows a fresh vCPU of one host: when a field changed, and back."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from inspector.checks.machine.machine import Machine, machine
from inspector.checks.machine.question import KernelQuestion
from inspector.kvm.exposure import Exposure, expose
from inspector.policies.loader import load_policy, place_of
from inspector.policies.points import all_names
from inspector.registers.bits import mask_of
from inspector.sources.dump import Dump, Vcpu


class Run(NamedTuple):
    """Neighbours of the catalogue that show the same of a field."""

    first: str
    last: str
    """kernels, as their policies are called"""
    listed: bool | None
    """None where it is not known whether KVM lists the register"""
    value: int
    """of the field"""
    known: int
    """which of its bits are known"""
    now: bool
    """the kernel that is asked, or the dump's own, is one of them"""


class KernelHistory:
    """One machine under every kernel of the catalogue, without patches; each is asked once."""

    def __init__(self, dump: Dump, question: KernelQuestion | None, vcpu: Vcpu | None) -> None:
        self._dump, self._question, self._vcpu = dump, question, vcpu

    @cached_property
    def machine(self) -> Machine:
        """The host and how its vCPU is created. Raises InspectorError where the dump says nothing of a machine."""
        return machine(self._dump, self._question, vcpu=self._vcpu)

    @cached_property
    def _exposures(self) -> tuple[Exposure, ...]:
        found = self.machine
        return tuple(expose(found.host, load_policy(name), found.setup) for name in all_names())

    def runs(self, reg_id: int, msb: int, lsb: int) -> tuple[Run, ...]:
        """What the kernels show of the bits msb:lsb of a register, oldest first."""
        runs: list[Run] = []
        policy = self.machine.policy
        now = -1 if policy.stands_for else place_of(policy)
        for at, (name, exposure) in enumerate(zip(all_names(), self._exposures, strict=True)):
            one = Run(name, name, *_shown(exposure, reg_id, msb, lsb), at == now)
            if runs and runs[-1][2:5] == one[2:5]:
                runs[-1] = runs[-1]._replace(last=name, now=runs[-1].now or one.now)
            else:
                runs.append(one)
        return tuple(runs)


def _shown(exposure: Exposure, reg_id: int, msb: int, lsb: int) -> tuple[bool | None, int, int]:
    """(listed, value, known bits) of a field."""
    if reg_id in exposure.doubtful:
        return None, 0, 0
    if reg_id not in exposure.listed_set:
        return False, 0, 0
    mask = mask_of(msb, lsb) & exposure.known[reg_id]
    return True, (exposure.values[reg_id] & mask) >> lsb, mask >> lsb
