"""What the program is looking at: the only state that changes. Screens read it, ask it to change, and are notified.

Nothing here draws, and nothing here knows Textual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from inspector.app.shell.numbers import BASES, Base
from inspector.app.shell.tried import Tried
from inspector.app.shell.view import Changes, View, start_at, views_of
from inspector.errors import InspectorError
from inspector.registers import catalog
from inspector.registers.catalog import Register
from inspector.sources.dump import Dump

if TYPE_CHECKING:
    from inspector.app.shell.live import LiveReading
    from inspector.app.widgets.ink import Row
    from inspector.checks.compare.kernel_step import KernelStep
    from inspector.checks.features.sides import Sides
    from inspector.checks.machine.machine import Machine
    from inspector.checks.machine.question import KernelQuestion
    from inspector.sources.live.source import LiveOptions

Change = Literal["dump", "vcpu", "register", "base", "policy", "live", "slider", "writes"]
"""What changed; `dump` means everything, `live` only what is said of a live source, `slider` of the kernel slider,
`writes` what was tried."""


class Place(NamedTuple):
    """Where the user is: which source, vCPU, register and field."""

    source: int = 0
    view: int = 0
    register: int | None = None
    field: str = ""


class Beside(Protocol):
    """Real kernels of the lab that answer beside the slider."""

    def follow(self, kernel: str) -> None:
        """The slider stands at this kernel of the catalogue."""

    def row(self, register: Register | None) -> Row:
        """What the real one shows of a register."""


class Session:
    """Loaded dumps and what is chosen among them."""

    def __init__(self) -> None:
        self.loaded: list[Dump] = []
        """as they were read; `dumps` has the simulated writes in them"""
        self.place = Place()
        self.base: Base = "hex"
        self.question: KernelQuestion | None = None
        """the kernel policy that is asked and the vCPU's features; None for the dump alone"""
        self.step: KernelStep | None = None
        """what the last step of the kernel slider changed; None once a kernel was chosen otherwise"""
        self.sliding = ""
        """the kernel that the slider is on its way to, or why it has no answer; empty when it has arrived"""
        self.beside: Beside | None = None
        """real kernels of the lab that answer beside the slider; None until the lab was opened"""
        self.for_real: LiveOptions | None = None
        """how a scratch vCPU is made, when live sources were opened for writing by an explicit flag; else None"""
        self.only_notable = False
        self.story = False
        """the patch page plays the story of the patch that this program began with"""
        self.secrets = False
        """values of general, vector and debug registers, pointers and keys are shown"""
        self.on_change: Callable[[Change], None] = lambda change: None
        self.readings: dict[str, LiveReading] = {}
        """the live sources among the dumps, by the dump's source"""
        self._changes: dict[str, Changes] = {}
        self._read: dict[int, tuple[View, ...]] = {}
        """views of the dumps as they were read"""
        self._views: dict[int, tuple[View, ...]] = {}
        self._answer: tuple[View, KernelQuestion, Machine | InspectorError] | None = None
        self._shown: tuple[View, Machine | InspectorError, View] | None = None
        self._sides: dict[bool, tuple[View, KernelQuestion | None, Sides]] = {}
        self.tried = Tried(self)
        """the simulated writes"""

    @property
    def dumps(self) -> list[Dump]:
        """The loaded dumps, with what was written to their vCPUs."""
        return [self.tried.written(at) for at in range(len(self.loaded))]

    @property
    def policy(self) -> str | None:
        """How the header calls the kernel policy that is asked, None for the dump alone."""
        if self.question is None:
            return None
        count = len(self.question.candidates)
        title = f"{self.question.title}, one of {count}" if count > 1 else self.question.title
        return f"{title}, boot options ticked" if self.question.host else title

    def ask(self, question: KernelQuestion | None) -> None:
        """Ask a kernel policy from now on; None goes back to the dump alone."""
        self.question = question
        self.step, self.sliding = None, ""
        self.on_change("policy")

    def step_to(self, question: KernelQuestion, told: Machine, shown: View, step: KernelStep | None) -> None:
        """Ask another kernel, whose answer is known already: `told`, and the present view with it, `shown`."""
        view = self.view
        if view is None:
            return
        self.question, self.step, self.sliding = question, step, ""
        self._answer, self._shown = (view, question, told), (view, told, shown)
        self.on_change("policy")

    @property
    def has_slider(self) -> bool:
        """True when the kernel slider has something to say."""
        return self.step is not None or bool(self.sliding)

    def answer(self) -> Machine | InspectorError | None:
        """What the chosen policy makes of the machine behind the view; the error when it cannot tell; None when no
        policy was chosen."""
        view, question = self.read_view, self.question
        if question is None or view is None:
            return None
        if self._answer is None or self._answer[0] is not view or self._answer[1] is not question:
            from inspector.checks.machine.machine import machine

            try:
                told: Machine | InspectorError = machine(view.dump, question, vcpu=view.one_vcpu)
            except InspectorError as error:
                told = error
            self._answer = (view, question, told)
        return self._answer[2]

    @property
    def shown(self) -> View | None:
        """The view with what the chosen policy makes of it; the view itself while none is chosen."""
        view, told = self.view, self.answer()
        if view is None or told is None:
            return view
        if self._shown is None or self._shown[0] is not view or self._shown[1] is not told:
            from inspector.app.shell.modelled import modelled_view

            self._shown = (view, told, modelled_view(view, told))
        return self._shown[2]

    def sides(self, *, written: bool = True) -> Sides:
        """Host and vCPU of the view: under the chosen policy, else as the dump has them.

        `written`: with the simulated writes. Raises InspectorError when there is no dump.
        """
        from inspector.checks.features.sides import changed_sides, sides_under
        from inspector.checks.machine.machine import machine

        view, read, told = self.view, self.read_view, self.answer()
        if view is None or read is None:
            raise InspectorError("there is no dump to look at")
        if not written or not view.written:
            view = read
        held = self._sides.get(written)
        if held is None or held[0] is not view or held[1] is not self.question:
            notes: tuple[str, ...] = ()
            if isinstance(told, InspectorError):
                told, notes = None, (str(told),)
            elif told is None:
                try:
                    told = machine(read.dump, vcpu=read.one_vcpu)
                except InspectorError as error:
                    notes = (f"no kernel to ask: {error}",)
            asked = self.question is not None and told is not None
            found = sides_under(read.dump, told, read.vcpu, asked=asked, notes=notes)
            if view.written:
                found = changed_sides(found, {i: one.after for i, one in view.written.items()})
            held = self._sides[written] = (view, self.question, found)
        return held[2]

    def keep(self, dump: Dump) -> None:
        """Load a dump without looking at it, unless one of its source is loaded."""
        if dump.provenance.source not in [one.provenance.source for one in self.loaded]:
            self.loaded.append(dump)

    def newest(self, dump: Dump) -> Dump:
        """The dump as it was read last, where it is a loaded one."""
        source = dump.provenance.source
        return next((one for one in self.dumps if one.provenance.source == source), dump)

    def add(self, dump: Dump) -> None:
        """Load a dump and look at it; one of the same source replaces the older."""
        sources = [one.provenance.source for one in self.loaded]
        if dump.provenance.source in sources:
            index = sources.index(dump.provenance.source)
            self.loaded[index] = dump
        else:
            index = len(self.loaded)
            self.loaded.append(dump)
        self._forget(index)
        self.look_at(index)

    @property
    def reading(self) -> LiveReading | None:
        """The live source on screen; None for a file."""
        if not self.loaded:
            return None
        return self.readings.get(self.loaded[self.place.source].provenance.source)

    def renew(self, dump: Dump, changed: Changes) -> None:
        """Another reading of a loaded live source: its values and marks replace the older ones, the place stays."""
        source = dump.provenance.source
        index = next((at for at, one in enumerate(self.loaded) if one.provenance.source == source), None)
        if index is None:
            return
        self.loaded[index], self._changes[source] = dump, changed
        self._forget(index)
        if index == self.place.source:
            self.place = self.place._replace(view=min(self.place.view, len(self.views()) - 1))
            self._settle_register()
        self.on_change("dump")

    def look_at(self, index: int) -> None:
        """Look at another loaded dump; the register stays the same where it has it."""
        self.place = Place(index, 0, self.place.register)
        self._settle_register()
        self.on_change("dump")

    def _forget(self, index: int) -> None:
        """A dump is another one now."""
        self._views.pop(index, None)
        self._read.pop(index, None)

    def read_views(self, index: int) -> tuple[View, ...]:
        """The vCPUs of a loaded dump as they were read."""
        if index not in self._read:
            dump = self.loaded[index]
            self._read[index] = views_of(dump, self._changes.get(dump.provenance.source), self.secrets)
        return self._read[index]

    @property
    def read_view(self) -> View | None:
        """What is on screen, as it was read."""
        return self.read_views(self.place.source)[self.place.view] if self.loaded else None

    def views(self, index: int | None = None) -> tuple[View, ...]:
        """The vCPUs (host, templates) of a loaded dump, with what was written to them."""
        index = self.place.source if index is None else index
        read = self.read_views(index)
        changed = [self.tried.changes(index, place) for place in range(len(read))]
        if not any(changed):
            return read
        held = self._views.get(index)
        if held is None or [one.written for one in held] != changed:
            dump = self.tried.written(index)
            made = views_of(dump, self._changes.get(dump.provenance.source), self.secrets)
            held = tuple(msgspec.structs.replace(one, written=told) for one, told in zip(made, changed, strict=True))
            self._views[index] = held
        return held

    @property
    def view(self) -> View | None:
        """What is on screen; None before anything was loaded."""
        return self.views()[self.place.view] if self.loaded else None

    @property
    def register(self) -> Register | None:
        """The register on screen."""
        return catalog.by_id(self.place.register) if self.place.register is not None else None

    @property
    def next_view(self) -> str:
        """What the key for the next vCPU would show, `vCPU` or `Host`; empty where there is nothing else."""
        if not self.loaded or len(views := self.views()) < 2:
            return ""
        following = views[(self.place.view + 1) % len(views)].vcpu
        return "Host" if following is None or following.kind == "host" else "vCPU"

    def step_view(self, step: int) -> None:
        """The next or previous vCPU."""
        if not self.loaded:
            return
        self.place = self.place._replace(view=(self.place.view + step) % len(self.views()))
        self._settle_register()
        self.on_change("vcpu")

    def show_view(self, index: int) -> None:
        """A vCPU by its position."""
        self.place = self.place._replace(view=index)
        self._settle_register()
        self.on_change("vcpu")

    def step_dump(self, step: int) -> None:
        """The next or previous loaded dump."""
        if self.loaded:
            self.look_at((self.place.source + step) % len(self.loaded))

    def show_register(self, reg_id: int, field: str = "") -> None:
        """Another register, with the cursor on one of its fields."""
        self.place = self.place._replace(register=reg_id, field=field)
        self.on_change("register")

    def follow(self, reg_id: int, field: str = "") -> None:
        """The mode in front went to a register by itself: the others open on it. A register that the vCPU on screen
        does not list is left aside."""
        view = self.view
        if view is not None and any(one.id == reg_id for one in view.registers):
            self.place = self.place._replace(register=reg_id, field=field)

    def begin(self) -> None:
        """Look at the first dump, where it opens."""
        if self.loaded:
            self.place = Place()
            self.look_at(0)

    def show_secrets(self, shown: bool) -> None:
        """Show the values of registers that hold a guest's secrets, or withhold them again."""
        self.secrets = shown
        self._views.clear()
        self._read.clear()
        self.on_change("dump")

    def next_base(self) -> None:
        """Hex, binary, decimal, in turn."""
        self.base = BASES[(BASES.index(self.base) + 1) % len(BASES)]
        self.on_change("base")

    def _settle_register(self) -> None:
        """Keep the register when this vCPU lists it, else go where it opens."""
        view = self.view
        if view is None or self.place.register not in {one.id for one in view.registers}:
            self.place = self.place._replace(register=start_at(view) if view else None, field="")
