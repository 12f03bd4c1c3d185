"""Patch: what a patch of KVM changes for one restore."""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, NUMBERS, REPORTS, VCPU, WRITES, Key, Mode

MODE = Mode(
    "patch",
    "Patch",
    5,
    "what a patch changes",
    screen="inspector.app.modes.patch.screen:Patch",
    shared=(MODEL, KERNELS, VCPU, WRITES, NUMBERS, REPORTS),
    keys=(
        Key("patch.step", "space", "step", "Step", "On to the next write that is answered otherwise", footer=1),
        Key("patch.step_back", "backspace", "step_back", "Step back", "Back to what changed before"),
        Key("patch.one", "full_stop", "one", "One write", "Make the next write, on both sides"),
        Key("patch.variant", "t", "variant(1)", "Variant", "Next form of the patch", footer=2),
        Key("patch.variant_back", "T", "variant(-1)", "Previous form", "Previous form of the patch"),
        Key("patch.series", "S", "series", "Next series", "The next series of patches"),
        Key("patch.bigger", "plus,equals_sign", "big(True)", "Bigger", "Big type, for a projector", footer=3),
        Key("patch.smaller", "minus", "big(False)", "Smaller", "The whole page again", footer=3),
        Key("patch.real", "L", "real", "Lab", "Ask real kernels of the lab about this register, live", footer=4),
        Key("patch.every", "m", "every", "All", "Every write, or only those that differ", footer=5),
        Key("patch.base", "b", "base", "Base", "The last kernel without the patch, or the chosen one again"),
        Key("patch.next", "n", "difference(1)", "Next", "Next write that differs"),
        Key("patch.previous", "N", "difference(-1)", "Previous", "Previous write that differs"),
    ),
)
