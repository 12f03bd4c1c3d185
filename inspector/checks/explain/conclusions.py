"""What follows from the messages of a text, in sentences: the headline, and the conclusions in order of certainty."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.checks.explain.case import Case, too_long
from inspector.checks.explain.clues import Clue
from inspector.checks.explain.counts import find_fits, sets_of_size
from inspector.checks.explain.fields import hidden_releases
from inspector.checks.explain.reasons import PSTATE_MODE
from inspector.checks.explain.result import ExplainedRegister
from inspector.checks.feature_groups import FeatureGroup
from inspector.checks.history import suspects
from inspector.checks.remedies.risks import risk_of
from inspector.checks.restore.result import MigrationReport
from inspector.checks.vmms.firecracker import FORMATS
from inspector.checks.vmms.table import of_family
from inspector.numbers import count_of, few_of
from inspector.policies.eras import era_of
from inspector.registers.catalog import by_id
from inspector.registers.encoding import CLASS_CORE, CLASS_FIRMWARE, SIZE_U128, firmware_id, split_id
from inspector.registers.ids import CTR_EL0, MIDR_EL1, REVIDR_EL1
from inspector.registers.reading import read
from inspector.sources.vcpu_setup import PSCI_VERSION

_SHOWN = 4


def conclude(case: Case) -> tuple[list[str], str]:
    """The conclusions, and the headline."""
    clues, registers, groups, refused = case.clues, case.registers, case.groups, case.refused
    said: list[str] = []
    if case.simulation is not None:
        said += _simulated(case.simulation)
    said += [group.headline("unknown to the destination") + f": {group.sentence}" for group in groups]
    if case.counts is not None:
        said += _lengths(*case.counts, case.by_kvm, bool(groups))
    if case.restored:
        said += _common_cause(refused) + _direction(refused, groups)
    elif refused:
        said.append(
            "nothing in the text says that a saved vCPU was restored" + (_NO_KVM if not case.refused_by else "")
        )
    said += _own_value(refused)
    said += _risks(refused) if case.restored else []
    program = of_family(case.vmm)
    if case.simulation is None and refused and program is not None and program.stops_at_refusal:
        said.append("this VMM stops at the first refusal: more registers may follow once this one is settled")
    if not refused and not groups and case.counts is None:
        said += _unnumbered(case.by_kvm) if too_long(clues) else _unnamed(case)
    said += _formats(clues) + _parts(clues)
    if not clues:
        said.append("an id or a name alone shows the register; the line with the values would show the field")
        if len(registers) > 1:
            said.append("no line here reports an error; `vcpu-inspector show FILE` opens values of registers as a dump")
    if case.kinds == {"envelope"} and not too_long(clues):
        said.append("this wraps another program's message, which is missing here or none that is known")
    return list(dict.fromkeys(said)), _headline(case)


_NO_KVM = ", nor that KVM was asked: what follows holds where the write was KVM_SET_ONE_REG"


def _headline(case: Case) -> str:
    refused, groups, counts, refused_by = case.refused, case.groups, case.counts, case.refused_by
    parts = []
    if refused:
        verb = "would refuse (simulated)" if refused[0].simulated else "refused"
        told = f"{count_of(len(refused), 'register')}: {_names(refused)}"
        parts.append(f"{refused_by} {verb} {told}" if refused_by else f"a write was refused of {told}")
    if groups:
        ids = sorted(i for g in groups for i in g.ids)
        names = few_of([by_id(i).name for i in ids], _SHOWN)
        parts.append(f"the destination does not list {count_of(len(ids), 'register')} of the source: {names}")
    if counts is not None:
        # What the VMM met first comes first, unless the text itself names registers.
        at = len(parts) if refused and not refused[0].simulated else 0
        difference = counts[0] - counts[1]
        parts.insert(at, f"the source lists {counts[0]} registers, the destination {counts[1]}: {difference} too many")
    if parts:
        return "; ".join(parts)
    if too_long(case.clues):
        return "the source lists more registers than the destination; the line with the two numbers is missing"
    return _other_headline(case)


_NO_CPU = {
    True: "a vCPU of the guest did not start: the host answered with an error",
    False: "a CPU of the host did not start: its firmware answered with an error, and no VM is concerned",
    None: (
        "a CPU did not start: a guest's VMM or KVM, or a host's firmware, answered with an error; the text does not say"
        " whose log it is"
    ),
}
"""By whose kernel says so, where that is known (drivers/firmware/psci/psci.c prints the same lines on both)"""


def _other_headline(case: Case) -> str:
    clues, registers, kinds = case.clues, case.registers, case.kinds
    if case.boot_error is not None:
        return _NO_CPU[case.guest]
    if "create_failed" in kinds:
        return "no vCPU was created with the features that were asked for; no register was written"
    if stage := _stage(clues):
        return f"KVM refused {stage.what}, or does not list it; the text does not name which"
    if "put_failed" in kinds or "load_failed" in kinds:
        return _refused_unnamed(clues, "KVM" if case.by_kvm else "the destination", "put_failed" in kinds)
    if "unreadable" in kinds:
        named = [r for r in registers if r.kind == "unreadable"]
        return (
            f"a register could not be read: {_names(named)}"
            if named
            else "a register could not be read; it is not named"
        )
    if "variation" in kinds:
        return f"CPUs of one machine differ in {_names([r for r in registers if r.kind == 'variation'])}"
    if "format" in kinds:
        return "the snapshot's format version is not the one that this program reads"
    if not clues:
        return f"no known message, but {count_of(len(registers), 'register')} named: {_names(registers)}"
    if kinds <= {"noise", "missing_in_source", "only_in_source"}:
        return "nothing here stops a restore"
    return "the message that names the cause is missing from this text, or is none that is known here"


def _refused_unnamed(clues: Sequence[Clue], who: str, written: bool) -> str:
    """That a register stopped it, as sure as the text is: another part may not have loaded."""
    sure = written or any(c.message.key == _POST_LOAD for c in clues)
    said = f"{who} refused at least one register, or does not list it; the text does not name which"
    return said if sure else f"a vCPU's state was not taken: mostly {said}"


_POST_LOAD = "qemu-post-load"
"""cpu_post_load(), target/arm/machine.c of QEMU, compares the register lists and fails at nothing else; before it, each
part of a vCPU's state can fail to be read, which versions before 10.1 do not say."""


def _names(registers: Sequence[ExplainedRegister]) -> str:
    names = []
    for register in registers:
        fields = ", ".join(f.name for f in [f for f in register.fields if f.cause][:3])
        names.append(f"{register.name} ({fields})" if fields else register.name)
    return few_of(list(dict.fromkeys(names)), _SHOWN)


def _own_value(refused: Sequence[ExplainedRegister]) -> list[str]:
    same = [r for r in refused if r.blames_no_value]
    told = (
        f"{_names(same)}: the value that was refused is the one that the destination shows, which KVM takes back: look"
        " for another cause than the value, such as a write on another kind of CPU or at another moment, or a log with"
        " lines of two attempts"
    )
    return [told] if same else []


def _risks(refused: Sequence[ExplainedRegister]) -> list[str]:
    """What a guest keeps of the source's machine where it gets the destination's value of one of these registers: the
    CPU's identity, a mitigation, cache maintenance that it leaves out."""
    told = []
    for register in refused:
        old, new = register.wanted, register.actual
        if register.id in (MIDR_EL1, REVIDR_EL1) or split_id(register.id).cls == CLASS_FIRMWARE:
            known = register.id != PSCI_VERSION and not register.blames_no_value
        else:
            known = (
                register.id == CTR_EL0 and None not in (old, new) and bool((old or 0) & ~(new or 0) & _NO_MAINTENANCE)
            )
        if known:
            told.append(f"{register.name}, with the destination's value: {risk_of(register.id, old or 0, new or 0)}")
    return told[:_SHOWN]


_NO_MAINTENANCE = 1 << 29 | 1 << 28
"""DIC and IDC of CTR_EL0"""


def _common_cause(refused: Sequence[ExplainedRegister]) -> list[str]:
    """A field that every refused ID register has, hidden by the same release: one cause for all."""
    if len(refused) < 2 or any(r.fields for r in refused):
        return []
    tables = [
        {(s.name, s.change.since): s.change for s in suspects(r.id) if s.change.what == "hidden"} for r in refused
    ]
    common = set.intersection(*(set(t) for t in tables))
    return [
        f"all refused registers have {name}, which KVM hides {tables[0][name, since].since_words}: a stream saved on an"
        f" older kernel is refused in exactly these registers ({tables[0][name, since].reference})"
        for name, since in sorted(common)
    ]


def _direction(refused: Sequence[ExplainedRegister], groups: Sequence[FeatureGroup]) -> list[str]:
    """Which side has the older kernel, where the text shows it."""
    newer_source = [g.feature for g in groups if g.since and g.key not in ("tcr2", "pmmir", "mte", "el2")]
    newer_source += [
        "PSCI version" for r in refused if r.id == firmware_id(0) and (r.wanted or 0) > (r.actual or 0) > 0
    ]
    if newer_source:
        told = ", ".join(dict.fromkeys(newer_source))
        return [f"the destination's kernel is older than the source's: it lacks {told}"]
    if any(r.id == MIDR_EL1 for r in refused):
        return ["the two hosts have different CPUs (MIDR_EL1): most of the other differences follow from that"]
    shown = hidden_releases(refused, at_source=True)
    if shown:
        theirs = f"the destination's {shown[-1].newer}"
        return [f"if both hosts have one CPU model, the source's kernel is {shown[0].older}, {theirs}"]
    lost = hidden_releases(refused, at_source=False)
    if lost:
        return [
            f"if both hosts have one CPU model, the source's kernel is {lost[-1].newer}, the destination's is older"
        ]
    return []


def _simulated(report: MigrationReport) -> list[str]:
    said = [f"simulated with {report.vmm_title} on {report.destination}: {report.headline}"]
    if report.verdict == "loads":
        said.append(
            "these dumps do not show the failure: the failed destination had another kernel, CPU or vCPU options"
        )
    if report.first is not None:
        fields = ", ".join(f.name for f in report.first.fields)
        name = by_id(report.first.id).name + (f" ({fields})" if fields else "")
        said.append(f"first register that stops it: {name}, vCPU {report.first.vcpu}: {report.first.reason}")
    return said


def _lengths(source: int, destination: int, by_kvm: bool, named: bool) -> list[str]:
    """`named`: dumps of both sides show which registers the destination lacks."""
    difference = source - destination
    said = [] if by_kvm else [_EMULATED_COUNTS]
    said.append(
        "only list lengths were compared; a list that is not longer can still hold ids that the destination lacks"
    )
    sets = [] if named else sets_of_size(difference)
    if sets:
        exactly = " or ".join(sets)
        said.insert(0, f"{difference} is exactly the size of: {exactly}")
    fits = [] if named else find_fits(source, destination)
    for fit in fits[:6]:
        said.append(f"the two counts fit: {fit.sentence}")
    if fits:
        said.append("counts do not prove a cause: they only say which ones fit")
    elif not sets and not named:
        said.append(
            f"no single known feature brings {difference} registers, and no modelled pair of kernels has these counts"
        )
    return said


_EMULATED = (
    "nothing in the text shows that KVM runs the guest: a guest that QEMU emulates (TCG) fails with the same lines"
    " where the CPU model (-cpu), its options or the number of vCPUs differ between the two sides"
)
"""write_list_to_cpustate() of QEMU's target/arm/helper.c compares too; L2CTLR holds the number of vCPUs."""
_EMULATED_COUNTS = (
    "nothing in the text shows that KVM runs the guest: where QEMU emulates it (TCG), the counts follow from -cpu, its"
    " options and -machine alone"
)


_NAMED_BY_TCG = re.compile(r"_incoming_stream: system register 0x", re.IGNORECASE)
NOT_KVM = (
    "the form of these names shows that KVM did not run the guest: QEMU 11.1 names a register of KVM by op0 to op2, and"
    " one of its own emulation (TCG) by a number; the two sides differ in -cpu, its options, -machine or -smp, and what"
    " KVM lists plays no part"
)
"""Seen of 11.1.3 under TCG and of 11.1.2 under KVM"""


def is_emulated(clues: Sequence[Clue]) -> bool:
    """Whether the text shows that QEMU emulated the vCPU."""
    return any(_NAMED_BY_TCG.search(c.text) for c in clues)


def _unnumbered(by_kvm: bool) -> list[str]:
    return [*([] if by_kvm else [_EMULATED_COUNTS]), "no value was looked at: QEMU compares the lengths first"]


def _unnamed(case: Case) -> list[str]:
    clues, kinds, vmm, by_kvm = case.clues, case.kinds, case.vmm, case.by_kvm
    said = [] if by_kvm or "load_failed" not in kinds else [_EMULATED]
    errors = {c.error for c in clues if c.error}
    if case.boot_error is not None:
        said += _boot(case.boot_error, case.guest)
    elif "create_failed" in kinds:
        said += [c.message.meaning for c in clues if c.message.kind == "create_failed"]
        program = of_family(vmm)
        said += [program.option_advice] if program is not None and program.option_advice else []
    elif stage := _stage(clues):
        said.append(stage.why)
    elif "Operation not permitted" in errors and vmm not in ("", "qemu"):
        said.append(
            "KVM answers EPERM for SVE registers before the vCPU is finalised, and for the vector lengths after it"
            " (get_sve_reg(), set_sve_vls(), arch/arm64/kvm/guest.c)"
        )
    elif "Operation not permitted" in errors:
        said.append(
            f"up to QEMU 10 this pair of lines means{'' if by_kvm else ' under KVM'}: an id of the stream is unknown to"
            " the destination (all versions), or a"
            " value was refused (7.2); the list is not longer than the destination's"
        )
    elif "put_failed" in kinds:
        said += _put_failed(clues, "load_failed" in kinds, vmm) if case.restored else _started()
    elif "unreadable" in kinds and all(c.id is None or _is_vector(c.id) for c in clues):
        said.append(
            "with SVE the V registers are no longer core registers: reading them there fails with EINVAL"
            " (KVM_REG_ARM64_SVE_VLS has to be written before the vCPU is finalised)"
        )
    elif "load_failed" in kinds:
        said.append(
            "the load was given up, and no line that is known here says why: look some lines further up in the log"
        )
    return said


def _put_failed(clues: Sequence[Clue], loading: bool, vmm: str) -> Iterator[str]:
    """Of a write that failed, where a saved vCPU was or may have been restored."""
    when = "the loaded values were written" if loading else "a vCPU was set up, by a load or at a fresh start"
    yield f"a register write (KVM_SET_ONE_REG) failed while {when}"
    yield (
        "QEMU writes values only when the destination lists every id of the stream, so it is a value that was refused"
        if vmm == "qemu"
        else "either the value was refused, or the destination does not list the register"
    )
    if vmm == "qemu":
        yield (
            "QEMU 10.2 and newer name a refused system register in a line before (`Could not set register`); without"
            " that line they mean a core, vector or SVE register, pending events, or the run state"
            " (kvm_arch_put_registers(), target/arm/kvm.c)"
        )
    if any(" failed (" in c.text for c in clues if c.message.key == "set-one-reg"):
        yield "the program's own word for the register stands in brackets; it is none that is known here"
        return
    yield (
        f"on a host with different CPUs and a kernel before {_caches_since()}, CCSIDR and CLIDR are the usual"
        " ones; between kernel releases it is an ID register"
    )


def _started() -> Iterator[str]:
    """The same of QEMU, where nothing shows that there was a saved one."""
    yield (
        "nothing in the text says that a saved vCPU was restored: QEMU writes registers at a fresh start too, and then"
        " those that KVM gave it a moment before"
    )
    yield (
        "then the usual cause is a host with CPUs of more than one kind (big.LITTLE), on which the vCPU's thread moved"
        f" between the two: before {_caches_since()} KVM takes CCSIDR and CLIDR only of the CPU that it runs on"
    )
    yield "that it starts at some attempts, or with its threads pinned to one kind of CPU, would confirm it"


class _Stage(NamedTuple):
    """What a VMM was writing when KVM refused, where its message says that much."""

    words: str
    what: str
    why: str


_STAGES = (
    _Stage(
        r"PreFinalize|pre-finalize",
        "the SVE vector lengths (KVM_REG_ARM64_SVE_VLS)",
        "KVM takes only lengths that the host has, and every shorter one that it has with them (set_sve_vls(),"
        " arch/arm64/kvm/guest.c): the two hosts' CPUs or their options differ in vector lengths",
    ),
    _Stage(
        r"SetExtendedRegister|set extended register",
        "an SVE register",
        "the destination's vCPU has no SVE, or shorter vectors than the saved one",
    ),
    _Stage(
        r"restore V\d",
        "a vector register (V0 to V31)",
        "on a vCPU with SVE KVM has no V registers (EINVAL): the saved vCPU had no SVE, the destination's has",
    ),
    _Stage(
        r"restore PState",
        "PSTATE",
        PSTATE_MODE,
    ),
    _Stage(
        r"Set(?:Aarch)?CoreRegister|set (?:aarch64 )?core register|restore (?:X\d|SP|PC|PState)",
        "a core register (X, SP, PC, PSTATE, V)",
        "of these KVM refuses V0 to V31 on a vCPU with SVE, and a PSTATE whose mode the vCPU lacks (AArch32, EL2)"
        " (set_core_reg(), arch/arm64/kvm/guest.c)",
    ),
    _Stage(
        r"restore cache info",
        "a cache register (CCSIDR_EL1)",
        "KVM lists other caches there, or does not take these sizes",
    ),
    _Stage(
        r"restore hypervisor specific data",
        "a firmware register (PSCI version, SMCCC workarounds)",
        "the destination's KVM has no such register, an older PSCI, or a mitigation that does less",
    ),
)


def _stage(clues: Sequence[Clue]) -> _Stage | None:
    """The part of a vCPU's state at which the VMM stopped, where its own message shows it."""
    texts = [c.text for c in clues if c.message.kind == "put_failed"]
    return next((one for one in _STAGES for text in texts if re.search(one.words, text, re.IGNORECASE)), None)


def _is_vector(reg_id: int) -> bool:
    """Whether the id is one of V0 to V31, which a vCPU with SVE does not list."""
    return split_id(reg_id).cls == CLASS_CORE and split_id(reg_id).size == SIZE_U128


def _boot(number: int, guest: bool | None) -> list[str]:
    name = errno.errorcode.get(number, "unknown")
    if guest is False:
        return [f"error {number} is {name}, which the kernel makes of the firmware's own answer (PSCI CPU_ON)"]
    if number != errno.EINVAL:
        return [f"error {number} is {name}: not the EINVAL that refused registers give; look at the VMM's own log"]
    return [
        (
            f"error 22 is EINVAL; one known cause{'' if guest else ' in a guest'}: on hosts with different CPUs"
            f" (big.LITTLE) and kernels before {_caches_since()} KVM refuses CCSIDR or CLIDR"
        ),
        "on these kernels both must equal those of the CPU on which the vCPU's thread runs at that moment",
        "that it fails at random and stops with pinning would confirm it",
    ]


def _formats(clues: Sequence[Clue]) -> list[str]:
    said = []
    for clue in clues:
        if clue.message.kind == "format":
            major = int(clue.found.split(".")[0])
            programs = FORMATS[major][1] if major in FORMATS else ""
            said.append(
                f"format {clue.found} is written by Firecracker {programs}: restore with that release"
                if programs
                else f"format {clue.found} is not one that is known here"
            )
    return said


def _parts(clues: Sequence[Clue]) -> list[str]:
    said = []
    for clue in clues:
        if clue.message.key == "libvirt-pvr":
            part = int(clue.found, 16) & 0xFFF
            reading = read(MIDR_EL1, 0x41 << 24 | 0xF << 16 | part << 4)
            name = next((f.meaning for f in reading.fields if f.name.lower().startswith("part")), "")
            said.append(
                f"part {clue.found} of MIDR_EL1 is {name or 'not known here'} if the implementer is Arm; harmless noise"
            )
    return said


def _caches_since() -> str:
    """The release from which KVM makes the cache registers up."""
    return era_of("cache-registers", "fabricated").since
