"""What the Compare screen holds: the chosen sides, the comparison, and which of its lines are shown."""

from __future__ import annotations

from inspector.app.modes.compare.exposure import Left
from inspector.app.modes.compare.lines import Line, by_rule, filtered, lines, step
from inspector.app.modes.compare.question import Picture, dumps_picture, kernel_picture, kernels_picture
from inspector.app.modes.compare.sides import Side, all_sides
from inspector.app.shell.session import Session
from inspector.app.shell.wording import on_screen
from inspector.checks.machine.question import KernelQuestion
from inspector.errors import InspectorError

RULELESS = "no rule of a kernel"


class Board:
    """A comparison of what the session looks at with a kernel's work, or with other dumps."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.picture: Picture | None = None
        self.problem = ""
        """why there is no picture, in one sentence"""
        self.others: tuple[Side, ...] = ()
        """what the view is compared with; empty: with what a kernel exposes"""
        self.left: Left = "host"
        self.kernel: KernelQuestion | None = None
        """another kernel that the asked one is compared with; None: host or saved vCPU are"""
        self.swapped = False
        """of two kernels the newer one stands left"""
        self.shown: list[Line] = []
        self.every = False
        """what is equal is shown too"""
        self.rules = False
        """grouped by rule"""
        self.search = ""
        self._flipped: set[str] = set()
        self._asked: tuple[object, ...] = ()

    @property
    def sides(self) -> tuple[Side, ...]:
        """Everything that is compared; the left side is what the session looks at."""
        place = self.session.place
        return (Side(self.session.dumps[place.source], place.view), *self.others)

    @property
    def grid(self) -> bool:
        """Groups of many dumps, a column each."""
        return self.picture is not None and self.picture.form == "groups"

    def catch_up(self) -> bool:
        """Compare again when what is compared has changed; True when it had."""
        session = self.session
        self.others = tuple(Side(self.session.newest(one.dump), one.view) for one in self.others)
        others = [(id(one.dump), one.view) for one in self.others]
        asked = (session.view, session.question, self.left, self.kernel, self.swapped, *others)
        if asked == self._asked:
            return False
        self._asked = asked
        self.picture, self.problem = None, ""
        try:
            picture = self._compare()
            self.picture = picture if session.secrets else picture.told()
        except InspectorError as error:
            self.problem = on_screen(str(error))
        return True

    def _compare(self) -> Picture:
        if self.others:
            return dumps_picture(self.sides)
        session, view, read = self.session, self.session.view, self.session.read_view
        if view is None or read is None:
            raise InspectorError("no dump is open")
        told = session.answer()
        if isinstance(told, InspectorError):
            raise told
        if self.kernel is not None:
            return kernels_picture(view, self.kernel, session.question, told, read, self.swapped)
        # Every value of the saved vCPU is compared; which of them are shown is asked for afterwards.
        place = session.place
        saved = Side(session.loaded[place.source], place.view).shown.one_vcpu if self.left == "vcpu" else None
        return kernel_picture(view, session.question, told, saved, read)

    def use(self, *others: Side) -> None:
        """Compare with other sides; none: with what a kernel exposes."""
        self.others = others
        self.kernel = None
        self._flipped.clear()

    def use_kernel(self, question: KernelQuestion | None) -> None:
        """Compare with another kernel; None: with host or saved vCPU again."""
        self.use()
        self.kernel, self.swapped = question, False

    def use_all(self) -> bool:
        """Compare all loaded dumps, one view of each; False when there is only one."""
        mine = self.sides[0]
        self.use(*(side for side in all_sides(self.session.dumps) if side.source != mine.source))
        return bool(self.others)

    def toggle(self, side: Side) -> None:
        """One side more, or without it when it was among them."""
        kept = tuple(one for one in self.others if (one.source, one.view) != (side.source, side.view))
        self.use(*(kept if len(kept) < len(self.others) else (*kept, side)))

    def look_at(self, side: Side) -> None:
        """Put a side on the left: the session looks at it from now on."""
        session = self.session
        known = [one.provenance.source for one in session.dumps]
        if side.source not in known:
            session.add(side.dump)
        else:
            session.look_at(known.index(side.source))
        if side.view != session.place.view:
            session.show_view(side.view)

    def swap(self) -> bool:
        """Exchange two dumps, or two kernels; False when there are not exactly two."""
        if self.kernel is not None:
            self.swapped = not self.swapped
            self.session.on_change("policy")
            return True
        if len(self.others) != 1:
            return False
        mine, other = self.sides
        self.others = (mine,)
        self.look_at(other)
        return True

    def arrange(self) -> list[Line]:
        """The lines to show now."""
        picture = self.picture
        nodes = () if picture is None else picture.everything() if self.every else picture.nodes
        ordered = by_rule(nodes, RULELESS) if self.rules else nodes
        found = filtered(ordered, self.search)
        self.shown = lines(found, self._flipped, self.every, unfold=bool(self.search))
        return self.shown

    def line(self, key: str) -> Line | None:
        """The line with a key."""
        return next((line for line in self.shown if line.node.key == key), None)

    def fold(self, key: str) -> str:
        """Fold or unfold a line, or what a field belongs to; the key of the line that moved, empty for none."""
        line = self.line(key)
        if line is None or self.search:
            return ""
        key = line.node.key if line.node.children else line.parent
        if key:
            self._flipped ^= {key}
        return key

    def cursor(self, before: str = "") -> int:
        """The line with the key `before`; else the first difference of the session's register, or of all."""
        place, wanted = self.session.place, -1
        first = -1
        for at, line in enumerate(self.shown):
            if line.node.key == before:
                return at
            if not line.node.differs or line.opened:
                continue
            first = at if first < 0 else first
            if line.node.id != place.register or line.node.state == "rules":
                continue
            if wanted < 0 or self._is_field(line, place.field):
                wanted = at
        return max(wanted if wanted >= 0 else first, 0)

    @staticmethod
    def _is_field(line: Line, field: str) -> bool:
        return bool(field) and line.node.kind == "field" and line.node.title.rpartition(".")[2] == field

    def step(self, start: int, direction: int) -> int | None:
        """The next line that differs, around the end."""
        return step(self.shown, start, direction)

    def step_register(self, start: int, direction: int) -> int | None:
        """The next line at the top level."""
        ahead = [at for at, line in enumerate(self.shown) if line.depth == 0 and (at - start) * direction > 0]
        return (ahead[0] if direction > 0 else ahead[-1]) if ahead else None

    def follow(self, line: Line) -> None:
        """The session goes along, so that Browse and Write open on the highlighted register."""
        if line.node.id >= 0:
            field = line.node.title.rpartition(".")[2] if line.node.kind == "field" else ""
            self.session.follow(line.node.id, field)

    def stepped(self) -> frozenset[str]:
        """Keys of the lines that the last step of the kernel slider changed."""
        changed = self.session.step.by_id if self.session.step is not None and not self.others else {}
        nodes = (line.node for line in self.shown)
        return frozenset(
            one.key
            for one in nodes
            if (told := changed.get(one.id)) is not None and (one.kind != "field" or told.touches(one.msb, one.lsb))
        )

    @property
    def written(self) -> frozenset[int]:
        """Registers that simulated writes of this session changed on a side; `sides` are loaded dumps or others."""
        session = self.session
        found: set[int] = set()
        if session.tried.any:
            places = {dump.provenance.source: index for index, dump in enumerate(session.loaded)}
            for side in self.sides:
                if (index := places.get(side.source)) is not None:
                    views = session.views(index)
                    found.update(views[min(side.view, len(views) - 1)].written)
        return frozenset(found)

    @property
    def nothing(self) -> str:
        """What an empty table says."""
        if self.problem or self.picture is None:
            return ""
        if self.search:
            return "Nothing here matches" + ("" if self.every else "; m looks among what is equal too")
        return f"Nothing differs: {self.picture.equal} registers are equal (m lists them)"
