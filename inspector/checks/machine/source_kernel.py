"""Which kernel a dump was made under: as it says itself, else the one that its registers fit best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby

import msgspec

from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.errors import InspectorError, PolicyError, one_line
from inspector.policies.loader import load_policy
from inspector.policies.model import Policy
from inspector.policies.points import kernel_title, policy_names
from inspector.policies.release import choose
from inspector.policies.setup import VcpuSetup
from inspector.registers.bits import ALL
from inspector.registers.encoding import CLASS_FIRMWARE, class_of, is_demux
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import setup_of


def describe_policy(policy: Policy) -> str:
    """`Linux 6.12`, `Linux 7.3.4 in place of 99.5.1`; a policy of the user's own keeps its name."""
    name = kernel_title(policy.name)
    return f"{name} in place of {policy.stands_for}" if policy.stands_for else name


class OwnKernel(msgspec.Struct, frozen=True):
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
    """False for a kernel that was inferred from too few registers, or for a vCPU that no kernel ran, and does not
    answer for it: good for what it hides at most"""

    @property
    def asked(self) -> Policy | None:
        """The kernel to ask about the dump when the user names none."""
        return self.policy if self.shown else None


def kernel_of(dump: Dump) -> OwnKernel:
    """The kernel that the dump names; none where its release means nothing."""
    return _named(dump.provenance.kernel.raw, dump.provenance.kernel_version.raw)


@lru_cache(maxsize=64)
def _named(release: str, version: str) -> OwnKernel:
    """The kernel of a release that a file names: no path is followed, so that it is always the same."""
    if not release:
        return OwnKernel()
    try:
        choice = choose(release, version, said_by_file=True)
    except PolicyError as error:
        return OwnKernel(doubts=(str(error),))
    doubts = (*choice.warnings, *choice.doubts())
    return OwnKernel(choice.policy, choice.explanation, doubts, choice.candidates)


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
    why = _not_by_kvm(dump)
    ran = f" and {why}" if why else ""
    doubt = one_line(f"{dump.provenance.source} names no kernel{ran}; {nearest}")
    listed = _list_under(fitting[0].point, setup_of(saved))
    shown = not why and 2 * len(listed.intersection(saved.values)) > len(listed)
    return OwnKernel(fitting[0], "", (*named.doubts, doubt), fitting[::-1] if fitting[1:] else (), shown)


def asked_kernel(dump: Dump, vcpu: Vcpu | None = None) -> OwnKernel:
    """The kernel to ask about a dump when the user names none: `own_kernel`, where the dump shows enough of it.

    Raises InspectorError when it does not.
    """
    own = own_kernel(dump, vcpu)
    if own.asked is None:
        few = f"names no kernel and {_not_by_kvm(dump) or 'holds too few registers of one'}"
        what = "does not name its kernel" if own.policy is None else few
        raise InspectorError(what, dump.provenance.source, "choose one (--kernel K)")
    return own


def emulated_by(dump: Dump) -> str:
    """Words for what ran the vCPUs of a dump instead of KVM: no kernel made their values. Empty for KVM's."""
    ran = {"tcg": "was emulated by QEMU (TCG), not run by KVM", "hvf": "was run by HVF or WHPX, not by KVM"}
    return ran.get(dump.provenance.accelerator, "")


def _not_by_kvm(dump: Dump) -> str:
    """Words for a dump whose list of registers no KVM made; empty for others."""
    return emulated_by(dump) or _debugged(dump)


def _debugged(dump: Dump) -> str:
    """Words for a live source that names no kernel, which is a gdbstub's: QEMU lists there what its own emulation of
    the CPU has (target/arm/gdbstub.c, arm_gen_dynamic_sysreg_feature), under KVM too. Empty for others."""
    about = dump.provenance
    live = not about.kernel.raw and "live" in (about.format, about.origin_format.raw)
    return "was read through a debugger, whose list is not KVM's" if live else ""


def nearest_vcpu(vcpus: Sequence[Vcpu], like: Vcpu) -> Vcpu:
    """The vCPU whose register list differs least from that of `like` (as QEMU sees it); the first of equals."""
    if len(vcpus) == 1:
        return vcpus[0]
    from inspector.checks.vmms.table import find_vmm

    rule = find_vmm("qemu")
    wanted = {i for i in like.values if rule.keeps(i)}
    return min(vcpus, key=lambda v: len(wanted ^ {i for i in v.ids if rule.keeps(i)}))


@lru_cache(maxsize=512)
def _list_under(name: str, setup: VcpuSetup) -> frozenset[int]:
    """What KVM of policy `name` lists for a vCPU of `setup`, core and SVE registers left out."""
    from inspector.checks.vmms.table import find_vmm
    from inspector.kvm.exposure import expose  # a dump that names its kernel is opened without what answers for it
    from inspector.kvm.host import from_raw

    rule = find_vmm("qemu")
    return frozenset(filter(rule.keeps, expose(from_raw({}), load_policy(name), setup).listed_set))


def fitting_kernels(values: Mapping[int, int], setup: VcpuSetup) -> tuple[Policy, ...]:
    """The kernels that fit `values` best, the newest first: it is the one that hides most.

    A saved VM does not name its kernel, but releases add and drop registers, and cap or hide fields: first the list
    counts, then how many ID and firmware registers the kernel could not have shown so. Newest is the careful choice:
    what it hides is then treated as unknown.
    """
    from inspector.checks.vmms.table import find_vmm

    rule = find_vmm("qemu")
    mine, caches = frozenset(filter(rule.keeps, values)), sum(map(is_demux, values))
    # Kernels that follow each other and do the same are asked once.
    runs = [tuple(run) for _, run in groupby(map(load_policy, policy_names()), key=lambda policy: policy.does)]
    distances = []
    for policy, *_ in runs:
        unlike = mine ^ _list_under(policy.name, setup)
        distances.append(sum(not is_demux(i) for i in unlike) + _cache_distance(caches, policy))
    nearest = [run for run, distance in zip(runs, distances, strict=True) if distance == min(distances)]
    wrong = [_impossible_values(values, setup, run[0]) for run in nearest]
    fitting = [run for run, count in zip(nearest, wrong, strict=True) if count == min(wrong)]
    return tuple(policy for run in fitting for policy in run)[::-1]


def _impossible_values(values: Mapping[int, int], setup: VcpuSetup, policy: Policy) -> int:
    """How many ID and firmware registers a fresh vCPU of the same host would show otherwise under `policy`."""
    from inspector.kvm.exposure import expose
    from inspector.kvm.inference.vcpu import from_vcpu
    from inspector.sources.consistency import identifies

    shown = expose(from_vcpu(values, setup, policy), policy, setup)
    known = shown.known
    wanted = [i for i in shown.values if i in values and (identifies(i) or class_of(i) == CLASS_FIRMWARE)]
    return sum((shown.values[i] ^ values[i]) & known.get(i, ALL) != 0 for i in wanted)


def _cache_distance(count: int, policy: Policy) -> int:
    """How far a number of CCSIDR registers is from what a kernel lists: 14 where it makes them up, else fewer."""
    from inspector.policies.rulebook import rulebook

    made_up = rulebook(policy).variant("cache-registers") == "fabricated"
    return abs(14 - count) if made_up else 20 * (count == 14)
