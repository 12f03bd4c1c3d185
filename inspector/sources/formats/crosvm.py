"""crosvm's snapshot of one vCPU (`vcpu/vcpu0`): CBOR since 2025, JSON before.

`sys` maps the 16-bit encoding of a system register to its value, `cache_arch_info` a CSSELR_EL1 value to CCSIDR_EL1,
and `hypervisor_data.firmware_regs` the number of a firmware register. What an encoding stands for:
`registers.crosvm_keys`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from inspector.budget import RECORDS
from inspector.errors import SourceError
from inspector.readable import readable
from inspector.registers.crosvm_keys import id_of
from inspector.registers.encoding import (
    CLASS_SVE,
    SIZE_U256,
    SIZE_U2048,
    bitmap_id,
    ccsidr_id,
    firmware_id,
    make_id,
)
from inspector.registers.ids import SVE_VLS
from inspector.sources.cbor import read_cbor
from inspector.sources.dump import Absent, Dump, Provenance, Vcpu
from inspector.sources.formats import kvm_regs
from inspector.sources.jsontext import Small, Word, checked, decode
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

NAME: Final = "crosvm-vcpu"
_KEYS = {"sp", "pc", "pstate", "x", "v", "sys"}


class _Firmware(msgspec.Struct):
    firmware_regs: dict[int, Word] = {}


class _Document(msgspec.Struct):
    x: list[Word]
    v: list[Word]
    sp: Word
    pc: Word
    pstate: Word
    sys: dict[int, Word]
    cache_arch_info: dict[int, Word] = {}
    hypervisor_data: _Firmware | None = None
    vcpu_id: Small = 0


_ABSENT = (
    Absent(frozenset(map(bitmap_id, range(4))), "crosvm does not save firmware feature bitmaps"),
    Absent(
        frozenset((SVE_VLS, *(make_id(CLASS_SVE, n << 5, SIZE_U2048) for n in range(32)),
                   *(make_id(CLASS_SVE, 0x400 + (n << 5), SIZE_U256) for n in range(17)))),
        "crosvm does not save SVE registers, and no vCPU that has SVE",
    ),
)  # fmt: skip


def sniff(content: Content) -> bool:
    """A JSON object, or a CBOR map, with a vCPU's members."""
    if content.json_object():
        return set(content.json_object()) >= _KEYS
    return content.head[0] >> 5 == 5 and b"fpstate" in content.head and b"csys" in content.head


def load(content: Content) -> Dump:
    """The dump of this vCPU. Raises SourceError for a member that is missing or of another shape."""
    where = content.name
    document = _document(content)
    content.budget.spend(RECORDS, len(document.sys))
    values = checked(_pairs(document, where), where)
    return Dump(
        provenance=Provenance(
            source=where, format=NAME, compression=content.compression, tool=Untrusted("crosvm"), accelerator="kvm"
        ),
        vcpus=(Vcpu(index=document.vcpu_id, values=values, setup=listed_setup(values, gic="v3")),),
        absent=_ABSENT,
        notes=("crosvm saves neither firmware feature bitmaps nor SVE registers",),
    )


def _document(content: Content) -> _Document:
    if content.json_object():
        return decode(content.whole(), _Document, content.name)
    item = read_cbor(content.whole(), content.budget)
    try:
        return msgspec.convert(item, readable(_Document), str_keys=True, strict=False)
    except msgspec.ValidationError as error:
        where = content.name
        raise SourceError(f"a member of the vCPU is missing or of another shape ({error})", where) from None


def _pairs(document: _Document, where: str) -> list[tuple[int, int]]:
    general = kvm_regs.general(document.x, document.sp, document.pc, document.pstate)
    wide = kvm_regs.vectors(document.v, 0, 0)
    pairs = [*general.items(), *(pair for pair in wide.items() if pair[0] >> 52 & 0xF == 4)]
    for key, value in document.sys.items():
        index = _index(key, 1 << 16, where)
        pairs.append((id_of(index), value))
    caches, firmware = document.cache_arch_info, document.hypervisor_data
    pairs += [(ccsidr_id(_index(key, 16, where)), value & 0xFFFFFFFF) for key, value in caches.items()]
    return pairs + [
        (firmware_id(_index(key, 1 << 16, where)), value)
        for key, value in (firmware.firmware_regs if firmware else {}).items()
    ]


def _index(key: int, limit: int, where: str) -> int:
    if not 0 <= key < limit:
        raise SourceError(f"a register has the number {key:#x}, not one below {limit:#x}", where)
    return key
