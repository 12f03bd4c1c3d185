"""Choose the two sides of a restore: the saved VM, the destination, and the destination's kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from inspector.app.dialogs.choosing import Choosing
from inspector.app.dialogs.line import Line
from inspector.app.dialogs.offers import offers_items
from inspector.app.modes.migrate.question import Question, newer_kernel, restorable, series_ends, short_name
from inspector.app.widgets.ink import Ink, row
from inspector.app.widgets.listing import Item
from inspector.checks.machine.source_kernel import own_kernel
from inspector.errors import InspectorError
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.policies.loader import all_names, load_policy, patch_names
from inspector.policies.release import choose
from inspector.policies.setup import parse_features
from inspector.sources.dump import Dump

SAME_HOST = "same-host"
OTHER_LINES = ("#features", "#host")
"""Of the dialog for the kernel, besides its own line."""


class Choose(Choosing):
    """A side of the restore: a dump, loaded, shipped or typed."""

    def __init__(self, question: Question | None, chosen: Callable[[Question], None]) -> None:
        super().__init__()
        self.question = question
        """what is asked now"""
        self.chosen = chosen
        """what is done with the question that the user put together"""

    def items(self) -> list[Item]:
        """What can be chosen."""
        return offers_items(self.program.session.dumps)

    def picked(self, kind: str, name: str) -> None:
        """A line of the list was chosen; its key in two parts."""
        if kind == "loaded":
            self.take(self.program.session.dumps[int(name)])
        elif kind == "builtin":
            self.typed(f"builtin:{name}")

    def loaded(self, dump: Dump) -> None:
        """Take it."""
        self.take(dump)

    def take(self, dump: Dump) -> None:
        """A dump was chosen."""

    def done(self, question: Question) -> None:
        """Close, and ask."""
        if self.shown:
            self.dismiss()
            self.chosen(question)


class ChooseSource(Choose):
    """Which saved VM."""

    TITLE = "Source: the saved VM"
    PLACEHOLDER = "file, builtin:NAME"

    def take(self, dump: Dump) -> None:
        """It has to hold a vCPU."""
        if not restorable(dump):
            self.refuse(InspectorError("holds no vCPU registers to restore", short_name(dump)))
            return
        before = self.question
        if before is None:
            self.done(Question(dump, None, newer_kernel(dump)))
        else:
            self.done(before._replace(source=dump))


class ChooseDestination(Choose):
    """Where it is restored."""

    TITLE = "Destination"
    PLACEHOLDER = "file of a fresh vCPU or host, builtin:NAME, same-host, or a kernel for it: 6.12"

    def items(self) -> list[Item]:
        """The source's own machine first."""
        head = Item("", (row(Ink("Same host, another kernel (p lists every release)", "heading")),), pick=False)
        ends = [
            Item(f"same {name}", (row(f"same host, Linux {name}"), row(Ink(_evidence(name), "muted"))))
            for name in series_ends()
            if load_policy(name).recorded
        ]
        return [head, *ends, Item("", (row(""),), pick=False), *super().items()]

    def present(self) -> str:
        """The kernel of the same host."""
        return f"same {self.question.kernel}" if self.question and self.question.destination is None else ""

    def picked(self, kind: str, name: str) -> None:
        """The same host, or a dump."""
        if kind == "same":
            self._same(name)
        else:
            super().picked(kind, name)

    def typed(self, text: str) -> None:
        """`same-host`, a kernel's name, or a source."""
        words = text.removeprefix(SAME_HOST).strip()
        if text == SAME_HOST:
            self._same(self.question.kernel if self.question else "")
            return
        if text.startswith(SAME_HOST) or words.partition("+")[0].replace(".", "").isdecimal():
            try:
                choose(words)
            except InspectorError as error:
                self.refuse(error)
            else:
                self._same(words)
            return
        super().typed(text)

    def _same(self, kernel: str) -> None:
        if self.question is not None:
            host = self.question.host if self.question.destination is None else ""
            kernel = kernel or newer_kernel(self.question.source)
            self.done(self.question._replace(destination=None, kernel=kernel, host=host))

    def take(self, dump: Dump) -> None:
        """A fresh vCPU, or a host's raw registers; its own kernel counts where it names one or shows it."""
        if self.question is None:
            return
        named = own_kernel(dump).asked is not None
        kernel = "" if named else newer_kernel(self.question.source)
        self.done(self.question._replace(destination=dump, kernel=kernel, host=""))


class ChooseKernel(Choose):
    """Under which kernel, with which vCPU features, on a host that was booted how."""

    TITLE = "Kernel, vCPU features and host of the destination"
    SUBTITLE = "enter chooses   tab next line   ↑↓ list   esc closes"
    PLACEHOLDER = "6.12, what uname -r prints, a policy file, 6.12+mask-ccidx-keep"

    def lines(self) -> ComposeResult:
        """A second line for the features, a third for what registers do not show of the host."""
        yield from super().lines()
        features, host = (self.question.features, self.question.host) if self.question else ("", "")
        yield Line(features, placeholder="features: psci,pmu,sve …, empty: as the source has them", id="features")
        yield Line(host, placeholder='host: cmdline="mitigations=off", bhb=…, page-size=64k', id="host")

    def items(self) -> list[Item]:
        """Every release, newest first; a destination's own kernel where its dump names it."""
        own: Sequence[Item] = ()
        if self.question is not None and self.question.destination is not None:
            own = [Item("own", (row("as the destination's dump says"), row("")))]
        kernel = self.question.kernel if self.question else ""
        base = kernel.partition("+")[0]
        patched = [
            Item(f"kernel {base}+{name}", (row(f"{base}+{name}"), row(Ink("patch over this kernel", "muted"))))
            for name in patch_names()
            if base
        ]
        kernels = [
            Item(
                f"kernel {name}",
                (row(f"{'Linux ' * name[0].isdecimal()}{name}"), row(Ink(_evidence(name), "muted"))),
            )
            for name in reversed(all_names())
        ]
        return [*own, *kernels, *patched]

    def present(self) -> str:
        """The destination's kernel."""
        return f"kernel {self.question.kernel}" if self.question and self.question.kernel else "own"

    def picked(self, kind: str, name: str) -> None:
        """A release of the list."""
        self._take_kernel("" if kind == "own" else name)

    def given(self) -> str:
        """All lines."""
        return super().given() + "".join(self._typed_in(name) for name in OTHER_LINES)

    def _typed_in(self, name: str) -> str:
        return self.query_one(name, Line).value.strip()

    def submitted(self, text: str) -> None:
        """All lines together; an empty kernel keeps the present one."""
        self._take_kernel(super().given() or (self.question.kernel if self.question else ""))

    def _take_kernel(self, kernel: str) -> None:
        if self.question is None:
            return
        features, host = map(self._typed_in, OTHER_LINES)
        try:
            if kernel:
                choose(kernel)
            if features:
                parse_features(features)
            with_inputs(HostState(values={}, known={}), host)
        except InspectorError as error:
            self.refuse(error)
            return
        self.done(self.question._replace(kernel=kernel, features=features, host=host))

    def action_complete(self) -> None:
        """From the kernel to the features, the host, and round again."""
        lines = [self.path, *(self.query_one(name, Line) for name in OTHER_LINES)]
        now = next((at for at, line in enumerate(lines) if line.has_focus), -1)
        self.set_focus(lines[(now + 1) % len(lines)])


def _evidence(name: str) -> str:
    """How well a kernel is known."""
    return "recorded on a real kernel" if load_policy(name).recorded else "read in its source"
