"""CLIDR_EL1 and CCSIDR_EL1: the hardware's, or made up from the host's CTR_EL0.

reset_clidr(), get_min_cache_line_size(), get_ccsidr() and set_ccsidr() in arch/arm64/kvm/sys_regs.c (7af0c2534f4c);
is_valid_cache() before.
"""

from __future__ import annotations

from inspector.kvm.limits import Limits
from inspector.registers.bits import ALL, extract
from inspector.registers.encoding import is_demux
from inspector.registers.ids import CLIDR_EL1, CTR_EL0

CCSIDR_COUNT = 14
CLIDR_RES0 = ((1 << 17) - 1) << 47


def make_clidr(ctr: int, tagged: bool) -> int:
    """CLIDR_EL1 after reset: one level, or two when instruction and data caches are seen apart.

    `ctr`: the sanitised host CTR_EL0; `tagged`: with a tag-cache type.
    """
    idc, dic = ctr >> 28 & 1, ctr >> 29 & 1
    if idc:
        loc, unified = (1 if dic else 2), 0
        clidr = 4 << 3 * (loc - 1)
    else:
        loc, unified = 1, 1
        clidr = 2
    if not dic:
        clidr |= 1
    clidr |= unified << 27 | unified << 21 | loc << 24
    if tagged:
        clidr |= 2 << 33 + 2 * (loc - 1)
    return clidr


def ctr_bits_behind(reg_id: int) -> int:
    """The bits of CTR_EL0 that CLIDR_EL1 or a CCSIDR_EL1 is made of; 0 for other registers."""
    if reg_id == CLIDR_EL1:
        return 3 << 28
    if is_demux(reg_id):
        return 0xF if reg_id & 1 else 0xF << 16
    return 0


def min_line(ctr: int, csselr: int) -> int:
    """The smallest LineSize that KVM accepts, log2 of bytes less 4: from IminLine for odd CSSELR, else DminLine."""
    words = ctr & 0xF if csselr & 1 else ctr >> 16 & 0xF
    return words - 2 & 0xFFFFFFFF


def cache_exists(clidr: int, csselr: int) -> bool:
    """True when CLIDR_EL1 describes the cache that a CSSELR_EL1 value selects (is_valid_cache())."""
    level, instruction = csselr >> 1, csselr & 1
    ctype = clidr >> 3 * level & 7
    if level >= 7 or ctype == 0:
        return False
    return ctype in (1, 3) if instruction else ctype in (2, 3, 4)


def fresh_clidr(limits: Limits) -> int:
    """CLIDR_EL1 of a fresh vCPU."""
    if limits.raw_caches:
        return limits.host.value(CLIDR_EL1)
    tagged = limits.setup.mte and limits.book.has("clidr-tag-types")
    return make_clidr(limits.limit(CTR_EL0), tagged)


def clidr_known(limits: Limits) -> int:
    """Which bits of CLIDR_EL1 are known where KVM makes it up.

    Without "clidr-tag-types" the tag-cache type is an int shifted by more than its width. Kernels that were recorded
    shift by the remainder of 32, which sets a bit that a host with IDC and DIC has anyway; of others it is not known.
    """
    needed = ctr_bits_behind(CLIDR_EL1)
    if limits.limit_known(CTR_EL0) & needed != needed:
        return 0
    if not limits.setup.mte or limits.book.has("clidr-tag-types"):
        return ALL
    value = fresh_clidr(limits)
    loc = extract(value, 26, 24)
    return ALL & ~(2 << (33 + 2 * (loc - 1)) % 32) | value


def fresh_ccsidr(limits: Limits) -> dict[int, int]:
    """CSSELR value -> CCSIDR_EL1 as a fresh vCPU shows it through the demux ids, 32 bits."""
    host, ctr = limits.host, limits.limit(CTR_EL0)
    if limits.raw_caches:
        clidr = host.value(CLIDR_EL1)
        existing = (k for k in range(CCSIDR_COUNT) if cache_exists(clidr, k))
        return {k: host.ccsidr.get(k, 0) & 0xFFFFFFFF for k in existing}
    return {k: min_line(ctr, k) & 0xFFFFFFFF for k in range(CCSIDR_COUNT)}
