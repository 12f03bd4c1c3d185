"""The vCPUs of a Firecracker vmstate whose numbers have fixed widths (to 1.14), found by the form of their lists.

What surrounds a vCPU changes with every release, but its own members stand side by side (VcpuState of
src/vmm/src/vstate/vcpu/aarch64.rs, from 1.12 src/vmm/src/arch/aarch64/vcpu.rs): mp_state, the registers, mpidr, and
from snapshot data of 1.5 on kvi, the struct kvm_vcpu_init that the vCPU was created with. A list of registers has one
of three forms, everything little-endian:

- to 1.1.3 and 1.2.0: a count, then id and 64-bit value of each (the upper half of V registers was lost);
- from there to 1.4: a count, then id and 128-bit value of each;
- from 1.5 on: a count, that many ids, the length of a block of bytes, and the values back to back, each as wide as its
  id says.

mp_state and kvi are the bytes of the kernel's structures, from 1.8 on behind their length (kvm-bindings, serialize.rs).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import msgspec

from inspector.budget import RECORDS, STEPS, VCPUS, Budget
from inspector.registers.encoding import size_of

_START = re.compile(rb"(?=.[\x00-\x04]\x00{6}..[\x10-\x16]\x00\x00\x00[\x20-\x80]\x60)", re.DOTALL)
"""a count below 1280, and an id of a KVM register"""
_MOST = 1200
_WORDS = struct.Struct("<8I")
"""struct kvm_vcpu_init: the target, and seven words of features"""
_TARGETS = 6
_FEATURES = 1 << 16
Row = tuple[int, int, int]
"""id, value, offset of the value's first byte"""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU as Firecracker keeps it."""

    rows: tuple[Row, ...]
    width: int = 0
    """bytes that each value has in the file; 0: as many as its register"""
    mp_state: int | None = None
    mpidr: int | None = None
    features: int | None = None
    """first word of kvi.features; None where none is saved"""


def lists(data: bytes, start: int, budget: Budget) -> Iterator[Saved]:
    """Every vCPU from `start` on, in the order of the file. Raises SourceError beyond the budget."""
    at = start
    while match := _START.search(data, at):
        at = match.start() + 1
        for form in (_blocks, _pairs):
            if found := form(data, match.start(), budget):
                rows, width, end = found
                budget.spend(VCPUS)
                budget.spend(RECORDS, len(rows))
                mpidr, features = _behind(data, end)
                yield Saved(
                    rows=rows, width=width, mp_state=_before(data, match.start()), mpidr=mpidr, features=features
                )
                at = end
                break


def _ids_fit(ids: tuple[int, ...]) -> bool:
    return all(reg_id >> 56 == 0x60 for reg_id in ids) and len(set(ids)) == len(ids)


def _blocks(data: bytes, start: int, budget: Budget) -> tuple[tuple[Row, ...], int, int] | None:
    """A list of ids and a block of values, if all their parts fit each other; its rows and its end."""
    count = int.from_bytes(data[start : start + 8], "little")
    block = start + 8 + 8 * count
    if not 1 <= count <= _MOST or block + 8 > len(data):
        return None
    budget.spend(STEPS, 3 + count // 16)
    ids = struct.unpack_from(f"<{count}Q", data, start + 8)
    if ids[-1] >> 56 != 0x60 or not _ids_fit(ids):
        return None
    budget.spend(STEPS, count // 4)
    length = sum(map(size_of, ids))
    if int.from_bytes(data[block : block + 8], "little") != length or block + 8 + length > len(data):
        return None
    rows, at = [], block + 8
    for reg_id in ids:
        size = size_of(reg_id)
        rows.append((reg_id, int.from_bytes(data[at : at + size], "little"), at))
        at += size
    return tuple(rows), 0, at


def _pairs(data: bytes, start: int, budget: Budget) -> tuple[tuple[Row, ...], int, int] | None:
    """A list of pairs of an id and a value of 8 or 16 bytes, if every value fits its register."""
    count = int.from_bytes(data[start : start + 8], "little")
    for width in (8, 16):
        step = 8 + width
        end = start + 8 + step * count
        if not 1 <= count <= _MOST or end > len(data) or data[end - step + 7] != 0x60:
            continue
        budget.spend(STEPS, 3 + count // 4)
        places = range(start + 16, end, step)
        ids = tuple(int.from_bytes(data[at - 8 : at], "little") for at in places)
        if not _ids_fit(ids):
            continue
        values = [int.from_bytes(data[at : at + width], "little") for at in places]
        if all(value >> 8 * size_of(reg_id) == 0 for reg_id, value in zip(ids, values, strict=True)):
            return tuple(zip(ids, values, places, strict=True)), width, end
    return None


def _before(data: bytes, start: int) -> int | None:
    """mp_state, which ends where the list begins."""
    state = int.from_bytes(data[max(0, start - 4) : start], "little")
    return state if start >= 12 and state < 16 else None


def _behind(data: bytes, end: int) -> tuple[int | None, int | None]:
    """mpidr, and the first word of kvi where there is one; both None at the end of the file."""
    if end + 8 > len(data):
        return None, None
    at = end + 8
    marked = at + 1 if data[at : at + 1] == b"\1" else None
    for place in (marked, at):
        if place is None:
            continue
        sized = place + 8 if data[place : place + 8] == (32).to_bytes(8, "little") else place
        features = feature_word(data[sized : sized + 32])
        if features is not None:
            return _mpidr(data, end), features
    return _mpidr(data, end), None


def _mpidr(data: bytes, at: int) -> int | None:
    """MPIDR_EL1, whose bit 31 is always 1 and whose upper 24 bits are 0."""
    value = int.from_bytes(data[at : at + 8], "little")
    return value if value >> 31 & 1 and not value >> 40 else None


def feature_word(data: bytes) -> int | None:
    """The first word of features of a struct kvm_vcpu_init; None for bytes that cannot be one."""
    if len(data) != _WORDS.size:
        return None
    target, first, *rest = _WORDS.unpack(data)
    return int(first) if target < _TARGETS and first < _FEATURES and not any(rest) else None
