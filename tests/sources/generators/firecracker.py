"""Firecracker's vmstate of every release from 1.0 to 1.16, after its sources; random state around the vCPUs.

Facts and where they are from (Firecracker's repository at the tag of the release, unless said otherwise):

- magic, CRC-64 and the order of header and state: src/snapshot/src/lib.rs (to 1.5), src/vmm/src/snapshot/mod.rs;
- versions of the data: src/vmm/src/version_map.rs (to 1.6); SNAPSHOT_VERSION in src/vmm/src/persist.rs (from 1.7);
- VcpuState: src/vmm/src/vstate/vcpu/aarch64.rs (to 1.11), src/vmm/src/arch/aarch64/vcpu.rs (from 1.12);
- registers: Vec<kvm_one_reg> to 1.1.3 and 1.2.0, id and u128 after them, ids and bytes from 1.5: src/arch/src/aarch64/
  regs.rs (to 1.3), src/vmm/src/arch/aarch64/regs.rs;
- kvi is an Option to 1.8: the same files; the crates kvm-bindings keeps structures as their fields (its serde
  derivation, to 0.7, Firecracker 1.7) or as a sequence of bytes (serialize.rs, from 0.8, Firecracker 1.8);
- versionize and bincode with fixed widths: little-endian numbers, u64 lengths, one byte for an Option;
- bitcode 0.6.9 (from 1.15): src/serde/ser.rs (order of the rows), src/pack.rs, src/pack_ints.rs, src/length.rs.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence

from tests.sources.generators.registers import feature_word, width

MAGIC = 0x07101984AAAA0000
FIXED: Mapping[str, int | str] = {
    "1.0": 4, "1.1": 5, "1.2": 6, "1.3": 7, "1.4": 8, "1.5": 9, "1.6": 10, "1.7": "1.0.0", "1.8": "2.0.0",
    "1.9": "3.0.0", "1.10": "3.0.0", "1.11": "5.0.0", "1.12": "6.0.0", "1.13": "8.0.0", "1.14": "8.0.0",
}  # fmt: skip
PACKED: Mapping[str, str] = {"1.15": "9.0.0", "1.16": "10.0.0"}
RELEASES = (*FIXED, *PACKED)
Vcpus = Sequence[Mapping[int, int]]


def crc64(data: bytes) -> int:
    """CRC-64 with Jones' polynomial, bit by bit from the least significant one, start 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


def vmstate(release: str, vcpus: Vcpus, *, seed: int = 1, mp_states: Sequence[int] = ()) -> bytes:
    """A file of `release` with these vCPUs; the first runs and the others as `mp_states` say."""
    states = [*mp_states, *[0] * len(vcpus)]
    dice = random.Random(seed)
    data = _packed(release, vcpus, states, dice) if release in PACKED else _fixed(release, vcpus, states, dice)
    return data + struct.pack("<Q", crc64(data))


def _number(release: str) -> int:
    return int(release.split(".")[1])


def _fixed(release: str, vcpus: Vcpus, states: Sequence[int], dice: random.Random) -> bytes:
    minor, version = _number(release), FIXED[release]
    if isinstance(version, int):
        head = struct.pack("<QH", MAGIC | 1, version)
    else:
        head = struct.pack("<QQ", MAGIC, len(version)) + version.encode()
    surrounding = dice.randbytes(dice.randrange(100, 400))
    members = b"".join(_vcpu_state(minor, v, s) for v, s in zip(vcpus, states, strict=False))
    return head + surrounding + struct.pack("<Q", len(vcpus)) + members + dice.randbytes(dice.randrange(200, 900))


def _structure(minor: int, data: bytes) -> bytes:
    """A structure of the kernel: its fields, or a sequence of bytes."""
    return data if minor <= 7 else struct.pack("<Q", len(data)) + data


def _vcpu_state(minor: int, values: Mapping[int, int], state: int) -> bytes:
    data = _structure(minor, struct.pack("<I", state))
    if minor <= 4:
        wide = minor >= 3
        data += struct.pack("<Q", len(values))
        for reg_id, value in values.items():
            kept = value if wide else value & (1 << 64) - 1
            data += struct.pack("<Q", reg_id) + kept.to_bytes(16 if wide else 8, "little")
    else:
        blob = b"".join(value.to_bytes(width(reg_id), "little") for reg_id, value in values.items())
        data += struct.pack(f"<Q{len(values)}Q", len(values), *values) + struct.pack("<Q", len(blob)) + blob
    data += struct.pack("<Q", values[0x603000000013C005])
    if minor >= 5:
        kvi = _structure(minor, struct.pack("<8I", 5, feature_word(values), *[0] * 6))
        data += (b"\1" if minor <= 8 else b"") + kvi
    return data + (b"\0" if minor >= 13 else b"")


# Rows of bitcode. Each begins with its packing; see the module's own text for the sources.


def pack_bytes(values: bytes) -> bytes:
    """A row of bytes: those of few states share a byte, and the least may be subtracted."""
    if len(values) <= 2:
        return values
    kinds = ((2, 1, 8), (3, 2, 5), (4, 3, 4), (6, 5, 3), (16, 15, 2))
    states, place = (256, 16, 6, 4, 3, 2), {256: 0, 16: 1, 6: 2, 4: 3, 3: 4, 2: 5}

    def fit(top: int) -> int:
        return next((n for n, most, _ in kinds if top <= most), 256)

    low, high = min(values), max(values)
    plain, shifted = fit(high), fit(high - low)
    offset = place[shifted] > place[plain] and len(values) > 5
    chosen = shifted if offset else plain
    head = bytes((place[chosen] * 2 - offset,)) + (bytes((low,)) if offset else b"")
    if chosen == 256:
        return head + values
    shared = next(count for n, _, count in kinds if n == chosen)
    rest = [value - low if offset else value for value in values]
    groups = [rest[at : at + shared] for at in range(0, len(rest), shared)]
    assert states[place[chosen]] == chosen
    return head + bytes(sum(value * chosen**n for n, value in enumerate(group)) for group in groups)


def pack_numbers(values: Sequence[int]) -> bytes:
    """A row of 64-bit numbers in the narrowest width that fits."""
    if not values:
        return b""
    widths = (8, 4, 2, 1)

    def fit(top: int) -> int:
        return next(w for w in (1, 2, 4, 8) if top >> 8 * w == 0)

    low, high = min(values), max(values)
    offset = fit(high - low) < fit(high) and len(values) > 5
    chosen = fit(high - low) if offset else fit(high)
    head = bytes((widths.index(chosen) * 2 - offset,)) + (struct.pack("<Q", low) if offset else b"")
    rest = [value - low if offset else value for value in values]
    if chosen == 1:
        return head + pack_bytes(bytes(rest))
    return head + b"".join(value.to_bytes(chosen, "little") for value in rest)


def pack_lengths(values: Sequence[int]) -> bytes:
    """A row of lengths: 255 and more stand in a row of numbers behind."""
    large = [value for value in values if value >= 255]
    return pack_bytes(bytes(min(value, 255) for value in values)) + pack_numbers(large)


def _packed(release: str, vcpus: Vcpus, states: Sequence[int], dice: random.Random) -> bytes:
    version = PACKED[release]
    blobs = [b"".join(value.to_bytes(width(i), "little") for i, value in v.items()) for v in vcpus]
    kvi = [struct.pack("<8I", 5, feature_word(v), *[0] * 6) for v in vcpus]
    stolen = [dice.choice((0, 1)) for _ in vcpus]
    return b"".join(
        (
            b"\0" + struct.pack("<Q", MAGIC),
            pack_lengths([len(version)]) + version.encode(),
            dice.randbytes(dice.randrange(60, 300)),
            pack_lengths([len(vcpus)]),
            pack_lengths([4] * len(vcpus)),
            pack_bytes(b"".join(struct.pack("<I", state) for state in states[: len(vcpus)])),
            pack_lengths([len(v) for v in vcpus]),
            pack_numbers([reg_id for v in vcpus for reg_id in v]),
            pack_lengths([len(blob) for blob in blobs]),
            pack_bytes(b"".join(blobs)),
            pack_numbers([v[0x603000000013C005] for v in vcpus]),
            pack_lengths([32] * len(vcpus)),
            pack_bytes(b"".join(kvi)),
            pack_bytes(bytes(stolen)),
            pack_numbers([dice.getrandbits(40) for _ in range(sum(stolen))]),
            dice.randbytes(dice.randrange(50, 400)),
        )
    )
