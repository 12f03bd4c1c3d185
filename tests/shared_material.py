"""Where the material beside the checkout is: recordings and samples of real kernels, which tests use when present."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def shared(*parts: str) -> Path:
    """The path of shared material; skips the calling test, saying so, where it is not there."""
    path = _SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/{'/'.join(parts)} beside the checkout", allow_module_level=True)
    return path


def shared_files(folder: str, pattern: str) -> list[Any]:
    """Paths of shared files, for `parametrize`; where they are not there, one case that is skipped and says so."""
    found = sorted(_SHARED.joinpath(folder).glob(pattern))
    if found:
        return [pytest.param(path, id=path.name.partition(".json")[0]) for path in found]
    missing = pytest.mark.skip(reason=f"needs ../shared/{folder}/{pattern} beside the checkout")
    return [pytest.param(Path("none"), id="none", marks=missing)]


def has_shared() -> bool:
    """True when the folder beside the checkout is there, for parametrisation at collection time."""
    return _SHARED.is_dir()
