"""Address translation: TCR_EL1, TTBR0_EL1, TTBR1_EL1, MAIR_EL1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import PHYSICAL_SIZES, enum, flag, number, res0
from inspector.registers.schema import RegisterSchema

_CACHEABILITY = {
    0: "Non-cacheable",
    1: "write-back, read- and write-allocate",
    2: "write-through, read-allocate",
    3: "write-back, read-allocate",
}
_SHAREABILITY = {0: "Non-shareable", 2: "Outer Shareable", 3: "Inner Shareable"}
_TABLE_BASE = (
    "ASID" / number("Address space ID", 16, form="hex"),
    "BADDR" / number("Table address, without its lowest bit", 47, form="table_address"),
    "CnP" / flag("Tables shared with other cores", "no", "yes (FEAT_TTCNP)"),
)

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "TCR_EL1",
            res0(63, 62),
            "MTX1" / flag("Canonical tags in the upper half", "off", "on (FEAT_MTE_NO_ADDRESS_TAGS)"),
            "MTX0" / flag("Canonical tags in the lower half", "off", "on (FEAT_MTE_NO_ADDRESS_TAGS)"),
            "DS" / flag("52-bit addresses with 4 and 16 KiB pages", "off", "on (FEAT_LPA2)"),
            "TCMA1" / flag("Unchecked accesses with tag 0b1111, upper half", "checked", "unchecked (FEAT_MTE2)"),
            "TCMA0" / flag("Unchecked accesses with tag 0b0000, lower half", "checked", "unchecked (FEAT_MTE2)"),
            "E0PD1" / flag("EL0 in the upper half", "as the tables say", "always faults (FEAT_E0PD)"),
            "E0PD0" / flag("EL0 in the lower half", "as the tables say", "always faults (FEAT_E0PD)"),
            "NFD1" / flag("Non-fault walks at EL0, upper half", "allowed", "not done (FEAT_SVE)"),
            "NFD0" / flag("Non-fault walks at EL0, lower half", "allowed", "not done (FEAT_SVE)"),
            "TBID1" / flag("Top byte ignored, upper half", "code and data", "data only (FEAT_PAuth)"),
            "TBID0" / flag("Top byte ignored, lower half", "code and data", "data only (FEAT_PAuth)"),
            "HWU162" / flag("Entry bit 62, upper half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU161" / flag("Entry bit 61, upper half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU160" / flag("Entry bit 60, upper half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU159" / flag("Entry bit 59, upper half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU062" / flag("Entry bit 62, lower half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU061" / flag("Entry bit 61, lower half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU060" / flag("Entry bit 60, lower half", "for software", "for hardware (FEAT_HPDS2)"),
            "HWU059" / flag("Entry bit 59, lower half", "for software", "for hardware (FEAT_HPDS2)"),
            "HPD1" / flag("Hierarchical permissions, upper half", "on", "off (FEAT_HPDS)"),
            "HPD0" / flag("Hierarchical permissions, lower half", "on", "off (FEAT_HPDS)"),
            "HD" / flag("Dirty state", "software sets it", "hardware sets it (FEAT_HAFDBS)"),
            "HA" / flag("Access flag", "software sets it", "hardware sets it (FEAT_HAFDBS)"),
            "TBI1" / flag("Top byte, upper half", "part of the address", "ignored"),
            "TBI0" / flag("Top byte, lower half", "part of the address", "ignored"),
            "AS" / flag("ASID size", "8 bits", "16 bits (FEAT_ASID16)"),
            res0(35, 35),
            "IPS"
            / enum(
                "Physical address size",
                PHYSICAL_SIZES,
                3,
            ),
            "TG1"
            / enum(
                "Granule, upper half",
                {0: "none; reserved, but the value after reset", 1: "16 KiB", 2: "4 KiB", 3: "64 KiB"},
                2,
            ),
            "SH1" / enum("Shareability of walks, upper half", _SHAREABILITY, 2),
            "ORGN1" / enum("Outer caching of walks, upper half", _CACHEABILITY, 2),
            "IRGN1" / enum("Inner caching of walks, upper half", _CACHEABILITY, 2),
            "EPD1" / flag("Walks with TTBR1_EL1", "done", "not done; a miss faults"),
            "A1" / flag("ASID comes from", "TTBR0_EL1", "TTBR1_EL1"),
            "T1SZ" / number("Upper half", 6, form="address_space"),
            "TG0" / enum("Granule, lower half", {0: "4 KiB", 1: "64 KiB", 2: "16 KiB"}, 2),
            "SH0" / enum("Shareability of walks, lower half", _SHAREABILITY, 2),
            "ORGN0" / enum("Outer caching of walks, lower half", _CACHEABILITY, 2),
            "IRGN0" / enum("Inner caching of walks, lower half", _CACHEABILITY, 2),
            "EPD0" / flag("Walks with TTBR0_EL1", "done", "not done; a miss faults"),
            res0(6, 6),
            "T0SZ" / number("Lower half", 6, form="address_space"),
        ),
        RegisterSchema("TTBR0_EL1", *_TABLE_BASE),
        RegisterSchema("TTBR1_EL1", *_TABLE_BASE),
        RegisterSchema(
            "MAIR_EL1",
            *(f"Attr{n}" / number(f"Memory type of index {n}", 8, form="memory_type") for n in range(7, -1, -1)),
        ),
    )
}
