"""Cloud Hypervisor's state.json: vCPUs below `snapshots`, `cpu-manager`, `snapshots`, each with JSON inside JSON.

A vCPU's `snapshot_data` is a list of the bytes of its JSON text (to version 38) or `{"state": TEXT}` (since 39).
Inside, `Kvm` has `core_regs` and `sys_regs`. Their elements are objects (`{"id", "addr"}`, where addr is the value),
or, since version 39, the bytes of the kernel's structures. Since 2026 `pre_finalize_regs` and `extended_regs` hold
SVE state.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from inspector.budget import RECORDS, VCPUS, Budget
from inspector.errors import SourceError
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.formats import kvm_regs
from inspector.sources.jsontext import Word, check_members, checked, decode
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup

NAME = "cloud-hypervisor"


_Halves = Annotated[list[Word], msgspec.Meta(min_length=2, max_length=2)]
"""a vector register, the lower half first"""


class _Node(msgspec.Struct):
    snapshots: dict[str, msgspec.Raw] = {}
    snapshot_data: msgspec.Raw = msgspec.Raw(b"null")


class _Bytes(msgspec.Struct):
    id: Word
    data: list[int]


class _Register(msgspec.Struct):
    id: Word
    addr: Word


class _General(msgspec.Struct):
    regs: list[Word]
    sp: Word
    pc: Word
    pstate: Word


class _Vectors(msgspec.Struct):
    vregs: list[Word | _Halves]
    fpsr: Word
    fpcr: Word


class _Core(msgspec.Struct):
    regs: _General
    sp_el1: Word
    elr_el1: Word
    spsr: list[Word]
    fp_regs: _Vectors | None = None


class _Kvm(msgspec.Struct):
    core_regs: msgspec.Raw
    sys_regs: list[msgspec.Raw]
    pre_finalize_regs: list[_Bytes] = []
    extended_regs: list[_Bytes] = []


def sniff(content: Content) -> bool:
    """A JSON object with the two members that every node of a snapshot has."""
    return {"snapshots", "snapshot_data"} <= set(content.json_object())


def load(content: Content) -> Dump:
    """The dump. Raises SourceError for a tree without vCPUs, and for shapes that are not known."""
    where = content.name
    root = decode(content.whole(), _Node, where)
    if "cpu-manager" not in root.snapshots:
        raise SourceError("has no cpu-manager below snapshots", where, "is it the state.json of a whole VM?")
    manager = decode(bytes(root.snapshots["cpu-manager"]), _Node, where)
    vcpus = []
    for key, raw in manager.snapshots.items():
        at = f"{where}, vCPU {key}"
        if not key.isdigit() or len(key) > 4:
            raise SourceError("a vCPU without a number", at)
        state = _state(decode(bytes(raw), _Node, at).snapshot_data, at, content.budget)
        content.budget.spend(VCPUS)
        content.budget.spend(RECORDS, len(state.sys_regs) + len(state.extended_regs) + len(state.pre_finalize_regs))
        values = _registers(state, at)
        vcpus.append(Vcpu(index=int(key), values=values, setup=listed_setup(values, gic="v3")))
    if not vcpus:
        raise SourceError("its cpu-manager has no vCPU", where)
    provenance = Provenance(source=where, format=NAME, compression=content.compression, tool="Cloud Hypervisor")
    return Dump(provenance=provenance, vcpus=tuple(sorted(vcpus, key=lambda v: v.index)))


def _state(raw: msgspec.Raw, at: str, budget: Budget) -> _Kvm:
    """The vCPU's own JSON, whichever way it is packed."""
    data = bytes(raw)
    if data.startswith(b"["):
        text = _to_bytes(decode(data, list[int], at), at)
    else:
        text = decode(data, dict[str, str], at).get("state", "").encode()
    check_members(text, budget)
    inner = decode(text, dict[str, msgspec.Raw], at)
    if "Kvm" not in inner:
        raise SourceError("the state of its vCPU is not KVM's", at, "an arm64 guest on KVM has one")
    return decode(bytes(inner["Kvm"]), _Kvm, at)


def _registers(state: _Kvm, at: str) -> dict[int, int]:
    try:
        core = _core(bytes(state.core_regs), at)
    except ValueError as error:
        raise SourceError(f"core_regs of a shape that is not known ({error})", at) from None
    pairs = list(core.items())
    for element in [*state.pre_finalize_regs, *state.extended_regs]:
        pairs.append((element.id, int.from_bytes(_to_bytes(element.data, at), "little")))
    for raw in state.sys_regs:
        if bytes(raw).startswith(b"["):
            data = _to_bytes(decode(bytes(raw), list[int], at), at)
            if len(data) != 16:
                raise SourceError(f"a register of {len(data)} bytes, 16 expected", at)
            pairs.append((int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")))
        else:
            register = decode(bytes(raw), _Register, at)
            pairs.append((register.id, register.addr))
    return dict(checked(pairs, at))


def _core(raw: bytes, at: str) -> dict[int, int]:
    """The members of kvm_regs, as bytes or by name."""
    if raw.startswith(b"["):
        return kvm_regs.unpack(_to_bytes(decode(raw, list[int], at), at))
    core = decode(raw, _Core, at)
    regs, fp = core.regs, core.fp_regs
    values = kvm_regs.general(regs.regs, regs.sp, regs.pc, regs.pstate)
    values |= kvm_regs.exception(core.sp_el1, core.elr_el1, core.spsr)
    if fp is None:
        return values
    wide = [v if isinstance(v, int) else v[0] | v[1] << 64 for v in fp.vregs]
    return values | kvm_regs.vectors(wide, fp.fpsr, fp.fpcr)


def _to_bytes(numbers: list[int], at: str) -> bytes:
    try:
        return bytes(numbers)
    except ValueError:
        raise SourceError("a list of bytes holds other numbers", at) from None
