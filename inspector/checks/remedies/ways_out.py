"""What makes a failing restore work: only remedies that are true for the VMM and the kernel at hand, best first.

A way out is offered when the model, asked again with it applied, no longer fails there (options, kernels, patches), or
when it removes the failing register from the restore (properties, remove-regs, an edited file).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from inspector.checks.feature_groups import FeatureGroup, group_by_feature
from inspector.checks.machine.destination import Destination
from inspector.checks.remedies.kernel_ranges import kernels_that_load, patches_that_help
from inspector.checks.remedies.options import option_ways
from inspector.checks.remedies.replacements import replaceable_format, replacement_of
from inspector.checks.remedies.risks import risk_of
from inspector.checks.remedies.templates import template_ways
from inspector.checks.restore.result import Finding, MigrationReport, WayOut
from inspector.checks.restore.summary import distinct
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.qemu import SPARE_IDS
from inspector.policies.rulebook import rulebook
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_DEMUX, POISON, hex_id, split_id
from inspector.registers.ids import CLIDR_EL1, MIDR_EL1, PIR_EL1, PIRE0_EL1, REVIDR_EL1, TCR2_EL1
from inspector.sources.dump import Cpu, Dump, Vcpu

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
    """Every way out of the failures of `report`, ranked: what keeps the running guest and settles everything first."""
    fatal = report.fatal
    if not fatal:
        return ()
    case = _Case(report, source, vcpus, target, rule, fatal)
    kinds = distinct(vcpus)
    ways = [
        *option_ways(fatal, vcpus[0], target, rule),
        *case.vmm_ways(),
        *case.pinning(),
        *kernels_that_load(kinds, target, rule, fatal),
        *case.edited_file(),
        *case.removed_registers(),
        *patches_that_help(kinds, target, rule, fatal),
        *template_ways(fatal, source, vcpus[0], rule),
    ]
    whole = [way for way in ways if way.settles_all and way.keeps_guest]
    if whole:
        ways = [way for way in ways if way.settles_all or way.kind != "kernel"]
    if all(way.kind in ("kernel", "patch") for way in whole):
        ways += case.together(ways)
    if case.other_processor or not whole:
        ways.append(case.start_anew())
    return tuple(sorted(ways, key=case.rank))


class _Case:
    """One failing restore."""

    def __init__(
        self,
        report: MigrationReport,
        source: Dump,
        vcpus: Sequence[Vcpu],
        target: Destination,
        rule: Vmm,
        fatal: Sequence[Finding],
    ) -> None:
        self.report, self.source, self.vcpus, self.target, self.rule = report, source, vcpus, target, rule
        self.unknown = [f for f in fatal if f.kind == "only_in_source"]
        self.refused = [f for f in fatal if f.kind == "refused"]
        self.unknown_ids = tuple(dict.fromkeys(f.id for f in self.unknown))
        self.groups = group_by_feature(self.unknown_ids)
        result = report.vcpus[0]
        self.surplus = result.source_count - result.destination_count

    @property
    def other_processor(self) -> bool:
        """True when the destination refuses the source's MIDR_EL1."""
        return any(f.id == MIDR_EL1 for f in self.refused)

    def rank(self, way: WayOut) -> tuple[bool, bool, int]:
        """Order of the ways out. Values of another processor, written into the file, are the last resort."""
        if self.other_processor and way.kind in ("file", "remove-regs"):
            return True, not way.settles_all, len(_RANK)
        return not way.keeps_guest, not way.settles_all, _RANK[way.kind]

    def together(self, ways: Sequence[WayOut]) -> list[WayOut]:
        """Two ways that settle the failure only together: one for the ids, one for the values."""
        lists = next((w for w in ways if w.kind in ("vmm", "machine") and w.keeps_guest), None)
        values = next((w for w in ways if w.kind == "file"), None)
        if lists is None or values is None or self.other_processor:
            return []
        return [
            WayOut(
                kind="machine",
                title=f"two things together: {lists.title}, and {values.title.partition(';')[0]}",
                how=(*lists.how, *values.how),
                notices="; ".join(text for text in (lists.notices, values.notices) if text),
                ids=(*lists.ids, *values.ids),
                settles_all=True,
            )
        ]

    # What a newer QEMU, or its properties, let through.

    def vmm_ways(self) -> list[WayOut]:
        if self.rule.family != "qemu" or not self.unknown_ids or self.surplus > SPARE_IDS:
            return []
        known = {TCR2_EL1, PIRE0_EL1, PIR_EL1}
        ways = []
        if self.rule.name != "qemu-11.1" and known.issuperset(self.unknown_ids):
            ways.append(
                WayOut(
                    kind="vmm",
                    title="QEMU 11.1 or newer on the destination drops these registers by itself",
                    notices=_lost(self.groups, self.unknown),
                    ids=self.unknown_ids,
                    settles_all=not self.refused,
                )
            )
            return ways
        ids = [i for i in self.unknown_ids if i not in known]
        newer = "" if self.rule.name == "qemu-11.1" else " (QEMU 11 or newer on the destination)"
        ways.append(
            WayOut(
                kind="machine",
                title=f"allow QEMU to find these registers missing{newer}",
                how=(
                    f"-global arm-cpu.x-mig-safe-missing-regs={','.join(map(hex_id, ids))}",
                    "older machine types set this property themselves: then give their ids as well",
                ),
                notices=_lost(self.groups, self.unknown),
                ids=self.unknown_ids,
                settles_all=not self.refused,
            )
        )
        ways.append(
            WayOut(
                kind="machine",
                title="for VMs started from now on: hide these registers on the newer host, so that none is saved",
                how=(f"-global arm-cpu.x-mig-hidden-regs={','.join(map(hex_id, ids))}",),
                notices="nothing: the guest itself does not see which registers QEMU saves",
                ids=self.unknown_ids,
                settles_all=not self.refused,
                keeps_guest=False,
            )
        )
        return ways

    def pinning(self) -> list[WayOut]:
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
        return [
            WayOut(
                kind="pinning",
                title="pin the VM to cores of the kind that it was saved on",
                how=(
                    "taskset -c CORES qemu-system-aarch64 ...",
                    "libvirt: <vcpu cpuset='CORES'> and <cputune><emulatorpin cpuset='CORES'/></cputune>",
                ),
                notices="nothing; without pinning, the result depends on which core handles the write",
                ids=tuple(sorted(per_core)),
                settles_all=ids == per_core and not self.unknown,
            )
        ]

    def _cpus(self) -> tuple[Cpu, ...]:
        return self.target.cpus or self.source.cpus

    def edited_file(self) -> list[WayOut]:
        """What `fix` can do with this source."""
        if not self.refused or not replaceable_format(self.source):
            return []
        changes = [(f, replacement_of(f)) for f in self.refused]
        if any(new is None for _, new in changes):
            return []
        risks: dict[str, list[str]] = {}
        for finding, new in changes:
            risk = risk_of(finding.id, finding.value or 0, new or 0)
            risks.setdefault(risk, []).append(by_id(finding.id).name)
        told = [f"{', '.join(dict.fromkeys(names))}: {risk}" for risk, names in risks.items()]
        more = f"; {len(told) - 4} more" if len(told) > 4 else ""
        rest = (
            f"; {len(self.unknown_ids)} saved registers that the destination lacks remain" if self.unknown_ids else ""
        )
        count = len({f.id for f in self.refused})
        return [
            WayOut(
                kind="file",
                title=f"a copy of the saved VM with {count} register value{'s' * (count != 1)} replaced{rest}",
                how=(self._fix_command(),),
                notices="; ".join(told[:4]) + more,
                ids=tuple(dict.fromkeys(f.id for f in self.refused)),
                settles_all=not self.unknown_ids,
            )
        ]

    def _fix_command(self) -> str:
        where = self.target.provenance
        words = [self.source.provenance.source, where.source or "same-host"]
        if not where.kernel:
            words += ["--kernel", self.target.policy.name]
        return f"vcpu-inspector fix {shlex.join([*words, '--vmm', self.rule.name])} -o NEWFILE"

    def removed_registers(self) -> list[WayOut]:
        """Firecracker writes what the file has; what is taken out keeps the destination's value."""
        if self.rule.family != "firecracker":
            return []
        ids = tuple(dict.fromkeys(f.id for f in (*self.unknown, *self.refused)))
        notices = _lost(self.groups, self.unknown) if self.groups else ""
        if self.refused:
            names = ", ".join(by_id(f.id).name for f in self.refused[:4])
            more = f" and {len(self.refused) - 4} more" if len(self.refused) > 4 else ""
            notices += f"{'; ' if notices else ''}{names}{more}: the guest continues with the destination's values"
        return [
            WayOut(
                kind="remove-regs",
                title="take the registers out of the snapshot: the destination then keeps its own values",
                how=(
                    "snapshot-editor edit-vmstate remove-regs --vmstate-path VMSTATE --output-path NEW_VMSTATE \\",
                    "    " + " ".join(hex_id(i) for i in ids),
                ),
                notices=notices,
                ids=ids,
                settles_all=True,
            )
        ]

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
