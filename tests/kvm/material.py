"""Machines for tests: raw registers of the recorded CPU models, and some made up from what is known of others.

`tests/material/answers` holds parts of recordings of real kernels (QEMU 10.0.2, TCG, EL2); their `host` lines are
read here.
"""

from __future__ import annotations

import json
import lzma
from functools import lru_cache

from inspector.kvm.exposure import Exposure, expose
from inspector.kvm.host import HostState, from_raw
from inspector.kvm.vm import Vm
from inspector.policies.loader import load_policy
from inspector.policies.setup import Feature, VcpuSetup
from inspector.registers.ids import IDS
from tests.material import material

_FILES = {
    "neoverse-n2": "linux-6.1-neoverse-n2", "cortex-a72": "linux-6.17.8-cortex-a72", "max": "linux-7.1-max",
    "max_nested": "linux-6.18-max_nested",
}  # fmt: skip

MINIMAL = VcpuSetup()
PMU = VcpuSetup(features=int(Feature.PSCI | Feature.PMU))
PMU_GIC = VcpuSetup(features=int(Feature.PSCI | Feature.PMU), gic="v3")
GIC = VcpuSetup(gic="v3")
SVE = VcpuSetup(features=int(Feature.PSCI | Feature.SVE))
MTE = VcpuSetup(mte=True)
IMP_ID = VcpuSetup(writable_imp_id=True)
EL2 = VcpuSetup(features=252, gic="v3")
EL2_E2H0 = VcpuSetup(features=508, gic="v3")


@lru_cache(maxsize=8)
def _lines(model: str) -> tuple[dict[str, object], dict[str, int]]:
    host: dict[str, object] = {}
    with lzma.open(material("answers", f"{_FILES[model]}.jsonl.xz"), "rt") as stream:
        for text in stream:
            line = json.loads(text)
            if line["type"] == "host":
                host = line
            if line["type"] == "caps":
                return host, {k: v for k, v in line.items() if k != "type"}
    raise AssertionError(model)


@lru_cache(maxsize=8)
def host(model: str) -> HostState:
    """The raw registers of a recorded CPU model, with the capabilities that its kernel answered."""
    line, caps = _lines(model)
    regs, ccsidr = line["regs"], line["ccsidr"]
    assert isinstance(regs, dict)
    assert isinstance(ccsidr, dict)
    # capabilities are a kernel's answer: a newer one may have more, so they are judged by the registers here
    kept = {k: v for k, v in caps.items() if k in ("el2", "el2_e2h0")}
    return from_raw(
        {int(k, 16): int(v, 16) for k, v in regs.items()}, {int(k): int(v, 16) for k, v in ccsidr.items()}, kept
    )


def made_up(**registers: int) -> HostState:
    """A host with these registers (`MIDR_EL1=...`) and zero elsewhere."""
    values = dict.fromkeys(IDS.values(), 0) | {IDS[name]: value for name, value in registers.items()}
    return from_raw(values, {0: 0x700FE01A, 1: 0x201FE01A})


def a64fx() -> HostState:
    """A 64-bit-only host as far as the facts name it: no AArch32, no CSV2, PMUv3 for v8.1, IDC 0 but not needed."""
    return made_up(
        MIDR_EL1=0x461F0010, ID_AA64PFR0_EL1=0x0000000101111111, ID_AA64DFR0_EL1=0x10305408, CTR_EL0=0x86668006,
        CLIDR_EL1=0x02000023, PMCR_EL0=0x46014000, ID_AA64ISAR0_EL1=0x10211120, ID_AA64MMFR0_EL1=0x1125,
    )  # fmt: skip


def exposure(model: str | HostState, kernel: str, setup: VcpuSetup = MINIMAL) -> Exposure:
    """What a kernel shows of a recorded (or given) machine."""
    return expose(host(model) if isinstance(model, str) else model, load_policy(kernel), setup)


def vm(model: str | HostState, kernel: str, setup: VcpuSetup = MINIMAL, vcpus: int = 1) -> Vm:
    """A VM on a recorded (or given) machine."""
    return Vm(host(model) if isinstance(model, str) else model, load_policy(kernel), setup, vcpus)
