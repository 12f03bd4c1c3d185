"""kvm-recordings: questions asked of a real kernel through /dev/kvm, and its answers, one JSON object per line.

`records` gives typed records in the order of the file; nothing is kept, so a recording of any length can be read.
Numbers that are ids or values are hex strings in the file and integers here; errno, features and flags are integers in
both.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import msgspec

from inspector.budget import LINE, STEPS, Budget
from inspector.errors import SourceError
from inspector.readable import readable
from inspector.sources.jsontext import Hex, convert, number


class Recording(msgspec.Struct, frozen=True, tag_field="type", tag="recording"):
    """First line: what was recorded."""

    version: int
    cpu: str = ""
    machine: str = ""
    kernel: str = ""


class HostRegisters(msgspec.Struct, frozen=True, tag_field="type", tag="host"):
    """Raw values read at EL2 before any kernel ran; `ccsidr` by CSSELR_EL1 value."""

    regs: dict[str, Hex] = {}
    ccsidr: dict[str, Hex] = {}
    how: str = ""


class Kernel(msgspec.Struct, frozen=True, tag_field="type", tag="kernel"):
    """uname -r, uname -v and the command line."""

    release: str = ""
    version: str = ""
    cmdline: str = ""


class HostFile(msgspec.Struct, frozen=True, tag_field="type", tag="file"):
    """Text of a file of the host."""

    path: str
    text: str = ""


class El0(msgspec.Struct, frozen=True, tag_field="type", tag="el0"):
    """What MRS of the ID space gave an EL0 process."""

    regs: dict[str, Hex] = {}


class Configuration(msgspec.Struct, frozen=True, tag_field="type", tag="vcpu"):
    """A vCPU configuration starts; nothing follows for it when `init_errno` is not 0."""

    config: str
    features: int
    gicv3: int = 0
    mte: int = 0
    writable_imp_id: int = 0
    init_errno: int = 0


class Get(msgspec.Struct, frozen=True, tag_field="type", tag="get"):
    """One member of KVM_GET_REG_LIST and its KVM_GET_ONE_REG; `value` holds the first 8 bytes."""

    id: Hex
    errno: int = 0
    value: Hex | None = None
    """None in a recording whose answers are missing"""


class Guest(msgspec.Struct, frozen=True, tag_field="type", tag="guest"):
    """What the guest itself read at EL1; no value in a recording whose answers are missing."""

    id: Hex
    value: Hex | None = None


class Set(msgspec.Struct, frozen=True, tag_field="type", tag="set"):
    """One KVM_SET_ONE_REG and the KVM_GET_ONE_REG right after it."""

    phase: str
    id: Hex
    value: Hex
    errno: int | None = None
    after: Hex | None = None


class Odd(msgspec.Struct, frozen=True, tag_field="type", tag="odd"):
    """An id outside the list."""

    id: Hex
    get_errno: int = 0
    value: Hex = Hex(0)
    set_zero_errno: int = 0


class Fresh(msgspec.Struct, frozen=True, tag_field="type", tag="fresh"):
    """A new VM and vCPU of the same configuration."""


class SecondVcpu(msgspec.Struct, frozen=True, tag_field="type", tag="second_vcpu"):
    """A new VM of the same configuration with two vCPUs and no GIC."""


class Run(msgspec.Struct, frozen=True, tag_field="type", tag="run"):
    """A new VM and vCPU, after KVM_RUN was called once."""

    errno: int = 0
    exit_reason: int = 0


class WritableMasks(msgspec.Struct, frozen=True, tag_field="type", tag="writable_masks"):
    """Answer of KVM_ARM_GET_REG_WRITABLE_MASKS on a fresh VM."""

    errno: int | None = None
    masks: dict[str, Hex] = {}


class Note(msgspec.Struct, frozen=True, tag_field="type", tag="note"):
    """Something that the recorder could not do."""

    text: str = ""


class Caps(msgspec.Struct, frozen=True, tag_field="type", tag="caps"):
    """KVM_CHECK_EXTENSION answers; names that this program does not know are in `answers` of the raw line only."""

    answers: dict[str, int] = {}


Typed = (
    Recording
    | HostRegisters
    | Kernel
    | HostFile
    | El0
    | Configuration
    | Get
    | Guest
    | Set
    | Odd
    | Fresh
    | SecondVcpu
    | Run
    | WritableMasks
    | Note
)
Record = Typed | Caps
"""Any line of a recording."""

_DECODER: msgspec.json.Decoder[Typed] = msgspec.json.Decoder(readable(cast(Any, Typed)), dec_hook=convert)
_ANY = msgspec.json.Decoder(dict[str, int | str])


def records(lines: Iterable[bytes], where: str, without: tuple[str, ...] = ()) -> Iterator[Record]:
    """Typed records of `lines`, in their order; lines of the types in `without` are passed over undecoded.

    Raises SourceError, naming the line, for anything that is no record. Blank lines are allowed.
    """
    passed = tuple(f'{{"type":"{name}"'.encode() for name in without)
    for count, line in enumerate(lines, 1):
        if passed and line.startswith(passed):
            continue
        if not line.strip():
            continue
        try:
            if line.startswith((b'{"type":"caps"', b'{"type": "caps"')):
                answers = _ANY.decode(line)
                yield Caps({k: v for k, v in answers.items() if isinstance(v, int)})
            else:
                yield _DECODER.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError) as error:
            ends = "" if line.endswith(b"\n") else "; the line is cut short"
            raise SourceError(f"line {count} is not a record of a recording ({error}){ends}", where) from None


def read_lines(stream: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """Lines of a stream; raises SourceError for a line of 1 MiB or more, and for more lines than anybody records."""
    rest = b""
    read = getattr(stream, "read1", stream.read)
    while block := read(_BLOCK):
        text = rest + block
        cut = text.rfind(b"\n") + 1
        rest = text[cut:]
        yield from _counted(io.BytesIO(text[:cut]).readlines(), budget)
        budget.check(LINE, len(rest))
    yield from _counted([rest] if rest else [], budget)


_BLOCK = 1 << 18


def _counted(lines: list[bytes], budget: Budget) -> list[bytes]:
    """The lines, with what they cost taken from the budget."""
    sizes = list(map(len, lines))
    budget.check(LINE, max(sizes, default=0))
    budget.spend(STEPS, len(sizes) + sum([size // 128 for size in sizes]))
    return lines


def by_id(mapping: dict[str, Hex], where: str) -> dict[int, int]:
    """A record's `{"0x...": value}` mapping with integer keys. Raises SourceError for other keys."""
    try:
        return {number(key): int(value) for key, value in mapping.items()}
    except ValueError as error:
        raise SourceError(f"a key is not a number ({error})", where) from None
