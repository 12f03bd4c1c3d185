"""What Linux concludes from a CPU's MIDR: the lists of cores behind its mitigation states.

arch/arm64/kernel/proton-pack.c (spectre_v2_safe_list, ssbd safe list, spectre_bhb_* lists), cpufeature.c
(kpti_safe_list) and cpu_errata.c (erratum_spec_ssbs_list). Only cores that occur are listed.
"""

from __future__ import annotations

ARM, CAVIUM, FUJITSU, HISI, QCOM, APPLE, AMPERE, BRCM, NVIDIA = 0x41, 0x43, 0x46, 0x48, 0x51, 0x61, 0xC0, 0x42, 0x4E

_PARTS: dict[str, tuple[int, int]] = {
    "cortex-a34": (ARM, 0xD02), "cortex-a53": (ARM, 0xD03), "cortex-a35": (ARM, 0xD04), "cortex-a55": (ARM, 0xD05),
    "cortex-a57": (ARM, 0xD07), "cortex-a72": (ARM, 0xD08), "cortex-a73": (ARM, 0xD09), "cortex-a75": (ARM, 0xD0A),
    "cortex-a76": (ARM, 0xD0B), "neoverse-n1": (ARM, 0xD0C), "cortex-a77": (ARM, 0xD0D), "cortex-a76ae": (ARM, 0xD0E),
    "neoverse-v1": (ARM, 0xD40), "cortex-a78": (ARM, 0xD41), "cortex-a78ae": (ARM, 0xD42), "cortex-x1": (ARM, 0xD44),
    "cortex-a510": (ARM, 0xD46), "cortex-a710": (ARM, 0xD47), "cortex-x2": (ARM, 0xD48), "neoverse-n2": (ARM, 0xD49),
    "cortex-a78c": (ARM, 0xD4B), "cortex-x1c": (ARM, 0xD4C), "cortex-a715": (ARM, 0xD4D), "cortex-x3": (ARM, 0xD4E),
    "neoverse-v2": (ARM, 0xD4F), "cortex-a520": (ARM, 0xD80), "cortex-a720": (ARM, 0xD81), "cortex-x4": (ARM, 0xD82),
    "neoverse-v3": (ARM, 0xD84), "cortex-x925": (ARM, 0xD85), "cortex-a725": (ARM, 0xD87), "neoverse-n3": (ARM, 0xD8E),
    "a64fx": (FUJITSU, 0x001), "brahma-b53": (BRCM, 0x100), "tsv110": (HISI, 0xD01), "ampere1": (AMPERE, 0xAC3),
    "denver": (NVIDIA, 0x003), "carmel": (NVIDIA, 0x004), "thunderx2": (CAVIUM, 0x0AF),
    "kryo-2xx-silver": (QCOM, 0x801), "kryo-3xx-silver": (QCOM, 0x803), "kryo-4xx-silver": (QCOM, 0x805),
    "kryo-4xx-gold": (QCOM, 0x804),
}  # fmt: skip
_NAMES = {part: name for name, part in _PARTS.items()}

_LITTLE = {
    "cortex-a35",
    "cortex-a53",
    "cortex-a55",
    "brahma-b53",
    "kryo-2xx-silver",
    "kryo-3xx-silver",
    "kryo-4xx-silver",
}
SPECTRE_V2_SAFE = _LITTLE | {"tsv110"}
SSB_SAFE = _LITTLE
BHB_SAFE = (_LITTLE - {"kryo-2xx-silver", "kryo-3xx-silver", "kryo-4xx-silver"}) | {
    "cortex-a510", "cortex-a520", "kryo-2xx-silver", "kryo-3xx-silver", "kryo-4xx-silver",
}  # fmt: skip
BHB_LOOP = {
    "cortex-a72", "cortex-a76", "cortex-a76ae", "cortex-a77", "cortex-a78", "cortex-a78ae", "cortex-a78c", "cortex-x1",
    "cortex-x1c", "cortex-a710", "cortex-x2", "neoverse-n1", "neoverse-n2", "neoverse-v1", "cortex-a57",
    "kryo-4xx-gold",
}  # fmt: skip
"""Cores on a list of loop counts (or, before loops were known for them, of firmware calls)."""
BHB_FIRMWARE = {"cortex-a73", "cortex-a75"}
MELTDOWN_SAFE = {
    "cortex-a35", "cortex-a53", "cortex-a55", "cortex-a57", "cortex-a72", "cortex-a73", "tsv110", "brahma-b53",
    "carmel",
    "thunderx2", "kryo-2xx-silver", "kryo-3xx-silver", "kryo-4xx-silver",
}  # fmt: skip
SPECULATIVE_SSBS = {
    "cortex-a76", "cortex-a76ae", "cortex-a77", "cortex-a78", "cortex-a78ae", "cortex-a78c", "cortex-a710",
    "cortex-a715",
    "cortex-a720", "cortex-a725", "cortex-x1", "cortex-x1c", "cortex-x2", "cortex-x3", "cortex-x4", "cortex-x925",
    "neoverse-n1", "neoverse-n2", "neoverse-n3", "neoverse-v1", "neoverse-v2", "neoverse-v3",
}  # fmt: skip
"""Erratum: MSR SSBS does not take effect at once for speculation; Linux hides PFR1.SSBS from EL0 there."""

_VECTOR_LENGTHS = {"neoverse-n2": 0x1, "cortex-a710": 0x1, "neoverse-v1": 0x3, "neoverse-v2": 0x1, "a64fx": 0xB}


def core_name(midr: int) -> str:
    """The core's name by implementer and part number (`neoverse-n2`); empty when it is not one of the table."""
    return _NAMES.get((midr >> 24 & 0xFF, midr >> 4 & 0xFFF), "")


def is_qemu_max(midr: int) -> bool:
    """QEMU's `max` model: implementer 0, part 0x051."""
    return midr >> 24 & 0xFF == 0 and midr >> 4 & 0xFFF == 0x051


def meltdown_safe(midr: int) -> bool:
    """True for a core on Linux' list of those without Meltdown (kpti_safe_list)."""
    return core_name(midr) in MELTDOWN_SAFE


def vector_lengths(midr: int) -> int | None:
    """SVE_VLS, first word, of a known core; None when the MIDR does not tell."""
    if is_qemu_max(midr):
        return 0xFFFF
    return _VECTOR_LENGTHS.get(core_name(midr))
