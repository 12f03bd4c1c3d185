"""An explanation that can be given away: what was refused and why, without the secrets of the guest."""

from __future__ import annotations

import msgspec

from inspector.checks.explain.result import ExplainedRegister, Explanation
from inspector.checks.restore import withheld
from inspector.registers.secrets import is_secret


def told(answer: Explanation) -> Explanation:
    """`answer` without the values of general, vector and debug registers, pointers and keys."""
    simulation = None if answer.simulation is None else withheld.told(answer.simulation)
    registers = tuple(map(_told, answer.registers))
    return msgspec.structs.replace(answer, registers=registers, simulation=simulation)


def _told(register: ExplainedRegister) -> ExplainedRegister:
    if not is_secret(register.id) or (register.wanted is None and register.actual is None):
        return register
    return msgspec.structs.replace(register, wanted=None, actual=None, fields=(), from_dump=(), withheld=True)
