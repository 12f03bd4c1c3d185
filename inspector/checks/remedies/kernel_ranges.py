"""Which kernels, and which patches, would let the saved VM load on the destination's machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.checks.feature_groups import group_by_feature
from inspector.checks.machine.assumed import fill_unknown
from inspector.checks.machine.destination import Destination, created, showing
from inspector.checks.restore.result import Finding, WayOut
from inspector.checks.restore.summary import loads, restore
from inspector.checks.vmms.base import Vmm
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates import gates
from inspector.kvm.vm import Vm
from inspector.policies.loader import combine, load_policy, patch_names, policy_names
from inspector.policies.model import Policy
from inspector.policies.series import series_of
from inspector.policies.setup import VcpuSetup
from inspector.registers.catalog import by_id
from inspector.sources.dump import Vcpu


def kernels_that_load(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, fatal: Sequence[Finding]) -> list[WayOut]:
    """The releases under which the whole restore passes; where there is none, those that settle a part of it."""
    if target.host is None:
        return []
    host, assumed = fill_unknown(target.host, vcpus[0].values)
    names = policy_names()
    whole: list[str] = []
    unkept: list[int] = []
    ids = tuple(dict.fromkeys(f.id for f in fatal))
    stopped: dict[int, None] = {}
    """what stopped the restore under another kernel; most kernels after or before it stop it as well"""
    for name in names:
        exposure, setup, _ = created(host, load_policy(name), target.setup, "")
        if not _may_settle(vcpus, exposure, rule, (*ids, *stopped)):
            continue
        if len(_settled(vcpus, exposure, setup, rule, ids)) < len(ids):
            continue
        results = restore(vcpus, showing(exposure, host, setup, ""), rule, brief=True)
        if loads(rule, results):
            whole.append(name)
            unkept += [f.id for r in results for f in r.findings if f.kind == "changed" and not f.expected]
        else:
            stopped |= dict.fromkeys(f.id for r in results for f in r.findings if f.fatal)
    if_alike = ", where its processor has what the saved vCPU shows" if assumed else ""
    if whole:
        return [
            WayOut(
                kind="kernel",
                title=f"{_ranges(whole, names)} on the destination{if_alike}: loads it as it is",
                notices=_unkept(unkept),
                ids=ids,
                settles_all=True,
            )
        ]
    settled = {}
    for name in names:
        exposure, setup, _ = created(host, load_policy(name), target.setup, "")
        settled[name] = _settled(vcpus, exposure, setup, rule, ids)
    return _partial(fatal, settled, names, if_alike)


def _partial(
    fatal: Sequence[Finding], settled: dict[str, frozenset[int]], names: Sequence[str], if_alike: str
) -> list[WayOut]:
    """Which kernels take single registers, where none takes all; registers that one feature brings are one line."""
    unknown = dict.fromkeys(f.id for f in fatal if f.kind == "only_in_source")
    refused = dict.fromkeys(f.id for f in fatal if f.kind == "refused")
    rows: list[tuple[str, tuple[int, ...]]] = [(by_id(i).name, (i,)) for i in refused]
    rows += [(f"{g.feature} ({len(g.ids)})", g.ids) for g in group_by_feature(unknown)]
    lines: list[str] = []
    helped: list[int] = []
    for name, ids in rows:
        good = [n for n in names if settled[n].issuperset(ids)]
        if good:
            helped += ids
            lines.append(f"{name}: {_ranges(good, names)}")
    if not helped:
        return []
    return [
        WayOut(
            kind="kernel",
            title=f"no kernel loads all of it; kernels that take a part{if_alike}",
            how=tuple(lines[:12]) + ((f"... {len(lines) - 12} more",) if len(lines) > 12 else ()),
            ids=tuple(helped),
        )
    ]


def _unkept(ids: Iterable[int]) -> str:
    names = list(dict.fromkeys(by_id(i).name for i in ids))
    if not names:
        return "nothing: every value is kept"
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"these values are not kept under all of them: {', '.join(names[:4])}{more}"


def _may_settle(vcpus: Sequence[Vcpu], exposure: Exposure, rule: Vmm, ids: Iterable[int]) -> bool:
    """False when a VM is not needed to know that some of `ids` is missing and not dropped there, or refused."""
    for reg_id, value in ((i, vcpu.values[i]) for i in ids for vcpu in vcpus if i in vcpu.values):
        if reg_id not in exposure.listed_set:
            if not rule.tolerates(reg_id, value):
                return False
        elif (gate := gates(exposure).find(reg_id)) is not None and gate.refuses(value):
            return False
    return True


def _settled(
    vcpus: Sequence[Vcpu], exposure: Exposure, setup: VcpuSetup, rule: Vmm, ids: Iterable[int]
) -> frozenset[int]:
    """Those of `ids` that a fresh VM takes from every vCPU."""
    vm = Vm(exposure.host, exposure.policy, setup, len(vcpus), exposure=exposure)
    exists = exposure.listed_set
    good = set(ids)
    for position, vcpu in enumerate(vcpus):
        for reg_id in tuple(good):
            if reg_id not in vcpu.values:
                continue
            listed = reg_id in exists
            dropped = not listed and rule.tolerates(reg_id, vcpu.values[reg_id])
            if not dropped and (not listed or vm.vcpu(position).set_one_reg(reg_id, vcpu.values[reg_id])):
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
    series = series_of(name)
    points = [n for n in names if series_of(n) == series]
    return series if points[end] == name else name


def patches_that_help(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, fatal: Sequence[Finding]) -> list[WayOut]:
    """Shipped patches that, laid over the destination's kernel, settle what it refuses."""
    refused = tuple(dict.fromkeys(f.id for f in fatal if f.kind == "refused"))
    if not refused or target.host is None:
        return []
    host, assumed = fill_unknown(target.host, vcpus[0].values)
    ways = []
    for patch in patch_names():
        if patch in target.policy.patches:
            continue
        policy = combine(target.policy, [patch])
        exposure, setup, lacking = created(host, policy, target.setup, "")
        good = _settled(vcpus, exposure, setup, rule, refused)
        if good:
            candidate = showing(exposure, host, setup, "", lacking=lacking)
            ways.append(_patch_way(patch, policy, good, fatal, assumed, _read_back(vcpus[0], candidate, good)))
    most = max((len(way.ids) for way in ways), default=0)
    return [way for way in ways if len(way.ids) == most]


def _read_back(vcpu: Vcpu, candidate: Destination, ids: Iterable[int]) -> str:
    """What the guest then reads of the registers that a patch makes acceptable."""
    model = candidate.build(1).vcpu(0)
    kept, other = [], []
    for reg_id in sorted(ids):
        model.set_one_reg(reg_id, vcpu.values[reg_id])
        value = model.get_one_reg(reg_id)[1]
        name = by_id(reg_id).name
        if value == vcpu.values[reg_id]:
            kept.append(name)
        elif value is not None:
            other.append(f"{name} 0x{value:x}")
    parts = [f"{', '.join(kept)} as saved"] if kept else []
    parts += [f"{', '.join(other)} instead of the saved value"] if other else []
    return f"it reads {' and '.join(parts)}"


def _patch_way(
    patch: str, policy: Policy, good: frozenset[int], fatal: Sequence[Finding], assumed: bool, notices: str
) -> WayOut:
    title = policy.title.rpartition(" + ")[2] or patch
    return WayOut(
        kind="patch",
        title=f"a destination kernel with the patch {patch}: {title}",
        how=(f"--kernel {policy.name}",),
        notices=notices + (", where the destination's processor has what the saved vCPU shows" if assumed else ""),
        ids=tuple(sorted(good)),
        settles_all=good.issuperset(f.id for f in fatal),
    )
