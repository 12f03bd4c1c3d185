"""The commands, their parser and their help: load only the command's module, print its report, end with its exit code.

`--help` imports nothing but argparse.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from inspector import budget
from inspector.commands.arguments import seconds
from inspector.errors import EXIT_BAD, LONGEST, InspectorError, json_in_ascii, short_line
from inspector.numbers import is_decimal
from inspector.talk import on_terminal
from inspector.version import PROGRAM

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS = (
    "summary", "features", "show", "decode", "caches", "convert", "list", "expose", "write", "kernels", "predict",
    "verify", "migrate", "matrix", "fix", "review", "learn", "explain", "compare", "live", "record", "lab", "formats",
    "completion", "locate", "serve", "demo",
)  # fmt: skip
"""Every command, in the order of the overview; `inspector.commands` has a module of the same name for each, whose
docstring is its help."""
READ_NOTHING = ("decode", "list", "formats", "completion", "locate")
"""Commands that read no source."""


def summary(name: str) -> str:
    """The first line of a command's help, read without loading what the command needs."""
    import pkgutil

    source = pkgutil.get_data("inspector.commands", f"{name}.py") or b""
    return source.decode().partition("\n")[0].strip('".')


_HELP_AT, _WIDEST, _NARROWEST = 26, 120, 20
"""Column at which what options mean begins, the widest line of a help, and the fewest columns that it is made for."""
COLOURS = ("auto", "always", "never")


class Parser(argparse.ArgumentParser):
    """argparse, but a usage error is one line and exit code 2."""

    def __init__(self, **options: Any) -> None:
        if sys.version_info >= (3, 14):
            options["color"] = False  # help is plain text, whatever --color and the terminal say
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Print one line to standard error and leave."""
        self.exit(EXIT_BAD, short_line(f"{self.prog}: {message}; see {self.prog} --help", LONGEST) + "\n")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Print the help; unlike argparse's own, a full disk raises OSError."""
        print(self.format_help(), end="", file=file)


class Filled(argparse.HelpFormatter):
    """Help filled to the terminal's width, in paragraphs.

    A line that begins with a space stays a line; what stands behind two spaces in it is a column of its own.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=_HELP_AT, width=min(_columns(), _WIDEST) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts: list[str] = []
        for line in text.strip().split("\n"):
            if not parts or not line.strip() or line.startswith(" ") or not parts[-1] or parts[-1].startswith(" "):
                parts.append(line)
            else:
                parts[-1] += f"\n{line}"
        return "\n".join(self._part(part, width, indent) for part in parts)

    def _part(self, text: str, width: int, indent: str) -> str:
        inner = indent + " " * (len(text) - len(text.lstrip(" ")))
        term, gap, meaning = text.strip().partition("  ")
        if not gap:
            return "\n".join(_wrapped(text, width, inner, inner))
        meaning = meaning.lstrip(" ")
        column = len(text) - len(meaning)
        if column > width // 2:
            return "\n".join(_wrapped(text, width, inner, f"{inner}    "))
        return "\n".join(_wrapped(meaning, width, f"{inner}{term}".ljust(column), " " * column))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(text, width)


def _wrapped(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    """Lines of at most `width` cells; no word is broken, at a hyphen neither: it may be a name."""
    import textwrap

    words = " ".join(text.split())
    return textwrap.wrap(
        words, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False, break_long_words=False
    )


def overview() -> str:
    """The text of `--help`."""
    options = (
        ("-h, --help", "show this text"),
        ("--version", "show the version"),
        ("--watch SECONDS", "(with SOURCE) read live sources again at this interval"),
        ("--limit TIMES", "let a source be that many times as large, or as slow to read, as is usual"),
        ("--color WHEN", "auto (on a terminal), always or never; NO_COLOR and FORCE_COLOR count too"),
        ("--debug", "show the traceback of an internal error"),
        ("--snapshot NAME|ID", "(with SOURCE) which internal snapshot of a qcow2 image"),
        ("--as VIEW", "(with SOURCE) whose values a pasted text holds: host, el0, vcpu or guest"),
    )
    lines = [
        f"usage: {PROGRAM} [SOURCE ...]          the screens (no SOURCE: start page)",
        f"       {PROGRAM} COMMAND [ARGUMENTS]   an answer; COMMAND --help says more",
        "",
        *_filled(
            "Read arm64 KVM vCPU registers from saved or running machines, and predict what a kernel does with them."
        ),
        "",
        "commands:",
        *_aligned([(name, summary(name)) for name in COMMANDS]),
        "",
        *_filled(
            "SOURCE: a file, - (standard input), builtin:NAME (see `list`), live:, ssh://[user@]host[:port], "
            "lab:KERNEL, debugfs:[VM], gdb:HOST:PORT or gdb:SOCKET, qmp:SOCKET. A file named like a command is opened "
            "as ./NAME.",
            later="  ",
        ),
        "",
        "options:",
        *_aligned(options),
        "",
        *_filled(
            "settings of the screens (theme, keys, number base, kernel, VMM): a file that `locate` names; see README"
        ),
        "",
        *_filled("exit codes: 0 yes or done, 1 the answer is no, 2 bad usage or unreadable input"),
    ]
    return "\n".join(lines)


def _filled(text: str, first: str = "", later: str = "") -> list[str]:
    """A paragraph in the width of the terminal."""
    return _wrapped(text, min(_columns(), _WIDEST) - 2, first, later)


def _aligned(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Each with what it means, in one column."""
    width = max(len(left) for left, _ in pairs)
    rows = [_filled(right, f"  {left:{width}}  ", " " * (width + 4)) for left, right in pairs]
    return [line for row in rows for line in row]


def _add_everywhere(parser: argparse.ArgumentParser, reads: bool = True) -> None:
    """The options of every command and of the screens; `--limit` where something is read."""
    if reads:
        parser.add_argument("--limit", type=_times, default=1, metavar="TIMES", help=budget.HELP)
    parser.add_argument(
        "--color", choices=COLOURS, default="auto", metavar="WHEN", help="on a terminal (auto), always or never"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an internal error")


def _take_everywhere(options: argparse.Namespace) -> None:
    budget.raise_limits(getattr(options, "limit", 1))


def _times(text: str) -> int:
    if not (is_decimal(text) and len(text) <= 6 and int(text)):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 1 to 999999")
    return int(text)


def screens_parser() -> Parser:
    """The parser of `vcpu-inspector [SOURCE ...]`."""
    parser = Parser(prog=PROGRAM, add_help=False)
    parser.add_argument("sources", nargs="*", metavar="SOURCE")
    parser.add_argument("--watch", type=seconds, metavar="SECONDS")
    parser.add_argument("--as", dest="declared", choices=("host", "el0", "vcpu", "guest"))
    parser.add_argument("--snapshot", metavar="NAME|ID", default="")
    _add_everywhere(parser)
    return parser


def _open_screens(arguments: Sequence[str]) -> int:
    parser = screens_parser()
    options = parser.parse_args(arguments)
    _take_everywhere(options)
    if options.watch is not None and not options.watch > 0:
        parser.error("--watch takes a positive number of seconds")
    if options.watch:
        from inspector.sources.live import check_watched

        check_watched(options.sources)
    # Textual draws on standard error, so that one has to be the terminal too.
    if not on_terminal(sys.stdout, sys.stderr) or not (on_terminal(sys.stdin) or "-" in options.sources):
        _suggest_command(options.sources)
        raise InspectorError("the screens need a terminal", "", f"to print instead: {PROGRAM} show SOURCE")
    from inspector.leaving import unbroken

    with unbroken():
        import msgspec  # noqa: F401  # before any of what follows

        from inspector import app

    return app.run(list(options.sources), watch=options.watch, declared=options.declared, snapshot=options.snapshot)


def _suggest_command(sources: Sequence[str]) -> None:
    """Raises InspectorError if the first source is no file but looks like a mistyped command."""
    if sources and sources[0].isalpha() and not os.path.lexists(sources[0]):
        raise InspectorError("is neither a command nor a file", sources[0], _near(sources[0]))


def command_parser(name: str, among: argparse._SubParsersAction[Parser] | None = None) -> Parser:
    """The parser of one command; `among` the commands of another parser where that is asked for."""
    module = _module(name)
    how: dict[str, Any] = {"description": module.__doc__, "formatter_class": Filled}
    parser = Parser(prog=f"{PROGRAM} {name}", **how) if among is None else among.add_parser(name, **how)
    module.configure(parser)
    _add_everywhere(parser, reads=name not in READ_NOTHING)
    return parser


def _columns() -> int:
    """Columns that a help is made for."""
    return max(_columns_told(), _NARROWEST)


def _columns_told() -> int:
    """Columns of the terminal, as argparse counts them: it would load shutil, and ask anew for every argument."""
    if told := int(os.environ.get("COLUMNS", "0")):  # a number: cli.main puts others away
        return told
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else -1).columns or 80
    except (ValueError, OSError):
        return 80


def _module(name: str) -> Any:
    from inspector.leaving import unbroken

    with unbroken(), _without_typing_extensions():
        return importlib.import_module(f"inspector.commands.{name}")


@contextmanager
def _without_typing_extensions() -> Iterator[None]:
    """Let msgspec take from typing what typing has since Python 3.11, as it does where typing_extensions is missing.

    It would load inspect, ast, dis and tokenize: a tenth of the time of a small command.
    """
    name = "typing_extensions"
    if name in sys.modules:
        yield
        return
    hidden: dict[str, Any] = sys.modules  # None in it is how the import system marks a module that is not there
    hidden[name] = None
    try:
        yield
    finally:
        sys.modules.pop(name, None)


def _run_command(name: str, arguments: Sequence[str]) -> int:
    parser = command_parser(name)
    options, late = parser.parse_known_args(arguments)
    if late:
        # `expose SOURCE --kernel 6.12 CTR_EL0`: argparse takes no optional operand behind an option by itself.
        options = parser.parse_intermixed_args(arguments)
    _take_everywhere(options)
    if getattr(options, "markdown", False) and getattr(options, "output", "") != "-":
        return _run_to_share(name, options)
    if getattr(options, "json", False):
        _print_json()
        return int(_module(name).run(options))
    if not _may_dress(options.color):
        return int(_module(name).run(options))
    # Rich is a third of the time of a small command; in a pipe nobody waits for it.
    from inspector.reports.terminal import dressed

    plain = sys.stdout
    sys.stdout = dressed(plain, options.color)
    try:
        code = int(_module(name).run(options))
        sys.stdout.flush()
    finally:
        sys.stdout = plain
    return code


def _print_json() -> None:
    """JSON is UTF-8 (RFC 8259, 8.1); where the user's encoding is another, it is ASCII, which is both."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if encoding.lower().replace("_", "-") not in ("utf-8", "utf8") and hasattr(sys.stdout, "reconfigure"):
        import codecs

        codecs.register_error("json", json_in_ascii)
        sys.stdout.reconfigure(encoding="ascii", errors="json")


def _run_to_share(name: str, options: argparse.Namespace) -> int:
    """Run a command whose Markdown goes into a bug report: without the folders of this machine."""
    import io
    from contextlib import redirect_stdout

    from inspector.reports.text import without_folders

    given = [one for value in vars(options).values() for one in (value if isinstance(value, list) else [value])]
    report = io.StringIO()
    with redirect_stdout(report):
        code = int(_module(name).run(options))
    print(without_folders(report.getvalue(), [one for one in given if isinstance(one, str)]), end="")
    return code


def _may_dress(colour: str) -> bool:
    forced = colour == "always" or (colour == "auto" and bool(os.environ.get("FORCE_COLOR")))
    return forced or sys.stdout.isatty()


def _help(arguments: Sequence[str]) -> int:
    """`help`, `help COMMAND`: as `--help`. Raises InspectorError for a word that is no command."""
    name = arguments[0] if arguments else "--help"
    if name in COMMANDS:
        return _run_command(name, ["--help"])
    if name not in ("-h", "--help", "help"):
        raise InspectorError("is not a command", name, _near(name))
    return dispatch(["--help"])


def _near(name: str) -> str:
    """Which command may be meant by a word."""
    import difflib

    close = difflib.get_close_matches(name.lower(), COMMANDS, n=1)
    return f"did you mean {PROGRAM} {close[0]}?" if close else f"see {PROGRAM} --help"


def _command_first(arguments: Sequence[str]) -> Sequence[str]:
    """The options of every command may stand before it: `--color never show SOURCE`."""
    at = 0
    while at < len(arguments) and (word := arguments[at]).partition("=")[0] in ("--color", "--limit", "--debug"):
        at += 1 if "=" in word or word == "--debug" else 2
    name, rest = arguments[at : at + 1], arguments[at + 1 :]
    if not at or not name:
        return arguments
    if name[0] in ("help", "-h", "--help"):
        return [*name, *rest]
    return [*name, *arguments[:at], *rest] if name[0] in COMMANDS else arguments


def dispatch(arguments: Sequence[str]) -> int:
    """Run what the arguments ask for; the exit code. Raises SystemExit as argparse does, else what the command does."""
    arguments = _command_first(arguments)
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help"):
        print(overview())
        return 0
    if first == "help":
        return _help(arguments[1:])
    from inspector.progress import telling

    with telling():
        return _run_command(first, arguments[1:]) if first in COMMANDS else _open_screens(arguments)
