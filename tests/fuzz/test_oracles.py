"""Inputs of which the right answer is known are read as they were written; and a wrong reading is noticed."""

from __future__ import annotations

import pytest

from inspector.library import explain
from inspector.sources.dump import Dump
from tests.fuzz import oracles


@pytest.mark.parametrize("name", oracles.ORACLES)
def test_what_was_written_is_read(name: str) -> None:
    assert oracles.run(name, "fixed", 600.0, 25) == (25, "")


@pytest.mark.parametrize("name", ["qemu", "dumps", "pasted"])
def test_a_bit_that_is_read_wrongly_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = oracles._read

    def wrong(data: bytes) -> Dump:
        dump = read(data)
        for values in (dump.el0, *(cpu.values for cpu in dump.cpus), *(vcpu.values for vcpu in dump.vcpus)):
            for reg in [reg for reg in values if reg in oracles._IDS][:1]:
                values[reg] ^= 1 << 40  # type: ignore[index]
        return dump

    monkeypatch.setattr(oracles, "_read", wrong)
    count, problem = oracles.run(name, "fixed", 600.0, 3)
    assert problem and count <= 3


def test_a_cause_that_a_log_changes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracles, "_COMPANY", ("qemu-system-aarch64: Not a migration stream",))
    assert "instead of" in oracles.run("failed", "fixed", 600.0, 40)[1]


def test_a_register_that_a_logged_message_loses_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracles, "_PREFIXES", (lambda chance, clock: "cut",))
    monkeypatch.setattr(oracles, "explain", lambda text: explain("" if text.startswith("cut") else text))
    assert "named in one of both" in oracles.run("logged", "fixed", 600.0, 5)[1]
