"""The handlers behind KVM_SET_ONE_REG: one gate for each register that does more than store a value.

A gate's `decide` answers with an errno and stores what is accepted. ID registers of v6.5 and later are judged by
precomputed bitmaps: for each field, which values a write may hold.
"""

from __future__ import annotations

from errno import EBUSY, EINVAL
from typing import TYPE_CHECKING

from inspector.kvm.fabricated import ccsidr_refused, clidr_refused
from inspector.kvm.firmware import BITMAPS, bitmaps, psci_versions, workaround_levels
from inspector.kvm.mitigations import spectre_v2_unaffected
from inspector.policies import model
from inspector.policies.rulebook import Hook
from inspector.policies.setup import Feature
from inspector.registers import ids as ids
from inspector.registers.bits import ALL, ones
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_AA64PFR0_EL1,
    ID_DFR0_EL1,
    ID_SPACE,
    MIDR_EL1,
    OSLSR_EL1,
    PMCR_EL0,
    REVIDR_EL1,
)

if TYPE_CHECKING:
    from inspector.kvm.exposure import Exposure
    from inspector.kvm.vm import Vcpu

CSV2, CSV3 = 0xF << 56, 0xF << 60


class Gate:
    """Judges writes of one register. This one takes anything and drops it (writes ignored)."""

    __slots__ = ("exposure", "reg_id")
    kind = "ignore"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        self.exposure, self.reg_id = exposure, reg_id

    def decide(self, vcpu: Vcpu, value: int) -> int:
        """The errno; an accepted value is stored."""
        return 0


class Plain(Gate):
    """Stored on the vCPU as it is, at any time."""

    __slots__ = ()
    kind = "plain"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        vcpu.own[self.reg_id] = value
        return 0


class Invariant(Gate):
    """Only the value that KVM shows, at any time."""

    __slots__ = ()
    kind = "invariant"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        return 0 if value == vcpu.value(self.reg_id) else EINVAL


class Hooked(Gate):
    """An ID register whose written value passes hooks first."""

    __slots__ = ("hooks", "host", "limit", "raz")

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        hooks = exposure.book.hooks.get(reg_id, ())
        self.hooks: tuple[Hook, ...] = tuple(hook for hook in hooks if exposure.applies(hook.rule))
        self.host = exposure.sanitised[reg_id][0]
        self.limit = exposure.limit(reg_id)
        self.raz = exposure.raz(reg_id) is not None

    def prepare(self, value: int) -> tuple[int, int, Hook | None]:
        """(value to check, bits to add once it is accepted, the hook that refuses it)."""
        extra = 0
        for hook in self.hooks:
            field = value & hook.mask
            match hook.rule:
                case model.Tolerate():
                    if field == self.host & hook.mask:
                        value &= ~hook.mask
                case model.Keep():
                    if field and field == self.host & hook.mask:
                        value, extra = value & ~hook.mask, extra | field
                case model.Replace(written=written, taken=taken):
                    if field >> hook.lsb == written:
                        value = value & ~hook.mask | taken << hook.lsb
                case model.Refuse():
                    if refuses(hook.rule, field >> hook.lsb, (self.limit & hook.mask) >> hook.lsb):
                        return value, extra, hook
                case _:
                    pass
        return value, extra, None


def refuses(rule: model.Refuse, field: int, limit: int) -> bool:
    """True when a refuse rule bars this value of the field that KVM offers as `limit`."""
    if rule.only_limit_or is not None and field != limit and field not in rule.only_limit_or:
        return True
    return field < rule.below or field in rule.values


class Compared(Hooked):
    """v5.10 to v6.4: an ID register has to be written as it reads; of ID_AA64PFR0_EL1, CSV2 (and CSV3) may change."""

    __slots__ = ("free", "meltdown_safe", "spectre_safe")
    kind = "compare"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.free = 0
        self.spectre_safe = spectre_v2_unaffected(exposure.host)
        self.meltdown_safe = exposure.host.meltdown_unaffected
        if reg_id == ID_AA64PFR0_EL1:
            self.free = CSV2 if exposure.book.variant("speculation-fields") == "csv2" else CSV2 | CSV3

    def decide(self, vcpu: Vcpu, value: int) -> int:
        value, extra, refused = self.prepare(value)
        if refused or (value ^ self.limit) & ~self.free & ALL:
            return EINVAL
        if self.free:
            csv2, csv3 = value >> 56 & 0xF, value >> 60
            if csv2 > 1 or (csv2 and not self.spectre_safe):
                return EINVAL
            if self.free & CSV3 and (csv3 > 1 or (csv3 and not self.meltdown_safe)):
                return EINVAL
        vcpu.vm.stored[self.reg_id] = value | extra
        return 0


class Mirrored(Hooked):
    """v6.2 to v6.4: ID_AA64DFR0_EL1.PMUVer and ID_DFR0_EL1.PerfMon are two faces of one VM-wide PMU version."""

    __slots__ = ("lsb", "pmu", "version")
    kind = "mirrored"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.pmu = exposure.setup.has(Feature.PMU)
        self.lsb = 8 if reg_id == ID_AA64DFR0_EL1 else 24
        host = exposure.sanitised[ID_AA64DFR0_EL1][0] >> 8 & 0xF
        self.version = 0 if host == 15 else min(host, 6)

    def field_accepted(self, field: int) -> bool:
        """True for a PMU version that a vCPU of this setup can have."""
        limit = self.version
        if self.reg_id == ID_DFR0_EL1:
            limit = 3 if limit == 1 else limit
            if field in (1, 2):
                return False
        if field != 15 and field > limit:
            return False
        return (field not in (0, 15)) == self.pmu

    def decide(self, vcpu: Vcpu, value: int) -> int:
        field = value >> self.lsb & 0xF
        if not self.field_accepted(field) or (value ^ self.limit) & ~(0xF << self.lsb) & ALL:
            return EINVAL
        version = 1 if self.reg_id == ID_DFR0_EL1 and field == 3 else field
        self._store(vcpu.vm.stored, version)
        return 0

    def _store(self, stored: dict[int, int], version: int) -> None:
        perfmon = 3 if version == 1 else version
        stored[ID_AA64DFR0_EL1] = stored[ID_AA64DFR0_EL1] & ~(0xF << 8) | version << 8
        if not self.exposure.raz(ID_DFR0_EL1):
            stored[ID_DFR0_EL1] = stored[ID_DFR0_EL1] & ~(0xF << 24) | perfmon << 24


class Stored(Hooked):
    """v6.5 and later: judged against KVM's limit field by field, stored on the VM, frozen by the first run."""

    __slots__ = ("fields", "fixed")
    kind = "stored"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        writable, _ = exposure.writable(reg_id)
        judged = [f for f in exposure.book.fields(reg_id) if f.mask & ~writable == 0]
        self.fixed = ALL & ~sum(f.mask for f in judged)
        self.fields = tuple((f.lsb, ones(f.width), f.allowed(f.extract(self.limit))) for f in judged)

    def decide(self, vcpu: Vcpu, value: int) -> int:
        extra = 0
        if self.hooks:
            value, extra, refused = self.prepare(value)
            if refused:
                return EINVAL
        vm = vcpu.vm
        if vm.ran:
            return 0 if value | extra == vm.stored[self.reg_id] else EBUSY
        if self.raz:
            return EINVAL if value else 0
        if (value ^ self.limit) & self.fixed:
            return EINVAL
        for lsb, mask, allowed in self.fields:
            if not allowed >> (value >> lsb & mask) & 1:
                return EINVAL
        vm.stored[self.reg_id] = value | extra
        return 0


class Implementation(Gate):
    """v6.15 and later: MIDR, REVIDR and AIDR are VM-wide; another value needs the capability, before the first run."""

    __slots__ = ()
    kind = "implementation"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        vm = vcpu.vm
        if value == vm.stored[self.reg_id]:
            return 0
        if not vm.setup.writable_imp_id:
            return EINVAL
        if vm.ran:
            return EBUSY
        if self.reg_id == MIDR_EL1 and value >> 32:
            return EINVAL
        vm.stored[self.reg_id] = value
        return 0


class Clidr(Gate):
    """v6.3 and later: per vCPU, at any time, within what the host's CTR_EL0 makes safe."""

    __slots__ = ()
    kind = "clidr"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        if clidr_refused(value, self.exposure.limit(CTR_EL0)):
            return EINVAL
        vcpu.own[CLIDR_EL1] = value
        return 0


class Ccsidr(Gate):
    """v6.3 and later: 32 bits per vCPU and CSSELR value, at any time; only the line size is judged."""

    __slots__ = ("csselr",)
    kind = "ccsidr"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.csselr = reg_id & 0xFF

    def decide(self, vcpu: Vcpu, value: int) -> int:
        value &= 0xFFFFFFFF
        if ccsidr_refused(value, self.exposure.limit(CTR_EL0), self.csselr):
            return EINVAL
        vcpu.own[self.reg_id] = value
        return 0


class Oslsr(Gate):
    """Only OSLK (bit 1) may be written, at any time."""

    __slots__ = ()
    kind = "oslsr"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        if (value ^ 8) & ~2 & ALL:
            return EINVAL
        vcpu.own[OSLSR_EL1] = value
        return 0


class Pmcr(Gate):
    """v6.7 and later: N goes down (VM-wide, before the first run), the low byte is kept, the rest is dropped."""

    __slots__ = ("long_counter",)
    kind = "pmcr"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.long_counter = 0 if exposure.host.has_aarch32 else 0x40

    def decide(self, vcpu: Vcpu, value: int) -> int:
        vm = vcpu.vm
        counters = value >> 11 & 0x1F
        if not vm.ran and counters <= self.exposure.pmcr_counters and not vm.setup.has(Feature.EL2):
            vm.counters = counters
        vcpu.own[PMCR_EL0] = value & 0xFF | self.long_counter
        return 0


class Psci(Gate):
    """The PSCI version, VM-wide, at any time, among those that the kernel knows."""

    __slots__ = ("versions",)
    kind = "psci"

    def __init__(self, exposure: Exposure, reg_id: int) -> None:
        super().__init__(exposure, reg_id)
        self.versions = psci_versions(exposure)

    def decide(self, vcpu: Vcpu, value: int) -> int:
        if value not in self.versions:
            return EINVAL
        vcpu.vm.stored[self.reg_id] = value
        return 0


class Workaround(Gate):
    """A mitigation level: a lower demand is accepted and not stored."""

    __slots__ = ()
    kind = "workaround"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        level = vcpu.value(self.reg_id)
        if self.reg_id != ids.WORKAROUND_2:
            return 0 if value <= level and value < 16 else EINVAL
        asked = value & 0xF
        if value & ~0x1F or (value & 0x10 and asked != 2) or asked > 3:
            return EINVAL
        return 0 if asked <= 1 or level == 3 else EINVAL


class Bitmap(Gate):
    """A hypercall bitmap, VM-wide: any subset of the supported bits, frozen by the first run."""

    __slots__ = ()
    kind = "bitmap"

    def decide(self, vcpu: Vcpu, value: int) -> int:
        vm = vcpu.vm
        if value & ~BITMAPS[self.reg_id]:
            return EINVAL
        if vm.ran and value != vm.stored[self.reg_id]:
            return EBUSY
        vm.stored[self.reg_id] = value
        return 0


def _id_gate(exposure: Exposure, reg_id: int) -> Gate:
    """The gate of a register of the ID space."""
    if exposure.ignores_writes(reg_id):
        return Gate(exposure, reg_id)
    if exposure.book.variant("id-registers") == "stored":
        return Stored(exposure, reg_id)
    mirrored = exposure.book.variant("pmu-version") == "v8.5-mirrored" and reg_id in (ID_AA64DFR0_EL1, ID_DFR0_EL1)
    return Mirrored(exposure, reg_id) if mirrored else Compared(exposure, reg_id)


def gates(exposure: Exposure) -> dict[int, Gate]:
    """Register id -> gate, for every listed register that is not plain storage of no interest."""
    if exposure.gate_cache is not None:
        return exposure.gate_cache
    book, listed = exposure.book, exposure.listed_set
    result: dict[int, Gate] = {reg_id: _id_gate(exposure, reg_id) for reg_id in ID_SPACE}
    result[CTR_EL0] = Stored(exposure, CTR_EL0) if book.variant("ctr") == "stored" else Invariant(exposure, CTR_EL0)
    writable = book.variant("implementation-ids") == "writable"
    for reg_id in (MIDR_EL1, REVIDR_EL1, AIDR_EL1):
        result[reg_id] = Implementation(exposure, reg_id) if writable else Invariant(exposure, reg_id)
    raw = book.variant("cache-registers") == "raw"
    result[CLIDR_EL1] = Invariant(exposure, CLIDR_EL1) if raw else Clidr(exposure, CLIDR_EL1)
    for csselr in exposure.ccsidr_defaults():
        reg_id = ccsidr_id(csselr)
        result[reg_id] = Invariant(exposure, reg_id) if raw else Ccsidr(exposure, reg_id)
    result[OSLSR_EL1] = Oslsr(exposure, OSLSR_EL1)
    result[PMCR_EL0] = Pmcr(exposure, PMCR_EL0) if book.variant("pmcr") == "counters" else Plain(exposure, PMCR_EL0)
    result[ids.PSCI_VERSION] = Psci(exposure, ids.PSCI_VERSION)
    result |= {reg_id: Workaround(exposure, reg_id) for reg_id in workaround_levels(exposure)}
    result |= {reg_id: Bitmap(exposure, reg_id) for reg_id in bitmaps(exposure)}
    exposure.gate_cache = {reg_id: gate for reg_id, gate in result.items() if reg_id in listed}
    return exposure.gate_cache
