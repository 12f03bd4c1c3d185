"""A machine of the lab whose QEMU does not do what was asked: one line with what QEMU printed, and nothing is left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inspector.errors import SourceError
from inspector.lab.emulator import Emulator
from inspector.lab.machine import Machine, Spec
from tests.lab.packages import CONFIG, PL011, image

PROGRAM = """#!{python}
import socket, sys
if "--version" in sys.argv:
    sys.exit(print("QEMU emulator version 10.0.2"))
lines = []
for path in (one.partition("path=")[2] or one.partition("unix:")[2] for one in sys.argv):
    if path:
        lines.append(socket.socket(socket.AF_UNIX))
        lines[-1].bind(path.partition(",")[0])
        lines[-1].listen()
print("unable to find CPU model", file=sys.stderr, flush=True)
monitor = lines[1].accept()[0]
monitor.sendall({greeting!r})
if {greeting!r}:
    monitor.recv(1)
"""
ENDS = {"before the greeting": b"", "behind it": b'{"QMP": {}}\n', "in words of its own": b"hello\n"}


@pytest.mark.parametrize("name", ENDS)
def test_qemu_that_ends_as_it_is_greeted_is_quoted(name: str, tmp_path: Path) -> None:
    """QEMU that refuses its CPU model ends before its monitor says anything."""
    program, kernel = tmp_path / "qemu", tmp_path / "Image"
    program.write_text(PROGRAM.format(python=sys.executable, greeting=ENDS[name]))
    program.chmod(0o700)
    kernel.write_bytes(image(CONFIG + PL011))
    (tmp_path / "guest").mkdir()
    spec = Spec(image=kernel, guest=tmp_path / "guest")
    with pytest.raises(SourceError, match=r"monitor.*its last words: unable to find CPU model") as caught:
        Machine(spec, Emulator(program, {}), tmp_path / "cache", "lab:x", lambda _: None)
    assert "internal" not in str(caught.value) and caught.value.where == "lab:x"
