"""What a saved VM is restored on: a fresh vCPU of a host under a kernel, as a dump shows it or the model makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from inspector.checks.machine.assumed import fill_unknown
from inspector.checks.machine.source_kernel import describe_policy, kernel_of, nearest_vcpu
from inspector.checks.machine.vcpu_setup import LISTED_FEATURES, setup_of
from inspector.checks.vmms.base import Vmm
from inspector.errors import InspectorError, one_line
from inspector.policies.setup import VcpuSetup, parse_features
from inspector.registers.bits import ALL
from inspector.registers.ids import PMCR_EL0
from inspector.sources.consistency import differing_id_registers
from inspector.sources.dump import Provenance

if TYPE_CHECKING:
    from inspector.kvm.host import HostState
    from inspector.kvm.vm import Vm
    from inspector.policies.model import Policy
    from inspector.sources.dump import Cpu, Dump, Vcpu

_STATES_FEATURES = frozenset({"kvm-recording", "dump-json"})
"""formats that say how the vCPU was created; elsewhere its features are read off its register list"""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh vCPU that the VMM made, before the first value is written."""

    label: str
    policy: Policy
    setup: VcpuSetup
    listed: frozenset[int]
    """KVM_GET_REG_LIST"""
    values: Mapping[int, int]
    """what userspace reads of them; a bit that is not known is 0 here"""
    known: Mapping[int, int] = {}
    """known bits of those values that are known only in part"""
    build: Callable[[int], Vm]
    """makes a VM of so many fresh vCPUs"""
    host: HostState | None = None
    """what is known of the machine, to ask other kernels about it"""
    provenance: Provenance = Provenance()
    cpus: tuple[Cpu, ...] = ()
    """the CPUs of the machine, where the dump tells them apart"""
    unlike: tuple[Destination, ...] = ()
    """where the destination's own vCPUs differ (created on unlike cores): one destination for each, in their order"""
    kernel_note: str = ""
    notes: tuple[str, ...] = ()

    def of_vcpu(self, position: int) -> Destination:
        """The destination of vCPU number `position`."""
        return self.unlike[min(position, len(self.unlike) - 1)] if self.unlike else self

    @property
    def version(self) -> tuple[int, ...]:
        """The kernel's release: (major, minor, point)."""
        return self.policy.version

    def unknown_bits(self, reg_id: int) -> int:
        """Bits of the register's own value that nobody knows."""
        return ~self.known.get(reg_id, ALL) & ALL


def source_vcpus(source: Dump) -> tuple[tuple[Vcpu, ...], tuple[str, ...]]:
    """The vCPUs that are saved together, and a note where a choice was made.

    A dump whose vCPUs are VMs of their own (a kvm-recording) stands for the one that QEMU would create, else the first.
    Raises InspectorError when there is no vCPU.
    """
    saved = tuple(v for v in source.vcpus if v.kind == "vcpu" and v.values)
    where = source.provenance.source
    if not saved:
        template = any(v.constraints for v in source.vcpus)
        hint = "a template holds constraints, not values" if template else "give a saved VM or a dump of a vCPU"
        raise InspectorError("holds no vCPU registers to restore", where, hint)
    partly = sum(len(v.constraints) for v in saved)
    notes = (f"{partly} registers are given only in part (x bits) and were not written",) if partly else ()
    if source.one_vm or len(saved) == 1:
        return saved, notes
    chosen = next((v for v in saved if v.name == "qemu"), saved[0])
    note = f"{where} holds {len(saved)} VMs; taken: {chosen.label}"
    return (chosen,), (*notes, one_line(note))


def destination_of(dump: Dump, like: Vcpu, kernel: Policy | None, setup: VcpuSetup | None, vmm: Vmm) -> Destination:
    """The destination that `dump` describes: its fresh vCPU, or its raw host registers under `kernel`.

    Where the dump holds several VMs, the one whose register list is nearest to `like`'s is taken. A `kernel` of another
    series than the dump's own asks what that machine would be under `kernel`.
    Raises InspectorError when no kernel is known, or when there is neither a vCPU nor a host.
    """
    own, note, doubts = kernel_of(dump)
    fresh = [v for v in dump.vcpus if v.kind == "vcpu" and v.ids]
    other_kernel = kernel is not None and own is not None and kernel.version[:2] != own.version[:2]
    chosen = None
    if fresh:
        chosen = fresh[0] if dump.one_vm else nearest_vcpu(fresh, like)
        if setup is not None and describes(setup, chosen) and dump.provenance.format not in _STATES_FEATURES:
            # Nothing but a list of registers: the features that the user names are those of this very vCPU.
            chosen = msgspec.structs.replace(chosen, setup=setup)
    if chosen is not None and not other_kernel and setup in (None, chosen.setup):
        policy = kernel or own
        if policy is None:
            raise InspectorError("does not say its kernel", dump.provenance.source, "name it with --kernel")
        answer = _fresh(dump, chosen, policy, "" if kernel else note, like)
        if dump.one_vm and differing_id_registers(dump):
            each = tuple(_fresh(dump, v, policy, "", like) for v in fresh)
            answer = msgspec.structs.replace(answer, unlike=each)
        return answer if kernel else msgspec.structs.replace(answer, notes=doubts)
    policy = kernel or own
    if policy is None:
        raise InspectorError("a host's registers need a kernel", dump.provenance.source, "name it with --kernel")
    wanted = setup or setup_of(like, vmm.family)
    host = host_of(dump) or (el0_host_of(dump) if chosen is None else None)
    label = one_line(f"{dump.provenance.source}: host {dump.provenance.host}".strip(": "))
    if host is not None:
        told = note if kernel is None else ""
        return modelled(
            host, policy, wanted, f"{label} under {describe_policy(policy)}", told, asked=_asked(setup, like, vmm)
        )
    if chosen is None:
        hint = "a list of ids has no values: `compare` shows the differences of two lists"
        known = "" if not any(v.kind == "list" for v in dump.vcpus) else hint
        raise InspectorError("holds neither a vCPU nor a host's registers", dump.provenance.source, known)
    asked = _asked(setup, like, vmm)
    return _like_vcpu(dump, chosen, policy, wanted, own, f"{label} under {describe_policy(policy)}", asked=asked)


def _asked(setup: VcpuSetup | None, like: Vcpu, vmm: Vmm) -> bool:
    """True when the user named other features than the saved vCPU has: such are not left out in silence."""
    if setup is None:
        return False
    own = setup_of(like, vmm.family)
    return msgspec.structs.replace(setup, gic=own.gic) != own


def describes(setup: VcpuSetup, vcpu: Vcpu) -> bool:
    """True when a vCPU with the features of `setup` would list what `vcpu` lists."""
    listed = setup_of(vcpu)
    return (setup.features ^ listed.features) & LISTED_FEATURES == 0 and setup.mte == listed.mte


def same_host(source: Dump, kernel: Policy, setup: VcpuSetup | None, vmm: Vmm) -> Destination:
    """The source's own machine under `kernel`: its raw registers where the dump has them, else what its vCPU shows.

    What the source's kernel hid is not known then, and the notes say so.
    """
    vcpus, _ = source_vcpus(source)
    wanted = setup or setup_of(vcpus[0], vmm.family)
    host = host_of(source)
    label = f"same host under {describe_policy(kernel)}"
    if host is not None:
        return modelled(host, kernel, wanted, label, asked=_asked(setup, vcpus[0], vmm))
    own = kernel_of(source).policy
    return _like_vcpu(source, vcpus[0], kernel, wanted, own, label, asked=_asked(setup, vcpus[0], vmm))


def host_of(dump: Dump) -> HostState | None:
    """The machine, where the dump has its raw registers."""
    from inspector.kvm.host import from_raw

    if dump.host is None or dump.host.view != "raw" or not dump.host.values:
        return None
    return from_raw(dump.host.values, dump.host.ccsidr, dump.capabilities or None, known=dump.host.known)


def el0_host_of(dump: Dump) -> HostState | None:
    """The machine as a process of it sees it, where the dump has nothing better: hidden fields are not known.

    Where the dump does not say which bits its reader could see, those count that the oldest kernel of the policies
    shows to a process.
    """
    from inspector.kvm.host import HostState, from_el0
    from inspector.policies.loader import load_policy, policy_names

    if dump.host is None or dump.host.view != "el0" or not dump.host.values:
        return None
    if not dump.host.known:
        return from_el0(dump.host.values, kernel_of(dump).policy or load_policy(policy_names()[0]))
    known = {reg_id: dump.host.known.get(reg_id, ALL) for reg_id in dump.host.values}
    return HostState(values=dump.host.values, known=known, ccsidr_known=False, sanitised=True)


def _fresh(dump: Dump, vcpu: Vcpu, policy: Policy, note: str, like: Vcpu) -> Destination:
    """A destination whose own fresh values are the limits that KVM checks against.

    Which old values it tolerates depends on the host behind it: raw registers where the dump has them, else what the
    saved vCPU `like` shows of the same processor.
    """
    from inspector.kvm.host import from_vcpu
    from inspector.kvm.vm import Vm

    setup = setup_of(vcpu)
    label = one_line(f"{dump.provenance.source}: vCPU {vcpu.label} under {describe_policy(policy)}")
    known = from_vcpu(vcpu.values, setup, policy)
    behind = host_of(dump)
    if behind is None:
        behind = _with_counters(fill_unknown(known, like.values).host, vcpu)
    return Destination(
        label=label,
        policy=policy,
        setup=setup,
        listed=frozenset(vcpu.ids),
        values=vcpu.values,
        build=lambda count: Vm.from_fresh(vcpu.values, policy, setup, vcpus=count, host=behind),
        host=host_of(dump) or known,
        cpus=dump.cpus,
        provenance=dump.provenance,
        kernel_note=note,
    )


def _with_counters(host: HostState, vcpu: Vcpu) -> HostState:
    """`host` with the number of PMU counters (PMCR_EL0.N), which no kernel hides from a vCPU with a PMU."""
    if PMCR_EL0 not in vcpu.values or PMCR_EL0 in host.values:
        return host
    return msgspec.structs.replace(host, values=dict(host.values) | {PMCR_EL0: vcpu.values[PMCR_EL0]})


def _like_vcpu(
    dump: Dump, vcpu: Vcpu, policy: Policy, setup: VcpuSetup, own: Policy | None, label: str, *, asked: bool
) -> Destination:
    """The machine that `vcpu` runs on, as far as its registers show it, under another kernel."""
    from inspector.checks.machine.source_kernel import guess_kernel
    from inspector.kvm.host import from_vcpu

    notes = []
    made = setup_of(vcpu)
    if own is None:
        own = guess_kernel(vcpu.values, made)
        notes.append(f"{dump.provenance.source} does not say its kernel; its registers fit {describe_policy(own)} best")
    notes.append(
        f"the host is known only as {describe_policy(own)} showed it to this vCPU: what that kernel hid is unknown"
    )
    host = _with_counters(from_vcpu(vcpu.values, made, own), vcpu)
    destination = modelled(host, policy, setup, label, asked=asked)
    return msgspec.structs.replace(destination, notes=tuple(one_line(n) for n in (*notes, *destination.notes)))


def _creatable(host: HostState, policy: Policy, setup: VcpuSetup) -> tuple[VcpuSetup, tuple[str, ...]]:
    """`setup` without the features that this host under `policy` cannot give a vCPU, and the words of those."""
    from inspector.kvm.creation import creation_errno
    from inspector.kvm.exposure import expose

    kept: list[str] = []
    lacking: list[str] = []
    for word in setup.describe().split(","):
        alone = parse_features(f"psci,{word}", gic=setup.gic)
        (lacking if creation_errno(expose(host, policy, alone)) else kept).append(word)
    return parse_features(",".join(kept), gic=setup.gic), tuple(lacking)


def modelled(
    host: HostState, policy: Policy, setup: VcpuSetup, label: str, note: str = "", *, asked: bool = False
) -> Destination:
    """The destination that the model makes of a host under `policy`.

    Features of `setup` that the host or the kernel cannot give are left out, as a VMM does that asks KVM first; where
    the user `asked` for them, InspectorError says that no such vCPU can be created.
    """
    from inspector.kvm.creation import creation_errno
    from inspector.kvm.exposure import expose
    from inspector.kvm.vm import Vm

    exposure = expose(host, policy, setup)
    notes: tuple[str, ...] = ()
    if creation_errno(exposure):
        possible, lacking = _creatable(host, policy, setup)
        words = ", ".join(lacking) or setup.describe()
        if asked or not lacking:
            raise InspectorError(f"cannot give a vCPU {words}", one_line(label), "choose others with --features")
        setup, exposure = possible, expose(host, policy, possible)
        notes = (f"{one_line(label)} cannot give a vCPU {words}: it is created without",)
    return Destination(
        label=label,
        policy=policy,
        setup=setup,
        listed=frozenset(exposure.listed),
        values=exposure.values,
        known={i: mask for i, mask in exposure.known.items() if mask != ALL},
        build=lambda count: Vm(host, policy, setup, vcpus=count),
        host=host,
        kernel_note=note,
        notes=notes,
    )
