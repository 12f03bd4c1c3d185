"""From vCPUs to a part: each is packed, its content looked up, and only what is new is kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from heapq import nsmallest

from inspector.checks.compare.sets import is_feature_register
from inspector.checks.fleet.packing import digest_of, packer, shape_bytes
from inspector.checks.fleet.part import (
    COUNTED,
    NAMED,
    Aim,
    Group,
    Member,
    Part,
    Question,
    Skipped,
    Unread,
    content_digest,
    first_notes,
)
from inspector.registers.ids import PMCR_EL0
from inspector.registers.secrets import is_secret
from inspector.sources.dump import Vcpu

Masks = tuple[tuple[int, str], ...]


def is_kept(reg_id: int, question: Question) -> bool:
    """True for a register whose value stays in a part: what host and kernel decide, and the number of PMU counters."""
    return is_feature_register(reg_id) or (question == "baseline" and reg_id == PMCR_EL0)


class _Layout:
    """How the registers of a vCPU of one list are taken apart. `whole`: those of which every bit has a value."""

    def __init__(
        self, ids: tuple[int, ...], valued: frozenset[int], whole: frozenset[int], question: Question, secrets_out: bool
    ) -> None:
        every = question == "compare-all"
        kept = [reg_id in valued and (every or is_kept(reg_id, question)) for reg_id in ids]
        self.shape = shape_bytes(ids, kept)
        self.digest = digest_of(self.shape)
        self.kept = packer(tuple(reg_id for reg_id, one in zip(ids, kept, strict=True) if one))
        told = [i for i in ids if i in valued and not (secrets_out and is_secret(i))]
        self.told = packer(tuple(told))
        self.state = () if every else tuple(i for i in told if i in whole and not is_feature_register(i))
        self.compared = digest_of(self.digest + b"".join(reg_id.to_bytes(8, "little") for reg_id in self.state))
        """of the list and of what is known as a whole: one list may have several"""


@lru_cache(maxsize=256)
def _layout(listed: tuple[int, ...], question: Question, secrets_out: bool) -> _Layout:
    """The layout of a vCPU all of whose registers have a value, in the order of its source."""
    valued = frozenset(listed)
    return _Layout(tuple(sorted(listed)), valued, valued, question, secrets_out)


def _apart(vcpu: Vcpu, question: Question, secrets_out: bool) -> tuple[Mapping[int, int], Masks, _Layout]:
    """(values, masks, layout) of a vCPU of which some registers are known in part, or not at all."""
    given = {**vcpu.values, **{i: c.value & c.mask for i, c in vcpu.constraints.items()}}
    ids = tuple(sorted({*given, *vcpu.errors}))
    masks = tuple(sorted((i, f"{c.mask:x}") for i, c in vcpu.constraints.items()))
    whole = frozenset(vcpu.values)
    return given, masks, _Layout(ids, frozenset(given), whole, question, secrets_out)


class Tally:
    """The part of some vCPUs, while it grows."""

    def __init__(self, question: Question, secrets_out: bool = False, aim: Aim | None = None) -> None:
        self.question: Question = question
        self.aim = aim
        self.dumps = self.subjects = 0
        self.notes: list[tuple[int, str]] = []
        self._unread = 0
        self._skipped: list[Skipped] = []
        self._secrets_out = secrets_out
        self._found: dict[bytes, tuple[Group, list[Member]]] = {}
        self._counts: dict[bytes, int] = {}
        self._contents: set[bytes] = set()
        self._contents_cut = False
        self._pieces: dict[bytes, bytes] = {}
        self._state: dict[int, int | None] = {}
        self._alike: dict[bytes, tuple[int, ...]] = {}
        """layout (`compared`) -> registers of the guest's own state of which one value was seen so far"""

    def add(self, vcpu: Vcpu, about: bytes, member: Member) -> None:
        """Take in one vCPU. `about`: what else makes it another content."""
        values: Mapping[int, int] = vcpu.values
        masks: Masks = ()
        if vcpu.constraints or vcpu.errors:
            values, masks, layout = _apart(vcpu, self.question, self._secrets_out)
        else:
            layout = _layout(tuple(values), self.question, self._secrets_out)
        told = digest_of(about)
        packed = layout.kept.pack(values)
        digest = content_digest(vcpu.kind, told, layout.digest, masks, packed)
        self.subjects += 1
        if digest not in self._found:
            self._pieces[told], self._pieces[layout.digest] = about, layout.shape
            self._found[digest] = (Group(vcpu.kind, told, layout.digest, masks, packed, 1, ()), [])
            self._counts[digest] = 0
        self._counts[digest] += 1
        members = self._found[digest][1]
        members.append(member)
        if len(members) > 8 * NAMED:
            members[:] = nsmallest(NAMED, members)
        if self.question in ("baseline", "migrate"):
            return  # the guest's own state plays no part
        self._add_content(digest_of(repr(masks).encode() + layout.digest + layout.told.pack(values)))
        self._note_state(layout, values)

    def skip(self, one: Skipped) -> None:
        """Count a source that cannot be read."""
        self._unread += 1
        self._skipped.append(one)
        if len(self._skipped) > 8 * NAMED:
            self._skipped = nsmallest(NAMED, self._skipped)

    def _add_content(self, digest: bytes) -> None:
        self._contents.add(digest)
        if len(self._contents) > 2 * COUNTED:
            self._contents = set(nsmallest(COUNTED, self._contents))
            self._contents_cut = True

    def _note_state(self, layout: _Layout, values: Mapping[int, int]) -> None:
        alike = self._alike.get(layout.compared, layout.state)
        state, differ = self._state, False
        for reg_id in alike:
            value = values[reg_id]
            if state.setdefault(reg_id, value) != value:
                state[reg_id] = None
                differ = True
        if differ or layout.compared not in self._alike:
            self._alike[layout.compared] = tuple(i for i in alike if state[i] is not None)

    def part(self) -> Part:
        """The part of everything that was added."""
        if len(self._contents) > COUNTED:
            self._contents = set(nsmallest(COUNTED, self._contents))
            self._contents_cut = True
        notes, notes_cut = first_notes(self.notes)
        groups = {
            digest: Group(
                group.kind, group.about, group.shape, group.masks, group.values, self._counts[digest],
                tuple(nsmallest(NAMED, members)),
            )
            for digest, (group, members) in self._found.items()
        }  # fmt: skip
        return Part(
            question=self.question,
            aim=self.aim if self.dumps or self._unread else None,
            dumps=self.dumps,
            subjects=self.subjects,
            groups=groups,
            pieces=self._pieces,
            state={i: "" if value is None else f"{value:x}" for i, value in self._state.items()},
            contents=frozenset(self._contents),
            contents_cut=self._contents_cut,
            secrets_out=self._secrets_out,
            notes=notes,
            notes_cut=notes_cut,
            unread=Unread(self._unread, tuple(nsmallest(NAMED, self._skipped))),
        )
