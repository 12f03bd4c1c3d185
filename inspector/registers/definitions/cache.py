"""Cache identification: CTR, DCZID, CLIDR, CSSELR, CCSIDR in both layouts, CCSIDR2, GMID (Arm ARM DDI 0487, D24.2).

CCSIDR_EL1 has two layouts. "CCSIDR word" is the 32-bit register that KVM's demux ids carry, "... CCIDX" the layout of
FEAT_CCIDX; of that one the word is only the low half, so the number of sets is not in it.
"""

from __future__ import annotations

from inspector.registers.parts import coded, enum, number, res0, res1, unknown
from inspector.registers.schema import RegisterSchema

_CACHE_TYPE = {
    0: "no cache",
    1: "instruction cache only",
    2: "data cache only",
    3: "separate instruction and data caches",
    4: "unified cache",
}
_LEVEL_1_POLICY = {
    0: "VMID-aware PIPT; a reserved value since FEAT_VPIPT was withdrawn (FEAT_VPIPT)",
    1: "virtual, tagged by ASID; a reserved value since Armv8",
    2: "virtual index, physical tag (VIPT)",
    3: "physical index and tag (PIPT)",
}

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "CTR_EL0",
            res0(63, 38),
            "TminLine" / number("Shortest line of tags, by data covered", 6, form="tag_words"),
            res1(31, 31),
            res0(30, 30),
            "DIC"
            / coded(
                "Instruction cache maintenance for new code",
                {
                    0: "instruction cache needs invalidating; to the point of unification, before new code runs",
                    1: "no instruction cache invalidation; new code is fetched without it",
                },
                1,
            ),
            "IDC"
            / coded(
                "Data cache maintenance for new code",
                {
                    0: "data cache needs cleaning; to the point of unification before new code runs, unless CLIDR_EL1"
                    " has LoC 0, or LoUU and LoUIS 0",
                    1: "no data cache cleaning; new code is fetched without it",
                },
                1,
            ),
            "CWG" / number("Most memory that one write-back touches", form="log2_words_or_unstated"),
            "ERG" / number("Memory that one exclusive reserves", form="log2_words_or_unstated"),
            "DminLine" / number("Shortest data or unified cache line", form="log2_words"),
            "L1Ip" / enum("Level 1 instruction cache policy", _LEVEL_1_POLICY, 2),
            res0(13, 4),
            "IminLine" / number("Shortest instruction cache line", form="log2_words"),
        ),
        RegisterSchema(
            "DCZID_EL0",
            res0(63, 5),
            "DZP" / coded("DC ZVA", {0: "allowed", 1: "forbidden"}, 1),
            "BS" / number("Block that DC ZVA zeroes", form="log2_words"),
        ),
        RegisterSchema(
            "CLIDR_EL1",
            res0(63, 47),
            "Ttypen" / number("Tag caches by level (MTE)", 14, form="tag_caches"),
            "ICB"
            / coded(
                "Last level that is Inner Cacheable",
                {0: "not stated", **{level: f"level {level}" for level in range(1, 8)}},
                3,
            ),
            "LoUU" / number("Clean to here for one core", 3, form="point_of_unification"),
            "LoC" / number("Clean to here for all observers", 3, form="point_of_coherency"),
            "LoUIS" / number("Clean to here for the Inner Shareable domain", 3, form="point_of_unification"),
            "Ctype7" / coded("Level 7", _CACHE_TYPE, 3),
            "Ctype6" / coded("Level 6", _CACHE_TYPE, 3),
            "Ctype5" / coded("Level 5", _CACHE_TYPE, 3),
            "Ctype4" / coded("Level 4", _CACHE_TYPE, 3),
            "Ctype3" / coded("Level 3", _CACHE_TYPE, 3),
            "Ctype2" / coded("Level 2", _CACHE_TYPE, 3),
            "Ctype1" / coded("Level 1", _CACHE_TYPE, 3),
        ),
        RegisterSchema(
            "CSSELR_EL1",
            res0(63, 5),
            "TnD" / coded("Tags, not data", {0: "data, unified or instruction cache", 1: "tag cache (FEAT_MTE2)"}, 1),
            "Level" / number("Cache level", 3, form="cache_level"),
            "InD" / coded("Instruction, not data", {0: "data or unified cache", 1: "instruction cache"}, 1),
        ),
        RegisterSchema(
            "CCSIDR_EL1",
            res0(63, 32),
            unknown(31, 28, "No meaning since Armv8.3; before, WT WB RA WA", form="old_policies"),
            "NumSets" / number("Sets", 15, form="sets"),
            "Associativity" / number("Ways", 10, form="ways"),
            "LineSize" / number("Line", 3, form="line"),
        ),
        RegisterSchema(
            "CCSIDR_EL1 CCIDX",
            res0(63, 56),
            "NumSets" / number("Sets", 24, form="sets"),
            res0(31, 24),
            "Associativity" / number("Ways", 21, form="ways"),
            "LineSize" / number("Line", 3, form="line"),
        ),
        RegisterSchema(
            "CCSIDR word",
            unknown(31, 28, "No meaning since Armv8.3; before, WT WB RA WA", form="old_policies"),
            "NumSets" / number("Sets", 15, form="sets"),
            "Associativity" / number("Ways", 10, form="ways"),
            "LineSize" / number("Line", 3, form="line"),
        ),
        RegisterSchema(
            "CCSIDR word CCIDX",
            res0(31, 24),
            "Associativity" / number("Ways", 21, form="ways"),
            "LineSize" / number("Line", 3, form="line"),
        ),
        RegisterSchema("CCSIDR2_EL1", res0(63, 24), "NumSets" / number("Sets", 24, form="sets")),
        RegisterSchema("GMID_EL1", res0(63, 4), "BS" / number("Tags that LDGM and STGM move", form="tag_block")),
    )
}
