"""The source that a command was given, opened."""

from __future__ import annotations

import argparse

from inspector import sources
from inspector.sources.dump import Dump


def given_source(options: argparse.Namespace) -> Dump:
    """The dump that SOURCE names, of the snapshot that was asked for. Raises SourceError."""
    return sources.load(options.source, options.declared, options.snapshot)
