"""A policy is found again from a kernel's own answers, and holds on another CPU model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector.checks.recordings.learn import (
    Edit,
    Learnt,
    candidates,
    decided_on,
    deciding,
    learn,
    registers_of,
    to_toml,
)
from inspector.checks.recordings.verify import question_of, verify
from inspector.cli import main
from inspector.errors import InspectorError
from inspector.policies.loader import load_policy
from inspector.policies.model import Hide
from inspector.policies.points import policy_names, vendor_names
from tests.shared_material import shared

DEAR = pytest.mark.skipif(
    not os.environ.get("VCPU_INSPECTOR_ALL_RECORDINGS"), reason="set VCPU_INSPECTOR_ALL_RECORDINGS to learn from all"
)
"""Cases that take as long as all others together."""
SLICES = Path(__file__).parent.parent / "material" / "recordings"


def found(path: Path, tmp_path: Path, *without: str) -> tuple[Learnt, str]:
    """What is learnt from a recording, and the file of its policy."""
    learnt = learn([str(path)], without=without)
    out = tmp_path / "learnt.toml"
    out.write_text(to_toml(learnt, [path.name]))
    return learnt, str(out)


def series(*names: str) -> list[str]:
    """Every shipped point of these series."""
    every = (*policy_names(), *vendor_names())
    return [point for point in every if any(f"{point}.".startswith(f"{name}.") for name in names)]


def recording(name: str) -> Path:
    """A slice of a recording; the whole one where no slice is there."""
    path = SLICES / f"{name}.jsonl.xz"
    return path if path.exists() else shared("recordings") / path.name


@pytest.mark.parametrize(
    ("series_of", "learnt_from", "whole_on", "in_doubt_on"),
    [
        ("5.10", "cortex-a72", (), ("neoverse-n2", "max")),
        ("6.1", "neoverse-n2", ("cortex-a72", "max"), ()),
        pytest.param("6.12", "max", ("neoverse-n2", "cortex-a72"), (), marks=DEAR),
        ("6.18", "cortex-a72", ("max", "neoverse-n2"), ()),
    ],
)
def test_a_release_is_found_again_without_its_own_policies(
    series_of: str, learnt_from: str, whole_on: tuple[str, ...], in_doubt_on: tuple[str, ...], tmp_path: Path
) -> None:
    """On another CPU model every answer agrees, or a rule that stands as undecided says that this model would show."""
    own = recording(f"linux-{series_of}-{learnt_from}")
    learnt, policy = found(own, tmp_path, *series(series_of))
    assert learnt.base not in series(series_of)
    assert learnt.whole, learnt.left
    assert verify(str(own), kernel=policy).perfect
    for cpu in whole_on:
        assert verify(str(recording(f"linux-{series_of}-{cpu}")), kernel=policy).perfect
    for cpu in in_doubt_on:
        other = verify(str(recording(f"linux-{series_of}-{cpu}")), kernel=policy)
        told = {
            name for edit in learnt.undecided if cpu in edit.decided_on for name in registers_of(edit, learnt.policy)
        }
        assert other.disagreements and {one.register for one in other.disagreements} <= told
        assert f"cpu={cpu}" in Path(policy).read_text()


@pytest.mark.parametrize("mode", ["1", pytest.param("2", marks=DEAR), pytest.param("3", marks=DEAR)])
def test_a_patched_kernel_is_told_from_its_base_by_the_patch(mode: str, tmp_path: Path) -> None:
    path = recording(f"patch-mode{mode}-neoverse-n2")
    learnt, policy = found(path, tmp_path)
    assert learnt.whole, learnt.left
    text = Path(policy).read_text()
    assert "CCIDX" in text and "# taken over from" in text
    assert any("CCIDX" in edit.name for edit in learnt.edits)
    assert verify(str(path), kernel=policy).agreed == verify(str(path), kernel=policy).compared


def test_nothing_is_learnt_where_a_known_point_agrees_and_what_is_not_decided_is_named(tmp_path: Path) -> None:
    learnt, policy = found(SLICES / "linux-6.12.57-neoverse-n2.jsonl.xz", tmp_path)
    assert learnt.edits == () and learnt.whole
    assert all(edit.donor for edit in learnt.undecided)
    assert "extends" in Path(policy).read_text()


def test_of_points_that_agree_alike_the_kernel_that_the_recording_names_is_the_base() -> None:
    """A Cortex-A72 shows alike under 5.19 to 6.1."""
    path = SLICES / "linux-6.1-cortex-a72.jsonl.xz"
    assert verify(str(path), kernel="5.19.0").perfect
    learnt = learn([str(path)])
    assert learnt.whole and not learnt.edits and learnt.base == "6.1.176"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"type":"kernel","release":"6.2.16"}', "6.2.0"),
        ('{"type":"kernel","release":"of my own"}', ""),
        ('{"type":"kernel"}', ""),
        ('{"type":"caps"}', ""),
    ],
)
def test_a_recording_names_its_kernel_or_none_that_is_modelled(line: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(f'{{"type":"recording","version":1,"cpu":"max"}}\n{line}\n')
    policy = question_of(str(path)).named
    assert (policy.point if policy else "") == named


def test_candidates_are_what_other_points_say_otherwise_the_nearest_first() -> None:
    base, near, far = (load_policy(name) for name in ("6.2.0", "6.3.0", "6.5.0"))
    edits = candidates(base, [near, far])
    masks = [edit for edit in edits if edit.name == "mask CCIDX"]
    assert [edit.donor for edit in masks] == ["6.3.0"] and masks[0].origin == "taken over"
    assert all(edit.rule is None or edit.rule.reason == "" for edit in edits)


def test_the_command_writes_a_policy_that_the_other_commands_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own.toml"
    recording = str(SLICES / "linux-6.12.57-neoverse-n2.jsonl.xz")
    assert main(["learn", recording, "--without", "6.12.57", "-o", str(out)]) == 0
    assert "as base" in capsys.readouterr().err
    assert main(["verify", recording, "--kernel", str(out)]) == 0
    assert main(["learn", recording, "-o", str(out)]) == 2
    capsys.readouterr()


def test_without_a_recording_nothing_is_learnt(tmp_path: Path) -> None:
    with pytest.raises(InspectorError):
        learn([])
    (tmp_path / "asked").write_text('{"type":"recording","version":1}\n' + '{"type":"vcpu"}\n' * 3)
    with pytest.raises(InspectorError, match="no answers"):
        learn([str(tmp_path / "asked")])
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(InspectorError):
        learn([str(tmp_path / "text")])


def test_a_rule_that_no_answer_decides_is_told_with_the_cpu_model_that_would_decide_it() -> None:
    policy = load_policy("6.6.0")
    hides = Edit(name="own", rule=Hide(name="own", fields=("ID_AA64ISAR1_EL1.I8MM",)), donor="x")
    nothing = Edit(name="own", rule=Hide(name="own", fields=("ID_AA64MMFR3_EL1.SNERR",)), donor="x")
    shown, unseen = decided_on(policy, [hides, nothing])
    assert set(shown.decided_on) == {"max", "neoverse-n2"} and "cpu=max" in deciding(shown)
    assert unseen.decided_on == () and deciding(unseen).startswith("no CPU model")
