"""The vCPU that a VMM creates before it writes the first register, and the first run behind the last one: whether KVM
creates and runs it, and what is not known of it."""

from __future__ import annotations

import errno as _errno
from collections.abc import Sequence

from inspector.checks.machine.destination import Destination, modelled
from inspector.checks.restore.result import RestoreStep, VcpuResult, Verdict
from inspector.checks.restore.summary import restore, steps_of, verdict_from, verdict_of
from inspector.checks.vmms.base import Vmm
from inspector.errors import InspectorError
from inspector.kvm.boot_options import booted
from inspector.policies.setup import Feature, VcpuFeature, feature_of
from inspector.sources.dump import Vcpu
from inspector.sources.vcpu_setup import setup_of


def creation_step(
    vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, results: Sequence[VcpuResult]
) -> RestoreStep | None:
    """The step that fails, or of which it is not known whether it does; None where the vCPU is created as assumed."""
    first = vcpus[0].index
    if target.refused:
        names = " and ".join(feature_of(word).title for word in target.refused)
        text = f"KVM cannot create a vCPU with {names} there: {_errno.errorcode[_errno.EINVAL]} ({_errno.EINVAL})"
        return RestoreStep(name="creation", vcpu=first, passed=False, text=text)
    for feature in target.unsure:
        if text := _doubt(feature, vcpus, target, rule, results):
            return RestoreStep(name="creation", vcpu=first, passed=False, certain=False, text=text)
    return None


def file_step(tool: str, vcpu: int, rule: Vmm) -> RestoreStep | None:
    """The step that fails where the VMM does not read such a file at all; None where it does. `tool`: what wrote it."""
    text = rule.cannot_read(tool)
    return RestoreStep(name="file", vcpu=vcpu, passed=False, text=text) if text else None


def first_run_step(vcpus: Sequence[Vcpu], target: Destination) -> RestoreStep | None:
    """The step that fails where KVM takes every value and never runs the vCPU; None for a vCPU that can run.

    A vPMU without an in-kernel GIC runs as well: the VMM sets it up (KVM_ARM_VCPU_PMU_V3_INIT), which is no register.
    """
    host = target.host
    if host is None or not target.setup.has(Feature.EL1_32BIT) or target.refused:
        return None
    state = booted(host, target.policy)
    if state.has_aarch32 and state.aarch32_known:
        return None
    text = "KVM_RUN answers EINVAL (22): EL1 of the vCPU is AArch32, and the destination's host "
    text += "has no AArch32" if state.aarch32_known else "may have none, which is not known"
    return RestoreStep(name="first run", vcpu=vcpus[0].index, passed=False, certain=state.aarch32_known, text=text)


def ending(vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, results: Sequence[VcpuResult]) -> Verdict:
    """How a restore ends with its first run: what KVM takes and never runs fails as well."""
    steps, _ = steps_of(rule, results)
    run = first_run_step(vcpus, target)
    return verdict_from(steps if run is None else (*steps, run))


def _doubt(
    feature: VcpuFeature, vcpus: Sequence[Vcpu], target: Destination, rule: Vmm, results: Sequence[VcpuResult]
) -> str:
    """What changes if the host is the other way; empty where the restore ends alike."""
    if target.host is None:
        return ""
    try:
        other = modelled(target.host, target.policy, target.setup.toggled(feature.word), target.label)
        differs = verdict_of(rule, restore(vcpus, other, rule)) != verdict_of(rule, results)
    except InspectorError:
        return ""
    if not differs:
        return ""
    assumed = "with" if target.setup.includes(feature) else "without"
    return (
        f"whether the destination's host has {feature.title} is not known, and {rule.title} asks for it where it is: "
        f"the vCPU is taken as created {assumed} it, and the restore ends otherwise if it is not"
    )


def contradictions(vcpu: Vcpu, rule: Vmm) -> tuple[str, ...]:
    """Features that the saved vCPU shows and that no VMM of this rule asks for: another program made it."""
    if not rule.own_rule:
        return ()
    unasked = [
        feature_of(word).title
        for word in ("ptrauth", "sve", "pmu")
        if word in rule.never and setup_of(vcpu, rule.family).includes(feature_of(word))
    ]
    text = (
        f"the saved vCPU was created with {' and '.join(unasked)}, which {rule.title} never asks for: it was not saved "
        "by an unchanged one"
    )
    return (text,) if unasked else ()
