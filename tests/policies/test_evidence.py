"""Which recordings a policy rests on, and that they still agree with it."""

from __future__ import annotations

import re

import msgspec
import pytest

from inspector.policies.loader import evidence_of, read_policy_file
from inspector.policies.points import patch_names, policy_names, vendor_names
from inspector.policies.release import choose
from inspector.shipped import folder

POLICIES = folder("snapshots").parent / "inspector" / "policies"


def test_every_recorded_policy_of_its_own_names_its_recordings_once() -> None:
    seen: dict[str, str] = {}
    kernels = [POLICIES / "kernels" / f"{stem}.toml" for stem in (*policy_names(), *vendor_names())]
    for path in (*kernels, *(POLICIES / "patches" / f"{stem}.toml" for stem in patch_names())):
        stem = path.stem
        for digest in read_policy_file(path.read_text("utf-8"), stem).recordings:
            assert re.fullmatch(r"[0-9a-f]{64}", digest) and digest not in seen
            seen[digest] = stem
    assert len(seen) == 49
    assert all(evidence_of(digest) == stem for digest, stem in seen.items())
    assert evidence_of("0" * 64) == ""


@pytest.mark.parametrize(
    "release",
    [
        "6.12.69+deb12-cloud-arm64", "6.12.94+deb12-cloud-arm64", "6.12.118+deb13-cloud-arm64",
        "7.0.9+deb13-cloud-arm64", "7.0.10+deb13-cloud-arm64",
    ],
)  # fmt: skip
def test_a_recorded_point_between_others_is_a_point_of_its_own(release: str) -> None:
    choice = choose(release)
    assert (choice.certainty, choice.policy.point) == ("exact", release.partition("+")[0]) and not choice.candidates


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("6.12.69", "6.12.74"), ("6.12.73", "6.12.74"), ("6.12.88", "6.12.85"), ("6.12.90", "6.12.85"),
        ("6.12.94", "6.12.95"), ("7.0.7", "7.0.4"), ("7.0.9", "7.0.4"), ("7.0.10", "7.0.13"), ("7.0.12", "7.0.13"),
    ],
)  # fmt: skip
def test_points_that_were_recorded_alike_are_alike(left: str, right: str) -> None:
    """Ready recordings of each agree wholly with the policy of the other."""
    by_name = [{rule.name: msgspec.structs.replace(rule, release="") for rule in choose(one).policy.rules}
               for one in (left, right)]  # fmt: skip
    assert by_name[0] == by_name[1]
