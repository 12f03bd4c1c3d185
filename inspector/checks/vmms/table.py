"""The VMMs that are known: every module of this package that has a tuple `VMMS`."""

from __future__ import annotations

import importlib
import os
import re

from inspector.checks import vmms
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.firecracker import FORMATS
from inspector.checks.vmms.messages import Message
from inspector.errors import InspectorError
from inspector.numbers import is_decimal
from inspector.sources.dump import Provenance

_DEFAULT_FAMILY = "qemu"
DEFAULT_VMM = "qemu-10.0"


def find_all() -> tuple[Vmm, ...]:
    """Every VMM of the package; the family that is taken where nothing is said comes first."""
    files = (file for folder in vmms.__path__ for file in os.listdir(folder) if file.endswith(".py"))
    names = sorted(file.removesuffix(".py") for file in files)
    modules = [
        importlib.import_module(f"{vmms.__name__}.{name}") for name in names if not name.startswith(("table", "_"))
    ]
    found = [vmm for module in modules for vmm in getattr(module, "VMMS", ())]
    return tuple(sorted(found, key=lambda vmm: vmm.family != _DEFAULT_FAMILY))


ALL: tuple[Vmm, ...] = find_all()
VMM_NAMES: tuple[str, ...] = tuple(vmm.name for vmm in ALL if vmm.standard)
"""Those that menus offer; `find_vmm` takes a family with any version as well."""
MESSAGES: tuple[Message, ...] = tuple(dict.fromkeys(message for vmm in ALL for message in vmm.messages))


def find_vmm(name: str) -> Vmm:
    """The VMM called `name`: one of VMM_NAMES, or a family with a version (`firecracker-1.12`, `qemu-10.2.1`).

    `qemu` alone means the measured 10.0. Raises InspectorError for any other word.
    """
    wanted = DEFAULT_VMM if name.strip().lower() == _DEFAULT_FAMILY else name.strip().lower()
    exact = next((vmm for vmm in ALL if vmm.name == wanted), None)
    family, _, version = wanted.rpartition("-")
    found = exact or (of_family(family, version) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}", version) else None)
    if found is not None:
        return found
    hint = f"one of: {', '.join(VMM_NAMES)}; or with a version: firecracker-1.12, cloud-hypervisor-41"
    raise InspectorError(f"unknown VMM {name!r}", "--vmm", hint)


def vmm_for(source_format: str, tool: str = "") -> str:
    """The VMM that a source of this format suggests, as the default of `--vmm`: of the version that `tool` gives."""
    origin = f"{source_format} {tool}".lower()
    found = next((vmm for vmm in ALL if vmm.standard and any(word in origin for word in vmm.formats)), None)
    if found is None:
        return DEFAULT_VMM
    version = _version_told(found.family, tool.lower())
    return (of_family(found.family, version) or found).name if version else found.name


def _version_told(family: str, tool: str) -> str:
    """`1.14.2` of `firecracker 1.14.2`, and for a snapshot format the first release that writes it; empty for none."""
    if said := re.search(r"snapshot format ([0-9]{1,3})\.", tool):
        first = FORMATS.get(int(said[1])) if family == "firecracker" else None
        return first[0] if first else ""
    stated = re.search(r"\bv?([0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3})?)", tool)
    return stated[1] if stated else ""


def restoring_vmm(saved: Provenance, name: str = "") -> Vmm:
    """The VMM called `name`, else the one that a saved VM of this origin suggests. Raises InspectorError."""
    return find_vmm(name or vmm_for(saved.format, saved.tool.raw))


def of_family(family: str, version: str = "") -> Vmm | None:
    """The entry of a family for a version such as `10.0.13`: the newest that is not newer; None for no VMM.

    Without a version the one that `find_vmm` takes for the family's name, else the one that menus offer.
    """
    members = [vmm for vmm in ALL if vmm.family == family]
    numbers = tuple(map(int, re.findall(r"[0-9]+", version)[:3])) if is_decimal(version[:1]) else ()
    if numbers:
        fitting = [vmm for vmm in members if vmm.since <= numbers]
        return max(fitting, key=lambda vmm: vmm.since, default=None)
    standard = [vmm for vmm in members if vmm.standard]
    return next((vmm for vmm in members if vmm.name == DEFAULT_VMM), next(iter((*standard, *members)), None))
