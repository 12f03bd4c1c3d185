"""The file form of a part: MessagePack, versioned. What it holds is checked, as any file's content is.

A file is `[FORMAT, VERSION, body]`; the body is a map whose members are those of `_Body`, and unknown ones are passed
over, so that version 1 can grow. Digests are not stored: they follow from the contents.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, NamedTuple

import msgspec

from inspector.budget import RECORDS, STEPS, Budget
from inspector.checks.fleet.packing import WORD, digest_of, packer, shape_of
from inspector.checks.fleet.part import COUNTED, NAMED, Aim, Group, Part, Question, Sum, Unread, skipped
from inspector.checks.fleet.summarise import Asked, advised
from inspector.checks.fleet.tally import Tally
from inspector.errors import SourceError
from inspector.progress import Progress
from inspector.readable import readable
from inspector.registers.encoding import is_demux
from inspector.sources.jsontext import bits_of, is_id

FORMAT = "vcpu-inspector-part"
VERSION = 2
"""1: nothing was left unread; a program that reads only this one must not take such a part for a whole one"""

_Digest = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_WRITTEN_BY = "`compare` and `migrate` write one with --partial FILE"
_HEX = 514
_MOST_COUNTED = 1 << 40
"""vCPUs of all hosts there are; sums of such numbers stay what MessagePack can hold."""
_MOST_SIZE_CODE = 8
"""Registers of 2048 bits; KVM has no wider one."""


_ASKED_BY: dict[Question, str] = {
    "compare": "compare", "compare-all": "compare --all", "baseline": "compare --baseline", "migrate": "migrate",
}  # fmt: skip


_ALL_READ = Unread()


class _Body(msgspec.Struct, kw_only=True, omit_defaults=True):
    question: Question
    aim: Aim | None = None
    dumps: Annotated[int, msgspec.Meta(ge=0)]
    subjects: Annotated[int, msgspec.Meta(ge=0)]
    groups: list[msgspec.Raw]
    """each a `Group`"""
    pieces: list[bytes]
    state: Annotated[dict[int, str], msgspec.Meta(max_length=RECORDS.most)] = {}
    contents: Annotated[list[_Digest], msgspec.Meta(max_length=COUNTED)] = []
    contents_cut: bool = False
    secrets_out: bool = False
    notes: Annotated[list[tuple[int, str]], msgspec.Meta(max_length=NAMED)] = []
    notes_cut: bool = False
    unread: Unread = _ALL_READ


_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(readable(Group))


class _File(msgspec.Struct, array_like=True):
    format: str
    version: int
    body: msgspec.Raw


def encode_part(part: Part) -> bytes:
    """`part` as bytes; equal parts give equal bytes."""
    body = _Body(
        question=part.question,
        aim=part.aim,
        dumps=part.dumps,
        subjects=part.subjects,
        groups=[msgspec.Raw(_encoder.encode(part.groups[digest])) for digest in sorted(part.groups)],
        pieces=[part.pieces[digest] for digest in sorted(part.pieces)],
        state=dict(sorted(part.state.items())),
        contents=sorted(part.contents),
        contents_cut=part.contents_cut,
        secrets_out=part.secrets_out,
        notes=list(part.notes),
        notes_cut=part.notes_cut,
        unread=part.unread or _ALL_READ,
    )
    version = VERSION if part.unread else 1
    return msgspec.msgpack.encode(_File(FORMAT, version, msgspec.Raw(msgspec.msgpack.encode(body))))


def decode_part(data: bytes, where: str, budget: Budget | None = None) -> Part:
    """The part that `data` holds. Raises SourceError for anything else, and for what costs more than a `budget`."""
    try:
        file = msgspec.msgpack.decode(data, type=readable(_File))
        if file.format != FORMAT:
            raise SourceError("is not a part", where, _WRITTEN_BY)
        if not 1 <= file.version <= VERSION:
            hint = f"this program reads versions 1 to {VERSION}; a newer one may read it"
            raise SourceError(f"is a part of version {file.version}", where, hint)
        body = msgspec.msgpack.decode(file.body, type=readable(_Body))
        return _checked(body, _groups(body, budget))
    except msgspec.MsgspecError as error:
        raise SourceError(f"is not a part ({error})", where, _WRITTEN_BY) from None
    except (ValueError, OverflowError, RecursionError, UnicodeDecodeError) as error:
        raise SourceError(f"is a damaged part ({error})", where) from None


def _groups(body: _Body, budget: Budget | None) -> list[Group]:
    """The groups, one after the other: a part of a few megabytes could have a million of them. Raises SourceError for
    what costs more than a `budget`, and ValueError."""
    if len(body.pieces) > 2 * len(body.groups):
        raise ValueError("more lists and texts than its groups have")
    if budget is not None:
        budget.spend(STEPS, _OF_A_GROUP * len(body.groups))
    groups = []
    for raw in body.groups:
        try:
            group = _decoder.decode(raw)
        except msgspec.MsgspecError as error:
            raise ValueError(f"a group: {error}") from None
        if budget is not None and group.masks:
            budget.spend(STEPS, len(group.masks))
        groups.append(group)
    if budget is not None:
        _weigh(body, groups, budget)
    return groups


def _weigh(body: _Body, groups: Sequence[Group], budget: Budget) -> None:
    """What the report takes that a part of somebody else asks for: it costs with lists and registers. Raises
    SourceError."""
    shapes = {group.shape for group in groups}
    lists = [piece for piece in body.pieces if digest_of(piece) in shapes]
    budget.spend(STEPS, _OF_A_LIST * len(lists) + sum(len(piece) // _OF_AN_ID for piece in lists))
    budget.spend(
        RECORDS, len({piece[at : at + 8] for piece in lists for at in range(0, 8 * (len(piece) // _OF_AN_ID), 8)})
    )


_OF_A_GROUP, _OF_A_LIST = 10, 20
"""Steps of work"""
_OF_AN_ID = 9
"""Bytes of a list: `packing.shape_bytes`"""


def _checked(body: _Body, given: Sequence[Group]) -> Part:
    pieces = {digest_of(piece): piece for piece in body.pieces}
    groups: dict[bytes, Group] = {}
    if not all(group.about in pieces and group.shape in pieces for group in given):
        raise ValueError("a group lacks its list of registers")
    for about in {group.about for group in given}:
        pieces[about].decode()
    for group in given:
        _check_group(group, _list_of(pieces[group.shape]))
        if groups.setdefault(group.digest, group) is not group:
            raise ValueError("one content stands in two groups")
    for reg_id, value in body.state.items():
        _check_number(reg_id, value)
    _check_counts(body, given)
    return Part(
        question=body.question,
        aim=body.aim,
        dumps=body.dumps,
        subjects=body.subjects,
        groups=groups,
        pieces=pieces,
        state=body.state,
        contents=frozenset(body.contents),
        contents_cut=body.contents_cut,
        secrets_out=body.secrets_out,
        notes=tuple(body.notes),
        notes_cut=body.notes_cut,
        unread=body.unread,
    )


def _check_counts(body: _Body, groups: Sequence[Group]) -> None:
    """Raises ValueError for numbers that no dumps give."""
    if body.subjects != sum(group.count for group in groups):
        raise ValueError("the groups do not add up to the subjects")
    if not bool(body.subjects) <= body.dumps <= body.subjects <= _MOST_COUNTED:
        raise ValueError("there are not so many dumps")
    if len(set(body.contents)) < len(body.contents):
        raise ValueError("one digest stands there twice")
    unread = body.unread
    if len(unread.named) != min(unread.count, NAMED) or unread.count > _MOST_COUNTED:
        raise ValueError("the sources that could not be read do not fit their number")
    if list(unread.named) != sorted(unread.named):
        raise ValueError("the sources that could not be read are not in order")
    if body.contents_cut and len(body.contents) < COUNTED:
        raise ValueError("fewer digests than the part says")


class _List(NamedTuple):
    """A list of registers, and what the packed values of a group of it have to be."""

    ids: frozenset[int]
    size: int
    narrow: tuple[tuple[int, int, int], ...]
    """(first byte, byte behind the last, first value that is too wide) of registers that do not fill their words"""


@lru_cache(maxsize=512)
def _list_of(shape: bytes) -> _List:
    """Raises ValueError for ids that no dump gives."""
    ids, kept = shape_of(shape)
    for reg_id in ids:
        _check_size(reg_id)
    pack = packer(kept)
    rows = zip(kept, pairwise(pack.places), strict=True)
    narrow = [(WORD * a, WORD * b, 1 << _widest(i)) for i, (a, b) in rows if _widest(i) < 8 * WORD * (b - a)]
    return _List(frozenset(ids), pack.size, tuple(narrow))


def _check_group(group: Group, listed: _List) -> None:
    """Raises ValueError for a group that no dump gives."""
    if len(group.values) != listed.size:
        raise ValueError("a group's values do not fit its list of registers")
    for first, last, limit in listed.narrow:
        if int.from_bytes(group.values[first:last], "little") >= limit:
            raise ValueError("a value is wider than its register")
    for reg_id, mask in group.masks:
        _check_number(reg_id, mask)
        if reg_id not in listed.ids:
            raise ValueError("a mask of a register that is not listed")
    members = group.members
    if not 1 <= len(members) <= group.count or list(members) != sorted(members):
        raise ValueError("a group's members do not fit their number")


def _widest(reg_id: int) -> int:
    """Bits that a value may have. CCSIDR_EL1 of a host with FEAT_CCIDX has 64, though KVM's ids for it have 32."""
    return 64 if is_demux(reg_id) else bits_of(reg_id)


def _check_size(reg_id: int) -> None:
    if not is_id(reg_id):
        raise ValueError("an id that is not an arm64 register's")
    if reg_id >> 52 & 0xF > _MOST_SIZE_CODE:
        raise ValueError("a register of more than 2048 bits")


def _check_number(reg_id: int, text: str) -> None:
    _check_size(reg_id)
    if len(text) > _HEX or (text and (not text.isascii() or not text.isalnum())):
        raise ValueError("a value is not spelled in hex digits")
    int(text or "0", 16)


def read_part(path: str) -> Part:
    """The part in a file, plain or compressed. Raises SourceError."""
    from inspector.sources.opening import open_path, open_standard_input

    with open_standard_input() if path == "-" else open_path(path, path) as content:
        return decode_part(content.whole(), path, content.budget)


def merge_files(paths: Sequence[str], asked: Asked, said: Progress | None = None) -> Part:
    """The part of all parts in files.

    Raises SourceError for one that is none, unless `asked.skip`, and for one that answers another question.
    """
    total: Sum | None = None
    lost = Tally(asked.question)
    for done, path in enumerate(paths):
        try:
            part = read_part(path)
        except SourceError as error:
            if not asked.skip:
                raise advised(error, asked.advice) from None
            lost.skip(skipped(done, path, error))
            continue
        if part.question != asked.question:
            other = _ASKED_BY[part.question]
            raise SourceError(f"is a part for another question ({other})", path, "ask that, or give other parts")
        total = total or Sum(part.question, part.secrets_out)
        total.add(part)
        if said is not None:
            said.at(done + 1)
    total = total or Sum(asked.question, asked.secrets_out)
    total.add(msgspec.structs.replace(lost.part(), secrets_out=total.secrets_out))
    return total.part()
