"""The stage-2 granules that KVM offers to a vCPU with EL2: limit_nv_id_reg(), arch/arm64/kvm/nested.c.

What else that function takes away is said by rules of kind hide, cap, force and floor; this follows from three host
fields and the host's page size together.
"""

from __future__ import annotations

PAGE_SIZES = (4096, 16384, 65536)
"""what a host kernel may be built with, in bytes"""


def stage2_granules(host_mmfr0: int, page_size: int) -> int:
    """Bits 43:32 of MMFR0: TGRAN16_2, TGRAN64_2, TGRAN4_2 as offered (1: not implemented, 2: implemented)."""

    def supported(stage2_lsb: int, lsb: int, least: int) -> bool:
        stage2, stage1 = host_mmfr0 >> stage2_lsb & 0xF, host_mmfr0 >> lsb & 0xF
        signed = stage1 - 16 if least == 0 and stage1 > 7 else stage1
        return stage2 >= 2 or (stage2 == 0 and signed >= least)

    four = 2 if page_size == 4096 and supported(40, 28, 0) else 1
    sixteen = 2 if page_size <= 16384 and supported(32, 20, 1) else 1
    sixty_four = 2 if supported(36, 24, 0) else 1
    return sixteen | sixty_four << 4 | four << 8
