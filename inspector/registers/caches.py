"""Cache topology from CLIDR_EL1, CCSIDR_EL1 and CTR_EL0."""

from __future__ import annotations

from collections.abc import Mapping


def ccsidr_layout(reg_id: int, value: int, values: Mapping[int, int]) -> tuple[bool, str]:
    """Whether the 64-bit layout applies to a CCSIDR value, and why."""
    return False, ""
