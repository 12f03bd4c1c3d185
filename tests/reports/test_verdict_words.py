"""The answer to a write and the matrix of kernels: one wording, whoever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import pytest

import inspector
from inspector.app.modes.migrate.kernel_rows import kernel_words, matrix_columns, matrix_verdict
from inspector.app.modes.write.judged import verdict_rows, why_rows
from inspector.app.shell.numbers import Base
from inspector.app.widgets.ink import Ink
from inspector.checks.restore.result import KernelMatrix, KernelRow
from inspector.checks.writing.bench import Attempt
from inspector.kvm.verdict import JudgedField, Verdict
from inspector.reports.kernel_matrix import HEADS, VERDICTS, matrix_markdown, matrix_text
from inspector.reports.verdicts import OUTCOMES, judgement, outcome, verdict_lines

N2 = "builtin:neoverse-n2-linux-6.1"
WRITES = {
    "accepted": "ID_AA64MMFR2_EL1.CCIDX=0",
    "refused": "ID_AA64MMFR2_EL1.CCIDX=7",
    "uncertain": "ID_AA64MMFR2_EL1.CCIDX=1",
}


def answered(word: str) -> Verdict:
    """An answer of each kind."""
    kernel = "99.5.1" if word == "uncertain" else "6.12"
    (verdict,) = inspector.try_write(inspector.machine(N2, kernel), WRITES[word])
    assert verdict.outcome == word
    return verdict


def drawn(rows: Sequence[Sequence[Ink]]) -> str:
    """Rows of a screen as text, blanks as one."""
    return " ".join("".join(piece.text for one in rows for piece in one).split())


@pytest.mark.parametrize("word", WRITES)
def test_the_screen_says_what_the_command_prints(word: str) -> None:
    verdict = answered(word)
    text = " ".join("\n".join(verdict_lines(verdict)).split())
    head = verdict_rows([Attempt(id=verdict.id, text="", value=verdict.value, verdict=verdict)], "hex", 200)
    why = why_rows(verdict, "hex", 1000, 40, "F5")
    assert " ".join(outcome(verdict).text.split()) in text
    assert drawn(head).startswith(" ".join(outcome(verdict).text.split()))
    for row in why[: len(why) - (verdict.would_pass is not None)]:
        assert drawn([row]) in text


def test_every_judgement_has_a_sign_and_a_role() -> None:
    refused = answered("refused").changed[0]

    def field(**members: object) -> JudgedField:
        return msgspec.structs.replace(refused, **members)

    assert judgement(field(fate="uncertain", accepted=True)) == ("? uncertain", "unknown")
    assert judgement(field(fate="kept", accepted=True, reason="")) == ("= accepted", "same")
    assert judgement(field(fate="kept", accepted=True, reason="dropped")) == ("▼ dropped", "masked")
    assert judgement(field(fate="kept", accepted=False, reason="above")) == ("✖ above", "refused")
    assert {words.text.split()[0] for words in OUTCOMES.values()} == {"=", "✖", "▼", "?"}


def kernels(*verdicts: Literal["loads", "fails", "uncertain"]) -> KernelMatrix:
    """A matrix with these verdicts, oldest kernel first."""
    rows = tuple(
        KernelRow(
            kernel=f"6.{number}.0", evidence="source", verdict=verdict, refused=0, only_in_source=0, changed=0,
            first=None, uncertain=int(verdict == "uncertain"),
        )
        for number, verdict in enumerate(verdicts, 1)
    )  # fmt: skip
    return KernelMatrix(vmm="qemu-10.0", vmm_title="QEMU 10.0", source="vm", destination="", rows=rows)


def test_the_matrix_has_one_answer_and_one_row_for_all() -> None:
    matrix = kernels("loads", "uncertain", "loads", "fails")
    said = "= loads on 2 of 4 kernels: 6.1.0, 6.3.0"
    assert drawn([matrix_verdict(matrix)]) == matrix_text(matrix).splitlines()[0] == said
    assert said in matrix_markdown(matrix)
    for words in VERDICTS.values():
        assert words.text in matrix_text(matrix) and words.text in matrix_markdown(matrix)
    assert tuple(column.title.strip() for column in matrix_columns(120)) == HEADS
    assert "Linux 6.2.0 uncertain: 1 not certain" in drawn(kernel_words(matrix.rows[1], matrix, 200))
    assert matrix_text(kernels("fails", "fails")).startswith("✖ loads on none of 2 kernels")
    assert matrix_text(kernels("fails", "uncertain")).startswith("? loads for sure on none of 2 kernels; it may on 1")


@pytest.mark.parametrize("base", ["hex", "binary"])
def test_what_would_pass_is_one_line_however_long_the_value_is(base: Base) -> None:
    """The last line, which is never lost: the key that takes the value stands on it once at most."""
    rows = why_rows(answered("refused"), base, 58, 40, "F5")
    assert sum(drawn([row]).startswith("Would pass") for row in rows) == 1 and drawn([rows[-1]]).startswith(
        "Would pass"
    )
