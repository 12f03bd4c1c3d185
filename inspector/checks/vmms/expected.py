"""What a VMM prints when a restore fails, so that an answer can be held against the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.checks.vmms.base import Failure, Vmm

_MOST = 20


def expected_messages(
    vmm: Vmm,
    fatal: Sequence[Failure],
    lengths: tuple[int, int, int] | None = None,
    instances: Mapping[int, int] | None = None,
) -> tuple[str, ...]:
    """The lines that `vmm` prints, the first `_MOST` of them.

    `lengths` is (vCPU, registers in the stream, registers of the destination) when the length check already fails.
    `instances` gives the VMM's own number of a vCPU where that is not the dump's own.
    Empty when nothing fails.
    """
    failing = lengths[0] if lengths is not None else fatal[0].vcpu if fatal else 0
    number = (instances or {}).get(failing, failing)
    if lengths is not None and (lines := vmm.printed_lengths(number, *lengths[1:])):
        return lines
    return vmm.printed(fatal, number)[:_MOST] if fatal else ()
