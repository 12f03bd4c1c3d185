"""TOML with numbers and nesting bounded: every way in which a file can be wrong is one ValueError."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WIDEST = 64
"""Bits of an integer: as wide as a register"""
_MOST_DOTS = 100
"""Dots of a line; no line of a shipped file has ten"""


_KEY = re.compile(r"\n([A-Za-z0-9_-]+) = ")


class _TooWideError(ValueError):
    """A number that no register holds."""


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises ValueError, one line, for anything else and for integers beyond 64 bits."""
    import tomllib  # the policies that ship are read without it

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


def _uncommented(line: str) -> str:
    """Without a comment behind a value: no "text" reaches to a mark that has no quote behind it."""
    mark = line.find("#", line.rfind('"') + 1)
    return line if mark < 0 else line[:mark].rstrip(" \t")


def plain_as_json(text: str, array: str) -> str:
    """The same as JSON where a TOML text is plain: `key = value` lines, then `[[array]]` tables of such lines.

    A value is a "text", a decimal number, true, false, or a list of those over any lines. Anything else makes what is
    no JSON: all that is replaced here stands where no "text" reaches. A key that stands twice is not noticed. tomllib
    takes five times as long.
    """
    text = f"\n{text}"
    if "#" in text:
        text = "\n".join(_uncommented(line) for line in text.split("\n") if not line.startswith("#"))
    parts = _KEY.split(text.replace(",\n]", "]"))
    parts[1::2] = [f',"{key}":' for key in parts[1::2]]
    text = "".join(parts)
    head, *tables = [part.strip().removeprefix(",") for part in text.split(f"\n[[{array}]]")]
    listed = f'"{array}":[{{{"},{".join(tables)}}}]' if tables else ""
    return f"{{{','.join(filter(None, (head, listed)))}}}"


def _check(value: object) -> None:
    if isinstance(value, int) and value.bit_length() > _WIDEST:
        raise _TooWideError("a number has more than 64 bits")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check(item)
