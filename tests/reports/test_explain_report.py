"""Explanations as text, JSON and Markdown."""

from __future__ import annotations

import json

import pytest

from inspector.checks.explain.explain import explain
from inspector.reports.explain import explanation_json, explanation_markdown, explanation_text
from inspector.reports.json import dumps
from inspector.sources import load

REFUSED = (
    "Could not set register op0:3 op1:0 crn:0 crm:7 op2:2 to 1221011112101011 (is 1221011112001011)\n"
    "qemu-kvm: Failed to put registers after init: Invalid argument\n"
)
HOSTILE = REFUSED + "\x1b]0;title\x07 [bold red]markup[/] | `code` ```\n"
TEXTS = (
    REFUSED,
    HOSTILE,
    "Invalid value 236 expecting positive value <= 162",
    "psci: failed to boot CPU1 (-22)",
    "SANITY CHECK: Unexpected variation in SYS_ID_AA64PFR0_EL1. Boot CPU: 0x00000011112222, CPU4: 0x00000011111112",
    "6931039826524487738",
    "hello",
    "",
)


@pytest.mark.parametrize("text", TEXTS)
def test_every_form_is_safe_and_complete(text: str) -> None:
    answer = explain(text)
    shown = explanation_text(answer)
    assert "\x1b" not in shown
    assert all(len(line) <= 120 for line in shown.splitlines())
    assert shown.splitlines()[0][2:22] == (answer.headline[:1].upper() + answer.headline[1:])[:20]
    assert "\x1b" not in explanation_markdown(answer)
    assert json.loads(dumps(explanation_json(answer)))["recognised"] is answer.recognised


def test_text_answers_the_four_questions() -> None:
    shown = " ".join(explanation_text(explain(REFUSED)).split())
    for part in (
        "refused 1 register: ID_AA64MMFR2_EL1 (CCIDX)",
        "CCIDX [23:20] source 0x1 CCSIDR_EL1 uses the 64-bit layout (FEAT_CCIDX)",
        "destination 0x0 CCSIDR_EL1 uses the 32-bit layout",
        "hides this field since Linux 6.3",
        "bf48040cd9b0",
        "What to do",
    ):
        assert part in shown


def test_json_keys() -> None:
    answer = explanation_json(explain(REFUSED))
    (register,) = answer["registers"]
    assert register["id"] == "0x603000000013c03a"
    assert register["value"] == "0x1221011112101011"
    assert register["destination"] == "0x1221011112001011"
    assert [(f["name"], f["value"], f["destination"], f["since"]) for f in register["fields"]] == [
        ("CCIDX", 1, 0, "6.3")
    ]
    assert answer["next"]


def test_json_counts_and_simulation() -> None:
    source, destination = load("builtin:neoverse-n2-linux-6.1"), load("builtin:neoverse-n2-linux-6.12")
    answer = explanation_json(explain("Invalid value 269 expecting positive value <= 252", destination, source))
    assert answer["counts"] == {"source": 269, "destination": 252, "difference": 17}
    assert answer["simulation"]["verdict"] == "fails"


def test_markdown_quotes_the_messages() -> None:
    text = explanation_markdown(explain(REFUSED))
    assert text.startswith("## The destination's KVM refused")
    assert "```\nCould not set register op0:3" in text
    assert "\n- CCIDX \\[23:20\\]\n  - source: 0x1" in text
