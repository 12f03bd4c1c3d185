"""What BEFORE -> AFTER does for guests and for saved VMs, on one host: values, lists, writes and restores."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import FAILS, LOADS, UNCERTAIN, Finding, MigrationReport, Verdict
from inspector.checks.review.sides import Side, kernel_side
from inspector.checks.vmms.table import DEFAULT_VMM, VMM_NAMES
from inspector.errors import InspectorError
from inspector.kvm.vm import Vm
from inspector.policies.loader import load_policy, policy_names
from inspector.policies.model import Tolerate
from inspector.registers.bits import ALL
from inspector.registers.catalog import by_id
from inspector.registers.encoding import sysreg_of
from inspector.registers.layouts import choose as layout_of
from inspector.sources.dump import Dump

Severity = Literal["breaks", "guest", "notice", "harmless"]
"""breaks: a saved VM is refused that was accepted; guest: a feature disappears for new guests; notice: something that
userspace can see changed; harmless: the rest."""
SET_ID_REGS = "tools/testing/selftests/kvm/arm64/set_id_regs.c"
GET_REG_LIST = "tools/testing/selftests/kvm/arm64/get-reg-list.c"
AARCH32_ID_REGS = "tools/testing/selftests/kvm/arm64/aarch32_id_regs.c"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A field that a fresh guest reads differently."""

    id: int
    register: str
    field: str
    """empty for a register without fields"""
    msb: int
    lsb: int
    before: int
    after: int

    @property
    def name(self) -> str:
        """`REGISTER.FIELD`."""
        return f"{self.register}.{self.field}" if self.field else self.register


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a fresh vCPU of the one side has and that the other side does not take."""

    id: int
    register: str
    value: int
    errno: int
    fields: tuple[str, ...] = ()
    reason: str = ""
    real: bool = False
    """a real kernel answered"""


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """One VMM's restore, forwards (saved before, loaded after) and back."""

    vmm: str
    forwards: Verdict
    forwards_says: str
    back: Verdict
    back_says: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A VM saved under a recorded release: does it load on each side?"""

    release: str
    on_before: Verdict
    on_after: Verdict
    says: str = ""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the change does, as a maintainer would be told."""

    severity: Severity
    text: str
    selftest: str = ""
    remedy: str = ""
    cpus: tuple[str, ...] = ()


class HostReview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one host."""

    cpu: str
    before: str
    after: str
    appear: tuple[str, ...]
    vanish: tuple[str, ...]
    shown: tuple[Shown, ...]
    writable: tuple[Shown, ...]
    """fields whose writable bits differ; `before` and `after` are the masks' bits"""
    forwards: tuple[Refused, ...]
    back: tuple[Refused, ...]
    restores: tuple[Restore, ...]
    releases: tuple[Release, ...]
    effects: tuple[Effect, ...]


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for all hosts."""

    before: str
    after: str
    features: str
    hosts: tuple[HostReview, ...]
    effects: tuple[Effect, ...]
    """each once, with the CPU models that it was found on, the worst first"""
    notes: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether a restore that worked does not any more."""
        return any(effect.severity == "breaks" for effect in self.effects)


def review_host(before: Side, after: Side, host: Dump | None, features: str) -> HostReview:
    """Compare the two sides on one host. `host`: its raw registers, where older releases can be modelled on it."""
    shown = tuple(shown_differently(before, after))
    ids = set(before.vcpu.ids), set(after.vcpu.ids)
    reports = {vmm: (_restored(before, after, vmm), _restored(after, before, vmm)) for vmm in VMM_NAMES}
    there, home = reports[DEFAULT_VMM]
    forwards, back = refused(before, after, there), refused(after, before, home)
    restores = tuple(_restore(vmm, *both) for vmm, both in reports.items())
    releases = tuple(_releases(before, after, host, features)) if host is not None else ()
    found = HostReview(
        cpu=before.cpu, before=before.label, after=after.label,
        appear=_names(ids[1] - ids[0]), vanish=_names(ids[0] - ids[1]), shown=shown,
        writable=tuple(writable_differently(before, after)),
        forwards=forwards, back=back, restores=restores, releases=releases, effects=(),
    )  # fmt: skip
    return msgspec.structs.replace(found, effects=tuple(effects_of(found, after)))


def _names(ids: set[int]) -> tuple[str, ...]:
    return tuple(by_id(reg_id).name for reg_id in sorted(ids))


def shown_differently(before: Side, after: Side) -> Iterator[Shown]:
    """Fields of ID and cache registers that fresh guests read differently, of which both sides are known."""
    steady = set(before.vcpu.values) & set(after.vcpu.values)
    for reg_id in sorted(steady):
        code = sysreg_of(reg_id)
        if not (by_id(reg_id).group == "cache" or (code is not None and code.op0 == 3 and code.crn == 0)):
            continue
        known = before.known.get(reg_id, ALL) & after.known.get(reg_id, ALL)
        yield from _by_field(reg_id, before.vcpu.values[reg_id] & known, after.vcpu.values[reg_id] & known)


def writable_differently(before: Side, after: Side) -> Iterator[Shown]:
    """Fields whose bits in KVM_ARM_GET_REG_WRITABLE_MASKS differ, where both sides answer it."""
    old, new = _masks(before), _masks(after)
    if old is None or new is None:
        return
    for reg_id in sorted(set(old) | set(new)):
        yield from _by_field(reg_id, old.get(reg_id, 0), new.get(reg_id, 0))


def _masks(side: Side) -> Mapping[int, int] | None:
    """What the real kernel answered, else the model; None for a kernel that lacks the ioctl."""
    if side.real:
        return side.vcpu.writable_masks
    refused_by, masks = side.destination.build(1).writable_masks()
    return None if refused_by else masks


def _by_field(reg_id: int, old: int, new: int) -> Iterator[Shown]:
    if old == new:
        return
    register = by_id(reg_id)
    schema = layout_of(reg_id, register.name, old).schema
    differing = [s for s in schema.spans if s.extract(old) != s.extract(new)] if schema else []
    if not differing:
        bits = register.size * 8 - 1
        yield Shown(id=reg_id, register=register.name, field="", msb=bits, lsb=0, before=old, after=new)
    for span in differing:
        yield Shown(
            id=reg_id, register=register.name, field=span.name, msb=span.msb, lsb=span.lsb,
            before=span.extract(old), after=span.extract(new),
        )  # fmt: skip


def refused(saved: Side, there: Side, modelled: MigrationReport) -> tuple[Refused, ...]:
    """The values of a fresh vCPU of `saved` that `there` refuses, by the real kernel where there is one.

    `modelled`: that restore by the default VMM, as the model plays it.
    """
    words = {finding.id: finding for finding in modelled.findings}
    if there.lab is None:
        return tuple(_refused(f.id, f.value or 0, f.errno, f, False) for f in modelled.findings if f.kind == "refused")
    wanted = [(i, v) for i, v in saved.vcpu.values.items() if i in there.vcpu.values and by_id(i).size <= 8]
    answers = there.lab.write(wanted)
    return tuple(
        _refused(reg_id, value, code, words.get(reg_id), True)
        for (reg_id, value), (code, _, _) in zip(wanted, answers, strict=True)
        if code
    )


def _refused(reg_id: int, value: int, code: int, finding: Finding | None, real: bool) -> Refused:
    fields = tuple(one.name for one in finding.fields if not one.accepted) if finding else ()
    reason = finding.reason if finding and finding.errno else ""
    return Refused(
        id=reg_id, register=by_id(reg_id).name, value=value, errno=code, fields=fields, reason=reason, real=real
    )


def _restored(saved: Side, there: Side, vmm: str = DEFAULT_VMM) -> MigrationReport:
    return migrate(saved.dump, there.destination, vmm=vmm, ways_out=False)


def _restore(vmm: str, there: MigrationReport, home: MigrationReport) -> Restore:
    return Restore(
        vmm=vmm, forwards=there.verdict, forwards_says=there.headline, back=home.verdict, back_says=home.headline
    )


def _releases(before: Side, after: Side, host: Dump, features: str) -> Iterator[Release]:
    """VMs saved under each recorded release: those that load on BEFORE and not on AFTER are the patch's own doing."""
    for name in policy_names():
        policy = load_policy(name)
        if policy.evidence != "recorded":
            continue
        try:
            saved = kernel_side(name, policy, before.cpu, host, features)
        except InspectorError:
            continue  # no such vCPU under that release
        new = _restored(saved, after)
        old = new if new.verdict == LOADS else _restored(saved, before)
        yield Release(release=name, on_before=old.verdict, on_after=new.verdict, says=new.headline)


def effects_of(host: HostReview, after: Side) -> Iterator[Effect]:
    """What all that means, the worst first."""
    yield from _broken(host, after)
    for one in host.shown:
        yield _seen(one)
    if host.vanish:
        text = f"{_list(host.vanish)} no longer listed"
        remedy = "list them on, or let QEMU skip them: x-mig-safe-missing-regs"
        yield Effect(severity="breaks", text=text, selftest=GET_REG_LIST, remedy=remedy)
    if host.appear:
        text = f"{_list(host.appear)} newly listed: a VM saved after the change does not load on a kernel before it"
        remedy = "QEMU: x-mig-hidden-regs for old machine types"
        yield Effect(severity="notice", text=text, selftest=GET_REG_LIST, remedy=remedy)
    back = [one for one in host.back if one.register not in {r.register for r in host.forwards}]
    if back:
        text = f"VMs saved after the change are refused before it: {_list([one.register for one in back])}"
        yield Effect(severity="notice", text=text)
    unseen = {one.name for one in host.shown}
    for one in host.writable:
        if one.name not in unseen:
            word = "becomes writable" if one.after & ~one.before else "is no longer writable"
            severity: Severity = "harmless" if one.after & ~one.before else "notice"
            yield Effect(severity=severity, text=f"{one.name} {word}", selftest=_selftest(one.register))


def _broken(host: HostReview, after: Side) -> Iterator[Effect]:
    for one in host.forwards:
        fields = f" ({', '.join(one.fields)})" if one.fields else ""
        answer = f"{'the real kernel' if one.real else 'KVM'} answers {errno.errorcode.get(one.errno, str(one.errno))}"
        text = f"a VM saved before is refused at {one.register}{fields}: {answer}"
        releases = [r.release for r in host.releases if r.on_after == FAILS and r.on_before == LOADS]
        if releases:
            text += f"; so are VMs saved under {_range(releases)}, which loaded before"
        remedy = _remedy(host, after, one)
        yield Effect(severity="breaks", text=text, selftest=_selftest(one.register), remedy=remedy)
    failing = [r for r in host.restores if r.forwards == FAILS and not host.forwards and not host.vanish]
    if failing:
        text = f"{_list([r.vmm for r in failing])}: {failing[0].forwards_says}"
        yield Effect(severity="breaks", text=text)


def _range(releases: Sequence[str]) -> str:
    """`6.1.176`, or the first and last of several recorded releases."""
    return releases[0] if len(releases) == 1 else f"{releases[0]} to {releases[-1]} ({len(releases)} recorded releases)"


def _remedy(host: HostReview, after: Side, one: Refused) -> str:
    """What usually mends a refusal; a tolerant handler is tried before it is named."""
    hidden = [s.name for s in host.shown if s.id == one.id and s.after < s.before]
    if not hidden:
        return "a set_user handler that takes the old value, or a capability that userspace asks for"
    named = " and ".join(hidden)
    tried = " (tried: this register is then accepted)" if _tolerated(host, after, one, hidden) else ""
    return (
        f"a set_user handler that accepts the old value of {named} and ignores it{tried}; "
        f"or in QEMU, for old machine types: x-mig-hidden-regs with {one.register}"
    )


def _tolerated(host: HostReview, after: Side, one: Refused, fields: Sequence[str]) -> bool:
    """Whether AFTER with a tolerant handler for these fields accepts the value."""
    target = after.destination
    if target.host is None:
        return False
    rule = Tolerate(name="tried", fields=tuple(fields), reason="tried", reference="none")
    rules = (*target.policy.rules, rule)
    policy = msgspec.structs.replace(target.policy, name=f"{target.policy.name}+tried", rules=rules)
    return Vm(target.host, policy, target.setup).vcpus[0].set_one_reg(one.id, one.value) == 0


def _seen(one: Shown) -> Effect:
    change = f"reads 0x{one.after:x} instead of 0x{one.before:x}"
    if by_id(one.id).signed(one.msb, one.lsb):
        return Effect(severity="notice", text=f"{one.name} {change}", selftest=_selftest(one.register))
    if by_id(one.id).group == "cache":
        return Effect(severity="notice", text=f"caches: {one.name} {change}")
    severity: Severity = "guest" if one.after < one.before else "notice"
    words = "a feature disappears, " if one.after == 0 and one.field else ""
    return Effect(severity=severity, text=f"{words}{one.name} {change}", selftest=_selftest(one.register))


def _selftest(register: str) -> str:
    aarch32 = register.startswith(("ID_PFR", "ID_DFR", "ID_MMFR", "ID_ISAR", "MVFR"))
    return AARCH32_ID_REGS if aarch32 else SET_ID_REGS


def _list(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:8]) + (f" and {len(unique) - 8} more" if len(unique) > 8 else "")


_RANK = {"breaks": 0, "guest": 1, "notice": 2, "harmless": 3}


def summed_up(hosts: Sequence[HostReview]) -> tuple[Effect, ...]:
    """Every effect once, with its CPU models, the worst first."""
    found: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], Effect] = {}
    for host in hosts:
        for effect in host.effects:
            key = effect.severity, effect.text
            first.setdefault(key, effect)
            found.setdefault(key, []).append(host.cpu)
    merged = [msgspec.structs.replace(first[key], cpus=tuple(dict.fromkeys(cpus))) for key, cpus in found.items()]
    return tuple(sorted(merged, key=lambda effect: _RANK[effect.severity]))


def uncertain(review: Review) -> bool:
    """Whether an answer hangs on something that is not known."""
    return any(UNCERTAIN in (r.forwards, r.back) for host in review.hosts for r in host.restores)
