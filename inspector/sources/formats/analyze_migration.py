"""What QEMU's scripts/analyze-migration.py prints for a stream (`-d state`, also its state.json).

One JSON object, a member per section named `NAME (SECTION ID)`. A vCPU's section has QEMU's own field names; numbers
are texts, and fields that the script has no reader for are bytes in hex with blanks between them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, TypeAlias, cast

import msgspec

from inspector.budget import VCPUS
from inspector.errors import SourceError
from inspector.registers.encoding import CLASS_CORE, split_id
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.formats import qemu_cpu
from inspector.sources.jsontext import decode, number
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

NAME: Final = "analyze-migration"
_CPU = re.compile(r"cpu \(([0-9]{1,9})\)")
_ARRAYS = (("env.regs", 16, "I"), ("env.xregs", 32, "Q"), ("env.pc", 1, "Q"), ("cpsr", 1, "I"), ("env.spsr", 1, "I"),
           ("env.banked_spsr", 8, "Q"), ("env.banked_r13", 8, "I"), ("env.banked_r14", 8, "I"), ("env.usr_regs", 5,
           "I"), ("env.fiq_regs", 5, "I"), ("env.elr_el", 4, "Q"), ("env.sp_el", 4, "Q"))  # fmt: skip
"""name, count and width of the fixed fields, in the order of the section"""


_Fields: TypeAlias = dict[str, msgspec.Raw]
_Scalar: TypeAlias = int | str
_Row: TypeAlias = dict[str, _Scalar | list[_Scalar]]
_Value: TypeAlias = _Scalar | list[_Scalar | list[_Scalar] | _Row] | _Row
_LONGEST = 3 * 256
"""Characters of the widest number that is printed as bytes: a vector register of SVE."""


def sniff(content: Content) -> bool:
    """A JSON object with a section of a vCPU, or of guest memory, or the description that `-d desc` prints."""
    keys = content.json_object()
    return any(_CPU.fullmatch(k) or k.startswith("ram (") for k in keys) or {"devices", "page_size"} <= set(keys)


def load(content: Content) -> Dump:
    """The dump; vCPUs are numbered in the order of their sections. Raises SourceError for output without values."""
    keys, where = content.json_object(), content.name
    if "devices" in keys:
        raise SourceError(
            "holds the layout of a stream, not its values", where, "run analyze-migration.py with -d state"
        )
    sections = [(int(m[1]), raw) for key, raw in keys.items() if (m := _CPU.fullmatch(key))]
    if not sections:
        raise SourceError("holds no vCPU section", where, "is it a stream of an arm64 guest?")
    gic = any(key.startswith("arm_gicv3 (") for key in keys)
    vcpus, notes = [], dict[str, None]()
    for index, (section, raw) in enumerate(sections):
        at = f"{where}, cpu ({section})"
        content.budget.spend(VCPUS)
        fields = decode(bytes(raw), _Fields, at)
        try:
            cpu = qemu_cpu.read_cpu(_payload(fields, at), section & 0xFFFFFFFF, index)
        except (ValueError, struct.error) as error:
            raise SourceError(f"a field of the vCPU is missing or wrong ({error})", at) from None
        except qemu_cpu.DamagedError as error:
            raise SourceError(f"its section {error}", at) from None
        values, missing = cpu.values, [name for name, _, _ in _ARRAYS if name not in fields]
        if missing:
            values = {reg_id: value for reg_id, value in values.items() if split_id(reg_id).cls != CLASS_CORE}
            notes[f"core registers are not read: {missing[0]} is not in the output"] = None
        setup = listed_setup(values, gic="v3" if gic else "none")
        vcpus.append(Vcpu(index=index, values=values, setup=setup))
    accelerator = qemu_cpu.accelerator_of(vcpus[0].values)
    provenance = Provenance(
        source=where, format=NAME, compression=content.compression, tool=Untrusted("QEMU"), accelerator=accelerator
    )
    return Dump(
        provenance=provenance,
        vcpus=tuple(vcpus),
        absent=qemu_cpu.missing(accelerator, vcpus[0].values),
        notes=tuple(notes),
    )


def _payload(section: _Fields, at: str) -> bytes:
    """The section's bytes, made again from its fields, so that both formats are read and checked by one function.

    A fixed field that somebody cut out becomes zero.
    """
    data = b""
    for name, count, width in _ARRAYS:
        data += struct.pack(f">{count}{width}", *(_numbers(section, name, at) if name in section else [0] * count))
    ids, values = (_numbers(section, f"cpreg_vmstate_{name}", at) for name in ("indexes", "values"))
    length = "cpreg_vmstate_array_len"
    declared = _numbers(section, length, at) if length in section else [len(ids)]
    if not [len(ids)] == [len(values)] == declared or len(ids) > qemu_cpu.MOST:
        raise ValueError(f"{len(ids)} ids, {len(values)} values, {declared[:1]} declared")
    data += struct.pack(f">i{len(ids)}Q{len(ids)}Q", len(ids), *ids, *values) + bytes(0x41)
    if vfp := _part(section, "cpu/vfp", at):
        words = [word for n in range(32) for word in _numbers(vfp, f"env.vfp.zregs[{n}].d", at)]
        data += _subsection("cpu/vfp", struct.pack(">64Q16I", *words, *[0] * 15, *_numbers(vfp, "fpscr", at)))
        if extra := _part(vfp, "cpu/vfp/fpcr_fpsr", at):
            both = [*_numbers(extra, "fpcr", at), *_numbers(extra, "fpsr", at)]
            data += _subsection("cpu/vfp/fpcr_fpsr", struct.pack(">2Q", *both))
    if sve := _part(section, "cpu/sve", at):
        words = _numbers(sve, "env.vfp.zregs", at) + _numbers(sve, "env.vfp.pregs", at)
        data += _subsection("cpu/sve", struct.pack(">516Q", *words))
    return data


def _subsection(name: str, body: bytes) -> bytes:
    return bytes((5, len(name))) + name.encode() + b"\0\0\0\1" + body


def _part(fields: _Fields, name: str, at: str) -> _Fields:
    """The fields of a subsection; empty where there is none."""
    return decode(bytes(fields[name]), _Fields, at) if name in fields else {}


def _numbers(fields: _Fields, name: str, at: str) -> list[int]:
    """The numbers in a field: one, a list, structures of lists, or bytes as `40 00 03 c5`."""
    if name not in fields:
        raise ValueError(f"{name} is missing")
    return list(_flat(decode(bytes(fields[name]), cast(type[object], _Value), at)))


def _flat(value: object) -> Iterator[int]:
    """The numbers of a value of the type `_Value`, in its order."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _flat(item)
    elif isinstance(value, int | str):
        yield _number(value)


def _number(value: int | str) -> int:
    """One number: `0x1f`, `31 (comment)`, or the bytes of a big-endian one with blanks between them."""
    if isinstance(value, int):
        return value
    if len(value) <= _LONGEST and all(len(byte) == 2 for byte in value.split(" ")):
        return int.from_bytes(bytes.fromhex(value), "big")
    return number(value.partition(" ")[0])
