"""A host that takes part in a baseline: what a fresh vCPU shows there, and what its kernel lets one write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from itertools import pairwise

from inspector.checks.baseline.folded import dump_of
from inspector.checks.compare.sets import is_feature_register
from inspector.checks.fleet.packing import WORD, packer, shape_of
from inspector.checks.fleet.part import Group, Part
from inspector.checks.machine.destination import Destination, destination_of, source_vcpus
from inspector.checks.machine.source_kernel import first_vcpu, kernel_of, own_kernel
from inspector.checks.vmms.table import find_vmm
from inspector.errors import InspectorError
from inspector.kvm.vm import Vcpu as SimulatedVcpu
from inspector.kvm.vm import Vm
from inspector.policies.model import Policy
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import QEMU_SETUP, VcpuSetup
from inspector.policies.spans import FieldRule
from inspector.registers.bits import Partial, mask_of
from inspector.sources.dump import Dump, Vcpu

ALL_BITS = (1 << 2048) - 1
"""Of the widest register that KVM has."""


class BaselineHost:
    """One host; its vCPU model is made when it is first asked, and may be forgotten in between."""

    def __init__(
        self,
        label: str,
        destination: Destination,
        rebuild: Callable[[], Destination],
        values: Mapping[int, int] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.label = label
        self.policy: Policy = destination.policy
        self.setup: VcpuSetup = destination.setup
        self.listed = destination.listed
        if values is None:
            values = {i: value for i, value in destination.values.items() if is_feature_register(i)}
        self.values: Mapping[int, int] = values
        """of the feature registers"""
        self.partly: Mapping[int, int] = destination.known
        """known bits of the values that are known only in part"""
        self.notes = notes
        self._rebuild = rebuild
        self._vm: Vm | None = None

    def named(self, label: str) -> BaselineHost:
        """The same host under another name."""
        twin = copy(self)
        twin.label = label
        return twin

    def forget(self) -> None:
        """Give back the model; it is made again when the host is asked again."""
        self._vm = None

    def new_vm(self) -> Vm:
        """A VM with one fresh vCPU."""
        return self._rebuild().build(1)

    def fields(self, reg_id: int) -> tuple[FieldRule, ...]:
        """The feature-table fields of a register under this host's kernel."""
        return rulebook(self.policy).fields(reg_id)

    def part(self, reg_id: int) -> Partial:
        """What is known of a register on a fresh vCPU here."""
        value = self.values.get(reg_id)
        known = self.partly.get(reg_id, ALL_BITS)
        return Partial.nothing() if value is None else Partial(value & known, known)

    def takes(self, reg_id: int, value: int) -> bool:
        """True when KVM here certainly accepts `value` on a fresh vCPU and reads it back.

        Bits that are not known and are 0 in `value` stand for the host's own: nobody writes them.
        """
        own = self.part(reg_id).value
        if value == own:
            return True
        if self._vm is None:
            self._vm = self.new_vm()
        vcpu = self._vm.vcpu(0)
        if self._in_doubt(vcpu, reg_id, value):
            return False
        own = vcpu.value(reg_id)
        if vcpu.set_one_reg(reg_id, value):
            return False
        kept = vcpu.value(reg_id) == value
        vcpu.set_one_reg(reg_id, own)
        return kept

    def takes_field(self, reg_id: int, field: FieldRule, value: int) -> bool:
        """The same for one field, the others as they are."""
        return self.takes(reg_id, self.part(reg_id).value & ~field.mask | value << field.lsb)

    def _in_doubt(self, vcpu: SimulatedVcpu, reg_id: int, value: int) -> bool:
        """True when a part that is changed has a fate that depends on something not known."""
        gate = vcpu.gate(reg_id)
        doubts = {doubt.part for doubt in gate.doubts(vcpu, value)} if gate is not None else set()
        if gate is None or not doubts:
            return False
        changed = value ^ self.part(reg_id).value
        parts = {part.name: mask_of(part.msb, part.lsb) for part in gate.parts(vcpu, value)}
        return any(parts.get(name, ALL_BITS) & changed for name in doubts)


class _Packed(Mapping[int, int]):
    """The values of one packed vCPU, unpacked one by one: a fleet has too many to hold them all as integers."""

    __slots__ = ("_data", "_places")

    def __init__(self, places: Mapping[int, tuple[int, int]], data: bytes) -> None:
        self._places, self._data = places, data

    def __getitem__(self, reg_id: int) -> int:
        first, last = self._places[reg_id]
        return int.from_bytes(self._data[first:last], "little")

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Hosts:
    """The hosts of a part, one for each group. Those that differ only in values share what follows from the rest."""

    def __init__(self, part: Part, kernel: Policy | None = None) -> None:
        self._part, self._kernel = part, kernel
        self._like: dict[tuple[bytes, bytes], tuple[BaselineHost, Mapping[int, tuple[int, int]]]] = {}

    def of(self, group: Group) -> BaselineHost:
        """The host of a group, under the name of its first member. Raises InspectorError as `host_of_dump`."""
        part, key = self._part, (group.about, group.shape)
        like = self._like.get(key)
        rebuild = partial(_destination, group, part, self._kernel)
        if like is None:
            first = host_of_dump(dump_of(group, part), self._kernel, rebuild)
            ids, kept = shape_of(part.pieces[group.shape])
            if not ids or self._kernel is not None or not kernel_of(dump_of(group, part)).policy:
                # Its kernel, or what it shows under another one, follows from the values.
                return first
            pack = packer(kept)
            places: Mapping[int, tuple[int, int]] = {
                reg_id: (WORD * first, WORD * last)
                for reg_id, (first, last) in zip(kept, pairwise(pack.places), strict=True)
                if is_feature_register(reg_id)
            }
            like = self._like[key] = first, places
        host, places = like
        twin = host.named(group.members[0].label)
        twin.values, twin._rebuild = _Packed(places, group.values), rebuild
        twin.forget()
        return twin


def _destination(group: Group, part: Part, kernel: Policy | None) -> Destination:
    return _shown(dump_of(group, part), kernel)[0]


def host_of_dump(
    dump: Dump, kernel: Policy | None = None, rebuild: Callable[[], Destination] | None = None
) -> BaselineHost:
    """The host that a dump shows. A dump that does not name its kernel gets the one that its register list fits best.

    Raises InspectorError when it holds neither a vCPU nor, with a kernel, a host's raw registers. `rebuild`: how to
    come by its destination again, without holding it.
    """
    destination, notes = _shown(dump, kernel)
    return BaselineHost(dump.provenance.source, destination, rebuild or (lambda: destination), notes=notes)


def _shown(dump: Dump, kernel: Policy | None) -> tuple[Destination, tuple[str, ...]]:
    where, rule = dump.provenance.source, find_vmm("qemu")
    if first_vcpu(dump) is None:
        if dump.host is None:
            raise InspectorError("holds no vCPU and no host registers", where)
        like = Vcpu(index=0, values={}, setup=QEMU_SETUP)
        return destination_of(dump, like, kernel, None, rule), ()
    vcpus, notes = source_vcpus(dump)
    own = own_kernel(dump, vcpus[0])
    if kernel is None and not own.shown:
        # A list of some registers: the inferred kernel says at most what it hides, which is all that is asked here.
        kernel, notes = own.policy, (*notes, *own.doubts)
    destination = destination_of(dump, vcpus[0], kernel, None, rule)
    return destination, (*notes, *destination.notes)
