"""What a vCPU dump shows of the host below it: values, and which of their bits were passed through.

A field counts as known where the source kernel's feature table has it and no rule replaced it. Hidden and forced fields
are unknown; of a capped one it is known that the host has at least as much. Fields that the source kernel did not know
are unknown as well. On v6.5 and later userspace may have lowered fields: the dump is taken as that of a fresh vCPU.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector.kvm.exposure import Exposure
from inspector.kvm.host import HostState, Vgic
from inspector.kvm.inference.fresh import FreshExposure, infer_host
from inspector.kvm.mitigations import spectre_v2_unaffected
from inspector.policies.model import PmuVersion, Policy, SpeculationFields
from inspector.policies.rulebook import Step
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import is_demux
from inspector.registers.ids import (
    AARCH32_IDS,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_SPACE,
    IDS,
    MIDR_EL1,
    SVE_VLS,
    WORKAROUND_2,
)

REVIDR, AIDR, PMCR = (IDS[name] for name in ("REVIDR_EL1", "AIDR_EL1", "PMCR_EL0"))
CSV2, CSV3 = 0xF << 56, 0xF << 60


def from_vcpu(
    values: Mapping[int, int],
    setup: VcpuSetup,
    policy: Policy,
    *,
    spectre_v2: int | None = None,
    meltdown: bool | None = None,
    ssb: int | None = None,
    bhb: int | None = None,
    vgic: Vgic | None = None,
    page_size: int = 4096,
) -> HostState:
    """The machine under a saved vCPU, as far as its kernel (`policy`) and vCPU features (`setup`) let it through.

    What the kernel hid is not known. Mitigation states, the vGIC and the SVE vector lengths are inferred from the
    vCPU's registers unless given; its capabilities are taken as given, since the vCPU exists.
    """
    host = _host_of(values, setup, policy)
    return msgspec.structs.replace(
        host, spectre_v2=host.spectre_v2 if spectre_v2 is None else spectre_v2, ssb=host.ssb if ssb is None else ssb,
        meltdown_safe=host.meltdown_safe if meltdown is None else meltdown, bhb=host.bhb if bhb is None else bhb,
        vgic=vgic or host.vgic, vgic_known=host.vgic_known or vgic is not None, page_size=page_size,
    )  # fmt: skip


def _host_of(values: Mapping[int, int], setup: VcpuSetup, policy: Policy) -> HostState:
    base = infer_host(values)
    seen = FreshExposure(values, policy, setup, base)
    raw_caches = seen.raw_caches
    known: dict[int, int] = {}
    at_least: dict[int, int] = {}
    for reg_id in ID_SPACE:
        if reg_id in values:
            known[reg_id], at_least[reg_id] = _passed_through(seen, reg_id)
    if base.aarch32 is False:
        known |= dict.fromkeys(AARCH32_IDS, ALL)
    known[CTR_EL0] = seen.book.known_mask.get(CTR_EL0, 0)
    known |= dict.fromkeys((MIDR_EL1, REVIDR, AIDR), 0 if setup.writable_imp_id else ALL)
    pattern = seen.book.variant("pmcr") in ("reset-pattern", "reset-pattern-cleared")
    known[PMCR] = ALL & ~0xFF if pattern else 0x1F << 11
    known[CLIDR_EL1] = ALL if raw_caches else 0
    lengths = values.get(SVE_VLS)
    capabilities = dict(base.capabilities or {}) | {
        "el2": int(setup.has(Feature.EL2)), "el2_e2h0": int(setup.has(Feature.EL2_E2H0)),
    }  # fmt: skip
    shown = {reg_id: value for reg_id, value in values.items() if known.get(reg_id) or at_least.get(reg_id)}
    shown |= {reg_id: 0 for reg_id in AARCH32_IDS if base.aarch32 is False}
    return HostState(
        values=shown, known={reg_id: mask for reg_id, mask in known.items() if reg_id in shown}, at_least=at_least,
        ccsidr={i & 0xFF: v for i, v in values.items() if is_demux(i)} if raw_caches else {},
        ccsidr_known=raw_caches, sanitised=True, spectre_v2=base.spectre_v2, meltdown_safe=base.meltdown_safe,
        ssb=_ssb(values), bhb=base.bhb, vgic=base.vgic, vgic_known=base.vgic_known, capabilities=capabilities,
        aarch32=base.aarch32,
        vector_lengths=None if lengths is None else lengths & ALL,
    )  # fmt: skip


def _ssb(values: Mapping[int, int]) -> int | None:
    """The Spectre v4 level where it does not depend on SSBS."""
    ssbs = values.get(ID_AA64PFR1_EL1, 0) >> 4 & 0xF
    level = values.get(WORKAROUND_2)
    return level if level == 3 and not ssbs else None


def _passed_through(seen: Exposure, reg_id: int) -> tuple[int, int]:
    """The bits of an ID register that this kernel shows as the host has them, and those of which it shows the least."""
    if seen.raz(reg_id):
        return 0, 0
    mask, least = seen.book.known_mask.get(reg_id, 0), 0
    value = seen.host.value(reg_id)
    for step in seen.book.steps.get(reg_id, ()):
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
