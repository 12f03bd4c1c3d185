"""Change inputs by their structure: numbers in binary data, members of JSON and CBOR, words and lines of text."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import cbor2
import zstandard

Mutator = Callable[[bytes, random.Random, Sequence[bytes]], bytes]
"""(input, chance, all inputs) -> another input"""

LARGEST = 1 << 17
"""Bytes of a mutant: enough for the cost of each byte to show"""
_WORDS = (0, 1, 2, 0x7F, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 62, 1 << 63, 2**64 - 1)
_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 1e308, "", "x", "0x", "0x603000000013c020", "9" * 400, "\x1b[31m\u202e", [], {}, [[]],
    {"a": 1}, 1 << 40, 10**30, "0b1", "1_0", "-1", " ", "NaN",
)  # fmt: skip
TOKENS = (
    b"ID_AA64PFR0_EL1", b"MIDR_EL1", b"0x603000000013c020", b"S3_0_C0_C4_0", b"=", b":", b" ", b"\t", b"\n", b"\r",
    b"|",
    b"0x", b"0b", b"_", b",", b"{", b"}", b"[", b"]", b"(", b")", b"\"", b"'", b"#", b"//", b";", b"\x1b[0m", b"\xff",
    b"\xe2\x80\xae", b"vcpu 1:", b"CPU 1:", b"cpu=1", b"op0 3 op1 0 crn 0 crm 4 op2 0", b"ARM64_SYS_REG(3, 0, 0, 4, 0)",
    b"KVM_REG_ARM64 | ", b": Number registers:", b"Model name:", b"processor : 1", b"HWCAP", b"AT_HWCAP2: ", b"CP 4000",
    b"hw.optional.arm.FEAT_LSE: 1", b"0000 ", b"0", b"1", b"9", b"f", b"A", b"[   1.000000] ", b"12:00:00 ", b"e9",
    b".",
    b"-", b"+", b"qemu-system-aarch64: ", b"Failed to load cpu", b"register", b"kvm", b"2026-01-01T00:00:00Z ",
    b"<", b">",
    b"[[rule]]\n", b"when = ", b"true", b"1979-05-27", b"'''", b"#ff0000", b"inf", b"\\u0000", b"\xc2\x9b",
)  # fmt: skip


def binary(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Numbers of all sizes and orders, and pieces moved, repeated, removed and taken from elsewhere."""
    at = chance.randrange(len(data) + 1)
    size = chance.choice((1, 1, 4, 8, 16, 64, 512, 4096))
    piece = data[at : at + size]
    match chance.randrange(8):
        case 0:
            kind = chance.choice("BHIQ")
            word = chance.choice(_WORDS) & (1 << 8 * struct.calcsize(kind)) - 1
            new = struct.pack(chance.choice("<>") + kind, word)
            return data[:at] + new + data[at + len(new) :]
        case 1:
            bit = bytes((piece[0] ^ 1 << chance.randrange(8),)) if piece else b""
            return data[:at] + bit + data[at + 1 :]
        case 2:
            return data[:at] + data[at + len(piece) :]
        case 3:
            return data[:at] + piece * chance.choice((2, 3, 50, 2000)) + data[at + len(piece) :]
        case 4:
            other = chance.choice(others)
            begin = chance.randrange(len(other) + 1)
            return data[:at] + other[begin : begin + size] + data[at:]
        case 5:
            return data[:at] + bytes(size) + data[at:]
        case 6:
            return data[:at]
        case _:
            return data[:at] + chance.randbytes(min(size, 16)) + data[at + min(size, 16) :]


def text(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Words that mean something, runs of one letter, and lines moved, repeated and removed."""
    lines = data.split(b"\n")
    line = chance.randrange(len(lines))
    match chance.randrange(7):
        case 0:
            lines[line] = _inside(lines[line], chance.choice(TOKENS), chance)
        case 1:
            lines[line] = _inside(lines[line], chance.choice(TOKENS) * chance.choice((2, 9, 300, 9000)), chance)
        case 2:
            lines[line : line + 1] = [lines[line]] * chance.choice((0, 2, 3, 500))
        case 3:
            lines.insert(line, chance.choice(chance.choice(others).split(b"\n")))
        case 4:
            words = lines[line].split(b" ")
            chance.shuffle(words)
            lines[line] = b" ".join(words)
        case 5:
            at = chance.randrange(len(lines[line]) + 1)
            lines[line] = lines[line][:at] + lines[line][at + chance.choice((1, 3, 20)) :]
        case _:
            return binary(data, chance, others)
    return b"\n".join(lines)


def _inside(line: bytes, piece: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + piece + line[at:]


def document(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A member of a JSON document, in one line of several or in the whole, replaced, repeated or left out."""
    if chance.randrange(8) == 0:
        return text(data, chance, others)
    lines = data.split(b"\n")
    for place in (chance.randrange(len(lines)), None):
        try:
            value = json.loads(data if place is None else lines[place])
        except ValueError:
            continue
        changed = json.dumps(changed_member(value, chance)).encode()
        if place is None:
            return changed
        return b"\n".join([*lines[:place], changed, *lines[place + 1 :]])
    return text(data, chance, others)


def changed_member(value: Any, chance: random.Random) -> Any:
    """A copy of a document with one member changed, however deep it lies."""
    if isinstance(value, str) and value[:1] in ("{", "[") and chance.randrange(2):
        try:
            return json.dumps(changed_member(json.loads(value), chance))
        except ValueError:
            return value[: chance.randrange(len(value))]
    if not isinstance(value, dict | list) or not value or chance.randrange(12) == 0:
        return chance.choice((chance.choice(_ODD), [value] * 3, {"a": value}, value))
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    match chance.randrange(8):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, list):
            copy[key : key + 1] = [copy[key]] * chance.choice((2, 30, 900))
        case 1:
            copy[str(chance.choice(_ODD))] = copy[key]
        case 2:
            copy[key] = chance.choice(_ODD)
        case _:
            copy[key] = changed_member(copy[key], chance)
    return copy


def cbor(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The same for CBOR, with tags; the bytes themselves now and then."""
    if chance.randrange(3) == 0:
        return binary(data, chance, others)
    try:
        value = changed_member(cbor2.loads(data), chance)
        if chance.randrange(6) == 0:
            value = cbor2.CBORTag(chance.choice((0, 1, 2, 3, 4, 5, 28, 29, 30, 35, 36, 100, 256, 258)), value)
        return cbor2.dumps(value)
    except Exception:
        return binary(data, chance, others)


def packed(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Compressed data: the bytes themselves, or what is inside."""
    if chance.randrange(2):
        return binary(data, chance, others)
    try:
        inner = unpacked(data)
    except Exception:
        return binary(data, chance, others)
    inner = binary(inner, chance, others)
    return chance.choice((_gzip, _bzip2, _xz, _zstd))(inner)


def unpacked(data: bytes) -> bytes:
    """What is inside of one layer, at most 1 MiB of it."""
    if data[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=io.BytesIO(data)).read(1 << 20)
    if data[:3] == b"BZh":
        return bz2.BZ2File(io.BytesIO(data)).read(1 << 20)
    if data[:2] == b"\xfd7":
        return lzma.LZMAFile(io.BytesIO(data)).read(1 << 20)
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 20)


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1)


def _bzip2(data: bytes) -> bytes:
    return bz2.compress(data, 1)


def _xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=0)


def _zstd(data: bytes) -> bytes:
    return zstandard.compress(data, 1)


def several(mutator: Mutator, data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """One to four changes; what grows too long is cut."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        try:
            data = mutator(data, chance, others)[:LARGEST]
        except RecursionError:
            # a document that earlier changes nested too deeply for a change by its members
            data = binary(data, chance, others)[:LARGEST]
    return data
