"""Register values as JSON: `show --json` and `decode --json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inspector.registers import catalog
from inspector.registers.encoding import hex_value
from inspector.reports.json import Json, field_json, reading_json, register_json, source_json
from inspector.reports.registers import Item
from inspector.sources.dump import Dump, Vcpu


def item_json(item: Item) -> Json:
    """One register: value and fields; `errno` when it could not be read.

    Of a value that is known in part, `known` has the bits that are, and every other bit of `value` is 0 and means
    nothing. A template's constraint has `mask` and `bits` instead.
    """
    if item.withheld:
        return {**register_json(item.register, None), "withheld": True, "fields": []}
    if item.reading is None:
        return {**register_json(item.register, None), "errno": item.errno, "fields": []}
    answer = reading_json(item.reading)
    answer["fields"] = [field_json(field) for field in item.fields]
    if item.constraint:
        value, mask = (hex_value(bits, item.register.size) for bits in (item.constraint.value, item.constraint.mask))
        answer |= {"value": None, "mask": mask, "bits": value} if item.template else {"value": value, "known": mask}
    return answer


def show_json(dump: Dump, shown: Mapping[int, list[Item]], vcpus: Iterable[Vcpu], differing: Json) -> Json:
    """`show --json`: provenance, and per vCPU its registers with their fields."""
    answer: Json = {
        "source": source_json(dump.provenance),
        "vcpus": [
            {
                "index": vcpu.index,
                **({"name": vcpu.name.raw} if vcpu.name else {}),
                "kind": vcpu.kind,
                **({"mp_state": vcpu.mp_state} if vcpu.mp_state else {}),
                "registers": [item_json(item) for item in shown[place]],
            }
            for place, vcpu in enumerate(vcpus)
        ],
    }
    if differing:
        answer["differing"] = differing
    if dump.absent:
        answer["absent"] = [
            {"registers": [catalog.by_id(i).name for i in sorted(each.ids)], "reason": each.reason}
            for each in dump.absent
        ]
    if dump.notes:
        answer["notes"] = list(dump.notes)
    return answer
