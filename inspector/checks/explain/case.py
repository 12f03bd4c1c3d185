"""What a text says of a vCPU that failed, as conclusions and advice are drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from inspector.checks.explain.clues import Clue
from inspector.checks.explain.result import DESTINATION, ExplainedRegister
from inspector.checks.feature_groups import FeatureGroup
from inspector.checks.restore.result import MigrationReport


class Case(NamedTuple):
    """The clues of a text and what was made of them."""

    clues: Sequence[Clue]
    registers: Sequence[ExplainedRegister]
    groups: Sequence[FeatureGroup]
    """registers that only the source lists"""
    counts: tuple[int, int] | None
    """registers listed by source and destination"""
    vmm: str
    simulation: MigrationReport | None
    by_kvm: bool
    """something in the text shows that KVM ran the guest"""
    refused_by: str
    """see `Explanation.refused_by`"""
    guest: bool | None
    """whether a kernel's lines are a guest's, or the host's (False), as far as the text tells"""

    @property
    def kinds(self) -> frozenset[str]:
        """What the clues are about."""
        return frozenset(clue.message.kind for clue in self.clues)

    @property
    def refused(self) -> list[ExplainedRegister]:
        """The registers whose writes failed."""
        return [register for register in self.registers if register.kind == "refused"]

    @property
    def restored(self) -> bool:
        """Whether a saved vCPU was written."""
        return self.refused_by == DESTINATION

    @property
    def unnamed(self) -> bool:
        """Whether something of a vCPU failed of which the text names no register."""
        return bool(self.kinds & {"put_failed", "create_failed", "load_failed", "boot_failed"})

    @property
    def boot_error(self) -> int | None:
        """The error with which a CPU did not start, None where all did."""
        return next((int(clue.found) for clue in self.clues if clue.message.kind == "boot_failed"), None)

    @property
    def longer(self) -> bool:
        """Whether the source lists more registers than the destination."""
        return bool(self.counts) or too_long(self.clues)


def too_long(clues: Sequence[Clue]) -> bool:
    """QEMU refused the length of a vCPU's register list: no id was compared and no value written.

    cpreg_vmstate_array_len, target/arm/machine.c: it has to be positive and no more than the destination's.
    """
    return any(c.message.key in ("qemu-array", "qemu-lengths") for c in clues)
