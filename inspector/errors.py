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
    return "".join(ch if ch.isprintable() else " " if ch in "\t\r\n" else f"\\x{ord(ch):02x}" for ch in text)


class InspectorError(Exception):
    """What went wrong, where, and what would be valid; `str()` is exactly one line, free of control characters."""

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{text}; {self.hint}" if self.hint else text)


class SourceError(InspectorError):
    """A dump, recording or live source cannot be read."""


class RegisterError(InspectorError):
    """A register, field or value that the user named means nothing."""


class PolicyError(InspectorError):
    """A kernel policy or patch file is missing or invalid."""
