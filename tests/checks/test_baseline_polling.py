"""Hosts are asked one by one, each all open questions: the answers are those of asking all hosts for each candidate."""

from __future__ import annotations

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
    """A host whose registers take some values; it counts how often its model is made."""

    def __init__(self, taken: dict[int, set[int]]) -> None:
        self.taken, self.models, self.alive = taken, 0, False

    def part(self, reg_id: int) -> Partial:
        return Partial(0x70)

    def takes(self, reg_id: int, value: int) -> bool:
        assert value & ~0xF == 0x70  # the bits that are not asked about are the host's own
        self.models += not self.alive
        self.alive = True
        return value & 0xF in self.taken[reg_id]

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


def test_a_host_is_modelled_once_for_all_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_MODELS", 0)
    hosts = [Host({1: {1}, 2: {0, 1, 2}}) for _ in range(50)]
    questions = [Question(reg_id, [1], 0xF) for reg_id in (1, 2, 2, 1)]
    settle(questions, cast("list[BaselineHost]", hosts), Progress.silent())
    assert {question.answer for question in questions} == {1}
    assert {host.models for host in hosts} == {1} and not any(host.alive for host in hosts)


def test_nobody_is_asked_what_has_no_candidate() -> None:
    question = Question(1, [])
    settle([question], [], Progress.silent())
    assert question.answer is None
