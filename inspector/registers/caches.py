"""Cache topology from CLIDR_EL1, CCSIDR_EL1 and CTR_EL0: levels, types, sets, ways, lines, sizes, how sure they are.

Every CCSIDR value is read in both of its layouts; `cache_layout` decides which one applies and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from inspector.registers import cache_layout as layout
from inspector.registers import encoding as enc
from inspector.registers.ids import CLIDR_EL1, CTR_EL0
from inspector.registers.meanings import size_text

_TYPES = ("none", "instruction", "data", "separate", "unified", "reserved", "reserved", "reserved")
_TAGS = ("", "separate tag cache", "tags in the same lines as data", "tags beside data, in lines of their own")
_KVM_CLIDR = frozenset({0x0100_0004, 0x0200_0021, 0x0920_0003, 0x0920_0002})
"""What KVM 6.3 and later make up from CTR_EL0.IDC and DIC (reset_clidr in sys_regs.c), tag cache types left out."""
_FIRST_LEVEL_ONLY = 0x0920_0003
"""The one of them that a CPU has as well: separate first-level caches and no others (Cortex-A34 or A35 without L2)."""
_TTYPES = 0x3FFF << 33
SYSFS_EMPTY = (
    "a guest whose device tree describes more caches than this CLIDR_EL1 (Firecracker before 1.14.4, 1.15.1 and 1.16) "
    "may show none below /sys/devices/system/cpu/cpu*/cache: newer guest kernels want both to agree"
)
"""Firecracker, pull request 5780: init_of_cache_level() counts the tree's caches, populate_cache_leaves() those of the
register."""
_PERHAPS = (
    "uncertain whether KVM made CLIDR_EL1 up, as newer kernels do: a CPU with first-level caches alone has the same "
    "value, and no CCSIDR tells"
)
HOST_UNSEEN = "the host's own caches need the host's CLIDR_EL1: the vCPU's does not describe them"
"""The note of a vCPU whose CLIDR_EL1 is made up; without meaning beside a host whose own was read."""


class CacheReading(NamedTuple):
    """One CCSIDR value in one layout."""

    layout: str
    """"32-bit" or "64-bit"."""
    sets: int | None
    """None: lost, the value is the low half of a 64-bit one."""
    ways: int
    line: int
    """Bytes."""

    @property
    def size(self) -> int | None:
        """Bytes; None when the number of sets is lost."""
        return None if self.sets is None else self.sets * self.ways * self.line

    @property
    def text(self) -> str:
        """`256 sets x 4 ways x 64 B = 64 KiB`, or with a question mark for what is lost."""
        head = f"{'?' if self.sets is None else format(self.sets, ',')} set{'' if self.sets == 1 else 's'}"
        ways = f"{self.ways:,} way{'' if self.ways == 1 else 's'}"
        size = "?" if self.size is None else size_text(self.size)
        return f"{head} x {ways} x {self.line} B = {size}"


class Cache(NamedTuple):
    """One cache that CLIDR_EL1 describes."""

    level: int
    """From 1."""
    kind: str
    """"instruction", "data" or "unified"."""
    csselr: int
    id: int
    """The demux register id."""
    value: int | None
    """The CCSIDR value; None when the dump has none."""
    narrow: CacheReading | None
    """The value in the 32-bit layout."""
    wide: CacheReading | None
    """The value in the 64-bit layout."""
    chosen: CacheReading | None
    """The reading that applies."""
    lost: bool
    """The number of sets is not in the value."""
    fabricated: bool
    """KVM made the value up."""
    raw: int | None
    """The host's own CCSIDR_EL1, 64 bits, when given."""
    host: CacheReading | None
    """The host's own value in the layout that it has."""

    @property
    def name(self) -> str:
        """`L1 data`, `L2 unified`."""
        return f"L{self.level} {self.kind}"


class CacheLevel(NamedTuple):
    """One level of the hierarchy."""

    level: int
    kind: str
    """"instruction", "data", "separate", "unified" or "reserved"."""
    caches: tuple[Cache, ...]
    """One cache; with separate ones instruction first, then data."""
    tags: str
    """How allocation tags are cached here (MTE); "" for not at all."""


class CacheTopology(NamedTuple):
    """What a vCPU's registers say about its caches."""

    clidr: int | None
    ctr: int | None
    levels: tuple[CacheLevel, ...]
    loc: int | None
    """Level of coherency: clean up to here for every observer; 0: nothing to clean; None without CLIDR_EL1."""
    louu: int | None
    """Level of unification for one core."""
    louis: int | None
    """Level of unification for the Inner Shareable domain."""
    instruction_line: int | None
    """CTR_EL0.IminLine in bytes."""
    data_line: int | None
    """CTR_EL0.DminLine in bytes."""
    idc: bool | None
    """New code needs no data cache cleaning."""
    dic: bool | None
    """New code needs no instruction cache invalidation."""
    ccidx: int | None
    """FEAT_CCIDX as the vCPU's ID registers tell it; None when they are missing."""
    layout: str
    """The CCSIDR layout that applies: "32-bit" or "64-bit"."""
    reason: str
    """Why that layout."""
    lost: bool
    """The number of sets is lost in the CCSIDR values."""
    fabricated: bool
    """KVM made the CCSIDR values up."""
    clidr_fabricated: bool | None
    """KVM made CLIDR_EL1 up; None where a CPU without a second level of caches has the same value."""
    notes: tuple[str, ...]
    """Further findings, each one sentence."""

    @property
    def caches(self) -> tuple[Cache, ...]:
        """All caches, level by level."""
        return tuple(cache for level in self.levels for cache in level.caches)


def narrow_reading(value: int) -> CacheReading:
    """A CCSIDR value in the 32-bit layout: NumSets [27:13], Associativity [12:3], LineSize [2:0]."""
    return CacheReading("32-bit", (value >> 13 & 0x7FFF) + 1, (value >> 3 & 0x3FF) + 1, 16 << (value & 7))


def wide_reading(value: int, lost: bool = False) -> CacheReading:
    """A CCSIDR value in the 64-bit layout: NumSets [55:32] unless `lost`, Associativity [23:3], LineSize [2:0]."""
    sets = None if lost else (value >> 32 & 0xFF_FFFF) + 1
    return CacheReading("64-bit", sets, (value >> 3 & 0x1F_FFFF) + 1, 16 << (value & 7))


def read_caches(values: Mapping[int, int], raw_ccsidr: Mapping[int, int] | None = None) -> CacheTopology:
    """The caches of a vCPU.

    `values`: register id to value. `raw_ccsidr`: CSSELR value to the host's own 64-bit CCSIDR_EL1, shown beside the
    vCPU's; where the vCPU's registers hold no CCSIDR at all (a host's registers), they take its place.
    """
    raw = dict(raw_ccsidr or {})
    own = {number: values[enc.ccsidr_id(number)] for number in range(256) if enc.ccsidr_id(number) in values}
    clidr, ctr = values.get(CLIDR_EL1), values.get(CTR_EL0)
    existing = layout.existing_caches(clidr) if clidr is not None else tuple(sorted(own or raw))
    words = own or raw
    shape = layout.shape_of([words[number] for number in existing if number in words], layout.ccidx_of(values))
    if not own:
        shape = shape._replace(lost=False)
    host_wide = any(value >> 32 for value in raw.values())
    caches = tuple(
        _cache(number, clidr, words.get(number), shape, bool(own), raw.get(number), host_wide) for number in existing
    )
    fabricated_clidr = _made_up(clidr, shape.fabricated, bool(words))
    return CacheTopology(
        clidr=clidr,
        ctr=ctr,
        levels=_levels(clidr or 0, caches),
        loc=_bits(clidr, 24),
        louu=_bits(clidr, 27),
        louis=_bits(clidr, 21),
        instruction_line=None if ctr is None else 4 << (ctr & 0xF),
        data_line=None if ctr is None else 4 << (ctr >> 16 & 0xF),
        idc=None if ctr is None else bool(ctr >> 28 & 1),
        dic=None if ctr is None else bool(ctr >> 29 & 1),
        ccidx=layout.ccidx_of(values),
        layout="64-bit" if shape.wide else "32-bit",
        reason=shape.reason,
        lost=shape.lost,
        fabricated=shape.fabricated,
        clidr_fabricated=fabricated_clidr,
        notes=(
            *_missing_notes(clidr, ctr, existing, own, raw),
            *_fabrication_notes(shape, fabricated_clidr, bool(own), bool(raw)),
            *(note for cache in caches if (note := _line_note(cache, ctr))),
        ),
    )


def machine_caches(values: Mapping[int, int]) -> CacheTopology:
    """The caches of a machine's own registers: CCSIDR_EL1, of up to 64 bits, under the ids by which KVM lists it."""
    own = {reg_id & 0xFF: value for reg_id, value in values.items() if enc.is_demux(reg_id)}
    return read_caches({reg_id: value for reg_id, value in values.items() if not enc.is_demux(reg_id)}, own)


def _made_up(clidr: int | None, made_up: bool, known: bool) -> bool | None:
    """Whether KVM made CLIDR_EL1 up. `made_up`: it made the CCSIDRs up; `known`: some CCSIDR is known."""
    if clidr is None or clidr & ~_TTYPES not in _KVM_CLIDR or (known and not made_up):
        return False
    return True if made_up or clidr & ~_TTYPES != _FIRST_LEVEL_ONLY else None


def _bits(clidr: int | None, lsb: int) -> int | None:
    return None if clidr is None else clidr >> lsb & 7


def _cache(
    csselr: int,
    clidr: int | None,
    value: int | None,
    shape: layout.WordShape,
    word: bool,
    raw: int | None,
    host_wide: bool,
) -> Cache:
    kind = "instruction" if csselr & 1 else "data"
    if clidr is not None and clidr >> 3 * (csselr >> 1) & 7 == 4:
        kind = "unified"
    narrow = wide = None
    if value is not None:
        narrow = narrow_reading(value)
        wide = wide_reading(value, lost=word and not shape.fabricated and value >> 32 == 0)
    host = None
    if raw is not None:
        host = wide_reading(raw) if host_wide else narrow_reading(raw)
    return Cache(
        level=(csselr >> 1) + 1,
        kind=kind,
        csselr=csselr,
        id=enc.ccsidr_id(csselr),
        value=value,
        narrow=narrow,
        wide=wide,
        chosen=wide if shape.wide else narrow,
        lost=shape.lost and value is not None,
        fabricated=shape.fabricated and value is not None,
        raw=raw,
        host=host,
    )


def _levels(clidr: int, caches: tuple[Cache, ...]) -> tuple[CacheLevel, ...]:
    levels = []
    for number in range(1, 8):
        kind = _TYPES[clidr >> 3 * (number - 1) & 7]
        mine = tuple(sorted((cache for cache in caches if cache.level == number), key=lambda cache: -cache.csselr))
        if kind == "none" and not mine:
            break
        levels.append(CacheLevel(number, kind, mine, _TAGS[clidr >> 33 + 2 * (number - 1) & 3]))
    return tuple(levels)


def _missing_notes(
    clidr: int | None, ctr: int | None, existing: tuple[int, ...], own: Mapping[int, int], raw: Mapping[int, int]
) -> list[str]:
    """Which registers are missing, and which CCSIDRs too many; `own`, `raw`: by CSSELR value, as in read_caches."""
    notes = []
    if clidr is None:
        notes.append("CLIDR_EL1 is missing: which caches exist is taken from the CCSIDR values alone")
    if ctr is None:
        notes.append("CTR_EL0 is missing: line sizes cannot be checked")
    missing = [f"CCSIDR[{number}]" for number in existing if number not in own and number not in raw]
    if missing:
        notes.append(f"CLIDR_EL1 describes caches whose size is not in the dump: {', '.join(missing)}")
    beyond = [number for number in own if number not in existing]
    if beyond and clidr is not None:
        count = "one CCSIDR" if len(beyond) == 1 else f"{len(beyond)} CCSIDRs"
        notes.append(f"{count} of caches that CLIDR_EL1 does not describe have no meaning")
    return notes


def _fabrication_notes(shape: layout.WordShape, fabricated_clidr: bool | None, own: bool, raw: bool) -> list[str]:
    """What KVM made up or lost; `own`, `raw`: whether the vCPU and the host have CCSIDRs in the dump."""
    notes = []
    if fabricated_clidr and own and raw:
        notes.append(HOST_UNSEEN)
    if shape.lost and raw:
        notes.append("the host's own CCSIDR_EL1 has the sets that the vCPU's 32-bit words have lost")
    if fabricated_clidr is None:
        notes.append(_PERHAPS)
    elif fabricated_clidr:
        notes += ["CLIDR_EL1 is made up by KVM from CTR_EL0: it says nothing about the hardware", SYSFS_EMPTY]
    elif shape.fabricated:
        notes.append("CLIDR_EL1 is not the one that KVM makes up, the CCSIDRs are: a VMM or an older kernel wrote it")
    return notes


def _line_note(cache: Cache, ctr: int | None) -> str:
    """CTR_EL0 gives the shortest line of all caches; a CCSIDR with a shorter one contradicts it."""
    if ctr is None or cache.chosen is None:
        return ""
    least = 4 << (ctr & 0xF if cache.csselr & 1 else ctr >> 16 & 0xF)
    if cache.chosen.line >= least:
        return ""
    return f"{cache.name} has lines of {cache.chosen.line} B, but CTR_EL0 says that none is shorter than {least} B"
