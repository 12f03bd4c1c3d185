"""What `import inspector` offers: one function for each question, over the rooms that answer it.

A dump is given as a `Dump` or as what `load` takes; a kernel as what `--kernel` takes, a policy, or a choice. Every
function raises InspectorError, one line, for input that cannot be used; a refusal is an answer and no error.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import Literal, TypeAlias

from inspector import sources
from inspector.checks.compare import compare as comparing
from inspector.checks.compare.compare import Comparison
from inspector.checks.compare.sets import Scope
from inspector.checks.explain import explain as explaining
from inspector.checks.explain.result import Explanation
from inspector.checks.features.presence import FeatureState, states_of, wanted_features
from inspector.checks.features.sides import sides_of
from inspector.checks.features.summary import Summary, summarise
from inspector.checks.machine import machine as machines
from inspector.checks.machine.destination import SAME_HOST, SameHost
from inspector.checks.machine.machine import Machine
from inspector.checks.machine.question import Given
from inspector.checks.recordings import verify as recordings
from inspector.checks.recordings.agreement import Agreement
from inspector.checks.repair import fix as repair
from inspector.checks.repair.fix import FixResult
from inspector.checks.restore import migration
from inspector.checks.restore.result import MigrationReport
from inspector.checks.writing.bench import bench_of
from inspector.checks.writing.history import FIRST_RUN, steps_of, written
from inspector.errors import InspectorError
from inspector.kvm.exposure import RegisterExposure
from inspector.kvm.verdict import Verdict
from inspector.policies.model import Policy
from inspector.policies.release import Choice, choose
from inspector.policies.setup import Gic, VcpuSetup
from inspector.registers import catalog
from inspector.registers.reading import Reading, parse_value, read
from inspector.sources.dump import Dump, View, vcpu_named

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

Source: TypeAlias = Dump | str | PathLike[str]
Kernel: TypeAlias = str | Policy | Choice


def load(source: str | PathLike[str], declared: View | None = None, snapshot: str = "") -> Dump:
    """Read a dump: a path, `-` for standard input, `builtin:NAME`, or a live address (`live:`, `ssh://HOST` ...).

    `declared`: whose values a text holds, for texts that do not say it (`--as`). `snapshot`: name or ID of an internal
    snapshot of a qcow2 image; by default the last one with VM state.
    """
    return sources.load(fspath(source), declared, snapshot)


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
    *,
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
    shown = _dump(dump)
    return machines.machine(shown, Given(kernel, "", features, gic, host, assume), vcpu_named(shown, vcpu))


def expose(machine: Machine, *registers: str) -> tuple[RegisterExposure, ...]:
    """What the kernel shows a fresh vCPU of the named registers (default: of all that it lists), field by field.

    Where the kernel may have one of several policies, bits that differ between them are not known.
    """
    return machine.shown(*registers)


def try_write(machine: Machine, *writes: str, ran: bool = False) -> tuple[Verdict, ...]:
    """KVM's answers to writes (`REG=VALUE`, `REG.FIELD=VALUE`), made one after another on the vCPU of the dump.

    One text may hold several writes; `run` stands for the first run. `ran`: the vCPU has run before the first write.
    """
    steps = [step for text in writes for step in steps_of(text)]
    entries = written(bench_of(machine), [*([FIRST_RUN] if ran else []), *steps])
    return tuple(one.verdict for one in entries if one.verdict is not None)


def migrate(
    source: Source,
    destination: Source,
    kernel: Kernel | None = None,
    vmm: str = "",
    *,
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
    ways_out: bool = True,
    behind: Dump | None = None,
) -> MigrationReport:
    """Would the saved VM `source` load there, and if not, why and what would help?

    `destination`: a dump of a fresh vCPU, of a host's raw registers, or `same-host` (the source's own machine under
    `kernel`). `kernel`, `features`, `gic`, `host`, `assume`: of the destination; see `machine`. `vmm`: whose restore
    rule, by default as the source's format suggests. `ways_out=False` leaves the search for remedies out. `behind`: the
    dump that shows the machine of `same-host`, where `source` was changed since it was read.
    """
    given = Given(kernel, vmm, features, gic, host, assume)
    return migration.migrate(_dump(source), _side(destination), given, ways_out=ways_out, behind=behind)


def fix(
    source: Source,
    destination: Source,
    out: str | PathLike[str],
    kernel: Kernel | None = None,
    vmm: str = "",
    *,
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
    dry_run: bool = False,
) -> FixResult:
    """Write `out`: a copy of the saved VM in which only what `destination` refuses is replaced. See `migrate`.

    Nothing is written when nothing is refused, nor with `dry_run`; nothing is ever overwritten.
    """
    given = Given(kernel, vmm, features, gic, host, assume)
    return repair.fix(_dump(source), _side(destination), fspath(out), given, dry_run=dry_run)


def compare(*dumps: Source, scope: Scope = "auto") -> Comparison:
    """How the vCPUs of dumps differ: register lists by feature, values by field. Of one dump, its vCPUs.

    `scope`: `all` compares the guest's own state too.
    """
    return comparing.compare([_dump(dump) for dump in dumps], scope)


def explain(
    text: str,
    source: Source | None = None,
    destination: Source | None = None,
    *,
    kernel: Kernel | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
) -> Explanation:
    """What a pasted error text means; with dumps of both sides the restore is simulated as well.

    `kernel`, `host`, `assume`: of the destination; see `machine`. Raises InspectorError for those that are not known.
    """
    saved, there = (None if side is None else _dump(side) for side in (source, destination))
    return explaining.explain(text, saved, there, Given(kernel, host=host, assume=assume))


def summary(
    dump: Source,
    kernel: Kernel | None = None,
    *,
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
    shown = _dump(dump)
    return summarise(sides_of(shown, Given(kernel, "", features, gic, host, assume), vcpu_named(shown, vcpu)))


def features(
    dump: Source,
    *names: str,
    kernel: Kernel | None = None,
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    vcpu: int | str | None = None,
    assume: Literal["core"] | None = None,
) -> tuple[FeatureState, ...]:
    """Architecture features on host and vCPU: FEAT_ names, HWCAP flags, assembler names (default: every one).

    `kernel`, `features`, `gic`, `host`, `assume`: as in `summary`. Raises InspectorError for a name that is none.
    """
    wanted, shown = wanted_features(names), _dump(dump)
    return states_of(sides_of(shown, Given(kernel, "", features, gic, host, assume), vcpu_named(shown, vcpu)), wanted)


def verify(recording: str | PathLike[str], kernel: str = "") -> Agreement:
    """How far the model agrees with a kvm-recording of a real kernel. `kernel`: this policy instead of its own."""
    return recordings.verify(fspath(recording), kernel)


def _dump(source: Source) -> Dump:
    return source if isinstance(source, Dump) else load(source)


def _side(destination: Source) -> Dump | SameHost:
    return SAME_HOST if destination == SAME_HOST else _dump(destination)
