"""The cache registers that KVM makes up since v6.3, from the host's CTR_EL0.

reset_clidr(), get_min_cache_line_size(), get_ccsidr() and set_ccsidr() in arch/arm64/kvm/sys_regs.c (7af0c2534f4c).
"""

from __future__ import annotations

from inspector.registers.encoding import is_demux
from inspector.registers.ids import CLIDR_EL1

CCSIDR_COUNT = 14
CLIDR_RES0 = ((1 << 17) - 1) << 47


def make_clidr(ctr: int, mte: bool) -> int:
    """CLIDR_EL1 after reset: one level, or two when instruction and data caches are seen apart.

    `ctr`: the sanitised host CTR_EL0; `mte`: KVM_CAP_ARM_MTE is enabled on the VM, which adds a tag-cache type.
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
    if mte:
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


def clidr_refused(value: int, ctr: int) -> str:
    """Why CLIDR_EL1 = `value` is refused on a host with this CTR_EL0; empty when it is accepted."""
    if value & CLIDR_RES0:
        return "bits 63:47 are reserved"
    loc, louu, louis = value >> 24 & 7, value >> 27 & 7, value >> 21 & 7
    if not ctr >> 28 & 1 and (loc == 0 or (louu == 0 and louis == 0)):
        return "it says that no clean to the point of unification is needed, but the host's CTR_EL0.IDC is 0"
    return ""


def ccsidr_refused(value: int, ctr: int, csselr: int) -> str:
    """Why CCSIDR_EL1 = `value` at this CSSELR is refused; empty when it is accepted."""
    if (value & 7) < min_line(ctr, csselr):
        return "the line is shorter than the host's CTR_EL0 allows"
    return ""
