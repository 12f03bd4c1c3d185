"""The host behind a dump, as far as the dump shows it, and how its vCPU was created."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import msgspec

from inspector.checks.machine.source_kernel import describe_policy, first_vcpu, kernel_of, own_kernel
from inspector.checks.vmms.table import restoring_vmm
from inspector.errors import InspectorError
from inspector.kvm.cores import fill_from_core
from inspector.kvm.host import HostState, from_raw, knows_gic, vgic_of
from inspector.kvm.host_inputs import with_inputs
from inspector.kvm.inference.el0 import from_el0
from inspector.kvm.inference.vcpu import from_vcpu
from inspector.policies.loader import load_policy, policy_names
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, possible_setup
from inspector.registers.bits import ALL
from inspector.registers.ids import MIDR_EL1
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import setup_of


class KnownHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host to ask kernels about."""

    host: HostState
    setup: VcpuSetup
    """how the dump's vCPU was created; for a dump of a host alone, what QEMU's `-cpu host` would ask for there"""
    label: str
    """what the host is known from, for headlines"""
    proven: bool = False
    """the vCPU exists, so the host has what it needs"""
    notes: tuple[str, ...] = ()
    """what is not known, and what was inferred"""


def host_of(dump: Dump) -> HostState | None:
    """The host, where the dump has its raw registers."""
    if dump.host is None or dump.host.view != "raw" or not dump.host.values:
        return None
    host = from_raw(dump.host.values, dump.host.ccsidr, dump.capabilities or None, known=dump.host.known)
    return msgspec.structs.replace(
        host,
        cmdline=dump.provenance.cmdline.raw,
        page_size=_page_size(dump),
        vgic=vgic_of(host.values, host.known),
        vgic_known=knows_gic(host.known),
    )


_PAGES = re.compile(r"[-+.](16|64)k(?![a-z0-9])")
"""How release strings end of kernels with larger pages: Debian's and Ubuntu's -64k, Red Hat's and Asahi's +16k."""


def _page_size(dump: Dump) -> int:
    """The host kernel's page size in bytes, by its release string; 4096 where that says nothing."""
    told = _PAGES.search(dump.provenance.kernel.raw)
    return int(told[1]) << 10 if told else 4096


def el0_host_of(dump: Dump) -> HostState | None:
    """The host as a process of it sees it, where the dump has nothing better: hidden fields are not known.

    Where the dump does not say which bits its reader could see, those count that the oldest kernel of the policies
    shows to a process.
    """
    if dump.host is None or dump.host.view != "el0" or not dump.host.values:
        return None
    if not dump.host.known:
        return from_el0(dump.host.values, kernel_of(dump).policy or load_policy(policy_names()[0]))
    known = {reg_id: dump.host.known.get(reg_id, ALL) for reg_id in dump.host.values}
    return HostState(values=dump.host.values, known=known, ccsidr_known=False, sanitised=True, vgic_known=False)


class GivenHost(NamedTuple):
    """A host with what the user gives of it, and what follows from that."""

    host: HostState
    notes: tuple[str, ...] = ()


def with_given(host: HostState, inputs: str, assume: Literal["core"] | None) -> GivenHost:
    """`host` with inputs as `--host` takes them, and for `--assume core` with what its core is known to have.

    Raises PolicyError for an input that is not known.
    """
    given = with_inputs(host, inputs)
    if assume is None:
        return GivenHost(given)
    filled, notes = fill_from_core(given)
    return GivenHost(filled, notes or ("no unknown bit of this host is known of its core: nothing was assumed",))


def _possible(host: HostState) -> VcpuSetup:
    """What QEMU would create on a host of which no vCPU is known."""
    setup = possible_setup(QEMU_SETUP, host.capability)
    return setup if host.vgic not in ("v2", "none") else msgspec.structs.replace(setup, gic="none")


def _nothing_of_a_host(dump: Dump) -> InspectorError:
    source = dump.provenance.source
    if sum(vcpu.kind == "host" for vcpu in dump.vcpus) > 1:
        what = "holds CPUs of several kinds that have no known value in common"
        return InspectorError(what, source, "give the values of one kind of CPU, or more of each")
    return InspectorError("holds neither a host's raw registers nor a vCPU", source, "give a dump of a host or a vCPU")


def known_host(dump: Dump, vcpu: Vcpu | None = None) -> KnownHost:
    """The host of `dump`: its raw registers where they are there, else what `vcpu` (default: the first) shows of it.

    From a vCPU, what the kernel that was running hid is unknown; that kernel is the one the dump names, else the one
    whose register list is nearest. Raises InspectorError when the dump has neither.
    """
    source = dump.provenance.source
    saved = vcpu or first_vcpu(dump)
    setup = None
    if saved is not None and saved.kind == "vcpu":
        setup = setup_of(saved, restoring_vmm(dump.provenance).family)
    raw = host_of(dump)
    if raw is not None:
        setup = setup or _possible(raw)
        unlike = _unlike(dump)
        no_gic = "the host's ID_AA64PFR0_EL1.GIC is 0, so a VM without vGICv3 is shown"
        warned = (no_gic,) if setup.gic == "none" and raw.vgic == "v2" and saved is None else ()
        proven = saved is not None and saved.kind == "vcpu"
        return KnownHost(
            host=raw, setup=setup, label=f"host values ({source})", proven=proven, notes=(*unlike, *warned)
        )
    seen = el0_host_of(dump) if saved is None else None
    if seen is not None:
        note = "what the kernel hides from processes of this host is unknown and shown as ?"
        setup = possible_setup(QEMU_SETUP, seen.capability)
        return KnownHost(host=seen, setup=setup, label=f"host seen at EL0 ({source})", notes=(*_unlike(dump), note))
    own = own_kernel(dump, saved)
    if saved is None or setup is None or own.policy is None:
        raise _nothing_of_a_host(dump)
    hidden = f"what {describe_policy(own.policy)} hid from this vCPU is unknown and shown as ?"
    host = from_vcpu(saved.values, setup, own.policy, page_size=_page_size(dump))
    notes = tuple(text for text in (own.note, *own.doubts, hidden) if text)
    return KnownHost(host=host, setup=setup, label=f"vCPU {saved.label} ({source})", proven=True, notes=notes)


def _unlike(dump: Dump) -> tuple[str, ...]:
    """A sentence for a host of unlike CPUs."""
    cores = cores_of(dump)
    named = "; ".join(which for which, _ in cores[:4])
    return (
        (f"the host's CPUs are of {len(cores)} kinds ({named}): known is what holds for all of them",) if cores else ()
    )


def cores_of(dump: Dump) -> tuple[tuple[str, int], ...]:
    """Which CPUs have which MIDR_EL1, where they are not all alike."""
    told = [(f"CPU {cpu.index}", cpu.values[MIDR_EL1]) for cpu in dump.cpus if MIDR_EL1 in cpu.values]
    told = told or [
        (v.name.shown or v.label, v.values[MIDR_EL1]) for v in dump.vcpus if v.kind == "host" and MIDR_EL1 in v.values
    ]
    by_midr: dict[int, list[str]] = {}
    for name, value in told:
        by_midr.setdefault(value, []).append(name)
    if len(by_midr) < 2:
        return ()
    return tuple((_several(names), value) for value, names in by_midr.items())


def _several(names: list[str]) -> str:
    """`CPU 0, 1, 2`."""
    head = names[0].rpartition(" ")[0]
    if head and all(name.startswith(f"{head} ") for name in names):
        return f"{head} " + ", ".join(name.removeprefix(f"{head} ") for name in names)
    return ", ".join(names)
