"""How two kernels differ on one host: register lists, values, writable bits, refused values, restores."""

from __future__ import annotations

import errno
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

import msgspec

from inspector.checks.compat.remedies import remedy_for
from inspector.checks.compat.sides import Side as Trial
from inspector.checks.compat.sides import Trials
from inspector.checks.machine.question import Given
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import LOADS, UNCERTAIN, Finding, MigrationReport, Verdict
from inspector.checks.review.cases import Pair, merged
from inspector.checks.review.result import Listed, Refused, Release, Restore, Shown
from inspector.checks.review.sides import Side, kernel_side
from inspector.checks.vmms.table import DEFAULT_VMM, VMM_NAMES, find_vmm
from inspector.errors import InspectorError
from inspector.kvm.cases import Case
from inspector.policies.loader import load_policy
from inspector.policies.points import policy_names
from inspector.registers.bits import ALL
from inspector.registers.catalog import by_id
from inspector.registers.encoding import sysreg_of
from inspector.registers.layouts import choose as layout_of
from inspector.sources.dump import Dump

_WORD = 8
"""Bytes of the widest register that a machine of the lab writes."""


def listed_by_one(pairs: Sequence[Pair], *, anew: bool) -> tuple[Listed, ...]:
    """Registers that only AFTER lists (`anew`), or only BEFORE."""

    def names(pair: Pair) -> dict[Hashable, Listed]:
        old, new = (side.destination.listed for side in pair)
        found = sorted(new - old if anew else old - new)
        return {reg_id: Listed(register=by_id(reg_id).name) for reg_id in found}

    word = "newly listed" if anew else "no longer listed"
    return merged(
        pairs, [names(pair) for pair in pairs], lambda one: one.register, lambda one: word if one else f"not {word}",
        lambda one: (one.register, ()), lambda one, cases: msgspec.structs.replace(one, cases=cases),
    )  # fmt: skip


def shown_differently(pairs: Sequence[Pair]) -> tuple[Shown, ...]:
    """Fields of ID and cache registers that fresh guests read differently, of which both sides are known."""
    return _fields(pairs, [_shown(pair) for pair in pairs])


def _shown(pair: Pair) -> Iterator[Shown]:
    before, after = pair
    for reg_id in sorted(set(before.vcpu.values) & set(after.vcpu.values)):
        code = sysreg_of(reg_id)
        if not (by_id(reg_id).group == "cache" or (code is not None and code.op0 == 3 and code.crn == 0)):
            continue
        known = before.known.get(reg_id, ALL) & after.known.get(reg_id, ALL)
        yield from _by_field(reg_id, before.vcpu.values[reg_id] & known, after.vcpu.values[reg_id] & known)


def _fields(pairs: Sequence[Pair], answers: Sequence[Iterable[Shown]]) -> tuple[Shown, ...]:
    return merged(
        pairs, [{(one.id, one.field): one for one in answer} for answer in answers],
        lambda one: (one.before, one.after),
        lambda one: f"0x{one.before:x} -> 0x{one.after:x}" if one else "unchanged",
        lambda one: (one.register, (one.field,)), lambda one, cases: msgspec.structs.replace(one, cases=cases),
    )  # fmt: skip


def answers_masks(side: Side) -> bool | None:
    """Whether KVM_ARM_GET_REG_WRITABLE_MASKS answers; None where that depends on the policy."""
    found = {_masks(one) is not None for one in side.each}
    return found.pop() if len(found) == 1 else None


def writable_differently(pairs: Sequence[Pair]) -> tuple[Shown, ...]:
    """Fields whose bits in KVM_ARM_GET_REG_WRITABLE_MASKS differ, where both sides answer it."""
    return _fields(pairs, [_writable(pair) for pair in pairs])


def _writable(pair: Pair) -> Iterator[Shown]:
    old, new = map(_masks, pair)
    if old is not None and new is not None:
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


def refused(pairs: Sequence[Pair], *, back: bool = False) -> tuple[Refused, ...]:
    """The values of a fresh vCPU of the one side that the other refuses, by the real kernel where there is one."""
    ways = [(pair.after, pair.before) if back else tuple(pair) for pair in pairs]
    answers: list[dict[Hashable, Refused]] = [
        {one.id: one for one in _refused_by(saved, there)} for saved, there in ways
    ]
    return merged(
        pairs, answers, lambda one: (one.errno, one.cases), _answer_words, lambda one: (one.register, one.fields),
        lambda one, cases: msgspec.structs.replace(one, cases=(*cases, *one.cases)),
    )  # fmt: skip


def _answer_words(one: Refused | None) -> str:
    if one is None:
        return "accepted"
    return "uncertain" if one.cases else f"refused ({errno.errorcode.get(one.errno, str(one.errno))})"


def _refused_by(saved: Side, there: Side) -> Iterator[Refused]:
    found = {f.id: f for f in restored(saved, there).findings if f.kind in ("refused", "uncertain")}
    if there.lab is None:
        for finding in found.values():
            if finding.certain or any(case.errno for case in finding.cases):
                yield _refused(finding)
        return
    wanted = [(i, v) for i, v in saved.vcpu.values.items() if i in there.vcpu.values and by_id(i).size <= _WORD]
    for (reg_id, value), (code, _, _) in zip(wanted, there.lab.write(wanted), strict=True):
        if code:
            predicted = found.get(reg_id)
            one = _refused(predicted) if predicted else Refused(
                id=reg_id, register=by_id(reg_id).name, value=value, errno=code, predicted=False
            )  # fmt: skip
            yield msgspec.structs.replace(one, errno=code, real=True, cases=())


def _refused(finding: Finding) -> Refused:
    code = finding.errno or next((case.errno for case in finding.cases if case.errno), 0)
    fields = tuple(one.name for one in finding.fields if not (one.accepted and one.certain))
    return Refused(
        id=finding.id, register=by_id(finding.id).name, value=finding.value or 0, errno=code, fields=fields,
        reason=finding.reason, cases=() if finding.certain else tuple(map(_case, finding.cases)) or finding.depends_on,
    )  # fmt: skip


def _case(case: Case) -> str:
    settle = f" ({case.settle})" if case.settle else ""
    return f"{case.outcome} where {case.when}{settle}"


def unlike_the_model(saved: Side, there: Side, answered: Sequence[Refused]) -> tuple[str, ...]:
    """What the real kernel of `there` answered otherwise than the model, one clause each."""
    if there.lab is None:
        return ()
    firm = {f.id for f in restored(saved, there).findings if f.kind == "refused"}
    held = {one.id for one in answered}
    only_real = [f"{one.name} is refused, which the model accepts" for one in answered if not one.predicted]
    written = {i for i in saved.vcpu.values if i in there.vcpu.values}
    only_model = [f"{by_id(i).name} is accepted, which the model refuses" for i in sorted(firm & written - held)]
    return (*only_real, *only_model)


def restored(saved: Side, there: Side, vmm: str = DEFAULT_VMM) -> MigrationReport:
    """A VM of `saved` restored on `there`, as the model plays it.

    Of a recording or a real kernel the saved VM shows more of the processor that both run on.
    """
    if not there.real:
        return migrate(saved.dump, there.merged, Given(vmm=vmm), ways_out=False)
    return migrate(saved.dump, there.dump, Given(vmm=vmm, features=there.destination.setup), ways_out=False)


def restores(pairs: Sequence[Pair]) -> Iterator[Restore]:
    """Every VMM's restore in both directions; uncertain where the pairs differ."""
    for vmm in VMM_NAMES:
        there = [restored(pair.before, pair.after, vmm) for pair in pairs]
        home = [restored(pair.after, pair.before, vmm) for pair in pairs]
        (forwards, forwards_says), (back, back_says) = _together(there), _together(home)
        yield Restore(vmm=vmm, forwards=forwards, forwards_says=forwards_says, back=back, back_says=back_says)


def _together(reports: Sequence[MigrationReport]) -> tuple[Verdict, str]:
    first = reports[0]
    if len({one.verdict for one in reports}) == 1:
        return first.verdict, first.headline
    worst = next(one for one in reports if one.verdict != LOADS)
    return UNCERTAIN, f"in some cases {worst.headline}"


def qemu_properties(before: Side, after: Side) -> tuple[tuple[str, ...], str]:
    """Entries of a machine type's compatibility properties that help, tried on the model, and what they do or why none
    does. Nothing where a side may have several policies."""
    if before.variants or after.variants:
        return (), ""
    found = remedy_for(Trial.of(before.destination), Trial.of(after.destination), Trials(find_vmm(DEFAULT_VMM)))
    return tuple(one.entry for one in found.properties), found.why


def releases(before: Side, after: Side, host: Dump, features: str) -> Iterator[Release]:
    """VMs saved under each recorded release: those that load on BEFORE and not on AFTER are the patch's own doing."""
    for name in policy_names():
        policy = load_policy(name)
        if policy.evidence != "recorded":
            continue
        try:
            saved = kernel_side(name, policy, before.cpu, host, features)
        except InspectorError:
            continue  # no such vCPU under that release
        new = restored(saved, after)
        old = new if new.verdict == LOADS else restored(saved, before)
        yield Release(release=name, on_before=old.verdict, on_after=new.verdict, says=new.headline)
