"""Counting how far predicted answers agree with recorded ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from inspector.checks.recordings.replay import Line, Replay
from inspector.kvm.creation import run_errno
from inspector.kvm.guest import fresh_guest, trap_in_doubt
from inspector.kvm.vm import writable_masks
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import evidence_of
from inspector.policies.release import disagreeing
from inspector.registers.encoding import class_of
from inspector.registers.ids import CTR_EL0, ID_SPACE, IDS
from inspector.registers.naming import name_of

PHASES = ("el0", "init", "list", "get", "guest", "same", "field", "walk", "cross", "odd", "run", "ran", "masks")
_FEATURE_CLASSES = (0x11, 0x14, 0x16)
_FEATURE_IDS = frozenset(
    (*ID_SPACE, *(IDS[n] for n in ("MIDR_EL1", "MPIDR_EL1", "REVIDR_EL1", "CLIDR_EL1", "AIDR_EL1", "CSSELR_EL1",
    "CTR_EL0", "PMCR_EL0", "OSLSR_EL1", "VPIDR_EL2", "VMPIDR_EL2")))
)  # fmt: skip
_EXAMPLES = 200
"""How many classes of disagreement are kept; more means that the policy is the wrong one."""


def is_feature_register(reg_id: int) -> bool:
    """True for ID, cache, implementation-id and firmware registers: those that have to agree without exception."""
    return reg_id in _FEATURE_IDS or class_of(reg_id) in _FEATURE_CLASSES


class PhaseAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the report."""

    phase: str
    compared: int
    agreed: int


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """One class of disagreement: the same register, field and rule in the same phase."""

    phase: str
    register: str
    field: str
    rule: str
    count: int
    config: str
    """of the first case"""
    question: str
    recorded: str
    predicted: str


class NotDerivable(msgspec.Struct, frozen=True, kw_only=True):
    """A listed register whose value follows from nothing that is known; never counted as agreement."""

    register: str
    count: int
    reason: str


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A policy, and how many answers of the recording agree with it."""

    policy: str
    """its label"""
    agreed: int


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """The result of verifying one recording."""

    source: str
    cpu: str
    kernel: str
    policy: str
    certainty: str
    explanation: str
    phases: tuple[PhaseAgreement, ...]
    others: tuple[PhaseAgreement, ...]
    """registers that are neither ID, cache nor firmware registers: membership and reset values"""
    not_derivable: tuple[NotDerivable, ...]
    disagreements: tuple[Disagreement, ...]
    order_agrees: bool
    """the register lists come in the kernel's order"""
    candidates: tuple[Fit, ...] = ()
    """every policy that the kernel may have, where there are several, those that agree best first: `policy` is one of
    them"""
    told: tuple[str, ...] = ()
    """what the recorded answers tell of the host, as `--host` takes it"""
    fits: tuple[Fit, ...] = ()
    """other policies that agree better, the best first; empty where the policy agrees wholly"""
    sha256: str = ""
    """of the recording's unpacked content; empty where it was not read from a file"""

    @property
    def evidence(self) -> str:
        """The policy that lists this very recording as evidence; empty where none does."""
        return evidence_of(self.sha256)

    @property
    def as_good(self) -> tuple[str, ...]:
        """The other candidates that agree as well as `policy`: the recording does not tell them from it."""
        return tuple(one.policy for one in self.candidates if one.agreed == self.agreed and one.policy != self.policy)

    @property
    def compared(self) -> int:
        """Answers compared in all phases, other registers left out."""
        return sum(phase.compared for phase in self.phases)

    @property
    def agreed(self) -> int:
        """Answers that agree."""
        return sum(phase.agreed for phase in self.phases)

    @property
    def perfect(self) -> bool:
        """True when every compared answer agrees, other registers included."""
        every = (*self.phases, *self.others)
        return not self.disagreements and all(p.compared == p.agreed for p in every)


class Tally:
    """Compares line by line; `result` sums up."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self.agreed: Counter[str] = Counter()
        self.classes: dict[tuple[str, str, str, str], Disagreement] = {}
        self.underivable: Counter[int] = Counter()
        self.reasons: dict[int, str] = {}
        self.hidden: Counter[tuple[int, str]] = Counter()
        self.order_agrees = True
        self.order: list[int] = []
        self.cpu = self.kernel = ""
        self.counts: dict[str, Callable[[Replay, Line], None]] = {
            "recording": self._count_opening,
            "vcpu": self._count_vcpu,
            "get": self._count_get,
            "guest": self._count_guest,
            "odd": self._count_odd,
            "run": self._count_run,
            "writable_masks": self._count_masks,
            "el0": self._count_el0,
        }

    def count(self, replay: Replay, line: Line) -> None:
        """Compare one line's recorded answers with the model's."""
        kind = line["type"]
        if replay.list_open:
            self._leave_list(replay, kind)
        if kind == "set":
            self._count_set(replay, line)
            return
        replay.note(line)
        if count := self.counts.get(kind):
            count(replay, line)

    def _count_opening(self, _: Replay, line: Line) -> None:
        self.cpu, self.kernel = str(line.get("cpu", "")), str(line.get("kernel", ""))

    def _count_vcpu(self, replay: Replay, line: Line) -> None:
        self.order = []
        self._numbers(replay, "init", "KVM_ARM_VCPU_INIT", line.get("init_errno"), replay.init_errno)

    def _count_guest(self, replay: Replay, line: Line) -> None:
        reg_id = replay.reg_id(line)
        if reg_id == CTR_EL0 and trap_in_doubt(replay.need_exposure()):
            self.underivable[reg_id] += 1
            self.reasons[reg_id] = "guest: whether KVM traps it is not known (protected mode, or a hidden FEAT_EVT)"
        elif replay.guest_known(reg_id):
            self._value(replay, "guest", reg_id, line, "value", fresh_guest(replay.need_exposure()).get(reg_id))
        else:
            self.hidden[reg_id, "guest"] += 1

    def _count_run(self, replay: Replay, line: Line) -> None:
        if "errno" in line and replay.exposure is not None:
            expected = run_errno(replay.exposure)
            self._numbers(replay, "run", "KVM_RUN", line["errno"], expected)

    def _hit(self, phase: str, good: bool) -> bool:
        self.compared[phase] += 1
        self.agreed[phase] += good
        return good

    def _miss(
        self, replay: Replay, phase: str, register: str, recorded: str, predicted: str,
        blamed: tuple[str, str] = ("", ""), question: str = "",
    ) -> None:  # fmt: skip
        """Count one disagreement. `blamed`: field and rule that it goes back to, each empty where none does."""
        field, rule = blamed
        key = (phase, register, field, rule)
        held = self.classes.get(key)
        if held is not None:
            self.classes[key] = msgspec.structs.replace(held, count=held.count + 1)
        elif len(self.classes) < _EXAMPLES:
            self.classes[key] = Disagreement(
                phase=phase, register=register, field=field, rule=rule, count=1, config=replay.config,
                question=question, recorded=recorded, predicted=predicted,
            )  # fmt: skip

    def _numbers(self, replay: Replay, phase: str, subject: str, recorded: object, predicted: int) -> None:
        if recorded is not None and not self._hit(phase, recorded == predicted):
            self._miss(replay, phase, subject, str(recorded), str(predicted))

    def _value(
        self, replay: Replay, phase: str, reg_id: int, line: Line, key: str, predicted: int | None, question: str = ""
    ) -> None:
        if key not in line:
            return
        recorded = replay.number(line, key)
        if not self._hit(phase, recorded == predicted):
            shown = "nothing" if predicted is None else hex(predicted)
            blamed = blame(replay, reg_id, recorded, predicted or 0)
            self._miss(replay, phase, name_of(reg_id), hex(recorded), shown, blamed, question)

    def _leave_list(self, replay: Replay, kind: str) -> None:
        """When the register list of a configuration ends, what the model lists beyond it is counted."""
        if not replay.list_open or kind in ("get", "file"):
            return
        present = set(replay.listed)
        if present and not replay.init_errno and replay.raw:
            exposure = replay.need_exposure()
            self.order_agrees &= self.order == [i for i in exposure.listed if i in present]
            for reg_id in exposure.listed:
                if reg_id not in present:
                    phase = "list" if is_feature_register(reg_id) else "list of others"
                    self._hit(phase, False)
                    self._miss(replay, phase, name_of(reg_id), "not listed", "listed")
        replay.list_open = False

    def _count_get(self, replay: Replay, line: Line) -> None:
        reg_id = replay.reg_id(line)
        self.order.append(reg_id)
        if not replay.raw:
            return
        exposure = replay.need_exposure()
        feature = is_feature_register(reg_id)
        phase = "list" if feature else "list of others"
        if not self._hit(phase, reg_id in exposure.listed_set):
            self._miss(replay, phase, name_of(reg_id), "listed", "not listed")
            return
        if reg_id in exposure.underivable:
            self.underivable[reg_id] += 1
            self.reasons[reg_id] = exposure.underivable[reg_id]
            return
        phase = "get" if feature else "get of others"
        if line.get("errno"):
            self._numbers(replay, phase, name_of(reg_id), line["errno"], 0)
            return
        self._value(replay, phase, reg_id, line, "value", exposure.values[reg_id] & (1 << 64) - 1)

    def _count_set(self, replay: Replay, line: Line) -> None:
        phase, reg_id, value = replay.asked(line)
        hidden = not replay.raw and replay.hinges_on_host(reg_id, value)
        unlike = phase == "same" and replay.reads(reg_id) != value
        errno, after = replay.write(phase, reg_id, value)
        if "errno" not in line:
            return
        if hidden:
            self.hidden[reg_id, phase] += 1
            return
        self.compared[phase] += 1
        told = line.get("after")
        same = line["errno"] == errno and not unlike
        if same and told == hex(after):
            self.agreed[phase] += 1
            return
        recorded = after if told is None and "after" not in line else replay.number(line, "after")
        if same and recorded == after:
            self.agreed[phase] += 1
            return
        refusal = line["errno"] != errno
        blamed = blame_write(replay, reg_id, value) if refusal else blame(replay, reg_id, recorded, after)
        told, meant = f"errno {line['errno']}, {recorded:#x}", f"errno {errno}, {after:#x}"
        self._miss(replay, phase, name_of(reg_id), told, meant, blamed, f"write {value:#x}")

    def _count_odd(self, replay: Replay, line: Line) -> None:
        reg_id = replay.reg_id(line)
        answers = replay.odd(reg_id)
        for key, predicted in zip(("get_errno", "value", "set_zero_errno"), answers, strict=True):
            if key in line:
                recorded = replay.number(line, key) if key == "value" else line[key]
                if not self._hit("odd", recorded == predicted):
                    self._miss(replay, "odd", name_of(reg_id), str(recorded), str(predicted), (key, ""))

    def _count_masks(self, replay: Replay, line: Line) -> None:
        if "errno" not in line:
            return
        errno, masks = writable_masks(replay.need_exposure())
        self._numbers(replay, "masks", "KVM_ARM_GET_REG_WRITABLE_MASKS", line["errno"], errno)
        recorded = dict(replay.table(line, "masks").values())
        for reg_id in sorted(recorded.keys() | masks.keys()):
            left, right = recorded.get(reg_id), masks.get(reg_id)
            if not self._hit("masks", left == right):
                self._miss(replay, "masks", name_of(reg_id), _mask(left), _mask(right))

    def _count_el0(self, replay: Replay, line: Line) -> None:
        if not replay.raw:
            return
        values = replay.el0()
        for reg_id, recorded in replay.table(line, "regs").values():
            predicted = values.get(reg_id, 0)
            if not self._hit("el0", recorded == predicted):
                blamed = blame(replay, reg_id, recorded, predicted)
                self._miss(replay, "el0", name_of(reg_id), hex(recorded), hex(predicted), blamed)

    def result(self, replay: Replay, where: str) -> Agreement:
        """Everything counted."""
        self._leave_list(replay, "")

        def rows(phases: tuple[str, ...]) -> tuple[PhaseAgreement, ...]:
            return tuple(
                PhaseAgreement(phase=p, compared=self.compared[p], agreed=self.agreed[p])
                for p in phases
                if self.compared[p]
            )

        choice = replay.choice
        if choice is not None and self.classes:
            choice = disagreeing(choice)
        extra = tuple(sorted(p for p in self.compared if p not in (*PHASES, "list of others", "get of others")))
        return Agreement(
            source=where, cpu=self.cpu, kernel=self.kernel, policy=replay.policy.label if replay.policy else "",
            certainty=choice.certainty if choice else "", explanation=choice.explanation if choice else "",
            phases=rows((*PHASES, *extra)), others=rows(("list of others", "get of others")),
            not_derivable=(
                *(
                    NotDerivable(register=name_of(reg_id), count=count, reason=self.reasons[reg_id])
                    for reg_id, count in sorted(self.underivable.items())
                ),
                *(
                    NotDerivable(register=name_of(reg_id), count=count,
                    reason=f"{phase}: the recording has no host line")
                    for (reg_id, phase), count in sorted(self.hidden.items())
                ),
            ),
            disagreements=tuple(sorted(self.classes.values(), key=lambda d: -d.count)), order_agrees=self.order_agrees,
            told=_told(replay),
        )  # fmt: skip


def _told(replay: Replay) -> tuple[str, ...]:
    vgic, sme = replay.told
    words = (f"vgic={vgic}" if vgic else "", "" if sme is None else f"sme={'on' if sme else 'off'}")
    return tuple(filter(None, words))


def _mask(value: int | None) -> str:
    return "not reported" if value is None else f"0x{value:016x}"


def blame(replay: Replay, reg_id: int, recorded: int, predicted: int) -> tuple[str, str]:
    """(fields, rule) in which two values of a register differ."""
    exposure = replay.exposure
    if exposure is None:
        return "", ""
    differ = recorded ^ predicted
    fields = [f for f in exposure.book.fields(reg_id) if f.mask & differ]
    rules = [t.step.rule.name for t in exposure.traces(reg_id) if t.step.mask & differ] if reg_id in ID_SPACE else []
    return ", ".join(f.name for f in fields), rules[-1] if rules else fields[0].rule.name if fields else ""


def blame_write(replay: Replay, reg_id: int, value: int) -> tuple[str, str]:
    """(fields, rule) that decided the model's answer to a write."""
    if replay.vm is None:
        return "", ""
    verdict = explain_write(replay.vm.vcpus[0], reg_id, value, True)
    changed = [f.name for f in verdict.fields if f.written != f.limit]
    bad = [f.name for f in verdict.fields if not f.accepted]
    return ", ".join(bad or changed[:3]), verdict.rule
