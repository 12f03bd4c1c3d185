"""Why a value was refused, as far as the two values and the history of kernels tell."""

from __future__ import annotations

from typing import NamedTuple

from inspector.checks.explain.result import Hiding
from inspector.checks.history import (
    FieldChange,
    FieldHistory,
    field_history,
    newest_release,
    register_history,
    suspects,
)
from inspector.policies.eras import era_of, writable_era
from inspector.registers.bits import extract, ones
from inspector.registers.encoding import CLASS_BITMAP, CLASS_CORE, CLASS_DEMUX, CLASS_FIRMWARE, POISON, split_id
from inspector.registers.ids import (
    AARCH32_IDS,
    AIDR_EL1,
    CLIDR_EL1,
    CTR_EL0,
    ID_SPACE,
    MIDR_EL1,
    PSTATE,
    REVIDR_EL1,
    SVE_VLS,
)


class Reason(NamedTuple):
    """One explanation with where it comes from."""

    text: str
    since: str = ""
    rule: str = ""
    reference: str = ""
    hidden: Hiding | None = None
    cause: bool = True
    lowered: str = ""
    """since when KVM lets the field be lowered, where that is what the value needs"""


_SIZE_U128 = 4


def field_reason(reg_id: int, msb: int, lsb: int, wanted: int, actual: int) -> Reason:
    """Why a field value `wanted` meets `actual` at the destination; empty text when the policies know nothing of it."""
    if reg_id not in _JUDGED:
        return Reason("")
    history = field_history(reg_id, msb, lsb)
    shaping = [c for c in reversed(history.changes) if c.what in ("hidden", "forced", "capped")]
    shaped = next((c for c in shaping if _explains(c, wanted, actual)), None)
    if shaped is not None:
        return _shaped(shaped, history, wanted, actual)
    variants = [c for c in history.changes if ": " in c.what]
    if variants:
        telling = [c for c in variants if OFFERED.get(c.what) in (wanted, actual)] or [
            c for c in variants if not c.until
        ]
        told = " ".join(f"{c.reason.rstrip('.')} ({c.since_words})." for c in telling)
        return _with_writability(told, history, telling[-1], wanted, actual)
    known = history.ever("known")
    if known is None:
        return Reason("No modelled kernel knows this field: it reads as zero and takes no other value.")
    start = ""
    if not known.from_start and wanted == 0 and actual:
        start = f"KVM shows this field {known.since_words}; a source whose kernel did not know it saved 0. "
    return _with_writability(start, history, known, wanted, actual)


OFFERED = {
    "pmu-version: v8.1-always": 4,
    "pmu-version: v8.4": 5,
    "pmu-version: v8.5-mirrored": 6,
    "pmu-version: v8.5": 6,
    "pmu-version: v8.5-or-emulated": 6,
}
"""Newest PMU version that each variant of the engine function offers."""
_JUDGED = frozenset((*ID_SPACE, CTR_EL0))


def _explains(change: FieldChange, wanted: int, actual: int) -> bool:
    """True when the change can be behind the difference: one side shows what the change makes of the field."""
    if change.what == "capped":
        return change.value in (wanted, actual) or max(wanted, actual) > change.value
    return change.value in (wanted, actual)


def _shaped(change: FieldChange, history: FieldHistory, wanted: int, actual: int) -> Reason:
    when = change.since_words + (f" ({change.conditions})" if change.conditions else "")
    if change.what == "hidden":
        text = f"KVM hides this field {when}: it reads 0 whatever the host has"
    elif change.what == "forced":
        text = f"KVM shows {change.value} here {when}, whatever the host has"
    else:
        text = f"KVM shows at most {change.value} here {when}"
    return _with_writability(_sentence(text, change.reason), history, change, wanted, actual)


def _sentence(text: str, reason: str) -> str:
    return f"{text}. {reason.strip().rstrip('.')}. " if reason.strip() else f"{text}. "


def _with_writability(start: str, history: FieldHistory, cause: FieldChange, wanted: int, actual: int) -> Reason:
    tolerated = history.current("tolerated")
    writable = history.current("writable")
    hidden = cause.what == "hidden" and not cause.conditions
    lowered = ""
    ignored = tolerated is not None and hidden and bool(wanted) and not actual and tolerated.since == cause.since
    if ignored and tolerated is not None:
        text = (
            f"A value equal to the host's own is accepted and ignored {tolerated.since_words}: with such a"
            " destination on"
            " the same CPU it is not the cause."
        )
    elif tolerated is not None and hidden and wanted:
        text = (
            f"A value equal to the host's own is accepted and ignored {tolerated.since_words}; earlier releases"
            " refuse it."
        )
    elif hidden and wanted and not actual:
        text = f"No release up to {newest_release()} tolerates the old value: only 0 passes."
    elif hidden and actual and not wanted:
        text = "The destination still shows it, and takes nothing but its own value."
    elif writable is None and (once := history.ever("writable")) is not None:
        text = f"Writable {once.since_words}: where it is not, it must equal the destination's own value."
    elif writable is None:
        text = "The field is writable in no modelled release: it must equal the destination's own value."
    elif wanted in history.refused:
        text = (
            f"Linux {newest_release()} takes {wanted} from no VM, whatever its host has; older releases need equality."
        )
    elif not history.takes(wanted, actual):
        text = f"Writable {writable.since_words}, but {_not_towards(history)}; older releases need equality."
    else:
        text = f"Writable {writable.since_words}; an older destination needs equality."
        lowered = writable.since_words if cause.what == "known" and not writable.from_start else ""
    since = cause.since if not cause.from_start else (writable.since if writable and not cause.conditions else "")
    return Reason(
        (start.strip() + " " + text).strip(),
        since,
        cause.rule,
        cause.reference,
        hidden=Hiding(cause.since, cause.backports) if hidden and not cause.from_start else None,
        cause=not ignored,
        lowered=lowered,
    )


def _not_towards(history: FieldHistory) -> str:
    """Why a writable field does not take a value: the direction that KVM allows."""
    rule = history.newest
    if rule is not None and rule.safe.startswith("exact"):
        return f"only to {rule.exact} or the destination's own value"
    return "only towards what the destination can offer, and the source has more"


def register_reason(reg_id: int, wanted: int | None, actual: int | None) -> Reason:
    """Why a register as a whole may be refused: caches, MIDR, firmware, AArch32; empty text for plain ID registers."""
    if wanted == POISON:
        return Reason("The value is KVM's mark for a register that was never initialised; the guest never wrote it.")
    parts = split_id(reg_id)
    history = register_history(reg_id)
    newest = next((c for c in reversed(history.changes) if not c.until), None)
    if parts.cls == CLASS_FIRMWARE and parts.number == 0:
        return _psci(wanted, actual, history)
    if parts.cls == CLASS_DEMUX or reg_id == CLIDR_EL1:
        return _caches(newest, parts.cls == CLASS_DEMUX)
    if text := _by_own_rule(reg_id) or _BY_CLASS.get(parts.cls):
        return _at(newest, text)
    if reg_id == SVE_VLS:
        return Reason(_VECTOR_LENGTHS)
    if reg_id == PSTATE:
        return Reason(f"{PSTATE_MODE[:1].upper()}{PSTATE_MODE[1:]}.")
    if parts.cls == CLASS_CORE and parts.size == _SIZE_U128:
        return Reason("A V register: with SVE it is part of a Z register, and its core id answers EINVAL.")
    if reg_id in AARCH32_IDS and None in (wanted, actual):
        return Reason(f"An AArch32 ID register: {_lowered_aarch32(reg_id)}.")
    return Reason("")


def _lowered_aarch32(reg_id: int) -> str:
    """Since when the fields of an AArch32 ID register may be lowered: some of ID_DFR0_EL1's earlier than the others."""
    some, every = writable_era(reg_id, ones(32)), field_history(reg_id, 31, 0).current("writable")
    first = f"some of its fields may be lowered from Linux {some.since}" if some is not None else "not writable"
    if every is None:
        return first
    all_of_it = f"may be lowered {every.since_words}"
    if some is not None and some.since != every.since:
        return f"{first}, all {all_of_it}"
    return f"its fields {all_of_it}, else it must be equal"


BY_ERRNO = {
    "ENOENT": (
        "ENOENT: KVM has no such register for this vCPU, whatever the value: its kernel does not know it, or the vCPU"
        " was created without the feature that brings it."
    ),
    "EBUSY": "EBUSY: a vCPU of the VM has run already, and KVM lets this register change before that only.",
    "ENOEXEC": "ENOEXEC: the vCPU was not initialised (KVM_ARM_VCPU_INIT) when it was written, whatever the value.",
    "EPERM": (
        "EPERM: KVM answers it for SVE's registers alone, by the order of the program's calls: the vector lengths are"
        " fixed by KVM_ARM_VCPU_FINALIZE, the vector registers wait for it."
    ),
    "EFAULT": "EFAULT: KVM could not read the value from the program's memory: no register or value is at fault.",
}
"""What an errno says by itself: of none of these the value is the cause (kvm_arch_vcpu_ioctl(), arch/arm64/kvm/arm.c;
set_id_reg(), sys_regs.c; set_sve_reg() and set_sve_vls(), guest.c)."""
PSTATE_MODE = (
    "its mode is one that the destination's vCPU lacks: AArch32 or EL2 (set_core_reg(), arch/arm64/kvm/guest.c)"
)

_BY_CLASS = {
    CLASS_FIRMWARE: (
        "A workaround state: the destination accepts only what its CPU and firmware can promise, never more."
    ),
    CLASS_BITMAP: "A bitmap of hypercalls: only bits that the destination's kernel knows are accepted.",
}
_L1IP = 3 << 14
"""CTR_EL0.L1Ip"""
_IDENTITY = (MIDR_EL1, REVIDR_EL1, AIDR_EL1)


def _by_own_rule(reg_id: int) -> str:
    """What is said of a register that KVM once kept invariant; empty for others."""
    if reg_id in _IDENTITY:
        since = era_of("implementation-ids", "writable").since
        return (
            f"It identifies the physical CPU: before {since} only the host's own value is accepted; from {since} the"
            " VMM may change it after enabling KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, as Firecracker does from 1.17 on."
        )
    if reg_id == CTR_EL0:
        since, l1ip = era_of("ctr", "stored").since, writable_era(CTR_EL0, _L1IP)
        return (
            f"Before {since} it must equal the host's; from {since} IDC, DIC and the line sizes may be lowered,"
            f" from {l1ip.since if l1ip else newest_release()} L1Ip from PIPT to VIPT as well, nothing else."
        )
    return ""


_VECTOR_LENGTHS = (
    "The set of SVE vector lengths: it can be written only before the vCPU is finalised (KVM_ARM_VCPU_FINALIZE), and"
    " only to lengths that the host has; a VMM that writes it in the order of its list comes too late."
)


_SUSPECT_WORDS = {"hidden": "hidden", "capped": "limited", "forced": "fixed", "known": "shown"}


def _field(value: int, msb: int, lsb: int) -> int:
    return extract(value, msb, lsb)


def suspects_reason(
    reg_id: int, wanted: int | None = None, actual: int | None = None, *, told_of: bool = True
) -> Reason:
    """For a register whose two values are not both known: which of its fields differ between kernels.

    `told_of`: a message says what happened to it; False when it is only named.
    """
    if reg_id not in _JUDGED:
        return Reason("")
    found = [s for s in suspects(reg_id) if wanted is None or s.change.what != "hidden" or _field(wanted, s.msb, s.lsb)]
    if not found:
        return Reason("")
    if not told_of:
        opening = "No message says what happened to it."
    elif wanted is None and actual is None:
        opening = "The values are not in the text."
    else:
        opening = f"The {'source' if wanted is None else 'destination'}'s value is not in the text."
    told = [f"{s.name} ({_SUSPECT_WORDS.get(s.change.what, 'limited')} {s.change.since_words})" for s in found]
    hidden = [s for s in found if s.change.what == "hidden"]
    first = hidden[0] if hidden else found[0]
    one = len({s.change.since for s in hidden}) == 1
    return Reason(
        f"{opening} Fields of it that kernels show differently: {', '.join(told)}.",
        first.change.since if one else "",
        first.change.rule if one else "",
        first.change.reference if one else "",
    )


def _at(change: FieldChange | None, text: str) -> Reason:
    if change is None:
        return Reason(text)
    return Reason(text, change.since, change.rule, change.reference)


_PSCI_VARIANTS = {0x10001: "psci: psci-1.1", 0x10002: "psci: psci-1.3", 0x10003: "psci: psci-1.3"}


def _psci(wanted: int | None, actual: int | None, history: FieldHistory) -> Reason:
    text = "PSCI version: the destination refuses a version that its kernel does not implement"
    known = history.ever(_PSCI_VARIANTS.get(wanted or 0, "")) or FieldChange(what="", since="")
    if wanted is not None:
        text += f"; {wanted >> 16}.{wanted & 0xFFFF} is asked"
        if known.since:
            text += f", which KVM knows {known.since_words.replace(f' until {known.until}', '')}"
    if actual is not None:
        text += f", {actual >> 16}.{actual & 0xFFFF} is the destination's default"
    text += ". An older version is accepted, so a guest started with the older one can move both ways."
    return Reason(text, known.since, known.rule, known.reference)


def _caches(newest: FieldChange | None, demux: bool) -> Reason:
    which, era = "CCSIDR" if demux else "CLIDR", era_of("cache-registers", "fabricated")
    text = (
        f"Up to Linux {era.before} {which} is the physical CPU's and only that very value is accepted, by the CPU on"
        " which the thread runs at that moment: different clusters refuse each other's."
        f" From {era.since} KVM makes the value up and lets the VMM change it per vCPU."
    )
    reason = _at(newest, text)
    return reason._replace(since=era.since)
