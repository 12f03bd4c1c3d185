"""Choose the kernel policy that is asked, patches over it, how the vCPU is created, and how the host was booted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from inspector.app.dialogs.dialog import AFTER, Dialog
from inspector.app.dialogs.line import MOVES, Line
from inspector.app.widgets.ink import Ink, Row, clip, ink, row, wrap
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.checks.machine.own_vcpu import has_raw_host, own_setup, plain_kernel
from inspector.errors import CreationError, InspectorError
from inspector.policies.headings import heading
from inspector.policies.points import all_names, patch_names, policy_names
from inspector.policies.release_string import taken_apart
from inspector.policies.setup import FEATURES, QEMU_SETUP, VcpuSetup
from inspector.sources.dump import Dump, Vcpu

if TYPE_CHECKING:
    # What answers is loaded beside the screen, while a kernel is typed.
    from inspector.checks.machine.question import KernelQuestion
    from inspector.kvm.host import HostState
    from inspector.policies.rulebook import Rulebook

SAID_LINES = 3
NONE = "none"
PLACEHOLDER = "6.12, 6.2+mask-ccidx, what uname -r says, a .toml file"
HOST_PLACEHOLDER = 'host: cmdline="mitigations=off", bhb=…, page-size=64k'
TITLE = "Kernel policy and vCPU features"
DUMP_ALONE = (NONE, "the dump alone", "no kernel is asked: the dump alone is shown")


class Wanted(NamedTuple):
    """For which machine a kernel is chosen, what is asked now, and what is done with the choice."""

    dump: Dump
    vcpu: Vcpu | None
    text: str
    """the kernel that is asked now; empty for none"""
    setup: VcpuSetup | None
    """features that were asked for; None: as the machine's own vCPU has them"""
    host: str
    """inputs of the host, as `--host` takes them"""
    taken: Callable[[KernelQuestion | None], object]
    where: str = ""
    """what the title says of the machine"""
    none: tuple[str, str, str] = DUMP_ALONE
    """the list's line for no kernel, what that means, and the same as a sentence; empty: a kernel has to be named"""
    restores: bool = False
    """the VM is made by a restore, which has an interrupt controller of its own and tells what KVM does not create"""


class Kernels(Listing):
    """Names of kernels. What each policy rests on is read when it comes into view: there are many, and few are seen."""

    own = ""
    """the kernel that the dump was made under"""

    def line(self, y: int, cells: int) -> Row:
        """A name with its evidence."""
        place = y - int(self.titled)
        if 0 <= place < len(self.items) and len((item := self.items[place]).cells) == 1:
            mine = Ink(", this dump's", "title") if item.key == self.own else Ink("")
            told = item._replace(cells=(*item.cells, row(Ink(heading(item.key).evidence, "muted"), mine)))
            self.items = (*self.items[:place], told, *self.items[place + 1 :])
        return super().line(y, cells)


class PolicyChooser(Dialog):
    """A line for the kernel, what would come of it, the policies, ticks for patches, features and boot options, and a
    line for what registers do not show of the host.

    The first line has the keys at first: letters go into it, arrows move in the list of policies.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = [*Dialog.CSS_PATH, Path(__file__).parent / "policy.tcss"]
    LINE = "#name"

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("tab", "other_pane(1)", "Other pane", show=False, priority=True),
        Binding("shift+tab", "other_pane(-1)", "Other pane", show=False, priority=True),
    ]

    def __init__(self, wanted: Wanted | None = None) -> None:
        super().__init__()
        self._wanted = wanted
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
        keys = hints("enter asks   ↑↓ kernel   tab switches   esc closes")
        where = self._wanted.where if self._wanted is not None else ""
        with Box(unmarked(f"{TITLE}{where}"), keys, classes="tall policy"):
            yield Line(placeholder=PLACEHOLDER, id="name", keys=True)
            yield Lines(id="said")
            with Horizontal(id="choices"):
                policies = Kernels((Column("kernel", 17), Column("evidence")), id="policies")
                policies.can_focus = False
                yield policies
                yield Listing((Column("with", 0),), id="ticks")
            yield Line(placeholder=HOST_PLACEHOLDER, id="host")

    def on_mount(self) -> None:
        """Start from what is asked now, else from the dump alone."""
        wanted = self._wanted = self._wanted or self._of_session()
        self._look_at_dump()
        text = wanted.text if wanted is not None else ""
        policies, line = self.query_one("#policies", Kernels), self.query_one("#name", Line)
        policies.own = self._own_base()
        policies.fill(self._policy_items())
        if wanted is not None and text:
            self._setup, self._host = wanted.setup or self._own_setup, wanted.host
            with self.prevent(Input.Changed):
                line.value, self.query_one("#host", Line).value = text, self._host
        self._consider(text)
        self._to_line()
        line.select_all()
        self.set_timer(AFTER, self._prepare)

    def _prepare(self) -> None:
        """Load what answers, beside the letters that may come meanwhile."""
        wanted = self._wanted
        if wanted is not None and "inspector.checks.machine.machine" not in sys.modules:
            from inspector.app.shell.background import aside

            def work() -> None:
                from inspector.checks.machine.machine import machine

                machine(wanted.dump, vcpu=wanted.vcpu)

            aside(self.app, work, lambda _: None, lambda _: None)

    def _of_session(self) -> Wanted | None:
        """The kernel that every screen asks, of the machine on screen."""
        session = self.program.session
        now, view = session.question, session.view
        if view is None:
            return None
        text, setup, host = (now.text, now.setup, now.host) if now is not None else ("", None, "")
        return Wanted(view.dump, view.one_vcpu, text, setup, host, session.ask)

    def _look_at_dump(self) -> None:
        """How the dump's own vCPU was created, and how its host was booted."""
        if self._wanted is None:
            return
        dump, vcpu = self._wanted.dump, self._wanted.vcpu
        setup = own_setup(dump, vcpu)
        if setup is not None and has_raw_host(dump):
            self._own_setup, self._own_cmdline = setup, dump.provenance.cmdline.raw
        else:
            from inspector.checks.machine.known_host import known_host

            try:
                known = known_host(dump, vcpu)
            except InspectorError:
                return
            self._own_setup, self._own_cmdline = known.setup, known.host.cmdline
        self._setup = self._own_setup

    @property
    def _cmdline(self) -> str:
        """The host's command line as it is ticked."""
        from inspector.kvm.host_inputs import cmdline_of

        given = cmdline_of(self._host)
        return self._own_cmdline if given is None else given

    def _policy_items(self) -> list[Item]:
        """No policy, then every policy, newest first, vendors' kernels among them."""
        none = self._wanted.none if self._wanted is not None else DUMP_ALONE
        items = [Item(NONE, (row(none[0]), row(Ink(none[1], "muted"))))] if none[0] else []
        return items + [Item(name, (row(ink(name)),)) for name in reversed(all_names())]

    def _own_base(self) -> str:
        wanted = self._wanted
        if wanted is None:
            return ""
        if (name := plain_kernel(wanted.dump)) in policy_names():
            return name
        from inspector.checks.machine.question import own_question

        try:
            return own_question(wanted.dump, wanted.vcpu).policy.point
        except InspectorError:
            return ""

    def _draw_ticks(self) -> None:
        """Patches, features, the VM's interrupt controller, the boot options of the kernel."""
        items = [Item("", (row(Ink("Patches", "heading")),), pick=False)]
        items += [_tick(f"patch {name}", name, name in self._patches) for name in patch_names()]
        items.append(Item("", (row(Ink("vCPU features", "heading")),), pick=False))
        items += [_tick(f"feature {one.word}", one.word, self._setup.includes(one)) for one in FEATURES]
        if self._wanted is None or not self._wanted.restores:
            items.append(Item("", (row(Ink("VM", "heading")),), pick=False))
            items.append(_tick("gic", "vGIC (in-kernel GICv3)", self._setup.gic == "v3"))
        if self._book is not None:
            from inspector.kvm.boot_options import has_word, options_of

            options = options_of(self._book)
            items += [Item("", (row(Ink("Host's boot options", "heading")),), pick=False)] * bool(options)
            items += [_tick(f"boot {one.word}", one.word, has_word(self._cmdline, one.word)) for one in options]
        ticks = self.query_one("#ticks", Listing)
        ticks.fill(items, cursor=None if ticks.items else 1)

    def _consider(self, text: str) -> None:
        """Work out what a text would ask, and say it or what is wrong with it."""
        self._question, self._problem, self._book, self._machine = None, "", None, None
        wanted, text = self._wanted, text.strip()
        none = wanted.none if wanted is not None else DUMP_ALONE
        if wanted is None or text == NONE or (not text and none[0]):
            self._patches = ()
            self._say(row(Ink(none[2], "muted")))
            self.query_one("#policies", Listing).go(0, tell=False)
        elif not text:
            self._patches, self._problem = (), "a kernel has to be named"
        else:
            self._ask_of(wanted, text)
        if self._problem:
            self._say(row(Ink("✖ ", "refused"), ink(self._problem)))
        self._draw_ticks()

    def _ask_of(self, wanted: Wanted, text: str) -> None:
        """Put a kernel's name to the machine."""
        from inspector.checks.machine.machine import machine
        from inspector.checks.machine.question import ask
        from inspector.kvm.host import HostState
        from inspector.kvm.host_inputs import with_inputs
        from inspector.policies.rulebook import rulebook

        setup = None if self._setup == self._own_setup else self._setup
        try:
            question = ask(text, setup, wanted.dump, host=self._host)
            self._patches, self._book = question.patches, rulebook(question.policy)
            with_inputs(HostState(values={}, known={}), self._host)
            policies = self.query_one("#policies", Listing)
            policies.go(policies.index_of(question.policy.point) or 0, tell=False)
            told = machine(wanted.dump, question, vcpu=wanted.vcpu)
        except CreationError as error:
            if wanted.restores:
                self._question = question
                self._say(row(Ink(question.title, "title"), ink(f"  {error.where} {error.what}")))
            else:
                self._problem = f"{error.where} {error.what}"
        except InspectorError as error:
            self._problem = str(error)
        else:
            self._question, self._machine = question, told.host
            self._say(self._good(question, len(told.exposure.listed), told.setup))

    def _good(self, question: KernelQuestion, listed: int, setup: VcpuSetup) -> Row:
        policy = question.policy
        told = f"  {policy.evidence}" + (f" ({', '.join(policy.recorded)})" if policy.recorded else "")
        told += f"; {listed} registers listed; {setup.describe()}; vGIC {setup.gic}"
        more = f". {question.explanation}" if question.explanation else ""
        return row(Ink(question.title, "title"), Ink(told, "muted"), ink(more, "muted"))

    def _say(self, line: Row) -> None:
        cells = self.cells_across - 4
        rows = wrap(line, cells)
        if len(rows) > SAID_LINES:
            rows = [*rows[: SAID_LINES - 1], clip((*rows[SAID_LINES - 1], Ink(" " * cells)), cells)]
        self.query_one("#said", Lines).show(rows)

    @on(Input.Changed, "#name")
    def _typed(self, event: Input.Changed) -> None:
        self._consider(event.value)

    @on(Input.Changed, "#host")
    def _typed_host(self, event: Input.Changed) -> None:
        self._host = event.value.strip()
        self._consider(self.query_one("#name", Line).value)

    @on(Input.Submitted)
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
        from inspector.kvm.boot_options import effects, has_word, options_of
        from inspector.policies.loader import patch_title

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
            from inspector.kvm.boot_options import with_toggled
            from inspector.kvm.host_inputs import with_cmdline

            line_now = with_toggled(self._cmdline, word)
            same = line_now.split() == self._own_cmdline.split()
            self._host = with_cmdline(self._host, None if same else line_now)
            with self.prevent(Input.Changed):
                self.query_one("#host", Line).value = self._host
        else:
            self._setup = msgspec.structs.replace(self._setup, gic="none" if self._setup.gic == "v3" else "v3")
        if line.value == text:
            self._consider(text)
        else:
            line.value = text

    def _base_of(self, text: str) -> str:
        return taken_apart(text)[0]

    def _apply(self) -> None:
        """Ask, unless something is wrong with it."""
        if self._problem:
            return
        self.dismiss()
        if self._wanted is not None:
            self._wanted.taken(self._question)

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

    def action_other_pane(self, step: int) -> None:
        """From the line to the ticks, to the line of the host, and round again."""
        panes = [self.query_one(one) for one in ("#name", "#ticks", "#host")]
        self.query_one("#name", Line).select_all()
        now = next((at for at, one in enumerate(panes) if one.has_focus), 0)
        self.set_focus(panes[(now + step) % len(panes)])


def _tick(key: str, text: str, on: bool) -> Item:
    mark = Ink("[x] ", "link") if on else Ink("[ ] ", "muted")
    return Item(key, (row(mark, ink(text)),))
