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


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_type_that_is_read_is_shown_to_msgspec_first(path: Path) -> None:
    """But for tables and lists of plain values, of which msgspec keeps nothing."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("msgspec.json.decode", "msgspec.convert"):
            given = [one.value for one in call.keywords if one.arg == "type"] + call.args[1:]
            for kind in map(ast.unparse, given):
                assert kind.startswith("readable(") or kind in ("dict[str, Any]", PLAIN), f"line {call.lineno}: {kind}"


PLAIN = "dict[str, str | dict[str, list[str]]]"
