"""Dumps against each other, two or many: where they differ, as lines of Compare. Loaded when dumps are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from inspector.app.modes.compare.exposure import feature_node
from inspector.app.modes.compare.lines import Node, in_order, worst
from inspector.app.modes.compare.sides import Side, side_name
from inspector.checks.compare.compare import Column, Comparison, comparison_of, question_of
from inspector.checks.compare.fields import FieldValues, contradict
from inspector.checks.compare.sets import compared, is_feature_register, machine_registers
from inspector.checks.compare.values import RegisterValues, known_masks
from inspector.checks.fleet.part import Member
from inspector.checks.fleet.tally import Tally
from inspector.errors import InspectorError
from inspector.numbers import few_of
from inspector.registers import catalog
from inspector.registers.bits import ALL_BITS, Partial, difference, open_text
from inspector.registers.reading import read
from inspector.sources.dump import Vcpu
from inspector.untrusted import Untrusted

MOST_NAMES = 12
"""Registers that are named in a sentence."""


def compare_sides(sides: Sequence[Side]) -> Comparison:
    """The comparison of two or more sides. Raises InspectorError when one of them has no register."""
    tally = Tally(question_of("auto", len(sides)))
    for place, side in enumerate(sides):
        vcpu = _vcpu_of(side)
        if not vcpu.ids:
            raise InspectorError("holds no registers to compare", side.source)
        given = side.dump.provenance
        member = Member(position=place, label=side_name(side), source=side.source, vcpu=place, host=given.host.shown)
        tally.add(vcpu, given.kernel.shown.encode(), member)
        tally.dumps += 1
    return comparison_of(tally.part())


def _vcpu_of(side: Side) -> Vcpu:
    """The side's registers; of a host its raw CCSIDR_EL1 as well, under the ids by which a vCPU lists them."""
    view = side.shown
    if view.vcpu is not None:
        return compared(side.dump, view.vcpu)
    own = machine_registers(side.dump)
    return own if own.ids else Vcpu(index=0, values=view.values, kind="host", name=Untrusted(view.title))


class Contrast(NamedTuple):
    """A comparison, put into words for a number of sides."""

    answer: Comparison
    places: tuple[int, ...]
    """for each column on screen the column of the answer; two equal sides share one"""
    nodes: tuple[Node, ...]
    """what differs"""
    told: tuple[tuple[str, str], ...] = ()
    """(word, sentence) of what is not in the lines"""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the columns on screen stand for."""
        return tuple(self.answer.columns[place] for place in self.places)


def contrast(sides: Sequence[Side]) -> Contrast:
    """Two sides beside each other, or a matrix of the groups of equal ones. Raises InspectorError."""
    answer = compare_sides(sides)
    count = len(answer.columns)
    pair = len(sides) == 2
    places = (0, count - 1) if pair else tuple(range(count))
    hosts = any(subject.kind not in ("vcpu", "list") for column in answer.columns for subject in column.subjects)
    told = tuple(("Note", note) for note in answer.notes)
    if answer.not_compared:
        names = ", ".join(catalog.by_id(reg_id).name for reg_id in answer.not_compared[:MOST_NAMES])
        more = len(answer.not_compared) - MOST_NAMES
        text = f"not known on every side, and not compared: {names}" + (f" and {more} more" if more > 0 else "")
        told += (("Open", text),)
    if answer.state_differing:
        told += (("State", f"{answer.state_differing} registers of the guests' own state differ; they are not listed"),)
    towards = pair and _kind(answer, 0) == "host" and _kind(answer, count - 1) == "vcpu"
    decided = [_register(one, places, towards) for one in (*answer.feature_registers, *_open(answer))]
    state = [_register(one, places, towards) for one in answer.state_registers]
    nodes = in_order(decided) if hosts else [*in_order(decided), *_lists(answer, places)]
    if state:
        nodes.append(
            Node(
                key="state",
                kind="heading",
                title=f"{len(state)} {'register' if len(state) == 1 else 'registers'} of the guest's own state",
                state="differs",
                reason="what the guest wrote and what ran on; host and kernel do not decide it",
                children=tuple(state),
            )
        )
    return Contrast(answer, places, tuple(nodes), told)


def _open(answer: Comparison) -> tuple[RegisterValues, ...]:
    """Registers of which only some bits are known and no known bit differs."""
    return answer.unknown if len(answer.columns) > 1 else ()


def _kind(answer: Comparison, place: int) -> str:
    return answer.columns[place].subjects[0].kind


def _lists(answer: Comparison, places: Sequence[int]) -> list[Node]:
    """Register sets that not every column lists."""
    maps = [column.registers.mapping() for column in answer.columns]
    found = []
    for one in answer.lists:
        present = tuple(one.present[place] for place in places)
        if len(places) == 2:
            word = "only left" if present[0] else "only right"
        else:
            names = [column.name for column, there in zip(answer.columns, one.present, strict=True) if there]
            word = f"only in {few_of(names, 6)}"
        values = {i: tuple(maps[place].get(i) for place in places) for i in one.group.ids}
        found.append(feature_node(one.group, present, word, values))
    return found


def _register(one: RegisterValues, places: Sequence[int], towards: bool) -> Node:
    values = tuple(one.values[place] for place in places)
    masks = tuple(one.known[place] & ALL_BITS for place in places)
    register = catalog.by_id(one.id)
    children = tuple(_field(one.id, field, places, towards) for field in one.fields)
    state = worst(child.state for child in children) or _whole_state(values, masks, towards)
    single = children[0] if len(children) == 1 else None
    return Node(
        key=f"{one.id:x}",
        kind="register",
        title=register.name,
        id=one.id,
        values=values,
        known=masks if any(mask != ALL_BITS for mask in masks) else (),
        listed=tuple(value is not None for value in values),
        state=state,
        rule=single.rule if single else "",
        reference=single.reference if single else "",
        more=(("Values", f"{one.distinct} different ones over all groups"),) if one.distinct > len(places) else (),
        children=children,
    )


def _whole_state(values: Sequence[int | None], masks: Sequence[int], towards: bool) -> str:
    """How a register without fields that differ stands."""
    if not contradict([Partial(value or 0, mask) for value, mask in zip(values, masks, strict=True)]):
        return "unknown"
    return _towards(values) if towards else "differs"


def _field(reg_id: int, one: FieldValues, places: Sequence[int], towards: bool) -> Node:
    values = tuple(one.values[place] for place in places)
    told = [part.partition(": ") for part in one.history.split("; ") if part]
    parts = [one.parts[place] for place in places]
    state = "differs" if contradict(parts) else "unknown" if None in values else "same"
    if towards and state == "differs" and None not in values:
        state = _towards(values, one.msb - one.lsb + 1, catalog.by_id(reg_id).signed(one.msb, one.lsb))
    return Node(
        key=f"{reg_id:x} {one.msb}:{one.lsb} {one.name}",
        kind="field",
        title=one.name,
        id=reg_id,
        msb=one.msb,
        lsb=one.lsb,
        values=values,
        texts=tuple(open_text(*part, one.msb - one.lsb + 1) if part.known else "" for part in parts),
        state=state,
        rule="; ".join(what for what, _, _ in told),
        reference="; ".join(where for _, _, where in told),
        meanings=one.meanings,
    )


def _towards(values: Sequence[int | None], width: int = 64, signed: bool = False) -> str:
    """From a host to its vCPU."""
    return difference(values[0], values[-1], width=width, signed=signed)


def equal_nodes(found: Contrast) -> list[Node]:
    """The registers that differ in nothing, with all their fields; the features first."""
    maps = [column.registers.mapping() for column in found.columns]
    told = {node.id for node in _all(found.nodes)}
    parts = {reg_id for column in found.columns for reg_id, mask in known_masks(column.registers).items() if mask != -1}
    ids = [reg_id for reg_id in maps[0] if reg_id not in told and reg_id not in parts] if maps else []
    ids = [reg_id for reg_id in ids if all(reg_id in one for one in maps)]
    ids.sort(key=lambda reg_id: (not is_feature_register(reg_id), *catalog.sort_key(catalog.by_id(reg_id))))
    return [_equal(reg_id, maps) for reg_id in ids]


def _all(nodes: Iterable[Node]) -> Iterable[Node]:
    for node in nodes:
        yield node
        yield from _all(node.children)


def _equal(reg_id: int, maps: Sequence[Mapping[int, int]]) -> Node:
    values = tuple(one[reg_id] for one in maps)
    fields: list[Node] = []
    if len(set(values)) == 1 and catalog.by_id(reg_id).size <= 8:
        fields = [
            Node(
                key=f"{reg_id:x} {one.msb}:{one.lsb} {one.name}",
                kind="field",
                title=one.name,
                id=reg_id,
                msb=one.msb,
                lsb=one.lsb,
                values=(one.value,) * len(values),
                state="same",
                meanings=((one.value, one.meaning),),
            )
            for one in read(reg_id, values[0], maps[0]).fields
        ]
    name = catalog.by_id(reg_id).name
    return Node(f"{reg_id:x}", "register", name, reg_id, values=values, state="same", children=tuple(fields))
