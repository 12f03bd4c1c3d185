"""Firecracker: src/vmm/src/arch/aarch64/vcpu.rs, restore_state() and VcpuArchError."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.checks.vmms.base import Failure, Vmm, os_error
from inspector.checks.vmms.messages import Message
from inspector.registers.encoding import hex_id
from inspector.registers.ids import SVE_VLS

_SET = Message(
    key="firecracker-set",
    vmm="firecracker",
    versions="1.x",
    kind="refused",
    template="Failed to set register {id} to value {wanted}: {err}",
    patterns=(
        "Failed to set register {id} to value {wanted}(?::{err})?",
        'SetOneReg\\({id},"?{wanted}"?,(?:(?:Error|Errno)\\({errno}\\)|{err})',
    ),
    meaning="Firecracker stopped at the first register that KVM refused; later ones were not tried.",
)
MESSAGES = (
    _SET,
    Message(
        key="firecracker-get",
        vmm="firecracker",
        versions="1.x",
        kind="unreadable",
        patterns=("Failed to get register {id}(?::{err})?", "GetOneReg\\({id},(?:(?:Error|Errno)\\({errno}\\)|{err})"),
        meaning="Firecracker could not read a register.",
    ),
    Message(
        key="snapshot-format",
        vmm="firecracker",
        versions="1.7 and newer",
        kind="format",
        patterns=(
            (
                "(?:snapshot|(?:invalid|unsupported) (?:data|format|state)).{0,40}?"
                "(?<!libvirt)(?<!qemu)(?<!emulator)version"
                r"[^0-9]{0,20}?(?P<found>\d+\.0\.0)"
            ),
        ),
        meaning="The snapshot was written in another format version than this program reads.",
    ),
)


class Firecracker(Vmm, frozen=True, kw_only=True):
    """Firecracker 1.x."""

    family: str = "firecracker"
    formats: tuple[str, ...] = ("firecracker",)
    option_advice: str = "the snapshot names the vCPU's features: they have to be available on the destination"
    saved_state: str = "the snapshot's vmstate file or a cpu-template-helper fingerprint of the source host"

    def rank(self, reg_id: int) -> tuple[int, ...]:
        """Stored order, but the vector lengths first (since 2024): KVM must know them before the vCPU is finalised."""
        return (int(reg_id != SVE_VLS),)

    def printed(self, fatal: Sequence[Failure], number: int) -> tuple[str, ...]:
        """The register at which it stopped."""
        first = fatal[0]
        wanted = f"0x{first.value or 0:x}"
        return (_SET.printed(id=hex_id(first.id), wanted=wanted, err=os_error(first.errno)),)

    def refused_steps(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Templates for later VMs, the snapshot editor for this one."""
        return (
            (
                "apply one CPU template to the VMs of both hosts that sets the refused fields to values both accept"
                " (`vcpu-inspector compare HOST_A HOST_B --baseline` writes it); it takes effect when a VM is started"
            ),
            f"last resort: `{_remove(ids)}`: the destination's own values stay then",
        )

    def unlisted_steps(self, ids: Sequence[int], harmless: Sequence[int], why_harmless: str) -> tuple[str, ...]:
        """The snapshot editor deletes registers."""
        return (f"`{_remove(ids)}` deletes the registers that the destination does not know",)


def _remove(ids: Sequence[int]) -> str:
    return f"snapshot-editor edit-vmstate remove-regs {' '.join(map(hex_id, ids))}"


VMMS = (Firecracker(name="firecracker", title="Firecracker", messages=MESSAGES),)
