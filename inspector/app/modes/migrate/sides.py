"""Choose the two sides of a restore: the saved VM, the destination, and the destination's kernel."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.app.dialogs.choosing import Choosing, names_kernel
from inspector.app.dialogs.offers import offers_items
from inspector.app.dialogs.policy import Wanted
from inspector.app.modes.migrate.question import Question, newer_kernel, restorable
from inspector.app.shell.view import short_name
from inspector.app.widgets.ink import Ink, row
from inspector.app.widgets.listing import Item
from inspector.checks.machine.known_host import known_host
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import KernelQuestion
from inspector.checks.machine.source_kernel import own_kernel
from inspector.errors import InspectorError
from inspector.policies.headings import heading
from inspector.policies.release import choose
from inspector.policies.series import series_ends
from inspector.policies.setup import Gic, parse_features
from inspector.sources.dump import Dump

SAME_HOST = "same-host"
AS_IT_SAYS = ("own", "as the destination's dump says", "no kernel is named: as the destination's dump says")
"""The choice of no kernel."""


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
        return offers_items(self.program.session.dumps, self.here())

    def picked(self, kind: str, name: str) -> None:
        """A loaded dump."""
        self.take(self.program.session.dumps[int(name)])

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
            self.done(msgspec.structs.replace(before, source=dump))


class ChooseDestination(Choose):
    """Where it is restored."""

    TITLE = "Destination: a fresh vCPU or a host"
    PLACEHOLDER = "file, builtin:NAME, same-host, or a kernel: 6.12"

    def items(self) -> list[Item]:
        """The source's own machine first."""
        head = Item("", (row(Ink("Same host, another kernel (p lists every release)", "heading")),), pick=False)
        ends = [
            Item(f"same {name}", (row(f"same host, Linux {name}"), row(Ink(_evidence(name), "muted"))))
            for name in [*series_ends().values()][::-1]
            if heading(name).recorded
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
        if text.startswith(SAME_HOST) or names_kernel(words):
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
            self.done(msgspec.structs.replace(self.question, destination=None, kernel=kernel, host=host))

    def take(self, dump: Dump) -> None:
        """A fresh vCPU, or a host's raw registers; its own kernel counts where it names one or shows it."""
        if self.question is None:
            return
        named = own_kernel(dump).asked is not None
        kernel = "" if named else newer_kernel(self.question.source)
        self.done(msgspec.structs.replace(self.question, destination=dump, kernel=kernel, host=""))


def kernel_of(question: Question, chosen: Callable[[Question], None]) -> Wanted:
    """Under which kernel it is restored, with which vCPU features, on a host that was booted how."""
    there = question.destination
    dump = there if there is not None else question.read or question.source

    def taken(asked: KernelQuestion | None) -> None:
        features = asked.setup.describe() if asked is not None and asked.setup is not None else ""
        kernel, host = (asked.text, asked.host) if asked is not None else ("", "")
        chosen(msgspec.structs.replace(question, kernel=kernel, features=features, host=host))

    return Wanted(
        dump,
        first_vcpu(dump),
        question.kernel,
        parse_features(question.features, gic=_own_gic(dump)) if question.features else None,
        question.host,
        taken,
        where=" of the destination",
        none=AS_IT_SAYS if there is not None else ("", "", ""),
        restores=True,
    )


def _own_gic(dump: Dump) -> Gic:
    """The interrupt controller of a dump's VM."""
    try:
        return known_host(dump, first_vcpu(dump)).setup.gic
    except InspectorError:
        return "none"


def _evidence(name: str) -> str:
    """How well a kernel is known."""
    return "recorded on a real kernel" if heading(name).recorded else "read in its source"
