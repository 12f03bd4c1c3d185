"""The screens are tested on a fixed catalogue of kernels and patches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.catalogue import fixed_catalogue


@pytest.fixture(scope="package", autouse=True)
def _machine() -> Iterator[None]:
    """The start page says whether this machine could be asked itself: on every machine the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inspector.app.dialogs.offers.platform.machine", lambda: "x86_64")
        yield


@pytest.fixture(scope="package", autouse=True)
def _catalogue() -> Iterator[None]:
    with fixed_catalogue():
        yield
