"""What kernels print of system registers: accesses that KVM does not handle, unlike CPUs, undefined instructions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from inspector.checks.explain.evidence import DECISIVE, Insight
from inspector.checks.explain.reasons import OFFERED
from inspector.checks.explain.result import ExplainedRegister
from inspector.checks.explain.text import Pasted
from inspector.checks.feature_groups import OTHER, feature_key, feature_set
from inspector.checks.history import FieldChange, field_history
from inspector.checks.vmms.messages import Kind
from inspector.registers.catalog import by_id
from inspector.registers.encoding import sysreg_id, sysreg_of
from inspector.registers.ids import IDS
from inspector.registers.scanning import scan


class _Promise(NamedTuple):
    """An ID field from whose value on the architecture has a register."""

    register: str
    field: str
    least: int = 1


_PROMISES: tuple[tuple[re.Pattern[str], tuple[_Promise, ...]], ...] = tuple(
    (re.compile(pattern), promises)
    for pattern, promises in (
        # Arm ARM, the registers' own "present only when" lines
        (r"MPAM", (_Promise("ID_AA64PFR0_EL1", "MPAM"), _Promise("ID_AA64PFR1_EL1", "MPAM_frac"))),
        (r"PMMIR_EL1", (_Promise("ID_AA64DFR0_EL1", "PMUVer", 5),)),
        (r"PM(?:S[A-Z]{1,12}R|BLIMITR|BPTR|BSR|BIDR|SIDR)\w{0,20}_EL", (_Promise("ID_AA64DFR0_EL1", "PMSVer"),)),
        (r"PM\w{1,20}_EL[01]", (_Promise("ID_AA64DFR0_EL1", "PMUVer"),)),
        (r"TRB\w{1,20}_EL", (_Promise("ID_AA64DFR0_EL1", "TraceBuffer"),)),
        (r"TRFCR_EL", (_Promise("ID_AA64DFR0_EL1", "TraceFilt"),)),
        (r"TRC\w", (_Promise("ID_AA64DFR0_EL1", "TraceVer"),)),
        (r"BRB\w{1,20}_EL", (_Promise("ID_AA64DFR0_EL1", "BRBE"),)),
        (r"AM(?:CR|CFGR|CGCR|USERENR|CNTEN|EV|CG1)\w{0,20}_EL", (_Promise("ID_AA64PFR0_EL1", "AMU"),)),
        (r"ER[RX]\w{1,20}_EL|DISR_EL|VDISR_EL|VSESR_EL", (_Promise("ID_AA64PFR0_EL1", "RAS"),)),
        (r"LOR\w{1,20}_EL", (_Promise("ID_AA64MMFR1_EL1", "LO"),)),
        (r"ZCR_EL", (_Promise("ID_AA64PFR0_EL1", "SVE"),)),
        (r"SM(?:CR|PRI|IDR|PRIMAP)_EL|TPIDR2_EL0|SVCR", (_Promise("ID_AA64PFR1_EL1", "SME"),)),
        (r"GCS\w{1,20}_EL", (_Promise("ID_AA64PFR1_EL1", "GCS"),)),
        (r"AP[DIG][AB]?Key", (_Promise("ID_AA64ISAR1_EL1", "APA"), _Promise("ID_AA64ISAR1_EL1", "API"))),
        (r"RGSR_EL|GCR_EL|TFSR\w{0,20}_EL|GMID_EL", (_Promise("ID_AA64PFR1_EL1", "MTE"),)),
        (r"PIRE?0?_EL", (_Promise("ID_AA64MMFR3_EL1", "S1PIE"),)),
        (r"POR_EL", (_Promise("ID_AA64MMFR3_EL1", "S1POE"),)),
        (r"TCR2_EL", (_Promise("ID_AA64MMFR3_EL1", "TCRX"),)),
        (r"SCTLR2_EL", (_Promise("ID_AA64MMFR3_EL1", "SCTLRX"),)),
        (r"SCXTNUM_EL", (_Promise("ID_AA64PFR0_EL1", "CSV2", 2),)),
        (r"RNDRR?S?$", (_Promise("ID_AA64ISAR0_EL1", "RNDR"),)),
        (r"ICC_", (_Promise("ID_AA64PFR0_EL1", "GIC"),)),
        (r"CNT(?:PCTSS|VCTSS|POFF)", (_Promise("ID_AA64MMFR0_EL1", "ECV"),)),
        (r"ACCDATA_EL1", (_Promise("ID_AA64ISAR1_EL1", "LS64", 3),)),
    )
)

_ACCESS = re.compile(
    r"\{?Op0\((?P<op0>\d)\),Op1\((?P<op1>\d)\),CRn\((?P<crn>\d{1,2})\),CRm\((?P<crm>\d{1,2})\),Op2\((?P<op2>\d)\),"
    r"func_(?P<way>read|write)",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(r"Unsupportedguest(?P<what>sys_reg|CP1[45])accessat:(?P<pc>[0-9a-f]{4,16})", re.IGNORECASE)
_MOST = 40


def unsupported_accesses(pasted: Pasted) -> Iterator[Insight]:
    """`Unsupported guest sys_reg access at: ...` and its second line, either alone.

    arch/arm64/kvm/sys_regs.c, emulate_sys_reg() and print_sys_reg_msg(): no row of KVM's table handles the register.
    """
    seen: set[tuple[int, str]] = set()
    for found in _ACCESS.finditer(pasted.squeezed):
        code = [int(found[name]) for name in ("op0", "op1", "crn", "crm", "op2")]
        if len(seen) > _MOST or code[2] > 15 or code[3] > 15:
            continue
        reg_id, way = sysreg_id(code[0], code[1], code[2], code[3], code[4]), found["way"].lower()
        if (reg_id, way) not in seen:
            seen.add((reg_id, way))
            yield _unsupported(reg_id, way, pasted.excerpt(found.start(), found.end()), found.start())
    if not seen and (first := _UNSUPPORTED.search(pasted.squeezed)):
        found = first
        which = "system register" if found["what"].lower() == "sys_reg" else f"{found['what']} register (32-bit guest)"
        yield Insight(
            key="unsupported-access",
            program="host",
            step="guest",
            weight=DECISIVE,
            headline=f"a guest accessed a {which} that the host's KVM does not handle; the guest got an undefined"
            " instruction exception",
            says=("the line with Op0 to Op2 that follows it names the register; it is missing here",),
            bring=("the next line of the host's log, with { Op0( ), Op1( ), CRn( ), CRm( ), Op2( ), func_... }",),
            text=pasted.excerpt(found.start(), found.end()),
            at=found.start(),
        )


def _unsupported(reg_id: int, way: str, text: str, at: int) -> Insight:
    register = by_id(reg_id)
    verb = {"read": "read from", "write": "write to"}[way]
    says = [
        (
            f"KVM has no handler for {register.name}, so the guest got an undefined instruction exception (UNDEF)"
            f" at that {way}; this is not a restore failure"
        ),
        *promise_sentences(reg_id),
    ]
    return Insight(
        key="unsupported-access",
        program="host",
        step="guest",
        weight=DECISIVE,
        headline=f"a guest's {verb} {register.name} was not handled by the host's KVM: it got UNDEF",
        says=tuple(says),
        do=_promise_steps(reg_id),
        registers=(_named(reg_id, "unhandled"),),
        text=text,
        at=at,
    )


_HAFNIUM = re.compile(r"Unsupported feature ID register (?P<way>read|write)")


def foreign_accesses(pasted: Pasted) -> Iterator[Insight]:
    """Hafnium's words for the same: inject_el1_unknown_exception() of its aarch64 hypervisor code."""
    for number, line in enumerate(pasted.lines):
        hit = _HAFNIUM.search(line)
        named = next(scan(line), None) if hit else None
        if hit is None or named is None:
            continue
        register = by_id(named.id)
        yield Insight(
            key="hafnium-access",
            program="hafnium",
            step="guest",
            weight=DECISIVE,
            headline=f"a guest's {hit['way']} of {register.name} is not handled by the hypervisor Hafnium",
            says=("this is Hafnium's message, not KVM's; KVM's rules do not apply to it", *promise_sentences(named.id)),
            registers=(_named(named.id, "unhandled"),),
            text=line,
            at=pasted.starts[number],
        )


def _named(reg_id: int, kind: Kind) -> ExplainedRegister:
    register = by_id(reg_id)
    return ExplainedRegister(id=reg_id, name=register.name, title=register.title, kind=kind)


def promises_of(reg_id: int) -> tuple[_Promise, ...]:
    """The ID fields that tell a guest of this register; empty where none does or none is known."""
    name = by_id(reg_id).name
    return next((promises for pattern, promises in _PROMISES if pattern.match(name)), ())


def promise_sentences(reg_id: int) -> tuple[str, ...]:
    """Which ID field promised the register, and from which kernel KVM hides the field or lists the register."""
    said = []
    reg = sysreg_of(reg_id)
    own_use = reg is not None and reg.op0 == 3 and reg.crn in (11, 15)
    promises = () if own_use else promises_of(reg_id)
    for promise in promises:
        value = f">= {promise.least}" if promise.least > 1 else "not 0"
        said.append(f"{promise.register}.{promise.field} {value} promises it to a guest" + _hidden(promise))
    if not promises and reg is not None:
        if own_use:
            said.append("its encoding is IMPLEMENTATION DEFINED: no ID field promises it, and KVM handles none of them")
        elif reg.op0 == 3 and reg.op1 == 0 and reg.crn == 0:
            said.append("it lies in the space of ID registers: the kernel that printed this does not know it")
    group = feature_set(feature_key(reg_id))
    if group is not None and group.key != OTHER and group.since:
        said.append(f"KVM_GET_REG_LIST has the register since Linux {group.since}")
    return tuple(said)


def _span(promise: _Promise) -> tuple[int, int, int] | None:
    register = by_id(IDS[promise.register])
    span = register.schema.span(promise.field) if register.schema else None
    return (register.id, span.msb, span.lsb) if span else None


def _hidden(promise: _Promise) -> str:
    """`; KVM hides that field since Linux 6.13`, or where it limits the field, or nothing."""
    place = _span(promise)
    change = _shaping(place) if place is not None else None
    if place is not None and (shown := _shown_since(place, promise.least)):
        return f"; mainline KVM shows such a value {shown.since_words}, and handles the register from then on"
    if change is None:
        return ""
    if change.what == "capped":
        below = change.value < promise.least
        return f"; KVM shows at most {change.value} there {change.since_words}" + (
            ": too little for it" if below else ""
        )
    return f"; KVM hides that field {change.since_words}"


def _shown_since(place: tuple[int, int, int], least: int) -> FieldChange | None:
    """The first variant of an engine function that offers `least` where earlier ones offered less."""
    variants = [c for c in field_history(*place).changes if c.what in OFFERED]
    first = next((c for c in variants if OFFERED[c.what] >= least), None)
    return first if first is not None and first is not variants[0] else None


def _shaping(place: tuple[int, int, int]) -> FieldChange | None:
    history = field_history(*place)
    changes = [c for c in reversed(history.changes) if c.what in ("hidden", "capped") and not c.conditions]
    return changes[0] if changes else None


def _promise_steps(reg_id: int) -> tuple[str, ...]:
    steps = []
    for promise in promises_of(reg_id)[:1]:
        place = _span(promise)
        change = _shaping(place) if place is not None else None
        if place is not None and (shown := _shown_since(place, promise.least)):
            steps.append(f"run Linux {shown.since} or newer on the host: it handles what it shows")
        if change is not None and change.what == "hidden" and not change.from_start:
            points = f" or a stable point that has it ({', '.join(change.backports)})" if change.backports else ""
            steps.append(f"run Linux {change.since} or newer on the host{points}: guests then no longer see the field")
        steps.append(
            f"show the guest {promise.register}.{promise.field} = {promise.least - 1} where the host's KVM lets a VMM"
            " write that field, or boot the guest without the driver that uses the register"
        )
    return tuple(steps)


_OOPS = re.compile(r"(?:Oops-)?undefinedinstruction:?|undef(?:ined)?instr", re.IGNORECASE)
_CODE = re.compile(r"Code:(?:[0-9a-f]{8}|\?{8}|[*]{8}){0,8}\((?P<word>[0-9a-f]{8})\)", re.IGNORECASE)


def undefined_instructions(pasted: Pasted) -> Iterator[Insight]:
    """An oops of a kernel at an undefined instruction: the word in parentheses is the instruction."""
    squeezed = pasted.squeezed
    if not _OOPS.search(squeezed):
        return
    seen: set[str] = set()
    for found in _CODE.finditer(squeezed):
        word = found["word"].lower()
        if word in seen or len(seen) > _MOST:
            continue
        seen.add(word)
        yield _oops(word, pasted.excerpt(found.start(), found.end()), found.start(), kernel_of_log(pasted))


def _oops(word: str, text: str, at: int, program: str) -> Insight:
    named = next((found for found in scan(f"({word})") if found.form == "instruction"), None)
    if named is None:
        return Insight(
            key="undefined-instruction",
            program=program,
            step="guest",
            weight=DECISIVE,
            headline=f"a kernel stopped at an undefined instruction, {word}, which is not an MRS or MSR of a register",
            says=("the instruction belongs to a feature that this CPU, or this vCPU, does not have",),
            text=text,
            at=at,
        )
    register = by_id(named.id)
    way = "MRS (read)" if named.access == "read" else "MSR (write)"
    says = [
        f"the instruction word {word} is an {way} of {register.name}; it was undefined where it ran",
        (
            "if this is a guest's log: the host's KVM shows the guest a feature with this register without handling it;"
            " the host's dmesg then has `Unsupported guest sys_reg access`"
        ),
        *promise_sentences(named.id),
    ]
    return Insight(
        key="undefined-instruction",
        program=program,
        step="guest",
        weight=DECISIVE,
        headline=f"a kernel stopped because its {named.access} of {register.name} was undefined",
        says=tuple(says),
        do=_promise_steps(named.id),
        registers=(_named(named.id, "unhandled"),),
        text=text,
        at=at,
        bring=("the host's dmesg of that moment, and `uname -r` of the host",),
    )


_GUEST = re.compile(
    r"hypervisorservicesdetected|smccc:KVM|DMI:(?:QEMU|KVM|Amazon|Google|Alibaba|Firecracker|clouddhypervisor|crosvm)|Hypervisordetected"
    r"|linux,dummy-virt|QEMUVirtualMachine|kvmguest|arm-pv:|QEMU,fw-cfg|Machinemodel:linux,dummy-virt",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"kvm\[\d+\]:(?!HYPmodenotavailable)|VHEmodeinitialized|IPASizeLimit|Hypmodeinitialized", re.IGNORECASE
)
"""What KVM says where it starts; `HYP mode not available` (kvm_arm_init()) a guest's kernel says as well."""


def is_guest(pasted: Pasted) -> bool | None:
    """True for a guest's log, False for a host's, None when the text does not tell."""
    if _GUEST.search(pasted.squeezed):
        return True
    return False if _HOST.search(pasted.squeezed) else None


HOST_OR_GUEST = "a kernel, the host's or a guest's"


def kernel_word(guest: bool | None) -> str:
    """Whose kernel that is: `guest`, `host`, or that this is not known."""
    return {True: "guest", False: "host", None: HOST_OR_GUEST}[guest]


def kernel_of_log(pasted: Pasted) -> str:
    """Whose kernel printed the text, by what stands in it."""
    return kernel_word(is_guest(pasted))


def variation_kind(reg_id: int) -> str:
    """What kind of register a SANITY CHECK line is about: `feature`, `timer`, `cache` or `control`.

    arch/arm64/kernel/cpufeature.c, arm64_ftr_regs[]: the registers that are compared; of these only ID registers and
    CTR_EL0 make what guests and processes are shown.
    """
    name = by_id(reg_id).name
    if name.startswith(("ID_", "MVFR")):
        return "feature"
    if name.startswith("CNTFRQ"):
        return "timer"
    if name in ("CTR_EL0", "DCZID_EL0", "CLIDR_EL1", "CCSIDR_EL1", "GMID_EL1") or name.startswith("CCSIDR"):
        return "cache"
    return "control"


def variation_says(reg_id: int, boot: int | None, other: int | None, guest: bool | None) -> tuple[str, ...]:
    """What a difference between CPUs in this register means."""
    kind, name = variation_kind(reg_id), by_id(reg_id).name
    if kind == "timer":
        said = [
            f"{name} is programmed by firmware on each CPU: "
            + ("it left it 0 on one of them" if 0 in (boot, other) else "it wrote other values on some")
            + "; the firmware has to be mended",
            f"{name} is neither a feature register nor in KVM's list: guests read the hardware's value",
        ]
    elif kind == "feature":
        said = [f"{name}: Linux works with the value that is safe on all CPUs; KVM makes the vCPU's value from that"]
    elif kind == "cache":
        said = [f"{name} describes caches: Linux uses the safe value, and traps the reads of processes where needed"]
    else:
        said = [f"{name} is not a feature register: the difference is in how this CPU was built or set up"]
    if kind not in ("feature", "cache"):
        return tuple(said)
    if guest is not True:
        said.append(
            "on a host: its CPUs are of more than one kind, or firmware set them up differently; a vCPU may"
            " see another value, or fail to start, depending on the CPU that it runs on"
        )
    if guest is not False:
        said.append(
            "in a guest: the VMM gave its vCPUs different ID registers (or KVM reset some of them): compare the vCPUs"
            " of one dump; this is a fault of the VM's set-up, not of the hardware"
        )
    return tuple(said)
