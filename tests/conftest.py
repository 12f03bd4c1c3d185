"""What holds for every test: names that each worker of a parallel run derives alike."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is no fault of an example. CI judges a change by the same examples in each run, others meet new ones.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")


def pytest_make_parametrize_id(val: Any, argname: str) -> str | None:
    """Refuse bytes as the name of a case.

    They may hold the time of day (gzip's header does), and workers that collect in different seconds would then
    disagree about which tests there are. `pytest.param(..., id=...)` or `ids=` names such a case.
    """
    if isinstance(val, (bytes, bytearray, memoryview)):
        raise ValueError(f"parametrize: {argname} holds bytes, which name no case: give each case an id")
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: on few cores two workers each.

    Textual's pilot waits for a fiftieth of a second behind every key, and the tests in a terminal for the program: one
    worker a core left two thirds of the time unused.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(cores, min(2 * cores, 8))


FEW = 4
"""Of so many tests one is run where few are asked for."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For one more interpreter: what differs between cases, and most that differs between tests, was seen on another.

    VCPU_INSPECTOR_CASES=ends leaves out what lies between the first and the last case of each test; `few` leaves of
    every FEW tests the first case of one.
    """
    wanted = os.environ.get("VCPU_INSPECTOR_CASES")
    if wanted not in ("ends", "few"):
        return
    cases = [list(group) for _, group in groupby(items, lambda item: item.nodeid.partition("[")[0])]
    if wanted == "ends":
        kept = [item for group in cases for item in (group[0], *group[1:][-1:])]
    else:
        kept = [group[0] for group in cases[::FEW]]
    left = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in left])
    items[:] = kept


@pytest.fixture(autouse=True, scope="session")
def _nothing_is_remembered() -> Iterator[None]:
    """No test finds what another one or the user made the screens remember: the folder cannot be made."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_STATE_HOME", "/proc/nonexistent")
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _nothing_stays_put_aside() -> Iterator[None]:
    """Screens put aside from the collector what was imported, once in a process; here each test starts them again, and
    what they made would stay until the worker ends: 8 million objects, and the next test finds a process in use."""
    yield
    gc.unfreeze()
