"""Paste the error: which register and field, why, since which kernel, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from inspector.checks.explain.advice import harmless_only, next_steps, things_to_bring
from inspector.checks.explain.clues import Clue, find_clues, find_mentions
from inspector.checks.explain.conclusions import conclude
from inspector.checks.explain.fields import decode_registers
from inspector.checks.explain.result import ExplainedRegister, Explanation, SeenMessage
from inspector.checks.explain.text import Pasted, read_pasted
from inspector.checks.feature_groups import group_by_feature
from inspector.checks.machine.source_kernel import kernel_of, own_kernel
from inspector.checks.restore.migration import migrate
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.table import of_family
from inspector.errors import InspectorError
from inspector.policies.model import Policy
from inspector.registers import catalog
from inspector.sources.dump import Dump

NOTHING = "nothing here looks like an error of a VM restore, and no register is named"


def explain(
    text: str, source: Dump | None = None, destination: Dump | None = None, kernel: Policy | None = None
) -> Explanation:
    """What `text` (a log, one line, or just ids) says about a failed restore.

    With dumps of the source or destination, values that the text lacks are taken from them; with both, the restore is
    simulated. `kernel` names the destination's kernel where its dump does not. A text without anything to explain is an
    answer too: `recognised` is False then.
    """
    pasted = read_pasted(text)
    clues = find_clues(pasted)
    registers = _merge(clues)
    if not clues:
        registers = _mentioned(pasted)
    if not clues and not registers:
        return Explanation(recognised=False, headline=NOTHING)
    registers = _with_dumps(registers, source, destination)
    vmm, version = _program(clues, pasted)
    simulation, trouble = _simulate(clues, source, destination, kernel, vmm, version)
    if simulation is not None and not any(r.kind in ("refused", "only_in_source") for r in registers):
        registers = [*_simulated(simulation), *registers]
    return _answer(clues, decode_registers(registers), vmm, version, simulation, trouble, (source, destination))


def _answer(
    clues: Sequence[Clue],
    registers: Sequence[ExplainedRegister],
    vmm: str,
    version: str,
    simulation: MigrationReport | None,
    trouble: str,
    dumps: tuple[Dump | None, Dump | None],
) -> Explanation:
    messages = _seen(clues)
    counts = next((c.counts for c in clues if c.counts), None)
    fatal_ids = {c.id for c in clues if c.id is not None and c.message.fatal}
    unknown = {r.id for r in registers if r.kind == "only_in_source" and r.id in fatal_ids}
    if simulation is not None and not unknown:
        unknown = {f.id for f in simulation.of_kind("only_in_source") if f.fatal}
    groups = group_by_feature(unknown)
    named = any(r.kind in ("refused", "only_in_source", "unreadable", "variation") for r in registers)
    kinds = {c.message.kind for c in clues}
    unnamed = bool(kinds & {"put_failed", "load_failed", "boot_failed"})
    have = (dumps[0] is not None, dumps[1] is not None)
    if simulation is not None and simulation.ways_out:
        steps = [f"{way.title}: {'; '.join(way.how)}" if way.how else way.title for way in simulation.ways_out]
    else:
        steps = next_steps(vmm, registers, groups, counts, unnamed, "boot_failed" in kinds)
    bring = things_to_bring(vmm, registers, named, have) if unnamed or counts or named else []
    conclusions, headline = conclude(clues, registers, groups, counts, vmm, simulation)
    return Explanation(
        recognised=True,
        headline=headline,
        vmm=vmm,
        version=version,
        messages=messages,
        registers=tuple(registers),
        groups=tuple(groups),
        missing=tuple(group_by_feature(r.id for r in registers if r.kind == "missing_in_source")),
        counts=counts,
        conclusions=tuple(conclusions),
        next_steps=() if harmless_only(messages) else tuple(dict.fromkeys(steps)),
        bring=(*bring, *([trouble] if trouble else [])),
        simulation=simulation,
    )


def _seen(clues: Iterable[Clue]) -> tuple[SeenMessage, ...]:
    """The distinct messages in the text's order, counted."""
    found: dict[str, SeenMessage] = {}
    for clue in clues:
        have = found.get(clue.text)
        found[clue.text] = SeenMessage(
            text=clue.text,
            vmm=clue.message.vmm,
            versions=clue.message.versions,
            meaning=clue.message.meaning,
            kind=clue.message.kind,
            fatal=clue.message.fatal,
            count=have.count + 1 if have else 1,
        )
    return tuple(found.values())


_RANK = {"refused": 0, "only_in_source": 1, "unreadable": 2, "variation": 3, "missing_in_source": 4}


def _merge(clues: Sequence[Clue]) -> list[ExplainedRegister]:
    """One entry per register, kind and pair of values; a line with values completes one with the id alone."""
    found: dict[tuple[object, ...], ExplainedRegister] = {}
    for clue in clues:
        if clue.id is None:
            continue
        kind = clue.message.kind
        key = _place(found, clue)
        have = found.get(key)
        if have is None:
            register = catalog.by_id(clue.id)
            have = ExplainedRegister(id=clue.id, name=register.name, title=register.title, kind=kind)
        found[key] = msgspec.structs.replace(
            have,
            wanted=clue.wanted if clue.wanted is not None else have.wanted,
            actual=clue.actual if clue.actual is not None else have.actual,
            error=clue.error or have.error,
            cpus=tuple(dict.fromkeys((*have.cpus, *((clue.cpu,) if clue.cpu is not None else ())))),
        )
    return sorted(found.values(), key=lambda r: _RANK.get(r.kind, 9))


def _place(found: Mapping[tuple[object, ...], ExplainedRegister], clue: Clue) -> tuple[object, ...]:
    """The entry that a clue belongs to: same register and kind, and no contradicting values."""
    for key, have in found.items():
        agrees = all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in ((clue.wanted, have.wanted), (clue.actual, have.actual))
        )
        if have.id == clue.id and have.kind == clue.message.kind and agrees:
            return key
    return (clue.id, clue.message.kind, clue.wanted, clue.actual)


def _mentioned(pasted: Pasted) -> list[ExplainedRegister]:
    """Registers that stand in a text without any known message."""
    found = []
    for mention in find_mentions(pasted):
        register = catalog.by_id(mention.id)
        found.append(ExplainedRegister(id=register.id, name=register.name, title=register.title, kind="envelope"))
    return found


def _with_dumps(
    registers: list[ExplainedRegister], source: Dump | None, destination: Dump | None
) -> list[ExplainedRegister]:
    """Values that the text does not hold, from the dumps."""
    return [_with_dump(_with_dump(r, source, "wanted"), destination, "actual") for r in registers]


def _with_dump(register: ExplainedRegister, dump: Dump | None, which: str) -> ExplainedRegister:
    if dump is None or getattr(register, which) is not None or register.kind == "variation":
        return register
    value = next((v.values[register.id] for v in dump.vcpus if register.id in v.values), None)
    if value is None:
        return register
    told = (*register.from_dump, which)
    if which == "wanted":
        return msgspec.structs.replace(register, wanted=value, from_dump=told)
    return msgspec.structs.replace(register, actual=value, from_dump=told)


_VERSION = re.compile(
    r"QEMU(?:emulator)?(?:version)?(\d{1,2}\.\d{1,2}(?:\.\d{1,3})?)|Firecracker-?v?(\d\.\d{1,2}\.\d)", re.IGNORECASE
)


def _program(clues: Sequence[Clue], pasted: Pasted) -> tuple[str, str]:
    """The program whose message decides, and its version: as stated, else as the form of its messages implies."""
    deciding = [c for c in clues if c.message.kind not in ("envelope", "noise")] or list(clues)
    if not deciding:
        return "", ""
    fatal = [c for c in deciding if c.message.fatal] or deciding
    vmm = fatal[0].message.vmm
    stated = _VERSION.search(pasted.squeezed)
    if stated and vmm in ("qemu", "firecracker"):
        return vmm, stated[1] or stated[2]
    narrow = [c.message.versions for c in clues if c.message.vmm == vmm and c.message.versions != "all"]
    return vmm, narrow[0] if narrow else ""


def _simulate(
    clues: Sequence[Clue],
    source: Dump | None,
    destination: Dump | None,
    kernel: Policy | None,
    vmm: str,
    version: str,
) -> tuple[MigrationReport | None, str]:
    """The restore on the given dumps, or why it could not be simulated."""
    if source is None or destination is None:
        return None, ""
    try:
        report = migrate(source, destination, kernel, vmm=_restore_rule(clues, vmm, version))
    except InspectorError as error:
        return None, f"the restore could not be simulated: {error}"
    if kernel is None and kernel_of(destination).policy is None:
        return report, f"the destination's kernel (--kernel K): {' '.join(own_kernel(destination).doubts)}"
    return report, ""


def _simulated(report: MigrationReport) -> list[ExplainedRegister]:
    """The registers that the simulated restore refuses, each once, in the VMM's order."""
    found: dict[int, ExplainedRegister] = {}
    for finding in report.of_kind("refused"):
        register = catalog.by_id(finding.id)
        found.setdefault(
            finding.id,
            ExplainedRegister(
                id=finding.id,
                name=register.name,
                title=register.title,
                kind="refused",
                wanted=finding.value,
                actual=finding.destination,
                error=finding.errno_name,
                simulated=True,
                from_dump=("wanted", "actual"),
            ),
        )
    return list(found.values())


def _restore_rule(clues: Sequence[Clue], vmm: str, version: str) -> str:
    """Name of the restore rule that the text points to; empty when it points to none."""
    stated = [version, *(c.message.versions for c in clues if c.message.vmm == vmm)]
    rules = [rule for text in stated if (rule := of_family(vmm, text.split(" ")[0])) is not None]
    newest = max(rules, key=lambda rule: rule.since) if any(text[:1].isdigit() for text in stated) else of_family(vmm)
    return newest.name if newest is not None and newest.selectable else ""
