"""The screens are tested on a fixed catalogue of kernels and patches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.catalogue import fixed_catalogue


@pytest.fixture(scope="package", autouse=True)
def _catalogue() -> Iterator[None]:
    with fixed_catalogue():
        yield
