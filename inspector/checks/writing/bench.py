"""Writes that somebody tries on one simulated vCPU: typed, judged before they are made, kept, taken back.

The same model answers as in `vcpu-inspector write`; here it is asked again with every letter that is typed, so a
question must not change the state: only `make` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from inspector.errors import InspectorError
from inspector.kvm.cases import Branch, merge_partials
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu, Vm
from inspector.kvm.words.explaining import explain_write, known_bits, peek_write
from inspector.kvm.words.kernels import merge_verdicts
from inspector.registers.bits import Partial, ones
from inspector.registers.catalog import Register
from inspector.registers.layouts import choose
from inspector.registers.reading import parse_assignments, parse_value


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One text that was typed, and what KVM would answer."""

    id: int
    text: str
    value: int | None = None
    """None when the text is no value for this register; bits that its verdict does not know are as they were"""
    verdict: Verdict | None = None
    problem: str = ""
    """why the text is no value, in one line"""

    @property
    def changed(self) -> tuple[JudgedField, ...]:
        """The judged fields that the write changes, or that are refused."""
        return changed_fields(self.verdict) if self.verdict else ()


def changed_fields(verdict: Verdict) -> tuple[JudgedField, ...]:
    """The judged fields that a write changes, or that are refused; most significant first."""
    return tuple(field for field in verdict.fields if field.now != field.written or not field.accepted)


class Written(NamedTuple):
    """A value as it is written to one VM."""

    value: int
    kept: int = 0
    """bits of it that are not known, and written back as the register holds them"""


def _assigned(register: Register, text: str, vm: Vm) -> Written:
    """`FIELD=value` in what a VM's register holds now; of one that cannot be read only the fields are known."""
    vcpu = vm.vcpu(0)
    now = vcpu.get_one_reg(register.id)[1]
    known = 0 if now is None else known_bits(vcpu, register.id)
    now = vcpu.value(register.id)
    schema = choose(register.id, register.name, now, vm.exposure.values).schema
    value = parse_assignments(register, now, text, schema)
    open_bits = value ^ parse_assignments(register, now ^ ~known & ones(register.size * 8), text, schema)
    return Written(value, open_bits)


class Bench:
    """One VM of a single vCPU, and what was done to it; where the kernel may have several policies, one VM of each.

    `build` makes the VM that is shown, and those of the other policies behind it.
    """

    def __init__(self, build: Callable[[], Sequence[Vm]]) -> None:
        self._build = build
        self._vms = tuple(build())
        self._kept: list[list[tuple[int, int]]] = [[] for _ in self._vms]
        """the writes that each VM accepted"""
        self.ran = False
        self.tried: list[Attempt] = []
        """every write that was tried, oldest first; refused ones too"""

    @property
    def vm(self) -> Vm:
        """The VM under the policy that was chosen."""
        return self._vms[0]

    @property
    def vcpu(self) -> Vcpu:
        """The vCPU that is written to."""
        return self.vm.vcpu(0)

    def now(self, reg_id: int) -> int | None:
        """What userspace reads of a register; None when it cannot be read or told."""
        return self.vcpu.get_one_reg(reg_id)[1]

    def parse(self, register: Register, text: str) -> tuple[Written, ...]:
        """The value that a text means to each VM: a number, or `FIELD=value` set in what the register holds now.

        Raises RegisterError for a text that is no value of this register.
        """
        if "=" not in text:
            return (Written(parse_value(register, text)),) * len(self._vms)
        return tuple(_assigned(register, text, vm) for vm in self._vms)

    def known(self, reg_id: int) -> int:
        """Which bits of `now` are known: all of a value that was written, where every policy keeps the same."""
        held = [Partial(vcpu.value(reg_id), known_bits(vcpu, reg_id)) for vcpu in (vm.vcpu(0) for vm in self._vms)]
        return merge_partials(held).known

    def judge(self, register: Register, text: str) -> Attempt:
        """What KVM would answer to a text; nothing is written. An empty text has neither verdict nor problem."""
        if not text.strip():
            return Attempt(id=register.id, text="")
        try:
            written = self.parse(register, text)
        except InspectorError as error:
            return Attempt(id=register.id, text=text.strip(), problem=str(error))
        answers = [
            peek_write(vm.vcpu(0), register.id, one.value, one.kept) for vm, one in zip(self._vms, written, strict=True)
        ]
        return Attempt(id=register.id, text=text.strip(), value=written[0].value, verdict=self._merged(answers))

    def _merged(self, answers: Sequence[Verdict]) -> Verdict:
        """What the VMs answer, as one answer."""
        return merge_verdicts([Branch(vm.policy, answer) for vm, answer in zip(self._vms, answers, strict=True)])

    def make(self, register: Register, text: str) -> Attempt:
        """Make the write; an accepted value is what the register holds from now on."""
        attempt = self.judge(register, text)
        if attempt.value is None:
            return attempt
        answers = [
            explain_write(vm.vcpu(0), register.id, one.value, kept=one.kept)
            for vm, one in zip(self._vms, self.parse(register, text), strict=True)
        ]
        for done_before, answer in zip(self._kept, answers, strict=True):
            if not answer.errno:
                done_before.append((register.id, answer.value))
        done = msgspec.structs.replace(attempt, verdict=self._merged(answers))
        self.tried.append(done)
        return done

    def texts(self, reg_id: int) -> tuple[str, ...]:
        """What was tried on a register, newest first, each text once."""
        return tuple(dict.fromkeys(one.text for one in reversed(self.tried) if one.id == reg_id))

    @property
    def kept(self) -> tuple[Attempt, ...]:
        """The writes that were accepted, oldest first."""
        return tuple(one for one in self.tried if one.verdict is not None and not one.verdict.errno)

    def reset(self) -> None:
        """A fresh vCPU: no write was made, nothing ran. What was tried stays known to `texts`."""
        self._vms = tuple(self._build())
        self._kept = [[] for _ in self._vms]
        self.ran = False
        self.tried = [msgspec.structs.replace(one, verdict=None) for one in self.tried]

    def toggle_run(self) -> int:
        """Run the vCPU for the first time, or take that back; the errno of KVM_RUN, 0 when it ran or was taken back.

        Taking it back builds the VM anew and makes the accepted writes again, which is what a user would have to do.
        """
        if self.ran:
            self._vms, self.ran = tuple(self._build()), False
            for vm, kept in zip(self._vms, self._kept, strict=True):
                for reg_id, value in kept:
                    vm.vcpu(0).set_one_reg(reg_id, value)
            return 0
        error, *_ = [vm.run(0) for vm in self._vms]
        self.ran = error == 0
        return error
