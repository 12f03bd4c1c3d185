"""One restore, asked with what a user gives: sides, kernel and features by name.

`library` offers it beside its other questions, which share how sides and kernels are named here. It stands by itself so
that `migrate` loads what a restore needs, and not what explains a log or compares a fleet.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from inspector import sources
from inspector.checks.machine.destination import SAME_HOST, SameHost, source_vcpus
from inspector.checks.machine.machine import asked_setup
from inspector.checks.restore import migration
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.table import restoring_vmm
from inspector.policies.model import Policy
from inspector.policies.release import Choice, choose
from inspector.policies.setup import Gic, VcpuSetup
from inspector.sources.dump import Dump, View
from inspector.sources.vcpu_setup import setup_of

if TYPE_CHECKING:
    from inspector.checks.repair.fix import FixResult

Source: TypeAlias = Dump | str | PathLike[str]
Kernel: TypeAlias = str | Policy | Choice


def load(source: str | PathLike[str], declared: View | None = None, snapshot: str = "") -> Dump:
    """Read a dump: a path, `-` for standard input, `builtin:NAME`, or a live address (`live:`, `ssh://HOST` ...).

    `declared`: whose values a text holds, for texts that do not say it (`--as`). `snapshot`: name or ID of an internal
    snapshot of a qcow2 image; by default the last one with VM state.
    """
    return sources.load(fspath(source), declared, snapshot)


def migrate(
    source: Source,
    destination: Source,
    kernel: Kernel | None = None,
    vmm: str = "",
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
    *,
    ways_out: bool = True,
    behind: Dump | None = None,
) -> MigrationReport:
    """Would the saved VM `source` load there, and if not, why and what would help?

    `destination`: a dump of a fresh vCPU, of a host's raw registers, or `same-host` (the source's own machine under
    `kernel`). `kernel`, `features`, `gic`, `host`, `assume`: of the destination; see `machine`. `vmm`: whose restore
    rule, by default as the source's format suggests. `ways_out=False` leaves the search for remedies out. `behind`: the
    dump that shows the machine of `same-host`, where `source` was changed since it was read.
    """
    asked = restore_of(source, destination, kernel, vmm, features, gic)
    report = migration.migrate(
        asked.saved, asked.target, asked.policy, vmm, asked.setup, host, assume, candidates=asked.candidates,
        ways_out=ways_out, behind=behind,
    )  # fmt: skip
    return report if asked.note is None else msgspec.structs.replace(report, kernel_note=asked.note)


def fix(
    source: Source,
    destination: Source,
    out: str | PathLike[str],
    kernel: Kernel | None = None,
    vmm: str = "",
    features: str | VcpuSetup | None = None,
    gic: Gic | None = None,
    host: str = "",
    assume: Literal["core"] | None = None,
    *,
    dry_run: bool = False,
) -> FixResult:
    """Write `out`: a copy of the saved VM in which only what `destination` refuses is replaced. See `migrate`.

    Nothing is written when nothing is refused, nor with `dry_run`; nothing is ever overwritten.
    """
    from inspector.checks.repair import fix as repair  # what writes files: `migrate` does without

    asked = restore_of(source, destination, kernel, vmm, features, gic)
    result = repair.fix(
        asked.saved, asked.target, fspath(out), asked.policy, vmm, asked.setup, host, assume, asked.candidates,
        dry_run=dry_run,
    )  # fmt: skip
    return msgspec.structs.replace(result, notes=(*result.notes, asked.note)) if asked.note else result


class Restore(NamedTuple):
    """A restore as the rooms below take it, made of what a user names."""

    saved: Dump
    target: Dump | SameHost
    policy: Policy | None
    setup: VcpuSetup | None
    candidates: tuple[Policy, ...]
    note: str | None
    """how sure the choice of the kernel is; None where no kernel was chosen by name"""


def restore_of(
    source: Source,
    destination: Source,
    kernel: Kernel | None,
    vmm: str,
    features: str | VcpuSetup | None,
    gic: Gic | None,
) -> Restore:
    """The restore that somebody asks for. Raises InspectorError for a name that stands for nothing."""
    saved, choice = dump_of(source), choice_of(kernel)
    setup = setup_for(saved, vmm, features, gic)
    note = choice.text if isinstance(choice, Choice) else None
    return Restore(saved, side_of(destination), policy_of(choice), setup, candidates_of(choice), note)


def dump_of(source: Source) -> Dump:
    """The dump that is given, or the one that a name stands for."""
    return source if isinstance(source, Dump) else load(source)


def side_of(destination: Source) -> Dump | SameHost:
    """A destination: a dump, or `same-host`."""
    return SAME_HOST if destination == SAME_HOST else dump_of(destination)


def choice_of(kernel: Kernel | None) -> Choice | Policy | None:
    """The kernel that is given, or the one that a name stands for, with how sure that is."""
    return choose(kernel) if isinstance(kernel, str) else kernel


def policy_of(kernel: Choice | Policy | None) -> Policy | None:
    """Its policy."""
    return kernel.policy if isinstance(kernel, Choice) else kernel


def candidates_of(kernel: Choice | Policy | None) -> tuple[Policy, ...]:
    """Every policy that it may be, where there are several."""
    return kernel.candidates if isinstance(kernel, Choice) else ()


def setup_for(saved: Dump, vmm: str, features: str | VcpuSetup | None, gic: Gic | None) -> VcpuSetup | None:
    """How the destination's vCPU is created, where that is given."""
    if features is None and gic is None:
        return None
    family = restoring_vmm(saved.provenance, vmm).family
    return asked_setup(features, gic, setup_of(source_vcpus(saved)[0][0], family))
