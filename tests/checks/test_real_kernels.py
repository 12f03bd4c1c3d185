"""Several kernels of the lab side by side: answers, predictions, progress and being stopped; machines are stand-ins."""

from __future__ import annotations

import errno
import threading

import pytest

from inspector.checks.lab.real_kernels import RealAnswer, RealKernels
from inspector.errors import RegisterError, SourceError
from inspector.registers.catalog import find
from inspector.sources.live.laboratory import Lab
from tests.lab.stand_ins import without_machines

MMFR2 = find("ID_AA64MMFR2_EL1").register
CCIDX = 1 << 20


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    without_machines(monkeypatch)


def test_two_kernels_answer_a_field_side_by_side_as_predicted() -> None:
    said: list[tuple[str, str]] = []
    kernels = RealKernels(["lab:6.1", "lab:6.12"], say=lambda address, text: said.append((address, text)))
    came: list[RealAnswer] = []
    old, new = kernels.ask_all(MMFR2, "CCIDX=1", came.append)
    assert old.value is not None and old.value & CCIDX
    assert new.value is not None and not new.value & CCIDX
    assert old.shown_as_predicted and new.shown_as_predicted
    assert old.write is not None and old.write.agrees and old.write.actual.errno == 0
    assert new.write is not None and new.write.agrees and new.write.actual.errno == errno.EINVAL
    assert {one.address for one in came} == {"lab:6.1", "lab:6.12"}
    assert sorted(said) == [("lab:6.1", "booting"), ("lab:6.12", "booting")]  # each is read once


def test_a_kernel_that_answers_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "write", lambda lab, writes: [(0, 0, value) for _, value in writes])
    answer = RealKernels(["lab:6.12"]).ask("lab:6.12", MMFR2, "CCIDX=1")
    assert answer.write is not None and not answer.write.agrees
    assert answer.write.compared == "not as predicted"


def test_the_values_of_one_kernel_are_written_to_the_other() -> None:
    pairs = RealKernels(["lab:6.1", "lab:6.12"]).restore("lab:6.1", "lab:6.12")
    refused = {pair.actual.id for pair in pairs if pair.actual.errno}
    assert refused == {MMFR2.id, find("ID_MMFR4_EL1").register.id}


def test_what_goes_wrong_with_one_kernel_is_its_own_answer() -> None:
    good, bad = RealKernels(["lab:6.1", "lab:9.9"]).ask_all(MMFR2)
    assert good.value is not None and not good.problem
    assert bad.value is None and bad.shown_as_predicted is None and "cannot be fetched" in bad.problem


def test_stopped_kernels_answer_with_a_problem_and_from_any_thread() -> None:
    kernels = RealKernels(["lab:6.1"])
    thread = threading.Thread(target=kernels.stop)
    thread.start()
    thread.join()
    assert "stopped" in kernels.ask("lab:6.1", MMFR2).problem


def test_bad_values_and_addresses_are_refused_before_anything_starts() -> None:
    with pytest.raises(SourceError):
        RealKernels(["live:"])
    with pytest.raises(SourceError):
        RealKernels(["lab:6.1,cpu=a b"])
    with pytest.raises(RegisterError):
        RealKernels(["lab:6.1"]).ask_all(MMFR2, "nonsense")
    with pytest.raises(RegisterError):
        RealKernels(["lab:6.1"]).ask_all(MMFR2, "NOSUCH=1")
