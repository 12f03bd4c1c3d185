"""What can be opened: loaded dumps, dumps that ship with the program, this machine."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from inspector.app.shell.view import short_name
from inspector.app.widgets.ink import Ink, ink, row
from inspector.app.widgets.listing import Item
from inspector.registers.meanings import counted
from inspector.sources import shipped_names
from inspector.sources.dump import Dump


def offers_items(loaded: Sequence[Dump], here: Sequence[Item] = ()) -> list[Item]:
    """Loaded dumps first, then those of this folder, then shipped ones."""
    return sections(
        ("Loaded", [_loaded(index, dump) for index, dump in enumerate(loaded)]),
        ("Here", here),
        ("Shipped", shipped_items()),
    )


def sections(*parts: tuple[str, Sequence[Item]]) -> list[Item]:
    """Items under their headings, apart by a blank line; what has none is left out."""
    items: list[Item] = []
    for heading, held in parts:
        if held:
            items += [Item("", (row(""),), pick=False)] * bool(items)
            items += [Item("", (row(Ink(heading, "heading")),), pick=False), *held]
    return items


def shipped_items() -> list[Item]:
    """The dumps that ship with the program, as the start page lists them: those that hold a vCPU first."""
    names = sorted(map(str, shipped_names()), key=lambda name: name in _HOSTS)
    return [Item(f"builtin {name}", (row(ink(name)), row(Ink(about(name), "muted")))) for name in names]


_HOSTS = {"cix-cd8180-host": "CIX CD8180, caches alone"}
"""What is known of shipped hosts without a vCPU."""


def about(name: str) -> str:
    """What a shipped name says in words: `neoverse-n2-linux-6.1` is a Neoverse N2 under Linux 6.1."""
    cpu, _, kernel = name.partition("-linux-")
    words = {"neoverse-n2": "Neoverse N2", "cortex-a72": "Cortex-A72", "max": "QEMU's max CPU"}
    return f"{words.get(cpu, cpu)}, Linux {kernel}" if kernel else _HOSTS.get(name, "a host alone")


def _loaded(index: int, dump: Dump) -> Item:
    name = short_name(dump)
    return Item(f"loaded {index}", (row(ink(name)), row(ink(dump_words(dump), "muted"))))


def dump_words(dump: Dump) -> str:
    """One dump in a few words: kernel, what has registers in it and how many; what is said of its host comes last."""
    kinds = Counter(vcpu.kind for vcpu in dump.vcpus)
    registers = max((len(vcpu.values) or len(vcpu.constraints) for vcpu in dump.vcpus), default=0)
    parts = [
        f"Linux {dump.provenance.kernel}" if dump.provenance.kernel else "",
        *(counted(count, _KINDS[kind]) for kind, count in kinds.items()),
        counted(registers, "register") if registers else "",
        dump.provenance.host.shown,
    ]
    return ", ".join(filter(None, parts)) or dump.provenance.format


_KINDS = {"vcpu": "vCPU", "host": "host", "template": "template", "list": "list"}
"""What holds registers, in words."""


def this_machine() -> str:
    """Whether this machine could be asked itself, and if not, why."""
    machine = platform.machine()
    if machine not in ("aarch64", "arm64"):
        return f"not available: this is {machine}"
    if not Path("/dev/kvm").exists():
        return "available: no /dev/kvm, only what any program sees"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "available: no permission for /dev/kvm, only what any program sees"
    return "available"
