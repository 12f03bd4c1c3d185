"""Restore all vCPUs of a VM on a destination, and tell step by step how far the VMM comes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.checks.machine.destination import Destination
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN, Finding, RestoreStep, VcpuResult, Verdict
from inspector.checks.restore.steps import simulate
from inspector.checks.vmms.base import Vmm
from inspector.errors import InspectorError
from inspector.kvm.cases import Branch
from inspector.registers.encoding import CLASS_BITMAP, CLASS_FIRMWARE, split_id
from inspector.sources.consistency import identifies
from inspector.sources.dump import Vcpu

_FIRMWARE = (CLASS_FIRMWARE, CLASS_BITMAP)

Lengths = tuple[int, int, int]
"""vCPU, registers saved, registers of the destination"""


def restore(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, *, brief: bool = False) -> tuple[VcpuResult, ...]:
    """Every vCPU in turn, on one VM: what an earlier vCPU wrote VM-wide is there when the next one is restored.

    Where the destination's kernel may have several policies, each is asked, and what differs is uncertain. `brief`:
    only the findings that decide, for the verdict alone.
    """
    brief = brief and not target.others
    chosen = _restore(vcpus, target, rule, brief)
    if not target.others:
        return chosen
    from inspector.checks.restore.kernel_cases import merge_results

    others = (Branch(t.policy, _restore(vcpus, t, rule, brief)) for t in target.others)
    asked = [Branch(target.policy, chosen), *others]
    return tuple(
        merge_results([Branch(branch.policy, branch.answer[position]) for branch in asked])
        for position in range(len(vcpus))
    )


def _restore(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, brief: bool) -> tuple[VcpuResult, ...]:
    if not target.listed:
        raise InspectorError("holds no register that a VM could be restored to", target.label)
    if target.unlike:
        # Before 6.3 what KVM compares with depends on the core; newer kernels hold one value for the VM.
        each = [target.of_vcpu(position) for position in range(len(vcpus))]
        pairs = zip(vcpus, each, strict=True)
        return tuple(simulate(v, t, t.build(1).vcpu(0), rule, brief=brief) for v, t in pairs)
    vm = target.build(len(vcpus))
    return tuple(simulate(vcpu, target, vm.vcpu(at), rule, brief=brief) for at, vcpu in enumerate(vcpus))


def steps_of(rule: Vmm, results: Sequence[VcpuResult]) -> tuple[tuple[RestoreStep, ...], Lengths | None]:
    """The steps with their outcome; the numbers of the length check where that is what fails first.

    Every VMM restores vCPU after vCPU and gives up at the first that fails; QEMU makes all writes of that one.
    """
    steps: list[RestoreStep] = []
    lengths: Lengths | None = None
    going = True
    for result in results:
        for step in _steps_of_one(rule, result):
            steps.append(step if going else msgspec.structs.replace(step, reached=False))
            if going and not step.passed and step.certain and step.name == "lengths":
                lengths = (result.index, result.source_count, result.destination_count)
            going = going and (step.passed or not step.certain)
    return tuple(steps), lengths


def verdict_of(rule: Vmm, results: Sequence[VcpuResult]) -> Verdict:
    """How the writes and comparisons end, remarks and the creation of the vCPU aside."""
    return verdict_from(steps_of(rule, results)[0])


def verdict_from(steps: Sequence[RestoreStep]) -> Verdict:
    """What fails for sure decides; what may fail leaves the answer open."""
    if any(not step.passed and step.certain for step in steps):
        return FAILS
    return LOADS if all(step.passed for step in steps) else UNCERTAIN


def _steps_of_one(rule: Vmm, result: VcpuResult) -> list[RestoreStep]:
    steps: list[RestoreStep] = []
    vcpu = result.index
    if rule.compares_lists:
        unknown = [f for f in result.findings if f.kind == "only_in_source"]
        least, most = result.destination_counts
        text = f"{result.source_count} registers saved, the destination has {result.destination_count}"
        text += f" (or {least} to {most}, by what is not known of it)" if least != most else ""
        fits = result.source_count <= least
        sure = result.source_count > most
        if rule.compares_lengths:
            steps.append(RestoreStep(name="lengths", vcpu=vcpu, passed=fits, text=text, certain=fits or sure))
        fatal = [f for f in unknown if f.fatal]
        sure = any(f.certain for f in fatal)
        steps.append(
            RestoreStep(
                name="ids", vcpu=vcpu, passed=not fatal, text=_ids_text(unknown, fatal), certain=sure or not fatal
            )
        )
    refused = [f for f in result.findings if f.fatal and (f.kind == "refused" or not rule.compares_lists)]
    unsure = [f for f in result.findings if f.kind == "uncertain"]
    doubtful = sum(not f.certain for f in refused)
    written = sum(f.kind in ("accepted", "changed", "refused", "uncertain") for f in result.findings)
    text = f"{written} values written, {len(refused) - doubtful or 'none'} refused"
    text += f", {len(unsure) + doubtful} uncertain" if unsure or doubtful else ""
    sure = any(f.certain for f in refused)
    passed = not refused and not any(case.errno for f in unsure for case in f.cases)
    name = "values" if rule.compares_lists else "writes"
    steps.append(RestoreStep(name=name, vcpu=vcpu, passed=passed, text=text, certain=passed or sure))
    return steps


def _ids_text(unknown: Sequence[Finding], fatal: Sequence[Finding]) -> str:
    if not unknown:
        return "every saved id exists on the destination"
    dropped = len(unknown) - len(fatal)
    lacked = sum(f.certain for f in fatal)
    parts = [f"{lacked} saved ids that the destination lacks"] if lacked else []
    parts += [f"{len(fatal) - lacked} that it may lack"] if len(fatal) > lacked else []
    parts += [f"{dropped} that it lacks are dropped"] if dropped else []
    return ", ".join(parts)


def distinct(vcpus: Sequence[Vcpu]) -> tuple[Vcpu, ...]:
    """One vCPU of each kind: those that agree in every register that KVM judges meet the same answers."""
    kinds: dict[tuple[object, ...], Vcpu] = {}
    for vcpu in vcpus:
        judged = tuple((i, v) for i, v in vcpu.values.items() if identifies(i) or split_id(i).cls in _FIRMWARE)
        kinds.setdefault((judged, frozenset(vcpu.values)), vcpu)
    return tuple(kinds.values())


def first_fatal(results: Sequence[VcpuResult]) -> Finding | None:
    """The register that fails the load first: vCPU after vCPU, each in its own order."""
    fatal = [f for result in results for f in result.findings if f.fatal]
    return next((f for f in fatal if f.certain), fatal[0] if fatal else None)


def loads(rule: Vmm, results: Sequence[VcpuResult]) -> bool:
    """True when every step passes."""
    return verdict_of(rule, results) == LOADS
