"""Ask this host's KVM everything that our recordings hold, and write one kvm-recording (JSON lines).

Collector rules: standard library only, Python 3.6 and newer, nothing changed on the host, nothing left behind. It
builds on collector.py and questions.py; programs.recorder_program() joins the three into one text that runs alone.

Thirteen vCPU configurations; every id of KVM_GET_REG_LIST; what a guest reads at EL1; writes of the same value, of
every changed 4-bit field, of random sequences, before and after the first KVM_RUN; ids outside the list; writable
masks. Raw registers need EL2, so there is no `host` line.
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
from typing import Any, Callable, Dict, List, Optional, TextIO, Tuple

# Left out where the texts of these files stand in front of this one.
from inspector.sources.live.collector import (
    EL0_IDS,
    EL1_32BIT,
    IDENTIFICATION,
    ScratchVm,
    capabilities,
    command_line,
    mrs_per_cpu,
    open_kvm,
    read_text,
    why,
)
from inspector.sources.live.questions import (
    ARM_PROGRAM,
    GUEST_IDS,
    NOWHERE,
    ODD_IDS,
    WALK_LENGTH,
    Config,
    asked,
    bits_of,
    chosen_configs,
    configurations,
    field_values,
    guest_program,
    lowered,
    neighbour_values,
    wandering,
)

# Here begins what is kept.
KVM_GET_VCPU_MMAP_SIZE, KVM_SET_USER_MEMORY_REGION, KVM_RUN = 0xAE04, 0x4020AE46, 0xAE80
EXIT_MMIO = 6
RUN_SECONDS = 5
"""A guest of a few instructions that has not reached its store by then never will."""
MEMORY = 0x10000


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

    def __init__(
        self, kvm: int, emit: Callable[[str], None], seed: int = 1, budget: Optional[int] = None,
        identify: bool = False,
    ) -> None:  # fmt: skip
        self.kvm, self.emit, self.budget, self.identify = kvm, emit, budget, identify
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
        command = command_line(self.identify)
        self.line("kernel", release=name.release, version=name.version, cmdline=command)
        folder = IDENTIFICATION % 0
        for path in (folder + "/midr_el1", folder + "/revidr_el1", "/proc/cpuinfo"):
            text = quiet_text(path)
            if not self.identify:
                # Some boards print their serial number among the CPUs.
                text = "".join(line for line in text.splitlines(True) if not line.startswith("Serial"))
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
    """(CPU, machine) as far as sysfs shows: MIDR, and the board's or the firmware's product name."""
    cpu = "MIDR " + (quiet_text(IDENTIFICATION % 0 + "/midr_el1").strip() or "unknown")
    for path in ("/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name"):
        machine = quiet_text(path).strip("\0\n ")
        if machine:
            return cpu, machine
    return cpu, "unknown"


def check_host() -> None:
    """Raises OSError where there is nothing to record."""
    if os.uname().machine not in ("aarch64", "arm64"):
        raise OSError(errno.ENOTSUP, "a recording needs an arm64 host, this is " + os.uname().machine)


def record(
    emit: Callable[[str], None], configs: Optional[List[str]] = None, budget: Optional[int] = None, seed: int = 1,
    cpu: str = "", kvm_path: str = "/dev/kvm", identify: bool = False,
) -> None:  # fmt: skip
    """Write a whole recording, line by line without newlines. Raises OSError where /dev/kvm cannot be used."""
    check_host()
    kvm = open_kvm(kvm_path)
    try:
        found, machine = describe_host()
        recorder = Recorder(kvm, emit, seed, budget, identify)
        for config in configurations(recorder.head(cpu or found, machine)):
            if configs is None or config.name in configs:
                recorder.configuration(config)
    finally:
        os.close(kvm)


def open_output(name: Optional[str], force: bool) -> TextIO:
    """A new file, to which no symbolic link leads; standard output for none or `-`."""
    if name is None or name == "-":
        return os.fdopen(os.dup(1), "w")
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(name, flags | (os.O_TRUNC if force else os.O_EXCL), 0o666), "w")


def record_main(arguments: Optional[List[str]] = None) -> int:
    """Write a recording to standard output or a file."""
    parser = argparse.ArgumentParser(prog="recorder", description="Record what this host's KVM answers.")
    parser.add_argument("-o", "--output", help="file to write (default: standard output)")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    parser.add_argument("--configs", help="comma-separated configurations (default: all thirteen)")
    parser.add_argument("--first", type=int, metavar="N", help="write only the first N registers of each configuration")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random writes (default: 1)")
    parser.add_argument("--cpu", default="", help="name of the CPU, for the first line")
    parser.add_argument("--identify", action="store_true", help="tell the host's whole command line and serial number")
    given = parser.parse_args(arguments)
    try:
        configs = chosen_configs(given.configs) if given.configs else None
    except ValueError as error:
        parser.error(str(error))
    try:
        check_host()
        with open_output(given.output, given.force) as out:
            record(
                lambda line: print(line, file=out), configs, given.first, given.seed, given.cpu, identify=given.identify
            )
    except FileExistsError:
        sys.stderr.write("recorder: %s is there already; --force replaces it\n" % ascii(given.output))
        return 2
    except OSError as error:
        sys.stderr.write("recorder: %s\n" % (error.strerror or error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(record_main())
