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
    "kryo-4xx-gold": (QCOM, 0x804), "kryo-2xx-gold": (QCOM, 0x800), "vulcan": (BRCM, 0x516), "falkor": (QCOM, 0xC00),
    "hip09": (HISI, 0xD02), "cortex-a720ae": (ARM, 0xD89), "neoverse-v3ae": (ARM, 0xD83),
    "azure-cobalt-100": (0x6D, 0xD49),
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
SSB_SAFE = _LITTLE - {"kryo-2xx-silver"}
SPECTRE_V2_AFFECTED = {
    "cortex-a57",
    "cortex-a72",
    "cortex-a73",
    "cortex-a75",
    "falkor",
    "kryo-2xx-gold",
    "thunderx2",
    "vulcan",
}
"""Cores that need firmware's help for Spectre v2 where they lack CSV2 (arm64_bp_harden_smccc_cpus of cpu_errata.c,
v4.16 to v4.20, the last kernels that listed them): of these no firmware says that they are unaffected."""
BHB_SAFE = _LITTLE | {"cortex-a510", "cortex-a520"}
BHB_LOOP = {
    "cortex-a72", "cortex-a76", "cortex-a77", "cortex-a78", "cortex-a78ae", "cortex-a78c", "cortex-x1", "cortex-a710",
    "cortex-x2", "neoverse-n1", "neoverse-n2", "neoverse-v1", "cortex-a57",
}  # fmt: skip
"""Cores with a count of loops in every kernel that has the Spectre-BHB mitigation."""
BHB_LOOP_LATER = BHB_LOOP | {
    "cortex-a76ae", "cortex-x1c", "kryo-4xx-gold", "cortex-a715", "cortex-a720", "cortex-x3", "neoverse-v2", "ampere1",
}  # fmt: skip
"""The same of the kernels that take a core on no list as affected: v6.15 and the stable kernels of its day."""
BHB_LOOP_PERHAPS = {"ampere1", "hip09", "tsv110", "cortex-a720ae"}
"""Cores that came onto the lists apart: kernels that judge unlisted cores alike may have them or not. Ampere1 in v6.1
and stable kernels, HIP09 and TSV110 in v6.14, v7.0 and some stable ones (6.1.170 has both, 5.10.262 TSV110 alone),
Cortex-A720AE after 6.12.118."""
BHB_FIRMWARE = {"cortex-a73", "cortex-a75"}
MELTDOWN_SAFE = {
    "cortex-a35", "cortex-a53", "cortex-a55", "cortex-a57", "cortex-a72", "cortex-a73", "tsv110", "brahma-b53",
    "carmel", "vulcan", "kryo-2xx-gold",
    "thunderx2", "kryo-2xx-silver", "kryo-3xx-silver", "kryo-4xx-silver",
}  # fmt: skip
SPECULATIVE_SSBS = {
    "azure-cobalt-100", "cortex-a76", "cortex-a77", "cortex-a78", "cortex-a78c", "cortex-a710", "cortex-a715",
    "cortex-a720", "cortex-a720ae", "cortex-a725", "cortex-x1", "cortex-x1c", "cortex-x2", "cortex-x3", "cortex-x4",
    "cortex-x925", "neoverse-n1", "neoverse-n2", "neoverse-n3", "neoverse-v1", "neoverse-v2", "neoverse-v3",
    "neoverse-v3ae",
}  # fmt: skip
"""Erratum: MSR SSBS does not take effect at once for speculation; Linux hides PFR1.SSBS from EL0 there."""

_VECTOR_LENGTHS = {"neoverse-n2": 0x1, "cortex-a710": 0x1, "neoverse-v1": 0x3, "neoverse-v2": 0x1, "a64fx": 0xB}


def core_name(midr: int) -> str:
    """The core's name by implementer and part number (`neoverse-n2`); empty when it is not one of the table."""
    return _NAMES.get((midr >> 24 & 0xFF, midr >> 4 & 0xFFF), "")


_APPLE_PMU = {0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x32, 0x33, 0x34, 0x35, 0x38, 0x39}
"""Part numbers of the M1 and M2 cores (apple_cpus of cpu_errata.c, v6.15): their PMU is IMPLEMENTATION DEFINED."""


def traps_pmu(midr: int) -> bool:
    """True for a core that traps what a guest does with a PMUv3 that it does not have (has_impdef_pmuv3())."""
    return midr >> 24 & 0xFF == APPLE and midr >> 4 & 0xFFF in _APPLE_PMU


def breaks_cntvoff(midr: int) -> bool:
    """True for Oryon X1, whose CNTVOFF_EL2 KVM does not use (ARM64_WORKAROUND_QCOM_ORYON_CNTVOFF, cpu_errata.c)."""
    return (midr >> 24 & 0xFF, midr >> 4 & 0xFFF) == (QCOM, 0x001)


def meltdown_safe(midr: int) -> bool:
    """True for a core on Linux' list of those without Meltdown (kpti_safe_list)."""
    return core_name(midr) in MELTDOWN_SAFE


def vector_lengths(midr: int) -> int | None:
    """SVE_VLS, first word, of a known core; None when the MIDR does not tell, as that of QEMU's `max` does not: its
    lengths are set by `sve-max-vq` and `sveN` (recorded: 0x3 with `sve-max-vq=2`)."""
    return _VECTOR_LENGTHS.get(core_name(midr))


def lengths_of_model(words: str) -> int | None:
    """The same of a machine of QEMU's by what its `-cpu` was (`max,pauth=off`; `max_nested` in recordings): all sixteen
    where `max` was told no other (recorded); None for anything else."""
    name, *options = words.replace(" ", "").split(",")
    return 0xFFFF if name in ("max", "max_nested") and not any(one.startswith("sve") for one in options) else None
