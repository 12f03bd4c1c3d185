"""The entries of feature tables: what is taken, and that nothing else is."""

from __future__ import annotations

import pytest

from inspector.policies.model import Know
from inspector.policies.spans import parse_field

RULE = Know(register="ID_AA64PFR0_EL1", fields=())


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("EL0[3:0] lower", ("EL0", 3, 0, "lower", False, False, 0)),
        ("EL0[3:0] lower hidden-as 1", ("EL0", 3, 0, "lower", False, False, 1)),
        ("FP[19:16] lower signed visible", ("FP", 19, 16, "lower", True, True, 0)),
        ("FP[19:16] higher-or-zero visible hidden-as 15", ("FP", 19, 16, "higher-or-zero", False, True, 15)),
        ("F8CVT[31] exact 2", ("F8CVT", 31, 31, "exact 2", False, False, 2)),
        ("X[7:0] exact 2 signed hidden-as 3", ("X", 7, 0, "exact 2", True, False, 3)),
        ("X[63:56] higher", ("X", 63, 56, "higher", False, False, 0)),
    ],
)
def test_a_field_is_read(spec: str, told: tuple[object, ...]) -> None:
    found = parse_field(spec, RULE)
    assert found is not None
    assert (found.name, found.msb, found.lsb, found.safe, found.signed, found.visible, found.hidden_as) == told


@pytest.mark.parametrize(
    "spec",
    [
        "", "EL0", "EL0[3:0]", "EL0[3:0] ", "[3:0] lower", "EL0[3:0] most", "EL0[3:0]  lower", " EL0[3:0] lower",
        "EL0[3:0] lower ", "EL0[8:0] lower", "EL0[0:3] lower", "EL0[64:60] lower", "EL0[3:0] exact",
        "EL0[3:0] exact x", "EL0[3:0] exact x hidden-as 3", "EL0[3:0] exact ²", "EL0[3:0] lower visible signed",
        "EL0[3:0] lower signed signed", "EL0[3:0] lower hidden-as", "EL0[3:0] lower hidden-as -1",
        "EL0[3:0] lower hidden-as 1 2", "EL0[3:0] lower hidden-as 1 visible", "EL0[3:0]\nlower",
    ],
)  # fmt: skip
def test_nothing_else_is(spec: str) -> None:
    assert parse_field(spec, RULE) is None
