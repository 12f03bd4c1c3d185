"""How it is seen: the screens. The only room that imports Textual; `run` does so after every source was read."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def run(sources: Sequence[str], watch: float | None = None) -> int:
    """Open the screens on `sources` (none: the start page); returns the exit code.

    Every source is read before the screen opens: one that cannot be read raises SourceError, which the command line
    prints as one line.
    """
    import gc

    # Collecting garbage while modules are imported and the first screen is built finds nothing and costs a tenth of the
    # start; the program takes it up again when that screen has been drawn.
    gc.disable()
    from inspector.sources import load

    dumps = [load(source) for source in sources]
    if "-" in sources:
        _take_keyboard()
    from inspector.app.application import run_app

    return run_app(dumps)


def _take_keyboard() -> None:
    """Read keys from the terminal when standard input was the dump."""
    if not sys.stdin.isatty():
        terminal = os.open("/dev/tty", os.O_RDONLY)
        os.dup2(terminal, 0)
        os.close(terminal)
