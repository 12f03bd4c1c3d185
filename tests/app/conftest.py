"""The screens are tested on a fixed catalogue of kernels and patches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.app import App

from tests.catalogue import fixed_catalogue


@pytest.fixture(scope="package", autouse=True)
def _machine() -> Iterator[None]:
    """The start page says whether this machine could be asked itself: on every machine the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inspector.app.dialogs.offers.platform.machine", lambda: "x86_64")
        yield


@pytest.fixture(scope="package", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The start page shows the dumps of the folder that the program was started in: of an empty one, in any time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("started-in"))
        patch.setattr("inspector.app.dialogs.here._SECONDS", 3600.0)
        yield


@pytest.fixture(scope="package", autouse=True)
def _catalogue() -> Iterator[None]:
    with fixed_catalogue():
        yield


@pytest.fixture(scope="package", autouse=True)
def _left() -> Iterator[None]:
    """The end of a test leaves the program, as the user does: what has to be shown just then finds no widget."""
    end = App._shutdown

    async def leave(app: App[None]) -> None:
        app._exit = True
        await end(app)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "_shutdown", leave)
        yield


@pytest.fixture(scope="package", autouse=True)
def _no_history() -> Iterator[None]:
    """What each kernel shows comes onto the widest Browse a moment later: only where a test waits for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inspector.app.modes.browse.history.RESTED", 3600.0)
        yield
