"""Notes of a dump that are about some of its registers: worth a line only where one of these is shown."""

from __future__ import annotations

from collections.abc import Collection

from inspector.registers.encoding import size_of
from inspector.sources.dump import Dump
from inspector.sources.withheld import note_of

WIDE = "registers wider than 64 bits (V, Z, P, FFR, VLS): recordings keep their low 64 bits only"


def notes_about(dump: Dump, shown: Collection[int]) -> tuple[str, ...]:
    """The notes that bear on the registers that are shown, by id, and those that are about the dump as a whole."""
    withheld = {reg_id for vcpu in dump.vcpus for reg_id in vcpu.withheld}
    silent = set() if withheld.intersection(shown) else {note_of(len(vcpu.withheld)) for vcpu in dump.vcpus}
    wide = any(size_of(reg_id) > 8 for reg_id in shown)
    return tuple(note for note in dump.notes if note not in silent and (wide or not note.endswith(WIDE)))
