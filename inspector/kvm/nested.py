"""The stage-2 granules that KVM offers to a vCPU with EL2: limit_nv_id_reg(), arch/arm64/kvm/nested.c.

What else that function takes away is said by rules of kind hide, cap, force and floor; this follows from three host
fields and the host's page size together.
"""

from __future__ import annotations

PAGE_SIZES = (4096, 16384, 65536)
"""what a host kernel may be built with, in bytes"""


_AS_STAGE_1, _NONE, _IMPLEMENTED = 0, 1, 2


def stage2_granules(host_mmfr0: int, page_size: int) -> int:
    """Bits 43:32 of MMFR0: TGRAN16_2, TGRAN64_2, TGRAN4_2 as offered.

    1, not implemented, is said only of granules smaller than the host's pages; one that the host lacks is left at 0,
    which refers to the field of stage 1.
    """

    def offered(stage2_lsb: int, lsb: int, absent: int) -> int:
        stage2, stage1 = host_mmfr0 >> stage2_lsb & 0xF, host_mmfr0 >> lsb & 0xF
        has = stage1 != absent if stage2 == _AS_STAGE_1 else stage2 != _NONE
        return _IMPLEMENTED if has else _AS_STAGE_1

    four = offered(40, 28, 0xF) if page_size == 4096 else _NONE
    sixteen = offered(32, 20, 0) if page_size <= 16384 else _NONE
    return sixteen | offered(36, 24, 0xF) << 4 | four << 8
