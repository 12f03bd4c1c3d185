"""vCPU options of the destination that settle findings: the features of the saved vCPU and of the new one differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.checks.feature_groups import feature_key
from inspector.checks.machine.destination import Destination
from inspector.checks.restore.result import Finding, WayOut
from inspector.checks.vmms.base import MEMORY_TAGGING, NESTED, PMU, POINTER_AUTH, SVE, Vmm
from inspector.policies.setup import Feature, VcpuSetup
from inspector.sources.dump import Vcpu
from inspector.sources.vcpu_setup import setup_of


class _Option(NamedTuple):
    """A vCPU feature, and what shows it."""

    name: str
    feature: Feature | None
    """None for MTE, which is a capability of the VM"""
    word: str
    """key of the VMM's own option"""
    groups: frozenset[str]
    """keys of the register groups that it brings"""
    fields: frozenset[str]
    """ID register fields that follow it"""
    capability: str


_OPTIONS = (
    _Option(
        "PMUv3",
        Feature.PMU,
        PMU,
        frozenset({"pmu", "pmmir"}),
        frozenset({"PMUVer", "PerfMon"}),
        "pmu_v3",
    ),
    _Option(
        "SVE",
        Feature.SVE,
        SVE,
        frozenset({"sve", "zfr0"}),
        frozenset(
            {"SVE", "SVEver", "AES", "BitPerm", "BF16", "B16B16", "SHA3", "SM4", "I8MM", "F32MM", "F64MM", "F16MM"}
        ),
        "sve",
    ),
    _Option(
        "pointer authentication",
        Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC,
        POINTER_AUTH,
        frozenset({"ptrauth"}),
        frozenset({"APA", "API", "GPA", "GPI", "APA3", "GPA3"}),
        "ptrauth_address",
    ),
    _Option("memory tagging", None, MEMORY_TAGGING, frozenset({"mte"}), frozenset({"MTE", "MTE_frac"}), "mte"),
    _Option(
        "nested virtualisation",
        Feature.EL2,
        NESTED,
        frozenset({"el2"}),
        frozenset({"EL2"}),
        "el2",
    ),
)

_ZFR0_ID = 0x603000000013C024


def option_ways(fatal: Sequence[Finding], vcpu: Vcpu, target: Destination, rule: Vmm) -> list[WayOut]:
    """The options that make the destination's vCPU what the saved one was, each with the findings that it settles."""
    saved = setup_of(vcpu, rule.family)
    ways = []
    for option in _OPTIONS:
        wanted = _has(saved, option)
        if wanted == _has(target.setup, option):
            continue
        settled = [f for f in fatal if _belongs(f, option)]
        if not settled or (wanted and _is_absent(target, option)):
            continue
        ways.append(_way(option, wanted, settled, fatal, rule))
    if len(ways) > 1:
        together = {i for way in ways for i in way.ids}
        if together.issuperset(f.id for f in fatal):
            ways.insert(0, _combined(ways, together))
    return ways


def _combined(ways: Sequence[WayOut], ids: set[int]) -> WayOut:
    how = _joined([way.how[0] for way in ways])
    return WayOut(
        kind="vcpu-option",
        title="create the destination's vCPU with the features of the saved one: all of these options together",
        how=how,
        notices="nothing changes for the guest",
        ids=tuple(sorted(ids)),
        settles_all=True,
    )


def _joined(lines: Sequence[str]) -> tuple[str, ...]:
    """`-cpu host,pmu=on` and `-cpu host,sve=on` as one `-cpu host,pmu=on,sve=on`."""
    merged: dict[str, list[str]] = {}
    for line in lines:
        head, comma, option = line.partition(",")
        merged.setdefault(head, []).extend([option] if comma else [])
    return tuple(",".join([head, *options]) for head, options in merged.items())


def _way(option: _Option, wanted: bool, settled: Sequence[Finding], fatal: Sequence[Finding], rule: Vmm) -> WayOut:
    word = "on" if wanted else "off"
    verb = "with" if wanted else "without"
    return WayOut(
        kind="vcpu-option",
        title=f"create the destination's vCPU {verb} {option.name}, as the saved one",
        how=rule.option_lines(option.word, word),
        notices="nothing changes for the guest",
        ids=tuple(dict.fromkeys(f.id for f in settled)),
        settles_all=len(settled) == len(fatal),
    )


def _has(setup: VcpuSetup, option: _Option) -> bool:
    return setup.mte if option.feature is None else setup.has(option.feature)


def _belongs(finding: Finding, option: _Option) -> bool:
    """True when the option alone explains the finding: its registers, or nothing but its fields."""
    if finding.kind == "only_in_source":
        return feature_key(finding.id) in option.groups
    wrong = {f.name for f in finding.fields if not f.accepted}
    if option.name == "SVE" and finding.id != _ZFR0_ID:
        return wrong == {"SVE"}
    return bool(wrong) and wrong <= option.fields


def _is_absent(target: Destination, option: _Option) -> bool:
    """True when the destination's host is known to lack the feature."""
    host = target.host
    if host is None or host.sanitised:
        return False
    return not host.capability(option.capability)
