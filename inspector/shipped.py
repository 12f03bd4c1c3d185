"""The one way to find data that ships with the program: of the package, and beside it `snapshots/` and `themes/`."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE = os.path.dirname(os.path.realpath(__file__))


def place_of(name: str) -> str:
    """The path of the folder `name` ("snapshots" or "themes").

    A checkout or editable install reads the live folder beside the package; a wheel carries a copy in `_shipped`. The
    checkout is asked first because hatchling leaves a stale `_shipped` copy behind in an editable install.
    """
    above = os.path.dirname(_PACKAGE)
    beside = os.path.join(above, name)
    if os.path.isdir(beside) and os.path.isfile(os.path.join(above, "pyproject.toml")):
        return beside
    return os.path.join(_PACKAGE, "_shipped", name)


def own_path(*parts: str) -> str:
    """The path of a file or folder of the package itself."""
    return os.path.join(_PACKAGE, *parts)


def own_text(*parts: str) -> str:
    """The text of a file of the package itself. importlib.resources would load thirty modules for it."""
    with open(own_path(*parts), encoding="utf-8") as file:
        return file.read()


def folder(name: str) -> Path:
    """The same as a Path."""
    from pathlib import Path

    return Path(place_of(name))
