"""A fixed catalogue of kernels and patches, for tests of what is chosen from a list.

What ships grows with every kernel. A screen that lists kernels, and what says which of them comes first, is tested on
this list instead, so that a new policy changes no golden text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inspector.policies import points

_FIXED = {
    "kernels": (
        "5.10.0", "5.10.218", "5.10.223", "5.11.0", "5.12.0", "5.13.0", "5.14.0", "5.15.0", "5.16.0", "5.17.0",
        "5.18.0", "5.19.0", "6.0.0", "6.1.0", "6.1.170", "6.1.176", "6.2.0", "6.3.0", "6.4.0", "6.5.0", "6.6.0",
        "6.7.0", "6.8.0", "6.9.0", "6.10.0", "6.11.0", "6.12.0", "6.12.43", "6.12.57", "6.12.74", "6.12.85", "6.12.95",
        "6.12.107", "6.13.0", "6.14.0", "6.15.0", "6.16.0", "6.16.3", "6.16.12", "6.17.0", "6.17.8", "6.17.13",
        "6.18.0", "6.18.5", "6.18.9", "6.18.15", "6.19.0", "6.19.6", "6.19.14", "7.0.0", "7.0.4", "7.0.13", "7.1.0",
        "7.1.3", "7.1.13", "7.2.0", "7.2.6", "7.2.12", "7.3.0", "7.3.4", "ubuntu-6.8.0-151", "ubuntu-7.0.0-43",
    ),
    "patches": (
        "hide-mpam", "hide-mpam-tolerant", "mask-ccidx", "mask-ccidx-keep", "mask-ccidx-tolerant", "no-ssbs-erratum",
        "normalise-caches",
    ),
}  # fmt: skip


def _forget() -> None:
    """Drop what any module of the program remembers of the catalogue."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "inspector":
            for value in list(vars(module).values()):
                if clear := getattr(value, "cache_clear", None):
                    clear()


def _fixed(kind: str) -> list[str]:
    return list(_FIXED[kind])


@contextmanager
def fixed_catalogue() -> Iterator[None]:
    """The program knows the kernels and patches of this list alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "stems", _fixed)
        _forget()
        yield
    _forget()
