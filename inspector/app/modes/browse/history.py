"""What the kernels of the catalogue show of the highlighted field, said beside the fields, and of its whole register,
said below them, where there is room.

It is worked out beside the screen once the cursor has rested: no key waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from textual.app import App

from inspector.app.modes.browse.fields import FieldRow
from inspector.app.shell.background import aside
from inspector.app.shell.session import Session
from inspector.app.widgets.ink import Ink, Row, clip, ink, row
from inspector.checks.compare.kernel_history import KernelHistory, Run
from inspector.errors import InspectorError
from inspector.registers.bits import extract, partial_hex
from inspector.registers.catalog import Register, by_id
from inspector.registers.ids import ID_SPACE

RESTED = 0.15
"""Seconds without another key before the kernels are asked."""


class Place(NamedTuple):
    """A field of a register."""

    reg_id: int
    msb: int
    lsb: int


class History:
    """The runs of the field on screen; `ready` is called when they have been found."""

    def __init__(self, app: App[None], session: Session, ready: Callable[[], object]) -> None:
        self._app, self._session, self._ready = app, session, ready
        self._kernels: KernelHistory | None = None
        self._about: tuple[object, ...] = ()
        self._wanted: Place | None = None
        self._found: tuple[Place, tuple[Run, ...]] | None = None
        self._whole: tuple[Run, ...] = ()
        """of the register of what was found"""
        self._busy = False

    def rows(self, register: Register, one: FieldRow | None, cells: int) -> list[Row]:
        """A line for each run; none until they have been found, and for what the guest alone decides."""
        if not decided_by_kernel(register):
            return []
        self._look_at_machine()
        place = Place(register.id, *((one.msb, one.lsb) if one is not None else (register.size * 8 - 1, 0)))
        if self._found is None or self._found[0] != place:
            if self._wanted != place:
                self._wanted = place
                self._app.set_timer(RESTED, lambda: self._ask(place))
            return []
        return run_rows(self._found[1], one, register, cells)

    def whole_rows(self, register: Register, cells: int) -> list[Row]:
        """A line for each run of the whole register, with the fields that differ from the run before; none until they
        have been found, and where its one field is all of it."""
        if self._found is None or self._found[0].reg_id != register.id or register.schema is None:
            return []
        title = "The whole register under the kernels of this host, for a fresh vCPU"
        return run_rows(self._whole, None, register, cells, title) if len(register.schema.fields) > 1 else []

    def _look_at_machine(self) -> None:
        """Forget what was found of another machine."""
        session = self._session
        view, question = session.read_view, session.question
        about = (view, question and (question.policy.name, question.setup, question.host))
        if view is not None and (not self._about or about[0] is not self._about[0] or about[1] != self._about[1]):
            self._about = about
            self._kernels = KernelHistory(view.dump, question, view.one_vcpu)
            self._found = self._wanted = None

    def _ask(self, place: Place) -> None:
        kernels = self._kernels
        if self._busy or kernels is None or place != self._wanted:
            return
        self._busy = True

        whole = Place(place.reg_id, by_id(place.reg_id).size * 8 - 1, 0)

        def done(found: tuple[tuple[Run, ...], tuple[Run, ...]]) -> None:
            self._busy = False
            if kernels is not self._kernels or place != self._wanted:
                if self._wanted is not None:
                    self._ask(self._wanted)
                return
            self._found, self._whole = (place, found[0]), found[1]
            self._ready()

        def failed(error: InspectorError) -> None:
            done(((), ()))

        aside(self._app, lambda: (kernels.runs(*place), kernels.runs(*whole)), done, failed)


def decided_by_kernel(register: Register) -> bool:
    """False for registers that hold what the guest wrote."""
    return register.size <= 8 and (register.id in ID_SPACE or register.group in ("cache", "firmware"))


def run_rows(
    runs: tuple[Run, ...],
    one: FieldRow | None,
    register: Register,
    cells: int,
    title: str = "Kernels of this host, for a fresh vCPU",
) -> list[Row]:
    """`▌ 6.3.0 to 7.3.4   0x0  32-bit layout`, the kernel that is asked marked and bold."""
    if not runs:
        return []
    spans = [run.first if run.first == run.last else f"{run.first} to {run.last}" for run in runs]
    width = max(map(len, spans))
    rows: list[Row] = [(), row(Ink(title, "heading"))]
    for before, run, span in zip((None, *runs), runs, spans, strict=False):
        role = "title" if run.now else ""
        value, meaning = _words(run, one, register)
        if one is None and not meaning:
            meaning = _changed(before, run, register)
        pieces = (Ink("▌ " if run.now else "  ", "link"), Ink(f"{span:<{width}}  ", role), Ink(value, role))
        rows.append(clip((*pieces, ink(f"  {meaning}" if meaning else "", "muted")), cells))
    return rows


def _changed(before: Run | None, run: Run, register: Register) -> str:
    """`CCIDX 0x1 → 0x0`: the fields that are known to differ from the run before."""
    if before is None or register.schema is None or not (before.listed and run.listed):
        return ""
    unlike = (before.value ^ run.value) & before.known & run.known
    return ", ".join(
        f"{one.name} 0x{extract(before.value, one.msb, one.lsb):x} → 0x{extract(run.value, one.msb, one.lsb):x}"
        for one in register.schema.fields
        if extract(unlike, one.msb, one.lsb)
    )


def _words(run: Run, one: FieldRow | None, register: Register) -> tuple[str, str]:
    """(the value, what it means)."""
    if not run.listed:
        return ("not listed", "") if run.listed is False else ("?", "may not be listed")
    bits = one.width if one is not None else register.size * 8
    whole = run.known == (1 << bits) - 1
    if bits > 16:
        return partial_hex(run.value, run.known, (bits + 7) // 8, grouped=True), ""
    meaning = one.values.get(run.value, "").split(";")[0] if one is not None and whole else ""
    return (f"0x{run.value:x}" if whole else "?"), meaning
