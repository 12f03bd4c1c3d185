"""The one way to find data that ships with the program but lies outside the package: `snapshots/` and `themes/`."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `name` ("snapshots" or "themes").

    A checkout or editable install reads the live folder beside the package; a wheel carries a copy in `_shipped`. The
    checkout is asked first because hatchling leaves a stale `_shipped` copy behind in an editable install.
    """
    beside = _PACKAGE.parent / name
    if beside.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    return _PACKAGE / "_shipped" / name
