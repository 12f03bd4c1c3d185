"""Choose the kernel policy that is asked, patches over it, how the vCPU is created, and how the host was booted."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from inspector.app.dialogs.dialog import DIALOG_CELLS, Dialog
from inspector.app.dialogs.line import MOVES, Line
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.app.widgets.unmarked import Box, unmarked
from inspector.checks.machine.known_host import known_host
from inspector.checks.machine.machine import KernelQuestion, ask, machine, own_question
from inspector.errors import CreationError, InspectorError
from inspector.kvm.boot_options import effects, has_word, options_of, with_toggled
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import cmdline_of, with_cmdline
from inspector.policies.loader import all_names, load_policy, patch_names, patch_title, policy_names
from inspector.policies.rulebook import Rulebook, rulebook
from inspector.policies.setup import FEATURES, QEMU_SETUP, VcpuSetup

SAID_LINES = 3
NONE = "none"
PLACEHOLDER = "6.12, 6.2+mask-ccidx, what uname -r says, a .toml file"


class PolicyChooser(Dialog):
    """A line to type in, what would come of it, the policies, and ticks for patches, features and boot options.

    The line has the keys at first: letters go into it, arrows move in the list of policies.
    """

    LINE = "#name"

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("tab,shift+tab", "other_pane", "Other pane", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._own_setup: VcpuSetup = QEMU_SETUP
        self._setup: VcpuSetup = QEMU_SETUP
        self._patches: tuple[str, ...] = ()
        self._own_cmdline = ""
        """the host's command line as the dump has it"""
        self._host = ""
        """inputs of the host, as `--host` takes them"""
        self._book: Rulebook | None = None
        """of the kernel whose boot options are listed"""
        self._machine: HostState | None = None
        self._question: KernelQuestion | None = None
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Text, answer, two lists."""
        keys = unmarked("enter asks   ↑↓ kernel   tab switches   esc closes")
        with Box(unmarked("Kernel policy and vCPU features"), keys, classes="tall policy"):
            yield Line(placeholder=PLACEHOLDER, id="name")
            yield Lines(id="said")
            with Horizontal(id="choices"):
                policies = Listing((Column("kernel", 20), Column("evidence")), id="policies")
                policies.can_focus = False
                yield policies
                yield Listing((Column("with", 0),), id="ticks")

    def on_mount(self) -> None:
        """Start from what is asked now, else from the dump alone."""
        session = self.program.session
        now = session.question
        self._look_at_dump()
        if now is not None:
            self._setup = now.setup or self._own_setup
            self._patches, self._host = now.patches, now.host
            self.query_one("#name", Line).value = now.text
        policies = self.query_one("#policies", Listing)
        policies.fill(self._policy_items(), cursor=now.policy.point if now else NONE)
        self._consider(now.text if now else "")
        self._to_line()
        self.query_one("#name", Line).select_all()

    def _look_at_dump(self) -> None:
        """How the dump's own vCPU was created, and how its host was booted."""
        view = self.program.session.view
        if view is None:
            return
        try:
            known = known_host(view.dump, view.one_vcpu)
        except InspectorError:
            return
        self._own_setup = self._setup = known.setup
        self._own_cmdline = known.host.cmdline

    @property
    def _cmdline(self) -> str:
        """The host's command line as it is ticked."""
        given = cmdline_of(self._host)
        return self._own_cmdline if given is None else given

    def _policy_items(self) -> list[Item]:
        """No policy, then every policy, newest first, vendors' kernels among them."""
        items = [Item(NONE, (row("none"), row(Ink("the dump alone", "muted"))))]
        own = self._own_base()
        for name in reversed(all_names()):
            policy = load_policy(name)
            mine = Ink(", this dump's", "title") if name == own else Ink("")
            items.append(Item(name, (row(ink(name)), row(Ink(policy.evidence, "muted"), mine))))
        return items

    def _own_base(self) -> str:
        view = self.program.session.view
        try:
            return own_question(view.dump, view.one_vcpu).policy.point if view else ""
        except InspectorError:
            return ""

    def _draw_ticks(self) -> None:
        """Patches, features, the VM's interrupt controller, the boot options of the kernel."""
        items = [Item("", (row(Ink("Patches", "heading")),), pick=False)]
        items += [_tick(f"patch {name}", name, name in self._patches) for name in patch_names()]
        items.append(Item("", (row(Ink("vCPU features", "heading")),), pick=False))
        items += [_tick(f"feature {one.word}", one.word, self._setup.includes(one)) for one in FEATURES]
        items.append(Item("", (row(Ink("VM", "heading")),), pick=False))
        items.append(_tick("gic", "vGIC (in-kernel GICv3)", self._setup.gic == "v3"))
        options = options_of(self._book) if self._book is not None else ()
        items += [Item("", (row(Ink("Host's boot options", "heading")),), pick=False)] * bool(options)
        items += [_tick(f"boot {one.word}", one.word, has_word(self._cmdline, one.word)) for one in options]
        ticks = self.query_one("#ticks", Listing)
        ticks.fill(items, cursor=None if ticks.items else 1)

    def _consider(self, text: str) -> None:
        """Work out what a text would ask, and say it or what is wrong with it."""
        self._question, self._problem, self._book, self._machine = None, "", None, None
        view = self.program.session.view
        if text.strip() and text.strip() != NONE and view is not None:
            setup = None if self._setup == self._own_setup else self._setup
            try:
                question = ask(text, setup, view.dump, host=self._host)
                self._patches, self._book = question.patches, rulebook(question.policy)
                told = machine(view.dump, question, vcpu=view.one_vcpu)
            except CreationError as error:
                self._problem = f"{error.where} {error.what}"
            except InspectorError as error:
                self._problem = str(error)
            else:
                self._question, self._machine = question, told.host
                self._say(self._good(question, len(told.exposure.listed), told.setup))
                policies = self.query_one("#policies", Listing)
                policies.go(policies.index_of(question.policy.point) or 0, tell=False)
        else:
            self._patches = ()
            self._say(row(Ink("no kernel is asked: the dump alone is shown", "muted")))
        if self._problem:
            self._say(row(Ink("✖ ", "refused"), ink(self._problem)))
        self._draw_ticks()

    def _good(self, question: KernelQuestion, listed: int, setup: VcpuSetup) -> Row:
        policy = question.policy
        told = f"  {policy.evidence}" + (f" ({', '.join(policy.recorded)})" if policy.recorded else "")
        told += f"; {listed} registers listed; {setup.describe()}; vGIC {setup.gic}"
        more = f". {question.explanation}" if question.explanation else ""
        return row(Ink(question.title, "title"), Ink(told, "muted"), ink(more, "muted"))

    def _say(self, line: Row) -> None:
        cells = min(self.app.size.width, DIALOG_CELLS) - 4
        rows = wrap(line, cells)
        if len(rows) > SAID_LINES:
            rows = [*rows[: SAID_LINES - 1], clip((*rows[SAID_LINES - 1], Ink(" " * cells)), cells)]
        self.query_one("#said", Lines).show(rows)

    @on(Input.Changed, "#name")
    def _typed(self, event: Input.Changed) -> None:
        self._consider(event.value)

    @on(Input.Submitted, "#name")
    def _submitted(self) -> None:
        self._apply()

    @on(Listing.Moved, "#policies")
    def _moved(self, event: Listing.Moved) -> None:
        self._take(event.item.key)

    def _take(self, base: str) -> None:
        """A policy of the list: the ticked patches stay."""
        line = self.query_one("#name", Line)
        text = "" if base == NONE else "+".join([base, *self._patches])
        if line.value == text:
            self._consider(text)
        else:
            line.value = text
            # What is typed next replaces it.
            line.select_all()

    @on(Listing.Chosen, "#policies")
    def _chosen(self) -> None:
        self._apply()

    @on(Listing.Chosen, "#ticks")
    def _ticked_chosen(self) -> None:
        self._apply()

    @on(Listing.Moved, "#ticks")
    def _looked(self, event: Listing.Moved) -> None:
        """What a patch or a boot option does stands where the answer stood, until the next tick."""
        kind, _, word = event.item.key.partition(" ")
        if kind == "patch" and not self._problem:
            name, title, evidence = patch_title(word)
            self._say(row(Ink(name, "title"), ink(f"  {title}"), Ink(f"  {evidence}", "muted")))
        elif kind == "boot" and not self._problem and self._book is not None:
            reason = next((one.reason for one in options_of(self._book) if one.word == word), "")
            host = self._machine
            told = [one.text for one in effects(host, self._book) if has_word(one.word, word)] if host else []
            here = f"  here: {'; '.join(told)}" if told else ""
            self._say(row(Ink(word, "title"), ink(f"  {reason}"), ink(here, "muted")))

    @on(Listing.Folded, "#ticks")
    def _folded(self, event: Listing.Folded) -> None:
        kind, _, word = event.item.key.partition(" ")
        line = self.query_one("#name", Line)
        text = line.value.strip()
        if text in ("", NONE):
            text = self._own_base() or policy_names()[-1]
        if kind == "patch":
            kept = [name for name in self._patches if name != word]
            patches = kept if word in self._patches else [*kept, word]
            base = self._base_of(text)
            text = "+".join([base, *patches])
        elif kind == "feature":
            self._setup = self._setup.toggled(word)
        elif kind == "boot":
            line_now = with_toggled(self._cmdline, word)
            same = line_now.split() == self._own_cmdline.split()
            self._host = with_cmdline(self._host, None if same else line_now)
        else:
            self._setup = msgspec.structs.replace(self._setup, gic="none" if self._setup.gic == "v3" else "v3")
        if line.value == text:
            self._consider(text)
        else:
            line.value = text

    def _base_of(self, text: str) -> str:
        from inspector.policies.release import taken_apart

        return taken_apart(text)[0]

    def _apply(self) -> None:
        """Ask, unless something is wrong with it."""
        if self._problem:
            return
        self.dismiss()
        self.program.session.ask(self._question)

    @property
    def _list(self) -> Listing:
        """The list that arrows move in."""
        ticks = self.query_one("#ticks", Listing)
        return ticks if ticks.has_focus else self.query_one("#policies", Listing)

    def action_move(self, step: int) -> None:
        """One line up or down in the list."""
        self._list.action_move(step)

    def action_page(self, step: int) -> None:
        """One page up or down in the list."""
        self._list.action_page(step)

    def action_other_pane(self) -> None:
        """From the line to the ticks and back."""
        ticks, line = self.query_one("#ticks", Listing), self.query_one("#name", Line)
        line.select_all()
        self.set_focus(line if ticks.has_focus else ticks)


def _tick(key: str, text: str, on: bool) -> Item:
    mark = Ink("[x] ", "link") if on else Ink("[ ] ", "muted")
    return Item(key, (row(mark, ink(text)),))
