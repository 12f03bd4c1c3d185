"""Answer a recording's questions from the model, and compare with what the real kernel answered.

`predict` writes the recording's lines again with every answer computed from the `recording`, `host`, `kernel`, `caps`
and `vcpu` lines and the questions; answers that are present are ignored. `verify` does the same and counts agreement.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from errno import ENODEV
from typing import Any, NamedTuple, Self

import msgspec

from inspector.checks.recordings.agreement import Agreement, Fit, Tally
from inspector.checks.recordings.replay import NOTHING_TOLD, Line, Replay, Told
from inspector.errors import PolicyError, SourceError
from inspector.kvm.cases import candidates_of
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.numbers import is_decimal
from inspector.policies.loader import point_names
from inspector.policies.model import Policy
from inspector.policies.points import is_policy_name, patch_names, vendor_names, vendor_point
from inspector.policies.release import Choice
from inspector.progress import work
from inspector.registers.ids import ID_AA64PFR1_EL1
from inspector.sources.opening import open_path, open_standard_input
from inspector.sources.recording import read_lines

_NEAR, _WHOLE = 12, 3
"""How many neighbouring points are tried, and how many of all that are tried are asked every question."""
_DECODER = msgspec.json.Decoder(dict[str, Any])
_AT_ONCE = 512
"""Lines that are decoded together."""


def _lines(lines: Iterable[bytes], where: str) -> Iterator[Line]:
    """Every line as a JSON object; SourceError names the first that is none."""
    if not isinstance(lines, list):
        yield from _one_by_one(lines, where)
        return
    if not any(line.strip() for line in lines):
        raise _holds_nothing(where)
    for at in range(0, len(lines), _AT_ONCE):
        some = lines[at : at + _AT_ONCE]
        found = _objects(some)
        yield from _one_by_one(some, where, at) if found is None else found


def _objects(lines: list[bytes]) -> list[Line] | None:
    """The lines as JSON objects; None where they are to be looked at one by one."""
    text = b"".join(lines)
    # Neither blank lines, nor two objects in one, nor one in two: a `}` that ends no object is followed by no `{`.
    each = text.startswith(b"{") and text.endswith((b"}\n", b"}")) and text.count(b"}\n{") == len(lines) - 1
    try:
        found = _DECODER.decode_lines(text) if each and text.count(b"\n") <= len(lines) else []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) == len(lines) and all(isinstance(line.get("type"), str) for line in found) else None


def _one_by_one(lines: Iterable[bytes], where: str, before: int | None = None) -> Iterator[Line]:
    """The same of lines of which it is not known whether there are any, or of some behind `before` others."""
    empty = before is None
    for count, raw in enumerate(lines, (before or 0) + 1):
        if raw == b"\n" or not raw.strip():
            continue
        empty = False
        try:
            line = _DECODER.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            hint = "a kvm-recording is expected, as `record` writes it"
            raise SourceError(f"line {count} is not a JSON object ({error})", where, hint) from None
        if not isinstance(line.get("type"), str):
            raise SourceError(f"line {count} has no type", where, "a recording is expected")
        yield line
    if empty:
        raise _holds_nothing(where)


def _holds_nothing(where: str) -> SourceError:
    return SourceError("holds no line", where, "a recording is expected")


def predict(lines: Iterable[bytes], where: str = "", kernel: str = "", host: str = "") -> Iterator[bytes]:
    """The recording `lines` again, each ending in a newline, with every answer computed.

    `kernel`, where given, is the policy to use instead of the one that the `kernel` line names; `host` holds inputs of
    the host as `--host` takes them. Lines of the register
    list and of the guest's view that a configuration lacks are produced. Raises SourceError for lines that are no
    recording; PolicyError for inputs that are none, before the first line.
    """
    with_inputs(HostState(values={}, known={}), host)
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


def verify_lines(lines: Iterable[bytes], where: str, told: Told = NOTHING_TOLD) -> Agreement:
    """How far the model agrees with the recording `lines`, by the policy that is chosen for its kernel.

    `told`: see `told_by`.
    """
    return _judge(lines, Replay(where, told=told))


def _judge(lines: Iterable[bytes], replay: Replay) -> Agreement:
    tally = Tally()
    with work(f"asking the model what {replay.where} asks", len(lines) if isinstance(lines, list) else None) as told:
        for number, line in enumerate(_lines(lines, replay.where)):
            tally.count(replay, line)
            if not number % _AT_ONCE:
                told.at(number)
    return tally.result(replay, replay.where)


def _kept(lines: Iterator[bytes], where: str) -> list[bytes]:
    """Every line; of a file that does not begin as a recording no more than the first."""
    first = next(lines, b"")
    if first.strip():
        next(_lines([first], where))
    return [first, *lines] if first else []


def told_by(lines: Iterable[bytes]) -> Told:
    """What recorded answers tell of the host that its registers do not.

    A VM with a GICv3 that was refused (ENODEV) shows that the host has none for guests; what EL0 of the host reads of
    SME, that its kernel was built with it.
    """
    told, has_sme = Told(), False
    for raw in [raw for raw in lines if not raw.startswith(_SET) and raw.startswith(_TELLING)]:
        try:
            line = _DECODER.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if line.get("gicv3") and line.get("init_errno") == ENODEV:
            told = told._replace(vgic="v2")
        if line.get("type") == "host":
            has_sme = _shows_sme(line)
        elif line.get("type") == "el0" and has_sme:
            told = told._replace(sme=_shows_sme(line))
    return told


_SET = b'{"type":"set"'
"""How nearly all lines of a recording begin."""
_TELLING = tuple(f'{{"type":{space}"{kind}"'.encode() for kind in ("vcpu", "host", "el0") for space in ("", " "))


def _shows_sme(line: Line) -> bool:
    """True when ID_AA64PFR1_EL1.SME is not zero in a host or an el0 line."""
    regs = line.get("regs")
    text = regs.get(f"0x{ID_AA64PFR1_EL1:016x}") if isinstance(regs, dict) else None
    try:
        return isinstance(text, str) and int(text, 16) >> 24 & 0xF != 0
    except ValueError:
        return False


def verify(path: str, kernel: str = "", host: str = "") -> Agreement:
    """How far the model agrees with the recording at `path` (plain or compressed; `-` for standard input).

    Where the kernel may have one of several policies, each is judged and the best is the answer's (`candidates`). Where
    none of them fits and no kernel was asked for, their neighbours are tried too: the result says which fit best
    (`fits`).
    """
    question = question_of(path, host)
    answer = question.ask(kernel)
    digest = hashlib.sha256()
    for at in range(0, len(question.lines), _AT_ONCE):
        digest.update(b"".join(question.lines[at : at + _AT_ONCE]))
    answer = msgspec.structs.replace(answer, sha256=digest.hexdigest())
    if answer.perfect or kernel or not answer.policy:
        return answer
    return msgspec.structs.replace(answer, fits=best_fits(question, answer))


def question_of(path: str, host: str = "") -> Question:
    """The recording at `path` (plain or compressed; `-` for standard input), to be judged by several policies."""
    with work(f"reading {path}"):
        lines = _kept(_opened(path), path)
    return Question(lines, path, host, told_by(lines))


class Question(NamedTuple):
    """A recording, and what is given of its host."""

    lines: Sequence[bytes]
    where: str
    host: str
    told: Told

    @property
    def reading(self) -> Self:
        """The same without its writes: what a kernel lists and reads tells policies apart at little cost."""
        return self._replace(
            lines=[one for one in self.lines if not one.startswith((b'{"type":"set"', b'{"type": "set"'))]
        )

    @property
    def named(self) -> Policy | None:
        """The policy of the kernel that the recording names; None where it names none, or none that is modelled."""
        replay = Replay(self.where)
        for line in _lines(iter(self.lines), self.where):
            if line["type"] == "kernel":
                with contextlib.suppress(PolicyError):
                    replay.note(line)
                break
        return replay.policy

    def judge(self, kernel: str = "", policy: Policy | None = None) -> Agreement:
        """How far one policy agrees."""
        return _judge(self.lines, Replay(self.where, kernel, self.host, policy=policy, told=self.told))

    def ask(self, kernel: str) -> Agreement:
        """How far the policies agree that the kernel may have."""
        replay = Replay(self.where, kernel, self.host, told=self.told)
        chosen = _judge(self.lines, replay)
        candidates = candidates_of(replay.policy, replay.candidates) if replay.policy else ()
        if not candidates[1:]:
            return chosen
        answers = [chosen, *(self.judge(policy=policy) for policy in candidates[1:])]
        best = max(answers, key=lambda one: (one.perfect, one.agreed))  # the chosen one of equals
        fits = sorted((Fit(policy=one.policy, agreed=one.agreed) for one in answers), key=lambda fit: -fit.agreed)
        return msgspec.structs.replace(
            best, certainty=chosen.certainty, explanation=chosen.explanation, candidates=tuple(fits)
        )


def best_fits(question: Question, answer: Agreement) -> tuple[Fit, ...]:
    """The neighbours of a policy that agree better with a recording than it does, the best first.

    Only the few that are best at what is read are asked about the writes as well.
    """
    own, reading = answer.policy.partition(" ")[0], question.reading
    tried = sorted(neighbours(own), key=lambda name: name.partition("+")[0] != own.partition("+")[0])  # patches first
    ranked = sorted(tried, key=lambda name: -reading.judge(name).agreed)
    found = [Fit(policy=name, agreed=question.judge(name).agreed) for name in ranked[:_WHOLE]]
    better = [fit for fit in found if fit.agreed > answer.agreed]
    return tuple(sorted(better, key=lambda fit: -fit.agreed))


def neighbours(name: str) -> list[str]:
    """The policies that a kernel whose own does not fit may really have: the points around it, those of vendors for
    the same version, and patches over it."""
    own = name.partition("+")[0]
    number = [int(part) for part in own.rpartition("-")[0].partition("-")[2].split(".") if is_decimal(part)]
    number = number or [int(part) for part in own.split(".") if is_decimal(part)]
    points = [[int(part) for part in point.split(".")] for point in point_names()]
    near = sorted(points, key=lambda point: _distance(point, number))[:_NEAR]
    vendors = [one for one in vendor_names() if f"-{'.'.join(map(str, number[:2]))}." in one]
    patched = [f"{own}+{patch}" for patch in patch_names()] if vendor_point(own) or is_policy_name(own) else []
    return [one for one in (*(".".join(map(str, point)) for point in near), *vendors, *patched) if one != name]


def _distance(point: list[int], number: list[int]) -> tuple[int, int]:
    """How far two releases are apart: in series, then in points."""
    series = abs((point[0] * 20 + point[1]) - (number[0] * 20 + number[1]))
    return series, abs(point[2] - (number[2] if len(number) > 2 else 0))


__all__ = ["Agreement", "Choice", "predict", "predict_file", "verify", "verify_lines"]
