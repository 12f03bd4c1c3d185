"""Reports of what a kernel exposes (`expose`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from inspector.errors import one_line
from inspector.kvm.cases import Case
from inspector.kvm.exposure import Exposure, FieldExposure, RegisterExposure
from inspector.kvm.words.kernel_exposures import explain_under_each
from inspector.kvm.words.kernels import unmodelled
from inspector.numbers import is_decimal
from inspector.registers import catalog
from inspector.registers.encoding import hex_id, hex_value
from inspector.registers.reading import read
from inspector.reports.cases import case_lines, cases_json
from inspector.reports.json import Json
from inspector.reports.outline import SIGNS, listed
from inspector.reports.text import columns, markdown_table
from inspector.reports.values import bits_text, hex_json, number_text, partly_json, value_text

_FOLLOWS = "it follows from what is not known of the host"
_NAMED = 6
"""Registers that an entry for alike ones names."""


def exposed_register_json(exposure: RegisterExposure) -> Json:
    """One register: `known` is the mask of known bits of `exposed`."""
    register = catalog.by_id(exposure.id)
    size = register.size
    return {
        "id": hex_id(exposure.id),
        "name": register.name,
        **partly_json("host", exposure.host, exposure.host_known, 8),
        "known": hex_value(exposure.known, size),
        "exposed": hex_json(exposure.exposed if exposure.exposed is None else exposure.exposed & exposure.known, size),
        **partly_json("guest", exposure.guest, exposure.guest_known, 8),
        "fields": [
            {
                "name": field.name,
                "msb": field.msb,
                "lsb": field.lsb,
                "host": field.host,
                "exposed": field.exposed,
                "state": field.state,
                "rule": field.rule,
                "reference": field.reference,
                # What decides a field of which the kernels that it may be do not show the same.
                **({"depends_on": field.reason} if field.exposed is None and field.reason else {}),
            }
            for field in exposure.fields
        ],
        **(cases_json(False, exposure.depends_on, exposure.cases) if exposure.cases else {}),
    }


def exposure_json(
    exposure: Exposure, registers: Iterable[RegisterExposure], lists: Callable[[int], bool | None]
) -> Json:
    """`expose --json`; `lists` says whether KVM lists a register, None where that is not known."""
    return {
        "kernel": exposure.policy.name,
        "evidence": exposure.policy.evidence,
        **({"certain": False, "depends_on": [unmodelled(exposure.policy)]} if exposure.policy.stands_for else {}),
        "features": exposure.setup.describe(),
        "gic": exposure.setup.gic,
        "registers": [exposed_register_json(register) | {"listed": lists(register.id)} for register in registers],
    }


def exposure_doubt(exposure: Exposure) -> str:
    """What all of an answer depends on, where the kernel is none that is modelled; else empty."""
    policy = exposure.policy
    return f"it depends on {unmodelled(policy)}; what it is as that kernel stands below" if policy.stands_for else ""


def _meaning(register: RegisterExposure, field: FieldExposure) -> str:
    """The meaning of the exposed field."""
    if field.exposed is None:
        return _FOLLOWS
    fields = read(register.id, register.exposed or 0, include_reserved=True).fields
    return next((f.meaning for f in fields if f.msb == field.msb and f.lsb == field.lsb), "")


def exposure_lines(registers: Sequence[RegisterExposure], everything: bool) -> list[str]:
    """Registers whose fields change on the way to the vCPU, each changed field with its rule; all with `everything`.

    The reason of a rule is given where the rule first stands. Registers that follow each other with the same values
    and changes (CCSIDR[3] to CCSIDR[13]) are one entry.
    """
    told: dict[tuple[str, str], str] = {}
    lines: list[str] = []
    shown = [register for register in registers if everything or _changed(register)]
    for values, group in groupby(shown, key=lambda register: _values(register, everything)):
        name = _joined([catalog.by_id(one.id).name for one in group])
        lines.append(f"{name}  {values.head}")
        rows = [[*row.cells, _once(row, name, told)] for row in values.rows]
        lines += [*columns(rows, indent="  "), *case_lines(values.cases)]
    return [one_line(line) for line in lines]


class _Row(NamedTuple):
    cells: tuple[str, ...]
    rule: str
    reason: str
    meaning: str
    """what the value means, where there is no reason"""


def _once(row: _Row, name: str, told: dict[tuple[str, str], str]) -> str:
    """The reason where it first stands; later the rule's name says it, or the register that has it."""
    if not row.reason:
        return row.meaning
    first = told.get((row.rule, row.reason))
    if first is None:
        told[row.rule, row.reason] = name
        return row.reason
    return "" if row.rule or first == name or row.reason == _FOLLOWS else f"as for {first}"


class _Values(NamedTuple):
    """What is said of a register, but for its name."""

    head: str
    rows: tuple[_Row, ...]
    cases: tuple[Case, ...]


def _changed(register: RegisterExposure) -> list[FieldExposure]:
    """Fields that change; where the kernel is none that is modelled, those that the nearest one changes."""
    both = zip(register.fields, register.likely.fields, strict=True)
    return [field for field, likely in both if likely.state != "same"]


def _values(register: RegisterExposure, everything: bool) -> _Values:
    size = catalog.by_id(register.id).size
    shown = value_text(register.exposed, register.known, size)
    guest = ""
    if register.guest is not None and register.guest != register.exposed:
        guest = f"   guest reads {value_text(register.guest, register.guest_known, size)}"
    rows = tuple(
        _Row(
            (
                bits_text(field),
                field.name,
                f"{number_text(field.host)} -> {number_text(field.exposed)}",
                f"{SIGNS[field.state]} {field.state}",
                field.rule,
            ),
            field.rule,
            "" if register.cases else field.reason or _FOLLOWS * (field.exposed is None),
            field.reason if register.cases else _meaning(register, field),
        )
        for field in (register.fields if everything else _changed(register))
    )
    return _Values(
        f"host {value_text(register.host, register.host_known)}  exposed {shown}{guest}", rows, register.cases
    )


def _joined(names: Sequence[str]) -> str:
    """`A`, `CCSIDR[3..13]`, or `A, B`."""
    stem, bracket, _ = names[0].partition("[")
    numbers = [name.removeprefix(f"{stem}[").removesuffix("]") for name in names]
    first = int(numbers[0]) if bracket and is_decimal(numbers[0]) else 0
    if len(names) > 1 and bracket and numbers == [str(first + step) for step in range(len(names))]:
        return f"{stem}[{numbers[0]}..{numbers[-1]}]"
    return listed(names, _NAMED)


def exposure_summary(registers: Sequence[RegisterExposure], everything: bool) -> str:
    """How many registers change and how: `34 of 361 registers change (fields: ▲ 24 rebuilt, ...)`."""
    likely = [register.likely for register in registers]
    changed = [register for register in likely if _changed(register)]
    states = Counter(field.state for register in changed for field in _changed(register))
    how = ", ".join(f"{SIGNS[state]} {count} {state}" for state, count in states.most_common())
    same = len(registers) - len(changed)
    return (
        "as the nearest kernel that is modelled: " * (likely != list(registers))
        + f"{len(changed)} of {len(registers)} registers change"
        + f" (fields: {how})" * bool(how)
        + f"; {same} {'is shown as it is' if same == 1 else 'are shown as they are'}" * bool(same)
        + " (--all lists them)" * (bool(same) and not everything)
    )


def exposure_markdown(exposures: Sequence[Exposure], label: str) -> str:
    """What a kernel changes on the way to the vCPU as a Markdown section; `label` says what the host is known from.

    `exposures`: one for each policy that the kernel may have, the chosen one's first.
    """
    exposure = exposures[0]
    listed = dict.fromkeys(reg_id for one in exposures for reg_id in one.listed)
    told = [explain_under_each(exposures, reg_id) for reg_id in listed]
    rows = []
    for register in told:
        name = catalog.by_id(register.id).name
        for field in _changed(register):
            whole = field.name == "value"
            rows.append(
                [
                    name if whole else f"{name}.{field.name} {bits_text(field)}",
                    number_text(field.host),
                    number_text(field.exposed),
                    f"{SIGNS[field.state]} {field.state}",
                    field.rule,
                    field.reason or _meaning(register, field),
                    field.reference,
                ]
            )
    lines = [
        "## Host against exposed",
        "",
        *markdown_table(
            ["what", "value"],
            [
                ["host known from", label],
                *([["uncertain", doubt]] if (doubt := exposure_doubt(exposure)) else []),
                ["kernel", f"{exposure.policy.name} ({exposure.policy.evidence})"],
                ["vCPU", f"{exposure.setup.describe()}; vGIC {exposure.setup.gic}"],
                ["registers", f"{len(told)} listed"],
            ],
        ),
        "",
    ]
    head = ["register or field", "host", "exposed", "verdict", "rule", "reason", "source"]
    return "\n".join([*lines, *markdown_table(head, rows)]) + "\n"
