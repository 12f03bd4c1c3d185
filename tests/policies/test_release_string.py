"""Names of kernels, taken apart without a policy."""

from __future__ import annotations

import pytest

from inspector.checks.machine.own_vcpu import plain_kernel
from inspector.errors import PolicyError
from inspector.policies.points import policy_names
from inspector.policies.release import choose
from inspector.policies.release_string import plain_name
from inspector.sources import load, shipped_names
from tests.fresh import modules_after

DEBIAN = "#1 SMP Debian 6.1.176-1 (2026-07-02)"
RELEASES = (
    *((name, "") for name in policy_names()), ("6.1.0-50-cloud-arm64", DEBIAN), ("6.1.0-50-cloud-arm64", ""),
    ("6.12.107+deb13-cloud-arm64", ""), ("6.12.60", ""), ("6.12.999", ""), ("6.6.63-asahi", ""), ("5.9.1", ""),
    ("6.8.0-60-generic", ""), ("6.8.1-1015-realtime", ""), ("5.14.0-427.13.1.el9_4.aarch64", ""), ("6.13-rc3", ""),
    ("6.2+mask-ccidx", ""), ("ubuntu-6.8.0-151", ""), ("6.12", ""), ("6.12.1-next-20241204", ""), ("99.1.0", ""),
    ("6.12.0-g0123456789ab", ""), ("6.12.5-g0123456789ab", ""), ("banana", ""), ("", ""), ("6.1.176+mask-ccdix", ""),
)  # fmt: skip


@pytest.mark.parametrize(("release", "version"), RELEASES)
def test_a_name_that_is_plain_is_that_of_the_policy(release: str, version: str) -> None:
    plain = plain_name(release, version)
    try:
        policy = choose(release, version, said_by_file=True).policy
    except PolicyError:
        assert not plain
    else:
        assert plain in ("", policy.name) and not (plain and policy.stands_for)
        assert plain in ("", policy.point) or plain not in policy_names()


def test_most_names_are_plain() -> None:
    assert [name for name in policy_names() if plain_name(name, "") != name] == []
    dumps = [load(f"builtin:{name}") for name in shipped_names()]
    hidden = [dump.provenance.kernel.raw for dump in dumps if dump.vcpus and not plain_kernel(dump)]
    assert set(hidden) == {"5.15.0-204-generic"}, "Ubuntu's numbers say nothing of the stable point"
    others = ("6.8.0-60-generic", "5.14.0-427.13.1.el9_4.aarch64", "6.1.0-50-cloud-arm64", "6.13-rc3", "99.1.0")
    assert not any(plain_name(one, "") for one in others)


def test_a_plain_name_reads_no_policy() -> None:
    code = f"from inspector.policies.release_string import plain_name\nassert plain_name('6.1.0-50-arm64', {DEBIAN!r})"
    assert not modules_after(code) & {
        "inspector.policies.model",
        "inspector.policies.loader",
        "inspector.policies.release",
    }
