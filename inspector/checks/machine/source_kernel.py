"""Which kernel a dump was made under: as it says itself, else the one that its registers fit best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from inspector.checks.vmms.table import find_vmm
from inspector.errors import InspectorError, PolicyError, one_line
from inspector.kvm.exposure import expose
from inspector.kvm.host import from_raw
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.policies.loader import load_policy, policy_names
from inspector.policies.model import Policy, kernel_title
from inspector.policies.release import choose
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_FIRMWARE, class_of, is_demux
from inspector.sources.consistency import identifies
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import setup_of


def describe_policy(policy: Policy) -> str:
    """`Linux 6.12`, `Linux 7.3.4 in place of 99.5.1`; a policy of the user's own keeps its name."""
    name = kernel_title(policy.name)
    return f"{name} in place of {policy.stands_for}" if policy.stands_for else name


class OwnKernel(NamedTuple):
    """The kernel under which a dump was made."""

    policy: Policy | None = None
    """None when the dump does not name one, and nothing was inferred"""
    note: str = ""
    """how sure the choice of the policy is"""
    doubts: tuple[str, ...] = ()
    """behaviours on which the known releases around it differ, one sentence each; or that the kernel was inferred"""
    candidates: tuple[Policy, ...] = ()
    """every policy that it may be, where there are several"""
    shown: bool = True
    """False for a kernel that was inferred from too few registers to answer for it: good for what it hides at most"""

    @property
    def asked(self) -> Policy | None:
        """The kernel to ask about the dump when the user names none."""
        return self.policy if self.shown else None


def kernel_of(dump: Dump) -> OwnKernel:
    """The kernel that the dump names; none where its release means nothing."""
    release = dump.provenance.kernel.raw
    if not release:
        return OwnKernel()
    try:
        choice = choose(release, dump.provenance.kernel_version.raw, said_by_file=True)
    except PolicyError as error:
        return OwnKernel(doubts=(str(error),))
    doubts = (*choice.warnings, *choice.doubts())
    return OwnKernel(choice.policy, choice.explanation, doubts, choice.candidates)


def first_vcpu(dump: Dump) -> Vcpu | None:
    """The first vCPU whose values the dump holds; None when there is none."""
    return next((vcpu for vcpu in dump.vcpus if vcpu.kind == "vcpu" and vcpu.values), None)


def own_kernel(dump: Dump, vcpu: Vcpu | None = None) -> OwnKernel:
    """The kernel that the dump names, else the one whose register list is nearest to that of `vcpu` (default: the
    first). None where the dump has neither."""
    named, saved = kernel_of(dump), vcpu or first_vcpu(dump)
    if named.policy is not None or saved is None or not saved.values:
        return named
    fitting = fitting_kernels(saved.values, setup_of(saved))
    nearest = f"its register list is nearest to that of {describe_policy(fitting[0])}"
    if fitting[1:]:
        others = [describe_policy(policy) for policy in sorted(fitting[1:], key=lambda one: one.version)]
        nearest += f", and as near to {others[0]}" + f" to {others[-1].removeprefix('Linux ')}" * (len(others) > 1)
    doubt = one_line(f"{dump.provenance.source} names no kernel; {nearest}")
    listed = _list_under(fitting[0].point, setup_of(saved))
    shown = 2 * len(listed.intersection(saved.values)) > len(listed)
    return OwnKernel(fitting[0], "", (*named.doubts, doubt), fitting[::-1] if fitting[1:] else (), shown)


def asked_kernel(dump: Dump, vcpu: Vcpu | None = None) -> OwnKernel:
    """The kernel to ask about a dump when the user names none: `own_kernel`, where the dump shows enough of it.

    Raises InspectorError when it does not.
    """
    own = own_kernel(dump, vcpu)
    if own.asked is None:
        what = (
            "does not name its kernel" if own.policy is None else "names no kernel and holds too few registers of one"
        )
        raise InspectorError(what, dump.provenance.source, "choose one (--kernel K)")
    return own


def nearest_vcpu(vcpus: Sequence[Vcpu], like: Vcpu) -> Vcpu:
    """The vCPU whose register list differs least from that of `like` (as QEMU sees it); the first of equals."""
    if len(vcpus) == 1:
        return vcpus[0]
    rule = find_vmm("qemu")
    wanted = {i for i in like.values if rule.keeps(i)}
    return min(vcpus, key=lambda v: len(wanted ^ {i for i in v.ids if rule.keeps(i)}))


@lru_cache(maxsize=512)
def _list_under(name: str, setup: VcpuSetup) -> frozenset[int]:
    """What KVM of policy `name` lists for a vCPU of `setup`, core and SVE registers left out."""
    rule = find_vmm("qemu")
    return frozenset(filter(rule.keeps, expose(from_raw({}), load_policy(name), setup).listed_set))


def fitting_kernels(values: Mapping[int, int], setup: VcpuSetup) -> tuple[Policy, ...]:
    """The kernels that fit `values` best, the newest first: it is the one that hides most.

    A saved VM does not name its kernel, but releases add and drop registers, and cap or hide fields: first the list
    counts, then how many ID and firmware registers the kernel could not have shown so. Newest is the careful choice:
    what it hides is then treated as unknown.
    """
    rule = find_vmm("qemu")
    mine, caches = frozenset(filter(rule.keeps, values)), sum(map(is_demux, values))
    distances = {}
    for name in policy_names():
        unlike = mine ^ _list_under(name, setup)
        distances[name] = sum(not is_demux(i) for i in unlike) + _cache_distance(caches, name)
    nearest = min(distances.values())
    policies = [load_policy(name) for name, distance in distances.items() if distance == nearest]
    wrong = [_impossible_values(values, setup, policy) for policy in policies]
    return tuple(policy for policy, count in zip(policies, wrong, strict=True) if count == min(wrong))[::-1]


def _impossible_values(values: Mapping[int, int], setup: VcpuSetup, policy: Policy) -> int:
    """How many ID and firmware registers a fresh vCPU of the same host would show otherwise under `policy`."""
    shown = expose(from_vcpu(values, setup, policy), policy, setup)
    known = shown.known
    wanted = [i for i in shown.values if i in values and (identifies(i) or class_of(i) == CLASS_FIRMWARE)]
    return sum((shown.values[i] ^ values[i]) & known.get(i, ALL) != 0 for i in wanted)


def _cache_distance(count: int, name: str) -> int:
    """How far a number of CCSIDR registers is from what a kernel lists: 14 where it makes them up, else fewer."""
    made_up = rulebook(load_policy(name)).variant("cache-registers") == "fabricated"
    return abs(14 - count) if made_up else 20 * (count == 14)
