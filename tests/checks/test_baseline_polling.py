"""Hosts are asked one by one, each all open questions: the answers are those of asking all hosts for each candidate."""

from __future__ import annotations

import gc
import weakref
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.checks.baseline import polling
from inspector.checks.baseline.hosts import BaselineHost
from inspector.checks.baseline.polling import Question, settle
from inspector.progress import Progress
from inspector.registers.bits import Partial


class Host:
    """A host whose registers take some values, and may take others; it counts how often its model is made."""

    certain = True

    def __init__(self, taken: dict[int, set[int]], doubted: frozenset[int] = frozenset()) -> None:
        self.taken, self.doubted, self.models, self.alive = taken, doubted, 0, False

    def part(self, reg_id: int) -> Partial:
        return Partial(0x70)

    def takes(self, reg_id: int, value: int) -> bool | None:
        assert value & ~0xF == 0x70  # the bits that are not asked about are the host's own
        self.models += not self.alive
        self.alive = True
        return None if value & 0xF in self.doubted else value & 0xF in self.taken[reg_id]

    def refuses(self, reg_id: int, value: int) -> bool:
        return self.takes(reg_id, value) is False

    def forget(self) -> None:
        self.alive = False


taken = st.fixed_dictionaries({reg_id: st.sets(st.integers(0, 3)) for reg_id in (1, 2)})


@given(st.lists(taken, min_size=1, max_size=8), st.lists(st.permutations(range(4)), min_size=1, max_size=4), st.data())
def test_the_answer_is_the_first_candidate_that_all_take(
    sets: list[dict[int, set[int]]], candidates: list[list[int]], data: st.DataObject
) -> None:
    hosts = [Host(one) for one in sets]
    questions = [Question(data.draw(st.sampled_from((1, 2))), some, 0xF) for some in candidates]
    settle(questions, cast("list[BaselineHost]", hosts), Progress.silent())
    for question in questions:
        all_take = [one for one in question.candidates if all(one in host.taken[question.reg_id] for host in hosts)]
        assert question.answer == (all_take[0] if all_take else None)
        if question.answer is None:
            refusing: Any = question.refusing
            assert question.candidates[-1] not in refusing.taken[question.reg_id]


@given(st.lists(st.tuples(taken, st.frozensets(st.integers(0, 3))), min_size=1, max_size=6))
def test_what_somebody_certainly_refuses_is_not_in_doubt(
    told: list[tuple[dict[int, set[int]], frozenset[int]]],
) -> None:
    """And what somebody may refuse is no answer."""
    hosts = [Host(*one) for one in told]
    question = Question(1, (0, 1, 2, 3), 0xF)
    settle([question], cast("list[BaselineHost]", hosts), Progress.silent())
    answers = {n: {host.takes(1, 0x70 | n) for host in hosts} for n in range(4)}
    assert question.answer == next((n for n in range(4) if answers[n] == {True}), None)
    if question.answer is None:
        assert question.doubted == any(False not in answers[n] for n in range(4))


def test_a_host_is_modelled_once_for_all_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_MODELS", 0)
    hosts = [Host({1: {1}, 2: {0, 1, 2}}) for _ in range(50)]
    questions = [Question(reg_id, [1], 0xF) for reg_id in (1, 2, 2, 1)]
    settle(questions, cast("list[BaselineHost]", hosts), Progress.silent())
    assert {question.answer for question in questions} == {1}
    assert {host.models for host in hosts} == {1} and not any(host.alive for host in hosts)


def test_a_host_that_may_run_several_kernels_is_modelled_once_a_round() -> None:
    """It was modelled for each question that it left in doubt: 1,000 such hosts took minutes."""
    hosts = [Host({1: set()}, frozenset({0, 1, 2})) for _ in range(20)]
    for host in hosts:
        host.certain = False
    questions = [Question(1, [0, 1, 2, 3], 0xF) for _ in range(10)]
    settle(questions, cast("list[BaselineHost]", hosts), Progress.silent())
    assert all(question.doubted for question in questions)
    assert {host.models for host in hosts[1:]} == {1} and hosts[0].models <= 2


class Circle:
    """As a model is: nothing but the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


def test_forgotten_models_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python counts objects, and a model has few: 1,000 hosts left 100 MB of them."""
    monkeypatch.setattr(polling, "_MODELS", 0)
    alive: weakref.WeakSet[Circle] = weakref.WeakSet()
    most = 0

    class Modelled(Host):
        def takes(self, reg_id: int, value: int) -> bool | None:
            nonlocal most
            alive.add(Circle())
            most = max(most, len(alive))
            return super().takes(reg_id, value)

    gc.disable()
    try:
        settle(
            [Question(1, [1], 0xF)],
            cast("list[BaselineHost]", [Modelled({1: {1}}) for _ in range(300)]),
            Progress.silent(),
        )
    finally:
        gc.enable()
    assert most <= 64 and not gc.get_freeze_count()


def test_nobody_is_asked_what_has_no_candidate() -> None:
    question = Question(1, [])
    settle([question], [], Progress.silent())
    assert question.answer is None


def test_what_the_caller_put_aside_stays_so() -> None:
    """The screens do, so that no key pays for what the collector would look at."""
    before = gc.get_freeze_count()
    gc.freeze()
    try:
        settle([Question(1, [1], 0xF)], cast("list[BaselineHost]", [Host({1: {1}})]), Progress.silent())
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
