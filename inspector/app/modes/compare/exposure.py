"""Host against exposed: what a kernel makes of the machine behind a dump, as lines of the Compare screen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from inspector.app.modes.compare.lines import Node, in_order, worst
from inspector.app.shell.modelled import rewritten
from inspector.app.shell.view import Rewritten
from inspector.checks.machine.machine import Machine
from inspector.kvm.exposure import FieldExposure, RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.kvm.words.showing import whole_state
from inspector.policies.setup import FEATURES
from inspector.registers import catalog
from inspector.registers.bits import ALL_BITS, State, difference, extract
from inspector.registers.encoding import (
    grouped_hex,
    in_machine,
    is_demux,
)

if TYPE_CHECKING:
    # The host against a kernel names no feature that brings registers: what only one side lists is a saved vCPU's.
    from inspector.checks.feature_groups import FeatureGroup

Left = Literal["host", "vcpu"]
"""What stands on the left: the machine, or the vCPU as it was saved."""

_NOT_COMPARED = "KVM keeps this register for the guest: no rule makes its value from the host's"
_HIDDEN = "the kernel that wrote this dump hid what the host has"


def exposure_nodes(
    answer: Machine,
    saved: Mapping[int, int] | None = None,
    withheld: Collection[int] = (),
    written: Mapping[int, Rewritten] = MappingProxyType({}),
) -> list[Node]:
    """A line per register that KVM would list, differences first.

    Without `saved` the left side is the host; with it, a vCPU as it was saved, and registers that only one side lists
    are named by the feature that brings them; those that are `withheld` are left out. `written`: registers that
    simulated writes changed.
    """
    listed = sorted(map(catalog.by_id, answer.listed), key=catalog.sort_key)
    shown = [explain_under_each(answer.exposures, register.id) for register in listed]
    told = [rewritten(one, written.get(one.id)) for one in shown]
    if saved is None:
        return in_order(_register(answer, one, None) for one in told)
    nodes = [_register(answer, one, saved.get(one.id)) for one in told if one.id in saved]
    certain = set.intersection(*(set(one.listed) for one in answer.exposures))
    perhaps = [_register(answer, one, None) for one in told if one.id not in {*saved, *withheld, *certain}]
    only = list_nodes(set(saved).difference(answer.listed), certain.difference(saved).difference(withheld))
    return in_order([*only, *perhaps, *nodes])


def list_nodes(left: set[int], right: set[int]) -> list[Node]:
    """Registers that only one of two sides lists, by feature."""
    from inspector.checks.feature_groups import group_by_feature

    found = []
    for ids, where in ((left - right, (True, False)), (right - left, (False, True))):
        for group in group_by_feature(ids):
            found.append(feature_node(group, where, ("only left", "only right")[where[1]]))
    return found


def feature_node(
    group: FeatureGroup,
    present: tuple[bool, ...],
    word: str,
    values: Mapping[int, tuple[int | None, ...]] | None = None,
) -> Node:
    """A set of registers that not every side lists, with their `values` where they were read."""
    from inspector.checks.vmms.table import DEFAULT_VMM, find_vmm

    ids = sorted(group.ids, key=lambda reg_id: catalog.sort_key(catalog.by_id(reg_id)))
    key = "list " + "".join("+-"[not one] for one in present) + group.key
    more = (
        ("Loss", group.harmless),
        ("QEMU", find_vmm(DEFAULT_VMM).option(group.option, "on/off") if group.option else ""),
    )
    children = tuple(
        Node(
            key=f"{key} {reg_id:x}",
            kind="register",
            title=catalog.by_id(reg_id).name,
            id=reg_id,
            values=(values or {}).get(reg_id, (None,) * len(present)),
            listed=present,
            state="differs",
            only=word,
            reason=group.sentence,
        )
        for reg_id in ids
    )
    return Node(
        key=key,
        kind="feature",
        title=f"{len(ids)} {word}: {group.feature}",
        listed=present,
        state="differs",
        only=word,
        reason=group.sentence,
        more=tuple((head, text) for head, text in more if text),
        children=children,
    )


def _register(answer: Machine, told: RegisterExposure, saved: int | None) -> Node:
    exposure, reg_id = answer.exposure, told.id
    register = catalog.by_id(reg_id)
    host = told.host if saved is None else saved
    host_known = ALL_BITS if saved is not None else _host_known(answer, told)
    values = (None if host_known == 0 else host, None if told.known == 0 else told.exposed)
    node = Node(
        key=f"{reg_id:x}",
        kind="register",
        title=register.name,
        id=reg_id,
        values=values,
        known=(host_known, told.known if told.exposed is not None else 0),
        listed=(saved is not None or in_machine(reg_id), True),
        more=_guest(told),
    )
    if len(told.fields) == 1 and told.fields[0].name == "value":
        return _whole(node, told.fields[0])
    if not told.fields:
        if saved is None:
            return node._replace(reason=_NOT_COMPARED)
        state = "" if reg_id in exposure.underivable else "same" if saved == told.exposed else "differs"
        return node._replace(state=state, reason=_NOT_COMPARED if state != "same" else "")
    children = tuple(_field(answer, reg_id, one, saved) for one in told.fields)
    state = worst(one.state for one in children)
    certain = [one for one in children if one.differs and one.certain]
    reasons = {(one.rule, one.reference, one.reason) for one in certain}
    rule, reference, reason = reasons.pop() if len(reasons) == 1 else ("", "", "")
    return node._replace(state=state, children=children, rule=rule, reference=reference, reason=reason)


def _whole(node: Node, one: FieldExposure) -> Node:
    """A register that one rule makes as a whole."""
    state = whole_state(node.id, node.values[0], node.known[0], one.exposed)
    told = state != "same"
    return node._replace(
        state=state,
        rule=one.rule if told else "",
        reference=one.reference if told else "",
        reason=one.reason if told else "",
    )


def _host_known(answer: Machine, told: RegisterExposure) -> int:
    """Which bits of the host's register are known."""
    if told.host is None:
        return 0
    return ALL_BITS if is_demux(told.id) else answer.exposure.host.known.get(told.id, 0)


def _field(answer: Machine, reg_id: int, one: FieldExposure, saved: int | None) -> Node:
    left = one.host if saved is None else extract(saved, one.msb, one.lsb)
    state = one.state if saved is None else _against_saved(reg_id, left, one)
    rule, reference, reason = one.rule, one.reference, one.reason
    if one.exposed is None or (saved is None and left is None):
        reason = reason or _HIDDEN
    return Node(
        key=f"{reg_id:x} {one.msb}:{one.lsb}",
        kind="field",
        title="reserved" if one.name.startswith("[") else one.name,
        id=reg_id,
        msb=one.msb,
        lsb=one.lsb,
        values=(left, one.exposed),
        state=state,
        rule=rule if state != "same" else "",
        reference=reference if state != "same" else "",
        reason=reason if state != "same" else "",
        more=_hint(answer, rule) if state != "same" else (),
    )


def _against_saved(reg_id: int, left: int | None, one: FieldExposure) -> State:
    """How a fresh vCPU's field stands to the saved one."""
    signed = catalog.by_id(reg_id).signed(one.msb, one.lsb)
    return difference(left, one.exposed, width=one.msb - one.lsb + 1, signed=signed)


def _guest(told: RegisterExposure) -> tuple[tuple[str, str], ...]:
    """What the guest reads by itself, where that is something else."""
    if told.guest is None or told.exposed is None or told.guest == told.exposed:
        return ()
    return (("Guest", f"reads {grouped_hex(told.guest)} itself; the value above is what userspace saves"),)


def _hint(answer: Machine, name: str) -> tuple[tuple[str, str], ...]:
    """How to see the other case, where a vCPU feature decides."""
    if not name:
        return ()
    for rule in answer.exposure.policy.rules:
        if rule.name != name:
            continue
        off = [f.word for f in FEATURES if f.condition in rule.unless and not answer.setup.includes(f)]
        on = [f.word for f in FEATURES if f.condition in rule.when and answer.setup.includes(f)]
        if off or on:
            verb = f"with {', '.join(off)}" if off else f"without {', '.join(on)}"
            return (("Try", f"p, then create the vCPU {verb}"),)
    return ()
