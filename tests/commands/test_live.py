"""live, record and --for-real: what is refused before anything is asked; a host without registers is no yes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inspector import sources
from inspector.commands import live
from inspector.sources.dump import Cpu, Dump
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


class Answered(msgspec.Struct):
    """A live source that gives this dump."""

    dump: Dump
    caution: str = ""

    def read(self) -> Dump:
        return self.dump


def test_a_host_that_shows_no_register_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sources.load("builtin:neoverse-n2-linux-6.12")
    nothing = Dump(
        provenance=whole.provenance, cpus=(Cpu(index=0, caches=({"level": "1"},)),), notes=("this is x86_64",)
    )
    for dump, code in ((whole, 0), (nothing, 1), (msgspec.structs.replace(nothing, el0=whole.el0), 0)):
        monkeypatch.setattr(live, "open_live", lambda *_: Answered(dump))  # noqa: B023  # asked before the next one
        for form in ("--text", "--json"):
            assert run("live", form).code == code
