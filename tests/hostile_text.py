"""One hostile string, put into every place of a file where text may stand, and what a terminal must never be sent."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

EVIL = (
    "\x1b]8;;http://evil.example/\x1b\\LINK\x1b]8;;\x1b\\"  # OSC 8: a link whose words the file chooses
    "\x1b]52;c;ZXZpbA==\x07"  # OSC 52: the clipboard
    "\x1b[31mRED\x1b[2J\x1b[?1049l"  # CSI
    "\x9b31mC1\x9d52;c;ZXZpbA==\x9c\x7f"  # the same in C1, and DEL
    "[@click=app.quit]QUIT[/][/][bold"  # markup of the screens, whole and broken
    "\u202egnp.exe\u202c\u2066\u200b\ufeff\u2028"  # bidirectional, zero-width, a line separator
    "\U000e0041\U000e007f\ufe0f\u3164\u2800e\u0301\u0302\u0303\u0304"  # tags, selector, fillers, stacked marks
    "|`<img src=x onerror=1>](http://evil.example/)"  # Markdown, HTML
)
_SHORT = "\x1b]8;;h\x07\x9b\u202e[@click=app.quit]Q[/][/]"
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]|[\u0300-\u036f]{3}"
)
"""What no output of ours may hold: controls but for line feeds and tabs, bidirectional and invisible characters."""


def hidden_in(text: str) -> list[str]:
    """Every such character with what stands before it."""
    return [repr(text[max(0, found.start() - 60) : found.end()]) for found in HIDDEN.finditer(text)]


class Poison(NamedTuple):
    """A file taken apart: its parts, how they are put together, and the changes that put the string into one place."""

    parts: Any
    whole: Callable[[Any], bytes]
    changes: Sequence[Callable[[Any], Any]]

    def each(self) -> Iterator[bytes]:
        """The file with the string at one place after the other."""
        return (self.whole(change(self.parts)) for change in self.changes)

    def gathered(self, accepted: Callable[[bytes], bool]) -> bytes:
        """The file with the string at as many places together as leave it readable."""
        kept = self.parts
        for change in self.changes:
            changed = change(kept)
            if accepted(self.whole(changed)):
                kept = changed
        return self.whole(kept)


def poison(data: bytes) -> Poison:
    """JSON by its texts and names, JSON lines by those of a line, other text by lines, binaries by runs of letters."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        runs = [found.span() for found in re.finditer(rb"[A-Za-z][A-Za-z0-9_./-]{3,}", data)]
        return Poison(data, bytes, [partial(_over_run, span) for span in runs])
    try:
        document = json.loads(text)
    except ValueError:
        lines = text.splitlines()
        changes = [partial(_in_line, n, kind) for n in range(min(len(lines), 25)) for kind in range(5)]
        return Poison(lines, lambda parts: "\n".join([*parts, ""]).encode(), changes)
    chosen = list(places(document))
    return Poison(document, lambda parts: json.dumps(parts).encode(), [partial(_in_json, path) for path in chosen])


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all texts of a JSON document, names of members as well (with a trailing None); of numbers some."""
    if isinstance(document, dict):
        for index, (name, value) in enumerate(document.items()):
            if index < 4 or not name.startswith("0x"):
                yield (*path, name, None)
                yield from places(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document[:2]):
            yield from places(value, (*path, index))
    elif isinstance(document, str):
        yield path


def _in_json(path: tuple[Any, ...], document: Any) -> Any:
    """A copy with EVIL behind one text, or one more member of that name."""
    changed = copy.deepcopy(document)
    at = changed
    *way, last = path if path[-1] is not None else path[:-1]
    for step in way:
        at = at[step]
    if path[-1] is None:
        at[last + EVIL] = at[last]
    else:
        at[last] += EVIL
    return changed


def _over_run(span: tuple[int, int], data: bytes) -> bytes:
    """Over a run of letters, as long as it was: names of sections and machines, versions."""
    start, end = span
    return data[:start] + _SHORT.encode()[: end - start].ljust(end - start, b"\x1b") + data[end:]


def _in_line(number: int, kind: int, lines: list[str]) -> list[str]:
    """In a line that is JSON at one of its texts; else behind it, before it, or as a line of its own."""
    line = lines[number]
    try:
        document = json.loads(line)
    except ValueError:
        changed = (line + EVIL, f"{line} {EVIL}", f"{EVIL}\n{line}", f"# {EVIL}\n{line}", f"{EVIL}: {line}")[kind]
    else:
        found = list(places(document))
        changed = json.dumps(_in_json(found[kind % len(found)], document)) if found else line
    return [*lines[:number], changed, *lines[number + 1 :]]
