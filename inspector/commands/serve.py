"""Show the screens in a browser on this machine.

The address that is printed holds a token: whoever has it reads and writes files as you, by Open and Export. It listens
on 127.0.0.1; from another machine: ssh -L PORT:127.0.0.1:PORT HOST, with --port PORT here. Needs the extra `web`.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys

from inspector.commands.arguments import add_declared, add_snapshot, seconds, whole
from inspector.errors import EXIT_YES, InspectorError
from inspector.version import PROGRAM

_LIBRARY = "textual_serve"
_LAST_PORT = 65535


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sources", metavar="SOURCE", nargs="*", help="what to open; none: the start page")
    add_declared(parser)
    add_snapshot(parser)
    parser.add_argument("--watch", metavar="SECONDS", type=seconds, help="read live sources again at this interval")
    parser.add_argument("--port", metavar="PORT", type=whole, default=0, help="listen there (default: any free port)")
    parser.add_argument(
        "--host",
        metavar="NAME",
        default="",
        help="another address of this machine to listen at (default: 127.0.0.1). "
        "Nothing is encrypted: whoever listens on the way sees the token",
    )
    # The program that a page shows: the same command again, which draws instead of serving.
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Serve until the program is asked to end."""
    if options.inside:
        return _draw(options)
    _check(options)
    from inspector.app import served

    host = options.host or served.LOOPBACK
    with served.listen(host, options.port) as listening:
        if not served.is_loopback(listening):
            print(
                f"{PROGRAM}: warning: other machines can reach {host}, and nothing is encrypted: whoever gets the"
                " address, or listens on the way, reads and writes files as you",
                file=sys.stderr,
            )
        served.serve(served.own_command(_again(options)), listening, host, _tell)
    return EXIT_YES


def _tell(address: str) -> None:
    print(address, file=sys.__stdout__, flush=True)
    print("Open this address in a browser; ctrl+c ends it. It is a password: give it to nobody.", file=sys.stderr)


def _check(options: argparse.Namespace) -> None:
    """Raises InspectorError for whatever a page would only say after it was opened."""
    if not 0 <= options.port <= _LAST_PORT:
        raise InspectorError(f"is not a number from 0 to {_LAST_PORT}", "--port", "0 takes any free one")
    if options.watch is not None and not options.watch > 0:
        raise InspectorError("takes a positive number of seconds", "--watch", "such as 5")
    if "-" in options.sources:
        raise InspectorError("can be read only once, and each page reads its own", "standard input", "give a file")
    if importlib.util.find_spec(_LIBRARY) is None:
        raise InspectorError("needs textual-serve", "serve", f"pip install '{PROGRAM}[web]'")
    from inspector.sources import load
    from inspector.sources.live import check_watched, is_live, open_live

    if options.watch:
        check_watched(options.sources)
    for source in options.sources:
        if is_live(source):
            open_live(source)
        else:
            load(source, options.declared, options.snapshot)


def _again(options: argparse.Namespace) -> list[str]:
    """The arguments of the program that a page shows."""
    words = ["serve", "--inside", "--limit", str(options.limit)]
    words += ["--as", options.declared] if options.declared else []
    words += ["--snapshot", options.snapshot] if options.snapshot else []
    words += ["--watch", str(options.watch)] if options.watch else []
    return [*words, "--", *options.sources]


def _draw(options: argparse.Namespace) -> int:
    """Open the screens where Textual was told to draw, and end with the server."""
    from inspector import app
    from inspector.app.served import end_with

    end_with(sys.stdin.fileno())
    return app.run(options.sources, watch=options.watch, declared=options.declared, snapshot=options.snapshot)
