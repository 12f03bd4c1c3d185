"""Write: would KVM accept this value?"""

from __future__ import annotations

from inspector.app.shell.keys import Key, Mode

MODE = Mode(
    "write",
    "Write",
    3,
    "would a write pass",
    screen="inspector.app.modes.write.screen:Write",
    dialog=True,
    keys=(
        Key("write.run", "f2,r", "first_run", "First run", "Before or after the vCPU's first run", footer=2),
        Key("write.reset", "f4,u", "reset", "Reset", "A fresh vCPU: forget the writes that were made", footer=3),
        Key("write.copy", "f6,y", "copy_verdict", "Copy verdict", "Copy the verdict in full", footer=4),
        Key("write.base", "f8,x", "app.base", "Base", "Numbers in hex, binary or decimal", footer=5),
        Key("write.real", "f9,W", "for_real", "For real", "Write to a scratch vCPU of the live source"),
    ),
)
