"""The story of the patch that this program began with, told by a patch study: in the screens and as text."""

from __future__ import annotations

from textwrap import wrap
from typing import NamedTuple

from inspector.checks.patch_effect import BEFORE, Effect, PatchStudy, Variant, already_in, differing, variant_of
from inspector.checks.patch_subjects import Subject, subjects
from inspector.errors import one_line
from inspector.policies.loader import patch_named
from inspector.reports.patch_effect import SEEN, cache_words, restored_words, seen_cells, turned
from inspector.reports.text import markdown_table, markdown_text
from inspector.reports.values import number_text

SOURCE = "builtin:neoverse-n2-linux-6.1"
"""A VM saved on a host with FEAT_CCIDX, under a kernel that shows it."""
AS_POSTED, TOLERANT, KEPT = map(variant_of, (("mask-ccidx",), ("mask-ccidx-tolerant",), ("mask-ccidx-keep",)))


class Scene(NamedTuple):
    """One step of the story: what is said, and what the page shows meanwhile."""

    title: str
    told: str
    variant: Variant
    write: int = 0
    """the how-manieth write that is answered differently was just made; 0: all were"""


def scenes(study: PatchStudy) -> tuple[Scene, ...]:
    """The story, in the words that the study's own answers give it."""
    before, posted = study.effect(), study.effect(AS_POSTED)
    tolerant, kept = study.effect(TOLERANT), study.effect(KEPT)
    first, second = (_subject(before, posted, place) for place in (1, 2))
    asked = "What about VMs that were saved before, it was asked in the review."
    accepts = "A handler that accepts the old value and ignores it"
    return (
        Scene("A field is to be hidden", _opening(before, posted), BEFORE),
        Scene(f"The first write that differs: {first[0]}", first[1], AS_POSTED, 1),
        Scene(f"The second: {second[0]}", second[1], AS_POSTED, 2),
        Scene("The patch as posted", _ending(posted, asked), AS_POSTED),
        Scene(accepts, _ending(tolerant, _vanishes(before, tolerant)), TOLERANT),
        Scene("A field that is hidden until userspace sets it", _ending(kept, "Saved VMs keep what they saw."), KEPT),
        Scene("What was merged", _merged(), AS_POSTED),
    )


def _opening(before: Effect, after: Effect) -> str:
    fields = [f"{one.name} {turned(one.before.userspace, one.after.userspace)}" for one in subjects(before, after)]
    reason = next((rule.reason for rule in after.rules), "")
    return (
        f"{AS_POSTED.title}. {reason} New VMs see {', '.join(fields)}; "
        f"{cache_words(before, after) or 'their caches stay'}. Without the patch a VM that was saved on this host "
        f"comes back on {before.title}: {before.headline}."
    )


def _subject(before: Effect, after: Effect, place: int) -> tuple[str, str]:
    """Name and fate of the `place`-th write that is answered differently."""
    reg_id = differing(before, after)[place - 1]
    one = next(one for one in subjects(before, after) if one.id == reg_id)
    old, new = (restored_words(one, sight) for sight in (one.before, one.after))
    reason = one.after.write.reason if one.after.write is not None else ""
    return one.name, f"The saved VM holds {one.saved}. Before: {old}. With the patch: {new}. {reason}"


def _ending(effect: Effect, after: str) -> str:
    return f"{effect.title}: {effect.headline}. {after}"


def _vanishes(before: Effect, after: Effect) -> str:
    found = [one for one in subjects(before, after) if one.after.restored != one.saved]
    fields = " and ".join(f"{number_text(one.after.restored)} in {one.name}" for one in found)
    return f"The VM loads, and its guest then reads {fields}: a feature goes away under a running guest."


def _merged() -> str:
    found = patch_named(AS_POSTED.patches[0])
    return (
        f"It went into Linux {found.merged} ({found.commit}) without such a handler: a VM saved on a host with "
        "FEAT_CCIDX under an older kernel is refused there. On a saved VM of your own, 5 shows this page, and 4 the "
        "failed migration with its ways out."
    )


def _seen(study: PatchStudy, scene: Scene) -> tuple[Subject, ...]:
    """Who sees what, where a scene shows a form of the patch as a whole."""
    before, after = study.effect(), study.effect(scene.variant)
    return () if scene.variant is BEFORE or scene.write or already_in(after) else subjects(before, after)


def story_lines(study: PatchStudy, cells: int) -> list[str]:
    """The story as text, wrapped to a width."""
    lines = [*wrap(one_line(AS_POSTED.series), cells), *wrap(one_line(study.question), cells), ""]
    for place, scene in enumerate(scenes(study), 1):
        lines += wrap(f"{place}. {scene.title}", cells, subsequent_indent="   ")
        lines += [f"   {line}" for line in wrap(one_line(scene.told), cells - 3)]
        for one in _seen(study, scene):
            lines += wrap(one_line(_line(one)), cells, initial_indent="   ", subsequent_indent="     ")
        lines.append("")
    return lines


def _line(one: Subject) -> str:
    """Who sees what of one field, in one line."""
    name, host, userspace, guest, saved, before, after = seen_cells(one)
    said = before if before == after else f"{before} → {after}"
    return f"{name}: host {host}; new VM: userspace {userspace}, guest {guest}; saved VM has {saved}: {said}"


def story_markdown(study: PatchStudy) -> list[str]:
    """The story in Markdown."""
    lines = [f"# {AS_POSTED.series}", "", markdown_text(study.question), ""]
    for place, scene in enumerate(scenes(study), 1):
        lines += [f"## {place}. {scene.title}", "", markdown_text(scene.told), ""]
        if found := _seen(study, scene):
            lines += [*markdown_table(list(SEEN), [seen_cells(one) for one in found]), ""]
    return lines
