"""A baseline where the kernel may be one of several: each is asked, and what they do not agree on is uncertain."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.checks.baseline.baseline import Baseline, KernelCase, baseline_of
from inspector.checks.fleet.part import Part
from inspector.checks.fleet.summarise import Asked
from inspector.kvm.cases import agreed, candidates_of, left_out
from inspector.policies.model import Policy
from inspector.progress import Progress
from inspector.registers.bits import ones
from inspector.registers.catalog import by_id


def baseline_under_each(
    part: Part,
    policy: Policy | None,
    candidates: Sequence[Policy] = (),
    said: Progress | None = None,
    asked: Asked | None = None,
) -> Baseline:
    """The baseline under `policy`, with a case for each other answer that another of `candidates` gives.

    No cases where all agree. Raises InspectorError as `baseline_of` does.
    """
    if policy is None or not candidates:
        return baseline_of(part, policy, said, asked)
    answers = {one.name: baseline_of(part, one, said, asked) for one in candidates_of(policy, candidates)}
    alike: dict[tuple[object, ...], list[str]] = {}
    for name, answer in answers.items():
        alike.setdefault(_told(answer), []).append(name)
    chosen = answers[policy.name]
    if spared := left_out(policy, candidates):
        chosen = msgspec.structs.replace(chosen, notes=(*chosen.notes, spared))
    if len(alike) == 1:
        return chosen
    first = [answers[names[0]] for names in alike.values()]
    open_fields = _open_fields(first)
    cases = tuple(
        KernelCase(kernels=tuple(names), outcome=answer.outcome, told=_differing(answer, first, open_fields))
        for names, answer in zip(alike.values(), first, strict=True)
    )
    return msgspec.structs.replace(chosen, cases=cases)


def _told(answer: Baseline) -> tuple[object, ...]:
    """All that a baseline answers, to be compared."""
    return (
        answer.outcome, tuple(sorted(answer.values.items())), tuple(sorted(answer.known.items())),
        tuple(sorted(answer.changes.items())), tuple(_obstacles(answer)), tuple(_lists(answer)),
        tuple((one.id, one.name) for one in answer.unknown),
        tuple((one.id, one.field) for one in answer.obstacles if not one.certain),
    )  # fmt: skip


def _obstacles(answer: Baseline) -> list[str]:
    return [one.register + f".{one.field}" * bool(one.field) for one in answer.obstacles if one.certain]


def _lists(answer: Baseline) -> list[str]:
    return [one.group.feature for one in answer.lists]


def _open_fields(answers: Sequence[Baseline]) -> list[tuple[int, str, int, int]]:
    """(register, name, msb, lsb) of every field, or whole register, whose common value is not the same in all."""
    found = []
    for reg_id in dict.fromkeys(i for answer in answers for i in answer.values):
        register = by_id(reg_id)
        spans: list[tuple[str, int, int]] = []
        if register.schema and all(reg_id in answer.values for answer in answers):
            spans = [(s.name, s.msb, s.lsb) for s in register.schema.spans if not s.reserved]
        for name, msb, lsb in spans or [("", 8 * register.size - 1, 0)]:
            if not agreed([_common(answer, reg_id, msb, lsb) for answer in answers]):
                found.append((reg_id, register.name + f".{name}" * bool(name), msb, lsb))
    return found


def _common(answer: Baseline, reg_id: int, msb: int, lsb: int) -> str:
    """`0x2`, `?` where it is not known; words where not all hosts can show the register alike."""
    mask = ones(msb - lsb + 1)
    if reg_id not in answer.values:
        return "has no value that all can show"
    known = answer.known.get(reg_id, -1) >> lsb & mask
    return f"{answer.values[reg_id] >> lsb & mask:#x}" if known == mask else "?"


def _differing(
    answer: Baseline, answers: Sequence[Baseline], fields: Sequence[tuple[int, str, int, int]]
) -> tuple[str, ...]:
    """What this answer says that another does not."""
    told = [f"{name} {_common(answer, reg_id, msb, lsb)}" for reg_id, name, msb, lsb in fields]
    for what, names in (("stands in the way", _obstacles), ("only some hosts list", _lists)):
        shared = set.intersection(*(set(names(one)) for one in answers))
        told += [f"{name}: {what}" for name in dict.fromkeys(names(answer)) if name not in shared]
    return tuple(told)
