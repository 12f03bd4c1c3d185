"""Which kernel a dump was made under: as it says itself, or as its register list betrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from inspector.checks.vmms.table import find_vmm
from inspector.errors import PolicyError
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_FIRMWARE, class_of, is_demux
from inspector.sources.consistency import identifies

if TYPE_CHECKING:
    from inspector.policies.model import Policy
    from inspector.policies.setup import VcpuSetup
    from inspector.sources.dump import Dump, Vcpu


def describe_policy(policy: Policy) -> str:
    """`Linux 6.12`; a policy of the user's own keeps its name."""
    return f"Linux {policy.name}" if policy.name[:1].isdigit() else policy.name


class OwnKernel(NamedTuple):
    """The kernel that a dump names."""

    policy: Policy | None = None
    """None when it names none"""
    note: str = ""
    """how sure the choice of the policy is"""
    doubts: tuple[str, ...] = ()
    """behaviours on which the known releases around it differ, one sentence each"""


def kernel_of(dump: Dump) -> OwnKernel:
    """The policy of the kernel under which the dump was made; none where its release means nothing."""
    from inspector.policies.release import choose

    release = dump.provenance.kernel
    if not release:
        return OwnKernel()
    try:
        choice = choose(release, dump.provenance.kernel_version, said_by_file=True)
    except PolicyError as error:
        return OwnKernel(doubts=(str(error),))
    return OwnKernel(choice.policy, choice.explanation, (*choice.warnings, *choice.doubts()))


def nearest_vcpu(vcpus: Sequence[Vcpu], like: Vcpu) -> Vcpu:
    """The vCPU whose register list differs least from that of `like` (as QEMU sees it); the first of equals."""
    rule = find_vmm("qemu")
    wanted = {i for i in like.values if rule.keeps(i)}
    return min(vcpus, key=lambda v: len(wanted ^ {i for i in v.ids if rule.keeps(i)}))


@lru_cache(maxsize=64)
def _list_under(name: str, setup: VcpuSetup) -> frozenset[int]:
    """What KVM of policy `name` lists for a vCPU of `setup`, core and SVE registers left out."""
    from inspector.kvm.exposure import expose
    from inspector.kvm.host import from_raw
    from inspector.policies.loader import load_policy

    rule = find_vmm("qemu")
    listed = expose(from_raw({}), load_policy(name), setup).listed
    return frozenset(i for i in listed if rule.keeps(i))


def guess_kernel(values: Mapping[int, int], setup: VcpuSetup) -> Policy:
    """The kernel that fits `values` best; of equals the newest, which is the one that hides most.

    A saved VM does not name its kernel, but releases add and drop registers, and cap or hide fields: first the list
    counts, then how many ID and firmware registers the kernel could not have shown so. Newest is the careful choice:
    what it hides is then treated as unknown.
    """
    from inspector.policies.loader import load_policy, policy_names

    rule = find_vmm("qemu")
    mine = frozenset(i for i in values if rule.keeps(i) and not is_demux(i))
    distances = {}
    for name in policy_names():
        listed = frozenset(i for i in _list_under(name, setup) if not is_demux(i))
        distances[name] = len(mine ^ listed) + _cache_distance(values, name)
    nearest = min(distances.values())
    policies = [load_policy(name) for name, distance in distances.items() if distance == nearest]
    return min(reversed(policies), key=lambda policy: _impossible_values(values, setup, policy))


def _impossible_values(values: Mapping[int, int], setup: VcpuSetup, policy: Policy) -> int:
    """How many ID and firmware registers a fresh vCPU of the same host would show otherwise under `policy`."""
    from inspector.kvm.exposure import expose
    from inspector.kvm.host import from_vcpu

    shown = expose(from_vcpu(values, setup, policy), policy, setup)
    known = shown.known
    wanted = [i for i in shown.values if i in values and (identifies(i) or class_of(i) == CLASS_FIRMWARE)]
    return sum((shown.values[i] ^ values[i]) & known.get(i, ALL) != 0 for i in wanted)


def _cache_distance(values: Mapping[int, int], name: str) -> int:
    """From 6.3 every vCPU has 14 CCSIDR registers; before, only those of real caches."""
    count = sum(1 for i in values if is_demux(i))
    release = tuple(int(part) for part in name.split(".")[:2])
    return abs(14 - count) if release >= (6, 3) else 20 * (count == 14)
