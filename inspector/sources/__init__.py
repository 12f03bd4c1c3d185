"""Where values come from: files of every format, recordings and live sources, all ending in one `Dump`.

`load` is the one way in. Nothing here decodes a register; imports of the single formats are delayed until a source
needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.numbers import is_decimal
from inspector.progress import work

if TYPE_CHECKING:
    from typing import BinaryIO

    from inspector.sources.dump import Dump, View

BUILTIN = "builtin:"
"""Prefix of the names of dumps that ship with the program."""


def shipped_names() -> list[str]:
    """Names of the dumps in `snapshots/`, sorted so that kernel releases come in their order."""
    import os

    from inspector.shipped import place_of

    files = os.listdir(place_of("snapshots"))
    names = [name.removesuffix(".json") for name in files if name.endswith(".json")]
    return sorted(names, key=lambda name: [int(part) if is_decimal(part) else part for part in _words(name)])


def load(source: str, declared: View | None = None, snapshot: str = "") -> Dump:
    """Open `source` - a path, `-` for standard input, `builtin:NAME` or a live address - and read what it contains.

    `declared` says whose values a text holds (`--as`); formats that say it themselves do not ask. `snapshot` is the
    name or ID of an internal snapshot of a qcow2 image (`--snapshot`); without it the last one is read.
    Raises SourceError, one line, for whatever cannot be opened, recognised or read to its end.
    """
    try:
        return _load(source, declared, snapshot)
    except MemoryError:
        from inspector.errors import MORE_MEMORY, NO_MEMORY, SourceError

        raise SourceError(NO_MEMORY, source, MORE_MEMORY) from None


def _load(source: str, declared: View | None, snapshot: str) -> Dump:
    from inspector.sources.live import is_live, open_live

    if is_live(source):
        return open_live(source).read()
    with work(f"reading {source}"):
        return _read(source, declared, snapshot)


def _read(source: str, declared: View | None, snapshot: str) -> Dump:
    """What a file, a folder or standard input holds."""
    import os

    from inspector.sources.formats import read_content
    from inspector.sources.opening import open_path, open_standard_input

    if source == "-":
        content = open_standard_input()
    elif source.startswith(BUILTIN):
        content = open_path(_shipped_path(source), source)
    elif source and os.path.isdir(source):
        from inspector.sources.folders import load_folder

        return load_folder(source, declared)
    else:
        content = open_path(source, source, "name a file, - for standard input, or builtin:NAME")
    content.declared, content.snapshot = declared or "", snapshot
    with content:
        return read_content(content)


def load_text(text: str, name: str) -> Dump:
    """Read a pasted text as `load` reads a file. Raises SourceError."""
    import io

    return load_stream(io.BytesIO(text.encode("utf-8", "replace")), name)


def load_stream(stream: BinaryIO, name: str, declared: View | None = None) -> Dump:
    """Read an open file, such as a store's, as `load` reads a pipe: from its beginning, once. Raises SourceError."""
    from inspector.sources.formats import read_content
    from inspector.sources.opening import Content

    with Content(name, stream, seekable=False) as content:
        content.declared = declared or ""
        return read_content(content)


def _shipped_path(source: str) -> str:
    from inspector.errors import SourceError
    from inspector.shipped import place_of

    name = source.removeprefix(BUILTIN)
    if name not in shipped_names():
        import difflib

        near = difflib.get_close_matches(name, shipped_names(), 3) or shipped_names()
        raise SourceError("no dump of that name ships with the program", source, f"try {', '.join(near)}")
    return f"{place_of('snapshots')}/{name}.json"


def _words(name: str) -> list[str]:
    import re

    return re.findall(r"[0-9]+|[^0-9]+", name)
