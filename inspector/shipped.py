"""The one way to find data that ships with the program but lies outside the package: `snapshots/` and `themes/`."""

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


def folder(name: str) -> Path:
    """The same as a Path."""
    from pathlib import Path

    return Path(place_of(name))
