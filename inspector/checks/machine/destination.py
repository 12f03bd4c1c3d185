"""What a saved VM is restored on: a fresh vCPU of a host under a kernel, as a dump shows it or the model makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final, Literal

import msgspec

from inspector.checks.machine.assumed import fill_unknown
from inspector.checks.machine.known_host import el0_host_of, host_of, with_given
from inspector.checks.machine.machine import lacking_features, refuse_creation
from inspector.checks.machine.offers import offers_of
from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import (
    OwnKernel,
    asked_kernel,
    describe_policy,
    kernel_of,
    nearest_vcpu,
    own_kernel,
)
from inspector.checks.vmms.base import Made, Saved, Vmm
from inspector.checks.vmms.table import restoring_vmm
from inspector.errors import InspectorError, one_line
from inspector.kvm.cases import candidates_of, left_out
from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.host import HostState
from inspector.kvm.vm import Vm
from inspector.policies.model import Policy
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import FEATURES, Feature, VcpuFeature, VcpuSetup, feature_of
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_CORE, class_of
from inspector.registers.ids import PMCR_EL0, TIMERS
from inspector.sources.consistency import differing_id_registers
from inspector.sources.dump import Cpu, Dump, Provenance, Vcpu
from inspector.sources.formats import states_features
from inspector.sources.vcpu_setup import LISTED_FEATURES, holds_whole_list, setup_of

SAME_HOST: Final = "same-host"
"""The destination that is the source's own machine, under another kernel."""
SameHost = Literal["same-host"]


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
    doubtful: frozenset[int] = frozenset()
    """registers of which it is not known whether KVM lists them, in `listed` or not"""
    host: HostState | None = None
    """what is known of the machine, to ask other kernels about it"""
    provenance: Provenance = Provenance()
    """of the dump that shows it; empty for the source's own machine"""
    kernel_asked: bool = False
    """the kernel was named, whatever the dump says"""
    cpus: tuple[Cpu, ...] = ()
    """the CPUs of the machine, where the dump keeps them apart"""
    unlike: tuple[Destination, ...] = ()
    """where the destination's own vCPUs differ (created on unlike cores): one destination for each, in their order"""
    others: tuple[Destination, ...] = ()
    """the same under each other policy that the kernel may have"""
    why: str = ""
    """which rule gave the vCPU its features, in words"""
    unsure: tuple[VcpuFeature, ...] = ()
    """features that the VMM takes where the host has them, and of which that is not known"""
    refused: tuple[str, ...] = ()
    """words of features without which the VMM does not restore, and which KVM refuses here: no vCPU is created"""
    left_out: frozenset[int] = frozenset()
    """registers that every vCPU there lists, and that the tool which wrote the dump leaves out"""
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

    def known_value(self, reg_id: int) -> int | None:
        """The register's own value; None where it is not listed, or not every bit of it is known."""
        return None if self.unknown_bits(reg_id) else self.values.get(reg_id)


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
    withheld = sum(len(v.withheld) for v in saved)
    partly = sum(len(v.constraints) for v in saved) - withheld
    notes = (f"{partly} registers are given only in part (x bits) and were not written",) * bool(partly)
    notes += (f"the source withholds the values of {withheld} registers, secrets of the guest",) * bool(withheld)
    if source.one_vm or len(saved) == 1:
        return saved, notes
    chosen = next((v for v in saved if v.name == "qemu"), saved[0])
    note = f"{where} holds {len(saved)} VMs; taken: {chosen.label}"
    return (chosen,), (*notes, one_line(note))


def destination_for(
    source: Dump,
    destination: Dump | Destination | SameHost,
    given: Given,
) -> Destination:
    """What the first vCPU of `source` is restored on: the machine that a dump shows, or the source's own.

    `given`: of the destination. Its kernel is by default the one that the dump names or that its register list fits
    best, its features those of the destination's vCPU or of the saved one.
    Raises InspectorError when no kernel is known, or when there is neither a vCPU nor a host.
    """
    if isinstance(destination, Destination):
        return destination
    choice = given.choice
    if not isinstance(destination, str):
        like = source_vcpus(source)[0][0]
        rule = restoring_vmm(source.provenance, given.vmm)
        stated = states_features(source.provenance.format)
        known = msgspec.structs.replace(given, kernel=choice)
        answer = destination_of(destination, like, known, rule, stated=stated)
    elif choice is None:
        raise InspectorError("needs a kernel", SAME_HOST, "choose one (--kernel K)")
    else:
        answer = _under_each(choice.policy, choice.candidates, OwnMachine(source, given).under)
    return answer if choice is None else msgspec.structs.replace(answer, kernel_note=choice.text, kernel_asked=True)


class OwnMachine:
    """The machine that a saved VM comes from, to be asked under one kernel after another.

    What is known of the machine does not depend on the kernel that is asked: the first question works it out.
    """

    def __init__(self, source: Dump, given: Given) -> None:
        """`given`: of the machine; its kernel has no part in it."""
        self._source, self._given = source, given

    def under(self, policy: Policy) -> Destination:
        """The machine under `policy`; InspectorError where no such vCPU can be created."""
        behind, notes = self._behind
        return _noted(notes, _modelled(self._asked, behind, policy, self.label(policy)))

    def label(self, policy: Policy) -> str:
        """What the machine under `policy` is called."""
        return f"same host under {describe_policy(policy)}"

    @cached_property
    def _like(self) -> Vcpu:
        return source_vcpus(self._source)[0][0]

    @cached_property
    def _raw(self) -> HostState | None:
        return host_of(self._source)

    @cached_property
    def _own(self) -> OwnKernel:
        return own_kernel(self._source, self._like)

    @cached_property
    def _asked(self) -> _Asked:
        """What is asked of it: the saved vCPU proves what the host has."""
        asked = _asked(self._given, self._like, restoring_vmm(self._source.provenance, self._given.vmm))
        if self._given.names_setup:
            return asked
        host = self._raw
        if host is None and asked.vmm.own_rule:
            host = _shown_host(self._like, self._own.policy)
        made = asked.vmm.made(
            Saved(asked.setup, states_features(self._source.provenance.format)),
            offers_of(host and with_given(host, self._given)[0], asked.setup),
        )
        return asked.by(made) if asked.vmm.own_rule else msgspec.structs.replace(asked, why=made.why)

    @cached_property
    def _behind(self) -> tuple[HostState, tuple[str, ...]]:
        """The host, and notes on what is known of it."""
        if self._raw is not None:
            return self._raw, ()
        own = self._own.policy
        assert own is not None  # a saved vCPU holds values, which some kernel fits best
        doubts = self._own.doubts if kernel_of(self._source).policy is None else ()
        return _shown_machine(self._like, own, doubts)


def _under_each(
    policy: Policy, candidates: Sequence[Policy], under: Callable[[Policy], Destination]
) -> Destination:  # fmt: skip
    """The destination under `policy`, with those under the other policies that its kernel may have."""
    answer = under(policy)
    others, notes = [], [left_out(policy, candidates)]
    for other in candidates_of(policy, candidates)[1:]:
        try:
            others.append(under(other))
        except InspectorError as error:
            notes.append(one_line(f"under {describe_policy(other)}, which the kernel may be as well: {error.what}"))
    notes = [note for note in notes if note]
    return msgspec.structs.replace(answer, others=tuple(others), notes=(*answer.notes, *notes))


class _Asked(msgspec.Struct, frozen=True):
    """What is asked of a modelled destination."""

    setup: VcpuSetup
    given: Given
    named: bool
    """the user named features that the saved vCPU has not: such are not left out in silence"""
    vmm: Vmm
    why: str = ""
    unsure: tuple[VcpuFeature, ...] = ()
    required: bool = False
    """the VMM does not restore without a feature that KVM refuses"""

    def by(self, made: Made) -> _Asked:
        """The same, with the vCPU that the VMM makes."""
        return msgspec.structs.replace(
            self, setup=made.setup, why=made.why, unsure=made.unsure, required=made.required, named=False
        )

    def under(self, policy: Policy, setup: VcpuSetup) -> VcpuSetup:
        """`setup` with the capability for implementation ids where the VMM enables it and the kernel has it."""
        if not self.vmm.writable_ids or rulebook(policy).variant("implementation-ids") == "invariant":
            return setup
        return msgspec.structs.replace(setup, writable_imp_id=True)


def destination_of(dump: Dump, like: Vcpu, given: Given, vmm: Vmm, *, stated: bool = False) -> Destination:
    """The destination that `dump` shows to a saved vCPU `like`: a fresh vCPU, or raw host registers under a kernel.

    Where the dump holds several VMs, the one whose register list is nearest to `like`'s is taken; a VMM that makes its
    vCPUs by a rule of its own gets one of its features, or a model of it. A given kernel of another series than the
    dump's own asks what that machine would be under it. `stated`: `like`'s file holds its features as such.
    """
    asked, named = _asked(given, like, vmm), given.choice
    kernel = None if named is None else named.policy
    setup = asked.setup if given.names_setup else None
    fresh = [v for v in dump.vcpus if v.kind == "vcpu" and v.ids]
    chosen = None
    if fresh:
        chosen = fresh[0] if dump.one_vm else nearest_vcpu(fresh, like)
        if setup is not None and describes(setup, chosen) and not states_features(dump.provenance.format):
            # Nothing but a list of registers: the features that the user names are those of this very vCPU.
            chosen = msgspec.structs.replace(chosen, setup=setup)
    found = kernel_of(dump) if kernel is not None else asked_kernel(dump, chosen)
    policy = kernel or found.policy
    assert policy is not None
    may_be = found.candidates if named is None else named.candidates
    if setup is None and vmm.own_rule:
        there = host_of(dump) or (None if chosen is None else _shown_host(chosen, policy))
        there = there and with_given(there, given)[0]
        made = vmm.made(Saved(asked.setup, stated), offers_of(there, setup_of(chosen) if chosen else None))
        asked = asked.by(made)
        chosen = next((v for v in fresh if _alike(setup_of(v), made.setup)), chosen)
        same = chosen is not None and _alike(setup_of(chosen), made.setup)
    else:
        same = setup in (None, chosen.setup if chosen else None)
    other_kernel = kernel is not None and found.policy is not None and kernel.version[:2] != found.policy.version[:2]
    seen = chosen if not other_kernel and same and (chosen is None or holds_whole_list(chosen)) else None

    def under(one: Policy) -> Destination:
        answer = _of_dump(dump, chosen, seen, one, found, like, asked)
        return msgspec.structs.replace(answer, provenance=dump.provenance)

    return _under_each(policy, may_be, under)


def _of_dump(
    dump: Dump,
    chosen: Vcpu | None,
    seen: Vcpu | None,
    policy: Policy,
    own: OwnKernel,
    like: Vcpu,
    asked: _Asked,
) -> Destination:
    """The destination that a dump shows, under `policy`. `seen`: the vCPU that it shows as it would be created."""
    note, doubts = (own.note, own.doubts) if asked.given.kernel is None else ("", ())
    if seen is not None:
        answer = _fresh(dump, seen, policy, note, like, asked)
        if dump.one_vm and differing_id_registers(dump):
            fresh = [v for v in dump.vcpus if v.kind == "vcpu" and v.ids]
            each = tuple(_fresh(dump, v, policy, "", like, asked) for v in fresh)
            answer = msgspec.structs.replace(answer, unlike=each)
        return msgspec.structs.replace(answer, notes=(*doubts, *answer.notes))
    label = one_line(f"{dump.provenance.source}: host {dump.provenance.host}".strip(": "))
    label = f"{label} under {describe_policy(policy)}"
    behind = host_of(dump) or (el0_host_of(dump) if chosen is None else None)
    if behind is not None:
        return _modelled(asked, behind, policy, label, note)
    if chosen is None:
        hint = "a list of ids has no values: `compare` shows the differences of two lists"
        known = "" if not any(v.kind == "list" for v in dump.vcpus) else hint
        raise InspectorError("holds neither a vCPU nor a host's registers", dump.provenance.source, known)
    return _like_vcpu(dump, chosen, policy, own.policy, label, asked)


def _asked(given: Given, like: Vcpu, vmm: Vmm) -> _Asked:
    own = setup_of(like, vmm.family)
    setup = given.setup(own)
    named = setup is not None and msgspec.structs.replace(setup, gic=own.gic) != own
    why = "as asked (--features, --gic)" if setup is not None else "as the saved vCPU"
    return _Asked(setup or own, given, named, vmm, why)


def _shown_host(vcpu: Vcpu, policy: Policy | None) -> HostState | None:
    """What a vCPU shows of its host."""
    return None if policy is None else _shown_to(vcpu, policy)


def _alike(one: VcpuSetup, other: VcpuSetup) -> bool:
    """True when two vCPUs list the same registers: the power state and what leaves no mark aside."""
    apart = int(Feature.POWER_OFF)
    return one.features | apart == other.features | apart and one.mte == other.mte and one.gic == other.gic


def describes(setup: VcpuSetup, vcpu: Vcpu) -> bool:
    """True when a vCPU with the features of `setup` would list what `vcpu` lists."""
    listed = setup_of(vcpu)
    return (setup.features ^ listed.features) & LISTED_FEATURES == 0 and setup.mte == listed.mte


def _fresh(dump: Dump, vcpu: Vcpu, policy: Policy, note: str, like: Vcpu, asked: _Asked) -> Destination:
    """A destination whose own fresh values are the limits that KVM checks against.

    Which old values it tolerates depends on the host behind it: raw registers where the dump has them, else what the
    saved vCPU `like` shows of the same processor.
    """
    from inspector.kvm.inference.fresh import fresh_vm

    setup = asked.under(policy, setup_of(vcpu))
    label = one_line(f"{dump.provenance.source}: vCPU {vcpu.label} under {describe_policy(policy)}")
    raw = host_of(dump)
    known = raw or _shown_to(vcpu, policy)
    behind, _ = with_given(raw or _filled(known, vcpu, like), asked.given)
    host, assumed = with_given(known, asked.given)
    unread = tuple(reg_id for reg_id in vcpu.ids if reg_id not in vcpu.values)
    return Destination(
        label=label,
        policy=policy,
        setup=setup,
        listed=frozenset(vcpu.ids),
        values=vcpu.values,
        build=lambda count: fresh_vm(vcpu.values, policy, setup, vcpus=count, host=behind, unread=unread),
        host=host,
        notes=assumed,
        cpus=dump.cpus,
        kernel_note=note,
        why=asked.why if asked.vmm.own_rule else "as the destination's dump shows",
        unsure=asked.unsure,
        left_out=_always_listed(host, policy, setup) - frozenset(vcpu.ids),
    )


def host_behind(dump: Dump, vcpu: Vcpu, like: Vcpu, policy: Policy) -> HostState:
    """The host of a fresh `vcpu`: its raw registers where `dump` has them, else what both vCPUs show of it."""
    return host_of(dump) or _filled(_shown_to(vcpu, policy), vcpu, like)


def _filled(known: HostState, vcpu: Vcpu, like: Vcpu) -> HostState:
    return _with_counters(fill_unknown(known, like.values)[0], vcpu)


def _always_listed(host: HostState, policy: Policy, setup: VcpuSetup) -> frozenset[int]:
    """What KVM lists for every vCPU of this kernel and of these features, whatever the host."""
    return frozenset(i for i in expose(host, policy, setup).listed if class_of(i) == CLASS_CORE or i in TIMERS)


def _with_counters(host: HostState, vcpu: Vcpu) -> HostState:
    """`host` with the number of PMU counters (PMCR_EL0.N), which no kernel hides from a vCPU with a PMU."""
    if PMCR_EL0 not in vcpu.values or PMCR_EL0 in host.values:
        return host
    return msgspec.structs.replace(host, values=dict(host.values) | {PMCR_EL0: vcpu.values[PMCR_EL0]})


def _like_vcpu(
    dump: Dump, vcpu: Vcpu, policy: Policy, own: Policy | None, label: str, asked: _Asked
) -> Destination:  # fmt: skip
    """The machine that `vcpu` runs on, as far as its registers show it, under another kernel."""
    doubts: tuple[str, ...] = ()
    if own is None:
        inferred = own_kernel(dump, vcpu)
        own, doubts = inferred.policy or policy, inferred.doubts
    if not holds_whole_list(vcpu):
        doubts = (*doubts, f"{len(vcpu.ids)} registers of a vCPU are no whole list: what KVM lists there is modelled")
    host, notes = _shown_machine(vcpu, own, doubts)
    return _noted(notes, _modelled(asked, host, policy, label))


def _shown_to(vcpu: Vcpu, own: Policy) -> HostState:
    """The host as the kernel `own` showed it to `vcpu`."""
    from inspector.kvm.inference.vcpu import from_vcpu  # most dumps hold the host's own values

    return from_vcpu(vcpu.values, setup_of(vcpu), own)


def _shown_machine(vcpu: Vcpu, own: Policy, doubts: tuple[str, ...]) -> tuple[HostState, tuple[str, ...]]:
    """The host as the kernel `own` showed it to `vcpu`, with notes; `doubts`: about that kernel."""
    hidden = f"the host is known only as {describe_policy(own)} showed it to this vCPU: what that kernel hid is unknown"
    return _with_counters(_shown_to(vcpu, own), vcpu), (*doubts, hidden)


def _noted(notes: Sequence[str], destination: Destination) -> Destination:
    """The destination with these notes before its own."""
    if not notes:
        return destination
    return msgspec.structs.replace(destination, notes=tuple(one_line(n) for n in (*notes, *destination.notes)))


def _modelled(asked: _Asked, host: HostState, policy: Policy, label: str, note: str = "") -> Destination:
    given, assumed = with_given(host, asked.given)
    setup = asked.under(policy, asked.setup)
    answer = modelled(given, policy, setup, label, note, asked=asked.named)
    refused = _refused(setup, answer.setup) if asked.required else ()
    return msgspec.structs.replace(
        answer, notes=(*answer.notes, *assumed), why=asked.why, unsure=asked.unsure, refused=refused
    )


def _refused(wanted: VcpuSetup, got: VcpuSetup) -> tuple[str, ...]:
    return tuple(one.word for one in FEATURES if wanted.includes(one) and not got.includes(one))


def modelled(
    host: HostState, policy: Policy, setup: VcpuSetup, label: str, note: str = "", *, asked: bool = False
) -> Destination:
    """The destination that the model makes of a host under `policy`.

    Features of `setup` that the host or the kernel cannot give are left out, as a VMM does that asks KVM first; where
    the user `asked` for them, InspectorError says that no such vCPU can be created.
    """
    exposure, setup, lacking = created(host, policy, setup, label, asked=asked)
    return showing(exposure, host, setup, label, note, lacking)


def created(
    host: HostState, policy: Policy, setup: VcpuSetup, label: str, *, asked: bool = False
) -> tuple[Exposure, VcpuSetup, tuple[str, ...]]:
    """What a vCPU shows there, with which features it is created, and which of them cannot be given; see `modelled`.

    Raises CreationError where none can be created, with whatever features.
    """
    exposure = expose(host, policy, setup)
    if not vcpu_init(exposure):
        return exposure, setup, ()
    lacking = lacking_features(exposure)
    if asked or not lacking or exposure.host.kvm_mode == "none":
        refuse_creation(exposure, label)
    for word in lacking:
        setup = setup.without(feature_of(word))
    exposure = expose(host, policy, setup)
    refuse_creation(exposure, label)  # no feature is to blame: there is no vGICv3, for one
    return exposure, setup, tuple(lacking)


def showing(
    exposure: Exposure, host: HostState, setup: VcpuSetup, label: str, note: str = "", lacking: Sequence[str] = ()
) -> Destination:
    """The destination whose `host` shows a vCPU of `setup` what `exposure` says; `lacking`: features it was denied."""
    policy = exposure.policy
    notes: tuple[str, ...] = ()
    if lacking:
        notes = (f"{one_line(label)} cannot give a vCPU {', '.join(lacking)}: it is created without",)
    return Destination(
        label=label,
        policy=policy,
        setup=setup,
        listed=exposure.listed_set,
        values=exposure.values,
        known={i: mask for i, mask in exposure.known.items() if mask & ALL != ALL},
        build=lambda count: Vm(host, policy, setup, vcpus=count, exposure=exposure),
        doubtful=frozenset(exposure.doubtful),
        host=host,
        kernel_note=note,
        notes=notes,
    )
