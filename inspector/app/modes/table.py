"""The modes of the program. A new mode is a folder with a `MODE`, and its name here."""

from __future__ import annotations

from importlib import import_module

from inspector.app.shell.keys import Mode

NAMES = ("start", "summary", "features", "browse", "compare", "write", "migrate", "patch", "cache", "explain")
MODES: tuple[Mode, ...] = tuple(import_module(f"inspector.app.modes.{name}").MODE for name in NAMES)
