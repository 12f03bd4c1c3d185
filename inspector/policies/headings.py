"""What the files of kernels' policies say of themselves, without their rules, which take twenty times as long."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from inspector.policies.points import text_of
from inspector.readable import readable
from inspector.toml_text import plain_as_json, read_toml


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy rests on."""

    evidence: str
    """see `model.Evidence`"""
    recorded: tuple[str, ...] = ()
    """exact releases whose recordings agree with it"""


@lru_cache(maxsize=256)
def heading(name: str) -> Heading:
    """The head of a shipped policy's file."""
    head = text_of("kernels", name)[0].partition("\n[[rule]]")[0]
    try:
        return msgspec.json.decode(plain_as_json(head, "rule"), type=readable(Heading))
    except msgspec.DecodeError:
        return msgspec.convert(read_toml(head), readable(Heading))
