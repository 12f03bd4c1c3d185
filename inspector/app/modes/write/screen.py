"""Write: would KVM accept this value? Answered while it is typed, on a simulated vCPU that keeps what was written."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.widgets import Input

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.line import Line
from inspector.app.modes import write
from inspector.app.modes.write.rows import field_columns, field_items, head_rows, pair_words, verdict_rows, why_rows
from inspector.app.shell import keys
from inspector.app.shell.session import Change
from inspector.app.widgets.ink import Ink, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Listing
from inspector.app.widgets.unmarked import Box, still, unmarked
from inspector.checks.machine.machine import Machine
from inspector.checks.writing.bench import Attempt, Bench
from inspector.checks.writing.typed import typed_write
from inspector.errors import InspectorError, RegisterError
from inspector.registers.catalog import Register

TITLE = "Write one register"


class Write(Dialog):
    """Head, a line to type in, verdict, fields, why."""

    LINE = "#value"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(write.MODE.keys),
        Binding("up", "history(1)", "Earlier", show=False),
        Binding("down", "history(-1)", "Later", show=False),
        Binding("tab", "other_pane", "Other pane", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._attempt: Attempt | None = None
        self._past = 0
        self._typed = ""
        self._note = ""
        self._problem = ""
        self._named: Register | None = None
        """the register that was typed, where it was"""
        self._answer: Machine | None = None
        self._bench: Bench | None = None

    @property
    def register(self) -> Register:
        """The register that is written to: the one that was typed, else the one on screen."""
        return self._named or self._shown

    @property
    def _shown(self) -> Register:
        register = self.program.session.register
        assert register is not None
        return register

    def _take_apart(self, text: str) -> str:
        """The value or the fields of a text; `REG.FIELD=VALUE`, as the command line takes it, names its register."""
        self._named = None
        name = text.partition("=")[0].strip()
        fields = self._shown.schema.fields if self._shown.schema is not None else ()
        if "=" not in text or any(name.casefold() == field.name.casefold() for field in fields):
            return text
        try:
            self._named, rest = typed_write(text)
        except RegisterError:
            return text
        return rest

    def compose(self) -> ComposeResult:
        """The dialog from top to bottom."""
        with Box(unmarked(TITLE), unmarked("KVM_SET_ONE_REG, simulated"), classes="write"):
            yield Lines(id="head")
            with Horizontal(id="line"):
                yield still(unmarked("write     "), id="label")
                yield Line(placeholder="hex, decimal, FIELD=value or REG.FIELD=value", id="value")
            yield Lines(id="verdict")
            listing = Listing(id="judged")
            yield listing
            yield Lines(id="why")
            yield Lines(id="note")
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """A vCPU to write to, or why there is none."""
        try:
            self._answer, self._bench = self.program.session.bench()
        except InspectorError as error:
            self._problem = str(error)
        self._to_line()
        self._judge("")

    def on_resize(self, event: Resize) -> None:
        """Another size, another layout."""
        super().on_resize(event)
        self._draw()

    def session_changed(self, change: Change) -> None:
        """Another number base."""
        self._draw()

    @property
    def _cells(self) -> int:
        return min(self.app.size.width, DIALOG_CELLS) - 4

    def _judge(self, text: str) -> None:
        text = self._take_apart(text)
        if self._bench is not None:
            self._attempt = self._bench.judge(self.register, text)
        self._draw()

    def _draw(self) -> None:
        bench, answer, attempt = self._bench, self._answer, self._attempt
        if bench is None or answer is None or attempt is None:
            rows = wrap(row(Ink("✖ ", "refused"), ink(self._problem), Ink("   esc closes", "muted")), self._cells)
            self._show("head", rows, len(rows))
            self.query_one("#line").display = False
            return
        base, register, cells = self.program.session.base, self.register, self._cells
        short = self.app.size.height < 20
        view = self.program.session.view
        vcpu = view.vcpu.label if view and view.one_vcpu and view.vcpu else "0, a new one"
        head = head_rows(register, bench, answer.question.title, vcpu, base, cells, self.app.size.width < 76)
        self._show("head", head, 3)
        verdict = verdict_rows(attempt, base, register.size, cells)
        self._show("verdict", verdict, len(verdict))
        columns = field_columns(attempt.changed, base, cells)
        items = field_items(attempt, base, columns)
        judged = self.query_one("#judged", Listing)
        judged.fill(items, cursor=0, cols=columns)
        judged.display = bool(items)
        said = row(ink(self._note, "title"))
        note = ([clip(said, cells)] if short else wrap(said, cells)[:2]) if self._note else []
        # Border, head, the line to type in, the verdict, the note and the keys are always there.
        room = min(self.app.size.height, 24) - 8 - max(len(note), 1)
        table = min(len(items) + 1, max(room - 6, 3) if not short else 3) if items else 0
        judged.styles.height = table
        why = why_rows(attempt.verdict, register.size, base, cells, max(room - table, 2))
        self._show("why", why, len(why))
        self._show("note", note, len(note))
        self._show("keys", [self._keys(cells)], 1)

    def _keys(self, cells: int) -> tuple[Ink, ...]:
        attempt = self._attempt
        pass_it = attempt is not None and attempt.verdict is not None and attempt.verdict.would_pass is not None
        words = [("enter", "Take" if pass_it else "Write"), ("↑", "History")]
        keymap = self.program.settings.keys
        words += [
            (keys.shown(key, keymap), key.label)
            for key in write.MODE.keys
            if key.footer or (key.id == "write.real" and self._real)
        ]
        pieces = [Ink("")]
        for key, label in words:
            pieces += [Ink(key, "key"), Ink(f" {label}  ", "muted")]
        return clip(tuple(pieces), cells)

    @property
    def _real(self) -> bool:
        """True when the source is live and was opened for writing."""
        from inspector.sources.live import is_live

        view = self.program.session.view
        return self.program.session.for_real is not None and view is not None and is_live(view.source)

    def _show(self, name: str, rows: list[tuple[Ink, ...]], height: int) -> None:
        self.query_one(f"#{name}", Lines).fit(rows, height)

    @on(Input.Changed, "#value")
    def _changed(self, event: Input.Changed) -> None:
        self._note = ""
        self._judge(event.value)

    @on(Input.Submitted, "#value")
    def _submitted(self, event: Input.Submitted) -> None:
        """Make the write; a refused one is remembered, and the nearest value that would pass is taken."""
        bench = self._bench
        if bench is None or not event.value.strip():
            return
        text = self._take_apart(event.value)
        done = bench.make(self.register, text)
        if done.verdict is None:
            return
        if self._named is not None:
            self.program.session.follow(self._named.id)
        self._past, self._typed = 0, ""
        if done.verdict.would_pass is not None:
            name = f"{self._named.name}=" if self._named is not None else ""
            self._put(name + hex(done.verdict.would_pass))
        else:
            self._judge(event.value)
            kept = done.verdict.outcome
            self._note = f"{kept}: this vCPU keeps it until it is reset" if kept in ("accepted", "ignored") else kept
            self._attempt = done
            self._draw()

    def _put(self, text: str) -> None:
        line = self.query_one("#value", Input)
        line.value = text
        line.cursor_position = len(text)

    def action_history(self, step: int) -> None:
        """What was tried before on this register, newest first; back at the start, what was being typed."""
        if self._bench is None or not self.query_one("#value", Input).has_focus:
            return
        past = self._bench.texts(self.register.id)
        if self._past == 0:
            self._typed = self.query_one("#value", Input).value
        self._past = max(0, min(self._past + step, len(past)))
        self._put(past[self._past - 1] if self._past else self._typed)

    def action_other_pane(self) -> None:
        """From the line to the judged fields and back; there single letters are keys."""
        line, judged = self.query_one("#value", Input), self.query_one("#judged", Listing)
        (judged if line.has_focus and judged.display else line).focus()

    def action_first_run(self) -> None:
        """Before or after the first run."""
        if self._bench is None:
            return
        import errno

        error = self._bench.toggle_run()
        name = errno.errorcode.get(error, str(error))
        self._note = f"KVM_RUN is refused: {name} ({error})" if error else ""
        self._judge(self.query_one("#value", Input).value)

    def action_reset(self) -> None:
        """A fresh vCPU."""
        if self._bench is not None:
            self._bench.reset()
            self._note = "a fresh vCPU: nothing was written, nothing ran"
            self._judge(self.query_one("#value", Input).value)

    def action_copy_verdict(self) -> None:
        """The verdict in full, as the command prints it."""
        from inspector.reports.exposure import verdict_lines

        attempt, answer = self._attempt, self._answer
        if attempt is None or attempt.verdict is None or answer is None:
            self.program.copy("")
            return
        about = f"{answer.question.title}; vCPU features: {answer.setup.describe()}; vGIC: {answer.setup.gic}"
        self.program.copy("\n".join([*verdict_lines(attempt.verdict), f"  kernel      {about}"]))

    def action_for_real(self) -> None:
        """Make the accepted writes and this one on a scratch vCPU of the live source, both answers side by side."""
        bench, answer, attempt, view = self._bench, self._answer, self._attempt, self.program.session.view
        if not self._real or bench is None or answer is None or view is None:
            self._say("nothing is written: that needs a live source, opened by `vcpu-inspector live --for-real`")
            return
        if attempt is None or attempt.value is None:
            self._say("type a value first")
            return
        from inspector.app.shell.background import aside
        from inspector.checks.writing.scratch import write_and_predict
        from inspector.kvm.cases import candidates_of

        writes = [(one.id, one.value) for one in bench.kept if one.value is not None]
        writes.append((attempt.id, attempt.value))
        options, source = self.program.session.for_real, view.source
        policies = candidates_of(answer.policy, answer.question.candidates)
        self._say("writing to a scratch vCPU …")
        aside(
            self.app,
            lambda: write_and_predict(source, writes, policies, options).pairs[-1],
            lambda pair: self._say(pair_words(pair)),
            lambda error: self._say(f"✖ {error}"),
        )

    def _say(self, note: str) -> None:
        """One line under the verdict; nothing when the dialog was closed meanwhile."""
        if self.shown:
            self._note = note
            self._draw()
