"""The source that a command was given, opened."""

from __future__ import annotations

import argparse

from inspector import sources
from inspector.errors import InspectorError
from inspector.sources.dump import ASK_WHOSE, Dump


def given_source(options: argparse.Namespace) -> Dump:
    """The dump that SOURCE names, of the snapshot that was asked for.

    Raises SourceError, and InspectorError for `--as` where nothing asks for it: SOURCE says itself whose values it
    holds, and there is no DESTINATION.
    """
    dump = sources.load(options.source, options.declared, options.snapshot)
    if options.declared and not hasattr(options, "destination") and dump.provenance.format not in ASK_WHOSE:
        hint = "leave it out; --as is for pasted texts and lists of a CPU's flags"
        raise InspectorError(f"{options.source} says itself whose values it holds", "--as", hint)
    return dump
