"""What is kept of any number of dumps: distinct contents with how many have them and some names, and nothing else.

`merge` is associative and commutative, and `empty` is its identity, so that dumps may be summarised where they are,
in any order and grouping: the part of all of them is the same. A part grows with distinct contents, not with hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Annotated, Literal

import msgspec

from inspector.checks.fleet.packing import digest_of
from inspector.errors import LONGEST, InspectorError, encodable, one_line, short_line
from inspector.policies.setup import Gic
from inspector.sources.dump import Kind

Question = Literal["compare", "compare-all", "baseline", "migrate"]
"""What a part answers. compare-all: every register counts, else those that host and kernel decide."""

NAMED = 64
"""Hosts of a group, and notes, that are named; the first of them in the order of the positions. The rest is counted."""
COUNTED = 1 << 14
"""So many distinct contents are counted exactly; of more, the smallest digests give an estimate."""


class Member(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One vCPU or host of a group."""

    position: int
    """of its dump in the list that was given"""
    vcpu: int
    label: str
    source: str
    host: str = ""


class Skipped(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A source that could not be read."""

    position: int
    source: str
    reason: str
    """one line, without the source"""


class Unread(msgspec.Struct, frozen=True, array_like=True):
    """Sources of which nothing is known, as they could not be read, and which were passed over (`--skip-unreadable`).

    A file of many dumps, such as a part, counts once: nobody knows how many there are.
    """

    count: int = 0
    named: Annotated[tuple[Skipped, ...], msgspec.Meta(max_length=NAMED)] = ()
    """ascending, the first NAMED of them"""

    def __bool__(self) -> bool:
        return self.count > 0

    def and_of(self, other: Unread) -> Unread:
        """Those of both."""
        return Unread(self.count + other.count, tuple(nsmallest(NAMED, (*self.named, *other.named))))


def member(position: int, vcpu: int, label: str, source: str, host: str) -> Member:
    """One vCPU or host; its names come from the system, which has names that are no text."""
    return Member(position, vcpu, encodable(label), encodable(source), encodable(host))


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Subjects of one content."""

    kind: Kind
    about: bytes
    """digest of the piece that tells what else was asked of them: `Part.pieces`"""
    shape: bytes
    """digest of the piece that lists their registers (`packing.shape_bytes`)"""
    masks: Annotated[tuple[tuple[int, str], ...], msgspec.Meta(max_length=1 << 16)]
    """(id, mask in hex) of registers that are known only in part"""
    values: bytes
    """packed values, by the shape"""
    count: int
    members: Annotated[tuple[Member, ...], msgspec.Meta(max_length=NAMED)]
    """ascending"""

    @property
    def digest(self) -> bytes:
        """The same for equal contents."""
        return content_digest(self.kind, self.about, self.shape, self.masks, self.values)


def content_digest(kind: str, about: bytes, shape: bytes, masks: tuple[tuple[int, str], ...], values: bytes) -> bytes:
    """What tells contents apart; both digests have 16 bytes."""
    told = repr(masks).encode() if masks else b""
    return digest_of(b"".join((kind.encode(), b"\0", about, shape, told, b"\0", values)))


class Toward(msgspec.Struct, frozen=True, kw_only=True):
    """The destination of all of them, as the arguments of `migrate` say it."""

    destination: str
    """what the user calls it"""
    dump: bytes = b""
    """of the destination, as `written` gives it: another machine may not have the file; nothing for `same-host`"""
    kernel: str | None = None
    vmm: str = ""
    features: str | None = None
    gic: Gic | None = None
    host: str = ""
    assume: Literal["core"] | None = None


class Aim(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What the dumps of a part were asked about, where the question alone does not say it: a destination."""

    digest: bytes
    """the same for equal destinations that are asked alike"""
    label: str
    """what the user called it"""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out of some dumps."""

    question: Question
    aim: Aim | None = None
    """for `migrate`; None for a part of no dumps"""
    dumps: int = 0
    subjects: int = 0
    groups: Mapping[bytes, Group] = {}
    """by the digest of their content"""
    pieces: Mapping[bytes, bytes] = {}
    """what many groups have in common, by its digest"""
    state: Mapping[int, str] = {}
    """register of the guest's own state -> its value in hex, empty where several were seen"""
    contents: frozenset[bytes] = frozenset()
    """the COUNTED smallest digests of everything that a subject holds"""
    contents_cut: bool = False
    """more than COUNTED were seen"""
    secrets_out: bool = False
    """registers that hold a guest's secrets are in neither `state` nor `contents`"""
    notes: tuple[tuple[int, str], ...] = ()
    """(position, sentence), the first NAMED"""
    notes_cut: bool = False
    unread: Unread = Unread()
    """what was passed over; none of it counts in `dumps`"""

    @property
    def distinct(self) -> int:
        """How many different contents there are; an estimate where `contents_cut`.

        The k-th smallest of n evenly spread digests lies at k/n of their range.
        """
        if not self.contents_cut:
            return len(self.contents)
        return (len(self.contents) - 1) * (1 << 128) // int.from_bytes(max(self.contents), "big")


def in_order(part: Part) -> list[Group]:
    """The groups by their first members; by content where several have the same one.

    Such are two vCPUs of one number, and hosts of two parts that were read under the same names.
    """
    rows = sorted((group.members[0], digest) for digest, group in part.groups.items())
    return [part.groups[digest] for _, digest in rows]


def nothing_read(part: Part) -> InspectorError | None:
    """The error for a part of which every source was passed over; None where none was."""
    if part.dumps or not part.unread:
        return None
    first = part.unread.named[0]
    return InspectorError(f"none of {part.unread.count} sources could be read; the first: {first.reason}", first.source)


def empty(question: Question, secrets_out: bool = False) -> Part:
    """The part of no dumps."""
    return Part(question=question, secrets_out=secrets_out)


def skipped(position: int, source: str, error: InspectorError) -> Skipped:
    """The source that is called `source`, which ended in `error`. Its hint is for one source, not for many."""
    within = f"{error.where}: " if error.where not in ("", source) else ""
    return Skipped(position, encodable(source), short_line(within + error.what, LONGEST))


def merge(one: Part, other: Part) -> Part:
    """The part of the dumps of both. Raises InspectorError for parts that answer different questions."""
    return merge_all((one, other))


def merge_all(parts: Iterable[Part]) -> Part:
    """The part of the dumps of all. Raises InspectorError for none, and for parts that answer different questions."""
    total: Sum | None = None
    for part in parts:
        total = total or Sum(part.question, part.secrets_out)
        total.add(part)
    if total is None:
        raise InspectorError("nothing to merge", "", "name at least one part")
    return total.part()


class Sum:
    """Parts added one after the other, in place."""

    def __init__(self, question: Question, secrets_out: bool = False) -> None:
        self.question: Question = question
        self.aim: Aim | None = None
        self.secrets_out = secrets_out
        self.dumps = self.subjects = 0
        self._groups: dict[bytes, Group] = {}
        self._pieces: dict[bytes, bytes] = {}
        self._state: dict[int, str] = {}
        self._contents: set[bytes] = set()
        self._contents_cut = self._notes_cut = False
        self._notes: tuple[tuple[int, str], ...] = ()
        self._unread = Unread()

    def add(self, part: Part) -> None:
        """Take in `part`. Raises InspectorError when it answers another question."""
        if (part.question, part.secrets_out) != (self.question, self.secrets_out):
            raise InspectorError("parts of different questions do not merge", f"{self.question} and {part.question}")
        self._add_aim(part.aim)
        self.dumps += part.dumps
        self.subjects += part.subjects
        self._pieces.update(part.pieces)
        groups = self._groups
        for digest, group in part.groups.items():
            have = groups.get(digest)
            groups[digest] = group if have is None else _joined(have, group)
        self._add_state(part.state)
        self._contents |= part.contents
        self._contents_cut |= part.contents_cut
        if len(self._contents) > 2 * COUNTED:
            self._cut()
        if part.notes:
            self._notes, cut = first_notes((*self._notes, *part.notes))
            self._notes_cut |= cut
        self._notes_cut |= part.notes_cut
        if part.unread:
            self._unread = self._unread.and_of(part.unread)

    def _add_aim(self, aim: Aim | None) -> None:
        if aim is None or self.aim is None:
            self.aim = self.aim or aim
            return
        if aim.digest != self.aim.digest:
            where = one_line(f"{self.aim.label} and {aim.label}")
            hint = "make them with one destination and the same options for it"
            raise InspectorError("parts about different destinations do not merge", where, hint)
        self.aim = min(self.aim, aim)  # one destination may have several names

    def _add_state(self, state: Mapping[int, str]) -> None:
        own = self._state
        for reg_id, value in state.items():
            if own.setdefault(reg_id, value) != value:
                own[reg_id] = ""

    def _cut(self) -> None:
        if len(self._contents) > COUNTED:
            self._contents = set(nsmallest(COUNTED, self._contents))
            self._contents_cut = True

    def part(self) -> Part:
        """The part of everything that was added."""
        self._cut()
        return Part(
            question=self.question,
            aim=self.aim,
            dumps=self.dumps,
            subjects=self.subjects,
            groups=self._groups,
            pieces=self._pieces,
            state=self._state,
            contents=frozenset(self._contents),
            contents_cut=self._contents_cut,
            secrets_out=self.secrets_out,
            notes=self._notes,
            notes_cut=self._notes_cut,
            unread=self._unread,
        )


def first_notes(notes: Iterable[tuple[int, str]]) -> tuple[tuple[tuple[int, str], ...], bool]:
    """(the first NAMED different notes, whether there were more)."""
    found = sorted(set(notes))
    return tuple(found[:NAMED]), len(found) > NAMED


def _joined(one: Group, other: Group) -> Group:
    members = tuple(nsmallest(NAMED, (*one.members, *other.members)))
    return msgspec.structs.replace(one, count=one.count + other.count, members=members)
