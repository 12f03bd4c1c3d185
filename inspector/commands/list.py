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


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_style(parser, markdown=False)


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
            f"Linux {dump.provenance.kernel}",
            f"{len(dump.vcpus)} vCPU" + "s" * (len(dump.vcpus) != 1),
            f"{max((len(v.values) for v in dump.vcpus), default=0)} registers",
            "host registers" if dump.host else "",
        ]
        for name, dump in loaded.items()
    ]
    print("\n".join(columns(rows)))
    return EXIT_YES
