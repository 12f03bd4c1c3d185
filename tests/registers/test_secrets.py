"""Which registers of the catalogue hold secrets of a guest: all of their names, so that none comes or goes unseen."""

from __future__ import annotations

import re

import pytest

from inspector.registers.catalog import all_registers, find
from inspector.registers.encoding import ARCH_ARM, SIZE_U32, SIZE_U2048, CoprocessorReg
from inspector.registers.secrets import is_secret

CONTENTS = re.compile(r"[XVZP][0-9]+\Z|DBG[BW]X?[VC]R[0-9]+")
"""General, vector and predicate registers, breakpoints and watchpoints."""
POINTERS = """
PC FFR SP_EL0 SP_EL1 SP_EL2 ELR_EL1 ELR_EL2 ELR_EL3 ELR_EL12 DLR_EL0
TTBR0_EL1 TTBR1_EL1 TTBR0_EL2 TTBR1_EL2 TTBR0_EL3 TTBR0_EL12 TTBR1_EL12 VTTBR_EL2 VSTTBR_EL2 VNCR_EL2
VBAR_EL1 VBAR_EL2 VBAR_EL3 VBAR_EL12 GCSPR_EL0 GCSPR_EL1 GCSPR_EL2 GCSPR_EL12
FAR_EL1 FAR_EL2 FAR_EL3 FAR_EL12 HPFAR_EL2 PFAR_EL1 PFAR_EL2 PFAR_EL12 MFAR_EL3 PAR_EL1
TPIDR_EL0 TPIDRRO_EL0 TPIDR2_EL0 TPIDR_EL1 TPIDR_EL2 TPIDR_EL3
APIAKeyLo_EL1 APIAKeyHi_EL1 APIBKeyLo_EL1 APIBKeyHi_EL1 APDAKeyLo_EL1 APDAKeyHi_EL1 APDBKeyLo_EL1 APDBKeyHi_EL1
APGAKeyLo_EL1 APGAKeyHi_EL1 OSDTRRX_EL1 OSDTRTX_EL1 DBGDTR_EL0 DBGDTRRX_EL0
"""
AARCH32 = """
TTBR0 TTBR1 TTBCR TTBCR2 HTCR VTCR TTBR0_64 TTBR1_64 HTTBR VTTBR DFAR WFAR IFAR HDFAR HIFAR HPFAR PAR PAR64
VBAR MVBAR HVBAR RMR ISR DISR VDISR FCSEIDR CONTEXTIDR TPIDRURW TPIDRURO TPIDRPRW HTPIDR
DBGDTRRXext DBGDTRTXext DBGDTRTXint DBGDTRTX DBGWFAR
"""
"""What shares the CRn of tables, vectors and threads goes with them."""


def names_of(architecture: int, secret: bool) -> set[str]:
    """The names of an architecture's registers, without what tells a bank or an encoding; `CONTENTS` left out."""
    found = (one for one in all_registers() if (one.id >> 56 == ARCH_ARM) == (architecture == ARCH_ARM))
    bank = r" \(.*|_N?S\Z" if architecture == ARCH_ARM else r" \(.*"
    names = {re.sub(bank, "", one.name) for one in found if is_secret(one.id) == secret}
    return {name for name in names if not CONTENTS.match(name)}


@pytest.mark.parametrize(("architecture", "names"), [(0x60, POINTERS), (ARCH_ARM, AARCH32)], ids=("64", "32"))
def test_these_are_secrets_and_no_others(architecture: int, names: str) -> None:
    assert names_of(architecture, True) == set(names.split())
    assert not names_of(architecture, False) & set(names.split())


def test_contents_of_registers_are_secrets_in_every_bank() -> None:
    contents = [one for one in all_registers() if CONTENTS.match(one.name)]
    assert len(contents) > 250 and all(is_secret(one.id) for one in contents)


@pytest.mark.parametrize("name", ["TTBR0_EL1", "APIAKeyLo_EL1", "DBGBVR3_EL1", "TPIDR_EL0"])
@pytest.mark.parametrize("size", [SIZE_U32, SIZE_U2048])
def test_a_secret_of_a_wrong_size_is_one_all_the_same(name: str, size: int) -> None:
    assert is_secret(find(name).register.id & ~(0xF << 52) | size << 52)


@pytest.mark.parametrize(
    ("place", "secret"),
    [
        ((15, True, 0, 0, 2, 0), True),  # TTBR0
        ((15, True, 0, 0, 7, 0), True),  # PAR
        ((15, True, 1, 0, 15, 0), False),  # CPUECTLR of Cortex-A57
        ((15, False, 0, 7, 4, 0), True),  # PAR
        ((15, False, 0, 7, 5, 0), False),
        ((14, False, 7, 0, 0, 4), False),  # Jazelle's registers are no breakpoints
        ((14, False, 0, 1, 1, 1), True),  # DBGBXVR1
        ((14, False, 0, 1, 1, 4), False),  # DBGOSLSR
        ((14, True, 0, 0, 2, 0), False),  # DBGDSAR
    ],
)
def test_views_of_a_32_bit_guest(place: tuple[int, bool, int, int, int, int], secret: bool) -> None:
    coprocessor, wide, opc1, crn, crm, opc2 = place
    for bank in (False, True):
        assert is_secret(CoprocessorReg(coprocessor, wide, bank, opc1, crn, crm, opc2).reg_id) == secret
