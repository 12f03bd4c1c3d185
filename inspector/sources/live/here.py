"""`live:` - the host that this program runs on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from inspector.errors import SourceError
from inspector.sources.dump import Dump
from inspector.sources.live.answers import arguments, dump_of, run
from inspector.sources.live.programs import collector_program
from inspector.sources.live.source import LiveOptions


class ThisHost:
    """Runs the collector in a process of its own: it forks, moves between CPUs and could be killed by a signal."""

    address = "live:"
    caution = ""

    def __init__(self, options: LiveOptions) -> None:
        self.options = options
        self.timeout = options.timeout

    def answer(self, writes: Sequence[tuple[int, int]] = ()) -> bytes:
        """What the collector wrote. Raises SourceError where it failed."""
        command = [sys.executable, "-I", "-", *arguments(self.options, writes)]
        done = run(command, collector_program(), self.timeout, self.address)
        if done.code:
            raise SourceError(f"the collector failed: {done.said or f'exit code {done.code}'}", self.address)
        return done.out

    def read(self) -> Dump:
        """This host's registers."""
        return dump_of(self.answer(), self.address)
