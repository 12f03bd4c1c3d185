"""Where the material that lies beside the checkout is: recordings and samples of real kernels, which tests may use when present."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def shared(*parts: str) -> Path:
    """The path of shared material; skips the calling test, saying so, where it is not there."""
    path = _SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/{'/'.join(parts)} beside the checkout", allow_module_level=True)
    return path


def has_shared() -> bool:
    """True when the folder beside the checkout is there, for parametrisation at collection time."""
    return _SHARED.is_dir()
