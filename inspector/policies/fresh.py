"""A kernel's view of a host of which only a fresh vCPU's registers are known (facts: what KVM shows is its own limit)."""

from __future__ import annotations

from collections.abc import Mapping

from inspector.policies.exposure import Exposure
from inspector.policies.firmware import BITMAPS
from inspector.policies.host import ALL, CTR, PFR0, HostState
from inspector.policies.idspace import ID_SPACE, IDS, WORKAROUND_1, WORKAROUND_2, WORKAROUND_3
from inspector.policies.model import Policy
from inspector.policies.setup import VcpuSetup
from inspector.registers.encoding import CLASS_DEMUX

PMCR = IDS["PMCR_EL0"]


def infer_host(values: Mapping[int, int]) -> HostState:
    """The host-dependent inputs that a fresh vCPU's registers tell; its ID registers stand for the host's."""
    csv3 = values.get(PFR0, 0) >> 60 & 0xF
    return HostState(
        values=dict(values), known=dict.fromkeys(values, ALL),
        ccsidr={i & 0xFF: v for i, v in values.items() if i >> 16 & 0xFFF == CLASS_DEMUX}, sanitised=True,
        spectre_v2=values.get(WORKAROUND_1), meltdown_safe=csv3 == 1, ssb=None, bhb=values.get(WORKAROUND_3),
        vgic="v3" if values.get(PFR0, 0) >> 24 & 0xF else "none", capabilities=_all_capabilities(),
    )  # fmt: skip


def _all_capabilities() -> dict[str, int]:
    """A vCPU that exists proves what its creation needed."""
    names = ("sve", "ptrauth_address", "ptrauth_generic", "pmu_v3", "el1_32bit", "mte", "el2", "el2_e2h0")
    return dict.fromkeys(names, 1)


class FreshExposure(Exposure):
    """An exposure whose limits are the given values instead of being computed from a host."""

    def __init__(
        self, values: Mapping[int, int], policy: Policy, setup: VcpuSetup, host: HostState | None = None
    ) -> None:
        super().__init__(host if host is not None else infer_host(values), policy, setup)
        self.given = dict(values)
        for reg_id in (*ID_SPACE, CTR):
            if reg_id in values:
                self._limits[reg_id] = (values[reg_id], ALL)
        self.listed = tuple(values)
        self.ssb_at_reset = values.get(WORKAROUND_2)

    def feature_values(self) -> dict[int, int]:
        return super().feature_values() | self.given

    @property
    def pmcr_counters(self) -> int:
        """PMCR_EL0.N of the fresh vCPU; 0 without a PMU."""
        return self.given.get(PMCR, 0) >> 11 & 0x1F


__all__ = ["BITMAPS", "FreshExposure", "infer_host"]
