"""ctrl+z: back to the shell that started the program, where there is one that can bring it back."""

from __future__ import annotations

import os


def can_come_back() -> bool:
    """True when a shell with job control started the program: its parent, in a group of its own of the same session.

    Without one nobody would ever wake the program that stopped itself, and its terminal would be dead.
    """
    parent = os.getppid()
    try:
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:
        return False
