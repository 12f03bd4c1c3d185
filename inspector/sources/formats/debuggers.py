"""Registers as debuggers print them: QEMU's monitor (`info registers`), gdb (`info registers`), LLDB (`register read`).

QEMU prints general registers and PSTATE only. gdb on QEMU's stub may add system registers under QEMU's names.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from inspector.registers.catalog import find
from inspector.registers.encoding import CLASS_CORE, split_id
from inspector.sources.dump import Dump, Provenance
from inspector.sources.formats.plain_text import HEADING, gather, text_of
from inspector.sources.gathered import Gathered, make_dump
from inspector.sources.opening import Content
from inspector.sources.pasted_lines import bare
from inspector.untrusted import Untrusted

NAME: Final = "debugger"
_QEMU = re.compile(rb"\bPC=[0-9a-f]{16}[ \t]{1,20}X00=[0-9a-f]{16}")
_LLDB = re.compile(rb"^[ \t]{0,40}x0 = 0x[0-9a-f]{16}\b", re.M)
_GDB = re.compile(rb"^(?:\(gdb\) )?x0[ \t]{1,40}0x[0-9a-f]{1,16}[ \t]{1,40}-?[0-9]", re.M)
_PAIR = re.compile(r"\b(?:(PC|SP|X[0-9][0-9])=([0-9a-f]{16})|(PSTATE|FPCR|FPSR)=([0-9a-f]{8}|[0-9a-f]{16}))\b")
"""QEMU prints every digit of a register: fewer are a line that was cut off."""
_STATE = re.compile(r"\bPC=[0-9a-f]{16}[ \t]{1,20}X00=")
_VECTOR = re.compile(r"\b(?:Q|V)([0-9][0-9])=([0-9a-f]{16}):([0-9a-f]{16})\b")
_PSTATE_WORDS = re.compile(
    r"(?:[N-][Z-][C-][V-])\s|\b(?:NS |S )?EL[0-3][th]\b|\bFPU disabled|\bBTYPE=[0-9]|\bSVCR=[0-9a-f]{8} ?[A-Z-]{0,4}"
    r"|\b(?:NS|S) (?=EL)"
)
"""What stands behind PSTATE and is said by its bits."""
_CPU = re.compile(r"^CPU#([0-9]{1,4})", re.M)
_IN_USE = re.compile(r"[ \t]{0,40}(?:\(gdb\) )?sp(?:[ \t]|$)")
_ONLY_STATE = "shows general registers as a debugger prints them; it does not show ID registers, caches or features"


def sniff(content: Content) -> bool:
    """A line of one of the three is in the head."""
    head = content.head
    return b"\0" not in head and any(pattern.search(head) for pattern in (_QEMU, _LLDB, _GDB))


def load(content: Content) -> Dump:
    """The registers of each CPU. Raises SourceError for a register with two values."""
    text = text_of(content)
    gathered = Gathered(content.name, content.budget)
    notes: list[str] = []
    if _QEMU.search(content.head):
        tool = "QEMU monitor"
        notes += _take_qemu(gathered, text)
        gathered.take_in_use(gathered.sections)
    else:
        tool = "LLDB" if _LLDB.search(content.head) else "gdb"
        _take_listed(gathered, text.splitlines())
    provenance = Provenance(source=content.name, format=NAME, compression=content.compression, tool=Untrusted(tool))
    core_only = all(split_id(i).cls == CLASS_CORE for values in gathered.sections.values() for i in values)
    return make_dump(gathered, content.declared or "vcpu", provenance, [_ONLY_STATE] * core_only + notes)


def _take_qemu(gathered: Gathered, text: str) -> list[str]:
    """aarch64_cpu_dump_state(), target/arm/cpu.c: NAME=hex pairs, vectors as two halves, upper half first.

    Of states that follow each other, as `-d cpu` logs them, the last whole one is taken; a note says so.
    """
    notes: list[str] = []
    places = [(0, None), *((found.start(), int(found[1])) for found in _CPU.finditer(text))]
    for (start, cpu), (end, _) in zip(places, [*places[1:], (len(text), None)], strict=True):
        part, states = _last_state(text[start:end])
        if states > 1:
            whose = "" if cpu is None else f" of CPU {cpu}"
            notes.append(
                f"{states} states{whose} follow each other, as `-d cpu` logs them: the last whole one is shown"
            )
        for wide, digits, narrow, few in _PAIR.findall(part):
            short = f"X{int(wide[1:])}" if wide[:1] == "X" else wide or narrow
            gathered.add(cpu, find(short).register.id, int(digits or few, 16), gathered.where)
        for number, high, low in _VECTOR.findall(part):
            if int(number) < 32:
                reg_id = find(f"V{int(number)}").register.id
                gathered.add(cpu, reg_id, int(high, 16) << 64 | int(low, 16), gathered.where)
    _leave_out(gathered, text)
    return notes


def _last_state(part: str) -> tuple[str, int]:
    """The last state of a part that has its PSTATE, and how many begin in it."""
    begins = [found.start() for found in _STATE.finditer(part)]
    if len(begins) < 2:
        return part, len(begins)
    states = [part[start:end] for start, end in pairwise([*begins, len(part)])]
    return next((one for one in reversed(states) if "PSTATE=" in one), states[-1]), len(states)


def _leave_out(gathered: Gathered, text: str) -> None:
    """Count the lines of QEMU's monitor that hold something else: SVE registers, a value that was cut off, prose."""
    for count, raw in enumerate(text.splitlines(), 1):
        rest = _PSTATE_WORDS.sub("", _VECTOR.sub("", _PAIR.sub("", bare(raw))))
        if rest.strip() and not _CPU.match(rest):
            gathered.leave_out(count, raw)


def _take_listed(gathered: Gathered, lines: list[str]) -> None:
    """gdb's and LLDB's lines; the stack pointer in use stands apart from SP_EL0 and SP_EL1, which QEMU's stub lists."""
    apart = Gathered(gathered.where, gathered.budget)
    gather(apart, [line if _IN_USE.match(line) or HEADING.fullmatch(bare(line)) else "" for line in lines], hexes=False)
    gather(gathered, ["" if _IN_USE.match(line) else line for line in lines], hexes=False)
    gathered.take_in_use(apart.sections)
