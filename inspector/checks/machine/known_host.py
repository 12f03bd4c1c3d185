"""The host behind a dump, as far as the dump shows it, and how its vCPU was created."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from inspector.checks.machine.own_vcpu import first_vcpu, has_raw_host, own_setup
from inspector.checks.machine.question import Given
from inspector.checks.machine.source_kernel import describe_policy, emulated_by, kernel_of, own_kernel
from inspector.errors import InspectorError
from inspector.kvm.boot_options import booted
from inspector.kvm.firmware import shown_levels
from inspector.kvm.host import HostState, ShownLevels, from_raw, knows_gic, vgic_of
from inspector.kvm.host_inputs import with_inputs
from inspector.policies.loader import load_policy
from inspector.policies.model import Policy
from inspector.policies.points import policy_names
from inspector.policies.release_string import page_size_of
from inspector.policies.rulebook import rulebook
from inspector.policies.setup import QEMU_SETUP, VcpuSetup, possible_setup
from inspector.registers.bits import ALL
from inspector.registers.ids import ID_AA64DFR0_EL1, MIDR_EL1, SVE_VLS
from inspector.sources.dump import SAVED_VMS, Dump, Vcpu, of_unlike_cpus


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
    if dump.host is None or not has_raw_host(dump):
        return None
    host = from_raw(dump.host.values, dump.host.ccsidr, _still_asked(dump) or None, known=dump.host.known)
    host = msgspec.structs.replace(
        host,
        cmdline=dump.provenance.cmdline.raw,
        **_pages(dump),
        vgic=vgic_of(host.values, host.known),
        vgic_known=knows_gic(host.known),
        vector_lengths=_lengths_shown(dump),
    )
    shown = _levels_shown(dump, host)
    return host if shown is None else msgspec.structs.replace(host, shown=shown)


def _lengths_shown(dump: Dump) -> int | None:
    """SVE_VLS, first word, of a vCPU that was made for the dump: KVM gives it all lengths of the host. A saved VM's may
    have been lowered."""
    if dump.provenance.format in SAVED_VMS or emulated_by(dump):
        return None
    values = (one.values.get(SVE_VLS) for one in dump.vcpus if one.kind == "vcpu")
    return next((value & ALL for value in values if value is not None), None)


def _still_asked(dump: Dump) -> dict[str, int]:
    """What the host's kernel answered of its capabilities, less a no of a PMU that is no PMUv3: KVM before v6.15 says
    it of every such host, later ones make a PMUv3 of some."""
    answers = dict(dump.capabilities or {})
    own = kernel_of(dump).policy
    older = own is None or rulebook(own).variant("pmu-version") != "v8.5-or-emulated"
    if older and dump.host is not None and dump.host.values.get(ID_AA64DFR0_EL1, 0) >> 8 & 0xF == 15:
        answers.pop("pmu_v3", None)
    return answers


class _Pages(TypedDict):
    page_size: int
    pages_known: bool


def _pages(dump: Dump) -> _Pages:
    """The host kernel's page size in bytes, by its release string; 4096 is assumed where that says nothing."""
    choice = kernel_of(dump)
    told = choice.policy.page_size if choice.policy is not None else page_size_of(dump.provenance.kernel.raw)
    return {"page_size": told or 4096, "pages_known": told is not None}


def el0_host_of(dump: Dump) -> HostState | None:
    """The host as a process of it sees it, where the dump has nothing better: hidden fields are not known.

    Where the dump does not say which bits its reader could see, those count that the oldest kernel of the policies
    shows to a process.
    """
    if dump.host is None or dump.host.view != "el0" or not dump.host.values:
        return None
    if not dump.host.known:
        from inspector.kvm.inference.el0 import from_el0

        seen = from_el0(dump.host.values, kernel_of(dump).policy or load_policy(policy_names()[0]))
        return msgspec.structs.replace(seen, **_pages(dump))
    known = {reg_id: dump.host.known.get(reg_id, ALL) for reg_id in dump.host.values}
    return HostState(
        values=dump.host.values, known=known, ccsidr_known=False, sanitised=True, vgic_known=False, **_pages(dump)
    )  # fmt: skip


def with_given(host: HostState, given: Given) -> tuple[HostState, tuple[str, ...]]:
    """`host` with its inputs that are given, and for `--assume core` with what its core is known to have; notes on the
    latter.

    Raises PolicyError for an input that is not known.
    """
    state = with_inputs(host, given.host)
    if given.assume is None:
        return state, ()
    from inspector.kvm.cores import fill_from_core

    filled, notes = fill_from_core(state)
    return filled, (notes or ("no unknown bit of this host is known of its core: nothing was assumed",))


def _possible(host: HostState) -> VcpuSetup:
    """What QEMU would create on a host of which no vCPU is known."""
    setup = possible_setup(QEMU_SETUP, host.capability)
    return setup if host.vgic not in ("v2", "none") else msgspec.structs.replace(setup, gic="none")


def _nothing_of_a_host(dump: Dump) -> InspectorError:
    source = dump.provenance.source
    if of_unlike_cpus(dump):
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
    setup, raw = own_setup(dump, vcpu), host_of(dump)
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
    from inspector.kvm.inference.vcpu import from_vcpu

    hidden = f"what {describe_policy(own.policy)} hid from this vCPU is unknown and shown as ?"
    host = msgspec.structs.replace(from_vcpu(saved.values, setup, own.policy), **_pages(dump))
    notes = tuple(text for text in (own.note, *own.doubts, hidden, _perhaps_lowered(dump, own.policy)) if text)
    proven = not emulated_by(dump)
    if not proven:  # no KVM made this vCPU: it shows neither what its machine can give a vCPU nor which vGIC
        host = msgspec.structs.replace(host, capabilities=None, vgic_known=False)
    return KnownHost(host=host, setup=setup, label=f"vCPU {saved.label} ({source})", proven=proven, notes=notes)


def _levels_shown(dump: Dump, raw: HostState) -> ShownLevels | None:
    """The mitigation levels that the host's own kernel showed to a vCPU: they tell what the firmware offers, which no
    register does.

    What the kernel's command line had switched off tells nothing of the firmware; the collector and the recorder keep
    those words, so a dump without them is of a kernel that had none.
    """
    own, saved = kernel_of(dump), first_vcpu(dump)
    if own.policy is None or saved is None or emulated_by(dump):
        return None
    judged = {rulebook(one).variant("mitigation-levels") for one in (own.policy, *own.candidates)}
    shown = shown_levels(saved.values, own.policy, booted(raw, own.policy).mitigations_off)
    if shown is not None and len(judged) > 1:  # how the kernel judges a core is not known
        return msgspec.structs.replace(shown, bhb=None)
    return shown


def _perhaps_lowered(dump: Dump, policy: Policy) -> str:
    """What is taken for granted of a VM that ran under a kernel which lets its ID registers be written."""
    if dump.provenance.format not in SAVED_VMS or rulebook(policy).variant("id-registers") != "stored":
        return ""
    return (
        "its ID registers are taken for what the host offers: a CPU template, or a start on another host or kernel, "
        "may have lowered them; --host REGISTER.FIELD=VALUE says what the host has"
    )


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
