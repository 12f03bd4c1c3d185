"""Programs that tests write and run."""

from __future__ import annotations

import subprocess
from pathlib import Path


def program(folder: Path, name: str, text: str) -> Path:
    """A shell script as a program that can be run at once; `text` has no first line of its own.

    A process of its own writes it. This one may fork in another thread meanwhile, whose child then keeps what is open
    for a moment, and execve(2) refuses a file that is open for writing (ETXTBSY).
    """
    folder.mkdir(exist_ok=True)
    path = folder / name
    command = ["install", "-m", "755", "/dev/stdin", str(path)]
    subprocess.run(command, input=f"#!/bin/sh\n{text}\n", text=True, encoding="utf-8", check=True)
    return path
