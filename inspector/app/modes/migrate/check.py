"""One migration check being asked and answered beside the screen; it notifies the screen whenever more is known."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Protocol, TypeVar

from inspector.app.modes.migrate.entries import Entry, entries, member, told_entry
from inspector.app.modes.migrate.question import Question, ask, ask_all_kernels, ask_pairs, ask_ways_out
from inspector.app.shell.background import PATIENCE
from inspector.app.shell.wording import on_screen
from inspector.checks.restore.result import KernelMatrix, KernelRow, MigrationReport
from inspector.checks.restore.withheld import told, told_matrix
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.checks.compat.matrix import CompatMatrix

Answer = TypeVar("Answer")
NOTHING = (
    "no loaded dump is a saved VM: s opens one. How hosts differ is in 2 (d chooses the other), and b there says what "
    "a VM of both may use"
)


class Runs(Protocol):
    """Runs work beside the screens: `background.aside` for one program."""

    def __call__(
        self,
        work: Callable[[], Answer],
        done: Callable[[Answer], object],
        failed: Callable[[InspectorError], object],
        *,
        says: Callable[[str], object],
        wanted: Callable[[], bool],
        patience: float = 0.0,
    ) -> object:
        """Run `work`; one of `done` and `failed` is called by the program's loop, at once where the answer comes within
        so many seconds. `says` gets how far it has come; what is not `wanted` any more ends."""


class Check:
    """The present question and what is known of its answer; an answer to an older question is dropped."""

    def __init__(self, runs: Runs, changed: Callable[[], None]) -> None:
        self._runs, self._changed = runs, changed
        self.question: Question | None = None
        self.whole: MigrationReport | None = None
        """the answer with every value; what is shown of it is `report`"""
        self._told: tuple[MigrationReport, MigrationReport] | None = None
        """an answer, and what is shown of it without secrets: it is asked for with every line that is drawn"""
        self.whole_matrix: KernelMatrix | None = None
        self.pairs: CompatMatrix | None = None
        self._found: tuple[MigrationReport, bool, list[Entry]] | None = None
        """an answer, whether secrets are shown, and its lines"""
        self.problem = ""
        """why there is no answer, one line"""
        self.brief = False
        """the ways out are not asked for, because another question is about to come"""
        self._number = 0
        self.secrets = False
        """values of the guest's secrets are shown; what is found and counted does not change with it"""
        self.doing: dict[str, str] = {}
        """how far what is being asked has come, where that takes long"""
        self._open: set[str] = set()
        """what is being asked: `report`, `kernels`, `pairs`"""
        self._asking = False
        """True inside of `_start`: who asks there draws what comes at once"""
        self._until = 0.0
        """when the screen is drawn with what is known"""

    @property
    def found(self) -> list[Entry]:
        """The lines of the answer, made when they are first drawn."""
        whole, held = self.whole, self._found
        if whole is None:
            return []
        if held is None or held[0] is not whole or held[1] != self.secrets:
            every = entries(whole)
            held = whole, self.secrets, every if self.secrets else [told_entry(entry) for entry in every]
            self._found = held
        return held[2]

    @property
    def report(self) -> MigrationReport | None:
        """What is shown of the answer."""
        whole = self.whole
        if whole is None or self.secrets:
            return whole
        if self._told is None or self._told[0] is not whole:
            self._told = whole, told(whole)
        return self._told[1]

    @property
    def matrix(self) -> KernelMatrix | None:
        """What is shown of the answers of all kernels."""
        return self.whole_matrix if self.whole_matrix is None or self.secrets else told_matrix(self.whole_matrix)

    @property
    def complete(self) -> bool:
        """True when everything that was asked has been answered."""
        return not self._open

    def ask(self, make: Callable[[], Question | None], *, kernels: bool = False, again: bool = False) -> None:
        """Put the question that `make` gives and answer it; the ways out, which take longer, come second.

        `again`: the same question with newer values; the older answer stays until the new one has come.
        """
        self._number += 1
        self.problem, self._open, self.doing = "", {"report"}, {}
        # A kernel that is slid over is waited for by nobody.
        self._until = 0.0 if self.brief else monotonic() + PATIENCE
        if not again:
            self.whole = None
        if not (again and kernels):
            self.whole_matrix = None
        if not again:
            self.pairs = None
        self._start("report", make, lambda question: self._put(question, kernels))
        self._changed()

    def ask_kernels(self, again: bool = False) -> None:
        """Fill the kernel matrix; a known one is asked for anew only `again`."""
        question = self.question
        if question is not None and (again or self.whole_matrix is None) and "kernels" not in self._open:
            self._open.add("kernels")
            self._start("kernels", lambda: ask_all_kernels(question), self._take_matrix)

    def ask_pairs(self) -> None:
        """Fill the matrix of source and destination kernels, unless it is known."""
        question = self.question
        if question is not None and self.pairs is None and "pairs" not in self._open:
            self._open.add("pairs")
            self._start("pairs", lambda: ask_pairs(question), self._take_pairs)

    def _start(self, what: str, work: Callable[[], Answer], done: Callable[[Answer], None]) -> None:
        number = self._number

        def wanted() -> bool:
            return number == self._number

        def take(answer: Answer) -> None:
            if wanted():
                self.doing.pop(what, None)
                done(answer)
                tell()

        def refuse(error: InspectorError) -> None:
            if wanted():
                self.problem = on_screen(str(error))
                self._open.discard(what)
                self.doing.pop(what, None)
                tell()

        def says(text: str) -> None:
            if wanted():
                self.doing[what] = on_screen(text)
                tell()

        def tell() -> None:
            if not self._asking:
                self._changed()

        before, self._asking = self._asking, True
        # Of the tables of kernels, which take longer, the screen shows at once that they are asked for.
        patience = max(self._until - monotonic(), 0.0) if what == "report" else 0.0
        try:
            self._runs(work, take, refuse, says=says, wanted=wanted, patience=patience)
        finally:
            self._asking = before

    def _put(self, question: Question | None, kernels: bool) -> None:
        self.question = question
        if question is None:
            self.problem = NOTHING
            self._open.clear()
            return
        self._start("report", lambda: ask(question), self._first)
        if kernels:
            self.ask_kernels(again=True)

    def _first(self, report: MigrationReport) -> None:
        """The findings are known; now the ways out."""
        question = self.question
        self.whole = report
        if report.verdict == "fails" and question is not None and not self.brief:
            self._start("report", lambda: ask_ways_out(question, report), self._second)
        else:
            self._open.discard("report")

    def ask_ways_out(self) -> None:
        """Ask for the ways out that a brief check left out."""
        question, known, self.brief = self.question, self.whole, False
        if known is not None and question is not None and not self._open and known.verdict == "fails":
            self._open.add("report")
            self._start("report", lambda: ask_ways_out(question, known), self._second)
            self._changed()

    def _second(self, report: MigrationReport) -> None:
        self.whole = report
        self._open.discard("report")

    def _take_matrix(self, matrix: KernelMatrix) -> None:
        self.whole_matrix = matrix
        self._open.discard("kernels")

    def _take_pairs(self, pairs: CompatMatrix) -> None:
        self.pairs = pairs
        self._open.discard("pairs")

    def entry(self, key: str) -> tuple[Entry | None, int]:
        """The entry of a table line, and which of its failing fields the line shows."""
        key, _, place = key.partition(" field ")
        entry = next((one for one in self.found if one.key == key), None)
        if entry is None:
            group = next((one for one in self.found if one.group is not None and key.startswith(f"{one.key} ")), None)
            entry = member(group, int(key.rpartition(" ")[2], 16)) if group else None
        return entry, int(place or 0)

    def group(self, key: str) -> Entry | None:
        """The group whose own line has this key."""
        return next((one for one in self.found if one.group is not None and one.key == key), None)

    def kernel(self, key: str) -> KernelRow | None:
        """A line of the kernel matrix."""
        rows = self.matrix.rows if self.matrix else ()
        return next((one for one in rows if one.kernel == key), None)
