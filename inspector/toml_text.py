"""TOML with numbers and nesting bounded: every way in which a file can be wrong is one ValueError."""

from __future__ import annotations

import tomllib
from typing import Any

_WIDEST = 64
"""Bits of an integer: as wide as a register"""
_MOST_DOTS = 100
"""Dots of a line; no line of a shipped file has ten"""


class _TooWideError(ValueError):
    """A number that no register holds."""


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ValueError, one line, for anything else and for integers beyond 64 bits."""
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        # Each part of a dotted key nests one table deeper, and costs as much as all parts before it.
        raise ValueError(f"a line has more than {_MOST_DOTS} dots")
    try:
        tables = tomllib.loads(text)
        _check(tables)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except _TooWideError:
        raise
    except ValueError as error:
        # Python's own limit on the digits of a number
        raise ValueError(f"a number is too long ({error})") from None
    return tables


def _check(value: object) -> None:
    if isinstance(value, int) and value.bit_length() > _WIDEST:
        raise _TooWideError("a number has more than 64 bits")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check(item)
