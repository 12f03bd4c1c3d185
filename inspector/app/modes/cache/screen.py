"""Cache: the hierarchy that CLIDR, CCSIDR and CTR describe, on the host and as the vCPU's kernel reports it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from textual.binding import BindingType
from textual.events import Click
from textual.widget import Widget

from inspector.app.modes import cache
from inspector.app.modes.cache.diagram import Drawing, Side, drawn, listed, reading_of
from inspector.app.shell import keys
from inspector.app.shell.frame import Frame
from inspector.app.shell.numbers import Base, bits_text, field_text, short_text
from inspector.app.shell.session import Change
from inspector.app.shell.view import View
from inspector.app.widgets.field_rows import FieldLine, field_rows
from inspector.app.widgets.ink import WRITTEN, Ink, Row, clip, fit, ink, row, width, wrap
from inspector.app.widgets.lines import Lines
from inspector.policies.series import series_of
from inspector.registers import catalog
from inspector.registers.bits import ALL, Partial, extract
from inspector.registers.caches import (
    HOST_UNSEEN,
    CacheReading,
    CacheTopology,
    machine_caches,
    narrow_reading,
    read_caches,
    wide_reading,
)
from inspector.registers.caches import Cache as CpuCache
from inspector.registers.encoding import ccsidr_id, grouped_hex
from inspector.registers.ids import CLIDR_EL1, CTR_EL0
from inspector.registers.reading import read
from inspector.sources.consistency import unlike_words
from inspector.sources.dump import of_unlike_cpus

LAYOUTS = {"32-bit": ((27, 13), (12, 3), (2, 0)), "64-bit": ((55, 32), (23, 3), (2, 0))}
"""Where NumSets, Associativity and LineSize lie in CCSIDR_EL1 (Arm ARM, D24.2.29), without and with FEAT_CCIDX."""
ROOMY = 70
"""Cells in which CTR_EL0 stands whole."""
TABLE_CELLS, LEAST_TABLE = 76, 8
"""Cells of a table of a register's fields, and lines below which there is no room for one."""
FIELDS_FROM = 150
"""Columns from which a reading's fields stand before its words."""
HELP = (
    "The cache page draws each cache to scale, as CLIDR_EL1, CCSIDR_EL1 and CTR_EL0 describe it: a row is a way, its "
    "width the bytes of a way (sets times line); the line below the drawing says what a cell is. An open right end is "
    "a number of sets that is not known, ▏ a way much smaller than a cell. Without room a list says the same.\n"
    "Under it stand both readings of the highlighted cache's CCSIDR, which of them applies, and why. These are the "
    "numbers of set/way maintenance: a core may be built otherwise. "
    "Which cores share a cache is not in these registers. ←→↑↓ choose a cache, enter shows its register, c the sides."
)


def sides_of(view: View) -> dict[Side, CacheTopology]:
    """The topologies that a view knows: the vCPU's, the host's, or both."""
    if view.vcpu is not None and view.vcpu.kind == "host" and of_unlike_cpus(view.dump):
        return {"host": machine_caches(view.values)}
    host = view.dump.host if view.dump.host and view.dump.host.view == "raw" else None
    sides: dict[Side, CacheTopology] = {}
    if host is not None:
        topology = read_caches(host.values, host.ccsidr)
        if any(cache.host for cache in topology.caches):
            sides["host"] = topology
    if view.title != "host":
        sides["vcpu"] = read_caches(_vcpu_values(view), host.ccsidr if host else None)
    # A machine whose cache registers were not read still has CTR_EL0, and says what is missing.
    return sides or {"host": read_caches(view.values, host.ccsidr if host else None)}


def _vcpu_values(view: View) -> Mapping[int, int]:
    """The vCPU's registers; of those on which the kernels differ that it may be, as the chosen one has them."""
    if view.answer is None:
        return view.values
    chosen = view.answer.exposure
    sure = {i: v for i, v in chosen.values.items() if i in view.constraints and chosen.known.get(i, 0) & ALL == ALL}
    return {**view.values, **sure}


class Cache(Frame):
    """Boxes, and the readings of one of them."""

    MODE = cache.MODE
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.keys_of(cache.MODE))]

    def __init__(self) -> None:
        super().__init__()
        self._sides: dict[Side, CacheTopology] = {}
        self._shown: Sequence[Side] = ()
        self._wanted: Literal["both", "host", "vcpu"] = "both"
        self._chosen = -1
        self._drawing = Drawing([], ())

    def body(self) -> Iterable[Widget]:
        """Facts, boxes, readings."""
        yield Lines(id="facts")
        yield Lines(id="boxes")
        yield Lines(id="rule")
        yield Lines(id="readings")

    def refresh_from(self, change: Change) -> None:
        """Read the caches of the view."""
        view = self.session.shown
        if view is None:
            return
        self._sides = sides_of(view)
        if self._chosen not in self._order():
            self._chosen = next(iter(self._order()), 0)
        self.lay_out()

    def _order(self) -> list[int]:
        """CSSELR values of every cache on either side, level by level, instruction before data."""
        found = {cache.csselr: cache for side in self._sides.values() for cache in side.caches}
        return sorted(found, key=lambda number: (number >> 1, -(number & 1)))

    def lay_out(self) -> None:
        """Draw for the present size."""
        if not self._sides or self.tiny:
            return
        self._shown = [side for side in self._sides if self._wanted in ("both", side)] or list(self._sides)
        cells = self.app.size.width - 2
        readings = [(Ink(" "), *line) for line in self._readings(cells)]
        facts = [(Ink(" "), *line) for line in self._facts(cells)]
        room = self.body_height - 1 - len(facts)
        self._drawing = self._draw(cells, room - min(len(readings), room // 2))
        boxes = self._drawing.rows
        if (left := room - len(boxes) - len(readings) - 1) >= LEAST_TABLE:
            tables = [self._table(one, min(cells, TABLE_CELLS)) for one in (CLIDR_EL1, CTR_EL0)]
            readings += [(Ink(" "), *line) for line in _in_columns(tables, cells, left)]
        height = min(len(boxes), max(room - len(readings), room // 2 if self._drawing.legend else room * 2 // 3))
        legend = clip(row(Ink(self._drawing.legend, "muted")), cells)
        rule = "─" * (self.app.size.width - width(legend) - 1)
        self.fill("#facts", facts, len(facts))
        self.fill("#boxes", boxes, height)
        self.fill("#rule", [(Ink("─", "reserved"), *legend, Ink(rule, "reserved"))], 1)
        self.fill("#readings", readings, room - height)
        place = next((one for one in self._drawing.blocks if one.csselr == self._chosen), None)
        if place is not None and height < len(boxes):
            # The end of what is said of the chosen cache, and so its head too.
            end = max(one.top + one.height for one in self._drawing.blocks if one.csselr == self._chosen)
            self.query_one("#boxes", Lines).scroll_to(y=max(end - height, 0), animate=False, immediate=True)

    def _draw(self, cells: int, room: int) -> Drawing:
        """The caches to scale, in words where that has no room."""
        sides = {side: self._sides[side] for side in self._shown}
        captions = [self._caption(side) for side in sides]
        made = None if self.narrow else drawn(sides, captions, self._chosen, cells, room)
        return made or listed(sides, captions, self._chosen, cells)

    def _facts(self, cells: int) -> list[Row]:
        """CLIDR and CTR in words, of the vCPU where it is shown."""
        topology = self._sides[self._shown[-1]]
        pieces = []
        if topology.clidr is not None:
            points = f"LoC {topology.loc}  LoUU {topology.louu}  LoUIS {topology.louis}"
            value = self._value_of(CLIDR_EL1, grouped_hex(topology.clidr))
            pieces.append(row(self._stepped(CLIDR_EL1), Ink("CLIDR_EL1 ", "muted"), value, Ink(f"  {points}", "muted")))
        if topology.ctr is not None:
            lines = f"I line {topology.instruction_line} B  D line {topology.data_line} B"
            if cells < ROOMY and topology.instruction_line == topology.data_line:
                lines = f"lines {topology.data_line} B"
            flags = f"IDC {int(topology.idc or 0)}  DIC {int(topology.dic or 0)}"
            value = self._value_of(CTR_EL0, f"0x{topology.ctr:_x}" if cells < ROOMY else grouped_hex(topology.ctr))
            pieces.append(
                row(self._stepped(CTR_EL0), Ink("CTR_EL0 ", "muted"), value, Ink(f"  {lines}  {flags}", "muted"))
            )
        if not pieces:
            return [row(Ink("neither CLIDR_EL1 nor CTR_EL0 is in this dump", "muted")), ()]
        joined = tuple(piece for index, one in enumerate(pieces) for piece in ((Ink("    "),) if index else ()) + one)
        if sum(len(piece.text) for piece in joined) <= cells:
            return [joined, ()]
        return [clip(one, cells) for one in pieces]

    def _doubts(self) -> dict[int, str]:
        """The cache registers on which the kernels differ that it may be, each with its cases."""
        view = self.session.shown
        ids = (CLIDR_EL1, CTR_EL0, *map(ccsidr_id, self._order()))
        told = {reg_id: view.model[reg_id] for reg_id in ids if view is not None and reg_id in view.model}
        return {
            reg_id: field.reason
            for reg_id, one in told.items()
            for field in one.fields
            if field.state == "unknown" and field.reason
        }

    def _value_of(self, reg_id: int, text: str) -> Ink:
        """A register's value, `?` for each digit that is not known of what the policy makes of the vCPU."""
        view = self.session.shown
        unsure = "vcpu" in self._shown and reg_id in self._doubts()
        mark = f" {WRITTEN}" if "vcpu" in self._shown and view is not None and reg_id in view.written else ""
        if unsure and view is not None:
            return Ink((view.text(reg_id) or "?") + mark, "unknown")
        return Ink(text + mark, "raised" if mark else "")

    def _stepped(self, reg_id: int) -> Ink:
        """The mark of a register that the last step of the kernel slider changed."""
        step = self.session.step
        return Ink("~ ", "raised") if step is not None and reg_id in step.by_id else Ink("")

    def _caption(self, side: Side) -> str:
        if side == "host":
            wide = any(cache.host and cache.host.layout == "64-bit" for cache in self._caches(side))
            return "host, CCSIDR in its " + ("64-bit layout (FEAT_CCIDX)" if wide else "32-bit layout")
        topology = self._sides[side]
        view = self.session.shown
        kernel = series_of(view.dump.provenance.kernel.shown) if view else ""
        who = f"vCPU as Linux {kernel} saves it" if kernel else "vCPU"
        if view is not None and view.answer is not None:
            who = f"vCPU as {view.answer.question.title} makes it"
        if view is not None and self._written():
            who += f" {WRITTEN} written"
        if self._doubts():
            return f"? {who}; another that it may be differs"
        if topology.fabricated:
            return f"{who}, made up by KVM"
        return f"{who}, {topology.layout} layout" + (", cut to 32 bits" if topology.lost else "")

    def _written(self) -> bool:
        """True where simulated writes changed a cache register."""
        view = self.session.shown
        ids = (CLIDR_EL1, CTR_EL0, *map(ccsidr_id, self._order()))
        return view is not None and not view.written.keys().isdisjoint(ids)

    def _caches(self, side: Side) -> tuple[CpuCache, ...]:
        return self._sides[side].caches if side in self._sides else ()

    def _cache(self, side: Side) -> CpuCache | None:
        return next((cache for cache in self._caches(side) if cache.csselr == self._chosen), None)

    def _readings(self, cells: int) -> list[Row]:
        """Both readings of the highlighted cache on each side, the reason, and the notes."""
        rows: list[Row] = []
        base = self.session.base
        for side in self._shown:
            cache = self._cache(side)
            if cache is None:
                continue
            value = cache.raw if side == "host" else cache.value
            head = f"CCSIDR[{cache.csselr}] {cache.name}, {'host' if side == 'host' else 'vCPU'}"
            text = "no value" if value is None else short_text(value, base)
            shown = Ink(text) if side == "host" else self._value_of(ccsidr_id(cache.csselr), text)
            mark = self._stepped(ccsidr_id(cache.csselr)) if side == "vcpu" else Ink("")
            rows.append(clip(row(mark, Ink(head, "title"), Ink("  "), shown), cells))
            for one, applies in _both(cache, side):
                rows += wrap(_reading_row(one, value, applies, cells, base), cells, 4)
        topology = self._sides[self._shown[-1]]
        if topology.reason and "vcpu" in self._shown:
            # Of a cache that only the host has, the vCPU's layout explains nothing.
            word = "Why" if self._cache("vcpu") is not None or "host" not in self._shown else "vCPU"
            rows += wrap(row(Ink(f"{word:<6}", "muted"), ink(topology.reason)), cells, indent=6)
        if "vcpu" in self._shown:
            for reg_id, reason in self._doubts().items():
                told = row(Ink("?     ", "unknown"), ink(f"{catalog.by_id(reg_id).name} is not known: {reason}"))
                rows += wrap(told, cells, indent=6)
        rows += self._unlike_vcpus(cells)
        for note in topology.notes:
            if note == HOST_UNSEEN and "host" in self._sides:
                continue  # the host's own CLIDR_EL1 is there, and drawn
            rows += wrap(row(Ink("Note  ", "muted"), ink(note)), cells, indent=6)
        return rows

    def _table(self, reg_id: int, cells: int) -> list[Row]:
        """Every field of CLIDR_EL1 or CTR_EL0, on each side that is shown."""
        parts = [self._part(side, reg_id) for side in self._shown]
        told = [part for part in parts if part is not None]
        if not told:
            return []
        lines = []
        for one in read(reg_id, told[-1].value).fields:
            values = [None if part is None else part.field(one.msb, one.lsb) for part in parts]
            unlike = len(set(values)) > 1
            bits = one.msb - one.lsb + 1
            texts = ["?" if value is None else field_text(value, bits, self.session.base) for value in values]
            shown = tuple(Ink(text, "masked" if unlike and at else "") for at, text in enumerate(texts))
            mark = Ink("≠ " if unlike else "  ", "masked")
            meaning = ink("" if values[-1] is None else one.short, "muted")
            lines.append(FieldLine(one.name, bits_text(one.msb, one.lsb), shown, mark, meaning))
        sides = " and ".join("vCPU" if side == "vcpu" else side for side in self._shown)
        return field_rows(f"{catalog.by_id(reg_id).name}, {sides}", lines, cells)

    def _part(self, side: Side, reg_id: int) -> Partial | None:
        """What is known of CLIDR_EL1 or CTR_EL0 on a side; None where it has no such register."""
        view = self.session.shown
        if side == "vcpu" and view is not None and reg_id in self._doubts():
            return view.part(reg_id)
        value = self._sides[side].clidr if reg_id == CLIDR_EL1 else self._sides[side].ctr
        return None if value is None else Partial(value, -1)

    def _unlike_vcpus(self, cells: int) -> list[Row]:
        """Cache registers in which the vCPUs of this VM differ, with the values of all."""
        view = self.session.view
        if view is None or "vcpu" not in self._shown:
            return []
        rows: list[Row] = []
        for reg_id in (CLIDR_EL1, CTR_EL0):
            if (values := view.differing.get(reg_id)) is None:
                continue
            said = unlike_words(reg_id, values).replace("the vCPUs:", "the vCPUs (v steps through them):", 1)
            rows += wrap(row(Ink("≠     ", "masked"), ink(said)), cells, indent=6)
        return rows

    def footer_words(self) -> Mapping[str, str]:
        """The side that c would show next."""
        return {"cache.sides": "Host/vCPU" if len(self._sides) == 2 else "", "vcpu.next": self.session.next_view}

    def help_text(self) -> str:
        """What the page shows."""
        return HELP

    def action_sides(self) -> None:
        """Both sides, the host, the vCPU."""
        order: list[Literal["both", "host", "vcpu"]] = ["both", "host", "vcpu"]
        self._wanted = order[(order.index(self._wanted) + 1) % len(order)]
        self.lay_out()
        self.draw_bars()

    def action_cache(self, step: int) -> None:
        """The next or previous cache."""
        order = self._order()
        if order:
            self._chosen = order[(order.index(self._chosen) + step) % len(order)]
            self.lay_out()

    def action_register(self) -> None:
        """The CCSIDR of the highlighted cache in Browse."""
        view = self.session.view
        if view is not None and ccsidr_id(self._chosen) in view.values:
            self.program.go_to(ccsidr_id(self._chosen))
        else:
            self.notify("This cache's CCSIDR is not in the dump", markup=False)

    def on_click(self, event: Click) -> None:
        """The mouse chooses the clicked cache; a click on the chosen one shows its register."""
        boxes = self.query_one("#boxes", Lines)
        if not boxes.region.contains(event.screen_x, event.screen_y):
            return
        x, y = event.screen_x - boxes.region.x, event.screen_y - boxes.region.y + boxes.scroll_offset.y
        found = self._drawing.at(x, y)
        if found is not None and found.csselr == self._chosen:
            self.action_register()
        elif found is not None:
            self._chosen = found.csselr
            self.lay_out()

    def line_to_copy(self) -> str:
        """The highlighted cache in one line."""
        cache = self._cache(self._shown[-1]) if self._shown else None
        reading = cache and reading_of(cache, self._shown[-1])
        return f"{cache.name}: {reading.text}" if cache and reading else ""

    def report(self) -> str:
        """The caches of the vCPU, and of the host where it is known, in Markdown."""
        from inspector.reports import caches as reports

        view = self.session.view
        source = view.source if view else ""
        titles = {"host": f"host registers of {source}", "vcpu": f"{view.title if view else ''} of {source}"}
        return "\n\n".join("\n".join(reports.topology_markdown(titles[side], one)) for side, one in self._sides.items())

    def report_name(self) -> str:
        """Stem of the exported file."""
        return "caches"


def _in_columns(tables: Sequence[Sequence[Row]], cells: int, lines: int) -> list[Row]:
    """Tables beside each other, else below, those that fit whole; a blank line stands above each."""
    beside = max(cells // TABLE_CELLS, 1)
    rows: list[Row] = []
    left = [table for table in tables if table and len(table) <= lines]
    while left:
        here, left = left[:beside], left[beside:]
        high = max(map(len, here))
        if len(rows) + high + 1 > lines + 1:
            break
        rows.append(())
        for at in range(high):
            parts = [fit(table[at] if at < len(table) else (), TABLE_CELLS) for table in here]
            rows.append(clip(tuple(piece for part in parts for piece in part), cells))
    return rows


def _both(cache: CpuCache, side: Side) -> list[tuple[CacheReading, bool]]:
    """Both readings of a cache's value, the one that applies first."""
    holds = reading_of(cache, side)
    both = (cache.wide, cache.narrow)
    if side == "host":
        both = (None, None) if cache.raw is None else (wide_reading(cache.raw), narrow_reading(cache.raw))
    other = [(one, False) for one in both if one is not None and holds is not None and one.layout != holds.layout]
    return [(holds, True), *other] if holds is not None else []


def _reading_row(reading: CacheReading, value: int | None, applies: bool, cells: int, base: Base) -> Row:
    """A layout, where there is room its fields, and what it reads."""
    fields = ""
    if value is not None and cells >= FIELDS_FROM:
        spans = list(zip(("NumSets", "Associativity", "LineSize"), LAYOUTS[reading.layout], strict=True))
        texts = [field_text(extract(value, high, low), 1, base) for _, (high, low) in spans]
        if reading.sets is None:
            texts[0] = "?"
        fields = "".join(
            f"{f'{name} [{high}:{low}] {text}':<{len(name) + 17}} "
            for (name, (high, low)), text in zip(spans, texts, strict=True)
        )
    return row(
        Ink("▌ " if applies else "  ", "link"),
        Ink(f"{reading.layout} layout  {fields}", "muted"),
        Ink(reading.text if applies else f"would be {reading.text}", "title" if applies else "muted"),
        Ink("  applies" if applies else ", does not apply", "same" if applies else "muted"),
    )
