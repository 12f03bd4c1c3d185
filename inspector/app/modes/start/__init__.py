"""The start page: what can be opened."""

from __future__ import annotations

from inspector.app.shell.keys import Key, Mode

MODE = Mode(
    "start",
    "Start",
    screen="inspector.app.modes.start.screen:Start",
    keys=(Key("start.open", "enter", "choose", "Open", "Open the highlighted dump", footer=1),),
)
