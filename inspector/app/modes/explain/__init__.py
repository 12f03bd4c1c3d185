"""Explain: what does this error text mean?"""

from __future__ import annotations

from inspector.app.shell.keys import Mode

MODE = Mode(
    "explain",
    "Explain",
    7,
    "what an error text means",
    screen="inspector.app.modes.explain.screen:Explain",
    dialog=True,
    needs_dump=False,
)
