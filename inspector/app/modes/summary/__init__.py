"""Summary: what is this CPU, and what does the guest get of it?"""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, REPORTS, VCPU, WRITES, Key, Mode

MODE = Mode(
    "summary",
    "Summary",
    0,
    "what is this CPU",
    screen="inspector.app.modes.summary.screen:Summary",
    shared=(MODEL, KERNELS, VCPU, WRITES, REPORTS),
    keys=(
        Key("summary.register", "enter", "register", "Register", "The register behind this line in Browse", footer=1),
        Key(
            "summary.features",
            "f",
            "app.mode('features')",
            "Features",
            "Every feature by name",
            footer=2,
        ),
        Key("summary.find", "slash", "find", "Find", "Find a feature by name or words", footer=3),
        Key("summary.beside", "d", "beside", "Beside", "Another dump beside host and vCPU", footer=4),
        Key("summary.next", "n", "lost(1)", "Next lost", "Next line that the guest gets less of"),
        Key("summary.previous", "N", "lost(-1)", "Previous", "Previous line that the guest gets less of"),
    ),
)
