"""List the kernel policies, describe one, or compare two.

A kernel is a policy (6.12, 6.12.74, 6.2+mask-ccidx), the path of a TOML policy, or what `uname -rv` printed.
"""

from __future__ import annotations

import argparse
import sys

from inspector.commands.arguments import add_style
from inspector.errors import EXIT_YES, InspectorError, one_line
from inspector.policies.changes import changes
from inspector.policies.loader import load_policy, patch_title
from inspector.policies.points import patch_names, policy_names, vendor_names
from inspector.policies.release import choose
from inspector.registers import catalog
from inspector.reports import kernels as report
from inspector.reports.json import dumps
from inspector.reports.text import markdown_table


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "kernels", metavar="KERNEL", nargs="*", help="none: list all; one: describe it; two: compare them"
    )
    parser.add_argument("--register", metavar="R", help="only this register: its uncertain rules, or its changes")
    parser.add_argument("--rules", action="store_true", help="one kernel: every rule, with its reason and reference")
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print the list, the description or the differences."""
    if len(options.kernels) > 2:
        raise InspectorError("at most two kernels can be compared", "kernels", "give none, one or two")
    if options.register and not options.kernels:
        raise InspectorError("goes with a kernel", "--register", "name one or two kernels")
    if options.rules and len(options.kernels) != 1:
        raise InspectorError("goes with one kernel", "--rules", "name the kernel whose rules are asked for")
    if len(options.kernels) == 2:
        return _compare(options)
    return _describe(options) if options.kernels else _list(options)


def _list(options: argparse.Namespace) -> int:
    policies = [load_policy(name) for name in (*policy_names(), *vendor_names())]
    patches = [patch_title(name) for name in patch_names()]
    if options.json:
        answer = {
            "kernels": [report.policy_json(policy) for policy in policies],
            "patches": [{"name": name, "title": title, "evidence": evidence} for name, title, evidence in patches],
        }
        print(dumps(answer))
    elif options.markdown:
        rows = [[p.name, p.title, p.evidence, ", ".join(p.recorded)] for p in policies]
        print("\n".join(markdown_table(["policy", "title", "evidence", "recorded"], rows)))
    else:
        print("\n".join(report.policy_list_lines(policies, patches)))
    return EXIT_YES


def _describe(options: argparse.Namespace) -> int:
    choice = choose(options.kernels[0])
    register = _register(options.register)
    if options.json:
        print(dumps(report.choice_json(choice, register=register)))
    elif options.rules or register:
        print("\n".join(report.choice_lines(choice, register)))
    else:
        print("\n".join(report.brief_lines(choice)))
    return EXIT_YES


def _register(text: str | None) -> str:
    """The name of the register that the user named; empty when none was."""
    return catalog.find(text).register.name if text else ""


def _compare(options: argparse.Namespace) -> int:
    before, after = (choose(text) for text in options.kernels)
    found = changes(before.policy, after.policy)
    if name := _register(options.register):
        found = [change for change in found if change.concerns(name)]
    if options.json:
        print(dumps(report.changes_json(before.policy, after.policy, found)))
    elif options.markdown:
        print("\n".join(report.changes_markdown(before.policy, after.policy, found)))
    else:
        print("\n".join(report.changes_lines(before.policy, after.policy, found)))
    talk = [choice.text for choice in (before, after) if choice.text]
    if talk:
        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_YES
