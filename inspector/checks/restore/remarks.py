"""What the saved state as a whole shows, beyond the verdict on each register."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.checks.machine.destination import Destination
from inspector.checks.restore.combinations import impossible
from inspector.checks.restore.result import Remark, VcpuResult
from inspector.checks.vmms.base import Vmm
from inspector.checks.vmms.firecracker import CLIDR_REPLACED
from inspector.checks.vmms.qemu import machine_defaults
from inspector.kvm.gates.pmu_pair import PAIRS
from inspector.policies.eras import era_of
from inspector.policies.rulebook import rulebook
from inspector.registers.catalog import by_id
from inspector.registers.encoding import (
    CLASS_BITMAP,
    CLASS_FIRMWARE,
    CLASS_SVE,
    POISON,
    class_of,
    is_demux,
)
from inspector.registers.ids import (
    AIDR_EL1,
    CLIDR_EL1,
    CNTV_CTL_EL0,
    CNTV_CVAL_EL0,
    CNTVCT_EL0,
    CTR_EL0,
    MIDR_EL1,
    MPIDR_EL1,
    REVIDR_EL1,
    SVE_VLS,
    ZCR_EL1,
)
from inspector.registers.meanings import counted
from inspector.registers.reading import read
from inspector.sources.consistency import identifies, why_unlike
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import PSCI_VERSION


def remark_on(
    dump: Dump, vcpus: Sequence[Vcpu], results: Sequence[VcpuResult], destination: Destination, vmm: Vmm
) -> tuple[Remark, ...]:
    """Everything worth telling about the machine, what fails the load first."""
    found = [*_disagreements(dump, vcpus, destination), *_processors(vcpus, results, destination)]
    for place, (vcpu, result) in enumerate(zip(vcpus, results, strict=True)):
        found += _one_vcpu(vcpu, result, destination.of_vcpu(place), vmm)
    found += _unlike_cores(destination)
    found += [*_same_mpidr(vcpus), *_uncertain(results)]
    found += _machine_type(dump, vmm) + _counter(vcpus, vmm)
    if not dump.kvm and dump.vcpus:
        found.append(_not_kvm(dump))
    rank = {"fails": 0, "changes": 1, "note": 2}
    return tuple(sorted(_merged(found), key=lambda r: rank[r.severity]))


def _merged(found: Iterable[Remark]) -> list[Remark]:
    """Equal remarks of several vCPUs as one."""
    by_text: dict[tuple[str, str], Remark] = {}
    for remark in found:
        key = remark.title, remark.text
        have = by_text.get(key)
        vcpus = (*have.vcpus, *remark.vcpus) if have else remark.vcpus
        by_text[key] = Remark(
            severity=remark.severity,
            title=remark.title,
            text=remark.text,
            ids=remark.ids,
            vcpus=tuple(dict.fromkeys(vcpus)),
        )
    return list(by_text.values())


def _one_vcpu(vcpu: Vcpu, result: VcpuResult, destination: Destination, vmm: Vmm) -> list[Remark]:
    found = [*_psci(vcpu, result), *_timers(vcpu), *_vector_lengths(vcpu, destination, vmm), *_poison(vcpu)]
    found += _pmu_counters(vcpu, result) + _boot_topology(vcpu, destination, vmm)
    found += impossible(vcpu.values, vcpu.index)
    return found


def _must_agree(reg_id: int, destination: Destination) -> str:
    if rulebook(destination.policy).variant("id-registers") == "compare":
        return "each vCPU is written on its own, and KVM compares every value with the host"
    if reg_id == CLIDR_EL1 or is_demux(reg_id):
        return "KVM keeps it per vCPU: the guest continues with vCPUs that differ, and may misjudge caches"
    if _compared(reg_id, destination):
        return "each vCPU is written on its own, and KVM compares every value with what the host has"
    return "KVM keeps one value for the whole VM, so the vCPU that is written last wins for all of them"


def _compared(reg_id: int, destination: Destination) -> bool:
    """Whether KVM compares what is written with the host's own value and keeps none of it."""
    if reg_id in (MIDR_EL1, REVIDR_EL1, AIDR_EL1):
        return not destination.setup.writable_imp_id
    if reg_id == CTR_EL0:
        return rulebook(destination.policy).variant("ctr") != "stored"
    return class_of(reg_id) == CLASS_FIRMWARE and reg_id != PSCI_VERSION


def _disagreements(dump: Dump, vcpus: Sequence[Vcpu], destination: Destination) -> list[Remark]:
    """Identification registers that differ between the vCPUs of one VM."""
    if not dump.one_vm or len(vcpus) < 2:
        return []
    first = vcpus[0].values
    wanted = [i for i in first if identifies(i) or class_of(i) in (CLASS_FIRMWARE, CLASS_BITMAP)]
    found = []
    for reg_id in wanted:
        row = [v.values[reg_id] for v in vcpus if reg_id in v.values]
        if len(set(row)) < 2:
            continue
        values = ", ".join(f"vCPU {v.index}: 0x{v.values[reg_id]:x}" for v in vcpus if reg_id in v.values)
        text = f"{values}. {_must_agree(reg_id, destination)[0].upper()}{_must_agree(reg_id, destination)[1:]}"
        if why := why_unlike(reg_id):
            text += f"; {why}"
        found.append(
            Remark(
                severity="changes",
                title=f"{by_id(reg_id).name} differs between vCPUs",
                text=text,
                ids=(reg_id,),
                vcpus=tuple(v.index for v in vcpus),
            )
        )
    return found


def _processor(value: int) -> str:
    """`Neoverse N2 r0p3 (0x410fd493)`."""
    fields = {f.name: f for f in read(MIDR_EL1, value).fields}
    part = fields.get("PartNum")
    variant, revision = value >> 20 & 0xF, value & 0xF
    return f"{part.short if part and part.short else 'unknown part'} r{variant}p{revision} (0x{value:x})"


def _processors(vcpus: Sequence[Vcpu], results: Sequence[VcpuResult], destination: Destination) -> list[Remark]:
    mine, theirs = (vcpus[0].values.get(MIDR_EL1) if vcpus else None), destination.known_value(MIDR_EL1)
    if mine is None or theirs is None or mine == theirs:
        return []
    refused = any(f.id == MIDR_EL1 and f.kind == "refused" for result in results for f in result.findings)
    if rulebook(destination.policy).variant("implementation-ids") == "invariant":
        law = "that kernel accepts no MIDR_EL1 but the host's own"
    else:
        law = "that kernel accepts another MIDR_EL1 only where the VMM enabled KVM_CAP_ARM_WRITABLE_IMP_ID_REGS"
    return [
        Remark(
            severity="fails" if refused else "changes",
            title="the two hosts have different processors",
            text=f"source {_processor(mine)}, destination {_processor(theirs)}. {law}; the guest chose its errata "
            "workarounds for the processor that it booted on",
            ids=(MIDR_EL1,),
        )
    ]


def _psci(vcpu: Vcpu, result: VcpuResult) -> list[Remark]:
    saved = vcpu.values.get(PSCI_VERSION)
    finding = next((f for f in result.findings if f.id == PSCI_VERSION and f.kind != "missing_in_source"), None)
    if saved is None or finding is None or finding.destination is None or saved == finding.destination:
        return []
    mine, theirs = (f"{v >> 16}.{v & 0xFFFF}" for v in (saved, finding.destination))
    if finding.kind == "refused":
        text = f"the guest was started with PSCI {mine}; the destination offers at most {theirs} and refuses more"
        return [Remark(severity="fails", title="PSCI version", text=text, ids=(PSCI_VERSION,), vcpus=(vcpu.index,))]
    text = f"the guest keeps PSCI {mine}; a VM started again on the destination gets {theirs}"
    return [Remark(severity="note", title="PSCI version", text=text, ids=(PSCI_VERSION,), vcpus=(vcpu.index,))]


def _timers(vcpu: Vcpu) -> list[Remark]:
    count, compare, control = (vcpu.values.get(i) for i in (CNTVCT_EL0, CNTV_CVAL_EL0, CNTV_CTL_EL0))
    if count is None:
        text = "the saved state lacks KVM_REG_ARM_TIMER_CNT: the guest's clock jumps to the destination's"
        return [Remark(severity="changes", title="virtual counter", text=text, ids=(CNTVCT_EL0,), vcpus=(vcpu.index,))]
    if compare is None or control is None or not control & 1 or compare == 0:
        return []
    ahead = compare - count
    if ahead < 1 << 40:
        return []
    text = (
        f"the timer is on and its compare value 0x{compare:x} lies 2^{ahead.bit_length() - 1} ticks after the counter "
        f"0x{count:x}: hours or more. A guest that waits for it hangs; check that the two ids, whose encodings the ABI "
        "swapped, were not exchanged"
    )
    ids = (CNTVCT_EL0, CNTV_CVAL_EL0)
    return [Remark(severity="changes", title="timer that never fires", text=text, ids=ids, vcpus=(vcpu.index,))]


def _counter(vcpus: Sequence[Vcpu], vmm: Vmm) -> list[Remark]:
    """What the VMM makes of the virtual counter that was restored."""
    if not vmm.counter or not any(CNTVCT_EL0 in vcpu.values for vcpu in vcpus):
        return []
    return [Remark(severity="note", title="virtual counter", text=vmm.counter, ids=(CNTVCT_EL0,))]


def lengths_of(vls: int) -> tuple[int, ...]:
    """The SVE vector lengths, in bits, that the 512-bit set KVM_REG_ARM64_SVE_VLS holds."""
    return tuple((n + 1) * 128 for n in range(512) if vls >> n & 1)


def _vector_lengths(vcpu: Vcpu, destination: Destination, vmm: Vmm) -> list[Remark]:
    mine, theirs = vcpu.values.get(SVE_VLS), destination.known_value(SVE_VLS)
    if mine is None:
        return _unsaved_lengths(vcpu, destination, vmm)
    found = []
    ids = list(vcpu.values)
    if vmm.family == "firecracker" and any(class_of(i) == CLASS_SVE for i in ids[: ids.index(SVE_VLS)]):
        text = (
            "KVM_REG_ARM64_SVE_VLS stands behind other SVE registers in the file; Firecracker before 2024 writes it in "
            "that place, after the vCPU is finalised, and KVM answers EPERM"
        )
        found.append(
            Remark(severity="note", title="order of the vector lengths", text=text, ids=(SVE_VLS,), vcpus=(vcpu.index,))
        )
    if theirs is not None and mine != theirs:
        lost = sorted(set(lengths_of(mine)) - set(lengths_of(theirs)))
        text = f"source {_bits(lengths_of(mine))}; destination {_bits(lengths_of(theirs))}"
        if lost:
            text += f". The destination cannot do {_bits(lost)}: the vCPU cannot be created with the source's lengths"
        found.append(
            Remark(
                severity="fails" if lost else "note",
                title="SVE vector lengths",
                text=text,
                ids=(SVE_VLS,),
                vcpus=(vcpu.index,),
            )
        )
    return found


def _bits(lengths: Iterable[int]) -> str:
    return ", ".join(str(n) for n in lengths) + " bits"


def _unsaved_lengths(vcpu: Vcpu, destination: Destination, vmm: Vmm) -> list[Remark]:
    if vmm.family != "qemu" or ZCR_EL1 not in vcpu.values:
        return []
    theirs = destination.known_value(SVE_VLS)
    text = "a QEMU stream does not hold the vector lengths: the sveN options of both command lines must be the same"
    if theirs is not None:
        text += f". The destination offers {_bits(lengths_of(theirs))}"
    return [Remark(severity="note", title="SVE vector lengths", text=text, ids=(ZCR_EL1,), vcpus=(vcpu.index,))]


def _poison(vcpu: Vcpu) -> list[Remark]:
    ids = tuple(i for i, v in vcpu.values.items() if v == POISON)
    if not ids:
        return []
    text = (
        f"{len(ids)} registers hold 0x{POISON:x}, the pattern of a register that KVM never initialised and the guest "
        "never wrote; they are written and kept like any value, and mean nothing"
    )
    return [Remark(severity="note", title="registers that were never used", text=text, ids=ids, vcpus=(vcpu.index,))]


def _machine_type(dump: Dump, vmm: Vmm) -> list[Remark]:
    """What the saved machine type sets of the vCPU: the destination has to be started with the same one."""
    machine = dump.provenance.machine
    told = machine_defaults(machine.raw) if vmm.family in ("qemu", "libvirt") else ()
    if not told:
        return []
    text = f"{machine} {', '.join(told)}: start the destination with the same machine type"
    return [Remark(severity="note", title="machine type", text=text)]


def _boot_topology(vcpu: Vcpu, destination: Destination, vmm: Vmm) -> list[Remark]:
    """Firecracker's own CLIDR_EL1, which no kernel shows by itself."""
    mine, theirs = vcpu.values.get(CLIDR_EL1), destination.known_value(CLIDR_EL1)
    if vmm.family != "firecracker" or mine is None or theirs is None or not (mine ^ theirs) & CLIDR_REPLACED:
        return []
    text = (
        f"saved 0x{mine:x}, destination 0x{theirs:x}: Firecracker 1.14.4, 1.15.1, 1.16 and newer write the host's "
        "sysfs cache topology (cache types and LoC) into it when a VM is started, over what KVM makes up since "
        f"{era_of('cache-registers', 'fabricated').since}; a restore writes the saved value"
    )
    return [Remark(severity="note", title="CLIDR_EL1", text=text, ids=(CLIDR_EL1,), vcpus=(vcpu.index,))]


def _pmu_counters(vcpu: Vcpu, result: VcpuResult) -> list[Remark]:
    """Where a write to CLR acts: SET is written, then CLR with the same value, and what was enabled is off again."""
    clears = {f.id: f for f in result.findings if f.id in {pair.clear for pair in PAIRS} and f.kind == "changed"}
    # A value that a fresh vCPU has as well is a reset pattern: the guest never turned anything on.
    saved = {i: vcpu.values[i] for i in clears}
    lost = [p for p in PAIRS if p.clear in clears and saved[p.clear] not in (0, clears[p.clear].destination)]
    if not lost:
        return []
    ids = (*(pair.set for pair in lost), *(pair.clear for pair in lost))
    text = (
        f"{', '.join(pair.name for pair in lost)}: the SET register is written before the CLR register with the same "
        "bits, and a write to CLR clears them, so the guest finds these counters, interrupts or overflow flags off"
    )
    return [Remark(severity="changes", title="PMU state is lost", text=text, ids=ids, vcpus=(vcpu.index,))]


def _same_mpidr(vcpus: Sequence[Vcpu]) -> list[Remark]:
    seen: dict[int, list[int]] = {}
    for vcpu in vcpus:
        if MPIDR_EL1 in vcpu.values:
            seen.setdefault(vcpu.values[MPIDR_EL1], []).append(vcpu.index)
    return [
        Remark(
            severity="changes",
            title="two vCPUs with one MPIDR_EL1",
            text=f"vCPUs {', '.join(map(str, group))} all have 0x{value:x}: only one of them is ever found",
            ids=(MPIDR_EL1,),
            vcpus=tuple(group),
        )
        for value, group in seen.items()
        if len(group) > 1
    ]


def _unlike_cores(destination: Destination) -> list[Remark]:
    """A destination whose fresh vCPUs were created on different cores."""
    models = dict.fromkeys(d.values[MIDR_EL1] for d in destination.unlike if MIDR_EL1 in d.values)
    if not destination.unlike:
        return []
    names = ", ".join(_processor(model) for model in models)
    text = f"the destination's own vCPUs differ ({names}): cores of different kinds, and each vCPU is compared with "
    text += "the core on which it happens to be restored"
    return [Remark(severity="note", title="different cores", text=text, ids=(MIDR_EL1,))]


def _uncertain(results: Sequence[VcpuResult]) -> list[Remark]:
    """Verdicts that bits of the destination decide which nobody knows."""
    found = {
        f.id: f
        for result in results
        for f in result.findings
        if not f.certain and all(case.about == "host" for case in f.cases)
    }
    if not found:
        return []
    names = ", ".join(by_id(i).name for i in list(found)[:6]) + (
        f" and {len(found) - 6} more" if len(found) > 6 else ""
    )
    text = (
        f"{counted(len(found), 'verdict')} not certain ({names}): what the source's kernel hid of the host decides. A "
        "dump of a fresh vCPU on the destination, or the host's raw registers, would decide them"
    )
    return [Remark(severity="note", title="not certain", text=text, ids=tuple(found))]


def _not_kvm(dump: Dump) -> Remark:
    told = {"tcg": "QEMU's own emulation (TCG) saved it", "hvf": "HVF saved it"}.get(dump.provenance.accelerator)
    text = (
        f"{told or 'the saved state has no register that only KVM lists (CCSIDR, firmware registers)'}: it is judged "
        "here by KVM's rules, because the destination is KVM's or --kernel names one; QEMU's emulation has rules of "
        "its own, which judge two emulated sides without --kernel"
    )
    return Remark(severity="note", title="not saved by KVM", text=text)
