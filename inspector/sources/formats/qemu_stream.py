"""QEMU migration streams (`migrate file:`, `exec:`, savevm): every vCPU's registers, whatever memory the guest has.

The stream is walked to the end of guest memory, without reading a page, then searched for the vCPUs' sections. Where
the walk cannot go on (a device that is saved before memory), the search covers the rest. See `qemu_walk`, `qemu_scan`,
`qemu_cpu` and `qemu_end` for the parts.
"""

from __future__ import annotations

from typing import BinaryIO

from inspector.errors import SourceError
from inspector.registers.encoding import CLASS_BITMAP, CLASS_DEMUX, CLASS_FIRMWARE, class_of, hex_id
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.formats import qemu_cpu
from inspector.sources.formats.qemu_end import described_vcpus
from inspector.sources.formats.qemu_scan import Found, first_group, last_group, scan, start_from_end
from inspector.sources.formats.qemu_walk import MAGIC, VERSION, Walk, walk
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup

NAME = "qemu-stream"


def sniff(content: Content) -> bool:
    """The file begins with QEMU's magic."""
    return content.head.startswith(MAGIC)


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for a truncated or damaged stream, and for one that is not of an arm64 guest."""
    return load_at(content, 0)


def load_at(content: Content, offset: int, container: str = "") -> Dump:
    """The stream that begins at `offset` of a file; `container` says what it lies in."""
    if content.file and content.size is not None:
        stream = content.stream(offset)
        dump = read_stream(stream, content.name, seekable=True, base=offset, length=content.size - offset)
    else:
        dump = read_stream(content.stream(offset), content.name, seekable=False, base=offset)
    return _with(dump, container, content.compression)


def _with(dump: Dump, container: str, compression: str) -> Dump:
    import msgspec

    notes = ((f"the stream lies in {container}",) if container else ()) + dump.notes
    provenance = msgspec.structs.replace(dump.provenance, compression=compression)
    return msgspec.structs.replace(dump, provenance=provenance, notes=notes)


def read_stream(stream: BinaryIO, where: str, *, seekable: bool, base: int = 0, length: int | None = None) -> Dump:
    """Read the stream that begins where `stream` stands.

    `base` is added to the offsets of values; with `seekable`, `stream` can seek, counts from the start of its file, and
    the migration stream is `length` bytes long.
    """
    _check_version(stream.read(8), where)
    walked = walk(stream, seekable, base, length)
    if walked.truncated:
        raise SourceError(f"{walked.stopped}, {walked.position} bytes from its start", where, "the file is truncated")
    if walked.stopped and seekable and length is not None:
        walked.position = start_from_end(stream, base + walked.position, base + length) - base
        stream.seek(base + walked.position)
    result = scan(stream, walked.position)
    group = last_group(result.found) if walked.stopped else first_group(result.found)
    described = described_vcpus(result.tail, where)
    _check_group(group, described, where)
    gic = "v3" if "arm_gicv3" in result.names else "none"
    vcpus = tuple(_vcpu(entry, base, gic) for entry in sorted(group, key=lambda entry: entry.instance))
    return Dump(
        provenance=Provenance(source=where, format=NAME, tool=f"QEMU {walked.machine}".strip(), machine=walked.machine),
        vcpus=vcpus,
        notes=tuple(_notes(walked, group, result.found)),
    )


def _check_version(head: bytes, where: str) -> None:
    if head[:4] != MAGIC or len(head) < 8:
        raise SourceError("holds no QEMU migration stream", where, "one begins with QEVM")
    version = int.from_bytes(head[4:], "big")
    if version != VERSION:
        raise SourceError(f"a QEMU migration stream of version {version}", where, f"QEMU writes version {VERSION}")


def _check_group(group: tuple[Found, ...], described: dict[int, int] | None, where: str) -> None:
    """Raises SourceError unless the sections found are whole, and are those that the stream itself describes."""
    if not group:
        raise SourceError(
            "holds no vCPU", where, "only the device state that `migrate` or `savevm` writes for an arm64 guest has one"
        )
    foreign = [entry for entry in group if entry.version != qemu_cpu.VERSION]
    if len(foreign) == len(group):
        raise SourceError(f"its vCPU section {foreign[0].damage}", where, "is it a guest of another architecture?")
    for entry in group:
        if entry.section is None:
            raise SourceError(f"the section of vCPU {entry.instance} {entry.damage}", where, "the file is damaged")
    counts = {entry.instance: entry.section.listed for entry in group if entry.section}
    expected = described if described else dict.fromkeys(range(len(counts)))
    if missing := sorted(set(expected) - set(counts)):
        raise SourceError(f"the section of vCPU {missing[0]} is missing", where, "the file is damaged")
    for instance, count in (described or {}).items():
        if count and counts[instance] != count:
            raise SourceError(
                f"vCPU {instance} lists {counts[instance]} registers, its own description {count}",
                where,
                "the file is damaged",
            )


def _vcpu(entry: Found, base: int, gic: str) -> Vcpu:
    section = entry.section
    assert section is not None
    return Vcpu(
        index=entry.instance,
        values=section.values,
        setup=listed_setup(section.values, gic="v3" if gic == "v3" else "none"),
        offsets={reg_id: base + entry.payload_at + at for reg_id, at in section.offsets.items()},
    )


def _notes(walked: Walk, group: tuple[Found, ...], found: tuple[Found, ...]) -> list[str]:
    notes = []
    if walked.capabilities:
        notes.append(f"migration capabilities of the stream: {', '.join(walked.capabilities)}")
    if walked.stopped:
        notes.append(f"guest memory was not stepped over page by page ({walked.stopped}); vCPUs were found by pattern")
    if more := len(found) - len(group):
        notes.append(f"{more} more places look like a vCPU section and were passed over")
    for entry in group:
        section = entry.section
        if section and section.aarch32:
            notes.append(f"vCPU {entry.instance} ran AArch32 code: X registers stand for R0-R15 and their banks")
        if section and not section.closed:
            notes.append(f"vCPU {entry.instance}: its section ends in a part that is not known")
    if not any(
        class_of(reg_id) in (CLASS_DEMUX, CLASS_FIRMWARE, CLASS_BITMAP) for entry in group for reg_id in _ids(entry)
    ):
        absent = ", ".join(map(hex_id, (0x603000000013C000, 0x603000000013C020)))
        notes.append(
            f"no KVM registers: QEMU emulated this vCPU (TCG); MIDR_EL1, ID_AA64PFR0_EL1 and CCSIDR ({absent}, ...) are"
            " not in such streams"
        )
    return notes


def _ids(entry: Found) -> list[int]:
    return list(entry.section.values) if entry.section else []
