"""Run the program inside the test process, as a shell would see it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

from inspector.cli import main


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, parsed."""
        return json.loads(self.out)


def run(*arguments: str) -> Done:
    """Run `vcpu-inspector ARGUMENTS`."""
    return run_all(arguments)


def run_all(arguments: Sequence[str]) -> Done:
    """The same for a list of arguments; output is captured as bytes, because some commands write bytes."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(list(arguments))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 2
    out.flush()
    data = out.buffer
    assert isinstance(data, io.BytesIO)
    return Done(code, data.getvalue().decode(), err.getvalue())


def assert_one_line_error(done: Done) -> None:
    """Bad input: exit code 2, nothing on standard output, exactly one line of plain text on standard error."""
    assert done.code == 2
    assert done.out == ""
    lines = done.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("vcpu-inspector")
    assert "\x1b" not in lines[0]
    assert "Traceback" not in lines[0]
