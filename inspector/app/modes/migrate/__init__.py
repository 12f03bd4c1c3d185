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
        Key("migrate.step", "t", "restore('step')", "Step", "Restore one register; u takes it back", footer=6),
        Key("migrate.run", "T", "restore('refusal')", "To refusal", "Restore up to the next refusal", footer=7),
        Key("migrate.finish", "a", "restore('finish')", "To the end", "Restore the rest of the list", footer=7),
        Key("migrate.value", "w", "value", "Write", "At a step: another value; what follows is asked anew", footer=6),
        Key("migrate.every", "m", "every", "All", "What passes as well, or only what fails or changes"),
    ),
)

STEPS = Mode(
    "steps",
    "Log of the restore",
    keys=(
        Key("steps.step", "t", "move('step')", "Step", "Restore one register", footer=1),
        Key("steps.run", "T", "move('refusal')", "To refusal", "Restore up to the next refusal", footer=2),
        Key("steps.back", "u", "move('back')", "Undo", "Take back the last step", footer=3),
        Key("steps.on", "U", "move('redo')", "Redo", "Make the step again", footer=4),
        Key("steps.reset", "R", "move('reset')", "Reset", "Back to the beginning", footer=5),
        Key("steps.export", "e", "export", "Export", "The steps as Markdown, to a file", footer=6),
        Key("steps.copy", "y", "copy_command", "Copy", "Copy the command that checks the whole restore", footer=7),
    ),
)
"""The keys of the log of a restore that is stepped."""
