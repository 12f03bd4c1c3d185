"""Compare: a host against what a kernel exposes of it, or dumps against each other."""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, NUMBERS, REPORTS, VCPU, WRITES, Key, Mode

MODE = Mode(
    "compare",
    "Compare",
    2,
    "what KVM hides",
    screen="inspector.app.modes.compare.screen:Compare",
    shared=(MODEL, KERNELS, VCPU, WRITES, NUMBERS, REPORTS),
    palette=("inspector.app.modes.compare.commands:CompareCommands",),
    keys=(
        Key("compare.next", "n", "difference(1)", "Next", "Next line that differs", footer=1),
        Key("compare.previous", "N", "difference(-1)", "Previous", "Previous line that differs"),
        Key("compare.every", "m", "every", "All", "Differences only, or what is equal too", footer=2),
        Key("compare.rules", "R", "rules", "By rule", "Group by the rule behind, or by register", footer=3),
        Key("compare.find", "slash", "find", "Filter", "Filter by register, field or rule"),
        Key("compare.right", "d", "choose('right')", "With", "Choose what to compare with", footer=4),
        Key("compare.kernels", "K", "kernels", "Kernels", "Two kernels on this host: what differs", footer=4),
        Key("compare.left", "s", "choose('left')", "Left", "Choose the left side"),
        Key("compare.more", "a", "choose('more')", "Add", "Add dumps: groups of equal ones become columns", footer=5),
        Key("compare.swap", "D", "swap", "Swap", "Exchange the two dumps"),
        Key("compare.host", "c", "left", "Host/saved", "Host, or the vCPU as it was saved, on the left"),
        Key("compare.baseline", "b", "baseline", "Baseline", "The greatest common feature set, and its exports"),
        Key("compare.register", "greater_than_sign", "register(1)", "Next register", "Next register"),
        Key("compare.register_back", "less_than_sign", "register(-1)", "Previous register", "Previous register"),
    ),
)

BASELINE = Mode(
    "baseline",
    "Baseline",
    keys=(
        Key(
            "baseline.firecracker",
            "f",
            "save('firecracker')",
            "Firecracker",
            "Write a Firecracker CPU template",
            footer=1,
        ),
        Key("baseline.qemu", "u", "save('qemu')", "QEMU", "Write the options for QEMU", footer=2),
        Key("baseline.dump", "d", "save('dump')", "Dump", "Write the common values as a dump", footer=3),
        Key("baseline.report", "e", "save('report')", "Report", "Write the report", footer=4),
        Key("baseline.copy", "y,Y", "copy_page", "Copy", "Copy the report", footer=5),
        Key("baseline.kernel", "p", "kernel", "Kernel", "Under which kernel every host is asked", footer=6),
    ),
)
"""The page of the common feature set."""
