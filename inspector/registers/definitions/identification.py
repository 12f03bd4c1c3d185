"""Which core it is: MIDR_EL1, MPIDR_EL1, REVIDR_EL1, AIDR_EL1, SMIDR_EL1 (Arm ARM DDI 0487, D24.2)."""

from __future__ import annotations

from inspector.registers.parts import coded, flag, number, res0, res1
from inspector.registers.schema import RegisterSchema

SCHEMAS = {
    schema.name: schema
    for schema in (
        RegisterSchema(
            "MIDR_EL1",
            res0(63, 32),
            "Implementer" / number("Who made the core", 8, form="implementer"),
            "Variant" / number("Major revision", form="major_revision"),
            "Architecture"
            / coded(
                "Architecture",
                {
                    1: "Armv4",
                    2: "Armv4T",
                    3: "Armv5 (obsolete)",
                    4: "Armv5T",
                    5: "Armv5TE",
                    6: "Armv5TEJ",
                    7: "Armv6",
                    0xF: "reported by the ID registers",
                },
                4,
            ),
            "PartNum" / number("Which core", 12, form="part"),
            "Revision" / number("Minor revision", form="minor_revision"),
        ),
        RegisterSchema(
            "MPIDR_EL1",
            res0(63, 40),
            "Aff3" / number("Affinity level 3, outermost", 8, form="decimal"),
            res1(31, 31),
            "U" / flag("Uniprocessor", "part of a multiprocessor system", "a single processor"),
            res0(29, 25),
            "MT" / flag("Multithreading", "Aff0 distinguishes cores", "Aff0 distinguishes threads of a core"),
            "Aff2" / number("Affinity level 2", 8, form="decimal"),
            "Aff1" / number("Affinity level 1", 8, form="decimal"),
            "Aff0" / number("Affinity level 0, innermost", 8, form="decimal"),
        ),
        RegisterSchema("REVIDR_EL1", "REVIDR" / number("Vendor's revision bits", 64, form="implementation")),
        RegisterSchema("AIDR_EL1", "AIDR" / number("Vendor's auxiliary ID", 64, form="implementation")),
        RegisterSchema(
            "SMIDR_EL1",
            res0(63, 32),
            "IMPLEMENTER" / number("Who made the streaming unit", 8, form="implementer"),
            "REVISION" / number("Revision of the unit", 8, form="hex"),
            "SMPS"
            / coded("Streaming priorities", {0: "not implemented", 1: "SMPRI_EL1 sets a priority (FEAT_SME)"}, 1),
            res0(14, 12),
            "AFFINITY" / number("Cores that share the unit", 12, form="affinity"),
        ),
    )
}
