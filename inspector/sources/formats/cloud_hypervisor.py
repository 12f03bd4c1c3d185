"""Cloud Hypervisor's state.json: vCPUs below `snapshots`, `cpu-manager`, `snapshots`, each with JSON inside JSON.

A vCPU's `snapshot_data` is a list of the bytes of its JSON text (to version 38) or `{"state": TEXT}` (since 39).
Inside, `Kvm` has `core_regs` and `sys_regs`. Their elements are objects (`{"id", "addr"}`, where addr is the value),
or, since version 39, the bytes of the kernel's structures. Since 2026 `pre_finalize_regs` and `extended_regs` hold
SVE state.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from inspector.errors import SourceError
from inspector.sources.dump import Dump, Provenance, Vcpu
from inspector.sources.formats import kvm_regs
from inspector.sources.jsontext import checked, decode
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup

NAME = "cloud-hypervisor"


class _Node(msgspec.Struct):
    snapshots: dict[str, msgspec.Raw] = {}
    snapshot_data: msgspec.Raw = msgspec.Raw(b"null")


class _Bytes(msgspec.Struct):
    id: int
    data: list[int]


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
        values = _registers(_state(decode(bytes(raw), _Node, at).snapshot_data, at), at)
        vcpus.append(Vcpu(index=int(key), values=values, setup=listed_setup(values, gic="v3")))
    if not vcpus:
        raise SourceError("its cpu-manager has no vCPU", where)
    provenance = Provenance(source=where, format=NAME, compression=content.compression, tool="Cloud Hypervisor")
    return Dump(provenance=provenance, vcpus=tuple(sorted(vcpus, key=lambda v: v.index)))


def _state(raw: msgspec.Raw, at: str) -> _Kvm:
    """The vCPU's own JSON, whichever way it is packed."""
    data = bytes(raw)
    if data.startswith(b"["):
        text = _to_bytes(decode(data, list[int], at), at)
    else:
        text = decode(data, dict[str, str], at).get("state", "").encode()
    inner = decode(text, dict[str, msgspec.Raw], at)
    if "Kvm" not in inner:
        raise SourceError("the state of its vCPU is not KVM's", at, "an arm64 guest on KVM has one")
    return decode(bytes(inner["Kvm"]), _Kvm, at)


def _registers(state: _Kvm, at: str) -> dict[int, int]:
    try:
        core = _core(bytes(state.core_regs), at)
    except (ValueError, KeyError, TypeError, struct.error) as error:
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
            fields = decode(bytes(raw), dict[str, int], at)
            if not {"id", "addr"} <= set(fields):
                raise SourceError("a register without id and addr", at)
            pairs.append((fields["id"], fields["addr"]))
    return dict(checked(pairs, at))


def _core(raw: bytes, at: str) -> dict[int, int]:
    """The members of kvm_regs, as bytes or by name."""
    if raw.startswith(b"["):
        return kvm_regs.unpack(_to_bytes(decode(raw, list[int], at), at))
    fields = decode(raw, dict[str, Any], at)
    regs, fp = fields["regs"], fields.get("fp_regs", {})
    values = kvm_regs.general(regs["regs"], regs["sp"], regs["pc"], regs["pstate"])
    values |= kvm_regs.exception(fields["sp_el1"], fields["elr_el1"], fields["spsr"])
    wide = [v if isinstance(v, int) else v[0] | v[1] << 64 for v in fp.get("vregs", [])]
    return values | (kvm_regs.vectors(wide, fp["fpsr"], fp["fpcr"]) if fp else {})


def _to_bytes(numbers: list[int], at: str) -> bytes:
    try:
        return bytes(numbers)
    except ValueError:
        raise SourceError("a list of bytes holds other numbers", at) from None
