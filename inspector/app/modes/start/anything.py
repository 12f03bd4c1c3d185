"""What a typed or pasted text is, by its content: a file, an address, register values, an error text, a name.

`guess` answers while the text is typed and opens nothing; `recognise` reads what it has to and decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from inspector import sources
from inspector.app.dialogs.choosing import (
    choices_words,
    complete_while_typed,
    named_sources,
    names_kernel,
    shipped_source,
)
from inspector.errors import InspectorError, RegisterError, SourceError
from inspector.folders import expanded
from inspector.registers import catalog
from inspector.sources.dump import Dump
from inspector.sources.live import is_live

if TYPE_CHECKING:
    from inspector.policies.release import Choice

Kind = Literal["nothing", "command", "live", "dump", "explain", "kernels", "unknown"]
PASTED = "pasted text"
COMMANDS = {
    "o": "open a dump by name",
    "q": "leave the program",
    "?": "help",
    "help": "help",
    "7": "explain an error text",
    "demo": "a patch, step by step",
}
_QUESTIONS = "a question about a dump: open one, then press {}"
_VALUE = re.compile(r"^\s*\S+\s*[=:]\s*(0[xX][0-9a-fA-F_]+|[0-9]+)\s*$")
_UNAME = re.compile(
    r"(?:\[ *[0-9.]+\] *)?Linux (?:version |[^ ]{1,80} )?[0-9]{1,3}\.[0-9]{1,4}[^ ]{0,80}(?: [#(]|$)"
    r"|[0-9]{1,3}\.[0-9]{1,4}[^ ]{0,80} #[0-9]"
)
"""How what `uname` prints of a kernel begins, and a kernel's own first line"""
_LONG = 8 << 20
"""Bytes of a file that may be a log."""


class Recognised(NamedTuple):
    """What a text is, and what that leads to."""

    kind: Kind
    text: str = ""
    """for a live source its address, for an error text the words, for kernels their names"""
    dumps: tuple[Dump, ...] = ()
    problem: str = ""
    """why the text means nothing"""


def guess(text: str, lines: int) -> str:
    """What a text looks like, in words; empty for an empty one. `lines`: how many were pasted."""
    wanted = text.strip()
    if not wanted:
        return ""
    if lines > 1:
        return f"{lines} lines pasted: enter reads register values or explains an error"
    given = named_sources(wanted)
    for means, words in (
        (wanted in COMMANDS, COMMANDS.get(wanted, "")),
        (len(wanted) == 1 and wanted in "0123456", _QUESTIONS.format(wanted)),
        (len(given) > 1, f"{len(given)} sources: enter opens them all"),
        (is_live(wanted), "a live source: enter reads it"),
        (
            wanted.removeprefix(sources.BUILTIN) in map(str, sources.shipped_names()),
            "a dump that ships with the program: enter opens it",
        ),
        (_is_file(given), "a file: enter opens it, or explains it where it is a log"),
        (bool(_VALUE.match(wanted)), "a register's value: enter decodes it"),
        (len(_kernels(wanted)) == 1, "a kernel: enter says how well it is known; a second one behind it: what changed"),
        (len(_kernels(wanted)) == 2, "two kernels: enter says what changed between them"),
        (" " in wanted, "a text: enter explains it where it is an error, or reads values in it"),
        (_names(wanted), "a register or a feature: enter says what it is"),
    ):
        if means:
            return words
    return _begins(wanted) or "no file, register, feature or address so far"


def _begins(text: str) -> str:
    """The files whose names begin so."""
    found = complete_while_typed(text) if len(text) < 4096 else (text, [])
    if found is None:
        return "no register, feature or address so far; tab completes the name of a file or of a shipped dump"
    whole, names = found
    if len(names) < 2:
        return f"tab completes: {names[0]}" if names else ""
    return begin_so(names) + ("   tab completes" if whole != text else "")


def begin_so(names: Sequence[str]) -> str:
    """The names that a text may become."""
    return f"{len(names)} names begin so: {choices_words(names)}"


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
        given = named_sources(wanted)
        if len(given) > 1:
            return _all_opened(given)
        if shipped := shipped_source(wanted):
            return _opened(shipped)
        if _kernels(wanted) and not _is_file(given):
            return _of_kernels(wanted)
        # What lies there and is no file may have the name of a register by chance.
        if given and (_is_file(given) or not _names(wanted)):
            return _opened(_path(given[0]))
        if _is_path(wanted):
            return _opened(_path(wanted))
    return _words(wanted)


def _is_file(given: tuple[str, ...]) -> bool:
    """Whether one file is named."""
    return len(given) == 1 and expanded(given[0]).is_file()


def _path(source: str) -> str:
    return source if source.startswith(sources.BUILTIN) else str(expanded(source))


def _all_opened(given: tuple[str, ...]) -> Recognised:
    """Several dumps; the first that is none says why."""
    dumps: list[Dump] = []
    for one in given:
        found = _opened(_path(one))
        if not found.dumps:
            problem = found.problem or f"{one}: holds no registers; a log is explained alone"
            return Recognised("unknown", problem=problem)
        dumps += found.dumps
    return Recognised("dump", dumps=tuple(dumps))


def _kernels(text: str) -> tuple[str, ...]:
    """The kernels that a text names, where it names one or two and nothing else; `6` alone is none."""
    if _UNAME.match(text) and "\n" not in text:
        return (text,)
    words = text.split()
    named = len(words) in (1, 2) and all(names_kernel(word) and "." in word for word in words)
    return tuple(words) if named else ()


def chosen_kernels(text: str) -> tuple[Choice, ...]:
    """The one or two kernels that a text names. Raises PolicyError in one line for a kernel that is not known."""
    from inspector.policies.release import choose  # the page opens without it

    return tuple(choose(one) for one in _kernels(text))


def _of_kernels(text: str) -> Recognised:
    try:
        chosen_kernels(text)
    except InspectorError as error:
        return Recognised("unknown", problem=str(error))
    return Recognised("kernels", text)


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
        return Recognised("dump", dumps=(sources.load(source),))
    except SourceError as error:
        # To open a pipe waits for who writes into it, and to read one takes from who reads it.
        log = None if source.startswith(sources.BUILTIN) or not Path(source).is_file() else _log(Path(source))
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
        words = len(text.split())
        prose = words > 2 or (words == 2 and not any(letter in text for letter in "./"))  # `vm 1.mig` may be a file
        if _explains(text, unknown=prose or _is_errno(text)):
            return Recognised("explain", text)
        what = str(error) if "\n" in text or _VALUE.match(text) else _meaningless(text)
        return Recognised("unknown", problem=what)
    return Recognised("dump", dumps=(found,))


def _is_errno(text: str) -> bool:
    """True for the words of an error number alone, `Invalid argument`: most of what is printed of a failed restore."""
    import errno
    import os

    return text.casefold() in {os.strerror(number).casefold() for number in errno.errorcode}


def _meaningless(text: str) -> str:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return (
        f"{shown}: no file, address, register value, known error, feature or kernel; for example vm.mig, "
        "ID_AA64PFR0_EL1=0x11, 6.1 6.12. Questions are keys once a dump is open"
    )


def _fails(text: str) -> bool:
    from inspector.checks.explain.explain import explain

    try:
        return explain(text).fails
    except InspectorError:
        return False


def _explains(text: str, *, unknown: bool = False) -> bool:
    """Whether something can be said of a text; with `unknown` also what would help with an error that is not known."""
    from inspector.checks.explain.explain import explain

    try:
        answer = explain(text)
        return answer.recognised or (unknown and bool(answer.bring))
    except InspectorError:
        return False
