"""ID registers that the VM holds: judged against KVM's limit field by field, frozen by the first run (from v6.5 on)."""

from __future__ import annotations

from errno import EBUSY

from inspector.kvm.exposure import Exposure
from inspector.kvm.gates.id_register import IdGate, Judged
from inspector.kvm.state import VcpuState
from inspector.policies.spans import FieldRule
from inspector.registers.bits import ones


class Stored(IdGate):
    """set_id_reg() with arm64_check_features()."""

    __slots__ = ()

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        writable = 0 if self.raz else exposure.writable(reg_id)[0]
        fields = [f for f in exposure.book.fields(reg_id) if f.mask & ~writable == 0]
        self.judge(tuple(Judged(f.lsb, ones(f.width), f.allowed(f.extract(self.limit))) for f in fields))

    def frozen(self, vcpu: VcpuState) -> bool:
        """From the first run on."""
        return vcpu.vm.ran

    def decide(self, vcpu: VcpuState, value: int) -> int:
        """By the bitmaps alone where no hook looks at the value, and no first run froze it: nearly every write."""
        if self.hooks or vcpu.vm.ran:
            return super().decide(vcpu, value)
        return self.checked(value)

    def check(self, vcpu: VcpuState, value: int, extra: int) -> int:
        """Only its own value after the first run; before, by the bitmaps."""
        if vcpu.vm.ran:
            return 0 if value | extra == vcpu.vm.stored[self.reg_id] else EBUSY
        return self.checked(value)

    def beyond(self, field: FieldRule, written: int) -> str:
        """By the field's safe direction."""
        if field.safe.startswith("exact"):
            return f"only {field.extract(self.limit)} or {field.exact}"
        return "above the limit" if field.safe == "lower" else "below the limit"
