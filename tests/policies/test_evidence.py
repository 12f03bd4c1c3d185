"""Which recordings a policy rests on, and that they still agree with it."""

from __future__ import annotations

import re

from inspector.policies.loader import evidence_of, policy_names, read_policy_file, vendor_names
from inspector.shipped import folder

KERNELS = folder("snapshots").parent / "inspector" / "policies" / "kernels"


def test_every_recorded_policy_of_its_own_names_its_recordings_once() -> None:
    seen: dict[str, str] = {}
    for stem in (*policy_names(), *vendor_names()):
        path = KERNELS / f"{stem}.toml"
        for digest in read_policy_file(path.read_text("utf-8"), stem).recordings:
            assert re.fullmatch(r"[0-9a-f]{64}", digest) and digest not in seen
            seen[digest] = stem
    assert len(seen) == 44
    assert all(evidence_of(digest) == stem for digest, stem in seen.items())
    assert evidence_of("0" * 64) == ""
