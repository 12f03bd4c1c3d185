"""What BEFORE -> AFTER does for guests and for saved VMs: one review for each host, and one answer for all."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.checks.review.cases import pairs_of
from inspector.checks.review.compare import (
    answers_masks,
    listed_by_one,
    qemu_properties,
    refused,
    releases,
    restores,
    shown_differently,
    unlike_the_model,
    writable_differently,
)
from inspector.checks.review.effects import RANK, effects_of
from inspector.checks.review.result import Effect, HostReview, Review
from inspector.checks.review.sides import Side
from inspector.errors import InspectorError
from inspector.policies.release import Choice
from inspector.sources.dump import Dump


def review_host(before: Side, after: Side, host: Dump | None, features: str) -> HostReview:
    """Compare the two sides on one host. `host`: its raw registers, where older releases can be modelled on it."""
    pairs = pairs_of(before, after)
    forwards, back = refused(pairs), refused(pairs, back=True)
    appear, vanish = (listed_by_one(pairs, anew=anew) for anew in (True, False))
    qemu, qemu_says = qemu_properties(before, after) if forwards or back or appear or vanish else ((), "")
    found = HostReview(
        cpu=before.cpu, before=before.label, after=after.label,
        appear=appear, vanish=vanish,
        shown=shown_differently(pairs), writable=writable_differently(pairs),
        masks=(answers_masks(before), answers_masks(after)), forwards=forwards, back=back,
        unlike=unlike_the_model(before, after, forwards), restores=tuple(restores(pairs)),
        releases=tuple(releases(before, after, host, features)) if host is not None else (),
        qemu=qemu, qemu_says=qemu_says, notes=(*before.notes, *after.notes),
    )  # fmt: skip
    return msgspec.structs.replace(found, effects=tuple(effects_of(found, after)))


def summed_up(hosts: Sequence[HostReview]) -> tuple[Effect, ...]:
    """Every effect once, with its CPU models, the worst first."""
    found: dict[Effect, list[str]] = {}
    for host in hosts:
        for effect in host.effects:
            found.setdefault(effect, []).append(host.cpu)
    merged = [msgspec.structs.replace(one, cpus=tuple(dict.fromkeys(cpus))) for one, cpus in found.items()]
    return tuple(sorted(merged, key=lambda effect: RANK[effect.severity]))


def whole(
    titles: tuple[str, str], choices: Sequence[Choice], features: str, hosts: Sequence[HostReview], notes: Sequence[str]
) -> Review:
    """The answer for all hosts. `choices`: how the policies were chosen, for sides that are kernels by name."""
    if not hosts:
        raise InspectorError("no host gives such a vCPU", "review", notes[-1] if notes else "")
    doubts = tuple(one.explanation for one in choices if one.certainty == "outside")
    told = (*(one.text for one in choices if one.text), *notes, *(note for host in hosts for note in host.notes))
    return Review(
        before=titles[0], after=titles[1], features=features, hosts=tuple(hosts), effects=summed_up(hosts),
        doubts=doubts, notes=tuple(one for one in dict.fromkeys(told) if one not in doubts),
    )  # fmt: skip
