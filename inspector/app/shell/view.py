"""What is on screen of one dump: a vCPU, a template or the host, alone or with what a kernel policy makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from inspector.registers import catalog
from inspector.registers.bits import Partial, ones, partial_hex
from inspector.registers.catalog import Register
from inspector.registers.ids import ID_AA64PFR0_EL1
from inspector.registers.secrets import is_secret
from inspector.sources.consistency import differing_id_registers, identifies
from inspector.sources.dump import Constraint, Dump, Vcpu, host_registers
from inspector.sources.withheld import withhold

if TYPE_CHECKING:
    # Browse opens without the model: these rooms load when a kernel is asked.
    from inspector.checks.machine.machine import Machine
    from inspector.kvm.exposure import RegisterExposure
    from inspector.sources.live.source import Changed


class Rewritten(NamedTuple):
    """A register that reads otherwise than before the first simulated write."""

    before: Partial
    after: Partial
    by: str
    """which step did it last: `write 2`, `the first run`"""


Changes = Mapping[tuple[int, str], Mapping[int, "Changed"]]
"""Of a live source's last reading: (vCPU index, name) -> register id -> both values."""


class View(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """The registers on screen: one vCPU, template or host of one dump."""

    source: str
    dump: Dump
    title: str
    """`vcpu 0`, `host`, `template`, or the source's own name for it"""
    values: Mapping[int, int]
    constraints: Mapping[int, Constraint] = {}
    errors: Mapping[int, int] = {}
    vcpu: Vcpu | None = None
    host: Mapping[int, int] = {}
    """raw host values to compare with; empty when there are none, or when they are what is shown"""

    @property
    def one_vcpu(self) -> Vcpu | None:
        """The saved or live vCPU on screen; None for a host, a template or a list."""
        return self.vcpu if self.vcpu is not None and self.vcpu.kind == "vcpu" else None

    @cached_property
    def registers(self) -> tuple[Register, ...]:
        """Every register listed, in the order of groups and names that the catalogue gives."""
        rank = {group.key: place for place, group in enumerate(catalog.GROUPS)}
        ids = {**dict.fromkeys(self.values), **dict.fromkeys(self.constraints), **dict.fromkeys(self.errors)}
        return tuple(sorted(map(catalog.by_id, ids), key=lambda one: (rank.get(one.group, len(rank)), one.id)))

    @cached_property
    def differing(self) -> Mapping[int, tuple[int | None, ...]]:
        """Identification registers on which the vCPUs of this VM do not agree."""
        return differing_id_registers(self.dump) if self.vcpu else {}

    changed: Mapping[int, Changed] = {}
    """registers of a live source that the last reading found changed"""

    written: Mapping[int, Rewritten] = {}
    """registers that simulated writes changed; their present values stand in `values`, `constraints` and `model`"""

    answer: Machine | None = None
    """what the chosen policy makes of the machine; None for the dump alone"""
    model: Mapping[int, RegisterExposure] = {}
    """registers about which the policy has something to say"""
    gone: frozenset[int] = frozenset()
    """registers of the dump that the policy does not list"""
    added: frozenset[int] = frozenset()
    """registers that the policy lists and the dump lacks"""
    problem: str = ""
    """why the chosen policy has no answer here"""

    @property
    def blank(self) -> str:
        """What stands for a digit that is not given: `x` where a template leaves it open, else `?`: it is not known."""
        return "x" if self.vcpu is not None and self.vcpu.kind == "template" and self.answer is None else "?"

    def part(self, reg_id: int) -> Partial | None:
        """What is known of a register's value, a known-mask of -1 for all of it; None when nothing is said of it."""
        told = self.model.get(reg_id)
        if told is not None:
            if told.exposed is None:
                return Partial.nothing()
            bits = ones(catalog.by_id(reg_id).size * 8)
            return Partial(told.exposed, -1 if told.known & bits == bits else told.known & bits)
        if (value := self.values.get(reg_id)) is not None:
            return Partial(value, -1)
        constraint = self.constraints.get(reg_id)
        return None if constraint is None else Partial(constraint.value, constraint.mask)

    def text(self, reg_id: int) -> str:
        """The value in hex with `blank` for every digit not given; empty when nothing is said of the register."""
        part, size = self.part(reg_id), catalog.by_id(reg_id).size
        return "" if part is None else partial_hex(part.value, part.known, size, blank=self.blank, grouped=True)

    def value(self, reg_id: int) -> int | None:
        """The register's value; None when only some bits, or nothing, is given."""
        return self.values.get(reg_id)


def views_of(dump: Dump, changed: Changes | None = None, secrets: bool = True) -> tuple[View, ...]:
    """A view per vCPU or template, and one of the host's raw registers where the dump has them.

    Without `secrets` the values of the guest's general, vector and debug registers, pointers and keys are withheld.
    """
    if not secrets:
        dump = withhold(dump)
        told = {key: {i: one for i, one in of.items() if not is_secret(i)} for key, of in (changed or {}).items()}
        changed = told if changed else changed
    source = dump.provenance.source
    own = host_registers(dump)
    host = dump.host.whole if dump.host is not None and dump.host.view == "raw" else {}
    shown = [
        View(
            source=source,
            dump=dump,
            title=_title(vcpu),
            values=vcpu.values,
            constraints=vcpu.constraints,
            errors=vcpu.errors,
            vcpu=vcpu,
            host=host if vcpu.kind == "vcpu" else {},
            changed=(changed or {}).get((vcpu.index, vcpu.name.raw), {}),
        )
        for vcpu in dump.vcpus
    ]
    if own is not None:
        title = own.name.shown or own.kind
        shown.append(View(source=source, dump=dump, title=title, values=own.values, constraints=own.constraints))
    return tuple(shown) or (View(source=source, dump=dump, title="nothing", values={}),)


def _title(vcpu: Vcpu) -> str:
    if vcpu.kind in ("host", "template", "list"):
        return vcpu.name.shown or vcpu.kind
    return f"vcpu {vcpu.index}" + (f" {vcpu.name}" if vcpu.name else "")


def start_at(view: View) -> int | None:
    """The register on which a dump opens: the first that says what the CPU is and is not what its host has."""
    telling = (one.id for one in view.registers if identifies(one.id))
    unlike = (i for i in telling if i in view.differing or (i in view.host and view.host[i] != view.values.get(i)))
    if (first := next(unlike, None)) is not None or ID_AA64PFR0_EL1 in view.values:
        return ID_AA64PFR0_EL1 if first is None else first
    named = (one.id for one in view.registers if one.name.startswith("ID_AA64"))
    return next(named, view.registers[0].id if view.registers else None)


def short_name(dump: Dump) -> str:
    """A dump's name for headers and list lines."""
    return source_name(dump.provenance.source)


def source_name(source: str) -> str:
    """A source as every screen names it: a file without its folders, a shipped dump without its prefix."""
    if source == "-":
        return "standard input"
    return source if "://" in source else source.rsplit("/", 1)[-1].removeprefix("builtin:") or source
