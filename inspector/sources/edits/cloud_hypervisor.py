"""Cloud Hypervisor's state.json with the values of single registers replaced, in every shape that it has had.

A vCPU's state is JSON inside JSON: a text, or a list of the bytes of a text. Registers stand in `sys_regs`,
`pre_finalize_regs` and `extended_regs` as objects (`id` and `addr`, or `id` and `data`) or as the bytes of the
kernel's struct kvm_one_reg. Core registers have no ids there and are not replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inspector.errors import InspectorError
from inspector.numbers import is_decimal
from inspector.sources.edits.change import Change, Changes, not_found
from inspector.sources.edits.jsonplaces import (
    Edit,
    Layer,
    Span,
    applied,
    elements,
    inside,
    members,
    number,
    numbers,
    root,
)
from inspector.sources.edits.plain import text_of

_LISTS = ("sys_regs", "pre_finalize_regs", "extended_regs")
_ONE_REG = 16
_DEEP = 8


def edited(data: bytes, changes: Mapping[int, Changes], where: str) -> bytes:
    """The file with the changed values replaced. Raises InspectorError for one whose place is not found."""
    file = Layer(text_of(data, where))
    edits: list[Edit] = []
    try:
        for index, state in _vcpus(file):
            edits += _vcpu(file, state, changes.get(index, {}), where)
    except (ValueError, IndexError, RecursionError) as error:
        raise InspectorError(f"its registers cannot be placed ({error})", where) from None
    if not edits:
        raise InspectorError("the places of its registers are not known, so no value can be replaced", where)
    return applied(file.text, edits).encode()


def _vcpus(file: Layer) -> Iterator[tuple[int, Span]]:
    """Index and node of every vCPU."""
    span = root(file)
    for name in ("snapshots", "cpu-manager", "snapshots"):
        span = dict(members(file, span))[name]
    return ((int(key), node) for key, node in members(file, span) if is_decimal(key))


def _vcpu(file: Layer, node: Span, wanted: Changes, where: str) -> list[Edit]:
    edits: list[Edit] = []
    left = set(wanted)
    for layer, listed in _lists(file, node, 0) if wanted else ():
        for span in elements(layer, listed):
            found = _register(layer, span)
            if found and found[0] in wanted:
                edits += _value(layer, found[1], wanted[found[0]], where)
                left.discard(found[0])
    for reg_id in sorted(left):
        raise not_found(reg_id, where)
    return edits


def _lists(layer: Layer, span: Span, depth: int) -> Iterator[tuple[Layer, Span]]:
    """Every list of registers at or below a value, through texts and lists of bytes."""
    if depth > _DEEP:
        return
    deeper = inside(layer, span)
    if deeper:
        yield from _lists(deeper, root(deeper), depth + 1)
    for key, value in members(layer, span):
        if key in _LISTS:
            yield layer, value
        else:
            yield from _lists(layer, value, depth + 1)


def _register(layer: Layer, span: Span) -> tuple[int, Sequence[Span]] | None:
    """Id of an element, and the number that is its value or those that are the value's bytes."""
    packed = numbers(layer, span)
    if len(packed) == _ONE_REG:
        return _bytes_of(layer, packed[:8]), packed[8:]
    fields = dict(members(layer, span))
    reg_id = number(layer, fields["id"]) if "id" in fields else None
    if reg_id is None:
        return None
    if "addr" in fields:
        return reg_id, [fields["addr"]]
    return (reg_id, numbers(layer, fields["data"])) if "data" in fields else None


def _bytes_of(layer: Layer, spans: Sequence[Span]) -> int:
    return int.from_bytes(bytes(int(layer.text[one.start : one.end]) for one in spans), "little")


def _value(layer: Layer, spans: Sequence[Span], change: Change, where: str) -> list[Edit]:
    """The edits that replace one value. Raises InspectorError unless the old one stands there."""
    single = len(spans) == 1
    found = number(layer, spans[0]) if single else _bytes_of(layer, spans)
    if found != change.old:
        raise InspectorError(f"the file changed meanwhile: {found:#x} where {change.old:#x} was read before", where)
    if single:
        return [layer.edit(spans[0], str(change.new))]
    new = change.new.to_bytes(len(spans), "little")
    return [
        layer.edit(span, str(byte))
        for span, byte in zip(spans, new, strict=True)
        if layer.text[span.start : span.end] != str(byte)
    ]
