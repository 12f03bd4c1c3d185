"""Choose what Compare shows: the left side, the right one, or dumps for further columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector.app.dialogs.choosing import Choosing, names_kernel
from inspector.app.dialogs.offers import dump_words, sections, shipped_items
from inspector.app.dialogs.policy import PolicyChooser, Wanted
from inspector.app.modes.compare.board import Board
from inspector.app.modes.compare.sides import Side, all_sides, side_name
from inspector.app.widgets.ink import Ink, ink, row
from inspector.app.widgets.listing import Item
from inspector.checks.machine.question import KernelQuestion, ask
from inspector.errors import InspectorError
from inspector.sources import BUILTIN
from inspector.sources.dump import Dump

KERNEL, KERNELS, ALL = "kernel", "kernels", "all"
HOST_AGAIN = ("none", "host, or saved vCPU", "no other kernel: the host, or the saved vCPU, is compared")
"""The choice of no other kernel."""


class ChooseSide(Choosing):
    """Every vCPU and host of the loaded dumps, then the dumps of this folder and the shipped ones, or a path."""

    PLACEHOLDER = "file, builtin:NAME, or a kernel: 6.12"
    NAME_CELLS = 42

    def __init__(self, board: Board, changed: Callable[[], None]) -> None:
        super().__init__()
        self.board = board
        self.changed = changed
        """called when other sides than before are compared"""

    def items(self) -> list[Item]:
        """What can be chosen."""
        dumps = self.program.session.dumps
        views = [one for index, dump in enumerate(dumps) for one in self._views(index, dump)]
        loaded = {f"builtin {dump.provenance.source.removeprefix(BUILTIN)}" for dump in dumps}
        shipped = [one for one in shipped_items() if one.key not in loaded]
        offered = sections(("Loaded", views), ("Here", _apart(self.here())), ("Shipped", _apart(shipped)))
        return [*self.first_items(), *offered]

    def first_items(self) -> Sequence[Item]:
        """Choices that are no dump."""
        return ()

    def _views(self, index: int, dump: Dump) -> list[Item]:
        items = []
        for place, view in enumerate(self.program.session.views(index)):
            side = Side(dump, place)
            words = dump_words(dump) if place == 0 else f"{len(view.registers)} registers"
            name = row(Ink("● " if self.has(side) else "  ", "link"), ink(side_name(side, every=True)))
            items.append(Item(f"loaded {index} {place}", (name, row(ink(words, "muted")))))
        return items

    def has(self, side: Side) -> bool:
        """True for a side that is chosen now."""
        return any((side.source, side.view) == (one.source, one.view) for one in self.chosen())

    def chosen(self) -> Sequence[Side]:
        """What is chosen now."""
        return ()

    def present(self) -> str:
        """Key of the line to start on."""
        for index, dump in enumerate(self.program.session.dumps):
            for place in range(len(self.program.session.views(index))):
                if self.has(Side(dump, place)):
                    return f"loaded {index} {place}"
        return ""

    def picked(self, kind: str, name: str) -> None:
        """A loaded view, or a choice that is no dump."""
        if kind == "loaded":
            index, _, place = name.partition(" ")
            self.take(Side(self.program.session.dumps[int(index)], int(place)))
        else:
            self.other(kind)

    def typed(self, text: str) -> None:
        """A kernel's name, or a source."""
        if not names_kernel(text):
            super().typed(text)
            return
        try:
            question = ask(text)
        except InspectorError as error:
            self.refuse(error)
        else:
            self.kernel(question)

    def kernel(self, question: KernelQuestion) -> None:
        """A kernel was named; where dumps alone are compared it is none of them."""
        self.refuse(InspectorError("a kernel is no dump", question.text, "K compares two kernels"))

    def loaded(self, dump: Dump) -> None:
        """Take its first view."""
        self.take(all_sides([dump])[0])

    def take(self, side: Side) -> None:
        """A side was chosen."""

    def other(self, choice: str) -> None:
        """A choice that is no dump."""


def _apart(items: Sequence[Item]) -> list[Item]:
    """Items with room for the mark of what is chosen."""
    return [one._replace(cells=((Ink("  "), *one.cells[0]), *one.cells[1:])) for one in items]


class ChooseLeft(ChooseSide):
    """What stands on the left; the other modes look at it too."""

    TITLE = "Left side: what is looked at"

    def chosen(self) -> Sequence[Side]:
        """The left side."""
        return self.board.sides[:1]

    def take(self, side: Side) -> None:
        """Look at it."""
        self.dismiss()
        self.board.look_at(side)

    def kernel(self, question: KernelQuestion) -> None:
        """This kernel against the one that is asked."""
        self.dismiss()
        self.board.use_kernel(question)
        self.changed()


class ChooseRight(ChooseSide):
    """What stands on the right: a kernel's work, or another dump."""

    TITLE = "Right side: what to compare with"

    def first_items(self) -> Sequence[Item]:
        """A kernel's work, and two kernels."""
        two = self.board.kernel is not None
        marks = [Ink("● " if on else "  ", "link") for on in (not self.chosen() and not two, two)]
        asked = self.program.session.policy or "the dump's own kernel"
        return [
            Item(KERNEL, (row(marks[0], Ink("what a kernel would expose")), row(ink(f"{asked}; p chooses", "muted")))),
            Item(KERNELS, (row(marks[1], Ink("two kernels on this host")), row(ink("what differs; key K", "muted")))),
        ]

    def chosen(self) -> Sequence[Side]:
        """The right sides."""
        return self.board.others

    def present(self) -> str:
        """The kernel, or what is chosen."""
        return super().present() or KERNEL

    def other(self, choice: str) -> None:
        """A kernel's work, or two kernels."""
        self.dismiss()
        if choice == KERNELS:
            wanted = other_kernel(self.board, self._two_kernels)
            if wanted is not None:
                self.program.open_dialog(wanted)
        else:
            self.board.use()
            self.changed()

    def _two_kernels(self, question: KernelQuestion | None) -> None:
        self.board.use_kernel(question)
        self.changed()

    def kernel(self, question: KernelQuestion) -> None:
        """The host against what this kernel exposes."""
        self.dismiss()
        self.board.use()
        self.program.session.ask(question)
        self.changed()

    def take(self, side: Side) -> None:
        """One dump."""
        self.dismiss()
        self.program.session.keep(side.dump)
        self.board.use(side)
        self.changed()


def other_kernel(board: Board, taken: Callable[[KernelQuestion | None], object]) -> PolicyChooser | None:
    """Which other kernel is compared with the asked one, for the machine on screen; None without one."""
    view, now = board.session.read_view, board.kernel
    if view is None:
        return None
    asked = now or board.session.question
    return PolicyChooser(
        Wanted(
            view.dump, view.one_vcpu, now.text if now else "", asked.setup if asked else None,
            asked.host if asked else "", taken, where=" to compare with", none=HOST_AGAIN,
        )
    )  # fmt: skip


class ChooseMore(ChooseSide):
    """Further dumps, any number; each is put in or taken out."""

    TITLE = "Compare many: groups of equal dumps become columns"
    PLACEHOLDER = "file, builtin:NAME"
    SUBTITLE = "enter adds or removes   tab completes   ↑↓ list   esc closes"

    def first_items(self) -> Sequence[Item]:
        """All that are loaded."""
        count = len(self.program.session.dumps)
        return [Item(ALL, (row(Ink("  all loaded dumps")), row(Ink(f"{count}, one vCPU of each", "muted"))))]

    def chosen(self) -> Sequence[Side]:
        """Everything that is compared."""
        return self.board.sides

    def present(self) -> str:
        """Where the choice begins."""
        return ALL

    def other(self, choice: str) -> None:
        """All loaded dumps."""
        self.dismiss()
        if not self.board.use_all():
            self.app.notify("Only one dump is loaded (o opens another)", markup=False)
        self.changed()

    def take(self, side: Side) -> None:
        """Put one in, or take it out."""
        if self.board.sides[0] == side:
            self.say("the left side stays; s chooses another")
            return
        self.program.session.keep(side.dump)
        self.board.toggle(side)
        self.changed()
        self.offers.fill(self.items())
        self.say(f"{len(self.board.sides)} are compared")
