"""The question that the Migrate screen asks: which saved VM, restored where, under which kernel, by which VMM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from inspector.app.shell.view import short_name
from inspector.checks.machine.destination import SAME_HOST, SameHost
from inspector.checks.machine.own_vcpu import first_vcpu
from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import own_kernel
from inspector.checks.restore.migration import migrate, migrate_all_kernels, with_ways_out
from inspector.checks.restore.result import KernelMatrix, MigrationReport
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.table import VMM_NAMES, find_vmm, restoring_vmm
from inspector.errors import InspectorError
from inspector.policies.headings import heading
from inspector.policies.points import kernel_title, policy_names
from inspector.policies.series import kept_for_years, numbers_of, series_ends, series_of
from inspector.registers.ids import MIDR_EL1
from inspector.sources.dump import Dump, Vcpu

if TYPE_CHECKING:
    # What repairs knows how to write every format; pairs of kernels are asked for by a key.
    from inspector.checks.compat.matrix import CompatMatrix
    from inspector.checks.repair.fix import FixResult


class Instead(msgspec.Struct, frozen=True):
    """A value that the restore writes instead of the saved one."""

    vcpu: int
    """the vCPU's own index"""
    id: int
    value: int


class Question(msgspec.Struct, frozen=True):
    """One restore to be checked."""

    source: Dump
    destination: Dump | None = None
    """None: the source's own machine, under `kernel`"""
    kernel: str = ""
    """the destination's kernel as the user named it; empty: as its dump says"""
    vmm: str = ""
    """empty: as the source's format suggests"""
    features: str = ""
    """vCPU features of the destination; empty: those of the source, or of the destination's dump"""
    host: str = ""
    """what registers do not show of the destination's host, as `--host` takes it"""
    read: Dump | None = None
    """the source as it was read, where simulated writes changed it: it shows the source's own machine"""
    writes: int = 0
    """how many they are"""
    instead: tuple[Instead, ...] = ()
    """what is written instead of saved values while the restore is stepped"""

    @property
    def target(self) -> Dump | SameHost:
        """What it is restored on."""
        return self.destination or SAME_HOST

    @property
    def restored(self) -> Dump:
        """What the VMM writes: the source, with what is written instead of its values."""
        if not self.instead:
            return self.source
        return msgspec.structs.replace(self.source, vcpus=tuple(_rewritten(v, self.instead) for v in self.source.vcpus))

    @property
    def behind(self) -> Dump | None:
        """The source as it was read, where what is restored is not that."""
        return self.read or (self.source if self.instead else None)

    def saved(self, vcpu: int, reg_id: int) -> int | None:
        """The value that the source holds; None where it holds none, or withholds it."""
        return next((one.values.get(reg_id) for one in self.source.vcpus if one.index == vcpu), None)

    @property
    def written(self) -> frozenset[int]:
        """Registers that are not restored as they were read."""
        if self.behind is None:
            return frozenset()
        pairs = zip(self.restored.vcpus, self.behind.vcpus, strict=True)
        return frozenset(i for now, was in pairs for i in was.ids if now.values.get(i) != was.values.get(i))

    @property
    def rule(self) -> Vmm:
        """The VMM that restores."""
        return restoring_vmm(self.source.provenance, self.vmm)

    @property
    def next_vmm(self) -> str:
        """The VMM after the present one, around the end; the version that wrote the source stands behind its family's
        other one."""
        own = restoring_vmm(self.source.provenance)
        names = list(VMM_NAMES)
        if own.name not in names:
            of_its_family = [at for at, name in enumerate(names) if find_vmm(name).family == own.family]
            names.insert(of_its_family[-1] + 1 if of_its_family else len(names), own.name)
        at = names.index(self.rule.name) if self.rule.name in names else names.index(own.name)
        return names[(at + 1) % len(names)]


def _rewritten(vcpu: Vcpu, instead: Sequence[Instead]) -> Vcpu:
    """A saved vCPU with other values; a register whose value it withheld is known then."""
    mine = {one.id: one.value for one in instead if one.vcpu == vcpu.index}
    return msgspec.structs.replace(
        vcpu,
        values={**vcpu.values, **mine},
        constraints={i: one for i, one in vcpu.constraints.items() if i not in mine},
    )


def restorable(dump: Dump) -> bool:
    """True for a dump that holds a vCPU's values, so that there is something to restore."""
    return first_vcpu(dump) is not None


def first_question(dumps: Sequence[Dump], present: int, vmm: str = "") -> Question | None:
    """What is asked before anything was chosen: the dump on screen, restored on the next one that is loaded.

    With one dump: on its own machine, under the nearest newer series of which a release was recorded. None without a
    vCPU in any dump. `vmm`: whose restore rule; empty: as the source's format suggests.
    """
    order = [*dumps[present:], *dumps[:present]]
    source = next(filter(restorable, order), None)
    if source is None:
        return None
    other = next((one for one in order if one is not source and (restorable(one) or one.host is not None)), None)
    if other is not None:
        lacks_kernel = own_kernel(other).asked is None
        return Question(source, other, newer_kernel(source) if lacks_kernel else "", vmm)
    return Question(source, None, newer_kernel(source), vmm)


def newer_kernel(source: Dump) -> str:
    """The newest known release of the nearest newer series that is kept for years, since hosts move from one of those
    to the next; else of the newer series that had the most stable releases so far, else the newest of all."""
    own = own_kernel(source).policy
    ends = series_ends().items()
    newer = {series: name for series, name in ends if own is None or numbers_of(series) > own.version[:2]}
    # A file is read for each release that is asked about: first those that are likely.
    for wanted in (filter(kept_for_years, newer.values()), sorted(newer.values(), key=_points_less)):
        for name in wanted:
            if any(heading(one).recorded for one in policy_names() if series_of(one) == series_of(name)):
                return name
    return policy_names()[-1]


def _points_less(name: str) -> int:
    """Sort key: the series that had the most stable releases first."""
    return -int(name.rpartition(".")[2])


def grounded(question: Question | None, pairs: Sequence[tuple[Dump, Dump, int]]) -> Question | None:
    """The question with what simulated writes changed: they change the saved VM, never the machine that it goes to.

    `pairs`: the loaded dumps with their writes, as they were read, and how many writes.
    """
    if question is None:
        return None
    source, there = question.source.provenance.source, question.destination
    for written, read, count in pairs:
        name = read.provenance.source
        if name == source:
            changed = written is not read
            question = msgspec.structs.replace(question, source=written, read=read if changed else None, writes=count)
        if there is not None and name == there.provenance.source:
            question = msgspec.structs.replace(question, destination=read)
    return question


def swapped(question: Question) -> Question:
    """Source and destination exchanged. Raises InspectorError where the other side is no saved VM."""
    if question.destination is None:
        raise InspectorError("source and destination are the same machine: choose another destination first (d)")
    if not restorable(question.destination):
        raise InspectorError("the destination holds no vCPU that could be restored")
    back = Question(question.destination, question.source, vmm=question.vmm)
    if own_kernel(question.source).asked:
        return back
    return msgspec.structs.replace(back, kernel=newer_kernel(back.source))


def ask(question: Question) -> MigrationReport:
    """The answer without the ways out, with every value. Raises InspectorError when the question has none."""
    return migrate(question.restored, question.target, _given(question), ways_out=False, behind=question.behind)


def ask_ways_out(question: Question, known: MigrationReport) -> MigrationReport:
    """The answer, which is `known`, with the ways out."""
    return with_ways_out(known, question.restored, question.target, _given(question), behind=question.behind)


def _given(question: Question) -> Given:
    return Given(question.kernel or None, question.rule.name, question.features or None, host=question.host)


def ask_all_kernels(question: Question) -> KernelMatrix:
    """One row per kernel, with every value: where can the source go?"""
    return migrate_all_kernels(question.restored, _given(question), behind=question.behind)


def ask_pairs(question: Question) -> CompatMatrix:
    """Source kernel by destination kernel, on the host of the source."""
    from inspector.checks.compat.matrix import compat_matrix

    given = Given(vmm=question.rule.name, features=question.features or None)
    return compat_matrix(question.read or question.source, (), given)


def write_fixed(question: Question, out: str) -> FixResult:
    """Write a copy that the destination accepts to the new file `out`. Raises InspectorError."""
    if question.behind is not None:
        where = short_name(question.source)
        raise InspectorError(
            "holds none of the simulated writes, so no copy is made", where, "take them back first (u)"
        )
    from inspector.checks.repair.fix import fix

    return fix(question.source, question.target, out, _given(question))


def destination_name(question: Question, report: MigrationReport | None = None, *, short: bool = False) -> str:
    """`same host, Linux 6.12.107`, or the name of the destination's dump with the kernel that was asked for."""
    kernel = question.kernel or (report.kernel if report else "")
    if short:
        return f"same host {kernel}" if question.destination is None else short_name(question.destination)
    kernel = kernel_title(kernel.rsplit("/", 1)[-1])
    name = "same host" if question.destination is None else short_name(question.destination)
    return ", ".join(filter(None, (name, kernel)))


def processor(dump: Dump) -> str:
    """`Neoverse N2 r0p3`, as MIDR_EL1 says; empty where there is none."""
    from inspector.registers.reading import read

    values = [vcpu.values[MIDR_EL1] for vcpu in dump.vcpus if MIDR_EL1 in vcpu.values]
    if not values:
        return ""
    fields = {field.name: field for field in read(MIDR_EL1, values[0]).fields}
    part = fields["PartNum"].short if "PartNum" in fields else ""
    return f"{part or 'unknown part'} r{values[0] >> 20 & 0xF}p{values[0] & 0xF}"
