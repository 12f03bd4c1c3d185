"""A host that takes part in a baseline: what a fresh vCPU shows there, and what its kernel lets one write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy

from inspector.checks.compare.sets import is_feature_register
from inspector.checks.machine.destination import Destination, destination_of, source_vcpus
from inspector.checks.machine.source_kernel import first_vcpu, own_kernel
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
    """One host; its vCPU model is made when it is first asked."""

    def __init__(self, label: str, destination: Destination, notes: tuple[str, ...] = ()) -> None:
        self.label = label
        self.policy: Policy = destination.policy
        self.setup: VcpuSetup = destination.setup
        self.listed = destination.listed
        self.values: Mapping[int, int] = destination.values
        self.partly: Mapping[int, int] = destination.known
        """known bits of the values that are known only in part"""
        self.notes = notes
        self._build = destination.build
        self._vm: Vm | None = None
        features = tuple(sorted((i, v) for i, v in self.values.items() if is_feature_register(i)))
        masks = tuple(sorted(self.partly.items()))
        self.key: tuple[object, ...] = (self.policy.name, self.setup, features, masks, self.listed)
        """equal for hosts that answer alike"""

    def named(self, label: str) -> BaselineHost:
        """The same host under another name."""
        twin = copy(self)
        twin.label = label
        return twin

    def new_vm(self) -> Vm:
        """A VM with one fresh vCPU."""
        return self._build(1)

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


def hosts_of_dumps(dumps: Iterable[Dump], kernel: Policy | None = None) -> list[BaselineHost]:
    """The hosts that `dumps` show; dumps may come one by one, and equal ones are modelled once."""
    known: dict[tuple[object, ...], BaselineHost] = {}
    hosts = []
    for dump in dumps:
        key = _likeness(dump)
        host = known.get(key) if key else None
        host = host.named(dump.provenance.source) if host else host_of_dump(dump, kernel)
        if key:
            known.setdefault(key, host)
        hosts.append(host)
    return hosts


def _likeness(dump: Dump) -> tuple[object, ...]:
    """What a host is made of, for dumps of one fresh vCPU; empty for all others."""
    if len(dump.vcpus) != 1 or dump.vcpus[0].kind != "vcpu":
        return ()
    vcpu = dump.vcpus[0]
    features = tuple((i, v) for i, v in vcpu.values.items() if is_feature_register(i))
    return dump.provenance.kernel, dump.provenance.kernel_version, vcpu.setup, features, tuple(vcpu.values)


def host_of_dump(dump: Dump, kernel: Policy | None = None) -> BaselineHost:
    """The host that a dump shows. A dump that does not name its kernel gets the one that its register list fits best.

    Raises InspectorError when it holds neither a vCPU nor, with a kernel, a host's raw registers.
    """
    where, rule = dump.provenance.source, find_vmm("qemu")
    if first_vcpu(dump) is None:
        if dump.host is None:
            raise InspectorError("holds no vCPU and no host registers", where)
        like = Vcpu(index=0, values={}, setup=QEMU_SETUP)
        return BaselineHost(where, destination_of(dump, like, kernel, None, rule))
    vcpus, notes = source_vcpus(dump)
    own = own_kernel(dump, vcpus[0])
    if kernel is None and not own.shown:
        # A list of some registers: the inferred kernel says at most what it hides, which is all that is asked here.
        kernel, notes = own.policy, (*notes, *own.doubts)
    destination = destination_of(dump, vcpus[0], kernel, None, rule)
    return BaselineHost(where, destination, (*notes, *destination.notes))
