"""Firecracker's JSON (fingerprints, templates) with the bitmaps of single registers replaced, letter by letter."""

from __future__ import annotations

import re
from collections.abc import Mapping

from inspector.numbers import parse_number
from inspector.sources.edits.change import Changes
from inspector.sources.edits.plain import spread, text_of

_OBJECT = re.compile(r"\{[^{}]*\}")
_ADDRESS = re.compile(r'"addr"\s*:\s*"?(0[xX][0-9a-fA-F_]+|[0-9]+)"?')
_BITMAP = re.compile(r'("bitmap"\s*:\s*")0b([01_]+)(")')


def edited(data: bytes, changes: Mapping[int, Changes], where: str) -> bytes:
    """The file with the bitmap letters of the changed registers replaced, as many letters as before.

    `changes` are by vCPU; such a file holds one.
    """
    wanted = next(iter(changes.values()), {})

    def one(match: re.Match[str]) -> str:
        found = _ADDRESS.search(match[0])
        change = wanted.get(parse_number(found[1])) if found else None
        if change is None:
            return match[0]
        return _BITMAP.sub(lambda m: m[1] + "0b" + _binary(change.new, m[2]) + m[3], match[0])

    return _OBJECT.sub(one, text_of(data, where)).encode()


def _binary(value: int, letters: str) -> str:
    """`value` in binary with the digits and separators of `letters`."""
    return spread(f"{value:0{len(letters.replace('_', ''))}b}", letters)
