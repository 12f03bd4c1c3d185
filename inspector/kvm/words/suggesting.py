"""The nearest value that would pass, for a refused write. Every suggestion is tried before it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from inspector.kvm import gates as handlers
from inspector.kvm.fabricated import CLIDR_RES0, min_line
from inspector.kvm.firmware import BITMAPS
from inspector.policies import model
from inspector.policies.spans import FieldRule, signed_value
from inspector.registers.bits import ALL
from inspector.registers.ids import CTR_EL0

if TYPE_CHECKING:
    from inspector.kvm.vm import Vcpu


def nearest_accepted(vcpu: Vcpu, gate: handlers.Gate | None, reg_id: int, value: int) -> int | None:
    """A value close to `value` that this vCPU accepts now; None when there is none (or the register does not exist)."""
    if gate is None:
        return None
    for candidate in _candidates(vcpu, gate, reg_id, value):
        if vcpu.would_accept(reg_id, candidate) == 0:
            return candidate
    return None


def _candidates(vcpu: Vcpu, gate: handlers.Gate, reg_id: int, value: int) -> Iterator[int]:
    """Candidates, nearest first; what the register reads now comes last."""
    match gate:
        case handlers.Stored() if not vcpu.vm.ran and not gate.raz:
            yield _fit_fields(gate, value, near=True)
            yield _fit_fields(gate, value, near=False)
        case handlers.Compared():
            yield gate.limit & ~gate.free | _fit_csv(gate, value) & gate.free
        case handlers.Mirrored():
            mask = 0xF << gate.lsb
            yield gate.limit & ~mask | value & mask
        case handlers.Clidr():
            low = value & ~CLIDR_RES0
            yield low
            yield low & ~(7 << 24) & ~(7 << 27) | 1 << 24 | 1 << 27
        case handlers.Ccsidr():
            yield value & 0xFFFFFFF8 | min_line(gate.exposure.limit(CTR_EL0), gate.csselr) & 7
        case handlers.Implementation():
            yield value & 0xFFFFFFFF
        case handlers.Oslsr():
            yield 8 | value & 2
        case handlers.Psci():
            lower = [version for version in gate.versions if version <= value]
            yield lower[-1] if lower else gate.versions[0]
        case handlers.Bitmap():
            yield value & BITMAPS[reg_id]
        case handlers.Workaround():
            yield value & 0xF
            yield min(value & 0xF, vcpu.value(reg_id))
        case _:
            pass
    yield vcpu.value(reg_id)
    yield vcpu.vm.exposure.values.get(reg_id, 0)


def _fit_csv(gate: handlers.Compared, value: int) -> int:
    csv2 = min(value >> 56 & 0xF, 1 if gate.spectre_safe else 0)
    csv3 = min(value >> 60, 1 if gate.meltdown_safe else 0)
    return csv2 << 56 | csv3 << 60


def _fit_fields(gate: handlers.Stored, value: int, near: bool) -> int:
    """`value` with every refused field replaced: by its nearest accepted value, or by the limit."""
    prepared, _, refused = gate.prepare(value)
    result = gate.limit & gate.fixed | prepared & ~gate.fixed & ALL
    named: dict[int, FieldRule] = {field.lsb: field for field in gate.exposure.book.fields(gate.reg_id)}
    for lsb, mask, allowed in gate.fields:
        written = prepared >> lsb & mask
        barred = {v for v in range(mask + 1) if not allowed >> v & 1} | _refused_values(gate, lsb, mask)
        if written in barred:
            choices = [v for v in range(mask + 1) if v not in barred]
            limit = named[lsb].extract(gate.limit)
            best = _nearest(choices, written, named[lsb], limit) if near else limit
            result = result & ~(mask << lsb) | best << lsb
    if value & ~prepared and refused is None:
        result |= _ignored_bits(gate, value, prepared)
    return result


def _nearest(choices: list[int], written: int, field: FieldRule, limit: int) -> int:
    """The choice closest to what was written, in the field's own number system; the limit where there is none."""

    def number(value: int) -> int:
        return signed_value(value, field.width) if field.signed else value

    return min(choices, key=lambda v: (abs(number(v) - number(written)), v), default=limit)


def _refused_values(gate: handlers.Stored, lsb: int, mask: int) -> set[int]:
    values: set[int] = set()
    for hook in gate.hooks:
        if hook.lsb == lsb and isinstance(hook.rule, model.Refuse):
            limit = gate.limit >> lsb & mask
            values |= {v for v in range(mask + 1) if handlers.refuses(hook.rule, v, limit)}
    return values


def _ignored_bits(gate: handlers.Stored, value: int, prepared: int) -> int:
    """Fields whose old value is accepted and ignored stay as written."""
    bits = 0
    for hook in gate.hooks:
        if isinstance(hook.rule, model.Tolerate | model.Keep) and value & hook.mask and not prepared & hook.mask:
            bits |= value & hook.mask
    return bits
