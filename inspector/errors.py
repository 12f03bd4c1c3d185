"""The one family of errors that a user can cause.

An error here is something the *user* can mend: a file that cannot be read, a name that means nothing, an argument out
of range. The command line prints it as one line and ends with exit code 2; the screens show it in place. A register
write that KVM refuses is an answer, never an exception.
"""

from __future__ import annotations

EXIT_YES = 0
"""Exit code: done, or the answer is yes."""
EXIT_NO = 1
"""Exit code: the answer is no (refused, differs, would fail)."""
EXIT_BAD = 2
"""Exit code: bad usage or unreadable input."""


def one_line(text: str) -> str:
    """`text` with control characters (escape sequences, newlines) replaced, so it is safe on a terminal."""
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() else " " if ch in "\t\r\n" else f"\\x{ord(ch):02x}" for ch in text)


DEBUG = "VCPU_INSPECTOR_DEBUG"
"""Environment variable that asks for the traceback of an internal error; `--debug` sets it."""
LONGEST = 480
"""Characters of a refusal; with the program's name before it, it stays below 500."""
_WHERE, _HINT = 160, 160
"""Characters of a place and of a hint that are kept of a refusal that is too long."""


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
            where, hint = short_line(where, _WHERE), short_line(hint, _HINT)
            what = short_line(what, LONGEST - 4 - len(where) - len(hint))
            return _joined(where, what, hint)
        return whole


def _joined(where: str, what: str, hint: str) -> str:
    text = f"{where}: {what}" if where else what
    return one_line(f"{text}; {hint}" if hint else text)


class SourceError(InspectorError):
    """A dump, recording or live source cannot be read."""


class RegisterError(InspectorError):
    """A register, field or value that the user named means nothing."""


class PolicyError(InspectorError):
    """A kernel policy or patch file is missing or invalid."""


class CreationError(InspectorError):
    """KVM would not create the vCPU that was asked for on that host; `hint` is the command line's way out."""
