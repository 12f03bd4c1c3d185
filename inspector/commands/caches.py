"""Print the cache hierarchy that CLIDR, CCSIDR and CTR describe.

Each CCSIDR_EL1 is read in both its layouts.
"""

from __future__ import annotations

import argparse

from inspector.commands.arguments import add_declared, add_snapshot, add_style
from inspector.commands.opened import given_source
from inspector.errors import EXIT_YES, InspectorError
from inspector.registers.caches import machine_caches, read_caches
from inspector.registers.encoding import hex_id
from inspector.registers.ids import CLIDR_EL1, CTR_EL0
from inspector.reports import caches as report
from inspector.reports.json import dumps, source_json
from inspector.sources.consistency import differing_id_registers, unlike_words
from inspector.sources.dump import Vcpu, of_unlike_cpus, select_vcpus


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a dump: file, -, builtin:NAME or a live source")
    add_declared(parser)
    add_snapshot(parser)
    parser.add_argument("--vcpu", metavar="N", action="append", help="only this vCPU (index or name); may be repeated")
    add_style(parser)


def run(options: argparse.Namespace) -> int:
    """Print one section per vCPU, and one for the host's raw registers where the dump has them."""
    whole = given_source(options)
    unlike_cpus = of_unlike_cpus(whole)
    dump = select_vcpus(whole, options.vcpu or ())
    described = [
        (_title(v), v.index, machine_caches(v.values) if v.kind == "host" else read_caches(v.values))
        for v in dump.vcpus
        if v.kind != "host" or dump.host is None or unlike_cpus
    ]
    host = None
    if dump.host is not None and dump.host.view == "raw" and not unlike_cpus:
        host = read_caches(dump.host.values, dump.host.ccsidr)
    told = [*(topology for _, _, topology in described), *((host,) if host else ())]
    if not any(t.clidr is not None or t.ctr is not None or t.caches for t in told):
        raise InspectorError(
            "holds neither CLIDR_EL1, CCSIDR_EL1 nor CTR_EL0",
            options.source,
            "give a dump that has the cache registers",
        )
    differing = differing_id_registers(dump)
    unlike = {i: unlike_words(i, differing[i]) for i in (CLIDR_EL1, CTR_EL0) if i in differing}
    if options.json:
        answer = {
            "source": source_json(dump.provenance),
            "differs": [{"id": hex_id(i), "text": text} for i, text in unlike.items()],
            "vcpus": [{"index": index, **report.topology_json(topology)} for _, index, topology in described],
        }
        if host:
            answer["host"] = report.topology_json(host)
        print(dumps(answer))
        return EXIT_YES
    sections = [(f"{title} of {options.source}", topology) for title, _, topology in described]
    if host:
        sections.append((f"host registers of {options.source}", host))
    lines = report.topology_markdown if options.markdown else report.topology_lines
    parts = ["\n".join(lines(title, topology)) for title, topology in sections]
    print("\n\n".join([*parts, *unlike.values()]))
    return EXIT_YES


def _title(vcpu: Vcpu) -> str:
    """`vCPU 0 (name)`; of a machine `host`, or which of its CPUs."""
    if vcpu.kind == "host":
        return f"host registers of {vcpu.name}" if vcpu.name else "host"
    return f"vCPU {vcpu.index}" + f" ({vcpu.name})" * bool(vcpu.name) if vcpu.kind == "vcpu" else vcpu.kind
