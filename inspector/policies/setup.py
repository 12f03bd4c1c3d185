"""How a vCPU was created: the features given to KVM_ARM_VCPU_INIT and the VM's devices and capabilities."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from typing import Literal

import msgspec

from inspector.errors import PolicyError


class Feature(IntFlag):
    """Bits of struct kvm_vcpu_init.features (arch/arm64/include/uapi/asm/kvm.h)."""

    POWER_OFF = 1 << 0
    EL1_32BIT = 1 << 1
    PSCI = 1 << 2
    PMU = 1 << 3
    SVE = 1 << 4
    PTRAUTH_ADDRESS = 1 << 5
    PTRAUTH_GENERIC = 1 << 6
    EL2 = 1 << 7
    EL2_E2H0 = 1 << 8


Gic = Literal["v3", "none"]

_NAMES: dict[str, Feature] = {
    "el1_32bit": Feature.EL1_32BIT,
    "psci": Feature.PSCI,
    "pmu": Feature.PMU,
    "sve": Feature.SVE,
    "ptrauth": Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC,
    "ptrauth-address": Feature.PTRAUTH_ADDRESS,
    "ptrauth-generic": Feature.PTRAUTH_GENERIC,
    "el2": Feature.EL2,
    "el2-e2h0": Feature.EL2 | Feature.EL2_E2H0,
}


class VcpuSetup(msgspec.Struct, frozen=True, kw_only=True):
    """vCPU features (bitmap) and what the VM has."""

    features: int = int(Feature.PSCI)
    gic: Gic = "none"
    mte: bool = False
    """KVM_CAP_ARM_MTE enabled on the VM"""
    writable_imp_id: bool = False
    """KVM_CAP_ARM_WRITABLE_IMP_ID_REGS enabled on the VM before any vCPU"""

    def has(self, feature: Feature) -> bool:
        """True when every bit of `feature` was asked for."""
        return self.features & feature == feature

    @property
    def ptrauth(self) -> bool:
        """Both pointer-authentication features: KVM accepts only both or none."""
        return self.has(Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC)

    def describe(self) -> str:
        """The same words that `parse_features` takes, comma separated."""
        names = [n for n, bits in _NAMES.items() if self.has(bits) and n not in ("ptrauth-address", "ptrauth-generic")]
        if not self.ptrauth:
            names += [n for n in ("ptrauth-address", "ptrauth-generic") if self.has(_NAMES[n])]
        names += ["mte"] * self.mte + ["imp-id"] * self.writable_imp_id
        return ",".join(names) or "none"


QEMU_SETUP = VcpuSetup(
    features=int(Feature.PSCI | Feature.PMU | Feature.SVE | Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC),
    gic="v3",
)
"""What QEMU's `-cpu host` asks for on a host that has everything (recordings: configuration `qemu`, features 124)."""


def possible_setup(wanted: VcpuSetup, capability: Callable[[str], int]) -> VcpuSetup:
    """`wanted` without the optional features that a host lacks: what a VMM that asks the host first would create.

    `capability` answers KVM_CHECK_EXTENSION by the recordings' names.
    """
    features = wanted.features
    pairs = {"sve": Feature.SVE, "pmu_v3": Feature.PMU}
    lacking = sum(int(bit) for name, bit in pairs.items() if not capability(name))
    if not (capability("ptrauth_address") and capability("ptrauth_generic")):
        lacking |= int(_NAMES["ptrauth"])
    return msgspec.structs.replace(wanted, features=features & ~lacking)


def parse_features(text: str, gic: Gic = "none") -> VcpuSetup:
    """A comma-separated feature list (`psci,pmu,sve,ptrauth,el1_32bit,mte,el2,el2-e2h0,imp-id`, `qemu`, `none`).

    Raises PolicyError for a word that is none of these.
    """
    features, mte, imp_id = 0, False, False
    for raw in text.split(","):
        word = raw.strip().lower()
        if word in ("", "none"):
            continue
        if word == "qemu":
            features |= QEMU_SETUP.features
        elif word == "mte":
            mte = True
        elif word in ("imp-id", "writable-imp-id"):
            imp_id = True
        elif word in _NAMES:
            features |= int(_NAMES[word])
        else:
            raise PolicyError(
                f"unknown vCPU feature {raw.strip()!r}",
                "--features",
                f"one of: {', '.join([*_NAMES, 'mte', 'imp-id', 'qemu', 'none'])}",
            )
    return VcpuSetup(features=features, gic=gic, mte=mte, writable_imp_id=imp_id)
