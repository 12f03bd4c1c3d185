"""Migrate: would this saved VM load there, and what would make it load?"""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, NUMBERS, REPORTS, WRITES, Key, Mode

MODE = Mode(
    "migrate",
    "Migrate",
    4,
    "would migration work",
    screen="inspector.app.modes.migrate.screen:Migrate",
    shared=(KERNELS, WRITES, NUMBERS, REPORTS),
    keys=(
        Key("migrate.next", "n", "next_finding", "Next", "Next finding, or kernel with another verdict", footer=1),
        Key("migrate.previous", "N", "previous_finding", "Previous", "Previous finding"),
        Key("migrate.fix", "f", "fix", "Fix", "Ways out, and a copy that the destination accepts", footer=2),
        Key("migrate.kernels", "k", "kernels", "Kernels", "Where can this VM go? One line per kernel", footer=3),
        Key("migrate.pairs", "K", "pairs", "Pairs", "Between which kernels of this host do VMs move? A matrix"),
        Key("migrate.source", "s", "source", "Source", "Choose the saved VM", footer=4),
        Key("migrate.destination", "d", "destination", "Dest", "Choose where it is restored", footer=5),
        Key("migrate.swap", "D", "swap", "Swap", "Exchange source and destination"),
        Key("migrate.kernel", "p", "kernel", "Kernel", "The destination's kernel and vCPU features"),
        Key("migrate.vmm", "h", "vmm", "VMM", "Another VMM's restore rule"),
        Key("migrate.every", "m", "every", "All", "What passes as well, or only what fails or changes"),
    ),
)
