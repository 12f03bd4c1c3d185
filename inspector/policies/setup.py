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
    PMU_STRICT = 1 << 9


_PTRAUTH = Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC

Gic = Literal["v3", "none"]


class VcpuFeature(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a vCPU may be created with."""

    word: str
    """in `--features`"""
    title: str
    """in sentences"""
    bits: Feature = Feature(0)
    """of struct kvm_vcpu_init.features; none for a capability that is enabled on the VM"""
    vm: Literal["", "mte", "writable_imp_id"] = ""
    """the VcpuSetup field of a capability that is enabled on the VM"""
    capabilities: tuple[str, ...] = ()
    """what KVM_CHECK_EXTENSION has to answer for it, by the recordings' names"""
    condition: str
    """the word of rule conditions (`when`, `unless`) that holds with it"""
    fields: frozenset[str] = frozenset()
    """REGISTER.FIELD of the ID register fields that read 0 without it"""
    details: frozenset[str] = frozenset()
    """those of `fields` that may read 0 with it too: what a CPU has of the feature"""


def _fields(**names: str) -> frozenset[str]:
    return frozenset(f"{register}.{field}" for register, fields in names.items() for field in fields.split())


_SVE_DETAILS = "AES BitPerm BF16 B16B16 SHA3 SM4 I8MM F32MM F64MM F16MM"

FEATURES: tuple[VcpuFeature, ...] = (
    VcpuFeature(word="psci", title="PSCI", bits=Feature.PSCI, condition="psci"),
    VcpuFeature(
        word="pmu", title="PMUv3", bits=Feature.PMU, capabilities=("pmu_v3",), condition="pmu",
        fields=_fields(ID_AA64DFR0_EL1="PMUVer", ID_DFR0_EL1="PerfMon"),
    ),
    VcpuFeature(
        word="sve", title="SVE", bits=Feature.SVE, capabilities=("sve",), condition="sve",
        fields=_fields(
            ID_AA64PFR0_EL1="SVE",
            ID_AA64ZFR0_EL1=f"SVEver {_SVE_DETAILS}",
        ),
        details=_fields(ID_AA64ZFR0_EL1=_SVE_DETAILS),
    ),
    VcpuFeature(
        word="ptrauth", title="pointer authentication", bits=Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC,
        capabilities=("ptrauth_address", "ptrauth_generic"), condition="ptrauth",
        fields=_fields(ID_AA64ISAR1_EL1="APA API GPA GPI", ID_AA64ISAR2_EL1="APA3 GPA3"),
    ),
    VcpuFeature(
        word="el1_32bit", title="AArch32 at EL1", bits=Feature.EL1_32BIT, capabilities=("el1_32bit",), condition="",
    ),
    VcpuFeature(
        word="mte", title="memory tagging", vm="mte", capabilities=("mte",), condition="mte",
        fields=_fields(ID_AA64PFR1_EL1="MTE MTE_frac"), details=_fields(ID_AA64PFR1_EL1="MTE_frac"),
    ),
    VcpuFeature(
        word="el2", title="nested virtualisation", bits=Feature.EL2, capabilities=("el2",), condition="el2",
        fields=_fields(ID_AA64PFR0_EL1="EL2"),
    ),
    VcpuFeature(
        word="el2-e2h0", title="nested virtualisation with HCR_EL2.E2H writable", bits=Feature.EL2 | Feature.EL2_E2H0,
        capabilities=("el2", "el2_e2h0"), condition="e2h0",
    ),
    VcpuFeature(
        word="imp-id", title="writable implementation ids", vm="writable_imp_id", capabilities=("writable_imp_id",),
        condition="imp-id",
    ),
)  # fmt: skip
"""Every feature; sources/live/collector.py repeats the words and bits, because it has to stand alone."""

FEATURE_WORDS: tuple[str, ...] = tuple(feature.word for feature in FEATURES)
_BY_WORD = {feature.word: feature for feature in FEATURES}
_HALVES = {"ptrauth-address": Feature.PTRAUTH_ADDRESS, "ptrauth-generic": Feature.PTRAUTH_GENERIC}
"""Halves of pointer authentication, which KVM accepts only together."""


def feature_of(word: str) -> VcpuFeature:
    """The feature that `--features` calls `word`. Raises KeyError for a word that is not in FEATURE_WORDS."""
    return _BY_WORD[word]


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
        return (
            int.__and__(self.features, feature) == feature
        )  # as a Feature, the bits in common take five times as long

    @property
    def ptrauth(self) -> bool:
        """Both pointer-authentication features: KVM accepts only both or none."""
        return self.has(_PTRAUTH)

    def includes(self, feature: VcpuFeature) -> bool:
        """True when the vCPU is created with `feature`."""
        return bool(getattr(self, feature.vm)) if feature.vm else self.has(feature.bits)

    def without(self, feature: VcpuFeature) -> VcpuSetup:
        """The setup without `feature`, and without those that need it."""
        if feature.vm:
            return msgspec.structs.replace(self, **{feature.vm: False})
        gone = int(feature.bits)
        if feature.word == "el2":
            gone |= int(Feature.EL2_E2H0)
        elif feature.word == "el2-e2h0":
            gone = int(Feature.EL2_E2H0)
        return msgspec.structs.replace(self, features=self.features & ~gone)

    def toggled(self, word: str) -> VcpuSetup:
        """The setup with the feature of FEATURE_WORDS turned on or off; el2-e2h0 needs el2 and goes with it."""
        feature = _BY_WORD[word]
        if self.includes(feature):
            return self.without(feature)
        if feature.vm:
            return msgspec.structs.replace(self, **{feature.vm: True})
        return msgspec.structs.replace(self, features=self.features | int(feature.bits))

    def describe(self) -> str:
        """The same words that `parse_features` takes, comma separated."""
        names = [feature.word for feature in FEATURES if self.includes(feature)]
        if not self.ptrauth:
            names += [word for word, bit in _HALVES.items() if self.has(bit)]
        return ",".join(names) or "none"


QEMU_SETUP = VcpuSetup(
    features=int(Feature.PSCI | Feature.PMU | Feature.SVE | Feature.PTRAUTH_ADDRESS | Feature.PTRAUTH_GENERIC),
    gic="v3",
)
"""What QEMU's `-cpu host` asks for on a host that has everything (recordings: configuration `qemu`, features 124)."""
EVERYTHING = "psci,pmu,sve,ptrauth,mte"
"""The features that go together, as `--features` takes them: el1_32bit goes with none of the last three."""


def possible_setup(wanted: VcpuSetup, capability: Callable[[str], int]) -> VcpuSetup:
    """`wanted` without the optional features that a host lacks: what a VMM that asks the host first would create.

    `capability` answers KVM_CHECK_EXTENSION by the recordings' names.
    """
    for feature in FEATURES:
        if wanted.includes(feature) and not all(map(capability, feature.capabilities)):
            wanted = wanted.without(feature)
    return wanted


def parse_features(text: str, gic: Gic = "none") -> VcpuSetup:
    """A comma-separated feature list (`psci,pmu,sve,ptrauth,el1_32bit,mte,el2,el2-e2h0,imp-id`, `qemu`, `none`).

    Raises PolicyError for a word that is none of these, and for `none` beside others.
    """
    named = [word for raw in text.split(",") if (word := raw.strip())]
    others = [word for word in named if word.lower() != "none"]
    if others and len(others) < len(named):
        raise PolicyError("none does not go with other features", "--features", f"none, or {','.join(others)}")
    bits, enabled = 0, set[str]()
    for raw in text.split(","):
        word = raw.strip().lower()
        if word in ("", "none"):
            continue
        feature = _BY_WORD.get("imp-id" if word == "writable-imp-id" else word)
        if word == "qemu":
            bits |= QEMU_SETUP.features
        elif word in _HALVES:
            bits |= int(_HALVES[word])
        elif feature is None:
            words = ", ".join([*FEATURE_WORDS, *_HALVES, "qemu", "none"])
            raise PolicyError(f"unknown vCPU feature {raw.strip()!r}", "--features", f"one of: {words}")
        elif feature.vm:
            enabled.add(feature.vm)
        else:
            bits |= int(feature.bits)
    return VcpuSetup(features=bits, gic=gic, mte="mte" in enabled, writable_imp_id="writable_imp_id" in enabled)
