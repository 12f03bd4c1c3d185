"""Ask several real kernels of the lab about one register: what a fresh vCPU shows, and what a write is answered.

    kernels = RealKernels(["lab:6.1", "lab:6.12"], say=progress)
    kernels.ask("lab:6.12", register, "CCIDX=1")      # one, in this thread
    kernels.ask_all(register, "0x1", answered=show)   # all at once; `show(answer)` as each comes
    kernels.restore("lab:6.1", "lab:6.12")            # every value of a fresh vCPU of the one, written to the other
    kernels.stop()                                    # from any thread: whatever boots or waits ends soon

Everything here waits for a machine (seconds for the first question, milliseconds for the next ones), so that a screen
calls it in a thread of its own. What goes wrong with one kernel is that kernel's answer, not an exception.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec

from inspector.checks.lab.expected import expected_of
from inspector.checks.machine.machine import Machine
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import KernelQuestion, own_question
from inspector.checks.writing.scratch import PairedWrite, paired
from inspector.errors import InspectorError, PolicyError, SourceError
from inspector.kvm.cases import candidates_of
from inspector.kvm.exposure import RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.policies.model import Policy
from inspector.policies.release import choose as choose_kernel
from inspector.registers.bits import ALL
from inspector.registers.catalog import Register, by_id
from inspector.registers.layouts import choose
from inspector.registers.reading import parse_assignments, parse_value
from inspector.sources.dump import Dump
from inspector.sources.live import open_live
from inspector.sources.live.laboratory import Lab, to_standard_error
from inspector.sources.live.scratch import ActualWrite
from inspector.sources.live.source import LiveOptions

PATIENT = LiveOptions(timeout=300.0)
"""A question to the lab may wait long on a busy machine."""
_WORD = 8
"""Bytes of the widest register that is written to a machine of the lab."""


class RealAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one kernel answers about one register, and what the model says of it."""

    address: str
    id: int
    kernel: str = ""
    """`uname -r` of the kernel that was asked; empty where it could not be asked"""
    title: str = ""
    """the policy that the model chose for it: `Linux 6.12.107`"""
    doubt: str = ""
    """how sure that choice is, where it is not exact; empty else"""
    value: int | None = None
    """KVM_GET_ONE_REG of a fresh vCPU; None where the kernel does not list the register"""
    predicted: RegisterExposure | None = None
    """what the model shows a fresh vCPU on the shipped host of this CPU model; None where no such host ships"""
    write: PairedWrite | None = None
    """the write that was made, predicted and actual; None where nothing was written"""
    problem: str = ""
    """why there is no answer, or no write, in one line"""

    @property
    def shown_as_predicted(self) -> bool | None:
        """Whether the bits of `value` that the model knows are as it says; None where it says nothing."""
        if self.predicted is None or (self.problem and self.value is None):
            return None
        if self.predicted.exposed is None:
            return None if self.value is not None else True
        known = self.predicted.known & ALL
        return self.value is not None and (self.value ^ self.predicted.exposed) & known == 0


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel that was asked for everything once."""

    dump: Dump
    question: KernelQuestion
    policies: tuple[Policy, ...]
    doubt: str
    model: Machine | None


class RealKernels:
    """Machines of the lab that answer side by side; each is started with its first question and then stays up."""

    def __init__(
        self,
        addresses: Sequence[str],
        say: Callable[[str, str], object] = to_standard_error,
    ) -> None:
        """`addresses`: `lab:KERNEL[,...]` each; `say` gets (address, what is done now) while a machine starts.

        Nothing starts yet. Raises SourceError for an address that cannot be one of the lab.
        """
        self.addresses = tuple(dict.fromkeys(addresses))
        self._labs = {address: _lab(address, PATIENT) for address in self.addresses}
        self._asked: dict[str, _Asked] = {}
        self._locks = {address: threading.Lock() for address in self.addresses}
        for lab in self._labs.values():
            lab.say = say

    def stop(self) -> None:
        """Let every start that is under way end, and begin no other: questions are then answered with a problem."""
        for lab in self._labs.values():
            lab.stopped.set()

    def ask(self, address: str, register: Register, text: str = "") -> RealAnswer:
        """One kernel's answer. `text`: nothing to read only; a value or `FIELD=value` to write it to a fresh vCPU,
        the other fields then as that kernel shows them. Raises RegisterError for a text that is no value.
        """
        if text and "=" not in text:
            parse_value(register, text)
        try:
            asked = self._of(address)
        except InspectorError as error:
            return RealAnswer(address=address, id=register.id, problem=str(error))
        vcpu = first_vcpu(asked.dump)
        value = None if vcpu is None else vcpu.values.get(register.id)
        answer = RealAnswer(
            address=address, id=register.id, kernel=asked.dump.provenance.kernel.shown, title=asked.question.title,
            doubt=asked.doubt, value=value, predicted=_predicted(asked.model, register.id),
        )  # fmt: skip
        if not text:
            return answer
        if register.size > _WORD:
            return msgspec.structs.replace(answer, problem=f"{register.name} is wider than what can be written here")
        if "=" in text:
            if value is None:
                return msgspec.structs.replace(answer, problem=f"{register.name} is not listed there")
            wanted = parse_assignments(register, value, text, choose(register.id, register.name, value).schema)
        else:
            wanted = parse_value(register, text)
        try:
            (pair,) = self.write(address, [(register.id, wanted)])
        except InspectorError as error:
            return msgspec.structs.replace(answer, problem=str(error))
        return msgspec.structs.replace(answer, write=pair)

    def ask_all(
        self, register: Register, text: str = "", answered: Callable[[RealAnswer], object] = lambda answer: None
    ) -> tuple[RealAnswer, ...]:
        """`ask` for every address at once, in threads of their own; the answers in the order of the addresses.

        `answered` gets each as it comes, in the thread that asked. Raises RegisterError for a text that is no value.
        """
        found: dict[str, RealAnswer] = {}
        failed: list[Exception] = []

        def one(address: str) -> None:
            try:
                found[address] = self.ask(address, register, text)
                answered(found[address])
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=one, args=(address,), daemon=True) for address in self.addresses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return tuple(found[address] for address in self.addresses)

    def write(self, address: str, writes: Sequence[tuple[int, int]]) -> tuple[PairedWrite, ...]:
        """(id, value) pairs written in order to one fresh vCPU there, each with its prediction. Raises SourceError."""
        asked = self._of(address)
        answers = self._labs[address].write(writes)
        actual = [
            ActualWrite(id=reg_id, value=value, errno=code, before=before, after=after)
            for (reg_id, value), (code, before, after) in zip(writes, answers, strict=True)
        ]
        return paired(asked.dump, asked.policies, actual).pairs

    def restore(self, saved: str, there: str) -> tuple[PairedWrite, ...]:
        """Every value of a fresh vCPU of `saved` written to a fresh vCPU of `there`, in the order of its list.

        Registers that `there` does not list, and those wider than 64 bits, are left out. Raises SourceError.
        """
        source, target = first_vcpu(self._of(saved).dump), first_vcpu(self._of(there).dump)
        if source is None or target is None:
            return ()
        writes = [(i, v) for i, v in source.values.items() if i in target.values and by_id(i).size <= _WORD]
        return self.write(there, writes)

    def vcpu_of(self, address: str) -> Dump:
        """What a fresh vCPU of a kernel shows, read once. Raises SourceError."""
        return self._of(address).dump

    def _of(self, address: str) -> _Asked:
        with self._locks[address]:
            known = self._asked.get(address)
            if known is None:
                lab = self._labs[address]
                dump = lab.read()
                if first_vcpu(dump) is None:
                    raise SourceError("made no vCPU", address, dump.notes[0] if dump.notes else "")
                question = own_question(dump)
                self._asked[address] = known = _Asked(
                    dump=dump, question=question, policies=candidates_of(question.policy, question.candidates),
                    doubt=_doubt(dump), model=expected_of(lab.cpu, dump, question),
                )  # fmt: skip
            return known


def _lab(address: str, options: LiveOptions) -> Lab:
    source = open_live(address, options)
    if not isinstance(source, Lab):
        raise SourceError("is no kernel of the lab", address, "valid: lab:KERNEL[,cpu=MODEL]")
    return source


def _predicted(model: Machine | None, reg_id: int) -> RegisterExposure | None:
    return None if model is None else explain_under_each(model.exposures, reg_id)


def _doubt(dump: Dump) -> str:
    """How sure the choice of a policy for a machine's kernel is; empty where that kernel was recorded."""
    try:
        choice = choose_kernel(dump.provenance.kernel.raw, dump.provenance.kernel_version.raw, said_by_file=True)
    except PolicyError as error:
        return str(error)
    return "" if choice.certainty in ("exact", "same-as-recorded") else choice.text
