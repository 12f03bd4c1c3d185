"""What a recording asks: the vCPU configurations, the registers, the values written, and the guest's own program.

The questions are those of the project's reference recordings, so that a fresh recording covers the same ground.
Collector rules: standard library only, Python 3.6 and newer; see programs.py for how the files are joined.
"""

import random
import struct
from typing import Dict, Iterator, List, NamedTuple

# Left out where the texts of these files stand in front of this one.
from inspector.sources.live.collector import E2H0, EL1_32BIT, EL2, PMU, PSCI, PTRAUTH, SVE, qemu_features, sysreg

# Here begins what is kept.
NOWHERE = 0x10000000
"""A guest address without memory: a store there ends KVM_RUN with the stored value in hand."""
OTHER_REGISTERS = (0x808C, 0xC801, 0xC807, 0xD000, 0xD801, 0xDCE0, 0xE000, 0xE005)
"""OSLSR, CLIDR, AIDR, CSSELR, CTR, PMCR, VPIDR, VMPIDR: written besides ID space, CCSIDR and firmware registers."""
ODD_IDS = (
    0x603000000013C007, 0x603000000013C803, 0x6030000000FF0001, 0x602000000011000E, 0x602000000011000F,
    0x6020000000110007, 0x6030000000110000, 0x6020000000110100, 0x603000000013C03F, 0x603000000013C027,
    0x603000000013C800, 0x603000000013C802, 0x4030000000100000, 0x60300000001300FF, 0x602000000013C03A,
    0x203000000013C03A,
)  # fmt: skip
"""Ids that no list holds, of a wrong size, class or architecture, and a few listed ones beside them."""
GUEST_IDS = (
    [sysreg(3, 0, 0, 0, op2) for op2 in (0, 5, 6)]
    + [sysreg(3, 0, 0, crm, op2) for crm in range(1, 8) for op2 in range(8)]
    + [sysreg(3, 1, 0, 0, 1), sysreg(3, 1, 0, 0, 7), sysreg(3, 3, 0, 0, 1), sysreg(3, 3, 0, 0, 7)]
    + [0x6020000000110000 | level for level in range(7)]
)
WALK_LENGTH = 1500


class Config(NamedTuple):
    """One way to make a vCPU."""

    name: str
    features: int
    gic: bool = False
    mte: bool = False
    imp_id: bool = False


CONFIG_NAMES = (
    "minimal", "qemu", "none", "gicv3", "pmu", "sve", "ptrauth", "ptrauth-half", "el1_32bit", "mte", "imp-id", "el2",
    "el2-e2h0",
)  # fmt: skip


def chosen_configs(text: str) -> List[str]:
    """The names in a comma-separated list. Raises ValueError for one that is none of the thirteen."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in CONFIG_NAMES:
            raise ValueError("unknown configuration %r; one of: %s" % (name, ", ".join(CONFIG_NAMES)))
    return names


def configurations(caps: Dict[str, int]) -> List[Config]:
    """The thirteen ways, in the order of the reference recordings."""
    qemu = qemu_features(caps)
    return [
        Config("minimal", PSCI), Config("qemu", qemu, gic=True), Config("none", 0), Config("gicv3", PSCI, gic=True),
        Config("pmu", PSCI | PMU), Config("sve", PSCI | SVE), Config("ptrauth", PSCI | PTRAUTH),
        Config("ptrauth-half", PSCI | 32), Config("el1_32bit", PSCI | EL1_32BIT), Config("mte", PSCI, mte=True),
        Config("imp-id", PSCI, imp_id=True), Config("el2", qemu | EL2, gic=True),
        Config("el2-e2h0", qemu | EL2 | E2H0, gic=True),
    ]  # fmt: skip


def bits_of(number: int) -> int:
    """Width of the register behind an id."""
    return 8 << (number >> 52 & 15)


def asked(number: int) -> bool:
    """True for the registers that are written: ID space, caches, identification, firmware."""
    group, index = number >> 16 & 0xFFF, number & 0xFFFF
    return group in (0x11, 0x14, 0x16) or (group == 0x13 and (0xC000 <= index <= 0xC03F or index in OTHER_REGISTERS))


def field_values(value: int, bits: int, thorough: bool) -> Iterator[int]:
    """One 4-bit field changed at a time (every value, or the outermost and the neighbours), then whole patterns."""
    for shift in range(0, bits, 4):
        now = value >> shift & 15
        others = range(16) if thorough else sorted({0, max(now - 1, 0), min(now + 1, 15), 15})
        for other in others:
            if other != now:
                yield value & ~(15 << shift) | other << shift
    full = (1 << bits) - 1
    for pattern in (0, full, 0x5555555555555555 & full):
        if pattern != value:
            yield pattern


def neighbour_values(value: int, bits: int) -> Iterator[int]:
    """Each 4-bit field one less and one more, wrapping around."""
    for shift in range(0, bits, 4):
        for step in (-1, 1):
            yield value & ~(15 << shift) | ((value >> shift) + step & 15) << shift


def lowered(value: int) -> int:
    """The lowest field that is not zero made one less."""
    shift = next(shift for shift in range(0, 64, 4) if value >> shift & 15)
    return value - (1 << shift)


def wandering(value: int, bits: int, dice: random.Random) -> int:
    """Up to three fields set to zero, to all ones, to a neighbour or at random."""
    for _ in range(dice.randrange(4)):
        shift = 4 * dice.randrange(bits // 4)
        now = value >> shift & 15
        other = dice.choice((0, 15, now - 1 & 15, now + 1 & 15, dice.randrange(16)))
        value = value & ~(15 << shift) | other << shift
    return value


def guest_program(ids: List[int]) -> bytes:
    """A64: read each register (CCSIDR after choosing it in CSSELR) and store it where no memory is."""
    code = [0xD2A00001 | (NOWHERE >> 16) << 5]  # movz x1, #.., lsl #16
    for number in ids:
        if number >> 16 & 0xFFF == 0x11:
            code += [0xD2800000 | (number & 0xFF) << 5, 0xD51A0000, 0xD5033FDF, 0xD5390000]  # csselr, isb, ccsidr
        else:
            code.append(0xD5200000 | (number & 0xFFFF) << 5)  # mrs x0, S..
        code.append(0xF9000020)  # str x0, [x1]
    code.append(0x14000000)  # b .
    return struct.pack("<%dI" % len(code), *code)


ARM_PROGRAM = struct.pack("<3I", 0xE3A01000 | 2 << 8 | NOWHERE >> 28, 0xE5810000, 0xEAFFFFFE)
"""A32: mov r1, #NOWHERE; str r0, [r1]; b ."""
