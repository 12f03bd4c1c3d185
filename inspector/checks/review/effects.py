"""What the differences on one host mean: one effect for each thing that a maintainer has to know, the worst first."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN
from inspector.checks.review import selftests
from inspector.checks.review.result import Effect, HostReview, Kind, Listed, Refused, Severity, Shown
from inspector.checks.review.sides import Side
from inspector.errors import PolicyError
from inspector.kvm.vm import Vm
from inspector.policies.model import Tolerate
from inspector.policies.rulebook import rulebook
from inspector.registers.catalog import by_id
from inspector.registers.features import all_features

_FEAT = re.compile(r"\bFEAT_\w+")
_MOST = 12
RANK: dict[Severity, int] = {"breaks": 0, "uncertain": 1, "guest": 2, "notice": 3, "harmless": 4}


def effects_of(host: HostReview, after: Side) -> Iterator[Effect]:
    """Everything, in the order of what it is about; whoever shows it sorts by severity."""
    yield from _refusals(host, after)
    yield from _lists(host)
    yield from _failing(host)
    yield from _read(host)
    yield from _back(host)
    yield from _masks(host)
    if host.unlike:
        text = "the real kernel answers otherwise than the model: `record lab:...`, then `verify`, says more"
        yield Effect(severity="notice", kind="unlike", text=text, details=host.unlike)


def _refusals(host: HostReview, after: Side) -> Iterator[Effect]:
    """One effect for the registers that show one feature."""
    groups: dict[tuple[object, ...], list[Refused]] = {}
    for one in host.forwards:
        key = _features(one, host.shown) or (one.register,), one.errno, bool(one.cases)
        groups.setdefault(key, []).append(one)
    for (_, code, doubtful), ones in groups.items():
        features = tuple(dict.fromkeys(name for one in ones for name in _features(one, host.shown)))
        who = "the real kernel answers" if ones[0].real else "KVM_SET_ONE_REG answers"
        answer = errno.errorcode.get(int(str(code)), str(code))
        may = "may be" if doubtful else "are"
        names = joined([one.name for one in ones])
        yield Effect(
            severity="uncertain" if doubtful else "breaks", kind="refused",
            text=f"VMs saved before the change {may} refused after it at {names}: {who} {answer}",
            features=features, details=tuple(_was(one, host.shown) for one in ones),
            cases=tuple(dict.fromkeys(f"{one.register}: {case}" for one in ones for case in one.cases)),
            releases=_releases(host), remedy=_remedy(host, after, ones),
            selftest=selftests.restoring([one.register for one in ones]),
        )  # fmt: skip


def _was(one: Refused, shown: Sequence[Shown]) -> str:
    """`ID_MMFR4_EL1.CCIDX [27:24]: saved as 0x1, a fresh vCPU has 0x0 now`, or the whole value."""
    fields = [s for s in shown if s.id == one.id and (not one.fields or s.field in one.fields)]
    if not fields:
        return f"{one.register}: saved as 0x{one.value:x}" + (f"; {one.reason}" if one.reason else "")
    return ", ".join(
        f"{s.name} [{s.msb}:{s.lsb}]: saved as 0x{s.before:x}, a fresh vCPU has 0x{s.after:x} now" for s in fields
    )


def _features(one: Refused, shown: Sequence[Shown]) -> tuple[str, ...]:
    """The features that the refused fields show."""
    fields = [s for s in shown if s.id == one.id and (not one.fields or s.field in one.fields)]
    return tuple(dict.fromkeys(name for field in fields for name in lost(field)))


def lost(one: Shown) -> tuple[str, ...]:
    """Features that the field shows before and not after."""
    return _named(one, one.before, one.after)


def gained(one: Shown) -> tuple[str, ...]:
    """Features that the field shows after and not before."""
    return _named(one, one.after, one.before)


def _named(one: Shown, there: int, gone: int) -> tuple[str, ...]:
    place = one.name
    by_terms = [
        feature.name for feature in all_features() for term in feature.terms
        if term.place == place and there in term.raws and gone not in term.raws
    ]  # fmt: skip
    if by_terms:
        return tuple(dict.fromkeys(by_terms))
    schema = by_id(one.id).schema
    span = schema.span(one.field) if schema and one.field else None
    texts = span.values if span else {}
    # A register of AArch32 that shows more with each value: what smaller values show is there as well.
    with_it, without = (
        [name for value, text in texts.items() if value <= most for name in _FEAT.findall(text)]
        for most in (there, gone)
    )
    return tuple(name for name in with_it if name not in without)


def _releases(host: HostReview) -> str:
    found = [r.release for r in host.releases if r.on_after == FAILS and r.on_before == LOADS]
    if not found:
        return ""
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]} ({len(found)} recorded releases)"


def _remedy(host: HostReview, after: Side, ones: Sequence[Refused]) -> str:
    """What usually mends refusals; a tolerant handler is tried on the model before it is named."""
    ids = {one.id for one in ones}
    fields = [s.name for s in host.shown if s.id in ids and s.after < s.before]
    if not fields:
        kernel = "a set_user handler that takes the old value, or a capability that userspace asks for"
    else:
        tried = "; tried on the model: the old values are then accepted" if _tolerated(after, ones, fields) else ""
        kernel = f"a tolerant set_user handler, which accepts the old value of {joined(fields)} and ignores it{tried}"
    return f"{kernel}. {_qemu(host)}"


def _qemu(host: HostReview) -> str:
    """What QEMU's machine types can do about it."""
    if host.qemu:
        return "QEMU: compat properties for old machine types, below"
    return (
        f"QEMU: {host.qemu_says}" if host.qemu_says else "QEMU: name the kernels' points to have its properties tried"
    )


def _tolerated(after: Side, ones: Sequence[Refused], fields: Sequence[str]) -> bool:
    """Whether AFTER with a tolerant handler for these fields accepts all the values."""
    target = after.destination
    if target.host is None:
        return False
    rule = Tolerate(name="tried", fields=tuple(fields), reason="tried", reference="none")
    policy = msgspec.structs.replace(
        target.policy, name=f"{target.policy.name}+tried", rules=(*target.policy.rules, rule)
    )
    try:
        rulebook(policy).check()
    except PolicyError:
        return False  # a field of no feature table (MIDR_EL1's, CLIDR_EL1's): no handler of its own can be tried
    vcpu = Vm(target.host, policy, target.setup).vcpus[0]
    return all(vcpu.set_one_reg(one.id, one.value) == 0 for one in ones)


def _lists(host: HostReview) -> Iterator[Effect]:
    for certain in (True, False):
        gone, new = (_certain(ones, certain) for ones in (host.vanish, host.appear))
        if gone:
            skipped = [r.vmm for r in host.restores if r.forwards == LOADS]
            reason = f"; {', '.join(skipped)} would load all the same" if skipped else ""
            yield Effect(
                severity="breaks" if certain else "uncertain", kind="vanish",
                text=f"{joined([one.register for one in gone])} {'are' if gone[1:] else 'is'} no longer listed{reason}",
                cases=_cases(gone), releases=_releases(host), selftest=selftests.missing(),
                remedy=f"list them on. {_qemu(host)}",
            )  # fmt: skip
        if new:
            text = f"{joined([one.register for one in new])} {'are' if new[1:] else 'is'} newly listed: VMs saved after"
            text += " the change do not load before it, where the VMM restores every register that it saved"
            yield Effect(
                severity="notice" if certain else "uncertain", kind="appear", text=text, cases=_cases(new),
                selftest=selftests.new(), remedy=_qemu(host),
            )  # fmt: skip


def _certain(ones: Sequence[Listed], certain: bool) -> list[Listed]:
    return [one for one in ones if bool(one.cases) != certain]


def _cases(ones: Sequence[Listed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{one.register}: {case}" for one in ones for case in one.cases))


def _failing(host: HostReview) -> Iterator[Effect]:
    """Restores that fail for something else than a refused value or a missing register."""
    if host.forwards or host.vanish or host.unlike:
        return
    severities: dict[str, Severity] = {FAILS: "breaks", UNCERTAIN: "uncertain"}
    for verdict, severity in severities.items():
        found = [one for one in host.restores if one.forwards == verdict]
        if found:
            text = f"{joined([one.vmm for one in found])}: {found[0].forwards_says}"
            yield Effect(severity=severity, kind="restore", text=text)


def _read(host: HostReview) -> Iterator[Effect]:
    """What new guests read: features that disappear, the caches, and the rest."""
    for certain in (True, False):
        shown = [one for one in host.shown if bool(one.cases) != certain]
        caches = [one for one in shown if by_id(one.id).group == "cache"]
        gone = [one for one in shown if one not in caches and lost(one)]
        rest = [one for one in shown if one not in caches and one not in gone]
        names = dict.fromkeys(name for one in gone for name in lost(one))
        came = dict.fromkeys(name for one in rest for name in gained(one))
        told = f"no longer see {joined(list(names))}"
        yield from _fields_effect("guest", "lost", told, gone)
        told = "read fields otherwise" + (f", and see {joined(list(came))} anew" if came else "")
        yield from _fields_effect("notice", "read", told, rest)
        about = joined(list(dict.fromkeys(one.register for one in caches)))
        yield from _fields_effect("notice", "caches", f"read other caches: {about}", caches)


def _fields_effect(severity: Severity, kind: Kind, told: str, ones: Sequence[Shown]) -> Iterator[Effect]:
    if not ones:
        return
    doubtful = any(one.cases for one in ones)
    yield Effect(
        severity="uncertain" if doubtful else severity, kind=kind,
        text=f"new guests {'may, depending on the kernels, ' if doubtful else ''}{told}",
        details=() if doubtful else tuple(f"{one.name} 0x{one.before:x} -> 0x{one.after:x}" for one in ones),
        cases=tuple(f"{one.name}: {case}" for one in ones for case in one.cases),
        selftest=selftests.reading() if kind == "lost" else "",
    )  # fmt: skip


def _back(host: HostReview) -> Iterator[Effect]:
    """Values of VMs saved after the change that are refused before it, those aside that are told of already."""
    told = {one.register for one in host.forwards}
    for certain in (True, False):
        found = [one for one in host.back if one.register not in told and bool(one.cases) != certain]
        if found:
            may = "are" if certain else "may be"
            yield Effect(
                severity="notice" if certain else "uncertain", kind="back",
                text=f"VMs saved after the change {may} refused before it at {joined([one.name for one in found])}",
                cases=tuple(f"{one.register}: {case}" for one in found for case in one.cases),
            )  # fmt: skip


def _masks(host: HostReview) -> Iterator[Effect]:
    """Which bits can be written, where the value stays."""
    old, new = host.masks
    if None in host.masks:
        text = "whether KVM_ARM_GET_REG_WRITABLE_MASKS answers depends on the kernels"
        yield Effect(severity="uncertain", kind="writable", text=text)
        return
    if old != new:
        word = "answers only before the change" if old else "answers from the change on"
        yield Effect(
            severity="notice" if old else "harmless", kind="writable", text=f"KVM_ARM_GET_REG_WRITABLE_MASKS {word}"
        )
    seen = {one.name for one in host.shown}
    rest = [one for one in host.writable if one.name not in seen]
    doubtful = [one for one in rest if one.cases]
    more = [one for one in rest if not one.cases and one.after & ~one.before]
    less = [one for one in rest if not one.cases and not one.after & ~one.before]
    if more:
        yield Effect(severity="harmless", kind="writable", text="more can be written", details=tuple(by_register(more)))
    if less:
        text = "fewer bits can be written: a VM for which the VMM had set such a field to another value is refused"
        test = selftests.no_longer_writable([one.name for one in less])
        yield Effect(
            severity="notice", kind="writable", text=text, details=tuple(by_register(less)), selftest=test
        )  # fmt: skip
    if doubtful:
        yield Effect(
            severity="uncertain", kind="writable", text="what can be written depends on the kernels",
            details=tuple(by_register(doubtful)),
        )  # fmt: skip


def by_register(ones: Iterable[Shown]) -> Iterator[str]:
    """`MIDR_EL1: Implementer, Variant`, for each register."""
    found: dict[str, list[str]] = {}
    for one in ones:
        found.setdefault(one.register, []).append(one.field)
    for register, fields in found.items():
        names = ", ".join(filter(None, fields))
        yield f"{register}: {names}" if names else register


def joined(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and 3 more`."""
    unique = list(dict.fromkeys(names))
    if len(unique) > _MOST:
        return f"{', '.join(unique[:_MOST])} and {len(unique) - _MOST} more"
    return " and ".join(filter(None, [", ".join(unique[:-1]), *unique[-1:]]))
