"""explain asks the write model about what text, kernel and host say, and leaves open what none of them says."""

from __future__ import annotations

import pytest

import inspector
from inspector.errors import PolicyError

MMFR2 = "Failed to set register 0x603000000013c03a to 0x1221011112101011: Invalid argument"
BHB = "KVM_SET_ONE_REG of 0x6030000000140003 value 0x2 failed: EINVAL"
PMU = "KVM_SET_ONE_REG of 0x603000000013df7f failed: ENOENT"


def _why(text: str, kernel: str, host: str = "") -> str:
    (register,) = inspector.explain(text, kernel=kernel, host=host).registers
    return register.why


def test_a_level_of_a_host_that_is_not_known_has_its_cases() -> None:
    assert "uncertain, it depends on the host's level" in _why(BHB, "6.12")
    assert "uncertain" not in _why(BHB, "6.12", "bhb=mitigated")


def test_a_field_given_of_the_host_settles_the_answer_and_no_other_field_is_blamed() -> None:
    assert "the model of KVM" not in _why(MMFR2, "6.2")
    told = _why(MMFR2, "6.2", "ID_AA64MMFR2_EL1.CCIDX=0")
    assert "CCIDX = 1 is refused" in told and "E0PD" not in told.partition("the model of KVM")[2]


def test_a_register_of_a_vcpu_option_exists_with_it_only() -> None:
    told = _why(PMU, "6.12")
    assert "accepted if with a vPMU" in told and "refused (ENOENT) if without a vPMU" in told


def test_every_policy_that_the_kernel_may_have_is_asked() -> None:
    """PMCR_EL0.N can be written in some of the kernels that an el9 may be."""
    text = "KVM_SET_ONE_REG of PMCR_EL0 value 0x3040 failed: EINVAL"
    assert "the model of KVM says" in _why(text, "5.14.0-427.el9.aarch64", "ID_AA64DFR0_EL1.PMUVer=5")


def test_an_input_of_the_host_that_there_is_not_is_one_line() -> None:
    with pytest.raises(PolicyError, match="no input of a host"):
        inspector.explain(BHB, kernel="6.12", host="nope=1")
