"""Parts of formats that real files seldom show."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from inspector.budget import Budget
from inspector.sources import load
from inspector.sources.formats.qemu_walk import walk
from tests.sources import streams


@pytest.mark.parametrize(
    ("macro", "reg_id"),
    [
        # arch/arm64/include/uapi/asm/kvm.h: KVM_REG_ARM64_SVE_ZREG(), _PREG(), _FFR(), _VLS
        ("KVM_REG_ARM64_SVE_ZREG(3, 0)", 0x6080000000150060),
        ("KVM_REG_ARM64_SVE_PREG(3, 0)", 0x6050000000150460),
        ("KVM_REG_ARM64_SVE_FFR(0)", 0x6050000000150600),
        ("KVM_REG_ARM64_SVE_VLS", 0x606000000015FFFF),
        ("KVM_REG_ARM_FW_REG(1)", 0x6030000000140001),
        ("KVM_REG_ARM_FW_FEAT_BMAP_REG(2)", 0x6030000000160002),
        ("KVM_REG_ARM_TIMER_CVAL", 0x603000000013DF02),
        ("KVM_REG_ARM_TIMER_CNT", 0x603000000013DF1A),
    ],
)
def test_macros_of_a_register_list(tmp_path: Path, macro: str, reg_id: int) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"vregs: Number blessed registers: 1\n\tKVM_REG_ARM64 | KVM_REG_SIZE_U64 | {macro},\n")
    assert list(load(str(path)).vcpus[0].constraints) == [reg_id]


def test_pages_of_a_stream_that_states_no_size_have_1_kib() -> None:
    """Arm's smallest page size is not stated (migration/savevm.c, vmstate_target_page_bits)."""
    pages = [
        struct.pack(">Q", n << 10 | 0x8 | (0x20 if n else 0)) + (b"" if n else b"\1m") + bytes(1024) for n in (0, 1)
    ]
    found = walk(
        memory_section(*pages, struct.pack(">Q", 0x10), b"\x7e\0\0\0\2", b"\x03\0\0\0\2", struct.pack(">Q", 0x10)),
        Budget("x"),
        False,
    )
    assert (found.pages, found.stopped) == (2, "")


def memory_section(*words: bytes) -> io.BytesIO:
    """The start of a stream behind its version: one section of guest memory."""
    head = b"\x01" + struct.pack(">I", 2) + b"\x03ram" + struct.pack(">II", 0, 4)
    return io.BytesIO(head + b"".join(words))


@pytest.mark.parametrize("flags", [0x1, 0x80, 0x400, 0x800])
def test_memory_of_an_unknown_kind_ends_the_walk(flags: int) -> None:
    section = memory_section(struct.pack(">Q", 0x1000 | flags), bytes(64))
    found = walk(io.BytesIO(streams.configuration() + section.getvalue()), Budget("x"), False)
    assert found.stopped == f"guest memory with unknown flags {flags:#x}"
    assert found.pages == 0


def test_a_flush_between_pages_is_stepped_over() -> None:
    page = struct.pack(">Q", 0x1000 | 0x2) + b"\x05block\0"
    found = walk(memory_section(struct.pack(">Q", 0x200), page, struct.pack(">Q", 0x10)), Budget("x"), False)
    assert (found.pages, found.truncated) == (1, True)
