"""A host that takes part in a baseline: what a fresh vCPU shows there, and what its kernel lets one write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import msgspec

from inspector.checks.baseline.folded import dump_of
from inspector.checks.compare.sets import is_feature_register
from inspector.checks.fleet.packing import WORD, packer, shape_of
from inspector.checks.fleet.part import Group, Part
from inspector.checks.machine.destination import Destination, destination_of, host_behind, source_vcpus
from inspector.checks.machine.source_kernel import first_vcpu, kernel_of, own_kernel
from inspector.checks.vmms.table import find_vmm
from inspector.errors import InspectorError
from inspector.kvm.inference.fresh import fresh_vm
from inspector.kvm.vm import Vcpu as SimulatedVcpu
from inspector.kvm.vm import Vm
from inspector.policies.model import Policy
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import QEMU_SETUP, VcpuSetup
from inspector.policies.spans import FieldRule
from inspector.registers.bits import ALL_BITS, Partial, mask_of
from inspector.sources.dump import Dump, Vcpu


class _Like(msgspec.Struct):
    """What hosts have in common that differ in the values of their registers only."""

    policy: Policy
    setup: VcpuSetup
    listed: frozenset[int]
    partly: Mapping[int, int]
    notes: tuple[str, ...]
    build: Callable[[Group | None], Vm]
    """makes a VM with one fresh vCPU of the host of a group"""
    places: Mapping[int, tuple[int, int]] = {}
    """register -> where its value is in the packed ones: (first byte, byte behind the last)"""


class BaselineHost:
    """One host; its vCPU model is made when it is first asked, and may be forgotten in between."""

    __slots__ = ("_group", "_vm", "label", "like", "values")

    def __init__(self, label: str, like: _Like, values: Mapping[int, int], group: Group | None = None) -> None:
        self.label, self.like = label, like
        self.values = values
        """of the feature registers"""
        self._group = group
        self._vm: Vm | None = None

    @property
    def policy(self) -> Policy:
        """The policy of its kernel."""
        return self.like.policy

    @property
    def setup(self) -> VcpuSetup:
        """How its vCPU is created."""
        return self.like.setup

    @property
    def listed(self) -> frozenset[int]:
        """The registers that its vCPU lists."""
        return self.like.listed

    @property
    def partly(self) -> Mapping[int, int]:
        """Known bits of the values that are known only in part."""
        return self.like.partly

    @property
    def notes(self) -> tuple[str, ...]:
        """What is assumed of it."""
        return self.like.notes

    def forget(self) -> None:
        """Give back the model; it is made again when the host is asked again."""
        self._vm = None

    def new_vm(self) -> Vm:
        """A VM with one fresh vCPU."""
        return self.like.build(self._group)

    def fields(self, reg_id: int) -> tuple[FieldRule, ...]:
        """The feature-table fields of a register under this host's kernel."""
        return rulebook(self.policy).fields(reg_id)

    def part(self, reg_id: int) -> Partial:
        """What is known of a register on a fresh vCPU here."""
        value = self.values.get(reg_id)
        known = self.like.partly.get(reg_id, ALL_BITS)
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

    __slots__ = ("_places", "data")

    def __init__(self, places: Mapping[int, tuple[int, int]], data: bytes) -> None:
        self._places, self.data = places, data

    def __getitem__(self, reg_id: int) -> int:
        first, last = self._places[reg_id]
        return int.from_bytes(self.data[first:last], "little")

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Columns:
    """What is known of one register after the other of many hosts, each different answer once."""

    def __init__(self, hosts: Sequence[BaselineHost]) -> None:
        self._packed: dict[int, tuple[_Like, list[bytes]]] = {}
        self._others: list[BaselineHost] = []
        self._last: tuple[int, frozenset[Partial]] = (0, frozenset())
        for host in hosts:
            if isinstance(host.values, _Packed):
                self._packed.setdefault(id(host.like), (host.like, []))[1].append(host.values.data)
            else:
                self._others.append(host)

    def of(self, reg_id: int) -> frozenset[Partial]:
        """What the hosts know of a register."""
        if reg_id != self._last[0]:
            found = {host.part(reg_id) for host in self._others}
            for like, packed in self._packed.values():
                found.update(_parts(reg_id, like, packed))
            self._last = reg_id, frozenset(found)
        return self._last[1]


def _parts(reg_id: int, like: _Like, packed: Sequence[bytes]) -> Iterator[Partial]:
    known = like.partly.get(reg_id, ALL_BITS)
    if reg_id not in like.places:
        yield Partial.nothing()
        return
    first, last = like.places[reg_id]
    for data in {one[first:last] for one in packed}:
        yield Partial(int.from_bytes(data, "little") & known, known)


class Hosts:
    """The hosts of a part, one for each group. Those that differ only in values share what follows from the rest."""

    def __init__(self, part: Part, kernel: Policy | None = None) -> None:
        self._part, self._kernel = part, kernel
        self._like: dict[tuple[bytes, bytes], _Like] = {}
        self._lists: dict[frozenset[int], frozenset[int]] = {}

    def of(self, group: Group) -> BaselineHost:
        """The host of a group, under the name of its first member. Raises InspectorError as `host_of_dump`."""
        key = (group.about, group.shape)
        like = self._like.get(key)
        if like is None:
            dump = dump_of(group, self._part)
            first = host_of_dump(dump, self._kernel)
            like = first.like
            like.listed = self._lists.setdefault(like.listed, like.listed)
            ids, kept = shape_of(self._part.pieces[group.shape])
            if not ids or self._kernel is not None or not kernel_of(dump).policy:
                # Its kernel, or what it shows under another one, follows from the values.
                like.build = self._asked_anew
                return BaselineHost(first.label, like, first.values, group)
            like.build, like.places = partial(self._fresh, policy=like.policy, setup=like.setup), _places(kept)
            self._like[key] = like
        return BaselineHost(group.members[0].label, like, _Packed(like.places, group.values), group)

    def _asked_anew(self, group: Group | None) -> Vm:
        assert group is not None
        return _shown(dump_of(group, self._part), self._kernel)[0].build(1)

    def _fresh(self, group: Group | None, policy: Policy, setup: VcpuSetup) -> Vm:
        """The vCPU that a plain dump shows under its own kernel: what `destination_of` builds of it."""
        assert group is not None
        dump = dump_of(group, self._part)
        (vcpu,) = dump.vcpus
        return fresh_vm(vcpu.values, policy, setup, host=host_behind(dump, vcpu, vcpu, policy))


def _places(kept: tuple[int, ...]) -> dict[int, tuple[int, int]]:
    """Where the values of the feature registers are."""
    pairs = pairwise(packer(kept).places)
    return {
        reg_id: (WORD * first, WORD * last)
        for reg_id, (first, last) in zip(kept, pairs, strict=True)
        if is_feature_register(reg_id)
    }


def host_of_dump(dump: Dump, kernel: Policy | None = None) -> BaselineHost:
    """The host that a dump shows. A dump that does not name its kernel gets the one that its register list fits best.

    Raises InspectorError when it holds neither a vCPU nor, with a kernel, a host's raw registers.
    """
    destination, notes = _shown(dump, kernel)
    like = _Like(
        destination.policy, destination.setup, destination.listed, destination.known, notes,
        lambda _: destination.build(1),
    )  # fmt: skip
    values = {i: value for i, value in destination.values.items() if is_feature_register(i)}
    return BaselineHost(dump.provenance.source, like, values)


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
