"""The simulated vCPUs on which somebody tries writes: judged before they are made, made, and what they changed.

The same model answers as in `vcpu-inspector write`; here it is asked again with every letter that is typed, so a
question must not change the state: only `make` and `run` do. What was done, and undoing it, is history.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import NamedTuple

import msgspec

from inspector.checks.machine.machine import Machine
from inspector.checks.writing.typed import TypedWrite
from inspector.errors import InspectorError
from inspector.kvm.cases import Branch, agreed, merge_partials
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu, Vm
from inspector.kvm.words.explaining import explain_write, known_bits, peek_write
from inspector.kvm.words.kernels import merge_verdicts
from inspector.registers.bits import ALL, Partial, ones
from inspector.registers.catalog import Register
from inspector.registers.encoding import every_bit_of, size_of
from inspector.registers.ids import PMCR_EL0, VMPIDR_EL2, WORKAROUND_2
from inspector.registers.layouts import choose
from inspector.registers.reading import parse_assignments, parse_value
from inspector.registers.secrets import is_secret

_DERIVED = (WORKAROUND_2, PMCR_EL0, VMPIDR_EL2)
"""Registers that read by what others hold (kvm/state.py)."""


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
        return self.verdict.changed if self.verdict else ()


class Written(NamedTuple):
    """A value as it is written to one VM."""

    value: int
    kept: int = 0
    """bits of it that are not known, and written back as the register holds them"""


class Changed(NamedTuple):
    """A register that no longer reads as it did."""

    before: Partial
    after: Partial


def _assigned(register: Register, text: str, vcpu: Vcpu) -> Written:
    """`FIELD=value` in what a vCPU's register holds now; of one that cannot be read only the fields are known."""
    now = vcpu.get_one_reg(register.id)[1]
    known = 0 if now is None else known_bits(vcpu, register.id)
    now = vcpu.value(register.id)
    schema = choose(register.id, register.name, now, vcpu.vm.exposure.values).schema
    value = parse_assignments(register, now, text, schema)
    open_bits = value ^ parse_assignments(register, now ^ ~known & ones(register.size * 8), text, schema)
    return Written(value, open_bits)


class Bench:
    """A VM, and what was written to it; where the kernel may have several policies, one VM of each.

    `build` makes the VM that is shown, and those of the other policies behind it. `saved` are values that the vCPUs
    hold from the beginning, by the vCPU's number: what a restore would have written. With `stored_only` only those are
    taken that KVM merely keeps; of the others, those that every policy certainly accepts.
    """

    def __init__(
        self,
        build: Callable[[], Sequence[Vm]],
        saved: Mapping[int, Mapping[int, int]] | None = None,
        *,
        stored_only: bool = False,
    ) -> None:
        self._build, self._saved, self._stored_only = build, saved or {}, stored_only
        self._vms = self._made()
        self._doubted: dict[int, int] = {}
        """register id -> bits that a write changed of which nobody knows whether it was taken"""
        self.ran = False

    @cached_property
    def _fresh(self) -> tuple[Vm, ...]:
        """What `changes` compares with."""
        return self._made()

    def _made(self) -> tuple[Vm, ...]:
        vms = tuple(self._build())
        for number, values in self._saved.items():
            for vm in vms:
                if number < len(vm.vcpus):
                    _restore(vm.vcpu(number), values, self._stored_only)
        return vms

    def renew(self) -> None:
        """The VM as it was at first: no write was made, nothing ran."""
        self._vms = self._made()
        self._doubted.clear()
        self.ran = False

    @property
    def vm(self) -> Vm:
        """The VM under the policy that was chosen."""
        return self._vms[0]

    def now(self, reg_id: int, vcpu: int = 0) -> int | None:
        """What userspace reads of a register; None when it cannot be read or told."""
        return self.vm.vcpu(vcpu).get_one_reg(reg_id)[1]

    def parse(self, register: Register, text: str, vcpu: int = 0) -> tuple[Written, ...]:
        """The value that a text means to each VM: a number, or `FIELD=value` set in what the register holds now.

        Raises RegisterError for a text that is no value of this register.
        """
        if "=" not in text:
            return (Written(parse_value(register, text)),) * len(self._vms)
        return tuple(_assigned(register, text, vm.vcpu(vcpu)) for vm in self._vms)

    def known(self, reg_id: int, vcpu: int = 0) -> int:
        """Which bits of `now` are known: all of a value that was written, where every policy keeps the same."""
        return _held(self._vms, vcpu, reg_id).known

    def judge(self, register: Register, text: str, vcpu: int = 0) -> Attempt:
        """What KVM would answer to a text; nothing is written. An empty text has neither verdict nor problem."""
        if not text.strip():
            return Attempt(id=register.id, text="")
        try:
            written = self.parse(register, text, vcpu)
        except InspectorError as error:
            return Attempt(id=register.id, text=text.strip(), problem=str(error))
        answers = [
            peek_write(vm.vcpu(vcpu), register.id, one.value, one.kept)
            for vm, one in zip(self._vms, written, strict=True)
        ]
        return Attempt(id=register.id, text=text.strip(), value=written[0].value, verdict=self._merged(answers))

    def judge_all(self, writes: Sequence[TypedWrite], vcpu: int = 0) -> tuple[Attempt, ...]:
        """What KVM would answer to writes that are made one after another; nothing is written."""
        with self._undone(vcpu):
            return tuple(self.make(*one, vcpu=vcpu) for one in writes)

    @contextmanager
    def _undone(self, vcpu: int) -> Iterator[None]:
        with ExitStack() as stack:
            for vm in self._vms:
                stack.enter_context(vm.vcpu(vcpu).undone())
            yield

    def _merged(self, answers: Sequence[Verdict]) -> Verdict:
        """What the VMs answer, as one answer."""
        return merge_verdicts([Branch(vm.policy, answer) for vm, answer in zip(self._vms, answers, strict=True)])

    def make(self, register: Register, text: str, vcpu: int = 0) -> Attempt:
        """Make the write; an accepted value is what the register holds from now on.

        Of a write whose answer is not known nobody knows whether it was taken: the bits that it would have changed are
        not known from then on.
        """
        attempt = self.judge(register, text, vcpu)
        if attempt.value is None:
            return attempt
        answers = []
        for vm, one in zip(self._vms, self.parse(register, text, vcpu), strict=True):
            target = vm.vcpu(vcpu)
            before = target.value(register.id)
            unknown = every_bit_of(register.id) & ~known_bits(target, register.id)
            verdict = explain_write(target, register.id, one.value, kept=one.kept)
            if not verdict.certain and any(not case.errno for case in verdict.cases):
                target.opens(register.id)[register.id] = one.kept | before ^ one.value | unknown
                self._doubted[register.id] = self._doubted.get(register.id, 0) | before ^ one.value
            answers.append(verdict)
        return msgspec.structs.replace(attempt, verdict=self._merged(answers))

    def run(self, vcpu: int = 0) -> int:
        """KVM_RUN: the errno, 0 when the vCPU ran."""
        error, *_ = [vm.run(vcpu) for vm in self._vms]
        self.ran = self.ran or error == 0
        return error

    @property
    def freezes(self) -> bool | None:
        """True when ID registers take only what they hold once the VM has run; None where the policies differ in it."""
        told = {vm.exposure.book.variant("id-registers") == "stored" for vm in self._vms}
        return told.pop() if len(told) == 1 else None

    def changes(self, vcpu: int = 0) -> dict[int, Changed]:
        """The registers of a vCPU that do not read as they did at first, by what was written and by the first run."""
        ids = set(_DERIVED) & self.vm.exposure.listed_set
        for fresh, now in zip(self._fresh, self._vms, strict=True):
            old, new = fresh.vcpu(vcpu), now.vcpu(vcpu)
            for before, after in ((fresh.stored, now.stored), (old.own, new.own)):
                ids |= {i for i, value in after.items() if before.get(i) != value}
            ids |= {*new.open_bits, *new.vm.open_bits}
        found = {i: self._changed(i, vcpu) for i in ids}
        return {i: one for i, one in sorted(found.items()) if one.before != one.after}

    def _changed(self, reg_id: int, vcpu: int) -> Changed:
        """Bits that the model does not know and no write touched are as they were saved under this very kernel."""
        before, after = _held(self._fresh, vcpu, reg_id), _held(self._vms, vcpu, reg_id)
        saved = None if self._stored_only else self._saved.get(vcpu, {}).get(reg_id)
        if saved is None or size_of(reg_id) > 8:
            return Changed(before, after)
        kept = ALL & ~before.known & ~self._doubted.get(reg_id, 0)
        before = Partial(before.value | saved & kept, before.known | kept)
        kept &= ~after.known
        return Changed(before, Partial(after.value | saved & kept, after.known | kept))


def bench_of(machine: Machine, vcpus: Sequence[Mapping[int, int]] | None = None) -> Bench:
    """The VM behind a dump, its vCPUs as they were saved.

    Under another kernel than the dump's own only what KVM merely stores is as saved. `vcpus`: the saved values of every
    vCPU; by default of the one that the machine was inferred from, without the guest's secrets.
    """
    if vcpus is None:
        saved = machine.saved.values if machine.saved is not None else {}
        vcpus = [{reg_id: value for reg_id, value in saved.items() if not is_secret(reg_id)}]
    count = max(len(vcpus), 1)
    return Bench(lambda: machine.vms(count), dict(enumerate(vcpus)), stored_only=not machine.as_saved)


def _held(vms: Sequence[Vm], vcpu: int, reg_id: int) -> Partial:
    """What userspace reads of a register, as far as it is known and every policy agrees."""
    parts = []
    wide = size_of(reg_id) > 8
    for one in (vm.vcpu(vcpu) for vm in vms):
        error, value = one.get_one_reg(reg_id)
        known = 0 if error or value is None else -1 if wide else known_bits(one, reg_id)
        parts.append(Partial((value or 0) & known, known))
    if wide:
        return parts[0] if agreed(parts) else Partial.nothing()
    return merge_partials(parts)


def _restore(vcpu: Vcpu, values: Mapping[int, int], stored_only: bool) -> None:
    """Let a vCPU hold saved values, wherever KVM certainly takes them as they are."""
    for reg_id, value in values.items():
        if reg_id not in vcpu.vm.exposure.listed_set or reg_id in vcpu.vm.exposure.running:
            continue
        if not vcpu.judges(reg_id):
            vcpu.own[reg_id] = value
        elif not stored_only and (vcpu.value(reg_id) != value or known_bits(vcpu, reg_id) & ALL != ALL):
            verdict = peek_write(vcpu, reg_id, value)
            if verdict.certain and not verdict.errno and verdict.after == value:
                vcpu.set_one_reg(reg_id, value)
