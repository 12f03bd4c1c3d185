"""The start page: one line that takes anything, and what can be opened."""

from __future__ import annotations

from inspector.app.shell.keys import Key, Mode

MODE = Mode(
    "start",
    "Start",
    screen="inspector.app.modes.start.screen:Start",
    keys=(
        Key("start.go", "enter", "go", "Go", "Take what the line holds, or the list's line", footer=1),
        Key("start.complete", "tab", "complete", "Complete", "Complete a path as far as it is certain", footer=2),
        Key("start.open", "f2", "app.open", "Open", "Choose a dump to open"),
    ),
    spelled={"open": "f2", "quit": "ctrl+q"},
)
