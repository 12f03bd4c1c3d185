"""Types that texts are read as, shown to msgspec in one thread at a time.

When msgspec (0.22.0) meets a Struct for the first time, it notes it as known before it has looked at its fields, which
takes Python code and so lets other threads run. One that reads a text of the same type in that moment goes through
fields that are not there, and the program ends with a segmentation fault. The screens read policies beside the loop and
in it, so this is no rare moment there.

An exception in that Python code may be lost, and ctrl+c is one: it waits until the type is known.
"""

from __future__ import annotations

from _thread import allocate_lock  # `threading` takes longer to load than a command may
from typing import TypeVar

import msgspec

from inspector.leaving import unbroken

T = TypeVar("T")
_seen: set[object] = set()
_one = allocate_lock()


def readable(kind: type[T]) -> type[T]:
    """The type, which can be read in any thread from now on."""
    if kind not in _seen:
        with unbroken(), _one:
            msgspec.json.Decoder(kind)
            _seen.add(kind)
    return kind
