"""The VMMs that are known: every module of this package that has a tuple `VMMS`."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence

import msgspec

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

    `qemu` alone means the measured 10.0. A version that was neither measured nor read says in `basis`, `rivals` and
    `unread` what its answer rests on. Raises InspectorError for any other word.
    """
    wanted = DEFAULT_VMM if name.strip().lower() == _DEFAULT_FAMILY else name.strip().lower()
    exact = next((vmm for vmm in ALL if vmm.name == wanted), None)
    if exact is not None:
        return exact
    family = next((vmm.family for vmm in ALL if wanted.startswith(f"{vmm.family}-")), "")
    version = wanted.removeprefix(f"{family}-")
    members = sorted((vmm for vmm in ALL if vmm.family == family and any(vmm.known)), key=lambda vmm: vmm.since)
    if members and re.fullmatch(_VERSION, version):
        return _of_version(members, version)
    if family:
        hint = "libvirt's version decides nothing: --vmm qemu-VERSION" if family == "libvirt" else f"--vmm {family}"
        if members:
            hint = f"numbers alone, such as {', '.join(vmm.name for vmm in members[-2:])}"
        raise InspectorError(f"{version[:40]!r} is no version of {family}", "--vmm", hint)
    hint = f"one of: {', '.join(VMM_NAMES)}; or with a version: firecracker-1.12, cloud-hypervisor-41"
    raise InspectorError(f"unknown VMM {name!r}", "--vmm", hint)


_VERSION = r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}"


def _of_version(members: Sequence[Vmm], version: str) -> Vmm:
    """The entry of a family (`members`, oldest first) for a version of one to three numbers, and what it rests on.

    `8` is every 8.x, `1.14` every 1.14.x: an entry that begins among them may be the rule as well; and where nothing
    is known of a version, the entry behind it.
    """
    first = tuple(map(int, version.split(".")))
    end = (*first[:-1], first[-1] + 1)
    older = [vmm for vmm in members if vmm.since <= first]
    among = [vmm for vmm in members if first < vmm.since < end]
    own = older[-1] if older else (among or members)[0]
    oldest, newest = members[0].known[0], members[-1].known[1]
    asked = msgspec.structs.replace(own, name=f"{own.family}-{version}", version=(first, end))
    title = f"{re.split(' [0-9]', own.title)[0]} {version}"
    if end <= oldest or first >= newest:
        which = "older" if end <= oldest else "newer"
        text = f"{title} is {which} than any that was measured or read: the answer is that of {_called(own)}"
        return msgspec.structs.replace(asked, title=title, basis=text, unread=True)
    covered = own.known[0] <= first and end <= own.known[1] and not among
    behind = [vmm for vmm in members if vmm.since >= end][:1] if first >= own.known[1] else []
    rivals = [vmm for vmm in (*among, *behind) if vmm is not own]
    if rivals:
        why = "is several versions" if among else "was neither measured nor read"
        words = ", ".join(map(_called, (own, *rivals)))
        text = f"{title} {why}: all of {words} are asked, and where they differ the answer is uncertain"
        names = tuple(vmm.name for vmm in (own, *rivals))
        return msgspec.structs.replace(asked, title=title, basis=text, rivals=names)
    if covered and (own.family != _DEFAULT_FAMILY or f"{version}.".startswith(f"{own.name.rpartition('-')[2]}.")):
        return asked  # its title says the versions, or the version is one of the series
    text = f"{title} was not measured: it is answered as {_called(own)}, which compares alike in all that was read"
    return msgspec.structs.replace(asked, title=title, basis=text)


def rivals_of(rule: Vmm) -> tuple[Vmm, ...]:
    """The entries that may be the rule as well as `rule`, where its version is not a known one."""
    return tuple(map(find_vmm, rule.rivals[1:]))


def unlike(rule: Vmm, *verdicts: Sequence[str]) -> list[bool]:
    """For each question, whether its answer is uncertain by the version alone: nothing is known of it, or the entries
    that it may be differ. `verdicts`: those of `rule`, then of each of `rivals_of`."""
    return [rule.unread or len(set(said)) > 1 for said in zip(*verdicts, strict=True)]


def _called(vmm: Vmm) -> str:
    """`QEMU 10.0 (measured with 10.0.13)`."""
    return f"{vmm.title} ({vmm.evidence})" if vmm.evidence else vmm.title


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
