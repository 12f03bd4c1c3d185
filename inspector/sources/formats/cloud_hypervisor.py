"""Cloud Hypervisor's state.json (vm.json to version 21): vCPUs below `snapshots`, `cpu-manager`, `snapshots`.

The state of a vCPU is JSON of its own, packed in four ways (vm-migration/src/lib.rs, hypervisor/src/lib.rs and
hypervisor/src/kvm/aarch64/mod.rs of each version):

| versions | `snapshot_data` of a vCPU | inside |
|---|---|---|
| 19 to 25 | `{"vcpu-section": {"id", "snapshot": [bytes of the text]}}` | mp_state, core_regs, sys_regs, mpidr |
| 26 to 28 | the same | `{"Kvm": {mp_state, core_regs, sys_regs}}` |
| 29 to 38 | `[bytes of the text]` | the same |
| from 39 | `{"state": TEXT}` | the same; from 53 also pre_finalize_regs and extended_regs for SVE |

To 38 a register is `{"id", "addr"}`, where addr is its value; from 39 it is the bytes of struct kvm_one_reg, and
core_regs those of struct kvm_regs (kvm-bindings, serialize.rs). With SVE neither V0 to V31 nor FPSR and FPCR are read
when a VM is saved: their places in core_regs hold nothing (hypervisor/src/kvm/mod.rs, state()).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from inspector.budget import RECORDS, VCPUS, Budget
from inspector.errors import SourceError
from inspector.numbers import is_decimal
from inspector.registers.encoding import CLASS_SVE, class_of, size_of
from inspector.registers.ids import MPIDR_EL1
from inspector.sources.dump import Absent, Dump, Provenance, Vcpu
from inspector.sources.formats import kvm_regs
from inspector.sources.jsontext import Word, check_members, checked, decode
from inspector.sources.opening import Content
from inspector.sources.vcpu_setup import listed_setup
from inspector.untrusted import Untrusted

NAME: Final = "cloud-hypervisor"


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


class _Section(msgspec.Struct):
    snapshot: list[int]


class _MpState(msgspec.Struct):
    mp_state: Word


class _Kvm(msgspec.Struct):
    core_regs: msgspec.Raw
    sys_regs: list[msgspec.Raw]
    pre_finalize_regs: list[_Bytes] = []
    extended_regs: list[_Bytes] = []
    mp_state: Word | _MpState | list[Word] | None = None
    mpidr: Word | None = None

    @property
    def sve(self) -> bool:
        """True when the vCPU had SVE, so that its V registers were not read."""
        return any(class_of(element.id) == CLASS_SVE for element in (*self.pre_finalize_regs, *self.extended_regs))


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
    vcpus, shapes, sve = [], dict[str, None](), False
    for key, raw in manager.snapshots.items():
        at = f"{where}, vCPU {key}"
        if not is_decimal(key) or len(key) > 4:
            raise SourceError("a vCPU without a number", at)
        state, shape = _state(decode(bytes(raw), _Node, at).snapshot_data, at, content.budget)
        content.budget.spend(VCPUS)
        content.budget.spend(RECORDS, len(state.sys_regs) + len(state.extended_regs) + len(state.pre_finalize_regs))
        values = _registers(state, at)
        setup = listed_setup(values, gic="v3")
        vcpus.append(Vcpu(index=int(key), values=values, setup=setup, mp_state=_mp_state(state, at)))
        shapes[shape] = None
        sve = sve or state.sve
    if not vcpus:
        raise SourceError("its cpu-manager has no vCPU", where)
    tool = f"Cloud Hypervisor ({', '.join(shapes)})"
    provenance = Provenance(
        source=where, format=NAME, compression=content.compression, tool=Untrusted(tool), accelerator="kvm"
    )
    absent, notes = _lost(sve)
    return Dump(provenance=provenance, vcpus=tuple(sorted(vcpus, key=lambda v: v.index)), absent=absent, notes=notes)


def _lost(sve: bool) -> tuple[tuple[Absent, ...], tuple[str, ...]]:
    """What no vCPU with SVE has saved, and the note that says so."""
    if not sve:
        return (), ()
    lost = kvm_regs.vectors([0] * 32, 0, 0)
    wide = frozenset(reg_id for reg_id in lost if size_of(reg_id) == 16)
    status = "Cloud Hypervisor neither saves nor restores it for a vCPU with SVE"
    return (
        Absent(wide, "a vCPU with SVE has Z registers, whose lower 128 bits it is"),
        Absent(frozenset(lost) - wide, status),
    ), ("V0 to V31 are part of Z0 to Z31; FPSR and FPCR are not in this file: " + status.replace("it for", "them for"),)


def _mp_state(state: _Kvm, at: str) -> str:
    found = state.mp_state
    if isinstance(found, list):
        found = int.from_bytes(_to_bytes(found, at), "little") if found else None
    if isinstance(found, _MpState):
        found = found.mp_state
    return "" if found is None else kvm_regs.mp_state_name(found)


def _state(raw: msgspec.Raw, at: str, budget: Budget) -> tuple[_Kvm, str]:
    """The vCPU's own JSON, whichever way it is packed, and the versions that pack it so."""
    data, versions = bytes(raw), "v39 or newer"
    if data == b"null":
        raise SourceError("no state is saved for this vCPU", at, "was the VM paused when it was saved?")
    if data.startswith(b"["):
        text, versions = _to_bytes(decode(data, list[int], at), at), "v29 to v38"
    else:
        members = decode(data, dict[str, msgspec.Raw], at)
        if _SECTION in members:
            text, versions = _to_bytes(decode(bytes(members[_SECTION]), _Section, at).snapshot, at), "v26 to v28"
        elif "state" in members:
            text = decode(bytes(members["state"]), str, at).encode()
        else:
            names = ", ".join(list(members)[:3]) or "nothing"
            raise SourceError(f"the state of a vCPU is packed in a way that is not known ({names})", at)
    check_members(text, budget)
    inner = decode(text, dict[str, msgspec.Raw], at)
    if "Kvm" in inner:
        state = decode(bytes(inner["Kvm"]), _Kvm, at)
        return state, "v53 or newer" if state.sve else versions
    if not {"core_regs", "sys_regs"} <= set(inner):
        raise SourceError("the state of its vCPU is not KVM's", at, "an arm64 guest on KVM has one")
    return decode(text, _Kvm, at), "v25 or older"


_SECTION = "vcpu-section"


def _registers(state: _Kvm, at: str) -> dict[int, int]:
    try:
        core = _core(bytes(state.core_regs), at)
    except ValueError as error:
        raise SourceError(f"core_regs of a shape that is not known ({error})", at) from None
    lost = kvm_regs.vectors([0] * 32, 0, 0) if state.sve else {}
    pairs = [(reg_id, value) for reg_id, value in core.items() if reg_id not in lost]
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
    values = dict(checked(pairs, at))
    if state.mpidr is not None:
        values.setdefault(MPIDR_EL1, state.mpidr)
    return values


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
