"""Answer a recording's questions from the model, and compare with what the real kernel answered.

`predict` writes the recording's lines again with every answer computed from the `recording`, `host`, `kernel`, `caps`
and `vcpu` lines and the questions; answers that are present are ignored. `verify` does the same and counts agreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from inspector.checks.recordings.agreement import Agreement, Tally
from inspector.checks.recordings.replay import Line, Replay
from inspector.errors import SourceError
from inspector.policies.release import Choice
from inspector.sources.opening import open_path, open_standard_input
from inspector.sources.recording import read_lines

_DECODER = msgspec.json.Decoder(dict[str, Any])


def _lines(lines: Iterable[bytes], where: str) -> Iterator[Line]:
    """Every line as a JSON object; SourceError names the first that is none."""
    empty = True
    for count, raw in enumerate(lines, 1):
        if raw == b"\n" or not raw.strip():
            continue
        empty = False
        try:
            line = _DECODER.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(f"line {count} is not a JSON object ({error})", where) from None
        if not isinstance(line.get("type"), str):
            raise SourceError(f"line {count} has no type", where, "a recording is expected")
        yield line
    if empty:
        raise SourceError("holds no line", where, "a recording is expected")


def predict(lines: Iterable[bytes], where: str = "", kernel: str = "") -> Iterator[bytes]:
    """The recording `lines` again, each ending in a newline, with every answer computed.

    `kernel`, where given, is the policy to use instead of the one that the `kernel` line names. Lines of the register
    list and of the guest's view that a configuration lacks are produced. Raises SourceError for lines that are no
    recording.
    """
    replay = Replay(where, kernel)
    encode = msgspec.json.Encoder().encode
    for line in _lines(lines, where):
        for produced in replay.answer(line):
            yield encode(produced) + b"\n"
    for produced in replay.finish():
        yield encode(produced) + b"\n"


def _opened(path: str) -> Iterator[bytes]:
    """The lines of the recording at `path`, plain or compressed; `-` is standard input."""
    content = open_standard_input() if path == "-" else open_path(path, path)
    return read_lines(content.stream(), content.name)


def predict_file(path: str, kernel: str = "") -> Iterator[bytes]:
    """`predict` for the recording at `path` (plain or compressed; `-` for standard input)."""
    return predict(_opened(path), path, kernel)


def verify_lines(lines: Iterable[bytes], where: str, kernel: str = "") -> Agreement:
    """How far the model agrees with the recording `lines`."""
    replay, tally = Replay(where, kernel), Tally()
    for line in _lines(lines, where):
        tally.count(replay, line)
    return tally.result(replay, where)


def verify(path: str, kernel: str = "") -> Agreement:
    """How far the model agrees with the recording at `path` (plain or compressed; `-` for standard input)."""
    return verify_lines(_opened(path), path, kernel)


__all__ = ["Agreement", "Choice", "predict", "predict_file", "verify", "verify_lines"]
