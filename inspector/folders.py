"""Where the user's own files lie, after the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.version import PROGRAM

SETTINGS = "settings.toml"
_NONE = Path("/nonexistent")
"""The home of a user who has none (a number without a name, as in a container): nothing is there, nor can be made."""
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


def expanded(path: str) -> Path:
    """A path as the user means it: `~` and `~NAME` are home folders, where there is such a user; never raises."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises for a user that does not exist


def is_there(path: str) -> bool:
    """Whether something has this name; never raises, as `Path.exists` does for a name that no file system takes."""
    return os.path.exists(os.path.expanduser(path))  # noqa: PTH110, PTH111


def _folder(variable: str, usual: str) -> Path:
    given = os.environ.get(variable, "")
    home = expanded("~")
    # The specification wants an absolute path and has any other left aside.
    return (Path(given) if given.startswith("/") else (home if home.is_absolute() else _NONE) / usual) / PROGRAM
