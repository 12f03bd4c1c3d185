"""Arguments of the commands that ask what a kernel or a destination does with a vCPU, and what they stand for."""

from __future__ import annotations

import argparse
import sys
from typing import Literal, NamedTuple

from inspector import sources
from inspector.checks.machine.destination import SAME_HOST, SameHost, source_vcpus
from inspector.checks.machine.machine import asked_setup
from inspector.checks.vmms.table import VMM_NAMES, restoring_vmm
from inspector.errors import InspectorError, one_line
from inspector.policies.release import Choice, choose
from inspector.policies.setup import FEATURE_WORDS, Gic, VcpuSetup
from inspector.sources.dump import Dump, Vcpu, select_vcpus
from inspector.sources.vcpu_setup import setup_of


def add_setup(parser: argparse.ArgumentParser) -> None:
    """`--features LIST` and `--gic v3|none`."""
    parser.add_argument(
        "--features",
        metavar="LIST",
        help=f"vCPU features: {','.join(FEATURE_WORDS)}; qemu; none (default: as the dump's own vCPU)",
    )
    parser.add_argument("--gic", choices=("v3", "none"), help="in-kernel interrupt controller of the VM")


def add_vmm(parser: argparse.ArgumentParser, why: str = "whose restore rule") -> None:
    """`--vmm NAME`; `why`: what it decides."""
    default = "" if why != "whose restore rule" else " (default: as the source's format suggests)"
    help_text = f"{why}: {', '.join(VMM_NAMES)},\nor with a version: firecracker-1.12, cloud-hypervisor-41{default}"
    parser.add_argument("--vmm", metavar="VMM", help=help_text)


def given_kernel(options: argparse.Namespace) -> Choice | None:
    """The kernel that `--kernel` names, its doubts reported on standard error; None when it is not given."""
    if options.kernel is None:
        return None
    choice = choose(options.kernel)
    if choice.text:
        print(one_line(choice.text), file=sys.stderr)
    return choice


def given_setup(options: argparse.Namespace, source: Dump) -> VcpuSetup | None:
    """The setup that `--features` or `--gic` ask for, the rest as in the saved vCPU; None when neither is given."""
    if options.features is None and options.gic is None:
        return None
    family = restoring_vmm(source.provenance, options.vmm or "").family
    return asked_setup(options.features, options.gic, setup_of(source_vcpus(source)[0][0], family))


class GivenDestination(NamedTuple):
    """What the options say of a destination, in the order in which `migrate` and `fix` of the library take it."""

    kernel: str | None
    vmm: str
    features: str | None
    gic: Gic | None
    host: str
    assume: Literal["core"] | None


def given_destination(options: argparse.Namespace) -> GivenDestination:
    """Kernel, VMM, features, interrupt controller and inputs of the host, as they were given."""
    return GivenDestination(
        options.kernel, options.vmm or "", options.features, options.gic, options.host, options.assume
    )


def given_side(options: argparse.Namespace) -> Dump | SameHost:
    """The destination that DESTINATION names: a dump, or `same-host`."""
    name = options.destination
    return SAME_HOST if name == SAME_HOST else sources.load(name, options.declared)


def one_vcpu(dump: Dump, wanted: str | None = None) -> Vcpu:
    """The vCPU that a command works on: the named one, else the first. Raises InspectorError when there is none."""
    vcpus = select_vcpus(dump, [wanted] if wanted is not None else []).vcpus
    if not vcpus:
        raise InspectorError("holds no vCPU registers", dump.provenance.source, "give a dump of a vCPU")
    return vcpus[0]
