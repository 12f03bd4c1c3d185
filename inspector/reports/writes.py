"""Reports of what was tried on a vCPU: the answers one by one, the whole log, and the commands that ask it again."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Sequence
from itertools import groupby

import msgspec

from inspector.checks.writing.history import RUN, Entry, Step
from inspector.errors import one_line
from inspector.kvm.verdict import Verdict
from inspector.numbers import count_of
from inspector.registers.bits import ones, partial_hex
from inspector.registers.catalog import by_id
from inspector.registers.naming import name_of
from inspector.registers.secrets import is_secret
from inspector.reports.json import Json
from inspector.reports.outline import OutlineLine, Words, heading, line, outline_markdown
from inspector.reports.verdicts import verdict_json, verdict_lines

SIGNS = {"accepted": "=", "refused": "✖", "ignored": "~", "uncertain": "?", "no value": "✖"}
ROLES = {"accepted": "same", "refused": "refused", "ignored": "masked", "uncertain": "unknown", "no value": "refused"}
FROZEN = {
    True: "ID registers are fixed from now on",
    False: "ID registers are judged as before it",
    None: "uncertain whether ID registers are fixed now",
}
"""What the first run does to ID registers: nothing where KVM compares writes and keeps no copy for the VM."""
WITHHELD = "withheld"
"""Stands for a value of a register that holds secrets of the guest."""


class LogAbout(msgspec.Struct, frozen=True, kw_only=True):
    """What a log was tried on."""

    source: str
    """as the command line takes it"""
    title: str
    """`Linux 6.12.118`, the kernel that answered"""
    kernel: str = ""
    """as `--kernel` takes it; empty: the dump's own"""
    features: str = ""
    """as `--features` takes it; empty: as the dump's vCPU was created"""
    gic: str = ""
    host: str = ""
    """as `--host` takes it"""
    vcpus: tuple[str, ...] = ()
    """what `--vcpu` calls each vCPU of the VM; empty where there is one"""
    features_text: str = ""
    """in words"""
    secrets: bool = False
    """values of registers that hold secrets of the guest are shown"""

    @property
    def options(self) -> list[str]:
        """The options that ask the same of the command line."""
        pairs = (
            ("--kernel", self.kernel), ("--features", self.features), ("--gic", self.gic), ("--host", self.host)
        )  # fmt: skip
        return [
            f"{word}={text}" if text.startswith("-") else f"{word} {shlex.quote(text)}" for word, text in pairs if text
        ]


def entry_lines(entry: Entry) -> list[str]:
    """One answer as `write` prints it."""
    if entry.step.runs:
        answer = "= the vCPU runs" if not entry.errno else f"✖ refused  {entry.errno_name} ({entry.errno})"
        return [f"KVM_RUN  {answer}", *([f"  {FROZEN[entry.freezes]}"] if not entry.errno else [])]
    return verdict_lines(entry.verdict) if entry.verdict is not None else []


def entry_json(entry: Entry) -> Json:
    """The same for programs."""
    if entry.step.runs:
        told = {"run": True, "errno": entry.errno, "errno_name": entry.errno_name or "0"}
        return told if entry.errno else told | {"id_registers_fixed": entry.freezes}
    return verdict_json(entry.verdict) if entry.verdict is not None else {}


def step_text(step: Step, secrets: bool = True) -> str:
    """`ID_AA64PFR0_EL1.CSV2=0`, `first run`; of a secret register without `secrets` not what was written."""
    if step.runs:
        return "first run"
    if is_secret(step.id) and not secrets:
        return f"{name_of(step.id)}={WITHHELD}"
    return step.write.command


def outcome_text(entry: Entry, secrets: bool = True) -> str:
    """In a few words what became of a step: `0x1 -> 0x0`, `EINVAL: above the limit`, `accepted and dropped`."""
    step, verdict = entry.step, entry.verdict
    if step.runs:
        return FROZEN[entry.freezes] if not entry.errno else f"KVM_RUN is refused: {entry.errno_name}"
    if step.pair is not None:
        return _real_text(entry)
    if verdict is None:
        return entry.attempt.problem if entry.attempt is not None and entry.attempt.problem else "no kernel answers"
    if entry.outcome == "refused":
        return f"{entry.errno_name}: {_blame(verdict)}"
    if entry.outcome == "uncertain":
        return f"depends on {' and on '.join(verdict.depends_on)}"
    change = WITHHELD if is_secret(step.id) and not secrets else _change(verdict)
    return f"accepted and dropped: {change}" if entry.outcome == "ignored" else change


def _real_text(entry: Entry) -> str:
    """What the kernel answered to a write that was really made, and whether the model said so."""
    assert entry.step.pair is not None
    pair = entry.step.pair
    name = errno.errorcode.get(pair.actual.errno, str(pair.actual.errno)) if pair.actual.errno else "accepted"
    agreed = pair.compared if pair.agrees else f"✖ model and kernel differ: predicted {pair.predicted.outcome}"
    return f"really written: {name}, {agreed}"


def _blame(verdict: Verdict) -> str:
    """The field that is to blame, and why."""
    bad = [field for field in verdict.fields if not field.accepted]
    if not bad or not bad[0].reason:
        return verdict.reason.rstrip(".")
    more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    return f"{bad[0].name} {bad[0].reason}{more}"


def _change(verdict: Verdict) -> str:
    """What the register read before and reads now."""
    size = by_id(verdict.id).size
    if verdict.after is None:
        return "what is read back is not predictable"
    known = verdict.after_known if size <= 8 else -1
    bits = ones(min(size, 8) * 8)
    after = partial_hex(verdict.after & known if size <= 8 else verdict.after, known, size, grouped=True)
    if verdict.before is None:
        return f"reads {after}"
    before_known = verdict.before_known if size <= 8 else -1
    if verdict.before == verdict.after and before_known & bits == known & bits:
        return f"unchanged, {after}"
    return f"{partial_hex(verdict.before, before_known, size, grouped=True)} -> {after}"


def commands(entries: Sequence[Entry], about: LogAbout) -> str:
    """Shell commands that make the same steps again, one for each vCPU in turn; a secret value is a `#` line.

    A write that was really made is a line of its own with `--for-real`. Every word is quoted for a POSIX shell.
    A command begins on a fresh VM, so that one of several knows of the others only whether the VM ran.
    """
    lines = [
        one_line(f"# {about.title}"),
        *(["# values of secret registers are withheld"] if _withholds(entries, about) else []),
    ]
    if len({one.step.vcpu for one in entries}) > 1:
        lines.append("# each command begins on a fresh VM: what the ones before wrote to shared registers is not in it")
    ran = False
    for (real, vcpu), group in groupby(entries, key=lambda one: (one.step.pair is not None, one.step.vcpu)):
        words = ["vcpu-inspector write", shlex.quote(about.source), *about.options]
        if about.vcpus:
            words.append(f"--vcpu {shlex.quote(about.vcpus[vcpu])}")
        words += ["--for-real"] if real else ["--ran"] if ran else []
        held: list[str] = []
        left: list[str] = []
        for one in group:
            ran = ran or (one.step.runs and not one.errno)
            secret = not one.step.runs and is_secret(one.step.id) and not about.secrets
            (left if secret else held).append(RUN if one.step.runs else step_text(one.step, about.secrets))
        lines += [one_line(f"# left out: {text}") for text in left]
        if held:
            lines.append(" \\\n    ".join([" ".join(words), *map(shlex.quote, held)]))
    return "\n".join(lines) + "\n"


def _withholds(entries: Sequence[Entry], about: LogAbout) -> bool:
    return not about.secrets and any(is_secret(one.step.id) for one in entries if not one.step.runs)


def counted(entries: Sequence[Entry]) -> str:
    """`3 writes: 2 accepted, 1 refused`."""
    tried = [one for one in entries if not one.step.runs]
    words = [count_of(len(tried), "write")]
    counts = [(word, sum(one.outcome == word for one in tried)) for word in SIGNS]
    told = ", ".join(f"{count} {word}" for word, count in counts if count)
    return f"{words[0]}: {told}" if told else words[0]


def log_outline(entries: Sequence[Entry], about: LogAbout) -> list[OutlineLine]:
    """The whole log: on what, every step with its answer, and the commands."""
    simulated = "" if any(one.step.pair is not None for one in entries) else ", simulated"
    lines = [line(Words(f"{counted(entries)}{simulated}", "title"), kind="title")]
    lines.append(line(about.source, label="Source", column=9))
    lines.append(line(about.title, label="Kernel", column=9))
    lines += [line(about.features_text, label="vCPU", column=9)] if about.features_text else []
    lines += heading("Steps")
    for number, one in enumerate(entries, 1):
        vcpu = f" (vCPU {about.vcpus[one.step.vcpu]})" if about.vcpus else ""
        text = Words(f"{SIGNS[one.outcome]} {step_text(one.step, about.secrets)}{vcpu}", ROLES[one.outcome])
        told = f"{one.outcome}: {outcome_text(one, about.secrets)}"
        lines.append(line(text, f"   {told}", label=f"{number}.", depth=1))
        if one.verdict is not None and one.verdict.rule and one.outcome != "accepted":
            reference = f", {one.verdict.reference}" if one.verdict.reference else ""
            lines.append(line(f"{one.verdict.rule}{reference}", label="rule", depth=2))
    lines += heading("Again")
    lines += [line(text, kind="code", depth=1) for text in commands(entries, about).rstrip().split("\n")]
    return lines


def log_markdown(entries: Sequence[Entry], about: LogAbout) -> str:
    """The log for a bug report."""
    return outline_markdown(log_outline(entries, about))
