"""Registers of many vCPUs that list the same ids, as bytes: the list once, the values in words of 64 bits.

A fleet has few lists and many values. Words of one width let one register of all hosts be taken out by its place.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise
from operator import itemgetter
from struct import Struct

from inspector.sources.jsontext import bits_of

WORD = 8
"""Bytes of a word; little-endian everywhere."""


def digest_of(data: bytes) -> bytes:
    """16 bytes that stand for `data`."""
    return blake2b(data, digest_size=16).digest()


class Packer:
    """Packs the values of some registers in the order of `ids`."""

    def __init__(self, ids: tuple[int, ...]) -> None:
        self.ids = ids
        self.words = tuple(-(-bits_of(reg_id) // 64) for reg_id in ids)
        self.places = tuple(accumulate(self.words, initial=0))
        """first word of each register; behind them all words"""
        self._wide = tuple((place, count * WORD) for place, count in enumerate(self.words) if count > 1)
        self._of = itemgetter(*ids) if len(ids) > 1 else None
        self._struct = Struct("<" + "".join("Q" if count == 1 else f"{count * WORD}s" for count in self.words))

    @property
    def size(self) -> int:
        """Bytes of one packed vCPU."""
        return self._struct.size

    def pack(self, values: Mapping[int, int]) -> bytes:
        """The values of `ids`, each below the width of its register."""
        found = self._of(values) if self._of is not None else [values[reg_id] for reg_id in self.ids]
        if self._wide:
            found = list(found)
            for place, size in self._wide:
                found[place] = found[place].to_bytes(size, "little")
        return self._struct.pack(*found)

    def unpack(self, data: bytes) -> dict[int, int]:
        """The values again, by id."""
        found = list(self._struct.unpack(data))
        for place, _ in self._wide:
            found[place] = int.from_bytes(found[place], "little")
        return dict(zip(self.ids, found, strict=True))

    def column(self, place: int, words: array[int]) -> set[int]:
        """The distinct values that register number `place` has in the packed vCPUs behind each other in `words`."""
        step, first, count = self.places[-1], self.places[place], self.words[place]
        parts = [words[first + n :: step] for n in range(count)]
        if count == 1:
            return set(parts[0])
        return {sum(word << 64 * n for n, word in enumerate(row)) for row in set(zip(*parts, strict=True))}


@lru_cache(maxsize=512)
def packer(ids: tuple[int, ...]) -> Packer:
    """The packer of these registers."""
    return Packer(ids)


def words_of(packed: Sequence[bytes]) -> array[int]:
    """The words of packed vCPUs behind each other."""
    words = array("Q", b"".join(packed))
    if words.itemsize != WORD:
        raise AssertionError("an unsigned long long has 8 bytes wherever KVM runs")
    return words


def shape_bytes(ids: Sequence[int], kept: Sequence[bool]) -> bytes:
    """A list of ids (ascending) and of which of them a value is kept: 9 bytes each."""
    return b"".join(reg_id.to_bytes(8, "little") for reg_id in ids) + bytes(kept)


@lru_cache(maxsize=512)
def shape_of(data: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(all ids, those of which a value is kept) of `shape_bytes`. Raises ValueError for bytes that are no such list."""
    count, rest = divmod(len(data), 9)
    ids = tuple(int.from_bytes(data[8 * n : 8 * n + 8], "little") for n in range(count))
    kept = data[8 * count :]
    if rest or any(flag > 1 for flag in kept) or any(one >= other for one, other in pairwise(ids)):
        raise ValueError("not an ascending list of ids")
    return ids, tuple(reg_id for reg_id, flag in zip(ids, kept, strict=True) if flag)
