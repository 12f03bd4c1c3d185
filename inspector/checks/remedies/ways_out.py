"""What makes a failing restore work: only remedies that are true for the VMM and the kernel at hand, best first.

A way out is offered when the model, asked again with it applied, fails in fewer registers or no longer (trial.py). None
takes out what a running guest needs of its own state (vmms/needed.py).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.checks.machine.destination import Destination
from inspector.checks.remedies.kernel_ranges import kernels_that_load, patches_that_help
from inspector.checks.remedies.options import option_ways
from inspector.checks.remedies.replacements import replaceable_format, replacement_of
from inspector.checks.remedies.risks import faults, lacking, of_the_cpu, risk_of
from inspector.checks.remedies.templates import template_ways
from inspector.checks.remedies.trial import Candidate, Outcome, Trial, proved
from inspector.checks.restore.result import Finding, MigrationReport, WayOut
from inspector.checks.restore.summary import distinct, verdict_of
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.needed import needed
from inspector.checks.vmms.table import find_vmm, restoring_vmm
from inspector.numbers import count_of, few_of
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import feature_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_DEMUX, POISON, hex_id, split_id
from inspector.registers.ids import CLIDR_EL1, MIDR_EL1, PSCI_VERSION, REVIDR_EL1
from inspector.sources.consistency import identifies
from inspector.sources.dump import Cpu, Dump, Vcpu

_NEWEST_QEMU = find_vmm("qemu-11.1")
_RANK = {
    "vcpu-option": 0,
    "machine": 1,
    "vmm": 2,
    "pinning": 3,
    "kernel": 4,
    "file": 5,
    "remove-regs": 6,
    "patch": 7,
    "template": 8,
    "host": 9,
}


def find_ways_out(
    report: MigrationReport, source: Dump, vcpus: Sequence[Vcpu], target: Destination, rule: Vmm
) -> tuple[WayOut, ...]:
    """Every way out of the failures of `report`, ranked: what keeps the running guest and settles everything first.

    Each was tried on the model; one that does not make the restore better is not among them.
    """
    if rule.cannot_read(source.provenance.tool.raw):
        return (_reading_vmm(source),)
    fatal = report.fatal
    if not fatal:
        return ()
    kinds = tuple(vcpus) if target.unlike else distinct(vcpus)
    before = Trial(kinds, target, rule)
    case = _Case(report, source, before, fatal)
    outcome = Outcome(verdict_of(rule, report.vcpus), frozenset(f.id for f in fatal))
    ways = proved([*option_ways(fatal, before), *case.candidates()], outcome)
    ways += [*kernels_that_load(kinds, target, rule, fatal), *patches_that_help(kinds, target, rule, fatal)]
    ways += proved(template_ways(fatal, source, before), outcome)
    whole = [way for way in ways if way.settles_all and way.keeps_guest]
    if whole:
        ways = [way for way in ways if way.settles_all or way.kind != "kernel"]
    if all(way.kind in ("kernel", "patch") for way in whole):
        ways += [way for way in proved(case.together(ways), outcome) if way.settles_all]
    if case.other_processor or not whole:
        ways.append(case.start_anew())
    return tuple(sorted(ways, key=case.rank))


def _reading_vmm(source: Dump) -> WayOut:
    """A version of the program that reads the file; what its registers then meet is another question."""
    own = restoring_vmm(source.provenance)
    return WayOut(
        kind="vmm",
        title=f"restore with the version of {own.family.capitalize()} that wrote the file",
        how=(f"vcpu-inspector migrate ... --vmm {own.name} says what becomes of the registers then",),
    )


class _Case:
    """One failing restore."""

    def __init__(self, report: MigrationReport, source: Dump, trial: Trial, fatal: Sequence[Finding]) -> None:
        self.report, self.source, self.trial = report, source, trial
        self.target, self.rule = trial.target, trial.rule
        self.unknown = [f for f in fatal if f.kind == "only_in_source"]
        self.refused = [f for f in fatal if f.kind == "refused"]
        self.unknown_ids = tuple(dict.fromkeys(f.id for f in self.unknown))
        self.groups = group_by_feature(self.unknown_ids)
        self.removable = [f for f in fatal if not needed(f.id, f.value)]

    def candidates(self) -> list[Candidate]:
        """What this VMM's user can do, not proved yet."""
        return [*self.vmm_ways(), *self.psci_version(), *self.pinning(), *self.edited_file(), *self.removed_registers()]

    @property
    def other_processor(self) -> bool:
        """True when the destination refuses the source's MIDR_EL1."""
        return any(f.id == MIDR_EL1 for f in self.refused)

    def rank(self, way: WayOut) -> tuple[bool, bool, int]:
        """Order of the ways out. Values of another processor, written into the file, are the last resort."""
        if self.other_processor and way.kind in ("file", "remove-regs"):
            return True, not way.settles_all, len(_RANK)
        return not way.keeps_guest, not way.settles_all, _RANK[way.kind]

    def together(self, ways: Sequence[WayOut]) -> list[Candidate]:
        """Two ways that settle the failure only together: one for the ids, one for the values."""
        lists = next((w for w in ways if w.kind in ("vmm", "machine") and w.keeps_guest), None)
        values = next((w for w in ways if w.kind == "file"), None)
        if lists is None or values is None or self.other_processor:
            return []
        way = WayOut(
            kind="machine",
            title=f"two things together: {lists.title}, and {values.title.partition(';')[0]}",
            how=(*lists.how, *values.how),
            notices="; ".join(text for text in (lists.notices, values.notices) if text),
            ids=(*lists.ids, *values.ids),
        )
        return [Candidate(way, self.trial.replacing(self._replacements()).dropping(lists.ids, _NEWEST_QEMU))]

    # What a newer QEMU, or one that is built so, lets through.

    def vmm_ways(self) -> list[Candidate]:
        """QEMU 11.1 for what it tolerates, a build of it for the rest; hidden registers for VMs started from now on."""
        if self.rule.family not in ("qemu", "libvirt") or not self.unknown_ids:
            return []
        lost = _lost(self.groups, self.unknown)
        dropped = {f.id for f in self.unknown if _NEWEST_QEMU.tolerates(f.id, f.value)}
        if not self.rule.tolerances and dropped.issuperset(self.unknown_ids):
            title = "QEMU 11.1 or newer on the destination, with -cpu host: it drops these registers by itself"
            way = WayOut(kind="vmm", title=title, notices=lost, ids=self.unknown_ids)
            return [Candidate(way, self.trial.dropping((), _NEWEST_QEMU))]
        harmless = dict.fromkeys(f.id for f in self.unknown if not needed(f.id, f.value))
        ids = [i for i in harmless if i not in dropped]
        if not ids:
            return []
        found = [Candidate(_tolerating(ids, self.unknown_ids, lost), self.trial.dropping(ids, _NEWEST_QEMU))]
        # A feature that the destination's vCPU lacks (PMU, SVE ...) is left out of a VM, never just of what is saved.
        lacking = [g for g in self.groups if g.option and not self.target.setup.includes(feature_of(g.option))]
        if hidden := [i for i in ids if not any(i in group.ids for group in lacking)]:
            way = _hiding(hidden, self.unknown_ids, group_by_feature(hidden))
            found.append(Candidate(way, self.trial.without(hidden)))
        return found

    def psci_version(self) -> list[Candidate]:
        """QEMU's property for VMs started from now on, where the destination refuses the PSCI version."""
        found = [f for f in self.refused if f.id == PSCI_VERSION]
        asked = {(f.vcpu, f.id): replacement_of(f) for f in found}
        values = {key: value for key, value in asked.items() if value is not None}
        if self.rule.family not in ("qemu", "libvirt") or not found or len(values) < len(asked):
            return []
        version = min(values.values())
        way = WayOut(
            kind="machine",
            title="for VMs started from now on: the PSCI version of the older kernel (QEMU 11.1.3 has the property)",
            how=(f"-cpu host,kvm-psci-version={version >> 16}.{version & 0xFFFF}",),
            notices="the guest is started with that version",
            ids=(PSCI_VERSION,),
            keeps_guest=False,
        )
        return [Candidate(way, self.trial.replacing(values))]

    def pinning(self) -> list[Candidate]:
        """Up to v6.2 cache registers have to equal those of the core on which the write happens to run."""
        ids = {f.id for f in self.refused}
        per_core = {i for i in ids if split_id(i).cls == CLASS_DEMUX or i in (CLIDR_EL1, MIDR_EL1, REVIDR_EL1)}
        if not per_core:
            return []
        models = {c.values.get(MIDR_EL1) for c in self._cpus()} | {d.values.get(MIDR_EL1) for d in self.target.unlike}
        models.discard(None)
        caches_only = rulebook(self.target.policy).variant("cache-registers") == "raw" and any(
            split_id(i).cls == CLASS_DEMUX or i == CLIDR_EL1 for i in ids
        )
        same_processor = MIDR_EL1 not in ids or len(models) > 1
        if not (len(models) > 1 or (caches_only and same_processor and ids == per_core)):
            return []
        way = WayOut(
            kind="pinning",
            title="pin the VM to cores of the kind that it was saved on",
            how=(
                "taskset -c CORES qemu-system-aarch64 ...",
                "libvirt: <vcpu cpuset='CORES'> and <cputune><emulatorpin cpuset='CORES'/></cputune>",
            ),
            notices="nothing; without pinning, the result depends on which core handles the write",
            ids=tuple(sorted(per_core)),
        )
        # On such a core these registers have the saved values: their writes pass.
        return [Candidate(way, self.trial.without(per_core))]

    def _cpus(self) -> tuple[Cpu, ...]:
        return self.target.cpus or self.source.cpus

    def _replacements(self) -> dict[tuple[int, int], int]:
        """(vCPU, register id) -> the value that a copy would hold."""
        changes = {(f.vcpu, f.id): replacement_of(f) for f in self.refused}
        return {key: value for key, value in changes.items() if value is not None}

    def edited_file(self) -> list[Candidate]:
        """What `fix` can do with this source."""
        if not self.refused or not replaceable_format(self.source):
            return []
        changes = [(f, replacement_of(f)) for f in self.refused]
        if any(new is None for _, new in changes):
            return []
        risks: dict[str, list[str]] = {}
        missing: list[str] = []
        for finding, new in changes:
            old, name = finding.value or 0, by_id(finding.id).name
            lacks = lacking(finding.id, old, new or 0, of_the_cpu(self.target.host, finding.id))
            missing += [f"{name}.{field}" for field in lacks]
            if risk := risk_of(finding.id, old, new or 0, lacks):
                risks.setdefault(risk, []).append(name)
        # A guest of 64 bits reads the AArch32 registers for its 32-bit programs only.
        missing.sort(key=lambda field: not field.startswith("ID_AA64"))
        told = [faults(tuple(dict.fromkeys(missing)))] if missing else []
        told += [f"{', '.join(dict.fromkeys(names))}: {risk}" for risk, names in risks.items()]
        more = f"; {len(told) - 4} more" if len(told) > 4 else ""
        rest = (
            f"; {len(self.unknown_ids)} saved registers that the destination lacks remain" if self.unknown_ids else ""
        )
        count = len({f.id for f in self.refused})
        way = WayOut(
            kind="file",
            title=f"a copy of the saved VM with {count_of(count, 'register value')} replaced{rest}",
            how=(self._fix_command(),),
            notices="; ".join(told[:4]) + more,
            ids=tuple(dict.fromkeys(f.id for f in self.refused)),
        )
        return [Candidate(way, self.trial.replacing(self._replacements()))]

    def _fix_command(self) -> str:
        where = self.target.provenance
        words = [self.source.provenance.source, where.source or "same-host"]
        if not where.kernel or self.target.kernel_asked:
            words += ["--kernel", self.target.policy.name]
        return f"vcpu-inspector fix {shlex.join([*words, '--vmm', self.rule.name])} -o NEWFILE"

    def removed_registers(self) -> list[Candidate]:
        """Firecracker writes what the file has; what is taken out keeps the destination's value.

        Only what a running guest can do without: never its own state (X, SP, PC, V, timers, control registers).
        """
        ids = tuple(dict.fromkeys(f.id for f in self.removable))
        if self.rule.family != "firecracker" or not ids:
            return []
        gone = [f for f in self.removable if f.kind == "only_in_source"]
        refused = list(dict.fromkeys(by_id(f.id).name for f in self.removable if f.kind == "refused"))
        notices = _lost(group_by_feature(dict.fromkeys(f.id for f in gone)), gone) if gone else ""
        if refused:
            notices += (
                f"{'; ' if notices else ''}{few_of(refused, 4)}: the guest continues with the destination's values"
            )
        way = WayOut(
            kind="remove-regs",
            title="take the registers out of the snapshot: the destination then keeps its own values",
            how=(
                "snapshot-editor edit-vmstate remove-regs --vmstate-path VMSTATE --output-path NEW_VMSTATE \\",
                "    " + " ".join(hex_id(i) for i in ids),
            ),
            notices=notices,
            ids=ids,
        )
        return [Candidate(way, self.trial.without(ids))]

    def start_anew(self) -> WayOut:
        """What always works."""
        same = MIDR_EL1 not in {f.id for f in self.refused}
        title = (
            "shut the guest down and start it again on the destination"
            if same
            else "restore on a host with the source's processor, or start the guest again on the destination"
        )
        return WayOut(
            kind="host",
            title=title,
            notices="a reboot: the guest then sees the destination's registers from the start",
            ids=tuple(dict.fromkeys(f.id for f in (*self.unknown, *self.refused))),
            settles_all=True,
            keeps_guest=False,
        )


def _tolerating(ids: Sequence[int], all_ids: tuple[int, ...], lost: str) -> WayOut:
    """QEMU drops what its tolerances name; which these are is compiled in."""
    lines = [f"arm_register_cpreg_mig_tolerance(cpu, {hex_id(i)}, 0, 0, ToleranceNotOnBothEnds);" for i in ids]
    return WayOut(
        kind="machine",
        title="a QEMU for the destination that is built to find these registers missing: 11.1 has no option for it",
        how=(
            "in kvm_arm_set_cpreg_mig_tolerances(), a line for each (QEMU 11.1 and newer):",
            *lines[:12],
            *([f"... {len(lines) - 12} more"] if len(lines) > 12 else []),
            "or, in a build with the properties that were proposed in Nov 2025 (11.1.3 has them not):",
            f"-global arm-cpu.x-mig-safe-missing-regs={','.join(map(hex_id, ids))}",
        ),
        notices=lost,
        ids=all_ids,
    )


def _hiding(ids: Sequence[int], all_ids: tuple[int, ...], groups: Sequence[FeatureGroup]) -> WayOut:
    told = [
        f"{group.feature}: {group.harmless or 'nothing'}"
        if group.harmless or all(map(identifies, group.ids))
        else f"{group.feature}: a guest that stores anything there loses it with every move"
        for group in groups
    ]
    return WayOut(
        kind="machine",
        title="for VMs started from now on: hide these registers on the newer host, so that none is saved",
        how=(
            "in a build with the properties that were proposed in Nov 2025 (11.1.3 has them not):",
            f"-global arm-cpu.x-mig-hidden-regs={','.join(map(hex_id, ids))}",
        ),
        notices="; ".join(told),
        ids=all_ids,
        keeps_guest=False,
    )


def _lost(groups: Sequence[FeatureGroup], unknown: Sequence[Finding]) -> str:
    """What the guest loses when the registers of these groups are dropped."""
    used = {f.id for f in unknown if f.value not in (0, POISON)}
    told = []
    for group in groups:
        text = group.harmless or "what the guest stored there is lost"
        if not used.intersection(group.ids):
            text = "nothing, every saved value is zero or was never initialised"
        told.append(f"{group.feature}: {text}")
    return "; ".join(told)
