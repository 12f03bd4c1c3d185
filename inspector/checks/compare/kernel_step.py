"""What a VM sees otherwise on one host when its kernel is another one: the difference of two exposures."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec

from inspector.checks.machine.machine import Machine
from inspector.kvm.exposure import RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.registers import catalog
from inspector.registers.bits import ALL, ones
from inspector.registers.reading import read


class RegisterStep(msgspec.Struct, frozen=True, kw_only=True):
    """One register that is not the same under both kernels."""

    id: int
    before: int | None
    """what a fresh vCPU has of it; None when nothing is known, or when the kernel does not list it"""
    after: int | None
    mask: int
    """bits that certainly differ, as userspace or the guest reads them"""
    unsure: int
    """bits that are known under one of the kernels only, so that they may differ"""
    listed: tuple[bool, bool] = (True, True)
    """whether each kernel lists it"""

    @property
    def certain(self) -> bool:
        """False where the values may differ, and no more is known."""
        return bool(self.mask) or self.listed[0] != self.listed[1]

    def touches(self, msb: int, lsb: int) -> bool:
        """True when a field has a bit that differs; every field of a register that only one kernel lists has."""
        return self.listed != (True, True) or bool(self.mask >> lsb & ones(msb - lsb + 1))


class KernelStep(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """From one kernel to another on the same host, with the same features of the vCPU."""

    before: str
    """the kernels as their policies are called: `6.2.0+mask-ccidx`"""
    after: str
    registers: tuple[RegisterStep, ...]
    """in the catalogue's order"""
    writable: tuple[int, ...] = ()
    """registers of which another part can be written, in the catalogue's order"""

    @cached_property
    def by_id(self) -> dict[int, RegisterStep]:
        """Registers that certainly differ, by id."""
        return {one.id: one for one in self.registers if one.certain}

    @cached_property
    def places(self) -> frozenset[str]:
        """`REGISTER` and `REGISTER.FIELD` of everything that certainly differs."""
        found = set()
        for one in self.by_id.values():
            name = catalog.by_id(one.id).name
            found.add(name)
            value = one.after if one.after is not None else one.before
            fields = read(one.id, value).fields if value is not None else ()
            found |= {f"{name}.{field.name}" for field in fields if one.touches(field.msb, field.lsb)}
        return frozenset(found)


def kernel_step(before: Machine, after: Machine) -> KernelStep:
    """What is not the same for a fresh vCPU of the machine `before` when its kernel is that of `after`."""
    listed = [set(one.listed) for one in (before, after)]
    found = []
    for reg_id in _ordered(listed[0] | listed[1]):
        old, new = (
            explain_under_each(one.exposures, reg_id) if reg_id in ids else None
            for one, ids in zip((before, after), listed, strict=True)
        )
        mask, unsure = _differing(old, new)
        if mask or unsure or old is None or new is None:
            found.append(
                RegisterStep(
                    id=reg_id, before=old.exposed if old else None, after=new.exposed if new else None,
                    mask=mask, unsure=unsure, listed=(old is not None, new is not None),
                )
            )  # fmt: skip
    both = listed[0] & listed[1]
    writable = {i for i in both if before.exposure.writable(i)[0] != after.exposure.writable(i)[0]}
    return KernelStep(
        before=before.policy.label, after=after.policy.label, registers=tuple(found),
        writable=tuple(_ordered(writable)),
    )  # fmt: skip


def _ordered(ids: Iterable[int]) -> list[int]:
    return sorted(ids, key=lambda reg_id: catalog.sort_key(catalog.by_id(reg_id)))


def _differing(old: RegisterExposure | None, new: RegisterExposure | None) -> tuple[int, int]:
    """Bits that differ, and bits that one side alone knows: of what userspace reads and of what the guest does."""
    if old is None or new is None:
        return 0, 0
    bits = ones(catalog.by_id(old.id).size * 8)
    mask = unsure = 0
    for left, right in (
        ((old.exposed, old.known), (new.exposed, new.known)),
        ((old.guest, old.guest_known), (new.guest, new.guest_known)),
    ):
        a, b = (known & ALL if value is not None else 0 for value, known in (left, right))
        mask |= ((left[0] or 0) ^ (right[0] or 0)) & a & b
        unsure |= a ^ b
    return mask & bits, unsure & ~mask & bits
