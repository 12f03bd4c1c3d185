"""What a running guest would notice when one register changes from one value to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.kvm.host import HostState
from inspector.numbers import few_of
from inspector.registers.bits import Partial, ones
from inspector.registers.encoding import CLASS_BITMAP, CLASS_DEMUX, CLASS_FIRMWARE, split_id, sysreg_of
from inspector.registers.ids import AIDR_EL1, CLIDR_EL1, CTR_EL0, MIDR_EL1, REVIDR_EL1
from inspector.registers.reading import FieldReading, read
from inspector.sources.vcpu_setup import PSCI_VERSION

_IDENTITY = frozenset({MIDR_EL1, REVIDR_EL1, AIDR_EL1})
_HIGHER_IS_LESS = frozenset({"SpecSEI"})

_BY_FIELD = {
    "CCIDX": "the layout of CCSIDR_EL1 changes under a guest that read it at boot: a running Linux goes on, and after "
    "a reboot or CPU hotplug it reads the cache sizes in the new layout",
    "PMUVer": "the guest's PMU driver keeps the version that it saw at boot; events that are gone count nothing",
    "PerfMon": "only 32-bit software reads it; events that are gone count nothing",
    "DebugVer": "debuggers in the guest keep the debug architecture that they saw at boot",
    "CopDbg": "only 32-bit debuggers in the guest read it",
    "NV": "only a hypervisor in the guest reads it; KVM never offered nested virtualisation through this field",
    "MPAM": "KVM traps every use of MPAM, so the guest loses nothing that worked",
    "MPAM_frac": "KVM traps every use of MPAM, so the guest loses nothing that worked",
    "GIC": "the guest chose its interrupt controller driver at boot and does not look again",
    "CSV2": "after a reboot the guest chooses other Spectre v2 mitigations",
    "CSV3": "after a reboot the guest chooses other Meltdown mitigations (page-table isolation)",
    "SVE": "SVE instructions of programs that run already fault",
    "ASIDBITS": "a guest that uses 16-bit address space ids confuses two processes when the hardware has 8",
    "PARANGE": "a guest whose page tables point above the new limit faults",
}


def lacking(reg_id: int, old: int, new: int, host: Partial) -> tuple[str, ...]:
    """The fields that go down and of which the destination's CPU itself has less than the guest read.

    `host`: what is known of the register there, before any kernel hides a part of it.
    """
    if sysreg_of(reg_id) is None or reg_id in _IDENTITY or reg_id in (CTR_EL0, CLIDR_EL1):
        return ()
    before, after = ({f.name: f for f in read(reg_id, value).fields} for value in (old, new))
    fields = [name for name in before if name not in _BY_FIELD and name not in _HIGHER_IS_LESS]
    return tuple(name for name in fields if _is_less(before, after, name) and _lacks(before[name], host))


def of_the_cpu(host: HostState | None, reg_id: int) -> Partial:
    """What is known of the register on the CPU itself; nothing where only a kernel showed it."""
    if host is None or host.sanitised:
        return Partial.nothing()
    return Partial(host.value(reg_id), host.known.get(reg_id, 0))


def faults(names: Sequence[str], most: int = 8) -> str:
    """What a guest meets that goes on using what the CPU lacks; at most so many are named."""
    return (
        f"the destination's CPU lacks {few_of(names, most)}: a guest that uses one of these faults, and its "
        "kernel may stop at once"
    )


def risk_of(reg_id: int, old: int, new: int, apart: Sequence[str] = ()) -> str:
    """One sentence: what the guest would notice when `reg_id` reads `new` where it read `old` before.

    `apart`: fields that are told of elsewhere.
    """
    if reg_id in _IDENTITY:
        return (
            "the guest keeps the errata workarounds of the processor that it booted on, and lacks those of the new one"
        )
    if reg_id == PSCI_VERSION:
        return _psci(old, new)
    parts = split_id(reg_id)
    if parts.cls == CLASS_FIRMWARE:
        return "the guest keeps the mitigation that it chose at boot although the destination's firmware differs"
    if parts.cls == CLASS_BITMAP:
        return (
            "hypercalls that the guest found at boot answer NOT_SUPPORTED" if old & ~new else "more hypercalls answer"
        )
    if reg_id == CLIDR_EL1 or parts.cls == CLASS_DEMUX:
        return "only what the guest believes of its caches changes (lscpu, scheduling), and only when it looks again"
    if reg_id == CTR_EL0:
        return _cache_type(old, new)
    if sysreg_of(reg_id) is None:
        return "the register's content changes under the running guest"
    return _fields(reg_id, old, new, apart)


def _psci(old: int, new: int) -> str:
    if new < old:
        return (
            f"the guest asked for the version at boot; calls newer than {new >> 16}.{new & 0xFFFF} answer NOT_SUPPORTED"
        )
    return "the guest asked for the PSCI version at boot and does not use what is newer"


def _cache_type(old: int, new: int) -> str:
    lost = [name for name, bit in (("DIC", 29), ("IDC", 28)) if old >> bit & 1 and not new >> bit & 1]
    if lost:
        return (
            f"{' and '.join(lost)} goes from 1 to 0: a guest that skips cache maintenance since it read 1 at boot may "
            "run stale instructions. Only safe when the hardware does not need it"
        )
    return "the guest continues with the cache line sizes and maintenance rules that it read at boot"


def _fields(reg_id: int, old: int, new: int, apart: Sequence[str]) -> str:
    before = {f.name: f for f in read(reg_id, old).fields}
    after = {f.name: f for f in read(reg_id, new).fields}
    told, lost, gained = [], [], []
    for name in dict.fromkeys([*before, *after]):
        a, b = (side[name].value if name in side else 0 for side in (before, after))
        if a == b or name in apart:
            continue
        if name in _BY_FIELD:
            told.append(f"{name}: {_BY_FIELD[name]}")
        elif _is_less(before, after, name):
            lost.append(name)
        else:
            gained.append(name)
    if lost:
        told.append(
            f"{', '.join(lost)}: the guest read at boot that it has this; where the hardware really lacks it, "
            "instructions that use it fault"
        )
    if gained:
        told.append(f"{', '.join(gained)}: seen only after a reboot of the guest")
    if not told and apart:
        return ""
    return "; ".join(told) or "reserved bits change; nothing is known to read them"


def _lacks(field: FieldReading, host: Partial) -> bool:
    """True where every bit of the host's own field is known, and says less than the guest read."""
    own = host.part(field.msb, field.lsb)
    return own.known == ones(field.msb - field.lsb + 1) and _number(field, own.value) < _number(field, field.value)


def _number(field: FieldReading, value: int) -> int:
    """The field's value as it is compared."""
    sign = 1 << field.msb - field.lsb
    return value - 2 * sign if field.kind == "signed" and value & sign else value


def _is_less(before: Mapping[str, FieldReading], after: Mapping[str, FieldReading], name: str) -> bool:
    field = before.get(name) or after[name]
    a, b = (_number(field, side[name].value if name in side else 0) for side in (before, after))
    return (b > a) if name in _HIGHER_IS_LESS else (b < a)
