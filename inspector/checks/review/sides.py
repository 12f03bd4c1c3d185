"""The two sides of a review: a kernel policy, a recording, or a machine of the lab, each as a fresh vCPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from inspector import sources
from inspector.checks.machine.destination import Destination, destination_for, modelled
from inspector.checks.machine.machine import machine
from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import describe_policy
from inspector.errors import InspectorError, PolicyError
from inspector.kvm.cases import candidates_of, left_out
from inspector.policies.model import Policy
from inspector.policies.release import choose
from inspector.policies.setup import EVERYTHING, parse_features
from inspector.registers.bits import ALL
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.live import is_live, open_live
from inspector.sources.live.laboratory import PREFIX, Lab
from inspector.sources.live.source import LiveOptions
from inspector.untrusted import Untrusted

FEATURES = ("qemu", "none", "all")
"""Words for feature sets besides lists: what QEMU chooses on the host, none, and everything that goes together."""
PATIENT = 300.0
"""Seconds that a question to the lab may take."""
MOST = 6
"""Policies of one kernel that are compared at most: with those of the other side they make pairs."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel on one host: a fresh vCPU there, and what asks KVM about writes."""

    label: str
    cpu: str
    dump: Dump
    """one vCPU with the values that a fresh one has; what is not known of it is left out"""
    known: Mapping[int, int] = {}
    """register id -> known bits, for those that are known only in part"""
    destination: Destination
    lab: Lab | None = None
    """asks the real kernel; None: the model answers"""
    policy: Policy
    """what the model asks: the chosen policy"""
    variants: tuple[Side, ...] = ()
    """the same kernel under each other policy that it may be"""
    notes: tuple[str, ...] = ()

    @property
    def each(self) -> tuple[Side, ...]:
        """Under each policy that it may be, the chosen one first, each with that policy alone."""
        return (msgspec.structs.replace(self, variants=()), *self.variants)

    @property
    def merged(self) -> Destination:
        """What is restored on: where the policies differ, the model's answer is uncertain."""
        others = tuple(variant.destination for variant in self.variants)
        return msgspec.structs.replace(self.destination, others=others) if others else self.destination

    @property
    def vcpu(self) -> Vcpu:
        """The fresh vCPU."""
        return self.dump.vcpus[0]

    @property
    def real(self) -> bool:
        """Whether a real kernel answered."""
        return self.lab is not None or self.dump.provenance.format == "kvm-recording"


def kernel_side(
    named: str, policy: Policy, cpu: str, host: Dump, features: str, candidates: Sequence[Policy] = ()
) -> Side:
    """A policy on a host. Raises InspectorError where KVM would not create such a vCPU.

    `candidates`: every policy that the kernel may have, where there are several.
    """
    policies = candidates_of(policy, candidates, MOST)
    side, *variants = (_modelled(named, one, cpu, host, features) for one in policies)
    spared = left_out(policy, candidates, MOST)
    return msgspec.structs.replace(side, variants=tuple(variants), notes=(spared,) if spared else ())


def _modelled(named: str, policy: Policy, cpu: str, host: Dump, features: str) -> Side:
    found = machine(host, Given(policy))
    label = f"{describe_policy(policy)} on {cpu}"
    wanted = EVERYTHING if features == "all" else features
    setup = found.setup if features == "qemu" else parse_features(wanted, gic=found.setup.gic)
    target = modelled(found.host, policy, setup, label, asked=features not in FEATURES)
    return Side(
        label=label, cpu=cpu, dump=dump_of(target, named), known=target.known, destination=target, policy=policy
    )


def dump_of(target: Destination, kernel: str) -> Dump:
    """A fresh vCPU of a modelled destination as a dump; registers of which nothing is known are left out."""
    values = {i: v for i, v in target.values.items() if target.known.get(i, ALL)}
    about = Provenance(source=target.label, format="model", kernel=Untrusted(kernel))
    return Dump(provenance=about, vcpus=(Vcpu(index=0, values=values, setup=target.setup),))


def is_source(text: str) -> bool:
    """Whether a side is a recording or a machine of the lab rather than a policy."""
    if is_live(text):
        return True
    if text.endswith(".toml"):
        return False
    try:
        choose(text)
    except PolicyError:
        return True
    return False


def source_side(text: str, cpu: str, features: str) -> Side:
    """A recording or a machine of the lab. Raises InspectorError for what is neither, or has no such vCPU."""
    if text.startswith(PREFIX):
        asked = {"qemu": "qemu", "all": "qemu", "none": "psci"}.get(features, features)
        address = text if ",cpu=" in text or not cpu else f"{text},cpu={cpu}"
        lab = open_live(address, LiveOptions(timeout=PATIENT, features=asked))
        assert isinstance(lab, Lab)
        return _read(lab.read(), address, lab.cpu, lab)
    if is_live(text):
        raise InspectorError("cannot be reviewed", text, "a policy, a recording or lab:KERNEL")
    dump = sources.load(text)
    wanted = None if features in FEATURES else parse_features(features).features
    chosen = [v for v in dump.vcpus if v.values and (wanted is None or (v.setup and v.setup.features == wanted))]
    if not chosen:
        raise InspectorError(f"holds no vCPU with features {features}", text, "see `vcpu-inspector show` for its vCPUs")
    best = chosen[0] if features == "none" else max(chosen, key=lambda v: len(v.values))
    one = msgspec.structs.replace(dump, vcpus=(msgspec.structs.replace(best, index=0),), one_vm=False)
    return _read(one, text, dump.provenance.host.shown or cpu, None)


def _read(dump: Dump, label: str, cpu: str, lab: Lab | None) -> Side:
    if not dump.vcpus:
        raise InspectorError("made no vCPU", label, "; ".join(dump.notes) or "see `vcpu-inspector show`")
    one = msgspec.structs.replace(dump, vcpus=dump.vcpus[:1])
    target = destination_for(one, one, Given(vmm="qemu"))  # with the other policies that its kernel may have
    return Side(label=label, cpu=cpu, dump=one, destination=target, lab=lab, policy=target.policy)
