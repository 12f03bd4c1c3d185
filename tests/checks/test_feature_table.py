"""The table of vCPU features is asked wherever a feature is recognised or worded."""

from __future__ import annotations

import pytest

import inspector
from inspector.checks.explain.reasons import field_reason
from inspector.checks.feature_groups import FEATURE_SETS
from inspector.checks.vmms.base import OPTIONAL
from inspector.policies.setup import FEATURES
from inspector.registers.ids import IDS
from inspector.sources.dump import Dump, Host, Provenance, Vcpu


def test_conditions_of_a_reason_are_worded_as_policies_word_them() -> None:
    text = field_reason(IDS["ID_AA64PFR0_EL1"], 35, 32, 1, 0).text
    assert "KVM hides this field since Linux 5.10 or earlier (without SVE)" in text


def test_options_of_register_groups_are_features() -> None:
    assert {one.option for one in FEATURE_SETS if one.option} == {one.word for one in OPTIONAL}


def test_details_are_fields_of_their_feature() -> None:
    assert all(one.details < one.fields or not one.details for one in FEATURES)
    certain = {field for one in OPTIONAL for field in one.fields - one.details}
    assert {"ID_AA64PFR0_EL1.SVE", "ID_AA64PFR1_EL1.MTE", "ID_AA64PFR0_EL1.EL2"} <= certain
    assert not {"ID_AA64ZFR0_EL1.BF16", "ID_AA64PFR1_EL1.MTE_frac"} & certain


@pytest.mark.parametrize(
    ("host", "vcpu", "state"), [(0, 1, "added"), (1, 1, "shown"), (1, 0, "lost"), (0, 0, "absent")]
)
def test_how_a_feature_stands_between_host_and_vcpu(host: int, vcpu: int, state: str) -> None:
    reg_id = IDS["ID_AA64ISAR0_EL1"]
    values, own = {reg_id: vcpu << 4}, {reg_id: host << 4}
    dump = Dump(provenance=Provenance(), vcpus=(Vcpu(index=0, values=values),), host=Host(values=own))
    (found,) = inspector.features(dump, "FEAT_AES")
    assert (found.host, found.vcpu, found.state) == (bool(host), bool(vcpu), state)
