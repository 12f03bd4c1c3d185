"""The building blocks of a register definition: bit fields that know what they mean and which construct field they are.

A definition reads like the field list of the Arm ARM, most significant field first:

    RegisterSchema("ID_AA64MMFR2_EL1", "E0PD" / feature("...", "...") , ..., res0(47, 44), ...)

Never construct's Padding: it drops bits that are not zero, and those are the interesting ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.registers.meanings import ABSENT
from inspector.registers.schema import Part


def _bits(width: int, kind: str, title: str = "", values: Mapping[int, str] | None = None, form: str = "") -> Part:
    return Part(width, kind, title, values or {}, form)


def feature(title: str, *levels: str, width: int = 4, absent: str = ABSENT) -> Part:
    """An unsigned feature field: 0 is `absent`, 1 and up are `levels`."""
    return _bits(width, "unsigned", title, {0: absent, **dict(enumerate(levels, start=1))})


def unsigned(title: str, values: Mapping[int, str], width: int = 4) -> Part:
    """An unsigned feature field whose values are not simply 0, 1, 2 ..."""
    return _bits(width, "unsigned", title, values)


def signed(title: str, values: Mapping[int, str], width: int = 4) -> Part:
    """A signed feature field (0xf is -1: less than 0); `values` is keyed by raw bits."""
    return _bits(width, "signed", title, values)


def enum(title: str, values: Mapping[int, str], width: int = 4) -> Part:
    """A field whose values have no order."""
    return _bits(width, "enum", title, values)


def number(title: str, width: int = 4, form: str = "") -> Part:
    """A number; `form` names the rule in `meanings.FORMS` that says it in words."""
    return _bits(width, "field", title, form=form)


def coded(title: str, values: Mapping[int, str], width: int) -> Part:
    """A field whose values have meanings, though it is neither a feature level nor an enumeration in Linux's tables."""
    return _bits(width, "field", title, values)


def flag(title: str, off: str, on: str) -> Part:
    """One control bit: what `title` is when the bit is clear and when it is set, said together as `title: off`."""
    return _bits(1, "enum", title, {0: off, 1: on}, form="flag")


def unknown(msb: int, lsb: int, title: str, form: str = "") -> Part:
    """Bits that the architecture calls UNKNOWN."""
    return "UNKN" / _bits(msb - lsb + 1, "unkn", title, form=form)


def res0(msb: int, lsb: int) -> Part:
    """Reserved bits that read as zero, under a name of their own so that they survive decode and encode."""
    return f"RES0_{msb}_{lsb}" / _bits(msb - lsb + 1, "res0")


def res1(msb: int, lsb: int) -> Part:
    """Reserved bits that read as one."""
    return f"RES1_{msb}_{lsb}" / _bits(msb - lsb + 1, "res1")


PHYSICAL_SIZES = {
    0: "32 bits, 4 GiB",
    1: "36 bits, 64 GiB",
    2: "40 bits, 1 TiB",
    3: "42 bits, 4 TiB",
    4: "44 bits, 16 TiB",
    5: "48 bits, 256 TiB",
    6: "52 bits, 4 PiB (FEAT_LPA)",
    7: "56 bits, 64 PiB (FEAT_D128)",
}
"""ID_AA64MMFR0_EL1.PARange, and TCR_EL1.IPS"""
DEBUG_ARCHITECTURES = {
    6: "Armv8.0 debug",
    7: "Armv8.1 debug, with VHE (FEAT_VHE)",
    8: "Armv8.2 debug (FEAT_Debugv8p2)",
    9: "Armv8.4 debug (FEAT_Debugv8p4)",
    10: "Armv8.8 debug (FEAT_Debugv8p8)",
    11: "Armv8.9 debug (FEAT_Debugv8p9)",
}
"""ID_AA64DFR0_EL1.DebugVer, and what ID_DFR0_EL1 says behind the versions before Armv8"""
