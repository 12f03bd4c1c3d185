"""What a host's command line changes of it before KVM looks: ID register overrides and mitigations that are off.

The words and what each sets are rules of the policies (kinds boot and overridable): the aliases and fields of
arch/arm64/kernel/pi/idreg-override.c by release. An override holds where it is a safe value for the field
(init_cpu_ftr_reg(), arch/arm64/kernel/cpufeature.c); any other is dropped.
"""

from __future__ import annotations

import re

import msgspec

from inspector.kvm.host import HostState, may_leave_trap_out
from inspector.policies.model import PROTECTED, Boot, Policy
from inspector.policies.rulebook import Override, Rulebook, rulebook
from inspector.policies.setup import FEATURES
from inspector.registers.bits import ALL, extract, insert, mask_of, ones
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


_SETTINGS = {"mitigations": {"auto", "off"}, "ssbd": {"force-on", "force-off", "kernel"}}
"""Parameters of which the last setting decides, and what each may be set to (mitigations_parse_cmdline() of
kernel/cpu.c, parse_spectre_v4_param() of proton-pack.c); `auto` may have more behind a comma."""


_UNPROTECTED = "a guest that is not protected sees the same as without it"
_TAGS = ", and no guest can have memory tags"
_CTR = "; of CTR_EL0 perhaps what KVM keeps"
_NOT_AT_EL2 = "refused: under protected KVM the kernel does not run at EL2"
_NO_OPTION = "not an option of this kernel, or none that guests see"
_ODD_CASE = f"{_NO_OPTION}: the kernel tells upper and lower case apart"


_DIGITS = {8: "[0-7]+", 10: "[0-9]+", 16: "[0-9a-f]+"}


class Effect(msgspec.Struct, frozen=True):
    """One word of a command line and what becomes of it."""

    word: str
    text: str
    """what it does to this host, or why nothing"""


class Option(msgspec.Struct, frozen=True):
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
    known = book.words.get(plain)
    if known is not None and known.overrides:
        return known.overrides
    name, _, text = plain.partition("=")
    place = book.overridable.get(name)
    if place is None:
        return None
    number = _kstrtou64(text) if book.whole_overrides else _hex_digit(text)
    if number is None:
        return None
    return (msgspec.structs.replace(place, value=number & ones(place.msb - place.lsb + 1), typed=number),)


def _hex_digit(text: str) -> int | None:
    """One hexadecimal digit, `0x` before it or not; None for anything else (parse_hexdigit(), idreg-override.c)."""
    digit = text.lower().removeprefix("0x")
    return int(digit, 16) if len(digit) == 1 and digit in "0123456789abcdef" else None


def _kstrtou64(text: str) -> int | None:
    """A number of 64 bits, hexadecimal behind `0x`, octal behind `0`, else decimal; None for anything else.

    kstrtou64() with base 0 (lib/kstrtox.c), as find_field() of idreg-override.c called it.
    """
    digits = text.removeprefix("+").lower()
    base = 8 if digits.startswith("0") else 10
    if re.match("0x[0-9a-f]", digits):
        base, digits = 16, digits[2:]
    if not re.fullmatch(_DIGITS[base], digits):
        return None
    number = int(digits, base)
    return number if number <= ALL else None


def booted(host: HostState, policy: Policy) -> HostState:
    """`host` as the kernel sees it after its command line, with the pages that its name tells."""
    book, size = rulebook(policy), policy.page_size
    if size is not None and "page-size" not in host.given and (size, True) != (host.page_size, host.pages_known):
        host = msgspec.structs.replace(host, page_size=size, pages_known=True)
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
    # Protected KVM keeps the kernel itself at EL1, where early_kvm_mode_cfg() of arch/arm64/kvm/arm.c refuses nested,
    # whichever of the two words comes first: the overrides are read before.
    below_el2 = any(known.mode in PROTECTED for word in words if (known := book.words.get(_plain(word))))
    for number, word in enumerate(words):
        plain = _plain(word)
        known = book.words.get(plain)
        state = known.off if known else None
        if state and _set_again(plain, words[number + 1 :]):
            told.append(Effect(word, "a later word decides"))
        elif state:
            host = msgspec.structs.replace(host, mitigations_off=host.mitigations_off | state)
            told.append(Effect(word, f"mitigations are off: {', '.join(sorted(state))}"))
        mode = known.mode if known else None
        if mode == "nested" and below_el2:
            told.append(Effect(word, _NOT_AT_EL2))
        elif mode:
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


def _set_again(plain: str, later: list[str]) -> bool:
    """True where a later word sets the same parameter once more."""
    name, _, _ = plain.partition("=")
    settings = (_plain(word).partition("=") for word in later)
    return any(one == name and text.split(",")[0] in _SETTINGS.get(name, ()) for one, _, text in settings)


def _told_mode(host: HostState, book: Rulebook, word: str) -> list[Effect]:
    """What the modes do that change no field of a register."""
    if host.kvm_mode == "none":
        return [Effect(word, "KVM is switched off")]
    if host.kvm_mode != "nested":
        return [] if overrides_of(book, word) else [Effect(word, _unprotected(host, book))]
    if not book.has("el2"):
        return [Effect(word, "this kernel has no EL2 for guests yet")]
    if not host.capability_known("el2"):
        return [Effect(word, "a vCPU may have EL2 where the CPU has what it needs, which is not known")]
    able = "a vCPU may have EL2" if host.capability_by_registers("el2") else "the CPU lacks what EL2 for guests needs"
    return [Effect(word, able)]


def _unprotected(host: HostState, book: Rulebook) -> str:
    """What protected KVM changes for a guest that is not protected."""
    tags = _TAGS * (host.kvm_mode == "protected-untagged" and max(host.could_be(ID_AA64PFR1_EL1, 0xF << 8)) >= 2)
    return _UNPROTECTED + tags + _CTR * may_leave_trap_out(host, book.variant("guest-caches"))


def _override(host: HostState, book: Rulebook, one: Override) -> tuple[HostState, str]:
    """The host with one field overridden, where that is safe."""
    value, known, mask = host.value(one.reg_id), host.known.get(one.reg_id, 0), mask_of(one.msb, one.lsb)
    if one.value is None:
        return _with(host, one.reg_id, value, known & ~mask), f"{one.name} is not known under this option"
    field = book.of(one.reg_id).table.get(one.field)
    before = extract(value, one.msb, one.lsb)
    sure = known & mask == mask
    if field is None:
        return host, f"{one.name} is not known to this kernel"
    if (one.reg_id, one.lsb) == VARANGE and one.typed:
        return host, f"{one.name} can only be made 0: the option is dropped"
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
    if place in WHOLE and one.value == one.typed == 0:
        return _with(host, WHOLE[place], 0, ALL)
    if place != VARANGE or one.typed:
        return host
    value, known = host.value(ID_AA64MMFR0_EL1), host.known.get(ID_AA64MMFR0_EL1, 0)
    if not host.pages_known:
        may = [mask_of(msb, lsb) for msb, lsb, wide, _ in GRANULES.values() if extract(value, msb, lsb) == wide]
        return _with(host, ID_AA64MMFR0_EL1, value, known & ~(sum(may) | 0xF)) if may else host
    if host.page_size not in GRANULES:
        return host
    msb, lsb, wide, narrow = GRANULES[host.page_size]
    if extract(value, msb, lsb) != wide:
        return host
    return _with(host, ID_AA64MMFR0_EL1, insert(insert(value, msb, lsb, narrow), 3, 0, min(value & 0xF, 5)), known)


def _with(host: HostState, reg_id: int, value: int, known: int) -> HostState:
    """The host with one register's value and known bits."""
    return msgspec.structs.replace(
        host, values={**host.values, reg_id: value}, known={**host.known, reg_id: known}
    )  # fmt: skip
