"""What Linux reports of the CPU to processes: the flags of AT_HWCAP and AT_HWCAP2, and the ID register fields behind.

Bits: arch/arm64/include/uapi/asm/hwcap.h. Names as /proc/cpuinfo prints them: arch/arm64/kernel/cpuinfo.c, hwcap_str.
Fields and values: Documentation/arch/arm64/elf_hwcaps.rst and arm64_elf_hwcaps, arch/arm64/kernel/cpufeature.c.
A flag says that the field of the sanitised register is at least that value (signed where the field is signed). A flag
that is missing says that it is less, if the kernel knows the flag and nothing switched the feature off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import and_, or_
from typing import NamedTuple

from inspector.registers.bits import Partial, as_signed, ones
from inspector.registers.ids import id_of
from inspector.registers.naming import by_id


class Hwcap(NamedTuple):
    """One flag."""

    name: str
    """as /proc/cpuinfo and lscpu print it"""
    word: int
    """1 for AT_HWCAP, 2 for AT_HWCAP2"""
    bit: int
    register: str
    """empty where no ID register field stands behind it"""
    field: str
    least: int
    """the least value of the field with which the flag is set"""
    switchable: bool
    """a kernel option, a command line parameter or an erratum may take the flag away from a CPU that has the feature"""


UNBOUNDED = -16
"""Less than any value of a field of four bits, signed ones as well."""


class Bound(NamedTuple):
    """What is known of a field: at least `least`, and less than `below` (None: no upper bound)."""

    least: int
    below: int | None


_HWCAP = """
fp ID_AA64PFR0_EL1.FP 0
asimd ID_AA64PFR0_EL1.AdvSIMD 0
evtstrm
aes ID_AA64ISAR0_EL1.AES 1
pmull ID_AA64ISAR0_EL1.AES 2
sha1 ID_AA64ISAR0_EL1.SHA1 1
sha2 ID_AA64ISAR0_EL1.SHA2 1
crc32 ID_AA64ISAR0_EL1.CRC32 1
atomics ID_AA64ISAR0_EL1.Atomic 2
fphp ID_AA64PFR0_EL1.FP 1
asimdhp ID_AA64PFR0_EL1.AdvSIMD 1
cpuid
asimdrdm ID_AA64ISAR0_EL1.RDM 1
jscvt ID_AA64ISAR1_EL1.JSCVT 1
fcma ID_AA64ISAR1_EL1.FCMA 1
lrcpc ID_AA64ISAR1_EL1.LRCPC 1
dcpop ID_AA64ISAR1_EL1.DPB 1
sha3 ID_AA64ISAR0_EL1.SHA3 1
sm3 ID_AA64ISAR0_EL1.SM3 1
sm4 ID_AA64ISAR0_EL1.SM4 1
asimddp ID_AA64ISAR0_EL1.DP 1
sha512 ID_AA64ISAR0_EL1.SHA2 2
sve ID_AA64PFR0_EL1.SVE 1 *
asimdfhm ID_AA64ISAR0_EL1.FHM 1
dit ID_AA64PFR0_EL1.DIT 1
uscat ID_AA64MMFR2_EL1.AT 1
ilrcpc ID_AA64ISAR1_EL1.LRCPC 2
flagm ID_AA64ISAR0_EL1.TS 1
ssbs ID_AA64PFR1_EL1.SSBS 2 *
sb ID_AA64ISAR1_EL1.SB 1
paca
pacg
gcs ID_AA64PFR1_EL1.GCS 1 *
"""
"""Bit by bit. paca and pacg stand for any of three fields each (APA, API, APA3 ...): none of them is claimed."""

_HWCAP2 = """
dcpodp ID_AA64ISAR1_EL1.DPB 2
sve2 ID_AA64ZFR0_EL1.SVEver 1 *
sveaes ID_AA64ZFR0_EL1.AES 1 *
svepmull ID_AA64ZFR0_EL1.AES 2 *
svebitperm ID_AA64ZFR0_EL1.BitPerm 1 *
svesha3 ID_AA64ZFR0_EL1.SHA3 1 *
svesm4 ID_AA64ZFR0_EL1.SM4 1 *
flagm2 ID_AA64ISAR0_EL1.TS 2
frint ID_AA64ISAR1_EL1.FRINTTS 1
svei8mm ID_AA64ZFR0_EL1.I8MM 1 *
svef32mm ID_AA64ZFR0_EL1.F32MM 1 *
svef64mm ID_AA64ZFR0_EL1.F64MM 1 *
svebf16 ID_AA64ZFR0_EL1.BF16 1 *
i8mm ID_AA64ISAR1_EL1.I8MM 1
bf16 ID_AA64ISAR1_EL1.BF16 1
dgh ID_AA64ISAR1_EL1.DGH 1
rng ID_AA64ISAR0_EL1.RNDR 1
bti ID_AA64PFR1_EL1.BT 1 *
mte ID_AA64PFR1_EL1.MTE 2 *
ecv ID_AA64MMFR0_EL1.ECV 1
afp ID_AA64MMFR1_EL1.AFP 1
rpres ID_AA64ISAR2_EL1.RPRES 1
mte3 ID_AA64PFR1_EL1.MTE 3 *
sme ID_AA64PFR1_EL1.SME 1 *
smei16i64 ID_AA64SMFR0_EL1.I16I64 15 *
smef64f64 ID_AA64SMFR0_EL1.F64F64 1 *
smei8i32 ID_AA64SMFR0_EL1.I8I32 15 *
smef16f32 ID_AA64SMFR0_EL1.F16F32 1 *
smeb16f32 ID_AA64SMFR0_EL1.B16F32 1 *
smef32f32 ID_AA64SMFR0_EL1.F32F32 1 *
smefa64 ID_AA64SMFR0_EL1.FA64 1 *
wfxt ID_AA64ISAR2_EL1.WFxT 2
ebf16 ID_AA64ISAR1_EL1.BF16 2
sveebf16 ID_AA64ZFR0_EL1.BF16 2 *
cssc ID_AA64ISAR2_EL1.CSSC 1
rprfm ID_AA64ISAR2_EL1.RPRFM 1
sve2p1 ID_AA64ZFR0_EL1.SVEver 2 *
sme2 ID_AA64SMFR0_EL1.SMEver 1 *
sme2p1 ID_AA64SMFR0_EL1.SMEver 2 *
smei16i32 ID_AA64SMFR0_EL1.I16I32 5 *
smebi32i32 ID_AA64SMFR0_EL1.BI32I32 1 *
smeb16b16 ID_AA64SMFR0_EL1.B16B16 1 *
smef16f16 ID_AA64SMFR0_EL1.F16F16 1 *
mops ID_AA64ISAR2_EL1.MOPS 1
hbc ID_AA64ISAR2_EL1.BC 1
sveb16b16 ID_AA64ZFR0_EL1.B16B16 1 *
lrcpc3 ID_AA64ISAR1_EL1.LRCPC 3
lse128 ID_AA64ISAR0_EL1.Atomic 3
fpmr ID_AA64PFR2_EL1.FPMR 1
lut ID_AA64ISAR2_EL1.LUT 1
faminmax ID_AA64ISAR3_EL1.FAMINMAX 1
f8cvt
f8fma
f8dp4
f8dp2
f8e4m3
f8e5m2
smelutv2
smef8f16
smef8f32
smesf8fma
smesf8dp4
smesf8dp2
poe ID_AA64MMFR3_EL1.S1POE 1 *
"""


def _table(text: str, word: int) -> tuple[Hwcap, ...]:
    rows = []
    for bit, line in enumerate(text.split("\n")[1:-1]):
        name, place, least, star = (*line.split(), "", "", "")[:4]
        register, _, field = place.partition(".")
        rows.append(Hwcap(name, word, bit, register, field, int(least or 0), star == "*"))
    return tuple(rows)


HWCAPS: tuple[Hwcap, ...] = _table(_HWCAP, 1) + _table(_HWCAP2, 2)
"""Every flag, in the order of words and bits."""
BY_NAME: Mapping[str, Hwcap] = {flag.name: flag for flag in HWCAPS}


def flags_of(word: int, value: int) -> tuple[str, ...]:
    """The names of the flags that are set in AT_HWCAP (`word` 1) or AT_HWCAP2 (2)."""
    return tuple(flag.name for flag in HWCAPS if flag.word == word and value >> flag.bit & 1)


def bounds_of(flags: Iterable[str]) -> dict[tuple[str, str], Bound]:
    """What a list of flags shows of fields: (register, field) -> bounds.

    Flags were given out in ascending order of bits, so a kernel knows a missing flag when it prints a later one of the
    same word. A missing flag of a feature that can be switched off shows nothing of the CPU.
    """
    given = set(flags)
    last = {word: max((f.bit for f in HWCAPS if f.word == word and f.name in given), default=-1) for word in (1, 2)}
    bounds: dict[tuple[str, str], Bound] = {}
    for flag in HWCAPS:
        if not flag.register:
            continue
        place = flag.register, flag.field
        old = bounds.get(place)
        if flag.name in given:
            bounds[place] = Bound(max(flag.least, old.least if old else UNBOUNDED), old.below if old else None)
        elif flag.bit < last[flag.word] and not flag.switchable:
            below = flag.least if old is None or old.below is None else min(flag.least, old.below)
            bounds[place] = Bound(old.least if old else UNBOUNDED, below)
    return bounds


def least_of(flags: Iterable[str]) -> dict[tuple[str, str], Bound]:
    """What the flags of a list show that is there: from a machine that may hide some, a missing one shows nothing."""
    found = bounds_of(flags)
    return {place: bound._replace(below=None) for place, bound in found.items() if bound.least != UNBOUNDED}


def partial_registers(bounds: Mapping[tuple[str, str], Bound]) -> dict[int, Partial]:
    """Registers of which only bits are known, by id.

    A bit is known when all values that the architecture defines for its field, within the bounds, agree on it: of
    Atomic 2 or 3 the upper three bits.
    """
    found: dict[int, Partial] = {}
    for (register, field), bound in bounds.items():
        entry = by_id(id_of(register))
        reg_id, schema = entry.id, entry.schema
        span = schema.span(field) if schema else None
        possible = _possible(span.values, bound, signed=span.kind == "signed") if span else []
        if span and possible:
            same = reduce(and_, possible) | ~reduce(or_, possible) & ones(span.width)
            before, known = found.get(reg_id, Partial.nothing())
            found[reg_id] = Partial(before | (possible[0] & same) << span.lsb, known | same << span.lsb)
    return {reg_id: pair for reg_id, pair in found.items() if pair.known}


def _possible(meanings: Mapping[int, str], bound: Bound, signed: bool) -> list[int]:
    """The raw values of a field that are defined and lie within the bounds."""
    numbers = {raw: as_signed(raw, 4) if signed else raw for raw in meanings}
    return [raw for raw, n in numbers.items() if n >= bound.least and (bound.below is None or n < bound.below)]
