"""What QEMU's scripts/analyze-migration.py prints for a stream (`-d state`, also its state.json).

One JSON object, a member per section named `NAME (SECTION ID)`. A vCPU's section has QEMU's own field names; numbers
are texts, and fields that the script has no reader for are bytes in hex with blanks between them.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from inspector.errors import SourceError
from inspector.registers.encoding import CLASS_CORE, split_id
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.formats import qemu_cpu
from inspector.sources.jsontext import decode, number
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup

NAME = "analyze-migration"
_CPU = re.compile(r"cpu \((\d{1,9})\)")
_ARRAYS = (("env.regs", 16, "I"), ("env.xregs", 32, "Q"), ("env.pc", 1, "Q"), ("cpsr", 1, "I"), ("env.spsr", 1, "I"),
           ("env.banked_spsr", 8, "Q"), ("env.banked_r13", 8, "I"), ("env.banked_r14", 8, "I"), ("env.usr_regs", 5,
           "I"), ("env.fiq_regs", 5, "I"), ("env.elr_el", 4, "Q"), ("env.sp_el", 4, "Q"))  # fmt: skip
"""name, count and width of the fixed fields, in the order of the section"""


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
        fields = decode(bytes(raw), dict[str, Any], at)
        try:
            cpu = qemu_cpu.read_cpu(_payload(fields), section & 0xFFFFFFFF, index)
        except (KeyError, ValueError, TypeError, AttributeError, struct.error, RecursionError) as error:
            raise SourceError(f"a field of the vCPU is missing or wrong ({error})", at) from None
        except qemu_cpu.DamagedError as error:
            raise SourceError(f"its section {error}", at) from None
        values, missing = cpu.values, [name for name, _, _ in _ARRAYS if name not in fields]
        if missing:
            values = {reg_id: value for reg_id, value in values.items() if split_id(reg_id).cls != CLASS_CORE}
            notes[f"core registers are not read: {missing[0]} is not in the output"] = None
        setup = listed_setup(values, gic="v3" if gic else "none")
        vcpus.append(Vcpu(index=index, values=values, setup=setup))
    return Dump(
        provenance=Provenance(source=where, format=NAME, compression=content.compression, tool="QEMU"),
        vcpus=tuple(vcpus),
        notes=tuple(notes),
    )


def _payload(fields: dict[str, Any]) -> bytes:
    """The section's bytes, made again from its fields, so that both formats are read and checked by one function.

    A fixed field that somebody cut out becomes zero.
    """
    data = b""
    for name, count, width in _ARRAYS:
        data += struct.pack(f">{count}{width}", *(_numbers(fields[name]) if name in fields else [0] * count))
    ids, values = _numbers(fields["cpreg_vmstate_indexes"]), _numbers(fields["cpreg_vmstate_values"])
    declared = _numbers(fields.get("cpreg_vmstate_array_len", hex(len(ids))))[0]
    if not len(ids) == len(values) == declared:
        raise ValueError(f"{len(ids)} ids, {len(values)} values, {declared} declared")
    data += struct.pack(f">i{len(ids)}Q{len(ids)}Q", len(ids), *ids, *values) + bytes(0x41)
    if vfp := fields.get("cpu/vfp"):
        words = [word for n in range(32) for word in _numbers(vfp[f"env.vfp.zregs[{n}].d"])]
        data += _subsection(
            "cpu/vfp", struct.pack(">64Q15I", *words, *[0] * 15) + struct.pack(">I", *_numbers(vfp["fpscr"]))
        )
        if extra := vfp.get("cpu/vfp/fpcr_fpsr"):
            data += _subsection(
                "cpu/vfp/fpcr_fpsr", struct.pack(">2Q", *_numbers(extra["fpcr"]), *_numbers(extra["fpsr"]))
            )
    if sve := fields.get("cpu/sve"):
        words = _numbers(sve["env.vfp.zregs"]) + _numbers(sve["env.vfp.pregs"])
        data += _subsection("cpu/sve", struct.pack(">516Q", *words))
    return data


def _subsection(name: str, body: bytes) -> bytes:
    return bytes((5, len(name))) + name.encode() + b"\0\0\0\1" + body


def _numbers(value: Any) -> list[int]:
    """The numbers in a field: one, a list, structures of lists, or bytes as `40 00 03 c5`."""
    if isinstance(value, dict):
        return [n for item in value.values() for n in _numbers(item)]
    if isinstance(value, list):
        return [n for item in value for n in _numbers(item)]
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{2}( [0-9a-f]{2})*", value):
        return [int.from_bytes(bytes.fromhex(value), "big")]
    return [number(value.partition(" ")[0]) if isinstance(value, str) else int(value)]
