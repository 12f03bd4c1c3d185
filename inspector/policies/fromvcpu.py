"""What a vCPU dump tells of the host below it: values, and which of their bits its kernel passed through.

A field counts as known where the source kernel's feature table has it and no rule replaced it. Hidden, forced and
capped fields are unknown; fields that no kernel up to the source's knew are unknown as well. On v6.5 and later
userspace may have lowered fields: the dump is taken as that of a fresh vCPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspector.policies import model
from inspector.policies.fresh import infer_host
from inspector.policies.host import ALL, CLIDR, CTR, MIDR, HostState
from inspector.policies.idspace import AARCH32_IDS, ID_SPACE, IDS
from inspector.policies.membership import SVE_VLS
from inspector.registers.encoding import CLASS_DEMUX

if TYPE_CHECKING:
    from inspector.policies.model import Policy
    from inspector.policies.setup import VcpuSetup

REVIDR, AIDR, DCZID = IDS["REVIDR_EL1"], IDS["AIDR_EL1"], IDS["DCZID_EL0"]
CSV2 = 0xF << 56


def host_of_vcpu(values: Mapping[int, int], setup: VcpuSetup, policy: Policy) -> HostState:
    """The host under a vCPU that was saved under the kernel `policy` with the features `setup`."""
    from inspector.policies.fresh import FreshExposure

    base = infer_host(values)
    seen = FreshExposure(values, policy, setup, base)
    known = {reg_id: _passed_through(seen, reg_id) for reg_id in ID_SPACE if reg_id in values}
    if not base.has_aarch32 and known.get(IDS["ID_AA64PFR0_EL1"], 0) & 0xF == 0xF:
        known |= dict.fromkeys(AARCH32_IDS, ALL)
    raw_caches = seen.book.variant("cache-registers") == "raw"
    if CTR in values:
        known[CTR] = seen.book.known_mask.get(CTR, 0)
    for reg_id in (MIDR, REVIDR, AIDR):
        if reg_id in values:
            known[reg_id] = 0 if setup.writable_imp_id else ALL
    if raw_caches and CLIDR in values:
        known[CLIDR] = ALL
    lengths = values.get(SVE_VLS)
    ccsidr = {i & 0xFF: v for i, v in values.items() if i >> 16 & 0xFFF == CLASS_DEMUX} if raw_caches else {}
    kept = {reg_id: value for reg_id, value in values.items() if known.get(reg_id)}
    return HostState(
        values=kept, known=known, ccsidr=ccsidr, ccsidr_known=raw_caches, sanitised=True, spectre_v2=base.spectre_v2,
        meltdown_safe=base.meltdown_safe, ssb=_ssb(values), bhb=base.bhb, vgic=base.vgic,
        capabilities=base.capabilities, vector_lengths=None if lengths is None else lengths & ALL,
    )  # fmt: skip


def _ssb(values: Mapping[int, int]) -> int | None:
    """The Spectre v4 level where it does not depend on SSBS."""
    from inspector.policies.idspace import WORKAROUND_2

    ssbs = values.get(IDS["ID_AA64PFR1_EL1"], 0) >> 4 & 0xF
    level = values.get(WORKAROUND_2)
    return level if level == 3 and not ssbs else None


def _passed_through(seen: object, reg_id: int) -> int:
    """The bits of an ID register that this kernel shows as the host has them."""
    from inspector.policies.exposure import Exposure

    assert isinstance(seen, Exposure)
    if seen.raz(reg_id):
        return 0
    mask = seen.book.known_mask.get(reg_id, 0)
    value = seen.host.value(reg_id)
    for step in seen.book.steps.get(reg_id, ()):
        if not seen.applies(step.rule):
            continue
        field = (value & step.mask) >> step.lsb
        if step.kind != "cap" or field >= step.value:
            mask &= ~step.mask
        if isinstance(step.rule, model.Special):
            mask &= ~_rebuilt(step.name, seen, reg_id)
    return mask


def _rebuilt(function: str, seen: object, reg_id: int) -> int:
    """Bits that an engine function replaced."""
    from inspector.policies.exposure import Exposure
    from inspector.policies.host import DFR0
    from inspector.policies.setup import Feature

    assert isinstance(seen, Exposure)
    variant = seen.book.variant(function)
    match function:
        case "speculation-fields":
            return CSV2 if variant == "csv2" else CSV2 | 0xF << 60
        case "gic-fields":
            return 0 if variant == "host" else 0xF << 24
        case "pmu-version":
            lsb = 8 if reg_id == DFR0 else 24
            shown = seen.host.value(reg_id) >> lsb & 0xF
            limit = 4 if variant == "v8.1-always" else 5 if variant == "v8.4" else 6
            told = 0 < shown < limit and (variant == "v8.1-always" or seen.setup.has(Feature.PMU))
            return 0 if told else 0xF << lsb
        case "nested-limits":
            return ALL if seen.setup.has(Feature.EL2) and variant != "none" else 0
        case _:
            return 0
