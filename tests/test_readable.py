"""A text can be read in several threads at once, the first of its type too."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "inspector"
SLOW = """
import threading
from typing import Annotated
import msgspec
from inspector.readable import readable

first = None

class Slow:
    def __hash__(self):
        # msgspec asks for it in the middle of looking at the fields, once in this thread
        if threading.current_thread() is first and not inside.is_set():
            inside.set()
            other.wait(0.3)
        return 1

class Text(msgspec.Struct):
    a: Annotated[list[int], msgspec.Meta(max_length=3), Slow()]
    b: int

inside, other = threading.Event(), threading.Event()

def read():
    return msgspec.json.decode(b'{"a": [1], "b": 2}', type=readable(Text))

first = threading.Thread(target=read)
first.start()
assert inside.wait(5)
assert read().b == 2
other.set()
first.join()
"""


def test_two_threads_read_the_first_text_of_a_type() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_waits_until_the_type_is_known(name: str) -> None:
    """msgspec asks for the hash of a mark in the middle; an exception there was a segmentation fault."""
    done = subprocess.run([sys.executable, "-c", STRUCK, name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "left\nread\n"), done.stderr or f"signal {-done.returncode}"


STRUCK = """
import os, signal, sys
from typing import Annotated
import msgspec
from inspector.leaving import Leaving, raised
from inspector.readable import readable

class Struck:
    def __hash__(self):
        if armed:
            armed.clear()
            os.kill(os.getpid(), signal.Signals[sys.argv[1]])
            for _ in range(1000):
                pass  # Python looks for signals at the end of each round
        return 1

armed = []

class Text(msgspec.Struct):
    a: Annotated[list[int], msgspec.Meta(max_length=3), Struck()]

try:
    with raised():
        armed.append(True)
        readable(Text)
except Leaving:
    print("left")
print("read" if msgspec.json.decode(b'{"a": [1]}', type=readable(Text)).a == [1] else "")
"""


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_type_that_is_read_is_shown_to_msgspec_first(path: Path) -> None:
    """But for tables and lists of plain values, of which msgspec keeps nothing."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and (place := READS.get(ast.unparse(call.func))) is not None:
            given = [one.value for one in call.keywords if one.arg == "type"] + call.args[place:]
            for kind in map(ast.unparse, given):
                shown = kind.startswith("readable(") or kind in PLAIN or path.name == "readable.py"
                assert shown, f"line {call.lineno}: {kind}"


READS = {
    "msgspec.json.decode": 1, "msgspec.msgpack.decode": 1, "msgspec.convert": 1, "msgspec.json.Decoder": 0,
    "msgspec.msgpack.Decoder": 0,
}  # fmt: skip
"""function -> which argument is the type"""
PLAIN = ("dict[str, Any]", "dict[str, str | dict[str, list[str]]]", "dict[str, int | str]", "dict[str, str]")
