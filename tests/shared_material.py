"""What a checkout does not carry: whole recordings, and other projects' files. Tests use them where they lie beside it.

Everything else that tests need is in `tests/material`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
_WHY = {
    "recordings": "the full set of recordings",
    "samples": "files of another project, which this one does not carry",
}


def _reason(name: str) -> str:
    return f"needs ../shared/{name} beside the checkout: {_WHY[name.partition('/')[0]]}"


def shared(*parts: str) -> Path:
    """The path of shared material; skips the calling test, saying so, where it is not there."""
    path = _SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(_reason("/".join(parts)), allow_module_level=True)
    return path


def shared_files(folder: str, pattern: str) -> list[Any]:
    """Paths of shared files, for `parametrize`; where they are not there, one case that is skipped and says so."""
    found = sorted(_SHARED.joinpath(folder).glob(pattern))
    if found:
        return [pytest.param(path, id=path.name.partition(".json")[0]) for path in found]
    missing = pytest.mark.skip(reason=_reason(f"{folder}/{pattern}"))
    return [pytest.param(Path("none"), id="none", marks=missing)]
