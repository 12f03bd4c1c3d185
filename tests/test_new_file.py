"""New files and folders where a name changes while they are made: what another program put there is never replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector import new_file as module
from inspector.errors import InspectorError
from inspector.new_file import new_file, new_folder, write_whole


@pytest.mark.parametrize("unnamed", [True, False], ids=["without a name", "under another name"])
def test_a_link_that_comes_meanwhile_is_not_followed(
    unnamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file to replace was one when the program looked, and is a link when it is written."""
    if not unnamed:
        monkeypatch.setattr(module, "_unnamed", lambda final: None)
    target, victim = tmp_path / "target", tmp_path / "victim"
    target.write_text("old")
    victim.write_text("kept")
    with (
        pytest.raises(InspectorError, match="exists already"),
        new_file(str(target), None, replace=True) as temporary,
    ):
        temporary.write_text("new")
        target.unlink()
        target.symlink_to(victim)
    assert victim.read_text() == "kept" and target.is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["target", "victim"]
    with pytest.raises(InspectorError, match="exists already"), new_file(str(target), None, replace=True):
        pass


def test_a_pipe_that_becomes_a_link_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, victim = tmp_path / "target", tmp_path / "victim"
    victim.write_text("kept")
    target.symlink_to(victim)
    monkeypatch.setattr(module, "check_target", lambda target, force: None)
    monkeypatch.setattr(module, "_is_open_end", lambda mode: True)
    with pytest.raises(InspectorError, match="cannot be written"):
        write_whole(str(target), b"new")
    assert victim.read_text() == "kept"


def test_a_folder_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    """To rename a folder onto an empty one would succeed."""
    target = tmp_path / "target"
    with pytest.raises(InspectorError, match="exists already"), new_folder(str(target), tmp_path.stat()) as temporary:
        (temporary / "file").touch()
        target.mkdir()
    assert not list(target.iterdir()) and list(tmp_path.iterdir()) == [target]
