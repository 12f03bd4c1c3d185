"""libvirt: restores through QEMU, wraps its messages, and has some of its own."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.vmms.base import Failure
from inspector.checks.vmms.messages import Message
from inspector.checks.vmms.qemu import OPTIONS, Qemu

_MONITOR = "internal error: QEMU unexpectedly closed the monitor (vm='NAME'): "
MESSAGES = (
    Message(
        key="libvirt-monitor",
        vmm="libvirt",
        kind="envelope",
        patterns=(
            "internal error: (?:process exited while connecting to monitor|QEMU unexpectedly closed the monitor)",
        ),
        meaning="libvirt only reports that QEMU ended; QEMU's own lines say why.",
    ),
    Message(
        key="libvirt-job",
        vmm="libvirt",
        kind="envelope",
        patterns=("operation failed: job 'migration (?:out|in)' failed",),
        meaning=(
            "libvirt's generic message; the cause is in the destination's QEMU log (/var/log/libvirt/qemu/NAME.log)."
        ),
    ),
    Message(
        key="libvirt-pvr",
        vmm="libvirt",
        kind="noise",
        patterns=("Cannot find CPU model with PVR {hex}",),
        meaning="libvirt has no name for the host's CPU part; harmless, and not the cause of a failed migration.",
        fatal=False,
    ),
)


class Libvirt(Qemu, frozen=True, kw_only=True):
    """QEMU started by libvirtd."""

    family: str = "libvirt"

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """QEMU's lines behind libvirt's own, as virsh restore shows them; a migration's source says only that the job
        failed."""
        first, *rest = super().printed(fatal, number)
        return (f"error: {_MONITOR}{first}", *rest)

    def printed_lengths(self, number: int, source: int, destination: int) -> tuple[str, ...]:
        """The same for a list that is too long."""
        first, *rest = super().printed_lengths(number, source, destination)
        return (f"error: {_MONITOR}{first}", *rest)

    def unnamed_steps(self) -> tuple[str, ...]:
        """QEMU's own log has the line that libvirt leaves out."""
        return (*super().unnamed_steps(), "read the destination's /var/log/libvirt/qemu/NAME.log and paste it here")


VMMS = (
    Libvirt(
        name="libvirt", title="libvirt with QEMU 10.0", since=(8,), messages=MESSAGES, options=OPTIONS,
        names_register=False,
    ),
)  # fmt: skip
