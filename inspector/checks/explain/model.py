"""What the write model answers for a register that a text says was refused, on the kernel it names or on all."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from inspector.checks.explain.text import Pasted
from inspector.checks.machine.question import Given
from inspector.errors import InspectorError
from inspector.kvm.cases import ask_each
from inspector.kvm.host import HostState
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.verdict import Verdict
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.kvm.words.kernels import merge_verdicts
from inspector.policies.loader import load_policy
from inspector.policies.model import Policy
from inspector.policies.release import Choice, choose
from inspector.policies.series import series_ends
from inspector.policies.setup import QEMU_SETUP
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_BITMAP, CLASS_FIRMWARE, CLASS_SYSREG, size_of, split_id
from inspector.registers.ids import CTR_EL0, ID_SPACE

_FIELD_BY_FIELD = frozenset((*ID_SPACE, CTR_EL0))
"""Registers whose fields have reasons of their own."""
_MOST_CASES = 4
_NOBODY = HostState(values={}, known={}, ccsidr_known=False, vgic_known=False)
"""A host of which nothing is known."""


def model_sentence(reg_id: int, wanted: int | None, error: str, given: Given) -> str:
    """What KVM's model says of such a write, without a given kernel of every series; empty where the reasons of the
    single fields say it.

    Raises PolicyError for an input of the host that is not known.
    """
    parts = split_id(reg_id)
    if parts.cls not in (CLASS_SYSREG, CLASS_FIRMWARE, CLASS_BITMAP):
        return ""
    host, choice = with_inputs(_NOBODY, given.host), given.choice
    if reg_id in _FIELD_BY_FIELD and (choice is None or wanted is None):
        return ""
    if choice is not None:
        answer = _ask(reg_id, wanted, host, choice.policy, choice.candidates)
        if reg_id in _FIELD_BY_FIELD and len(answer.cases) > _MOST_CASES:
            return ""
        return f"On Linux {choice.policy.name} the model of KVM says: {_words(answer, error)}."
    told = [(series, _ask(reg_id, wanted, host, load_policy(name))) for series, name in series_ends().items()]
    spans = []
    for answer, members in groupby(told, key=lambda pair: pair[1]):
        names = [series for series, _ in members]
        span = f"Linux {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
        spans.append(f"{span}: {_words(answer, error)}")
    if len(spans) > 4:
        return ""
    return f"The model of KVM says: {'; '.join(spans)}."


class _Answer(NamedTuple):
    errno: int
    reason: str
    depends_on: tuple[str, ...] = ()
    """what an answer depends on that is not certain"""
    cases: tuple[tuple[str, str], ...] = ()
    """(when, outcome) of such an answer"""


def _words(answer: _Answer, error: str) -> str:
    if answer.cases:
        cases = ", ".join(f"{outcome} if {when}" for when, outcome in answer.cases[:_MOST_CASES])
        more = f" and {len(answer.cases) - _MOST_CASES} further cases" if len(answer.cases) > _MOST_CASES else ""
        return f"uncertain, it depends on {' and on '.join(answer.depends_on)}: {cases}{more}"
    if answer.errno == errno.ENOENT:
        return "the register is not listed (ENOENT)" if "not known" not in answer.reason else answer.reason.rstrip(".")
    if answer.errno:
        return answer.reason.rstrip(".")
    said = answer.reason.rstrip(".")
    if error and error not in ("0", ""):
        return f"accepted ({said}), so {error} has another cause: size, order, or the time in the vCPU's life"
    return said


def _ask(
    reg_id: int, wanted: int | None, host: HostState, policy: Policy, candidates: Sequence[Policy] = ()
) -> _Answer:
    verdict = merge_verdicts(ask_each(policy, candidates, lambda one: _verdict(reg_id, wanted, host, one)))
    if not verdict.certain:
        cases = tuple((case.when, case.outcome) for case in verdict.cases)
        return _Answer(verdict.errno, "", verdict.depends_on, cases)
    return _Answer(verdict.errno, _general(verdict.reason, reg_id))


def _verdict(reg_id: int, wanted: int | None, host: HostState, policy: Policy) -> Verdict:
    """The answer of a vCPU with everything that QEMU asks for; a value that is not known differs in every bit."""
    vcpu = Vm(host, policy, QEMU_SETUP).vcpu(0)
    number, present = vcpu.get_one_reg(reg_id)
    if number:
        return explain_write(vcpu, reg_id, wanted or 0)
    bits = (1 << size_of(reg_id) * 8) - 1
    return explain_write(vcpu, reg_id, (wanted if wanted is not None else (present or 0) ^ bits) & bits)


def _general(reason: str, reg_id: int) -> str:
    return reason.removeprefix(f"{by_id(reg_id).name} is ")


_RELEASES = (
    re.compile(r"Linuxversion(?P<release>\d\.\d{1,2}\.\d{1,3}[\w.+~-]{0,60}?)\("),
    re.compile(
        r"(?:destination|host|dest)(?:'s)?(?:kernel)?(?:is|=|:)*(?:Linux)?"
        r"(?P<release>\d\.\d{1,2}\.\d{1,3}(?:-[\w.+~-]{0,40}?)?)(?=$|[^\w.+~-])", re.IGNORECASE),
)  # fmt: skip


def kernel_in(pasted: Pasted) -> Choice | None:
    """The one kernel release that the text states as the host's; None where it states none or several."""
    found = {match["release"] for pattern in _RELEASES for match in pattern.finditer(pasted.squeezed)}
    if len(found) != 1:
        return None
    try:
        return choose(found.pop())
    except InspectorError:
        return None
