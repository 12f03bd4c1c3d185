"""What KVM_ARM_VCPU_INIT and KVM_RUN answer for a configuration."""

from __future__ import annotations

from errno import EINTR, EINVAL, ENODEV, ENOENT

from inspector.kvm.limits import Limits
from inspector.policies.rulebook import Rulebook
from inspector.policies.setup import Feature, VcpuSetup

_CAPABILITY = (
    (Feature.EL1_32BIT, "el1_32bit"),
    (Feature.PMU, "pmu_v3"),
    (Feature.SVE, "sve"),
    (Feature.PTRAUTH_ADDRESS, "ptrauth_address"),
    (Feature.PTRAUTH_GENERIC, "ptrauth_generic"),
    (Feature.EL2, "el2"),
    (Feature.EL2_E2H0, "el2_e2h0"),
    (Feature.PMU_STRICT, "pmu_v3"),
)


def vcpu_init(limits: Limits, vcpus: int = 1) -> int:
    """The errno of creating a vCPU: of /dev/kvm, the VM's capabilities, its vGIC, then KVM_ARM_VCPU_INIT of the first.

    kvm_vcpu_init_check_features() and its older forms in kvm_reset_vcpu() (arch/arm64/kvm/arm.c, reset.c).
    """
    setup, host, book = limits.setup, limits.host, limits.book
    if host.kvm_mode == "none":
        return ENOENT
    if setup.mte and (not book.has("mte") or not host.capability("mte")):
        return EINVAL
    if setup.writable_imp_id and book.variant("implementation-ids") == "invariant":
        return EINVAL
    if setup.gic == "v3" and host.vgic in ("v2", "none"):
        return ENODEV
    if setup.features & ~_known(book):
        return ENOENT
    asked = setup.features if setup.has(Feature.EL2) else setup.features & ~Feature.EL2_E2H0
    if not all(host.capability(name) for feature, name in _CAPABILITY if asked & feature):
        return EINVAL
    if _contradicts_itself(setup):
        return EINVAL
    narrow = setup.has(Feature.EL1_32BIT) and vcpus > 1
    if narrow and not book.has("width-of-initialised-only"):
        return EINVAL
    return 0


def _contradicts_itself(setup: VcpuSetup) -> bool:
    """Features that KVM takes only together, or not together."""
    halves = setup.has(Feature.PTRAUTH_ADDRESS) != setup.has(Feature.PTRAUTH_GENERIC)
    strict_without_pmu = setup.has(Feature.PMU_STRICT) and not setup.has(Feature.PMU)
    narrow = setup.has(Feature.EL1_32BIT) and (setup.mte or setup.has(Feature.EL2))
    return halves or strict_without_pmu or narrow


def _known(book: Rulebook) -> int:
    """The feature bits that the kernel has (KVM_VCPU_MAX_FEATURES); any other is ENOENT."""
    if book.has("pmu-strict"):
        return 0x3FF
    return 0x1FF if book.has("el2") else 0x7F


def run_errno(limits: Limits) -> int:
    """The errno of the first KVM_RUN: since v5.11 a vPMU without in-kernel GIC has to be set up first.

    A vCPU that was created powered off waits until a signal ends the call.
    """
    without_gic = limits.setup.has(Feature.PMU) and limits.setup.gic == "none"
    if without_gic and limits.book.has("pmu-needs-gic"):
        return EINVAL
    if limits.setup.has(Feature.EL1_32BIT) and not limits.host.has_aarch32:
        return EINVAL  # vcpu_mode_is_bad_32bit(), arch/arm64/kvm/arm.c
    return EINTR if limits.setup.has(Feature.POWER_OFF) else 0
