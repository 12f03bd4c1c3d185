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
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import kernel_of, own_kernel
from inspector.checks.vmms.table import find_vmm
from inspector.errors import InspectorError
from inspector.kvm.cases import candidates_of
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
    others: tuple[Callable[[Group | None], Vm], ...] = ()
    """the same under each other policy that its kernel may have"""
    any_kernel: bool = False
    """it is a few registers that name no kernel: what is listed and accepted there is anybody's guess"""
    places: Mapping[int, tuple[int, int]] = {}
    """register -> where its value is in the packed ones: (first byte, byte behind the last)"""


class BaselineHost:
    """One host; its vCPU model is made when it is first asked, and may be forgotten in between."""

    __slots__ = ("_group", "_models", "label", "like", "values")

    def __init__(self, label: str, like: _Like, values: Mapping[int, int], group: Group | None = None) -> None:
        self.label, self.like = label, like
        self.values = values
        """of the feature registers"""
        self._group = group
        self._models: list[Vm] = []
        """under its policy, and then under each other that it may have, as far as they were asked"""

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

    @property
    def certain(self) -> bool:
        """True where it is known which policy its kernel has."""
        return not self.like.any_kernel and not self.like.others

    def forget(self) -> None:
        """Give back the models; they are made again when the host is asked again."""
        self._models = []

    def new_vm(self) -> Vm:
        """A VM with one fresh vCPU."""
        return self.like.build(self._group)

    def models(self) -> Iterator[Vm]:
        """The model under each policy that its kernel may have, the likeliest first."""
        for place, build in enumerate((self.like.build, *self.like.others)):
            if place == len(self._models):
                self._models.append(build(self._group))
            yield self._models[place]

    def fields(self, reg_id: int) -> tuple[FieldRule, ...]:
        """The feature-table fields of a register under this host's kernel."""
        return rulebook(self.policy).fields(reg_id)

    def part(self, reg_id: int) -> Partial:
        """What is known of a register on a fresh vCPU here."""
        value = self.values.get(reg_id)
        known = self.like.partly.get(reg_id, ALL_BITS)
        return Partial.nothing() if value is None else Partial(value & known, known)

    def takes(self, reg_id: int, value: int) -> bool | None:
        """Whether KVM here accepts `value` on a fresh vCPU and reads it back; None where that depends on what is not
        known of the host, or on which kernel it runs.

        Bits that are not known and are 0 in `value` stand for the host's own: nobody writes them.
        """
        if value == self.part(reg_id).value:
            return True
        if self.like.any_kernel:
            return None
        answers = set()
        for vm in self.models():
            answers.add(self._taken(vm.vcpu(0), reg_id, value))
            if None in answers or len(answers) > 1:
                return None
        return answers.pop()

    def refuses(self, reg_id: int, value: int) -> bool:
        """Whether KVM here does not take `value`, for sure, whichever of its kernels runs: `takes` is False.

        That no kernel does is known less often than that one may, so the first that may ends it.
        """
        if self.like.any_kernel or value == self.part(reg_id).value:
            return False
        return all(self._taken(vm.vcpu(0), reg_id, value) is False for vm in self.models())

    def _taken(self, vcpu: SimulatedVcpu, reg_id: int, value: int) -> bool | None:
        if self._in_doubt(vcpu, reg_id, value):
            return None
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
                like.build = partial(self._asked_anew, place=0)
                like.others = tuple(partial(self._asked_anew, place=n + 1) for n in range(len(like.others)))
                return BaselineHost(first.label, like, first.values, group)
            like.build, like.places = partial(self._fresh, policy=like.policy, setup=like.setup), _places(kept)
            own = kernel_of(dump)
            assert own.policy is not None
            others = candidates_of(own.policy, own.candidates)[1:]
            like.others = tuple(partial(self._fresh, policy=policy, setup=like.setup) for policy in others)
            self._like[key] = like
        return BaselineHost(group.members[0].label, like, _Packed(like.places, group.values), group)

    def _asked_anew(self, group: Group | None, place: int) -> Vm:
        assert group is not None
        destination = _shown(dump_of(group, self._part), self._kernel)[0]
        return (destination, *destination.others)[place].build(1)

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
    destination, notes, any_kernel = _shown(dump, kernel)
    like = _Like(
        destination.policy, destination.setup, destination.listed, destination.known, notes,
        partial(_built, destination), tuple(partial(_built, one) for one in destination.others), any_kernel,
    )  # fmt: skip
    given = source_vcpus(dump)[0][0].values if any_kernel else destination.values  # the rest is as that kernel has it
    values = {i: value for i, value in destination.values.items() if i in given and is_feature_register(i)}
    return BaselineHost(dump.provenance.source, like, values)


def _built(destination: Destination, _: Group | None) -> Vm:
    return destination.build(1)


def _shown(dump: Dump, kernel: Policy | None) -> tuple[Destination, tuple[str, ...], bool]:
    """(what the dump shows, what is assumed of it, whether its kernel may be any)."""
    where, rule = dump.provenance.source, find_vmm("qemu")
    if first_vcpu(dump) is None:
        if dump.host is None:
            raise InspectorError("holds no vCPU and no host registers", where)
        like = Vcpu(index=0, values={}, setup=QEMU_SETUP)
        return destination_of(dump, like, Given(kernel), rule), (), False
    vcpus, notes = source_vcpus(dump)
    own = own_kernel(dump, vcpus[0])
    any_kernel = kernel is None and not own.shown
    if any_kernel:
        # A list of some registers: the inferred kernel says at most what it hides, which is all that is asked here.
        kernel, notes = own.policy, (*notes, *own.doubts)
    destination = destination_of(dump, vcpus[0], Given(kernel), rule)
    return destination, (*notes, *destination.notes), any_kernel
