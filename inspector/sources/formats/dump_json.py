"""This program's own dump format: JSON, versioned, one line per register so that two dumps can be compared as text.

```
{"format": "vcpu-inspector-dump", "version": 1,
 "provenance": {"source", "format", "tool", "kernel", "kernel_version", "host", "machine", "date", "written_by"},
 "one_vm": true, "notes": ["..."],
 "capabilities": {"sve": 1},
 "host": {"view": "raw", "registers": [{"id", "name", "value"}], "ccsidr": [{"csselr", "value"}]},
 "cpus": [{"index": 0, "registers": [...], "caches": [{"level": "1"}]}],
 "el0": [{"id", "name", "value"}],
 "vcpus": [{"index": 0, "name": "qemu", "kind": "vcpu",
            "setup": {"features": 124, "gic": "v3", "mte": false, "writable_imp_id": false},
            "registers": [{"id", "name", "value"}, {"id", "errno"}, {"id", "mask", "value"}, {"id", "mask": "0x0"}],
            "guest": [{"id", "value"}], "writable_masks": [{"id", "value"}]}]}
```

Ids and values are texts, `0x` and lower-case hex without padding. `name` is there for people and is not read. `mask` marks
a register of which only those bits are given (none of them in a list of ids). Everything but `format`, `version` and
`vcpus` may be left out; unknown members are ignored, so that version 1 can grow. `source` and `format` of `provenance` tell
what the dump was converted from; when the file is read they become `origin` and `origin_format`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Literal

import msgspec

from inspector import __version__
from inspector.errors import SourceError
from inspector.policies.setup import Gic, VcpuSetup
from inspector.sources.dump import Constraint, Cpu, Dump, Host, Kind, Provenance, Vcpu
from inspector.sources.jsontext import Hex, check_id, check_value, checked, decode
from inspector.sources.opening import Content

NAME = "dump-json"
FORMAT = "vcpu-inspector-dump"
VERSION = 1


class _Register(msgspec.Struct, omit_defaults=True):
    id: Hex
    name: str = ""
    value: Hex | None = None
    mask: Hex | None = None
    errno: int = 0


class _Ccsidr(msgspec.Struct):
    csselr: Hex
    value: Hex


class _Setup(msgspec.Struct):
    features: int = 4
    gic: Gic = "none"
    mte: bool = False
    writable_imp_id: bool = False


class _Vcpu(msgspec.Struct):
    index: int
    registers: list[_Register] = []
    name: str = ""
    kind: Kind = "vcpu"
    setup: _Setup | None = None
    guest: list[_Register] = []
    writable_masks: list[_Register] | None = None


class _Host(msgspec.Struct):
    registers: list[_Register] = []
    ccsidr: list[_Ccsidr] = []
    view: Literal["raw", "el0"] = "raw"


class _Cpu(msgspec.Struct):
    index: int
    registers: list[_Register] = []
    caches: list[dict[str, str]] = []


class _Document(msgspec.Struct):
    version: int
    vcpus: list[_Vcpu]
    provenance: dict[str, str] = {}
    one_vm: bool = True
    notes: list[str] = []
    capabilities: dict[str, int] = {}
    host: _Host | None = None
    cpus: list[_Cpu] = []
    el0: list[_Register] = []


def sniff(content: Content) -> bool:
    """A JSON object whose `format` is ours."""
    raw = content.json_object().get("format")
    return raw is not None and bytes(raw) == f'"{FORMAT}"'.encode()


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
    given = {k: v for k, v in document.provenance.items() if k in Provenance.__struct_fields__}
    origin, origin_format = given.pop("source", ""), given.pop("format", "")
    provenance = Provenance(
        **given | {"source": where, "format": NAME, "origin": origin, "origin_format": origin_format}
    )
    host = document.host
    return Dump(
        provenance=provenance,
        vcpus=tuple(_vcpu(v, where) for v in document.vcpus),
        host=host and Host(values=_values(host.registers, where), ccsidr=_ccsidr(host.ccsidr, where), view=host.view),
        cpus=tuple(
            Cpu(index=c.index, values=_values(c.registers, where), caches=tuple(c.caches)) for c in document.cpus
        ),
        capabilities=document.capabilities,
        el0=_values(document.el0, where),
        one_vm=document.one_vm,
        notes=tuple(document.notes),
    )


def _vcpu(given: _Vcpu, where: str) -> Vcpu:
    where = f"{where}, vCPU {given.index}"
    constraints: dict[int, Constraint] = {}
    errors: dict[int, int] = {}
    for line in given.registers:
        check_id(line.id, where)
        if line.mask is not None:
            check_value(line.id, line.mask, where)
            check_value(line.id, line.value or 0, where)
            constraints[line.id] = Constraint(line.mask, (line.value or 0) & line.mask)
        elif line.errno:
            errors[line.id] = line.errno
    setup = given.setup
    return Vcpu(
        index=given.index,
        name=given.name,
        kind=given.kind,
        values=_values((r for r in given.registers if r.mask is None and not r.errno), where),
        errors=errors,
        constraints=constraints,
        setup=setup
        and VcpuSetup(features=setup.features, gic=setup.gic, mte=setup.mte, writable_imp_id=setup.writable_imp_id),
        guest={r.id: int(r.value or 0) for r in given.guest},
        writable_masks=None
        if given.writable_masks is None
        else {r.id: int(r.value or 0) for r in given.writable_masks},
    )


def _values(lines: Iterable[_Register], where: str) -> Mapping[int, int]:
    pairs = []
    for line in lines:
        if line.value is None:
            raise SourceError(f"register {line.id:#x} has neither value, mask nor errno", where)
        pairs.append((int(line.id), int(line.value)))
    return checked(pairs, where)


def _ccsidr(lines: list[_Ccsidr], where: str) -> dict[int, int]:
    for line in lines:
        if line.csselr >= 16 or line.value >> 64:
            raise SourceError(f"CCSIDR of CSSELR {line.csselr:#x} cannot be {line.value:#x}", where)
    return {int(line.csselr): int(line.value) for line in lines}


def write(dump: Dump, date: str = "") -> bytes:
    """`dump` in this format, UTF-8; `date` (ISO 8601) is written where the dump itself has none, else today's."""
    known = dump.provenance
    provenance = {
        "source": known.origin or PurePath(known.source).name,
        "format": known.origin_format or known.format,
        "tool": known.tool,
        "kernel": known.kernel,
        "kernel_version": known.kernel_version,
        "host": known.host,
        "machine": known.machine,
        "date": known.date or date or datetime.datetime.now(datetime.UTC).date().isoformat(),
        "written_by": f"vcpu-inspector {__version__}",
    }
    members: list[tuple[str, str]] = [
        ("format", _json(FORMAT)),
        ("version", _json(VERSION)),
        ("provenance", _json({k: v for k, v in provenance.items() if v})),
        ("one_vm", _json(dump.one_vm)),
        ("notes", _lines(map(_json, dump.notes), 1)),
        ("capabilities", _json(dict(dump.capabilities))),
    ]
    if dump.host:
        members.append(("host", _host(dump.host)))
    if dump.cpus:
        members.append(("cpus", _lines(map(_cpu, dump.cpus), 1)))
    if dump.el0:
        members.append(("el0", _registers(dump.el0, 1)))
    members.append(("vcpus", _lines(map(_vcpu_text, dump.vcpus), 1)))
    return (_object(members, 0) + "\n").encode()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _object(members: Iterable[tuple[str, str]], depth: int) -> str:
    indent = " " * depth
    return "{\n" + ",\n".join(f"{indent} {_json(key)}: {text}" for key, text in members) + f"\n{indent}}}"


def _lines(texts: Iterable[str], depth: int) -> str:
    indent = " " * depth
    body = ",\n".join(f"{indent} {text}" for text in texts)
    return f"[\n{body}\n{indent}]" if body else "[]"


def _name(reg_id: int) -> str:
    from inspector.registers.catalog import by_id

    return by_id(reg_id).name


def _registers(values: Mapping[int, int], depth: int, named: bool = True) -> str:
    return _lines((_line(i, _name(i) if named else "", value=value) for i, value in values.items()), depth)


def _line(reg_id: int, name: str, **rest: int) -> str:
    shown = {key: value if key == "errno" else hex(value) for key, value in rest.items()}
    return _json({"id": hex(reg_id)} | ({"name": name} if name else {}) | shown)


def _host(host: Host) -> str:
    ccsidr = (_json({"csselr": hex(k), "value": hex(v)}) for k, v in host.ccsidr.items())
    members = [("view", _json(host.view)), ("registers", _registers(host.values, 2)), ("ccsidr", _lines(ccsidr, 2))]
    return _object(members, 1)


def _cpu(cpu: Cpu) -> str:
    caches = _lines((_json(dict(c)) for c in cpu.caches), 3)
    return _object([("index", _json(cpu.index)), ("registers", _registers(cpu.values, 3)), ("caches", caches)], 2)


def _vcpu_text(vcpu: Vcpu) -> str:
    lines = [_line(i, _name(i), value=value) for i, value in vcpu.values.items()]
    lines += [_line(i, _name(i), errno=code) for i, code in vcpu.errors.items()]
    lines += [_line(i, _name(i), mask=c.mask, value=c.value) for i, c in vcpu.constraints.items()]
    members = [("index", _json(vcpu.index))]
    members += [("name", _json(vcpu.name))] if vcpu.name else []
    members += [("kind", _json(vcpu.kind))]
    members += [("setup", _json(vcpu.setup))] if vcpu.setup else []
    members += [("registers", _lines(lines, 3))]
    members += [("guest", _registers(vcpu.guest, 3, named=False))] if vcpu.guest else []
    if vcpu.writable_masks is not None:
        members += [("writable_masks", _registers(vcpu.writable_masks, 3, named=False))]
    return _object(members, 2)
