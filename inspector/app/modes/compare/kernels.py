"""Two kernels on one host: what each shows a fresh vCPU, and which of their rules differ, as lines of Compare."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.app.modes.compare.exposure import list_nodes
from inspector.app.modes.compare.lines import Node, worst
from inspector.checks.machine.machine import Machine
from inspector.kvm.exposure import FieldExposure, RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each, listing_doubt
from inspector.policies.changes import Change, alike, changes
from inspector.registers import catalog
from inspector.registers.bits import ALL, State, difference, ones, partial_hex
from inspector.registers.encoding import grouped_hex

BEHAVIOURS = "behaviour that no single register shows"
SEVERAL = "the kernel may be another one as well, whose rules may differ"
UNMODELLED = "is not modelled: what it shows is not known, and no rules of it are compared"


def kernel_nodes(before: Machine, after: Machine) -> tuple[list[Node], list[tuple[str, str]]]:
    """What differs for a fresh vCPU of the machine when its kernel is `after` instead of `before`: values and lists
    first, then rules alone, then what may differ, then what does not; and what has to be said besides.

    What is known under neither kernel is not compared.
    """
    unknown = [one.policy for one in (before, after) if one.policy.stands_for]
    sides = (before, after)
    told = [] if unknown else changes(before.policy, after.policy)
    listed = [frozenset(one.listed) for one in (before, after)]
    own = {catalog.by_id(reg_id).name for reg_id in listed[0] | listed[1]}
    by_register: dict[str, list[Change]] = {}
    for change in told:
        by_register.setdefault(change.register, []).append(change)
    nodes = [_register(before, after, reg_id, by_register) for reg_id in listed[0] & listed[1]]
    perhaps, only = [], []
    for at, one in enumerate((before, after)):
        alone = listed[at] - listed[1 - at]
        only.append({reg_id for reg_id in alone if one.lists(reg_id)})
        perhaps += [_perhaps(one, reg_id, at) for reg_id in alone - only[at]]
    elsewhere = [one for name, found in by_register.items() if name not in own for one in found]
    nodes = sorted([*nodes, *perhaps], key=lambda one: (_rank(one), catalog.sort_key(one.register)))
    values = [one for one in nodes if _rank(one) == 0]
    rest = [*_elsewhere(elsewhere), *(one for one in nodes if _rank(one) > 0)]
    notes = [("Note", f"Linux {one.stands_for} {UNMODELLED}") for one in unknown]
    if not unknown:
        notes += [("Note", f"the rules of {one.policy.label} are compared: {SEVERAL}") for one in sides if one.others]
    return [*values, *list_nodes(only[0], only[1]), *rest], notes


def _rank(node: Node) -> int:
    """Values that differ, rules alone, what may differ, what does not."""
    if not node.differs:
        return 3
    return {"rules": 1, "unknown": 2}.get(node.state, 0)


def _register(before: Machine, after: Machine, reg_id: int, changed: dict[str, list[Change]]) -> Node:
    old, new = explain_under_each(before.exposures, reg_id), explain_under_each(after.exposures, reg_id)
    register = catalog.by_id(reg_id)
    mask = ones(register.size * 8)
    known = tuple((one.known if one.exposed is not None else 0) & mask for one in (old, new))
    values = tuple(one.exposed if bits else None for one, bits in zip((old, new), known, strict=True))
    node = Node(
        key=f"{reg_id:x}", kind="register", title=register.name, id=reg_id, values=values,
        known=known, more=_guest(old, new),
    )  # fmt: skip
    fields = _fields(old, new)
    shown = {one.title for one in fields if one.differs and one.certain}
    rules = [
        one
        for one in alike(changed.get(register.name, ()))
        if one[0].what != "shown" or not shown.issuperset(change.field for change in one)
    ]
    children = (*fields, *(_change(f"{reg_id:x}", reg_id, one) for one in rules))
    if fields:
        state = worst(one.state for one in fields)
    else:
        state = _whole(values, known, mask)
        node = _with_rule(node, state, _first(old), _first(new))
    if state in ("", "same") and node.more:
        state = "differs"
    if state in ("", "same", "unknown") and rules:
        state = "rules"
    return node._replace(state=state, children=children)


def _fields(old: RegisterExposure, new: RegisterExposure) -> tuple[Node, ...]:
    """The fields, where both kernels tell them apart."""
    places = [{(one.msb, one.lsb): one for one in told.fields} for told in (old, new)]
    if places[0].keys() != places[1].keys() or [*places[0]] in ([(63, 0)], [(31, 0)]):
        return ()
    return tuple(_field(old.id, places[0][place], one) for place, one in places[1].items())


def _field(reg_id: int, old: FieldExposure, new: FieldExposure) -> Node:
    node = Node(
        key=f"{reg_id:x} {new.msb}:{new.lsb}",
        kind="field",
        title="reserved" if new.name.startswith("[") else new.name,
        id=reg_id,
        msb=new.msb,
        lsb=new.lsb,
        values=(old.exposed, new.exposed),
    )
    state: State | str = ""
    if old.exposed is not None or new.exposed is not None:
        signed = catalog.by_id(reg_id).signed(new.msb, new.lsb)
        state = difference(old.exposed, new.exposed, width=new.msb - new.lsb + 1, signed=signed)
    return _with_rule(node, state, old, new)


def _with_rule(node: Node, state: str, old: FieldExposure | None, new: FieldExposure | None) -> Node:
    """The state, and the rule that makes it: the newer side's, or the one that it no longer has."""
    node = node._replace(state=state)
    if not node.differs:
        return node
    if new is not None and (new.rule or new.reason) and (old is None or new.rule != old.rule or not node.certain):
        return node._replace(rule=new.rule, reference=new.reference, reason=new.reason)
    if old is not None and (old.rule or old.reason):
        gone = new is None or new.rule != old.rule
        reason = f"On the left: {old.reason}" if gone and old.reason else old.reason
        return node._replace(rule=old.rule, reference=old.reference, reason=reason)
    return node


def _first(told: RegisterExposure) -> FieldExposure | None:
    return told.fields[0] if told.fields else None


def _whole(values: tuple[int | None, ...], known: tuple[int, ...], mask: int) -> str:
    """How a register without fields differs; empty where neither kernel's value is known."""
    left, right = ((value or 0) for value in values)
    if (left ^ right) & known[0] & known[1]:
        return difference(left, right) if known == (mask, mask) else "differs"
    return "unknown" if known[0] != known[1] else "same" if known[0] == mask else ""


def _guest(old: RegisterExposure, new: RegisterExposure) -> tuple[tuple[str, str], ...]:
    """What the guest reads by itself, where that differs though userspace is shown the same."""
    if old.guest is None or new.guest is None:
        return ()
    unlike = (old.guest ^ new.guest) & old.guest_known & new.guest_known & ALL
    shown = ((old.exposed or 0) ^ (new.exposed or 0)) & old.known & new.known & ALL
    if not unlike or shown:
        return ()
    return (("Guest", f"reads {grouped_hex(old.guest)} on the left, {grouped_hex(new.guest)} on the right"),)


def _perhaps(one: Machine, reg_id: int, at: int) -> Node:
    """A register that one kernel does not list and the other may list."""
    told, register = explain_under_each(one.exposures, reg_id), catalog.by_id(reg_id)
    known = told.known & ones(register.size * 8) if told.exposed is not None else 0
    has = (at == 0, at == 1)
    doubt = listing_doubt(one.exposures, reg_id) or "whether it is listed depends on what is not known of the host"
    return Node(
        key=f"{reg_id:x}", kind="register", title=register.name, id=reg_id,
        values=tuple(told.exposed if here and known else None for here in has),
        known=tuple(known if here else 0 for here in has), listed=has, state="unknown", reason=doubt,
    )  # fmt: skip


_WHAT = {
    "shown": "which value a vCPU is shown",
    "programs": "which value programs of the host are shown",
    "writable": "what userspace may write",
    "refused": "which values are refused",
    "tolerated": "which values are accepted and replaced",
    "list": "whether KVM lists the register",
    "default": "its value in a fresh vCPU",
    "behaviour": "how KVM handles it",
    "option": "a word of the host's command line",
}
"""What a change is about, in words."""


def _change(place: str, reg_id: int, found: list[Change]) -> Node:
    """One rule that differs, of all fields for which it says the same."""
    first = found[0]
    fields = ", ".join(one.field for one in found if one.field)
    return Node(
        key=f"{place} {first.what} {first.field or first.register}",
        kind="change",
        title=f"{first.what}  {fields}".rstrip(),
        id=reg_id,
        texts=(first.before, first.after),
        state="rules",
        rule=first.rule,
        reference=first.reference,
        reason="" if first.reason in (first.before, first.after) else first.reason,
        more=(("About", _WHAT[first.what]),),
    )


def _elsewhere(found: Iterable[Change]) -> list[Node]:
    """Differences that are not about one register of this vCPU, under one heading."""
    made = []
    for group in alike(found):
        names = ", ".join(dict.fromkeys(one.register for one in group))
        node = _change("other", -1, group)
        made.append(node._replace(key=f"other {names} {node.title}", title=f"{names}  {node.title}"))
    if not made:
        return []
    title = f"{len(made)} more: {BEHAVIOURS}, registers that this vCPU lacks"
    return [Node(key="other", kind="heading", title=title, state="rules", children=tuple(made))]


def kernels_markdown(before: Machine, after: Machine, nodes: Iterable[Node]) -> str:
    """What differs on this host, then every rule that does, as for `kernels A B --markdown`."""
    from inspector.reports.kernels import changes_markdown
    from inspector.reports.text import markdown_table, markdown_text

    rows = []
    for node in nodes:
        for one in [node, *node.children]:
            if one.kind in ("register", "field") and one.state not in ("", "same", "rules") and not one.only:
                name = node.title if one is node else f"{node.title}.{one.title}"
                rows.append([name, *_shown(one), one.state, one.rule])
    head = ["register or field", before.policy.label, after.policy.label, "verdict", "rule"]
    told = [f"## What a vCPU is shown: {markdown_text(after.label)}", "", *markdown_table(head, rows), ""]
    told += [f"- {markdown_text(one.title)}: {markdown_text(', '.join(c.title for c in one.children))}"
             for one in nodes if one.only]  # fmt: skip
    if not (before.policy.stands_for or after.policy.stands_for):
        told += ["", *changes_markdown(before.policy, after.policy, changes(before.policy, after.policy))]
    return "\n".join(told)


def _shown(node: Node) -> list[str]:
    if node.kind == "field":
        return ["?" if value is None else f"0x{value:x}" for value in node.values]
    size = node.register.size
    return [
        partial_hex(value or 0, known & ones(size * 8), size, grouped=True) if node.has(side) else "not listed"
        for side, (value, known) in enumerate(zip(node.values, node.known, strict=True))
    ]
