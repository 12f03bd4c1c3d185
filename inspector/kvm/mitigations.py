"""The Spectre, Spectre-BHB and Spectre-v4 states of a host, as KVM's firmware pseudo-registers show them.

kvm_arm_get_fw_reg() and get_kernel_wa_level() (arch/arm64/kvm/hypercalls.c) over arch/arm64/kernel/proton-pack.c, which
judge Spectre v2 and v4 alike from v5.10 to v7.3. What decides besides registers, lists of cores and the command line is
what the firmware answers to SMCCC_ARCH_FEATURES. Nothing but a level that one of the host's kernels showed tells that,
so every answer that agrees with what was shown is asked for the level that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product, starmap

import msgspec

from inspector.kvm.cpus import (
    BHB_FIRMWARE,
    BHB_LOOP,
    BHB_LOOP_LATER,
    BHB_LOOP_PERHAPS,
    BHB_SAFE,
    SPECTRE_V2_AFFECTED,
    SPECTRE_V2_SAFE,
    SSB_SAFE,
    core_name,
    meltdown_safe,
)
from inspector.kvm.host import HostState
from inspector.registers.ids import (
    ID_AA64ISAR2_EL1,
    ID_AA64MMFR1_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    MIDR_EL1,
    WORKAROUND_1,
    WORKAROUND_2,
    WORKAROUND_3,
)

CORE_BITS = 0xFF << 24 | 0xFFF << 4
"""MIDR_EL1: implementer and part number, by which the kernel's lists name a core."""
_V2, _BHB, _SSB = "spectre-v2", "bhb", "ssb"
NOT_AVAILABLE, AVAILABLE, NOT_REQUIRED = 0, 1, 2
SSBD_NOT_REQUIRED = 3
_DECIDING = {
    WORKAROUND_1: ((ID_AA64PFR0_EL1, 0xF << 56),),
    WORKAROUND_2: ((ID_AA64PFR1_EL1, 0xF << 4),),
    WORKAROUND_3: ((ID_AA64PFR0_EL1, 0xF << 56), (ID_AA64MMFR1_EL1, 0xF << 60), (ID_AA64ISAR2_EL1, 0xF << 28)),
}
"""Workaround register -> the fields of the host that decide it besides the core's name: CSV2, SSBS, ECBHB, CLRBHB"""
_NOTHING: frozenset[str] = frozenset()
_EVERY = frozenset((_V2, _BHB, _SSB))
_Off = tuple[frozenset[str], frozenset[str]]
"""The mitigations that were off when a level was shown, and those that are off where it is asked for"""


def decided(host: HostState, reg_id: int) -> bool:
    """True when the core and all fields are known that decide the level of a workaround register, the same way for
    every kernel that judges cores alike."""
    fields = ((MIDR_EL1, CORE_BITS), *_DECIDING[reg_id])
    apart = reg_id == WORKAROUND_3 and core_name(host.value(MIDR_EL1)) in BHB_LOOP_PERHAPS
    return not apart and all(host.knows(one, mask) for one, mask in fields)


def spectre_v2_level(host: HostState) -> int:
    """WORKAROUND_1, as far as it is known or assumed: without a firmware that helps."""
    return spectre_v2_levels(host)[0]


def spectre_v2_levels(host: HostState) -> tuple[int, ...]:
    """Every level of WORKAROUND_1 that is possible, the assumed one first: of an affected CPU the firmware decides."""
    return _v2_levels(_seen(host))


def spectre_v2_unaffected(host: HostState) -> bool:
    """The state under which ID_AA64PFR0_EL1.CSV2 defaults to 1."""
    return spectre_v2_level(host) == NOT_REQUIRED


def spectre_v2_settled(host: HostState) -> bool:
    """True when it is known whether the host is affected."""
    levels = spectre_v2_levels(host)
    return NOT_REQUIRED not in levels or len(levels) == 1


def meltdown_settled(host: HostState) -> bool:
    """True when it is known whether the host is affected by Meltdown (unmap_kernel_at_el0(), cpufeature.c)."""
    csv3 = host.could_be(ID_AA64PFR0_EL1, 0xF << 60)
    named = host.knows(MIDR_EL1, CORE_BITS)
    if host.meltdown_safe is not None or 0 not in csv3:
        return True
    return named and (meltdown_safe(host.value(MIDR_EL1)) or csv3 == (0,))


def ssb_level(host: HostState, ssbs: int) -> int:
    """WORKAROUND_2 while ID_AA64PFR1_EL1.SSBS reads as `ssbs` (the host's field up to 6.11, the VM's from 6.12)."""
    return ssb_levels(host, ssbs)[0]


def ssb_levels(host: HostState, ssbs: int) -> tuple[int, ...]:
    """Every level of WORKAROUND_2 that is possible, the assumed one first: without SSBS, and where the mitigation is
    off, the firmware decides."""
    return (host.ssb,) if host.ssb is not None else _ssb_levels(_seen(host), bool(ssbs))


def bhb_levels(
    host: HostState, unknown_is_safe: bool, same_kernel: bool = False, by_bc: bool = False
) -> tuple[int, ...]:
    """Every level of WORKAROUND_3 that is possible, the assumed one first: without a firmware that helps.

    `unknown_is_safe`: kernels before v6.15 and the stable ones of its day take a CPU as unaffected that is on no list
    and has neither CLRBHB nor a firmware that offers the call. `same_kernel`: it is one that does as the kernel that
    showed the host's levels. `by_bc`: it looks for CLRBHB in the place of BC.
    """
    return _bhb_levels(_seen(host), unknown_is_safe, same_kernel, by_bc)


_REGISTERS = MIDR_EL1, ID_AA64PFR0_EL1, ID_AA64PFR1_EL1, ID_AA64MMFR1_EL1, ID_AA64ISAR2_EL1


class _Shown(msgspec.Struct, frozen=True):
    """ShownLevels without the kernel's rules."""

    spectre_v2: int | None
    ssb: int | None
    bhb: int | None
    ssbs: int
    unknown_core_is_safe: bool
    clearing_by_bc: bool
    off: frozenset[str] | None


class _Seen(msgspec.Struct, frozen=True):
    """What decides of a host, by which answers are kept: every kernel that is asked about it asks for them."""

    registers: tuple[tuple[int, int, int], ...]
    """(value, known bits, those of which it is the least) of _REGISTERS"""
    spectre_v2: int | None
    bhb: int | None
    off: frozenset[str]
    shown: _Shown | None
    cmdline_given: bool

    def field(self, reg_id: int, lsb: int) -> tuple[int, ...]:
        """What a field may be, the host's value first where it may be that."""
        return _could_be(reg_id, lsb, *self.registers[_REGISTERS.index(reg_id)])

    @property
    def name(self) -> str:
        """The core's, empty for one of no list."""
        return core_name(self.registers[0][0])

    @property
    def named(self) -> bool:
        """Whether the core is known."""
        return self.registers[0][1] & CORE_BITS == CORE_BITS

    @property
    def offs(self) -> tuple[tuple[_Off, ...], ...]:
        """What the command lines may have switched off when levels were shown and where they are asked for: groups in
        turn, of which the first counts that agrees with what was shown.

        A saved VM does not tell the command line that its kernel had. It is taken for that of the host that is asked
        about, which may have switched everything off where no other reason for a level is left; unless the user gives
        one.
        """
        if self.shown is None:
            return (((_NOTHING, self.off),),)
        if self.shown.off is not None:
            return (((self.shown.off, self.off),),)
        if self.cmdline_given:
            return (((_NOTHING, self.off), (_EVERY, self.off)),)
        return (((self.off, self.off),), ((_EVERY, _EVERY),))


def _seen(host: HostState) -> _Seen:
    values, known, least = host.values, host.known, host.at_least
    told = host.shown
    shown = None
    if told is not None:
        shown = _Shown(
            told.spectre_v2, told.ssb, told.bhb, told.ssbs, told.unknown_core_is_safe, told.clearing_by_bc, told.off
        )
    return _Seen(
        tuple([(values.get(i, 0), known.get(i, 0), least.get(i, 0)) for i in _REGISTERS]),
        host.spectre_v2, host.bhb, host.mitigations_off, shown, "cmdline" in host.given,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _could_be(reg_id: int, lsb: int, value: int, known: int, least: int) -> tuple[int, ...]:
    host = HostState(values={reg_id: value}, known={reg_id: known}, at_least={reg_id: least})
    own = value >> lsb & 0xF
    return tuple(sorted(host.could_be(reg_id, 0xF << lsb), key=lambda one: one != own))


def _flags(values: tuple[int, ...]) -> tuple[bool, ...]:
    """Whether a field may be other than 0, and may be 0, in that order where it is assumed so."""
    return tuple(dict.fromkeys(map(bool, values)))


class _V2Facts(msgspec.Struct, frozen=True):
    """What decides Spectre v2, as far as it is known; the assumed value of each first."""

    unaffected: tuple[bool, ...]
    """by CSV2 or the list of safe cores"""
    firmware: tuple[int, ...]
    """the level that its answer to SMCCC_ARCH_WORKAROUND_1 makes of an affected CPU"""

    def level(self, unaffected: bool, firmware: int, off: frozenset[str]) -> int:
        """spectre_v2_enable_mitigation(): firmware that calls the CPU unaffected is believed, whatever is off."""
        if unaffected:
            return NOT_REQUIRED
        return NOT_AVAILABLE if firmware == AVAILABLE and _V2 in off else firmware


class _BhbHost(msgspec.Struct, frozen=True):
    """One host that may be, as Spectre-BHB sees it."""

    safe: bool
    """on the list of safe cores; older kernels name none, and take what they do not list for it"""
    csv2: int
    """0: none, 1: CSV2, 2: CSV2_3 or newer"""
    ecbhb: bool
    clrbhb: bool
    bc: bool
    by_firmware: bool
    """on the list of cores that only firmware mitigates"""
    calls: bool
    """firmware offers SMCCC_ARCH_WORKAROUND_3"""

    def level(self, v2: int, listed: bool, unknown_is_safe: bool, by_bc: bool, off: frozenset[str]) -> int:
        """is_spectre_bhb_affected() and spectre_bhb_enable_mitigation()."""
        clears = self.bc if by_bc else self.clrbhb
        if self.csv2 == 2 or self.safe:
            return NOT_REQUIRED
        if unknown_is_safe and not (clears or listed or self.by_firmware or self.calls):
            return NOT_REQUIRED
        if v2 == NOT_AVAILABLE or _BHB in off:
            return NOT_AVAILABLE
        return AVAILABLE if self.ecbhb or clears or listed or self.calls else NOT_AVAILABLE


def _v2_facts(seen: _Seen) -> _V2Facts:
    csv2, safe = _flags(seen.field(ID_AA64PFR0_EL1, 56)), seen.name in SPECTRE_V2_SAFE
    if seen.named:
        unaffected = (True,) if safe else csv2
    else:
        unaffected = csv2 if csv2 == (True,) else (safe or csv2[0], not (safe or csv2[0]))
    affected = seen.named and seen.name in SPECTRE_V2_AFFECTED
    return _V2Facts(unaffected, (NOT_AVAILABLE, AVAILABLE) if affected else (NOT_AVAILABLE, AVAILABLE, NOT_REQUIRED))


def _agreeing(seen: _Seen, pairs: Callable[[_Off], Iterator[tuple[int, bool]]]) -> tuple[int, ...]:
    """The levels of every host that agrees with what was shown; none where no host of these registers does.

    `pairs`: (level, whether the same host shows what was shown) of every host that may be.
    """
    for group in seen.offs:
        found = [level for off in group for level, agrees in pairs(off) if agrees]
        if found:
            return tuple(dict.fromkeys(found))
    return ()


@lru_cache(maxsize=256)
def _v2_levels(seen: _Seen) -> tuple[int, ...]:
    if seen.spectre_v2 is not None:
        return (NOT_AVAILABLE if seen.spectre_v2 == AVAILABLE and _V2 in seen.off else seen.spectre_v2,)
    facts, told = _v2_facts(seen), seen.shown and seen.shown.spectre_v2

    def pairs(off: _Off) -> Iterator[tuple[int, bool]]:
        for one in product(facts.unaffected, facts.firmware):
            yield facts.level(*one, off[1]), told in (None, facts.level(*one, off[0]))

    return _agreeing(seen, pairs) or (told or NOT_AVAILABLE,)


@lru_cache(maxsize=256)
def _ssb_levels(seen: _Seen, ssbs: bool) -> tuple[int, ...]:
    safe = seen.name in SSB_SAFE
    hosts = product(
        (safe,) if seen.named else (safe, not safe),
        _flags(seen.field(ID_AA64PFR1_EL1, 4)),
        (NOT_AVAILABLE, AVAILABLE, NOT_REQUIRED),
    )
    every, told = tuple(hosts), seen.shown and seen.shown.ssb
    ssbs_then = bool(seen.shown and seen.shown.ssbs)

    def pairs(off: _Off) -> Iterator[tuple[int, bool]]:
        for one in every:
            yield _ssb_of(*one, ssbs, off[1]), told in (None, _ssb_of(*one, ssbs_then, off[0]))

    return _agreeing(seen, pairs) or (told or NOT_AVAILABLE,)


def _ssb_of(safe: bool, host_ssbs: bool, firmware: int, ssbs: bool, off: frozenset[str]) -> int:
    """spectre_v4_enable_mitigation(), and the level, which leaves out what SSBS mitigates while it is shown (`ssbs`).

    `firmware`: 0 does not help, 1 offers the call, 2 says that none is required.
    """
    switched = _SSB in off
    if safe or (firmware == NOT_REQUIRED and (switched or not host_ssbs)):
        return SSBD_NOT_REQUIRED
    if switched or not (host_ssbs or firmware):
        return NOT_AVAILABLE
    return NOT_AVAILABLE if ssbs else SSBD_NOT_REQUIRED


@lru_cache(maxsize=256)
def _bhb_levels(seen: _Seen, unknown_is_safe: bool, same_kernel: bool, by_bc: bool) -> tuple[int, ...]:
    given, shown = seen.bhb, seen.shown
    if given is not None:
        weak = _BHB in seen.off or _v2_levels(seen) == (NOT_AVAILABLE,)
        return (NOT_AVAILABLE if given == AVAILABLE and weak else given,)
    told = shown and shown.bhb
    told_v2 = shown.spectre_v2 if shown and seen.spectre_v2 is None else None
    older = shown is not None and shown.unknown_core_is_safe
    older_by_bc = shown is not None and shown.clearing_by_bc
    facts, lists = _v2_facts(seen), _listed(seen, unknown_is_safe)
    csv2 = tuple(dict.fromkeys(2 if value >= 3 else min(value, 1) for value in seen.field(ID_AA64PFR0_EL1, 56)))
    features = [_flags(seen.field(*place)) for place in ((ID_AA64MMFR1_EL1, 60), (ID_AA64ISAR2_EL1, 28))]
    features.append(_flags(seen.field(ID_AA64ISAR2_EL1, 20)) if by_bc or older_by_bc else (False,))
    safe = (seen.name in BHB_SAFE,) if seen.named else (False, True)
    firmware_only = (seen.name in BHB_FIRMWARE,)
    hosts = tuple(starmap(_BhbHost, product(safe, csv2, *features, firmware_only, (False, True))))

    def pairs(off: _Off) -> Iterator[tuple[int, bool]]:
        for unaffected, firmware in product(facts.unaffected, facts.firmware):
            then, now = (facts.level(unaffected, firmware, one) for one in off)
            if told_v2 not in (None, then):
                continue
            now = now if seen.spectre_v2 is None else _v2_levels(seen)[0]
            for one, listed in product(hosts, lists):
                if one.csv2 and not unaffected:
                    continue
                before = (listed,) if same_kernel else _listed(seen, older)
                agrees = told is None or told in [one.level(then, was, older, older_by_bc, off[0]) for was in before]
                yield one.level(now, listed, unknown_is_safe, by_bc, off[1]), agrees

    return _agreeing(seen, pairs) or (told or NOT_AVAILABLE,)


def _listed(seen: _Seen, unknown_is_safe: bool) -> tuple[bool, ...]:
    """Whether a kernel has a count of loops for the core."""
    if not seen.named:
        return (False, True)
    if seen.name in (BHB_LOOP if unknown_is_safe else BHB_LOOP_LATER):
        return (True,)
    return (True, False) if seen.name in BHB_LOOP_PERHAPS else (False,)
