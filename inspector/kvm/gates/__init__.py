"""The gates behind KVM_SET_ONE_REG: one for each register that does more than store a value, one file for each gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from inspector.kvm.caches import fresh_ccsidr
from inspector.kvm.exposure import Exposure
from inspector.kvm.firmware import bitmaps, workaround_levels
from inspector.kvm.gates.bitmap import Bitmap
from inspector.kvm.gates.ccsidr import Ccsidr
from inspector.kvm.gates.clidr import Clidr
from inspector.kvm.gates.compared import Compared
from inspector.kvm.gates.gate import Gate
from inspector.kvm.gates.ignore import Ignore
from inspector.kvm.gates.implementation import Implementation
from inspector.kvm.gates.invariant import Invariant
from inspector.kvm.gates.mirrored import Mirrored
from inspector.kvm.gates.oslsr import Oslsr
from inspector.kvm.gates.plain import Plain
from inspector.kvm.gates.pmcr import Pmcr
from inspector.kvm.gates.pmu_pair import PAIR_OF, PmuPair
from inspector.kvm.gates.psci import Psci
from inspector.kvm.gates.stored import Stored
from inspector.kvm.gates.timer import CONTROLS, COUNTERS, Counter, TimerControl
from inspector.kvm.gates.workaround import Workaround
from inspector.registers.encoding import ccsidr_id
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CTR_EL0,
    ID_AA64DFR0_EL1,
    ID_DFR0_EL1,
    ID_SPACE,
    MIDR_EL1,
    OSLSR_EL1,
    PMCR_EL0,
    PSCI_VERSION,
    REVIDR_EL1,
)


def _id_gate(exposure: Exposure, reg_id: int) -> Gate:
    """The gate of a register of the ID space."""
    if exposure.ignores_writes(reg_id):
        return Ignore(exposure, reg_id)
    if exposure.book.variant("id-registers") == "stored":
        return Stored(exposure, reg_id)
    mirrored = exposure.book.variant("pmu-version") == "v8.5-mirrored" and reg_id in (ID_AA64DFR0_EL1, ID_DFR0_EL1)
    return Mirrored(exposure, reg_id) if mirrored else Compared(exposure, reg_id)


@lru_cache(maxsize=32)
def gates(exposure: Exposure) -> Gates:
    """Register id -> gate, for every listed register that is not plain storage of no interest."""
    book, raw = exposure.book, exposure.raw_caches
    implementation = Implementation if book.variant("implementation-ids") == "writable" else Invariant
    kinds: dict[int, type[Gate]] = {
        CTR_EL0: Stored if book.variant("ctr") == "stored" else Invariant,
        **dict.fromkeys((MIDR_EL1, REVIDR_EL1, AIDR_EL1), implementation),
        CLIDR_EL1: Invariant if raw else Clidr,
        **{ccsidr_id(csselr): Invariant if raw else Ccsidr for csselr in fresh_ccsidr(exposure)},
        OSLSR_EL1: Oslsr,
        PMCR_EL0: Pmcr if exposure.counts_in_pmcr else Plain,
        PSCI_VERSION: Psci,
        **dict.fromkeys(workaround_levels(exposure), Workaround),
        **dict.fromkeys(bitmaps(exposure), Bitmap),
        **dict.fromkeys(PAIR_OF, PmuPair),
        **dict.fromkeys(COUNTERS, Counter),
        **dict.fromkeys(CONTROLS, TimerControl),
    }
    listed = exposure.listed_set
    makers: dict[int, Callable[[Exposure, int], Gate]] = {i: _id_gate for i in ID_SPACE if i in listed}
    return Gates(exposure, makers | {reg_id: kind for reg_id, kind in kinds.items() if reg_id in listed})


class Gates(Mapping[int, Gate]):
    """Register id -> gate; each is made when it is first asked for, since many a question is about one register."""

    def __init__(self, exposure: Exposure, makers: Mapping[int, Callable[[Exposure, int], Gate]]) -> None:
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
