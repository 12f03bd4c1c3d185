"""The machine behind a dump, as far as the dump shows it, and how its vCPU was created."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inspector.checks.machine.destination import el0_host_of, host_of
from inspector.checks.machine.source_kernel import describe_policy, guess_kernel, kernel_of
from inspector.checks.machine.vcpu_setup import infer_setup
from inspector.checks.vmms.table import find_vmm, vmm_for
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.kvm.host import HostState
    from inspector.policies.setup import VcpuSetup
    from inspector.sources.dump import Dump, Vcpu


class KnownHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host to ask kernels about."""

    host: HostState
    setup: VcpuSetup
    """how the dump's vCPU was created; for a dump of a host alone, what QEMU's `-cpu host` would ask for there"""
    label: str
    """what the host is known from, for headlines"""
    notes: tuple[str, ...] = ()
    """what is not known, and what was concluded"""


def known_host(dump: Dump, vcpu: Vcpu | None = None) -> KnownHost:
    """The host of `dump`: its raw registers where they are there, else what `vcpu` (default: the first) shows of it.

    From a vCPU, what the kernel that was running hid is unknown; that kernel is the one the dump names, else the one
    whose register list is nearest. Raises InspectorError when the dump has neither.
    """
    from inspector.kvm.host import from_vcpu
    from inspector.policies.setup import QEMU_SETUP, possible_setup

    source = dump.provenance.source
    saved = vcpu or next((v for v in dump.vcpus if v.kind == "vcpu" and v.values), None)
    setup = None
    if saved is not None and saved.kind == "vcpu":
        family = find_vmm(vmm_for(dump.provenance.format, dump.provenance.tool)).family
        setup = saved.setup or infer_setup(saved.values, family)
    raw = host_of(dump)
    if raw is not None:
        setup = setup or possible_setup(QEMU_SETUP, raw.capability)
        return KnownHost(host=raw, setup=setup, label=f"host values ({source})")
    seen = el0_host_of(dump) if saved is None else None
    if seen is not None:
        note = "what the kernel hides from processes of this host is unknown and shown as ?"
        setup = possible_setup(QEMU_SETUP, seen.capability)
        return KnownHost(host=seen, setup=setup, label=f"host seen at EL0 ({source})", notes=(note,))
    if saved is None or setup is None:
        raise InspectorError(
            "holds neither a host's raw registers nor a vCPU", source, "give a dump of a host or a vCPU"
        )
    kernel, explanation, doubts = kernel_of(dump)
    notes = [text for text in (explanation, *doubts) if text]
    if kernel is None:
        kernel = guess_kernel(saved.values, setup)
        notes.append(f"{source} names no kernel; its register list is nearest to that of {describe_policy(kernel)}")
    notes.append(f"what {describe_policy(kernel)} hid from this vCPU is unknown and shown as ?")
    host = from_vcpu(saved.values, setup, kernel)
    return KnownHost(host=host, setup=setup, label=f"vCPU {saved.label} ({source})", notes=tuple(notes))
