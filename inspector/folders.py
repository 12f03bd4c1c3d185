"""Where the user's own files lie, after the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.version import PROGRAM

SETTINGS = "settings.toml"
REMEMBERED = "remembered.json"


def config_folder() -> Path:
    """The folder of the settings and of the user's own themes; the program writes nothing there."""
    return _folder("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """The folder of what the screens remember."""
    return _folder("XDG_STATE_HOME", ".local/state")


def cache_folder() -> Path:
    """The folder of what the lab fetched and made, which may be thrown away at any time."""
    return _folder("XDG_CACHE_HOME", ".cache")


def _folder(variable: str, usual: str) -> Path:
    given = os.environ.get(variable, "")
    # The specification wants an absolute path and has any other left aside.
    return (Path(given) if given.startswith("/") else Path.home() / usual) / PROGRAM
