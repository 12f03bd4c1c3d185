"""What registers do not tell of a host, given by the user: `spectre-v2=unaffected,vgic=none,page-size=64k`.

`cmdline=` takes the rest of the text, or what stands in double quotes: the command line of the host's kernel.

The mitigation states are those of arch/arm64/kernel/proton-pack.c; levels are KVM's, as its firmware pseudo-registers
show them (KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1..3). A field of a register that is not known is given as
`REGISTER.FIELD=VALUE`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, Literal

import msgspec

from inspector.errors import PolicyError
from inspector.kvm.firmware import levels_known, workaround_levels
from inspector.kvm.host import HostState
from inspector.kvm.limits import Limits
from inspector.kvm.mitigations import meltdown_settled
from inspector.numbers import parse_number
from inspector.registers.bits import ALL, Partial, mask_of, ones
from inspector.registers.ids import (
    AARCH32_IDS,
    ID_AA64MMFR0_EL1,
    ID_AA64MMFR3_EL1,
    ID_AA64PFR0_EL1,
    ID_PFR1_EL1,
    IDS,
    PMCR_EL0,
    WORKAROUND_1,
    WORKAROUND_2,
    WORKAROUND_3,
)
from inspector.registers.naming import by_id

HOST_INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "spectre-v2": ("spectre_v2", {"unaffected": 2, "mitigated": 1, "vulnerable": 0}),
    "meltdown": ("meltdown_safe", {"unaffected": True, "affected": False}),
    "ssb": ("ssb", {"not-required": 3, "mitigated": 2, "unknown": 1, "not-available": 0}),
    "bhb": ("bhb", {"unaffected": 2, "mitigated": 1, "vulnerable": 0}),
    "vgic": ("vgic", {"v2": "v2", "v3": "v3", "v5": "v5", "v5-legacy": "v5-legacy", "none": "none"}),
    "page-size": ("page_size", {"4k": 4096, "16k": 16384, "64k": 65536}),
    "aarch32": ("aarch32", {"on": True, "off": False}),
    "sme": ("sme", {"on": True, "off": False}),
    "poe": ("poe", {"on": True, "off": False}),
}
"""Name of each input, the field of HostState that it sets, and the words that it takes."""

_SETTLES = {"vgic": "vgic_known", "page-size": "pages_known"}
"""Input -> the field of HostState that says that it is known"""


def _split(text: str) -> tuple[str, str | None]:
    """(the other inputs, the command line); None for a text without one."""
    start = text.find("cmdline=")
    if start < 0 or (start and text[start - 1] not in ", "):
        return text, None
    rest = text[start + len("cmdline=") :]
    if rest.startswith('"') and '"' not in rest[1:]:
        raise PolicyError("the double quotes of cmdline are not closed", "--host", 'cmdline="mitigations=off"')
    if rest.startswith('"'):
        line, _, after = rest[1:].partition('"')
        return text[:start] + after.lstrip(), line
    return text[:start], rest


def cmdline_of(text: str) -> str | None:
    """The command line among inputs; None where none is given."""
    line = _split(text)[1]
    return None if line is None else line.strip()


def with_cmdline(text: str, line: str | None) -> str:
    """The inputs with this command line in place of any that they had; None takes it away."""
    rest = _split(text)[0].strip(" ,")
    if line is None:
        return rest
    # Inside double quotes it could hold none; without them it is whatever follows, and must not begin with one.
    given = f'cmdline="{line}"' if '"' not in line else f"cmdline= {line}"
    return f"{rest},{given}" if rest else given


def with_inputs(host: HostState, text: str) -> HostState:
    """`host` with the inputs that `text` gives, comma-separated NAME=WORD.

    Raises PolicyError for a name or a word that is none of HOST_INPUTS, and for a field or value that there is not.
    """
    if not text:
        return host
    given: dict[str, Any] = {}
    words_given = dict(host.given)
    text, cmdline = _split(text)
    if cmdline is not None:
        given["cmdline"] = cmdline.strip()
        given["asked_under"] = host.cmdline if host.asked_under is None else host.asked_under
        words_given["cmdline"] = f'"{given["cmdline"]}"'
    for part in filter(None, (piece.strip().lower() for piece in text.split(","))):
        name, _, word = part.partition("=")
        words_given[name] = word
        if "." in name:
            host = _with_field(host, name, word)
            continue
        if name == "cmdline":
            raise PolicyError("cmdline lacks its value", "--host", 'cmdline="mitigations=off", or cmdline="" for none')
        if name not in HOST_INPUTS:
            known = ", ".join((*HOST_INPUTS, "cmdline"))
            raise PolicyError(f"no input of a host is called {name!r}", "--host", f"one of: {known}")
        field, words = HOST_INPUTS[name]
        if word not in words:
            raise PolicyError(f"{name} cannot be {word!r}", "--host", f"one of: {', '.join(words)}")
        given[field] = words[word]
        if name in _SETTLES:
            given[_SETTLES[name]] = True
    return _with_aarch32(msgspec.structs.replace(host, **given, given=words_given), given.get("aarch32"))


def _with_aarch32(host: HostState, given: bool | None) -> HostState:
    """`host` whose ID_AA64PFR0_EL1.EL0 says what was given of AArch32; PolicyError where its CPU cannot run it."""
    if given is None or not host.knows(ID_AA64PFR0_EL1, 0xF):
        return host
    value = host.value(ID_AA64PFR0_EL1)
    if given and value & 0xF != 2:
        raise PolicyError("aarch32 cannot be 'on': the host's ID_AA64PFR0_EL1.EL0 says otherwise", "--host", "off")
    if given:
        return host
    return msgspec.structs.replace(host, values={**host.values, ID_AA64PFR0_EL1: value & ~0xF | 1})


Origin = Literal["given", "recorded", "inferred or assumed", "not known"]


UNKNOWN = "?"


class Fact(msgspec.Struct, frozen=True):
    """Something that no register of the host shows and that answers rest on."""

    name: str
    """as `--host` takes it"""
    word: str
    """its value, as `--host` takes it; UNKNOWN where that is open"""
    origin: Origin
    effect: str
    """what depends on it"""


_BEARING: dict[str, frozenset[int]] = {
    "spectre-v2": frozenset((ID_AA64PFR0_EL1, WORKAROUND_1, WORKAROUND_3)),
    "meltdown": frozenset((ID_AA64PFR0_EL1,)),
    "ssb": frozenset((WORKAROUND_2,)),
    "bhb": frozenset((WORKAROUND_3,)),
    "vgic": frozenset((ID_AA64PFR0_EL1, ID_PFR1_EL1)),
    "page-size": frozenset((ID_AA64MMFR0_EL1,)),
    "aarch32": frozenset((*AARCH32_IDS, PMCR_EL0)),
    "sme": frozenset(),
    "poe": frozenset((ID_AA64MMFR3_EL1,)),
}
"""Input of the host -> the registers of a vCPU whose value or limit may depend on it."""


def facts(limits: Limits, registers: Iterable[int] | None = None) -> tuple[Fact, ...]:
    """The facts of the host on which the answers of one kernel rest, each with its value here.

    `registers`: those that were asked about; facts on which no answer about them rests are left out.
    """
    host, levels = limits.host, workaround_levels(limits)
    wanted = None if registers is None else frozenset(registers)
    values: tuple[tuple[str, Any, str], ...] = (
        ("spectre-v2", levels[WORKAROUND_1], "ID_AA64PFR0_EL1.CSV2, SMCCC_ARCH_WORKAROUND_1, _3"),
        ("meltdown", host.meltdown_unaffected, "ID_AA64PFR0_EL1.CSV3"),
        ("ssb", levels[WORKAROUND_2], "SMCCC_ARCH_WORKAROUND_2"),
        ("bhb", levels.get(WORKAROUND_3), "SMCCC_ARCH_WORKAROUND_3"),
        ("vgic", host.vgic, "ID_AA64PFR0_EL1.GIC, a vGICv3"),
        ("page-size", host.page_size, "the stage-2 granules of a vCPU with EL2, arm64.nolva"),
        ("aarch32", host.has_aarch32 if host.aarch32_known else None, "the AArch32 ID registers"),
        ("sme", host.sme, "what EL0 of the host reads of SME; no guest sees any"),
        ("poe", host.poe, "ID_AA64MMFR3_EL1.S1POE"),
    )
    found = []
    for name, value, effect in values:
        words = HOST_INPUTS[name][1]
        word = next((word for word, one in words.items() if one == value), "")
        origin: Origin = "given" if name in host.given else "inferred or assumed"
        if origin != "given" and not _settled(limits, name, levels):
            word, origin = UNKNOWN, "not known"
        bears = wanted is None or bool(wanted & _BEARING[name])
        found += [Fact(name, word, origin, effect)] if word and bears else []
    known: Origin = "given" if "cmdline" in host.given else "recorded" if host.cmdline else "inferred or assumed"
    line = Fact("cmdline", f'"{host.cmdline}"', known, "ID register overrides, mitigations")
    fields = [
        Fact(name.upper(), word, "given", "what is shown of this field")
        for name, word in host.given.items()
        if "." in name and (wanted is None or IDS.get(name.upper().partition(".")[0]) in wanted)
    ]
    return (*found, *([line] if wanted is None or wanted & _overridden(limits) else []), *fields)


def _settled(limits: Limits, name: str, levels: Container[int]) -> bool:
    """False for a fact of which what is known of the host leaves more than one value.

    `levels`: the workaround registers that the kernel has; no answer rests on the level of another.
    """
    workaround = {"spectre-v2": WORKAROUND_1, "ssb": WORKAROUND_2, "bhb": WORKAROUND_3}.get(name)
    if workaround is not None:
        return workaround not in levels or levels_known(limits, workaround) == ALL
    if name in _SETTLES:
        return bool(getattr(limits.host, _SETTLES[name]))
    return name != "meltdown" or meltdown_settled(limits.host)


def _overridden(limits: Limits) -> frozenset[int]:
    """The registers that some option of the host's command line may change under this kernel."""
    book = limits.book
    places = (*(one for word in book.words.values() for one in word.overrides), *book.overridable.values())
    return frozenset((*(one.reg_id for one in places), WORKAROUND_2, WORKAROUND_3))


def _with_field(host: HostState, name: str, word: str) -> HostState:
    """`host` with one field of a register given."""
    register, _, field = name.upper().partition(".")
    reg_id = IDS.get(register)
    schema = by_id(reg_id).schema if reg_id is not None else None
    span = next((s for s in schema.spans if s.name.upper() == field), None) if schema is not None else None
    if reg_id is None or span is None:
        hint = f"one of: {', '.join(HOST_INPUTS)}, or a field such as ID_AA64MMFR2_EL1.NV=2"
        raise PolicyError(f"no field of a host is called {name!r}", "--host", hint)
    try:
        value = parse_number(word)
    except ValueError:
        value = -1
    if not 0 <= value <= ones(span.msb - span.lsb + 1):
        hint = f"0 to {ones(span.msb - span.lsb + 1)}"
        raise PolicyError(f"{name} cannot be {word!r}", "--host", hint)
    held = Partial(host.value(reg_id), host.known.get(reg_id, 0)).set(mask_of(span.msb, span.lsb), value << span.lsb)
    at_least = {i: mask & ~mask_of(span.msb, span.lsb) if i == reg_id else mask for i, mask in host.at_least.items()}
    return msgspec.structs.replace(
        host, values={**host.values, reg_id: held.value}, known={**host.known, reg_id: held.known}, at_least=at_least
    )  # fmt: skip
