"""The program: streams fit to be written to, the command, and one line for whatever goes wrong.

Standard output carries the answer, standard error the talk. `--version` imports next to nothing.
"""

from __future__ import annotations

import atexit
import os
import sys

from inspector.errors import DEBUG, EXIT_BAD, LONGEST, MORE_MEMORY, NO_MEMORY, InspectorError, one_line, short_line
from inspector.talk import unfailing
from inspector.version import PROGRAM, __version__

TYPE_CHECKING = False  # typing's own constant would load typing, a third of the time of `--version`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn, TextIO

_INTERRUPTED = 130
_NOT_READ = 141
"""As shells count SIGPIPE: 0 would say yes where nobody knows the answer yet."""
_MOST_DIGITS = 5
"""Of COLUMNS and LINES."""
_GARBAGE = 100_000
"""Objects that may come before garbage is looked for, some ten megabytes: a restore under every kernel makes fewer."""


def _run(arguments: Sequence[str], last: bool) -> int:
    if arguments[:1] == ["--version"]:
        print(f"{PROGRAM} {__version__}")
        return 0
    if "_ARGCOMPLETE" in os.environ:
        from inspector.completion import answer

        answer(os.environ.get("COMP_LINE", ""), int(os.environ.get("COMP_POINT", "0")))
    # Most of what is made while modules are imported and policies are read stays: looking for garbage among it takes a
    # tenth of the time of a small command.
    import gc

    gc.set_threshold(_GARBAGE)
    from inspector.command_line import dispatch  # argparse is half of the time of `--version`
    from inspector.leaving import raised  # signal, threading and typing are some of the rest

    with raised(last=last):
        return dispatch(arguments)


def _whole(stream: TextIO) -> TextIO:
    """Standard output that is written whole or fails.

    Without a buffer (PYTHONUNBUFFERED=1, as in many containers) Python hands each text to write() once, and what a full
    disk does not take is lost without a word.
    """
    import io  # loaded by every Python

    if not isinstance(getattr(stream, "buffer", None), io.RawIOBase):
        return stream
    raw = io.FileIO(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=stream.encoding, line_buffering=True)


def _prepare_streams() -> bool:
    """Make standard output and error fit to be written to; False when there is no standard output."""
    if sys.stderr is None:
        # Closed (`2>&-`): print() would put the talk into the answer.
        import io

        sys.stderr = io.StringIO()
    if sys.stdout is None:
        print(f"{PROGRAM}: standard output is closed", file=sys.stderr)
        return False
    sys.stdout = _whole(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A C locale must not turn an answer into a traceback.
            stream.reconfigure(errors="backslashreplace")
    if sys.stderr is sys.__stderr__ and sys.stderr is not None:
        sys.stderr = unfailing(sys.stderr)
    return True


def _forget_odd_sizes() -> None:
    """A size of the terminal that is no number, such as `²`, or of 5,000 digits, ended what Rich and Textual draw."""
    told = {name: os.environ[name] for name in ("COLUMNS", "LINES") if name in os.environ}
    if not told:
        return
    from inspector.numbers import is_decimal

    for name, size in told.items():
        if len(size) > _MOST_DIGITS or not is_decimal(size):
            del os.environ[name]


def main(arguments: Sequence[str] | None = None, *, last: bool = False) -> int:
    """Run the program with `arguments` (default: the process's own); returns the exit code.

    `last`: nothing comes behind it but the end of the process.
    """
    if not _prepare_streams():
        return EXIT_BAD
    _forget_odd_sizes()
    given = sys.argv[1:] if arguments is None else arguments
    if "--debug" in given:
        os.environ[DEBUG] = "1"
    try:
        try:
            code = _run(given, last)
        except SystemExit as leaving:
            # argparse leaves this way, also behind `COMMAND --help`, whose text has yet to reach standard output.
            code = leaving.code if isinstance(leaving.code, int) else EXIT_BAD
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()  # the answer is known
    except KeyboardInterrupt as leaving:
        return _left(leaving)
    except MemoryError as error:
        if DEBUG not in os.environ:
            error.__traceback__ = error.__context__ = None  # let go of what the work has made
        return _failed(error)
    except Exception as error:
        return _failed(error)
    return code


def start() -> NoReturn:
    """Run the program with the process's own arguments, and end the process.

    Without taking apart, object by object, what the system frees at once: a tenth of the time of a small command.
    """
    code = main(last=True)
    threading = sys.modules.get("threading")
    if threading is not None and sum(not one.daemon for one in threading.enumerate()) > 1:
        sys.exit(code)  # waits for those beside the main thread
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # main() has flushed the answer, and said what went wrong
    os._exit(code)


def _left(leaving: KeyboardInterrupt) -> int:
    """Say what ended the program, and what the user has to know then; the exit code, as shells count it.

    ctrl+c needs no words of ours, unless there is a note.
    """
    note, code = getattr(leaving, "note", ""), getattr(leaving, "code", _INTERRUPTED)
    if note or code != _INTERRUPTED:
        print(one_line(f"{PROGRAM}: {leaving}" + f"; {note}" * bool(note)), file=sys.stderr)
    _drop_output()
    return int(code)


def _failed(error: Exception) -> int:
    """Say in one line what went wrong; the exit code."""
    if isinstance(error, InspectorError):
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return EXIT_BAD
    if isinstance(error, MemoryError) and DEBUG not in os.environ:
        print(f"{PROGRAM}: {NO_MEMORY}; {MORE_MEMORY}", file=sys.stderr)
        _drop_output()
        return EXIT_BAD
    if not isinstance(error, OSError):
        from inspector.faults import report_fault

        return report_fault(error)
    if not isinstance(error, BrokenPipeError):
        # What commands read and write by name has its own message; what is left is standard output on a full disk.
        what = short_line(f"{error.filename or 'standard output'}: {error.strerror or error}", LONGEST)
        print(f"{PROGRAM}: {what}", file=sys.stderr)
    # The reader of a pipe (`| head`) has enough.
    _drop_output()
    return _NOT_READ if isinstance(error, BrokenPipeError) else EXIT_BAD


def _drop_output() -> None:
    """Let standard output lead nowhere: Python would complain again when it flushes at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # a stand-in without a descriptor
