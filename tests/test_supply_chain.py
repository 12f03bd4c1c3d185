"""What the project takes from others: tested ranges, a lock with hashes, packages as they were published."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from tests.fresh import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
TESTS: list[str] = PROJECT["project"]["optional-dependencies"]["test"]
FLEET: list[str] = PROJECT["project"]["optional-dependencies"]["fleet"]
LOGS: list[str] = PROJECT["project"]["optional-dependencies"]["logs"]
BUILD: list[str] = PROJECT["build-system"]["requires"]
_RANGE = re.compile(r"([a-z0-9-]+)>=([\d.]+),<([\d.]+)(; python_version < '3\.\d+')?")
_BEFORE_3_14 = ("backports-zstd",) if sys.version_info >= (3, 14) else ()
INSTALLED = [name for name in (each.partition(">")[0] for each in RUNTIME) if name not in _BEFORE_3_14]
"""The packages that the program needs on this Python"""
_FREE = ("MIT", "BSD", "Apache", "PSF", "ISC", "Python Software Foundation")


def number(text: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize("requirement", [*RUNTIME, *TESTS, *FLEET, *LOGS, *BUILD])
def test_every_dependency_has_a_range(requirement: str) -> None:
    """From the oldest version that the program works with to below the first that nobody has tried."""
    found = _RANGE.fullmatch(requirement)
    assert found, f"{requirement}: write name>=OLDEST,<FIRST UNTRIED"
    assert number(found[2]) < number(found[3])
    try:
        installed = distribution(found[1]).version
    except PackageNotFoundError:
        assert requirement in [*FLEET, *BUILD] or (found[1] not in INSTALLED and found[4])
        return
    assert number(found[2]) <= number(installed) < number(found[3]), f"{found[1]} {installed} is not in its range"


def test_the_lock_has_every_dependency_with_hashes() -> None:
    packages = {package["name"]: package for package in LOCK["package"]}
    wanted = [_RANGE.fullmatch(requirement) for requirement in [*RUNTIME, *TESTS, *FLEET, *LOGS]]
    for found in wanted:
        assert found and number(found[2]) <= number(packages[found[1]]["version"]) < number(found[3]), found
    for name, package in packages.items():
        if name == "vcpu-inspector":
            continue
        assert package["source"] == {"registry": "https://pypi.org/simple"}, name
        files = [*([package["sdist"]] if "sdist" in package else []), *package.get("wheels", [])]
        assert files and all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files), name


def test_the_lock_names_what_the_project_asks_for() -> None:
    own = next(package for package in LOCK["package"] if package["name"] == "vcpu-inspector")
    names = {requirement.partition(">")[0] for requirement in RUNTIME}
    assert {dependency["name"] for dependency in own["dependencies"]} == names
    told = {entry["name"]: entry["specifier"] for entry in own["metadata"]["requires-dist"]}
    for requirement in [*RUNTIME, *TESTS, *FLEET, *LOGS]:
        found = _RANGE.fullmatch(requirement)
        assert found and told[found[1]] == f">={found[2]},<{found[3]}"


@pytest.mark.parametrize("name", INSTALLED)
def test_installed_files_are_those_of_their_package(name: str) -> None:
    """Each file has the hash that its package recorded: nothing was changed after it was installed."""
    found = distribution(name)
    checked = 0
    for file in found.files or ():
        if file.hash is None or file.suffix == ".pyc":
            continue
        data = Path(str(file.locate())).read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).rstrip(b"=").decode()
        assert digest == file.hash.value, file
        checked += 1
    assert checked


@pytest.mark.parametrize("name", INSTALLED)
def test_licences_allow_it(name: str) -> None:
    told = distribution(name).metadata
    # Indexing fails for what is absent where importlib_metadata, which dask brings, answers.
    texts = [text for key in ("License-Expression", "License", "Classifier") for text in told.get_all(key) or ()]
    assert any(word in text for word in _FREE for text in texts), texts


def test_the_project_says_whose_it_is() -> None:
    assert PROJECT["project"]["authors"] and PROJECT["project"]["license"] == "Apache-2.0"
    assert "[name of copyright owner]" not in (ROOT / "LICENSE").read_text(encoding="utf-8")
