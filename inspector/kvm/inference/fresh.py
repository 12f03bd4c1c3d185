"""A kernel's view of a host of which only a fresh vCPU's registers are known: what KVM shows is its own limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

import msgspec

from inspector.kvm.exposure import Exposure
from inspector.kvm.firmware import shown_levels
from inspector.kvm.host import HostState
from inspector.kvm.listing import Membership
from inspector.kvm.vm import Vm
from inspector.policies.model import Policy
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL, Partial
from inspector.registers.encoding import is_demux
from inspector.registers.ids import (
    AARCH32_IDS,
    CTR_EL0,
    ID_AA64MMFR2_EL1,
    ID_AA64PFR0_EL1,
    ID_DFR0_EL1,
    ID_MMFR4_EL1,
    ID_PFR0_EL1,
    ID_SPACE,
    PMCR_EL0,
)

_CAPABILITIES = ("sve", "ptrauth_address", "ptrauth_generic", "pmu_v3", "el1_32bit", "mte", "el2", "el2_e2h0")


def infer_host(values: Mapping[int, int], policy: Policy) -> HostState:
    """The host-dependent inputs that a fresh vCPU's registers tell; its ID registers stand for the host's.

    A vCPU that exists proves the capabilities that its creation needed. `policy`: the kernel that showed them. Its
    ID_AA64PFR0_EL1.CSV3 is its verdict on Meltdown from v5.11 on; before, it is the CPU's own field.
    """
    pfr0 = values.get(ID_AA64PFR0_EL1)
    own_field = rulebook(policy).variant("speculation-fields") == "csv2"
    return HostState(
        values=dict(values), known=dict.fromkeys(values, ALL),
        ccsidr={i & 0xFF: v for i, v in values.items() if is_demux(i)}, sanitised=True,
        shown=shown_levels(values, policy), meltdown_safe=None if pfr0 is None or own_field else pfr0 >> 60 & 0xF == 1,
        vgic="v3" if pfr0 is None or pfr0 >> 24 & 0xF else "none",
        vgic_known=pfr0 is not None,
        capabilities=dict.fromkeys(_CAPABILITIES, 1), aarch32=_aarch32(values),
    )  # fmt: skip


def _aarch32(values: Mapping[int, int]) -> bool | None:
    """Whether the host has AArch32 at EL0: its ID registers show it even where a vCPU with EL2 has an
    ID_AA64PFR0_EL1 of its own."""
    if ID_PFR0_EL1 in values:
        return any(values.get(reg_id) for reg_id in AARCH32_IDS if reg_id != ID_DFR0_EL1)
    return values[ID_AA64PFR0_EL1] & 0xF == 2 if ID_AA64PFR0_EL1 in values else None


def hidden_ccidx(values: Mapping[int, int], ccsidr: Mapping[int, int], policy: Policy) -> dict[int, int]:
    """Register id -> mask of CCIDX fields that read as zero although the host has FEAT_CCIDX; empty where not known.

    A kernel that passes the hardware's CCSIDR_EL1 through gives its form away: the low half of the 64-bit layout holds
    no number of sets, so in the 32-bit layout every cache would have several ways and a single set. The field of
    ID_MMFR4_EL1 goes with that of ID_AA64MMFR2_EL1 where the host has AArch32.
    """
    if rulebook(policy).variant("cache-registers") != "raw" or not ccsidr:
        return {}
    if any(word >> 13 for word in ccsidr.values()) or not any(word >> 3 for word in ccsidr.values()):
        return {}
    fields = {ID_AA64MMFR2_EL1: 0xF << 20} | ({ID_MMFR4_EL1: 0xF << 24} if _aarch32(values) else {})
    return {reg_id: mask for reg_id, mask in fields.items() if reg_id in values and not values[reg_id] & mask}


def with_fields_set(values: Mapping[int, int], masks: Mapping[int, int]) -> dict[int, int]:
    """`values` with each field of `masks` set to 1."""
    return dict(values) | {reg_id: values[reg_id] | mask & -mask for reg_id, mask in masks.items()}


class FreshExposure(Exposure):
    """An exposure whose limits are the given values instead of being computed from a host.

    `inferred`: hidden fields of the host that other registers give away (`hidden_ccidx`). `unread`: ids that are listed
    too, of which no value is known.
    """

    def __init__(
        self,
        values: Mapping[int, int],
        policy: Policy,
        setup: VcpuSetup,
        host: HostState | None = None,
        unread: Collection[int] = (),
    ) -> None:
        self.inferred: dict[int, int] = {}
        hidden = host is None
        if host is None:
            host = infer_host(values, policy)
            self.inferred = hidden_ccidx(values, host.ccsidr, policy)
            host = msgspec.structs.replace(host, values=with_fields_set(values, self.inferred))
        super().__init__(host, policy, setup)
        self.hidden_host = hidden
        self.given = dict(values)
        for reg_id in (*ID_SPACE, CTR_EL0):
            if reg_id in values:
                self.limits[reg_id] = Partial(values[reg_id])
        self.read = self.limits
        self.unread = frozenset(unread)
        self.listed = (*values, *unread)

    @cached_property
    def pmcr_counters(self) -> int:
        return (self.given if PMCR_EL0 in self.given else self.host.values).get(PMCR_EL0, 0) >> 11 & 0x1F

    @property
    def aarch32_quirk_known(self) -> int:
        """What was read is known."""
        return ALL if ID_DFR0_EL1 in self.given else super().aarch32_quirk_known

    def relimit(self, reg_id: int) -> Partial:
        """A limit that was read does not change with what is supposed of the host."""
        return self.read[reg_id]

    def feature_values(self) -> dict[int, int]:
        return super().feature_values() | self.given

    @cached_property
    def underivable(self) -> dict[int, str]:
        return super().underivable | dict.fromkeys(self.unread, "The dump lists the register without its value.")

    def _known(self, reg_id: int) -> int:
        if reg_id in self.unread:
            return 0
        return ALL if reg_id in self.given else super()._known(reg_id)

    @cached_property
    def doubtful(self) -> dict[int, Membership]:
        """The list was read."""
        return {}


def fresh_vm(
    values: Mapping[int, int],
    policy: Policy,
    setup: VcpuSetup,
    vcpus: int = 1,
    *,
    host: HostState | None = None,
    unread: Collection[int] = (),
) -> Vm:
    """A VM of which only the registers of a fresh vCPU of the same configuration are known.

    `values`: register id -> KVM_GET_ONE_REG right after creation; the limit of every later write. `host`, where known,
    adds what a fresh vCPU does not show: the old values that some kernels tolerate, and the guest's view. `unread`: ids
    that the vCPU lists as well, of which no value is known.
    """
    exposure = FreshExposure(values, policy, setup, host, unread)
    return Vm(exposure.host, policy, setup, vcpus, exposure=exposure)
