"""The one family of errors that a user can cause.

An error here is something the *user* can mend: a file that cannot be read, a name that means nothing, an argument out
of range. The command line prints it as one line and ends with exit code 2; the screens show it in place. A register
write that KVM refuses is an answer, never an exception.
"""

from __future__ import annotations

TYPE_CHECKING = False  # see `cli`
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXIT_YES = 0
"""Exit code: done, or the answer is yes."""
EXIT_NO = 1
"""Exit code: the answer is no (refused, differs, would fail)."""
EXIT_BAD = 2
"""Exit code: bad usage or unreadable input."""


_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Printable by Unicode's categories, but seen as nothing or as a blank."""
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_MARKS = frozenset(
    chr(code)
    for first, last in ((0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF))
    for code in range(first, last + 1)
)
"""Combining marks that any letter takes (Unicode's blocks of that name)."""
_LOOKED_AT = _BLANK | _SELECTORS | _MARKS
_STACKED = 2
"""Marks on one letter; more of them climb over the lines around."""


def one_line(text: str) -> str:
    """`text` safe on a terminal: one line, with everything that is not seen as what it is spelled `\\x` and hex digits.

    That is controls (C0, C1, DEL), bidirectional and zero-width characters, tags, variation selectors, fillers.
    """
    if text.isprintable() and _LOOKED_AT.isdisjoint(text):
        return text
    return "".join(" " if ch in "\t\r\n" else f"\\x{ord(ch):02x}" if hidden else ch for ch, hidden in _told_apart(text))


def encodable(text: str) -> str:
    """`text` as UTF-8 can hold it: a byte of a file's name that is none is spelled `\\udcff`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def escaped_json(text: str) -> str:
    """JSON text whose strings hold no such character: each is spelled `\\u`, as JSON's own escape.

    Line feeds and blanks between the tokens stay.
    """
    if text.replace("\n", "").isprintable() and _LOOKED_AT.isdisjoint(text):
        return text
    return "".join(_escape(ch) if hidden and ch != "\n" else ch for ch, hidden in _told_apart(text))


def json_in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks, as an error handler of `codecs` spells it in JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_escape, error.object[error.start : error.end])), error.end


def _escape(ch: str) -> str:
    code = ord(ch)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _told_apart(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it is not seen as what it is."""
    marks = 0
    for ch in text:
        marks = marks + 1 if ch in _MARKS else 0
        yield ch, not ch.isprintable() or ch in _BLANK or ch in _SELECTORS or marks > _STACKED


DEBUG = "VCPU_INSPECTOR_DEBUG"
"""Environment variable that asks for the traceback of an internal error; `--debug` sets it."""
LONGEST = 480
"""Characters of a refusal; with the program's name before it, it stays below 500."""
_WHERE, _WHAT = 160, 120
"""Characters of a place, and of what is wrong, that are kept of a refusal that is too long."""
_HINT, _SHORT_HINT = 160, 60
"""Characters of its hint, and those that are left where a long place needs the room."""


def short_line(text: str, most: int) -> str:
    """`one_line` of `text`, of which the middle is left out when it is longer than `most` characters."""
    # A character becomes ten at the most, so that no more of a long text needs to be looked at.
    line = one_line(text if len(text) <= 2 * most else f"{text[:most]}{text[-most:]}")
    if len(line) <= most and len(text) <= 2 * most:
        return line
    tail = most // 4
    return f"{line[: most - tail - 3]}...{line[len(line) - tail :]}"


class InspectorError(Exception):
    """What went wrong, where, and what would be valid.

    `str()` is exactly one line, free of control characters, of at most 480 characters.
    """

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        where, what, hint = self.where, self.what, self.hint
        if len(where) + len(what) + len(hint) > LONGEST - 4 or len(whole := _joined(where, what, hint)) > LONGEST:
            # A place that is cut is found by nobody: the hint gives way first, then all of what is wrong but its head.
            room = LONGEST - 4
            hint = short_line(hint, max(_SHORT_HINT, min(_HINT, room - len(where) - len(what))))
            where = short_line(where, max(_WHERE, room - len(hint) - min(len(what), _WHAT)))
            what = short_line(what, room - len(where) - len(hint))
            return _joined(where, what, hint)
        return whole


def _joined(where: str, what: str, hint: str) -> str:
    text = f"{where}: {what}" if where else what
    return one_line(f"{text}; {hint}" if hint else text)


NO_MEMORY = "there is not enough memory for this"
MORE_MEMORY = "a limit (ulimit -v, a container's) or the machine allows no more"


class SourceError(InspectorError):
    """A dump, recording or live source cannot be read."""


class RegisterError(InspectorError):
    """A register, field or value that the user named means nothing."""


class PolicyError(InspectorError):
    """A kernel policy or patch file is missing or invalid."""


class CreationError(InspectorError):
    """KVM would not create the vCPU that was asked for on that host; `hint` is the command line's way out."""


def nearest(word: str, known: Iterable[str], count: int, cutoff: float) -> list[str]:
    """Those of `known` that are spelled most like `word`, at most `count`; `cutoff`: see difflib."""
    from difflib import get_close_matches  # for whoever mistyped

    return get_close_matches(word, list(known), count, cutoff)
