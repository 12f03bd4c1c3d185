"""Which tests share what is dear: `--dist loadgroup` runs those of one group in one process, one after the other.

The boots of `prove` are kept for a process, so tests of one kernel and CPU belong together; those of the lab start
machines from the same saved files, and damage one.
"""

from __future__ import annotations

import pytest

_LAB = ("test_lab", "test_lab_screens", "test_patch_page")
_COMPARED = {("6.1", "neoverse-n2"), ("6.12", "neoverse-n2")}
"""Boots that some tests ask for together."""


def _group(item: pytest.Item) -> str:
    module = item.path.stem
    if module in _LAB:
        return "lab"
    if module != "test_kernels":
        return module
    of_case = getattr(item, "callspec", None)
    boot = (of_case.params.get("series"), of_case.params.get("cpu")) if of_case else (None, None)
    if boot in _COMPARED or "migration" in item.name:
        return "compared"
    return "-".join(map(str, boot)) if boot[0] else item.name


def pytest_itemcollected(item: pytest.Item) -> None:
    """Name each test's group; xdist looks for it before other hooks see the whole of what was collected."""
    item.add_marker(pytest.mark.xdist_group(_group(item)))
