"""Registers as debuggers print them: QEMU's monitor (`info registers`), gdb (`info registers`), LLDB (`register read`).

QEMU prints general registers and PSTATE only. gdb on QEMU's stub may add system registers under QEMU's names.
"""

from __future__ import annotations

import re

from inspector.registers.catalog import find
from inspector.registers.encoding import CLASS_CORE, split_id
from inspector.sources.dump import Dump, Provenance
from inspector.sources.formats.plain_text import gather, text_of
from inspector.sources.gathered import Gathered, make_dump
from inspector.sources.opening import Content
from inspector.sources.pasted_lines import bare
from inspector.untrusted import Untrusted

NAME = "debugger"
_QEMU = re.compile(rb"\bPC=[0-9a-f]{16}[ \t]{1,20}X00=[0-9a-f]{16}")
_LLDB = re.compile(rb"^[ \t]{0,40}x0 = 0x[0-9a-f]{16}\b", re.M)
_GDB = re.compile(rb"^(?:\(gdb\) )?x0[ \t]{1,40}0x[0-9a-f]{1,16}[ \t]{1,40}-?[0-9]", re.M)
_PAIR = re.compile(r"\b(?:(PC|SP|X[0-9][0-9])=([0-9a-f]{16})|(PSTATE|FPCR|FPSR)=([0-9a-f]{8}|[0-9a-f]{16}))\b")
"""QEMU prints every digit of a register: fewer are a line that was cut off."""
_VECTOR = re.compile(r"\b(?:Q|V)([0-9][0-9])=([0-9a-f]{16}):([0-9a-f]{16})\b")
_PSTATE_WORDS = re.compile(
    r"(?:[N-][Z-][C-][V-])\s|\b(?:NS |S )?EL[0-3][th]\b|\bFPU disabled|\bBTYPE=[0-9]|\bSVCR=[0-9a-f]{8} ?[A-Z-]{0,4}"
    r"|\b(?:NS|S) (?=EL)"
)
"""What stands behind PSTATE and is said by its bits."""
_CPU = re.compile(r"^CPU#([0-9]{1,4})", re.M)
_EL1H = 0x5
_ONLY_STATE = "shows general registers as a debugger prints them; it does not show ID registers, caches or features"


def sniff(content: Content) -> bool:
    """A line of one of the three is in the head."""
    head = content.head
    return b"\0" not in head and any(pattern.search(head) for pattern in (_QEMU, _LLDB, _GDB))


def load(content: Content) -> Dump:
    """The registers of each CPU. Raises SourceError for a register with two values."""
    text = text_of(content)
    gathered = Gathered(content.name, content.budget)
    if _QEMU.search(content.head):
        tool = "QEMU monitor"
        _take_qemu(gathered, text)
    else:
        tool = "LLDB" if _LLDB.search(content.head) else "gdb"
        gather(gathered, text.splitlines(), hexes=False)
    notes = _place_stack_pointer(gathered)
    provenance = Provenance(source=content.name, format=NAME, compression=content.compression, tool=Untrusted(tool))
    core_only = all(split_id(i).cls == CLASS_CORE for values in gathered.sections.values() for i in values)
    return make_dump(gathered, content.declared or "vcpu", provenance, [_ONLY_STATE] * core_only + notes)


def _take_qemu(gathered: Gathered, text: str) -> None:
    """aarch64_cpu_dump_state(), target/arm/cpu.c: NAME=hex pairs, vectors as two halves, upper half first."""
    places = [(0, None), *((found.start(), int(found[1])) for found in _CPU.finditer(text))]
    for (start, cpu), (end, _) in zip(places, [*places[1:], (len(text), None)], strict=True):
        part = text[start:end]
        for wide, digits, narrow, few in _PAIR.findall(part):
            short = f"X{int(wide[1:])}" if wide[:1] == "X" else wide or narrow
            gathered.add(cpu, find(short).register.id, int(digits or few, 16), gathered.where)
        for number, high, low in _VECTOR.findall(part):
            if int(number) < 32:
                reg_id = find(f"V{int(number)}").register.id
                gathered.add(cpu, reg_id, int(high, 16) << 64 | int(low, 16), gathered.where)
    _leave_out(gathered, text)


def _leave_out(gathered: Gathered, text: str) -> None:
    """Count the lines of QEMU's monitor that hold something else: SVE registers, a value that was cut off, prose."""
    for count, raw in enumerate(text.splitlines(), 1):
        rest = _PSTATE_WORDS.sub("", _VECTOR.sub("", _PAIR.sub("", bare(raw))))
        if rest.strip() and not _CPU.match(rest):
            gathered.leave_out(count, raw)


def _place_stack_pointer(gathered: Gathered) -> list[str]:
    """Debuggers say `sp` of the stack pointer in use: SP_EL1 where PSTATE is EL1h, else SP_EL0 (of EL2: neither).

    Without PSTATE it is not known which one: the value is left out, and the note says so.
    """
    sp_el0, sp_el1, pstate = (find(name).register.id for name in ("SP_EL0", "SP_EL1", "PSTATE"))
    notes: list[str] = []
    for values in gathered.sections.values():
        mode = values.get(pstate, 0) & 0xF
        if sp_el0 not in values:
            continue
        if pstate not in values:
            del values[sp_el0]
            notes.append("SP is left out: without PSTATE it may be the stack pointer of any exception level")
        elif mode == _EL1H:
            values[sp_el1] = values.pop(sp_el0)
        elif mode > _EL1H and mode & 1:
            del values[sp_el0]
            notes.append("SP is left out: it is the stack pointer of EL2 or EL3, which a vCPU without EL2 has not")
    return list(dict.fromkeys(notes))
