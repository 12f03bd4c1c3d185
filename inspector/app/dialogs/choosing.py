"""What dialogs that choose a dump share: a line to type in, what went wrong, and a list.

The line has the keys all the time, so that no letter is lost; arrows move in the list. Enter takes what was touched
last: the text, or the highlighted line.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from inspector import sources
from inspector.app.dialogs.dialog import AFTER
from inspector.app.dialogs.here import Here, dumps_in, here_items
from inspector.app.dialogs.line import MOVES, Line
from inspector.app.dialogs.telling import Telling
from inspector.app.shell.asking import Asking
from inspector.app.shell.background import aside
from inspector.app.widgets.lines import Lines
from inspector.app.widgets.listing import Column, Item, Listing
from inspector.app.widgets.unmarked import Box, hints, unmarked
from inspector.errors import InspectorError
from inspector.folders import expanded
from inspector.sources.dump import Dump

_RELEASE = r"(ubuntu-)?[0-9]+(\.[0-9]+){0,2}([+-][^/]*)?"
_FILE = "file://"
_LONGEST_NAMES = 1 << 14
"""Characters of names that are looked for: some paths of the longest that Linux has."""
_CHOICES = 8
"""Names that a path could become, as many are told."""
_CROWD = 1 << 14
"""Names of a folder that are looked through at each letter; of 100,000, one letter took a second and more."""


class Choosing(Telling):
    """A line, what was said about it, and offers; subclasses say what is offered and what a choice means."""

    LINE = "#path"
    TITLE = ""
    SUBTITLE = "enter chooses   tab completes   ↑↓ list   esc closes"
    PLACEHOLDER = ""
    NAME_CELLS = 34
    """Width of the list's first column."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._picking = False
        """the list was moved in after the last letter"""
        self._here = Here([], 0)
        self._began: Item | None = None
        """the line of the list that was highlighted first"""
        self.asking = Asking(self._stands)

    def compose(self) -> ComposeResult:
        """Lines to type in, said, list."""
        with Box(unmarked(self.TITLE), hints(self.SUBTITLE)):
            yield from self.lines()
            yield Lines(id="said")
            offers = Listing((Column("", self.NAME_CELLS), Column("")), id="offers")
            offers.can_focus = False
            yield offers

    def lines(self) -> ComposeResult:
        """What can be typed in."""
        yield Line(placeholder=self.PLACEHOLDER, id="path", keys=True)

    def on_mount(self) -> None:
        """Fill the list; the line has the keys."""
        self.say("")
        self.offers.fill(self.items(), cursor=self.present())
        self._began = self.offers.current
        self._to_line()
        self.set_timer(AFTER, self._look_here)

    def _look_here(self) -> None:
        """What lies in the folder that the program was started in is looked for beside the screen."""
        aside(self.app, lambda: dumps_in(Path.cwd()), self._found_here, lambda error: None)

    def _found_here(self, found: Here) -> None:
        if self.shown and (found.dumps or found.left):
            self._here = found
            # The user's own files stand above what ships with the program: a highlight that nobody moved goes there.
            moved = self._picking or self.offers.current != self._began
            self.offers.fill(self.items(), cursor=None if moved else self.present())

    def here(self) -> list[Item]:
        """The dumps of that folder that are not loaded."""
        return here_items(self._here, [one.provenance.source for one in self.program.session.loaded])

    @property
    def offers(self) -> Listing:
        """The list."""
        return self.query_one("#offers", Listing)

    @property
    def path(self) -> Line:
        """The line."""
        return self.query_one("#path", Line)

    def items(self) -> list[Item]:
        """What can be chosen."""
        return []

    def present(self) -> str:
        """Key of the line to start on."""
        return ""

    def on_input_changed(self) -> None:
        """The old error no longer holds."""
        self._picking = False
        self.say("")

    def on_input_submitted(self) -> None:
        """Take what was typed, or the highlighted line."""
        if self._picking or not self.given():
            self.offers.action_choose()
        else:
            self.submitted(self.given())

    def given(self) -> str:
        """What was typed."""
        return self.path.value.strip()

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        """Take the highlighted line."""
        kind, _, name = event.item.key.partition(" ")
        if kind in ("source", "builtin"):
            self.read(f"{sources.BUILTIN}{name}" if kind == "builtin" else name)
        else:
            self.picked(kind, name)

    def submitted(self, text: str) -> None:
        """Enter in a line that holds a text."""
        self.typed(text)

    def picked(self, kind: str, name: str) -> None:
        """A line of the list that is no source to read was chosen; its key in two parts."""

    def typed(self, text: str) -> None:
        """Load what a text names."""
        given = named_sources(text)
        self.read(given[0] if len(given) == 1 else shipped_source(text) or text)

    def read(self, source: str) -> None:
        """Load a source beside the screen."""
        self.say(f"reading {source} …")
        asked = self.asking.ask(soon=True)

        def loaded(dump: Dump) -> None:
            asked.soon = False
            if self.shown and asked.waited_for:
                self.say("")
                self.loaded(dump)

        def refused(error: InspectorError) -> None:
            asked.soon = False
            if self.shown and asked.waited_for:
                self.refuse(error)

        def says(text: str) -> None:
            if self.shown and asked.waited_for:
                self.say(text)

        aside(self.app, lambda: sources.load(source), loaded, refused, says=says, wanted=lambda: asked.wanted)

    def on_unmount(self) -> None:
        """What is read is not waited for any longer."""
        self.asking.give_up()

    @property
    def keys_wait(self) -> bool:
        """A file is read: keys wait for it."""
        return self.asking.keys_wait

    def _stands(self) -> object:
        """What the user sees of what was asked: who types on or moves in the list chooses something else."""
        picked = self.offers.current
        return [one.value for one in self.query(Line)], picked.key if self._picking and picked else ""

    def loaded(self, dump: Dump) -> None:
        """What was typed, or a shipped dump, has been read."""

    def action_move(self, step: int) -> None:
        """One line up or down in the list."""
        self._pick()
        self.offers.action_move(step)

    def action_page(self, step: int) -> None:
        """One page up or down in the list."""
        self._pick()
        self.offers.action_page(step)

    def _pick(self) -> None:
        if self.path.value and not self._picking:
            self.say("enter takes the highlighted line; type on to take the text")
        self._picking = True

    def action_complete(self) -> None:
        """A path is completed as far as it is certain."""
        path = self.path
        value, choices = complete_path(path.value)
        with path.prevent(Input.Changed):  # it would take back what is said of the choices
            path.value = value
        path.cursor_position = len(value)
        self._picking = False
        self.say(choices_words(choices) if len(choices) > 1 else "")


def shipped_source(text: str) -> str:
    """The source of a shipped dump that a text names, with or without its prefix; empty for any other text."""
    if text.startswith(sources.BUILTIN):
        return text
    return f"{sources.BUILTIN}{text}" if text in map(str, sources.shipped_names()) else ""


def named_sources(text: str) -> tuple[str, ...]:
    """The files, folders and shipped dumps that a text names, as it is typed or as file managers and shells spell
    what is dragged into a terminal: in quotes, with backslashes, as an address, several of them. Empty for a text that
    names anything else besides."""
    if len(text) > _LONGEST_NAMES or "\n" in text:
        return ()
    text = text.strip()
    whole = _named(text)
    if not any(one in text for one in " \\'\"") or (whole and whole == text and _lies_there(text)):
        return (whole,) if whole else ()
    import shlex

    try:
        words = [_named(word) for word in shlex.split(text)]
    except ValueError:  # a quote without its other one
        return ()
    return tuple(words) if all(words) else ()


def _named(word: str) -> str:
    """The source that a word names; empty for none."""
    if word.startswith(_FILE):
        from urllib.parse import unquote

        word = unquote(word.removeprefix(_FILE))
    return word if _lies_there(word) else shipped_source(word)


def _lies_there(path: str) -> bool:
    try:
        return bool(path) and os.path.lexists(expanded(path))
    except (OSError, ValueError):
        return False


def names_kernel(text: str) -> bool:
    """True for what looks like a release: `6.12`, `6.2+mask-ccidx`, `6.12.107+deb13-cloud-arm64`, `ubuntu-6.8.0-151`.
    A file of such a name is `./6.12`."""
    return re.fullmatch(_RELEASE, text) is not None


def _folder_of(text: str) -> Path:
    """The folder that the last name of a path lies in."""
    return expanded(f"{text.rpartition('/')[0]}/" if "/" in text else ".")


def choices_words(names: Sequence[str]) -> str:
    """What a path could become, in a line or two."""
    more = len(names) - _CHOICES
    return "  ".join(names[:_CHOICES]) + (f"  … and {more} more" if more > 0 else "")


def complete_path(text: str) -> tuple[str, list[str]]:
    """The longest certain completion of a path or of a shipped dump's name, and the names that it could become."""
    return _completed(text, _names_there(text, sys.maxsize) or [])


def complete_while_typed(text: str) -> tuple[str, list[str]] | None:
    """The same; None where the folder that the path lies in holds more names than can be looked through while it is
    typed."""
    names = _names_there(text, _CROWD)
    return None if names is None else _completed(text, names)


def _names_there(text: str, most: int) -> list[str] | None:
    """The names of the folder that the last one of a path lies in which begin as that does, folders with a `/`; None
    where it holds more than `most`, of any name."""
    start, found = text.rpartition("/")[2], list[str]()
    try:
        with os.scandir(_folder_of(text)) as entries:
            for at, entry in enumerate(entries):
                if at == most:
                    return None
                if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
                    found.append(entry.name + "/" * entry.is_dir())
    except (OSError, ValueError):
        return []
    return sorted(found)


def _completed(text: str, found: list[str]) -> tuple[str, list[str]]:
    """A text as far as the names that it could become are the same."""
    folder = text.rpartition("/")[0]
    prefix = sources.BUILTIN if text.startswith(sources.BUILTIN) else ""
    shipped = [
        f"{prefix}{name}"
        for name in map(str, sources.shipped_names() if text and "/" not in text else ())
        if name.startswith(text.removeprefix(prefix))
    ]
    found = [*found, *shipped]
    common = ""
    for letters in zip(*found, strict=False):
        if len(set(letters)) > 1:
            break
        common += letters[0]
    head = f"{folder}/" if "/" in text else ""
    return (head + common if common else text), found
