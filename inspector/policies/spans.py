"""Entries of a kernel's feature table: where a field is, and in which direction a smaller promise lies.

The safe-value rules are those of arm64_ftr_safe_value() (arch/arm64/kernel/cpufeature.c), which KVM uses since v6.5 to
judge a value that userspace writes (arm64_check_features(), arch/arm64/kvm/sys_regs.c).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from inspector.errors import PolicyError
from inspector.numbers import is_decimal
from inspector.policies.model import Know, Rule
from inspector.registers.bits import mask_of
from inspector.registers.encoding import sysreg_id
from inspector.registers.ids import IDS

_SAFE = ("lower", "higher", "higher-or-zero")
_PART = re.compile(r"S([0-3])_([0-7])_C([0-9-]+)_C([0-9-]+)_([0-9-]+)")
_PLACE = re.compile(r"(\w+)\[([0-9]+)(?::([0-9]+))?\]")


class FieldRule(msgspec.Struct, frozen=True):
    """One field of the feature table."""

    name: str
    msb: int
    lsb: int
    safe: str
    """`lower`, `higher`, `higher-or-zero` or `exact N`"""
    signed: bool
    visible: bool
    """EL0 of the host may see it (MRS emulation)"""
    hidden_as: int
    """what EL0 reads of a field that is not visible: the safe value"""
    rule: Rule
    build: Literal["sme", "gcs"] | None
    """what the kernel has to be built with for EL0 to see it; `visible` is how the recorded kernels were built"""
    mask: int
    """the field's bits in the register"""

    @property
    def width(self) -> int:
        """Bits."""
        return self.msb - self.lsb + 1

    @property
    def exact(self) -> int:
        """The only safe value of an `exact` field; 0 for others."""
        return int(self.safe[6:]) if self.safe.startswith("exact") else 0

    def extract(self, value: int) -> int:
        """The field's (unsigned) value in a register value."""
        return (value & self.mask) >> self.lsb

    def allowed(self, limit: int) -> int:
        """Which field values a write may hold when KVM offers `limit`: a bitmap, bit n for value n."""
        return _allowed(self.safe, self.signed, self.width, limit)

    def direction(self) -> str:
        """The safe-value rule in words for a verdict."""
        return f"{self.safe} signed" if self.signed else self.safe


def signed_value(value: int, width: int) -> int:
    """`value` of a `width`-bit field as a two's complement number."""
    return value - (1 << width) if value >> width - 1 else value


@lru_cache(maxsize=4096)
def _allowed(safe: str, signed: bool, width: int, limit: int) -> int:
    bitmap = 1 << limit
    for value in range(1 << width):
        new, cur = (signed_value(value, width), signed_value(limit, width)) if signed else (value, limit)
        if safe == "lower":
            good = new <= cur
        elif safe == "higher":
            good = new >= cur
        elif safe == "higher-or-zero":
            good = new == 0 or (cur != 0 and new >= cur)
        else:
            good = value == int(safe[6:])
        bitmap |= good << value
    return bitmap


def parse_field(spec: str, rule: Rule) -> FieldRule | None:
    """`EL0[3:0] lower hidden-as 1`, `F8CVT[31] exact 0`, `FP[19:16] lower signed visible`; None for anything else."""
    # Without a pattern of all of it: compiling that took as long as reading every field of a kernel.
    where, *words = spec.split(" ")
    place = parse_place(where)
    if place is None or place[1] - place[2] >= 8 or not words:
        return None
    safe, hidden_as = words.pop(0), "0"
    if safe == "exact" and words and is_decimal(words[0]):
        hidden_as = words.pop(0)
        safe = f"exact {hidden_as}"
    elif safe not in _SAFE:
        return None
    signed = words[:1] == ["signed"]
    visible = words[signed : signed + 1] == ["visible"]
    match words[signed + visible :]:
        case []:
            pass
        case ["hidden-as", hidden_as]:
            pass
        case _:
            return None
    if not is_decimal(hidden_as):
        return None
    build = rule.build if isinstance(rule, Know) else None
    return FieldRule(*place, safe, signed, visible, int(hidden_as), rule, build, mask_of(*place[1:]))


_FIELDS: dict[int, tuple[Know, tuple[FieldRule | None, ...]]] = {}


def parse_fields(rule: Know) -> tuple[FieldRule | None, ...]:
    """`parse_field` of each of a rule's fields, once for a rule that several policies share."""
    held = _FIELDS.get(id(rule))
    if held is None or held[0] is not rule:
        if len(_FIELDS) > _MOST:
            _FIELDS.clear()
        held = _FIELDS[id(rule)] = rule, tuple(parse_field(spec, rule) for spec in rule.fields)
    return held[1]


_MOST = 1024


def parse_place(text: str) -> tuple[str, int, int] | None:
    """`NMI[39:36]` as (name, msb, lsb); None when there is no place in it."""
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    msb = int(match[2])
    lsb = int(match[3]) if match[3] else msb
    return (match[1], msb, lsb) if 0 <= lsb <= msb < 64 else None


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


@lru_cache(maxsize=512)
def expand(spec: str) -> tuple[int, ...]:
    """The register ids of `NAME`, `NAME=S3_0_C1_C0_0` or a range such as `DBGBVR=S2_0_C0_C0-15_4`; KeyError if none."""
    name, _, encoding = spec.partition("=")
    if name in IDS and not encoding:
        return (IDS[name],)
    match = _PART.fullmatch(encoding or name)
    if match is None:
        raise KeyError(spec)
    op0, op1 = int(match[1]), int(match[2])
    return tuple(
        sysreg_id(op0, op1, crn, crm, op2)
        for crn in _span(match[3])
        for crm in _span(match[4])
        for op2 in _span(match[5])
    )


@lru_cache(maxsize=1024)
def expand_all(specs: tuple[str, ...]) -> tuple[int, ...]:
    """The register ids of several, in their order; see `expand`."""
    return tuple([reg_id for spec in specs for reg_id in expand(spec)])


def check(specs: tuple[str, ...], where: str, rule: str) -> None:
    """PolicyError when one of a list rule's registers cannot be read."""
    wrong = _unreadable(specs)
    if wrong is not None:
        raise PolicyError(f"rule {rule!r}: cannot read {wrong!r}", where, "write e.g. SCTLR_EL1=S3_0_C1_C0_0")


@lru_cache(maxsize=512)
def _unreadable(specs: tuple[str, ...]) -> str | None:
    for spec in specs:
        try:
            expand(spec)
        except KeyError:
            return spec
    return None
