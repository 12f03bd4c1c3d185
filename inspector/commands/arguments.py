"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.policies.setup import Gic, VcpuSetup
    from inspector.sources.dump import Dump, Vcpu


def add_style(parser: argparse.ArgumentParser, markdown: bool = True) -> None:
    """`--json` and, unless told otherwise, `--markdown`: at most one of them."""
    style = parser.add_mutually_exclusive_group()
    style.add_argument("--json", action="store_true", help="print JSON")
    if markdown:
        style.add_argument("--markdown", action="store_true", help="print Markdown, for a bug report")


def add_declared(parser: argparse.ArgumentParser) -> None:
    """`--as VIEW`: whose values a text holds, for texts that do not say it."""
    parser.add_argument(
        "--as",
        dest="declared",
        choices=("host", "el0", "vcpu", "guest"),
        help="whose values a pasted text holds: a host's raw ones, what a process of a host reads (el0), a vCPU's,\n"
        "or what a guest reads; default: as a header line of the text says, else inferred",
    )


def add_kernel(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """`--kernel K`: a policy name, a release string, a path to a policy of the user's own, `+patch` behind any."""
    parser.add_argument(
        "--kernel",
        metavar="K",
        required=required,
        help="a policy (6.12, 6.2+mask-ccidx), a release string (uname -r), or the path of a TOML policy",
    )


def add_host_inputs(parser: argparse.ArgumentParser) -> None:
    """`--host LIST`: what no register tells of the host; inferred where it is not given."""
    parser.add_argument(
        "--host",
        metavar="LIST",
        default="",
        help="what registers do not tell, else inferred: spectre-v2=unaffected|mitigated|vulnerable,\n"
        "meltdown=unaffected|affected, ssb=..., bhb=..., vgic=v2|v3|v5|none, page-size=4k|16k|64k",
    )


def add_setup(parser: argparse.ArgumentParser) -> None:
    """`--features LIST` and `--gic v3|none`."""
    parser.add_argument(
        "--features",
        metavar="LIST",
        help="vCPU features: psci,pmu,sve,ptrauth,el1_32bit,mte,el2,el2-e2h0,imp-id; qemu; none",
    )
    parser.add_argument("--gic", choices=("v3", "none"), help="in-kernel interrupt controller of the VM")


def chosen_setup(options: argparse.Namespace, default: VcpuSetup | None) -> VcpuSetup:
    """The vCPU setup that `--features` and `--gic` name; what they leave open comes from `default`, else QEMU's."""
    import msgspec

    from inspector.policies.setup import QEMU_SETUP, parse_features

    base = default or QEMU_SETUP
    gic: Gic = options.gic or base.gic
    if options.features is None:
        return msgspec.structs.replace(base, gic=gic)
    return parse_features(options.features, gic=gic)


def one_vcpu(dump: Dump, wanted: str | None = None) -> Vcpu:
    """The vCPU that a command works on: the named one, else the first. Raises InspectorError when there is none."""
    from inspector.sources.dump import select_vcpus

    vcpus = select_vcpus(dump, [wanted] if wanted is not None else []).vcpus
    if not vcpus:
        raise InspectorError("holds no vCPU registers", dump.provenance.source, "give a dump of a vCPU")
    return vcpus[0]
