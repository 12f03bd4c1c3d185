"""vCPU options of the destination that settle findings: the features of the saved vCPU and of the new one differ."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.feature_groups import feature_key, feature_set
from inspector.checks.machine.destination import Destination
from inspector.checks.remedies.trial import Candidate, Trial
from inspector.checks.restore.result import Finding, WayOut
from inspector.checks.vmms.base import OPTIONAL, Vmm
from inspector.policies.setup import VcpuFeature
from inspector.registers.naming import name_of
from inspector.sources.vcpu_setup import setup_of


def option_ways(fatal: Sequence[Finding], trial: Trial) -> list[Candidate]:
    """The options that make the destination's vCPU what the saved one was, each with the findings that it may settle.

    None for a VMM that has no such options: its own rule makes the vCPU.
    """
    target, rule = trial.target, trial.rule
    if rule.own_rule:
        return []
    saved = setup_of(trial.vcpus[0], rule.family)
    found: list[Candidate] = []
    together = target.setup
    for option in OPTIONAL:
        wanted = saved.includes(option)
        if wanted == target.setup.includes(option):
            continue
        settled = [f for f in fatal if _belongs(f, option)]
        if not settled or (wanted and _is_absent(target, option)):
            continue
        together = together.toggled(option.word)
        setup = target.setup.toggled(option.word)
        found.append(Candidate(_way(option, wanted, settled, rule), trial.created(setup)))
    asked = [one for one in found if one.trial is not None]
    if len(asked) > 1:
        ids = {i for one in asked for i in one.way.ids}
        asked.insert(0, Candidate(_combined([one.way for one in asked], ids), trial.created(together)))
    return asked


def _combined(ways: Sequence[WayOut], ids: set[int]) -> WayOut:
    how = _joined([way.how[0] for way in ways])
    return WayOut(
        kind="vcpu-option",
        title="create the destination's vCPU with the features of the saved one: all of these options together",
        how=how,
        notices="nothing changes for the guest",
        ids=tuple(sorted(ids)),
    )


def _joined(lines: Sequence[str]) -> tuple[str, ...]:
    """`-cpu host,pmu=on` and `-cpu host,sve=on` as one `-cpu host,pmu=on,sve=on`."""
    merged: dict[str, list[str]] = {}
    for line in lines:
        head, comma, option = line.partition(",")
        merged.setdefault(head, []).extend([option] if comma else [])
    return tuple(",".join([head, *options]) for head, options in merged.items())


def _way(option: VcpuFeature, wanted: bool, settled: Sequence[Finding], rule: Vmm) -> WayOut:
    word = "on" if wanted else "off"
    verb = "with" if wanted else "without"
    return WayOut(
        kind="vcpu-option",
        title=f"create the destination's vCPU {verb} {option.title}, as the saved one",
        how=rule.option_lines(option.word, word),
        notices="nothing changes for the guest",
        ids=tuple(dict.fromkeys(f.id for f in settled)),
    )


def _belongs(finding: Finding, option: VcpuFeature) -> bool:
    """True when the option alone explains the finding: its registers, or nothing but its fields."""
    if finding.kind == "only_in_source":
        brought = feature_set(feature_key(finding.id))
        return brought is not None and brought.option == option.word
    name = name_of(finding.id)
    wrong = {f"{name}.{field.name}" for field in finding.fields if not field.accepted}
    return bool(wrong) and wrong <= option.fields


def _is_absent(target: Destination, option: VcpuFeature) -> bool:
    """True when the destination's host is known to lack the feature."""
    host = target.host
    if host is None or host.sanitised:
        return False
    return not all(map(host.capability, option.capabilities))
