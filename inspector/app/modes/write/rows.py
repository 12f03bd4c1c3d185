"""How the Write dialog is drawn while nothing is judged: head, what the line may go on with, what is wrong with it.

judged.py has the rest: the dialog opens without what judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inspector.app.shell.keys import pressing
from inspector.app.shell.numbers import Base, part_text
from inspector.app.widgets.ink import WRITTEN, Ink, Row, clip, ink, row, wrap
from inspector.checks.writing.completing import Completion
from inspector.numbers import count_of
from inspector.registers.catalog import Register
from inspector.registers.encoding import grouped_hex

if TYPE_CHECKING:
    from inspector.checks.writing.history import History

EMPTY = "type a value: 0x…, 0b…, decimal, FIELD=value or REG.FIELD=value"


class Written(NamedTuple):
    """What the dialog writes to."""

    register: Register
    vcpu: int
    vcpu_name: str
    policy: str
    history: History | None
    """None while nothing was judged. What the vCPU was saved with is then called that: the kernel that answers may let
    it hold something else."""
    read: tuple[int, int] | None = None
    """value and known bits as the vCPU was saved under this kernel, which tell what the model cannot derive"""


def head_rows(written: Written, base: Base, cells: int, short: bool) -> list[Row]:
    """Register, vCPU and policy, present value."""
    register, history = written.register, written.history
    ran = "after its first run" if history is not None and history.ran else "not run yet"
    count = history.writes if history is not None else 0
    kept = f"   {count_of(count, 'write')} tried" if count else ""
    now, wide = _now(written), register.size > 8
    present = part_text(*now, register.size, "hex" if wide else base) if now is not None else "not known"
    changes = history is not None and register.id in history.changes(written.vcpu)
    changed = row(Ink(f"   {WRITTEN} written", "raised")) if changes else ()
    first = row(Ink("register  ", "muted"), ink(register.name, "title"))
    if not short:
        first = (*first, Ink(f"   id {grouped_hex(register.id)}", "muted"))
    whose = f"{written.vcpu_name}, {ran}{kept}"
    about = row(Ink("vCPU      ", "muted"), ink(whose), Ink("   policy ", "muted"), ink(written.policy))
    return [
        clip(first, cells),
        clip(about, cells),
        clip(
            (*row(Ink("now       " if history is not None else "as read   ", "muted"), Ink(present)), *changed), cells
        ),
    ]


def _now(written: Written) -> tuple[int, int] | None:
    """Value and known bits of what the register holds; None where nothing of it is known."""
    register, vcpu, history, read = written.register, written.vcpu, written.history, written.read
    if history is None:
        return read
    bench = history.bench
    assert bench is not None
    now = bench.now(register.id, vcpu)
    if now is None:
        return None
    known = -1 if register.size > 8 else bench.known(register.id, vcpu)
    agrees = read is not None and not (read[0] ^ now) & known
    return (read[0] | now & known, read[1] | known) if read is not None and agrees else (now, known)


def problem_rows(problem: str, cells: int) -> list[Row]:
    """Why something is no write or no value: the line of the verdict, and how it goes on below."""
    return wrap(row(Ink("✖ ", "refused"), ink(problem)), cells, indent=2)


def offer_row(found: Completion, cells: int) -> Row:
    """What the line may go on with: names, or values with their meanings."""
    if found.values:
        pieces: list[Ink] = []
        for place, (value, text) in enumerate(found.values):
            pieces += [
                Ink(value, "key", _take(place)),
                ink(f" {text.split(';')[0]}", "muted", _take(place)),
                Ink("   "),
            ]
        return clip(row(Ink("          "), *pieces), cells)
    if not found.words:
        return ()
    offered = enumerate(found.words[:12])
    names = [piece for place, word in offered for piece in (ink(word, "muted", _take(place)), Ink("  "))]
    return clip(row(Ink("tab", "key", pressing("tab")), Ink("       "), *names), cells)


def _take(place: int) -> str:
    """The action of a click on what the line may go on with."""
    return f"screen.take_offer({place})"
