"""What the write model answers for a register that a text says was refused, on the kernel it names or on all."""

from __future__ import annotations

import errno
import re
from functools import cache
from itertools import groupby
from typing import NamedTuple

from inspector.checks.explain.text import Pasted
from inspector.errors import InspectorError
from inspector.kvm.host import from_raw
from inspector.kvm.vm import Vm
from inspector.kvm.words.explaining import explain_write
from inspector.policies.loader import load_policy, policy_names
from inspector.policies.model import Policy
from inspector.policies.release import choose
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_BITMAP, CLASS_FIRMWARE, CLASS_SYSREG, size_of, split_id
from inspector.registers.ids import CTR_EL0, ID_SPACE

_FULL = VcpuSetup(features=int(Feature.PSCI | Feature.PMU))
_PLAIN = VcpuSetup()
_FIELD_BY_FIELD = frozenset((*ID_SPACE, CTR_EL0))
"""Registers whose fields have reasons of their own."""


class _Answer(NamedTuple):
    errno: int
    reason: str


def model_sentence(reg_id: int, wanted: int | None, error: str, kernel: Policy | None) -> str:
    """What KVM's model says of such a write; empty where the reasons of the single fields say it."""
    parts = split_id(reg_id)
    if parts.cls not in (CLASS_SYSREG, CLASS_FIRMWARE, CLASS_BITMAP) or reg_id in _FIELD_BY_FIELD:
        return ""
    if kernel is not None:
        return f"On Linux {kernel.name} the model of KVM says: {_words(_ask(reg_id, wanted, kernel), error)}."
    told = [(series, _ask(reg_id, wanted, load_policy(name))) for series, name in _series()]
    spans = []
    for answer, members in groupby(told, key=lambda pair: pair[1]):
        names = [series for series, _ in members]
        span = f"Linux {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
        spans.append(f"{span}: {_words(answer, error)}")
    if len(spans) > 4:
        return ""
    return f"The model of KVM says: {'; '.join(spans)}."


def _words(answer: _Answer, error: str) -> str:
    if answer.errno == errno.ENOENT:
        return "the register is not listed (ENOENT)" if "not known" not in answer.reason else answer.reason.rstrip(".")
    if answer.errno:
        return answer.reason.rstrip(".")
    said = answer.reason.rstrip(".")
    if error and error not in ("0", ""):
        return f"accepted ({said}), so {error} has another cause: size, order, or the time in the vCPU's life"
    return said


def _ask(reg_id: int, wanted: int | None, policy: Policy) -> _Answer:
    vm = Vm(from_raw({}), policy, _FULL)
    vcpu = (vm if not vm.init_errno else Vm(from_raw({}), policy, _PLAIN)).vcpu(0)
    number, present = vcpu.get_one_reg(reg_id)
    if number:
        verdict = explain_write(vcpu, reg_id, wanted or 0)
        return _Answer(verdict.errno, _general(verdict.reason, reg_id) if verdict.errno else verdict.reason)
    value = wanted if wanted is not None else (present or 0) ^ (1 << size_of(reg_id) * 8) - 1
    verdict = explain_write(vcpu, reg_id, value & (1 << size_of(reg_id) * 8) - 1)
    return _Answer(verdict.errno, _general(verdict.reason, reg_id))


def _general(reason: str, reg_id: int) -> str:
    return reason.removeprefix(f"{by_id(reg_id).name} is ")


@cache
def _series() -> tuple[tuple[str, str], ...]:
    """Each mainline series with its newest modelled point."""
    newest: dict[str, str] = {}
    for name in policy_names():
        if re.fullmatch(r"\d+\.\d+\.\d+", name):
            newest[".".join(name.split(".")[:2])] = name
    return tuple(newest.items())


_RELEASES = (
    re.compile(r"Linuxversion(?P<release>\d\.\d{1,2}\.\d{1,3}[\w.+~-]{0,60}?)\("),
    re.compile(
        r"(?:destination|host|dest)(?:'s)?(?:kernel)?(?:is|=|:)*(?:Linux)?"
        r"(?P<release>\d\.\d{1,2}\.\d{1,3}(?:-[\w.+~-]{0,40}?)?)(?=$|[^\w.+~-])", re.IGNORECASE),
)  # fmt: skip


def kernel_in(pasted: Pasted) -> Policy | None:
    """The policy of the one kernel release that the text states as the host's; None where it states none or several."""
    found = {match["release"] for pattern in _RELEASES for match in pattern.finditer(pasted.squeezed)}
    if len(found) != 1:
        return None
    try:
        return choose(found.pop()).policy
    except InspectorError:
        return None
