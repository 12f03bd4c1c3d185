"""What a host's command line changes of it before KVM looks: ID register overrides and mitigations that are off.

The words and what each sets are rules of the policies (kinds boot and overridable): the aliases and fields of
arch/arm64/kernel/pi/idreg-override.c by release. An override holds where it is a safe value for the field
(init_cpu_ftr_reg(), arch/arm64/kernel/cpufeature.c); any other is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from inspector.kvm.host import HostState
from inspector.policies.model import Boot
from inspector.policies.rulebook import Override, Rulebook
from inspector.policies.setup import FEATURES
from inspector.registers.bits import ALL, extract, insert, mask_of
from inspector.registers.ids import (
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR1_EL1,
    ID_AA64MMFR2_EL1,
    ID_AA64MMFR4_EL1,
    ID_AA64PFR0_EL1,
    ID_AA64PFR1_EL1,
    ID_AA64SMFR0_EL1,
    ID_AA64ZFR0_EL1,
)

WHOLE = {(ID_AA64PFR0_EL1, 32): ID_AA64ZFR0_EL1, (ID_AA64PFR1_EL1, 24): ID_AA64SMFR0_EL1}
"""Fields (register, low bit) that take another register with them when they become zero: SVE and SME."""
VARANGE, VH, E2H0 = (ID_AA64MMFR2_EL1, 16), (ID_AA64MMFR1_EL1, 8), (27, 24)
GRANULES = {4096: (31, 28, 1, 0), 16384: (23, 20, 2, 1)}
"""Page size of the host -> its granule field in ID_AA64MMFR0_EL1: msb, lsb, the value of LPA2, the one below."""
SPEAKING = ("arm64.", "id_aa64", "kvm_arm.mode=", "mitigations=", "nospectre", "ssbd=")
"""How words begin that a user expects to change what a guest sees."""


_NO_OPTION = "not an option of this kernel, or none that guests see"
_ODD_CASE = f"{_NO_OPTION}: the kernel tells upper and lower case apart"


class Effect(NamedTuple):
    """One word of a command line and what becomes of it."""

    word: str
    text: str
    """what it does to this host, or why nothing"""


class Option(NamedTuple):
    """A word that a kernel understands and that changes what its guests see."""

    word: str
    reason: str


def options_of(book: Rulebook) -> tuple[Option, ...]:
    """The words that one kernel understands, in the order of their names; `id_aa64....field=N` aside."""
    rules = [rule for rule in book.policy.rules if isinstance(rule, Boot)]
    return tuple(Option(rule.option, rule.reason) for rule in sorted(rules, key=lambda rule: rule.option))


def has_word(cmdline: str, word: str) -> bool:
    """True when a command line holds this option."""
    return _plain(word) in map(_plain, words_of(cmdline))


def with_toggled(cmdline: str, word: str) -> str:
    """The command line with an option added or taken away; another value of the same parameter goes."""
    words = words_of(cmdline)
    rest = cmdline.split()[len(words) :]
    if has_word(cmdline, word):
        kept = [one for one in words if _plain(one) != _plain(word)]
    else:
        name, sign, _ = _plain(word).partition("=")
        kept = [one for one in words if not sign or _plain(one).partition("=")[0] != name] + [word]
    return " ".join([*kept, *rest])


def _plain(word: str) -> str:
    """A word as the kernel compares it: `-` and `_` are one, upper and lower case are not (parameq(), params.c)."""
    return word.replace("-", "_")


def words_of(cmdline: str) -> list[str]:
    """The parameters of a command line, up to a `--`: the kernel takes `-` and `_` in them as one."""
    words = cmdline.split()
    return words[: words.index("--")] if "--" in words else words


def overrides_of(book: Rulebook, word: str) -> tuple[Override, ...] | None:
    """What one word overrides under this kernel; None for a word that it does not know."""
    plain = _plain(word)
    if rule := book.boot.get(plain):
        return rule
    name, _, number = plain.partition("=")
    place = book.overridable.get(name)
    digit = number.lower().removeprefix("0x")
    if place is None or len(digit) != 1 or digit not in "0123456789abcdef":
        return None
    return (place._replace(value=int(digit, 16)),)


def booted(host: HostState, book: Rulebook) -> HostState:
    """`host` as the kernel sees it after its command line; the host itself where that says nothing."""
    after = _applied(host, book)[0] if host.cmdline else host
    if host.capabilities is None or host.asked_under in (None, host.cmdline):
        return after
    before = _applied(msgspec.structs.replace(host, cmdline=host.asked_under), book)[0]
    return _asked_again(before, after)


def _asked_again(before: HostState, after: HostState) -> HostState:
    """The host with the answers to KVM_CHECK_EXTENSION that another command line changes."""
    answers = dict(after.capabilities or {})
    for name in {name for feature in FEATURES for name in feature.capabilities}:
        now = after.capability_by_registers(name)
        if now != before.capability_by_registers(name):
            answers[name] = now
    return msgspec.structs.replace(after, capabilities=answers)


def effects(host: HostState, book: Rulebook) -> tuple[Effect, ...]:
    """The words of the host's command line that bear on guests, each with what it does here."""
    return _applied(host, book)[1]


def _applied(host: HostState, book: Rulebook) -> tuple[HostState, tuple[Effect, ...]]:
    told = []
    words = words_of(host.cmdline)
    deciding = {
        (one.reg_id, one.lsb): number for number, word in enumerate(words) for one in overrides_of(book, word) or ()
    }
    for number, word in enumerate(words):
        plain = _plain(word)
        if state := book.boot_states.get(plain):
            host = msgspec.structs.replace(host, mitigations_off=host.mitigations_off | state)
            told.append(Effect(word, f"mitigations are off: {', '.join(sorted(state))}"))
        if mode := book.boot_modes.get(plain):
            host = msgspec.structs.replace(host, kvm_mode=mode)
            told += _told_mode(host, book, word)
        found = overrides_of(book, word)
        if found is None:
            if not state and not mode and plain.lower().startswith(SPEAKING):
                told.append(Effect(word, _ODD_CASE if plain != plain.lower() else _NO_OPTION))
            continue
        for one in found:
            if deciding[one.reg_id, one.lsb] != number:
                # What the filter of an earlier word overrides besides is not taken back (match_options()).
                before, host = host, _followed(host, one)
                stays = "" if host is before else "; what goes with it stays"
                told.append(Effect(word, f"{one.name}: a later word decides{stays}"))
                continue
            host, text = _override(host, book, one)
            told.append(Effect(word, text))
    return host, tuple(told)


def _told_mode(host: HostState, book: Rulebook, word: str) -> list[Effect]:
    """What the modes do that change no field of a register."""
    if host.kvm_mode == "none":
        return [Effect(word, "KVM is switched off")]
    if host.kvm_mode != "nested":
        return (
            []
            if overrides_of(book, word)
            else [Effect(word, "a guest that is not protected sees the same as without it")]
        )
    if not book.has("el2"):
        return [Effect(word, "this kernel has no EL2 for guests yet")]
    if not host.capability_known("el2"):
        return [Effect(word, "a vCPU may have EL2 where the CPU has what it needs, which is not known")]
    able = "a vCPU may have EL2" if host.capability_by_registers("el2") else "the CPU lacks what EL2 for guests needs"
    return [Effect(word, able)]


def _override(host: HostState, book: Rulebook, one: Override) -> tuple[HostState, str]:
    """The host with one field overridden, where that is safe."""
    value, known, mask = host.value(one.reg_id), host.known.get(one.reg_id, 0), mask_of(one.msb, one.lsb)
    if one.value is None:
        return _with(host, one.reg_id, value, known & ~mask), f"{one.name} is not known under this option"
    field = book.table.get(one.reg_id, {}).get(one.field)
    before = extract(value, one.msb, one.lsb)
    sure = known & mask == mask
    if field is None:
        return host, f"{one.name} is not known to this kernel"
    if sure and not field.allowed(before) >> one.value & 1:
        return host, f"{one.name} = {one.value} is not safe here and is dropped: it stays {before}"
    if (one.reg_id, one.lsb) == VH and extract(host.value(ID_AA64MMFR4_EL1), *E2H0) >> 3:
        return host, "the CPU cannot leave VHE: the option is dropped"
    if not sure and one.value:
        return _with(host, one.reg_id, value, known & ~mask), f"{one.name} is at most {one.value}"
    host = _with(host, one.reg_id, insert(value, one.msb, one.lsb, one.value), known | mask)
    return _followed(host, one), f"{one.name} is {one.value}"


def _followed(host: HostState, one: Override) -> HostState:
    """What goes with a field that became zero: pfr0_sve_filter(), pfr1_sme_filter(), mmfr2_varange_filter()."""
    place = (one.reg_id, one.lsb)
    if one.value == 0 and place in WHOLE:
        return _with(host, WHOLE[place], 0, ALL)
    if place != VARANGE or host.page_size not in GRANULES:
        return host
    msb, lsb, wide, narrow = GRANULES[host.page_size]
    value, known = host.value(ID_AA64MMFR0_EL1), host.known.get(ID_AA64MMFR0_EL1, 0)
    if extract(value, msb, lsb) != wide:
        return host
    return _with(host, ID_AA64MMFR0_EL1, insert(insert(value, msb, lsb, narrow), 3, 0, min(value & 0xF, 5)), known)


def _with(host: HostState, reg_id: int, value: int, known: int) -> HostState:
    """The host with one register's value and known bits."""
    return msgspec.structs.replace(
        host, values={**host.values, reg_id: value}, known={**host.known, reg_id: known}
    )  # fmt: skip
