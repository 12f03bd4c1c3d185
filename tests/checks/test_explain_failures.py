"""The rows of failure_rows/*.toml: each is looked for wherever its line can stand, and says what it can."""

from __future__ import annotations

import string
from itertools import islice
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

from inspector.checks.explain.explain import explain
from inspector.checks.explain.failures import compiled, rows
from tests.pattern_forms import forms

_FORMS = 2000
"""Forms of one line that are tried"""


@pytest.mark.parametrize("key", rows())
def test_a_row_is_looked_for_in_every_form_of_its_line(key: str) -> None:
    row = rows()[key]
    texts = [text for text in islice(forms(parser.parse(row.pattern)), _FORMS) if compiled(row).search(text)]
    assert texts
    missed = [text for text in texts if not any(part in text.lower() for part in row.anchors)]
    assert not missed[:3]


@pytest.mark.parametrize("key", rows())
def test_what_a_row_says_is_named_by_its_line(key: str) -> None:
    row = rows()[key]
    named = {name for text in (row.says, *row.do) for _, name, _, _ in string.Formatter().parse(text) if name}
    assert named <= set(compiled(row).groupindex)
    assert not [step for step in row.do if step.startswith("=")]


@pytest.mark.parametrize(
    "behind",
    [
        "", "\nqemu-system-aarch64: exiting", "\nanother line", "\nEbeef a line", "\n12 lines follow",
        '"}', '", "time": "2026-11-26T18:00:07Z"}', '","pid":12}\n{"msg":"ok"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("qemu-system-aarch64: Missing section footer for 0000:00:01.0/virtio-net", "0000:00:01.0/virtio-net has"),
        ("Could not access KVM kernel module: Permission denied", "(Permission denied)"),
        ("Could not access KVM kernel module: Something else", "(Something else)"),
        ("Features 0x1c0010130afffaf unsupported. Allowed features: 0x10179bfffe", "does not offer"),
        ("Size mismatch: a.ram: 0x4000 != 0x8000", "in the stream, 0x8000 here"),
        ("error: kvm run failed Bad address", "(Bad address)"),
        # Cloud Hypervisor issue 4510, Vitastor issue 132 and UTM issue 1221
        ("Restore(Could not create devices AllocateBars(MissingResource)", "(BARs, MissingResource)"),
        ("kvm: check_section_footer: Read section footer failed: -5", "(error 5)"),
        ("VCPU supports less PA bits (36) than requested by the memory map (40)", "needs 40 bits"),
        ("qemu-system-aarch64: invalid accelerator kvm", "accelerator kvm:"),
        ("Invalid CPU model: cortex-a53", "CPU model cortex-a53 is"),
        ("can't migrate VM which uses local devices: hostpci0, usb0", "(hostpci0, usb0)"),
        (
            "load of migration failed: Input/output error: Failed to load vmstate version_id: 4, ret: -5",
            "ended too early",
        ),
    ],
)
def test_what_a_line_names_ends_with_the_line(line: str, named: str, behind: str) -> None:
    """The text is searched without its line ends; a JSON log goes on behind the string that holds the line."""
    assert named in explain(line + behind).headline


def test_a_number_that_goes_on_is_another_one() -> None:
    assert "ended too early" not in explain("Failed to load vmstate version_id: 4, ret: -52").headline


@pytest.mark.parametrize(
    "line",
    [
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [swapper/1:0]",
        "rcu: INFO: rcu_preempt self-detected stall on CPU",
        "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
    ],
)
def test_a_guest_that_hangs_after_a_migration_is_led_to_its_timers(line: str) -> None:
    """No firmer than the line: an overloaded host prints the same."""
    told = explain(f"[   61.5] {line}")
    assert "the text does not say which" in told.headline
    assert any("--group timer" in step for step in told.next_steps)


def test_a_number_ends_with_its_line_though_that_is_as_wide_as_texts_are_wrapped() -> None:
    """68 letters, by chance; a list that follows begins with a number."""
    text = "Error booting VM: Maximum number of vCPUs 300 exceeds host limit 256"
    assert explain(f"{text}\n12 lines follow").headline == explain(text).headline
