"""Say what a change to KVM does to guests and to saved VMs.

BEFORE and AFTER are each a kernel policy (6.2, 6.2+mask-ccidx, your own TOML), a recording, or a machine of the lab
(lab:6.12, lab:path/to/Image). Exit code 1 when a VM that was saved before is refused after: fit for a kernel tree's CI.
"""

from __future__ import annotations

import argparse
import sys

from inspector.checks.machine.shipped_hosts import chosen_hosts
from inspector.checks.review.review import HostReview, Review, review_host, summed_up, uncertain
from inspector.checks.review.sides import Side, is_source, kernel_side, source_side
from inspector.commands.arguments import add_style
from inspector.errors import EXIT_NO, EXIT_YES, InspectorError, one_line
from inspector.policies.release import choose
from inspector.reports import review as report
from inspector.reports.json import dumps
from inspector.sources.dump import Dump
from inspector.sources.live.laboratory import DEFAULT_CPU


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
    notes: list[str] = []
    hosts = tuple(_on_each(options, cpus, notes))
    review = Review(
        before=_title(options.before, notes), after=_title(options.after, notes), features=options.features,
        hosts=hosts, effects=summed_up(hosts), notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip
    if options.json:
        print(dumps(report.to_json(review)))
    else:
        print("\n".join(map(one_line, (report.markdown if options.markdown else report.lines)(review))))
    return EXIT_NO if review.breaks or uncertain(review) else EXIT_YES


def _title(text: str, notes: list[str]) -> str:
    if is_source(text):
        return text
    choice = choose(text)
    if choice.text:
        notes.append(choice.text)
    return f"{text}: {choice.policy.title}"


def _on_each(options: argparse.Namespace, cpus: list[str], notes: list[str]) -> list[HostReview]:
    texts = options.before, options.after
    if all(map(is_source, texts)) and not any(text.startswith("lab:") for text in texts):
        sides = [source_side(text, "", options.features) for text in texts]
        return [review_host(sides[0], sides[1], None, options.features)]
    found = []
    for cpu, host in _hosts(texts, cpus).items():
        try:
            before, after = (_side(text, cpu, host, options.features) for text in texts)
        except InspectorError as error:
            if len(cpus) == 1 or any(map(is_source, texts)):
                raise
            notes.append(f"{cpu} is left out: {error}")
            continue
        print(one_line(f"{cpu}: comparing {before.label} and {after.label}"), file=sys.stderr)
        found.append(review_host(before, after, host, options.features))
    if not found:
        raise InspectorError("no host gives such a vCPU", "review", notes[-1] if notes else "")
    return found


def _hosts(texts: tuple[str, str], cpus: list[str]) -> dict[str, Dump]:
    """The shipped hosts to compare on; with a machine of the lab the first of them, or those that were asked for."""
    hosts = chosen_hosts(cpus)
    if any(map(is_source, texts)) and not cpus:
        return {DEFAULT_CPU: hosts[DEFAULT_CPU]}
    return hosts


def _side(text: str, cpu: str, host: Dump, features: str) -> Side:
    if is_source(text):
        return source_side(text, cpu, features)
    return kernel_side(text, choose(text).policy, cpu, host, features)
