"""Write: would KVM accept these values? Answered while they are typed, on the simulated vCPU of the session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Input

from inspector.app.dialogs.dialog import AFTER, DIALOG_CELLS, Dialog
from inspector.app.modes import write
from inspector.app.modes.write.line import WriteLine
from inspector.app.modes.write.rows import EMPTY, Written, head_rows, offer_row, problem_rows
from inspector.app.shell import keys
from inspector.app.shell.frame import WIDE
from inspector.app.shell.session import Change
from inspector.app.widgets.bars import dialog_keys
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.writing.completing import Completion, complete
from inspector.checks.writing.typed import TypedWrite, typed_writes
from inspector.errors import InspectorError
from inspector.registers.bits import Partial
from inspector.registers.catalog import Register

if TYPE_CHECKING:
    # What answers is loaded beside the screen, while a value is typed.
    from inspector.app.shell.tried import Prepared
    from inspector.checks.writing.bench import Attempt
    from inspector.checks.writing.history import Entry, History

TITLE = "Write registers"
WIDE_CELLS = 100
"""Width of the dialog in the wide form: what decides about a field stands whole beside its values."""
HEIGHT = 22
"""Lines of the dialog, where the terminal has them."""
_BY_THE_MODEL = ("timer", "pmu")
"""Groups with registers that run on, or read by what others hold: what they hold now is not what was saved."""


class Write(Dialog):
    """Head, a line to type in, what it may go on with, verdict, fields or writes, why. Its height never changes."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [*Dialog.CSS_PATH, Path(__file__).parent / "style.tcss"]
    LINE = "#value"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(write.MODE.keys),
        Binding("up", "history(1)", "Earlier", show=False),
        Binding("down", "history(-1)", "Later", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
        Binding("shift+tab", "other_pane", "Other pane", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._writes: tuple[TypedWrite, ...] = ()
        self._attempts: tuple[Attempt, ...] = ()
        self._past = 0
        self._typed = ""
        self._note = ""
        self._problem = ""
        """why nothing can be written here"""
        self._wrong = ""
        """why what was typed is no write"""
        self._offers = Completion()
        self._cycle: tuple[str, tuple[str, ...], int] = ("", (), 0)
        """what `tab` put into the line last, what it may put there, and which of them it was"""
        self._kernel = ""
        """which one answers"""
        self._history: History | None = None
        """None before the first answer"""
        self._drawn_for = Size(0, 0)

    @property
    def _shown(self) -> Register:
        register = self.program.session.register
        assert register is not None
        return register

    @property
    def register(self) -> Register:
        """The register that is written to last."""
        return self._writes[-1].register if self._writes else self._shown

    @property
    def line(self) -> WriteLine:
        """Where it is typed."""
        return self.query_one("#value", WriteLine)

    def compose(self) -> ComposeResult:
        """The dialog from top to bottom."""
        field = self.program.session.place.field
        with Box(unmarked(TITLE), hints("KVM_SET_ONE_REG, simulated   esc closes"), classes="write"):
            yield Lines(id="head")
            hint = "0x…, FIELD=value, REG.FIELD=value, several at once"
            yield WriteLine(f"{field}=" if field else "", placeholder=hint, id="value")
            yield Lines(id="answer")
            yield Lines(id="rest")

    def on_mount(self) -> None:
        """Draw what is known before anything is judged."""
        self._look()
        self._to_line()
        self._judge()
        self.set_timer(AFTER, self._prepare)

    def _look(self) -> None:
        """Which kernel answers. It is asked at once where what the register holds now is for it to say."""
        tried = self.program.session.tried
        self._problem = ""
        try:
            self._kernel, self._history = tried.kernel(), tried.last
        except InspectorError as error:
            self._problem = str(error)
        if (read := self._read) is None or read.known != -1 or self._shown.group in _BY_THE_MODEL:
            self._asked()

    @property
    def _read(self) -> Partial | None:
        """The register as the vCPU was saved under the kernel that answers; None under any other kernel."""
        session = self.program.session
        view = session.view if session.question is None else None
        return view.part(self.register.id) if view is not None else None

    def _asked(self) -> History | None:
        """The vCPU to write to; None, and the problem, where there is none."""
        if self._history is None and not self._problem:
            try:
                self._history = self.program.session.tried.history()
            except InspectorError as error:
                self._problem = str(error)
        return self._history

    def _prepare(self) -> None:
        """Get ready to judge, beside the letters that may come meanwhile."""
        if self._history is None and not self._problem:
            from inspector.app.shell.background import aside

            aside(self.app, self.program.session.tried.prepared(), self._ready, lambda _: self._ready())

    def _ready(self, made: Prepared | None = None) -> None:
        """What the kernel says of the register may be more, or other, than what was saved."""
        if self.shown and self._history is None:
            if made is not None:
                self.program.session.tried.take(made)
            self._asked()
            self._judge()

    def on_resize(self, event: Resize) -> None:
        """Another size, another layout."""
        super().on_resize(event)
        if self._drawn_for != self.app.size:
            self._draw()

    def session_changed(self, change: Change) -> None:
        """Another number base, or another state of the vCPU."""
        self._look()
        self._judge()

    @property
    def _cells(self) -> int:
        width = self.app.size.width
        return (WIDE_CELLS if width >= WIDE else min(width, DIALOG_CELLS)) - 4

    @property
    def _vcpu(self) -> int:
        return self.program.session.tried.number

    def _judge(self) -> None:
        """What the line means, what would be answered, and what it may go on with."""
        text, view = self.line.value, self.program.session.shown
        self._writes, self._attempts, self._wrong = (), (), ""
        self._offers = complete(text, self._shown, view.registers if view is not None else ())
        if text.strip() and not self._problem:
            try:
                self._writes = typed_writes(text, self._shown)
                history = self._asked()
                if history is not None and history.bench is not None:
                    self._attempts = history.bench.judge_all(self._writes, self._vcpu)
            except InspectorError as error:
                self._wrong = str(error)
        self._draw()

    @property
    def _unfinished(self) -> str:
        """What is still missing of what is typed; empty where it is complete, or wrong however it goes on."""
        text = self.line.value.rstrip()
        if text.endswith("="):
            return "a value is missing" + ("; those below are known" if self._offers.values else "")
        typing = self._wrong or any(one.problem for one in self._attempts)
        return "tab completes" if typing and self._offers.words and text == self.line.value else ""

    def _draw(self) -> None:
        box, height = self.query_one(".write"), self.app.size.height
        self._drawn_for = self.app.size
        lines = min(height, HEIGHT)
        box.styles.height = lines
        history, cells = self._history, self._cells
        problem = self._problem or (history.problem if history is not None and history.bench is None else "")
        if problem:
            rows = wrap(row(Ink("✖ ", "refused"), ink(problem), Ink("   esc closes", "muted")), cells)
            self._show("head", rows, len(rows))
            self.line.display = False
            return
        base, view = self.program.session.base, self.program.session.view
        vcpu = view.vcpu.label if view and view.one_vcpu and view.vcpu else "0, a new one"
        written = Written(self.register, self._vcpu, vcpu, self._kernel, history, self._read)
        head = head_rows(written, base, cells, short=self.app.size.width < 76)
        self._show("head", [*head, row(Ink("write", "muted"))], 4)
        # A short dialog gives the lines that say nothing now to the explanation.
        offers, short = offer_row(self._offers, cells), lines < HEIGHT
        spare = [bool(offers) or not short, bool(self._note) or not short]
        self._show("answer", [*[offers][: spare[0]], *self._answer(cells)], 1 + spare[0])
        why, note = self._fill(cells, lines - 8 - sum(spare)), clip(row(ink(self._note, "title")), cells)
        rest = [*why, *[note][: spare[1]], self._keys(cells)]
        self._show("rest", rest, len(rest))

    def _answer(self, cells: int) -> list[Row]:
        if self._wrong and not self._unfinished:
            return problem_rows(self._wrong, cells)[:1]
        if self._unfinished or not self._attempts:
            return [clip(row(Ink(self._unfinished or EMPTY, "muted")), cells)]
        from inspector.app.modes.write.judged import verdict_rows

        return verdict_rows(self._attempts, self.program.session.base, cells)

    def _fill(self, cells: int, room: int) -> list[Row]:
        """Show the fields of one write, or a line for each of several; then why, in the lines that are left."""
        problem = self._wrong or next((one.problem for one in self._attempts if one.problem), "")
        table = min(self._fill_table(cells), max(room // 2, 3))
        if table:
            self.query_one("#judged", Listing).styles.height = table
        why: list[Row] = []
        if problem and not self._unfinished:
            why = problem_rows(problem, cells)[1:]
        elif (explained := self._explained()) is not None:
            from inspector.app.modes.write.judged import why_rows

            take = keys.shown(write.MODE.keys[0], self.program.settings.keys)
            why = why_rows(explained.verdict, self.program.session.base, cells, room - table, take)
        why, left = why[: max(room - table, 0)], max(room - table, 1)
        return [*why, *[()] * (left - len(why))]

    def _fill_table(self, cells: int) -> int:
        """The lines that the fields of one write, or several writes, would take; 0 without any."""
        if not self._attempts:
            self.query("#judged").set(display=False)
            return 0
        from inspector.app.modes.write import judged

        base = self.program.session.base
        if len(self._attempts) > 1:
            columns, items = judged.part_columns(cells), judged.part_items(self._writes, self._attempts)
        else:
            columns = judged.field_columns(self._attempts[0].changed, base, cells)
            items = judged.field_items(self._attempts[0], base, columns, cells)
        if not self.query("#judged"):
            self.query_one(".write").mount(Listing(id="judged"), after="#answer")
        table = self.query_one("#judged", Listing)
        table.fill(items, cols=columns)
        table.display = bool(items)
        return len(items) + bool(items)

    def _explained(self) -> Attempt | None:
        """The write that the pane below explains: the highlighted one, else the first that does not pass."""
        if len(self._attempts) < 2:
            return self._attempts[0] if self._attempts else None
        found = self.query("#judged").results(Listing)
        item = next((one.current for one in found), None)
        place = int(item.key.removeprefix("part ")) if item and item.key.startswith("part ") else 0
        if self.line.has_focus:
            bad = (at for at, one in enumerate(self._attempts) if one.verdict and one.verdict.outcome != "accepted")
            place = next(bad, len(self._attempts) - 1)
        return self._attempts[min(place, len(self._attempts) - 1)]

    def _keys(self, cells: int) -> Row:
        explained = self._explained()
        takes = explained is not None and explained.verdict is not None and explained.verdict.would_pass is not None
        shown = [
            *((key, key.label) for key in write.LINE_KEYS),
            *(
                (key, key.label)
                for key in write.MODE.keys
                if (key.footer and (key.id != "write.take" or takes)) or (key.id == "write.real" and self._real)
            ),
        ]
        return dialog_keys(shown, cells, self.program.settings.keys)

    @property
    def _real(self) -> bool:
        """True when the source is live and was opened for writing."""
        from inspector.sources.live import is_live

        view = self.program.session.view
        return self.program.session.for_real is not None and view is not None and is_live(view.source)

    def _show(self, name: str, rows: Sequence[Row], height: int) -> None:
        self.query_one(f"#{name}", Lines).fit(rows, height)

    @on(Input.Changed, "#value")
    def _changed(self, event: Input.Changed) -> None:
        self._note = ""
        self._judge()

    @on(Listing.Moved, "#judged")
    def _moved(self) -> None:
        self._draw()

    @on(Input.Submitted, "#value")
    def _submitted(self, event: Input.Submitted) -> None:
        """Make the writes, whatever the answer will be: a refused one stands in the log."""
        # Keys may have come faster than the line was judged.
        self._judge()
        history = self._history
        if history is None or history.bench is None:
            return
        if not self._attempts or any(one.verdict is None for one in self._attempts):
            return
        from inspector.checks.writing.history import Step

        steps = [Step(vcpu=self._vcpu, id=one.register.id, text=one.text) for one in self._writes]
        done = history.do(steps)
        if self.register.id != self._shown.id:
            if self._writes[0].register.id == self._shown.id:
                # Fields without a register would be those of the register that is shown next.
                with self.prevent(Input.Changed):
                    self._put(" ".join(one.command for one in self._writes))
            self.program.session.follow(self.register.id)
        self._past, self._typed = 0, ""
        self._tell(self._done_words(done))

    def _done_words(self, done: Sequence[Entry]) -> str:
        assert self._history is not None
        number = len(self._history.entries)
        undo = keys.shown(write.MODE.keys[1], self.program.settings.keys)
        if len(done) == 1:
            error = f" {done[0].errno_name}" if done[0].errno_name else ""
            return f"step {number}: {done[0].outcome}{error}   {undo} takes it back"
        from inspector.reports.writes import counted

        return f"steps {number - len(done) + 1} to {number}: {counted(done)}   {undo} takes them back"

    def _tell(self, note: str) -> None:
        """The vCPU is another one now: every mode hears of it."""
        self._note = note
        self.program.session.on_change("writes")

    def _put(self, text: str) -> None:
        self.line.value = text
        self.line.cursor_position = len(text)

    def action_take(self) -> None:
        """The value that would pass instead of the one that does not."""
        explained = self._explained()
        if explained is None or explained.verdict is None or explained.verdict.would_pass is None:
            self._say("nothing to take: no value is known that would pass instead")
            return
        value = hex(explained.verdict.would_pass)
        place = self._attempts.index(explained)
        parts = [one._replace(text=value) if at == place else one for at, one in enumerate(self._writes)]
        alone = len(parts) == 1 and parts[0].register.id == self._shown.id
        self._put(value if alone else " ".join(one.command for one in parts))

    def action_complete(self) -> None:
        """Put the first of what may follow into the line; again: the next. Where nothing may, to the other pane."""
        text = self.line.value
        before, words, place = self._cycle
        if words and text == before:
            place = (place + 1) % len(words)
            text = text.removesuffix(words[place - 1])
        elif self.line.has_focus and self._offers.words:
            words, place, text = self._offers.words, 0, text[: self._offers.start]
        else:
            self.action_other_pane()
            return
        text += words[place]
        self._cycle = (text, words, place)
        self._put(text)

    def action_take_offer(self, place: int) -> None:
        """The name or value that was clicked, where the line goes on."""
        offered = self._offers.words or [value for value, _ in self._offers.values]
        if place < len(offered):
            self._put(self.line.value[: self._offers.start] + offered[place])
            self._to_line()

    def action_history(self, step: int) -> None:
        """What was tried before on this register, newest first; back at the start, what was being typed."""
        if self._history is None or not self.line.has_focus:
            return
        past = self._history.texts(self._shown.id)
        if self._past == 0:
            self._typed = self.line.value
        self._past = max(0, min(self._past + step, len(past)))
        self._put(past[self._past - 1] if self._past else self._typed)

    def action_other_pane(self) -> None:
        """From the line to the judged fields and back; there single letters are keys."""
        judged = [one for one in self.query("#judged").results(Listing) if one.display and self.line.has_focus]
        (judged[0] if judged else self.line).focus()

    def action_first_run(self) -> None:
        """Let the VM run, once."""
        history = self._asked()
        if history is None or history.bench is None:
            return
        from inspector.checks.writing.history import FIRST_RUN

        if history.ran:
            self._say("the VM has run already; undo takes that back")
            return
        (done,) = history.do([FIRST_RUN])
        said = f"KVM_RUN is refused: {done.errno_name} ({done.errno})" if done.errno else "the VM has run"
        self._tell(said)

    def action_reset(self) -> None:
        """The vCPU as it was."""
        if (history := self._asked()) is not None:
            problem = history.reset()
            self._tell(problem or "the vCPU is as it was: nothing was written, nothing ran")

    def action_copy_verdict(self) -> None:
        """The verdicts in full, as the command prints them."""
        from inspector.reports.verdicts import verdict_lines

        told = [one.verdict for one in self._attempts if one.verdict is not None]
        if not told or self._problem:
            self.program.copy("")
            return
        answer = self.program.session.tried.machine()
        about = f"{answer.question.title}; vCPU features: {answer.setup.describe()}; vGIC: {answer.setup.gic}"
        blocks = ["\n".join(verdict_lines(one)) for one in told]
        self.program.copy("\n\n".join(blocks) + f"\n  Kernel      {about}")

    def action_for_real(self) -> None:
        """Make the accepted writes and these on a scratch vCPU of the live source, both answers side by side."""
        history, view = self._asked(), self.program.session.view
        if not self._real or history is None or self._problem or view is None:
            self._say("nothing is written: that needs a live source, opened by `vcpu-inspector live --for-real`")
            return
        values = [(one.id, one.value) for one in self._attempts if one.value is not None]
        if not values or len(values) < len(self._attempts):
            self._say("type a value first")
            return
        from inspector.app.modes.write.judged import pair_words
        from inspector.app.shell.background import aside
        from inspector.checks.writing.scratch import PairedWrite, write_and_predict
        from inspector.kvm.cases import candidates_of

        kept = [(one.step.id, one.attempt.value) for one in history.kept if one.attempt is not None]
        made = [*((reg_id, value) for reg_id, value in kept if value is not None), *values]
        answer, texts = self.program.session.tried.machine(), [one.text for one in self._writes]
        policies = candidates_of(answer.policy, answer.question.candidates)
        options, source = self.program.session.for_real, view.source

        def done(pairs: Sequence[PairedWrite]) -> None:
            for pair, text in zip(pairs, texts, strict=True):
                history.record(pair, text)
            self._say(pair_words(pairs[-1]))
            self.program.session.on_change("writes")

        self._say("writing to a scratch vCPU …")
        aside(
            self.app,
            lambda: write_and_predict(source, made, policies, options).pairs[-len(values) :],
            done,
            lambda error: self._say(f"✖ {error}"),
        )

    def _say(self, note: str) -> None:
        """One line under the verdict; nothing when the dialog was closed meanwhile."""
        if self.shown:
            self._note = note
            self._draw()
