"""The vCPUs of a Firecracker vmstate of 1.15 and newer, which packs each member of all vCPUs into one row.

The encoding (bitcode 0.6, its serde form) writes a row for every member, in the order in which the first vCPU has
them: lengths and bytes of mp_state, lengths and numbers of the ids, lengths and bytes of the values, mpidr, lengths and
bytes of kvi, and whether there is a pvtime_ipa (VcpuState of src/vmm/src/arch/aarch64/vcpu.rs). The ids differ too much
to be packed, so their row is found by its form; the rows around it have no other place.

A row of bytes begins with how it is packed, if it has more than two: several values of few states share a byte. A row
of numbers begins with their width, and with the smallest of them where that was subtracted. Lengths are bytes, where
255 stands for one of the numbers in a row behind them.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from inspector.budget import RECORDS, STEPS, VCPUS, Budget
from inspector.registers.encoding import size_of
from inspector.sources.formats.firecracker_lists import Row, Saved, feature_word

_IDS = re.compile(rb"(?:..[\x10-\x16]\x00\x00\x00[\x20-\x80]\x60){8,}", re.DOTALL)
_STATES = (256, 16, 6, 4, 3, 2)
"""states of a packed value, by how a row is packed"""
_SHARED = {256: 1, 16: 2, 6: 3, 4: 4, 3: 5, 2: 8}
"""states -> values that share a byte"""
_MP_STATE, _KVI = 4, 32
"""bytes of struct kvm_mp_state and struct kvm_vcpu_init"""
_MOST = 512
"""vCPUs that KVM gives a VM"""


class _MismatchError(Exception):
    """The bytes are no such row."""


class _Rows:
    """A place in the file from which one row after the other is read."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        if len(part) < count:
            raise _MismatchError
        self.at += count
        return part

    def bytes(self, count: int) -> bytes:
        """A row of `count` bytes."""
        if count <= 2:
            return self.take(count)
        kind = self.take(1)[0]
        if (kind + 1) // 2 >= len(_STATES):
            raise _MismatchError
        states = _STATES[(kind + 1) // 2]
        least = self.take(1)[0] if kind & 1 else 0
        if states == 256:
            return self.take(count)
        shared = _SHARED[states]
        packed = self.take((count + shared - 1) // shared)
        values = (byte // states**n % states + least & 0xFF for byte in packed for n in range(shared))
        return bytes(islice(values, count))

    def numbers(self, count: int) -> tuple[int, ...]:
        """A row of `count` numbers of 64 bits."""
        if not count:
            return ()
        kind = self.take(1)[0]
        width = {0: 8, 1: 4, 2: 2, 3: 1}.get((kind + 1) // 2)
        if width is None:
            raise _MismatchError
        least = int.from_bytes(self.take(8), "little") if kind & 1 else 0
        if width == 1:
            return tuple(least + value for value in self.bytes(count))
        data = self.take(width * count)
        return tuple(least + int.from_bytes(data[n : n + width], "little") for n in range(0, len(data), width))

    def lengths(self, count: int) -> tuple[int, ...]:
        """A row of `count` lengths."""
        small = self.bytes(count)
        large = iter(self.numbers(small.count(255)))
        return tuple(next(large) if length == 255 else length for length in small)


def rows(data: bytes, budget: Budget) -> tuple[Saved, ...]:
    """Every vCPU of the file; none when it has no such rows. Raises SourceError beyond the budget."""
    for match in _IDS.finditer(data):
        count = (match.end() - match.start()) // 8
        budget.spend(RECORDS, count)
        ids = struct.unpack_from(f"<{count}Q", data, match.start())
        vcpus = Counter(ids)[ids[0]]
        budget.spend(VCPUS, vcpus)
        if vcpus > _MOST:
            continue
        found = _head(data, match.start(), vcpus, count, budget)
        if found is None:
            continue
        states, counts = found
        try:
            return _saved(_Rows(data, match.end()), ids, states, counts)
        except _MismatchError:
            continue
    return ()


def _head(
    data: bytes, ids_at: int, vcpus: int, count: int, budget: Budget
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """mp_state and the number of ids of each vCPU: the rows that end where the ids begin."""
    for start in range(ids_at - 4, max(0, ids_at - 40 - 20 * vcpus), -1):
        budget.spend(STEPS, 4)
        head = _Rows(data, start)
        try:
            if set(head.lengths(vcpus)) != {_MP_STATE}:
                continue
            words = head.bytes(_MP_STATE * vcpus)
            counts = head.lengths(vcpus)
        except _MismatchError:
            continue
        if head.at == ids_at - 1 and data[head.at] == 0 and sum(counts) == count:
            return struct.unpack(f"<{vcpus}I", words), counts
    return None


def _saved(behind: _Rows, ids: Sequence[int], states: Sequence[int], counts: Sequence[int]) -> tuple[Saved, ...]:
    """The vCPUs, from the rows behind the ids. Raises _MismatchError."""
    vcpus = len(counts)
    lengths = behind.lengths(vcpus)
    total = sum(lengths)
    plain = behind.at + 1 if total > 2 and behind.data[behind.at : behind.at + 1] == b"\0" else None
    values = behind.bytes(total)
    mpidrs = behind.numbers(vcpus)
    kvi = behind.bytes(sum(lengths_of_kvi)) if set(lengths_of_kvi := behind.lengths(vcpus)) == {_KVI} else b""
    found, first, at = [], 0, 0
    for n, count in enumerate(counts):
        own = ids[first : first + count]
        if sum(map(size_of, own)) != lengths[n] or len(set(own)) != count:
            raise _MismatchError
        registers: list[Row] = []
        for reg_id in own:
            size = size_of(reg_id)
            registers.append(
                (reg_id, int.from_bytes(values[at : at + size], "little"), -1 if plain is None else plain + at)
            )
            at += size
        features = feature_word(kvi[_KVI * n : _KVI * (n + 1)])
        found.append(Saved(rows=tuple(registers), mp_state=states[n], mpidr=mpidrs[n], features=features))
        first += count
    return tuple(found)
