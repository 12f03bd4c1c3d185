"""Text that a file, a host or a name brought, apart from the program's own.

It is no `str`, so that a type checker refuses it wherever text is drawn, parsed as markup or joined without a thought.
There are two ways out of it: `shown`, which is safe on a terminal, and `raw`, to look at but never to print. Built into
a sentence it is what is shown.

Markup is kept out at the other end: the places where Textual parses a text take a `Content`
(`inspector/app/widgets/unmarked.py`), which no `str` is, whatever it was put together from.
"""

from __future__ import annotations

from inspector.errors import one_line


class Untrusted:
    """One such text. Equal to another and to a `str` of the same letters."""

    __slots__ = ("raw",)
    raw: str
    """as it came: for comparing, looking up and taking apart"""

    def __init__(self, raw: str = "") -> None:
        object.__setattr__(self, "raw", raw)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an untrusted text does not change")

    @property
    def shown(self) -> str:
        """One line, with everything that is not seen as what it is spelled out (`one_line`)."""
        return one_line(self.raw)

    def __str__(self) -> str:
        return self.shown

    def __format__(self, spec: str) -> str:
        return format(self.shown, spec)

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __eq__(self, other: object) -> bool:
        return self.raw == (other.raw if isinstance(other, Untrusted) else other)

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Untrusted({self.raw!r})"


def raw(value: object) -> object:
    """The text of an untrusted one, and anything else as it is: for an encoder that escapes what it writes."""
    return value.raw if isinstance(value, Untrusted) else value
