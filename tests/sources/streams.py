"""Small QEMU migration streams, libvirt headers and qcow2 images, built byte by byte for tests."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence

PAGE = 4096
MACHINE = "virt-10.0"

SOME_REGISTERS: Mapping[int, int] = {
    0x6020000000110000: 0x1A,
    0x6020000000110001: 0x3A,
    **{0x6030000000138004 + 8 * n: 0x1000 + n for n in range(60)},
    0x603000000013C000: 0x410FD493,
    0x603000000013C005: 0x80000000,
    0x603000000013C020: 0x1101000021111112,
    0x603000000013C03A: 0x1221011112101011,
    0x6030000000140000: 0x10001,
    0x6030000000160000: 0x3,
}
"""An ascending list as QEMU writes it: demux, debug, ID and firmware registers."""


def section(kind: int, number: int, name: str, instance: int, version: int, payload: bytes) -> bytes:
    """A START (1) or FULL (4) section with its footer."""
    head = struct.pack(">BIB", kind, number, len(name)) + name.encode() + struct.pack(">II", instance, version)
    return head + payload + footer(number)


def footer(number: int) -> bytes:
    """The mark behind every section."""
    return struct.pack(">BI", 0x7E, number)


def subsection(name: str, version: int, body: bytes) -> bytes:
    """A named part of a section."""
    return bytes((5, len(name))) + name.encode() + struct.pack(">I", version) + body


def configuration(capabilities: Sequence[str] = ()) -> bytes:
    """Machine name, page size and capabilities."""
    data = b"\x07" + struct.pack(">I", len(MACHINE)) + MACHINE.encode()
    data += subsection("configuration/target-page-bits", 1, struct.pack(">I", 12))
    if capabilities:
        names = b"".join(bytes((len(c),)) + c.encode() for c in capabilities)
        data += subsection("configuration/capabilities", 1, struct.pack(">I", len(capabilities)) + names)
    return data


def background_ram() -> bytes:
    """RAM of a background snapshot: it has no END section (migration/migration.c, bg_migration_thread)."""
    return ram()[: -len(b"\x03" + bytes(4 + 8) + footer(1))]


def postcopy(vcpus: Sequence[Mapping[int, int]]) -> bytes:
    """A stream that goes over to postcopy: the device state lies in a package (MIG_CMD_PACKAGED is 7, its four bytes
    say how long it is), has no end mark, and memory follows (migration/migration.c, postcopy_start)."""
    state = b"\x08" + struct.pack(">HH", 4, 0)
    for n, values in enumerate(vcpus):
        state += section(4, 20 + n, "cpu", n, 22, cpu_payload(values))
    state += b"\x08" + struct.pack(">HH", 5, 0)
    advise = b"\x08" + struct.pack(">HHQQ", 3, 16, 4096, 4096)
    package = b"\x08" + struct.pack(">HHI", 7, 4, len(state)) + state
    memory = b"\x02" + struct.pack(">I", 1) + struct.pack(">Q", 0x10) + footer(1)
    return b"QEVM" + struct.pack(">I", 3) + configuration() + advise + background_ram() + package + memory


def ram(pages: Sequence[bytes] = (), zero: int = 3, number: int = 1) -> bytes:
    """RAM of one block: its START section, one PART with `pages` and `zero` empty pages, and its END section."""
    total = PAGE * (len(pages) + zero)
    blocks = struct.pack(">Q", total | 4) + b"\x08mach.ram" + struct.pack(">Q", total) + struct.pack(">Q", 0x10)
    words = [
        struct.pack(">Q", n * PAGE | 8 | (0x20 if n else 0)) + (b"" if n else b"\x08mach.ram")
        for n in range(len(pages))
    ]
    parts = [piece for pair in zip(words, pages, strict=True) for piece in pair]
    parts += [struct.pack(">Q", n * PAGE | 2) + b"\x08mach.ram\0" for n in range(len(pages), len(pages) + zero)]
    part = b"".join(parts) + struct.pack(">Q", 0x10)
    mark = struct.pack(">I", number)
    return (
        section(1, number, "ram", 0, 4, blocks)
        + b"\x02" + mark + part + footer(number)
        + b"\x03" + mark + struct.pack(">Q", 0x10) + footer(number)
    )  # fmt: skip


def cpu_payload(
    registers: Mapping[int, int],
    *,
    xregs: Sequence[int] = (),
    regs: Sequence[int] = (),
    pstate: int = 0x3C5,
    spsr: int = 0,
    banked: Mapping[str, Sequence[int]] | None = None,
    sve: bool = False,
    count: int | None = None,
) -> bytes:
    """The body of a `cpu` section; `count` overrides the stated length of the list."""
    banked = banked or {}
    x = list(xregs) or [0x100 + n for n in range(32)]
    data = struct.pack(">16I", *(list(regs) or [0] * 16)) + struct.pack(">32Q", *x)
    data += struct.pack(">QII", 0xFFFF000012345678, pstate, spsr)
    data += struct.pack(">8Q", *banked.get("spsr", [0x50 + n for n in range(8)]))
    data += struct.pack(">8I", *banked.get("r13", [0x1300 + n for n in range(8)]))
    data += struct.pack(">8I", *banked.get("r14", [0x1400 + n for n in range(8)]))
    data += struct.pack(
        ">5I5I", *banked.get("usr", [0x80 + n for n in range(5)]), *banked.get("fiq", [0xF0 + n for n in range(5)])
    )
    data += struct.pack(">4Q", *banked.get("elr", (0xE0, 0xE1, 0xE2, 0xE3))) + struct.pack(
        ">4Q", 0xA0, 0xA1, 0xA2, 0xA3
    )
    data += struct.pack(">i", len(registers) if count is None else count)
    data += struct.pack(f">{len(registers)}Q", *registers) + struct.pack(f">{len(registers)}Q", *registers.values())
    data += bytes(0x41)
    vectors = [word for n in range(32) for word in (n, 0x1000 + n)]
    data += subsection(
        "cpu/vfp", 3, struct.pack(">64Q", *vectors) + bytes(60) + struct.pack(">I", 0x0800_0001 | 0x0040_0000)
    )
    if sve:
        data += subsection(
            "cpu/sve", 1, b"".join(struct.pack(">14Q", *[7] * 14) for _ in range(32)) + bytes(17 * 32 - 1) + b"\x09"
        )
    return data + subsection("cpu/irq-line-state", 1, bytes(4))


def description(counts: Sequence[int]) -> bytes:
    """The trailing JSON with the fields that matter here."""
    devices = [
        {"name": "cpu", "instance_id": n, "fields": [{"name": "cpreg_vmstate_indexes", "array_len": count}]}
        for n, count in enumerate(counts)
    ]
    text = json.dumps({"configuration": {}, "page_size": PAGE, "devices": devices}).encode()
    return b"\x06" + struct.pack(">I", len(text)) + text


def _described(name: str, instance: int, version: int, payload: bytes) -> dict[str, object]:
    """A device of the description as QEMU writes it: what its fields and subsections add up to is its section."""
    device: dict[str, object] = {"name": name, "instance_id": instance, "vmsd_name": name, "version": version}
    if name != "cpu":
        return device | {"fields": [{"name": "all", "type": "buffer", "size": len(payload)}]}
    (count,) = struct.unpack_from(">i", payload, 0x238)
    parts = payload.find(b"\x05\x07cpu/vfp")
    fields = [
        {"name": "env", "type": "struct", "size": (len(payload) if parts < 0 else parts) - 16 * count},
        {"name": "cpreg_vmstate_indexes", "array_len": count, "type": "uint64", "size": 8},
        {"name": "cpreg_vmstate_values", "array_len": count, "type": "uint64", "size": 8},
    ]
    if parts < 0:
        return device | {"fields": fields}
    rest = len(payload) - parts - 6 - len("cpu/vfp")
    vfp = {"vmsd_name": "cpu/vfp", "version": 3, "fields": [{"name": "all", "type": "buffer", "size": rest}]}
    return device | {"fields": fields, "subsections": [vfp]}


def state(sections: Sequence[tuple[int, str, int, int, bytes]], whole: bool = True) -> bytes:
    """Device sections (number, name, instance, version, payload), the end mark, and with `whole` their description."""
    data = b"".join(section(4, *one) for one in sections) + b"\0"
    if not whole:
        return data
    devices = [_described(*one[1:]) for one in sections]
    text = json.dumps({"configuration": {}, "page_size": PAGE, "devices": devices}).encode()
    return data + b"\x06" + struct.pack(">I", len(text)) + text


def stream(
    vcpus: Sequence[Mapping[int, int]] = (SOME_REGISTERS,),
    *,
    memory: bytes | None = None,
    described: bool = True,
    capabilities: Sequence[str] = (),
    payloads: Sequence[bytes] | None = None,
    sve: bool = False,
) -> bytes:
    """A whole stream with one `cpu` section per member of `vcpus` (or of `payloads`)."""
    bodies = list(payloads) if payloads is not None else [cpu_payload(v, sve=sve) for v in vcpus]
    data = b"QEVM" + struct.pack(">I", 3) + configuration(capabilities)
    data += ram() if memory is None else memory
    sections = [(7, "arm_gicv3", 0, 1, bytes(40))]
    for n, body in enumerate(bodies):
        sections += [(10 + 2 * n, "cpu_common", n, 1, bytes(8)), (11 + 2 * n, "cpu", n, 22, body)]
    return data + state([*sections, (90, "pl011", 0, 2, bytes(124))], described)


def mapped_ram_stream(vcpus: Sequence[Mapping[int, int]] = (SOME_REGISTERS,), start: int = 0) -> bytes:
    """A stream whose pages lie at their own offsets, counted from the beginning of the file (`start` bytes before
    it)."""
    length = 16 * PAGE
    data = b"QEVM" + struct.pack(">I", 3) + configuration(["mapped-ram"])
    data += struct.pack(">BIB", 1, 1, 3) + b"ram" + struct.pack(">II", 0, 4)
    data += struct.pack(">Q", length | 4) + b"\x08mach.ram" + struct.pack(">Q", length)
    pages = start + 0x8000
    data += struct.pack(">IQQQ", 1, PAGE, start + len(data) + 28, pages)
    data = data.ljust(0x8000 + length, b"\0")
    data += struct.pack(">Q", 0x10) + footer(1)
    data += b"\x03" + struct.pack(">IQ", 1, 0x10) + footer(1)
    whole = stream(vcpus, memory=b"")
    return data + whole[len(b"QEVM") + 4 + len(configuration()) :]


def libvirt(body: bytes, order: str = "<", number: int = 0, magic: bytes = b"LibvirtQemudSave") -> bytes:
    """A save image: header, domain XML, `body`."""
    xml = b"<domain type='kvm'><name>vm1</name><os><type arch='aarch64' machine='virt-10.0'>hvm</type></os></domain>\0"
    return magic + struct.pack(f"{order}5I", 2, len(xml), 1, number, 0) + bytes(56) + xml + body


def qcow2(state: bytes, *, bits: int = 12, reverse: bool = True, disk: int = 1 << 20, name: bytes = b"saved") -> bytes:
    """An image with one internal snapshot whose VM state is `state`, its clusters in reverse order of address."""
    cluster = 1 << bits
    per_table = cluster // 8
    covered = cluster * per_table
    first = (disk + covered - 1) // covered
    tables = (len(state) + covered - 1) // covered
    chunks = [state[i : i + cluster].ljust(cluster, b"\0") for i in range(0, len(state), cluster)]
    l1_at, l2_at = 2 * cluster, 3 * cluster
    data_at = l2_at + tables * cluster
    order = list(range(len(chunks)))[::-1] if reverse else list(range(len(chunks)))
    places = {n: data_at + i * cluster for i, n in enumerate(order)}
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 0, 0, bits, disk, 0, 0, 0, 0, 0, 1, cluster)
    header += struct.pack(">QQQII", 0, 0, 0, 4, 104)
    entry = struct.pack(">QIHHIIQII", l1_at, first + tables, 1, len(name), 0, 0, 0, 0, 24)
    entry += struct.pack(">QQQ", len(state), disk, 0) + b"1" + name
    l1 = struct.pack(f">{first + tables}Q", *[0] * first, *[l2_at + n * cluster | 1 << 63 for n in range(tables)])
    l2 = struct.pack(f">{len(chunks)}Q", *[places[n] | 1 << 63 for n in range(len(chunks))]).ljust(
        tables * cluster, b"\0"
    )
    body = header.ljust(cluster, b"\0") + entry.ljust(cluster, b"\0") + l1.ljust(cluster, b"\0") + l2
    return body + b"".join(chunks[n] for n in order)


def qcow2_of(snapshots: Sequence[tuple[str, str, bytes]], bits: int = 12) -> bytes:
    """An image with a snapshot for each (ID, name, VM state), in that order; an empty state is a disk snapshot."""
    cluster = 1 << bits
    body, entries, first = b"", b"", 1
    start = 4 * cluster
    for number, name, state in snapshots:
        one, label = number.encode(), name.encode()
        chunks = [state[at : at + cluster].ljust(cluster, b"\0") for at in range(0, len(state), cluster)]
        assert len(chunks) <= cluster // 8
        l1_at = start + len(body)
        l2_at, data_at = l1_at + cluster, l1_at + 2 * cluster
        l1 = struct.pack(f">{first + 1}Q", *[0] * first, l2_at | 1 << 63)
        l2 = struct.pack(f">{len(chunks)}Q", *[data_at + n * cluster | 1 << 63 for n in range(len(chunks))])
        body += l1.ljust(cluster, b"\0") + l2.ljust(cluster, b"\0") + b"".join(chunks)
        entry = struct.pack(">QIHHIIQII", l1_at, first + 1, len(one), len(label), 0, 0, 0, 0, 24)
        entry += struct.pack(">QQQ", len(state), first << (2 * bits - 3), 0) + one + label
        entries += entry + bytes(-len(entry) % 8)
    count = len(snapshots)
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 0, 0, bits, 1 << 20, 0, 0, 0, 0, 0, count, cluster)
    header += struct.pack(">QQQII", 0, 0, 0, 4, 104)
    return header.ljust(cluster, b"\0") + entries.ljust(3 * cluster, b"\0") + body
