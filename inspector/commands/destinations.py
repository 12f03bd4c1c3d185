"""Arguments of the commands that ask what a kernel or a destination does with a vCPU, and what they stand for."""

from __future__ import annotations

import argparse
import sys

from inspector import sources
from inspector.checks.machine.destination import SAME_HOST, SameHost
from inspector.checks.machine.question import Given
from inspector.checks.vmms.table import VMM_NAMES
from inspector.errors import one_line
from inspector.policies.release import Choice, choose
from inspector.policies.setup import FEATURE_WORDS
from inspector.sources.dump import Dump


def add_setup(parser: argparse.ArgumentParser) -> None:
    """`--features LIST` and `--gic v3|none`."""
    parser.add_argument(
        "--features",
        metavar="LIST",
        help=f"vCPU features, commas between: {', '.join(FEATURE_WORDS)}; or qemu, none "
        "(default: as the dump's own vCPU); also ptrauth-address and ptrauth-generic, of which KVM takes both or none",
    )
    parser.add_argument("--gic", choices=("v3", "none"), help="in-kernel interrupt controller of the VM")


def add_vmm(parser: argparse.ArgumentParser, why: str = "whose restore rule") -> None:
    """`--vmm NAME`; `why`: what it decides."""
    default = "" if why != "whose restore rule" else " (default: as the source's format suggests)"
    help_text = f"{why}: {', '.join(VMM_NAMES)}, or with a version: firecracker-1.12, cloud-hypervisor-41{default}"
    parser.add_argument("--vmm", metavar="VMM", help=help_text)


def given_kernel(options: argparse.Namespace) -> Choice | None:
    """The kernel that `--kernel` names, its doubts reported on standard error; None when it is not given."""
    if options.kernel is None:
        return None
    choice = choose(options.kernel)
    if choice.text:
        print(one_line(choice.text), file=sys.stderr)
    return choice


def given_of(options: argparse.Namespace) -> Given:
    """What the options say of a machine or a destination; a command has some of these options."""
    named = {name: getattr(options, name, None) for name in Given.__struct_fields__}
    return Given(**{name: value for name, value in named.items() if value is not None})


def given_side(options: argparse.Namespace) -> Dump | SameHost:
    """The destination that DESTINATION names: a dump, or `same-host`."""
    name = options.destination
    return SAME_HOST if name == SAME_HOST else sources.load(name, options.declared)
