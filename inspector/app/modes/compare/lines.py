"""What the Compare screen lists: a tree of registers, their fields, and register sets that only some sides have.

Nothing here draws. A side is what one column shows: the host, what a kernel would expose, a vCPU, a group of equal
dumps. A value that is not known is None, or has a mask of the bits that are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from inspector.errors import RegisterError
from inspector.registers import catalog
from inspector.registers.reading import read
from inspector.registers.secrets import is_secret

Kind = Literal["register", "field", "change", "feature", "rule", "heading"]
"""change: a rule of which two kernels have another, of a register's fields."""


class Node(NamedTuple):
    """One line, with what folds below it."""

    key: str
    kind: Kind
    title: str
    id: int = -1
    """the register, of it and of its fields"""
    msb: int = -1
    lsb: int = -1
    values: tuple[int | None, ...] = ()
    """a side each; of fields the field's own bits"""
    known: tuple[int, ...] = ()
    """of registers: which bits of each value are known; empty when all are"""
    texts: tuple[str, ...] = ()
    """of fields: what is shown of a side that knows only some bits; of a change: what holds on each side"""
    listed: tuple[bool, ...] = ()
    """a side each: does it have the register at all; empty when all do"""
    state: str = ""
    """`same`, `masked`, `lowered`, `raised`, `rebuilt`, `unknown`, `differs`; `rules` where only the rules of two
    kernels differ, and no value; empty for what is not compared"""
    only: str = ""
    """`only left`, `only in A, B`: of registers that the other sides do not list"""
    rule: str = ""
    reference: str = ""
    reason: str = ""
    """why it is so, one sentence"""
    more: tuple[tuple[str, str], ...] = ()
    """(word, sentence) of what else there is to say"""
    meanings: tuple[tuple[int, str], ...] = ()
    """(value, meaning) where they were found already"""
    children: tuple[Node, ...] = ()
    withheld: bool = False
    """the values are left out, as secrets of a guest; how they stand to each other is not"""

    @property
    def register(self) -> catalog.Register:
        """The register of this line."""
        return catalog.by_id(self.id)

    @property
    def bits(self) -> int:
        """Width of a field."""
        return self.msb - self.lsb + 1

    @property
    def differs(self) -> bool:
        """True when two sides contradict each other, or when an answer is not known."""
        return self.state not in ("", "same")

    @property
    def certain(self) -> bool:
        """False for a difference that may be none, because one side is not known."""
        return self.state != "unknown"

    def changed(self) -> list[Node]:
        """The fields that differ."""
        return [one for one in self.children if one.differs]

    def has(self, side: int) -> bool:
        """Does a side have this register?"""
        return not self.listed or self.listed[side]

    def meaning(self, side: int) -> str:
        """What a side's field means; empty where it is not known."""
        value = self.values[side] if side < len(self.values) else None
        if value is None or self.kind != "field":
            return ""
        for given, text in self.meanings:
            if given == value:
                return text
        fields = read(self.id, value << self.lsb, include_reserved=True).fields
        return next((one.meaning for one in fields if (one.msb, one.lsb) == (self.msb, self.lsb)), "")


def told(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The same lines without the values of registers that hold secrets of a guest: what differs stays."""
    return tuple(map(_told, nodes))


def _told(node: Node) -> Node:
    if node.id < 0 or not is_secret(node.id):
        return node._replace(children=told(node.children))
    nothing = (None,) * len(node.values)
    return node._replace(values=nothing, known=(), texts=(), meanings=(), more=(), children=(), withheld=True)


def worst(states: Iterable[str]) -> str:
    """The state of a register whose fields have these: what is certain comes before what is not."""
    found = set(states)
    for state in ("masked", "lowered", "raised", "rebuilt", "differs", "rules", "unknown", "same"):
        if state in found:
            return state
    return ""


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Certain differences first, then what may differ, then the rest; each in the order in which it came."""
    nodes = list(nodes)
    certain = [one for one in nodes if one.differs and one.certain]
    open_ones = [one for one in nodes if one.differs and not one.certain]
    return [*certain, *open_ones, *(one for one in nodes if not one.differs)]


def by_rule(nodes: Iterable[Node], nothing: str) -> list[Node]:
    """The same differences grouped by the rule behind them; `nothing` is the heading of those without one."""
    groups: dict[tuple[str, str, str], list[Node]] = {}
    others: list[Node] = []
    for node in nodes:
        if node.kind != "register":
            others.append(node)
            continue
        for leaf in node.changed() or ([node] if node.differs else []):
            if leaf.kind != "register":
                dot = "." if leaf.kind == "field" else "  "
                leaf = leaf._replace(title=f"{node.title}{dot}{leaf.title}", key=f"rule {leaf.key}")
            else:
                leaf = leaf._replace(key=f"rule {leaf.key}", children=())
            groups.setdefault((leaf.rule, leaf.reference, leaf.reason if leaf.rule else ""), []).append(leaf)
    made = [
        Node(
            key=f"rule {rule} {reference} {reason}",
            kind="rule",
            title=rule or nothing,
            state=worst(one.state for one in leaves),
            rule=rule,
            reference=reference,
            reason=reason,
            children=tuple(leaves),
        )
        for (rule, reference, reason), leaves in groups.items()
    ]
    return [*in_order(sorted(made, key=lambda one: not one.rule)), *others]


def filtered(nodes: Iterable[Node], text: str) -> list[Node]:
    """What a search text leaves: lines of that name with all they hold, else only what matches below them."""
    text = text.strip().casefold()
    if not text:
        return list(nodes)
    exact = _named(text)
    kept = []
    for node in nodes:
        if node.id == exact or _says(node, text):
            kept.append(node)
            continue
        children = tuple(filtered(node.children, text))
        if children:
            kept.append(node._replace(children=children))
    return kept


def _named(text: str) -> int | None:
    """The register that a text names in any spelling."""
    try:
        found = catalog.find(text)
    except RegisterError:
        return None
    return None if found.field is not None else found.register.id


def _says(node: Node, text: str) -> bool:
    said = [node.title, node.rule]
    if node.kind == "register":
        said.append(node.register.encoding_text)
    return any(text in one.casefold() for one in said)


class Line(NamedTuple):
    """A node where it stands on screen."""

    node: Node
    depth: int
    parent: str
    """key of the node that it folds under; empty at the top"""
    opened: bool


def opens_itself(node: Node) -> bool:
    """True for what stands open until it is folded: registers whose values certainly differ, and rules."""
    valued = node.kind == "rule" or (node.kind == "register" and node.state != "rules")
    return valued and node.differs and node.certain and bool(node.children)


def lines(
    nodes: Sequence[Node],
    flipped: Collection[str],
    every: bool,
    *,
    unfold: bool = False,
    depth: int = 0,
    parent: str = "",
) -> list[Line]:
    """Every line to show; `flipped` are the keys that are not as `opens_itself` says, `every` shows what is equal,
    `unfold` opens all."""
    found: list[Line] = []
    for node in nodes:
        if not every and not node.differs:
            continue
        opened = bool(node.children) and (unfold or opens_itself(node) != (node.key in flipped))
        found.append(Line(node, depth, parent, opened))
        if opened:
            found += lines(node.children, flipped, every, unfold=unfold, depth=depth + 1, parent=node.key)
    return found


def step(shown: Sequence[Line], start: int, direction: int) -> int | None:
    """The next line that differs and has no open lines below it, around the end; None when there is no other."""
    count = len(shown)
    for offset in range(1, count):
        place = (start + direction * offset) % count
        if shown[place].node.differs and not shown[place].opened:
            return place
    return None


def registers_in(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every register line below `nodes`."""
    for node in nodes:
        if node.kind == "register":
            yield node
        else:
            yield from registers_in(node.children)


def all_in(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every line with all that folds below it."""
    for node in nodes:
        yield node
        yield from all_in(node.children)
