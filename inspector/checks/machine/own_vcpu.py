"""What a dump says itself of its vCPU, of its host and of the kernel that ran it: no policy is read for it."""

from __future__ import annotations

from inspector.policies.release_string import plain_name
from inspector.policies.setup import VcpuSetup
from inspector.sources.dump import Dump, Vcpu
from inspector.sources.vcpu_setup import setup_of


def first_vcpu(dump: Dump) -> Vcpu | None:
    """The first vCPU whose values the dump holds; None when there is none."""
    return next((vcpu for vcpu in dump.vcpus if vcpu.kind == "vcpu" and vcpu.values), None)


def has_raw_host(dump: Dump) -> bool:
    """True where a dump holds the host's raw registers."""
    return dump.host is not None and dump.host.view == "raw" and bool(dump.host.values)


def own_setup(dump: Dump, vcpu: Vcpu | None = None) -> VcpuSetup | None:
    """How `vcpu` (by default the first) of a dump was created; None where it has none."""
    saved = vcpu or first_vcpu(dump)
    if saved is None or saved.kind != "vcpu":
        return None
    return setup_of(saved, "" if saved.setup is not None else _family_of(dump))


def _family_of(dump: Dump) -> str:
    """The VMM that a dump suggests, whose default counts where nothing states the features of its vCPU."""
    from inspector.checks.vmms.table import restoring_vmm

    return restoring_vmm(dump.provenance).family


def plain_kernel(dump: Dump) -> str:
    """The name of the policy of the kernel that the dump names, where its release alone tells it; else empty."""
    given = dump.provenance
    return plain_name(given.kernel.raw, given.kernel_version.raw) if given.kernel.raw else ""
