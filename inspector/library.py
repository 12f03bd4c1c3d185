"""What `import inspector` offers: one function for each question, over the rooms that answer it.

A dump is given as a `Dump` or as what `load` takes; a kernel as what `--kernel` takes, a policy, or a choice. Every
function raises InspectorError, one line, for input that cannot be used; a refusal is an answer and no error.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import Literal

from inspector.asking import (
    Kernel,
    Source,
    candidates_of,
    choice_of,
    dump_of,
    fix,
    load,
    migrate,
    policy_of,
)
from inspector.checks.compare import compare as comparing
from inspector.checks.compare.compare import Comparison
from inspector.checks.compare.sets import Scope
from inspector.checks.explain import explain as explaining
from inspector.checks.explain.result import Explanation
from inspector.checks.features.presence import FeatureState, states_of, wanted_features
from inspector.checks.features.sides import Sides, sides_of
from inspector.checks.features.summary import Summary, summarise
from inspector.checks.machine import machine as machines
from inspector.checks.machine.machine import Machine
from inspector.checks.recordings import verify as recordings
from inspector.checks.recordings.agreement import Agreement
from inspector.checks.repair.fix import FixResult
from inspector.checks.restore.result import MigrationReport
from inspector.checks.writing.bench import bench_of
from inspector.checks.writing.history import FIRST_RUN, steps_of, written
from inspector.errors import InspectorError
from inspector.kvm.exposure import RegisterExposure
from inspector.kvm.verdict import Verdict
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.policies.release import Choice, choose
from inspector.policies.setup import Gic, VcpuSetup
from inspector.registers import catalog
from inspector.registers.reading import Reading, parse_value, read
from inspector.sources.dump import Dump, select_vcpus

__all__ = [
    "Agreement",
    "Choice",
    "Comparison",
    "Dump",
    "Explanation",
    "FeatureState",
    "FixResult",
    "InspectorError",
    "Machine",
    "MigrationReport",
    "Reading",
    "RegisterExposure",
    "Summary",
    "Verdict",
    "compare",
    "decode",
    "explain",
    "expose",
    "features",
    "fix",
    "kernel",
    "load",
    "machine",
    "migrate",
    "summary",
    "try_write",
    "verify",
]


def decode(register: str, value: int | str) -> Reading:
    """The fields of a register's value, reserved bits included; the register spelled in any way that `show` takes."""
    found = catalog.find(register).register
    number = parse_value(found, value if isinstance(value, str) else hex(value))
    return read(found.id, number, include_reserved=True)


def kernel(text: str, version: str = "") -> Choice:
    """The policy for a kernel - a policy's name, a release string, a file - and how sure that is.

    `version`: what `uname -v` printed, where it is not behind the release.
    """
    return choose(text, version)


def machine(
    dump: Source,
    kernel: Kernel | None = None,
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    vcpu: int | str | None = None,
    assume: Literal["core"] | None = None,
) -> Machine:
    """The host behind a dump under a kernel, and how a vCPU is created there; what is unknown of it is in its notes.

    `kernel`: by default the one that the dump names, else the one that its register list fits best. `features`, `gic`:
    by default as the dump's own vCPU was created. `host`: what registers do not show of it, as `--host` takes it.
    `vcpu`: the vCPU that shows host and features, by index or name; by default the first. `assume`: "core" takes
    unknown bits of the host from what its core is known to have.
    """
    given = dump_of(dump)
    chosen = select_vcpus(given, [str(vcpu)]).vcpus[0] if vcpu is not None else None
    return machines.machine(given, kernel, features, gic, host, chosen, assume)


def expose(machine: Machine, *registers: str) -> tuple[RegisterExposure, ...]:
    """What the kernel shows a fresh vCPU of the named registers (default: of all that it lists), field by field.

    Where the kernel may have one of several policies, bits that differ between them are not known.
    """
    wanted = [catalog.find(name).register.id for name in registers]
    return tuple(explain_under_each(machine.exposures, reg_id) for reg_id in wanted or machine.listed)


def try_write(machine: Machine, *writes: str, ran: bool = False) -> tuple[Verdict, ...]:
    """KVM's answers to writes (`REG=VALUE`, `REG.FIELD=VALUE`), made one after another on the vCPU of the dump.

    One text may hold several writes; `run` stands for the first run. `ran`: the vCPU has run before the first write.
    """
    steps = [step for text in writes for step in steps_of(text)]
    entries = written(bench_of(machine), [*([FIRST_RUN] if ran else []), *steps])
    return tuple(one.verdict for one in entries if one.verdict is not None)


def compare(*dumps: Source, scope: Scope = "auto") -> Comparison:
    """How the vCPUs of dumps differ: register lists by feature, values by field. Of one dump, its vCPUs.

    `scope`: `all` compares the guest's own state too.
    """
    return comparing.compare([dump_of(dump) for dump in dumps], scope)


def explain(
    text: str,
    source: Source | None = None,
    destination: Source | None = None,
    kernel: Kernel | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
) -> Explanation:
    """What a pasted error text means; with dumps of both sides the restore is simulated as well.

    `kernel`, `host`, `assume`: of the destination; see `machine`. Raises InspectorError for those that are not known.
    """
    sides = [None if side is None else dump_of(side) for side in (source, destination)]
    choice = choice_of(kernel)
    return explaining.explain(text, sides[0], sides[1], policy_of(choice), candidates_of(choice), host, assume)


def summary(
    dump: Source,
    kernel: Kernel | None = None,
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    vcpu: int | str | None = None,
    assume: Literal["core"] | None = None,
) -> Summary:
    """What a CPU is and what a guest gets of it: lines with host and vCPU, and what is lost between them.

    Without `kernel`, `features`, `gic`, `host` and `assume` the vCPU is the saved one; with one of them, what the
    kernel shows a fresh vCPU. See `machine`.
    """
    return summarise(_sides(dump, kernel, features, gic, host, vcpu, assume))


def features(
    dump: Source,
    *names: str,
    kernel: Kernel | None = None,
    setup: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    vcpu: int | str | None = None,
    assume: Literal["core"] | None = None,
) -> tuple[FeatureState, ...]:
    """Architecture features on host and vCPU: FEAT_ names, HWCAP flags, assembler names (default: every one).

    `setup`: the vCPU's features, as `machine` takes them. Raises InspectorError for a name that is none.
    """
    wanted = wanted_features(names)
    return states_of(_sides(dump, kernel, setup, gic, host, vcpu, assume), wanted)


def _sides(
    dump: Source,
    kernel: Kernel | None,
    features: str | VcpuSetup | None,
    gic: Gic | None,
    host: str,
    vcpu: int | str | None,
    assume: Literal["core"] | None,
) -> Sides:
    given = dump_of(dump)
    chosen = select_vcpus(given, [str(vcpu)]).vcpus[0] if vcpu is not None else None
    return sides_of(given, kernel, features, gic, host, chosen, assume)


def verify(recording: str | PathLike[str], kernel: str = "") -> Agreement:
    """How far the model agrees with a kvm-recording of a real kernel. `kernel`: this policy instead of its own."""
    return recordings.verify(fspath(recording), kernel)
