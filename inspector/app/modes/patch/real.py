"""Real kernels of the lab beside the predicted answers, for the register under the cursor: live, while one types."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input

from inspector.app.dialogs.line import Line
from inspector.app.shell.background import aside, tell
from inspector.app.widgets.ink import Ink, Row, clip, columns, ink, row
from inspector.app.widgets.lines import Lines
from inspector.checks.lab.real_kernels import RealAnswer, RealKernels
from inspector.checks.writing.scratch import PairedWrite
from inspector.errors import InspectorError
from inspector.registers.catalog import Register, by_id
from inspector.registers.encoding import grouped_hex
from inspector.reports.scratch import actual_word, compared_words, predicted_word
from inspector.sources.live.laboratory import PREFIX

PAUSE = 0.15
"""Seconds after the last letter before the kernels are asked."""
Asked = tuple[int, str]
"""Register and what was typed: empty to read only."""


def addresses_of(text: str, cpu: str) -> list[str]:
    """`6.1 6.12,cpu=max lab:path` as addresses of the lab; `cpu` for those that name none."""
    found = [one if one.startswith(PREFIX) else f"{PREFIX}{one}" for one in text.split()]
    return [one if ",cpu=" in one or not cpu else f"{one},cpu={cpu}" for one in found]


class RealPane(Vertical):
    """A line of kernels, a line for a value, and what each kernel answers."""

    def __init__(self, kernels: str, cpu: str) -> None:
        super().__init__(id="real")
        self._kernels, self._cpu = kernels, cpu
        self._real: RealKernels | None = None
        self._register: Register | None = None
        self._said: dict[str, str] = {}
        """address -> what its machine does now"""
        self._answers: dict[str, RealAnswer] = {}
        self._for: dict[str, Asked] = {}
        """address -> the question that was put to it last"""
        self._answered: dict[str, Asked] = {}
        """address -> the question that its answer belongs to"""
        self._busy: set[str] = set()
        self._restore: str | None = None
        """what became of every value of the first kernel's fresh vCPU on the last kernel; None: not asked yet"""
        self._problem = ""
        """why there are no kernels to ask"""
        self._typo: tuple[Asked, str] | None = None
        """what was typed and is no value, and why"""
        self._typing: Timer | None = None

    def compose(self) -> ComposeResult:
        """Both lines, and the answers."""
        yield Line(self._kernels, placeholder="kernels of the lab: series, newest, path/to/Image", id="real-kernels")
        yield Line("", placeholder="a value, or FIELD=value: written to a fresh vCPU of each kernel", id="real-value")
        yield Lines(id="real-rows")

    def on_mount(self) -> None:
        """The value has the keys; the kernels are started."""
        self.query_one("#real-value", Line).focus()
        self._start()

    def on_unmount(self) -> None:
        """The program ends."""
        self.stop()

    def stop(self) -> None:
        """Let a start that is under way end; what comes still is not looked at."""
        if self._real is not None:
            self._real.stop()
        self._real = None

    def _start(self) -> None:
        """Ask these kernels from now on."""
        self.stop()
        self._said, self._answers, self._for, self._answered, self._busy = {}, {}, {}, {}, set()
        self._restore, self._problem = None, ""
        wanted = addresses_of(self.query_one("#real-kernels", Line).value, self._cpu)
        app = self.app

        def say(address: str, text: str) -> None:
            """Called by the thread that waits for a machine, also once the pane and the program have ended."""
            tell(app, lambda: self._say(real, address, text))

        try:
            real = self._real = RealKernels(wanted, say=say)
        except InspectorError as error:
            self._problem = str(error)
        if not wanted:
            self._problem = "names no kernel: type series with blanks between, `newest`, or the path of an Image"
        self._ask_all()

    def _say(self, real: RealKernels, address: str, text: str) -> None:
        if real is self._real and self.is_mounted:
            self._said[address] = text
            self.draw()

    def look_at(self, register: Register, saved: int | None) -> None:
        """Another register is under the cursor: its saved value is offered."""
        if register is not self._register:
            self._register = register
            value = "" if saved is None or register.size > 8 else f"0x{saved:x}"
            self.query_one("#real-value", Line).value = value
        self.draw()

    def _question(self) -> Asked | None:
        lines = list(self.query("#real-value").results(Line))
        return (self._register.id, lines[0].value.strip()) if self._register and lines else None

    @on(Input.Changed, "#real-value")
    def _typed(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(PAUSE, self._ask_all)

    @on(Input.Submitted, "#real-value")
    def _at_once(self) -> None:
        self._ask_all()

    @on(Input.Submitted, "#real-kernels")
    def _others(self) -> None:
        self._start()
        self.query_one("#real-value", Line).focus()

    def _ask_all(self) -> None:
        real, asked = self._real, self._question()
        self.draw()
        for address in real.addresses if real is not None and asked is not None else ():
            self._ask(address)

    def _ask(self, address: str) -> None:
        """One kernel, beside the screens; when its answer is for what was typed before, it is asked again."""
        real, asked, register = self._real, self._question(), self._register
        if real is None or asked is None or register is None:
            return
        if address in self._busy or self._for.get(address) == asked:
            return
        self._busy.add(address)

        def done(answer: RealAnswer) -> None:
            self._took(real, address, asked, answer)

        def failed(error: InspectorError) -> None:
            problem = RealAnswer(address=address, id=register.id, problem=str(error))
            self._took(real, address, asked, problem, typed=True)

        aside(self.app, lambda: real.ask(address, register, asked[1]), done, failed)

    def _took(self, real: RealKernels, address: str, asked: Asked, answer: RealAnswer, *, typed: bool = False) -> None:
        if real is not self._real or not self.is_mounted:
            return
        self._busy.discard(address)
        self._for[address] = asked
        if typed:
            self._typo = (asked, answer.problem)
        else:
            self._answers[address], self._answered[address] = answer, asked
        self.draw()
        if asked != self._question():
            self._ask(address)
        elif not self._busy and self._restore is None and len(real.addresses) > 1:
            self._ask_restore(real)

    def _ask_restore(self, real: RealKernels) -> None:
        """Every value of the first kernel's fresh vCPU, written to one of the last kernel."""
        first, last = real.addresses[0], real.addresses[-1]
        if any(one.problem and not one.kernel for one in self._answers.values()):
            return
        self._restore = ""

        def done(pairs: tuple[PairedWrite, ...]) -> None:
            if real is self._real and self.is_mounted:
                self._restore = restore_words(first, last, pairs)
                self.draw()

        def failed(error: InspectorError) -> None:
            if real is self._real and self.is_mounted:
                self._restore = str(error)
                self.draw()

        aside(self.app, lambda: real.restore(first, last), done, failed)

    def height(self) -> int:
        """Lines that it takes."""
        return 5 + len(self._shown())

    def _shown(self) -> Sequence[str]:
        """The kernels that have a line of their own: none where one line says why there is no lab."""
        if self._real is None or self._one_problem():
            return ()
        return self._real.addresses

    def _one_problem(self) -> str:
        """Why no kernel answers at all; empty while one does, or may."""
        if self._real is None:
            return self._problem
        found = [one for one in self._answers.values() if one.problem and not one.kernel]
        said = {_without(one.problem, one.address) for one in found}
        return next(iter(said)) if len(found) == len(self._real.addresses) and len(said) == 1 else ""

    def draw(self) -> None:
        """The answers for the present width."""
        cells = self.app.size.width - 2
        name = self._register.name if self._register is not None else "no register"
        head = row(Ink(" real kernels ", "heading"), ink(name, "title"), Ink("  tab: kernels  esc: close", "muted"))
        rows: list[Row] = [clip(head, cells)]
        if problem := self._one_problem():
            rows.append(clip(row(Ink(" ✖ ", "refused"), ink(problem)), cells))
        else:
            rows += self._table(cells)
        if self._typo is not None and self._typo[0] == self._question():
            rows.append(clip(row(Ink(" ✖ ", "refused"), ink(self._typo[1])), cells))
        elif self._restore:
            rows.append(clip(row(Ink(" restore ", "muted"), ink(self._restore)), cells))
        # A pane that is being closed has no lines any more.
        for pane in self.query("#real-rows").results(Lines):
            pane.fit(rows)
            self.styles.height = len(rows) + 2

    def _table(self, cells: int) -> list[Row]:
        wide = cells >= 110
        sizes = (18, 25, 12, 12, 25) if wide else (13, 0, 11, 11, 0)
        titles = ("kernel", "fresh vCPU", "predicted", "real", "then reads")
        rows = [(Ink(" "), *_cells([row(Ink(one, "muted")) for one in (*titles, "")], sizes, cells - 1))]
        for address in self._shown():
            line = self._line(address)
            whole = len(line) == 2  # a name, and words that need no columns
            shown = columns(line, (sizes[0], cells - 1 - sizes[0])) if whole else _cells(line, sizes, cells - 1)
            rows.append((Ink(" "), *shown))
        return rows

    def _line(self, address: str) -> list[Row]:
        answer = self._answers.get(address)
        name = row(ink(address.removeprefix(PREFIX).split(",")[0].rsplit("/", 1)[-1], "title"))
        if answer is None:
            said = self._said.get(address, "waiting for its machine")
            return [name, row(ink(said, "muted"))]
        if answer.problem and not answer.kernel:
            return [name, row(Ink("✖ ", "refused"), ink(_without(answer.problem, address)))]
        size = by_id(answer.id).size
        fresh = "not listed" if answer.value is None else grouped_hex(answer.value, size)
        told = row(ink(fresh))
        if self._answered.get(address) != self._question():
            # An answer to what was typed before is not shown beside what is typed now.
            return [name, row(Ink("…", "muted"))]
        if answer.write is None:
            words = (
                answer.problem
                or {True: "= as predicted", False: "✖ not as predicted", None: ""}[answer.shown_as_predicted]
            )
            return [name, told, *[row()] * 3, row(ink(words, _role(words)))]
        pair = answer.write
        after = "" if pair.actual.after is None else grouped_hex(pair.actual.after, size)
        compared = compared_words(pair) + (f" ({answer.doubt})" if answer.doubt else "")
        predicted, real = (
            row(ink(predicted_word(pair.predicted))),
            row(ink(actual_word(pair), "refused" if pair.actual.errno else "")),
        )
        return [name, told, predicted, real, row(ink(after)), row(ink(compared, _role(compared)))]


def _cells(cells: Sequence[Row], sizes: Sequence[int], room: int) -> Row:
    """Cells in their columns; those of size 0 are left out, the last takes the rest."""
    shown = [(cell, size) for cell, size in zip(cells, (*sizes, room - sum(sizes)), strict=True) if size > 0]
    return columns([one for one, _ in shown], [size for _, size in shown])


def _role(words: str) -> str:
    return {"=": "same", "✖": "refused", "~": "unknown"}.get(words[:1], "muted")


def _without(text: str, address: str) -> str:
    return text.replace(f"{address}: ", "")


def restore_words(first: str, last: str, pairs: Sequence[PairedWrite]) -> str:
    """`6.1 → 6.12: 2 of 246 refused: ID_MMFR4_EL1, ...; all as predicted`."""
    names = [one.removeprefix(PREFIX).split(",")[0] for one in (first, last)]
    refused = [by_id(one.actual.id).name for one in pairs if one.actual.errno]
    unlike = [by_id(one.actual.id).name for one in pairs if not one.agrees]
    said = f"{len(refused)} of {len(pairs)} refused: {', '.join(refused)}" if refused else f"all {len(pairs)} accepted"
    agree = f"not as predicted: {', '.join(unlike)}" if unlike else "all as predicted"
    return f"{names[0]} → {names[1]}, every value of a fresh vCPU: {said}; {agree}"
