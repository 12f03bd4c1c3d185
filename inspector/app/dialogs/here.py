"""The files of a folder that are dumps, found by their content in a bounded time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from inspector import sources
from inspector.app.dialogs.offers import dump_words
from inspector.app.widgets.ink import Ink, ink, row
from inspector.app.widgets.listing import Item
from inspector.errors import InspectorError
from inspector.folders import expanded
from inspector.registers.meanings import counted
from inspector.sources.glance import may_be_dump

MOST = 6
"""Dumps that are shown."""
_FILES, _BYTES, _SECONDS = 60, 4 << 20, 1.5
"""How much is looked at: files, bytes of one, seconds in all."""
_known: dict[tuple[str, int, int], str] = {}
"""Path, size and time of the last change of a file -> its dump in a few words, empty for none: each of the dialogs asks
of the same folder"""


class Here(NamedTuple):
    """What was found in a folder."""

    dumps: list[tuple[str, str]]
    """(name, a few words) by name"""
    left: int
    """further files, which were not looked at"""


def dumps_in(folder: Path) -> Here:
    """The folder's dumps; what is large, or comes after the time, is left out."""
    try:
        entries = sorted((one for one in os.scandir(folder) if one.is_file()), key=lambda one: one.name)
    except OSError:
        return Here([], 0)
    found: list[tuple[str, str]] = []
    end = time.monotonic() + _SECONDS
    for at, entry in enumerate(entries):
        if at == _FILES or len(found) == MOST or time.monotonic() > end:
            return Here(found, len(entries) - at)
        try:
            held = entry.stat()
        except OSError:
            continue
        if not 0 < held.st_size <= _BYTES:
            continue
        path = str(folder / entry.name)
        # A file that may be read from now on has another time of this kind, and the old one of its content.
        key = path, held.st_size, held.st_ctime_ns
        if key not in _known:
            _known[key] = _words_of(path)
        if _known[key]:
            found.append((entry.name, _known[key]))
    return Here(found, 0)


def _words_of(path: str) -> str:
    """A file's dump in a few words; empty where it is none, or holds next to nothing."""
    try:
        if not may_be_dump(path):
            return ""
        dump = sources.load(path)
    except (InspectorError, OSError):
        return ""
    most = max((len(vcpu.values) + len(vcpu.constraints) for vcpu in dump.vcpus), default=0)
    return dump_words(dump) if most > 3 or dump.host else ""


def here_items(found: Here, listed: Iterable[str] = ()) -> list[Item]:
    """The folder's dumps but those sources that stand in a list of their own; each is `source NAME`."""
    there = {str(Path(expanded(one)).absolute()) for one in listed}
    items = [
        Item(f"source {name}", (row(ink(name)), row(ink(what, "muted"))))
        for name, what in found.dumps
        if str(Path(name).absolute()) not in there
    ]
    if found.left:
        more, how = row(Ink(counted(found.left, "more file"), "muted")), row(Ink("type how a name begins", "muted"))
        items.append(Item("", (more, how), pick=False))
    return items
