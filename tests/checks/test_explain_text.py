"""Colours, prefixes and line wraps must not change what is read from a log."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.checks.explain.clues import find_clues, find_mentions
from inspector.checks.explain.explain import explain
from inspector.checks.explain.text import read_pasted

REFUSED = """\
qemu-system-aarch64: warning: handle_cpreg_missing_in_incoming_stream: demuxed reg 602000000011000d expected by the \
destination but not in the incoming stream: skip it
kvm_failed_reg_set Warning: Unable to set ONEREG 6931039826524487702 to KVM: Invalid argument
qemu-system-aarch64: Could not set register system register op0:3 op1:0 crn:0 crm:2 op2:6 to 1021110 (is 21110)
qemu-system-aarch64: Failed to put registers after init: Invalid argument"""
LENGTHS = """\
qemu-kvm: Invalid value 269 expecting positive value <= 248
qemu-kvm: Failed to load cpu:cpreg_vmstate_array_len
qemu-kvm: error while loading state for instance 0x0 of device 'cpu'
qemu-kvm: load of migration failed: Invalid argument"""
SANITY = """\
CPU features: SANITY CHECK: Unexpected variation in SYS_ID_AA64PFR0_EL1. Boot CPU: 0x00000011112222, CPU4: \
0x00000011111112
CPU features: detected: Spectre-v4"""
IDS = "6931039826524487702 6931039826524487738\n0x603000000013c020, 603000000013c021"
TEXTS = (REFUSED, LENGTHS, SANITY, IDS)
PREFIXES = (
    "",
    "2026-11-22T10:12:33.123456Z ",
    "2026-11-22 10:12:33.123+0000: 1234: error : qemuProcessReportLogError:2051 : ",
    "Nov 22 10:12:33 host libvirtd[1234]: ",
    "[   12.345678] ",
    "<3>[   12.345678][ T1234] ",
)


def signature(text: str) -> tuple[object, object]:
    """Everything that is read from a text."""
    pasted = read_pasted(text)
    clues = [(c.message.key, c.id, c.wanted, c.actual, c.counts, c.error, c.cpu) for c in find_clues(pasted)]
    return clues, [] if clues else sorted(m.id for m in find_mentions(pasted))


def cut(text: str, width: int) -> str:
    """Hard wrap, in the middle of words too."""
    return "\n".join("\n".join(line[i : i + width] for i in range(0, len(line), width)) for line in text.split("\n"))


def fold(text: str, width: int) -> str:
    """Wrap at blanks, as mail programs do."""
    return "\n".join("\n".join(textwrap.wrap(line, width)) for line in text.split("\n"))


def colour(text: str) -> str:
    """ANSI colours around every word."""
    return " ".join(f"\x1b[1;31m{word}\x1b[0m" for word in text.split(" "))


@pytest.mark.parametrize("text", TEXTS)
def test_signature_is_not_empty(text: str) -> None:
    clues, mentions = signature(text)
    assert clues or mentions


@settings(max_examples=300, deadline=None)
@given(
    text=st.sampled_from(TEXTS),
    prefix=st.sampled_from(PREFIXES),
    wrap=st.sampled_from((cut, fold)),
    width=st.integers(40, 140),
    newline=st.sampled_from(("\n", "\r\n")),
    quote=st.sampled_from(("", "> ", ">> ", "    ")),
    coloured=st.booleans(),
)
def test_decorations_do_not_matter(
    text: str, prefix: str, wrap: Callable[[str, int], str], width: int, newline: str, quote: str, coloured: bool
) -> None:
    lines = wrap("\n".join(prefix + line for line in text.split("\n")), width).split("\n")
    if coloured:
        lines = [colour(line) for line in lines]
    assert signature(newline.join(quote + line for line in lines)) == signature(text)


@settings(max_examples=200, deadline=None)
@given(text=st.sampled_from(TEXTS[:3]), prefix=st.sampled_from(PREFIXES), width=st.integers(50, 120))
def test_a_journal_that_prefixes_every_wrapped_line(text: str, prefix: str, width: int) -> None:
    wrapped = "\n".join(prefix + line for line in cut(text, width).split("\n"))
    assert signature(wrapped) == signature(text)


def test_number_at_end_of_line_does_not_swallow_the_next_line() -> None:
    clues = find_clues(read_pasted("Invalid value 269 expecting positive value <= 248\n2026-11-22 more\n17 18\n"))
    assert [c.counts for c in clues] == [(269, 248)]


def test_number_cut_at_the_wrap_column_goes_on() -> None:
    text = "x" * 28 + " Invalid value 269 expecting positive value <= 24"
    assert len(text) in range(70, 80)
    padded = "y" * (76 - len(text)) + text
    clues = find_clues(read_pasted(f"{padded}\n8\n"))
    assert [c.counts for c in clues] == [(269, 248)]


def test_escapes_of_json_loggers_and_html_are_undone() -> None:
    want = signature(LENGTHS)
    as_json = LENGTHS.replace("<", "\\u003c").replace("\n", "\\n").replace('"', '\\"')
    assert signature('{"log":"' + as_json + '","stream":"stderr"}') == want
    assert signature(LENGTHS.replace("<", "&lt;").replace("'", "&#39;")) == want
    assert signature(LENGTHS.replace("'", "’")) == want


@given(st.text(max_size=400))
def test_any_text_is_read_without_error(text: str) -> None:
    pasted = read_pasted(text)
    find_clues(pasted)
    find_mentions(pasted)


@pytest.mark.parametrize(
    "text",
    [
        f"Invalid value {'9' * 6000} expecting positive value <= {'9' * 6000}",
        f"Unable to set ONEREG {'9' * 6000} to KVM: Invalid argument",
        f"Could not set register op0:{'3' * 6000} op1:0 crn:0 crm:0 op2:0 to {'f' * 6000} (is 1)",
        f"Could not set register op0:3 op1:0 crn:0 crm:0 op2:0 to {'f' * 6000} (is {'f' * 6000})",
        f"psci: failed to boot CPU{'1' * 6000} (-{'2' * 6000})",
        f"Failed to set register 0x603000000013c020 to value 0x{'f' * 6000}: Invalid argument",
        f"fw reg {'1' * 6000}",
        "SANITY CHECK: Unexpected variation in SYS_. Boot CPU: 0x1, CPU4: 0x",
        "Could not set register core reg ffffffffffffffff to 0 (is 1)",
        "Could not set register op0:9 op1:9 crn:99 crm:99 op2:9 to 0 (is 1)",
        "\x1b[",
        "\\n" * 1000,
    ],
)
def test_absurd_numbers_end_in_an_answer(text: str) -> None:
    explain(text)


@given(st.binary(max_size=300))
def test_excerpt_never_fails(raw: bytes) -> None:
    text = raw.decode("latin-1") + LENGTHS + raw.decode("latin-1")
    for clue in find_clues(read_pasted(text)):
        assert clue.text
