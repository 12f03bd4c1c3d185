"""Patch: what a patch of KVM changes for one restore."""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, NUMBERS, REPORTS, VCPU, Key, Mode

MODE = Mode(
    "patch",
    "Patch",
    5,
    "what a patch changes",
    screen="inspector.app.modes.patch.screen:Patch",
    shared=(MODEL, KERNELS, VCPU, NUMBERS, REPORTS),
    keys=(
        Key("patch.step", "space", "step", "Step", "Make the next write, on both sides", footer=1),
        Key("patch.variant", "t", "variant(1)", "Variant", "Next variant of the patch", footer=2),
        Key("patch.variant_back", "T", "variant(-1)", "Previous variant", "Previous variant of the patch"),
        Key("patch.every", "m", "every", "All", "Every write, or only those that differ", footer=3),
        Key("patch.next", "n", "difference(1)", "Next", "Next write that differs", footer=4),
        Key("patch.previous", "N", "difference(-1)", "Previous", "Previous write that differs"),
    ),
)
