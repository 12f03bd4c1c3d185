"""What a typed or pasted text is, by its content: a file, an address, register values, an error text, a name.

`guess` answers while the text is typed and opens nothing; `recognise` reads what it has to and decides.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from inspector import sources
from inspector.errors import InspectorError, RegisterError, SourceError
from inspector.folders import expanded
from inspector.registers import catalog
from inspector.sources.dump import Dump
from inspector.sources.live import is_live

Kind = Literal["nothing", "command", "live", "dump", "explain", "unknown"]
PASTED = "pasted text"
COMMANDS = {"o": "open a dump by name", "q": "leave the program", "?": "help"}
_VALUE = re.compile(r"^\s*\S+\s*[=:]\s*(0[xX][0-9a-fA-F_]+|[0-9]+)\s*$")
_LONG = 8 << 20
"""Bytes of a file that may be a log."""


class Recognised(NamedTuple):
    """What a text is, and what that leads to."""

    kind: Kind
    text: str = ""
    """for a live source its address, for an error text the words"""
    dump: Dump | None = None
    problem: str = ""
    """why the text means nothing"""


def guess(text: str, lines: int) -> str:
    """What a text looks like, in words; empty for an empty one. `lines`: how many were pasted."""
    wanted = text.strip()
    if not wanted:
        return ""
    if lines > 1:
        return f"{lines} lines pasted: enter reads register values or explains an error"
    for means, words in (
        (wanted in COMMANDS, COMMANDS.get(wanted, "")),
        (is_live(wanted), "a live source: enter reads it"),
        (
            wanted.removeprefix(sources.BUILTIN) in map(str, sources.shipped_names()),
            "a dump that ships with the program: enter opens it",
        ),
        (_is_file(wanted), "a file: enter opens it, or explains it where it is a log"),
        (bool(_VALUE.match(wanted)), "a register's value: enter decodes it"),
        (" " in wanted, "a text: enter explains it"),
        (_names(wanted), "a register or a feature: enter says what it is"),
    ):
        if means:
            return words
    return "no file, register, feature or address so far"


def recognise(text: str) -> Recognised:
    """What a text is; files are read, and a text is explained only where it holds no values alone.

    Never raises: a text that means nothing has its problem in one line.
    """
    wanted = text.strip()
    if not wanted:
        return Recognised("nothing")
    if wanted in COMMANDS:
        return Recognised("command", wanted)
    if "\n" not in wanted:
        if is_live(wanted):
            return Recognised("live", wanted)
        if shipped := _shipped(wanted):
            return _opened(shipped)
        if _is_file(wanted) or _is_path(wanted):
            return _opened(str(expanded(wanted)))
    return _words(wanted)


def _shipped(text: str) -> str:
    """The source of a shipped dump that a text names with or without its prefix."""
    if text.startswith(sources.BUILTIN):
        return text
    return f"{sources.BUILTIN}{text}" if text in map(str, sources.shipped_names()) else ""


def _is_file(text: str) -> bool:
    try:
        return len(text) < 4096 and expanded(text).is_file()
    except (OSError, ValueError):
        return False


def _is_path(text: str) -> bool:
    """What can be nothing but a path, though no file lies there."""
    return text.startswith(("/", "./", "../", "~/")) and " " not in text and len(text) < 4096


def _names(text: str) -> bool:
    try:
        return bool(catalog.look_up(text))
    except RegisterError:
        return False


def _opened(source: str) -> Recognised:
    """A file: the dump in it, or where it is a log, its text."""
    try:
        return Recognised("dump", dump=sources.load(source))
    except SourceError as error:
        if source.startswith(sources.BUILTIN):
            return Recognised("unknown", problem=str(error))
        log = _log(Path(source))
        return log if log is not None else Recognised("unknown", problem=str(error))


def _log(path: Path) -> Recognised | None:
    """A text file that holds an error; None for any other."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONG)
    except OSError:
        return None
    text = data.decode("utf-8", "replace")
    return Recognised("explain", text) if b"\0" not in data and _explains(text) else None


def _words(text: str) -> Recognised:
    """A pasted text: an error or a name, else register values, else what can be explained."""
    name = len(text.split()) == 1 and not _VALUE.match(text)
    if _fails(text) or (name and _explains(text)):
        return Recognised("explain", text)
    try:
        found = sources.load_text(text, PASTED)
    except SourceError as error:
        if _explains(text):
            return Recognised("explain", text)
        what = str(error) if "\n" in text or _VALUE.match(text) else _meaningless(text)
        return Recognised("unknown", problem=what)
    return Recognised("dump", dump=found)


def _meaningless(text: str) -> str:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return f"{shown}: no file, address, register value, error text or feature; for example vm.mig, ID_AA64PFR0_EL1=0x11"


def _fails(text: str) -> bool:
    from inspector.checks.explain.explain import explain

    try:
        return explain(text).fails
    except InspectorError:
        return False


def _explains(text: str) -> bool:
    from inspector.checks.explain.explain import explain

    try:
        return explain(text).recognised
    except InspectorError:
        return False
