"""A Firecracker CPU template for VMs started from now on, so that their snapshots load on the destination."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.machine.source_kernel import kernel_of
from inspector.checks.remedies.trial import Candidate, Trial
from inspector.checks.restore.result import Finding, WayOut
from inspector.registers.encoding import hex_id, size_of
from inspector.sources.dump import Dump
from inspector.sources.vcpu_setup import setup_of


def template_ways(fatal: Sequence[Finding], source: Dump, trial: Trial) -> list[Candidate]:
    """Values that the source's own kernel lets a VMM set before the guest starts, and that the destination accepts.

    Empty where the source's kernel is not known or does not let these registers be changed.
    """
    vcpu, rule = trial.vcpus[0], trial.rule
    refused = [f for f in fatal if f.kind == "refused" and f.value is not None]
    if rule.family != "firecracker" or not refused:
        return []
    policy = kernel_of(source).policy
    if policy is None:
        return []
    from inspector.kvm.inference.fresh import fresh_vm

    vm = fresh_vm(vcpu.values, policy, setup_of(vcpu, rule.family))
    settable: dict[int, tuple[int, int]] = {}
    for finding in refused:
        new = finding.would_pass if finding.would_pass is not None else finding.destination
        if new is not None and finding.value is not None and not vm.vcpu(0).set_one_reg(finding.id, new):
            settable[finding.id] = finding.value, new
    if not settable:
        return []
    way = WayOut(
        kind="template",
        title="for VMs started from now on: a CPU template with which their snapshots load on the destination",
        how=tuple(template_lines(settable)),
        notices="the guest sees the lower features from its start",
        ids=tuple(settable),
        keeps_guest=False,
    )
    changed = {(v.index, reg_id): value for v in trial.vcpus for reg_id, (_, value) in settable.items()}
    return [Candidate(way, trial.replacing(changed))]


def template_lines(changes: dict[int, tuple[int, int]]) -> list[str]:
    """The JSON of a template that turns each old value into the new one: register id -> (old, new)."""
    lines = ["{", '  "reg_modifiers": [']
    for place, (reg_id, (old, new)) in enumerate(changes.items()):
        comma = "," if place < len(changes) - 1 else ""
        bits = bitmap(old, new, size_of(reg_id) * 8)
        lines.append(f'    {{"addr": "{hex_id(reg_id)}", "bitmap": "0b{bits}"}}{comma}')
    return [*lines, "  ]", "}"]


def bitmap(old: int, new: int, width: int = 64) -> str:
    """Template letters, most significant first: 0 and 1 in every 4-bit field that changes, `x` (leave alone) elsewhere.

    Letters to the left of the first changed field are left out: Firecracker reads missing ones as `x`.
    """
    letters = []
    for bit in range(width - 1, -1, -1):
        field = 0xF << (bit & ~3)
        letters.append(str(new >> bit & 1) if (old ^ new) & field else "x")
    return "".join(letters).lstrip("x") or "x"
