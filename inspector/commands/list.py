"""List the dumps that ship with the program.

Any of them opens as builtin:NAME.
"""

from __future__ import annotations

import argparse

from inspector import sources
from inspector.commands.arguments import add_style
from inspector.errors import EXIT_YES
from inspector.reports.json import dumps, source_json
from inspector.reports.text import columns
from inspector.sources.dump import Dump


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_style(parser, markdown=False)


def _host_words(dump: Dump) -> str:
    """What is there of the host: its registers, or where a few are all, how many."""
    if dump.host is None or dump.vcpus:
        return "host registers" if dump.host else ""
    return f"{len(dump.host.values)} host registers, {len(dump.host.ccsidr)} caches"


def run(options: argparse.Namespace) -> int:
    """Print one line per dump."""
    loaded = {name: sources.load(f"builtin:{name}") for name in sources.shipped_names()}
    if options.json:
        print(
            dumps(
                [
                    {
                        "name": f"builtin:{name}",
                        **source_json(dump.provenance),
                        "vcpus": len(dump.vcpus),
                        "registers": max((len(v.values) for v in dump.vcpus), default=0),
                    }
                    for name, dump in loaded.items()
                ]
            )
        )
        return EXIT_YES
    rows = [
        [
            f"builtin:{name}",
            dump.provenance.host.shown,
            f"Linux {dump.provenance.kernel}" if dump.provenance.kernel else "no kernel",
            f"{len(dump.vcpus) or 'no'} vCPU" + "s" * (len(dump.vcpus) > 1),
            f"{max(len(v.values) for v in dump.vcpus)} registers" if dump.vcpus else "",
            _host_words(dump),
        ]
        for name, dump in loaded.items()
    ]
    print("\n".join(columns(rows)))
    return EXIT_YES
