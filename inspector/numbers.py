"""Numbers as people and files spell them: the one reader of `0x1f`, `0b1_1111` and `31`, and counts in sentences.

int(), float() and `str.isdecimal` take the digits of every script (`٣`, `３`); a register's value in those is a mistake
or a trick, and reads as another number to whoever looks. Here a digit is one of ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_DECIMAL = re.compile(r"-?[0-9][0-9_]*")


def count_of(number: int, one: str, many: str = "") -> str:
    """`1 value`, `2 values`; `many` where the plural takes more than an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def few_of(names: Sequence[str], most: int) -> str:
    """`A, B and 3 more`: the first `most` of some names, and how many others there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def is_decimal(text: str) -> bool:
    """Whether a text is one or more of the digits 0 to 9, and nothing else."""
    return text.isascii() and text.isdecimal()


def parse_number(text: str) -> int:
    """Hex behind `0x`, binary behind `0b`, decimal (zeros may lead), `_` between digits, `-` before; blanks around.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if not text.isascii():
        raise ValueError("digits are 0 to 9 and a to f")
    return int(text, 10) if _DECIMAL.fullmatch(text) else int(text, 0)


def parse_hex(text: str) -> int:
    """Hex digits, with or without `0x`; ValueError for anything else."""
    if not text.isascii():
        raise ValueError("digits are 0 to 9 and a to f")
    return int(text, 16)


def parse_seconds(text: str) -> float:
    """A number with or without a fraction; ValueError for anything else."""
    if not text.isascii():
        raise ValueError("digits are 0 to 9")
    return float(text)
