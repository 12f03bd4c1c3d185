"""What to do about an explained failure: only what is true for the VMM that wrote the text."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from shlex import quote

from inspector.checks.explain.case import Case
from inspector.checks.explain.fields import hidden_releases
from inspector.checks.explain.reasons import BY_ERRNO
from inspector.checks.explain.result import ExplainedRegister, SeenMessage
from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.checks.vmms.base import OPTIONAL, SVE, Vmm
from inspector.checks.vmms.table import DEFAULT_VMM, find_vmm, of_family
from inspector.policies.eras import era_of
from inspector.policies.model import Policy
from inspector.policies.series import numbers_of
from inspector.registers.encoding import CLASS_CORE, CLASS_DEMUX, SIZE_U128, split_id
from inspector.registers.ids import MIDR_EL1
from inspector.sources.dump import Dump

_MIGRATE = (
    "run `vcpu-inspector migrate SOURCE DESTINATION` with both sides' dumps to see every register that would be refused"
)


def finished(step: str, source: Dump | None, destination: Dump | None, kernel: Policy | None) -> str:
    """A step whose commands name what is known: the files as they were given, and a name for the new one."""
    parts = step.split("`")
    for place in range(1, len(parts), 2):
        parts[place] = _command(parts[place], source, destination, kernel)
    text = "`".join(parts)
    return text if source is None else text.replace("-o NEWFILE", f"-o {quote(_new_name(source))}")


def _new_name(source: Dump) -> str:
    return f"fixed-{source.provenance.source.rsplit('/', 1)[-1].removeprefix('builtin:')}"


def _command(text: str, source: Dump | None, destination: Dump | None, kernel: Policy | None) -> str:
    if source is not None:
        text = text.replace("SOURCE", quote(source.provenance.source))
    if destination is not None:
        text = text.replace("DESTINATION", quote(destination.provenance.source))
    if kernel is not None and text.startswith(("vcpu-inspector migrate ", "vcpu-inspector fix ")):
        where = "DESTINATION" if "DESTINATION" in text else quote(destination.provenance.source) if destination else ""
        named = f"{where if destination is not None else 'same-host'} --kernel {kernel.name}"
        text = text.replace(where, named, 1) if where else text
    return text


def next_steps(case: Case) -> list[str]:
    """Things to do, best first, without repetition."""
    groups, refused, restored = case.groups, case.refused, case.restored
    created, booting = "create_failed" not in case.kinds, case.boot_error is not None
    steps: list[str] = [_FIRMWARE] if booting and case.guest is False else []
    rule = _rule(case.vmm)
    valued = [r for r in refused if (r.errno_name not in BY_ERRNO and not r.blames_no_value) or r.simulated]
    if valued and restored:
        steps += _refused_steps(rule, valued)
    elif valued:
        steps += _set_up_steps(valued)
    steps += [_BY_ERRNO[r.errno_name] for r in refused if r.errno_name in _BY_ERRNO and r not in valued]
    if restored and not valued and any(r.blames_no_value for r in refused):
        steps.append(_MIGRATE)
    absent = group_by_feature(r.id for r in refused if r.errno_name == "ENOENT" and r not in valued)
    if groups or absent:
        steps += [*_list_steps(rule, [*groups, *absent]), *([_MIGRATE] if absent and restored else [])]
    if case.longer and not groups:
        steps += _LENGTH_STEPS
    unsaid = case.unnamed and not refused and not groups and not case.longer and not booting
    unlike = case.boot_error == errno.EINVAL and case.guest is not False
    if unlike or (unsaid and not restored) or any(split_id(r.id).cls == CLASS_DEMUX for r in refused):
        steps.append(
            f"{_OF_A_GUEST if unlike and case.guest is None else ''}pin all vCPU threads to CPUs of one kind (virsh"
            f" vcpupin, taskset), or run a host kernel from {era_of('cache-registers', 'fabricated').since} on:"
            " it no longer ties cache registers to the physical CPU"
        )
    if unsaid:
        steps += [*(rule.unnamed_steps() if created else ()), *([_MIGRATE] if restored else [])]
    steps += rule.unreadable_steps() if "unreadable" in case.kinds else ()
    first, *others = list(dict.fromkeys(steps)) or [""]
    return [first.removeprefix("or "), *others] if first else []


_FIRMWARE = "look at the host's firmware, and at the CPUs that its device tree or ACPI tables list"
_OF_A_GUEST = "if this is a guest's log: "
_BY_ERRNO = {
    "EBUSY": "restore into a VM of which no vCPU has run yet: an order of the program's calls",
    "ENOEXEC": "look for the error of KVM_ARM_VCPU_INIT before it: a vCPU feature that this host does not offer",
    "EPERM": (
        "with SVE: KVM_REG_ARM64_SVE_VLS is written before KVM_ARM_VCPU_FINALIZE, the vector registers behind it;"
        " without SVE look for what filters system calls (seccomp, a container's or an LSM's policy)"
    ),
    "EFAULT": "see with strace which address KVM_SET_ONE_REG was given, and report it to the makers of the program",
}
"""What to do where no value is at fault"""


def _rule(vmm: str) -> Vmm:
    """The VMM that wrote the text; QEMU where it is not known, one without advice of its own for another program."""
    return of_family(vmm) or (Vmm(name=vmm, title=vmm, family=vmm) if vmm else find_vmm(DEFAULT_VMM))


def _refused_steps(rule: Vmm, refused: Sequence[ExplainedRegister]) -> Iterable[str]:
    unlike = any(r.id == MIDR_EL1 for r in refused)
    shown = [] if unlike else hidden_releases(refused, at_source=True, causes=True)
    if unlike:
        yield (
            "no kernel makes this restore work with its values: MIDR_EL1 names the CPU, and from"
            f" {era_of('implementation-ids', 'writable').since} on a VMM may"
            " change it"
            " only if it enables KVM_CAP_ARM_WRITABLE_IMP_ID_REGS; use a host with the same CPU, or start the guest"
            " again"
        )
    if shown:
        yield (
            f"restore on a host whose kernel is {shown[0].older}, where the field is still shown, if its CPU"
            " is the"
            " same"
        )
        yield (
            "or shut the guest down, start it again on the new kernel and save it there: what is saved then loads there"
            " (the guest sees the field as absent)"
        )
    lost = hidden_releases(refused, at_source=False, causes=True)
    if lost and not shown and not unlike:
        yield f"run Linux {lost[-1].newer} at the destination, best the source's own release"
    features = _lost_features(refused)
    for feature, option in features:
        yield f"create the destination's vCPU with the source's features: {rule.option(option, 'on')} ({feature})"
    vectors = {r.id for r in refused if split_id(r.id).cls == CLASS_CORE and split_id(r.id).size == SIZE_U128}
    if vectors:
        how = f": {rule.option(SVE, 'off')}" if SVE in rule.options else _advised(rule)
        yield f"create the destination's vCPU without SVE, as the saved one{how}"
    yield from _lowered(refused)
    if vectors != {r.id for r in refused}:
        yield from rule.refused_steps([r.id for r in refused])
    yield _MIGRATE


def _lowered(refused: Sequence[ExplainedRegister]) -> Iterable[str]:
    """A newer kernel, where all that it has to do is to let fields be lowered."""
    causes = [f for r in refused for f in r.fields if f.cause]
    if not causes or not all(r.fields for r in refused) or not all(f.lowered for f in causes):
        return
    names = ", ".join(dict.fromkeys(f.name for f in causes))
    when = " and ".join(dict.fromkeys(f.lowered for f in causes))
    yield (
        f"or try a newer kernel at the destination, as the source only has less there: {names} may be lowered {when}"
        " (`vcpu-inspector migrate SOURCE DESTINATION --kernel K` says whether that is enough)"
    )


def _advised(rule: Vmm) -> str:
    return f": {rule.option_advice}" if rule.option_advice else ""


def _set_up_steps(refused: Sequence[ExplainedRegister]) -> Iterable[str]:
    first = refused[0]
    value = "VALUE" if first.wanted is None or first.withheld else f"{first.wanted:#x}"
    yield (
        f"run `vcpu-inspector write HOST {first.name}={value} --kernel K` with a dump of that host: it says by which"
        " field the value is refused, and what would pass"
    )


def _lost_features(refused: Sequence[ExplainedRegister]) -> list[tuple[str, str]]:
    """vCPU options that a refused field points to: the source's vCPU had the feature, the destination's has not."""
    found = []
    for reg in refused:
        for field in reg.fields:
            key = f"{reg.name}.{field.name}"
            if key in _FEATURE_FIELDS and field.wanted and not field.actual:
                found.append(_FEATURE_FIELDS[key])
    return list(dict.fromkeys(found))


_FEATURE_FIELDS = {
    field: (feature.title, feature.word) for feature in OPTIONAL for field in feature.fields - feature.details
}


def _list_steps(rule: Vmm, groups: Sequence[FeatureGroup]) -> Iterable[str]:
    for group in groups:
        if group.option and group.option in rule.options:
            yield f"create the destination's vCPU with {rule.option(group.option, 'on')}: it brings {group.feature}"
        elif group.option:
            yield f"{group.feature} has to be on the destination's vCPU too" + _advised(rule)
    harmless = [g for g in groups if g.harmless]
    why = "; ".join(dict.fromkeys(g.harmless for g in harmless))
    yield from rule.unlisted_steps([i for g in groups for i in g.ids], [i for g in harmless for i in g.ids], why)
    kernels = [g.since.split(" ")[0] for g in groups if g.since and not g.option and not g.harmless]
    if kernels:
        newest = max(kernels, key=numbers_of)
        yield (
            f"or run Linux {newest} or newer at the destination, best the source's own release: it lists these"
            " registers too"
        )


_LENGTH_STEPS = (
    (
        "take a dump of a fresh vCPU on the destination and run `vcpu-inspector compare SOURCE DESTINATION`: it"
        " names the ids"
    ),
    "or load with QEMU 11.1 or newer: it compares no lengths, and names in its log what the destination lacks",
)
"""where the lengths of two lists are known, and not what is in them"""


def things_to_bring(
    vmm: str, registers: Sequence[ExplainedRegister], named: bool, have: tuple[bool, bool]
) -> list[str]:
    """What would let the program say more, given which dumps (source, destination) it already has."""
    if vmm == "guest":
        return ["the host's kernel release, and MIDR_EL1 of its CPUs (`vcpu-inspector live` on the host shows both)"]
    wanted: list[str] = []
    source = _rule(vmm).saved_state
    if not have[0] and (not named or any(r.wanted is None for r in registers if r.kind == "refused")):
        wanted.append(f"the source: {source} (--source)")
    if not have[1] and (not named or any(r.actual is None for r in registers if r.kind == "refused")):
        wanted.append(
            "the destination: a dump of a fresh vCPU there (`vcpu-inspector live` on that host, or plain `id value`"
            " lines)"
            " (--destination)"
        )
    if wanted and not any(have):
        wanted.append("with --source and --destination the restore is simulated and the first refused register named")
    return wanted


def harmless_only(messages: Sequence[SeenMessage]) -> bool:
    """True when nothing in the text stops a restore."""
    return bool(messages) and not any(m.fatal for m in messages)
