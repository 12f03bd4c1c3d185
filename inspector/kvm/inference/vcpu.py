"""What a vCPU dump shows of the host below it: values, and which of their bits were passed through.

A field counts as known where the source kernel's feature table has it and no rule replaced it. Hidden and forced fields
are unknown; of a capped one it is known that the host has at least as much. Fields that the source kernel did not know
are unknown as well. On v6.5 and later userspace may have lowered fields: the dump is taken as that of a fresh vCPU.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.kvm.cpus import traps_pmu
from inspector.kvm.exposure import Exposure
from inspector.kvm.host import HostState
from inspector.kvm.inference.fresh import FreshExposure, infer_host
from inspector.kvm.mitigations import spectre_v2_unaffected
from inspector.policies.model import PmuVersion, Policy, SpeculationFields
from inspector.policies.register_rules import Step
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import is_demux
from inspector.registers.ids import (
    AARCH32_IDS,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64PFR0_EL1,
    ID_PFR1_EL1,
    ID_SPACE,
    IDS,
    MIDR_EL1,
    SVE_VLS,
)

REVIDR, AIDR, PMCR = (IDS[name] for name in ("REVIDR_EL1", "AIDR_EL1", "PMCR_EL0"))
CSV2, CSV3 = 0xF << 56, 0xF << 60


def from_vcpu(values: Mapping[int, int], setup: VcpuSetup, policy: Policy) -> HostState:
    """The machine under a saved vCPU, as far as its kernel (`policy`) and vCPU features (`setup`) let it through.

    What the kernel hid is not known. Mitigation states, the vGIC and the SVE vector lengths are inferred from the
    vCPU's registers; its capabilities are taken as given, since the vCPU exists.
    """
    base = infer_host(values, policy)
    seen = FreshExposure(values, policy, setup, base)
    raw_caches = seen.raw_caches
    known: dict[int, int] = {}
    at_least: dict[int, int] = {}
    for reg_id in ID_SPACE:
        if reg_id in values:
            known[reg_id], at_least[reg_id] = _passed_through(seen, reg_id)
    if base.aarch32 is False:
        known |= dict.fromkeys(AARCH32_IDS, ALL)
    vgic_known = base.vgic_known
    if _lost_its_gic(seen):
        known[ID_PFR1_EL1] = known.get(ID_PFR1_EL1, 0) & ~(0xF << 28)
        vgic_known = False
    known[CTR_EL0] = seen.book.of(CTR_EL0).known_mask
    known |= dict.fromkeys((MIDR_EL1, REVIDR, AIDR), 0 if setup.writable_imp_id else ALL)
    pattern = seen.book.variant("pmcr") in ("reset-pattern", "reset-pattern-cleared")
    known[PMCR] = ALL & ~0xFF if pattern else 0x1F << 11
    known[CLIDR_EL1] = ALL if raw_caches else 0
    lengths = values.get(SVE_VLS)
    capabilities = dict(base.capabilities or {}) | {
        "el2": int(setup.has(Feature.EL2)), "el2_e2h0": int(setup.has(Feature.EL2_E2H0)),
    }  # fmt: skip
    values = {**values, **_own_pmu(seen, known, capabilities)}
    shown = {reg_id: value for reg_id, value in values.items() if known.get(reg_id) or at_least.get(reg_id)}
    shown |= {reg_id: 0 for reg_id in AARCH32_IDS if base.aarch32 is False}
    return HostState(
        values=shown, known={reg_id: mask for reg_id, mask in known.items() if reg_id in shown}, at_least=at_least,
        ccsidr={i & 0xFF: v for i, v in values.items() if is_demux(i)} if raw_caches else {},
        ccsidr_known=raw_caches, sanitised=True, shown=base.shown, meltdown_safe=base.meltdown_safe,
        vgic=base.vgic if vgic_known else "v3", vgic_known=vgic_known, pages_known=False, capabilities=capabilities,
        aarch32=base.aarch32, vector_lengths=None if lengths is None else lengths & ALL,
    )  # fmt: skip


def _lost_its_gic(seen: Exposure) -> bool:
    """Whether the first run, or the want of a vGICv3, may have cleared the GIC fields of the VM: then they say nothing
    of the host (kvm_finalize_sys_regs(); since v6.18 as the vGIC is created)."""
    shown = seen.host.value(ID_AA64PFR0_EL1) >> 24 & 0xF
    return not shown and seen.book.variant("gic-fields") not in ("host", "forced")


def _own_pmu(seen: Exposure, known: dict[int, int], capabilities: dict[str, int]) -> dict[int, int]:
    """ID_AA64DFR0_EL1 of a host whose PMU is not what its kernel emulates for guests (kvm_arm_pmu_get_pmuver_limit()).

    The PMU of an Apple M1 or M2 is IMPLEMENTATION DEFINED (15); that it has one is then no word of older kernels.
    """
    shown = seen.host.value(ID_AA64DFR0_EL1)
    emulated = seen.book.variant("pmu-version") == "v8.5-or-emulated" and traps_pmu(seen.host.value(MIDR_EL1))
    if not emulated or not known[MIDR_EL1] or shown >> 8 & 0xF != 1 or ID_AA64DFR0_EL1 not in known:
        return {}
    known[ID_AA64DFR0_EL1] |= 0xF << 8
    capabilities.pop("pmu_v3", None)
    return {ID_AA64DFR0_EL1: shown | 0xF << 8}


def _passed_through(seen: Exposure, reg_id: int) -> tuple[int, int]:
    """The bits of an ID register that this kernel shows as the host has them, and those of which it shows the least."""
    if seen.raz(reg_id):
        return 0, 0
    mask, least = seen.book.of(reg_id).known_mask, 0
    value = seen.host.value(reg_id)
    for step in seen.book.of(reg_id).steps:
        if not seen.applies(step.rule):
            continue
        if step.kind == "special":
            lost, capped = _rebuilt(seen, step, reg_id)
        elif step.kind == "cap":
            capped = step.mask if (value & step.mask) >> step.lsb >= step.value else 0
            lost = capped
        else:
            lost, capped = step.mask, 0
        mask, least = mask & ~lost, (least & ~lost) | capped
    return mask, least


def _rebuilt(seen: Exposure, step: Step, reg_id: int) -> tuple[int, int]:
    """(bits that an engine function replaced, those of them that are at least what is shown)."""
    match step.name:
        case "speculation-fields":
            return _speculation_told(seen, seen.book.variant("speculation-fields")), 0
        case "gic-fields":
            return (0 if seen.book.variant("gic-fields") == "host" else 0xF << 24), 0
        case "pmu-version":
            return _pmu_told(seen, seen.book.variant("pmu-version"), reg_id)
        case "nested-granules":
            nested = seen.setup.has(Feature.EL2)
            return (0xFFF << 32 if nested else 0), 0
        case _:
            return 0, 0


def _speculation_told(seen: Exposure, variant: SpeculationFields) -> int:
    """CSV2 and CSV3 where the kernel put its own judgement; from v6.5 on it leaves the host's if that is negative."""
    if variant != "raised":
        return CSV2 if variant == "csv2" else CSV2 | CSV3
    lost = CSV2 if spectre_v2_unaffected(seen.host) else 0
    return lost | (CSV3 if seen.host.meltdown_unaffected else 0)


def _pmu_told(seen: Exposure, variant: PmuVersion, reg_id: int) -> tuple[int, int]:
    """What a PMU version shows: below the kernel's cap the host's, at the cap at least that, zero nothing."""
    lsb = 8 if reg_id == ID_AA64DFR0_EL1 else 24
    mask, shown = 0xF << lsb, seen.host.value(reg_id) >> lsb & 0xF
    limit = 4 if variant == "v8.1-always" else 5 if variant == "v8.4" else 6
    if shown == 0 or shown > limit or not (variant == "v8.1-always" or seen.setup.has(Feature.PMU)):
        return mask, 0
    return (mask, mask) if shown == limit else (0, 0)
