"""Show what KVM of a kernel would expose on a host.

The host is the one that SOURCE describes; the rule that changes a field is named. SOURCE with a host's raw registers
gives full answers. From a vCPU's dump, what its kernel hid is unknown: shown as ?.
"""

from __future__ import annotations

import argparse
import sys

from inspector.checks.machine.booted import as_booted
from inspector.checks.machine.machine import machine
from inspector.checks.vmms.table import find_vmm
from inspector.commands.arguments import (
    add_declared,
    add_host_inputs,
    add_kernel,
    add_secrets,
    add_snapshot,
    add_style,
    add_why,
)
from inspector.commands.destinations import add_setup, add_vmm, given_of
from inspector.commands.opened import given_source
from inspector.errors import EXIT_NO, EXIT_YES, one_line
from inspector.kvm.cores import hints
from inspector.kvm.host_inputs import facts
from inspector.reports import exposure as report
from inspector.reports.host_facts import facts_json, facts_lines
from inspector.reports.json import dumps
from inspector.sources.dump import vcpu_named
from inspector.sources.withheld import withhold


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    add_snapshot(parser)
    parser.add_argument("registers", metavar="REGISTER", nargs="*", default=[], help="only these registers")
    add_kernel(parser)
    add_setup(parser)
    add_vmm(parser, "what this VMM writes itself before the guest starts as well (Firecracker: CLIDR_EL1)")
    add_host_inputs(parser)
    parser.add_argument("--vcpu", metavar="N", help="the vCPU that shows features and host (index or name)")
    add_why(parser)
    parser.add_argument("--all", action="store_true", help="print unchanged fields and registers too")
    add_secrets(parser)
    add_style(parser, markdown=False)


def run(options: argparse.Namespace) -> int:
    """Print what changes between host and vCPU."""
    given = given_source(options)
    dump = given if options.secrets else withhold(given)
    # Of a saved vCPU no value is told here, so that only what a machine's own registers lost is worth a note.
    lost = dump.notes[len(given.notes) :] if dump.host != given.host else ()
    found = machine(dump, given_of(options), vcpu_named(dump, options.vcpu))
    exposure, policy = found.exposure, found.policy
    booted = as_booted(found.shown(*options.registers), found, dump, find_vmm(options.vmm or "qemu"))
    registers = booted.registers
    known = facts(exposure, [one.id for one in registers] if options.registers else None)
    asked = [one.id for one in registers] if options.registers else ()
    talk = (*found.notes, *booted.notes, *lost, *(() if options.assume else hints(found.host, asked)))
    if options.json:
        taken = {"vmm": options.vmm or "", "notes": list(map(one_line, talk)), **facts_json(known)}
        print(dumps(report.exposure_json(exposure, registers, found.lists) | taken))
    else:
        if doubt := report.exposure_doubt(exposure):
            print(one_line(f"? uncertain: {doubt}"))
        head = (
            f"{found.label} under {found.question.title} ({policy.evidence}); vCPU features: {found.setup.describe()}"
        )
        print(one_line(f"{head}; vGIC: {found.setup.gic}; {len(exposure.listed)} registers listed"))
        if not options.registers:
            print(report.exposure_summary(registers, options.all))
        print()
        print("\n".join(report.exposure_lines(registers, options.all or bool(options.registers))))
        if options.why:
            print("\n".join(["", *facts_lines(known)]))
    if talk:
        print("\n".join(map(one_line, talk)), file=sys.stderr)
    return EXIT_NO if any(one.cases for one in registers) else EXIT_YES
