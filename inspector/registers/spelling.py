"""Whatever a user types or pastes, to one register (and one of its fields).

Names are compared without case. A text that could mean two registers is refused, with both in the hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from inspector.errors import RegisterError
from inspector.registers import layouts
from inspector.registers.definitions.special import ALIASES
from inspector.registers.ids import IDS
from inspector.registers.naming import Register, by_id, named_ids
from inspector.registers.pasted import id_in_text
from inspector.registers.schema import Span

_EXCEPTION_LEVEL = re.compile(r"_EL(?:0|1|2|3|12|02)$")
_PREFIXES = ("SYS_", "SYSREG_", "KVM_REG_ARM_", "$")
_BITS = re.compile(r"^(.+)\[\s*([0-9]+)\s*(?::\s*([0-9]+)\s*)?\]$")
_AROUND = " \t\r\n\"'`"
"""Blanks, and the quotes that come along from JSON, shells and Markdown."""
_LONGEST = 400
"""Characters: the longest line of a program that names one register is half of it."""


class _NearMissError(RegisterError):
    """A text that means nothing. Near misses are looked for when somebody reads the hint: a file may hold thousands of
    such texts, of which three are shown."""

    def __init__(self, what: str, near: Callable[[], str]) -> None:
        super().__init__(what)
        self._near = near

    @property
    def hint(self) -> str:
        """What may have been meant."""
        return self._near()

    @hint.setter
    def hint(self, text: str) -> None:
        """The hint is found by itself."""


class Found(NamedTuple):
    """What a user's text names: a register, and one of its fields if the text ends in `.FIELD`."""

    register: Register
    field: Span | None


def bare(text: str) -> str:
    """The text without what comes along when it is pasted: blanks, quotes, and punctuation behind it."""
    return text.strip(_AROUND).rstrip(",;:" + _AROUND)


def find(text: str) -> Found:
    """See `catalog.find`. Raises RegisterError for what is none."""
    wanted = bare(text)
    if not wanted:
        raise RegisterError(
            "no register named", hint="for example ID_AA64PFR0_EL1, aa64mmfr2.ccidx or 0x603000000013c020"
        )
    if len(wanted) > _LONGEST:
        raise RegisterError("this text is too long to name a register", hint=f"it begins with {wanted[:40]}")
    reg_id = id_in_text(wanted)
    if reg_id is not None:
        return Found(by_id(reg_id), None)
    register = _named(wanted)
    if register:
        return Found(register, None)
    return Found(*_with_field(wanted))


def _named(text: str) -> Register | None:
    """The register with this name or alias, prefixes such as SYS_ left out; RegisterError if there are several."""
    ids = ids_named(text)
    if not ids:
        return None
    if len(ids) > 1:
        names = ", ".join(by_id(reg_id).name for reg_id in ids)
        raise RegisterError(f"{text} names more than one register", hint=f"write one of {names}")
    return by_id(ids[0])


def ids_named(text: str) -> tuple[int, ...] | None:
    """The ids that a name or alias can stand for; None for a text that is neither."""
    folded = text.casefold()
    if (known := IDS.get(text.upper())) is not None:  # without making every spelling of every register
        return (known,)
    ids = _keys().get(folded)
    for prefix in _PREFIXES:
        if ids is None and folded.startswith(prefix.casefold()):
            ids = _keys().get(folded.removeprefix(prefix.casefold()))
    return _loose_keys().get(_squeeze(folded)) if ids is None else ids


def _with_field(text: str) -> tuple[Register, Span | None]:
    """`REGISTER.FIELD`, `REGISTER[msb:lsb]`, `REGISTER_FIELD`, or a field name that only one register has."""
    name, dot, field = text.rpartition(".")
    if dot and name:
        return _named_with(name, field) or _field_of(_one(name), field)
    bits = _BITS.match(text)
    if bits and (register := _named(bits[1])):
        return register, _span_at(register, int(bits[2]), int(bits[3] or bits[2]))
    for cut in [position for position, ch in enumerate(text) if ch == "_"][::-1]:
        known = _named(text[:cut]) if _EXCEPTION_LEVEL.search(text[:cut].upper()) else None
        if known:
            return _field_of(known, text[cut + 1 :])
    return _by_field_alone(text)


def _named_with(name: str, field: str) -> tuple[Register, Span] | None:
    """Where `name` could be several registers, the only one of them that has the field: `mmfr2.ccidx`."""
    ids = ids_named(name)
    if ids is None or len(ids) < 2:
        return None
    having = [
        (by_id(reg_id), span) for reg_id in ids if (schema := by_id(reg_id).schema) and (span := schema.span(field))
    ]
    return having[0] if len(having) == 1 else None


def _one(text: str) -> Register:
    reg_id = id_in_text(text)
    register = by_id(reg_id) if reg_id is not None else _named(text)
    if register is None:
        raise _unknown(text)
    return register


def _field_of(register: Register, field: str) -> tuple[Register, Span]:
    """The field of a register; for a CCSIDR of either layout."""
    bits = re.match(r"^([^\[]*)\[[0-9]+(?::[0-9]+)?\]$", field)
    wanted = bits[1].rstrip() if bits and bits[1].strip() else field
    schema = register.schema
    if schema is None:
        raise RegisterError(f"{register.name} has no fields", hint=f"it is one value of {register.size} bytes")
    span = schema.span(wanted)
    if span is None:
        names = [each.name for each in schema.fields]
        what = f"field {wanted}" if wanted else "field without a name"
        raise _NearMissError(f"{register.name} has no {what}", lambda: _near_fields(wanted, names))
    return register, span


def _near_fields(wanted: str, names: list[str]) -> str:
    folded = {name.casefold(): name for name in names}
    close = [folded[key] for key in _near(wanted, folded, 4, 0.6)]
    return f"fields: {', '.join(close or names)}"


def _span_at(register: Register, msb: int, lsb: int) -> Span:
    """The field that has exactly these bits, or that holds this one bit."""
    schema = register.schema
    for span in schema.spans if schema else ():
        if (span.msb, span.lsb) == (msb, lsb) or (msb == lsb and span.lsb <= lsb <= span.msb):
            return span
    raise RegisterError(f"{register.name} has no field at bits {msb}:{lsb}")


def _by_field_alone(text: str) -> tuple[Register, Span]:
    """A field name without a register, when exactly one register has it."""
    hits = _fields_named().get(text.casefold(), [])
    if len(hits) == 1:
        register = _named(hits[0][0])
        if register:
            return register, hits[0][1]
    if hits:
        names = ", ".join(f"{name}.{span.name}" for name, span in hits[:8])
        raise RegisterError(f"{text} is a field of more than one register", hint=f"write one of {names}")
    raise _unknown(text)


def _unknown(text: str) -> RegisterError:
    """The error for a text that means nothing, with near misses."""
    shown = text if len(text) <= 80 else text[:77] + "..."
    return _NearMissError(f"no register is called {shown}", lambda: _near_names(text))


def _near_names(text: str) -> str:
    keys = _keys()
    twins = [key for key in keys if _twin(key) == _twin(text)]
    close = [*twins, *_near(text, keys, 6, 0.7)]
    names = list(dict.fromkeys(by_id(reg_id).name for key in close for reg_id in keys[key]))[:5]
    return f"did you mean {', '.join(names)}?" if names else "try a name, S3_0_C0_C4_0, or the 64-bit id"


def _twin(text: str) -> str:
    """The text with letters that are taken for digits (O, I, l) as these digits."""
    return text.casefold().translate(str.maketrans("oil", "011"))


def _near(text: str, among: Iterable[str], count: int, cutoff: float) -> list[str]:
    import difflib  # for whoever mistyped

    return difflib.get_close_matches(text.casefold(), list(among), count, cutoff)


@cache
def _keys() -> dict[str, tuple[int, ...]]:
    """Spelling (without case) to ids. Exact names and aliases win over shortened ones."""
    exact: dict[str, int] = {}
    short: dict[str, set[int]] = {}
    names = {register.name: register for register in named_ids().values()}
    for name, register in names.items():
        exact[name.casefold()] = register.id
        for stem in _short_forms(name):
            short.setdefault(stem.casefold(), set()).add(register.id)
    for name, others in ALIASES.items():
        exact.update((other.casefold(), names[name].id) for other in others)
    table = {key: tuple(sorted(_prefer_el1(ids))) for key, ids in short.items()}
    table.update((key, (reg_id,)) for key, reg_id in exact.items())
    return table


def _short_forms(name: str) -> set[str]:
    """`ID_AA64PFR0_EL1` without its level, without ID_, without both, and `PFR0`, which is ambiguous on purpose."""
    if not _EXCEPTION_LEVEL.search(name):
        return set()
    stem = _EXCEPTION_LEVEL.sub("", name)
    forms = {stem}
    if name.startswith("ID_"):
        bare = stem.removeprefix("ID_")
        forms |= {bare, name.removeprefix("ID_"), bare.removeprefix("AA64")}
    return forms


def _prefer_el1(ids: set[int]) -> set[int]:
    """A name without its level means EL1's register rather than that of EL2, EL3 or EL12, as in QEMU's gdbstub."""
    levels = {reg_id: by_id(reg_id).name.rpartition("_EL")[2] for reg_id in ids}
    low = {reg_id for reg_id, level in levels.items() if level in ("0", "1")}
    return low or ids


@cache
def _loose_keys() -> dict[str, tuple[int, ...]]:
    """As `_keys`, without underscores and blanks; where two keys become one, it keeps the registers of both."""
    table: dict[str, tuple[int, ...]] = {}
    for key, ids in _keys().items():
        squeezed = _squeeze(key)
        table[squeezed] = tuple(dict.fromkeys(table.get(squeezed, ()) + ids))
    return table


def _squeeze(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text)


@cache
def _fields_named() -> dict[str, list[tuple[str, Span]]]:
    """Field name (without case) to the registers that have it. Loads every schema."""
    table: dict[str, list[tuple[str, Span]]] = {}
    for schema in layouts.all_schemas():
        if schema.name.casefold() in _keys():
            for span in schema.fields:
                table.setdefault(span.name.casefold(), []).append((schema.name, span))
    return table
