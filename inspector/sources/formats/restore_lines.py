"""Replays of a restore, one JSON object per line: a fresh vCPU's own list, or a source's list written to it.

A fresh vCPU's file begins with `{"dump": "own", "kernel", "cpu", "features", ...}` and has a `reg` line per register,
then writable masks. A replay has a line per register of either side (`in_src`, `in_dst`, `dst_own`, `written`, `errno`,
`after`), and becomes two vCPUs, `source` and `destination`, each with what it listed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from inspector.budget import RECORDS, Budget
from inspector.errors import SourceError
from inspector.policies.setup import VcpuSetup
from inspector.readable import readable
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.jsontext import Hex, checked, convert
from inspector.sources.opening import Content
from inspector.sources.recording import read_lines
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

NAME: Final = "restore-lines"
_BEGINNINGS = (b'{"dump":"own"', b'{"reg":"0x')


class _Line(msgspec.Struct):
    dump: str = ""
    kernel: str = ""
    cpu: str = ""
    features: int = 0
    cap_sve: int | None = None
    cap_ptrauth: int | None = None
    cap_pmu: int | None = None
    cap_el1_32: int | None = None
    cap_mte: int | None = None
    cap_el2: int | None = None
    reg: Hex | None = None
    val: Hex | None = None
    get_errno: int = 0
    in_src: int = 1
    in_dst: int = 1
    dst_own: Hex | None = None
    written: Hex | None = None
    errno: int = 0
    writable_masks_errno: int | None = None
    wmask_reg: Hex | None = None
    wmask: Hex | None = None
    alone: Hex | None = None


_DECODER = msgspec.json.Decoder(readable(_Line), dec_hook=convert)
_CAPS = {"sve": "cap_sve", "pmu_v3": "cap_pmu", "el1_32bit": "cap_el1_32", "mte": "cap_mte", "el2": "cap_el2",
         "ptrauth_address": "cap_ptrauth", "ptrauth_generic": "cap_ptrauth"}  # fmt: skip


def sniff(content: Content) -> bool:
    """The first line is one of those two."""
    return content.head.replace(b" ", b"")[:16].startswith(_BEGINNINGS)


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for a line that is neither."""
    where = content.name
    lines = [
        _decode(line, count, where, content.budget)
        for count, line in enumerate(read_lines(content.stream(), content.budget), 1)
        if line.strip()
    ]
    return _fresh(lines, content) if lines[0].dump else _replay(lines, content)


def _decode(line: bytes, count: int, where: str, budget: Budget) -> _Line:
    budget.spend(RECORDS)
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise SourceError(f"line {count} is not a line of a replayed restore ({error})", where) from None


def _fresh(lines: list[_Line], content: Content) -> Dump:
    where, first = content.name, lines[0]
    read = [(int(x.reg), int(x.val)) for x in lines if x.reg is not None and x.val is not None and not x.get_errno]
    if not read:
        raise SourceError("holds no register", where, "is the file complete?")
    masks_known = any(x.writable_masks_errno == 0 for x in lines)
    vcpu = Vcpu(
        index=0,
        values=checked(read, where),
        errors={int(x.reg): x.get_errno for x in lines if x.reg is not None and x.get_errno},
        setup=VcpuSetup(features=first.features, gic="v3") if first.features else None,
        writable_masks={int(x.wmask_reg): int(x.wmask or 0) for x in lines if x.wmask_reg is not None}
        if masks_known
        else None,
    )
    caps = {name: value for name, key in _CAPS.items() if (value := getattr(first, key)) is not None}
    provenance = Provenance(
        source=where,
        format=NAME,
        compression=content.compression,
        tool=Untrusted("KVM, a fresh vCPU"),
        kernel=Untrusted(first.kernel),
        host=Untrusted(first.cpu),
    )
    return Dump(provenance=provenance, vcpus=(vcpu,), capabilities=caps)


def _replay(lines: list[_Line], content: Content) -> Dump:
    where = content.name
    rows = [x for x in lines if x.reg is not None]
    if any(x.written is None or x.dst_own is None for x in rows):
        raise SourceError("a line lacks written or dst_own", where, "is it a replayed restore?")
    sides = {
        "source": [(int(x.reg or 0), int(x.written or 0)) for x in rows if x.in_src],
        "destination": [(int(x.reg or 0), int(x.dst_own or 0)) for x in rows if x.in_dst],
    }
    vcpus = []
    for index, (name, pairs) in enumerate(sides.items()):
        values = checked(pairs, f"{where}, {name}")
        vcpus.append(Vcpu(index=index, name=Untrusted(name), values=values, setup=listed_setup(values, gic="v3")))
    refused = sum(1 for x in rows if x.errno and x.in_dst)
    return Dump(
        provenance=Provenance(
            source=where, format=NAME, compression=content.compression, tool=Untrusted("KVM, a replayed restore")
        ),
        vcpus=tuple(vcpus),
        one_vm=False,
        notes=(f"the destination refused {refused} of the source's values when this was recorded",),
    )
