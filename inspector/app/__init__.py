"""How it is seen: the screens. The only room that imports Textual; `run` does so after every source was read."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from inspector.errors import one_line
from inspector.leaving import unbroken
from inspector.progress import told_nowhere

if TYPE_CHECKING:
    from inspector.sources.dump import View
    from inspector.sources.live.source import LiveOptions, LiveSource


def run(
    sources: Sequence[str],
    watch: float | None = None,
    options: LiveOptions | None = None,
    for_real: bool = False,
    declared: View | None = None,
    snapshot: str = "",
    demo: bool = False,
) -> int:
    """Open the screens on `sources` (none: the start page); returns the exit code.

    Every source is read before the screen opens: one that cannot be read raises SourceError, which the command line
    prints as one line. Live sources stay open: they are read again on demand, and every `watch` seconds. `for_real`
    lets the Write dialog write to scratch vCPUs of live sources, made as `options` say. `declared`: whose values
    texts hold (`--as`). `snapshot`: which internal snapshot of a qcow2 image.
    `demo`: on the patch page, with the story of the patch that this program began with.
    """
    # Collecting garbage while modules are imported and the first screen is built finds nothing and costs a tenth of the
    # start; the program takes it up again when that screen has been drawn.
    gc.disable()
    from inspector.sources import load

    live = _open_live(sources, options)
    if live:
        from inspector.app.shell.live import read_at_start

        dumps, readings = read_at_start(sources, live, declared)
    else:
        dumps, readings = [load(source, declared, snapshot) for source in sources], {}
    if "-" in sources:
        _take_keyboard()
    # Textual takes what follows an escape within a tenth of a second for Alt, which is as long as between two keys that
    # are typed fast; the rest of a cursor key's sequence comes at once.
    os.environ.setdefault("ESCDELAY", "40")
    # The longest import of all, in the midst of which a signal could get lost.
    with unbroken():
        from inspector.app.shell.application import run_app

    with told_nowhere():
        if for_real:
            from inspector.sources.live.source import LiveOptions

            return run_app(dumps, readings, watch, options or LiveOptions())
        return run_app(dumps, readings, watch, demo=demo)


def _open_live(sources: Sequence[str], options: LiveOptions | None) -> dict[str, LiveSource]:
    """The live ones of the sources, by address; what reading does to a guest is said before it is done."""
    from inspector.sources.live import is_live, open_live

    found = {source: open_live(source, options) for source in sources if is_live(source)}
    for address, source in found.items():
        if source.caution:
            print(one_line(f"{address}: {source.caution}"), file=sys.stderr)
    return found


def _take_keyboard() -> None:
    """Read keys from the terminal when standard input was the dump."""
    if not sys.stdin.isatty():
        terminal = os.open("/dev/tty", os.O_RDONLY)
        os.dup2(terminal, 0)
        os.close(terminal)
