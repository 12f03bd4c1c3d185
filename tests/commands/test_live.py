"""live, record and --for-real: what is refused before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import assert_one_line_error, run


@pytest.mark.parametrize(
    "arguments",
    [
        ("live", "--watch", "inf"),
        ("live", "--watch", "1e300"),
        ("live", "--watch", "nan"),
        ("live", "--watch", "0"),
        ("live", "--watch", "1", "--count", "0"),
        ("live", "--count", "3"),
        ("record", "--first", "-1"),
        ("record", "--configs", ""),
        ("record", "-o", "/nonexistent/recording.jsonl"),
        ("record", "-o", "/"),
    ],
)
def test_nonsense_is_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert_one_line_error(done)
    assert arguments[1] in done.err or arguments[-1] in done.err


def test_for_real_does_not_pause_a_guest_that_it_cannot_write_to(tmp_path: Path) -> None:
    done = run("write", f"qmp:{tmp_path}/qmp", "ID_AA64PFR0_EL1=0", "--for-real")
    assert_one_line_error(done)
    assert "has no scratch vCPU" in done.err
