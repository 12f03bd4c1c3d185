"""The gates behind KVM_SET_ONE_REG: one for each register that does more than store a value, one file for each gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import NamedTuple

from inspector.kvm.caches import fresh_ccsidr
from inspector.kvm.exposure import Exposure
from inspector.kvm.firmware import bitmaps, workarounds
from inspector.kvm.gates.fixed_bits import FIXED_BITS, FixedBits
from inspector.kvm.gates.gate import Gate
from inspector.kvm.gates.pmu_pair import PAIR_OF, PmuPair
from inspector.kvm.gates.timer import CONTROLS, COUNTERS, EL2_CONTROLS, Counter, TimerControl
from inspector.policies.setup import Feature
from inspector.registers.encoding import ccsidr_id, is_demux
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CTR_EL0,
    EVENT_COUNTERS,
    ID_AA64DFR0_EL1,
    ID_DFR0_EL1,
    ID_SPACE,
    MIDR_EL1,
    OSLSR_EL1,
    PMCR_EL0,
    PMMIR_EL1,
    PMSWINC_EL0,
    PSCI_VERSION,
    PSTATE,
    REVIDR_EL1,
    SVE_VLS,
)

Maker = Callable[[Exposure, int], Gate]


@cache
def _class(file: str, name: str) -> type[Gate]:
    found: type[Gate] = getattr(import_module(f"{__name__}.{file}"), name)
    return found


def _of(file: str, name: str) -> Maker:
    """What makes the gates of one file, which is loaded with the first of them: most VMs have half of all kinds, and
    where nothing is judged none is made."""

    def make(exposure: Exposure, reg_id: int) -> Gate:
        return _class(file, name)(exposure, reg_id)

    return make


_BITMAP = _of("bitmap", "Bitmap")
_CCSIDR = _of("ccsidr", "Ccsidr")
_CLIDR = _of("clidr", "Clidr")
_COMPARED = _of("compared", "Compared")
_EVENT_COUNTER = _of("event_counter", "EventCounter")
_IGNORE = _of("ignore", "Ignore")
_IMPLEMENTATION = _of("implementation", "Implementation")
_INVARIANT = _of("invariant", "Invariant")
_MIRRORED = _of("mirrored", "Mirrored")
_OSLSR = _of("oslsr", "Oslsr")
_PLAIN = _of("plain", "Plain")
_PMCR = _of("pmcr", "Pmcr")
_PMMIR = _of("pmmir", "Pmmir")
_PSCI = _of("psci", "Psci")
_PSTATE = _of("pstate", "Pstate")
_SOFTWARE_INCREMENT = _of("ignore", "SoftwareIncrement")
_STORED = _of("stored", "Stored")
_VECTOR_LENGTHS = _of("vector_lengths", "VectorLengths")
_WORKAROUND = _of("workaround", "Workaround")


def _id_gate(exposure: Exposure, reg_id: int) -> Gate:
    """The gate of a register of the ID space."""
    if exposure.ignores_writes(reg_id):
        return _IGNORE(exposure, reg_id)
    if exposure.book.variant("id-registers") == "stored":
        return _STORED(exposure, reg_id)
    mirrored = exposure.book.variant("pmu-version") == "v8.5-mirrored" and reg_id in (ID_AA64DFR0_EL1, ID_DFR0_EL1)
    return _MIRRORED(exposure, reg_id) if mirrored else _COMPARED(exposure, reg_id)


@lru_cache(maxsize=32)
def gates(exposure: Exposure) -> Gates:
    """Register id -> gate, for every listed register that is not plain storage of no interest."""
    caches = dict.fromkeys(map(ccsidr_id, fresh_ccsidr(exposure)), _INVARIANT if exposure.raw_caches else _CCSIDR)
    listed = exposure.listed_set
    return Gates(exposure, {i: make for i, make in {**_makers(exposure), **caches}.items() if i in listed})


def gate_of(exposure: Exposure, reg_id: int) -> Gate | None:
    """The gate of one listed register, made without the table of all where it is none of a cache."""
    if is_demux(reg_id):
        return gates(exposure).find(reg_id)
    make = _makers(exposure).get(reg_id)
    return None if make is None else make(exposure, reg_id)


def _makers(exposure: Exposure) -> Mapping[int, Maker]:
    """Register id -> what makes its gate, whether it is listed or not; those of the caches are not among them."""
    book = exposure.book
    return _made_by(
        _Traits(
            workarounds=workarounds(exposure),
            bitmaps=bitmaps(exposure),
            raw_caches=exposure.raw_caches,
            counts_in_pmcr=exposure.counts_in_pmcr,
            stored_ctr=book.variant("ctr") == "stored",
            writable_ids=book.variant("implementation-ids") == "writable",
            masked_pmu=book.variant("pmu-reset") != "poison",
            counter_reads=book.has("event-counter-reads"),
            stored_controls=book.has("timer-controls-stored"),
            nested=exposure.setup.has(Feature.EL2),
        )
    )


class _Traits(NamedTuple):
    """What kernels differ in, as far as it decides which gate a register has."""

    workarounds: tuple[int, ...]
    """ids of firmware registers that exist"""
    bitmaps: tuple[int, ...]
    """the same of KVM's hypercall bitmaps"""
    raw_caches: bool
    counts_in_pmcr: bool
    stored_ctr: bool
    writable_ids: bool
    masked_pmu: bool
    counter_reads: bool
    stored_controls: bool
    nested: bool
    """the vCPU has EL2"""


@lru_cache(maxsize=128)
def _made_by(kernel: _Traits) -> dict[int, Maker]:
    """The same, made once for kernels that do not differ in it."""
    makers: dict[int, Maker] = {
        **dict.fromkeys(ID_SPACE, _id_gate),
        CTR_EL0: _STORED if kernel.stored_ctr else _INVARIANT,
        **dict.fromkeys((MIDR_EL1, REVIDR_EL1, AIDR_EL1), _IMPLEMENTATION if kernel.writable_ids else _INVARIANT),
        CLIDR_EL1: _INVARIANT if kernel.raw_caches else _CLIDR,
        OSLSR_EL1: _OSLSR,
        PMCR_EL0: _PMCR if kernel.counts_in_pmcr else _PLAIN,
        PMMIR_EL1: _PMMIR,
        PSCI_VERSION: _PSCI,
        PSTATE: _PSTATE,
        SVE_VLS: _VECTOR_LENGTHS,
        **dict.fromkeys(kernel.workarounds, _WORKAROUND),
        **dict.fromkeys(kernel.bitmaps, _BITMAP),
        **dict.fromkeys(PAIR_OF, PmuPair),
        **dict.fromkeys(COUNTERS, Counter),
        **dict.fromkeys(CONTROLS, TimerControl),
    }
    if kernel.masked_pmu:
        makers[PMSWINC_EL0] = _SOFTWARE_INCREMENT
    if kernel.counter_reads:
        makers |= dict.fromkeys(EVENT_COUNTERS, _EVENT_COUNTER)
    if kernel.stored_controls:
        makers |= dict.fromkeys(EL2_CONTROLS, TimerControl)
    if kernel.nested:
        makers |= dict.fromkeys(FIXED_BITS, FixedBits)
    return makers


class Gates(Mapping[int, Gate]):
    """Register id -> gate; each is made when it is first asked for, since many a question is about one register."""

    def __init__(self, exposure: Exposure, makers: Mapping[int, Maker]) -> None:
        self._exposure, self._makers = exposure, makers
        self._made: dict[int, Gate] = {}

    def __getitem__(self, reg_id: int) -> Gate:
        made = self._made.get(reg_id)
        if made is None:
            made = self._made[reg_id] = self._makers[reg_id](self._exposure, reg_id)
        return made

    def find(self, reg_id: int) -> Gate | None:
        """The gate of a register; None where there is none."""
        made = self._made.get(reg_id)
        return made if made is not None or reg_id not in self._makers else self[reg_id]

    def __contains__(self, reg_id: object) -> bool:
        return reg_id in self._makers

    def __iter__(self) -> Iterator[int]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
