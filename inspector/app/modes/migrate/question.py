"""The question that the Migrate screen asks: which saved VM, restored where, under which kernel, by which VMM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from inspector.asking import fix, migrate
from inspector.checks.compat.matrix import CompatMatrix, compat_matrix
from inspector.checks.machine.destination import SAME_HOST
from inspector.checks.machine.machine import asked_setup
from inspector.checks.machine.source_kernel import first_vcpu, own_kernel
from inspector.checks.restore.migration import migrate_all_kernels
from inspector.checks.restore.result import KernelMatrix, MigrationReport
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.table import VMM_NAMES, restoring_vmm
from inspector.errors import InspectorError
from inspector.policies.loader import heading, policy_names
from inspector.policies.model import kernel_title
from inspector.policies.series import kept_for_years, numbers_of, series_ends, series_of
from inspector.policies.setup import QEMU_SETUP, Gic
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import setup_of

if TYPE_CHECKING:
    # What repairs knows how to write every format.
    from inspector.checks.repair.fix import FixResult


class Instead(NamedTuple):
    """A value that the restore writes instead of the saved one."""

    vcpu: int
    """the vCPU's own index"""
    id: int
    value: int


class Question(NamedTuple):
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
        """The VMM after the present one, around the end."""
        return VMM_NAMES[(VMM_NAMES.index(self.rule.name) + 1) % len(VMM_NAMES)]


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
    recorded = {series_of(name) for name in policy_names() if heading(name).recorded}
    likely = [name for series, name in newer.items() if series in recorded]
    longest = sorted(likely, key=lambda name: -int(name.rpartition(".")[2]))
    return next(iter((*filter(kept_for_years, likely), *longest)), policy_names()[-1])


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
            question = question._replace(source=written, read=read if changed else None, writes=count)
        if there is not None and name == there.provenance.source:
            question = question._replace(destination=read)
    return question


def swapped(question: Question) -> Question:
    """Source and destination exchanged. Raises InspectorError where the other side is no saved VM."""
    if question.destination is None:
        raise InspectorError("source and destination are the same machine: choose another destination first (d)")
    if not restorable(question.destination):
        raise InspectorError("the destination holds no vCPU that could be restored")
    back = Question(question.destination, question.source, vmm=question.vmm)
    return back if own_kernel(question.source).asked else back._replace(kernel=newer_kernel(back.source))


def ask(question: Question, *, ways_out: bool = True) -> MigrationReport:
    """The answer, with every value. Raises InspectorError when the question has none."""
    target = question.destination or SAME_HOST
    return migrate(question.restored, target, *_asked(question), ways_out=ways_out, behind=question.behind)


def _asked(question: Question) -> tuple[str | None, str, str | None, Gic | None, str]:
    """Kernel, VMM, features, interrupt controller and inputs of the host, as the library takes them."""
    return question.kernel or None, question.rule.name, question.features or None, None, question.host


def ask_all_kernels(question: Question) -> KernelMatrix:
    """One row per kernel, with every value: where can the source go?"""
    saved, rule = first_vcpu(question.source), question.rule
    own = setup_of(saved, rule.family) if saved is not None else QEMU_SETUP
    setup = asked_setup(question.features or None, None, own)
    return migrate_all_kernels(question.restored, rule.name, setup, host=question.host, behind=question.behind)


def ask_pairs(question: Question) -> CompatMatrix:
    """Source kernel by destination kernel, on the host of the source."""
    return compat_matrix(question.read or question.source, (), question.rule.name, question.features or None)


def write_fixed(question: Question, out: str) -> FixResult:
    """Write a copy that the destination accepts to the new file `out`. Raises InspectorError."""
    if question.behind is not None:
        where = short_name(question.source)
        raise InspectorError(
            "holds none of the simulated writes, so no copy is made", where, "take them back first (u)"
        )
    return fix(question.source, question.destination or SAME_HOST, out, *_asked(question))


def short_name(dump: Dump) -> str:
    """A dump's name for headers and list lines: without folder and `builtin:`."""
    name = dump.provenance.source
    return name if "://" in name else name.rsplit("/", 1)[-1].removeprefix("builtin:") or name


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
    from inspector.registers.ids import MIDR_EL1
    from inspector.registers.reading import read

    values = [vcpu.values[MIDR_EL1] for vcpu in dump.vcpus if MIDR_EL1 in vcpu.values]
    if not values:
        return ""
    fields = {field.name: field for field in read(MIDR_EL1, values[0]).fields}
    part = fields["PartNum"].short if "PartNum" in fields else ""
    return f"{part or 'unknown part'} r{values[0] >> 20 & 0xF}p{values[0] & 0xF}"
