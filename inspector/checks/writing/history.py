"""Everything that was tried on a VM, in order: judged, kept, taken back, done again.

The steps are what counts: the answers follow from them, by making every step anew on a fresh VM. So a step can be taken
back from the middle, and the same steps can be asked of another kernel, or of newer values of a live source.
"""

from __future__ import annotations

import errno as _errno
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from inspector.checks.writing.bench import Attempt, Bench, Changed
from inspector.checks.writing.typed import TypedWrite, typed_writes
from inspector.kvm.verdict import Verdict
from inspector.registers.catalog import Register, by_id

if TYPE_CHECKING:
    # Only a live source is written to, which has more to load.
    from inspector.checks.writing.scratch import PairedWrite

Outcome = Literal["accepted", "refused", "ignored", "uncertain", "no value"]
"""What KVM answers to a step; `no value`: the text means nothing to the register as it is under this kernel."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is done to the VM."""

    vcpu: int = 0
    """number of the vCPU in its VM"""
    id: int = 0
    """the register that is written; 0 for the first run"""
    text: str = ""
    """`VALUE` or `FIELD=VALUE …`, as it was typed; empty for the first run"""
    pair: PairedWrite | None = None
    """a write that was really made, on a scratch vCPU of a live source: prediction and answer"""

    @property
    def runs(self) -> bool:
        """True for the first run."""
        return not self.text

    @property
    def write(self) -> TypedWrite:
        """The register and the text of a write."""
        return TypedWrite(by_id(self.id), self.text)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A step with its answer."""

    step: Step
    attempt: Attempt | None = None
    """None for the first run"""
    errno: int = 0
    """of the first run"""
    freezes: bool | None = None
    """True when the first run fixes the ID registers; None where the kernels that may be meant differ in it"""

    @property
    def verdict(self) -> Verdict | None:
        """What was answered to a write; of one that was really made, what was predicted."""
        return self.attempt.verdict if self.attempt is not None else None

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        if self.step.pair is not None:
            return self._really()
        if self.step.runs:
            return "refused" if self.errno else "accepted"
        if self.verdict is None:
            return "no value"
        told: Mapping[str, Outcome] = {"refused": "refused", "ignored": "ignored", "uncertain": "uncertain"}
        return told.get(self.verdict.outcome, "accepted")

    def _really(self) -> Outcome:
        assert self.step.pair is not None
        actual = self.step.pair.actual
        if actual.errno:
            return "refused"
        return "accepted" if actual.after in (None, actual.value) else "ignored"

    @property
    def errno_name(self) -> str:
        """`EINVAL`; empty where no errno was answered for sure."""
        number = self.errno
        if self.step.pair is not None:
            number = self.step.pair.actual.errno
        elif self.verdict is not None:
            number = self.verdict.errno if self.verdict.certain else 0
        return _errno.errorcode.get(number, str(number)) if number else ""


class History:
    """The steps on one VM, with their answers under the kernel that is asked now."""

    def __init__(self) -> None:
        self.bench: Bench | None = None
        """the VM with all steps done; None before `ask_of`, and where there is no machine to ask"""
        self.entries: tuple[Entry, ...] = ()
        self.problem = ""
        """why no kernel answers"""
        self._tried: list[tuple[int, str]] = []
        self._past: list[tuple[Step, ...]] = []
        self._future: list[tuple[Step, ...]] = []
        self._changes: dict[int, Mapping[int, Changed]] = {}

    def ask_of(self, bench: Bench | None, problem: str = "") -> None:
        """Make every step anew on another VM: another kernel, or newer values. None: there is nothing to ask."""
        self.bench, self.problem = bench, problem
        self._replay(self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was done, oldest first."""
        return tuple(one.step for one in self.entries)

    @property
    def writes(self) -> int:
        """How many simulated writes were tried, whatever became of them."""
        return sum(not one.step.runs and one.step.pair is None for one in self.entries)

    @property
    def kept(self) -> tuple[Entry, ...]:
        """The simulated writes that KVM takes."""
        return tuple(
            one for one in self.entries
            if one.step.pair is None and one.verdict is not None and one.outcome in ("accepted", "ignored")
        )  # fmt: skip

    @property
    def ran(self) -> bool:
        """True when the VM has run."""
        return self.bench is not None and self.bench.ran

    def changes(self, vcpu: int = 0) -> Mapping[int, Changed]:
        """The registers of a vCPU that read otherwise than before the first step."""
        if self.bench is None or not self.entries or vcpu >= len(self.bench.vm.vcpus):
            return {}
        if vcpu not in self._changes:
            self._changes[vcpu] = self.bench.changes(vcpu)
        return self._changes[vcpu]

    def changed_by(self, reg_id: int) -> str:
        """Which step a register's value comes from: `write 2`, or `the first run` where no write touches it."""
        kept = ("accepted", "ignored", "uncertain")
        for number, one in reversed(list(enumerate(self.entries, 1))):
            if one.step.id == reg_id and not one.step.runs and one.step.pair is None and one.outcome in kept:
                return f"write {number}"
        return "the first run" if any(one.step.runs for one in self.entries) else "a write"

    def do(self, steps: Iterable[Step]) -> tuple[Entry, ...]:
        """Do steps one after another; undo takes all of them back at once. Writes that are no value are left out.

        The first run is a step also where it is refused: what it changes before stays.
        """
        assert self.bench is not None
        done = [one for one in (answered(self.bench, step) for step in steps) if one.outcome != "no value"]
        self._tried += [(one.step.id, one.step.text) for one in done if not one.step.runs]
        if done:
            self._push()
            self._put((*self.entries, *done))
        return tuple(done)

    def record(self, pair: PairedWrite, text: str) -> None:
        """Put down a write that was really made; it changes nothing of the simulated VM."""
        attempt = Attempt(id=pair.actual.id, text=text, value=pair.actual.value, verdict=pair.predicted)
        step = Step(id=pair.actual.id, text=text, pair=pair)
        self._put((*self.entries, Entry(step=step, attempt=attempt)))

    def undo(self) -> str:
        """Take back what was done last; why that cannot be, else an empty text."""
        if self.entries and self.entries[-1].step.pair is not None:
            return CANNOT_UNDO
        if not self._past:
            return "nothing to undo: no simulated write was made"
        self._future.append(self.steps)
        self._replay(self._with_records(self._past.pop()))
        return ""

    def redo(self) -> str:
        """Do again what was taken back; why that cannot be, else an empty text."""
        if not self._future:
            return "nothing to redo: nothing was taken back"
        self._past.append(self.steps)
        self._replay(self._with_records(self._future.pop()))
        return ""

    def drop(self, place: int) -> str:
        """Take back one step, wherever it stands: the others are made anew; why that cannot be, else an empty text."""
        if not 0 <= place < len(self.entries):
            return "nothing to take back"
        if self.entries[place].step.pair is not None:
            return CANNOT_UNDO
        self._push()
        steps = self.steps
        self._replay((*steps[:place], *steps[place + 1 :]))
        return ""

    def reset(self) -> str:
        """The VM as it was at first; undo brings the steps back."""
        left = tuple(one for one in self.steps if one.pair is not None)
        if left == self.steps:
            return CANNOT_UNDO if left else "nothing to reset: no simulated write was made"
        self._push()
        self._replay(left)
        return ""

    def texts(self, reg_id: int) -> tuple[str, ...]:
        """What was tried on a register, newest first, each text once; also what was taken back."""
        return tuple(dict.fromkeys(text for tried, text in reversed(self._tried) if tried == reg_id))

    def _push(self) -> None:
        self._past.append(self.steps)
        self._future.clear()

    def _with_records(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Steps of another time, with what was really written since: nothing takes that back."""
        real = [one for one in self.steps if one.pair is not None and one not in steps]
        return (*steps, *real)

    def _put(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self._changes.clear()

    def _replay(self, steps: Iterable[Step]) -> None:
        """Make the steps on a fresh VM."""
        if self.bench is not None:
            self.bench.renew()
        self._put(tuple(map(self._answered, steps)))

    def _answered(self, step: Step) -> Entry:
        if step.pair is not None:
            told = step.pair.predicted
            return Entry(step=step, attempt=Attempt(id=step.id, text=step.text, value=told.value, verdict=told))
        if self.bench is None:
            return Entry(step=step, attempt=None if step.runs else Attempt(id=step.id, text=step.text))
        return answered(self.bench, step)


CANNOT_UNDO = "written to a real vCPU: what its kernel did cannot be taken back"
FIRST_RUN = Step()
RUN = "run"
"""How the first run is typed."""


def steps_of(text: str, shown: Register | None = None) -> tuple[Step, ...]:
    """What a line asks for: `run`, or writes as `typed_writes` takes them. Raises RegisterError."""
    if text.strip().casefold() == RUN:
        return (FIRST_RUN,)
    return tuple(Step(id=one.register.id, text=one.text) for one in typed_writes(text, shown))


def written(bench: Bench, steps: Iterable[Step]) -> tuple[Entry, ...]:
    """The answers to steps that are done one after another. Raises RegisterError for a text that is no value."""
    entries = []
    for step in steps:
        if not step.runs:
            bench.parse(*step.write, step.vcpu)
        entries.append(answered(bench, step))
    return tuple(entries)


def answered(bench: Bench, step: Step) -> Entry:
    """Do a step."""
    if step.runs:
        return Entry(step=step, errno=bench.run(step.vcpu), freezes=bench.freezes)
    return Entry(step=step, attempt=bench.make(*step.write, step.vcpu))
