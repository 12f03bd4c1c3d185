"""Read what one arm64 host shows, and write it as one JSON object: `python3 - < collector.py > dump.json`.

This file stands alone: standard library, Python 3.6 and newer, no other file of the project. It runs on hosts where
nothing may be installed, so it changes nothing there and leaves nothing behind: a scratch VM lives only as long as this
process, CPU affinity is changed only in a forked child, debugfs is read only where it is mounted already. Whatever
cannot be read becomes a sentence in `notes`.

The ioctl numbers and structures are those of include/uapi/linux/kvm.h and arch/arm64/include/uapi/asm/kvm.h; the
registers that Linux lets EL0 read are listed in Documentation/arch/arm64/cpu-feature-registers.rst.
"""

import argparse
import ctypes
import datetime
import errno
import fcntl
import json
import mmap
import os
import struct
import sys
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

FORMAT, VERSION = "vcpu-inspector-dump", 1
IDENTIFICATION = "/sys/devices/system/cpu/cpu%d/regs/identification"
CACHES = "/sys/devices/system/cpu/cpu%d/cache"
DEBUGFS = "/sys/kernel/debug/kvm"

POWER_OFF, EL1_32BIT, PSCI, PMU, SVE, PTRAUTH, EL2, E2H0 = 1, 2, 4, 8, 16, 96, 128, 256
WORDS = {
    "el1_32bit": EL1_32BIT, "psci": PSCI, "pmu": PMU, "sve": SVE, "ptrauth": PTRAUTH, "ptrauth-address": 32,
    "ptrauth-generic": 64, "el2": EL2, "el2-e2h0": EL2 | E2H0,
}  # fmt: skip
CAPABILITIES = {
    "sve": 170, "ptrauth_address": 171, "ptrauth_generic": 172, "pmu_v3": 126, "el1_32bit": 93, "mte": 205,
    "writable_masks": 230, "writable_imp_id": 239, "el2": 240, "el2_e2h0": 241, "vm_ipa_size": 165,
}  # fmt: skip

KVM_VERSION, KVM_GET_API_VERSION = 12, 0xAE00
KVM_CREATE_VM, KVM_CHECK_EXTENSION, KVM_CREATE_VCPU = 0xAE01, 0xAE03, 0xAE41
KVM_ARM_PREFERRED_TARGET, KVM_ARM_VCPU_INIT, KVM_ARM_VCPU_FINALIZE = 0x8020AEAF, 0x4020AEAE, 0x4004AEC2
KVM_GET_REG_LIST, KVM_GET_ONE_REG, KVM_SET_ONE_REG = 0xC008AEB0, 0x4010AEAB, 0x4010AEAC
KVM_ENABLE_CAP, KVM_CREATE_DEVICE, KVM_SET_DEVICE_ATTR = 0x4068AEA3, 0xC00CAEE0, 0x4018AEE1
KVM_ARM_GET_REG_WRITABLE_MASKS = 0x8040AEB6
GIC_V3, GIC_GROUP_ADDR, GIC_GROUP_CTRL, GIC_DIST, GIC_REDIST = 7, 0, 4, 2, 3
GIC_DIST_AT, GIC_REDIST_AT, PMU_INTERRUPT = 0x08000000, 0x080A0000, 23

ID_NAMES = """
ID_PFR0_EL1 ID_PFR1_EL1 ID_DFR0_EL1 ID_AFR0_EL1 ID_MMFR0_EL1 ID_MMFR1_EL1 ID_MMFR2_EL1 ID_MMFR3_EL1
ID_ISAR0_EL1 ID_ISAR1_EL1 ID_ISAR2_EL1 ID_ISAR3_EL1 ID_ISAR4_EL1 ID_ISAR5_EL1 ID_MMFR4_EL1 ID_ISAR6_EL1
MVFR0_EL1 MVFR1_EL1 MVFR2_EL1 - ID_PFR2_EL1 ID_DFR1_EL1 ID_MMFR5_EL1 -
ID_AA64PFR0_EL1 ID_AA64PFR1_EL1 ID_AA64PFR2_EL1 - ID_AA64ZFR0_EL1 ID_AA64SMFR0_EL1 - ID_AA64FPFR0_EL1
ID_AA64DFR0_EL1 ID_AA64DFR1_EL1 ID_AA64DFR2_EL1 - ID_AA64AFR0_EL1 ID_AA64AFR1_EL1 - -
ID_AA64ISAR0_EL1 ID_AA64ISAR1_EL1 ID_AA64ISAR2_EL1 ID_AA64ISAR3_EL1 - - - -
ID_AA64MMFR0_EL1 ID_AA64MMFR1_EL1 ID_AA64MMFR2_EL1 ID_AA64MMFR3_EL1 ID_AA64MMFR4_EL1 - - -
""".split()
"""Names of the ID space as debugfs prints them: CRm 1 to 7, op2 0 to 7; `-` has no name of its own."""


def sysreg(op0: int, op1: int, crn: int, crm: int, op2: int) -> int:
    """The KVM id of a system register."""
    return 0x6030000000130000 | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


EL0_IDS = [sysreg(3, 0, 0, crm, op2) for crm in range(4, 8) for op2 in range(8)] + [
    sysreg(3, 0, 0, 0, op2) for op2 in (0, 5, 6)
]
"""What Linux answers to an MRS of EL0 on every release that has HWCAP_CPUID."""
EL0_NATIVE = [sysreg(3, 3, 0, 0, 1), sysreg(3, 3, 0, 0, 7)]
"""CTR_EL0 and DCZID_EL0: EL0 reads them without help."""
PER_CPU = {
    "midr_el1": sysreg(3, 0, 0, 0, 0), "revidr_el1": sysreg(3, 0, 0, 0, 6), "aidr_el1": sysreg(3, 1, 0, 0, 7),
    "smidr_el1": sysreg(3, 1, 0, 0, 6),
}  # fmt: skip


class Options(NamedTuple):
    """What the scratch vCPU is made with; `features` "qemu" means what QEMU would choose here."""

    features: str = "qemu"
    gic: str = "v3"
    writes: Tuple[Tuple[int, int], ...] = ()
    kvm: str = "/dev/kvm"
    identify: bool = False
    cpus: str = ""


DEFAULT = Options()


def why(error: OSError) -> str:
    """The reason of a failed call, in the words of errno."""
    name = errno.errorcode.get(error.errno or 0, str(error.errno))
    return "%s (%s)" % (os.strerror(error.errno or 0).lower(), name)


def read_text(path: str, limit: int = 1 << 16) -> str:
    """The text of a small file of sysfs, procfs or debugfs."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(limit)


class ScratchVm:
    """A VM of our own with one or more vCPUs, gone when it is closed. Every failing step raises OSError."""

    def __init__(
        self, kvm: int, features: int, gic: bool = False, mte: bool = False, imp_id: bool = False, vcpus: int = 1
    ) -> None:
        self.features, self.gic = features, gic
        self.fds: List[int] = []
        self.vcpus: List[int] = []
        self.buffer = ctypes.create_string_buffer(1 << 15)
        self.address = ctypes.addressof(self.buffer)
        try:
            self.build(kvm, mte, imp_id, vcpus)
        except OSError:
            self.close()
            raise

    def build(self, kvm: int, mte: bool, imp_id: bool, vcpus: int) -> None:
        """In the order that KVM asks for: capabilities, GIC, vCPUs, then the devices' initialisation."""
        self.vm = self.keep(create_vm(kvm))
        for wanted, number in ((mte, CAPABILITIES["mte"]), (imp_id, CAPABILITIES["writable_imp_id"])):
            if wanted:
                fcntl.ioctl(self.vm, KVM_ENABLE_CAP, struct.pack("<2I4Q64x", number, 0, 0, 0, 0, 0))
        gic = self.device(GIC_V3) if self.gic else -1
        init = bytearray(fcntl.ioctl(self.vm, KVM_ARM_PREFERRED_TARGET, bytes(32)))
        struct.pack_into("<7I", init, 4, self.features, 0, 0, 0, 0, 0, 0)
        for index in range(vcpus):
            self.vcpus.append(self.keep(fcntl.ioctl(self.vm, KVM_CREATE_VCPU, index)))
        for vcpu in self.vcpus:
            fcntl.ioctl(vcpu, KVM_ARM_VCPU_INIT, bytes(init))
            if self.features & SVE:
                fcntl.ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, struct.pack("<i", 4))
        if self.gic:
            self.attribute(gic, GIC_GROUP_ADDR, GIC_DIST, struct.pack("<Q", GIC_DIST_AT))
            self.attribute(gic, GIC_GROUP_ADDR, GIC_REDIST, struct.pack("<Q", GIC_REDIST_AT))
            self.attribute(gic, GIC_GROUP_CTRL, 0, b"")
            if self.features & PMU:
                for vcpu in self.vcpus:
                    self.attribute(vcpu, 0, 0, struct.pack("<i", PMU_INTERRUPT))
                    self.attribute(vcpu, 0, 1, b"")

    def keep(self, descriptor: int) -> int:
        """Remember a descriptor for `close`."""
        self.fds.append(descriptor)
        return descriptor

    def device(self, kind: int) -> int:
        """A new in-kernel device of the VM."""
        answer = fcntl.ioctl(self.vm, KVM_CREATE_DEVICE, struct.pack("<3I", kind, 0, 0))
        return self.keep(struct.unpack("<3I", answer)[1])

    def attribute(self, descriptor: int, group: int, number: int, value: bytes) -> None:
        """Set one attribute of a device or vCPU."""
        ctypes.memmove(self.address, value, len(value))
        where = self.address if value else 0
        fcntl.ioctl(descriptor, KVM_SET_DEVICE_ATTR, struct.pack("<2I2Q", 0, group, number, where))

    def register_list(self) -> List[int]:
        """The ids of KVM_GET_REG_LIST, in its order."""
        ids = (ctypes.c_uint64 * 1)(0)
        try:
            fcntl.ioctl(self.vcpus[0], KVM_GET_REG_LIST, ids)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
        ids = (ctypes.c_uint64 * (1 + ids[0]))(ids[0])
        fcntl.ioctl(self.vcpus[0], KVM_GET_REG_LIST, ids)
        return list(ids)[1 : 1 + ids[0]]

    def get(self, number: int, vcpu: int = 0) -> Tuple[int, int]:
        """errno and value of KVM_GET_ONE_REG; the value is 0 when errno is not."""
        ctypes.memset(self.address, 0, 8)
        try:
            fcntl.ioctl(self.vcpus[vcpu], KVM_GET_ONE_REG, struct.pack("<2Q", number, self.address))
        except OSError as error:
            return error.errno or errno.EIO, 0
        return 0, int.from_bytes(ctypes.string_at(self.address, 1 << (number >> 52 & 15)), "little")

    def set(self, number: int, value: int, vcpu: int = 0) -> int:
        """errno of KVM_SET_ONE_REG."""
        ctypes.memmove(self.address, value.to_bytes(256, "little"), 256)
        try:
            fcntl.ioctl(self.vcpus[vcpu], KVM_SET_ONE_REG, struct.pack("<2Q", number, self.address))
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def writable_masks(self) -> Tuple[int, Dict[int, int]]:
        """errno and the non-zero masks of KVM_ARM_GET_REG_WRITABLE_MASKS; op1 0, 1 and 3 have 64 places each."""
        ctypes.memset(self.address, 0, 3 * 64 * 8)
        try:
            fcntl.ioctl(self.vm, KVM_ARM_GET_REG_WRITABLE_MASKS, struct.pack("<QI52x", self.address, 0))
        except OSError as error:
            return error.errno or errno.EIO, {}
        masks = struct.unpack("<192Q", ctypes.string_at(self.address, 3 * 64 * 8))
        ids = [sysreg(3, op1, 0, crm, op2) for op1 in (0, 1, 3) for crm in range(8) for op2 in range(8)]
        return 0, {number: mask for number, mask in zip(ids, masks) if mask}

    def close(self) -> None:
        """End the VM."""
        while self.fds:
            os.close(self.fds.pop())
        self.vcpus = []


def open_kvm(path: str) -> int:
    """A descriptor of KVM's device. Raises OSError where it does not open or does not answer as KVM does."""
    kvm = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if fcntl.ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_VERSION:
            raise OSError(errno.EPROTO, "not KVM's device", path)
    except OSError:
        os.close(kvm)
        raise
    return kvm


def create_vm(kvm: int) -> int:
    """A VM of the default 40-bit guest address size, or of the host's limit where that is smaller. Raises OSError."""
    for attempt in range(8):
        try:
            return fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
        except OSError as error:
            if error.errno == errno.EINTR and attempt < 7:
                continue
            bits = capability(kvm, CAPABILITIES["vm_ipa_size"])
            if error.errno == errno.EINVAL and 0 < bits < 40:
                return fcntl.ioctl(kvm, KVM_CREATE_VM, bits)
            raise
    raise OSError(errno.EINTR, os.strerror(errno.EINTR))


def capability(kvm: int, number: int) -> int:
    """KVM_CHECK_EXTENSION; 0 where the kernel does not know the number."""
    try:
        return fcntl.ioctl(kvm, KVM_CHECK_EXTENSION, number)
    except OSError:
        return 0


def capabilities(kvm: int) -> Dict[str, int]:
    """Every capability that the dump format names."""
    return {name: capability(kvm, number) for name, number in CAPABILITIES.items()}


def qemu_features(caps: Dict[str, int]) -> int:
    """What QEMU asks for with `-cpu host`: PSCI, and each of PMU, SVE, pointer authentication that the host offers."""
    features = PSCI | (PMU if caps["pmu_v3"] else 0) | (SVE if caps["sve"] else 0)
    return features | (PTRAUTH if caps["ptrauth_address"] and caps["ptrauth_generic"] else 0)


def parse_features(text: str, caps: Dict[str, int]) -> Tuple[int, bool, bool]:
    """(bitmap, mte, writable implementation ids) of a comma-separated list; ValueError for an unknown word."""
    bitmap, mte, imp_id = 0, False, False
    for word in text.lower().replace(" ", "").split(","):
        if word == "qemu":
            bitmap |= qemu_features(caps)
        elif word == "mte":
            mte = True
        elif word in ("imp-id", "writable-imp-id"):
            imp_id = True
        elif word in WORDS:
            bitmap |= WORDS[word]
        elif word not in ("", "none"):
            raise ValueError("unknown vCPU feature %r; one of: qemu, %s, mte, imp-id" % (word, ", ".join(WORDS)))
    return bitmap, mte, imp_id


def plans(options: Options, caps: Dict[str, int]) -> List[Tuple[int, bool, bool, bool]]:
    """What to try in turn: as asked; and, when the choice was ours, without the parts that some hosts refuse."""
    bitmap, mte, imp_id = parse_features(options.features, caps)
    gic = options.gic == "v3"
    tries = [(bitmap, gic, mte, imp_id)]
    if options.features == "qemu":
        for less in (0, PTRAUTH, PTRAUTH | SVE, PTRAUTH | SVE | PMU):
            tries += [(bitmap & ~less, with_gic, False, False) for with_gic in ((gic, False) if gic else (False,))]
    return [plan for index, plan in enumerate(tries) if plan not in tries[:index]]


def scratch_vcpu(kvm: int, options: Options, caps: Dict[str, int], notes: List[str]) -> Optional[Dict[str, Any]]:
    """The registers of a fresh vCPU, and the answers to `options.writes` on it."""
    for bitmap, gic, mte, imp_id in plans(options, caps):
        try:
            vm = ScratchVm(kvm, bitmap, gic, mte, imp_id)
        except OSError as error:
            what = "a vCPU with features %#x, %s GIC" % (bitmap, "v3" if gic else "no")
            notes.append("%s could not be made: %s" % (what, why(error)))
            continue
        try:
            return describe_vcpu(vm, options, mte, imp_id)
        finally:
            vm.close()
    return None


def describe_vcpu(vm: ScratchVm, options: Options, mte: bool, imp_id: bool) -> Dict[str, Any]:
    """Everything that a scratch VM answers, in the dump's own words."""
    registers, errors, writes = {}, {}, []
    for number in vm.register_list():
        code, value = vm.get(number)
        if code:
            errors["0x%016x" % number] = code
        else:
            registers["0x%016x" % number] = hex(value)
    refused, found = vm.writable_masks()
    masks = None if refused else {"0x%016x" % number: hex(mask) for number, mask in found.items()}
    for number, value in options.writes:
        before = vm.get(number)
        code = vm.set(number, value)
        after = vm.get(number)
        writes.append(
            {
                "id": "0x%016x" % number, "value": hex(value), "errno": code,
                "before": None if before[0] else hex(before[1]), "after": None if after[0] else hex(after[1]),
            }
        )  # fmt: skip
    entry: Dict[str, Any] = {"index": 0, "name": options.features, "kind": "vcpu", "features": vm.features}
    entry.update(gic="v3" if vm.gic else "none", mte=mte, writable_imp_id=imp_id)
    entry.update(registers=registers, errors=errors, guest={}, writable_masks=masks)
    if writes:
        entry["writes"] = writes
    return entry


def id_of_name(name: str) -> Optional[int]:
    """The id of a register as debugfs names it: SYS_ and its name, or S3_0_0_4_3 for one without a name."""
    name = name[4:] if name.startswith("SYS_") else name
    if name in ID_NAMES and name != "-":
        place = ID_NAMES.index(name)
        return sysreg(3, 0, 0, 1 + place // 8, place % 8)
    known = {"CTR_EL0": sysreg(3, 3, 0, 0, 1)}
    known.update((file.upper(), number) for file, number in PER_CPU.items())
    digits = name.upper().replace("C", "").replace("S", "", 1).split("_")
    if name.upper().startswith("S") and len(digits) == 5 and all(digit.isdecimal() for digit in digits):
        return sysreg(*(int(digit) for digit in digits))
    return known.get(name)


def debugfs_vms(notes: List[str], folder: str = DEBUGFS) -> List[Dict[str, Any]]:
    """The feature ID registers of every running VM, from debugfs (Linux 6.9 and newer, root)."""
    vms: List[Dict[str, Any]] = []
    try:
        names = sorted(name for name in os.listdir(folder) if name.partition("-")[0].isdecimal())
    except OSError as error:
        notes.append("running VMs were not looked at: %s: %s" % (folder, why(error)))
        return vms
    for name in names:
        path = os.path.join(folder, name, "idregs")
        try:
            lines = read_text(path).splitlines()
        except OSError as error:
            notes.append("VM %s: no ID registers: %s" % (name, why(error)))
            continue
        registers = {}
        for key, _, value in (line.strip().partition(":") for line in lines):
            number = id_of_name(key.strip())
            try:
                if number is not None:
                    registers["0x%016x" % number] = hex(int(value, 16) & (1 << 64) - 1)
            except ValueError:
                notes.append("VM %s: %s is not a number" % (name, key.strip()[:40]))
        if not registers:
            notes.append("VM %s: idregs is empty; it has no vCPU yet" % name)
        vms.append({"index": 0, "name": name, "kind": "vcpu", "registers": registers})
    return vms


def machine_code(ids: Iterable[int]) -> bytes:
    """A64 code of `void f(uint64_t *out)`: MRS each register into x1, store it, return."""
    code = []
    for number in ids:
        code += [0xD5200000 | (number & 0xFFFF) << 5 | 1, 0xF8008401]  # mrs x1, S..; str x1, [x0], #8
    code.append(0xD65F03C0)  # ret
    return struct.pack("<%dI" % len(code), *code)


def mrs(ids: List[int]) -> List[int]:
    """Values of EL0-readable registers. The pages are written first and made executable afterwards.

    That order lets the kernel synchronise the instruction cache when it maps the page as executable, and works where
    memory must never be writable and executable at once. Registers that EL0 may not read end the process with SIGILL.
    """
    code = machine_code(ids)
    size = (len(code) + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
    memory = mmap.mmap(-1, size, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    memory.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    out = (ctypes.c_uint64 * len(ids))()
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)(ctypes.addressof(out))
    return list(out)


def mrs_per_cpu(cpus: Iterable[int]) -> Tuple[Dict[int, Dict[int, int]], str]:
    """(CPU -> id -> value, reason why not all were read). A forked child moves from CPU to CPU and may be killed."""
    if not hwcap_cpuid():
        return {}, "the kernel does not offer EL0 the ID registers (no HWCAP_CPUID)"
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: a child that is killed leaves no core file
            with os.fdopen(writer, "w") as out:
                for cpu in cpus:
                    try:
                        os.sched_setaffinity(0, {cpu})
                        answer = [cpu, mrs(EL0_IDS + EL0_NATIVE), ""]
                    except OSError as error:
                        answer = [cpu, [], why(error)]
                    out.write(json.dumps(answer) + "\n")
                    out.flush()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as source:
        answers = [json.loads(line) for line in source]
    status = os.waitpid(child, 0)[1]
    values = {cpu: dict(zip(EL0_IDS + EL0_NATIVE, read)) for cpu, read, _ in answers if read}
    bad = ["CPU %d: %s" % (cpu, reason) for cpu, _, reason in answers if reason]
    if status:
        bad.append("the reading process ended by signal %d" % (status & 127))
    return values, "; ".join(bad)


def hwcap_cpuid() -> bool:
    """True when bit CPUID (11) of AT_HWCAP (16) is set in this process's auxiliary vector."""
    try:
        with open("/proc/self/auxv", "rb") as file:
            words = file.read()
    except OSError:
        return False
    pairs = dict(struct.iter_unpack("@LL", words[: len(words) // 16 * 16]))
    return bool(pairs.get(16, 0) >> 11 & 1)


def all_cpus(allowed: List[int], notes: List[str]) -> List[Dict[str, Any]]:
    """Every CPU that sysfs describes, and those that this process may use; what is missing is said once for all."""
    found = {
        int(name[3:])
        for name in listing(os.path.dirname(IDENTIFICATION.split("%", maxsplit=1)[0]))
        if name[3:].isdecimal()
    }
    found = {index for index in found if listing(IDENTIFICATION % index)}
    cpus = [one_cpu(index) for index in sorted(found.union(allowed))]
    midr = "0x%016x" % PER_CPU["midr_el1"]
    for what, lacking in (
        ("midr_el1", [cpu["index"] for cpu in cpus if midr not in cpu["registers"]]),
        ("caches", [cpu["index"] for cpu in cpus if not cpu["caches"]]),
    ):
        if lacking:
            notes.append("sysfs shows no %s of CPU %s" % (what, ", ".join(map(str, lacking))))
    return cpus


def one_cpu(index: int) -> Dict[str, Any]:
    """Identification registers and caches of one CPU, as sysfs gives them."""
    registers = {}
    for name, number in PER_CPU.items():
        try:
            registers["0x%016x" % number] = hex(int(read_text(IDENTIFICATION % index + "/" + name), 16))
        except (OSError, ValueError):
            continue
    caches = []
    for entry in sorted(listing(CACHES % index)):
        if entry.startswith("index"):
            folder = CACHES % index + "/" + entry
            caches.append(readable(folder, sorted(cache_files(folder))))
    return {"index": index, "registers": registers, "caches": caches}


def readable(folder: str, names: List[str]) -> Dict[str, str]:
    """The texts of those of the files that may be read."""
    texts = {}
    for name in names:
        try:
            texts[name] = read_text(folder + "/" + name).strip()
        except OSError:
            continue
    return texts


def listing(folder: str) -> List[str]:
    """Names in a folder; none where there is no such folder."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def cache_files(folder: str) -> List[str]:
    """The readable plain files among the attributes of one cache that describe its shape."""
    known = {
        "level",
        "type",
        "size",
        "ways_of_associativity",
        "number_of_sets",
        "coherency_line_size",
        "shared_cpu_list",
    }
    return [name for name in listing(folder) if name in known]


SPEAKING = ("arm64.", "id_aa64", "kvm-arm.", "kvm_arm.", "mitigations=", "nospectre", "ssbd=", "kpti=", "nokaslr")
"""How words of a kernel's command line begin that change what a guest sees. Others may be somebody's secrets."""
MOST_VISITED = 16
"""CPUs that the reading process moves to unless the user names them."""


def command_line(whole: bool) -> str:
    """The command line of the running kernel, or of it the words that matter; empty where it cannot be read."""
    try:
        text = read_text("/proc/cmdline")
    except OSError:
        return ""
    return text if whole else " ".join(word for word in text.split() if word.startswith(SPEAKING))


def cpu_list(text: str) -> List[int]:
    """The CPUs of a list such as `0-3,8`. Raises ValueError."""
    found = []  # type: List[int]
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not 0 <= int(first) <= int(last or first) < 1 << 16:
            raise ValueError("not a list of CPUs: %s" % part)
        found += range(int(first), int(last or first) + 1)
    return found


def visited(cpus: List[Dict[str, Any]], allowed: List[int], chosen: str) -> List[int]:
    """The CPUs to run on for a moment: those that the user names; else one of each kind, and at most 16.

    A CPU whose kind sysfs does not tell is a kind of its own. The others are left in peace: they may be isolated.
    """
    if chosen:
        return [cpu for cpu in cpu_list(chosen) if cpu in allowed]
    kinds = {}  # type: Dict[str, int]
    for cpu in cpus:
        if cpu["index"] in allowed:
            kind = sorted(cpu["registers"].items()) or cpu["index"]
            kinds.setdefault(str(kind), cpu["index"])
    return sorted(kinds.values())[:MOST_VISITED]


def collect(options: Options = DEFAULT) -> Dict[str, Any]:
    """The whole dump of this host. Raises ValueError for an unknown feature word, and nothing else."""
    parse_features(options.features, dict.fromkeys(CAPABILITIES, 0))
    name = os.uname()
    notes: List[str] = []
    dump: Dict[str, Any] = {"format": FORMAT, "version": VERSION}
    dump["provenance"] = {
        "source": "live:", "tool": "vcpu-inspector collector %d" % VERSION, "kernel": name.release,
        "kernel_version": name.version, "cmdline": command_line(options.identify),
        "host": name.nodename if options.identify else "", "machine": name.machine,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    dump.update(capabilities={}, el0={}, cpus=[], vcpus=[], notes=notes)
    if name.machine not in ("aarch64", "arm64") or struct.calcsize("P") != 8:
        notes.append("this is %s: ID registers and KVM's register list exist only on 64-bit arm64" % name.machine)
        return dump
    allowed = sorted(os.sched_getaffinity(0))
    dump["cpus"] = all_cpus(allowed, notes)
    places = visited(dump["cpus"], allowed, options.cpus)
    views, reason = mrs_per_cpu(places)
    if places:
        notes.append("CPUs that were visited for a moment each: %s" % ", ".join(map(str, places)))
    if reason:
        notes.append("EL0 view of the ID space: " + reason)
    for cpu in dump["cpus"]:
        for number, value in views.get(cpu["index"], {}).items():
            if number not in PER_CPU.values():
                cpu["registers"]["0x%016x" % number] = hex(value)
    if views:
        dump["el0"] = {"0x%016x" % number: hex(value) for number, value in views[min(views)].items()}
    ask_kvm(dump, options, notes)
    dump["vcpus"] += debugfs_vms(notes)
    dump["one_vm"] = len(dump["vcpus"]) < 2
    for index, vcpu in enumerate(dump["vcpus"]):
        vcpu["index"] = index
    return dump


def ask_kvm(dump: Dict[str, Any], options: Options, notes: List[str]) -> None:
    """Add capabilities and a scratch vCPU to the dump, or the reason why not to `notes`."""
    try:
        kvm = open_kvm(options.kvm)
    except OSError as error:
        notes.append("no vCPU was made: %s: %s" % (options.kvm, why(error)))
        return
    try:
        dump["capabilities"] = caps = capabilities(kvm)
        vcpu = scratch_vcpu(kvm, options, caps, notes)
        if vcpu:
            dump["vcpus"].append(vcpu)
    except OSError as error:
        notes.append("the scratch vCPU: %s" % why(error))
    finally:
        os.close(kvm)


def number_pair(text: str) -> Tuple[int, int]:
    """`ID=VALUE`, both hexadecimal."""
    left, _, right = text.partition("=")
    return int(left, 16), int(right, 16)


def main(arguments: Optional[List[str]] = None) -> int:
    """Write the dump to standard output."""
    parser = argparse.ArgumentParser(prog="collector", description="Write this host's arm64 registers as JSON.")
    parser.add_argument("--features", default="qemu", help="comma-separated vCPU features (default: qemu)")
    parser.add_argument("--gic", choices=("v3", "none"), default="v3", help="interrupt controller of the scratch VM")
    parser.add_argument("--write", type=number_pair, action="append", default=[], metavar="ID=VALUE",
                        help="also write this to the scratch vCPU and report the answer")  # fmt: skip
    parser.add_argument("--cpus", default="", metavar="LIST", help="CPUs to visit (default: one of each kind)")
    parser.add_argument("--identify", action="store_true", help="tell the host's name and its whole command line too")
    given = parser.parse_args(arguments)
    try:
        dump = collect(Options(features=given.features, gic=given.gic, writes=tuple(given.write),
                               identify=given.identify, cpus=given.cpus))  # fmt: skip
    except ValueError as error:
        parser.error(str(error))
    try:
        with os.fdopen(os.dup(1), "w") as out:
            out.write(json.dumps(dump) + "\n")
    except OSError as error:
        sys.stderr.write("collector: standard output: %s\n" % why(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
