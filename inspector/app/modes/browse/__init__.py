"""Browse: every register of a vCPU, its bits, its fields and what they mean."""

from __future__ import annotations

from inspector.app.shell.keys import KERNELS, MODEL, NUMBERS, REPORTS, VCPU, WRITES, Key, Mode

MODE = Mode(
    "browse",
    "Browse",
    1,
    "what is in it",
    screen="inspector.app.modes.browse.screen:Browse",
    shared=(MODEL, KERNELS, VCPU, WRITES, NUMBERS, REPORTS),
    keys=(
        Key("list", "l", "registers", "List", "Open the register list", footer=1, narrow=True),
        Key("find", "slash", "find", "Find", "Find a register or field, in any spelling", footer=2),
        Key("notable", "m", "notable", "Notable", "Only what stands out, or every register", footer=3),
        Key("next", "n", "next_notable", "Next", "Next match, or next register that stands out"),
        Key("previous", "N", "previous_notable", "Previous", "Previous match, or register that stands out"),
        Key("register.next", "greater_than_sign", "next_register", "Next register", "Next register of the list"),
        Key("register.previous", "less_than_sign", "previous_register", "Previous register", "Previous register"),
    ),
)
