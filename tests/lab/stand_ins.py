"""Machines of the lab without machines: each shows the vCPU of a shipped dump, and answers as its kernel's model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from inspector.checks.machine.machine import machine
from inspector.errors import SourceError
from inspector.sources import load
from inspector.sources.dump import Dump
from inspector.sources.live.laboratory import Lab

SHIPPED = {"6.1": "builtin:neoverse-n2-linux-6.1", "6.12": "builtin:neoverse-n2-linux-6.12"}
"""Series that may be asked for -> what a machine of it shows"""


def without_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what a machine of the lab reads and writes."""

    def read(lab: Lab) -> Dump:
        lab._say("booting")
        if lab.stopped.is_set():
            raise SourceError("was stopped", lab.address)
        if lab.kernel not in SHIPPED:
            raise SourceError("cannot be fetched", f"kernel {lab.kernel}")
        dump = load(SHIPPED[lab.kernel])
        about = msgspec.structs.replace(dump.provenance, source=lab.address, format="live")
        return msgspec.structs.replace(dump, provenance=about, host=None, vcpus=dump.vcpus[:1])

    def write(lab: Lab, writes: Sequence[tuple[int, int]]) -> list[tuple[int, int | None, int | None]]:
        vcpu = machine(load(SHIPPED[lab.kernel])).vm().vcpu(0)
        answers = []
        for reg_id, value in writes:
            before = vcpu.get_one_reg(reg_id)[1]
            answers.append((vcpu.set_one_reg(reg_id, value), before, vcpu.get_one_reg(reg_id)[1]))
        return answers

    monkeypatch.setattr(Lab, "read", read)
    monkeypatch.setattr(Lab, "write", write)
