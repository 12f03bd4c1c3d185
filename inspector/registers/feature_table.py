"""Every feature of the architecture, as registers/features.py takes it.

Made from the definitions and features.toml by `python -m tests.make_features`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

# fmt: off
Ways: TypeAlias = Sequence[Sequence[tuple[str, str, int, int, int, str]]]
"""Any of them, all terms of it: register, field, msb, lsb, a mask of the raw values that count, the same in words."""
Row: TypeAlias = tuple[str, str, str, Ways, Ways, tuple[str, ...], tuple[str, ...], bool, bool]
"""As features.Feature."""
Levels: TypeAlias = tuple[
    Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]], Mapping[str, tuple[tuple[str, ...], ...]], Sequence[str],
    str, int, tuple[str, ...], tuple[str, ...], str,
]
"""As features.Levels."""
FEATURES: Sequence[Row] = (
    ('FEAT_AA32BF16', 'BFloat16', 'VCVT, VDOT, VMMLA of BFloat16', ((('ID_ISAR6_EL1', 'BF16', 23, 20, 65534, 'ID_ISAR6_EL1.BF16 >= 1'),),), ((('ID_AA64PFR0_EL1', 'EL0', 3, 0, 65532, 'ID_AA64PFR0_EL1.EL0 >= 2'),),), (), (), False, False),  # noqa: E501
    ('FEAT_AA32EL0', 'AArch32 programs', '', ((('ID_AA64PFR0_EL1', 'EL0', 3, 0, 65532, 'ID_AA64PFR0_EL1.EL0 >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA32EL1', 'AArch32 kernels', '', ((('ID_AA64PFR0_EL1', 'EL1', 7, 4, 65532, 'ID_AA64PFR0_EL1.EL1 >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA32EL2', 'AArch32 hypervisors', '', ((('ID_AA64PFR0_EL1', 'EL2', 11, 8, 65532, 'ID_AA64PFR0_EL1.EL2 >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA32EL3', 'AArch32 firmware', '', ((('ID_AA64PFR0_EL1', 'EL3', 15, 12, 65532, 'ID_AA64PFR0_EL1.EL3 >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA32HPD', 'Hierarchical permissions', 'table permissions can be turned off; TTBCR2.HPD0, HPD1', ((('ID_MMFR4_EL1', 'HPDS', 19, 16, 65534, 'ID_MMFR4_EL1.HPDS >= 1'),),), ((('ID_AA64PFR0_EL1', 'EL0', 3, 0, 65532, 'ID_AA64PFR0_EL1.EL0 >= 2'),),), (), (), False, False),  # noqa: E501
    ('FEAT_AA32I8MM', '8-bit integer matrix multiply', 'VSMMLA, VUMMLA, VUSDOT', ((('ID_ISAR6_EL1', 'I8MM', 27, 24, 65534, 'ID_ISAR6_EL1.I8MM >= 1'),),), ((('ID_AA64PFR0_EL1', 'EL0', 3, 0, 65532, 'ID_AA64PFR0_EL1.EL0 >= 2'),),), (), (), False, False),  # noqa: E501
    ('FEAT_AA64EL0', 'AArch64 programs', '', ((('ID_AA64PFR0_EL1', 'EL0', 3, 0, 65534, 'ID_AA64PFR0_EL1.EL0 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA64EL1', 'AArch64 kernels', '', ((('ID_AA64PFR0_EL1', 'EL1', 7, 4, 65534, 'ID_AA64PFR0_EL1.EL1 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA64EL2', 'AArch64 hypervisors', '', ((('ID_AA64PFR0_EL1', 'EL2', 11, 8, 65534, 'ID_AA64PFR0_EL1.EL2 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AA64EL3', 'AArch64 firmware', '', ((('ID_AA64PFR0_EL1', 'EL3', 15, 12, 65534, 'ID_AA64PFR0_EL1.EL3 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ABLE', 'Breakpoints linked by address', 'watchpoints can link to addresses', ((('ID_AA64DFR1_EL1', 'ABLE', 43, 40, 65534, 'ID_AA64DFR1_EL1.ABLE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ADERR', 'Device read errors, asynchronous', '', ((('ID_AA64MMFR3_EL1', 'ADERR', 59, 56, 65532, 'ID_AA64MMFR3_EL1.ADERR >= 2'), ('ID_AA64MMFR3_EL1', 'SDERR', 55, 52, 65532, 'ID_AA64MMFR3_EL1.SDERR >= 2')),), (), (), (), True, False),  # noqa: E501
    ('FEAT_AdvSIMD', 'Advanced SIMD (vectors)', 'vectors, no half-precision arithmetic', ((('ID_AA64PFR0_EL1', 'AdvSIMD', 23, 20, 255, 'ID_AA64PFR0_EL1.AdvSIMD >= 0'),),), (), ('asimd',), ('simd', 'neon'), False, False),  # noqa: E501
    ('FEAT_AES', 'AES cipher', 'AESE, AESD, AESMC, AESIMC', ((('ID_AA64ISAR0_EL1', 'AES', 7, 4, 65534, 'ID_AA64ISAR0_EL1.AES >= 1'),),), (), ('aes',), ('aes', 'crypto'), False, False),  # noqa: E501
    ('FEAT_AFP', 'Alternate floating-point behaviour', 'FPCR.AH, FIZ and NEP select it', ((('ID_AA64MMFR1_EL1', 'AFP', 47, 44, 65534, 'ID_AA64MMFR1_EL1.AFP >= 1'),),), (), ('afp',), (), False, False),  # noqa: E501
    ('FEAT_AIE', 'Attribute index extension', '16 attributes; MAIR2_ELx', ((('ID_AA64MMFR3_EL1', 'AIE', 27, 24, 65534, 'ID_AA64MMFR3_EL1.AIE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AMUv1', 'Activity Monitors', 'activity monitors, version 1; counters for firmware and OS', ((('ID_AA64PFR0_EL1', 'AMU', 47, 44, 65534, 'ID_AA64PFR0_EL1.AMU >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_AMUv1p1', 'Activity Monitors', 'activity monitors, version 1.1; adds virtual offsets for the counters', ((('ID_AA64PFR0_EL1', 'AMU', 47, 44, 65532, 'ID_AA64PFR0_EL1.AMU >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ANERR', 'Normal read errors, asynchronous', '', ((('ID_AA64MMFR3_EL1', 'ANERR', 47, 44, 65532, 'ID_AA64MMFR3_EL1.ANERR >= 2'), ('ID_AA64MMFR3_EL1', 'SNERR', 43, 40, 65532, 'ID_AA64MMFR3_EL1.SNERR >= 2')),), (), (), (), True, False),  # noqa: E501
    ('FEAT_ASID16', 'ASID size', '16 bits', ((('ID_AA64MMFR0_EL1', 'ASIDBITS', 7, 4, 65532, 'ID_AA64MMFR0_EL1.ASIDBITS >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ASID2', 'Two ASIDs at once', 'TTBR0 and TTBR1 each have one; TCR2_ELx.A2', ((('ID_AA64MMFR4_EL1', 'ASID2', 11, 8, 65534, 'ID_AA64MMFR4_EL1.ASID2 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ATS1A', 'Translation without permission check', 'AT S1E1A and its kin', ((('ID_AA64ISAR2_EL1', 'ATS1A', 63, 60, 65534, 'ID_AA64ISAR2_EL1.ATS1A >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_BBM', 'Changing the size of a live mapping', 'level 1: break avoidable with the nT bit', ((('ID_AA64MMFR2_EL1', 'BBM', 55, 52, 65534, 'ID_AA64MMFR2_EL1.BBM >= 1'),),), (), (), (), False, True),  # noqa: E501
    ('FEAT_BF16', 'BFloat16', '', ((('ID_AA64ISAR1_EL1', 'BF16', 47, 44, 65534, 'ID_AA64ISAR1_EL1.BF16 >= 1'),),), (), ('svebf16', 'bf16'), ('bf16',), False, False),  # noqa: E501
    ('FEAT_BRBE', 'Branch record buffer', 'records of taken branches', ((('ID_AA64DFR0_EL1', 'BRBE', 55, 52, 65534, 'ID_AA64DFR0_EL1.BRBE >= 1'),),), (), (), ('brbe',), False, False),  # noqa: E501
    ('FEAT_BRBEv1p1', 'Branch record buffer', 'branch records, EL3 too; version 1.1', ((('ID_AA64DFR0_EL1', 'BRBE', 55, 52, 65532, 'ID_AA64DFR0_EL1.BRBE >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_BTI', 'Branch Target Identification', 'indirect branches must land on BTI; in pages marked as guarded', ((('ID_AA64PFR1_EL1', 'BT', 3, 0, 65534, 'ID_AA64PFR1_EL1.BT >= 1'),),), (), ('bti',), ('bti',), False, False),  # noqa: E501
    ('FEAT_BWE', 'Breakpoints and watchpoints, enhanced', 'range and mismatch breakpoints', ((('ID_AA64DFR2_EL1', 'BWE', 7, 4, 65534, 'ID_AA64DFR2_EL1.BWE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_BWE2', 'Breakpoints and watchpoints, enhanced', 'range and mismatch, second version', ((('ID_AA64DFR2_EL1', 'BWE', 7, 4, 65532, 'ID_AA64DFR2_EL1.BWE >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CCIDX', 'Format of CCSIDR_EL1', 'CCSIDR_EL1 uses the 64-bit layout', ((('ID_AA64MMFR2_EL1', 'CCIDX', 23, 20, 65534, 'ID_AA64MMFR2_EL1.CCIDX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CLRBHB', 'Clearing the branch history', 'CLRBHB; a cheap defence against Spectre-BHB', ((('ID_AA64ISAR2_EL1', 'CLRBHB', 31, 28, 65534, 'ID_AA64ISAR2_EL1.CLRBHB >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CMOW', 'Cache maintenance write permission', 'write permission can be required; for cache maintenance at EL0, SCTLR_EL1.CMOW', ((('ID_AA64MMFR1_EL1', 'CMOW', 59, 56, 65534, 'ID_AA64MMFR1_EL1.CMOW >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CMPBR', 'Common short sequences', 'ABS ..., and compare-and-branch; CB, CBB, CBH', ((('ID_AA64ISAR2_EL1', 'CSSC', 55, 52, 65532, 'ID_AA64ISAR2_EL1.CSSC >= 2'),),), (), (), ('cmpbr',), False, False),  # noqa: E501
    ('FEAT_CONSTPACFIELD', 'PAC field size', 'size from TBI alone; ConstPACField() is true', ((('ID_AA64ISAR2_EL1', 'PAC_frac', 27, 24, 65534, 'ID_AA64ISAR2_EL1.PAC_frac >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CPA', 'Checked pointer arithmetic', 'ADDPT, SUBPT, MADDPT, MSUBPT', ((('ID_AA64ISAR3_EL1', 'CPA', 3, 0, 65534, 'ID_AA64ISAR3_EL1.CPA >= 1'),),), (), (), ('cpa',), False, False),  # noqa: E501
    ('FEAT_CPA2', 'Checked pointer arithmetic', 'ADDPT ..., with overflow checks; SCTLR2_ELx.CPTA', ((('ID_AA64ISAR3_EL1', 'CPA', 3, 0, 65532, 'ID_AA64ISAR3_EL1.CPA >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CRC32', 'CRC32 checksums', 'CRC32B to CRC32CX', ((('ID_AA64ISAR0_EL1', 'CRC32', 19, 16, 65534, 'ID_AA64ISAR0_EL1.CRC32 >= 1'),),), (), ('crc32',), ('crc',), False, False),  # noqa: E501
    ('FEAT_CSSC', 'Common short sequences', 'ABS, CNT, CTZ, SMAX, UMIN ...; on general registers', ((('ID_AA64ISAR2_EL1', 'CSSC', 55, 52, 65534, 'ID_AA64ISAR2_EL1.CSSC >= 1'),),), (), ('cssc',), ('cssc',), False, False),  # noqa: E501
    ('FEAT_CSV2', 'Spectre v2: branch targets trained by others', 'branch targets isolated between contexts; code cannot steer the indirect branches of another context', ((('ID_AA64PFR0_EL1', 'CSV2', 59, 56, 65534, 'ID_AA64PFR0_EL1.CSV2 >= 1'),),), (), (), ('spectre',), False, False),  # noqa: E501
    ('FEAT_CSV2_1p1', 'Spectre v2, finer than CSV2', '', ((('ID_AA64PFR0_EL1', 'CSV2', 59, 56, 2, 'ID_AA64PFR0_EL1.CSV2 = 1'), ('ID_AA64PFR1_EL1', 'CSV2_frac', 35, 32, 65534, 'ID_AA64PFR1_EL1.CSV2_frac >= 1')),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CSV2_1p2', 'Spectre v2, finer than CSV2', '', ((('ID_AA64PFR0_EL1', 'CSV2', 59, 56, 2, 'ID_AA64PFR0_EL1.CSV2 = 1'), ('ID_AA64PFR1_EL1', 'CSV2_frac', 35, 32, 65532, 'ID_AA64PFR1_EL1.CSV2_frac >= 2')),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CSV2_2', 'Spectre v2: branch targets trained by others', 'isolated, with SCXTNUM_ELx contexts; software context numbers separate the contexts', ((('ID_AA64PFR0_EL1', 'CSV2', 59, 56, 65532, 'ID_AA64PFR0_EL1.CSV2 >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CSV2_3', 'Spectre v2: branch targets trained by others', 'isolated, branch history included; Spectre-BHB across contexts is not possible either', ((('ID_AA64PFR0_EL1', 'CSV2', 59, 56, 65528, 'ID_AA64PFR0_EL1.CSV2 >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_CSV3', 'Meltdown: speculative use of faulting loads', 'not vulnerable to Meltdown; data that a faulting load read under speculation cannot steer addresses or control flow', ((('ID_AA64PFR0_EL1', 'CSV3', 63, 60, 65534, 'ID_AA64PFR0_EL1.CSV3 >= 1'),),), (), (), ('kpti', 'meltdown'), False, False),  # noqa: E501
    ('FEAT_D128', '128-bit descriptors at stage 1', '', ((('ID_AA64MMFR3_EL1', 'D128', 35, 32, 65534, 'ID_AA64MMFR3_EL1.D128 >= 1'),),), (), (), ('d128',), False, False),  # noqa: E501
    ('FEAT_Debugv8p2', 'Debug architecture', 'Armv8.2 debug', ((('ID_AA64DFR0_EL1', 'DebugVer', 3, 0, 65280, 'ID_AA64DFR0_EL1.DebugVer >= 8'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_Debugv8p4', 'Debug architecture', 'Armv8.4 debug', ((('ID_AA64DFR0_EL1', 'DebugVer', 3, 0, 65024, 'ID_AA64DFR0_EL1.DebugVer >= 9'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_Debugv8p8', 'Debug architecture', 'Armv8.8 debug', ((('ID_AA64DFR0_EL1', 'DebugVer', 3, 0, 64512, 'ID_AA64DFR0_EL1.DebugVer >= 10'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_Debugv8p9', 'Debug architecture', 'Armv8.9 debug', ((('ID_AA64DFR0_EL1', 'DebugVer', 3, 0, 63488, 'ID_AA64DFR0_EL1.DebugVer >= 11'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_DGH', 'Data gathering hint', 'DGH; asks not to merge stores', ((('ID_AA64ISAR1_EL1', 'DGH', 51, 48, 65534, 'ID_AA64ISAR1_EL1.DGH >= 1'),),), (), ('dgh',), (), False, False),  # noqa: E501
    ('FEAT_DIT', 'Data independent timing', 'timing can be made data independent; PSTATE.DIT makes many instructions take a time that does not depend on their data', ((('ID_AA64PFR0_EL1', 'DIT', 51, 48, 65534, 'ID_AA64PFR0_EL1.DIT >= 1'),),), (), ('dit',), ('dit',), False, False),  # noqa: E501
    ('FEAT_DotProd', 'Dot products', 'UDOT and SDOT', ((('ID_AA64ISAR0_EL1', 'DP', 47, 44, 65534, 'ID_AA64ISAR0_EL1.DP >= 1'),),), (), ('asimddp',), ('dotprod',), False, False),  # noqa: E501
    ('FEAT_DoubleFault2', 'Double fault extension 2', 'masked synchronous errors can be routed; refines where an External abort inside a handler goes', ((('ID_AA64PFR1_EL1', 'DF2', 59, 56, 65534, 'ID_AA64PFR1_EL1.DF2 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_DoubleLock', 'OS double lock', 'OSDLR_EL1 locks debug', ((('ID_AA64DFR0_EL1', 'DoubleLock', 39, 36, 255, 'ID_AA64DFR0_EL1.DoubleLock >= 0'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_DPB', 'Cleaning to persistent memory', 'DC CVAP; to the Point of Persistence', ((('ID_AA64ISAR1_EL1', 'DPB', 3, 0, 65534, 'ID_AA64ISAR1_EL1.DPB >= 1'),),), (), ('dcpop',), (), False, False),  # noqa: E501
    ('FEAT_DPB2', 'Cleaning to persistent memory', 'DC CVAP and DC CVADP; to the Point of Deep Persistence too', ((('ID_AA64ISAR1_EL1', 'DPB', 3, 0, 65532, 'ID_AA64ISAR1_EL1.DPB >= 2'),),), (), ('dcpodp',), (), False, False),  # noqa: E501
    ('FEAT_E0PD', 'EL0 fault before the table walk', 'half of the space can be barred to EL0; TCR_EL1.E0PD0, E0PD1, a defence against Meltdown', ((('ID_AA64MMFR2_EL1', 'E0PD', 63, 60, 65534, 'ID_AA64MMFR2_EL1.E0PD >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_E2H0', 'HCR_EL2.E2H can be 0', '', ((('ID_AA64MMFR1_EL1', 'VH', 11, 8, 65534, 'ID_AA64MMFR1_EL1.VH >= 1'), ('ID_AA64MMFR4_EL1', 'E2H0', 27, 24, 255, 'ID_AA64MMFR4_EL1.E2H0 >= 0')),), (), (), (), False, False),  # noqa: E501
    ('FEAT_E3DSE', 'SError delegated from EL3', 'EL3 can inject SError below; SCR_EL3.DSE', ((('ID_AA64MMFR4_EL1', 'E3DSE', 39, 36, 65534, 'ID_AA64MMFR4_EL1.E3DSE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_EBEP', 'Event-based exceptions of the PMU', 'overflow can raise an exception', ((('ID_AA64DFR1_EL1', 'EBEP', 51, 48, 65534, 'ID_AA64DFR1_EL1.EBEP >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_EBF16', 'BFloat16', '', ((('ID_AA64ISAR1_EL1', 'BF16', 47, 44, 65532, 'ID_AA64ISAR1_EL1.BF16 >= 2'),),), (), ('ebf16', 'sveebf16'), (), False, False),  # noqa: E501
    ('FEAT_ECBHB', 'Branch history across exception levels', 'history below cannot steer code above; no loop is needed against Spectre-BHB', ((('ID_AA64MMFR1_EL1', 'ECBHB', 63, 60, 65534, 'ID_AA64MMFR1_EL1.ECBHB >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ECV', 'Enhanced counter virtualisation', '', ((('ID_AA64MMFR0_EL1', 'ECV', 63, 60, 65534, 'ID_AA64MMFR0_EL1.ECV >= 1'),),), (), ('ecv',), (), False, False),  # noqa: E501
    ('FEAT_ECV_POFF', 'Offset of the physical counter', "FEAT_ECV, and a physical counter offset; CNTPOFF_EL2 shifts EL1's view", ((('ID_AA64MMFR0_EL1', 'ECV', 63, 60, 65532, 'ID_AA64MMFR0_EL1.ECV >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_EPAC', 'Enhanced pointer authentication codes', '', ((('ID_AA64ISAR1_EL1', 'API', 11, 8, 4, 'ID_AA64ISAR1_EL1.API = 2'),), (('ID_AA64ISAR1_EL1', 'APA', 7, 4, 4, 'ID_AA64ISAR1_EL1.APA = 2'),), (('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 4, 'ID_AA64ISAR2_EL1.APA3 = 2'),)), (), (), (), False, False),  # noqa: E501
    ('FEAT_ETS2', 'Enhanced translation synchronisation', 'walks are ordered after table writes; no DSB and ISB needed after making an entry valid', ((('ID_AA64MMFR1_EL1', 'ETS', 39, 36, 65532, 'ID_AA64MMFR1_EL1.ETS >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ETS3', 'Enhanced translation synchronisation', 'walks and their faults are ordered', ((('ID_AA64MMFR1_EL1', 'ETS', 39, 36, 65528, 'ID_AA64MMFR1_EL1.ETS >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_EVT', 'Enhanced virtualisation traps', 'traps of cache ID, PoU maintenance; HCR_EL2.TID4, TICAB, TOCU', ((('ID_AA64MMFR2_EL1', 'EVT', 59, 56, 65534, 'ID_AA64MMFR2_EL1.EVT >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ExS', 'Context synchronisation at exceptions', 'EL1 and EL2 can turn it off; SCTLR_ELx.EIS and EOS', ((('ID_AA64MMFR0_EL1', 'EXS', 47, 44, 65534, 'ID_AA64MMFR0_EL1.EXS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_F32MM', 'SVE single-precision matrix multiply', 'FMMLA on singles', ((('ID_AA64ZFR0_EL1', 'F32MM', 55, 52, 65534, 'ID_AA64ZFR0_EL1.F32MM >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('svef32mm',), ('f32mm',), False, False),  # noqa: E501
    ('FEAT_F64MM', 'SVE double-precision matrix multiply', 'FMMLA on doubles', ((('ID_AA64ZFR0_EL1', 'F64MM', 59, 56, 65534, 'ID_AA64ZFR0_EL1.F64MM >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('svef64mm',), ('f64mm',), False, False),  # noqa: E501
    ('FEAT_F8F16MM', 'FP8 matrix multiply, 4-way', 'FP8 matrix products into half', ((('ID_AA64FPFR0_EL1', 'F8MM4', 26, 26, 2, 'ID_AA64FPFR0_EL1.F8MM4 >= 1'),),), (), (), ('f8f16mm',), False, False),  # noqa: E501
    ('FEAT_F8F32MM', 'FP8 matrix multiply, 8-way', 'FP8 matrix products into single', ((('ID_AA64FPFR0_EL1', 'F8MM8', 27, 27, 2, 'ID_AA64FPFR0_EL1.F8MM8 >= 1'),),), (), (), ('f8f32mm',), False, False),  # noqa: E501
    ('FEAT_FAMINMAX', 'Absolute minimum and maximum', 'FAMAX and FAMIN', ((('ID_AA64ISAR3_EL1', 'FAMINMAX', 7, 4, 65534, 'ID_AA64ISAR3_EL1.FAMINMAX >= 1'),),), (), ('faminmax',), ('faminmax',), False, False),  # noqa: E501
    ('FEAT_FCMA', 'Complex numbers', 'FCMLA and FCADD', ((('ID_AA64ISAR1_EL1', 'FCMA', 19, 16, 65534, 'ID_AA64ISAR1_EL1.FCMA >= 1'),),), (), ('fcma',), ('compnum', 'fcma'), False, False),  # noqa: E501
    ('FEAT_FGT', 'Fine-grained traps', 'traps per register to EL2; HFGRTR_EL2 and its kin', ((('ID_AA64MMFR0_EL1', 'FGT', 59, 56, 65534, 'ID_AA64MMFR0_EL1.FGT >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_FGT2', 'Fine-grained traps', 'traps per register, second set too; HFGRTR2_EL2 and its kin', ((('ID_AA64MMFR0_EL1', 'FGT', 59, 56, 65532, 'ID_AA64MMFR0_EL1.FGT >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_FGWTE3', 'Fine-grained write traps to EL3', 'FGWTE3_EL3 exists', ((('ID_AA64MMFR4_EL1', 'FGWTE3', 19, 16, 65534, 'ID_AA64MMFR4_EL1.FGWTE3 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_FHM', 'Half-precision multiply into single', 'FMLAL and FMLSL', ((('ID_AA64ISAR0_EL1', 'FHM', 51, 48, 65534, 'ID_AA64ISAR0_EL1.FHM >= 1'),),), (), ('asimdfhm',), ('fp16fml',), False, False),  # noqa: E501
    ('FEAT_FlagM', 'Flag manipulation', 'CFINV, RMIF, SETF8, SETF16', ((('ID_AA64ISAR0_EL1', 'TS', 55, 52, 65534, 'ID_AA64ISAR0_EL1.TS >= 1'),),), (), ('flagm',), ('flagm',), False, False),  # noqa: E501
    ('FEAT_FlagM2', 'Flag manipulation', 'CFINV ..., and AXFLAG, XAFLAG', ((('ID_AA64ISAR0_EL1', 'TS', 55, 52, 65532, 'ID_AA64ISAR0_EL1.TS >= 2'),),), (), ('flagm2',), ('flagm2',), False, False),  # noqa: E501
    ('FEAT_FP', 'Floating point', 'floating point, single and double; no half-precision arithmetic', ((('ID_AA64PFR0_EL1', 'FP', 19, 16, 255, 'ID_AA64PFR0_EL1.FP >= 0'),),), (), ('fp',), ('fp',), False, False),  # noqa: E501
    ('FEAT_FP16', 'Half-precision arithmetic', '', ((('ID_AA64PFR0_EL1', 'FP', 19, 16, 254, 'ID_AA64PFR0_EL1.FP >= 1'), ('ID_AA64PFR0_EL1', 'AdvSIMD', 23, 20, 254, 'ID_AA64PFR0_EL1.AdvSIMD >= 1')),), (), ('fphp', 'asimdhp'), ('fp16',), True, False),  # noqa: E501
    ('FEAT_FP8', 'FP8 conversions', 'conversions to and from FP8; FSCALE', ((('ID_AA64FPFR0_EL1', 'F8CVT', 31, 31, 2, 'ID_AA64FPFR0_EL1.F8CVT >= 1'),),), (), ('f8cvt',), ('fp8',), False, False),  # noqa: E501
    ('FEAT_FP8DOT2', 'FP8 2-way dot product', 'FP8 2-way products into half', ((('ID_AA64FPFR0_EL1', 'F8DP2', 28, 28, 2, 'ID_AA64FPFR0_EL1.F8DP2 >= 1'),),), (), ('f8dp2',), ('fp8dot2',), False, False),  # noqa: E501
    ('FEAT_FP8DOT4', 'FP8 4-way dot product', 'FP8 4-way products into single', ((('ID_AA64FPFR0_EL1', 'F8DP4', 29, 29, 2, 'ID_AA64FPFR0_EL1.F8DP4 >= 1'),),), (), ('f8dp4',), ('fp8dot4',), False, False),  # noqa: E501
    ('FEAT_FP8FMA', 'FP8 multiply-add', 'FP8 multiply-add into half and single', ((('ID_AA64FPFR0_EL1', 'F8FMA', 30, 30, 2, 'ID_AA64FPFR0_EL1.F8FMA >= 1'),),), (), ('f8fma',), ('fp8fma',), False, False),  # noqa: E501
    ('FEAT_FPAC', 'Faults of pointer authentication', 'a failed AUT* faults at once; not only when the pointer is used', ((('ID_AA64ISAR1_EL1', 'API', 11, 8, 65520, 'ID_AA64ISAR1_EL1.API >= 4'),), (('ID_AA64ISAR1_EL1', 'APA', 7, 4, 65520, 'ID_AA64ISAR1_EL1.APA >= 4'),), (('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 65520, 'ID_AA64ISAR2_EL1.APA3 >= 4'),)), (), (), (), False, False),  # noqa: E501
    ('FEAT_FPACCOMBINE', 'Faults of combined pointer authentication instructions', 'combined instructions fault at once too; BLRAA, RETAA, LDRAA ...', ((('ID_AA64ISAR1_EL1', 'API', 11, 8, 65504, 'ID_AA64ISAR1_EL1.API >= 5'),), (('ID_AA64ISAR1_EL1', 'APA', 7, 4, 65504, 'ID_AA64ISAR1_EL1.APA >= 5'),), (('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 65504, 'ID_AA64ISAR2_EL1.APA3 >= 5'),)), (), (), (), False, False),  # noqa: E501
    ('FEAT_FPMR', 'FP8 mode register', 'FPMR exists; selects FP8 formats', ((('ID_AA64PFR2_EL1', 'FPMR', 35, 32, 65534, 'ID_AA64PFR2_EL1.FPMR >= 1'),),), (), ('fpmr',), (), False, False),  # noqa: E501
    ('FEAT_FPRCVT', 'Conversions inside vector registers', 'FCVT*, SCVTF on scalar vectors', ((('ID_AA64ISAR3_EL1', 'FPRCVT', 31, 28, 65534, 'ID_AA64ISAR3_EL1.FPRCVT >= 1'),),), (), (), ('fprcvt',), False, False),  # noqa: E501
    ('FEAT_FRINTTS', 'Rounding to integer of a size', 'FRINT32Z, FRINT64X ...', ((('ID_AA64ISAR1_EL1', 'FRINTTS', 35, 32, 65534, 'ID_AA64ISAR1_EL1.FRINTTS >= 1'),),), (), ('frint',), ('frintts',), False, False),  # noqa: E501
    ('FEAT_GCIE', 'GICv5 CPU interface', 'GICv5 system registers and instructions', ((('ID_AA64PFR2_EL1', 'GCIE', 15, 12, 65534, 'ID_AA64PFR2_EL1.GCIE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_GCS', 'Guarded Control Stack', 'return addresses on a guarded stack; GCSPR_ELx', ((('ID_AA64PFR1_EL1', 'GCS', 47, 44, 65534, 'ID_AA64PFR1_EL1.GCS >= 1'),),), (), ('gcs',), ('gcs',), False, False),  # noqa: E501
    ('FEAT_GICv3', 'GIC system registers', 'GICv3.0 or v4.0 system registers; ICC_*_EL1', ((('ID_AA64PFR0_EL1', 'GIC', 27, 24, 65534, 'ID_AA64PFR0_EL1.GIC >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_GICv4p1', 'GIC system registers', 'GICv4.1 system registers; ICC_*_EL1, direct virtual SGIs', ((('ID_AA64PFR0_EL1', 'GIC', 27, 24, 65528, 'ID_AA64PFR0_EL1.GIC >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_GTG', 'Granules of stage 2, stated apart', '', ((('ID_AA64MMFR0_EL1', 'TGRAN4_2', 43, 40, 65534, 'ID_AA64MMFR0_EL1.TGRAN4_2 >= 1'), ('ID_AA64MMFR0_EL1', 'TGRAN16_2', 35, 32, 65534, 'ID_AA64MMFR0_EL1.TGRAN16_2 >= 1'), ('ID_AA64MMFR0_EL1', 'TGRAN64_2', 39, 36, 65534, 'ID_AA64MMFR0_EL1.TGRAN64_2 >= 1')),), (), (), (), True, False),  # noqa: E501
    ('FEAT_HACDBS', 'Hardware cleaning of dirty state', 'cleans dirty pages from a buffer', ((('ID_AA64MMFR4_EL1', 'HACDBS', 15, 12, 65534, 'ID_AA64MMFR4_EL1.HACDBS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HAFDBS', 'Hardware updates of table entries', 'sets the access flag', ((('ID_AA64MMFR1_EL1', 'HAFDBS', 3, 0, 65534, 'ID_AA64MMFR1_EL1.HAFDBS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HAFT', 'Hardware updates of table entries', 'access flag, dirty state, flag of tables', ((('ID_AA64MMFR1_EL1', 'HAFDBS', 3, 0, 65528, 'ID_AA64MMFR1_EL1.HAFDBS >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HBC', 'Hinted conditional branch', 'BC.cond', ((('ID_AA64ISAR2_EL1', 'BC', 23, 20, 65534, 'ID_AA64ISAR2_EL1.BC >= 1'),),), (), ('hbc',), ('hbc',), False, False),  # noqa: E501
    ('FEAT_HCX', 'HCRX_EL2 and its controls', 'HCRX_EL2 exists', ((('ID_AA64MMFR1_EL1', 'HCX', 43, 40, 65534, 'ID_AA64MMFR1_EL1.HCX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HDBSS', 'Hardware updates of table entries', 'access flag, dirty state, buffer of them; the access flag of tables too', ((('ID_AA64MMFR1_EL1', 'HAFDBS', 3, 0, 65520, 'ID_AA64MMFR1_EL1.HAFDBS >= 4'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HPDS', 'Hierarchical permissions', 'table permissions can be turned off; TCR_ELx.HPDn', ((('ID_AA64MMFR1_EL1', 'HPDS', 15, 12, 65534, 'ID_AA64MMFR1_EL1.HPDS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HPDS2', 'Hierarchical permissions', 'table permissions off, bits for hardware; entry bits whose use the vendor defines', ((('ID_AA64MMFR1_EL1', 'HPDS', 15, 12, 65532, 'ID_AA64MMFR1_EL1.HPDS >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_HPMN0', 'No event counters for the guest', 'MDCR_EL2.HPMN = 0 is allowed', ((('ID_AA64DFR0_EL1', 'HPMN0', 63, 60, 65534, 'ID_AA64DFR0_EL1.HPMN0 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_I8MM', '8-bit integer matrix multiply', '', ((('ID_AA64ISAR1_EL1', 'I8MM', 55, 52, 65534, 'ID_AA64ISAR1_EL1.I8MM >= 1'),),), (), ('svei8mm', 'i8mm'), ('i8mm',), False, False),  # noqa: E501
    ('FEAT_IDST', 'Trapped ID register reads', 'reported as trapped MRS; syndrome 0x18', ((('ID_AA64MMFR2_EL1', 'IDS', 39, 36, 65534, 'ID_AA64MMFR2_EL1.IDS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_IDTE3', 'Trapped ID register reads', 'reported as trapped MRS, by EL3 too', ((('ID_AA64MMFR2_EL1', 'IDS', 39, 36, 65532, 'ID_AA64MMFR2_EL1.IDS >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_IESB', 'Implicit error barrier', 'barrier at exception entry and return; when SCTLR_ELx.IESB is set', ((('ID_AA64MMFR2_EL1', 'IESB', 15, 12, 65534, 'ID_AA64MMFR2_EL1.IESB >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_ITE', 'Instrumentation trace', 'TRCIT instruction', ((('ID_AA64DFR1_EL1', 'ITE', 47, 44, 65534, 'ID_AA64DFR1_EL1.ITE >= 1'),),), (), (), ('ite',), False, False),  # noqa: E501
    ('FEAT_JSCVT', 'JavaScript conversion', 'FJCVTZS', ((('ID_AA64ISAR1_EL1', 'JSCVT', 15, 12, 65534, 'ID_AA64ISAR1_EL1.JSCVT >= 1'),),), (), ('jscvt',), ('jscvt',), False, False),  # noqa: E501
    ('FEAT_LOR', 'Limited ordering regions', 'LORegions and LDLAR, STLLR', ((('ID_AA64MMFR1_EL1', 'LO', 19, 16, 65534, 'ID_AA64MMFR1_EL1.LO >= 1'),),), (), (), ('lor',), False, False),  # noqa: E501
    ('FEAT_LPA', 'Physical address size', '52 bits, 4 PiB', ((('ID_AA64MMFR0_EL1', 'PARANGE', 3, 0, 65472, 'ID_AA64MMFR0_EL1.PARANGE >= 6'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_LPA2', '52-bit addresses with small granules', '', ((('ID_AA64MMFR0_EL1', 'TGRAN4', 31, 28, 254, 'ID_AA64MMFR0_EL1.TGRAN4 >= 1'),), (('ID_AA64MMFR0_EL1', 'TGRAN16', 23, 20, 65532, 'ID_AA64MMFR0_EL1.TGRAN16 >= 2'),)), (), (), (), False, False),  # noqa: E501
    ('FEAT_LRCPC', 'Release-consistent loads (RCpc)', 'LDAPR', ((('ID_AA64ISAR1_EL1', 'LRCPC', 23, 20, 65534, 'ID_AA64ISAR1_EL1.LRCPC >= 1'),),), (), ('lrcpc',), ('rcpc',), False, False),  # noqa: E501
    ('FEAT_LRCPC2', 'Release-consistent loads (RCpc)', 'LDAPR, LDAPUR, STLUR', ((('ID_AA64ISAR1_EL1', 'LRCPC', 23, 20, 65532, 'ID_AA64ISAR1_EL1.LRCPC >= 2'),),), (), ('ilrcpc',), ('rcpc2',), False, False),  # noqa: E501
    ('FEAT_LRCPC3', 'Release-consistent loads (RCpc)', 'LDAPR ..., and pair forms LDIAPP, STILP', ((('ID_AA64ISAR1_EL1', 'LRCPC', 23, 20, 65528, 'ID_AA64ISAR1_EL1.LRCPC >= 3'),),), (), ('lrcpc3',), ('rcpc3',), False, False),  # noqa: E501
    ('FEAT_LS64', '64-byte atomic loads and stores', 'LD64B and ST64B', ((('ID_AA64ISAR1_EL1', 'LS64', 63, 60, 65534, 'ID_AA64ISAR1_EL1.LS64 >= 1'),),), (), (), ('ls64',), False, False),  # noqa: E501
    ('FEAT_LS64_ACCDATA', '64-byte atomic loads and stores', 'LD64B ... and ST64BV0 with ACCDATA_EL1', ((('ID_AA64ISAR1_EL1', 'LS64', 63, 60, 65528, 'ID_AA64ISAR1_EL1.LS64 >= 3'),),), (), (), ('ls64',), False, False),  # noqa: E501
    ('FEAT_LS64_V', '64-byte atomic loads and stores', 'LD64B, ST64B, ST64BV', ((('ID_AA64ISAR1_EL1', 'LS64', 63, 60, 65532, 'ID_AA64ISAR1_EL1.LS64 >= 2'),),), (), (), ('ls64',), False, False),  # noqa: E501
    ('FEAT_LS64WB', '64-byte atomic loads and stores', 'LD64B ... to write-back memory too', ((('ID_AA64ISAR1_EL1', 'LS64', 63, 60, 65520, 'ID_AA64ISAR1_EL1.LS64 >= 4'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_LSE', 'Atomic instructions', 'LDADD, CAS, SWP ...', ((('ID_AA64ISAR0_EL1', 'ATOMIC', 23, 20, 65532, 'ID_AA64ISAR0_EL1.ATOMIC >= 2'),),), (), ('atomics',), ('lse',), False, False),  # noqa: E501
    ('FEAT_LSE128', 'Atomic instructions', 'LDADD ..., and 128-bit forms; LDCLRP, LDSETP, SWPP', ((('ID_AA64ISAR0_EL1', 'ATOMIC', 23, 20, 65528, 'ID_AA64ISAR0_EL1.ATOMIC >= 3'),),), (), ('lse128',), ('lse128',), False, False),  # noqa: E501
    ('FEAT_LSE2', 'Unaligned single-copy atomicity', 'atomic inside 16 aligned bytes', ((('ID_AA64MMFR2_EL1', 'AT', 35, 32, 65534, 'ID_AA64MMFR2_EL1.AT >= 1'),),), (), ('uscat',), (), False, False),  # noqa: E501
    ('FEAT_LSFE', 'Floating-point atomics', 'LDFADD, LDFMAX, STFMIN ...', ((('ID_AA64ISAR3_EL1', 'LSFE', 19, 16, 65534, 'ID_AA64ISAR3_EL1.LSFE >= 1'),),), (), (), ('lsfe',), False, False),  # noqa: E501
    ('FEAT_LSMAOC', 'Load and store multiple controls', 'controls of AArch32 LDM and STM; SCTLR_EL1.LSMAOE, nTLSMD', ((('ID_AA64MMFR2_EL1', 'LSM', 11, 8, 65534, 'ID_AA64MMFR2_EL1.LSM >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_LSUI', 'Unprivileged atomics and exclusives', 'LDTXR, STTXR, CAST, LDTADD ...', ((('ID_AA64ISAR3_EL1', 'LSUI', 27, 24, 65534, 'ID_AA64ISAR3_EL1.LSUI >= 1'),),), (), (), ('lsui',), False, False),  # noqa: E501
    ('FEAT_LUT', 'Vector table lookup', 'LUTI2 and LUTI4', ((('ID_AA64ISAR2_EL1', 'LUT', 59, 56, 65534, 'ID_AA64ISAR2_EL1.LUT >= 1'),),), (), ('lut',), ('lut',), False, False),  # noqa: E501
    ('FEAT_LVA', 'Virtual address size', '52 bits with 64 KiB pages', ((('ID_AA64MMFR2_EL1', 'VARange', 19, 16, 65534, 'ID_AA64MMFR2_EL1.VARange >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_LVA3', 'Virtual address size', '56 bits with 128-bit descriptors', ((('ID_AA64MMFR2_EL1', 'VARange', 19, 16, 65532, 'ID_AA64MMFR2_EL1.VARange >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MEC', 'Memory encryption contexts', 'Realm memory has contexts; MECIDR_EL2', ((('ID_AA64MMFR3_EL1', 'MEC', 31, 28, 65534, 'ID_AA64MMFR3_EL1.MEC >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MixedEnd', 'Mixed endianness', 'byte order can be switched; at every level, SCTLR_ELx.EE and E0E', ((('ID_AA64MMFR0_EL1', 'BIGEND', 11, 8, 65534, 'ID_AA64MMFR0_EL1.BIGEND >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MixedEndEL0', 'Mixed endianness at EL0 alone', '', ((('ID_AA64MMFR0_EL1', 'BIGENDEL0', 19, 16, 65534, 'ID_AA64MMFR0_EL1.BIGENDEL0 >= 1'),), (('ID_AA64MMFR0_EL1', 'BIGEND', 11, 8, 65534, 'ID_AA64MMFR0_EL1.BIGEND >= 1'),)), (), (), (), False, False),  # noqa: E501
    ('FEAT_MOPS', 'Memory copy and set', 'CPY* and SET*', ((('ID_AA64ISAR2_EL1', 'MOPS', 19, 16, 65534, 'ID_AA64ISAR2_EL1.MOPS >= 1'),),), (), ('mops',), ('mops',), False, False),  # noqa: E501
    ('FEAT_MPAM', 'Memory partitioning and monitoring, major', 'MPAM version 1.x; MPAM_frac holds the minor version', ((('ID_AA64PFR0_EL1', 'MPAM', 43, 40, 65534, 'ID_AA64PFR0_EL1.MPAM >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MPAMv0p1', 'Memory partitioning and monitoring, version 0.1', '', ((('ID_AA64PFR0_EL1', 'MPAM', 43, 40, 1, 'ID_AA64PFR0_EL1.MPAM = 0'), ('ID_AA64PFR1_EL1', 'MPAM_frac', 19, 16, 65534, 'ID_AA64PFR1_EL1.MPAM_frac >= 1')),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MPAMv1p1', 'Memory partitioning, minor version', '', ((('ID_AA64PFR0_EL1', 'MPAM', 43, 40, 65534, 'ID_AA64PFR0_EL1.MPAM >= 1'), ('ID_AA64PFR1_EL1', 'MPAM_frac', 19, 16, 65534, 'ID_AA64PFR1_EL1.MPAM_frac >= 1')),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTE', 'Memory tagging', 'tag instructions only; addresses can be tagged, memory is not checked', ((('ID_AA64PFR1_EL1', 'MTE', 11, 8, 65534, 'ID_AA64PFR1_EL1.MTE >= 1'),),), (), (), ('memtag',), False, False),  # noqa: E501
    ('FEAT_MTE2', 'Memory tagging', 'tagged memory with checks; synchronous, or asynchronous unless MTE_frac forbids it', ((('ID_AA64PFR1_EL1', 'MTE', 11, 8, 65532, 'ID_AA64PFR1_EL1.MTE >= 2'),),), (), ('mte',), ('memtag',), False, False),  # noqa: E501
    ('FEAT_MTE3', 'Memory tagging', 'tagged memory, asymmetric checks too; reads can fault at once, writes later', ((('ID_AA64PFR1_EL1', 'MTE', 11, 8, 65528, 'ID_AA64PFR1_EL1.MTE >= 3'),),), (), ('mte3',), (), False, False),  # noqa: E501
    ('FEAT_MTE_ASYNC', 'Asynchronous tag checks', '', ((('ID_AA64PFR1_EL1', 'MTE', 11, 8, 65532, 'ID_AA64PFR1_EL1.MTE >= 2'), ('ID_AA64PFR1_EL1', 'MTE_frac', 43, 40, 1, 'ID_AA64PFR1_EL1.MTE_frac = 0')),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTE_CANONICAL_TAGS', 'MTE for canonical tags', 'MTE4: canonical tags, no address tags; checks without tag storage', ((('ID_AA64PFR1_EL1', 'MTEX', 55, 52, 65534, 'ID_AA64PFR1_EL1.MTEX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTE_NO_ADDRESS_TAGS', 'MTE without tags in addresses', '', ((('ID_AA64PFR1_EL1', 'MTEX', 55, 52, 65534, 'ID_AA64PFR1_EL1.MTEX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTE_PERM', 'Stage 2 control of tag access', 'stage 2 can deny access to tags; NoTagAccess memory attribute', ((('ID_AA64PFR2_EL1', 'MTEPERM', 3, 0, 65534, 'ID_AA64PFR2_EL1.MTEPERM >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTE_STORE_ONLY', 'Tag checks of stores alone', 'tag checks of loads can be left out', ((('ID_AA64PFR2_EL1', 'MTESTOREONLY', 7, 4, 65534, 'ID_AA64PFR2_EL1.MTESTOREONLY >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTE_TAGGED_FAR', 'Tag bits in the fault address', 'FAR_ELx keeps all address bits; after a tag check fault', ((('ID_AA64PFR2_EL1', 'MTEFAR', 11, 8, 65534, 'ID_AA64PFR2_EL1.MTEFAR >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_MTPMU', 'PMU events of other threads', 'PMEVTYPERn_EL0.MT, with a control; MDCR_EL3.MTPME', ((('ID_AA64DFR0_EL1', 'MTPMU', 51, 48, 254, 'ID_AA64DFR0_EL1.MTPMU >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_NMI', 'Non-maskable interrupts', 'interrupts with superpriority; PSTATE.ALLINT', ((('ID_AA64PFR1_EL1', 'NMI', 39, 36, 65534, 'ID_AA64PFR1_EL1.NMI >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_nTLBPA', 'Intermediate copies of physical addresses', 'no stale copies in walk caches', ((('ID_AA64MMFR1_EL1', 'nTLBPA', 51, 48, 65534, 'ID_AA64MMFR1_EL1.nTLBPA >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_NV', 'Nested virtualisation', '', ((('ID_AA64MMFR2_EL1', 'NV', 27, 24, 65534, 'ID_AA64MMFR2_EL1.NV >= 1'),), (('ID_AA64MMFR2_EL1', 'NV', 27, 24, 1, 'ID_AA64MMFR2_EL1.NV = 0'), ('ID_AA64MMFR4_EL1', 'NV_frac', 23, 20, 65534, 'ID_AA64MMFR4_EL1.NV_frac >= 1'))), (), (), ('nested',), False, False),  # noqa: E501
    ('FEAT_NV2', 'Nested virtualisation', '', ((('ID_AA64MMFR2_EL1', 'NV', 27, 24, 65532, 'ID_AA64MMFR2_EL1.NV >= 2'),), (('ID_AA64MMFR2_EL1', 'NV', 27, 24, 1, 'ID_AA64MMFR2_EL1.NV = 0'), ('ID_AA64MMFR4_EL1', 'NV_frac', 23, 20, 65534, 'ID_AA64MMFR4_EL1.NV_frac >= 1'))), (), (), ('nested',), False, False),  # noqa: E501
    ('FEAT_NV2p1', 'Nested virtualisation, which forms', 'memory redirection only, refined', ((('ID_AA64MMFR4_EL1', 'NV_frac', 23, 20, 65532, 'ID_AA64MMFR4_EL1.NV_frac >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_NV3', 'Nested virtualisation, which forms', 'memory redirection, third version', ((('ID_AA64MMFR4_EL1', 'NV_frac', 23, 20, 65528, 'ID_AA64MMFR4_EL1.NV_frac >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_OCCMO', 'Maintenance to the outer cache', 'DC CIVAOC and DC CVAOC', ((('ID_AA64ISAR3_EL1', 'OCCMO', 23, 20, 65534, 'ID_AA64ISAR3_EL1.OCCMO >= 1'),),), (), (), ('occmo',), False, False),  # noqa: E501
    ('FEAT_PACIMP', "Pointer authentication by an algorithm of the vendor's own", '', ((('ID_AA64ISAR1_EL1', 'API', 11, 8, 65534, 'ID_AA64ISAR1_EL1.API >= 1'), ('ID_AA64ISAR1_EL1', 'GPI', 31, 28, 65534, 'ID_AA64ISAR1_EL1.GPI >= 1')),), (), (), ('pacg',), True, False),  # noqa: E501
    ('FEAT_PACQARMA3', 'Pointer authentication by QARMA3', '', ((('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 65534, 'ID_AA64ISAR2_EL1.APA3 >= 1'), ('ID_AA64ISAR2_EL1', 'GPA3', 11, 8, 65534, 'ID_AA64ISAR2_EL1.GPA3 >= 1')),), (), (), ('pacg', 'qarma3'), True, False),  # noqa: E501
    ('FEAT_PACQARMA5', 'Pointer authentication by QARMA5', '', ((('ID_AA64ISAR1_EL1', 'APA', 7, 4, 65534, 'ID_AA64ISAR1_EL1.APA >= 1'), ('ID_AA64ISAR1_EL1', 'GPA', 27, 24, 65534, 'ID_AA64ISAR1_EL1.GPA >= 1')),), (), (), ('pacg', 'qarma5'), True, False),  # noqa: E501
    ('FEAT_PAN', 'Privileged access never', 'PSTATE.PAN bars access to user pages', ((('ID_AA64MMFR1_EL1', 'PAN', 23, 20, 65534, 'ID_AA64MMFR1_EL1.PAN >= 1'),),), (), (), ('pan',), False, False),  # noqa: E501
    ('FEAT_PAN2', 'Privileged access never', 'PSTATE.PAN, and AT instructions obey it; AT S1E1RP, S1E1WP', ((('ID_AA64MMFR1_EL1', 'PAN', 23, 20, 65532, 'ID_AA64MMFR1_EL1.PAN >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PAN3', 'Privileged access never', 'PSTATE.PAN, execute-only pages too; SCTLR_ELx.EPAN', ((('ID_AA64MMFR1_EL1', 'PAN', 23, 20, 65528, 'ID_AA64MMFR1_EL1.PAN >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PAuth', 'Pointer authentication', 'pointer authentication, first version', ((('ID_AA64ISAR1_EL1', 'API', 11, 8, 65534, 'ID_AA64ISAR1_EL1.API >= 1'),), (('ID_AA64ISAR1_EL1', 'APA', 7, 4, 65534, 'ID_AA64ISAR1_EL1.APA >= 1'),), (('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 65534, 'ID_AA64ISAR2_EL1.APA3 >= 1'),)), (), ('paca',), ('pauth', 'pac'), False, False),  # noqa: E501
    ('FEAT_PAuth2', 'Enhanced pointer authentication codes 2', 'enhanced PAC 2; PACs are XORed into the pointer', ((('ID_AA64ISAR1_EL1', 'API', 11, 8, 65528, 'ID_AA64ISAR1_EL1.API >= 3'),), (('ID_AA64ISAR1_EL1', 'APA', 7, 4, 65528, 'ID_AA64ISAR1_EL1.APA >= 3'),), (('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 65528, 'ID_AA64ISAR2_EL1.APA3 >= 3'),)), (), (), (), False, False),  # noqa: E501
    ('FEAT_PAuth_LR', "Pointer authentication with the return address's place", '', ((('ID_AA64ISAR1_EL1', 'APA', 7, 4, 65472, 'ID_AA64ISAR1_EL1.APA >= 6'),), (('ID_AA64ISAR1_EL1', 'API', 11, 8, 65472, 'ID_AA64ISAR1_EL1.API >= 6'),), (('ID_AA64ISAR2_EL1', 'APA3', 15, 12, 65472, 'ID_AA64ISAR2_EL1.APA3 >= 6'),)), (), (), ('pauth-lr',), False, False),  # noqa: E501
    ('FEAT_PCDPHINT', 'Producer-consumer hints', 'STSHH and PRFM IR; data placement hints', ((('ID_AA64ISAR2_EL1', 'PCDPHINT', 47, 44, 65534, 'ID_AA64ISAR2_EL1.PCDPHINT >= 1'),),), (), (), ('pcdphint',), False, False),  # noqa: E501
    ('FEAT_PCSRv8', 'Samples of the program counter', 'CONTEXTIDR_EL2', (), (), (), (), False, False),
    ('FEAT_PFAR', 'Physical fault address registers', 'PFAR_ELx and MFAR_EL3 exist', ((('ID_AA64PFR1_EL1', 'PFAR', 63, 60, 65534, 'ID_AA64PFR1_EL1.PFAR >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMULL', 'AES cipher', 'AESE ..., and 64-bit polynomial multiply; PMULL, PMULL2 on 64-bit data', ((('ID_AA64ISAR0_EL1', 'AES', 7, 4, 65532, 'ID_AA64ISAR0_EL1.AES >= 2'),),), (), ('pmull',), ('aes', 'crypto'), False, False),  # noqa: E501
    ('FEAT_PMUv3', 'Performance monitors', 'PMUv3; version of Armv8.0', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32766, 'ID_AA64DFR0_EL1.PMUVer >= 1'),),), (), (), ('pmuv3',), False, False),  # noqa: E501
    ('FEAT_PMUv3_EDGE', 'Edge detection', '', ((('PMMIR_EL1', 'EDGE', 27, 24, 65534, 'PMMIR_EL1.EDGE >= 1'),),), ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32736, 'ID_AA64DFR0_EL1.PMUVer >= 5'),),), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3_ICNTR', 'Instruction counter', 'PMICNTR_EL0', ((('ID_AA64DFR1_EL1', 'PMICNTR', 39, 36, 65534, 'ID_AA64DFR1_EL1.PMICNTR >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3_SS', 'PMU snapshot', 'counters can be captured together', ((('ID_AA64DFR0_EL1', 'PMSS', 19, 16, 65534, 'ID_AA64DFR0_EL1.PMSS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3_TH', 'Thresholds of PMU events', '', ((('PMMIR_EL1', 'THWIDTH', 23, 20, 65534, 'PMMIR_EL1.THWIDTH >= 1'),),), ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32736, 'ID_AA64DFR0_EL1.PMUVer >= 5'),),), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3_TH2', 'Edge detection', '', ((('PMMIR_EL1', 'EDGE', 27, 24, 65532, 'PMMIR_EL1.EDGE >= 2'),),), ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32736, 'ID_AA64DFR0_EL1.PMUVer >= 5'),),), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3p1', 'Performance monitors', 'PMUv3 of Armv8.1; 16-bit event numbers, EL2 counting control', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32752, 'ID_AA64DFR0_EL1.PMUVer >= 4'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3p4', 'Performance monitors', 'PMUv3 of Armv8.4; adds PMMIR_EL1', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32736, 'ID_AA64DFR0_EL1.PMUVer >= 5'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3p5', 'Performance monitors', 'PMUv3 of Armv8.5; 64-bit event counters', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32704, 'ID_AA64DFR0_EL1.PMUVer >= 6'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3p7', 'Performance monitors', 'PMUv3 of Armv8.7; counters freeze on overflow', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32640, 'ID_AA64DFR0_EL1.PMUVer >= 7'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3p8', 'Performance monitors', 'PMUv3 of Armv8.8; more common events, EL2 refinements', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32512, 'ID_AA64DFR0_EL1.PMUVer >= 8'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PMUv3p9', 'Performance monitors', 'PMUv3 of Armv8.9; access per counter, PMZR_EL0', ((('ID_AA64DFR0_EL1', 'PMUVer', 11, 8, 32256, 'ID_AA64DFR0_EL1.PMUVer >= 9'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_PoPS', 'Cache cleaning to the Point of Physical Storage', 'DC CIVAPS, CIGDVAPS', ((('ID_AA64MMFR4_EL1', 'PoPS', 3, 0, 65534, 'ID_AA64MMFR4_EL1.PoPS >= 1'),),), (), (), ('pops',), False, False),  # noqa: E501
    ('FEAT_PRFMSLC', 'Prefetch to the system cache', 'PRFM targets SLC', ((('ID_AA64ISAR2_EL1', 'PRFMSLC', 43, 40, 65534, 'ID_AA64ISAR2_EL1.PRFMSLC >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_RAS', 'Error reporting (RAS)', 'RAS version 1; ESB instruction, error records', ((('ID_AA64PFR0_EL1', 'RAS', 31, 28, 65534, 'ID_AA64PFR0_EL1.RAS >= 1'),),), (), (), ('ras',), False, False),  # noqa: E501
    ('FEAT_RASv1p1', 'Error reporting (RAS)', '', ((('ID_AA64PFR0_EL1', 'RAS', 31, 28, 65532, 'ID_AA64PFR0_EL1.RAS >= 2'),), (('ID_AA64PFR0_EL1', 'RAS', 31, 28, 65534, 'ID_AA64PFR0_EL1.RAS >= 1'), ('ID_AA64PFR1_EL1', 'RAS_frac', 15, 12, 65534, 'ID_AA64PFR1_EL1.RAS_frac >= 1'))), (), (), (), False, False),  # noqa: E501
    ('FEAT_RASv2', 'Error reporting (RAS)', 'RAS version 2; error records with more detail', ((('ID_AA64PFR0_EL1', 'RAS', 31, 28, 65528, 'ID_AA64PFR0_EL1.RAS >= 3'),),), (), (), ('rasv2',), False, False),  # noqa: E501
    ('FEAT_RDM', 'Rounding double multiply-add', 'SQRDMLAH and SQRDMLSH', ((('ID_AA64ISAR0_EL1', 'RDM', 31, 28, 65534, 'ID_AA64ISAR0_EL1.RDM >= 1'),),), (), ('asimdrdm',), ('rdm', 'rdma'), False, False),  # noqa: E501
    ('FEAT_RME', 'Realm Management Extension', 'Realms and granule protection; four physical address spaces', ((('ID_AA64PFR0_EL1', 'RME', 55, 52, 65534, 'ID_AA64PFR0_EL1.RME >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_RME_GDI', 'Granules for devices in Realms', 'new granule states for devices', ((('ID_AA64MMFR4_EL1', 'RMEGDI', 31, 28, 65534, 'ID_AA64MMFR4_EL1.RMEGDI >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_RME_GPC2', 'Realm Management Extension', 'Realms, GPC2 checks; refined granule protection checks', ((('ID_AA64PFR0_EL1', 'RME', 55, 52, 65532, 'ID_AA64PFR0_EL1.RME >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_RME_GPC3', 'Realm Management Extension', 'Realms, GPC3 checks; further granule protection checks', ((('ID_AA64PFR0_EL1', 'RME', 55, 52, 65528, 'ID_AA64PFR0_EL1.RME >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_RNG', 'Random numbers', 'RNDR and RNDRRS', ((('ID_AA64ISAR0_EL1', 'RNDR', 63, 60, 65534, 'ID_AA64ISAR0_EL1.RNDR >= 1'),),), (), ('rng',), ('rng',), False, False),  # noqa: E501
    ('FEAT_RNG_TRAP', 'Traps of random numbers', 'RNDR and RNDRRS can trap to EL3; SCR_EL3.TRNDR', ((('ID_AA64PFR1_EL1', 'RNDR_trap', 31, 28, 65534, 'ID_AA64PFR1_EL1.RNDR_trap >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_RPRES', 'Precision of reciprocal estimates', '12 bits when FPCR.AH is 1', ((('ID_AA64ISAR2_EL1', 'RPRES', 7, 4, 65534, 'ID_AA64ISAR2_EL1.RPRES >= 1'),),), (), ('rpres',), (), False, False),  # noqa: E501
    ('FEAT_RPRFM', 'Range prefetch hint', 'RPRFM is a real hint', ((('ID_AA64ISAR2_EL1', 'RPRFM', 51, 48, 65534, 'ID_AA64ISAR2_EL1.RPRFM >= 1'),),), (), ('rprfm',), (), False, False),  # noqa: E501
    ('FEAT_S1PIE', 'Stage 1 permission indirection', 'PIR_ELx, PIRE0_ELx give permissions', ((('ID_AA64MMFR3_EL1', 'S1PIE', 11, 8, 65534, 'ID_AA64MMFR3_EL1.S1PIE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_S1POE', 'Stage 1 permission overlay', 'POR_ELx limits permissions', ((('ID_AA64MMFR3_EL1', 'S1POE', 19, 16, 65534, 'ID_AA64MMFR3_EL1.S1POE >= 1'),),), (), ('poe',), (), False, False),  # noqa: E501
    ('FEAT_S2FWB', 'Stage 2 forced write-back', 'stage 2 can force cacheable; HCR_EL2.FWB', ((('ID_AA64MMFR2_EL1', 'FWB', 43, 40, 65534, 'ID_AA64MMFR2_EL1.FWB >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_S2PIE', 'Stage 2 permission indirection', 'S2PIR_EL2 gives permissions', ((('ID_AA64MMFR3_EL1', 'S2PIE', 15, 12, 65534, 'ID_AA64MMFR3_EL1.S2PIE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_S2POE', 'Stage 2 permission overlay', 'S2POR_EL1 limits permissions', ((('ID_AA64MMFR3_EL1', 'S2POE', 23, 20, 65534, 'ID_AA64MMFR3_EL1.S2POE >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SB', 'Speculation barrier', 'SB instruction', ((('ID_AA64ISAR1_EL1', 'SB', 39, 36, 65534, 'ID_AA64ISAR1_EL1.SB >= 1'),),), (), ('sb',), ('sb',), False, False),  # noqa: E501
    ('FEAT_SCTLR2', 'SCTLR2_ELx registers', 'SCTLR2_ELx exist', ((('ID_AA64MMFR3_EL1', 'SCTLRX', 7, 4, 65534, 'ID_AA64MMFR3_EL1.SCTLRX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SEBEP', 'Synchronous-event exceptions, PMU', 'profiling exceptions can be synchronous', ((('ID_AA64DFR0_EL1', 'SEBEP', 27, 24, 65534, 'ID_AA64DFR0_EL1.SEBEP >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SEL2', 'Secure EL2', 'EL2 exists in Secure state too', ((('ID_AA64PFR0_EL1', 'SEL2', 39, 36, 65534, 'ID_AA64PFR0_EL1.SEL2 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SHA1', 'SHA-1 hash', 'SHA1C, SHA1P, SHA1M ...', ((('ID_AA64ISAR0_EL1', 'SHA1', 11, 8, 65534, 'ID_AA64ISAR0_EL1.SHA1 >= 1'),),), (), ('sha1',), ('crypto', 'sha2'), False, False),  # noqa: E501
    ('FEAT_SHA256', 'SHA-2 hashes', 'SHA-256', ((('ID_AA64ISAR0_EL1', 'SHA2', 15, 12, 65534, 'ID_AA64ISAR0_EL1.SHA2 >= 1'),),), (), ('sha2',), ('crypto', 'sha2'), False, False),  # noqa: E501
    ('FEAT_SHA3', 'SHA-3 hash', 'EOR3, RAX1, XAR, BCAX', ((('ID_AA64ISAR0_EL1', 'SHA3', 35, 32, 65534, 'ID_AA64ISAR0_EL1.SHA3 >= 1'),),), (), ('sha3',), ('sha3',), False, False),  # noqa: E501
    ('FEAT_SHA512', 'SHA-2 hashes', 'SHA-256 and SHA-512', ((('ID_AA64ISAR0_EL1', 'SHA2', 15, 12, 65532, 'ID_AA64ISAR0_EL1.SHA2 >= 2'),),), (), ('sha512',), ('sha3',), False, False),  # noqa: E501
    ('FEAT_SM3', 'SM3 hash', 'SM3SS1, SM3TT1A ...', ((('ID_AA64ISAR0_EL1', 'SM3', 39, 36, 65534, 'ID_AA64ISAR0_EL1.SM3 >= 1'),),), (), ('sm3',), ('sm4',), False, False),  # noqa: E501
    ('FEAT_SM4', 'SM4 cipher', 'SM4E and SM4EKEY', ((('ID_AA64ISAR0_EL1', 'SM4', 43, 40, 65534, 'ID_AA64ISAR0_EL1.SM4 >= 1'),),), (), ('sm4',), ('sm4',), False, False),  # noqa: E501
    ('FEAT_SME', 'Scalable Matrix Extension', '', ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('sme', 'smei8i32', 'smef16f32', 'smeb16f32', 'smef32f32'), ('sme',), False, False),  # noqa: E501
    ('FEAT_SME2', 'Scalable Matrix Extension', '', ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65532, 'ID_AA64PFR1_EL1.SME >= 2'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'), ('ID_AA64SMFR0_EL1', 'SMEver', 59, 56, 65534, 'ID_AA64SMFR0_EL1.SMEver >= 1'))), (), ('sme2', 'smei16i32', 'smebi32i32'), ('sme2',), False, False),  # noqa: E501
    ('FEAT_SME2p1', 'SME version', 'SME2.1', ((('ID_AA64SMFR0_EL1', 'SMEver', 59, 56, 65532, 'ID_AA64SMFR0_EL1.SMEver >= 2'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('sme2p1',), ('sme2p1',), False, False),  # noqa: E501
    ('FEAT_SME2p2', 'SME version', 'SME2.2', ((('ID_AA64SMFR0_EL1', 'SMEver', 59, 56, 65528, 'ID_AA64SMFR0_EL1.SMEver >= 3'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('sme2p2',), False, False),  # noqa: E501
    ('FEAT_SME_B16B16', 'BFloat16 into BFloat16', 'BFloat16 outer products, not widened', ((('ID_AA64SMFR0_EL1', 'B16B16', 43, 43, 2, 'ID_AA64SMFR0_EL1.B16B16 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smeb16b16',), ('sme-b16b16',), False, False),  # noqa: E501
    ('FEAT_SME_F16F16', 'Half into half precision', 'half-precision outer products', ((('ID_AA64SMFR0_EL1', 'F16F16', 42, 42, 2, 'ID_AA64SMFR0_EL1.F16F16 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smef16f16',), ('sme-f16f16',), False, False),  # noqa: E501
    ('FEAT_SME_F64F64', 'Products of doubles', 'double-precision outer products', ((('ID_AA64SMFR0_EL1', 'F64F64', 48, 48, 2, 'ID_AA64SMFR0_EL1.F64F64 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smef64f64',), ('sme-f64f64',), False, False),  # noqa: E501
    ('FEAT_SME_F8F16', 'FP8 into half precision', 'FP8 products into half precision', ((('ID_AA64SMFR0_EL1', 'F8F16', 41, 41, 2, 'ID_AA64SMFR0_EL1.F8F16 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smef8f16',), ('sme-f8f16',), False, False),  # noqa: E501
    ('FEAT_SME_F8F32', 'FP8 into single precision', 'FP8 products into single precision', ((('ID_AA64SMFR0_EL1', 'F8F32', 40, 40, 2, 'ID_AA64SMFR0_EL1.F8F32 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smef8f32',), ('sme-f8f32',), False, False),  # noqa: E501
    ('FEAT_SME_FA64', 'All of A64 in streaming mode', 'all of A64 works in streaming mode', ((('ID_AA64SMFR0_EL1', 'FA64', 63, 63, 2, 'ID_AA64SMFR0_EL1.FA64 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smefa64',), ('sme-fa64',), False, False),  # noqa: E501
    ('FEAT_SME_I16I64', 'Products of 16-bit integers into 64 bits', 'outer products into 64 bits', ((('ID_AA64SMFR0_EL1', 'I16I64', 55, 52, 32768, 'ID_AA64SMFR0_EL1.I16I64 >= 15'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smei16i64',), ('sme-i16i64',), False, False),  # noqa: E501
    ('FEAT_SME_LUTv2', 'SME lookups with 4-bit indices', 'LUTI4 with two or four vectors', ((('ID_AA64SMFR0_EL1', 'LUTv2', 60, 60, 2, 'ID_AA64SMFR0_EL1.LUTv2 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smelutv2',), ('sme-lutv2',), False, False),  # noqa: E501
    ('FEAT_SME_MOP4', 'Quarter-tile products', 'quarter-tile outer products', ((('ID_AA64SMFR0_EL1', 'SMOP4', 0, 0, 2, 'ID_AA64SMFR0_EL1.SMOP4 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('sme-mop4',), False, False),  # noqa: E501
    ('FEAT_SME_TMOP', 'Structured sparsity products', 'sparse outer products', ((('ID_AA64SMFR0_EL1', 'STMOP', 16, 16, 2, 'ID_AA64SMFR0_EL1.STMOP >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('sme-tmop',), False, False),  # noqa: E501
    ('FEAT_SPE', 'Statistical profiling', 'version 1.0', ((('ID_AA64DFR0_EL1', 'PMSVer', 35, 32, 65534, 'ID_AA64DFR0_EL1.PMSVer >= 1'),),), (), (), ('profile',), False, False),  # noqa: E501
    ('FEAT_SPE_DPFZS', 'Cycle counter while events are frozen', 'freezes with the events', ((('ID_AA64DFR1_EL1', 'DPFZS', 55, 52, 65534, 'ID_AA64DFR1_EL1.DPFZS >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPE_EXC', 'Profiling buffer exceptions', 'buffer events can be exceptions', ((('ID_AA64DFR2_EL1', 'SPE_EXC', 19, 16, 65534, 'ID_AA64DFR2_EL1.SPE_EXC >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPE_nVM', 'Profiling by virtual address alone', 'no PA needed in records', ((('ID_AA64DFR2_EL1', 'SPE_nVM', 23, 20, 65534, 'ID_AA64DFR2_EL1.SPE_nVM >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPECRES', 'Restricting predictions', 'CFP, DVP, CPP RCTX; past execution cannot steer predictions', ((('ID_AA64ISAR1_EL1', 'SPECRES', 43, 40, 65534, 'ID_AA64ISAR1_EL1.SPECRES >= 1'),),), (), (), ('predres',), False, False),  # noqa: E501
    ('FEAT_SPECRES2', 'Restricting predictions', 'CFP, DVP, CPP and COSP RCTX', ((('ID_AA64ISAR1_EL1', 'SPECRES', 43, 40, 65532, 'ID_AA64ISAR1_EL1.SPECRES >= 2'),),), (), (), ('predres2',), False, False),  # noqa: E501
    ('FEAT_SPEv1p1', 'Statistical profiling', 'version 1.1; adds alignment flag, SVE events', ((('ID_AA64DFR0_EL1', 'PMSVer', 35, 32, 65532, 'ID_AA64DFR0_EL1.PMSVer >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPEv1p2', 'Statistical profiling', 'version 1.2; adds branch target, discard mode', ((('ID_AA64DFR0_EL1', 'PMSVer', 35, 32, 65528, 'ID_AA64DFR0_EL1.PMSVer >= 3'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPEv1p3', 'Statistical profiling', 'version 1.3; adds data source filtering', ((('ID_AA64DFR0_EL1', 'PMSVer', 35, 32, 65520, 'ID_AA64DFR0_EL1.PMSVer >= 4'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPEv1p4', 'Statistical profiling', 'version 1.4; adds more event filters', ((('ID_AA64DFR0_EL1', 'PMSVer', 35, 32, 65504, 'ID_AA64DFR0_EL1.PMSVer >= 5'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPEv1p5', 'Statistical profiling', 'version 1.5; adds further event bits', ((('ID_AA64DFR0_EL1', 'PMSVer', 35, 32, 65472, 'ID_AA64DFR0_EL1.PMSVer >= 6'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPMU', 'System PMU registers', 'SPM* registers', ((('ID_AA64DFR1_EL1', 'SPMU', 35, 32, 65534, 'ID_AA64DFR1_EL1.SPMU >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SPMU2', 'System PMU registers', 'SPM* registers, and SPMZR_EL0', ((('ID_AA64DFR1_EL1', 'SPMU', 35, 32, 65532, 'ID_AA64DFR1_EL1.SPMU >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SRMASK', 'Write masks of control registers', 'SCTLRMASK_EL1 and its kin exist', ((('ID_AA64MMFR4_EL1', 'SRMASK', 47, 44, 65534, 'ID_AA64MMFR4_EL1.SRMASK >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SSBS', 'Speculative Store Bypass Safe', 'PSTATE.SSBS stops store bypass; the Spectre v4 switch', ((('ID_AA64PFR1_EL1', 'SSBS', 7, 4, 65534, 'ID_AA64PFR1_EL1.SSBS >= 1'),),), (), (), ('ssbs',), False, False),  # noqa: E501
    ('FEAT_SSBS2', 'Speculative Store Bypass Safe', 'PSTATE.SSBS, reached by MSR and MRS; the Spectre v4 switch, with instructions of its own', ((('ID_AA64PFR1_EL1', 'SSBS', 7, 4, 65532, 'ID_AA64PFR1_EL1.SSBS >= 2'),),), (), ('ssbs',), ('ssbs',), False, False),  # noqa: E501
    ('FEAT_SSVE_AES', 'AES, streaming', 'AES and PMULL in streaming mode', ((('ID_AA64SMFR0_EL1', 'AES', 24, 24, 2, 'ID_AA64SMFR0_EL1.AES >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('ssve-aes',), False, False),  # noqa: E501
    ('FEAT_SSVE_BitPerm', 'Bit permutes, streaming', 'BDEP, BEXT, BGRP in streaming mode', ((('ID_AA64SMFR0_EL1', 'SBitPerm', 25, 25, 2, 'ID_AA64SMFR0_EL1.SBitPerm >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('ssve-bitperm',), False, False),  # noqa: E501
    ('FEAT_SSVE_FEXPA', 'FEXPA, streaming', 'FEXPA in streaming mode', ((('ID_AA64SMFR0_EL1', 'SFEXPA', 23, 23, 2, 'ID_AA64SMFR0_EL1.SFEXPA >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), (), ('ssve-fexpa',), False, False),  # noqa: E501
    ('FEAT_SSVE_FP8DOT2', 'FP8 2-way dot product, streaming', 'FP8 2-way products in streaming mode', ((('ID_AA64SMFR0_EL1', 'SF8DP2', 28, 28, 2, 'ID_AA64SMFR0_EL1.SF8DP2 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smesf8dp2',), ('ssve-fp8dot2',), False, False),  # noqa: E501
    ('FEAT_SSVE_FP8DOT4', 'FP8 4-way dot product, streaming', 'FP8 4-way products in streaming mode', ((('ID_AA64SMFR0_EL1', 'SF8DP4', 29, 29, 2, 'ID_AA64SMFR0_EL1.SF8DP4 >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smesf8dp4',), ('ssve-fp8dot4',), False, False),  # noqa: E501
    ('FEAT_SSVE_FP8FMA', 'FP8 multiply-add, streaming', 'FP8 multiply-add in streaming mode', ((('ID_AA64SMFR0_EL1', 'SF8FMA', 30, 30, 2, 'ID_AA64SMFR0_EL1.SF8FMA >= 1'),),), ((('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),),), ('smesf8fma',), ('ssve-fp8fma',), False, False),  # noqa: E501
    ('FEAT_STEP2', 'Stepping an instruction in place', 'MDSTEPOP_EL1 holds it', ((('ID_AA64DFR2_EL1', 'STEP', 3, 0, 65534, 'ID_AA64DFR2_EL1.STEP >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SVE', 'Scalable Vector Extension', '', ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),),), (), ('sve',), ('sve',), False, False),  # noqa: E501
    ('FEAT_SVE2', 'SVE version', 'SVE2', ((('ID_AA64ZFR0_EL1', 'SVEver', 3, 0, 65534, 'ID_AA64ZFR0_EL1.SVEver >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('sve2',), ('sve2',), False, False),  # noqa: E501
    ('FEAT_SVE2p1', 'SVE version', 'SVE2.1', ((('ID_AA64ZFR0_EL1', 'SVEver', 3, 0, 65532, 'ID_AA64ZFR0_EL1.SVEver >= 2'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('sve2p1',), ('sve2p1',), False, False),  # noqa: E501
    ('FEAT_SVE2p2', 'SVE version', '', ((('ID_AA64ZFR0_EL1', 'SVEver', 3, 0, 65528, 'ID_AA64ZFR0_EL1.SVEver >= 3'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), (), ('sve2p2',), False, False),  # noqa: E501
    ('FEAT_SVE_AES', 'SVE2 AES', 'AESE, AESD, AESMC, AESIMC', ((('ID_AA64ZFR0_EL1', 'AES', 7, 4, 65534, 'ID_AA64ZFR0_EL1.AES >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('sveaes',), ('sve-aes', 'sve2-aes'), False, False),  # noqa: E501
    ('FEAT_SVE_AES2', 'SVE2 AES', 'AES on several blocks at once; multi-vector AESE and PMULL', ((('ID_AA64ZFR0_EL1', 'AES', 7, 4, 65528, 'ID_AA64ZFR0_EL1.AES >= 3'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), (), ('sve-aes2',), False, False),  # noqa: E501
    ('FEAT_SVE_B16B16', 'SVE BFloat16 arithmetic', 'non-widening BFloat16 arithmetic', ((('ID_AA64ZFR0_EL1', 'B16B16', 27, 24, 65534, 'ID_AA64ZFR0_EL1.B16B16 >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('sveb16b16',), ('sve-b16b16',), False, False),  # noqa: E501
    ('FEAT_SVE_BFSCALE', 'SVE BFloat16 arithmetic', 'BFloat16 arithmetic and BFSCALE', ((('ID_AA64ZFR0_EL1', 'B16B16', 27, 24, 65532, 'ID_AA64ZFR0_EL1.B16B16 >= 2'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), (), ('sve-bfscale',), False, False),  # noqa: E501
    ('FEAT_SVE_BitPerm', 'SVE2 bit permutes', 'BDEP, BEXT, BGRP', ((('ID_AA64ZFR0_EL1', 'BitPerm', 19, 16, 65534, 'ID_AA64ZFR0_EL1.BitPerm >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('svebitperm',), ('sve-bitperm', 'sve2-bitperm'), False, False),  # noqa: E501
    ('FEAT_SVE_F16F32MM', 'SVE half-precision matrix multiply', 'FMMLA half precision into single', ((('ID_AA64ZFR0_EL1', 'F16MM', 51, 48, 65534, 'ID_AA64ZFR0_EL1.F16MM >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), (), ('sve-f16f32mm',), False, False),  # noqa: E501
    ('FEAT_SVE_PMULL128', 'SVE2 AES', 'AES and 64-bit polynomial multiply; PMULLB, PMULLT into 128 bits', ((('ID_AA64ZFR0_EL1', 'AES', 7, 4, 65532, 'ID_AA64ZFR0_EL1.AES >= 2'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('svepmull',), ('sve-aes', 'sve2-aes'), False, False),  # noqa: E501
    ('FEAT_SVE_SHA3', 'SVE2 SHA-3', 'RAX1', ((('ID_AA64ZFR0_EL1', 'SHA3', 35, 32, 65534, 'ID_AA64ZFR0_EL1.SHA3 >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('svesha3',), ('sve-sha3', 'sve2-sha3'), False, False),  # noqa: E501
    ('FEAT_SVE_SM4', 'SVE2 SM4 cipher', 'SM4E, SM4EKEY', ((('ID_AA64ZFR0_EL1', 'SM4', 43, 40, 65534, 'ID_AA64ZFR0_EL1.SM4 >= 1'),),), ((('ID_AA64PFR0_EL1', 'SVE', 35, 32, 65534, 'ID_AA64PFR0_EL1.SVE >= 1'),), (('ID_AA64PFR1_EL1', 'SME', 27, 24, 65534, 'ID_AA64PFR1_EL1.SME >= 1'),)), ('svesm4',), ('sve-sm4', 'sve2-sm4'), False, False),  # noqa: E501
    ('FEAT_SYSINSTR128', '128-bit system instructions', 'SYSP, TLBIP', ((('ID_AA64ISAR2_EL1', 'SYSINSTR_128', 39, 36, 65534, 'ID_AA64ISAR2_EL1.SYSINSTR_128 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_SYSREG128', '128-bit system registers', 'MRRS and MSRR', ((('ID_AA64ISAR2_EL1', 'SYSREG_128', 35, 32, 65534, 'ID_AA64ISAR2_EL1.SYSREG_128 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TCR2', 'TCR2_ELx registers', 'TCR2_ELx exist', ((('ID_AA64MMFR3_EL1', 'TCRX', 3, 0, 65534, 'ID_AA64MMFR3_EL1.TCRX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TGran16K', '16 KiB translation granule', '', ((('ID_AA64MMFR0_EL1', 'TGRAN16', 23, 20, 65534, 'ID_AA64MMFR0_EL1.TGRAN16 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TGran4K', '4 KiB translation granule', '', ((('ID_AA64MMFR0_EL1', 'TGRAN4', 31, 28, 255, 'ID_AA64MMFR0_EL1.TGRAN4 >= 0'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TGran64K', '64 KiB translation granule', '', ((('ID_AA64MMFR0_EL1', 'TGRAN64', 27, 24, 255, 'ID_AA64MMFR0_EL1.TGRAN64 >= 0'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_THE', 'Translation hardening', 'protected table entries, RCW access; read-check-write instructions, AssuredOnly pages', ((('ID_AA64PFR1_EL1', 'THE', 51, 48, 65534, 'ID_AA64PFR1_EL1.THE >= 1'),),), (), (), ('the',), False, False),  # noqa: E501
    ('FEAT_TIDCP1', 'EL0 access to implementation-defined registers', 'EL1 and EL2 can trap them; SCTLR_ELx.TIDCP', ((('ID_AA64MMFR1_EL1', 'TIDCP1', 55, 52, 65534, 'ID_AA64MMFR1_EL1.TIDCP1 >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TLBIOS', 'TLB maintenance forms', 'outer shareable TLBI', ((('ID_AA64ISAR0_EL1', 'TLB', 59, 56, 65534, 'ID_AA64ISAR0_EL1.TLB >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TLBIRANGE', 'TLB maintenance forms', 'outer shareable and range TLBI', ((('ID_AA64ISAR0_EL1', 'TLB', 59, 56, 65532, 'ID_AA64ISAR0_EL1.TLB >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TLBIW', 'TLB maintenance of dirty state', 'TLBI VMALLWS2E1', ((('ID_AA64ISAR3_EL1', 'TLBIW', 11, 8, 65534, 'ID_AA64ISAR3_EL1.TLBIW >= 1'),),), (), (), ('tlbiw',), False, False),  # noqa: E501
    ('FEAT_TME', 'Transactional memory', 'TSTART, TCOMMIT, TCANCEL, TTEST', ((('ID_AA64ISAR0_EL1', 'TME', 27, 24, 65534, 'ID_AA64ISAR0_EL1.TME >= 1'),),), (), (), ('tme',), False, False),  # noqa: E501
    ('FEAT_TRBE', 'Trace buffer in memory', 'TRBE, version 1.0', ((('ID_AA64DFR0_EL1', 'TraceBuffer', 47, 44, 65534, 'ID_AA64DFR0_EL1.TraceBuffer >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TRBE_EXC', 'Trace buffer exceptions', 'buffer events can be exceptions', ((('ID_AA64DFR2_EL1', 'TRBE_EXC', 27, 24, 65534, 'ID_AA64DFR2_EL1.TRBE_EXC >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TRBE_EXT', 'External trace buffer', 'trace can go to an external buffer', ((('ID_AA64DFR0_EL1', 'ExtTrcBuff', 59, 56, 65534, 'ID_AA64DFR0_EL1.ExtTrcBuff >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TRBEv1p1', 'Trace buffer in memory', 'TRBE, version 1.1', ((('ID_AA64DFR0_EL1', 'TraceBuffer', 47, 44, 65532, 'ID_AA64DFR0_EL1.TraceBuffer >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TRF', 'Trace filter by level', 'TRFCR_ELx exist', ((('ID_AA64DFR0_EL1', 'TraceFilt', 43, 40, 65534, 'ID_AA64DFR0_EL1.TraceFilt >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TTCNP', 'Common not private tables', 'cores can share TLB entries; TTBRn_ELx.CnP', ((('ID_AA64MMFR2_EL1', 'CnP', 3, 0, 65534, 'ID_AA64MMFR2_EL1.CnP >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TTL', 'Level hint of TLB maintenance', 'TLBI carries the table level', ((('ID_AA64MMFR2_EL1', 'TTL', 51, 48, 65534, 'ID_AA64MMFR2_EL1.TTL >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TTST', 'Smallest address space of a table', 'TxSZ up to 48; 47 with 64 KiB pages', ((('ID_AA64MMFR2_EL1', 'ST', 31, 28, 65534, 'ID_AA64MMFR2_EL1.ST >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_TWED', 'Delayed trap of WFE', 'the trap can be delayed; HCR_EL2.TWEDEL', ((('ID_AA64MMFR1_EL1', 'TWED', 35, 32, 65534, 'ID_AA64MMFR1_EL1.TWED >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_UAO', 'User access override', 'LDTR and STTR can act as privileged; PSTATE.UAO', ((('ID_AA64MMFR2_EL1', 'UAO', 7, 4, 65534, 'ID_AA64MMFR2_EL1.UAO >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_UINJ', 'Injected undefined instruction', 'undefined exceptions can be injected; PSTATE.UINJ', ((('ID_AA64PFR2_EL1', 'UINJ', 19, 16, 65534, 'ID_AA64PFR2_EL1.UINJ >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_VHE', 'Virtualisation host extensions', '', ((('ID_AA64MMFR1_EL1', 'VH', 11, 8, 65534, 'ID_AA64MMFR1_EL1.VH >= 1'),),), (), (), ('vhe',), False, False),  # noqa: E501
    ('FEAT_VMID16', 'VMID size', '16 bits', ((('ID_AA64MMFR1_EL1', 'VMIDBits', 7, 4, 65532, 'ID_AA64MMFR1_EL1.VMIDBits >= 2'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_VPIPT', 'Level 1 instruction cache policy', '', ((('CTR_EL0', 'L1Ip', 15, 14, 1, 'CTR_EL0.L1Ip = 0'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_WFxT', 'Waiting with a timeout', 'WFET and WFIT', ((('ID_AA64ISAR2_EL1', 'WFxT', 3, 0, 65532, 'ID_AA64ISAR2_EL1.WFxT >= 2'),),), (), ('wfxt',), ('wfxt',), False, False),  # noqa: E501
    ('FEAT_XNX', 'Execute-never by level at stage 2', 'execute-never apart for EL0 and EL1', ((('ID_AA64MMFR1_EL1', 'XNX', 31, 28, 65534, 'ID_AA64MMFR1_EL1.XNX >= 1'),),), (), (), (), False, False),  # noqa: E501
    ('FEAT_XS', 'Slow memory and TLB maintenance', 'DSB nXS and TLBI nXS; maintenance need not wait for slow accesses', ((('ID_AA64ISAR1_EL1', 'XS', 59, 56, 65534, 'ID_AA64ISAR1_EL1.XS >= 1'),),), (), (), ('xs',), False, False),  # noqa: E501
)
LEVELS: Levels = (
    (('8.1', ('FEAT_CRC32', 'FEAT_LSE', 'FEAT_RDM'), ('FEAT_HPDS', 'FEAT_LOR', 'FEAT_PAN', 'FEAT_PMUv3p1', 'FEAT_VHE')), ('8.2', ('FEAT_DPB', 'FEAT_FP16'), ('FEAT_Debugv8p2', 'FEAT_PAN2', 'FEAT_RAS', 'FEAT_TTCNP', 'FEAT_UAO', 'FEAT_XNX')), ('8.3', ('FEAT_FCMA', 'FEAT_JSCVT', 'FEAT_LRCPC', 'FEAT_PAuth'), ()), ('8.4', ('FEAT_DIT', 'FEAT_DotProd', 'FEAT_FHM', 'FEAT_FlagM', 'FEAT_LRCPC2', 'FEAT_LSE2'), ('FEAT_Debugv8p4', 'FEAT_IDST', 'FEAT_PMUv3p4', 'FEAT_RASv1p1', 'FEAT_S2FWB', 'FEAT_TLBIOS', 'FEAT_TLBIRANGE', 'FEAT_TTL')), ('8.5', ('FEAT_BTI', 'FEAT_DPB2', 'FEAT_FRINTTS', 'FEAT_FlagM2', 'FEAT_SB', 'FEAT_SPECRES'), ('FEAT_CSV2', 'FEAT_CSV3', 'FEAT_E0PD', 'FEAT_EVT', 'FEAT_GTG', 'FEAT_PMUv3p5', 'FEAT_SPEv1p1')), ('8.6', ('FEAT_BF16', 'FEAT_I8MM', 'FEAT_PAuth2'), ('FEAT_ECV', 'FEAT_FGT')), ('8.7', ('FEAT_AFP', 'FEAT_MTE3', 'FEAT_WFxT'), ('FEAT_HCX', 'FEAT_PAN3', 'FEAT_PMUv3p7', 'FEAT_SPEv1p2', 'FEAT_XS')), ('8.8', ('FEAT_HBC', 'FEAT_MOPS'), ('FEAT_BRBEv1p1', 'FEAT_CMOW', 'FEAT_Debugv8p8', 'FEAT_EBEP', 'FEAT_ETS2', 'FEAT_HPMN0', 'FEAT_NMI', 'FEAT_PMUv3p8', 'FEAT_SPEv1p3', 'FEAT_TIDCP1')), ('8.9', ('FEAT_CSSC', 'FEAT_SME2p1', 'FEAT_SPECRES2', 'FEAT_SVE2p1'), ('FEAT_CLRBHB', 'FEAT_Debugv8p9', 'FEAT_ECBHB', 'FEAT_FGT2', 'FEAT_MTE_PERM', 'FEAT_PMUv3p9', 'FEAT_RASv2', 'FEAT_SCTLR2', 'FEAT_SPEv1p4', 'FEAT_TCR2'))),  # noqa: E501
    {'FEAT_AFP': (('FEAT_FP',),), 'FEAT_BF16': (('FEAT_FP',),), 'FEAT_BRBEv1p1': (('FEAT_SVE2', 'FEAT_BRBE'),), 'FEAT_DotProd': (('FEAT_AdvSIMD',),), 'FEAT_EBEP': (('FEAT_SVE2', 'FEAT_PMUv3p9'),), 'FEAT_EVT': (('FEAT_AA64EL2',),), 'FEAT_FCMA': (('FEAT_FP',),), 'FEAT_FGT': (('FEAT_AA64EL2',), ('FEAT_AA64EL3',)), 'FEAT_FGT2': (('FEAT_AA64EL2',),), 'FEAT_FHM': (('FEAT_FP16',),), 'FEAT_FP16': (('FEAT_SVE',), ('FEAT_FHM',)), 'FEAT_FRINTTS': (('FEAT_FP',),), 'FEAT_GTG': (('FEAT_AA64EL2',),), 'FEAT_HCX': (('FEAT_AA64EL2',),), 'FEAT_HPMN0': (('FEAT_PMUv3', 'FEAT_AA64EL2'),), 'FEAT_JSCVT': (('FEAT_FP',),), 'FEAT_MTE3': (('FEAT_MTE_ASYNC',),), 'FEAT_MTE_PERM': (('FEAT_MTE2',),), 'FEAT_PMUv3p1': (('FEAT_PMUv3',),), 'FEAT_PMUv3p4': (('FEAT_PMUv3',),), 'FEAT_PMUv3p5': (('FEAT_PMUv3',),), 'FEAT_PMUv3p7': (('FEAT_PMUv3',),), 'FEAT_PMUv3p8': (('FEAT_PMUv3',),), 'FEAT_PMUv3p9': (('FEAT_PMUv3',),), 'FEAT_RASv1p1': (('FEAT_RAS',),), 'FEAT_RASv2': (('FEAT_RAS',),), 'FEAT_RDM': (('FEAT_AdvSIMD',),), 'FEAT_S2FWB': (('FEAT_AA64EL2',),), 'FEAT_SME2p1': (('FEAT_SVE2', 'FEAT_SME2'),), 'FEAT_SPEv1p1': (('FEAT_SPE',),), 'FEAT_SPEv1p2': (('FEAT_SPE',),), 'FEAT_SPEv1p3': (('FEAT_SPE',),), 'FEAT_SPEv1p4': (('FEAT_SPE',),), 'FEAT_SVE2p1': (('FEAT_SVE2',),), 'FEAT_VHE': (('FEAT_AA64EL2',),), 'FEAT_XNX': (('FEAT_AA64EL2',),)},  # noqa: E501
    ['FEAT_FlagM2'],
    'FEAT_SVE2',
    5,
    ('FEAT_AA32EL1', 'FEAT_DoubleLock'),
    ('FEAT_DotProd', 'FEAT_FCMA', 'FEAT_FHM', 'FEAT_FP16', 'FEAT_FRINTTS', 'FEAT_FlagM2', 'FEAT_JSCVT', 'FEAT_RDM'),
    'Arm AARCHMRS, A-profile, March 2025 (build 445), Features.json; FEAT_FlagM2 in Armv8.5: LLVM, AArch64Features.td, commit 01edc6a1940b',  # noqa: E501
)
WORDS: Mapping[str, tuple[str, ...]] = {
    'pac': ('FEAT_PAuth',),
    'pacg': ('FEAT_PACQARMA5', 'FEAT_PACIMP', 'FEAT_PACQARMA3'),
    'neon': ('FEAT_AdvSIMD',),
    'qarma5': ('FEAT_PACQARMA5',),
    'qarma3': ('FEAT_PACQARMA3',),
    'kpti': ('FEAT_CSV3',),
    'meltdown': ('FEAT_CSV3',),
    'spectre': ('FEAT_CSV2',),
    'nested': ('FEAT_NV2', 'FEAT_NV'),
    'vhe': ('FEAT_VHE',),
    'l1': ('CCSIDR[0]', 'CCSIDR[1]'),
    'l1d': ('CCSIDR[0]',),
    'l1i': ('CCSIDR[1]',),
    'l2': ('CCSIDR[2]', 'CCSIDR[3]'),
    'l3': ('CCSIDR[4]', 'CCSIDR[5]'),
    'l4': ('CCSIDR[6]', 'CCSIDR[7]'),
    'core': ('MIDR_EL1',),
    'revision': ('MIDR_EL1',),
}
ASSEMBLER: Mapping[str, tuple[str, ...]] = {
    'aes': ('FEAT_AES', 'FEAT_PMULL'),
    'bf16': ('FEAT_BF16',),
    'brbe': ('FEAT_BRBE',),
    'bti': ('FEAT_BTI',),
    'cmpbr': ('FEAT_CMPBR',),
    'compnum': ('FEAT_FCMA',),
    'cpa': ('FEAT_CPA',),
    'crc': ('FEAT_CRC32',),
    'crypto': ('FEAT_AES', 'FEAT_PMULL', 'FEAT_SHA1', 'FEAT_SHA256'),
    'cssc': ('FEAT_CSSC',),
    'd128': ('FEAT_D128',),
    'dit': ('FEAT_DIT',),
    'dotprod': ('FEAT_DotProd',),
    'f32mm': ('FEAT_F32MM',),
    'f64mm': ('FEAT_F64MM',),
    'f8f16mm': ('FEAT_F8F16MM',),
    'f8f32mm': ('FEAT_F8F32MM',),
    'faminmax': ('FEAT_FAMINMAX',),
    'fcma': ('FEAT_FCMA',),
    'flagm': ('FEAT_FlagM',),
    'flagm2': ('FEAT_FlagM2',),
    'fp': ('FEAT_FP',),
    'fp16': ('FEAT_FP16',),
    'fp16fml': ('FEAT_FHM',),
    'fp8': ('FEAT_FP8',),
    'fp8dot2': ('FEAT_FP8DOT2',),
    'fp8dot4': ('FEAT_FP8DOT4',),
    'fp8fma': ('FEAT_FP8FMA',),
    'fprcvt': ('FEAT_FPRCVT',),
    'frintts': ('FEAT_FRINTTS',),
    'gcs': ('FEAT_GCS',),
    'hbc': ('FEAT_HBC',),
    'i8mm': ('FEAT_I8MM',),
    'ite': ('FEAT_ITE',),
    'jscvt': ('FEAT_JSCVT',),
    'lor': ('FEAT_LOR',),
    'ls64': ('FEAT_LS64', 'FEAT_LS64_V', 'FEAT_LS64_ACCDATA'),
    'lse': ('FEAT_LSE',),
    'lse128': ('FEAT_LSE128',),
    'lsfe': ('FEAT_LSFE',),
    'lsui': ('FEAT_LSUI',),
    'lut': ('FEAT_LUT',),
    'memtag': ('FEAT_MTE', 'FEAT_MTE2'),
    'mops': ('FEAT_MOPS',),
    'occmo': ('FEAT_OCCMO',),
    'pan': ('FEAT_PAN',),
    'pauth': ('FEAT_PAuth',),
    'pauth-lr': ('FEAT_PAuth_LR',),
    'pcdphint': ('FEAT_PCDPHINT',),
    'pmuv3': ('FEAT_PMUv3',),
    'pops': ('FEAT_PoPS',),
    'predres': ('FEAT_SPECRES',),
    'predres2': ('FEAT_SPECRES2',),
    'profile': ('FEAT_SPE',),
    'ras': ('FEAT_RAS',),
    'rasv2': ('FEAT_RASv2',),
    'rcpc': ('FEAT_LRCPC',),
    'rcpc2': ('FEAT_LRCPC2',),
    'rcpc3': ('FEAT_LRCPC3',),
    'rdm': ('FEAT_RDM',),
    'rdma': ('FEAT_RDM',),
    'rng': ('FEAT_RNG',),
    'sb': ('FEAT_SB',),
    'sha2': ('FEAT_SHA1', 'FEAT_SHA256'),
    'sha3': ('FEAT_SHA3', 'FEAT_SHA512'),
    'simd': ('FEAT_AdvSIMD',),
    'sm4': ('FEAT_SM4', 'FEAT_SM3'),
    'sme': ('FEAT_SME',),
    'sme-b16b16': ('FEAT_SME_B16B16',),
    'sme-f16f16': ('FEAT_SME_F16F16',),
    'sme-f64f64': ('FEAT_SME_F64F64',),
    'sme-f8f16': ('FEAT_SME_F8F16',),
    'sme-f8f32': ('FEAT_SME_F8F32',),
    'sme-fa64': ('FEAT_SME_FA64',),
    'sme-i16i64': ('FEAT_SME_I16I64',),
    'sme-lutv2': ('FEAT_SME_LUTv2',),
    'sme-mop4': ('FEAT_SME_MOP4',),
    'sme-tmop': ('FEAT_SME_TMOP',),
    'sme2': ('FEAT_SME2',),
    'sme2p1': ('FEAT_SME2p1',),
    'sme2p2': ('FEAT_SME2p2',),
    'ssbs': ('FEAT_SSBS', 'FEAT_SSBS2'),
    'ssve-aes': ('FEAT_SSVE_AES',),
    'ssve-bitperm': ('FEAT_SSVE_BitPerm',),
    'ssve-fexpa': ('FEAT_SSVE_FEXPA',),
    'ssve-fp8dot2': ('FEAT_SSVE_FP8DOT2',),
    'ssve-fp8dot4': ('FEAT_SSVE_FP8DOT4',),
    'ssve-fp8fma': ('FEAT_SSVE_FP8FMA',),
    'sve': ('FEAT_SVE',),
    'sve-aes': ('FEAT_SVE_AES', 'FEAT_SVE_PMULL128'),
    'sve-aes2': ('FEAT_SVE_AES2',),
    'sve-b16b16': ('FEAT_SVE_B16B16',),
    'sve-bfscale': ('FEAT_SVE_BFSCALE',),
    'sve-bitperm': ('FEAT_SVE_BitPerm',),
    'sve-f16f32mm': ('FEAT_SVE_F16F32MM',),
    'sve-sha3': ('FEAT_SVE_SHA3',),
    'sve-sm4': ('FEAT_SVE_SM4',),
    'sve2': ('FEAT_SVE2',),
    'sve2-aes': ('FEAT_SVE_AES', 'FEAT_SVE_PMULL128'),
    'sve2-bitperm': ('FEAT_SVE_BitPerm',),
    'sve2-sha3': ('FEAT_SVE_SHA3',),
    'sve2-sm4': ('FEAT_SVE_SM4',),
    'sve2p1': ('FEAT_SVE2p1',),
    'sve2p2': ('FEAT_SVE2p2',),
    'the': ('FEAT_THE',),
    'tlbiw': ('FEAT_TLBIW',),
    'tme': ('FEAT_TME',),
    'wfxt': ('FEAT_WFxT',),
    'xs': ('FEAT_XS',),
}
