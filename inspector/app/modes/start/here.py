"""The files of a folder that are dumps, found by their content in a bounded time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from inspector import sources
from inspector.app.dialogs.offers import dump_words
from inspector.errors import InspectorError

MOST = 6
"""Dumps that are shown."""
_FILES, _BYTES, _SECONDS = 60, 4 << 20, 1.5
"""How much is looked at: files, bytes of one, seconds in all."""


def dumps_in(folder: Path) -> list[tuple[str, str]]:
    """(name, a few words) of the folder's dumps, by name; what is large, or comes after the time, is left out."""
    try:
        entries = sorted((one for one in os.scandir(folder) if one.is_file()), key=lambda one: one.name)
    except OSError:
        return []
    found: list[tuple[str, str]] = []
    end = time.monotonic() + _SECONDS
    for entry in entries[:_FILES]:
        if len(found) == MOST or time.monotonic() > end:
            break
        try:
            if not 0 < entry.stat().st_size <= _BYTES:
                continue
            dump = sources.load(str(folder / entry.name))
        except (InspectorError, OSError):
            continue
        if max((len(vcpu.values) + len(vcpu.constraints) for vcpu in dump.vcpus), default=0) > 3 or dump.host:
            found.append((entry.name, dump_words(dump)))
    return found
