"""What a VMM prints when a restore fails, so that an answer can be held against the log.

Shapes are those of measured loads (QEMU 7.2.22, 10.0.13, 11.1.2) and, for the other VMMs, of their source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector.checks.restore.result import Finding
from inspector.checks.vmms.vmms import Vmm, id_words
from inspector.registers.encoding import split_id, sysreg_of

_STATE = "error while loading state for instance 0x{:x} of device 'cpu'"
_EPERM = "load of migration failed: Operation not permitted"
_STRERROR = {1: "Operation not permitted", 2: "No such file or directory", 16: "Device or resource busy"}


def expected_messages(
    vmm: Vmm,
    fatal: Sequence[Finding],
    lengths: tuple[int, int, int] | None = None,
    instances: Mapping[int, int] | None = None,
    limit: int = 20,
) -> tuple[str, ...]:
    """The lines that `vmm` prints, at most `limit` of them.

    `lengths` is (vCPU, registers in the stream, registers of the destination) when the length check already fails.
    `instances` gives QEMU's number of a vCPU where that is not the dump's own.
    Empty when nothing fails.
    """
    if vmm.family == "qemu":
        failing = lengths[0] if lengths is not None else fatal[0].vcpu if fatal else 0
        number = (instances or {}).get(failing, failing)
        if lengths is not None:
            return _too_long(number, *lengths[1:])
        return _qemu(vmm, fatal, number)[:limit] if fatal else ()
    return _other(vmm, fatal[0]) if fatal else ()


def _too_long(vcpu: int, source: int, destination: int) -> tuple[str, ...]:
    return (
        f"Invalid value {source} expecting positive value <= {destination}",
        "Failed to load cpu:cpreg_vmstate_array_len",
        _STATE.format(vcpu),
        "load of migration failed: Invalid argument",
    )


def _qemu(vmm: Vmm, fatal: Sequence[Finding], number: int) -> tuple[str, ...]:
    # A vCPU whose section cannot be loaded is the last one that QEMU looks at.
    first = fatal[0].vcpu
    unknown = [f for f in fatal if f.kind == "only_in_source" and f.vcpu == first]
    refused = [f for f in fatal if f.kind == "refused" and f.vcpu == first]
    if vmm.name == "qemu-7.2":
        return _STATE.format(number), _EPERM
    if vmm.name == "qemu-10.0":
        if unknown:
            return _STATE.format(number), _EPERM
        return _STATE.format(number), "Failed to put registers after init: Invalid argument"
    lines = [
        f"handle_cpreg_only_in_incoming_stream: {id_words(f.id)} in the incoming stream but unknown on the "
        "destination: fail migration"
        for f in unknown
    ]
    lines += [
        f"Could not set register {id_words(f.id)} to {f.value or 0:x} (is {f.destination or 0:x})" for f in refused
    ]
    if refused:
        lines.append("Failed to put registers after init: Invalid argument")
    return tuple(lines)


def _other(vmm: Vmm, first: Finding) -> tuple[str, ...]:
    why = f"{_STRERROR.get(first.errno, 'Invalid argument')} (os error {first.errno})"
    if vmm.family == "firecracker":
        return (f"Failed to set register 0x{first.id:x} to value 0x{first.value or 0:x}: {why}",)
    if vmm.family == "cloud-hypervisor":
        core = split_id(first.id).cls == 0x10
        return (f"{'SetAarchCoreRegister' if core else 'SetSysRegister'}({why})",)
    reg = sysreg_of(first.id)
    if reg is None:
        return (f"Failed to restore register 0x{first.id:x}: {why}",)
    name = f"Op0: {reg.op0}, Op1: {reg.op1}, CRn: {reg.crn}, CRm: {reg.crm}, Op2: {reg.op2}"
    return (f"Failed to restore system register AArch64SysRegId {{ {name} }}: {why}",)
