"""Say what a change to KVM does to guests and to saved VMs.

BEFORE and AFTER are each a kernel policy (6.2, 6.2+mask-ccidx, your own TOML), a recording, or a machine of the lab
(lab:6.12, lab:path/to/Image). Exit code 1 when a VM that was saved before is refused after: fit for a kernel tree's CI.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from inspector.checks.machine.shipped_hosts import chosen_hosts
from inspector.checks.review.result import HostReview
from inspector.checks.review.review import review_host, whole
from inspector.checks.review.sides import Side, is_source, kernel_side, source_side
from inspector.commands.arguments import add_style
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.policies.release import Choice, choose
from inspector.reports import review as report
from inspector.reports.json import dumps
from inspector.reports.outline import outline_markdown, outline_text
from inspector.sources.dump import Dump
from inspector.sources.live.laboratory import DEFAULT_CPU, PREFIX


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("before", metavar="BEFORE", help="the kernel without the change")
    parser.add_argument("after", metavar="AFTER", help="the kernel with it")
    parser.add_argument("--cpu", metavar="LIST", default="", help="CPU models, comma-separated (default: all shipped)")
    parser.add_argument(
        "--features", metavar="LIST", default="qemu", help="vCPU features: a list, none, all, or qemu (the default)"
    )
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the review; 1 when a restore breaks or hangs on what is not known."""
    cpus = [name for name in options.cpu.split(",") if name]
    texts = options.before, options.after
    choices = {text: choose(text) for text in texts if not is_source(text)}
    notes: list[str] = []
    hosts = tuple(_on_each(texts, choices, cpus, options.features, notes))
    titles = _title(texts[0], choices), _title(texts[1], choices)
    review = whole(titles, tuple(choices.values()), options.features, hosts, notes)
    if options.json:
        print(dumps(report.to_json(review)))
    else:
        lines = report.review_outline(review)
        print(outline_markdown(lines).rstrip() if options.markdown else outline_text(lines))
    return EXIT_NO if review.breaks or review.uncertain else EXIT_YES


def _title(text: str, choices: dict[str, Choice]) -> str:
    """What a side is, and who answers for it."""
    if text.startswith(PREFIX):
        return f"{text}: the real kernel answers"
    choice = choices.get(text)
    if choice is None:
        return f"{text}: values as recorded, writes by the model"
    return f"{text}: the model of {choice.policy.title}"


def _on_each(
    texts: tuple[str, str], choices: dict[str, Choice], cpus: list[str], features: str, notes: list[str]
) -> Iterator[HostReview]:
    if not choices and not any(text.startswith(PREFIX) for text in texts):
        before, after = (source_side(text, "", features) for text in texts)
        yield review_host(before, after, None, features)
        return
    for cpu, host in _hosts(texts, choices, cpus).items():
        try:
            before, after = (_side(text, choices.get(text), cpu, host, features) for text in texts)
        except InspectorError as error:
            if len(cpus) == 1 or len(choices) < len(set(texts)):
                raise
            notes.append(f"{cpu} is left out: {error}")
            continue
        print(one_line(f"{cpu}: comparing {before.label} and {after.label}"), file=sys.stderr)
        yield review_host(before, after, host, features)


def _hosts(texts: tuple[str, str], choices: dict[str, Choice], cpus: list[str]) -> dict[str, Dump]:
    """The shipped hosts to compare on; with a machine of the lab the first of them, or those that were asked for."""
    hosts = chosen_hosts(cpus)
    if len(choices) < len(set(texts)) and not cpus:
        return {DEFAULT_CPU: hosts[DEFAULT_CPU]}
    return hosts


def _side(text: str, choice: Choice | None, cpu: str, host: Dump, features: str) -> Side:
    if choice is None:
        return source_side(text, cpu, features)
    return kernel_side(text, choice.policy, cpu, host, features, choice.candidates)
