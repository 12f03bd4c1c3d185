"""Features: every feature of the architecture by name, on host and vCPU."""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, REPORTS, VCPU, WRITES, Key, Mode

MODE = Mode(
    "features",
    "Features",
    question="which features it has",
    screen="inspector.app.modes.features.screen:Features",
    shared=(MODEL, KERNELS, VCPU, WRITES, REPORTS),
    keys=(
        Key("features.find", "slash", "find", "Find", "Filter by name, alias or words", footer=1),
        Key("features.missing", "m", "missing", "Missing", "Only what the vCPU lacks, or all", footer=2),
        Key("features.register", "enter", "register", "Register", "The field that shows it in Browse", footer=3),
        Key("features.summary", "f", "app.mode('summary')", "Summary", "Back to the summary", footer=4),
    ),
)
