"""Rules with a date, and vendors' kernels: what holds at a point, what may hold there, and how a choice says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import PolicyError
from inspector.policies import loader, points, release
from inspector.policies.dates import interval, parse_date, standing
from inspector.policies.model import Hide, Policy
from inspector.policies.release import choose

HIDE = 'kind = "hide"\nfields = ["ID_AA64PFR0_EL1.MPAM"]\nname = "hide MPAM"\n'


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the shipped policies that a test may add to."""
    for kind in ("kernels", "patches"):
        shutil.copytree(Path(points.ROOM) / kind, tmp_path / kind)
    for old in (tmp_path / "kernels").glob("ubuntu-*.toml"):
        old.unlink()
    monkeypatch.setattr(points, "ROOM", str(tmp_path))
    _forget()
    yield tmp_path / "kernels"
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for cached in (
        points.points, points._vendor_points, points._series, loader._shipped, loader._as_recorded, loader.at_point,
        loader.dated_points, loader._has_dates,
        release._unpatched,
    ):  # fmt: skip
        cached.cache_clear()


def _names(policy: Policy) -> set[str]:
    return {rule.name for rule in policy.rules}


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        ('since = "6.12.x"', "'6.12.x' is not a point"), ('by = "6.12"', "'6.12' is not a point"),
        ('since = "6.12.3"\nby = "6.12.9"', "since says the point"),
        ('after = "6.12.9"\nby = "6.12.3"', "does not follow"), ('after = "6.12.9"\nby = "6.13.30"', "does not follow"),
    ],
)  # fmt: skip
def test_a_bad_date_names_its_file_and_rule(tmp_path: Path, dates: str, said: str) -> None:
    file = tmp_path / "own.toml"
    rule = f'kind = "hide"\nname = "my rule"\n{dates}\nfields = ["ID_AA64MMFR2_EL1.CCIDX"]\nreason = "r"\n'
    text = f'title = "own"\nextends = "6.12"\n\n[[rule]]\n{rule}'
    file.write_text(text)
    with pytest.raises(PolicyError, match=said) as caught:
        loader.load_policy(str(file))
    assert "own.toml" in caught.value.where and "my rule" in caught.value.where
    with pytest.raises(PolicyError, match=said) as shipped:
        loader._read_shipped(text, "kernels/6.12.99.toml")
    assert "6.12.99.toml" in shipped.value.where and "my rule" in shipped.value.where


def _hide(since: str = "", after: str = "", by: str = "") -> Hide:
    return Hide(fields=(), since=since, after=after, by=by)


@pytest.mark.parametrize(
    ("rule", "at", "expected"),
    [
        (_hide(), (6, 6, 0), "in"),
        (_hide(since="6.6.67"), (6, 6, 66), "out"),
        (_hide(since="6.6.67"), (6, 6, 67), "in"),
        (_hide(since="6.6.67"), (6, 12, 70), "out"),
        (_hide(after="6.6.57", by="6.6.63"), (6, 6, 57), "out"),
        (_hide(after="6.6.57", by="6.6.63"), (6, 6, 58), "open"),
        (_hide(after="6.6.57", by="6.6.63"), (6, 6, 63), "in"),
        (_hide(after="6.18.15"), (6, 18, 900), "open"),
        (_hide(by="5.15.224"), (5, 15, 0), "out"),
        (_hide(by="5.15.224"), (5, 15, 1), "open"),
        (_hide(since="6.8.0-136"), (6, 8, 0, 136), "in"),
        (_hide(since="6.8.0-136"), (6, 8, 0), "out"),
    ],
)
def test_where_a_dated_rule_stands(rule: Hide, at: tuple[int, ...], expected: str) -> None:
    assert standing(rule, at) == expected


def test_dates_are_points() -> None:
    assert parse_date("6.8.0-136") == (6, 8, 0, 136)
    for text in ("6.6", "v6.6.1", "6.6.1.2", "", "6.6.x"):
        with pytest.raises(PolicyError):
            parse_date(text)
    assert interval(_hide(after="6.6.57", by="6.6.63")) == "after 6.6.57, by 6.6.63"
    assert interval(_hide(since="6.6.67")) == "since 6.6.67"


def test_a_date_in_any_file_of_the_series_decides_at_each_point(room: Path) -> None:
    path = room / "6.5.0.toml"
    path.write_text(path.read_text() + f'\n[[rule]]\n{HIDE}since = "6.5.9"\n')
    _forget()
    assert "hide MPAM" not in _names(loader.load_policy("6.5.8"))
    assert "hide MPAM" in _names(loader.load_policy("6.5.9"))
    assert "hide MPAM" not in _names(loader.load_policy("6.6.0"))
    assert choose("6.5.9").candidates == ()
    names = [policy.name for policy in choose("6.5.0-14-foo").candidates]
    assert names == ["6.5.0", "6.5.7", "6.5.9", "6.5.9 with fixes of other series"]


def test_inside_an_interval_both_cases_are_given(room: Path) -> None:
    path = room / "6.5.0.toml"
    path.write_text(path.read_text() + f'\n[[rule]]\n{HIDE}after = "6.5.3"\nby = "6.5.9"\n')
    _forget()
    assert not choose("6.5.3").uncertain
    choice = choose("6.5.4")
    assert choice.certainty == "between"
    assert [(doubt.rule, doubt.when) for doubt in choice.uncertain] == [("hide MPAM", "after 6.5.3, by 6.5.9")]
    assert [("hide MPAM" in _names(policy)) for policy in choice.candidates] == [False, True]
    assert choice.policy == choice.candidates[0]
    assert not choose("6.5.9").uncertain


@pytest.mark.parametrize("bad", ['since = "6.5"', 'by = "soon"', 'after = "6.5.1.1"'])
def test_a_date_that_is_none_is_named(room: Path, bad: str) -> None:
    path = room / "6.5.0.toml"
    path.write_text(path.read_text() + f"\n[[rule]]\n{HIDE}{bad}\n")
    _forget()
    with pytest.raises(PolicyError, match="not a point of a stable series"):
        loader.load_policy("6.5.0")


def test_a_vendors_policies_are_chosen_by_its_build_number(room: Path) -> None:
    text = f'title = "Ubuntu 6.8.0-{{}}"\nextends = "{{}}"\nevidence = "recorded"\n\n[[rule]]\n{HIDE}'
    (room / "ubuntu-6.8.0-100.toml").write_text(text.format(100, "6.8.0").replace("hide MPAM", "first"))
    (room / "ubuntu-6.8.0-151.toml").write_text(
        text.format(151, "ubuntu-6.8.0-100").replace("hide MPAM", "second").replace(".MPAM", ".SVE")
        + '\n[[rule]]\nkind = "hide"\nfields = ["ID_AA64PFR0_EL1.AMU"]\nname = "third"\nsince = "6.8.0-136"\n'
    )
    _forget()
    assert loader.load_policy("ubuntu-6.8.0-151").point == "ubuntu-6.8.0-151"
    assert "ubuntu-6.8.0-151" not in points.policy_names()
    exact = choose("6.8.0-151-generic")
    assert (exact.policy.point, exact.certainty, exact.vendor) == ("ubuntu-6.8.0-151", "exact", "Ubuntu")
    assert choose("ubuntu-6.8.0-151").policy.rules == exact.policy.rules
    assert choose("6.8.0-100-generic-64k").policy.point == "ubuntu-6.8.0-100"

    before = choose("6.8.0-45-generic")
    assert (before.policy.point, before.certainty) == ("6.8.0", "between")
    assert ["first" in _names(policy) for policy in before.candidates] == [False, True]
    between = choose("6.8.0-140-generic #140~22.04.1-Ubuntu SMP")
    assert (between.policy.point, between.certainty) == ("ubuntu-6.8.0-100", "between")
    assert [_names(one) >= {"first", "third"} for one in between.candidates] == [True, True]
    assert ["second" in _names(one) for one in between.candidates] == [False, True]
    later = choose("6.8.0-160-generic")
    assert (later.policy.point, later.certainty) == ("ubuntu-6.8.0-151", "newer")

    other = choose("6.8.0-1018-aws")
    assert other.certainty == "interval"
    assert other.candidates[0].point == "6.8.0"
    assert other.candidates[-1].point == "ubuntu-6.8.0-151"
    assert "build number" in other.explanation


def test_a_vendors_file_may_extend_a_point_between_files(room: Path) -> None:
    path = room / "6.5.0.toml"
    path.write_text(path.read_text() + f'\n[[rule]]\n{HIDE}since = "6.5.9"\n')
    (room / "ubuntu-6.5.0-9.toml").write_text('title = "Ubuntu 6.5.0-9"\nextends = "6.5.13"\nevidence = "source"\n')
    _forget()
    assert "hide MPAM" in _names(loader.load_policy("ubuntu-6.5.0-9"))
