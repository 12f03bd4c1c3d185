"""Write to a scratch vCPU and report what KVM answered. Nothing here can reach a vCPU of a running VM."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector.errors import SourceError
from inspector.readable import readable
from inspector.sources.dump import Dump
from inspector.sources.live.source import LiveOptions


class ActualWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One KVM_SET_ONE_REG that really happened."""

    id: int
    value: int
    errno: int
    before: int | None
    """KVM_GET_ONE_REG before it; None when that was refused"""
    after: int | None
    """KVM_GET_ONE_REG right after it; None when that was refused"""


class _Write(msgspec.Struct):
    id: str
    value: str
    errno: int
    before: str | None
    after: str | None


class _Vcpu(msgspec.Struct):
    writes: list[_Write] = []


class _Answer(msgspec.Struct):
    vcpus: list[_Vcpu] = []
    notes: list[str] = []


def write_to_scratch(
    address: str, writes: Sequence[tuple[int, int]], options: LiveOptions | None = None
) -> tuple[Dump, tuple[ActualWrite, ...]]:
    """Write (id, value) pairs in order to one fresh scratch vCPU of `live:` or `ssh://...`.

    Gives the fresh vCPU's dump, read before the first write, and one answer per write. Raises SourceError when no
    scratch vCPU can be made there.
    """
    # What a dialog that only predicts writes has no use for.
    from inspector.sources.live import open_live
    from inspector.sources.live.answers import dump_of
    from inspector.sources.live.here import ThisHost
    from inspector.sources.live.laboratory import Lab
    from inspector.sources.live.remote import RemoteHost

    source = open_live(address, options)
    if not isinstance(source, ThisHost | RemoteHost | Lab):
        raise SourceError("has no scratch vCPU to write to", address, "valid: live:, ssh://[user@]host, lab:KERNEL")
    text = source.answer(writes)
    dump = dump_of(text, source.address)
    try:
        answer = msgspec.json.decode(text, type=readable(_Answer))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceError(f"answered writes with something else: {error}", source.address) from None
    done = tuple(_actual(write) for vcpu in answer.vcpus for write in vcpu.writes)
    if len(done) != len(writes):
        raise SourceError(answer.notes[0] if answer.notes else "no scratch vCPU could be made", source.address)
    return dump, done


def _actual(write: _Write) -> ActualWrite:
    numbers = (None if text is None else int(text, 16) for text in (write.before, write.after))
    before, after = numbers
    return ActualWrite(id=int(write.id, 16), value=int(write.value, 16), errno=write.errno, before=before, after=after)
