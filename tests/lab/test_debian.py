"""What the lab keeps of packages, and which of a series it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.lab.debian import Stamp, numbers

DAMAGED = ("", "{", "[]", "3", '"x"', '{"kernels": 3}', '{"kernels": {"6.1": 5}}', '{"kernels": {"6.1": []}}')


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_note_of_what_was_fetched_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "stamp.json").write_text(text)
    (tmp_path / "vmlinuz-6.1").touch()
    stamp = Stamp(tmp_path)
    assert stamp.kernels == {}
    stamp.done("kernels", {"6.1": ["linux-image", "6.1.176-1"]})
    assert Stamp(tmp_path).kernels == {"6.1": ["linux-image", "6.1.176-1"]}


def test_package_versions_are_ordered_as_releases_are() -> None:
    """A candidate comes before its release, and a rebuild for an older Debian does not count."""
    ordered = ["6.1.9-1", "6.1.176-1", "6.12~rc3-1", "6.12.4-1~bpo12+1", "7.3~rc7-1", "7.3-1", "7.3.4-1~bpo13+1"]
    turned = ordered[::-1]
    turned.sort(key=numbers)
    assert turned == ordered
