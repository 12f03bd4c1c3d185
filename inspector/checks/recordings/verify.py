"""Answer a recording's questions from the model, and compare with what the real kernel answered.

`predict` writes the recording's lines again with every answer computed from the `recording`, `host`, `kernel`, `caps`
and `vcpu` lines and the questions; answers that are present are ignored. `verify` does the same and counts agreement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from inspector.checks.recordings.agreement import Agreement, Fit, Tally
from inspector.checks.recordings.replay import Line, Replay
from inspector.errors import SourceError
from inspector.policies.loader import patch_names, point_names, vendor_names
from inspector.policies.release import Choice
from inspector.sources.opening import open_path, open_standard_input
from inspector.sources.recording import read_lines

_NEAR, _WHOLE = 12, 3
"""How many neighbouring points are tried, and how many of all that are tried are asked every question."""
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


def predict(lines: Iterable[bytes], where: str = "", kernel: str = "", host: str = "") -> Iterator[bytes]:
    """The recording `lines` again, each ending in a newline, with every answer computed.

    `kernel`, where given, is the policy to use instead of the one that the `kernel` line names; `host` holds inputs of
    the host as `--host` takes them. Lines of the register
    list and of the guest's view that a configuration lacks are produced. Raises SourceError for lines that are no
    recording.
    """
    replay = Replay(where, kernel, host)
    encode = msgspec.json.Encoder().encode
    for line in _lines(lines, where):
        for produced in replay.answer(line):
            yield encode(produced) + b"\n"
    for produced in replay.finish():
        yield encode(produced) + b"\n"


def _opened(path: str) -> Iterator[bytes]:
    """The lines of the recording at `path`, plain or compressed; `-` is standard input."""
    with open_standard_input() if path == "-" else open_path(path, path) as content:
        yield from read_lines(content.stream(), content.budget)


def predict_file(path: str, kernel: str = "", host: str = "") -> Iterator[bytes]:
    """`predict` for the recording at `path` (plain or compressed; `-` for standard input)."""
    return predict(_opened(path), path, kernel, host)


def verify_lines(lines: Iterable[bytes], where: str, kernel: str = "", host: str = "") -> Agreement:
    """How far the model agrees with the recording `lines`."""
    replay, tally = Replay(where, kernel, host), Tally()
    for line in _lines(lines, where):
        tally.count(replay, line)
    return tally.result(replay, where)


def verify(path: str, kernel: str = "", host: str = "") -> Agreement:
    """How far the model agrees with the recording at `path` (plain or compressed; `-` for standard input).

    Where the policy that the recording names does not fit and none was asked for, its neighbours are tried too: the
    result says which of them fit best (`fits`).
    """
    digest, kept = hashlib.sha256(), list[bytes]()
    answer = verify_lines(_copied(_opened(path), digest, kept), path, kernel, host)
    answer = msgspec.structs.replace(answer, sha256=digest.hexdigest())
    if answer.perfect or kernel or not answer.policy:
        return answer
    return msgspec.structs.replace(answer, fits=best_fits(kept, path, answer, host))


def _copied(lines: Iterable[bytes], digest: hashlib._Hash, kept: list[bytes]) -> Iterator[bytes]:
    """The lines, their content counted into `digest`, and kept for another reading."""
    for line in lines:
        digest.update(line)
        kept.append(line)
        yield line


def best_fits(lines: list[bytes], where: str, answer: Agreement, host: str = "") -> tuple[Fit, ...]:
    """The neighbours of a policy that agree better with a recording than it does, the best first.

    What a kernel lists and reads tells policies apart at little cost, so only the few that are best at that are asked
    about the writes as well.
    """
    reading = [line for line in lines if not line.startswith((b'{"type":"set"', b'{"type": "set"'))]
    own = answer.policy.partition("+")[0]
    tried = sorted(neighbours(answer.policy), key=lambda name: name.partition("+")[0] != own)  # its patches first
    ranked = sorted(tried, key=lambda name: -_agreed(reading, where, name, host))
    found = [Fit(policy=name, agreed=_agreed(lines, where, name, host)) for name in ranked[:_WHOLE]]
    better = [fit for fit in found if fit.agreed > answer.agreed]
    return tuple(sorted(better, key=lambda fit: -fit.agreed))


def _agreed(lines: list[bytes], where: str, kernel: str, host: str) -> int:
    return verify_lines(lines, where, kernel, host).agreed


def neighbours(name: str) -> list[str]:
    """The policies that a kernel whose own does not fit may really have: the points around it, those of vendors for
    the same version, and patches over it."""
    own = name.partition("+")[0]
    number = [int(part) for part in own.rpartition("-")[0].partition("-")[2].split(".") if part.isdigit()]
    number = number or [int(part) for part in own.split(".") if part.isdigit()]
    points = [[int(part) for part in point.split(".")] for point in point_names()]
    near = sorted(points, key=lambda point: _distance(point, number))[:_NEAR]
    vendors = [one for one in vendor_names() if f"-{'.'.join(map(str, number[:2]))}." in one]
    patched = [f"{own}+{patch}" for patch in patch_names()]
    return [one for one in (*(".".join(map(str, point)) for point in near), *vendors, *patched) if one != name]


def _distance(point: list[int], number: list[int]) -> tuple[int, int]:
    """How far two releases are apart: in series, then in points."""
    series = abs((point[0] * 20 + point[1]) - (number[0] * 20 + number[1]))
    return series, abs(point[2] - (number[2] if len(number) > 2 else 0))


__all__ = ["Agreement", "Choice", "predict", "predict_file", "verify", "verify_lines"]
