"""Which kernels, and which patches, would let the saved VM load on the destination's machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from inspector.checks.assumed import fill_unknown
from inspector.checks.destination import Destination, modelled
from inspector.checks.findings import Finding, WayOut
from inspector.checks.verdicts import loads, restore
from inspector.checks.vmms import Vmm
from inspector.registers.catalog import by_id

if TYPE_CHECKING:
    from inspector.policies.model import Policy
    from inspector.sources.dump import Vcpu


def kernels_that_load(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, fatal: Sequence[Finding]) -> list[WayOut]:
    """The releases under which the whole restore passes; where there is none, those that settle a part of it."""
    from inspector.policies.loader import load_policy, policy_names

    if target.host is None:
        return []
    host, assumed = fill_unknown(target.host, vcpus[0].values)
    names = policy_names()
    settled: dict[str, frozenset[int]] = {}
    whole: list[str] = []
    ids = tuple(dict.fromkeys(f.id for f in fatal))
    for name in names:
        policy = load_policy(name)
        candidate = modelled(host, policy, target.setup, "")
        settled[name] = _settled(vcpus, candidate, rule, ids)
        if len(settled[name]) == len(ids) and loads(rule, restore(vcpus, candidate, rule)):
            whole.append(name)
    if_alike = ", where its processor has what the saved vCPU shows" if assumed else ""
    if whole:
        return [
            WayOut(
                kind="kernel",
                title=f"{_ranges(whole, names)} on the destination{if_alike}: loads it as it is",
                notices="nothing: every value is kept",
                ids=ids,
                settles_all=True,
            )
        ]
    lines = []
    helped: list[int] = []
    for reg_id in ids:
        good = [name for name in names if reg_id in settled[name]]
        if good:
            helped.append(reg_id)
            lines.append(f"{by_id(reg_id).name}: {_ranges(good, names)}")
    if not helped:
        return []
    return [
        WayOut(
            kind="kernel",
            title=f"no kernel loads all of it; kernels that take single values{if_alike}",
            how=tuple(lines[:12]) + ((f"... {len(lines) - 12} more",) if len(lines) > 12 else ()),
            ids=tuple(helped),
        )
    ]


def _settled(vcpus: Sequence[Vcpu], candidate: Destination, rule: Vmm, ids: Iterable[int]) -> frozenset[int]:
    """Those of `ids` that a VM on `candidate` takes from every vCPU."""
    vm = candidate.build(len(vcpus))
    good = set(ids)
    for position, vcpu in enumerate(vcpus):
        for reg_id in tuple(good):
            if reg_id not in vcpu.values:
                continue
            listed = reg_id in candidate.listed
            dropped = not listed and reg_id in rule.tolerates
            if not dropped and (not listed or vm.vcpu(position).set(reg_id, vcpu.values[reg_id]).errno):
                good.discard(reg_id)
    return frozenset(good)


def _ranges(good: Sequence[str], names: Sequence[str]) -> str:
    """`Linux 5.10 to 6.2, 6.18 and newer`: runs of neighbours in the list of policies."""
    runs: list[tuple[str, str]] = []
    previous = -2
    for name in good:
        place = names.index(name)
        if place == previous + 1:
            runs[-1] = runs[-1][0], name
        else:
            runs.append((name, name))
        previous = place
    return "Linux " + ", ".join(_run(first, last, names) for first, last in runs)


def _run(first: str, last: str, names: Sequence[str]) -> str:
    a, b = _short(first, names, 0), _short(last, names, -1)
    if last == names[-1]:
        return f"{a} and newer" if first != last else a
    if first == names[0]:
        return f"up to {b}"
    return a if a == b else f"{a} to {b}"


def _short(name: str, names: Sequence[str], end: int) -> str:
    """`6.1` when `name` is the first (or last) known point of its series, so that the range covers the whole of it."""
    series = ".".join(name.split(".")[:2])
    points = [n for n in names if ".".join(n.split(".")[:2]) == series]
    return series if points[end] == name else name


def patches_that_help(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, fatal: Sequence[Finding]) -> list[WayOut]:
    """Shipped patches that, laid over the destination's kernel, settle what it refuses."""
    from inspector.policies.loader import combine, patch_names

    refused = tuple(dict.fromkeys(f.id for f in fatal if f.kind == "refused"))
    if not refused or target.host is None:
        return []
    host, assumed = fill_unknown(target.host, vcpus[0].values)
    ways = []
    for patch in patch_names():
        if patch in target.policy.patches:
            continue
        policy = combine(target.policy, [patch])
        candidate = modelled(host, policy, target.setup, "")
        good = _settled(vcpus, candidate, rule, refused)
        if good:
            ways.append(_patch_way(patch, policy, good, fatal, assumed))
    most = max((len(way.ids) for way in ways), default=0)
    return [way for way in ways if len(way.ids) == most]


def _patch_way(patch: str, policy: Policy, good: frozenset[int], fatal: Sequence[Finding], assumed: bool) -> WayOut:
    title = policy.title.rpartition(" + ")[2] or patch
    return WayOut(
        kind="patch",
        title=f"a destination kernel with the patch {patch}: {title}",
        how=(f"--kernel {policy.name}",),
        notices="the guest reads what the patched kernel shows after the restore; see the Patch screen"
        + (" (where the destination's processor has what the saved vCPU shows)" if assumed else ""),
        ids=tuple(sorted(good)),
        settles_all=good.issuperset(f.id for f in fatal),
    )
