"""The VMMs that are known: every module of this package that has a tuple `VMMS`."""

from __future__ import annotations

import importlib
import pkgutil
import re

from inspector.checks import vmms
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.messages import Message
from inspector.errors import InspectorError
from inspector.sources.dump import Provenance

_DEFAULT_FAMILY = "qemu"
DEFAULT_VMM = "qemu-10.0"


def find_all() -> tuple[Vmm, ...]:
    """Every VMM of the package; the family that is taken where nothing is said comes first."""
    names = sorted(module.name for module in pkgutil.iter_modules(vmms.__path__))
    modules = [importlib.import_module(f"{vmms.__name__}.{name}") for name in names if name != "table"]
    found = [vmm for module in modules for vmm in getattr(module, "VMMS", ())]
    return tuple(sorted(found, key=lambda vmm: (not vmm.selectable, vmm.family != _DEFAULT_FAMILY)))


ALL: tuple[Vmm, ...] = find_all()
VMMS: tuple[Vmm, ...] = tuple(vmm for vmm in ALL if vmm.selectable)
VMM_NAMES: tuple[str, ...] = tuple(vmm.name for vmm in VMMS)
MESSAGES: tuple[Message, ...] = tuple(dict.fromkeys(message for vmm in ALL for message in vmm.messages))


def find_vmm(name: str) -> Vmm:
    """The VMM called `name`; `qemu` alone means the measured 10.0. Raises InspectorError for any other word."""
    wanted = DEFAULT_VMM if name.strip().lower() == _DEFAULT_FAMILY else name.strip().lower()
    for vmm in VMMS:
        if vmm.name == wanted:
            return vmm
    raise InspectorError(f"unknown VMM {name!r}", "--vmm", f"one of: {', '.join(VMM_NAMES)}")


def vmm_for(source_format: str, tool: str = "") -> str:
    """The VMM that a source of this format suggests, as the default of `--vmm`."""
    origin = f"{source_format} {tool}".lower()
    return next((vmm.name for vmm in VMMS if any(word in origin for word in vmm.formats)), DEFAULT_VMM)


def restoring_vmm(saved: Provenance, name: str = "") -> Vmm:
    """The VMM called `name`, else the one that a saved VM of this origin suggests. Raises InspectorError."""
    return find_vmm(name or vmm_for(saved.format, saved.tool))


def of_family(family: str, version: str = "") -> Vmm | None:
    """The entry of a family for a version such as `10.0.13`: the newest that is not newer; None for no VMM.

    Without a version the one that `find_vmm` takes for the family's name, else the family's first.
    """
    members = [vmm for vmm in ALL if vmm.family == family]
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3])) if version[:1].isdigit() else ()
    if numbers:
        fitting = [vmm for vmm in members if vmm.since <= numbers]
        return max(fitting, key=lambda vmm: vmm.since, default=None)
    return next((vmm for vmm in members if vmm.name == DEFAULT_VMM), members[0] if members else None)
