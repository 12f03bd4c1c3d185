"""ID registers that have to be written as they read; of ID_AA64PFR0_EL1, CSV2 (and CSV3) may change (up to v6.4)."""

from __future__ import annotations

from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.id_register import IdGate, Judged
from inspector.policies.spans import FieldRule
from inspector.registers.ids import ID_AA64PFR0_EL1

_CSV2, _CSV3 = 56, 60


class Compared(IdGate):
    """set_id_reg() and set_id_aa64pfr0_el1()."""

    __slots__ = ()

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        if reg_id == ID_AA64PFR0_EL1:
            judged = [_mitigation(_CSV2, self.limit)]
            if exposure.book.variant("speculation-fields") != "csv2":
                judged.append(_mitigation(_CSV3, self.limit))
            self.judge(tuple(judged))

    def beyond(self, field: FieldRule, written: int) -> str:
        """CSV2 and CSV3 alone are judged."""
        return "more than the host's mitigation state allows"


def _mitigation(lsb: int, limit: int) -> Judged:
    """0, and 1 on a host that is not affected: there KVM offers 1."""
    return Judged(lsb, 0xF, 0b11 if limit >> lsb & 0xF else 0b1)
