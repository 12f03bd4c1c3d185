"""A comparison that can be given away: which registers differ, without the secrets of the guests."""

from __future__ import annotations

import msgspec

from inspector.checks.compare.compare import Comparison
from inspector.checks.compare.values import RegisterValues
from inspector.registers.secrets import is_secret


def told(answer: Comparison) -> Comparison:
    """`answer` without the values of general, vector and debug registers, pointers and keys; how many differ stays."""
    return msgspec.structs.replace(
        answer, registers=tuple(map(_told, answer.registers)), unknown=tuple(map(_told, answer.unknown))
    )


def _told(register: RegisterValues) -> RegisterValues:
    if not is_secret(register.id):
        return register
    nothing = (None,) * len(register.values)
    return msgspec.structs.replace(register, values=nothing, known=(0,) * len(nothing), fields=(), withheld=True)
