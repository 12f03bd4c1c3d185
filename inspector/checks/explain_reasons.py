"""Why a value was refused, as far as the two values and the history of kernels tell."""

from __future__ import annotations

from typing import NamedTuple

from inspector.checks.explain_history import Change, FieldHistory, field_history, newest_release, register_history
from inspector.policies.idspace import AARCH32_IDS, ID_SPACE, IDS
from inspector.registers.encoding import CLASS_BITMAP, CLASS_DEMUX, CLASS_FIRMWARE, POISON, split_id


class Reason(NamedTuple):
    """One explanation with where it comes from."""

    text: str
    since: str = ""
    rule: str = ""
    reference: str = ""


_CONDITIONS = {
    "unless sve": "the vCPU has SVE",
    "unless ptrauth": "the vCPU has pointer authentication",
    "unless pmu": "the vCPU has a PMU",
    "unless mte": "the VM has KVM_CAP_ARM_MTE enabled",
    "unless el2": "the vCPU has EL2",
}


def field_reason(reg_id: int, msb: int, lsb: int, wanted: int, actual: int) -> Reason:
    """Why a field value `wanted` meets `actual` at the destination; empty text when the policies know nothing of it."""
    if reg_id not in _JUDGED:
        return Reason("")
    history = field_history(reg_id, msb, lsb)
    shaped = history.current("hidden", "forced", "capped") or history.ever("hidden", "forced", "capped")
    if shaped is not None and _explains(shaped, wanted, actual):
        return _shaped(shaped, history, wanted, actual)
    function = next((c for c in reversed(history.changes) if ": " in c.what and not c.until), None)
    if function is not None:
        return _with_writability(function.reason, history, function, wanted, actual)
    known = history.ever("known")
    if known is None:
        return Reason("No modelled kernel knows this field: it reads as zero and takes no other value.")
    start = ""
    if not known.from_start and wanted == 0 and actual:
        start = f"KVM shows this field {known.since_words}; a source whose kernel did not know it saved 0. "
    return _with_writability(start, history, known, wanted, actual)


_JUDGED = frozenset((*ID_SPACE, IDS["CTR_EL0"]))


def _explains(change: Change, wanted: int, actual: int) -> bool:
    """True when the change can be behind the difference: one side shows what the change makes of the field."""
    if change.what == "capped":
        return change.value in (wanted, actual) or max(wanted, actual) > change.value
    return change.value in (wanted, actual)


def _shaped(change: Change, history: FieldHistory, wanted: int, actual: int) -> Reason:
    condition = next((_CONDITIONS[c] for c in change.conditions if c in _CONDITIONS), "")
    if change.what == "hidden":
        text = f"KVM hides this field {change.since_words}"
        text += f" unless {condition}" if condition else ""
        text += ": it reads 0 whatever the host has"
    elif change.what == "forced":
        text = f"KVM shows {change.value} here {change.since_words}, whatever the host has"
    else:
        text = f"KVM shows at most {change.value} here {change.since_words}"
    return _with_writability(_sentence(text, change.reason), history, change, wanted, actual)


def _sentence(text: str, reason: str) -> str:
    return f"{text}. {reason.strip().rstrip('.')}. " if reason.strip() else f"{text}. "


def _with_writability(start: str, history: FieldHistory, cause: Change, wanted: int, actual: int) -> Reason:
    tolerated = history.current("tolerated")
    writable = history.current("writable")
    hidden = cause.what == "hidden" and not cause.conditions
    if tolerated is not None and hidden and wanted:
        text = (
            f"A value equal to the host's own is accepted and ignored {tolerated.since_words}; earlier releases"
            " refuse it."
        )
    elif hidden and wanted and not actual:
        text = (
            f"No release up to {newest_release()} tolerates the old value: the field is not writable, so only 0 passes."
        )
    elif hidden and actual and not wanted:
        text = "The destination still shows it, and takes nothing but its own value."
    elif writable is None:
        text = "The field is writable in no modelled release: it must equal the destination's own value."
    elif wanted > actual:
        text = (
            f"Writable {writable.since_words}, but only towards what the destination can offer, and the source has"
            " more;"
            " older releases need equality."
        )
    else:
        text = f"Writable {writable.since_words}; an older destination needs equality."
    since = cause.since if cause.what != "known" or not cause.from_start else (writable.since if writable else "")
    return Reason((start.strip() + " " + text).strip(), since, cause.rule, cause.reference)


def register_reason(reg_id: int, wanted: int | None, actual: int | None) -> Reason:
    """Why a register as a whole may be refused: caches, MIDR, firmware, AArch32; empty text for plain ID registers."""
    if wanted == POISON:
        return Reason("The value is KVM's mark for a register that was never initialised; it is no state of the guest.")
    parts = split_id(reg_id)
    history = register_history(reg_id)
    newest = next((c for c in reversed(history.changes) if not c.until), None)
    if parts.cls == CLASS_FIRMWARE and parts.index == 0:
        return _psci(wanted, actual, newest)
    if parts.cls == CLASS_FIRMWARE:
        text = "A workaround state: the destination accepts only what its CPU and firmware can promise, never more."
        return _at(newest, text)
    if parts.cls == CLASS_BITMAP:
        return _at(newest, "A bitmap of hypercalls: only bits that the destination's kernel knows are accepted.")
    if parts.cls == CLASS_DEMUX or reg_id == IDS["CLIDR_EL1"]:
        return _caches(newest, parts.cls == CLASS_DEMUX)
    if reg_id in (IDS["MIDR_EL1"], IDS["REVIDR_EL1"], IDS["AIDR_EL1"]):
        text = (
            "It identifies the physical CPU: before 6.15 only the host's own value is accepted; from 6.15 the"
            " VMM may change"
        )
        return _at(
            newest, f"{text} it after enabling KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, which no released VMM does by itself."
        )
    if reg_id == IDS["CTR_EL0"]:
        text = (
            "Before 6.11 it must equal the host's; from 6.11 IDC, DIC and the line sizes may be lowered, nothing else."
        )
        return _at(newest, text)
    if reg_id in AARCH32_IDS:
        return Reason("An AArch32 ID register; most of them became writable with Linux 6.18.", "6.18")
    return Reason("")


def _at(change: Change | None, text: str) -> Reason:
    if change is None:
        return Reason(text)
    return Reason(text, change.since, change.rule, change.reference)


_PSCI_SINCE = {0x10001: "about 5.18 (present in 6.1)", 0x10002: "a release after 6.12, not later than 6.16",
               0x10003: "a release after 6.12, not later than 6.16"}  # fmt: skip


def _psci(wanted: int | None, actual: int | None, newest: Change | None) -> Reason:
    text = "PSCI version: the destination refuses a version that its kernel does not implement"
    if wanted is not None:
        text += f"; {wanted >> 16}.{wanted & 0xFFFF} is asked"
        if wanted in _PSCI_SINCE:
            text += f", known to KVM since {_PSCI_SINCE[wanted]}"
    if actual is not None:
        text += f", {actual >> 16}.{actual & 0xFFFF} is the destination's default"
    return _at(
        newest, text + ". An older version is accepted, so a guest started with the older one can move both ways."
    )


def _caches(newest: Change | None, demux: bool) -> Reason:
    which = "CCSIDR" if demux else "CLIDR"
    text = (
        f"Up to Linux 6.2 {which} is the physical CPU's and only that very value is accepted, by the CPU on which"
        " the thread"
        " runs at that moment: unlike clusters refuse each other's. From 6.3 KVM makes the value up and lets the"
        " VMM change"
        " it per vCPU."
    )
    reason = _at(newest, text)
    return reason._replace(since="6.3")
