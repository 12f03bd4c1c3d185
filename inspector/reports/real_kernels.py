"""Several real kernels side by side: one register as each shows it, a write as each answers it, and the predictions."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.lab.real_kernels import RealAnswer
from inspector.errors import one_line
from inspector.registers.catalog import Register
from inspector.registers.encoding import grouped_hex, hex_id, hex_value
from inspector.registers.layouts import choose
from inspector.reports.json import Json
from inspector.reports.scratch import compared_words, errno_word, pair_json, predicted_word
from inspector.reports.text import columns
from inspector.reports.values import hex_json


def side_by_side_lines(register: Register, answers: Sequence[RealAnswer], text: str) -> list[str]:
    """A row for each kernel, the fields in which they differ, and what went wrong."""
    written = f"; written to a fresh vCPU: {text}" if text else "; as a fresh vCPU shows it"
    lines = [f"{register.name}{written}", ""]
    head = ("  kernel", "shows", "") + (("answers", "reads back", "") if text else ())
    lines += columns([head, *(_row(register, one, bool(text)) for one in answers)])
    fields = _differing(register, answers)
    if fields:
        names = ["  field", *(_name(one) for one in answers)]
        lines += ["", "Fields in which they differ", *columns([names, *fields])]
    told = dict.fromkeys(f"  {one.address}: {text}" for one in answers for text in (one.problem, one.doubt) if text)
    return [one_line(line) for line in (*lines, *(["", *told] if told else []))]


def _name(one: RealAnswer) -> str:
    return one.kernel.partition("-")[0].partition("+")[0] or one.address


def _row(register: Register, one: RealAnswer, wrote: bool) -> tuple[str, ...]:
    shown = "not listed" if one.value is None else grouped_hex(one.value, register.size)
    row = (f"  {one.kernel or one.address}", "no answer" if not one.kernel else shown, shown_words(one))
    if not wrote:
        return row
    if one.write is None:
        return (*row, "nothing written", "", "")
    predicted, actual = one.write
    after = "cannot be read" if actual.after is None else grouped_hex(actual.after, register.size)
    words = compared_words(one.write)
    words += f": {predicted_word(predicted)}" if not one.write.agrees else ""
    return (*row, "accepted" if not actual.errno else errno_word(actual.errno), after, words)


def shown_words(one: RealAnswer) -> str:
    """The value beside the predicted one; empty where nothing is predicted."""
    if one.shown_as_predicted is None:
        return ""
    return "= as predicted" if one.shown_as_predicted else "✖ not as predicted"


def _differing(register: Register, answers: Sequence[RealAnswer]) -> list[list[str]]:
    values = [one.value for one in answers if one.value is not None]
    schema = choose(register.id, register.name, values[0]).schema if values else None
    rows = []
    for span in schema.spans if schema else ():
        held = ["" if one.value is None else f"0x{span.extract(one.value):x}" for one in answers]
        if len({text for text in held if text}) > 1:
            rows.append([f"  {span.name} [{span.msb}:{span.lsb}]", *held])
    return rows


def side_by_side_json(register: Register, answers: Sequence[RealAnswer], text: str) -> Json:
    """The same as data; values are hex strings."""
    return {
        "register": register.name, "id": hex_id(register.id), "written": text or None,
        "kernels": [_json(register, one) for one in answers],
    }  # fmt: skip


def _json(register: Register, one: RealAnswer) -> Json:
    predicted = one.predicted
    return {
        "address": one.address, "kernel": one.kernel or None, "policy": one.title or None, "doubt": one.doubt or None,
        "value": hex_json(one.value, register.size),
        "predicted": None
        if predicted is None or predicted.exposed is None
        else {
            "value": hex_value(predicted.exposed, register.size),
            "known": hex_value(predicted.known & (1 << 8 * register.size) - 1, register.size),
        },
        "shown_as_predicted": one.shown_as_predicted,
        "write": None if one.write is None else pair_json(one.write),
        "problem": one.problem or None,
    }  # fmt: skip
