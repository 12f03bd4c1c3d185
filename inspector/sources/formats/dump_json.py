"""This program's own dump format: JSON, versioned, one line per register so that two dumps can be compared as text.

```
{"format": "vcpu-inspector-dump", "version": 1,
 "provenance": {"source", "format", "tool", "kernel", "kernel_version", "cmdline", "host", "machine", "accelerator",
                "date", "written_by"},
 "one_vm": true, "notes": ["..."], "absent": [{"reason": "...", "registers": [ID]}],
 "capabilities": {"sve": 1},
 "host": {"view": "raw", "registers": {ID: VALUE}, "known": {ID: MASK}, "ccsidr": {CSSELR: VALUE}},
 "cpus": [{"index": 0, "registers": {ID: VALUE}, "caches": [{"level": "1"}]}],
 "el0": {ID: VALUE},
 "vcpus": [{"index": 0, "name": "qemu", "kind": "vcpu",
            "features": 124, "gic": "v3", "mte": false, "writable_imp_id": false, "mp_state": "running",
            "registers": {ID: VALUE}, "errors": {ID: ERRNO}, "constraints": {ID: {"mask": VALUE, "value": VALUE}},
            "withheld": [ID], "guest": {ID: VALUE}, "writable_masks": {ID: VALUE}}]}
```

Ids and values are texts: `0x` and hex digits (decimal and `0b` are read too). `constraints` holds registers of which
only the bits in `mask` are given; `known` says the same of a host's; a list of bare ids has masks of zero. `withheld`
lists registers that the vCPU has and whose values were left out, as secrets of the guest. Everything
but `format`, `version` and `vcpus` may be left out, and unknown members are passed over, so that version 1 can grow. In
`provenance`, `source` and `format` tell what the dump was converted from; when the file is read they become `origin`
and `origin_format`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from inspector.budget import RECORDS, VCPUS, Budget
from inspector.errors import SourceError, encodable, escaped_json
from inspector.policies.setup import Gic, VcpuSetup
from inspector.sources.dump import Absent, Constraint, Cpu, Dump, Host, Kind, Provenance, Vcpu, known_accelerator
from inspector.sources.jsontext import Hex, Small, check_id, check_value, decode, number, number_map, register_map
from inspector.sources.opening import Content
from inspector.untrusted import Untrusted, raw
from inspector.version import __version__

NAME: Final = "dump-json"
STATES_FEATURES = True
FORMAT = "vcpu-inspector-dump"
VERSION = 1
_NOTHING = msgspec.Raw(b"{}")
_NULL = msgspec.Raw(b"null")
_TEXTS = ("tool", "kernel", "kernel_version", "cmdline", "host", "machine", "snapshot", "date")
"""Members of `provenance` that are taken over as they are."""


class _Constraint(msgspec.Struct):
    mask: Hex
    value: Hex


class _Vcpu(msgspec.Struct):
    index: Small
    name: str = ""
    kind: Kind = "vcpu"
    features: Small | None = None
    gic: Gic = "none"
    mte: bool = False
    writable_imp_id: bool = False
    mp_state: str = ""
    registers: msgspec.Raw = _NOTHING
    errors: msgspec.Raw = _NOTHING
    constraints: dict[str, _Constraint] = {}
    withheld: list[Hex] = []
    guest: msgspec.Raw = _NOTHING
    writable_masks: msgspec.Raw = _NULL
    flags: list[str] = []


class _Absent(msgspec.Struct):
    reason: str
    registers: list[Hex] = []


class _Host(msgspec.Struct):
    registers: msgspec.Raw = _NOTHING
    known: msgspec.Raw = _NOTHING
    ccsidr: msgspec.Raw = _NOTHING
    view: Literal["raw", "el0"] = "raw"


class _Cpu(msgspec.Struct):
    index: Small
    registers: msgspec.Raw = _NOTHING
    caches: list[dict[str, str]] = []


class _Document(msgspec.Struct):
    version: int
    vcpus: list[_Vcpu]
    provenance: dict[str, str] = {}
    one_vm: bool = True
    notes: list[str] = []
    absent: list[_Absent] = []
    capabilities: dict[str, int] = {}
    host: _Host | None = None
    cpus: list[_Cpu] = []
    el0: msgspec.Raw = _NOTHING


def sniff(content: Content) -> bool:
    """A JSON object whose `format` is ours."""
    raw = content.json_object().get("format")
    try:
        return raw is not None and msgspec.json.decode(raw) == FORMAT  # a letter may be written as an escape
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def load(content: Content) -> Dump:
    """The dump as it was written. Raises SourceError for another version and for values that cannot be."""
    where = content.name
    document = decode(content.whole(), _Document, where)
    if document.version != VERSION:
        raise SourceError(
            f"dump format version {document.version}",
            where,
            f"this program reads version {VERSION}; a newer one may read it",
        )
    given = document.provenance
    texts = {name: Untrusted(given[name]) for name in _TEXTS if name in given}
    host = document.host
    budget = content.budget
    budget.spend(VCPUS, max(len(document.vcpus), len(document.cpus)))
    return Dump(
        provenance=Provenance(
            source=where,
            format=NAME,
            compression=content.compression,
            origin=Untrusted(given.get("source", "")),
            origin_format=Untrusted(given.get("format", "")),
            accelerator=known_accelerator(given.get("accelerator", "")),
            **texts,
        ),
        vcpus=tuple(_vcpu(v, where, budget) for v in document.vcpus),
        host=_host(host, where, budget) if host else None,
        cpus=tuple(
            Cpu(index=c.index, values=register_map(c.registers, where, budget, True, True), caches=tuple(c.caches))
            for c in document.cpus
        ),
        capabilities=document.capabilities,
        el0=register_map(document.el0, where, budget, True),
        one_vm=document.one_vm,
        notes=tuple(document.notes),
        absent=tuple(Absent(frozenset(map(int, each.registers)), each.reason) for each in document.absent),
    )


def _host(given: _Host, where: str, budget: Budget) -> Host:
    ccsidr = number_map(given.ccsidr, where, budget, True)
    for selector, value in ccsidr.items():
        if selector >= 16 or value >> 64:
            raise SourceError(f"CCSIDR of CSSELR {selector:#x} cannot be {value:#x}", where)
    values, known = (register_map(raw, where, budget, True) for raw in (given.registers, given.known))
    return Host(values=values, known=known, ccsidr=ccsidr, view=given.view)


def _vcpu(given: _Vcpu, where: str, budget: Budget) -> Vcpu:
    where = f"{where}, vCPU {given.index}"
    errors = number_map(given.errors, where, budget)
    budget.spend(RECORDS, len(given.constraints))
    constraints = {_id(key, where): c for key, c in given.constraints.items()}
    budget.spend(RECORDS, len(given.withheld))
    constraints |= {int(reg_id): _Constraint(mask=Hex(0), value=Hex(0)) for reg_id in given.withheld}
    for reg_id in errors:
        check_id(reg_id, where)
    for reg_id, constraint in constraints.items():
        check_value(reg_id, constraint.mask | constraint.value, where)
    masks = None if bytes(given.writable_masks) == b"null" else given.writable_masks
    return Vcpu(
        index=given.index,
        name=Untrusted(given.name),
        kind=given.kind,
        values=register_map(given.registers, where, budget, machine=given.kind == "host"),
        errors=errors,
        constraints={i: Constraint(int(c.mask), c.value & c.mask) for i, c in constraints.items()},
        setup=None
        if given.features is None
        else VcpuSetup(features=given.features, gic=given.gic, mte=given.mte, writable_imp_id=given.writable_imp_id),
        mp_state=given.mp_state,
        guest=number_map(given.guest, where, budget, True),
        writable_masks=None if masks is None else number_map(masks, where, budget, True),
        flags=_flags(given.flags),
    )


def _flags(given: list[str]) -> tuple[str, ...]:
    if not given:
        return ()
    from inspector.registers.hwcaps import BY_NAME

    return tuple(flag for flag in given if flag in BY_NAME)


def _id(text: str, where: str) -> int:
    try:
        return number(text)
    except ValueError as error:
        raise SourceError(f"a key is not a number ({error})", where) from None


def write(dump: Dump, date: str = "") -> bytes:
    """`dump` in this format, UTF-8; `date` (ISO 8601) is written where the dump itself has none, else today's."""
    from pathlib import PurePath

    known = dump.provenance
    provenance = {
        "source": known.origin or PurePath(known.source).name,
        "format": known.origin_format or known.format,
        "tool": known.tool,
        "kernel": known.kernel,
        "kernel_version": known.kernel_version,
        "cmdline": known.cmdline,
        "host": known.host,
        "machine": known.machine,
        "accelerator": known.accelerator,
        "date": known.date or date or datetime.datetime.now(datetime.UTC).date().isoformat(),
        "written_by": f"vcpu-inspector {__version__}",
    }
    members = {
        "format": _json(FORMAT),
        "version": _json(VERSION),
        "provenance": _object({k: _json(v) for k, v in provenance.items() if v}, 1),
        "one_vm": _json(dump.one_vm),
        "notes": _list(map(_json, dump.notes), 1),
        "capabilities": _json(dict(dump.capabilities)),
    }
    if dump.absent:
        members["absent"] = _list(map(_absent, dump.absent), 1)
    if dump.host:
        members["host"] = _host_text(dump.host)
    if dump.cpus:
        members["cpus"] = _list(map(_cpu_text, dump.cpus), 1)
    if dump.el0:
        members["el0"] = _registers(dump.el0, 1)
    members["vcpus"] = _list(map(_vcpu_text, dump.vcpus), 1)
    return escaped_json(_object(members, 0) + "\n").encode()


def _json(value: Any) -> str:
    value = raw(value)
    if isinstance(value, str):
        value = encodable(value)  # a file name that is not UTF-8
    return msgspec.json.encode(value).decode()


def _hex(value: int) -> str:
    return _json(hex(value))


def _object(members: Mapping[str, str], depth: int) -> str:
    indent = " " * depth
    body = ",\n".join(f"{indent} {_json(key)}: {text}" for key, text in members.items())
    return f"{{\n{body}\n{indent}}}" if body else "{}"


def _list(texts: Iterable[str], depth: int) -> str:
    indent = " " * depth
    body = ",\n".join(f"{indent} {text}" for text in texts)
    return f"[\n{body}\n{indent}]" if body else "[]"


def _registers(values: Mapping[int, Any], depth: int, text: Callable[[Any], str] = _hex) -> str:
    return _object({hex(reg_id): text(value) for reg_id, value in values.items()}, depth)


def _constraint(constraint: Constraint) -> str:
    return _json({"mask": hex(constraint.mask), "value": hex(constraint.value)})


def _absent(absent: Absent) -> str:
    return _json({"reason": absent.reason, "registers": [hex(reg_id) for reg_id in sorted(absent.ids)]})


def _host_text(host: Host) -> str:
    members = {"view": _json(host.view), "registers": _registers(host.values, 2)}
    if host.known:
        members["known"] = _registers(host.known, 2)
    return _object(members | {"ccsidr": _registers(host.ccsidr, 2)}, 1)


def _cpu_text(cpu: Cpu) -> str:
    caches = _list((_json(dict(c)) for c in cpu.caches), 3)
    return _object({"index": _json(cpu.index), "registers": _registers(cpu.values, 3), "caches": caches}, 2)


def _vcpu_text(vcpu: Vcpu) -> str:
    members = {"index": _json(vcpu.index), "name": _json(vcpu.name.raw), "kind": _json(vcpu.kind)}
    if vcpu.setup:
        members |= {name: _json(getattr(vcpu.setup, name)) for name in VcpuSetup.__struct_fields__}
    if vcpu.mp_state:
        members["mp_state"] = _json(vcpu.mp_state)
    members["registers"] = _registers(vcpu.values, 3)
    if vcpu.errors:
        members["errors"] = _registers(vcpu.errors, 3, _json)
    withheld = vcpu.withheld
    constraints = {reg_id: one for reg_id, one in vcpu.constraints.items() if reg_id not in withheld}
    if withheld:
        members["withheld"] = _list((_json(hex(reg_id)) for reg_id in withheld), 3)
    if constraints:
        members["constraints"] = _registers(constraints, 3, _constraint)
    if vcpu.guest:
        members["guest"] = _registers(vcpu.guest, 3)
    if vcpu.writable_masks is not None:
        members["writable_masks"] = _registers(vcpu.writable_masks, 3)
    if vcpu.flags:
        members["flags"] = _json(vcpu.flags)
    return _object(members, 2)
