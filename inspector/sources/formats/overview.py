"""Every format that is read: of which versions, what it holds and lacks of a vCPU, and how its reader was checked.

The one owner of these facts: the command `formats` and the README's table are made from it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Check = Literal["real files", "real library", "by source"]
"""real files: written by the program itself; real library: by the library that the program writes with, around state of
our own; by source: by generators of ours after the program's sources"""


class FormatRow(NamedTuple):
    """One format in one span of versions."""

    name: str
    """as `Provenance.format` says it; empty for what is only recognised"""
    title: str
    versions: str
    holds: str
    lacks: str
    check: Check
    checked_with: str


_LIST = "KVM's register list in KVM's order"

FORMATS_READ: tuple[FormatRow, ...] = (
    FormatRow(
        "qemu-stream", "QEMU migration stream of a KVM guest", "2.12 and newer (stream version 3)",
        "core, FP or SVE, every listed register of 32 and 64 bits, power state; machine type",
        "SVE vector lengths, vCPU features (inferred from the list)",
        "real files", "KVM on emulated machines, with QEMU 7.2 and 10.0; to 5.1 by source",
    ),
    FormatRow(
        "qemu-stream", "QEMU migration stream of an emulated guest (TCG)", "2.12 and newer",
        "core, FP or SVE, AArch64 and AArch32 registers, power state",
        "MIDR_EL1, MPIDR_EL1, ID_AA64PFR0_EL1, ID_PFR1_EL1, CCSIDR, DCZID_EL0, firmware registers",
        "real files", "QEMU 5.2, 7.2, 10.0, 11.1; postcopy and background snapshots of 7.2; to 5.1 by source",
    ),
    FormatRow(
        "qemu-stream", "QEMU migration stream of a guest under HVF (macOS) or WHPX (Windows)", "6.2 and newer",
        "core, FP, its own list of AArch64 registers", "MIDR_EL1 and other registers without a raw value, CCSIDR",
        "by source", "target/arm/hvf/hvf.c",
    ),
    FormatRow(
        "libvirt-save", "libvirt save image (virsh save, managed save, memory snapshot)", "header version 2",
        "the QEMU stream in it; raw, gzip, bzip2, xz, zstd, sparse; lzop with the library python-lzo",
        "as the QEMU stream", "real files", "libvirt 9.0 and 12.8",
    ),
    FormatRow(
        "qcow2-snapshot", "QEMU internal snapshots in a qcow2 image", "qcow2 versions 2 and 3",
        "each VM state in it, chosen by --snapshot", "as the QEMU stream; encrypted images",
        "real files", "savevm of QEMU 5.2, 7.2, 10.0, 11.1",
    ),
    FormatRow(
        "analyze-migration", "JSON of QEMU's scripts/analyze-migration.py", "-d state of any version",
        "as the QEMU stream", "power state", "real files", "the script of 10.0",
    ),
    FormatRow(
        "firecracker-vmstate", "Firecracker vmstate", "1.0 to 1.1.3, 1.2.0",
        f"{_LIST}, run state, mpidr", "upper halves of V0 to V31, vCPU features", "by source", "versionize",
    ),
    FormatRow(
        "firecracker-vmstate", "Firecracker vmstate", "1.1.4, 1.2.1 to 1.4",
        f"{_LIST}, run state, mpidr", "vCPU features", "by source", "versionize",
    ),
    FormatRow(
        "firecracker-vmstate", "Firecracker vmstate", "1.5 and 1.6",
        f"{_LIST}, run state, mpidr, feature word", "interrupt controller", "by source", "versionize",
    ),
    FormatRow(
        "firecracker-vmstate", "Firecracker vmstate", "1.7 to 1.14",
        f"{_LIST}, run state, mpidr, feature word", "interrupt controller", "real library", "bincode 2.0.1; to 1.11 by "
        "source",
    ),
    FormatRow(
        "firecracker-vmstate", "Firecracker vmstate", "1.15 and 1.16",
        f"{_LIST}, run state, mpidr, feature word", "interrupt controller", "real library", "bitcode 0.6.9",
    ),
    FormatRow(
        "firecracker-json", "Firecracker CPU template, fingerprint, dump of cpu-template-helper", "custom templates",
        f"{_LIST}; a template's free bits", "PC and counters (left out by the tool), vCPU features",
        "real files", "nine fingerprints of three CPUs",
    ),
    FormatRow(
        "cloud-hypervisor", "Cloud Hypervisor vm.json, state.json or the folder", "19 to 25",
        "core, FP, registers of 32 and 64 bits, run state, mpidr", "vCPU features",
        "by source", "vm-migration, kvm-bindings",
    ),
    FormatRow(
        "cloud-hypervisor", "Cloud Hypervisor state.json or the folder", "26 to 52",
        "core, FP, registers of 32 and 64 bits, run state", "vCPU features; no vCPU with SVE can be saved",
        "by source", "vm-migration, kvm-bindings",
    ),
    FormatRow(
        "cloud-hypervisor", "Cloud Hypervisor state.json or the folder", "53 and newer",
        "core, FP or SVE, registers of 32 and 64 bits, run state", "with SVE: FPSR, FPCR; vCPU features",
        "by source", "vm-migration, hypervisor/src/kvm",
    ),
    FormatRow(
        "crosvm-vcpu", "crosvm vcpuN or the folder", "JSON to March 2025, CBOR since",
        "core, FP, system registers, CCSIDR, firmware registers", "feature bitmaps, SVE, run state, vCPU features",
        "real library", "ciborium 0.2.2 and cbor2",
    ),
    FormatRow(
        "get-reg-list", "kernel selftest get-reg-list", "any", "ids; new and missing ones apart", "values",
        "real files", "output of the selftest's forms",
    ),
    FormatRow(
        "cpusysregs", "arm-cpusysregs text", "any",
        "a machine's own registers, both halves of keys", "what EL1 cannot read",
        "real files", "ten machines of the project's collection",
    ),
    FormatRow(
        "kvm-recording", "recording of a kernel (`record`)", "1",
        "every configuration's list, values and answers to writes",
        "nothing of what was asked", "real files", "49 recordings",
    ),
    FormatRow("dump-json", "dump of this program (`convert`)", "1", "everything above", "nothing", "real files", "own"),
    FormatRow(
        "plain-text", "pasted text, JSON of other tools, lists of values, CPU lists, debuggers, logs", "any",
        "what the text says, bit by bit", "the rest", "real files", "texts of the tools named in the README",
    ),
    FormatRow(
        "", "StratoVirt snapshot", "any", "nothing that is read: its device state has the layout of its own build",
        "everything", "by source", "named, with what to bring instead",
    ),
    FormatRow(
        "", "kvmtool, libkrun", "any", "nothing: neither saves a VM upstream", "everything", "by source",
        "`lkvm debug --dump` text is read as pasted text",
    ),
)  # fmt: skip
