"""Which kernels, and which patches, would let the saved VM load on the destination's machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from inspector.checks.feature_groups import group_by_feature
from inspector.checks.machine.assumed import fill_unknown
from inspector.checks.machine.destination import Destination, created, showing
from inspector.checks.restore.creation import ending
from inspector.checks.restore.result import LOADS, Finding, WayOut
from inspector.checks.restore.summary import restore
from inspector.checks.vmms.base import Vmm
from inspector.errors import CreationError
from inspector.kvm.creation import vcpu_init
from inspector.kvm.exposure import Exposure
from inspector.kvm.gates import gate_of
from inspector.kvm.host import HostState
from inspector.kvm.vm import Vm
from inspector.numbers import few_of
from inspector.policies.loader import combine, load_policy
from inspector.policies.model import Policy
from inspector.policies.points import patch_names, policy_names
from inspector.policies.series import series_of
from inspector.policies.setup import VcpuSetup
from inspector.progress import steps
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_SYSREG, class_of
from inspector.registers.ids import SVE_VLS
from inspector.sources.dump import Vcpu


def kernels_that_load(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, fatal: Sequence[Finding]) -> list[WayOut]:
    """The releases under which the whole restore passes; where there is none, those that settle a part of it."""
    if target.host is None:
        return []
    ids = tuple(dict.fromkeys(f.id for f in fatal))
    host, assumed = _machine(vcpus, target.host, target, rule, ids)
    names = policy_names()
    whole: list[str] = []
    unkept: list[int] = []
    stopped: dict[int, None] = {}
    """what stopped the restore under another kernel; most kernels after or before it stop it as well"""
    for policy, alike in steps("asking which kernels load it", distinct_kernels(names)):
        possible = _created(host, policy, target)
        if possible is None:
            continue
        exposure, setup = possible
        if any(taken is False for _, taken in _answers(vcpus, exposure, rule, (*ids, *stopped))):
            continue
        if len(_settled(vcpus, exposure, setup, rule, ids)) < len(ids):
            continue
        if lacking := _lacking(vcpus, exposure, rule):
            stopped |= dict.fromkeys(lacking)
            continue
        there = showing(exposure, host, setup, "")
        results = restore(vcpus, there, rule, brief=True)
        if ending(vcpus, there, rule, results) == LOADS:
            whole += alike
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
    settled: dict[str, frozenset[int]] = {}
    for policy, alike in distinct_kernels(names):
        possible = _created(host, policy, target)
        good = frozenset[int]() if possible is None else _settled(vcpus, *possible, rule, ids)
        settled |= dict.fromkeys(alike, good)
    return _partial(fatal, settled, names, if_alike)


def _created(host: HostState, policy: Policy, target: Destination) -> tuple[Exposure, VcpuSetup] | None:
    """What a vCPU like the destination's shows under another kernel; None where that creates none."""
    try:
        exposure, setup, _ = created(host, policy, target.setup, "")
    except CreationError:
        return None
    return exposure, setup


def _machine(
    vcpus: Sequence[Vcpu], host: HostState, target: Destination, rule: Vmm, ids: Sequence[int]
) -> tuple[HostState, bool]:
    """The destination's machine with the unknown bits of `host` filled in, and whether some were assumed.

    From the saved vCPU, but for registers of which the model would then take under the destination's own kernel what
    its dump shows refused: of these the dump's own values are nearer to the machine.
    """
    filled, assumed = fill_unknown(host, vcpus[0].values)
    exposure, setup, _ = created(filled, target.policy, target.setup, "")
    wrong = [i for i in _settled(vcpus, exposure, setup, rule, ids) if i in target.values]
    if not wrong:
        return filled, assumed
    return fill_unknown(host, {**vcpus[0].values, **{i: target.values[i] for i in wrong}})


def distinct_kernels(names: Iterable[str]) -> list[tuple[Policy, list[str]]]:
    """The policies of these names, each with the neighbours that do the same: what is asked of one is asked of all."""
    every = ((load_policy(name), name) for name in names)
    runs = (list(run) for _, run in groupby(every, key=lambda one: one[0].does))
    return [(run[0][0], [name for _, name in run]) for run in runs]


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
    return f"these values are not kept under all of them: {few_of(names, 4)}"


def _lacking(vcpus: Sequence[Vcpu], exposure: Exposure, rule: Vmm) -> list[int]:
    """Saved system registers that the destination does not list and the VMM does not drop: none of them loads."""
    pairs = {(i, vcpu.values[i]) for vcpu in vcpus for i in vcpu.values.keys() - exposure.listed_set}
    return [i for i, value in pairs if class_of(i) == CLASS_SYSREG and not rule.tolerates(i, value)]


def _answers(
    vcpus: Sequence[Vcpu], exposure: Exposure, rule: Vmm, ids: Iterable[int]
) -> Iterator[tuple[int, bool | None]]:
    """Registers, each with whether the destination takes or drops a value of it; None where only a VM tells."""
    for reg_id, value in dict.fromkeys((i, vcpu.values[i]) for i in ids for vcpu in vcpus if i in vcpu.values):
        yield reg_id, _answer(exposure, rule, reg_id, value)


def _answer(exposure: Exposure, rule: Vmm, reg_id: int, value: int) -> bool | None:
    if not exposure.lists(reg_id):
        return rule.tolerates(reg_id, value)
    if reg_id == SVE_VLS and rule.finalises_first:
        return False  # an order of the program's own calls, of no kernel
    gate = gate_of(exposure, reg_id)
    return True if gate is None else gate.takes(value)


def _settled(
    vcpus: Sequence[Vcpu], exposure: Exposure, setup: VcpuSetup, rule: Vmm, ids: Iterable[int]
) -> frozenset[int]:
    """Those of `ids` that a fresh VM takes from every vCPU."""
    known = tuple(_answers(vcpus, exposure, rule, ids))
    if all(taken is not None for _, taken in known) and not vcpu_init(exposure, len(vcpus)):
        return frozenset(ids).difference(reg_id for reg_id, taken in known if not taken)
    vm = Vm(exposure.host, exposure.policy, setup, len(vcpus), exposure=exposure)
    exists = exposure.listed_set
    good = set(ids)
    for position, vcpu in enumerate(vcpus):
        vm.vcpu(position).finalised = rule.finalises_first
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
    host, assumed = _machine(vcpus, target.host, target, rule, refused)
    # What the model of the machine takes without a patch, the patch does not settle: the dump shows that it is refused.
    exposure, setup, _ = created(host, target.policy, target.setup, "")
    unpatched = _settled(vcpus, exposure, setup, rule, refused)
    ways = []
    for patch in patch_names():
        if patch in target.policy.patches:
            continue
        policy = combine(target.policy, [patch])
        exposure, setup, _ = created(host, policy, target.setup, "")
        good = _settled(vcpus, exposure, setup, rule, refused) - unpatched
        if good:
            vm = Vm(host, policy, setup, exposure=exposure)
            ways.append(_patch_way(patch, policy, good, fatal, assumed, _read_back(vcpus[0], vm, good)))
    most = max((len(way.ids) for way in ways), default=0)
    return [way for way in ways if len(way.ids) == most]


def _read_back(vcpu: Vcpu, vm: Vm, ids: Iterable[int]) -> str:
    """What the guest then reads of the registers that a patch makes acceptable to a fresh `vm`."""
    model = vm.vcpu(0)
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
