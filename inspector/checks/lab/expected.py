"""What the model expects of a machine of the lab: from the shipped registers of such a CPU, not from its answers."""

from __future__ import annotations

import msgspec

from inspector.checks.machine.machine import Machine, machine
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import KernelQuestion
from inspector.checks.machine.shipped_hosts import hosts
from inspector.errors import InspectorError
from inspector.kvm.host_inputs import with_cmdline
from inspector.sources.dump import Dump
from inspector.sources.vcpu_setup import setup_of


def expected_of(cpu: str, fresh: Dump, question: KernelQuestion) -> Machine | None:
    """The shipped host of a CPU model under the kernel of `fresh`, with a vCPU of the same features.

    None where no such host ships, or where it could not have such a vCPU. Another release of QEMU may emulate the
    model with other ID registers than the shipped one has.
    """
    host, vcpu = hosts().get(cpu), first_vcpu(fresh)
    if host is None or vcpu is None:
        return None
    try:
        cmdline = with_cmdline("", fresh.provenance.cmdline.raw or None)
        return machine(host, msgspec.structs.replace(question, setup=setup_of(vcpu), host=cmdline or question.host))
    except InspectorError:
        return None
