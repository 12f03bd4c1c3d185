"""Failures that are no register's: what QEMU, libvirt and the kernel print when something else stops a VM.

Each row names the function or file that prints the text. Patterns are searched in text without white space; a group
is what the text names (a block, a device, a version).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from inspector.checks.explain.evidence import DECISIVE, GENERIC, REMARK, TELLING, Insight, Step
from inspector.checks.explain.text import Pasted

_MOST = 8
"""Places of one row that are looked at: all say the same."""


class Row(NamedTuple):
    """One family of lines."""

    key: str
    program: str
    step: Step
    anchor: str
    """literal parts of the pattern, lower case and without white space, divided by `|`: a row of whose parts none
    stands in the text costs nothing"""
    pattern: str
    headline: str
    do: tuple[str, ...] = ()
    weight: int = DECISIVE


_SAME_MACHINE = "start the destination with the source's machine type and devices (virsh dumpxml, QEMU's command line)"
_OTHER_SIDE = "read the log of the other side: the cause is there"
_HOST_CPU = "use -cpu host (libvirt: <cpu mode='host-passthrough'/>), the model that KVM takes on every arm64 host"

_LOADING = (
    # migration/ram.c, ram_load() and parse_ramblock(); migration/savevm.c; migration/vmstate.c; hw/virtio/virtio.c
    Row(
        "ram-size",
        "qemu",
        "RAM",
        "sizemismatch:",
        (
            r"Sizemismatch:(?P<a>(?![\w:.,/@+-]{0,120}\.rom)[\w:.,/@+-]{1,120}?):0x(?P<b>[0-9a-f]{1,20})!=0x(?P<c>[0-9a-f]{1,20}"
            r")"
        ),
        "the memory block {a} has another size on the two sides: 0x{b} in the stream, 0x{c} here",
        ("give the destination the source's memory and firmware sizes (-m, pflash images, device memory)",),
    ),
    Row(
        "rom-size",
        "qemu",
        "RAM",
        ".rom:0x",
        r"Sizemismatch:(?P<a>[\w:.,/@+-]{1,120}\.rom):0x(?P<b>[0-9a-f]{1,20})!=0x(?P<c>[0-9a-f]{1,20})",
        "the option ROM {a} has another size on the two sides: 0x{b} in the stream, 0x{c} here; no CPU register",
        (
            "install the same ROM files on both hosts, or name one with romfile= (romfile= alone: none)",
            _SAME_MACHINE,
        ),
    ),
    Row(
        "ram-length",
        "qemu",
        "RAM",
        "lengthmismatch:",
        r"Lengthmismatch:(?P<a>[\w:.,/@+-]{1,120}?):0x(?P<b>[0-9a-f]{1,20})(?:in)?!=0x(?P<c>[0-9a-f]{1,20})",
        "the memory block {a} has another size on the two sides: 0x{b} and 0x{c}",
        ("give the destination the source's memory and firmware sizes",),
    ),
    Row(
        "ram-unknown",
        "qemu",
        "RAM",
        "unknownramblock",
        r"Unknownramblock\"?(?P<a>[^\",]{1,80})\"?,cannotacceptmigration",
        "the destination has no memory block {a}: a device, ROM or memory backend of the source is missing there",
        (_SAME_MACHINE,),
    ),
    Row(
        "ram-flags",
        "qemu",
        "RAM",
        "unknowncombinationofmigrationflags",
        r"Unknowncombinationofmigrationflags:0x[0-9a-f]{1,20}",
        "the stream is damaged, or its RAM pages use a capability that this side has not enabled",
        (
            "set the same migration capabilities on both sides",
            "save again: the file may be cut off or altered",
        ),
    ),
    Row(
        "ram-page",
        "qemu",
        "RAM",
        "mismatchedrampagesize",
        r"MismatchedRAMpagesize(?P<a>\S{1,40}?)\(local\)(?P<b>\d{1,10})!=(?P<c>\d{1,10})",
        "the memory backing has other page sizes on the two sides (huge pages)",
        ("use the same huge page size on both hosts",),
    ),
    Row(
        "page-bits",
        "qemu",
        "machine",
        "target_page_bits",
        r"ReceivedTARGET_PAGE_BITSis(?P<a>\d{1,10})butlocalis(?P<b>\d{1,10})",
        "source and destination work with target pages of 2^{a} and 2^{b} bytes",
        ("use the same machine type on both sides; QEMU builds with another target page size do not fit",),
    ),
    Row(
        "postcopy-page",
        "qemu",
        "RAM",
        "postcopyneedsmatching",
        r"Postcopyneedsmatching(?P<a>RAM|target)pagesizes",
        "post-copy needs equal page sizes on both hosts, and they are not",
        ("migrate without post-copy, or use one page size",),
    ),
    Row(
        "machine-type",
        "qemu",
        "machine",
        "machinetypereceivedis",
        r"Machinetypereceivedis'(?P<a>[^']{1,60})'andlocalis'(?P<b>[^']{1,60})'",
        "machine types differ: {a} in the stream, {b} here",
        ("start the destination with -machine {a}; machine types do not change on migration",),
    ),
    Row(
        "uuid",
        "qemu",
        "machine",
        "uuidreceivedis",
        r"UUIDreceivedis(?P<a>[0-9a-f-]{1,40}?)andlocalis",
        "the stream belongs to a VM with another UUID",
        ("give the destination the source's -uuid",),
    ),
    Row(
        "capability",
        "qemu",
        "machine",
        "butreceivedcapabilityis",
        r"Capability(?P<a>[\w-]{1,60}?)is(?P<b>on|off),butreceivedcapabilityis(?P<c>on|off)",
        "the migration capability {a} is {b} here and {c} at the source",
        ("set it alike on both sides",),
    ),
    Row(
        "capability-unknown",
        "qemu",
        "machine",
        "receivedunknowncapability",
        r"Receivedunknowncapability(?P<a>[\w-]{1,50}?)(?:qemu|$|\W)",
        "the source uses a migration capability that this QEMU does not have",
        ("use a destination QEMU at least as new as the source's",),
    ),
    Row(
        "vcpu-count",
        "qemu",
        "machine",
        "unknownsavevmsectionorinstance'cpu'",
        r"Unknownsavevmsectionorinstance'cpu'(?P<b>\d{1,10})",
        "the stream holds more vCPUs than the destination has: vCPU {b} is missing there",
        ("start the destination with the source's -smp (hot-plugged vCPUs included)",),
    ),
    Row(
        "cpu-subsection",
        "qemu",
        "device state",
        "failedtoloadcpu/",
        r"Failedtoloadcpu/(?P<a>[\w-]{1,40})",
        "the part {a} of a vCPU's state did not load: the destination's vCPU lacks a feature that the source's has",
        ("create the destination's vCPU with the source's features (-cpu options)",),
    ),
    Row(
        "ram-large",
        "qemu",
        "RAM",
        "sizetoolarge:",
        r"Sizetoolarge:(?P<a>[\w:.,/@+-]{1,120}?):0x(?P<b>[0-9a-f]{1,20})>0x(?P<c>[0-9a-f]{1,20})",
        "the memory block {a} of the stream (0x{b}) is larger than the destination can make it (0x{c})",
        (_SAME_MACHINE,),
    ),
    Row(
        "postcopy",
        "qemu",
        "channel",
        "iofailureforpostcopy",
        r"DetectedIOfailureforpostcopy",
        "the connection broke during post-copy: the VM is paused here, the rest of its memory is on the source",
        ("keep both QEMUs and resume (migrate_recover at the destination, migrate -r at the source)",),
    ),
    Row(
        "machine-unknown",
        "qemu",
        "machine",
        "unsupportedmachinetype",
        r"(?:-machine)?(?P<a>[\w.-]{2,40}?):unsupportedmachinetype|unsupportedmachinetype",
        "this QEMU does not have the machine type: it is older than the source's, or another vendor's build",
        ("use a destination QEMU that lists it (-machine help)",),
    ),
    Row(
        "section",
        "qemu",
        "device state",
        "unknownsavevmsectionorinstance",
        r"Unknownsavevmsectionorinstance'(?P<a>(?!cpu')[^']{1,120})'(?P<b>\d{1,10})",
        "the destination has no device {a} (instance {b}), which the stream holds",
        (
            _SAME_MACHINE,
            "unplug and plug alike: hot-plugged devices have to be on its command line",
        ),
    ),
    Row(
        "section-type",
        "qemu",
        "device state",
        "unknownsavevmsection",
        r"Unknownsavevmsection(?:type)?(?P<a>\d{1,10})",
        "the stream is damaged, or a device read more or less than was saved (versions of QEMU that do not fit)",
        (
            "compare the QEMU versions of both sides",
            "save again: the file may be cut off",
        ),
    ),
    Row(
        "footer",
        "qemu",
        "device state",
        "missingsectionfooter",
        r"Missingsectionfooterfor(?P<a>[\w:./@-]{1,80}?)(?=qemu|$|[\s\[(])",
        "the state of {a} has another length than the destination expects: its versions of the device differ",
        (
            "use the same machine type and QEMU builds that fit (downstream builds differ)",
            _SAME_MACHINE,
        ),
    ),
    Row(
        "footer-id",
        "qemu",
        "device state",
        "mismatchedsectionid",
        r"Mismatchedsectionidinfooterfor(?P<a>[\w:./@-]{1,80}?)-read",
        "the state of {a} has another length than the destination expects: its versions of the device differ",
        (_SAME_MACHINE,),
    ),
    Row(
        "device-new",
        "qemu",
        "device state",
        "istoonewforlocalversion_id",
        r"(?P<a>[\w./@-]{1,60}?):incomingversion_id(?P<b>\d{1,10})istoonewforlocalversion_id(?P<c>\d{1,10})",
        "the state of {a} is of version {b}, this QEMU knows {c}: the destination's QEMU is older",
        ("use a destination QEMU at least as new as the source's",),
    ),
    Row(
        "device-old",
        "qemu",
        "device state",
        "istoooldforlocalminimum",
        r"(?P<a>[\w./@-]{1,60}?):incomingversion_id(?P<b>\d{1,10})istoooldforlocalminimum",
        "the state of {a} is of version {b}, which this QEMU no longer reads",
        ("use a destination QEMU nearer to the source's, or migrate by way of one between them",),
    ),
    Row(
        "device-version",
        "qemu",
        "device state",
        "unsupportedversion",
        r"savevm:unsupportedversion(?P<a>\d{1,10})for'(?P<b>[^']{1,60})'v(?P<c>\d{1,10})",
        "the state of {b} is of version {a}, this QEMU knows {c}",
        ("use a destination QEMU at least as new as the source's",),
    ),
    Row(
        "vmstate-field",
        "qemu",
        "device state",
        "failedtoload",
        r"Failedtoload(?P<a>(?!cpu[:/])[\w.@/-]{1,60}):(?P<b>[\w.\[\]-]{1,60})",
        "a field of the device {a} did not load",
        (_SAME_MACHINE,),
        TELLING,
    ),
    Row(
        "virtio-features",
        "qemu",
        "device state",
        "unsupported.allowedfeatures",
        r"Features0x(?P<a>[0-9a-f]{1,20})unsupported\.Allowedfeatures:0x(?P<b>[0-9a-f]{1,20})",
        "the guest uses virtio features that the destination's device does not offer",
        (
            _SAME_MACHINE,
            "compare the device's properties, vhost backends and their versions",
        ),
    ),
    Row(
        "virtqueue",
        "qemu",
        "device state",
        "inconsistentwithhostindex",
        r"VQ(?P<a>\d{1,10})size0x[0-9a-f]{1,20}(?:Guestindex|<)",
        "a virtio queue is inconsistent: the guest's memory and the device state do not belong together",
        ("save again; look for a device that went on running during the copy",),
    ),
    Row(
        "pci-config",
        "qemu",
        "device state",
        "get_pci_config_device",
        r"get_pci_config_device:Badconfigdata",
        "a PCI device has another configuration space on the two sides (device version or properties)",
        (_SAME_MACHINE,),
    ),
    Row(
        "not-a-stream",
        "qemu",
        "channel",
        "notamigrationstream",
        r"Notamigrationstream",
        "what was read is not a QEMU migration stream",
        (
            (
                "give the file that was saved, without wrapper or compression (libvirt's saves have a"
                " header: virsh restore)"
            ),
        ),
    ),
    Row(
        "stream-version",
        "qemu",
        "channel",
        "unsupportedmigrationstreamversion",
        r"Unsupportedmigrationstreamversion",
        "the stream's format version is not known to this QEMU",
        ("compare the QEMU versions",),
    ),
    Row(
        "stream-version-2",
        "qemu",
        "channel",
        "savevmv2formatisobsolete",
        r"SaveVMv2formatisobsolete",
        "the stream is of format version 2, which no current QEMU reads: a very old QEMU saved it, or it is damaged",
        ("check that the saved file is whole", "load it with the QEMU that saved it"),
    ),
    Row(
        "protocol",
        "qemu",
        "channel",
        "unknownmigrationprotocol",
        r"unknownmigrationprotocol:",
        "QEMU does not know the kind of address that the migration was given",
        ("begin it with tcp:, unix:, exec:, fd:, rdma: or (QEMU 8.2 and newer) file:",),
    ),
    Row(
        "no-snapshot",
        "qemu",
        "channel",
        "doesnotexistinoneormoredevices",
        r"Snapshot'(?P<a>[^']{1,80})'doesnotexistinoneormoredevices",
        "the internal snapshot {a} is not in every disk image of this VM: no register was looked at",
        ("`qemu-img snapshot -l IMAGE` lists what each image has; attach the images that the VM was saved with",),
    ),
    Row(
        "no-snapshot-device",
        "qemu",
        "channel",
        "noblockdevicecanstorevmstate",
        r"noblockdevicecanstorevmstateforsnapshot",
        "no disk of this VM can hold an internal snapshot: no register was looked at",
        ("attach the writable qcow2 image that the VM was saved in",),
    ),
    Row(
        "blocked",
        "qemu",
        "device state",
        "non-migratabledevice",
        r"Stateblockedbynon-migratabledevice'(?P<a>[^']{1,80})'",
        "the device {a} cannot be migrated",
        ("remove it before the migration",),
    ),
    Row(
        "outgoing-blocked",
        "qemu",
        "machine",
        "migrationisdisabled",
        r"(?:Outgoingmigrationblocked|Migrationisdisabled)",
        "QEMU at the source refuses to migrate this VM at all",
        ("read the reason behind the words; a device or option of the VM blocks it",),
        TELLING,
    ),
    Row(
        "ram-order",
        "qemu",
        "RAM",
        "illegalramoffset",
        r"IllegalRAMoffset[0-9a-f]{1,20}",
        "the RAM blocks of both sides do not match",
        (_SAME_MACHINE,),
    ),
    Row(
        "gic-state",
        "qemu",
        "device state",
        "device_attrfailed:group",
        (
            r"KVM_(?:SET"
            r"|GET)_DEVICE_ATTRfailed:Group(?P<a>\d{1,10})attr0x(?P<b>[0-9a-f]{1,20}):(?P<c>[A-Za-z/]{3,30}?)(?=qemu"
            r"|$|Aborted|\W)"
        ),
        (
            "KVM did not take state of the interrupt controller (device attribute group {a}, 0x{b}): GIC or"
            " ITS, no vCPU register"
        ),
        (
            "use the same gic-version, its=on/off and number of vCPUs on both sides",
            "compare the host kernels: older ones lack some GIC attributes",
        ),
    ),
    Row(
        "device-arm-gic",
        "qemu",
        "device state",
        "device'arm_gic",
        r"whileloadingstateforinstance0x(?P<b>[0-9a-f]{1,20})ofdevice'(?P<a>arm_gic(?!\w{0,30}_its')[\w/-]*|arm-gic[\w/-]*)'",
        "the state of the interrupt controller ({a}) did not load: no CPU register",
        ("use the same gic-version (and its=) on both sides; GICv2 and GICv3 state do not fit each other",),
        TELLING,
    ),
    Row(
        "device-its",
        "qemu",
        "device state",
        "_its'",
        r"whileloadingstateforinstance0x(?P<b>[0-9a-f]{1,20})ofdevice'(?P<a>\w{0,30}_its)'",
        "the state of the GIC's interrupt translation service (ITS) did not load",
        ("use its=on and the same GIC version on both sides",),
        TELLING,
    ),
    Row(
        "device",
        "qemu",
        "device state",
        "ofdevice'",
        (
            r"loadingstateforinstance0x(?P<b>[0-9a-f]{1,8})ofdevice"
            r"'(?P<a>(?!cpu')(?!arm_gic)(?!\w{0,30}_its')[\w:./@ -]{2,80})'"
        ),
        "the state of the device {a} did not load: no CPU register",
        (_SAME_MACHINE,),
        TELLING,
    ),
    Row(
        "device-section",
        "qemu",
        "device state",
        "loadingstatesection",
        r"loadingstatesection(?:id)?(?P<b>\d{1,8})\((?P<a>(?!cpu\))[\w:./@ -]{2,80})\)",
        "the state of the device {a} did not load: no CPU register",
        (_SAME_MACHINE,),
        TELLING,
    ),
    Row(
        "old-state",
        "qemu",
        "load",
        "whileloadingvmstate",
        r"Error(?P<a>-\d+)whileloadingVMstate",
        "loading a saved state failed",
        (),
        GENERIC,
    ),
    Row(
        "load-tail",
        "qemu",
        "load",
        "loadofmigrationfailed",
        r"loadofmigrationfailed",
        "the load of a migration failed",
        (),
        GENERIC,
    ),
    Row(
        "libvirt-channel",
        "libvirt",
        "channel",
        "failed:channelerror",
        r"job'migration(?:out|in)'failed:Channelerror",
        "libvirt reports a channel error only: another program, QEMU on one of the two sides, closed the connection",
        (_OTHER_SIDE,),
    ),
    Row(
        "channel",
        "qemu",
        "channel",
        "channelerror:|fromsocket|tosocket|failedtoconnectto|resetbypeer|brokenpipe",
        (
            r"(?:Channelerror:|Unabletoreadfromsocket|Unabletowritetosocket|Failedtoconnectto"
            r"|Connectionresetbypeer|Brokenpipe|Failedtoreadfromsocket|channelerror)"
        ),
        "the connection between the two sides broke off",
        (
            _OTHER_SIDE,
            "check network, port and TLS between the hosts",
        ),
        TELLING,
    ),
    Row(
        "io-tail",
        "qemu",
        "channel",
        "loadofmigrationfailed:input/outputerror",
        r"loadofmigrationfailed:Input/outputerror",
        "the incoming stream ended too early: the source stopped, the connection broke or the file is cut off",
        (
            _OTHER_SIDE,
            "check that the saved file is whole",
        ),
        TELLING,
    ),
)

_BASE_REGISTER = r"Set(?:Base|Core)Register\(Error\("
_WHICH_BASE = "PC, PSTATE or X0 of a fresh vCPU; the text does not say which, and nothing was restored"

_START = (
    # libkrun, src/arch/src/aarch64/linux/regs.rs, setup_regs(); what KVM answers: arch/arm64/kvm/arm.c,
    # kvm_arch_vcpu_ioctl(), and guest.c, set_core_reg() and set_sve_reg()
    Row(
        "base-register-init",
        "libkrun",
        "vCPU init",
        "setbaseregister(error(8))|setcoreregister(error(8))",
        _BASE_REGISTER + r"8\)\)",
        f"the program could not set {_WHICH_BASE}: ENOEXEC, the vCPU was not initialised (KVM_ARM_VCPU_INIT)",
        ("look for the error of KVM_ARM_VCPU_INIT before it: a vCPU feature that this host does not offer",),
    ),
    Row(
        "base-register-permission",
        "libkrun",
        "vCPU init",
        "setbaseregister(error(1))|setcoreregister(error(1))",
        _BASE_REGISTER + r"1\)\)",
        f"the program could not set {_WHICH_BASE}: EPERM, which KVM does not answer for such a register",
        (
            "with SVE, KVM answers EPERM before KVM_ARM_VCPU_FINALIZE: check that the program finalises the vCPU first",
            "otherwise look for what filters system calls (seccomp, a container's or an LSM's policy)",
        ),
    ),
    Row(
        "base-register",
        "libkrun",
        "vCPU init",
        "setbaseregister(error(|setcoreregister(error(",
        _BASE_REGISTER + r"(?P<a>(?![18]\))\d{1,3})\)\)",
        f"the program could not set {_WHICH_BASE}: error {{a}}",
        ("see with strace which KVM_SET_ONE_REG failed, and the id that it was given",),
    ),
    # target/arm/kvm.c, cpu.c, cpu64.c; hw/arm/virt.c; accel/kvm/kvm-all.c; libvirt; arch/arm64/kvm/arm.c
    Row(
        "cpu-model",
        "qemu",
        "vCPU init",
        "kvmisnotsupportedforthisguestcputype",
        r"KVMisnotsupportedforthisguestCPUtype",
        "the -cpu model cannot be used with KVM on this host; no register was written",
        (_HOST_CPU,),
    ),
    Row(
        "cpu-model-virt",
        "qemu",
        "machine",
        "mach-virt:cputype",
        r"mach-virt:CPUtype(?P<a>[\w.-]{1,60}?)notsupported",
        "the machine virt does not take the CPU type {a}",
        (_HOST_CPU,),
    ),
    Row(
        "cpu-invalid",
        "qemu",
        "machine",
        "invalidcpumodel",
        r"InvalidCPUmodel:(?P<a>[\w.-]{1,40}?)(?:The|qemu|$)",
        "the CPU model {a} is not one that this machine takes",
        (_HOST_CPU,),
    ),
    Row(
        "pmu-irq",
        "qemu",
        "vCPU init",
        "failedtosetirqforpmu",
        r"failedtosetirqforPMU",
        (
            "KVM did not take the interrupt of the PMU (a device attribute, no register): mostly the VM was"
            " given a GICv2 that the host cannot emulate, or the host has no PMU driver"
        ),
        (
            "use -machine virt,gic-version=3 (or host, or max); older QEMU takes GICv2 where nothing is said",
            "with `No such device`: the host's own PMU driver is missing (dmesg | grep -i pmu)",
            "or create the vCPU with pmu=off",
        ),
    ),
    Row(
        "cpu-unknown",
        "qemu",
        "machine",
        "unabletofindcpumodel",
        r"unabletofindCPUmodel'(?P<a>(?!host')[\w.+-]{1,60})'",
        "this QEMU has no CPU model {a}: it is older, another build, or the name is wrong",
        ("use a QEMU that lists it (-cpu help); both sides of a migration need the same model",),
    ),
    Row(
        "cpu-host-unknown",
        "qemu",
        "start",
        "unabletofindcpumodel'host'",
        r"unabletofindCPUmodel'host'",
        "this QEMU has no CPU model host: it was built without KVM, or for another architecture than the host's",
        ("use qemu-system-aarch64 of an arm64 host, with KVM",),
    ),
    Row(
        "gic-host",
        "qemu",
        "start",
        "gic-version=hostrequireskvm",
        r"gic-version=hostrequiresKVM",
        "an interrupt controller as the host has (gic-version=host) was asked for without KVM",
        ("say -accel kvm and look whether /dev/kvm exists, or name a version: gic-version=3",),
    ),
    Row(
        "gic-word",
        "qemu",
        "machine",
        "invalidgic-versionvalue",
        r"Invalidgic-versionvalue",
        "this QEMU does not know the value that gic-version was given",
        ("use one of the values that it lists in the next line",),
    ),
    Row(
        "gic-cpus",
        "qemu",
        "machine",
        "exceedsmaxcpussupportedbymachine",
        r"NumberofSMPCPUsrequested\((?P<a>\d{1,6})\)exceedsmaxCPUssupportedbymachine'mach-virt'\((?P<b>\d{1,6})\)",
        "the VM has {a} vCPUs, and its interrupt controller serves {b}",
        ("use gic-version=3 (a GICv2 serves 8); a saved VM needs the interrupt controller it was saved with",),
    ),
    Row(
        "smp-limit",
        "qemu",
        "machine",
        "themaxcpussupportedbymachine",
        r"InvalidSMPCPUs(?P<a>\d{1,6})\.ThemaxCPUssupportedbymachine'(?P<b>[\w.-]{1,40})'is(?P<c>\d{1,6})",
        "the machine type {b} has at most {c} vCPUs, and {a} were asked for",
        ("give it fewer (-smp), as many as the source has",),
    ),
    Row(
        "no-memory",
        "qemu",
        "start",
        "cannotsetupguestmemory",
        r"cannotsetupguestmemory'(?P<a>[\w.-]{1,60})':Cannotallocatememory",
        "the host has no room for the guest's memory ({a})",
        ("give the VM less memory where it is new; a saved VM needs what it was saved with",),
    ),
    Row(
        "pauth-impdef",
        "qemu",
        "vCPU init",
        "cannotenablepauth-",
        r"cannotenablepauth-(?P<a>impdef|qarma3|qarma5)without(?P<b>pauth)",
        "an algorithm of pointer authentication was chosen (pauth-{a}), which itself is switched off",
        ("say pauth=on too, or leave pauth-{a} out",),
    ),
    Row(
        "kvmtool-init",
        "kvmtool",
        "vCPU init",
        "unabletoinitialisevcpu|unabletofindmatchingtarget",
        r"Unableto(?:initialisevcpu|findmatchingtarget)",
        "a vCPU could not be created by kvmtool: KVM_ARM_VCPU_INIT failed, before any register was written",
        ("leave options such as --pmu, --nested, --sve-max-vl and --aarch32 out and add them one by one",),
    ),
    Row(
        "pmu-init",
        "qemu",
        "vCPU init",
        "failedtoinitpmu",
        r"failedtoinitPMU",
        "KVM could not initialise the PMU of a vCPU (a device attribute, no register)",
        (
            "check that the host has a PMU driver and the VM an in-kernel GIC",
            "or create the vCPU with pmu=off",
        ),
    ),
    Row(
        "pvtime",
        "qemu",
        "vCPU init",
        "failedtoinitpvtime",
        r"failedtoinitPVTIMEIPA",
        "KVM did not take the address of the stolen-time page",
        ("use kvm-steal-time=off",),
    ),
    Row(
        "feature",
        "qemu",
        "vCPU init",
        "featurenotsupported",
        (
            r"'(?P<a>pauth|sve|sme|pmu|aarch64|mte|el2|pauth-impdef"
            r"|kvm-steal-time)'(?:feature)?(?:is)?notsu?p?ported(?:by(?P<b>KVM|hvf|HVF"
            r"|TCG))?(?:onthishost)?"
        ),
        "the vCPU feature {a} was asked for, and the host does not offer it",
        ("leave the option out, or say {a}=off; both sides of a migration need the same features",),
    ),
    Row(
        "feature-32",
        "qemu",
        "vCPU init",
        "cannotbedisabledunlesskvm",
        r"'aarch64'featurecannotbedisabledunlessKVMisenabled",
        "a 32-bit vCPU was asked for, which KVM offers only where the host's EL1 runs AArch32",
        ("use a 64-bit vCPU, or a host whose cores have AArch32 at EL1",),
    ),
    Row(
        "vector-length",
        "qemu",
        "vCPU init",
        "cannotenablesve|cannotdisablesve",
        r"cannot(?P<c>enable|disable)sve(?P<a>\d{1,10})",
        "the SVE vector length of {a} bits cannot be set so here",
        ("choose lengths that both hosts have: sveN=on/off alike on both sides",),
    ),
    Row(
        "vector-length-sme",
        "qemu",
        "vCPU init",
        "cannotenablesme|cannotdisablesme",
        r"cannot(?P<c>enable|disable)sme(?P<a>\d{1,10})",
        "the SME vector length of {a} bits cannot be set so here",
        ("choose lengths that both hosts have: smeN=on/off alike on both sides",),
    ),
    Row(
        "vector-length-cpu",
        "qemu",
        "vCPU init",
        "supportthevectorlength",
        r"(?:ThisCPU|ThisKVMhost|KVM)doesnotsupportthevectorlength(?P<a>\d{1,10})-?bits",
        "the host does not support the vector length of {a} bits",
        ("choose lengths that both hosts have: sveN=on/off alike on both sides",),
    ),
    Row(
        "vector-needs",
        "qemu",
        "vCPU init",
        "mustbeenabledtoenablevectorlengths",
        r"(?P<a>SVE|SME)mustbeenabledtoenablevectorlengths",
        "vector lengths were set while {a} is off",
        ("say {a}=on first, or leave the lengths out",),
    ),
    Row(
        "vector-none",
        "qemu",
        "vCPU init",
        "vectorlengthsaredisabled",
        (
            r"(?:All(?P<a>SVE|SME)vectorlengthsaredisabled|resultsinallvectorlengthsbeingdisabled"
            r"|atleastonevectorlengthmustbeenabled)"
        ),
        "no vector length is left over",
        ("keep at least one length on",),
    ),
    Row(
        "vector-max",
        "qemu",
        "vCPU init",
        "themaximumvectorlengthmustbeenabled",
        r"Themaximumvectorlengthmustbeenabled",
        "the largest of the chosen vector lengths is off",
        ("keep the largest one on",),
    ),
    Row(
        "passthrough",
        "libvirt",
        "start",
        "isnotsupportedbyhypervisor",
        (
            r"CPUmode'(?P<a>[\w-]{1,40})'for(?P<b>\w{1,20}?)(?P<c>kvm|qemu"
            r"|hvf)domainon(?P<d>\w{1,20})hostisnotsupportedbyhypervisor"
        ),
        (
            "libvirt found no usable hypervisor for CPU mode {a} (domain type {c}, {b} guest on a {d}"
            " host): mostly /dev/kvm is missing, or the guest has another architecture"
        ),
        (
            "check /dev/kvm on that host and `virsh domcapabilities`",
            "a guest of another architecture cannot use host-passthrough",
        ),
    ),
    Row(
        "no-kvm",
        "qemu",
        "start",
        "couldnotaccesskvmkernelmodule",
        r"CouldnotaccessKVMkernelmodule:(?P<a>[A-Za-z]{4,30}?)(?=qemu|$|\W)",
        "/dev/kvm cannot be used ({a}): no VM was created",
        ("check that KVM started (dmesg | grep kvm), that the host runs at EL2, and the rights of /dev/kvm",),
    ),
    Row(
        "kvm-init",
        "qemu",
        "start",
        "failedtoinitializekvm",
        r"failedtoinitialize(?P<a>kvm):(?P<b>[A-Za-z()]{4,40}?)(?=qemu|$|\W)",
        "KVM could not be used: {b}",
        ("check /dev/kvm, its rights, and dmesg of the host",),
        TELLING,
    ),
    Row(
        "dev-kvm",
        "another program",
        "start",
        "/dev/kvm",
        (
            r"(?:open|access|openat"
            r"|opening)[^a-z]{0,4}(?:of)?['\x22(]*/dev/kvm['\x22)]*.{0,20}?(?P<a>Nosuchfileordirectory"
            r"|Permissiondenied|Nosuchdevice|ENOENT|EACCES|ENODEV)"
        ),
        "/dev/kvm cannot be opened ({a})",
        ("check that KVM started on the host (dmesg | grep kvm) and the rights of /dev/kvm",),
    ),
    Row(
        "kvm-object",
        "another program",
        "start",
        "creatingkvmobject|hypervisorcreate(|kvmnew(",
        (
            r"(?:ErrorcreatingKVMobject:?|HypervisorCreate\(\w*\(?|KvmNew\()"
            r"(?P<a>Nosuchfileordirectory|Permissiondenied|[A-Z][A-Za-z]{3,30})"
        ),
        "/dev/kvm cannot be used ({a}): no VM was created",
        ("check that KVM started on the host (dmesg | grep kvm) and the rights of /dev/kvm",),
    ),
    Row(
        "steal-time",
        "qemu",
        "vCPU init",
        "'kvm-steal-time'cannotbeenabled",
        r"'kvm-steal-time'cannotbeenabled",
        "stolen-time accounting was asked for, and the host's KVM does not offer it",
        ("say kvm-steal-time=off",),
    ),
    # Firecracker, src/vmm/src/arch/aarch64/vcpu.rs, enable_pvtime() and VcpuArchError::DeviceAttribute (1.13 and newer)
    Row(
        "pvtime-restore",
        "firecracker",
        "vCPU init",
        "deviceattributesforvcpu|restorestate(deviceattribute(",
        r"(?:set/getdeviceattributesforvCPU:|RestoreState\(DeviceAttribute\((?:Error\(|Errno\()?)(?P<a>\w{1,40})",
        "stolen time (pvtime) could not be set up for the vCPU ({a}): a device attribute, no register",
        ("restore on a host whose KVM offers stolen time, as the source's did (KVM_ARM_VCPU_PVTIME_CTRL)",),
    ),
    # Cloud Hypervisor after 53, vmm/src/cpu.rs, verify_mpidr()
    Row(
        "mpidr-mismatch",
        "cloud-hypervisor",
        "vCPU init",
        "mpidrmismatch",
        (
            r"vCPU(?P<a>\d{1,6})MPIDRmismatch:mpidr_from_vcpu_id\(\)\((?P<b>0x[0-9a-f]{1,16})\).{0,80}?"
            r"\((?P<c>0x[0-9a-f]{1,16})\)"
        ),
        "vCPU {a} reads MPIDR_EL1 {c}, where Cloud Hypervisor works with {b}: it stops before the guest runs",
        ("restore each vCPU under the number that it had, from a snapshot of Cloud Hypervisor itself",),
    ),
    Row(
        "gic-probe",
        "qemu",
        "machine",
        "gicversionsupportedbyhost|gic-version",
        r"UnabletodetermineGICversionsupportedbyhost|gic-version=(?P<a>\w{1,12}?)(?:is)?notsupported",
        "the GIC version that was asked for is not offered by KVM on this host",
        ("use gic-version=host or max where the VM is new; a migrated VM needs a host that offers its GIC version",),
    ),
    Row(
        "kvm-run",
        "qemu",
        "guest",
        "kvmrunfailed",
        r"kvmrunfailed(?P<a>[A-Z][A-Za-z]{3,24}?)(?=PC=|qemu|NIP|[ER]AX|PSW|$|\W)",
        "a vCPU stopped while it ran: KVM_RUN failed ({a}); no register was restored at that moment",
        ("read the host's dmesg of that moment, and the guest's pc",),
    ),
    Row(
        "no-syndrome",
        "host",
        "guest",
        "instructiondecodingnotimplemented|dataabortoutsidememslots",
        r"load/storeinstructiondecodingnotimplemented|[Dd]ataabortoutsidememslots(?:withnovalidsyndromeinfo)?",
        "a guest accessed device memory with an instruction that KVM cannot emulate (no syndrome): no register restore",
        ("look at the guest's driver for that address: pairs, write-back and vector accesses are the usual ones",),
    ),
    Row(
        "property",
        "qemu",
        "machine",
        "property'",
        r"Property'(?P<a>[\w.-]{3,60})'notfound",
        "this QEMU has no option {a}: another version, CPU model or architecture has it",
        ("leave the option out, or use the QEMU that has it; both sides of a migration need the same options",),
    ),
    Row(
        "no-accel",
        "qemu",
        "start",
        "invalidaccelerator",
        r"invalidaccelerator(?P<a>\w{2,12}?)(?=qemu|$|\W)",
        "this QEMU has no accelerator {a}: it was built without it, or for another architecture than the host's",
        ("use qemu-system-aarch64 on an arm64 host",),
    ),
    Row(
        "gic-emulation",
        "qemu",
        "machine",
        "doesnotsupportgicv",
        r"(?P<b>KVM|HVF|TCG|hvf|kvm)doesnotsupportGICv(?P<a>\d)emulation",
        "{b} on this host cannot emulate a GICv{a}",
        ("use gic-version=host or max where the VM is new; a migrated VM needs a host that offers its GIC version",),
    ),
    Row(
        "gic-create",
        "qemu",
        "machine",
        "kernelirqchip|in-kernel|kvm-arm-gic",
        (
            r"(?:Create(?:in|d)?kernelirqchipfailed|failedtocreatein-kernelGIC"
            r"|Initializationofdevicekvm-arm-gic(?:v3)?failed"
            r"|errorcreatingin-kernelVGIC)(?::(?P<a>[A-Za-z]{4,30}?)(?=qemu|$|\W))?"
        ),
        "the in-kernel interrupt controller could not be created",
        ("try gic-version=3, or 2 on hosts with GICv2 alone",),
    ),
    Row(
        "ipa",
        "qemu",
        "machine",
        "addressinglimitedto",
        r"Addressinglimitedto(?P<a>\d{1,10})bits,butmemoryexceedsitby(?P<b>\d{1,10})bytes",
        "the VM needs more than the {a} bits of guest physical address that it can have",
        (
            (
                "give it less memory, or use highmem= alike on both sides; the host's `IPA Size Limit`"
                " (dmesg) is the limit"
            ),
        ),
    ),
    Row(
        "ipa-kvm",
        "qemu",
        "machine",
        "ipa",
        r"(?:requiresanIPArange|requestedIPAsize|IPArange\()[^']{0,60}?(?:largerthan|exceed|notsupported|toolarge)",
        "the VM needs a larger guest physical address range than KVM offers on this host",
        ("give it less memory or fewer devices above 4 GiB; dmesg of the host shows `IPA Size Limit`",),
    ),
    Row(
        "el2",
        "qemu",
        "machine",
        "virtualization|el2",
        (
            r"mach-virt:.{0,40}?(?:Virtualizationextensions|'virtualization'|nestedvirtualization|virtualization=on"
            r"|supportEL2)"
            r"|hostkerneldoesnotsupport(?:nested|EL2|virtualization)|'el2'"
        ),
        "nested virtualisation (EL2) was asked for, and KVM or QEMU does not offer it here",
        (
            (
                "leave virtualization=on out, or use a host with FEAT_NV2 whose KVM runs with"
                " kvm-arm.mode=nested and a QEMU that can use it"
            ),
        ),
    ),
    Row(
        "el3",
        "qemu",
        "machine",
        "securityextensions",
        r"mach-virt:.{0,30}?Securityextensions",
        "secure=on (EL3) is not possible under KVM",
        ("leave secure=on out",),
    ),
    Row(
        "mte",
        "qemu",
        "machine",
        "mte",
        (
            r"(?:MTErequested,butnotsupported|mach-virt:.{0,40}?MTEtotheguestCPU"
            r"|FailedtoenableKVM_CAP_ARM_MTE|MTE(?:is)?notsupportedby)"
        ),
        "memory tagging (MTE) was asked for, and it is not offered here",
        ("leave mte=on out; both sides of a migration need the same",),
    ),
    Row(
        "mte-migration",
        "qemu",
        "machine",
        "mteenabled",
        r"(?:LivemigrationdisabledduetoMTEenabled|CannotenableS{0,1}.{0,20}whenguestCPUshasMTEenabled)",
        "a VM with memory tagging (MTE) cannot be migrated by this QEMU",
        ("start the VM without mte=on",),
    ),
    Row(
        "vcpu-create",
        "qemu",
        "vCPU init",
        "kvm_create_vcpu",
        r"(?:KVM_CREATE_VCPU|kvm_init_vcpu:kvm_(?:get|create)_vcpu)failed(?:\((?P<a>\d{1,10})\))?",
        "KVM did not create a vCPU",
        ("compare the number of vCPUs with what the host and the GIC version allow (8 with GICv2)",),
        TELLING,
    ),
    Row(
        "vcpu-init-tail",
        "qemu",
        "vCPU init",
        "kvm_arch_init_vcpufailed",
        r"kvm_arch_init_vcpufailed",
        "setting up a vCPU failed",
        (),
        GENERIC,
    ),
    Row(
        "id-regs-cpu",
        "qemu",
        "vCPU init",
        "failedtoretrievehostcpufeatures",
        r"FailedtoretrievehostCPUfeatures",
        "QEMU could not create a trial vCPU to learn what the host has",
        ("check /dev/kvm and dmesg of the host",),
        TELLING,
    ),
    Row(
        "libvirt-incompatible",
        "libvirt",
        "start",
        "targetcpu",
        (
            r"TargetCPU(?P<a>mode|model|vendor|feature|arch|type"
            r"|check)(?P<b>[\w-]{0,40}?)doesnotmatchsource(?P<c>[\w-]{0,40}?)(?=error|$|\W|\d{4}-)"
        ),
        "libvirt refuses the migration: the two domain definitions have different CPU settings ({a})",
        ("use the source's <cpu> element at the destination",),
    ),
    Row(
        "libvirt-target",
        "libvirt",
        "start",
        "doesnotmatchsource",
        r"Target(?P<a>(?!CPU)[\w:]{3,40}?)(?:'?[\w.-]{0,30}'?)?doesnotmatchsource",
        "libvirt refuses the migration: the two domain definitions differ ({a})",
        ("use the source's domain XML at the destination",),
    ),
    Row(
        "libvirt-guest-cpu",
        "libvirt",
        "start",
        "guestcpudoesn'tmatch",
        r"guestCPUdoesn'tmatchspecification.{0,80}?",
        "the CPU that QEMU made is not the one that the domain definition asks for",
        ("compare <cpu> with `virsh domcapabilities` of the destination",),
    ),
    Row(
        "no-el2",
        "host",
        "host",
        "hypmodenotavailable",
        r"HYPmodenotavailable",
        "the host's kernel was not started at EL2: there is no KVM and no /dev/kvm on it",
        ("boot at EL2 (firmware, boot loader, or the outer hypervisor must allow nested virtualisation)",),
    ),
    Row(
        "kvm-off",
        "host",
        "host",
        "kvmdisabledfromcommandline",
        r"KVMdisabledfromcommandline",
        "KVM is turned off on the host's command line (kvm-arm.mode=none)",
        ("remove the option and reboot",),
    ),
    Row(
        "kvm-no-ipa",
        "host",
        "host",
        "unsupportedipa",
        r"(?:kvm.{0,12})?UnsupportedIPAsize|(?:kvm.{0,12})PhysicalAddressSpace\w*notsupported",
        "the VM asked for more guest physical address bits than the host's KVM offers",
        ("lower memory or highmem; dmesg shows `IPA Size Limit`",),
        TELLING,
    ),
    Row(
        "pmu-event",
        "host",
        "host",
        "pmueventcreationfailed",
        r"pmueventcreationfailed(?P<a>-\d+)",
        "the host's perf could not give the guest a hardware counter (error {a}): no register restore",
        ("check that the host has a PMU driver",),
        TELLING,
    ),
)

_KVM_STARTED = (
    # arch/arm64/kvm/arm.c, init_subsystems() and kvm_arm_init(); reset.c, kvm_set_ipa_limit(); vgic-init.c
    Row(
        "vhe",
        "host",
        "host",
        "modeinitializedsuccessfully",
        r"(?<![nh])VHE(?:\+NV\w*)?modeinitializedsuccessfully",
        "KVM of this host runs in VHE mode",
        (),
        REMARK,
    ),
    Row(
        "nvhe",
        "host",
        "host",
        "hypmodeinitializedsuccessfully",
        (
            r"(?:HypnVHEmode|Hypmode|ProtectednVHEmode|ProtectedhVHEmode|hVHEmode"
            r"|ProtectedVHEmode)initializedsuccessfully"
        ),
        "KVM of this host runs in nVHE mode: host kernel at EL1, hypervisor at EL2",
        (),
        REMARK,
    ),
    Row(
        "pkvm",
        "host",
        "host",
        "protected",
        (
            r"(?:ProtectednVHEmodeinitialized|ProtectedhVHEmodeinitialized|kvm-arm\.mode=protected"
            r"|ProtectedKVM)"
        ),
        "KVM of this host is the protected one (pKVM): protected VMs have their own, smaller set of registers",
        (),
        REMARK,
    ),
    Row(
        "nv",
        "host",
        "host",
        "+nv|kvm-arm.mode=nested|nestedvirtuali",
        r"VHE\+NV\w*mode|kvm-arm\.mode=nested|kvm\[?\d*\]?:nestedvirtuali[sz]ation(?:mode)?(?:enabled|initialized)",
        "KVM of this host offers nested virtualisation",
        (),
        REMARK,
    ),
    Row(
        "ipa-limit",
        "host",
        "host",
        "ipasizelimit:",
        r"IPASizeLimit:(?P<a>\d{1,10})bits",
        "a VM of this host can have {a} bits of guest physical address",
        (),
        REMARK,
    ),
    Row(
        "gic-v3",
        "host",
        "host",
        "gic",
        (
            r"kvm\[\d+\]:(?:disablingGICv2emulation|GICv3:noGICVresource"
            r"|GICsystemregisterCPUinterfaceenabled|vgic-v2@[0-9a-f]{1,20}|GICv(?P<a>\d)sysregtrappingenabled)"
        ),
        "what the host's GIC offers to VMs is reported here",
        (),
        REMARK,
    ),
)

ROWS = (*_LOADING, *_START, *_KVM_STARTED)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def find_failures(pasted: Pasted) -> Iterator[Insight]:
    """Every row of the tables that the text holds, at each place."""
    folded = pasted.squeezed.lower()
    for row in ROWS:
        if not any(part in folded for part in row.anchor.split("|")):
            continue
        for found in islice(_compiled(row.pattern).finditer(pasted.squeezed), _MOST):
            yield _insight(row, found, pasted)


def _insight(row: Row, found: re.Match[str], pasted: Pasted) -> Insight:
    named = {name: pasted.excerpt(*found.span(name)) if text else "" for name, text in found.groupdict().items()}
    headline = row.headline.format(**named)
    return Insight(
        key=row.key,
        program=row.program,
        step=row.step,
        weight=row.weight,
        headline=headline,
        do=tuple(step.format(**named) for step in row.do),
        text=pasted.excerpt(found.start(), found.end()),
        at=found.start(),
    )
