"""Ask this host's KVM everything that our recordings hold, and write one kvm-recording (JSON lines).

Collector rules: standard library only, Python 3.6 and newer, nothing changed on the host, nothing left behind. It builds on
collector.py beside it; `inspector.sources.live.programs.recorder_program()` joins both into one text that runs alone.

The questions are those of the project's reference recordings, so that a fresh recording covers the same ground: thirteen vCPU
configurations; every id of KVM_GET_REG_LIST; what a guest reads at EL1; writes of the same value, of every changed 4-bit
field, of random sequences, before and after the first KVM_RUN; ids outside the list; writable masks. Raw registers need EL2, so
there is no `host` line.
"""

import argparse
import ctypes
import errno
import fcntl
import json
import mmap
import os
import random
import signal
import struct
import sys
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

# Left out where the collector's text stands in front of this one.
from inspector.sources.live.collector import (
    E2H0,
    EL0_IDS,
    EL1_32BIT,
    EL2,
    IDENTIFICATION,
    PMU,
    PSCI,
    PTRAUTH,
    SVE,
    ScratchVm,
    capabilities,
    mrs_per_cpu,
    qemu_features,
    read_text,
    sysreg,
    why,
)

# Here begins what is kept.
KVM_GET_VCPU_MMAP_SIZE, KVM_SET_USER_MEMORY_REGION, KVM_RUN = 0xAE04, 0x4020AE46, 0xAE80
EXIT_MMIO = 6
RUN_SECONDS = 5
"""A guest of a few instructions that has not reached its store by then never will."""
NOWHERE = 0x10000000
"""A guest address without memory: a store there ends KVM_RUN with the stored value in hand."""
MEMORY = 0x10000

OTHER_REGISTERS = (0x808C, 0xC801, 0xC807, 0xD000, 0xD801, 0xDCE0, 0xE000, 0xE005)
"""OSLSR, CLIDR, AIDR, CSSELR, CTR, PMCR, VPIDR, VMPIDR: asked about besides the ID space, CCSIDR and firmware registers."""
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
    return group in (0x11, 0x14, 0x16) or (
        group == 0x13 and (0xC000 <= index <= 0xC03F or index in OTHER_REGISTERS)
    )


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
    """A64: read each register (CCSIDR after choosing it in CSSELR) and store it where no memory is, one after another."""
    code = [0xD2A00001 | (NOWHERE >> 16) << 5]  # movz x1, #.., lsl #16
    for number in ids:
        if number >> 16 & 0xFFF == 0x11:
            code += [0xD2800000 | (number & 0xFF) << 5, 0xD51A0000, 0xD5033FDF, 0xD5390000]  # csselr, isb, ccsidr
        else:
            code.append(0xD5200000 | (number & 0xFFFF) << 5)  # mrs x0, S..
        code.append(0xF9000020)  # str x0, [x1]
    return struct.pack("<%dI" % (len(code) + 1), *(code + [0x14000000]))


ARM_PROGRAM = struct.pack("<3I", 0xE3A01000 | 2 << 8 | NOWHERE >> 28, 0xE5810000, 0xEAFFFFFE)
"""A32: mov r1, #NOWHERE; str r0, [r1]; b ."""


class Guest:
    """A small guest in a scratch VM: memory at 0, where a reset vCPU starts, and its run area."""

    def __init__(self, kvm: int, vm: ScratchVm, program: bytes) -> None:
        self.vcpu = vm.vcpus[0]
        self.memory = mmap.mmap(-1, MEMORY, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # MTE VMs refuse shared memory
        self.memory.write(program)
        here = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        fcntl.ioctl(vm.vm, KVM_SET_USER_MEMORY_REGION, struct.pack("<2I3Q", 0, 0, 0, MEMORY, here))
        self.area = mmap.mmap(self.vcpu, fcntl.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0))

    def run(self) -> Tuple[int, int, int]:
        """(errno, exit reason, value stored) of one KVM_RUN; a run that does not end is broken off with EINTR."""
        previous = signal.signal(signal.SIGALRM, lambda number, frame: None)
        signal.setitimer(signal.ITIMER_REAL, RUN_SECONDS, 1)
        try:
            fcntl.ioctl(self.vcpu, KVM_RUN, 0)
        except OSError as error:
            return error.errno or errno.EIO, 0, 0
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        reason = struct.unpack_from("<I", self.area, 8)[0]
        address, value, size, written = struct.unpack_from("<2QIB", self.area, 32)
        if reason != EXIT_MMIO or address != NOWHERE or not written:
            return 0, reason, 0
        return 0, reason, value & (1 << 8 * size) - 1

    def close(self) -> None:
        """Give the run area back; the memory goes with the VM."""
        self.area.close()


class Recorder:
    """Writes the lines of one recording through `emit`."""

    def __init__(self, kvm: int, emit: Callable[[str], None], seed: int = 1, budget: Optional[int] = None) -> None:
        self.kvm, self.emit, self.budget = kvm, emit, budget
        self.dice = random.Random(seed)

    def line(self, kind: str, **items: Any) -> None:
        """One line; ids and values come as hex text already."""
        self.emit(json.dumps(dict({"type": kind}, **items), separators=(",", ":")))

    def note(self, text: str) -> None:
        """Something that could not be done."""
        self.line("note", text=text)

    def vm(self, config: Config, vcpus: int = 1, gic: Optional[bool] = None) -> ScratchVm:
        """A new VM of a configuration."""
        wanted = config.gic if gic is None else gic
        return ScratchVm(self.kvm, config.features, wanted, config.mte, config.imp_id, vcpus)

    def chosen(self, registers: List[int]) -> List[int]:
        """The registers to write: all of them, or the first `budget`."""
        return registers if self.budget is None else registers[: self.budget]

    def head(self, cpu: str, machine: str) -> Dict[str, int]:
        """The lines about the host; returns its capabilities."""
        name = os.uname()
        self.line("recording", version=1, cpu=cpu, machine=machine, kernel=name.release)
        command = quiet_text("/proc/cmdline").strip()
        self.line("kernel", release=name.release, version=name.version, cmdline=command)
        folder = IDENTIFICATION % 0
        for path in (folder + "/midr_el1", folder + "/revidr_el1", "/proc/cpuinfo"):
            text = quiet_text(path)
            if text:
                self.line("file", path=path, text=text)
        first = min(os.sched_getaffinity(0))
        views, reason = mrs_per_cpu([first])
        if reason:
            self.note("EL0 view: " + reason)
        if views:
            self.line("el0", regs={hex(number): hex(views[first][number]) for number in EL0_IDS})
        caps = capabilities(self.kvm)
        self.line("caps", **caps)
        return caps

    def configuration(self, config: Config) -> None:
        """Everything about one configuration."""
        try:
            vm = self.vm(config)
        except OSError as error:
            self.start(config, error.errno or errno.EIO)
            return
        try:
            self.start(config, 0)
            values = self.read_all(vm)
            if config.name == "none":
                return
            if not config.features & EL1_32BIT:
                self.guest_view(config)
            registers = [number for number in values if asked(number)]
            vm = self.fields(config, vm, self.chosen(registers))
            self.odd(vm)
        finally:
            vm.close()
        self.walk(config, registers)
        self.cross(config, registers)
        self.ran(config, self.chosen(registers))
        self.masks(config)

    def start(self, config: Config, code: int) -> None:
        """The line that starts a configuration."""
        self.line(
            "vcpu", config=config.name, features=config.features, gicv3=int(config.gic), mte=int(config.mte),
            writable_imp_id=int(config.imp_id), init_errno=code,
        )  # fmt: skip

    def read_all(self, vm: ScratchVm) -> Dict[int, int]:
        """Every listed register; wide ones are recorded by their first 8 bytes."""
        values = {}
        for number in vm.register_list():
            code, values[number] = vm.get(number)
            self.line("get", id=hex(number), errno=code, value=hex(values[number] & (1 << 64) - 1))
        return values

    def guest_view(self, config: Config) -> None:
        """What the guest itself reads, on a VM of its own."""
        vm = self.vm(config)
        try:
            guest = Guest(self.kvm, vm, guest_program(GUEST_IDS))
            for place, number in enumerate(GUEST_IDS):
                code, reason, value = guest.run()
                if code or reason != EXIT_MMIO:
                    self.note("guest view stopped at %d: exit %d errno %d" % (place, reason, code))
                    break
                self.line("guest", id=hex(number), value=hex(value))
            guest.close()
        finally:
            vm.close()

    def write(self, vm: ScratchVm, phase: str, number: int, value: int, reader: int = 0) -> int:
        """One KVM_SET_ONE_REG and what is read afterwards; returns that."""
        code = vm.set(number, value)
        after = vm.get(number, reader)[1]
        self.emit(
            '{"type":"set","phase":"%s","id":"0x%x","value":"0x%x","errno":%d,"after":"0x%x"}'
            % (phase, number, value, code, after)
        )
        return after

    def fields(self, config: Config, vm: ScratchVm, registers: List[int]) -> ScratchVm:
        """Phases same and field; the original is written back, into a new VM where KVM refuses that."""
        thorough = config.name in ("minimal", "qemu")
        for number in registers:
            original = vm.get(number)[1]
            self.write(vm, "same", number, original)
            for value in field_values(original, bits_of(number), thorough):
                if self.write(vm, "field", number, value) != original and vm.set(number, original):
                    vm.close()
                    vm = self.vm(config)
        return vm

    def odd(self, vm: ScratchVm) -> None:
        """Ids outside the list."""
        for number in ODD_IDS:
            code, value = vm.get(number)
            refused = vm.set(number, 0)
            self.line("odd", id=hex(number), get_errno=code, value=hex(value), set_zero_errno=refused)

    def walk(self, config: Config, registers: List[int]) -> None:
        """Random writes that are never undone."""
        vm = self.vm(config)
        self.line("fresh")
        now = {number: vm.get(number)[1] for number in registers}
        for _ in range(WALK_LENGTH if self.budget is None else min(WALK_LENGTH, 10 * self.budget)):
            number = self.dice.choice(registers)
            now[number] = self.write(vm, "walk", number, wandering(now[number], bits_of(number), self.dice))
        vm.close()

    def cross(self, config: Config, registers: List[int]) -> None:
        """Written on the first vCPU, read on the second, in a VM without a GIC."""
        try:
            vm = self.vm(config, vcpus=2, gic=False)
        except OSError as error:
            self.note("two vCPUs: %s" % why(error))
            return
        self.line("second_vcpu")
        for number in registers:
            value = vm.get(number)[1]
            if number >> 16 & 0xFFF == 0x13 and value:
                self.write(vm, "cross", number, lowered(value), reader=1)
        vm.close()

    def ran(self, config: Config, registers: List[int]) -> None:
        """Run once up to the guest's first store, then write the same value and each field's neighbours."""
        vm = self.vm(config)
        try:
            arm32 = config.features & EL1_32BIT
            guest = Guest(self.kvm, vm, ARM_PROGRAM if arm32 else guest_program(GUEST_IDS[:1]))
            code, reason, _ = guest.run()
            self.line("run", errno=code, exit_reason=reason)
            for number in registers:
                original = vm.get(number)[1]
                self.write(vm, "ran", number, original)
                for value in neighbour_values(original, bits_of(number)):
                    if self.write(vm, "ran", number, value) != original:
                        vm.set(number, original)
            guest.close()
        finally:
            vm.close()

    def masks(self, config: Config) -> None:
        """KVM_ARM_GET_REG_WRITABLE_MASKS on a fresh VM."""
        vm = self.vm(config)
        code, masks = vm.writable_masks()
        vm.close()
        self.line("writable_masks", errno=code, masks={hex(number): hex(mask) for number, mask in masks.items()})


def quiet_text(path: str) -> str:
    """The text of a host file, or nothing."""
    try:
        return read_text(path)
    except OSError:
        return ""


def describe_host() -> Tuple[str, str]:
    """(CPU, machine) as far as sysfs tells: MIDR, and the board's or the firmware's product name."""
    cpu = "MIDR " + (quiet_text(IDENTIFICATION % 0 + "/midr_el1").strip() or "unknown")
    for path in ("/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name"):
        machine = quiet_text(path).strip("\0\n ")
        if machine:
            return cpu, machine
    return cpu, "unknown"


def record(
    emit: Callable[[str], None], configs: Optional[List[str]] = None, budget: Optional[int] = None, seed: int = 1,
    cpu: str = "", kvm_path: str = "/dev/kvm",
) -> None:  # fmt: skip
    """Write a whole recording, line by line without newlines. Raises OSError where /dev/kvm cannot be used."""
    if os.uname().machine not in ("aarch64", "arm64"):
        raise OSError(errno.ENOTSUP, "a recording needs an arm64 host, this is " + os.uname().machine)
    kvm = os.open(kvm_path, os.O_RDWR | os.O_CLOEXEC)
    try:
        found, machine = describe_host()
        recorder = Recorder(kvm, emit, seed, budget)
        for config in configurations(recorder.head(cpu or found, machine)):
            if configs is None or config.name in configs:
                recorder.configuration(config)
    finally:
        os.close(kvm)


def record_main(arguments: Optional[List[str]] = None) -> int:
    """Write a recording to standard output or a file."""
    parser = argparse.ArgumentParser(prog="recorder", description="Record what this host's KVM answers.")
    parser.add_argument("-o", "--output", help="file to write (default: standard output)")
    parser.add_argument("--configs", help="comma-separated configurations (default: all thirteen)")
    parser.add_argument("--limit", type=int, metavar="N", help="write only the first N registers of each configuration")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random writes (default: 1)")
    parser.add_argument("--cpu", default="", help="name of the CPU, for the first line")
    given = parser.parse_args(arguments)
    configs = given.configs.split(",") if given.configs else None
    try:
        with open(given.output, "w") if given.output else os.fdopen(os.dup(1), "w") as out:
            record(lambda line: print(line, file=out), configs, given.limit, given.seed, given.cpu)
    except OSError as error:
        sys.stderr.write("recorder: %s\n" % error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(record_main())
