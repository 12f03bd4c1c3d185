"""List the formats that are read: what each version holds and lacks.

How a reader was checked: `real files` were written by the program itself; `real library` is the library that the
program writes with, around registers of our own; `by source` are files of our own generators, after the program's
sources.
"""

from __future__ import annotations

import argparse

from inspector.commands.arguments import add_style
from inspector.errors import EXIT_YES
from inspector.reports import formats as report
from inspector.reports.json import dumps
from inspector.sources.formats.overview import FORMATS_READ


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    if options.json:
        print(dumps(report.formats_json(FORMATS_READ)))
    else:
        print("\n".join((report.markdown if options.markdown else report.lines)(FORMATS_READ)))
    return EXIT_YES
