"""Write: would KVM accept this value?"""

from __future__ import annotations

from inspector.app.shell.keys import Key, Mode

LINE_KEYS = (
    Key("write.try", "enter", "try", "Try", "Make the writes that are typed"),
    Key("write.earlier", "up", "history(1)", "Earlier", "What was tried before on this register"),
)
"""Keys of the line, which are the same whatever the settings say."""

MODE = Mode(
    "write",
    "Write",
    3,
    "would a write pass",
    screen="inspector.app.modes.write.screen:Write",
    dialog=True,
    keys=(
        Key("write.take", "f5,t", "take", "Take", "Take the value that would pass", footer=2),
        Key("write.undo", "f3,u", "app.undo", "Undo", "Take back what was done last", footer=3),
        Key("write.redo", "U", "app.redo", "Redo", "Do again what was taken back"),
        Key("write.log", "f7,l", "app.log", "Log", "Everything that was tried, with its answers", footer=4),
        Key("write.run", "f2,r", "first_run", "First run", "Let the VM run for the first time: a step", footer=5),
        Key("write.reset", "f4,R", "reset", "Reset", "The vCPU as it was before the first write", footer=6),
        Key("write.copy", "f6,y", "copy_verdict", "Copy verdict", "Copy the verdict in full", footer=7),
        Key("write.base", "f8,x", "app.base", "Base", "Numbers in hex, binary or decimal", footer=8),
        Key("write.real", "f9,W", "for_real", "For real", "Write to a scratch vCPU of the live source"),
    ),
)
