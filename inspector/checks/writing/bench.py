"""Writes that somebody tries on one simulated vCPU: typed, judged before they are made, kept, taken back.

The same model answers as in `vcpu-inspector write`; here it is asked again with every letter that is typed, so a
question must not change the state: only `make` does.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from inspector.errors import InspectorError, RegisterError
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.kvm.vm import Vcpu, Vm
from inspector.kvm.words.explaining import explain_write, known_bits, peek_write
from inspector.registers.bits import ALL, partial_hex
from inspector.registers.catalog import Register
from inspector.registers.layouts import choose
from inspector.registers.reading import parse_assignments, parse_value


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One text that was typed, and what KVM would answer."""

    id: int
    text: str
    value: int | None = None
    """None when the text is no value for this register"""
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


class Bench:
    """One VM of a single vCPU, and what was done to it."""

    def __init__(self, build: Callable[[], Vm]) -> None:
        self._build = build
        self.vm = build()
        self.ran = False
        self.tried: list[Attempt] = []
        """every write that was tried, oldest first; refused ones too"""

    @property
    def vcpu(self) -> Vcpu:
        """The vCPU that is written to."""
        return self.vm.vcpu(0)

    def now(self, reg_id: int) -> int | None:
        """What userspace reads of a register; None when it cannot be read or told."""
        return self.vcpu.get_one_reg(reg_id)[1]

    def parse(self, register: Register, text: str) -> int:
        """The value that a text means: a number, or `FIELD=value` set in what the register holds now.

        Raises RegisterError, also where what the other fields hold is not known.
        """
        if "=" not in text:
            return parse_value(register, text)
        hint = "write the whole value"
        now = self.now(register.id)
        if now is None:
            raise RegisterError(f"what {register.name} holds now is not known", text.strip(), hint)
        schema = choose(register.id, register.name, now, self.vm.exposure.values).schema
        value = parse_assignments(register, now, text, schema)
        open_bits = value ^ parse_assignments(register, now ^ ~self.known(register.id) & ALL, text, schema)
        if open_bits:
            held = partial_hex(now, ~open_bits & ALL, register.size)
            raise RegisterError(f"{register.name} holds {held}, known only in part", text.strip(), hint)
        return value

    def known(self, reg_id: int) -> int:
        """Which bits of `now` are known: all of a value that was written."""
        return known_bits(self.vcpu, reg_id)

    def judge(self, register: Register, text: str) -> Attempt:
        """What KVM would answer to a text; nothing is written. An empty text has neither verdict nor problem."""
        if not text.strip():
            return Attempt(id=register.id, text="")
        try:
            value = self.parse(register, text)
        except InspectorError as error:
            return Attempt(id=register.id, text=text.strip(), problem=str(error))
        return Attempt(
            id=register.id, text=text.strip(), value=value, verdict=peek_write(self.vcpu, register.id, value)
        )

    def make(self, register: Register, text: str) -> Attempt:
        """Make the write; an accepted value is what the register holds from now on."""
        attempt = self.judge(register, text)
        if attempt.value is None:
            return attempt
        done = msgspec.structs.replace(attempt, verdict=explain_write(self.vcpu, register.id, attempt.value))
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
        self.vm = self._build()
        self.ran = False
        self.tried = [msgspec.structs.replace(one, verdict=None) for one in self.tried]

    def toggle_run(self) -> int:
        """Run the vCPU for the first time, or take that back; the errno of KVM_RUN, 0 when it ran or was taken back.

        Taking it back builds the VM anew and makes the accepted writes again, which is what a user would have to do.
        """
        if self.ran:
            kept = self.kept
            self.vm, self.ran = self._build(), False
            for one in kept:
                if one.value is not None:
                    self.vcpu.set_one_reg(one.id, one.value)
            return 0
        error = self.vm.run(0)
        self.ran = error == 0
        return error
