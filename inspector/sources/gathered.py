"""Values gathered from a text line by line, and the dump that they make: a vCPU's, a guest's, or a machine's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import get_args

from inspector.budget import RECORDS, VCPUS, Budget
from inspector.errors import RegisterError, SourceError, one_line
from inspector.registers.catalog import by_id
from inspector.registers.encoding import (
    ARCH_ARM64,
    CLASS_CORE,
    CLASS_DEMUX,
    CLASS_SYSREG,
    ccsidr_id,
    hex_id,
    make_id,
    split_id,
    sysreg_id,
    sysreg_of,
)
from inspector.registers.ids import PSTATE
from inspector.sources.dump import Constraint, Cpu, Dump, Host, Provenance, Vcpu, View
from inspector.sources.pasted_lines import fits
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

VIEWS: tuple[View, ...] = get_args(View)
NAMED = 3
"""Lines not understood that a note names; the others are counted."""
_CCSIDR, _CSSELR = sysreg_id(3, 1, 0, 0, 0), sysreg_id(3, 2, 0, 0, 0)
_OF_EACH_CPU = frozenset((_CSSELR, sysreg_id(3, 0, 0, 0, 5)))
"""Registers that differ between CPUs of one kind: CSSELR_EL1 and MPIDR_EL1."""
_MIDR = sysreg_id(3, 0, 0, 0, 0)
_SP_EL0, _SP_EL1 = make_id(CLASS_CORE, 62), make_id(CLASS_CORE, 68)
_EL1H = 0x5
_KINDS_APART = "each kind is kept by itself, and of the machine is known what every kind tells"
_VIEW_WORDS = {"host": "host", "machine": "host", "el0": "el0", "vcpu": "vcpu", "guest": "guest"}
_FILLERS = frozenset(
    ("raw", "values", "value", "view", "registers", "register", "dump", "of", "the", "a", "an", "as", "kind", "s")
) | {"own", "id", "system", "el1", "from"}


class Gathered:
    """What was read so far. `section` is a CPU or vCPU number, None while the text has said none."""

    def __init__(self, where: str, budget: Budget) -> None:
        self.where, self.budget = where, budget
        self.sections: dict[int | None, dict[int, int]] = {}
        """register id -> value; a CCSIDR_EL1 whose selector is known stands under its demux id, with up to 64 bits"""
        self.parts: dict[int | None, dict[int, Constraint]] = {}
        self.bare: dict[int, int] = {}
        """registers without a value -> line"""
        self.foreign: list[tuple[int, str, str]] = []
        """lines not understood: number, text, reason"""
        self.foreign_count = 0
        self._reasons = 0
        self.selector: dict[int | None, int] = {}
        self.by_id = False
        """a register was given by its KVM id"""
        self.kernel_log = False
        """a kernel's own log gave values of its CPUs"""
        self.in_use: dict[int | None, int] = {}
        """the stack pointer that a CPU had in use, as debuggers and kernels print it: of which level, PSTATE says"""

    @property
    def empty(self) -> bool:
        """True while no value was found."""
        return not any(self.sections.values()) and not any(self.parts.values())

    def leave_out(self, line: int, text: str, reason: str | RegisterError = "") -> None:
        """Count a line that was not understood; the first ones with a reason are named, and only theirs is put into
        words: near misses of a name take milliseconds."""
        self.foreign_count += 1
        named = bool(reason) and self._reasons < NAMED
        if named or len(self.foreign) < NAMED:
            self._reasons += named
            self.foreign.append((line, text.strip()[:60], _in_words(reason)[:200] if named else ""))

    def add(self, section: int | None, reg_id: int, value: int, at: str, mask: int | None = None) -> str:
        """Take a value; gives why it cannot be one, "" for a good one. Raises SourceError for two unlike values."""
        if mask is not None:
            return self._add_part(section, reg_id, value, mask)
        if reg_id == _CSSELR:
            self.selector[section] = value
        if reg_id == _CCSIDR and section in self.selector:
            self.sections.get(section, {}).pop(_CSSELR, None)
            reg_id = ccsidr_id(self.selector[section] & 0xFF)
        if value >> 64 if _is_cache(reg_id) else not fits(reg_id, value):
            return f"value {value:#x} of {hex_id(reg_id)} is wider than the register"
        known = self._section(section)
        if reg_id not in known:
            self.budget.spend(RECORDS)
        if known.setdefault(reg_id, value) != value:
            if reg_id == _CSSELR:
                known[reg_id] = value
                return ""
            raise SourceError(f"{by_id(reg_id).name}: the register already has the value {known[reg_id]:#x}", at)
        return ""

    def _section(self, section: int | None) -> dict[int, int]:
        if section not in self.sections:
            self.begin(section)
        return self.sections[section]

    def take_in_use(self, sections: Mapping[int | None, dict[int, int]]) -> None:
        """What stands as SP in `sections` is the stack pointer in use, not SP_EL0."""
        self.in_use |= {cpu: values.pop(_SP_EL0) for cpu, values in sections.items() if _SP_EL0 in values}

    def place_stack_pointers(self) -> list[str]:
        """SP_EL1 where PSTATE is EL1h, else SP_EL0 (of EL2 neither); left out without PSTATE, as the notes say.

        What is in use is newer than what a stub has in the system register of that name (QEMU keeps it in
        env->xregs[31], target/arm/internals.h).
        """
        notes: list[str] = []
        for cpu, value in self.in_use.items():
            values = self.sections.setdefault(cpu, {})
            mode = values.get(PSTATE, 0) & 0xF
            if PSTATE not in values:
                notes.append("SP is left out: without PSTATE it may be the stack pointer of any exception level")
            elif mode > _EL1H and mode & 1:
                notes.append("SP is left out: it is the stack pointer of EL2 or EL3, which a vCPU without EL2 has not")
            else:
                values[_SP_EL1 if mode == _EL1H else _SP_EL0] = value
        return list(dict.fromkeys(notes))

    def begin(self, section: int | None) -> None:
        """A CPU or vCPU that the text speaks of, whether or not a value of it follows."""
        self.budget.spend(VCPUS)
        self.sections.setdefault(section, {})

    def _add_part(self, section: int | None, reg_id: int, value: int, mask: int) -> str:
        known = self.parts.setdefault(section, {})
        if reg_id not in known:
            self.budget.spend(RECORDS)
        before = known.get(reg_id, Constraint(0, 0))
        if (before.value ^ value) & before.mask & mask:
            return f"a field of {by_id(reg_id).name} has two values"
        known[reg_id] = Constraint(before.mask | mask, before.value | value)
        return ""

    def notes(self) -> tuple[str, ...]:
        """One sentence on the lines that were not understood; none when there are none."""
        if not self.foreign_count:
            return ()
        named = sorted(self.foreign, key=lambda each: (not each[2], each[0]))[:NAMED]
        texts = [f"line {n}: {text}" + (f" ({reason})" if reason else "") for n, text, reason in named]
        more = self.foreign_count - len(texts)
        told = "; ".join(texts) + (f"; and {more} more" if more > 0 else "")
        count = "1 line was" if self.foreign_count == 1 else f"{self.foreign_count} lines were"
        return (one_line(f"{count} not understood and left out: {told}"),)


def _in_words(reason: str | RegisterError) -> str:
    if isinstance(reason, RegisterError):
        hint = reason.hint
        return f"{reason.what} ({hint})" if hint else reason.what
    return reason


def _is_cache(reg_id: int) -> bool:
    parts = split_id(reg_id)
    return parts.cls == CLASS_DEMUX and parts.arch == ARCH_ARM64


def view_in_line(line: str) -> View | None:
    """The view that a header line states, as in `# host`, `Guest's own view:`, `as: el0`; None for any other line."""
    if len(line) > 80:
        return None
    words = "".join(ch if ch.isalnum() else " " for ch in line.casefold()).split()
    told = [word for word in words if word not in _FILLERS]
    if len(told) == 2 and told[0] == "host" and told[1] == "el0":
        return "el0"
    view = _VIEW_WORDS.get(told[0]) if len(told) == 1 else None
    return next((each for each in VIEWS if each == view), None)


def infer_view(gathered: Gathered, text: str) -> tuple[View | None, str]:
    """What a text without a header can only be, and why; None where it could be either.

    KVM lists pseudo-registers and CCSIDR words under ids of its own; a CCSIDR_EL1 of more than 32 bits cannot come
    through KVM, whose demux register has 32; a guest without EL2 cannot read EL2's registers.
    """
    ids = [reg_id for values in gathered.sections.values() for reg_id in values]
    if any(value >> 32 for values in gathered.sections.values() for i, value in values.items() if _is_cache(i)):
        return "host", "a CCSIDR_EL1 is wider than the 32 bits that KVM has for it"
    if gathered.by_id or any(split_id(i).cls not in (CLASS_SYSREG, CLASS_DEMUX) for i in ids):
        return "vcpu", ""
    if gathered.kernel_log:
        return "host", "a kernel's log shows the CPUs that it runs on; a guest's own log needs --as guest"
    if "/regs/identification/" in text:
        return "host", "sysfs shows the CPUs of the machine that it was read on; of a guest's own it needs --as guest"
    if "kvm" in text.casefold():
        return "vcpu", "the text speaks of KVM"
    upper = next((by_id(i).name for i in ids if (reg := sysreg_of(i)) and reg.op0 == 3 and reg.op1 in (4, 6)), "")
    if upper:
        return "host", f"it has {upper}, which only the machine's own EL2 or EL3 reads"
    return None, ""


def make_dump(gathered: Gathered, view: View, provenance: Provenance, notes: Sequence[str] = ()) -> Dump:
    """The dump of everything gathered, in one view. Raises SourceError for what that view cannot hold."""
    told = (*notes, *gathered.place_stack_pointers(), *gathered.notes())
    shared = len(gathered.sections.get(None, {})) + len(gathered.parts.get(None, {}))
    gathered.budget.spend(RECORDS, shared * max(0, len(_sections(gathered)) - 1))
    if view in ("vcpu", "guest"):
        vcpus = tuple(_vcpu(gathered, section, view) for section in _sections(gathered))
        return Dump(provenance=provenance, vcpus=vcpus, notes=told)
    return _machine(gathered, view, provenance, told)


def _of_each(merged: Mapping[int, int], gathered: Gathered, group: Sequence[int | None]) -> dict[int, int]:
    """What is each CPU's own and the same on all; nothing that only CPUs of another kind tell."""
    return {i: v for i, v in merged.items() if any(i in gathered.sections.get(s, {}) for s in (None, *group))}


def _sections(gathered: Gathered) -> list[int | None]:
    """Every section that holds something; what was said before the first number belongs to the first of them."""
    found = list(dict.fromkeys([*gathered.sections, *gathered.parts]))
    return [section for section in found if section is not None] or found


def _vcpu(gathered: Gathered, section: int | None, view: View) -> Vcpu:
    values = {**gathered.sections.get(None, {}), **gathered.sections.get(section, {})}
    for reg_id, value in values.items():
        if not fits(reg_id, value):
            raise SourceError(
                f"{by_id(reg_id).name} {value:#x} is wider than a vCPU's register of 32 bits",
                gathered.where,
                "a machine's own CCSIDR_EL1 has 64: read it with --as host",
            )
    constraints = {**gathered.parts.get(None, {}), **gathered.parts.get(section, {})}
    return Vcpu(
        index=section or 0,
        values=values,
        constraints={i: c for i, c in constraints.items() if i not in values},
        setup=listed_setup(values, gic="v3"),
        guest={i: v for i, v in values.items() if split_id(i).cls == CLASS_SYSREG} if view == "guest" else {},
    )


def _machine(gathered: Gathered, view: View, provenance: Provenance, notes: Sequence[str]) -> Dump:
    """One machine: what its CPUs agree on, and a CPU each for what they do not."""
    sections = _sections(gathered)
    each = [{**gathered.sections.get(None, {}), **gathered.sections.get(s, {})} for s in sections]
    agreeing = agreed(each)
    unlike = sorted({i for values in each for i in values} - set(agreeing) - _OF_EACH_CPU)
    kinds = _kinds(sections, each) if unlike else [sections]
    agreeing = {i: v for i, v in agreeing.items() if _told_by_all(i, kinds, gathered.sections)}
    merged = {i: v for i, v in agreeing.items() if not _is_cache(i)}
    shown = merged if view == "el0" else agreeing
    parts = _agreed_parts(gathered, kinds, merged)
    caches = {} if view == "el0" else {split_id(i).number: v for i, v in agreeing.items() if _is_cache(i)}
    if view == "el0":  # a process cannot read CCSIDR_EL1
        each = [{i: v for i, v in values.items() if not _is_cache(i)} for values in each]
    known = {i: c.mask for i, c in parts.items()}
    host = Host(values=merged | {i: c.value for i, c in parts.items()}, known=known, ccsidr=caches,
                view="el0" if view == "el0" else "raw")  # fmt: skip
    label = "host" if view == "host" else "host at EL0"
    if len(sections) > 1 and unlike:
        names = ", ".join(by_id(i).name for i in unlike[:5])
        notes = (*notes, f"the CPUs differ in {names}: {_KINDS_APART}")
        alike: dict[frozenset[tuple[int, int]], list[int | None]] = {}
        for section, values in zip(sections, each, strict=True):
            told = frozenset((i, v) for i, v in values.items() if i not in _OF_EACH_CPU)
            alike.setdefault(told, []).append(section)
        vcpus = tuple(
            Vcpu(
                index=n,
                name=Untrusted(_cpu_names(group)),
                kind="host",
                values=dict(sorted(told)) | _of_each(shown, gathered, group),
                constraints={
                    i: c for i, c in parts.items() if any(i in gathered.parts.get(s, {}) for s in (None, *group))
                },
            )
            for n, (told, group) in enumerate(alike.items())
        )
    else:
        vcpus = (Vcpu(index=0, name=Untrusted(label), kind="host", values=shown, constraints=parts),)
        if len(sections) > 1:
            listed = ", ".join(str(s) for s in sections[:8])
            notes = (*notes, f"values of CPUs {listed} are taken together: none of them contradicts another")
    cpus = tuple(Cpu(index=s, values=values) for s, values in zip(sections, each, strict=True) if s is not None)
    el0 = merged if view == "el0" else {}
    return Dump(provenance=provenance, vcpus=vcpus, host=host, cpus=cpus, el0=el0, one_vm=False, notes=tuple(notes))


def _cpu_names(sections: Sequence[int | None]) -> str:
    """`CPU 3`, or `CPUs 0, 1, 2, 3 and 5 more`."""
    names = [str(section) for section in sections if section is not None]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"CPU{'s' if len(names) > 1 else ''} {', '.join(names[:4])}{more}"


def agreed(each: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """The values of registers on which all who have them agree, in the order of their first mention."""
    merged: dict[int, int] = {}
    unlike: set[int] = set()
    for values in each:
        for key, value in values.items():
            if merged.setdefault(key, value) != value:
                unlike.add(key)
    return {key: value for key, value in merged.items() if key not in unlike}


def _kinds(sections: Sequence[int | None], each: Sequence[Mapping[int, int]]) -> list[list[int | None]]:
    """The CPUs by kind: those with one MIDR_EL1 are alike. What a CPU without one is nobody knows: a kind by itself."""
    kinds: dict[tuple[str, int | None], list[int | None]] = {}
    for section, values in zip(sections, each, strict=True):
        kinds.setdefault(("core", values[_MIDR]) if _MIDR in values else ("CPU", section), []).append(section)
    return list(kinds.values())


def _told_by_all(
    reg_id: int, kinds: Sequence[Sequence[int | None]], sections: Mapping[int | None, Collection[int]]
) -> bool:
    """True when the text tells a register of some CPU of each kind, or before it spoke of CPUs."""
    if reg_id in sections.get(None, ()):
        return True
    return all(any(reg_id in sections.get(section, ()) for section in kind) for kind in kinds)


def _agreed_parts(
    gathered: Gathered, kinds: Sequence[Sequence[int | None]], whole: Mapping[int, int]
) -> dict[int, Constraint]:
    """Bit by bit what the text tells of every kind of CPU, and alike."""
    shared = gathered.parts.get(None, {})
    each = [_joined([shared, *(gathered.parts.get(section, {}) for section in kind)]) for kind in kinds]
    merged = _joined(each)
    for reg_id, part in merged.items():
        mask = part.mask
        for one in each:
            mask &= one.get(reg_id, Constraint(0, 0)).mask
        merged[reg_id] = Constraint(mask, part.value & mask)
    return {reg_id: part for reg_id, part in merged.items() if reg_id not in whole and part.mask}


def _joined(each: Sequence[Mapping[int, Constraint]]) -> dict[int, Constraint]:
    """The bits that anyone tells and nobody contradicts."""
    merged: dict[int, Constraint] = {}
    unlike: dict[int, int] = {}
    for parts in each:
        for reg_id, part in parts.items():
            before = merged.get(reg_id, Constraint(0, 0))
            unlike[reg_id] = unlike.get(reg_id, 0) | (before.value ^ part.value) & before.mask & part.mask
            mask = (before.mask | part.mask) & ~unlike[reg_id]
            merged[reg_id] = Constraint(mask, (before.value | part.value) & mask)
    return merged
