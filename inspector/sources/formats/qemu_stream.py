"""QEMU migration streams (`migrate file:`, `exec:`, savevm): every vCPU's registers, whatever memory the guest has.

The stream is walked to the end of guest memory, whatever its pages hold, then searched for the vCPUs' sections. Where
the walk cannot go on (a device that is saved before memory), the search covers the rest. In a file with much memory the
walk is left out when the description at the stream's end says where every device's state lies, and all of it is there.
See `qemu_walk`, `qemu_scan`, `qemu_cpu` and `qemu_end` for the parts.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from inspector.budget import Budget
from inspector.errors import SourceError
from inspector.registers.encoding import ARCH_ARM, hex_id, size_of
from inspector.registers.ids import ID_AA64PFR0_EL1, MIDR_EL1
from inspector.sources.dump import Accelerator, Dump, Provenance, Vcpu
from inspector.sources.formats import qemu_cpu
from inspector.sources.formats.qemu_end import described_vcpus, sections_from_end
from inspector.sources.formats.qemu_scan import (
    Extent,
    Found,
    Scan,
    end_of_data,
    examine_section,
    first_group,
    last_group,
    scan,
    start_from_end,
)
from inspector.sources.formats.qemu_walk import LARGE, MAGIC, VERSION, Walk, walk
from inspector.sources.opening import Content, replay
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

NAME: Final = "qemu-stream"
DESCRIBED = "guest memory was not stepped over: the stream's own description says where each device's state lies"
_FEW = 64 << 20
"""Bytes of guest memory behind which the end of a file is looked at before the rest of it"""
_END = 64 << 20
"""Bytes before a file's end in which sections of other architectures are looked for, to say that they are"""


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
        length = content.size - offset
        dump = read_stream(stream, content.name, content.budget, seekable=True, base=offset, length=length)
    else:
        dump = read_stream(content.stream(offset), content.name, content.budget, seekable=False, base=offset)
    return _with(dump, container, content.compression)


def _with(dump: Dump, container: str, compression: str) -> Dump:
    import msgspec

    notes = ((f"the stream lies in {container}",) if container else ()) + dump.notes
    provenance = msgspec.structs.replace(dump.provenance, compression=compression)
    return msgspec.structs.replace(dump, provenance=provenance, notes=notes)


def read_stream(
    stream: BinaryIO, where: str, budget: Budget, *, seekable: bool, base: int = 0, length: int | None = None
) -> Dump:
    """Read the stream that begins where `stream` stands.

    `base` is added to the offsets of values; with `seekable`, `stream` can seek, counts from the start of its file, and
    the migration stream is `length` bytes long. Raises SourceError for a stream that ends early or is none.
    """
    _check_version(stream.read(8), where)
    walked = walk(stream, budget, seekable, base, length, _FEW if seekable and length is not None else 0)
    result = _from_end(walked, stream, budget, base, length)
    if result is None:
        if walked.stopped == LARGE and length is not None:
            stream.seek(base + 8)
            walked = walk(stream, budget, seekable, base, length)
        if walked.truncated:
            what = f"{walked.stopped}, {walked.position} bytes from its start"
            raise SourceError(what, where, "the file is truncated")
        result = _searched(walked, stream if seekable else replay(walked.rest, stream), budget, base, length)
    group = last_group(result.found) if walked.stopped else first_group(result.found)
    _check_group(group, _described(walked, result, where), where)
    accelerator = qemu_cpu.accelerator_of(i for entry in group if entry.section for i in entry.section.offsets)
    gic = "v3" if "arm_gicv3" in result.names else "none"
    vcpus = tuple(_vcpu(entry, base, gic) for entry in sorted(group, key=lambda entry: entry.instance))
    return Dump(
        provenance=Provenance(
            source=where,
            format=NAME,
            tool=Untrusted(f"QEMU {walked.machine}".strip()),
            machine=Untrusted(walked.machine),
            accelerator=accelerator,
        ),
        vcpus=vcpus,
        absent=qemu_cpu.missing(accelerator, vcpus[0].values),
        notes=(*_notes(walked, group, result.found), *_accelerator_notes(accelerator, vcpus)),
    )


def _from_end(walked: Walk, stream: BinaryIO, budget: Budget, base: int, length: int | None) -> Scan | None:
    """The device state of a file whose memory is large, by the lengths that its own description gives; else None."""
    if walked.stopped != LARGE or length is None:
        return None
    begin = base + walked.position
    end = end_of_data(stream, begin, base + length, budget)
    sections = end and sections_from_end(stream, begin, end, walked.ram_id, walked.page_size, budget)
    if not sections:
        return None
    found = []
    for section in sections:
        if section.name != "cpu":
            continue
        stream.seek(section.at)
        entry = examine_section(stream.read(section.length + 5), section, base, budget)
        if entry.section is None or entry.section.length != section.length or not entry.section.closed:
            return None
        found.append(entry)
    walked.stopped = DESCRIBED
    return Scan(
        found=tuple(found),
        tail=b"",
        length=length,
        names=frozenset(section.name for section in sections),
        described={section.instance: section.registers for section in sections if section.name == "cpu"},
    )


def _searched(walked: Walk, stream: BinaryIO, budget: Budget, base: int, length: int | None) -> Scan:
    """What stands behind guest memory; where the walk stopped in it, what is found from the end of a file backwards."""
    if walked.stopped and length is not None:
        found = start_from_end(stream, base + walked.position, base + length, budget)
        walked.position = max(walked.position, length - _END if found is None else found - base)
        stream.seek(base + walked.position)
    # Guest memory that comes through a pipe is as long as it is; nothing else is searched without end.
    memory = walked.stopped == LARGE and length is None
    return scan(
        stream,
        walked.position,
        budget,
        Extent(walked.state_length, base, length),
        may_stop=length is not None or not walked.stopped,
        within_limit=not memory,
    )


def _described(walked: Walk, result: Scan, where: str) -> dict[int, int] | None:
    """The vCPUs that the stream itself describes; a package of device state has neither description nor end mark."""
    if result.described is not None:
        return dict(result.described)
    if not walked.postcopy:
        return described_vcpus(result.tail, where)
    if result.length < walked.position + (walked.state_length or 0):
        raise SourceError("the stream ends inside the package of its device state", where, "the file is truncated")
    return None


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
            other = entry.damage == qemu_cpu.M_PROFILE
            hint = "KVM runs arm64 cores" if other else "the file is damaged"
            raise SourceError(f"the section of vCPU {entry.instance} {entry.damage}", where, hint)
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
        mp_state=section.mp_state,
        offsets={reg_id: base + entry.payload_at + at for reg_id, at in section.offsets.items()},
    )


def _notes(walked: Walk, group: tuple[Found, ...], found: tuple[Found, ...]) -> list[str]:
    notes = []
    if walked.capabilities:
        notes.append(f"migration capabilities of the stream: {', '.join(walked.capabilities)}")
    if walked.stopped == DESCRIBED:
        notes.append(DESCRIBED)
    elif walked.stopped:
        notes.append(f"guest memory was not stepped over page by page ({walked.stopped}); vCPUs were found by pattern")
    if more := len(found) - len(group):
        notes.append(f"{more} more places look like a vCPU section and were passed over")
    for entry in group:
        section = entry.section
        if section and section.aarch32:
            notes.append(f"vCPU {entry.instance} ran AArch32 code: X registers stand for R0-R15 and their banks")
        if section and not section.closed:
            notes.append(f"vCPU {entry.instance}: its section ends in a part that is not known")
    if walked.postcopy:
        notes.append("a postcopy stream: the device state lies in a package before the rest of guest memory")
    return notes


def _accelerator_notes(accelerator: Accelerator, vcpus: tuple[Vcpu, ...]) -> list[str]:
    """What ran the vCPUs where it was not KVM, and what the stream therefore lacks; values wider than their ids say."""
    notes = []
    if accelerator != "kvm":
        told = {"tcg": "QEMU emulated this vCPU (TCG)", "hvf": "HVF on macOS ran this vCPU, or WHPX on Windows"}
        lacking = [name for name, reg_id in _NO_RAW.items() if reg_id not in vcpus[0].values]
        names, who = ", ".join([*lacking, "CCSIDR"]), told.get(accelerator, "KVM did not run it")
        notes.append(f"no KVM registers: {who}; {names} are not in such streams")
    wide = {
        reg_id: value
        for vcpu in vcpus
        for reg_id, value in vcpu.values.items()
        if reg_id >> 56 == ARCH_ARM and value.bit_length() > 8 * size_of(reg_id)
    }
    for reg_id, value in list(wide.items())[:4]:
        notes.append(
            f"{hex_id(reg_id)} holds {value.bit_length()} bits: QEMU saves all bits of the 64-bit register that this "
            "AArch32 one is a part of"
        )
    return notes


_NO_RAW = {"MIDR_EL1": MIDR_EL1, "ID_AA64PFR0_EL1": ID_AA64PFR0_EL1}
